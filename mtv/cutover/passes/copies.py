"""The copies of a VM's disks, side by side, each by a worker of its own."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import msgspec

from mtv.cutover.moves.mounted import mark
from mtv.cutover.moves.move import Detail, Move
from mtv.cutover.moves.owner import begin_anew, take_directory
from mtv.cutover.passes.reading import once_free, read_disk
from mtv.cutover.passes.together import Together, waiting
from mtv.errors import SourceBusy, TransferError
from mtv.journal import last_done
from mtv.model.disk import Held
from mtv.model.vm import Disk
from mtv.tasks import OnProgress, Result, SyncResult, SyncTask
from mtv.transfer.records.digests import recorded_digest


def copy_disks(move: Move, held: Held) -> Detail:
    """Copies every disk of the VM; disk key -> its SyncResult.

    When one fails the others go on to their end: what they copied is kept. Raises the first error
    in the order of the disks, Interrupted when the move is stopped.
    """
    disks = move.disks
    mark(move)
    for folder in {move.directory, *(move.base(disk.key).parent for disk in disks)}:
        folder.mkdir(parents=True, exist_ok=True)
    take_directory(move)
    together = Together(move.on_progress, disks)
    progress = {disk.key: together.of(number) for number, disk in enumerate(disks)}
    copies = dict[str, Result]()

    def copy_what_can_be() -> None:
        left = [disk for disk in disks if disk.key not in copies]
        copies.update(_side_by_side(move, left, held, progress))

    while len(copies) < len(disks):
        once_free(move, copy_what_can_be)
    return {disk.key: msgspec.to_builtins(copies[disk.key]) for disk in disks}


def _side_by_side(
    move: Move, disks: Sequence[Disk], held: Held, progress: Mapping[str, OnProgress]
) -> dict[str, Result]:
    """The copies of those disks that the source gives at the same time, at least one.

    A vCenter exports one disk of a VM after the other. Raises SourceBusy when it gives none.
    """
    with ThreadPoolExecutor(max(1, len(disks))) as threads:
        copies = {
            disk.key: threads.submit(_copy, move, disk, held, progress[disk.key]) for disk in disks
        }
        try:
            wait(copies.values())
        except BaseException:
            # Ctrl-C: no worker may go on once the disks are let go.
            move.stop.set()
            raise
    busy = [key for key, copy in copies.items() if isinstance(copy.exception(), SourceBusy)]
    later = busy if len(busy) < len(copies) else ()
    for disk in disks:
        if disk.key in later:
            progress[disk.key](waiting(disk.capacity_bytes))
    return {key: copy.result() for key, copy in copies.items() if key not in later}


def _copy(move: Move, disk: Disk, held: Held, on_progress: OnProgress) -> Result:
    if disk.key in move.shared:
        # Two VMs may get here at the same time: the second one finds that all is done.
        with move.traffic.one_at_a_time(str(move.base(disk.key))):
            return _copied_by_another(move, disk) or _copy_in_worker(move, disk, held, on_progress)
    return _copy_in_worker(move, disk, held, on_progress)


def _copied_by_another(move: Move, disk: Disk) -> SyncResult | None:
    """The copy of a shared disk that is another VM's own by now: it is the last there will be.

    Raises TransferError where it is there no more: others of them began anew without this one.
    """
    if not move.is_the_guests(disk.key):
        return None
    there = recorded_digest(move.base(disk.key), disk.capacity_bytes)
    for placed, key in move.shared[disk.key].others:
        copied = last_done(move.events_of(placed.ref), "sync")
        if copied is not None and key in copied.detail["disks"]:
            result = msgspec.convert(copied.detail["disks"][key], SyncResult)
            if result.target == there:
                return result
    raise TransferError(
        f"{disk.label} of {move.placed.vm.name} went over with a VM that shares it, and what went "
        f"over is not in {move.base(disk.key).parent} any more",
        f"begin anew with all that share it: {begin_anew(move)}",
    )


def _copy_in_worker(move: Move, disk: Disk, held: Held, on_progress: OnProgress) -> Result:
    task = SyncTask(
        vm=move.placed.vm.id,
        disk=disk.key,
        capacity_bytes=disk.capacity_bytes,
        source=move.connection,
        base=str(move.base(disk.key)),
        held=held,
        limits=move.traffic.limits.of_task(),
    )
    return read_disk(move, task, "sync", on_progress)
