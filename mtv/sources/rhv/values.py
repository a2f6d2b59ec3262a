"""Small readings of SDK values: ids, words, moments, units. Missing is None."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")

MEBI = 1 << 20
GIBI = 1 << 30


def ident(reference: Any) -> str | None:
    """Id of the object that a reference names."""
    return None if reference is None else reference.id


def word(value: Any) -> str | None:
    """The engine's own word of an enumeration."""
    return None if value is None else str(value.value)


def words(values: Any) -> tuple[str, ...]:
    """The engine's own words of a list of enumerations, sorted."""
    return tuple(sorted(str(value.value) for value in values or () if value is not None))


def each(things: Any) -> list[Any]:
    """A list that may be missing."""
    return things or []


def ids(things: Any) -> tuple[str, ...]:
    """Ids of the objects of a list, sorted."""
    return tuple(sorted(thing.id for thing in each(things) if thing.id))


def in_line(
    things: list[T], id_of: Callable[[T], str], parent_of: Callable[[T], str | None]
) -> list[T]:
    """Things in the order of their parents, where all of them make one line; else as they are.

    Dates are those of the engine's clock, which may have been set back.
    """
    known = {id_of(each) for each in things}
    firsts = [each for each in things if parent_of(each) not in known]
    children = {parent_of(each): each for each in things}
    if len(firsts) != 1 or len(children) != len(things):
        return things
    line = firsts
    while len(line) < len(things) and (child := children.get(id_of(line[-1]))) is not None:
        line = [*line, child]
    return line if len(line) == len(things) else things


def moment(value: datetime | None) -> str | None:
    """UTC, ISO 8601; the engine's times carry their zone."""
    if value is None:
        return None
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def limited(value: Any) -> Any:
    """A number where -1 (or less) stands for no limit."""
    return None if value is None or value < 0 else value


def inheritable(value: Any) -> bool | None:
    """True, False, or None for what follows the cluster (or the engine)."""
    return {"true": True, "false": False}.get(word(value) or "")


def bits(megabits: int | None) -> int | None:
    """Bits per second of Mbps; None for no limit."""
    known = limited(megabits)
    return None if known is None else known * 1_000_000


def full_version(version: Any) -> str | None:
    """``4.7`` or what the engine says in full."""
    if version is None:
        return None
    if version.full_version:
        return str(version.full_version)
    parts = [version.major, version.minor]
    return ".".join(str(part) for part in parts if part is not None) or None
