"""A pass over a VM's disks: all of them held still at one moment, copied, and let go again.

    hold ──> copy of every disk ──> release

What holds them is in the journal before anything is read of it. Whatever ends the pass, it is
released; what a killed mtv left is found by the next pass, which goes on with it.
"""

import contextlib
import threading
from collections.abc import Iterator

import msgspec

from mtv.cutover.moves.elsewhere import events_elsewhere
from mtv.cutover.moves.move import Move
from mtv.cutover.moves.power import running, runs_there
from mtv.cutover.moves.probes import Prover
from mtv.cutover.passes.guarding import guarded, must_bear_it, relieved
from mtv.cutover.passes.opened import end_what_is_open, open_of
from mtv.cutover.passes.reading import once_free, read_disk
from mtv.errors import MtvError, SourceError, TransferError
from mtv.journal import HOLD, RELEASE, Event, State
from mtv.model.disk import Held
from mtv.tasks import ProbeTask, Result
from mtv.transfer.records.resume import recorded_point


@contextlib.contextmanager
def holding(move: Move) -> Iterator[Held]:
    """The VM's disks, held still until the block ends; what an earlier pass holds is taken up.

    Unless the VM is off by now: what is held is older than what is on its disks for good.

    Raises SourceError in its kinds, Interrupted.
    """
    end_what_is_open(move)
    with relieved(move):
        held = _left_by_a_kill(move) if runs_there(move) else None
        if held is None:
            release_all(move)
            forget_older_points(move)  # that one cannot be removed stops the pass: they'd pile up
            held = _hold(move)
        with _released(move, held), guarded(move, held):
            yield _prover(move).proven(move.placed.vm.id, held)


@contextlib.contextmanager
def holding_anew(move: Move) -> Iterator[Held]:
    """As ``holding``, but at this moment: the VM was shut down, and what is held is older."""
    end_what_is_open(move)
    release_all(move)
    held = _hold(move)
    with _released(move, held):
        yield held


def _prover(move: Move) -> Prover:
    """Finds out how disks may be read while their VM runs."""

    def read(task: ProbeTask) -> Result:
        return once_free(move, lambda: read_disk(move, task, "probe", move.on_progress))

    limits = move.traffic.limits.of_task()
    return Prover(move.probes, move.connection, move.open_source(), limits, read)


def is_left_by_a_kill(move: Move) -> bool:
    """Whether the journal knows of anything that a pass has at the source. No pass is under way."""
    return _last_hold(move) is not None or bool(open_of(move))


def end_what_is_left(move: Move) -> None:
    """Ends all that a killed pass left at the source. Raises SourceError."""
    end_what_is_open(move)
    release_all(move)
    if _last_hold(move) is not None:  # it was never there, or is gone
        move.record(RELEASE, State.DONE)


def release_all(move: Move) -> None:
    """Releases what an earlier pass may have left. Raises SourceError."""
    there = move.open_source().held_by_us(move.placed.vm.id)
    for held in there:
        _release(move, held)
    noted = _not_released(move)
    if noted is not None and noted.id not in {each.id for each in there}:
        _release(move, noted)  # not every engine tells whose a backup is


def points(move: Move) -> tuple[str, ...]:
    """The points that the copies of its disks are at. Raises TransferError."""
    try:
        found = [recorded_point(move.base(disk.key)) for disk in move.disks]
    except OSError as problem:
        raise TransferError(
            f"{problem.filename} cannot be read: {problem.strerror}",
            "it says what was copied: look at its file system, then run the same command again",
        ) from problem
    return tuple(point for point in found if point is not None)


def forget_older_points(move: Move) -> None:
    """Has the source forget what no copy is told changes from any more.

    Raises SourceError, Interrupted; it is asked again before and after the next pass, and at last
    after the cutover.
    """
    move.open_source().forget(move.placed.vm.id, points_left(move), points(move), move.stop)


def points_left(move: Move) -> tuple[str, ...]:
    """Every point that a pass has ever left at the source, also one that was killed.

    And also one of another wave, in which the VM was before, or of copies that were thrown away:
    an engine keeps all later ones behind it.
    """
    before = (event for _, event in events_elsewhere(move.run, move.ref, thrown_away=True))
    found = (
        msgspec.convert(event.detail, Held).leaves
        for event in (*before, *move.journal.events(move.ref, thrown_away=True))
        if event.step in (HOLD, RELEASE) and "id" in event.detail
    )
    return tuple(dict.fromkeys(each for each in found if each))


