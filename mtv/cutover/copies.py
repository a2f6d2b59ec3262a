"""The copies of a VM's disks, side by side, each by a worker of its own."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import msgspec

from mtv.cutover.executors import run_task
from mtv.cutover.move import Detail, Move
from mtv.cutover.opened import Opened
from mtv.cutover.pace import Pace
from mtv.cutover.together import Together
from mtv.errors import MtvError, WorkerLost
from mtv.journal import OPEN
from mtv.model.disk import Held
from mtv.model.vm import Disk
from mtv.tasks import OnProgress, Progress, Result, SyncResult, SyncTask


def copy_disks(move: Move, held: Held) -> Detail:
    """Copies every disk of the VM; disk key -> its SyncResult.

    When one fails the others go on to their end: what they copied is kept. Raises the first error
    in the order of the disks, Interrupted when the move is stopped.
    """
    disks = move.disks
    for folder in {move.directory, *(move.base(disk.key).parent for disk in disks)}:
        folder.mkdir(parents=True, exist_ok=True)
    together = Together(move.on_progress, [disk.capacity_bytes for disk in disks])
    with ThreadPoolExecutor(max(1, len(disks))) as threads:
        copies = [
            threads.submit(_copy, move, disk, held, together.of(number))
            for number, disk in enumerate(disks)
        ]
        try:
            wait(copies)
        except BaseException:
            # Ctrl-C: no worker may go on once the disks are let go.
            move.stop.set()
            raise
    return {
        disk.key: msgspec.to_builtins(copy.result())
        for disk, copy in zip(disks, copies, strict=True)
    }


@contextlib.contextmanager
def reading(
    move: Move, disk: Disk, on_progress: OnProgress, step: str = OPEN
) -> Iterator[tuple[Pace, OnProgress]]:
    """A place for a worker that reads a disk of the VM, its pace, and what is to hear of it.

    ``step``: the journal tells under it what the worker has open at the source, which is ended if
    the worker is lost.
    """
    host = f"{move.connection.name}/{move.placed.vm.host or ''}"
    with move.traffic.copying(move.ref, host, move.stop) as pace:
        opened = Opened(move, disk.key, step)

        def heard(progress: Progress) -> None:
            pace.heard(progress)
            opened.heard(progress)
            on_progress(progress)

        try:
            yield pace, heard
        except MtvError as problem:
            if isinstance(problem, WorkerLost) or isinstance(problem.__cause__, WorkerLost):
                opened.end()
            else:
                opened.given_back()
            raise
        opened.given_back()


def _copy(move: Move, disk: Disk, held: Held, on_progress: OnProgress) -> Result:
    if disk.key in move.shared:
        # Two VMs may get here at the same time: the second one finds that all is done.
        with move.traffic.one_at_a_time(str(move.base(disk.key))):
            return _copied_by_another(move, disk) or _copied(move, disk, held, on_progress)
    return _copied(move, disk, held, on_progress)


def _copied_by_another(move: Move, disk: Disk) -> SyncResult | None:
    """The copy of a shared disk that is another VM's own by now: it is the last there will be."""
    if not move.is_the_guests(disk.key):
        return None
    for placed, key in move.shared[disk.key].others:
        event = move.journal.latest(placed.ref).get("sync")
        if event is not None and key in event.detail.get("disks", {}):
            return msgspec.convert(event.detail["disks"][key], SyncResult)
    return None


def _copied(move: Move, disk: Disk, held: Held, on_progress: OnProgress) -> Result:
    with reading(move, disk, on_progress) as (pace, heard):
        return run_task(
            SyncTask(
                vm=move.placed.vm.id,
                disk=disk.key,
                capacity_bytes=disk.capacity_bytes,
                source=move.connection,
                base=str(move.base(disk.key)),
                held=held,
                limits=move.traffic.limits.of_task(),
            ),
            heard,
            move.log("sync"),
            move.stop,
            pace,
        )
