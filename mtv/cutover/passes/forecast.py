"""What the last pass over a VM says about the next one: how fast its disks change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mtv.journal import Event
from mtv.quantities import duration, size

AHEAD_SECONDS = 3600.0
"""How long after the last pass the cutover is thought to begin."""

Copy = Mapping[str, Any]


def forecast(before: Event | None, after: Event) -> str:
    """What changed, what a cutover in an hour would read while the VM is down, and for how long.

    ``before`` and ``after``: two passes, as the journal has them. Empty for the first pass, and for
    a VM that is off, of which nothing is to be foreseen.
    """
    if before is None or "disks" not in before.detail or after.detail.get("off"):
        return ""
    seconds = _between(before.at, after.at)
    copies: list[Copy] = list(after.detail["disks"].values())
    if seconds <= 0 or not sum(map(_changed, copies)):
        return ""
    whole = [copy for copy in copies if copy.get("read_whole")]
    others = [copy for copy in copies if not copy.get("read_whole")]
    ahead = sum(_at_this_rate(copy, seconds) for copy in others)
    # What is read whole takes as long as it took: a stream is packed, so its bytes do not tell.
    takes = _seconds(whole) + ahead / max(_pace(others or whole), 1)
    # It may be that changes can be told the next time, or of a VM that is off.
    verb, about = ("read", "up to") if whole else ("copy", "about")
    changed = size(sum(map(_changed, copies)))
    return (
        f"{changed} changed in {duration(seconds)}; at this rate a cutover in an hour would "
        f"{verb} {about} {size(ahead + sum(map(_all, whole)))}, in {about} {duration(takes)}, "
        "besides the time that it takes to shut down, to convert and to boot"
    )


def _seconds(copies: Sequence[Copy]) -> float:
    return float(sum(copy["seconds"] for copy in copies))


def _pace(copies: Sequence[Copy]) -> float:
    """Bytes a second."""
    return float(sum(copy["fetched_bytes"] for copy in copies)) / max(_seconds(copies), 0.001)


def _changed(copy: Copy) -> int:
    """Bytes that were others than in the pass before; of a whole disk most were read in vain."""
    return int(copy["written_bytes"] if copy.get("read_whole") else copy["fetched_bytes"])


def _all(copy: Copy) -> int:
    """Bytes that a pass reads that reads all; holes are not among them."""
    return max(int(copy["data_bytes"]), int(copy["fetched_bytes"]))


def _at_this_rate(copy: Copy, seconds: float) -> int:
    """Bytes that the next pass would read."""
    return min(int(copy["source"]["size_bytes"]), round(_changed(copy) / seconds * AHEAD_SECONDS))


def _between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
