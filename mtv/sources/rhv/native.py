"""Every property of an SDK object that has no field of its own, flat: path -> scalar.

Which paths have a field, and which are left out for a reason, is in
``mappings/completeness/rhv.yaml``. A reference to an object of a kind in that table is its id only:
the object itself is elsewhere in the inventory.
"""

import enum
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from ovirtsdk4 import Struct

from mtv.mappings import completeness
from mtv.model.quantity import Native, Scalar, Setting
from mtv.sources.rhv.values import moment

NEVER = frozenset({"password", "root_password", "custom_script", "windows_license_key"})
"""Attributes that are secrets wherever they are, whatever the table says."""

HIDDEN = "(left at the source: its name is that of a secret)"

_SECRET = re.compile(
    r"pass$|passw|passphrase|secret|token|credential|(api|private)_?key", re.IGNORECASE
)


def native(thing: Any, prefix: str = "") -> Native:
    """What of an object has no field; ``prefix`` goes before every key: ``disk.``."""
    if thing is None:
        return {}
    kind = type(thing).__name__
    return {f"{prefix}{place}": value for place, value in _leaves(thing, "", "", _skipped(kind))}


def settings(properties: Any) -> tuple[Setting, ...]:
    """Names with their values, in order of their names. What looks like a secret is not shown."""
    return tuple(
        Setting(name=each.name, value=shown(each.name, each.value))
        for each in sorted(properties or (), key=lambda each: each.name or "")
        if each.name and each.value is not None
    )


def shown(name: str, value: str) -> str:
    """The value of a property with a free name; never that of a secret."""
    return HIDDEN if _SECRET.search(name) else value


def _leaves(
    thing: Any, path: str, place: str, skipped: frozenset[str]
) -> Iterator[tuple[str, Scalar]]:
    attributes = vars(thing)
    name = attributes.get("_name") if "_value" in attributes else None
    if name and "_id" not in attributes:
        # A property or option: its name is part of the key.
        if f"{path}.value" not in skipped and attributes["_value"] is not None:
            yield place, shown(name, attributes["_value"])
        return
    for attribute, value in attributes.items():
        key = attribute[1:]
        if value is None or value == "" or key == "href" or key in NEVER:
            continue
        if name and key == "value":
            value = shown(name, value)
        below = f"{path}.{key}" if path else key
        if below not in skipped:
            yield from _value(value, below, f"{place}.{key}" if place else key, skipped)


def _value(
    value: Any, path: str, place: str, skipped: frozenset[str]
) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, list):
        if f"{path}[]" in skipped:
            return
        for number, each in enumerate(value):
            label = getattr(each, "name", None) if hasattr(each, "value") else None
            yield from _value(each, f"{path}[]", f"{place}[{label or number}]", skipped)
    elif isinstance(value, enum.Enum):
        yield place, str(value.value)
    elif isinstance(value, Struct):
        if type(value).__name__ in _kinds():
            if value.id is not None and f"{path}.id" not in skipped:
                yield f"{place}.id", value.id
        else:
            yield from _leaves(value, path, place, skipped)
    elif isinstance(value, datetime):
        yield place, moment(value) or ""
    else:
        yield place, value


@cache
def _kinds() -> frozenset[str]:
    return frozenset(name.removeprefix("types.") for name in completeness("rhv").kinds)


@cache
def _skipped(kind: str) -> frozenset[str]:
    """Paths of a type that have a field or are left out, each for all below it."""
    table = completeness("rhv").kinds[f"types.{kind}"]
    return frozenset(table.fields) | {path for each in table.left_out for path in each.paths}
