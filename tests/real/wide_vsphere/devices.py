"""Virtual devices, a function for each kind. Keys are ours to choose while the VM is made."""

from typing import Any

from pyVmomi import vim

_DEVICE = vim.vm.device
MIB = 1 << 20

CONTROLLERS: dict[str, tuple[Any, int]] = {
    # Their keys as vCenter gives them: the first of a kind, then one after the other.
    "ide": (None, 200),  # every VM has two
    "lsi": (_DEVICE.VirtualLsiLogicController, 1000),
    "lsisas": (_DEVICE.VirtualLsiLogicSASController, 1000),
    "buslogic": (_DEVICE.VirtualBusLogicController, 1000),
    "pvscsi": (_DEVICE.ParaVirtualSCSIController, 1000),
    "ahci": (_DEVICE.VirtualAHCIController, 15000),
    "nvme": (_DEVICE.VirtualNVMEController, 31000),
}

NICS = {
    "vmxnet3": _DEVICE.VirtualVmxnet3,
    "e1000": _DEVICE.VirtualE1000,
    "e1000e": _DEVICE.VirtualE1000e,
    "pcnet": _DEVICE.VirtualPCNet32,
    "sriov": _DEVICE.VirtualSriovEthernetCard,
}


def connected(start: bool = True) -> Any:
    """How a device that can be unplugged is plugged in."""
    return _DEVICE.VirtualDevice.ConnectInfo(
        startConnected=start, allowGuestControl=True, connected=start
    )


def controller(kind: str, bus: int = 0, sharing: str = "noSharing") -> Any:
    """A disk controller."""
    make, first = CONTROLLERS[kind]
    made = make(key=first + bus, busNumber=bus)
    if 1000 <= first < 2000:
        made.sharedBus = sharing
        made.scsiCtlrUnitNumber = 7
    return made


def flat(name: str, mode: str = "persistent", thin: bool = True, **more: Any) -> Any:
    """The usual backing of a disk."""
    return _DEVICE.VirtualDisk.FlatVer2BackingInfo(
        fileName=name, diskMode=mode, thinProvisioned=thin, **more
    )


def se_sparse(name: str) -> Any:
    """The backing that gives space back."""
    return _DEVICE.VirtualDisk.SeSparseBackingInfo(
        fileName=name, diskMode="persistent", grainSize=4096
    )


def rdm(name: str, compatibility: str, lun: int) -> Any:
    """A raw LUN: `physicalMode` or `virtualMode`."""
    uuid = f"02000000006006016{lun:023d}4f50454e2d56"
    return _DEVICE.VirtualDisk.RawDiskMappingVer1BackingInfo(
        fileName=name,
        compatibilityMode=compatibility,
        deviceName=f"vml.{uuid}",
        lunUuid=uuid,
        diskMode="independent_persistent" if compatibility == "physicalMode" else "persistent",
    )


def disk(backing: Any, size: int, key: int, controller_key: int, unit: int, **more: Any) -> Any:
    """A disk on a controller."""
    return _DEVICE.VirtualDisk(
        key=key,
        controllerKey=controller_key,
        unitNumber=unit,
        capacityInBytes=size,
        capacityInKB=size // 1024,
        backing=backing,
        **more,
    )


def on_group(group: Any, switch: str) -> Any:
    """The backing of a NIC on a distributed port group."""
    port = vim.dvs.PortConnection(portgroupKey=group._moId, switchUuid=switch)
    return _DEVICE.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)


def on_network(network: Any, name: str) -> Any:
    """The backing of a NIC on a port group of a standard switch."""
    return _DEVICE.VirtualEthernetCard.NetworkBackingInfo(network=network, deviceName=name)


def on_opaque(network_id: str) -> Any:
    """The backing of a NIC on a network of NSX."""
    return _DEVICE.VirtualEthernetCard.OpaqueNetworkBackingInfo(
        opaqueNetworkId=network_id, opaqueNetworkType="nsx.LogicalSwitch"
    )


def nic(kind: str, backing: Any, number: int, mac: str, start: bool = True) -> Any:
    """A NIC with a MAC of its own."""
    return NICS[kind](
        key=4000 + number,
        addressType="manual",
        macAddress=mac,
        wakeOnLanEnabled=True,
        backing=backing,
        connectable=connected(start),
    )


