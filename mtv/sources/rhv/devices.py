"""A VM's virtual hardware besides disks: NICs and the rest, also of templates."""

from collections.abc import Iterator
from typing import Any

from mtv.model.vm import Device, DeviceKind, Nic
from mtv.sources.rhv.native import native
from mtv.sources.rhv.values import each, ident, word

_PASSED = {"pci": DeviceKind.PASSTHROUGH, "usb_device": DeviceKind.USB, "usb": DeviceKind.USB}


def nics(vm: Any, networks: dict[str, str | None]) -> Iterator[Nic]:
    """The network cards; ``networks``: id of a vNIC profile -> id of its network."""
    for nic in each(vm.nics):
        profile = ident(nic.vnic_profile)
        yield Nic(
            key=nic.id,
            label=nic.name or "",
            model=word(nic.interface) or "",
            mac=nic.mac.address if nic.mac is not None else None,
            network=networks.get(profile) if profile else ident(nic.network),
            connected_at_power_on=nic.linked is not False,
            connected=nic.linked,
            plugged=nic.plugged,
            profile=profile,
            native=native(nic),
        )


def devices(vm: Any) -> Iterator[Device]:
    """The devices that are neither disks nor NICs: those with a list, then those of a switch."""
    for cdrom in each(vm.cdroms):
        yield Device(
            key=cdrom.id or "cdrom",
            kind=DeviceKind.CDROM,
            class_="cdrom",
            media=ident(cdrom.file) or None,
            native=native(cdrom),
        )
    for watchdog in each(vm.watchdogs):
        yield Device(
            key=watchdog.id or "watchdog",
            kind=DeviceKind.WATCHDOG,
            class_=word(watchdog.model) or "",
            action=word(watchdog.action),
            native=native(watchdog),
        )
    for console in each(vm.graphics_consoles):
        yield Device(
            key=console.id or "console",
            kind=DeviceKind.CONSOLE,
            class_=word(console.protocol) or "",
            native=native(console),
        )
    for passed in each(getattr(vm, "host_devices", None)):
        yield Device(
            key=passed.id or passed.name or "",
            kind=_PASSED.get(passed.capability or "pci", DeviceKind.OTHER),
            class_=passed.capability or "host device",
            label=passed.name or "",
            media=passed.name,
            native=native(passed),
        )
    for mediated in each(vm.mediated_devices):
        parameters = {one.name: one.value for one in each(mediated.spec_params)}
        yield Device(
            key=mediated.id or "mdev",
            kind=DeviceKind.GPU,
            class_="mdev",
            media=parameters.get("mdevType"),
            native=native(mediated),
        )
    yield from _switches(vm)


def _switches(vm: Any) -> Iterator[Device]:
    """Devices that a VM has because a switch of it is on."""
    if vm.console is not None and vm.console.enabled:
        yield Device(key="serial", kind=DeviceKind.SERIAL, class_="serial console")
    if vm.soundcard_enabled:
        yield Device(key="sound", kind=DeviceKind.SOUND, class_="sound card")
    if vm.rng_device is not None:
        yield Device(
            key="rng",
            kind=DeviceKind.RNG,
            class_="rng",
            media=word(vm.rng_device.source),
        )
    if vm.usb is not None and vm.usb.enabled:
        yield Device(key="usb", kind=DeviceKind.USB, class_=word(vm.usb.type) or "usb")
    if vm.tpm_enabled:
        yield Device(key="tpm", kind=DeviceKind.TPM, class_="tpm")
    if vm.virtio_scsi is not None and vm.virtio_scsi.enabled:
        yield Device(key="virtio-scsi", kind=DeviceKind.CONTROLLER, class_="virtio-scsi")
    if vm.display is not None and vm.display.type is not None:
        yield Device(key="video", kind=DeviceKind.VIDEO, class_=word(vm.display.type) or "")
