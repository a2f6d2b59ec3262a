"""The devices of a domain: disks, console, network cards."""

import re
from pathlib import Path

from lxml import etree

from mtv.errors import LaunchError
from mtv.launch.manifest import DiskDevice, Interface, VmiSpec
from mtv.tasks import DiskImage

QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"

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


def add_disks(devices: etree._Element, spec: VmiSpec, images: tuple[DiskImage, ...]) -> None:
    volumes = {volume.name for volume in spec.volumes}
    by_volume = {image.volume: image for image in images}
    if len(by_volume) != len(images):
        raise LaunchError("two disk images are given for one volume")
    unused = set(by_volume) - {disk.name for disk in spec.domain.devices.disks}
    if unused:
        raise LaunchError(f"the manifest has no disk for the volume {min(unused)!r}")
    counts = {"vd": 0, "sd": 0}
    if any(disk.target.bus == "scsi" for disk in spec.domain.devices.disks):
        add(devices, "controller", {"type": "scsi", "index": "0", "model": "virtio-scsi"})
    for disk in spec.domain.devices.disks:
        if disk.name not in volumes:
            raise LaunchError(f"the disk {disk.name!r} has no volume of its name")
        if disk.name not in by_volume:
            raise LaunchError(f"there is no image here for the volume {disk.name!r}")
        prefix = "vd" if disk.target.bus == "virtio" else "sd"
        _disk(devices, disk, by_volume[disk.name], prefix + _letters(counts[prefix]))
        counts[prefix] += 1


def _disk(devices: etree._Element, disk: DiskDevice, image: DiskImage, target: str) -> None:
    if image.format not in ("raw", "qcow2"):
        raise LaunchError(f"the image {image.path} has a format this launcher does not know")
    if not image.path.startswith("/"):
        raise LaunchError(f"the path of an image must be absolute: {image.path}")
    block = Path(image.path).is_block_device()
    element = add(devices, "disk", {"type": "block" if block else "file", "device": "disk"})
    # Nothing of a LUN may stay in this machine's cache: others read it, too.
    driver = {
        "name": "qemu",
        "type": image.format,
        "cache": "none" if disk.lun is not None else "writeback",
        "discard": "unmap",
    }
    # As in the cluster: a full or broken disk pauses the guest, which the check then sees.
    add(element, "driver", {**driver, "error_policy": "stop"})
    add(element, "source", {"dev" if block else "file": image.path})
    add(element, "target", {"dev": target, "bus": disk.target.bus})
    if disk.serial is not None:
        add(element, "serial", text=disk.serial)
    if disk.boot_order is not None:
        add(element, "boot", {"order": str(disk.boot_order)})
    if disk.target.readonly:
        add(element, "readonly")


def add_console(devices: etree._Element, console: Path) -> None:
    serial = add(devices, "serial", {"type": "file"})
    add(serial, "source", {"path": str(console), "append": "off"})
    # KubeVirt always has a screen and the agent's port; a guest may wait for the latter.
    channel = add(devices, "channel", {"type": "null"})
    add(channel, "target", {"type": "virtio", "name": "org.qemu.guest_agent.0"})
    add(add(devices, "video"), "model", {"type": "vga", "vram": "16384"})


def add_inputs_and_rng(devices: etree._Element, spec: VmiSpec) -> None:
    """Pointers, with the USB that they need, and the random number generator."""
    inputs = spec.domain.devices.inputs
    # KubeVirt has USB for such inputs only.
    usb = "qemu-xhci" if any(each.bus == "usb" for each in inputs) else "none"
    add(devices, "controller", {"type": "usb", "model": usb})
    for each in inputs:
        add(devices, "input", {"type": each.type, "bus": each.bus})
    if spec.domain.devices.rng is not None:
        rng = add(devices, "rng", {"model": "virtio"})
        add(rng, "backend", {"model": "random"}, text="/dev/urandom")


def add_nics(root: etree._Element, devices: etree._Element, nics: tuple[Interface, ...]) -> None:
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
        element = add(devices, "interface", {"type": "user"})
        if nic.mac_address is not None:
            add(element, "mac", {"address": _mac(nic)})
        add(element, "model", {"type": nic.model})
        add(element, "link", {"state": "down"})
        add(element, "rom", {"enabled": "no"})
    if arguments:
        line = add(root, f"{{{QEMU_NAMESPACE}}}commandline")
        for argument in arguments:
            add(line, f"{{{QEMU_NAMESPACE}}}arg", {"value": argument})


def _mac(nic: Interface) -> str:
    address = (nic.mac_address or "").lower().replace("-", ":")
    if not _MAC.match(address):
        raise LaunchError(f"the interface {nic.name!r} has no valid macAddress: {address!r}")
    return address


def _letters(number: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa: the end of a disk's name."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("a") + digit) + text
    return text


def add(
    parent: etree._Element, tag: str, attributes: dict[str, str] | None = None, text: str = ""
) -> etree._Element:
    element = etree.SubElement(parent, tag, attributes or {})
    if text:
        element.text = text
    return element
