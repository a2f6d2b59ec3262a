"""Looks after the source while a pass holds a VM's disks: a snapshot grows as long as it stands.

What is too much stops the pass: its workers end, the disks are let go, and the VM's outcome says
why. What was copied is kept.
"""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from mtv.config import HeldLimits
from mtv.cutover.meanwhile import meanwhile
from mtv.cutover.move import Move
from mtv.errors import MtvError, SourceError
from mtv.journal import HOLD
from mtv.model.disk import Held
from mtv.model.strain import Strain
from mtv.quantities import duration, size

HINT = (
    "what was copied is kept and the next mtv sync goes on; limits.held in mtv.yaml says what "
    "is too much"
)


class TooMuch(SourceError):
    """The source bears no more of a pass."""


def must_bear_it(move: Move) -> None:
    """Before the disks are held. Raises SourceError when the source should not hold them now."""
    reason = _too_much_now(move)
    if reason:
        raise SourceError(f"its disks are not held now: {reason}", HINT)


@contextlib.contextmanager
def guarded(move: Move, held: Held) -> Iterator[None]:
    """Stops the move when it becomes too much for the source, until the block ends."""
    if move.open_source().strain(move.placed.vm.id, held) is None:
        yield  # there is nothing that could grow
        return

    def guard(over: threading.Event) -> None:
        while not over.wait(move.traffic.limits.held.look_seconds):
            try:
                reason = _too_long(move) or _too_much_now(move, held)
            except MtvError:
                continue  # that it does not answer once says nothing about its storage
            if reason:
                move.stop.because(TooMuch(f"the pass was stopped: {reason}", HINT))
                return

    with meanwhile(guard):
        yield


def _too_much_now(move: Move, held: Held | None = None) -> str:
    """What is beyond the limits, asked now. Raises SourceError."""
    strain = move.open_source().strain(move.placed.vm.id, held)
    return "" if strain is None else too_much(strain, move.traffic.limits.held)


def _too_long(move: Move) -> str:
    """Whether its disks are held for too long, by the journal: an earlier mtv may have begun it."""
    taken = move.latest(HOLD)
    if taken is None:
        return ""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(taken.at)).total_seconds()
    most = move.traffic.limits.held.most_hours * 3600
    if seconds <= most:
        return ""
    return f"its disks are held for {duration(seconds)} (at most {duration(most)})"


def too_much(strain: Strain, limits: HeldLimits) -> str:
    """What of it is beyond the limits, in words; "" when all is within."""
    for room in strain.rooms:
        percent = 100 * room.free_bytes / max(room.capacity_bytes, 1)
        if room.free_bytes < limits.least_free_bytes or percent < limits.least_free_percent:
            return (
                f"{room.name} has {size(room.free_bytes)} free of {size(room.capacity_bytes)} "
                f"(at least {size(limits.least_free_bytes)} and {limits.least_free_percent:g} %)"
            )
    if _beyond(strain.delta_bytes, limits.most_delta_bytes):
        return (
            f"{size(strain.delta_bytes or 0)} were written to it since its disks are held "
            f"(at most {size(limits.most_delta_bytes or 0)})"
        )
    if _beyond(strain.latency_milliseconds, limits.most_latency_ms):
        return (
            f"its storage takes {strain.latency_milliseconds:.0f} ms for a read or write "
            f"(at most {limits.most_latency_ms:g} ms)"
        )
    return ""


def _beyond(found: float | None, most: float | None) -> bool:
    return found is not None and most is not None and found > most
