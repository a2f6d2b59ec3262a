"""What guest systems expect of clock and hypervisor (``mappings/guest-hardware.yaml``)."""

from functools import cache
from typing import Any

import msgspec

from mtv.mappings import read_yaml


class GuestHardware(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What some guest systems get that others do not. Its dictionaries are not to be changed."""

    systems: tuple[str, ...] = ()
    """Ids of guest systems; a trailing ``*`` stands for any rest."""
    local_time: bool = False
    """The guest takes its hardware clock for local time."""
    clock: dict[str, Any] = {}
    """Part of ``domain.clock``."""
    features: dict[str, Any] = {}
    """Part of ``domain.features``."""


PLAIN = GuestHardware()
"""Of a guest that expects nothing of its own."""


@cache
def guest_hardware(system: str) -> GuestHardware:
    """The row of a guest system, by its id."""
    rows = msgspec.convert(read_yaml("guest-hardware.yaml"), tuple[GuestHardware, ...])
    for row in rows:
        for pattern in row.systems:
            if system == pattern or (pattern.endswith("*") and system.startswith(pattern[:-1])):
                return row
    return PLAIN
