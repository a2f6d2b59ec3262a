"""Where disks are stored: datastore -> StorageClass, disk -> PersistentVolumeClaim."""

import math
from fractions import Fraction
from typing import Any

from mtv.estate import PlacedVm
from mtv.mappings import GuestSystem
from mtv.model.target import StorageClass
from mtv.model.vm import Disk
from mtv.names import disk_claim, disk_volume

FILESYSTEM_OVERHEAD = Fraction(55, 1000)
"""Part of a volume that its file system keeps for itself (CDI's default, filesystemOverhead)."""

SERIAL_LENGTH = 20
"""virtio-blk shows 20 bytes of a serial number to the guest (virtio 1.2, 5.2.6.1)."""


def claim(
    placed: PlacedVm, disk: Disk, vm_name: str, namespace: str, chosen: StorageClass
) -> dict[str, Any]:
    """The claim of one disk: at least as many bytes as the disk has."""
    size = disk.capacity_bytes
    if chosen.volume_mode == "Filesystem":
        size = math.ceil(size / (1 - FILESYSTEM_OVERHEAD))
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": disk_claim(vm_name, disk.key),
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "mtv"},
            "annotations": {
                "mtv.migration/source": placed.ref,
                "mtv.migration/source-disk": disk.key,
            },
        },
        "spec": {
            "storageClassName": chosen.name,
            "accessModes": list(chosen.access_modes),
            "volumeMode": chosen.volume_mode,
            "resources": {"requests": {"storage": str(size)}},
        },
    }


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
        "persistentVolumeClaim": {"claimName": disk_claim(vm_name, each.key)},
    }
