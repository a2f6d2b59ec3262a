"""Where disks are stored: datastore or policy -> StorageClass, disk -> DataVolume."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm, ref
from mtv.mappings import GuestSystem
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import ClaimProperties, StorageClass
from mtv.model.vm import Disk
from mtv.names import disk_claim, disk_volume
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.site import Site

SERIAL_LENGTH = 20
"""virtio-blk shows 20 bytes of a serial number to the guest (virtio 1.2, 5.2.6.1)."""


class Storage:
    """The disks of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Open questions: datastores without a class, or with one that is not there."""
        return tuple(self._questions())

    def of(self, placed: PlacedVm) -> VmPart:
        """What its disks say about live migration."""
        del placed
        return VmPart()

    def claims(self, placed: PlacedVm) -> tuple[Manifest, ...]:
        """A DataVolume for each disk of a VM."""
        return tuple(
            data_volume(
                placed,
                disk,
                self._site.name(placed),
                self._site.namespace(placed),
                self.class_of(placed, disk),
            )
            for disk in placed.vm.disks
        )

    def class_of(self, placed: PlacedVm, disk: Disk) -> StorageClass:
        """The class that a disk's claim names. Only for VMs that no finding holds back."""
        return self._site.classes[str(self._choice(placed, disk))]

    def _choice(self, placed: PlacedVm, disk: Disk) -> str | None:
        return self._site.mapping.storage.get(ref(placed.inventory, disk.datastore or ""))

    def _questions(self) -> Iterator[Finding]:
        waiting = dict[str, dict[str, None]]()
        for placed in self._site.ready:
            for disk in placed.vm.disks:
                if self._choice(placed, disk) not in self._site.classes:
                    key = ref(placed.inventory, disk.datastore or "")
                    waiting.setdefault(key, {})[placed.ref] = None
        names = {key: datastore.name for key, datastore in self._site.estate.datastores()}
        for key, vms in waiting.items():
            chosen = self._site.mapping.storage.get(key)
            says = (
                f"mapping.yaml: storage: {key} has no StorageClass"
                if chosen is None
                else f"mapping.yaml: storage: {key}: target.yaml has no StorageClass {chosen!r}"
            )
            yield Finding(
                row="datastore",
                category=Category.BLOCKER,
                ref=key,
                name=names.get(key, key),
                says=says,
                remedy="name a StorageClass of target.yaml in mapping.yaml",
                holds_back=tuple(vms),
            )


def data_volume(
    placed: PlacedVm, disk: Disk, vm_name: str, namespace: str, chosen: StorageClass
) -> Manifest:
    """The DataVolume of one disk: CDI makes a claim of it that has room for all of the disk."""
    properties = claim_properties(chosen)
    return {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": metadata(
            disk_claim(vm_name, disk.key), namespace, source=placed.ref, source_disk=disk.key
        ),
        "spec": {
            "source": {"blank": {}},
            "storage": {
                "storageClassName": chosen.name,
                "accessModes": list(properties.access_modes),
                "volumeMode": properties.volume_mode,
                "resources": {"requests": {"storage": str(disk.capacity_bytes)}},
            },
        },
    }


def claim_properties(chosen: StorageClass) -> ClaimProperties:
    """How the claims of a class are made."""
    return chosen.claim_properties[0]


def disk(each: Disk, order: int, system: GuestSystem) -> dict[str, Any]:
    """The disk as a device of the VirtualMachine; ``order`` counts from 1 and is the boot order."""
    device: dict[str, Any] = {
        "name": disk_volume(each.key),
        "disk": {"bus": system.disk_bus},
        "bootOrder": order,
    }
    if each.uuid:
        device["serial"] = each.uuid.replace("-", "").lower()[:SERIAL_LENGTH]
    return device


def volume(each: Disk, vm_name: str) -> dict[str, Any]:
    """The volume that ties the device to its claim."""
    return {
        "name": disk_volume(each.key),
        "dataVolume": {"name": disk_claim(vm_name, each.key)},
    }
