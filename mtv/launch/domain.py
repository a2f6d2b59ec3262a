"""VirtualMachine manifest -> libvirt domain XML, as KubeVirt's virt-launcher would build it.

What differs from the cluster is said in the caveats. Two things differ on purpose: networks lead
nowhere (a clone that boots must not talk to what the source talks to), and the serial console
goes to a file.
"""

import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from mtv.accel import KVM
from mtv.errors import LaunchError
from mtv.launch.manifest import (
    DiskDevice,
    FirmwareSpec,
    Interface,
    VirtualMachine,
    VmiSpec,
    parse,
    quantity_bytes,
)
from mtv.tasks import DiskImage

MIB = 1024 * 1024

_QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"

_NAME_SPACE_OF_UUIDS = uuid.UUID("6a1a24a1-4061-4607-8bf4-a3963d0c5895")
"""KubeVirt makes the UUID of a VM that has none from its name in this name space
(virt-controller's ``CalculateLegacyUUID``; versions after 1.4 make it at random, once)."""

_FIRST_NIC_SLOT = 0x10
_MOST_NICS = 8
"""Slots of the PCIe root bus, far from those that libvirt hands out (from 0x1 upwards)."""

_NIC_DEVICES = {
    "virtio": "virtio-net-pci",
    "e1000e": "e1000e",
    "e1000": "e1000",
    "rtl8139": "rtl8139",
}

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
_HOST_CPUS = ("host-model", "host-passthrough")


@dataclass(frozen=True)
class Domain:
    """A domain for libvirt, and what about it is not as in the cluster."""

    name: str
    uuid: str
    xml: str
    caveats: tuple[str, ...]
    grace_seconds: int | None
    """``terminationGracePeriodSeconds``; None when the manifest does not say it."""


def domain_xml(
    manifest: dict[str, Any], disks: tuple[DiskImage, ...], *, accel: str, console: Path
) -> Domain:
    """The domain of a VirtualMachine manifest (kubevirt.io/v1) with these disk images.

    ``accel`` is ``kvm`` or ``tcg``; ``console`` the file that gets the serial console. Raises
    LaunchError that names the field for whatever cannot be represented.
    """
    vm, caveats = parse(manifest)
    spec = vm.spec.template.spec
    notes = [*caveats, *_notes(spec, accel)]
    try:
        root = _domain(vm, disks, accel, console)
    except ValueError as problem:  # lxml: control characters in a name, a serial, a path
        raise LaunchError(
            f"the manifest or a path holds characters XML cannot: {problem}"
        ) from None
    return Domain(
        name=vm.metadata.name,
        uuid=_uuid(vm),
        xml=etree.tostring(root, encoding="unicode", pretty_print=True),
        caveats=tuple(dict.fromkeys(notes)),
        grace_seconds=spec.termination_grace_period_seconds,
    )


def _notes(spec: VmiSpec, accel: str) -> list[str]:
    """Caveats that depend on values."""
    notes = []
    machine, model = spec.domain.machine.type, spec.domain.cpu.model
    if machine != "q35":
        if not machine.startswith("pc-q35-"):
            raise LaunchError(
                f"spec.template.spec.domain.machine.type {machine!r} cannot be started here",
                "only q35 can",
            )
        notes.append("the machine type is this QEMU's newest q35, not the one in the manifest")
    if accel != KVM:
        notes.append("the guest was emulated (TCG): much slower, and with an emulated CPU model")
    elif model is None:
        notes.append("the CPU model is this host's, not the cluster's default")
    networks = {network.name: network for network in spec.networks}
    for nic in spec.domain.devices.interfaces:
        if nic.name not in networks:
            raise LaunchError(f"the interface {nic.name!r} has no network of its name")
        multus = networks[nic.name].multus
        what = f"network {multus.network_name}" if multus else "pod network"
        if nic.state == "up":
            notes.append(
                f"the {what} is an isolated one here: the guest gets an address by DHCP,"
                " but reaches nothing and is reached by nothing"
            )
    return notes


