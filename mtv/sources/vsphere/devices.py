"""A VM's virtual hardware: from vSphere's device list to disks, NICs and the rest."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from mtv.model.quantity import IoAllocation
from mtv.model.vm import Backing, Device, DeviceKind, Disk, Nic
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.values import KIB, at, limit, text
from mtv.sources.vsphere.wire import Data, is_a

# Most special class first: vSphere's classes inherit.
_CONTROLLERS = {
    "ParaVirtualSCSIController": "pvscsi",
    "VirtualLsiLogicSASController": "lsilogicsas",
    "VirtualLsiLogicController": "lsilogic",
    "VirtualBusLogicController": "buslogic",
    "VirtualNVMEController": "nvme",
    "VirtualAHCIController": "ahci",
    "VirtualIDEController": "ide",
}

_NICS = {
    "VirtualVmxnet3Vrdma": "vmxnet3-rdma",
    "VirtualVmxnet3": "vmxnet3",
    "VirtualVmxnet2": "vmxnet2",
    "VirtualE1000e": "e1000e",
    "VirtualE1000": "e1000",
    "VirtualPCNet32": "pcnet32",
    "VirtualSriovEthernetCard": "sriov",
}

_KINDS = {
    "VirtualTPM": DeviceKind.TPM,
    "VirtualCdrom": DeviceKind.CDROM,
    "VirtualFloppy": DeviceKind.FLOPPY,
    "VirtualSerialPort": DeviceKind.SERIAL,
    "VirtualParallelPort": DeviceKind.PARALLEL,
    "VirtualUSBController": DeviceKind.CONTROLLER,
    "VirtualUSBXHCIController": DeviceKind.CONTROLLER,
    "VirtualUSB": DeviceKind.USB,
    "VirtualPCIPassthrough": DeviceKind.PASSTHROUGH,
    "VirtualSCSIPassthrough": DeviceKind.PASSTHROUGH,
    "VirtualMachineVideoCard": DeviceKind.VIDEO,
    "VirtualSoundCard": DeviceKind.SOUND,
    "VirtualWDT": DeviceKind.WATCHDOG,
    "VirtualKeyboard": DeviceKind.INPUT,
    "VirtualPointingDevice": DeviceKind.INPUT,
    "VirtualController": DeviceKind.CONTROLLER,
}

_MEDIA = (
    "fileName",
    "serviceURI",
    "pipeName",
    "vgpu",
    "deviceName",
    "id",
    "url",
)
"""Properties of a backing that say what is in or behind a device, the most telling one first."""


def disks(devices: Sequence[Data]) -> Iterator[Disk]:
    """The virtual disks, in the order of the device list."""
    controllers = {device.get("key"): device for device in devices}
    for device in devices:
        if is_a(device.kind, "VirtualDisk"):
            yield _disk(device, controllers.get(device.get("controllerKey"), Data()))


def _disk(device: Data, controller: Data) -> Disk:
    backing = device.get("backing", Data())
    return Disk(
        key=str(device["key"]),
        label=_label(device),
        capacity_bytes=device.get("capacityInBytes") or device.get("capacityInKB", 0) * KIB,
        backing=_kind_of_backing(backing),
        datastore=text(backing, "datastore"),
        path=backing.get("fileName") or backing.get("descriptorFileName", ""),
        mode=backing.get("diskMode", ""),
        has_parent="parent" in backing,
        thin=backing.get("thinProvisioned"),
        encrypted="keyId" in backing,
        shared=backing.get("sharing") == "sharingMultiWriter",
        uuid=text(backing, "uuid"),
        controller=_word(controller.kind, "controller"),
        bus=controller.get("busNumber", 0),
        unit=device.get("unitNumber", 0),
        controller_key=_key(device.get("controllerKey")),
        eagerly_scrubbed=backing.get("eagerlyScrub"),
        write_through=backing.get("writeThrough"),
        read_only=device.get("guestReadOnly"),
        change_tracking=bool(backing.get("changeId")) or None,
        allocation=_io_allocation(device),
        bus_sharing=controller.get("sharedBus"),
        native=native("vim.vm.device.VirtualDisk", device),
    )


def _io_allocation(device: Data) -> IoAllocation | None:
    data = device.get("storageIOAllocation")
    if not data:
        return None
    return IoAllocation(
        reservation_iops=data.get("reservation"),
        limit_iops=limit(data.get("limit")),
        level=at(data, "shares.level"),
        shares=at(data, "shares.shares"),
    )


def nics(devices: Sequence[Data]) -> Iterator[Nic]:
    """The network cards, in the order of the device list."""
    for device in devices:
        if is_a(device.kind, "VirtualEthernetCard"):
            yield Nic(
                key=str(device["key"]),
                label=_label(device),
                model=_word(device.kind, "nic"),
                mac=text(device, "macAddress"),
                network=_network_of(device.get("backing")),
                connected_at_power_on=at(device, "connectable.startConnected") is not False,
                connected=at(device, "connectable.connected"),
                direct_path=device.get("uptCompatibilityEnabled"),
                native=native("vim.vm.device.VirtualEthernetCard", device),
            )


def vtpm(devices: Sequence[Data]) -> bool:
    """True when there is a virtual TPM."""
    return any(is_a(device.kind, "VirtualTPM") for device in devices)


def other_devices(devices: Sequence[Data]) -> Iterator[Device]:
    """The devices that are neither disks nor network cards, in the order of the device list."""
    for device in devices:
        if is_a(device.kind, "VirtualDisk") or is_a(device.kind, "VirtualEthernetCard"):
            continue
        if device.noun is None:
            device.noun = _device(device)
        yield device.noun


def _device(device: Data) -> Device:
    return Device(
        key=str(device["key"]),
        kind=_device_kind(device),
        class_=device.kind,
        label=_label(device),
        controller_key=_key(device.get("controllerKey")),
        unit=device.get("unitNumber"),
        connected=at(device, "connectable.connected"),
        connected_at_power_on=at(device, "connectable.startConnected"),
        media=_media(device),
        native=native("vim.vm.device.VirtualDevice", device),
    )


def _device_kind(device: Data) -> DeviceKind:
    """What a device is for; a vGPU is a PCI device whose backing is a share of a card."""
    if at(device, "backing.vgpu") is not None:
        return DeviceKind.GPU
    return _kind_of_class(device.kind)


@cache
def _kind_of_class(kind: str) -> DeviceKind:
    return next((word for name, word in _KINDS.items() if is_a(kind, name)), DeviceKind.OTHER)


@cache
def _word(kind: str, of: str) -> str:
    """Our word for a class of controllers or NICs, or the class itself where we have none."""
    words = _CONTROLLERS if of == "controller" else _NICS
    return next((word for name, word in words.items() if is_a(kind, name)), kind)


def _media(device: Data) -> str | None:
    """A drive without an image has no media, unless a drive of the host is connected to it."""
    backing = device.get("backing")
    drive = _device_kind(device) in (DeviceKind.CDROM, DeviceKind.FLOPPY)
    if drive and not at(backing, "fileName") and not at(device, "connectable.connected"):
        return None
    for name in _MEDIA:
        if found := at(backing, name):
            return str(found)
    return None


def _label(device: Data) -> str:
    return text(device, "deviceInfo.label") or str(device["key"])


def _key(value: int | None) -> str | None:
    return None if value is None else str(value)


def _kind_of_backing(backing: Data) -> Backing:
    kind = backing.kind
    if is_a(kind, "VirtualDiskRawDiskMappingVer1BackingInfo"):
        physical = backing.get("compatibilityMode") == "physicalMode"
        return Backing.RDM_PHYSICAL if physical else Backing.RDM_VIRTUAL
    if is_a(kind, "VirtualDiskSeSparseBackingInfo"):
        return Backing.SESPARSE
    if is_a(kind, "VirtualDiskFlatVer2BackingInfo"):
        return Backing.FLAT
    return Backing.OTHER


def _network_of(backing: Any) -> str | None:
    """Id of the network behind a NIC; an opaque network is known by its own id only."""
    return (
        text(backing, "port.portgroupKey")
        or text(backing, "network")
        or text(backing, "opaqueNetworkId")
    )
