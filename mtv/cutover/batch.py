"""A wave of VMs through their passes or steps, with the journal before and after each.

Passes run side by side, cutovers one after the other. A VM that fails does not hold the others up.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import msgspec

from mtv.config import Consent
from mtv.cutover.copies import copy_disks
from mtv.cutover.forecast import forecast
from mtv.cutover.move import Detail, Move
from mtv.cutover.passes import holding
from mtv.cutover.steps import Step, Sync, steps_of
from mtv.cutover.traffic import BlackoutBegan
from mtv.errors import Interrupted, MtvError, PartlyDone
from mtv.journal import Event, State
from mtv.model.vm import Power
from mtv.quantities import duration, size

THREADS = 32
"""More VMs than this are in no pass at the same time, whatever the limits say."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one VM in one command."""

    ref: str
    name: str
    outcome: str
    """``done``, ``nothing to do``, ``passed by``, ``failed``, or ``would`` of a dry run."""
    says: str = ""
    hint: str = ""
    error: str = ""
    """Class of the error where it failed."""


def sync(move: Move) -> Moved:
    """Copies the disks of a VM; those of a running one as they are at one moment.

    A pass that a blackout stops goes on after it.
    """
    while True:
        try:
            with move.traffic.passing(move.stop, move.on_progress):
                return _pass(move)
        except Interrupted:
            if not isinstance(move.stop.why, BlackoutBegan):
                raise
            move.stop.clear()


def _pass(move: Move) -> Moved:
    reason = _why_not_synced(move)
    if reason:
        return _moved(move, "passed by", reason)
    before = _last_pass(move)
    move.record(Sync.name, State.STARTED)
    move.drop_conversion()
    off = move.open_source().power(move.placed.vm.id) is Power.OFF
    with holding(move) as held:
        detail: Detail = {"disks": copy_disks(move, held), "off": off}
    move.record(Sync.name, State.DONE, detail)
    copies = detail["disks"].values()
    if not any(copy["fetched_bytes"] for copy in copies):
        return _moved(move, "nothing to do", "every disk is copied and did not change since")
    data, whole = (
        size(sum(copy["data_bytes"] for copy in copies)),
        size(sum(copy["source"]["size_bytes"] for copy in copies)),
    )
    says = f"{data} of data on {whole} of disks, the copies are equal"
    after = move.latest(Sync.name)
    told = forecast(before, after) if after is not None else ""
    return _moved(move, "done", f"{says}; {told}" if told else says)


def _last_pass(move: Move) -> Event | None:
    """The last pass that was not stopped."""
    done = [
        event
        for event in move.journal.events(move.ref)
        if event.step == Sync.name and event.state is State.DONE
    ]
    return done[-1] if done else None


def foresee_sync(move: Move) -> Moved:
    """What ``sync`` would do with a VM; changes nothing."""
    reason = _why_not_synced(move)
    if reason:
        return _moved(move, "passed by", reason)
    whole = size(sum(disk.capacity_bytes for disk in move.placed.vm.disks))
    return _moved(move, "would", f"copy what changed of {whole} of disks to {move.directory}")


def _why_not_synced(move: Move) -> str:
    if move.gone_over_in:
        return _went_over(move)
    if move.base_is_the_guests:
        over = steps_of(move)[-1].settled(move)
        return f"it {'is over' if over else 'is being cut over'}: its disks are the guest's own now"
    running = move.open_source().power(move.placed.vm.id) is not Power.OFF
    if running and Consent.SNAPSHOTS not in move.connection.may:
        return (
            "it is running: write 'may: [snapshots]' under its source in mtv.yaml to copy it all "
            "the same, or leave it to mtv cutover, which shuts it down"
        )
    return ""


def _went_over(move: Move) -> str:
    wave = move.gone_over_in
    return f"its disks are the guest's own since the wave {wave}: mtv status {wave} says how it is"


