"""LUNs that a VM sees itself: raw device mappings are taken from it, and given back.

A mapping is a small file beside the VM's disks. It is never deleted: the device goes, the file
stays and names the LUN for whoever attaches it again.
"""

from collections.abc import Iterator
from typing import Any

from pyVmomi import vim

from mtv.errors import SourceError
from mtv.model.attachment import Attachment
from mtv.model.vm import Disk
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.snapshots import DEVICES, finished
from mtv.sources.vsphere.wire import Data, is_a
from mtv.tasks import Cancelled

_RDM = "VirtualDiskRawDiskMappingVer1BackingInfo"
_PHYSICAL = "physicalMode"
_BACKING = ("fileName", "compatibilityMode", "deviceName", "lunUuid", "diskMode", "sharing")
_DEVICE = ("controllerKey", "unitNumber", "capacityInKB")


def attachments(session: Session, vm: str) -> tuple[Attachment, ...]:
    """Raw device mappings in physical mode that a VM has now. Raises SourceError."""
    return tuple(_attachment(device) for device in _mappings(session, vm))


def detach(session: Session, vm: str, attachment: Attachment, cancelled: Cancelled) -> None:
    """Takes one from a VM; its mapping file stays. One that is gone is no error."""
    for device in _mappings(session, vm):
        if _unit(device) == attachment.unit:
            gone = vim.vm.device.VirtualDisk(
                key=int(device["key"]),
                controllerKey=device["controllerKey"],
                unitNumber=device["unitNumber"],
                backing=_backing(_attachment(device)),
                capacityInKB=device.get("capacityInKB", 0),
            )
            # Without a fileOperation: that would be to destroy the mapping file.
            _reconfigure(session, vm, "remove", gone, cancelled)


def attach(session: Session, vm: str, attachment: Attachment, cancelled: Cancelled) -> None:
    """Gives one back to a VM, on its old place. One that it has there is no error.

    Raises SourceError when its place is taken.
    """
    for device in read_one(session, _object(session, vm), [DEVICES]).get(DEVICES) or ():
        if not all(device.get(each) == attachment.how[each] for each in _DEVICE[:2]):
            continue
        if _is_mapping(device) and _unit(device) == attachment.unit:
            return
        raise SourceError(
            f"{session.connection.name}: the place of {attachment.label} at {vm} is taken by "
            "another device",
            "move that one to another unit of its controller, then run the same command again",
        )
    back = vim.vm.device.VirtualDisk(
        key=int(attachment.key),
        controllerKey=attachment.how["controllerKey"],
        unitNumber=attachment.how["unitNumber"],
        capacityInKB=attachment.how["capacityInKB"],
        backing=_backing(attachment),
    )
    _reconfigure(session, vm, "add", back, cancelled)


def _reconfigure(
    session: Session, vm: str, operation: str, device: Any, cancelled: Cancelled
) -> None:
    change = vim.vm.device.VirtualDeviceSpec(operation=operation, device=device)
    spec = vim.vm.ConfigSpec(deviceChange=[change])
    with session.faults_as_errors():
        task = session.renewing(lambda: _object(session, vm).ReconfigVM_Task(spec))
        finished(session, task, cancelled)


def _mappings(session: Session, vm: str) -> Iterator[Data]:
    values = read_one(session, _object(session, vm), [DEVICES])
    return (device for device in values.get(DEVICES) or () if _is_mapping(device))


def _is_mapping(device: Data) -> bool:
    backing = device.get("backing", Data())
    return (
        is_a(device.kind, "VirtualDisk")
        and is_a(backing.kind, _RDM)
        and backing.get("compatibilityMode") == _PHYSICAL
    )


def _attachment(device: Data) -> Attachment:
    said = {name: device[name] for name in _DEVICE if device.get(name) is not None}
    backing = {
        name: device["backing"][name]
        for name in _BACKING
        if device["backing"].get(name) is not None
    }
    label = (device.get("deviceInfo") or Data()).get("label") or f"disk {device['key']}"
    return Attachment(
        key=str(device["key"]), label=str(label), unit=_unit(device), how={**said, **backing}
    )


def _backing(attachment: Attachment) -> Any:
    said = {name: attachment.how[name] for name in _BACKING if name in attachment.how}
    return vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo(**said)


def _unit(device: Data) -> str:
    backing = device["backing"]
    return str(backing.get("lunUuid") or backing.get("deviceName") or backing.get("fileName"))


def unit_of(disk: Disk) -> str:
    """As ``Attachment.unit``, of a LUN as it was collected; "" where it had no UUID."""
    return str(disk.native.get("backing.lunUuid") or "")


def _object(session: Session, vm: str) -> Any:
    return session.object(vim.VirtualMachine, vm)
