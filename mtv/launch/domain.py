"""VirtualMachine manifest -> libvirt domain XML, as KubeVirt's virt-launcher would build it.

What differs from the cluster is said in the caveats. Two things differ on purpose: networks lead
nowhere (a clone that boots must not talk to what the source talks to), and the serial console
goes to a file.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from mtv.accel import KVM
from mtv.errors import LaunchError
from mtv.launch.devices import (
    QEMU_NAMESPACE,
    add,
    add_console,
    add_disks,
    add_inputs_and_rng,
    add_nics,
)
from mtv.launch.manifest import Clock, FirmwareSpec, VirtualMachine, VmiSpec, parse, quantity_bytes
from mtv.tasks import DiskImage

MIB = 1024 * 1024


_NAME_SPACE_OF_UUIDS = uuid.UUID("6a1a24a1-4061-4607-8bf4-a3963d0c5895")
"""KubeVirt makes the UUID of a VM that has none from its name in this name space
(virt-controller's ``CalculateLegacyUUID``; versions after 1.4 make it at random, once)."""

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
        "domain", {"type": "kvm" if accel == KVM else "qemu"}, nsmap={"qemu": QEMU_NAMESPACE}
    )
    add(root, "name", text=vm.metadata.name)
    add(root, "uuid", text=_uuid(vm))
    memory = quantity_bytes(domain.memory.guest, "spec.template.spec.domain.memory.guest")
    if memory < MIB:
        raise LaunchError("spec.template.spec.domain.memory.guest is less than 1Mi")
    add(root, "memory", {"unit": "b"}, text=str(memory))
    _cpu(root, spec, accel)
    _smbios(root, domain.firmware, _uuid(vm))
    _firmware(root, domain.firmware)
    _clock(root, domain.clock)
    add(root, "on_crash", text="destroy")
    devices = add(root, "devices")
    add_inputs_and_rng(devices, spec)
    add_disks(devices, spec, images)
    add_console(devices, console)
    add(root, "seclabel", {"type": "none"})
    add_nics(root, devices, domain.devices.interfaces)
    return root


def _cpu(root: etree._Element, spec: VmiSpec, accel: str) -> None:
    cpu = spec.domain.cpu
    count = cpu.sockets * cpu.cores * cpu.threads
    if min(cpu.sockets, cpu.cores, cpu.threads) < 1 or count > 4096:
        raise LaunchError(
            "spec.template.spec.domain.cpu is out of range:"
            f" {cpu.sockets} sockets x {cpu.cores} cores x {cpu.threads} threads"
        )
    add(root, "vcpu", text=str(count))
    if accel != KVM:
        # Host modes need KVM; "maximum" is all that QEMU can emulate.
        element = add(root, "cpu", {"mode": "maximum"})
    elif cpu.model is None or cpu.model in _HOST_CPUS:
        element = add(root, "cpu", {"mode": cpu.model or "host-passthrough"})
    else:
        element = add(root, "cpu", {"mode": "custom", "match": "exact", "check": "partial"})
        add(element, "model", {"fallback": "forbid"}, text=cpu.model)
    topology = {"sockets": cpu.sockets, "cores": cpu.cores, "threads": cpu.threads}
    add(element, "topology", {key: str(value) for key, value in topology.items()})


def _clock(root: etree._Element, clock: Clock) -> None:
    seconds = clock.utc.offset_seconds if clock.utc is not None else None
    if clock.timezone is not None:
        add(root, "clock", {"offset": "timezone", "timezone": clock.timezone})
    elif seconds:
        add(root, "clock", {"offset": "variable", "adjustment": str(seconds), "basis": "utc"})
    else:
        add(root, "clock", {"offset": "utc"})


def _smbios(root: etree._Element, firmware: FirmwareSpec, identity: str) -> None:
    """Licences are tied to these two: the guest sees them in SMBIOS type 1, as in the cluster."""
    system = add(add(root, "sysinfo", {"type": "smbios"}), "system")
    if firmware.serial is not None:
        add(system, "entry", {"name": "serial"}, text=firmware.serial)
    add(system, "entry", {"name": "uuid"}, text=identity)


def _firmware(root: etree._Element, firmware: FirmwareSpec) -> None:
    efi = firmware.bootloader.efi
    if efi is not None and firmware.bootloader.bios is not None:
        raise LaunchError("spec.template.spec.domain.firmware.bootloader is both BIOS and EFI")
    os_ = add(root, "os", {} if efi is None else {"firmware": "efi"})
    add(os_, "type", {"arch": "x86_64", "machine": "q35"}, text="hvm")
    if efi is None:
        # SeaBIOS' messages ("No bootable device") belong on the console that is watched.
        add(os_, "bios", {"useserial": "yes"})
    else:
        chosen = add(os_, "firmware")
        secure = "yes" if efi.secure_boot else "no"
        add(chosen, "feature", {"enabled": secure, "name": "secure-boot"})
        if efi.secure_boot:
            add(chosen, "feature", {"enabled": "yes", "name": "enrolled-keys"})
    add(os_, "smbios", {"mode": "sysinfo"})
    features = add(root, "features")
    add(features, "acpi")
    if efi is not None and efi.secure_boot:
        add(features, "smm", {"state": "on"})


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
