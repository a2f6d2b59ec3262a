"""The CPU model and features that a VM has for itself, instead of those of its cluster (RHV)."""

import re
from collections.abc import Iterator

import msgspec

from mtv.knowledge.cpu_models import HOST_MODEL, HOST_PASSTHROUGH, cpu_model
from mtv.model.target import Target
from mtv.model.vm import Vm

MODES = {"host_passthrough": HOST_PASSTHROUGH, "host_model": HOST_MODEL}
"""RHV's modes -> KubeVirt's models."""

POLICIES = {"+": "require", "-": "disable"}
"""Signs of a feature -> its policy in KubeVirt."""

_FLAG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\Z")
"""A feature becomes part of a node's label."""


class OwnCpu(msgspec.Struct, frozen=True, kw_only=True):
    """What a VM says of its CPU by itself."""

    model: str | None = None
    """Goes into ``cpu.model``; None: that of its cluster."""
    features: tuple[tuple[str, str], ...] = ()
    """Name and policy."""
    problem: str = ""
    """Why something of it was left out."""


NONE = OwnCpu()


def own_cpu(vm: Vm, target: Target) -> OwnCpu:
    """What a VM says of its CPU. RHV: ``Skylake-Server,+pcid,-hle``."""
    if vm.cpu_mode in MODES:
        return OwnCpu(model=MODES[vm.cpu_mode])
    if not vm.cpu_model:
        return NONE
    name, *signed = (part.strip() for part in vm.cpu_model.split(","))
    problem = _problem(name, target)
    if problem:
        return OwnCpu(problem=problem)
    features = tuple(_features(signed))
    strange = len(features) < len([each for each in signed if each])
    return OwnCpu(
        model=name,
        features=features,
        problem=f"of its CPU model {vm.cpu_model!r} some features are no names" if strange else "",
    )


def _problem(name: str, target: Target) -> str:
    known = cpu_model(name)
    if known is None:
        return f"its own CPU model {name!r} is no x86 model"
    if known.obsolete:
        return f"no node has a label for its own CPU model {name}, which counts as obsolete"
    listed = [node for node in target.nodes if node.cpu_models]
    if listed and not any(name in node.cpu_models for node in listed):
        return f"no node of target.yaml offers its own CPU model {name}"
    return ""


def _features(signed: list[str]) -> Iterator[tuple[str, str]]:
    seen = set[str]()
    for each in signed:
        policy, name = POLICIES.get(each[:1]), each[1:]
        if policy is not None and _FLAG.match(name) and name not in seen:
            seen.add(name)
            yield name, policy
