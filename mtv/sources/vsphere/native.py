"""What no field carries: the source's own leaves, by the table in mappings/completeness."""

import re
from functools import cache
from typing import Any

from mtv.mappings import completeness
from mtv.model.quantity import Native
from mtv.sources.vsphere.wire import Data, Ref

REDACTED = "<redacted>"

SECRET = re.compile(r"passw(or)?d|passphrase|secret|token|credential|private_?key", re.IGNORECASE)
"""Names of properties and keys whose value is never collected."""

Trie = dict[str, "Trie | None"]
"""Names of properties; ``None`` is a path that a field carries or that is left out."""

_NOTHING: Trie = {}


@cache
def carried(kind: str) -> Trie:
    """The paths of one type that do not belong in ``native``."""
    table = completeness("vsphere").kinds[kind]
    trie: Trie = {}
    for path in (*table.fields, *(each for left in table.left_out for each in left.paths)):
        *above, last = path.split(".")
        at: Trie = trie
        for name in above:
            below = at.setdefault(name, {})
            if below is None:
                break  # a shorter path covers it
            at = below
        else:
            at[last] = None
    return trie


def native(kind: str, data: Data) -> Native:
    """Every set leaf of a data object that the table leaves to ``native``.

    The key is the path: ``config.tools.syncTimeWithHost``; lists have the element's key, else
    its number: ``device[4000].x``. Where a property can hold several classes the path itself has
    the class: ``backing: VirtualDiskFlatVer2BackingInfo``. Of a pair of key and value the value
    stands under ``[key]``. Secrets are ``<redacted>``.
    """
    found: Native = {}
    _flatten(data, carried(kind), "", found)
    return found


def _flatten(data: Data, trie: Trie, prefix: str, found: Native) -> None:
    for name, value in data.items():
        below = trie.get(name, _NOTHING)
        if below is not None:
            _put(prefix + name, name, value, below, found)


def _put(path: str, name: str, value: Any, trie: Trie, found: Native) -> None:
    kind = type(value)
    if kind is Data:
        if value.said and not trie:
            found[path] = value.kind
        _flatten(value, trie, path + ".", found)
    elif kind is list:
        _put_list(path, name, value, trie, found)
    elif value is None or value == "":
        return
    elif SECRET.search(name):
        found[path] = REDACTED
    else:
        found[path] = str(value) if kind is Ref else value


def _put_list(path: str, name: str, items: list[Any], trie: Trie, found: Native) -> None:
    labels = set[Any]()
    for number, item in enumerate(items):
        label = item.get("key", number) if type(item) is Data else number
        if type(label) is Data or label in labels:
            label = number
        labels.add(label)
        if type(item) is Data and item.keys() == {"key", "value"}:
            _put(f"{path}[{label}]", str(label), item.get("value"), trie, found)
        else:
            _put(f"{path}[{label}]", name, item, trie, found)
