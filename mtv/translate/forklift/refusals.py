"""VMs that Forklift refuses: one critical concern about a VM keeps a whole Plan from starting."""

from collections.abc import Callable

import msgspec

from mtv.estate import PlacedVm
from mtv.model.vm import Backing, Power, Vm

MIB = 1024 * 1024

FREE = {"/": 100, "/boot": 50, "c:": 100, "c:\\": 100, "c:/": 100}
FREE_ELSEWHERE = 10
"""MiB that a guest's file systems need free for the conversion."""


class Refusal(msgspec.Struct, frozen=True):
    """Why a VM is refused: a sentence's end, and what to do."""

    product: str
    is_one: Callable[[Vm], bool]
    says: str
    remedy: str


def _short_of_room(vm: Vm) -> bool:
    return any(
        each.free_bytes is not None
        and each.free_bytes < FREE.get(each.path.lower(), FREE_ELSEWHERE) * MIB
        for each in (vm.guest.file_systems if vm.guest is not None else ())
    )


REFUSALS = (
    Refusal(
        "vsphere",
        lambda vm: any(device.class_ == "VirtualPCIPassthrough" for device in vm.devices),
        "has a PCI device of its host, which Forklift refuses",
        "take the device out of the VM, or move it with mtv cutover",
    ),
    Refusal(
        "vsphere",
        lambda vm: any(disk.datastore is None for disk in vm.disks),
        "has a disk in no datastore, which Forklift refuses",
        "look at the VM's disks at the source, then: mtv collect",
    ),
    Refusal(
        "vsphere",
        lambda vm: vm.power is Power.ON and vm.tools_running is False,
        "is on without running VMware Tools, which Forklift refuses",
        "start the tools or shut the VM down, then: mtv collect",
    ),
    Refusal(
        "vsphere",
        _short_of_room,
        "has a file system without the room that a conversion needs (100 MiB on / and C:, 50 on "
        "/boot, 10 elsewhere), which Forklift refuses",
        "make room in the guest, then: mtv collect",
    ),
    Refusal(
        "rhv",
        lambda vm: any(disk.status in ("illegal", "locked") for disk in vm.disks),
        "has a disk that is illegal or locked, which Forklift refuses",
        "wait for its task or mend it at the engine, then: mtv collect",
    ),
    Refusal(
        "rhv",
        lambda vm: any(disk.backing is Backing.MANAGED for disk in vm.disks),
        "has a disk on managed block storage, which Forklift refuses",
        "move the disk to another storage domain, or the VM with mtv cutover",
    ),
    Refusal(
        "",
        lambda vm: any(disk.capacity_bytes <= 0 for disk in vm.disks),
        "has a disk without a size, which Forklift refuses",
        "look at the VM's disks at the source, then: mtv collect",
    ),
)
"""What can be seen in an inventory of it; an empty product stands for all."""


def refusal(placed: PlacedVm) -> Refusal | None:
    """The first reason why Forklift would refuse a VM; None where none is known."""
    for each in REFUSALS:
        if each.product in ("", placed.inventory.product) and each.is_one(placed.vm):
            return each
    return None
