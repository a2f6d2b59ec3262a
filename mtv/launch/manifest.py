"""The part of a VirtualMachine (kubevirt.io/v1) that launchers of ours understand, typed."""

import copy
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec

from mtv.errors import LaunchError
from mtv.knowledge.instance_types import brought
from mtv.launch.fields import ADMINISTRATIVE, CAVEATS, HONOURED, LONGEST_GRACE_SECONDS


class Efi(msgspec.Struct, frozen=True, rename="camel"):
    """``secure_boot`` is True when absent, as in KubeVirt."""

    secure_boot: bool = True


class Bios(msgspec.Struct, frozen=True, rename="camel"):
    """The console shows the BIOS in any case, so ``useSerial`` changes nothing."""

    use_serial: bool = False


class Bootloader(msgspec.Struct, frozen=True):
    """At most one of both; BIOS when there is none."""

    bios: Bios | None = None
    efi: Efi | None = None


class FirmwareSpec(msgspec.Struct, frozen=True):
    """What the guest's SMBIOS says, and what starts it."""

    uuid: str | None = None
    serial: str | None = None
    bootloader: Bootloader = Bootloader()


class Cpu(msgspec.Struct, frozen=True):
    """Topology and model."""

    sockets: int = 1
    cores: int = 1
    threads: int = 1
    model: str | None = None


class Memory(msgspec.Struct, frozen=True):
    """``guest`` is a Kubernetes quantity."""

    guest: str | int


class Utc(msgspec.Struct, frozen=True, rename="camel"):
    """UTC, or a fixed time from it."""

    offset_seconds: int | None = None


class Clock(msgspec.Struct, frozen=True):
    """What the hardware clock shows: UTC where nothing is said. ``timezone`` is the IANA's name."""

    timezone: str | None = None
    utc: Utc | None = None


class Machine(msgspec.Struct, frozen=True):
    """Machine type of QEMU."""

    type: str = "q35"


class DiskTarget(msgspec.Struct, frozen=True):
    """How a disk is attached."""

    bus: Literal["virtio", "sata", "scsi"]
    readonly: bool = False


class DiskDevice(msgspec.Struct, frozen=True, rename="camel"):
    """A disk of the guest."""

    name: str
    disk: DiskTarget | None = None
    lun: DiskTarget | None = None
    """In place of ``disk``: a LUN of the array, which the guest sees as a disk of the bus here."""
    serial: str | None = None
    boot_order: int | None = None

    @property
    def target(self) -> DiskTarget:
        """How it is attached. Raises LaunchError unless exactly one of both says so."""
        if self.disk is not None and self.lun is not None:
            raise LaunchError(f"the disk {self.name!r} is both a disk and a LUN")
        found = self.disk or self.lun
        if found is None:
            raise LaunchError(f"the disk {self.name!r} is neither a disk nor a LUN")
        return found


class Interface(msgspec.Struct, frozen=True, rename="camel"):
    """A network card of the guest."""

    name: str
    model: Literal["virtio", "e1000e", "e1000", "rtl8139"] = "virtio"
    mac_address: str | None = None
    state: Literal["up", "down", "absent"] = "up"


class Input(msgspec.Struct, frozen=True):
    """A pointer of the guest."""

    name: str
    type: Literal["tablet"]
    bus: Literal["virtio", "usb"] = "usb"


