"""The steps of a VM on its way over, one short handler each.

A handler first looks whether its effect is already there (``settled``), then brings it about
(``run``) and returns its evidence. It may be killed at any moment and run again.
"""

import contextlib
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from mtv.convert.record import commit_converted, fits
from mtv.cutover.luns import (
    Detach,
    guests_disks,
    luns_must_be_away,
)
from mtv.cutover.moves.move import Detail, Move
from mtv.cutover.moves.owner import (
    become_the_guests,
    begin_anew,
    must_not_have_gone_back,
    named_with_sharers,
)
from mtv.cutover.moves.power import (
    LAST_RUNS,
    POWER_OFF,
    last_runs,
    last_shut_down,
    ran_since,
    running,
    wrote_since,
)
from mtv.cutover.passes.copies import copy_disks
from mtv.cutover.passes.holding import forget_older_points, holding_anew, points_left, release_all
from mtv.cutover.workers.executors import run_task
from mtv.errors import DigestMismatch, SourceError, TransferError
from mtv.estate import PlacedVm
from mtv.journal import LOOKS, ROLLBACK, State
from mtv.model.plan import Convert
from mtv.tasks import CheckTask, ConvertTask
from mtv.transfer.records.standing import is_as_left

SHUTDOWN_SECONDS = 300.0
"""How long a guest may take to shut down before it is switched off."""


class Act(Protocol):
    """Something that is done with a VM, with the journal before and after it."""

    name: ClassVar[str]

    def run(self, move: Move) -> Detail:
        """Brings the effect about; returns the evidence for the journal."""


class Step(Act, Protocol):
    """One step of a move."""

    does: ClassVar[str]
    """What it does with the VM, for people."""

    def settled(self, move: Move) -> bool:
        """True when there is nothing (more) to do."""


class PowerOff:
    """The source VM is off."""

    name: ClassVar[str] = POWER_OFF
    does: ClassVar[str] = "shut it down at the source"

    def settled(self, move: Move) -> bool:
        """Off once is not off for ever: it is asked each time."""
        latest, back = move.latest(self.name), move.latest(ROLLBACK)
        if back is not None and latest is not None and back.id > latest.id:
            must_not_have_gone_back(move)
            return False
        off = last_shut_down(move)
        wrote = () if off is None else wrote_since(move)
        if move.base_is_the_guests and not move.may_lose_changes:
            if wrote:
                raise started_again(move, wrote)
            return True
        return off is not None and off == latest and not wrote

    def run(self, move: Move) -> Detail:
        """Shuts it down, and all that share disks with it, by their guests where they have agents.

        What an earlier pass still holds is released before: to merge it takes its time, which the
        VM need not be off for.
        """
        release_all(move)
        with contextlib.suppress(SourceError):  # tried again after the cutover
            forget_older_points(move)
        if any(map(move.is_the_guests, move.shared)) and not move.may_lose_changes:
            wrote = running(move) or _ran_since_it_went_over(move)
            if wrote:
                raise _wrote_after_it_went_over(move, wrote)
        how = self._shut_down(move, move.placed)
        sharers = {each.ref: self._shut_down(move, each) for each in move.sharers}
        return {
            "how": how,
            LAST_RUNS: last_runs(move),
            **({"sharers": sharers} if sharers else {}),
        }

    def _shut_down(self, move: Move, placed: PlacedVm) -> str:
        return move.open_source().shut_down(
            placed.vm.id, grace_seconds=SHUTDOWN_SECONDS, cancelled=move.stop
        )


