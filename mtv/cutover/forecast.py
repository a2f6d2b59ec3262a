"""What the last pass over a VM says about the next one: how fast its disks change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mtv.journal import Event
from mtv.quantities import duration, size

AHEAD_SECONDS = 3600.0
"""How long after the last pass the cutover is thought to begin."""


def forecast(before: Event | None, after: Event) -> str:
    """``1.2 GiB changed in 34 min; a cutover in an hour would copy about 2.1 GiB, in about 20 s``.

    ``before`` and ``after``: two passes, as the journal has them. Empty for the first pass.
    """
    if before is None or "disks" not in before.detail:
        return ""
    seconds = _between(before.at, after.at)
    copies: Mapping[str, Mapping[str, Any]] = after.detail["disks"]
    changed = sum(copy["fetched_bytes"] for copy in copies.values())
    if seconds <= 0 or not changed:
        return ""
    whole = sum(copy["source"]["size_bytes"] for copy in copies.values())
    ahead = min(whole, round(changed / seconds * AHEAD_SECONDS))
    pace = changed / max(sum(copy["seconds"] for copy in copies.values()), 0.001)
    return (
        f"{size(changed)} changed in {duration(seconds)}; at this rate a cutover in an hour would "
        f"copy about {size(ahead)}, in about {duration(ahead / pace)}"
    )


def _between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
