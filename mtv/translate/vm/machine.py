"""The machine: q35 instead of the source's chipset; queues and I/O threads of its devices (RHV)."""

from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.knowledge.machines import Machine as Kind
from mtv.knowledge.machines import machine_kind
from mtv.model.finding import Finding
from mtv.model.vm import Vm
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site
from mtv.translate.templates.chosen_types import ChosenTypes
from mtv.translate.vm.groups import about

TYPE = "q35"
"""The only x86 machine of OpenShift Virtualization; its version is the target's newest."""


class Machine:
    """The machines of a site's VMs."""

    def __init__(self, site: Site, types: ChosenTypes) -> None:
        self._site = site
        self._types = types

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """Type of the machine, queues and threads."""
        vm = placed.vm
        domain: dict[str, Any] = {"machine": {"type": TYPE}}
        devices = queues(vm)
        if devices:
            domain["devices"] = devices
        policy = io_threads_policy(vm)
        known = self._types.of_vm(placed)
        if policy is not None and not (known is not None and known.sets_io_threads):
            domain["ioThreadsPolicy"] = policy
        return VmPart(domain=domain)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What changes for guests, by the machine they had."""
        kinds = dict[str, tuple[Kind, list[PlacedVm]]]()
        for placed in self._site.vms:
            kind = machine_kind(placed.vm.machine or "")
            if kind is not None:
                kinds.setdefault(kind.name, (kind, []))[1].append(placed)
        return tuple(
            finding
            for kind, vms in kinds.values()
            for finding in about(
                vms,
                row="vm.machine",
                category=kind.category,
                says=f"{kind.says} (it had {kind.name})",
                remedy=kind.remedy,
            )
        )


def queues(vm: Vm) -> dict[str, Any]:
    """Fields of ``devices``: a queue for each virtual CPU, of paravirtual NICs and disks."""
    made = dict[str, Any]()
    if vm.multi_queues:
        made["networkInterfaceMultiqueue"] = True
    # RHV: a number of queues, or -1 for as many as it thinks right.
    if vm.virtio_scsi_queues:
        made["blockMultiQueue"] = True
    return made


def io_threads_policy(vm: Vm) -> str | None:
    """Threads of QEMU that serve disks: one for all of them, or several that share them out."""
    if not vm.io_threads or vm.io_threads < 1:
        return None
    return "shared" if vm.io_threads == 1 else "auto"
