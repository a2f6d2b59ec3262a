"""What Forklift makes of a VM, and what it does not (``mappings/forklift.yaml``)."""

from collections.abc import Iterator
from functools import cache
from typing import Literal

import msgspec

from mtv.mappings import read_yaml


class Loss(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that a VirtualMachine of mtv's says and one of Forklift's does not."""

    says: str
    remedy: str
    paths: tuple[str, ...]
    """Of the VirtualMachine; each stands for all below it."""
    only: Literal["vsphere", "rhv"] | None = None
    """The product that it is lost for."""
    unless: tuple[str | int | bool, ...] = ()
    """Values that are Forklift's too."""


class ForkliftTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the file."""

    made: tuple[str, ...]
    losses: tuple[Loss, ...]


@cache
def lost(path: str, product: str) -> tuple[Loss, ...]:
    """The losses that a field may be; the rows that name it most closely.

    A field that no row knows is a loss by itself.
    """
    for around in _around(path):
        named = tuple(loss for loss in forklift().losses if around in loss.paths)
        if named or around in forklift().made:
            return tuple(loss for loss in named if loss.only in (None, product))
    return (Loss(says=f"the field {path}", remedy="take it from manifests/vms", paths=(path,)),)


def _around(path: str) -> Iterator[str]:
    """The path and all that it is in, from the innermost."""
    while path:
        yield path
        path = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]


@cache
def forklift() -> ForkliftTable:
    """The table."""
    return msgspec.convert(read_yaml("forklift.yaml"), ForkliftTable)
