"""Where disks are stored: datastore or policy -> StorageClass, disk -> DataVolume."""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm, ref
from mtv.knowledge.backends import MANY
from mtv.mappings import GuestSystem
from mtv.model.finding import Finding
from mtv.model.target import ClaimProperties, StorageClass
from mtv.model.vm import Disk
from mtv.names import disk_claim, disk_volume
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.site import Site
from mtv.translate.storage.classes import MIB, DiskClasses, requested_bytes
from mtv.translate.storage.findings import StorageFindings

SERIAL_LENGTH = 20
"""virtio-blk shows 20 bytes of a serial number to the guest (virtio 1.2, 5.2.6.1)."""


class Storage:
    """The disks of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._classes = DiskClasses(site)

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Open questions, demands that a class does not meet, and what stays behind."""
        return tuple(StorageFindings(self._site, self._classes).all())

    def of(self, placed: PlacedVm) -> VmPart:
        """What its disks say about live migration."""
        return VmPart(obstacles=self.obstacles(placed))

    def obstacles(self, placed: PlacedVm) -> tuple[str, ...]:
        """A sentence for each class of its disks that gives no volume to two nodes at once."""
        lone = dict[str, list[str]]()
        for each in placed.vm.disks:
            chosen = self._classes.of(placed, each)
            way = None if chosen is None else self._classes.ways[chosen.name]
            if chosen is not None and (way is None or MANY not in way.access_modes):
                lone.setdefault(chosen.name, []).append(each.label)
        return tuple(
            f"{', '.join(labels)}: StorageClass {name} gives no {MANY} volumes"
            for name, labels in lone.items()
        )

    def claims(self, placed: PlacedVm) -> tuple[Manifest, ...]:
        """A DataVolume for each disk of a VM. Only for VMs that no finding holds back."""
        return tuple(self._claim(placed, each) for each in placed.vm.disks)

    def class_of(self, placed: PlacedVm, disk: Disk) -> StorageClass:
        """The class that a disk's claim names. Only for VMs that no finding holds back."""
        return self._site.classes[str(self._classes.choice(placed, disk).storage_class)]

    def way_of(self, placed: PlacedVm, disk: Disk) -> ClaimProperties:
        """How a disk's claim is made. Only for VMs that no finding holds back."""
        way = self._classes.ways[self.class_of(placed, disk).name]
        if way is None:
            raise AssertionError(f"{placed.ref} is held back")
        return way

    def _claim(self, placed: PlacedVm, disk: Disk) -> Manifest:
        datastore = self._classes.datastores.get(ref(placed.inventory, disk.datastore or ""))
        policy = self._classes.policies.get(ref(placed.inventory, disk.storage_policy or ""))
        about = {
            "source": placed.ref,
            "source_disk": disk.key,
            "source_datastore": datastore.name if datastore is not None else "",
            "source_policy": policy.name if policy is not None else "",
        }
        return data_volume(
            metadata(
                disk_claim(self._site.name(placed), disk.key),
                self._site.namespace(placed),
                **{key: text for key, text in about.items() if text},
            ),
            disk,
            self.class_of(placed, disk),
            self.way_of(placed, disk),
        )


def data_volume(
    about: dict[str, Any], disk: Disk, chosen: StorageClass, way: ClaimProperties
) -> Manifest:
    """The DataVolume of one disk: CDI makes a claim of it that has room for all of the disk.

    ``about``: its metadata. An eagerly zeroed disk has its room written from the start here too.
    """
    made: Manifest = {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": about,
        "spec": {
            "source": {"blank": {}},
            "storage": {
                "storageClassName": chosen.name,
                "accessModes": list(way.access_modes),
                "volumeMode": way.volume_mode,
                "resources": {"requests": {"storage": f"{requested_bytes(disk) // MIB}Mi"}},
            },
        },
    }
    if disk.eagerly_scrubbed:
        made["spec"]["preallocation"] = True
    return made


def in_order(disks: Iterable[Disk]) -> tuple[Disk, ...]:
    """The disks as the guest's firmware meets them: by bus, then by unit."""
    return tuple(sorted(disks, key=lambda each: (each.bus, each.unit)))


def disk(each: Disk, order: int, system: GuestSystem) -> dict[str, Any]:
    """The disk as a device of the VirtualMachine; ``order`` counts from 1 and is the boot order."""
    device: dict[str, Any] = {
        "name": disk_volume(each.key),
        "disk": {"bus": system.disk_bus},
        "bootOrder": order,
    }
    serial = re.sub(r"[^0-9a-z]", "", (each.uuid or "").lower())[:SERIAL_LENGTH]
    if serial:
        device["serial"] = serial
    return device


def volume(each: Disk, vm_name: str) -> dict[str, Any]:
    """The volume that ties the device to its claim."""
    return {
        "name": disk_volume(each.key),
        "dataVolume": {"name": disk_claim(vm_name, each.key)},
    }