def _before(move: Move) -> Held | None:
    """What held the disks in the last pass that came to its end; else in the first one of all.

    The points of the copies are of that pass or of later ones. None while no
    pass has come to its end and the first one was in doubt: the copies may be older than that one.
    """
    found: Held | None = None
    latest: Held | None = None
    has_ended = False
    for event in move.journal.events(move.ref):
        if event.step == HOLD and event.state is State.DONE:
            latest = msgspec.convert(event.detail, Held)
            found = found or latest
        elif event.step == "sync" and event.state is State.DONE:
            found, has_ended = latest, True
    return None if found is not None and found.doubt and not has_ended else found


def _hold(move: Move) -> Held:
    must_bear_it(move)
    must_be_all_disks(move)
    vm = move.placed.vm
    move.record(HOLD, State.STARTED)
    held = move.open_source().hold(
        vm.id, [disk.key for disk in move.disks], points(move), move.stop, _before(move)
    )
    try:
        held = _alone(move, held)
        move.record(HOLD, State.DONE, held)
    except BaseException:
        with contextlib.suppress(MtvError):  # what went wrong first is told
            _release(move, held)
        raise
    return held


def must_be_all_disks(move: Move) -> None:
    """Raises SourceError for a disk that nobody planned to copy: it would be left behind.

    Also for one in the place of what was a LUN when it was collected.
    """
    vm = move.placed.vm
    known = {disk.key for disk in move.disks}
    new = [name for key, name in move.open_source().disks_now(vm.id).items() if key not in known]
    if new:
        raise SourceError(
            f"{vm.name} has disks that it had not when it was collected: {', '.join(new)}",
            "run mtv collect, mtv translate and mtv plan again",
        )


def _alone(move: Move, held: Held) -> Held:
    """The same, and which of its shared disks nobody writes to. Raises SourceError for others."""
    if not move.shared:
        return held
    names = running(move)
    if names:
        raise SourceError(
            f"its disks are shared, and are copied while all that have them are off: "
            f"{', '.join(names)} run",
            "leave them to mtv cutover, or shut them down",
        )
    return msgspec.structs.replace(held, alone=tuple(move.shared))


@contextlib.contextmanager
def _released(move: Move, held: Held) -> Iterator[None]:
    """Releases it when the block ends; what ended the block is told first."""
    try:
        yield
    except MtvError as problem:
        try:
            _release(move, held)
        except MtvError as another:
            told = move.stop.why or problem
            told.message += f"; besides, {another.message}"
        raise
    except BaseException:
        _release(move, held)
        raise
    _release(move, held)


def _release(move: Move, held: Held) -> None:
    try:
        move.record(RELEASE, State.STARTED, held)
    finally:
        # Whatever became of the record (a full disk), and not to be stopped by what stops the
        # pass: else the snapshot would stay and grow.
        move.open_source().release(move.placed.vm.id, held, threading.Event())
    move.record(RELEASE, State.DONE, held)


def _left_by_a_kill(move: Move) -> Held | None:
    """What the journal says is held, if it still is, and nobody began to give it up."""
    taken, released = move.latest(HOLD), move.latest(RELEASE)
    if taken is None or (released is not None and released.id > taken.id):
        return None
    held = _not_released(move)
    there = {each.id for each in move.open_source().held_by_us(move.placed.vm.id)}
    return held if held is not None and held.id in there else None


def _not_released(move: Move) -> Held | None:
    """What the journal says is held, perhaps by halves."""
    taken = _last_hold(move)
    if taken is None or taken.state is not State.DONE:
        return None
    return msgspec.convert(taken.detail, Held)


def _last_hold(move: Move) -> Event | None:
    """The event of the last hold, unless it was released: what was only begun may be held, too."""
    taken, released = move.latest(HOLD), move.latest(RELEASE)
    if taken is None or released is None or released.id < taken.id:
        return taken
    return None if released.state is State.DONE else taken
