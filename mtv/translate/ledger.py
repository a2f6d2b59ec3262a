"""The account: every collected path has a row; objects get entries where something changed."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from mtv.estate import Estate
from mtv.mappings import term_rows
from mtv.model.estate import Inventory
from mtv.model.ledger import Entry, Ledger, Outcome, PathCount, TermRow
from mtv.model.plain import leaves

UNACCOUNTED = "unaccounted"
"""Row id of a path that no row reads; a test keeps such paths out."""


def account(estate: Estate) -> Ledger:
    """What becomes of every value of the estate, by the rows of the terminology mapping."""
    rows = {path: row for row in term_rows() for path in row.reads}
    counts, entries = Counter[str](), list[Entry]()
    for inventory in estate.inventories:
        for path, ref, value in _values(msgspec.to_builtins(inventory), inventory.source):
            counts[path] += 1
            row = rows.get(path)
            if row is not None and _deserves_entry(row, value):
                says = row.says.format(value=value)
                entries.append(
                    Entry(row=row.id, ref=ref, path=path, outcome=row.outcome, says=says)
                )
    return Ledger(
        paths=tuple(
            PathCount(
                path=path,
                row=rows[path].id if path in rows else UNACCOUNTED,
                outcome=rows[path].outcome if path in rows else Outcome.REPORTED,
                values=counts[path],
            )
            for path in sorted(counts)
        ),
        entries=tuple(entries),
    )


def _deserves_entry(row: TermRow, value: Any) -> bool:
    """Adapted and reported values that say something; a False or plain one does not."""
    return (
        row.outcome in (Outcome.ADAPTED, Outcome.REPORTED)
        and value is not False
        and value not in ("", *row.plain)
    )


def _id(item: dict[str, Any]) -> str:
    """What names an object of the first level; definitions have no id, but a key or name."""
    return str(item.get("id") or item.get("key") or item["name"])


@cache
def _open_paths() -> frozenset[str]:
    """Paths of the dictionaries whose keys are the source's own."""
    return frozenset(leaf.path.removesuffix("{}") for leaf in leaves(Inventory) if leaf.open)


def _values(inventory: dict[str, Any], source: str) -> Iterator[tuple[str, str, Any]]:
    """Every set value of an inventory: its path, the ref of the object it belongs to, itself."""

    def walk(path: str, ref: str, value: Any) -> Iterator[tuple[str, str, Any]]:
        if path in _open_paths():
            for inner in value.values():
                yield f"{path}{{}}", ref, inner
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(f"{path}.{key}" if path else key, ref, inner)
        elif isinstance(value, list | tuple):
            for item in value:
                # Only the objects of the first level have refs; a disk belongs to its VM.
                first = "[]" not in path and isinstance(item, dict)
                inner_ref = f"{source}/{_id(item)}" if first else ref
                yield from walk(f"{path}[]", inner_ref, item)
        elif value is not None:
            yield path, ref, value

    yield from walk("", source, inventory)
