"""Nouns as plain data, and the paths of their values.

Inventories leave out fields at their default. Expressions (rules, ``--where``) and tables want
all fields, so that asking for one that is unset gives null instead of an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec


def plain(noun: Any) -> Any:
    """A noun as dictionaries, lists and scalars, with every field it could have."""
    if isinstance(noun, msgspec.Struct):
        names = zip(noun.__struct_fields__, noun.__struct_encode_fields__, strict=True)
        return {encoded: plain(getattr(noun, name)) for name, encoded in names}
    if isinstance(noun, tuple | list):
        return [plain(each) for each in noun]
    if isinstance(noun, dict):
        return dict(noun)
    if isinstance(noun, str):
        return str(noun)  # an enumeration's value
    return noun


@dataclass(frozen=True)
class Leaf:
    """A path that ends in a value; ``open`` when it is a dictionary with keys of the source."""

    path: str
    open: bool = False


def leaves(kind: Any, path: str = "") -> Iterator[Leaf]:
    """Every path of a noun that ends in a plain value: ``vms[].disks[].capacity_bytes``.

    Dictionaries end in ``{}``: ``vms[].native{}``.
    """
    yield from _leaves(msgspec.inspect.type_info(kind), path)


def _leaves(kind: msgspec.inspect.Type, path: str) -> Iterator[Leaf]:
    if isinstance(kind, msgspec.inspect.UnionType):
        (kind,) = (each for each in kind.types if not isinstance(each, msgspec.inspect.NoneType))
    if isinstance(kind, msgspec.inspect.StructType):
        for field in kind.fields:
            name = field.encode_name
            yield from _leaves(field.type, f"{path}.{name}" if path else name)
    elif isinstance(kind, msgspec.inspect.VarTupleType):
        yield from _leaves(kind.item_type, f"{path}[]")
    elif isinstance(kind, msgspec.inspect.DictType):
        yield Leaf(f"{path}{{}}", open=True)
    else:
        yield Leaf(path)
