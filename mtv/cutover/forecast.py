"""What the last pass over a VM says about the next one: how fast its disks change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mtv.journal import Event
from mtv.quantities import duration, size

AHEAD_SECONDS = 3600.0
"""How long after the last pass the cutover is thought to begin."""

Copy = Mapping[str, Any]


def forecast(before: Event | None, after: Event) -> str:
    """``1.2 GiB changed in 34 min; a cutover in an hour would copy about 2.1 GiB, in about 20 s``.

    ``before`` and ``after``: two passes, as the journal has them. Empty for the first pass, and for
    a VM that is off, of which nothing is to be foreseen.
    """
    if before is None or "disks" not in before.detail or after.detail.get("off"):
        return ""
    seconds = _between(before.at, after.at)
    copies: list[Copy] = list(after.detail["disks"].values())
    if seconds <= 0 or not sum(map(_changed, copies)):
        return ""
    ahead = sum(_ahead(copy, seconds) for copy in copies)
    fetched = sum(copy["fetched_bytes"] for copy in copies)
    pace = fetched / max(sum(copy["seconds"] for copy in copies), 0.001)
    verb = "read" if any(copy["compared_whole"] for copy in copies) else "copy"
    changed = size(sum(map(_changed, copies)))
    return (
        f"{changed} changed in {duration(seconds)}; at this rate a cutover in an hour would "
        f"{verb} about {size(ahead)}, in about {duration(ahead / pace)}"
    )


def _changed(copy: Copy) -> int:
    """Bytes that were others than in the pass before; of a whole disk most were read in vain."""
    return int(copy["written_bytes"] if copy["compared_whole"] else copy["fetched_bytes"])


def _ahead(copy: Copy, seconds: float) -> int:
    """Bytes that the next pass would read."""
    if copy["compared_whole"]:
        return int(copy["fetched_bytes"])
    return min(int(copy["source"]["size_bytes"]), round(_changed(copy) / seconds * AHEAD_SECONDS))


def _between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
