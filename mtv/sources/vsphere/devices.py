"""A VM's virtual hardware: from vSphere's device list to disks, NICs and the rest."""

from collections.abc import Iterator, Sequence
from typing import Any

from pyVmomi import vim

from mtv.model.estate import Backing, Disk, Nic

_device = vim.vm.device
_backing = vim.vm.device.VirtualDisk

# Most special class first: pyVmomi's classes inherit like vSphere's.
_CONTROLLERS: tuple[tuple[type, str], ...] = (
    (_device.ParaVirtualSCSIController, "pvscsi"),
    (_device.VirtualLsiLogicSASController, "lsilogicsas"),
    (_device.VirtualLsiLogicController, "lsilogic"),
    (_device.VirtualBusLogicController, "buslogic"),
    (_device.VirtualNVMEController, "nvme"),
    (_device.VirtualAHCIController, "ahci"),
    (_device.VirtualIDEController, "ide"),
)

_NICS: tuple[tuple[type, str], ...] = (
    (_device.VirtualVmxnet3Vrdma, "vmxnet3-rdma"),
    (_device.VirtualVmxnet3, "vmxnet3"),
    (_device.VirtualVmxnet2, "vmxnet2"),
    (_device.VirtualE1000e, "e1000e"),
    (_device.VirtualE1000, "e1000"),
    (_device.VirtualPCNet32, "pcnet32"),
    (_device.VirtualSriovEthernetCard, "sriov"),
)

_FURNITURE: tuple[type, ...] = (
    _device.VirtualController,
    _device.VirtualKeyboard,
    _device.VirtualPointingDevice,
    _device.VirtualVideoCard,
    _device.VirtualVMCIDevice,
)
"""Devices that every VM has, and controllers, which show through what is attached to them."""


def disks(devices: Sequence[Any]) -> Iterator[Disk]:
    """The virtual disks, in the order of the device list."""
    controllers = {device.key: device for device in devices}
    for device in devices:
        if not isinstance(device, _device.VirtualDisk):
            continue
        backing = device.backing
        controller = controllers.get(device.controllerKey)
        datastore = getattr(backing, "datastore", None)
        yield Disk(
            key=str(device.key),
            label=_label(device),
            capacity_bytes=int(device.capacityInBytes or device.capacityInKB * 1024),
            backing=_kind_of_backing(backing),
            datastore=None if datastore is None else datastore._GetMoId(),
            path=getattr(backing, "fileName", None) or "",
            mode=getattr(backing, "diskMode", None) or "",
            has_parent=getattr(backing, "parent", None) is not None,
            thin=getattr(backing, "thinProvisioned", None),
            encrypted=getattr(backing, "keyId", None) is not None,
            shared=getattr(backing, "sharing", None) == "sharingMultiWriter",
            uuid=getattr(backing, "uuid", None),
            controller=_first_kind(controller, _CONTROLLERS),
            bus=int(getattr(controller, "busNumber", None) or 0),
            unit=int(device.unitNumber or 0),
        )


def nics(devices: Sequence[Any]) -> Iterator[Nic]:
    """The network cards, in the order of the device list."""
    for device in devices:
        if isinstance(device, _device.VirtualEthernetCard):
            yield Nic(
                key=str(device.key),
                label=_label(device),
                model=_first_kind(device, _NICS),
                mac=device.macAddress,
                network=_network_of(device.backing),
                connected_at_power_on=(
                    device.connectable is None or bool(device.connectable.startConnected)
                ),
            )


def vtpm(devices: Sequence[Any]) -> bool:
    """True when there is a virtual TPM."""
    return any(isinstance(device, _device.VirtualTPM) for device in devices)


def other_devices(devices: Sequence[Any]) -> Iterator[str]:
    """Kinds of the devices that have no field of their own in the model, sorted."""
    known = (_device.VirtualDisk, _device.VirtualEthernetCard, _device.VirtualTPM, *_FURNITURE)
    yield from sorted(_class_name(device) for device in devices if not isinstance(device, known))


def _label(device: Any) -> str:
    return device.deviceInfo.label if device.deviceInfo else str(device.key)


def _class_name(device: Any) -> str:
    return type(device).__name__.rpartition(".")[2]


def _first_kind(device: Any, kinds: tuple[tuple[type, str], ...]) -> str:
    """The word for a device's class, or the class's own name where we have no word."""
    return next((word for kind, word in kinds if isinstance(device, kind)), _class_name(device))


def _kind_of_backing(backing: Any) -> Backing:
    if isinstance(backing, _backing.RawDiskMappingVer1BackingInfo):
        physical = backing.compatibilityMode == "physicalMode"
        return Backing.RDM_PHYSICAL if physical else Backing.RDM_VIRTUAL
    if isinstance(backing, _backing.SeSparseBackingInfo):
        return Backing.SESPARSE
    if isinstance(backing, _backing.FlatVer2BackingInfo):
        return Backing.FLAT
    return Backing.OTHER


def _network_of(backing: Any) -> str | None:
    """Id of the network behind a NIC; an opaque network is known by its own id only."""
    port = getattr(backing, "port", None)
    if port is not None:
        return port.portgroupKey or None
    network = getattr(backing, "network", None)
    if network is not None:
        return str(network._GetMoId())
    return getattr(backing, "opaqueNetworkId", None)
