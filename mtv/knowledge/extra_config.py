"""What keys without a schema mean (``mappings/extra-config.yaml``)."""

import re
from functools import cache
from typing import Any

import msgspec

from mtv.mappings import read_yaml

FAMILIES = {"vsphere": "vmware", "ova": "vmware", "rvtools": "vmware", "rhv": "rhv"}
"""Product -> whose keys its VMs have."""


class KeyGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that mean the same: ignored with a reason, or told with a remedy."""

    id: str
    keys: tuple[str, ...]
    """``#`` stands for a number, ``*`` for anything; case does not count."""
    ignored: str = ""
    says: str = ""
    remedy: str = ""
    values: tuple[str, ...] = ()
    """The only values that say something, in lower case; empty: all."""
    loss: bool = False

    def tells(self, value: str) -> bool:
        """True when this value of one of its keys is to be told."""
        return not self.ignored and (not self.values or value.strip().lower() in self.values)


def group_of(product: str, key: str) -> KeyGroup | None:
    """The group that answers for a key of a product's VMs; None for one that nobody knows."""
    family = FAMILIES.get(product, "vmware")
    return next((group for pattern, group in _patterns(family) if pattern.fullmatch(key)), None)


@cache
def key_groups() -> dict[str, tuple[KeyGroup, ...]]:
    """All groups, by whose keys they are: ``vmware``, ``rhv``."""
    return msgspec.convert(_table(), dict[str, tuple[KeyGroup, ...]])


@cache
def _patterns(family: str) -> tuple[tuple[re.Pattern[str], KeyGroup], ...]:
    return tuple((_pattern(group), group) for group in key_groups()[family])


def _pattern(group: KeyGroup) -> re.Pattern[str]:
    either = "|".join(
        re.escape(key).replace(r"\#", "[0-9]+").replace(r"\*", ".*") for key in group.keys
    )
    return re.compile(either, re.IGNORECASE | re.ASCII | re.DOTALL)


def _table() -> Any:
    return read_yaml("extra-config.yaml")
