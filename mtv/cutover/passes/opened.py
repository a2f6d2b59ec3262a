"""What workers have open at a source while they read; in the journal, to be ended if they die.

A worker that ends by itself gives it back. One that is killed leaves it, and its disk locked, until
the source notices after minutes.
"""

import contextlib
from collections.abc import Callable, Iterator

from mtv.cutover.moves.move import Move
from mtv.errors import MtvError, ProjectError, SourceError, WorkerLost
from mtv.journal import OPEN, State
from mtv.tasks import OnProgress, Progress

Record = Callable[[State, str], None]
"""Writes down that what has this id is open (STARTED), or is not any more (DONE)."""


@contextlib.contextmanager
def opened_by_worker(
    on_progress: OnProgress, give_up: Callable[[str], None], record: Record = lambda *_: None
) -> Iterator[OnProgress]:
    """What is to hear the progress of a worker that runs until the block ends.

    If the worker is lost, what it had open is ended by ``give_up``; if the source does not end it
    now, the next run tries again.
    """
    opened = [""]

    def heard(progress: Progress) -> None:
        if progress.opened and progress.opened != opened[0]:
            opened[0] = progress.opened
            record(State.STARTED, opened[0])
        on_progress(progress)

    try:
        yield heard
    except BaseException as problem:  # Ctrl-C, too, where no other thread waits for it
        if opened[0] and not _gave_back(problem):
            with contextlib.suppress(SourceError):
                give_up(opened[0])
                record(State.DONE, opened[0])
        elif opened[0]:
            record(State.DONE, opened[0])
        raise
    if opened[0]:
        record(State.DONE, opened[0])


def _gave_back(problem: BaseException) -> bool:
    """Whether the worker ended by itself, and told why.

    It was killed where it had to be waited for too long, or when the journal could not be written.
    """
    lost = WorkerLost, ProjectError
    return isinstance(problem, MtvError) and not (
        isinstance(problem, lost) or isinstance(problem.__cause__, lost)
    )


def open_of(move: Move, step: str = OPEN) -> dict[str, str]:
    """Disk -> id of what workers of an earlier mtv had open for it, as the journal tells."""
    left = dict[str, str]()
    for event in move.journal.events(move.ref):
        if event.step == step:
            is_open = event.state is State.STARTED
            left[event.detail["disk"]] = event.detail["id"] if is_open else ""
    return {disk: id_ for disk, id_ in left.items() if id_}


def end_what_is_open(move: Move, step: str = OPEN) -> None:
    """Ends what workers of an earlier mtv had open for the VM's disks. Raises SourceError."""
    for disk, id_ in open_of(move, step).items():
        move.open_source().give_up(id_)
        move.record(step, State.DONE, {"disk": disk, "id": id_})