class Sync:
    """Every base is an exact copy of its disk."""

    name: ClassVar[str] = "sync"
    does: ClassVar[str] = "copy what is left of its disks"

    def settled(self, move: Move) -> bool:
        """Once for each time the VM was shut down; never again when the base is the guest's.

        And once more when a look at it since found that the copy is not the source, when somebody
        wrote to it, or when the conversion over it is void.
        """
        if move.base_is_the_guests:
            return True
        copied = move.latest(self.name)
        as_it_stood = copied is not None and copied.detail.get("off") is True
        done = as_it_stood and _done_since_power_off(move, self.name)
        return done and not _found_different(move) and _are_as_left(move)

    def run(self, move: Move) -> Detail:
        """Copies what is not there yet. The base is written, so no overlay may stand on it."""
        move.drop_conversion()
        with holding_anew(move) as held:
            must_not_have_run(move)  # what is held would be a moment of its run
            return {"disks": copy_disks(move, held), "off": True}


class ConvertGuest:
    """Overlays on the bases hold the converted guest."""

    name: ClassVar[str] = "convert"
    does: ClassVar[str] = "convert its guest"

    def settled(self, move: Move) -> bool:
        """Once after each sync, which drops it; a begun commit means that it was done."""
        if move.latest("commit") is not None:
            return True
        event, copied = move.latest(self.name), move.latest(Sync.name)
        return (
            _done_since_power_off(move, self.name)
            and event is not None
            and copied is not None
            and event.id > copied.id
        )

    def run(self, move: Move) -> Detail:
        """Runs virt-v2v in place on overlays; the bases stay as they are."""
        result = run_task(
            ConvertTask(
                name=move.vm.name,
                manifest=move.manifest,
                bases=move.bases(),
                directory=str(move.conversion),
                log=str(move.log("virt-v2v")),
                accel=move.accel,
                timeout_seconds=move.convert_seconds,
            ),
            move.on_progress,
            move.log(self.name),
            move.stop,
        )
        return _plain(result)


class Commit:
    """The bases hold the converted guest; the overlays are gone."""

    name: ClassVar[str] = "commit"
    does: ClassVar[str] = "write what was converted to its disks"

    def settled(self, move: Move) -> bool:
        """Once."""
        return move.journal.is_done(move.ref, self.name)

    def run(self, move: Move) -> Detail:
        """Writes every overlay into its base, then drops the conversion, in one moment.

        So a conversion that is gone has been committed.
        """
        become_the_guests(move)
        _bases_must_be_there(move)
        if move.conversion.exists():
            commit_converted(move.bases(), move.conversion)
            move.drop_conversion()
        return {"disks": len(move.bases())}


class Boot:
    """The guest boots on the target, its check passes."""

    name: ClassVar[str] = "boot"
    does: ClassVar[str] = "boot it here and check it"

    def settled(self, move: Move) -> bool:
        """Once it has passed."""
        return move.journal.is_done(move.ref, self.name)

    def run(self, move: Move) -> Detail:
        """Boots it, having seen the source off: there are never two of it running."""
        must_not_have_run(move)
        luns_must_be_away(move)
        become_the_guests(move)
        result = run_task(
            CheckTask(
                name=move.vm.name,
                manifest=move.manifest,
                disks=guests_disks(move),
                check=move.vm.check,
                console=str(move.console),
                accel=move.accel,
            ),
            move.on_progress,
            move.log(self.name),
            move.stop,
        )
        return _plain(result)


class LetGo:
    """Nothing of ours is left at the source VM: there will be no pass over its disks any more."""

    name: ClassVar[str] = "let-go"
    does: ClassVar[str] = "remove what mtv has at the source"

    def settled(self, move: Move) -> bool:
        """Once."""
        return move.journal.is_done(move.ref, self.name)

    def run(self, move: Move) -> Detail:
        """Removes snapshots and checkpoints that told passes apart."""
        points = points_left(move)
        stays = move.open_source().let_go(move.placed.vm.id, points, move.stop)
        return {"points": list(points), "stays": list(stays)}


def steps_of(move: Move) -> tuple[Step, ...]:
    """The steps of one VM, in order."""
    begun = move.latest(Commit.name)
    committing = begun is not None and begun.state is not State.DONE
    converts = move.vm.convert is not Convert.NONE or committing  # who began it has to end it
    convert = (ConvertGuest(), Commit()) if converts else ()
    # A step that fails before the boot leaves the LUNs where they are.
    return (PowerOff(), Sync(), *convert, Detach(), Boot(), LetGo())


