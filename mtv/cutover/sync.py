"""A pass over a VM whose time for the cutover has not come, and what it says about the next one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from mtv.config import Consent
from mtv.cutover.batch import take
from mtv.cutover.moves.mounted import must_be_mounted
from mtv.cutover.moves.move import Detail, Move
from mtv.cutover.moves.outcome import Moved, moved, went_over
from mtv.cutover.moves.owner import must_be_its_directory, must_not_have_gone_back
from mtv.cutover.moves.power import running, runs_there
from mtv.cutover.passes.copies import copy_disks
from mtv.cutover.passes.forecast import forecast
from mtv.cutover.passes.guarding import must_bear_it
from mtv.cutover.passes.holding import forget_older_points, holding, must_be_all_disks
from mtv.cutover.steps import Sync, is_over
from mtv.cutover.workers.traffic import BlackoutBegan
from mtv.errors import Interrupted, SourceError, TransferError
from mtv.journal import last_done
from mtv.model.disk import Held
from mtv.quantities import size


class Pass:
    """A copy of every disk of a VM that may run on."""

    name: ClassVar[str] = Sync.name
    held: Held
    """How its disks were held still; set by ``run``."""

    def run(self, move: Move) -> Detail:
        """Copies what is not there yet. The base is written, so no overlay may stand on it."""
        move.drop_conversion()
        off = not runs_there(move)
        with holding(move) as held:
            self.held = held
            off = off and not runs_there(move)  # else what is held may be a moment of its run
            return {"disks": copy_disks(move, held), "off": off}


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
        return moved(move, "passed by", reason)
    must_be_its_directory(move)
    must_be_mounted(move)
    before, this = last_done(move.journal.events(move.ref), Sync.name), Pass()
    take(this, move)
    after = move.latest(Sync.name)
    copies = after.detail["disks"].values() if after is not None else ()
    seen = (*_seen(this.held, copies), *_kept(move), *_not_forgotten(move))
    if not any(copy["fetched_bytes"] for copy in copies):
        says = "every disk is copied and did not change since"
        return moved(move, "nothing to do", "; ".join((says, *seen)))
    told = forecast(before, after) if after is not None else ""
    parts = (_how_much(copies), told, *seen)
    return moved(move, "done", "; ".join(part for part in parts if part))


def _how_much(copies: Iterable[Mapping[str, Any]]) -> str:
    data = sum(copy["data_bytes"] for copy in copies)
    whole = sum(copy["source"]["size_bytes"] for copy in copies)
    return f"{size(data)} of data on {size(whole)} of disks, the copies are equal"


def _seen(held: Held, copies: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What the pass saw that was not so in the one before."""
    yield from held.seen
    damaged = [copy["damaged_bytes"] for copy in copies if copy["damaged_bytes"]]
    if damaged:
        yield (
            f"{size(sum(damaged))} of the copies of {len(damaged)} of its disks did not hold any "
            "more what had been copied, and were copied again: look after this machine's storage"
        )
    whole = sum(1 for copy in copies if copy["compared_whole"])
    if whole and not held.doubt:
        yield f"nobody could tell what changed on {whole} of its disks: compared as a whole"
    elif whole:
        yield "so all of its disks were compared as a whole"


def _kept(move: Move) -> Iterator[str]:
    """What is in another format than mtv.yaml wants."""
    for each in sorted({base.format for base in move.bases()} - {move.base_format}):
        yield f"its disks stay {each}, as they were begun; {move.base_format} is for disks to come"


def _not_forgotten(move: Move) -> Iterator[str]:
    """What of earlier passes stays at the source, though nothing is told from it any more."""
    try:
        forget_older_points(move)
    except (SourceError, TransferError, Interrupted) as problem:  # the pass is done
        yield f"what earlier passes left at the source is still there: {problem.message}"


def foresee_sync(move: Move) -> Moved:
    """What ``sync`` would do with a VM; changes nothing. Raises SourceError as it does."""
    reason = _why_not_synced(move)
    if reason:
        return moved(move, "passed by", reason)
    must_be_its_directory(move)
    must_be_mounted(move)
    must_be_all_disks(move)
    must_bear_it(move)
    whole = size(sum(disk.capacity_bytes for disk in move.disks))
    copied = last_done(move.journal.events(move.ref), Sync.name) is not None
    hold = "hold its disks still, since it runs, and " if runs_there(move) else ""
    what = f"what changed of {whole}" if copied else f"all that is on {whole}"
    return moved(move, "would", f"{hold}copy {what} of disks to {move.directory}")


def _why_not_synced(move: Move) -> str:
    if move.gone_over_in:
        return went_over(move)
    if move.base_is_the_guests:
        must_not_have_gone_back(move)
        stands = "is over" if is_over(move) else "is being cut over"
        return f"it {stands}: its disks are the guest's own now"
    if move.shared and (names := running(move)):
        return (
            f"it shares disks, and {', '.join(names)} run: they are copied while all are off, by "
            "mtv cutover at the latest"
        )
    if Consent.SNAPSHOTS not in move.connection.may and runs_there(move):
        return (
            f"it is running: write 'may: [{', '.join((*move.connection.may, Consent.SNAPSHOTS))}]' "
            "under its source in mtv.yaml to copy it all the same, or leave it to mtv cutover, "
            "which shuts it down"
        )
    return ""
