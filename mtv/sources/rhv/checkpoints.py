"""Checkpoints: from which moment on an engine knows what was written to a VM's disks.

Each backup leaves one. They form a row; an engine removes only the oldest of it.
"""

from collections.abc import Iterable
from typing import Any

from mtv.errors import SourceError
from mtv.sources.rhv.engine import Engine
from mtv.sources.rhv.values import in_line, word

POINT = "checkpoint:"
"""Before a checkpoint's id in the name of a disk's content at it."""


class FullNeeded(SourceError):
    """The checkpoint is worth nothing any more: nobody can tell what changed since."""


def oldest_good(engine: Engine, vm: str, points: Iterable[str]) -> str | None:
    """The checkpoint to start from, for copies at these points: the oldest that is still good.

    A copy that is at an older one, or at none, is compared as a whole.
    """
    known = {each.removeprefix(POINT) for each in points if each.startswith(POINT)}
    for each in in_order(engine, vm) if known else ():
        if each.id in known and word(each.state) == "created":
            return str(each.id)
    return None


def of_points(points: Iterable[str]) -> list[str]:
    """The ids of those that are checkpoints."""
    return [each.removeprefix(POINT) for each in points if each.startswith(POINT)]


def forget_checkpoints(engine: Engine, vm: str, checkpoints: Iterable[str]) -> list[str]:
    """Removes checkpoints of ours, by their ids; gives back those that have to stay.

    An engine removes only the oldest one: those behind another one's stay. Raises SourceError.
    """
    left = list(checkpoints)
    if not left:
        return []
    for known in in_order(engine, vm):
        if known.id not in left:
            break
        engine.remove(f"vms/{vm}/checkpoints/{known.id}")
        left.remove(known.id)
    there = {each.id for each in in_order(engine, vm)}
    return [each for each in left if each in there]


def in_order(engine: Engine, vm: str) -> list[Any]:
    """The VM's checkpoints, the oldest first: by their parents, else by the engine's clock."""
    found = engine.list(f"vms/{vm}/checkpoints")
    dated = sorted(found, key=lambda each: each.creation_date)
    return in_line(dated, lambda each: each.id, lambda each: each.parent_id)


def from_on(engine: Engine, vm: str, since: str | None) -> list[str]:
    """The checkpoints from that one on; none when it is not among them."""
    ids = [each.id for each in in_order(engine, vm)]
    return ids[ids.index(since) :] if since in ids else []


def must_be_good(engine: Engine, vm: str, name: str, since: str | None) -> None:
    """Raises FullNeeded for a checkpoint that is gone or invalid; none at all is fine."""
    if since is None:
        return
    states = {each.id: word(each.state) for each in in_order(engine, vm)}
    if states.get(since) != "created":
        raise full_needed(name, f"its checkpoint is {states.get(since) or 'gone'}")


def full_needed(name: str, why: str) -> FullNeeded:
    """The error about a VM of that name."""
    return FullNeeded(
        f"nobody can tell any more what changed on {name} since its last copy: {why}",
        "its disks have to be compared as a whole: begin a backup without a checkpoint",
    )