def foresee_cutover(move: Move) -> Moved:
    """What ``cut_over`` would do with a VM; changes nothing."""
    if move.gone_over_in:
        return _moved(move, "passed by", _went_over(move))
    steps = steps_of(move)
    if steps[-1].settled(move):
        return _moved(move, "nothing to do", "it is over and passed its boot check")
    names = [step.name for step in steps if not step.settled(move)]
    return _moved(move, "would", ", ".join(names))


def cut_over(move: Move) -> Moved:
    """Takes a VM through all its steps, from wherever an earlier attempt got to."""
    if move.gone_over_in:
        return _moved(move, "passed by", _went_over(move))
    steps = steps_of(move)
    if steps[-1].settled(move):
        return _moved(move, "nothing to do", "it is over and passed its boot check")
    for step in steps:
        if not step.settled(move):
            take(step, move)
    return _moved(move, "done", _how_it_came_up(move))


def _how_it_came_up(move: Move) -> str:
    boot = move.latest("boot")
    if boot is None:
        return ""
    weak = ", but nothing was checked except that it runs" if boot.detail["weak"] else ""
    return f"up after {duration(boot.detail['up_after_seconds'])}{weak}"


def take(step: Step, move: Move) -> None:
    """Runs a step, with the journal before and after it. Raises what the step does."""
    move.record(step.name, State.STARTED)
    try:
        detail = step.run(move)
    except Interrupted:
        raise  # neither done nor failed: the next run goes on with it
    except MtvError as problem:
        failure = {
            "error": type(problem).__name__,
            "message": problem.message,
            "hint": problem.hint,
        }
        move.record(step.name, State.FAILED, failure)
        raise
    move.record(step.name, State.DONE, detail)


def each_of(
    moves: Iterable[Move], act: Callable[[Move], Moved], on_outcome: Callable[[Moved], None]
) -> tuple[Moved, ...]:
    """Does the same with every VM, one after the other; ``on_outcome`` is told about each.

    Interrupted is the only error that stops the others.
    """
    outcomes = list[Moved]()
    for move in moves:
        outcome = _outcome(move, act)
        on_outcome(outcome)
        outcomes.append(outcome)
    return tuple(outcomes)


def side_by_side(
    moves: Sequence[Move], act: Callable[[Move], Moved], on_outcome: Callable[[Moved], None]
) -> tuple[Moved, ...]:
    """As ``each_of`` for what may run at the same time; ``act`` waits for a place of its own.

    ``on_outcome`` is told about each as it ends; the result has the order of ``moves``.
    """
    with ThreadPoolExecutor(THREADS) as threads:
        running = [threads.submit(_outcome, move, act) for move in moves]
        try:
            for ended in as_completed(running):
                on_outcome(ended.result())
        except BaseException:
            # Ctrl-C, or one that was interrupted: all end as cleanly as they can, then this.
            for move in moves:
                move.stop.set()
            threads.shutdown(cancel_futures=True)
            raise
    return tuple(each.result() for each in running)


def _outcome(move: Move, act: Callable[[Move], Moved]) -> Moved:
    """What became of one VM. Raises Interrupted, unless mtv itself stopped it."""
    try:
        return act(move)
    except Interrupted:
        if move.stop.why is None:
            raise
        problem = move.stop.why
    except MtvError as failure:
        problem = failure
    return _moved(move, "failed", problem.message, problem.hint, type(problem).__name__)


def raise_failures(outcomes: Sequence[Moved]) -> None:
    """Raises PartlyDone when some VMs failed, MtvError when all did."""
    failed = [each for each in outcomes if each.outcome == "failed"]
    if not failed:
        return
    names = ", ".join(each.name for each in failed)
    message = f"{len(failed)} of {len(outcomes)} VMs failed: {names}"
    kind = MtvError if len(failed) == len(outcomes) else PartlyDone
    raise kind(message, "the same command goes on where they stopped; mtv status shows all")


def _moved(move: Move, outcome: str, says: str = "", hint: str = "", error: str = "") -> Moved:
    return Moved(
        ref=move.ref, name=move.vm.name, outcome=outcome, says=says, hint=hint, error=error
    )
