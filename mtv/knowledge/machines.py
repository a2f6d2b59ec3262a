"""Virtual hardware that the target does not have (``mappings/machines.yaml``)."""

from fnmatch import fnmatchcase
from functools import cache

import msgspec

from mtv.mappings import read_yaml
from mtv.model.concern import Category


class Machine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of machine of the sources, and what changes for its guests."""

    machines: tuple[str, ...]
    """The sources' names of it; ``*`` stands for anything."""
    name: str
    category: Category
    says: str
    remedy: str


@cache
def machines() -> tuple[Machine, ...]:
    """The whole table."""
    return msgspec.convert(read_yaml("machines.yaml"), tuple[Machine, ...])


@cache
def machine_kind(machine: str) -> Machine | None:
    """The row of a machine; None for one that the target has."""
    known_as = machine.lower()
    return next(
        (
            each
            for each in machines()
            if any(fnmatchcase(known_as, pattern) for pattern in each.machines)
        ),
        None,
    )
