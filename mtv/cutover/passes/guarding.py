"""Looks after the source while a pass holds a VM's disks: a snapshot grows as long as it stands.

What is too much stops the pass: its workers end, the disks are let go, and the VM's outcome says
why. What was copied is kept. Where it is room that lacks, the snapshots go, too, that RHV keeps for
the passes to come: the next one compares all then.
"""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from mtv.config import HeldLimits
from mtv.cutover.moves.move import Move
from mtv.cutover.workers.meanwhile import meanwhile
from mtv.errors import Interrupted, MtvError, SourceError
from mtv.journal import HOLD
from mtv.model.disk import Held
from mtv.model.strain import Strain
from mtv.quantities import duration, size
from mtv.tasks import Progress

HINT = "what was copied is kept; limits.held in mtv.yaml says what is too much"


class TooMuch(SourceError):
    """The source bears no more of a pass."""


class TooFull(TooMuch):
    """What stands at the source takes too much room."""


def must_bear_it(move: Move) -> None:
    """Before the disks are held. Raises TooMuch when the source should not hold them now."""
    found = _too_much_now(move)
    if found is not None:
        raise type(found)(f"its disks are not held now: {found.message}", HINT)


@contextlib.contextmanager
def relieved(move: Move) -> Iterator[None]:
    """Where there is no room for a pass, nothing of ours takes any when the block has ended.

    That is: the snapshots that passes to come would be told from. What a backup leaves takes none.
    """
    try:
        yield
    except MtvError as problem:
        full = problem if isinstance(problem, TooFull) else move.stop.why
        if isinstance(full, TooFull):
            _relieve(move, full)
        raise


def _relieve(move: Move, full: TooFull) -> None:
    source, vm = move.open_source(), move.placed.vm.id
    try:
        if source.held_by_us(vm):
            move.on_progress(Progress(says="removing its snapshots"))
            source.forget(vm, (), (), move.stop.for_good)
            if not source.held_by_us(vm):
                full.message += "; its snapshots were removed, so the next pass compares all"
    except MtvError as another:
        full.message += f"; besides, {another.message}"


@contextlib.contextmanager
def guarded(move: Move, held: Held) -> Iterator[None]:
    """Stops the move when it becomes too much for the source, until the block ends."""
    if move.open_source().strain(move.placed.vm.id, held) is None:
        yield  # there is nothing that could grow
        return

    def guard(over: threading.Event) -> None:
        while not over.wait(move.traffic.limits.held.look_seconds):
            try:
                found = _too_long(move) or _too_much_now(move, held)
            except MtvError:
                continue  # that it does not answer once says nothing about its storage
            if found is not None:
                stopped = type(found)(f"the pass was stopped: {found.message}", HINT)
                move.stop.because(stopped)
                return

    with meanwhile(guard):
        yield
    if isinstance(move.stop.why, TooMuch):  # it had just come to its end
        raise Interrupted(move.stop.why.message)


def _too_much_now(move: Move, held: Held | None = None) -> TooMuch | None:
    """What is beyond the limits, asked now. Raises SourceError."""
    strain = move.open_source().strain(move.placed.vm.id, held)
    return None if strain is None else too_much(strain, move.traffic.limits.held)


def _too_long(move: Move) -> TooMuch | None:
    """Whether its disks are held for too long, by the journal: an earlier mtv may have begun it."""
    taken = move.latest(HOLD)
    if taken is None:
        return None
    seconds = (datetime.now(UTC) - datetime.fromisoformat(taken.at)).total_seconds()
    most = move.traffic.limits.held.most_hours * 3600
    if seconds <= most:
        return None
    return TooMuch(f"its disks are held for {duration(seconds)} (at most {duration(most)})")


def too_much(strain: Strain, limits: HeldLimits) -> TooMuch | None:
    """What of it is beyond the limits; None when all is within."""
    for room in strain.rooms:
        percent = 100 * room.free_bytes / max(room.capacity_bytes, 1)
        if room.free_bytes < limits.least_free_bytes or percent < limits.least_free_percent:
            return TooFull(
                f"{room.name} has {size(room.free_bytes)} free of {size(room.capacity_bytes)} "
                f"(at least {size(limits.least_free_bytes)} and {limits.least_free_percent:g} %)"
            )
    if _beyond(strain.delta_bytes, limits.most_delta_bytes):
        return TooFull(
            f"what was written since its disks are held takes {size(strain.delta_bytes or 0)} "
            f"(at most {size(limits.most_delta_bytes or 0)})"
        )
    if _beyond(strain.latency_milliseconds, limits.most_latency_ms):
        return TooMuch(
            f"its storage takes {strain.latency_milliseconds:.0f} ms for a read or write "
            f"(at most {limits.most_latency_ms:g} ms)"
        )
    return None


def _beyond(found: float | None, most: float | None) -> bool:
    return found is not None and most is not None and found > most
