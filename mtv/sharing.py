"""Disks that several VMs write to, and which VMs those are."""

from collections.abc import Iterable

from mtv.estate import PlacedVm
from mtv.model.vm import Backing, Disk

SHARED_BUSES = ("physicalSharing", "virtualSharing")
"""Sharing of a SCSI controller: the VMs of a cluster, on several hosts or on one."""

Sharer = tuple[PlacedVm, Disk]


def is_lun(disk: Disk) -> bool:
    """True for a LUN that the guest itself sees: it stays on the array and gets no class."""
    return disk.backing in (Backing.LUN, Backing.RDM_PHYSICAL)


def is_shared(disk: Disk) -> bool:
    """True for a disk that several VMs may write to."""
    return not is_lun(disk) and (disk.shared or disk.bus_sharing in SHARED_BUSES)


def sharers(vms: Iterable[PlacedVm]) -> dict[tuple[str, str], tuple[Sharer, ...]]:
    """(Ref of a VM, key of a shared disk) -> every VM that has it, the first one owning it.

    In the order of their refs; a shared disk that only one VM has is in it, too.
    """
    alike = dict[tuple[str, str], list[Sharer]]()
    for placed in vms:
        for disk in placed.vm.disks:
            if is_shared(disk):
                home = disk.logical_unit or disk.path or disk.key
                alike.setdefault((placed.inventory.source, home), []).append((placed, disk))
    found = dict[tuple[str, str], tuple[Sharer, ...]]()
    for members in alike.values():
        members.sort(key=lambda each: (each[0].ref, each[1].key))
        # One tuple for all: who asks for two of its disks gets the same one.
        alike_ones = tuple(members)
        found |= {(placed.ref, disk.key): alike_ones for placed, disk in members}
    return found
