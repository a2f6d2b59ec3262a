"""The file of an inventory, ``inventory/<source>.json``: written in one order, read with checks.

    {
     "format": 2,
     "source": "vc1",
     ...
     "vms": [
      {"id":"vm-21","name":"web01",...},
      {"id":"vm-22","name":"web02",...}
     ]
    }

One line an object: what changed is seen line by line in git, and 10,000 VMs load in seconds. The
same estate gives the same bytes, whatever the order in which a source tells it.
"""

import contextlib
import gc
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from mtv.errors import ProjectError
from mtv.model.compute import (
    AffinityLabel,
    Cluster,
    Group,
    Host,
    PlacementRule,
    ResourcePool,
    VApp,
)
from mtv.model.estate import FORMAT, Inventory
from mtv.model.network import Network, Switch
from mtv.model.organisation import Role, TagCategory
from mtv.model.storage import Datastore, DatastoreCluster, LogicalUnit
from mtv.model.vm import Guest, Vm
from mtv.project import write_atomically

REMEDY = "make it again with: mtv collect"

UNORDERED: dict[type[Any], tuple[str, ...]] = {
    AffinityLabel: ("vms", "hosts"),
    Cluster: ("groups", "rules", "networks", "tags"),
    Datastore: ("hosts", "tags", "logical_units"),
    DatastoreCluster: ("datastores", "tags", "vm_overrides"),
    Group: ("vms", "hosts"),
    Guest: ("file_systems", "applications"),
    Host: (
        *("nics", "bonds", "switches", "port_groups", "interfaces", "pci_devices"),
        *("logical_units", "affinity_labels", "tags"),
    ),
    LogicalUnit: ("hosts",),
    Network: ("hosts", "clusters", "labels", "usages", "tags"),
    PlacementRule: ("vms", "hosts"),
    ResourcePool: ("vms", "tags"),
    Role: ("privileges",),
    Switch: ("hosts", "tags"),
    TagCategory: ("kinds",),
    VApp: ("vms", "tags"),
    Vm: ("files", "tags"),
}
"""Lists whose order has no meaning; those of disks, cards, devices and snapshots have one."""

_NAMES = ("id", "key", "version", "name", "host", "network", "path")
"""What objects are sorted by, as far as they have it. One id may be there for several versions."""


def natural(text: str) -> tuple[tuple[Any, ...], str]:
    """A key that sorts ``vm-9`` before ``vm-10``."""
    parts = re.split(r"([0-9]+)", text)
    digits = [part.lstrip("0") for part in parts[1::2]]
    key = [*zip(parts[::2], map(len, digits), digits, strict=False), (parts[-1],)]
    return tuple(key), text


def arranged(inventory: Inventory) -> Inventory:
    """The inventory with every list in its one order."""
    changes: dict[str, Any] = {}
    for field in inventory.__struct_fields__:
        values = getattr(inventory, field)
        if isinstance(values, tuple) and values:
            changes[field] = _sorted(tuple(map(_tidy, values)))
    return msgspec.structs.replace(inventory, **changes)


def _tidy(thing: Any) -> Any:
    """An object with its inner lists in order; itself where they are."""
    changes: dict[str, Any] = {}
    for field in UNORDERED.get(type(thing), ()):
        values = getattr(thing, field)
        if values:
            ordered = _sorted(tuple(map(_tidy, values)))
            if ordered != values:
                changes[field] = ordered
    if isinstance(thing, Vm) and thing.guest is not None:
        guest = _tidy(thing.guest)
        if guest is not thing.guest:
            changes["guest"] = guest
    return msgspec.structs.replace(thing, **changes) if changes else thing


def _sorted(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(values, key=_key(type(values[0]))))


def _key(kind: type[Any]) -> Callable[[Any], Any]:
    if not issubclass(kind, msgspec.Struct):
        return lambda value: natural(str(value))
    fields = kind.__struct_fields__
    if "id" in fields and "version" not in fields:
        return lambda value: natural(value.id)
    names = [name for name in _NAMES if name in fields]
    return lambda value: [natural(str(getattr(value, name))) for name in names]


def write_inventory(path: Path, inventory: Inventory) -> Inventory:
    """Writes an inventory, whole or not at all; returns it as it will be read."""
    whole = arranged(inventory)
    write_atomically(path, b"".join(_lines(whole)))
    return whole


def _lines(inventory: Inventory) -> Iterator[bytes]:
    """``format`` comes first and is always there: an older mtv sees at once that it is too old."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    yield b'{\n "format": %d' % inventory.format
    for field in msgspec.structs.fields(Inventory):
        value = getattr(inventory, field.name)
        if field.name == "format" or (not field.required and value == field.default):
            continue
        yield b",\n " + encode(field.encode_name) + b": "
        if isinstance(value, tuple) and value:
            yield b"["
            for number, each in enumerate(value):
                yield (b",\n  " if number else b"\n  ") + encode(each)
            yield b"\n ]"
        else:
            yield encode(value)
    yield b"\n}\n"


class _Head(msgspec.Struct, frozen=True):
    """What any mtv can read of an inventory of any format."""

    format: int = 1
    source: str = ""


def read_inventory(path: Path) -> Inventory:
    """Reads an inventory. Raises ProjectError with the remedy where that cannot be.

    It is missing, broken, of another format, or of another source than its name says.
    """
    inventory = read_foreign_inventory(path)
    if inventory.source != path.stem:
        raise ProjectError(
            f"{_shown(path)} is the inventory of another source, {inventory.source!r}",
            f"rename it to {inventory.source}.json or take it away, then: mtv collect",
        )
    return inventory


def read_foreign_inventory(path: Path) -> Inventory:
    """``read_inventory`` for a file of any name: an older one to compare with."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as problem:
        raise ProjectError(f"{_shown(path)} is not there", "make it with: mtv collect") from problem
    except OSError as problem:
        raise ProjectError(f"{_shown(path)}: {problem.strerror}", REMEDY) from problem
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format == FORMAT:
            with _no_garbage_collection():
                return msgspec.json.decode(data, type=Inventory)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        said = str(problem).partition("\n")[0]
        raise ProjectError(f"{_shown(path)} is no inventory: {said}", REMEDY) from problem
    age = "an older" if head.format < FORMAT else "a newer"
    raise ProjectError(
        f"{_shown(path)} was written by {age} mtv: it is of format {head.format}, "
        f"this mtv reads {FORMAT}",
        "run: mtv collect" if head.format < FORMAT else "use that mtv, or run: mtv collect",
    )


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Millions of new objects and no garbage: searching for some would cost more than decoding."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
