"""What becomes of virtual hardware (``mappings/devices.yaml``; its head says how a row is read)."""

from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

import msgspec

from mtv.mappings import read_yaml
from mtv.model.concern import Category

Bus = Literal["virtio", "scsi", "sata"]

Becoming = Literal[
    "nothing",
    "lost",
    "tablet",
    "sound",
    "rng",
    "watchdog",
    "usb-redirection",
    "host-device",
    "gpu",
]


class BusRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Controllers whose disks keep their bus."""

    controllers: tuple[str, ...]
    bus: Bus
    products: tuple[str, ...] = ("*",)


class ControllerRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Disk controllers that the target lacks."""

    id: str
    controllers: tuple[str, ...]
    same_as: str = ""
    """The bus that is the same to the guest."""
    says: str
    remedy: str


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people have to know of some disks."""

    row: str
    category: Category
    says: str
    remedy: str


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sort of device."""

    id: str
    kinds: tuple[str, ...]
    """Of ``mtv.model.vm.DeviceKind``."""
    classes: tuple[str, ...] = ("*",)
    becomes: Becoming
    model: str = ""
    """Of a sound device."""
    media: bool = False
    """Told only where there is something in or behind it."""
    category: Category = Category.INFORMATION
    says: str = ""
    """Empty: there is nothing to tell."""
    remedy: str = ""


class VirtualHardware(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the file."""

    buses: tuple[BusRow, ...]
    controllers: tuple[ControllerRow, ...]
    disks: dict[str, Told]
    watchdog_actions: dict[str, str]
    devices: tuple[DeviceRow, ...]


@cache
def hardware() -> VirtualHardware:
    """The whole table."""
    return msgspec.convert(read_yaml("devices.yaml"), VirtualHardware)


@cache
def kept_bus(controller: str, product: str) -> Bus | None:
    """The bus that disks of a controller keep; None where the guest system decides."""
    for row in hardware().buses:
        if _is_one_of(controller, row.controllers) and _is_one_of(product, row.products):
            return row.bus
    return None


@cache
def controller_row(controller: str) -> ControllerRow | None:
    """The row of a disk controller; None for one that no guest misses."""
    fitting = (r for r in hardware().controllers if _is_one_of(controller, r.controllers))
    return next(fitting, None)


@cache
def device_row(kind: str, class_: str) -> DeviceRow:
    """The row of a device. What no other row fits is the last one, ``unknown``."""
    for row in hardware().devices:
        if _is_one_of(kind, row.kinds) and _is_one_of(class_, row.classes):
            return row
    raise LookupError("mappings/devices.yaml has no row for everything")


def watchdog_action(action: str | None) -> str | None:
    """What a watchdog of the target does; None where it cannot do that. It resets by itself."""
    return hardware().watchdog_actions.get((action or "reset").lower())


def _is_one_of(word: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(word.lower(), pattern.lower()) for pattern in patterns)
