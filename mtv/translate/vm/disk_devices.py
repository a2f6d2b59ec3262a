"""A VM's disks as its guest meets them: bus, serial number, cache; and their volumes."""

import hashlib
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.knowledge.devices import Bus, kept_bus
from mtv.model.finding import Finding
from mtv.model.vm import Disk
from mtv.sharing import is_lun, is_shared
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site
from mtv.translate.storage.disks import Storage
from mtv.translate.storage.luns import wants_reservation
from mtv.translate.vm.disk_findings import DiskFindings

SERIAL_LENGTHS: dict[Bus, int] = {"virtio": 20, "sata": 20, "scsi": 36}
"""What of a serial number a guest sees: virtio 1.2 5.2.6.1, ATA's IDENTIFY DEVICE, QEMU's SCSI."""


class DiskDevices:
    """The disks of a site's VMs as devices."""

    def __init__(self, site: Site, storage: Storage) -> None:
        self._site = site
        self._storage = storage
        self._guest_buses = dict[str, Bus]()

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a guest notices of its new disks, and what they lose."""
        return tuple(DiskFindings(self._site, self).all())

    def of(self, placed: PlacedVm) -> VmPart:
        """The disks and their volumes."""
        disks = attached(placed.vm.disks)
        serials = self.serials(placed)
        return VmPart(
            domain={
                "devices": {
                    "disks": [self._device(placed, each, serials.get(each.key)) for each in disks]
                }
            },
            spec={"volumes": [self._volume(placed, each) for each in disks]},
            obstacles=tuple(_obstacles(disks)),
        )

    def bus(self, placed: PlacedVm, disk: Disk) -> Bus:
        """Where the guest finds a disk."""
        if is_lun(disk):
            return "scsi"
        kept = kept_bus(disk.controller, placed.inventory.product)
        if kept is not None:
            return kept
        if placed.ref not in self._guest_buses:
            self._guest_buses[placed.ref] = self._site.system(placed).disk_bus
        return self._guest_buses[placed.ref]

    def serials(self, placed: PlacedVm) -> dict[str, str]:
        """Key of a disk -> the serial number that the guest sees; a LUN has the array's.

        Of disks whose serial numbers begin alike, the second and further ones get a digest's.
        """
        found = dict[str, str]()
        for disk in attached(placed.vm.disks):
            serial = self.wanted_serial(placed, disk)
            if serial and not is_lun(disk):
                taken = serial.lower() in map(str.lower, found.values())
                found[disk.key] = _digest(disk) if taken else serial
        return found

    def wanted_serial(self, placed: PlacedVm, disk: Disk) -> str:
        """The serial number that a disk has by itself, as much as a guest sees of one."""
        said = disk.serial or (disk.uuid or "").replace("-", "").lower()
        text = re.sub(r"[^A-Za-z0-9_.+-]", "", said)
        return text[: SERIAL_LENGTHS[self.bus(placed, disk)]]

    def is_read_only(self, placed: PlacedVm, disk: Disk) -> bool:
        """True where the guest cannot write. QEMU has no read-only SATA disks."""
        return bool(disk.read_only) and self.bus(placed, disk) != "sata"

    def _device(self, placed: PlacedVm, disk: Disk, serial: str | None) -> dict[str, Any]:
        """Without its number in the boot order, which is one series with the NICs'."""
        target: dict[str, Any] = {"bus": self.bus(placed, disk)}
        if self.is_read_only(placed, disk):
            target["readonly"] = True
        if wants_reservation(disk):
            target["reservation"] = True
        device: dict[str, Any] = {
            "name": self._site.naming.volume(placed, disk),
            "lun" if is_lun(disk) else "disk": target,
        }
        if serial:
            device["serial"] = serial
        shared = self._storage.luns.of(placed, disk).is_shared if is_lun(disk) else is_shared(disk)
        if shared:
            device |= {"shareable": True, "cache": "none"}
        elif disk.write_through:
            device["cache"] = "writethrough"
        if disk.propagate_errors or (shared and disk.propagate_errors is None):
            # A member of a cluster has to see the error: a paused one neither works nor fails over.
            device["errorPolicy"] = "report"
        return device

    def _volume(self, placed: PlacedVm, disk: Disk) -> dict[str, Any]:
        """The volume that ties the device to its claim."""
        name = self._site.naming.volume(placed, disk)
        claim = self._storage.claim_name(placed, disk)
        if is_lun(disk):
            return {"name": name, "persistentVolumeClaim": {"claimName": claim}}
        if forgets(disk):
            source = {"persistentVolumeClaim": {"claimName": claim}}
            return {"name": name, "ephemeral": source}
        return {"name": name, "dataVolume": {"name": claim}}


def attached(disks: Iterable[Disk]) -> tuple[Disk, ...]:
    """The disks that the guest has, by bus, then by unit; not those that are unplugged."""
    plugged = (each for each in disks if each.active is not False)
    return tuple(sorted(plugged, key=lambda each: (each.bus, each.unit)))


def forgets(disk: Disk) -> bool:
    """True for a disk that is as it was after every shutdown. One of several VMs cannot be."""
    return disk.mode.endswith("nonpersistent") and not is_lun(disk) and not is_shared(disk)


def _obstacles(disks: Iterable[Disk]) -> Iterable[str]:
    for disk in disks:
        if forgets(disk):
            yield f"{disk.label}: its changes lie on the node (ephemeral volume)"
        if wants_reservation(disk):
            yield f"{disk.label}: its guest reserves the LUN (persistent reservation)"


def _digest(disk: Disk) -> str:
    """Of the whole serial number, so that all VMs that share a disk see the same."""
    said = f"{disk.serial or disk.uuid}/{disk.key}"
    return hashlib.sha256(said.encode()).hexdigest()[:20]