def is_over(move: Move) -> bool:
    """Whether a VM has passed all of its steps."""
    return steps_of(move)[-1].settled(move)


def _done_since_power_off(move: Move, step: str) -> bool:
    """True when the step was done after the source was last shut down."""
    event, off = move.latest(step), move.latest(PowerOff.name)
    return event is not None and off is not None and event.state is State.DONE and event.id > off.id


def _found_different(move: Move) -> bool:
    """True when ``mtv verify`` found since the last copy that a base is not what it should be."""
    copied = move.latest(Sync.name)
    found = dict[str, bool]()
    for event in move.journal.events(move.ref):
        if event.step not in LOOKS or (copied is not None and event.id < copied.id):
            continue
        if event.state is State.DONE:
            found[event.step] = False
        elif event.detail.get("error") == DigestMismatch.__name__:
            found[event.step] = True
    return any(found.values())


def must_be_as_copied(move: Move) -> None:
    """Raises TransferError when the bases may not become the guest's disks as they are."""
    _bases_must_be_there(move)
    if not Sync().settled(move):
        raise TransferError(
            f"the copies of {move.vm.name} are not any more what was copied and converted: "
            "something wrote to them, mtv verify found a difference, or their conversion is gone",
            "run the same command again: they are compared, and the guest is converted anew",
        )


def _bases_must_be_there(move: Move) -> None:
    for base in move.bases():
        if not Path(base.path).exists():
            raise TransferError(
                f"{base.path} is not there, which is to become the guest's disk",
                "see whether its file system is mounted, then run the same command again",
            )


def _are_as_left(move: Move) -> bool:
    """Whether the copies are what was left, and what was converted over them can be committed."""
    own = [move.base(disk.key) for disk in move.disks if not move.is_the_guests(disk.key)]
    if not all(map(is_as_left, own)):
        return False
    if move.vm.convert is Convert.NONE:
        return not move.conversion.exists()  # of an earlier plan: the copy drops it
    return not ConvertGuest().settled(move) or fits(move.bases(), move.conversion)


def must_not_have_run(move: Move) -> None:
    """Raises SourceError when the source runs, or ran since it was shut down."""
    wrote = wrote_since(move)
    if not wrote:
        return
    if move.base_is_the_guests:
        raise started_again(move, wrote)
    raise SourceError(
        f"{', '.join(wrote)} was started at the source after it had been shut down",
        "run the same command again: what it wrote is copied, too",
    )


def _plain(result: Any) -> Detail:
    plain: Detail = msgspec.to_builtins(result)
    return plain


def _ran_since_it_went_over(move: Move) -> tuple[str, ...]:
    """Those that have a disk of a VM that went over, and were started since it was shut down."""
    theirs = [each.ref for each in move.sharers if move.has_gone_over(each.ref)]
    noted = (last_shut_down(move, ref) for ref in theirs)
    return tuple(dict.fromkeys(name for event in noted for name in ran_since(move, event)))


def _wrote_after_it_went_over(move: Move, names: tuple[str, ...]) -> SourceError:
    return SourceError(
        f"{', '.join(names)} run at the source, or ran since, and a disk of {move.placed.vm.name} "
        "that they have, too, has gone over already",
        _ways_on(move),
    )


def started_again(move: Move, names: tuple[str, ...]) -> SourceError:
    """The error for a VM whose disks went over, and that these were started since."""
    return SourceError(
        f"{', '.join(names)} was started again at the source after its disks had gone over",
        _ways_on(move),
    )


def _ways_on(move: Move) -> str:
    return (
        "what was written there is not copied any more: if it may be lost, run mtv cutover "
        f"{named_with_sharers(move)} --lose-source-changes; else begin anew, without what the "
        f"guest wrote here: {begin_anew(move)}"
    )
