"""What changed between two inventories of one source: objects new, gone, changed, value by value.

Values that change by themselves (free space, statistics) are left out unless they are asked for:
``mappings/volatile.yaml`` says which, and why.
"""

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import msgspec

from mtv.inventory.kinds import Kind, identity, kinds
from mtv.mappings import read_yaml
from mtv.model.estate import Inventory
from mtv.model.plain import plain

_KEYS = ("id", "key", "name", "path", "mac", "index", "host", "network", "member")
"""By which field the elements of a list are paired: the first that names each of them."""


class Volatile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A path that changes by itself."""

    path: str
    why: str


class ValueChange(msgspec.Struct, frozen=True, kw_only=True):
    """One value that is another now; None: there was, or is, none."""

    path: str
    """``disks[2000].capacity_bytes``; in brackets what names the element."""
    old: Any
    new: Any


class ObjectRef(msgspec.Struct, frozen=True, kw_only=True):
    """An object that is new or gone."""

    kind: str
    ref: str
    name: str


class ObjectChange(msgspec.Struct, frozen=True, kw_only=True):
    """An object that is there before and after, and differs."""

    kind: str
    ref: str
    name: str
    values: tuple[ValueChange, ...]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """All that changed at one source between two collections."""

    source: str
    before: str
    """When the older one was collected."""
    after: str
    inventory: tuple[ValueChange, ...] = ()
    """What changed of the source as a whole: its version, what is not readable."""
    new: tuple[ObjectRef, ...] = ()
    gone: tuple[ObjectRef, ...] = ()
    changed: tuple[ObjectChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.inventory or self.new or self.gone or self.changed)


def changes(old: Inventory, new: Inventory, *, volatile: bool = False) -> Changes:
    """What changed from the old to the new; with ``volatile`` also what does so by itself."""
    known = _Known(() if volatile else volatile_paths())
    appeared, disappeared = list[ObjectRef](), list[ObjectRef]()
    differing = list[ObjectChange]()
    for kind in kinds().values():
        before, after = _by_identity(kind, old), _by_identity(kind, new)
        disappeared += [_ref(kind, old, before[id_]) for id_ in before if id_ not in after]
        appeared += [_ref(kind, new, after[id_]) for id_ in after if id_ not in before]
        for id_ in after:
            if id_ in before and before[id_] != after[id_]:
                values = tuple(_differences(before[id_], after[id_], "", f"{kind.field}[]", known))
                if values:
                    ref = _ref(kind, new, after[id_])
                    differing.append(
                        ObjectChange(kind=ref.kind, ref=ref.ref, name=ref.name, values=values)
                    )
    return Changes(
        source=new.source,
        before=old.collected_at,
        after=new.collected_at,
        inventory=tuple(_of_the_whole(old, new, known)),
        new=tuple(appeared),
        gone=tuple(disappeared),
        changed=tuple(differing),
    )


@cache
def volatile_paths() -> tuple[Volatile, ...]:
    """The paths that change by themselves, each with the reason."""
    return msgspec.convert(read_yaml("volatile.yaml"), tuple[Volatile, ...])


class _Known:
    """Answers whether a path is volatile."""

    def __init__(self, volatile: tuple[Volatile, ...]) -> None:
        paths = [each.path for each in volatile]
        self._paths = {path for path in paths if "{" not in path}
        self._keys = dict[str, list[str]]()
        for path in paths:
            head, brace, key = path.partition("{")
            if brace:
                self._keys.setdefault(head, []).append(key.removesuffix("}"))

    def path(self, path: str) -> bool:
        return path in self._paths

    def key(self, path: str, key: str) -> bool:
        """True for a volatile key of the dictionary at a path."""
        return any(fnmatchcase(key, pattern) for pattern in self._keys.get(path, ()))


def _by_identity(kind: Kind, inventory: Inventory) -> dict[str, Any]:
    """The objects of a kind; the second of two with one identity gets a number, as does a third."""
    seen = Counter[str]()
    found = {}
    for thing in kind.of(inventory):
        id_ = identity(thing)
        seen[id_] += 1
        found[id_ if seen[id_] == 1 else f"{id_}#{seen[id_]}"] = thing
    return found


def _ref(kind: Kind, inventory: Inventory, thing: Any) -> ObjectRef:
    name = str(getattr(thing, "name", ""))
    return ObjectRef(kind=kind.name, ref=f"{inventory.source}/{identity(thing)}", name=name)


def _of_the_whole(old: Inventory, new: Inventory, known: _Known) -> Iterator[ValueChange]:
    objects = {kind.field for kind in kinds().values()}
    for field in new.__struct_fields__:
        if field not in objects and not known.path(field):
            yield from _differences(getattr(old, field), getattr(new, field), field, field, known)


def _differences(
    old: Any, new: Any, path: str, pattern: str, known: _Known
) -> Iterator[ValueChange]:
    """The values that differ below a path; ``pattern`` is the path as the model writes it."""
    if type(old) is type(new) and old == new:
        return
    if isinstance(old, msgspec.Struct) and type(old) is type(new):
        names = zip(old.__struct_fields__, old.__struct_encode_fields__, strict=True)
        for field, encoded in names:
            inner = f"{pattern}.{encoded}"
            if not known.path(inner):
                below = f"{path}.{encoded}" if path else encoded
                values = getattr(old, field), getattr(new, field)
                yield from _differences(*values, below, inner, known)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            was, is_ = old.get(key), new.get(key)
            if was != is_ and not known.key(pattern, key):
                yield ValueChange(path=f"{path}[{key}]", old=was, new=is_)
    elif isinstance(old, tuple) and isinstance(new, tuple) and _are_structs(old + new):
        yield from _of_lists(old, new, path, f"{pattern}[]", known)
    else:
        yield ValueChange(path=path, old=_said(old), new=_said(new))


def _are_structs(values: tuple[Any, ...]) -> bool:
    return all(isinstance(value, msgspec.Struct) for value in values)


def _of_lists(
    old: tuple[Any, ...], new: tuple[Any, ...], path: str, pattern: str, known: _Known
) -> Iterator[ValueChange]:
    """Pairs the elements of two lists by what names them, else by their place."""
    before, after = _named(old, new), _named(new, old)
    for key in [*before, *(key for key in after if key not in before)]:
        was, is_ = before.get(key), after.get(key)
        yield from _differences(was, is_, f"{path}[{key}]", pattern, known)
    if list(before) != list(after) and before.keys() == after.keys():
        yield ValueChange(path=f"{path} (order)", old=list(before), new=list(after))


def _named(values: tuple[Any, ...], others: tuple[Any, ...]) -> dict[str, Any]:
    """The elements by the first field that names each of both lists, else by their number."""
    for field in _KEYS:
        for side in (values, others):
            keys = [getattr(value, field, None) for value in side]
            if None in keys or len(set(keys)) != len(keys):
                break
        else:
            return {str(getattr(value, field)): value for value in values}
    return {str(number): value for number, value in enumerate(values)}


def _said(value: Any) -> Any:
    """A value as it is shown and written: of a noun only the fields that are set."""
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    return plain(value)
