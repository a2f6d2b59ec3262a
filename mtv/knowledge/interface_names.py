"""What becomes of the names of network cards in a guest (``mappings/interface-names.yaml``)."""

import re
from fnmatch import fnmatchcase
from functools import cache

import msgspec

from mtv.mappings import read_yaml


class InterfaceNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How guests of one family name their cards."""

    systems: tuple[str, ...]
    """Ids of guest systems."""
    name: str
    stays: str
    """Names that stay the same while the order of the cards does; empty: none."""
    says: str
    remedy: str

    def keeps(self, name: str) -> bool:
        """True for a name of a card that stays."""
        return bool(self.stays) and re.fullmatch(self.stays, name, re.ASCII) is not None


@cache
def interface_names(system: str) -> InterfaceNames:
    """The row that answers for a guest system; the last one answers for all others."""
    for row in _rows():
        if any(fnmatchcase(system, pattern) for pattern in row.systems):
            return row
    raise LookupError(f"mappings/interface-names.yaml has no row for {system!r}, not even '*'")


@cache
def _rows() -> tuple[InterfaceNames, ...]:
    return msgspec.convert(read_yaml("interface-names.yaml"), tuple[InterfaceNames, ...])
