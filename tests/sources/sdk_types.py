"""ovirtsdk4's types, walked: which attributes they have, and what those hold by its readers."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import ovirtsdk4.readers
import ovirtsdk4.types
from ovirtsdk4 import Struct

_LINE = re.compile(r"obj\.(\w+) = (\w+)\.(read_\w+)\((?:types\.(\w+), )?reader\)")
"""How a reader sets an attribute: ``obj.bios = BiosReader.read_one(reader)``."""

_ID = re.compile(r"obj\.id = (?:Reader\.parse_(\w+)\(value\)|types\.(\w+)\()")
"""How it takes an id that is no text from the XML attribute."""


@dataclass(frozen=True)
class Attribute:
    """What an attribute holds: a struct's type by name, an enumeration, or a plain value."""

    name: str
    kind: str
    """``struct``, ``enum``, ``string``, ``integer``, ``boolean``, ``decimal`` or ``date``."""
    type: str = ""
    many: bool = False


@cache
def attributes(kind: str) -> tuple[Attribute, ...]:
    """The attributes of a type, in order of their names."""
    found = {}
    for name, owner, read, enum in _LINE.findall(_source(kind)):
        what = read.removeprefix("read_")
        if owner == "Reader":
            many = what.endswith("s")
            found[name] = Attribute(name, what.rstrip("s"), enum, many)
        else:
            found[name] = Attribute(name, "struct", owner.removesuffix("Reader"), what == "many")
    for name, _ in inspect.getmembers(
        getattr(ovirtsdk4.types, kind), lambda each: isinstance(each, property)
    ):
        if name != "href":
            # The reader takes ids from an XML attribute.
            special = _ID.search(_source(kind))
            what, enum = special.groups("") if special else ("string", "")
            found.setdefault(name, Attribute(name, what or "enum", enum))
    return tuple(found[name] for name in sorted(found))


@cache
def _sources() -> dict[str, str]:
    """The text of each reader, by its type, as far as it reads one object."""
    parts = re.split(r"^class (\w+)Reader\(.*$", inspect.getsource(ovirtsdk4.readers), flags=re.M)
    texts = (text.partition("def read_many")[0] for text in parts[2::2])
    return dict(zip(parts[1::2], texts, strict=True))


def _source(kind: str) -> str:
    return _sources().get(kind, "")


def all_types() -> set[str]:
    """The names of all struct types."""
    return {
        name
        for name, each in vars(ovirtsdk4.types).items()
        if inspect.isclass(each) and issubclass(each, Struct) and each is not Struct
    }


def walk(
    kind: str, kinds: set[str], ends: frozenset[str], reached: set[str] | None = None
) -> Iterator[tuple[str, Attribute]]:
    """Every path of a type that ends in a value: ``bios.type``, ``cpu.cores[].index``.

    A reference to one of ``kinds`` ends with its ``.id``, a list of them with ``[]``. Paths in
    ``ends`` are not walked further. ``reached`` gets the types on the way.
    """
    yield from _walk(kind, "", kinds, ends, (kind,), reached if reached is not None else set())


def _walk(
    kind: str,
    path: str,
    kinds: set[str],
    ends: frozenset[str],
    above: tuple[str, ...],
    reached: set[str],
) -> Iterator[tuple[str, Attribute]]:
    reached.add(kind)
    for each in attributes(kind):
        below = f"{path}.{each.name}" if path else each.name
        if each.many:
            below += "[]"
        if below in ends or each.kind != "struct":
            yield below, each
        elif each.type in kinds:
            yield below if each.many else f"{below}.id", each
        elif each.type in above:
            raise AssertionError(f"{below} comes back to {each.type}: say where it ends")
        else:
            yield from _walk(each.type, below, kinds, ends, (*above, each.type), reached)


def hold(kind: str) -> Any:
    """An empty object of a type."""
    return getattr(ovirtsdk4.types, kind)()