def _domain(
    vm: VirtualMachine, images: tuple[DiskImage, ...], accel: str, console: Path
) -> etree._Element:
    spec = vm.spec.template.spec
    domain = spec.domain
    root = etree.Element(
        "domain", {"type": "kvm" if accel == KVM else "qemu"}, nsmap={"qemu": _QEMU}
    )
    _add(root, "name", text=vm.metadata.name)
    _add(root, "uuid", text=_uuid(vm))
    memory = quantity_bytes(domain.memory.guest, "spec.template.spec.domain.memory.guest")
    if memory < MIB:
        raise LaunchError("spec.template.spec.domain.memory.guest is less than 1Mi")
    _add(root, "memory", {"unit": "b"}, text=str(memory))
    _cpu(root, spec, accel)
    _smbios(root, domain.firmware, _uuid(vm))
    _firmware(root, domain.firmware)
    _add(root, "clock", {"offset": "utc"})
    _add(root, "on_crash", text="destroy")
    devices = _add(root, "devices")
    # No USB, which KubeVirt adds for tablets only.
    _add(devices, "controller", {"type": "usb", "model": "none"})
    _disks(devices, spec, images)
    _console(devices, console)
    _add(root, "seclabel", {"type": "none"})
    _nics(root, devices, domain.devices.interfaces)
    return root


def _cpu(root: etree._Element, spec: VmiSpec, accel: str) -> None:
    cpu = spec.domain.cpu
    count = cpu.sockets * cpu.cores * cpu.threads
    if min(cpu.sockets, cpu.cores, cpu.threads) < 1 or count > 4096:
        raise LaunchError(
            "spec.template.spec.domain.cpu is out of range:"
            f" {cpu.sockets} sockets x {cpu.cores} cores x {cpu.threads} threads"
        )
    _add(root, "vcpu", text=str(count))
    if accel != KVM:
        # Host modes need KVM; "maximum" is all that QEMU can emulate.
        element = _add(root, "cpu", {"mode": "maximum"})
    elif cpu.model is None or cpu.model in _HOST_CPUS:
        element = _add(root, "cpu", {"mode": cpu.model or "host-passthrough"})
    else:
        element = _add(root, "cpu", {"mode": "custom", "match": "exact", "check": "partial"})
        _add(element, "model", {"fallback": "forbid"}, text=cpu.model)
    topology = {"sockets": cpu.sockets, "cores": cpu.cores, "threads": cpu.threads}
    _add(element, "topology", {key: str(value) for key, value in topology.items()})


def _smbios(root: etree._Element, firmware: FirmwareSpec, identity: str) -> None:
    """Licences are tied to these two: the guest sees them in SMBIOS type 1, as in the cluster."""
    system = _add(_add(root, "sysinfo", {"type": "smbios"}), "system")
    if firmware.serial is not None:
        _add(system, "entry", {"name": "serial"}, text=firmware.serial)
    _add(system, "entry", {"name": "uuid"}, text=identity)


def _firmware(root: etree._Element, firmware: FirmwareSpec) -> None:
    efi = firmware.bootloader.efi
    if efi is not None and firmware.bootloader.bios is not None:
        raise LaunchError("spec.template.spec.domain.firmware.bootloader is both BIOS and EFI")
    os_ = _add(root, "os", {} if efi is None else {"firmware": "efi"})
    _add(os_, "type", {"arch": "x86_64", "machine": "q35"}, text="hvm")
    if efi is None:
        # SeaBIOS' messages ("No bootable device") belong on the console that is watched.
        _add(os_, "bios", {"useserial": "yes"})
    else:
        chosen = _add(os_, "firmware")
        secure = "yes" if efi.secure_boot else "no"
        _add(chosen, "feature", {"enabled": secure, "name": "secure-boot"})
        if efi.secure_boot:
            _add(chosen, "feature", {"enabled": "yes", "name": "enrolled-keys"})
    _add(os_, "smbios", {"mode": "sysinfo"})
    features = _add(root, "features")
    _add(features, "acpi")
    if efi is not None and efi.secure_boot:
        _add(features, "smm", {"state": "on"})


def _disks(devices: etree._Element, spec: VmiSpec, images: tuple[DiskImage, ...]) -> None:
    volumes = {volume.name for volume in spec.volumes}
    by_volume = {image.volume: image for image in images}
    if len(by_volume) != len(images):
        raise LaunchError("two disk images are given for one volume")
    unused = set(by_volume) - {disk.name for disk in spec.domain.devices.disks}
    if unused:
        raise LaunchError(f"the manifest has no disk for the volume {min(unused)!r}")
    counts = {"vd": 0, "sd": 0}
    if any(disk.disk.bus == "scsi" for disk in spec.domain.devices.disks):
        _add(devices, "controller", {"type": "scsi", "index": "0", "model": "virtio-scsi"})
    for disk in spec.domain.devices.disks:
        if disk.name not in volumes:
            raise LaunchError(f"the disk {disk.name!r} has no volume of its name")
        if disk.name not in by_volume:
            raise LaunchError(f"there is no image here for the volume {disk.name!r}")
        prefix = "vd" if disk.disk.bus == "virtio" else "sd"
        _disk(devices, disk, by_volume[disk.name], prefix + _letters(counts[prefix]))
        counts[prefix] += 1


