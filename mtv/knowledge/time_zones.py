"""Time zones by the names that sources give them (``mappings/time-zones.yaml``)."""

import re
from functools import cache

import msgspec

from mtv.mappings import read_yaml

UTC = "UTC"

_IANA = re.compile(r"[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]*){1,2}\Z")


class TimeZones(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mappings/time-zones.yaml``."""

    utc: tuple[str, ...]
    windows: dict[str, str]


@cache
def time_zones() -> TimeZones:
    """The whole table."""
    return msgspec.convert(read_yaml("time-zones.yaml"), TimeZones)


@cache
def time_zone(name: str) -> str | None:
    """The IANA's name of a zone, ``UTC`` for one without an offset; None for what is no zone.

    ``W. Europe Standard Time`` and ``Europe/Berlin`` are both ``Europe/Berlin``.
    """
    table = time_zones()
    found = table.windows.get(name, name)
    if found in table.utc:
        return UTC
    return found if _IANA.match(found) else None
