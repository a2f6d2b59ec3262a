"""The instance types that ``mapping.yaml`` gives to VMs (``instance_types``) -> spec.instancetype.

KubeVirt's admission refuses a VM with an instance type that says its CPUs, its memory or what it
asks of a node by itself: ``Processor`` and ``Memory`` ask here, and leave it out.
"""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import PlacedVm
from mtv.knowledge.instance_types import KnownType, instance_type
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.quantities import size
from mtv.translate.part import Manifest, VmPart
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.vm.groups import about
from mtv.translate.vm.sizes import vcpus_of

KIND = "VirtualMachineClusterInstancetype"
ROW = "instance-type"


class ChosenTypes:
    """The instance types of a site's VMs."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lines = {
            key: known
            for key, name in site.mapping.instance_types.items()
            if name is not None and (known := instance_type(name, site.target)) is not None
        }
        self._types = dict[str, KnownType | None]()

    manifests: tuple[Manifest, ...] = ()

    def of_vm(self, placed: PlacedVm) -> KnownType | None:
        """The type of a VM; None for one that keeps its own size."""
        if not self._lines:
            return None
        if placed.ref not in self._types:
            key = self._site.namespaces.innermost(placed, self._lines)
            self._types[placed.ref] = None if key is None else self._lines[key]
        return self._types[placed.ref]

    def of(self, placed: PlacedVm) -> VmPart:
        """``spec.instancetype``."""
        known = self.of_vm(placed)
        if known is None:
            return VmPart()
        return VmPart(vm_spec={"instancetype": {"kind": KIND, "name": known.name}})

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Lines that are wrong, and what VMs with a type lose or get."""
        return (*self._wrong_lines(), *self._of_types())

    def _wrong_lines(self) -> Iterator[Finding]:
        for key, name in self._site.mapping.instance_types.items():
            if key not in self._site.estate.refs:
                says = "the estate has no such object"
                yield _line(key, says, "take the line out, or write the ref of a VM or its folder")
            elif name is not None and key not in self._lines:
                yield _line(
                    key,
                    f"{name!r} is no instance type that mtv knows: its VMs keep their own sizes",
                    "write one of OpenShift Virtualization such as u1.large, or write its name, "
                    "cpus and memory into instance_types of target.yaml",
                )

    def _of_types(self) -> Iterator[Finding]:
        vms = dict[str, list[PlacedVm]]()
        types = dict[str, KnownType]()
        for placed in self._site.vms:
            known = self.of_vm(placed)
            if known is not None:
                types[known.name] = known
                vms.setdefault(known.name, []).append(placed)
        for name, of_it in sorted(vms.items()):
            yield from self._of_type(types[name], of_it)

    def _of_type(self, known: KnownType, vms: list[PlacedVm]) -> Iterator[Finding]:
        has = _sized(known.cpus, known.memory_bytes)
        yield from about(
            vms,
            row=ROW,
            category=Category.INFORMATION,
            says=f"the instance type {known.name} ({has}{f', {known.gives}' if known.gives else ''}"
            ") takes the place of its own CPUs, memory, pinning, NUMA nodes, huge pages, "
            "reservations, limits and hot-plug",
            remedy="nothing, or take the line out of instance_types in mapping.yaml: then it keeps "
            "what it has",
        )
        smaller = [
            f"{placed.vm.name} ({_sized(vcpus_of(placed.vm), placed.vm.memory_bytes)})"
            for placed in vms
            if known.cpus < vcpus_of(placed.vm) or known.memory_bytes < placed.vm.memory_bytes
        ]
        if smaller:
            yield Finding(
                row=ROW,
                category=Category.WARNING,
                ref="",
                name=known.name,
                says=f"VMs get fewer CPUs or less memory from the instance type {known.name} "
                f"({has}) than they have: {first_of(smaller)}",
                remedy="choose a larger one in mapping.yaml: instance_types, or see that their "
                "software does with it",
            )


def _sized(cpus: int, memory_bytes: int) -> str:
    """``2 CPUs, 8.0 GiB``."""
    return f"{cpus} CPU{'s' * (cpus != 1)}, {size(max(memory_bytes, 0))}"


def _line(key: str, says: str, remedy: str) -> Finding:
    return Finding(
        row=ROW,
        category=Category.BLOCKER,
        ref=key,
        name=key,
        says=f"mapping.yaml: instance_types: {key}: {says}",
        remedy=remedy,
    )
