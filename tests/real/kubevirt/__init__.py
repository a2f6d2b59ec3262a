"""The admission of KubeVirt itself: what virt-api refuses, version by version, without a cluster.

``main.go`` is what runs; ``versions.txt`` says which KubeVirt stands for which OpenShift: the one
nearest to the product's among those that the Go module proxy has. setup/kubevirt.sh builds them.
"""

import copy
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from tests.real.cache import cache_directory, digest_of_files
from tests.real.parts import PartMissing, require

_HERE = Path(__file__).parent

GATES = (
    "CPUManager",
    "Snapshot",
    "HotplugVolumes",
    "ExpandDisks",
    "HostDevices",
    "VMExport",
    "KubevirtSeccompProfile",
    "VMPersistentState",
    "WithHostModelCPU",
    "HypervStrictCheck",
)
"""Feature gates that the HyperConverged operator opens by itself on OpenShift. Later versions do
not know some of them any more, which harms nothing."""

OF_HYPER_CONVERGED = {"persistentReservation": "PersistentReservation"}
"""Fields of ``featureGates`` of a HyperConverged -> gates that they open."""


class _Answer(msgspec.Struct, frozen=True):
    causes: tuple[str, ...] | None


class Admission:
    """virt-api's answers of one version. A context manager: the program runs until its end."""

    def __init__(self, openshift: str, gates: Iterable[str] = GATES) -> None:
        """Raises PartMissing when setup/kubevirt.sh has not built it."""
        self._process = subprocess.Popen(
            [program(openshift), *gates],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def causes(self, manifest: dict[str, Any]) -> tuple[str, ...]:
        """Why it refuses a VirtualMachine, or its instance when it starts; empty: it takes it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(_sized(manifest)) + b"\n")
        self._process.stdin.flush()
        answer = msgspec.json.decode(self._process.stdout.readline(), type=_Answer)
        return answer.causes or ()

    def __enter__(self) -> "Admission":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def _sized(manifest: dict[str, Any]) -> dict[str, Any]:
    """The VirtualMachine with some size, where an instance type gives it one: the program has no
    cluster in which it could look the type up."""
    if "instancetype" not in manifest.get("spec", {}):
        return manifest
    sized: dict[str, Any] = copy.deepcopy(manifest)
    sized["spec"]["template"]["spec"]["domain"].setdefault("memory", {}).setdefault("guest", "4Gi")
    return sized


@cache
def admission(openshift: str, gates: tuple[str, ...] = GATES) -> Admission:
    """One for a whole run of tests; it ends with the tests, when its input does."""
    return Admission(openshift, gates)


def refusals(openshift: str, manifests: Iterable[dict[str, Any]]) -> list[str]:
    """What virt-api refuses of a set of manifests, with the gates that its HyperConverged opens."""
    every = list(manifests)
    asked = admission(openshift, (*GATES, *_opened(every)))
    return [
        f"{each['metadata']['name']}: {cause}"
        for each in every
        if each["kind"] == "VirtualMachine"
        for cause in asked.causes(each)
    ]


def _opened(manifests: Iterable[dict[str, Any]]) -> Iterator[str]:
    for each in manifests:
        if each["kind"] == "HyperConverged":
            gates = each["spec"].get("featureGates", {})
            yield from (gate for field, gate in OF_HYPER_CONVERGED.items() if gates.get(field))


def program(openshift: str) -> Path:
    """The built program. Raises PartMissing."""
    sources = (_HERE / name for name in ("main.go", "go.sum", "versions.txt"))
    file = cache_directory() / f"kubevirt-{digest_of_files(sources)}" / openshift
    if not file.is_file():
        raise PartMissing("KubeVirt's admission", "run setup/kubevirt.sh")
    return file


def require_admission() -> None:
    """Skip the running test or module when it is not built here, and fail it in CI."""
    try:
        for line in (_HERE / "versions.txt").read_text(encoding="utf-8").splitlines():
            program(line.split()[0])
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
