"""CPU models, and which of them stands for a source's baseline (``mappings/cpu-models.yaml``)."""

import re
from collections.abc import Iterable
from functools import cache

import msgspec

from mtv.mappings import read_yaml

HOST_MODEL = "host-model"
"""The nearest model to the CPU of the node that a VM starts on."""
HOST_PASSTHROUGH = "host-passthrough"
"""The CPU of the node as it is."""


class CpuModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that libvirt knows."""

    name: str
    vendor: str
    level: int
    """Orders the generations of one vendor."""
    obsolete: bool = False
    """OpenShift Virtualization puts no label for it on any node."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An EVC mode or cluster CPU type."""

    names: tuple[str, ...]
    """The sources' words for it; a trailing ``*`` stands for any rest."""
    models: tuple[str, ...]
    """The models that stand for it, the best first."""


class CpuTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mappings/cpu-models.yaml``."""

    models: tuple[CpuModel, ...]
    baselines: tuple[Baseline, ...]


@cache
def cpu_table() -> CpuTable:
    """The whole table."""
    return msgspec.convert(read_yaml("cpu-models.yaml"), CpuTable)


@cache
def cpu_model(name: str) -> CpuModel | None:
    """The model of that name, or the one that it is a version of (``EPYC-v2``)."""
    plain = re.sub(r"-v\d+\Z", "", name)
    return next((each for each in cpu_table().models if each.name == plain), None)


@cache
def models_of(baseline: str) -> tuple[str, ...]:
    """The models that stand for an EVC mode or cluster CPU type, the best first."""
    wanted = baseline.lower().removeprefix("secure ")
    for each in cpu_table().baselines:
        for pattern in map(str.lower, each.names):
            if wanted == pattern or (pattern.endswith("*") and wanted.startswith(pattern[:-1])):
                return each.models
    return ()


def highest_below(models: Iterable[str], limit: CpuModel) -> str | None:
    """Of some models, the newest that is older than another one of the same vendor."""
    there = set(models)
    older = [
        each
        for each in cpu_table().models
        if each.name in there and each.vendor == limit.vendor and each.level < limit.level
    ]
    # Of one generation the first: that without TSX.
    return max(older, key=lambda each: each.level).name if older else None
