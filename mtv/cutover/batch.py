"""A wave of VMs through their passes or steps, with the journal before and after each.

Passes run side by side, cutovers one after the other. A VM that fails does not hold the others up.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from mtv.accel import KVM
from mtv.config import Consent
from mtv.cutover.luns import guests_disks, luns_must_be_ready
from mtv.cutover.moves.elsewhere import GOES_OVER
from mtv.cutover.moves.mounted import must_be_mounted
from mtv.cutover.moves.move import Move
from mtv.cutover.moves.outcome import (
    Moved,
    errors_of_this_machine,
    failed,
    failure,
    left_at_the_source,
    moved,
    went_over,
)
from mtv.cutover.moves.owner import must_be_its_directory, must_not_have_gone_back
from mtv.cutover.moves.power import running, wrote_since
from mtv.cutover.passes.holding import must_be_all_disks
from mtv.cutover.steps import (
    Act,
    PowerOff,
    Step,
    is_over,
    must_be_as_copied,
    must_not_have_run,
    started_again,
    steps_of,
)
from mtv.errors import DigestMismatch, Interrupted, MtvError, PartlyDone
from mtv.journal import State
from mtv.launch.domain import domain_xml
from mtv.quantities import counted, duration
from mtv.sources.switching import need_consent

THREADS = 32
"""At most this many VMs are in a pass at the same time, whatever the limits say."""


def foresee_cutover(move: Move) -> Moved:
    """What ``cut_over`` would do with a VM; changes nothing."""
    if move.gone_over_in:
        return moved(move, "passed by", went_over(move))
    must_not_have_gone_back(move)
    if is_over(move):
        return _over(move, dry_run=True)
    must_be_ready(move)
    todo = [step for step in steps_of(move) if not step.settled(move)]
    return moved(move, "would", ", ".join(_does(step, move) for step in todo))


def cut_over(move: Move) -> Moved:
    """Takes a VM through all its steps, from wherever an earlier attempt got to."""
    if move.gone_over_in:
        return moved(move, "passed by", went_over(move))
    must_not_have_gone_back(move)
    if is_over(move):
        return _over(move)
    must_be_ready(move)
    for step in steps_of(move):
        if not step.settled(move):
            if step.name in GOES_OVER and not move.base_is_the_guests:
                # The last moment at which it can be copied anew.
                must_not_have_run(move)
                must_be_as_copied(move)
            take(step, move)
    told = (how_it_came_up(move), _away_before(move), _what_stays(move))
    return moved(move, "done", "; ".join(filter(None, told)))


def _does(step: Step, move: Move) -> str:
    if step.name == PowerOff.name and not running(move):
        return "see that it is off at the source"
    return step.does


def _over(move: Move, *, dry_run: bool = False) -> Moved:
    """Of a VM that went over already. Raises SourceError when it runs, or ran, at the source since.

    Unless that may be lost: then it is shut down there. A source that is gone cannot be asked.
    """
    must_be_its_directory(move)
    must_be_mounted(move)
    says = "it is over and passed its boot check"
    try:
        wrote = wrote_since(move)
    except MtvError as problem:
        unknown = f"whether it runs at the source could not be asked: {problem.message}"
        return moved(move, "nothing to do", f"{says}; {unknown}")
    if wrote and not move.may_lose_changes:
        raise started_again(move, wrote)
    if wrote and dry_run:
        return moved(move, "would", f"{PowerOff.does}, and lose what it wrote there")
    if wrote:
        take(PowerOff(), move)
        return moved(move, "done", f"{says}; it is off at the source, and what it wrote is lost")
    return moved(move, "nothing to do", says)


def must_be_ready(move: Move) -> None:
    """Raises what would stop the VM on the way, before it is shut down."""
    must_be_its_directory(move)
    must_be_mounted(move)
    luns_must_be_ready(move)
    # A manifest that nothing can be started from is told before anything is stopped.
    domain_xml(move.manifest, guests_disks(move), accel=KVM, console=move.console)
    if not move.base_is_the_guests:
        must_be_all_disks(move)
        if running(move):
            need_consent(move.connection, Consent.POWER, "shut VMs down")


def how_it_came_up(move: Move) -> str:
    """What its boot check saw, in words; "" before it."""
    boot = move.latest("boot")
    if boot is None:
        return ""
    weak = ", but nothing was checked except that it runs" if boot.detail["weak"] else ""
    hard = boot.detail["stopped"] == "destroyed"
    stopped = "; it did not shut down in time and was switched off" if hard else ""
    return f"up after {duration(boot.detail['up_after_seconds'])}{weak}{stopped}"


def _away_before(move: Move) -> str:
    """LUNs that nobody took from it for us: another VM may have them."""
    detached = move.latest("detach")
    away = detached.detail.get("away_before", 0) if detached is not None else 0
    if not away:
        return ""
    return f"{counted(away, 'LUN')} of it were not at the source: see that no other VM has them"


def _what_stays(move: Move) -> str:
    """What of ours could not be removed from the source."""
    left = move.latest("let-go")
    return left_at_the_source(left.detail["stays"] if left is not None else ())


def take(step: Act, move: Move) -> None:
    """Does it, with the journal before and after it. Raises what it does."""
    move.record(step.name, State.STARTED)
    try:
        with errors_of_this_machine():
            detail = step.run(move)
    except Interrupted:
        raise  # neither done nor failed: the next run goes on with it
    except MtvError as problem:
        move.record(step.name, State.FAILED, failure(problem))
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
        with errors_of_this_machine():
            return act(move)
    except Interrupted:
        if move.stop.why is None:
            raise
        problem = move.stop.why
    except MtvError as found:
        problem = found
    return failed(move.vm, problem)


def raise_failures(outcomes: Sequence[Moved]) -> None:
    """Raises PartlyDone when some VMs failed, MtvError when all did."""
    wrong = _failed(outcomes)
    if wrong:
        kind = MtvError if len(wrong) == len(outcomes) else PartlyDone
        raise kind(_failures(outcomes), _SEE)


def raise_unless_any(said: str, outcomes: Sequence[Moved]) -> None:
    """As ``raise_failures``, and MtvError that says so when VMs were passed by and all others
    failed."""
    became = {each.outcome for each in outcomes}
    if "passed by" in became and became <= {"failed", "passed by"}:
        raise MtvError(said, "each line above says why")
    raise_failures(outcomes)


def raise_unless_equal(outcomes: Sequence[Moved]) -> None:
    """As ``raise_unless_any``, and MtvError when something is proven to be different: that other
    VMs are as they should be does not make that a success in part."""
    if _different(outcomes):
        raise MtvError(_failures(outcomes), _SEE)
    raise_unless_any("nothing was proven", outcomes)


_SEE = "each line above says why; mtv status shows where all stand"


def _failures(outcomes: Sequence[Moved]) -> str:
    names = ", ".join(each.name for each in _failed(outcomes))
    message = f"{len(_failed(outcomes))} of {counted(len(outcomes), 'VM')} failed: {names}"
    different = ", ".join(each.name for each in _different(outcomes))
    return f"{message}; proven different: {different}" if different else message


def _failed(outcomes: Sequence[Moved]) -> list[Moved]:
    return [each for each in outcomes if each.outcome == "failed"]


def _different(outcomes: Sequence[Moved]) -> list[Moved]:
    """Whose copies are not what they were, or not what the source is."""
    return [each for each in outcomes if each.error == DigestMismatch.__name__]
