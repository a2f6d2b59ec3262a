"""The examples of ``examples.yaml``, and changed copies of them."""

import copy
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from mtv.knowledge.versions import Difference

ABSENT: Any = object()
"""As a new value: take the field away."""


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A manifest, and which versions take it."""

    name: str
    manifest: dict[str, Any]
    since: str | None = None
    until: str | None = None

    def is_for(self, openshift: str) -> bool:
        """True when a version takes it."""
        about = Difference(kind="", api="", since=self.since, until=self.until)
        return about.is_in(openshift)


@functools.cache
def examples() -> tuple[Example, ...]:
    """All of them, in the order of the file."""
    text = (Path(__file__).parent / "examples.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.load(text, Loader=yaml.CSafeLoader), tuple[Example, ...])


def example(name: str) -> dict[str, Any]:
    """A copy of the manifest of one example."""
    found = next(each for each in examples() if each.name == name)
    return copy.deepcopy(found.manifest)


def changed(manifest: dict[str, Any], *changes: tuple[str, Any]) -> dict[str, Any]:
    """A copy with other values at paths like ``spec.disks[0].bus``; a new index appends."""
    result = copy.deepcopy(manifest)
    for path, value in changes:
        *steps, last = steps_of(path)
        holder: Any = result
        for step in steps:
            holder = holder[step] if isinstance(step, int) else holder.setdefault(step, {})
        if value is ABSENT:
            del holder[last]
        elif isinstance(holder, list) and last == len(holder):
            holder.append(copy.deepcopy(value))
        else:
            holder[last] = copy.deepcopy(value)
    return result


def steps_of(path: str) -> list[str | int]:
    """``spec.disks[0].bus`` -> spec, disks, 0, bus; a name with dots stands in ``"``."""
    found = re.findall(r'"([^"]*)"|\[(\d+)\]|([^."\[]+)', path)
    return [int(index) if index else quoted or plain for quoted, index, plain in found]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Path and value of everything in a manifest."""
    if path:
        yield path, value
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for step, each in inside:
        yield from places(each, (*path, step))


def at(manifest: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at a path of ``places``."""
    result = copy.deepcopy(manifest)
    holder: Any = result
    for step in path[:-1]:
        holder = holder[step]
    if value is ABSENT:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return result
