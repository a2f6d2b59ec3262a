"""The account: every collected value has a row of the terminology mapping.

Rows are found by path and product. The source's own properties (``native``) are found by the
longest row that covers them: ``hosts[].native{hardware.biosInfo}`` answers for all below it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from mtv.estate import Estate
from mtv.inventory.kinds import identity
from mtv.mappings import term_rows
from mtv.model.estate import Inventory
from mtv.model.ledger import Entry, Ledger, Outcome, PathCount, TermRow
from mtv.model.plain import leaves

UNACCOUNTED = TermRow(
    id="unaccounted",
    concept="unknown to mtv",
    source={},
    target="none",
    reads=(),
    outcome=Outcome.REPORTED,
    says="A property that mtv does not know: look whether the VM needs it.",
)
"""Answers for a property that no row reads, such as one of a newer source."""

Value = tuple[str, str, Any]
"""Path of the row, ref of the object of the first level, value."""


class Rows:
    """The rows that answer for one product's values."""

    def __init__(self, product: str) -> None:
        self._by_path = {
            path: row for row in term_rows() if row.answers_for(product) for path in row.reads
        }
        self._native = dict[tuple[str, str], str]()

    def row(self, path: str) -> TermRow:
        """The row of a path, as ``path_of`` gives it."""
        return self._by_path.get(path, UNACCOUNTED)

    def path_of(self, native: str, key: str) -> str:
        """The path of the row that covers a property of a ``native``: ``hosts[].native{config}``.

        ``native`` is the dictionary's own path, ``hosts[].native``. The path with the whole key
        where no row covers it.
        """
        found = self._native.get((native, key))
        if found is None:
            found = self._native[native, key] = self._covering(native, key)
        return found

    def _covering(self, native: str, key: str) -> str:
        plain = _LABELS.sub("", key)
        part = plain
        while part:
            path = f"{native}{{{part}}}"
            if path in self._by_path:
                return path
            # Elements of an OVF have attributes: ``ProductSection@required``.
            part = part[: max(part.rfind("."), part.rfind("@"), 0)]
        return f"{native}{{{plain}}}"


_LABELS = re.compile(r"\[[^\]]*\]")


@cache
def rows_of(product: str) -> Rows:
    """The rows of one product."""
    return Rows(product)


def account(estate: Estate) -> Ledger:
    """What becomes of every value of the estate, by the rows of the terminology mapping."""
    counts = Counter[tuple[str, str]]()
    reported = dict[tuple[str, str, str], dict[str, None]]()
    for inventory in estate.inventories:
        rows = rows_of(inventory.product)
        for path, ref, value in values(inventory):
            counts[path, inventory.product] += 1
            row = rows.row(path)
            if row.outcome is Outcome.REPORTED and says_something(row, value):
                said = (row.id, path, row.says.format(value=value))
                reported.setdefault(said, {})[ref] = None
    return Ledger(
        paths=tuple(
            PathCount(
                path=path,
                product=product,
                row=rows_of(product).row(path).id,
                outcome=rows_of(product).row(path).outcome,
                values=values,
            )
            for (path, product), values in sorted(counts.items())
        ),
        entries=tuple(
            Entry(row=row, path=path, says=says, refs=tuple(refs))
            for (row, path, says), refs in reported.items()
        ),
    )


def says_something(row: TermRow, value: Any) -> bool:
    """False for a value that every object has: a False, an empty text, one of the row's plain.

    Those are texts; numbers and True are compared as they are written in YAML: ``1000``, ``true``.
    """
    said = value if isinstance(value, str) else str(value).lower()
    return value is not False and said not in ("", *row.plain)


def values(inventory: Inventory) -> Iterator[Value]:
    """Every set value of an inventory: its path, the ref of the object it belongs to, itself."""
    rows, source = rows_of(inventory.product), inventory.source
    for field in msgspec.structs.fields(Inventory):
        held = getattr(inventory, field.name)
        if isinstance(held, tuple) and held and isinstance(held[0], msgspec.Struct):
            node = _node(f"{field.encode_name}[]")
            for thing in held:
                # One object after the other: all of them as plain data would fill the memory.
                plain = msgspec.to_builtins(thing)
                yield from _walk(node, f"{source}/{identity(thing)}", plain, rows)
        elif held is not None and held != field.default:
            yield from _walk(_node(field.encode_name), source, msgspec.to_builtins(held), rows)


def values_of(kind: str, thing: Any, product: str) -> Iterator[tuple[str, str, Any]]:
    """Every set value of one object; ``kind`` is its list: ``vms``.

    The path of its row, its own path with the keys of the source (``native{config.annotation}``),
    and the value.
    """
    yield from _walk(_node(f"{kind}[]"), "", msgspec.to_builtins(thing), rows_of(product), True)


class _Node:
    """A place in the inventory's tree, with its path; made once, so that walking is fast."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.is_native = path.endswith(".native")
        self.is_open = path in _open_paths()
        self._inner = dict[str, _Node]()

    def inner(self, name: str) -> "_Node":
        """The place of a field, or (``[]``) of a list's items."""
        found = self._inner.get(name)
        if found is None:
            path = f"{self.path}[]" if name == "[]" else f"{self.path}.{name}"
            found = self._inner[name] = _Node(path)
        return found


@cache
def _node(path: str) -> _Node:
    return _Node(path)


@cache
def _open_paths() -> frozenset[str]:
    """Paths of the dictionaries whose keys are the source's own."""
    return frozenset(leaf.path.removesuffix("{}") for leaf in leaves(Inventory) if leaf.open)


def _walk(node: _Node, ref: str, value: Any, rows: Rows, own: bool = False) -> Iterator[Value]:
    """``own``: give each value's own path, keys included, in place of the ref."""
    if node.is_open:
        for key, inner in value.items():
            path = rows.path_of(node.path, key) if node.is_native else f"{node.path}{{}}"
            yield path, f"{node.path}{{{key}}}" if own else ref, inner
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(node.inner(key), ref, inner, rows, own)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _walk(node.inner("[]"), ref, item, rows, own)
    elif value is not None:
        yield node.path, node.path if own else ref, value