class Devices(msgspec.Struct, frozen=True):
    """Disks, network cards and the rest, in manifest order."""

    disks: tuple[DiskDevice, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    inputs: tuple[Input, ...] = ()
    rng: dict[str, str] | None = None
    """Empty: it has no settings."""


class DomainSpec(msgspec.Struct, frozen=True):
    """The hardware."""

    memory: Memory
    devices: Devices
    machine: Machine = Machine()
    firmware: FirmwareSpec = FirmwareSpec()
    cpu: Cpu = Cpu()
    clock: Clock = Clock()


class Multus(msgspec.Struct, frozen=True, rename="camel"):
    """A network attachment definition, ``namespace/name``."""

    network_name: str


class Network(msgspec.Struct, frozen=True):
    """What the interface of the same name is attached to: the pod network when not multus."""

    name: str
    multus: Multus | None = None


class Volume(msgspec.Struct, frozen=True):
    """What a disk of the same name holds; which file that is here, the task says."""

    name: str


class VmiSpec(msgspec.Struct, frozen=True, rename="camel"):
    """``spec.template.spec``."""

    domain: DomainSpec
    architecture: Literal["amd64"] = "amd64"
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()
    termination_grace_period_seconds: int | None = None


class Template(msgspec.Struct, frozen=True):
    """``spec.template``."""

    spec: VmiSpec


class Spec(msgspec.Struct, frozen=True):
    """``spec``."""

    template: Template


class Metadata(msgspec.Struct, frozen=True):
    """``metadata``; the name is RFC 1123."""

    name: str


class VirtualMachine(msgspec.Struct, frozen=True, rename="camel"):
    """A VirtualMachine, as far as we understand it."""

    api_version: Literal["kubevirt.io/v1"]
    kind: Literal["VirtualMachine"]
    metadata: Metadata
    spec: Spec


_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")


def parse(manifest: dict[str, Any]) -> tuple[VirtualMachine, tuple[str, ...]]:
    """The typed manifest, and a caveat for each field of it that will not be honoured.

    Raises LaunchError that names the path of a field this launcher does not know, or whose value
    is not of the right type.
    """
    caveats: dict[str, None] = {}
    manifest = _with_size(manifest)
    for path, value in leaves(manifest):
        if path in HONOURED or _below(path, ADMINISTRATIVE) or _says_nothing(path, value):
            continue
        known = _below(path, CAVEATS)
        if known is None:
            raise LaunchError(
                f"this launcher does not know the field {path} of the manifest",
                "remove the field for the check, or check this VM in the cluster",
            )
        shown = re.sub(r"[^\w.-]", "?", str(value))[:40]
        caveats[CAVEATS[known].format(value=shown)] = None
    try:
        vm = msgspec.convert(manifest, VirtualMachine)
    except msgspec.ValidationError as problem:
        text = str(problem).replace("`$.", "`")
        raise LaunchError(f"the VirtualMachine manifest is wrong: {text}") from problem
    if not _NAME.match(vm.metadata.name):
        raise LaunchError(f"metadata.name is no name of a VirtualMachine: {vm.metadata.name!r}")
    grace = vm.spec.template.spec.termination_grace_period_seconds or 0
    if grace > LONGEST_GRACE_SECONDS:
        text = f"the guest has {LONGEST_GRACE_SECONDS} seconds to shut down, and not {grace}"
        caveats[text] = None
    return vm, tuple(caveats)


def _with_size(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the CPUs and memory of its instance type, as KubeVirt fills them in.

    Raises LaunchError for an instance type whose size nobody here knows.
    """
    spec = manifest.get("spec")
    named = spec.get("instancetype") if isinstance(spec, dict) else None
    if not named:
        return manifest
    name = named.get("name") if isinstance(named, dict) else named
    known = brought().get(name) if isinstance(name, str) else None
    if known is None:
        raise LaunchError(
            f"this launcher does not know the instance type {name!r}",
            "write cpu and memory into the manifest for the check, or check this VM in the cluster",
        )
    size = {"cpu": {"sockets": known.cpus}, "memory": {"guest": known.memory_bytes}}
    whole = copy.deepcopy(manifest)
    try:
        domain = whole["spec"]["template"]["spec"]["domain"]
        for field, value in size.items():
            domain[field] = {**domain.get(field, {}), **value}
    except (AttributeError, KeyError, TypeError):
        pass  # It is no VirtualMachine, which is found out right after.
    return whole


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its path, list items as ``[]``; an empty object or list is a leaf too.

    A null is left out: in Kubernetes that is a field that is not there.
    """
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for each in value:
            yield from leaves(each, f"{path}[]")
    elif value is not None:
        yield path, value


def _says_nothing(path: str, value: Any) -> bool:
    """True for an empty object or list where an honoured field could have stood."""
    return value in ({}, []) and any(each.startswith((f"{path}.", f"{path}[")) for each in HONOURED)


def _below(path: str, table: Iterable[str]) -> str | None:
    """The entry of the table that is the path or an ancestor of it."""
    for each in table:
        if path == each or path.startswith((f"{each}.", f"{each}[")):
            return each
    return None


_QUANTITY = re.compile(
    r"(?P<number>[+]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,2})?)(?P<suffix>[A-Za-z]*)\Z"
)
_SUFFIXES = {
    "m": Decimal(1) / 1000,
    "": Decimal(1),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def quantity_bytes(quantity: str | int, path: str) -> int:
    """A Kubernetes quantity (``4096Mi``, ``4Gi``, ``1e9``) in bytes, rounded up.

    Raises LaunchError with the field's path for anything else.
    """
    parsed = _QUANTITY.match(str(quantity))
    try:
        if parsed is None:
            raise InvalidOperation
        exact = Decimal(parsed["number"]) * _SUFFIXES[parsed["suffix"]]
    except (InvalidOperation, KeyError):
        raise LaunchError(f"{path} is no quantity: {quantity!r}") from None
    return int(exact.to_integral_value(rounding="ROUND_CEILING"))