def tpm() -> Any:
    """A virtual TPM."""
    return _DEVICE.VirtualTPM(key=11000)


def cdrom(iso: str = "", key: int = 3000, unit: int = 0) -> Any:
    """A CD-ROM with an ISO, or with the drive of whoever looks at the console."""
    backing: Any = _DEVICE.VirtualCdrom.RemotePassthroughBackingInfo(
        deviceName="CDRom0", exclusive=False
    )
    if iso:
        backing = _DEVICE.VirtualCdrom.IsoBackingInfo(fileName=iso)
    return _DEVICE.VirtualCdrom(
        key=key,
        controllerKey=201,
        unitNumber=unit,
        backing=backing,
        connectable=connected(bool(iso)),
    )


def old_peripherals(directory: str) -> list[Any]:
    """Floppy, serial port into a file, parallel port, sound card."""
    return [
        _DEVICE.VirtualFloppy(
            key=8000,
            controllerKey=400,
            unitNumber=0,
            backing=_DEVICE.VirtualFloppy.ImageBackingInfo(fileName=f"{directory}/drivers.flp"),
            connectable=connected(),
        ),
        serial(_DEVICE.VirtualSerialPort.FileBackingInfo(fileName=f"{directory}/com1.txt")),
        _DEVICE.VirtualParallelPort(
            key=10000,
            controllerKey=400,
            backing=_DEVICE.VirtualParallelPort.FileBackingInfo(fileName=f"{directory}/lpt1.txt"),
            connectable=connected(),
        ),
        _DEVICE.VirtualSoundBlaster16(
            key=5000,
            backing=_DEVICE.VirtualSoundCard.DeviceBackingInfo(
                deviceName="Default", useAutoDetect=True
            ),
            connectable=connected(),
        ),
    ]


def serial(backing: Any) -> Any:
    """A serial port."""
    return _DEVICE.VirtualSerialPort(
        key=9000, controllerKey=400, yieldOnPoll=True, backing=backing, connectable=connected()
    )


def serial_over_network() -> Any:
    """A serial port behind a concentrator."""
    return serial(
        _DEVICE.VirtualSerialPort.URIBackingInfo(
            serviceURI="telnet://concentrator.example:13370", direction="client"
        )
    )


def usb() -> list[Any]:
    """A USB 3 controller, and a dongle of the host."""
    return [
        _DEVICE.VirtualUSBXHCIController(key=14000, busNumber=0, autoConnectDevices=False),
        _DEVICE.VirtualUSB(
            key=14100,
            controllerKey=14000,
            connected=True,
            vendor=0x0529,
            product=0x0001,
            family=["unknownFamily"],
            speed=["full"],
            backing=_DEVICE.VirtualUSB.USBBackingInfo(
                deviceName="path:1/0/3 version:2", useAutoDetect=False
            ),
        ),
    ]


def video_3d() -> Any:
    """The video card that every VM has, with 3D."""
    return _DEVICE.VirtualVideoCard(
        key=500,
        videoRamSizeInKB=131_072,
        numDisplays=2,
        useAutoDetect=False,
        enable3DSupport=True,
        use3dRenderer="automatic",
        graphicsMemorySizeInKB=262_144,
    )


def passthrough() -> list[Any]:
    """A PCI device of the host, and a share of a GPU."""
    pci = _DEVICE.VirtualPCIPassthrough
    return [
        pci(
            key=13000,
            backing=pci.DeviceBackingInfo(
                id="0000:3b:00.0", deviceId="1db6", systemId="host-pci", vendorId=0x10DE
            ),
        ),
        pci(key=13001, backing=pci.VmiopBackingInfo(vgpu="grid_v100d-8q")),
    ]


def sriov(group_backing: Any, mac: str) -> Any:
    """A NIC that is a virtual function of the host's card."""
    card = NICS["sriov"](
        key=4090,
        addressType="manual",
        macAddress=mac,
        backing=group_backing,
        allowGuestOSMtuChange=True,
        connectable=connected(),
    )
    card.sriovBacking = _DEVICE.VirtualSriovEthernetCard.SriovBackingInfo(
        physicalFunctionBacking=_DEVICE.VirtualPCIPassthrough.DeviceBackingInfo(
            id="0000:1b:00.0", deviceId="1017", systemId="host-pci", vendorId=0x15B3
        )
    )
    return card
