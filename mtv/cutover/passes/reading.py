"""Workers that read a disk of a VM at its source: their place, their pace, and what they open."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from mtv.cutover.moves.move import Move
from mtv.cutover.passes.opened import opened_by_worker
from mtv.cutover.workers.executors import run_task
from mtv.errors import Interrupted, ReadFailed, SourceBusy
from mtv.journal import OPEN, State
from mtv.tasks import OnProgress, ProbeTask, Progress, Result, SyncTask, VerifySourceTask

T = TypeVar("T")

BUSY_SECONDS = 330.0
"""How long to wait for a source: what a killed mtv had open there ends in five minutes."""

AGAIN_SECONDS = 3.0


def read_disk(
    move: Move,
    task: SyncTask | VerifySourceTask | ProbeTask,
    log: str,
    on_progress: OnProgress,
    step: str = OPEN,
) -> Result:
    """Has a worker do a task that reads a disk of the VM, within the limits of mtv.yaml.

    ``log``: the step whose log it writes. ``step``: the journal tells under it what the worker has
    open at the source, which is ended if the worker is lost. Raises SourceBusy; the worker's error.
    """
    host = f"{move.connection.name}/{move.placed.vm.host or ''}"

    def give_up(id_: str) -> None:
        move.open_source().give_up(id_)

    def record(state: State, id_: str) -> None:
        move.record(step, state, {"disk": task.disk, "id": id_})

    with move.traffic.copying(move.ref, host, move.stop) as pace:

        def paced(progress: Progress) -> None:
            pace.heard(progress)
            on_progress(progress)

        with _named(move, task.disk), opened_by_worker(paced, give_up, record) as heard:
            return run_task(task, heard, move.log(log), move.stop, pace)


@contextlib.contextmanager
def _named(move: Move, key: str) -> Iterator[None]:
    """Says which disk it was that could not be read: its worker knows the server's name only."""
    try:
        yield
    except ReadFailed as problem:
        label = next((each.label for each in move.disks if each.key == key), key)
        raise ReadFailed(f"{label}: {problem.message}", problem.hint) from problem


def once_free(move: Move, run: Callable[[], T]) -> T:
    """What ``run`` gives once the source is free for it. Raises SourceBusy if it stays busy."""
    since: float | None = None
    while True:
        began = time.monotonic()
        try:
            return run()
        except SourceBusy as problem:
            now = time.monotonic()
            if since is None or now - began > BUSY_SECONDS:  # it was free for so long
                since = now
            if now - since > BUSY_SECONDS:
                raise
            move.on_progress(Progress(says=f"waiting: {problem.message}"))
        if move.stop.wait(AGAIN_SECONDS):
            raise Interrupted("stopped while it waited for the source")
