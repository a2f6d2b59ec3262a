"""What people have to know of disks as devices: each thing once, with the VMs it is about."""

from collections.abc import Iterator
from typing import Protocol

from mtv.estate import PlacedVm
from mtv.knowledge.devices import Bus, Told, controller_row, hardware
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Disk
from mtv.sharing import SHARED_BUSES, is_lun
from mtv.translate.site import Site
from mtv.translate.storage.uses import Refs, listed

SOUND = (None, "", "ok")
"""States of a disk that can be read."""


class AsDevices(Protocol):
    """How disks become devices."""

    def bus(self, placed: PlacedVm, disk: Disk) -> Bus:
        """Where the guest finds a disk."""

    def is_read_only(self, placed: PlacedVm, disk: Disk) -> bool:
        """True where the guest cannot write."""

    def serials(self, placed: PlacedVm) -> dict[str, str]:
        """Key of a disk -> the serial number that the guest sees."""

    def wanted_serial(self, placed: PlacedVm, disk: Disk) -> str:
        """The serial number that a disk has by itself."""


class DiskFindings:
    """Findings of the concept; ``all`` gives them."""

    def __init__(self, site: Site, devices: AsDevices) -> None:
        self._site = site
        self._devices = devices
        self._controllers = dict[tuple[str, str, str], Refs]()
        """(Row of the terminology, id in mappings/devices.yaml, bus) -> VMs."""
        self._told = dict[str, Refs]()
        """What is told in mappings/devices.yaml -> VMs."""
        for placed in site.ready:
            for disk in placed.vm.disks:
                for each in self._about(placed, disk):
                    self._told.setdefault(each, {})[placed.ref] = None
                if not is_lun(disk):
                    self._add_controller(placed, disk)
            if len(placed.vm.disks) > 1 and self._are_alike(placed):
                self._told.setdefault("serials", {})[placed.ref] = None

    def _about(self, placed: PlacedVm, disk: Disk) -> Iterator[str]:
        if disk.status not in SOUND:
            yield "status"
        if disk.active is False:
            yield "unplugged"
        if disk.mode.endswith("nonpersistent"):
            yield "forgetful"
        if disk.read_only and not self._devices.is_read_only(placed, disk):
            yield "writable"
        if not is_lun(disk) and (disk.scsi_reservation or disk.bus_sharing in SHARED_BUSES):
            yield "unreserved"

    def _add_controller(self, placed: PlacedVm, disk: Disk) -> None:
        row, bus = controller_row(disk.controller), self._devices.bus(placed, disk)
        if row is not None and bus != row.same_as:
            term = "disk.interface" if placed.inventory.product == "rhv" else "disk.controller"
            self._controllers.setdefault((term, row.id, bus), {})[placed.ref] = None

    def _are_alike(self, placed: PlacedVm) -> bool:
        """True where a disk cannot have its own serial number."""
        given = self._devices.serials(placed)
        return any(
            given[disk.key] != self._devices.wanted_serial(placed, disk)
            for disk in placed.vm.disks
            if disk.key in given
        )

    def all(self) -> Iterator[Finding]:
        """Every finding."""
        rows = {row.id: row for row in hardware().controllers}
        for (term, id_, bus), vms in self._controllers.items():
            row = rows[id_]
            told = Told(
                row=term,
                category=Category.INFORMATION,
                says=f"{row.says}, {bus}",
                remedy=row.remedy,
            )
            yield self._finding(told, vms)
        for each, vms in self._told.items():
            yield self._finding(hardware().disks[each], vms)

    def _finding(self, told: Told, vms: Refs) -> Finding:
        """A finding about several VMs, which names them."""
        alone = next(iter(vms)) if len(vms) == 1 else ""
        return Finding(
            row=told.row,
            category=told.category,
            ref=alone,
            name=self._site.estate.vm(alone).vm.name if alone else "disks",
            says=f"{told.says}: {listed(self._site, vms)}",
            remedy=told.remedy,
            vms=tuple(vms),
        )