def _disk(devices: etree._Element, disk: DiskDevice, image: DiskImage, target: str) -> None:
    if image.format not in ("raw", "qcow2"):
        raise LaunchError(f"the image {image.path} has a format this launcher does not know")
    if not image.path.startswith("/"):
        raise LaunchError(f"the path of an image must be absolute: {image.path}")
    block = Path(image.path).is_block_device()
    element = _add(devices, "disk", {"type": "block" if block else "file", "device": "disk"})
    driver = {"name": "qemu", "type": image.format, "cache": "writeback", "discard": "unmap"}
    # As in the cluster: a full or broken disk pauses the guest, which the check then sees.
    _add(element, "driver", {**driver, "error_policy": "stop"})
    _add(element, "source", {"dev" if block else "file": image.path})
    _add(element, "target", {"dev": target, "bus": disk.disk.bus})
    if disk.serial is not None:
        _add(element, "serial", text=disk.serial)
    if disk.boot_order is not None:
        _add(element, "boot", {"order": str(disk.boot_order)})


def _console(devices: etree._Element, console: Path) -> None:
    serial = _add(devices, "serial", {"type": "file"})
    _add(serial, "source", {"path": str(console), "append": "off"})
    # KubeVirt always has a screen and the agent's port; a guest may wait for the latter.
    channel = _add(devices, "channel", {"type": "null"})
    _add(channel, "target", {"type": "virtio", "name": "org.qemu.guest_agent.0"})
    _add(_add(devices, "video"), "model", {"type": "vga", "vram": "16384"})


def _nics(root: etree._Element, devices: etree._Element, nics: tuple[Interface, ...]) -> None:
    """Network cards on networks that lead nowhere.

    libvirt's user network reaches whatever the host reaches, and cannot be told not to. QEMU's own
    option ``restrict`` does it: DHCP works, nothing else. So the cards are given to QEMU directly.
    """
    arguments: list[str] = []
    up = [nic for nic in nics if nic.state == "up"]
    if len(up) > _MOST_NICS:
        raise LaunchError(f"this launcher has room for {_MOST_NICS} network cards, not {len(up)}")
    for number, nic in enumerate(up):
        device = [_NIC_DEVICES[nic.model], f"netdev=net{number}", f"id=nic{number}"]
        if nic.mac_address is not None:
            device.append(f"mac={_mac(nic)}")
        # No boot from the network: without a ROM there is nothing to wait for.
        device += ["romfile=", "bus=pcie.0", f"addr={_FIRST_NIC_SLOT + number:#x}"]
        arguments += ["-netdev", f"user,id=net{number},restrict=on", "-device", ",".join(device)]
    for nic in (nic for nic in nics if nic.state == "down"):
        element = _add(devices, "interface", {"type": "user"})
        if nic.mac_address is not None:
            _add(element, "mac", {"address": _mac(nic)})
        _add(element, "model", {"type": nic.model})
        _add(element, "link", {"state": "down"})
        _add(element, "rom", {"enabled": "no"})
    if arguments:
        line = _add(root, f"{{{_QEMU}}}commandline")
        for argument in arguments:
            _add(line, f"{{{_QEMU}}}arg", {"value": argument})


def _mac(nic: Interface) -> str:
    address = (nic.mac_address or "").lower().replace("-", ":")
    if not _MAC.match(address):
        raise LaunchError(f"the interface {nic.name!r} has no valid macAddress: {address!r}")
    return address


def _uuid(vm: VirtualMachine) -> str:
    given = vm.spec.template.spec.domain.firmware.uuid
    if given is None:
        return str(uuid.uuid5(_NAME_SPACE_OF_UUIDS, vm.metadata.name))
    try:
        return str(uuid.UUID(given))
    except ValueError:
        raise LaunchError(
            f"spec.template.spec.domain.firmware.uuid is no UUID: {given!r}"
        ) from None


def _letters(number: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa: the end of a disk's name."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("a") + digit) + text
    return text


def _add(
    parent: etree._Element, tag: str, attributes: dict[str, str] | None = None, text: str = ""
) -> etree._Element:
    element = etree.SubElement(parent, tag, attributes or {})
    if text:
        element.text = text
    return element
