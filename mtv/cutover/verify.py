"""Proves copies again, later: the base against its digests, the source against the same ones.

base   ──re-read──> digests?  as long as the base is the copy
source ──re-read──> digests?  as long as the VM is off; also after its guest has moved
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import msgspec

from mtv.cutover.batch import take
from mtv.cutover.moves.mounted import must_be_mounted
from mtv.cutover.moves.move import Detail, Move
from mtv.cutover.moves.outcome import Moved, moved
from mtv.cutover.moves.power import running
from mtv.cutover.passes.opened import end_what_is_open
from mtv.cutover.passes.reading import once_free, read_disk
from mtv.cutover.passes.together import about
from mtv.cutover.workers.executors import run_task
from mtv.errors import DigestMismatch, Interrupted, MtvError, SourceError
from mtv.journal import OPEN_TO_VERIFY, State
from mtv.model.vm import Disk
from mtv.quantities import duration, size
from mtv.tasks import Result, VerifySourceTask, VerifyTask


class VerifyBase:
    """Every base still holds what was copied to it."""

    name: ClassVar[str] = "verify"

    def run(self, move: Move) -> Detail:
        """Re-reads the bases from their disks; what differs the next sync copies again."""
        return _each_disk(move, self._disk, but=move.is_the_guests)

    def _disk(self, move: Move, disk: Disk, recorded: str) -> Result:
        return run_task(
            VerifyTask(
                base=str(move.base(disk.key)),
                capacity_bytes=disk.capacity_bytes,
                recorded=recorded,
            ),
            move.on_progress,
            move.log(self.name),
            move.stop,
        )


class VerifySource:
    """Every disk at the source still is what was copied of it."""

    name: ClassVar[str] = "verify-source"

    def run(self, move: Move) -> Detail:
        """Reads all of the source's disks again. The VM has to be off all the time."""
        end_what_is_open(move, OPEN_TO_VERIFY)
        try:
            detail = _each_disk(move, self._disk)
        except DigestMismatch:
            _must_be_off(move)  # else that is why
            raise
        _must_be_off(move)
        return detail

    def _disk(self, move: Move, disk: Disk, recorded: str) -> Result:
        task = VerifySourceTask(
            vm=move.placed.vm.id,
            disk=disk.key,
            capacity_bytes=disk.capacity_bytes,
            source=move.connection,
            base=str(move.base(disk.key)),
            recorded=recorded,
            alone=disk.key in move.shared,
            limits=move.traffic.limits.of_task(),
        )
        return once_free(
            move, lambda: read_disk(move, task, self.name, move.on_progress, OPEN_TO_VERIFY)
        )


def verify(move: Move) -> Moved:
    """Compares the bases of a VM with what was copied to them. Raises DigestMismatch and others."""
    reason = _why_not_verified(move)
    if reason:
        return moved(move, "passed by", reason)
    take(VerifyBase(), move)
    return moved(move, "done", _told(move, VerifyBase.name, "the copies still hold what was read"))


def verify_source(move: Move) -> Moved:
    """Compares the disks at the source with what was copied. Raises SourceError for a running VM,
    DigestMismatch and others."""
    reason = _why_no_source(move)
    if reason:
        return moved(move, "passed by", reason)
    take(VerifySource(), move)
    return moved(move, "done", _told(move, VerifySource.name, "the source is what was copied"))


def foresee_verify(move: Move) -> Moved:
    """What ``verify`` would do with a VM; changes nothing."""
    reason = _why_not_verified(move)
    if reason:
        return moved(move, "passed by", reason)
    return moved(move, "would", f"re-read {_whole(move)} of disks in {move.directory}")


def foresee_verify_source(move: Move) -> Moved:
    """What ``verify_source`` would do with a VM; changes nothing. Raises SourceError as it does."""
    reason = _why_no_source(move)
    if reason:
        return moved(move, "passed by", reason)
    return moved(move, "would", f"re-read {_whole(move)} of disks at {move.connection.name}")


def _why_not_verified(move: Move) -> str:
    if move.gone_over_in:
        return f"its disks are the guest's own since the wave {move.gone_over_in}"
    if move.base_is_the_guests:
        return (
            "its disks are the guest's own now and no copies any more; "
            "mtv verify --source compares the source with what was copied"
        )
    must_be_mounted(move)
    reason = _why_nothing_recorded(move)
    if not reason and move.disks and all(move.is_the_guests(disk.key) for disk in move.disks):
        return "its disks went over with the VMs that share them, and are no copies any more"
    return reason


def _why_no_source(move: Move) -> str:
    if move.gone_over_in:
        wave = move.gone_over_in
        return f"it went over in the wave {wave}: mtv verify {wave} --source"
    reason = _why_nothing_recorded(move)
    if reason:
        return reason
    _must_be_off(move)
    copies = move.latest("sync")
    if copies is not None and not copies.detail.get("off", True):
        return "its last copy was made while it ran, and it wrote since: run mtv sync first"
    return ""


def _why_nothing_recorded(move: Move) -> str:
    copies = move.latest("sync")
    if copies is None:
        return "it was not copied yet"
    if copies.state is not State.DONE:
        return "the last pass over it did not come to its end: mtv sync goes on with it"
    missing = [disk.key for disk in move.disks if disk.key not in copies.detail["disks"]]
    return f"its disk {missing[0]} was not copied yet: run mtv sync" if missing else ""


def _each_disk(
    move: Move,
    act: Callable[[Move, Disk, str], Result],
    but: Callable[[str], bool] = lambda _: False,
) -> Detail:
    """Does it with every disk, also after one that differs: whoever looks wants to know all.

    Raises DigestMismatch when one does, else the first error; it names each disk. Interrupted.
    """
    copies = move.latest("sync")
    recorded = copies.detail["disks"] if copies is not None else {}
    results: Detail = {}
    found = list[tuple[Disk, MtvError]]()
    for disk in move.disks:
        if but(disk.key):
            continue  # a shared disk that went over with another VM is no copy any more
        try:
            result = act(_about(move, disk), disk, str(recorded[disk.key]["source"]["sha256"]))
        except Interrupted:
            raise
        except MtvError as problem:
            found.append((disk, problem))
        else:
            results[disk.key] = msgspec.to_builtins(result)
    if found:
        raise _one_of(found)
    return {"disks": results}


def _about(move: Move, disk: Disk) -> Move:
    """The move while it is about one of its disks."""
    if len(move.disks) == 1:
        return move
    return replace(move, on_progress=about(disk, move.on_progress))


def _one_of(found: Sequence[tuple[Disk, MtvError]]) -> MtvError:
    """The error of several disks: a difference, if one of them has one; it is told of each."""
    differ = [problem for _, problem in found if isinstance(problem, DigestMismatch)]
    first = differ[0] if differ else found[0][1]
    first.message = "\n".join(f"{disk.label}: {problem.message}" for disk, problem in found)
    return first


def _must_be_off(move: Move) -> None:
    names = running(move)
    if names:
        raise SourceError(
            f"{', '.join(names)} runs at the source: its disks are no longer what was copied",
            "nothing can be proven of them while it runs: shut it down there, and run this again; "
            "what it wrote meanwhile is told as a difference",
        )


def _told(move: Move, step: str, says: str) -> str:
    event = move.latest(step)
    disks = event.detail["disks"].values() if event is not None else ()
    read, seconds = (sum(each[key] for each in disks) for key in ("read_bytes", "seconds"))
    return f"{says}: {size(read)} read of {_whole(move)}, in {duration(seconds)}"


def _whole(move: Move) -> str:
    return size(sum(disk.capacity_bytes for disk in move.disks))
