"""What workers have open at a source while they read; in the journal, to be ended if they die.

A worker that ends by itself gives it back. One that is killed leaves it, and its disk locked, until
the source notices after minutes.
"""

import contextlib

from mtv.cutover.move import Move
from mtv.errors import SourceError
from mtv.journal import OPEN, State
from mtv.tasks import Progress


class Opened:
    """What one worker has open for one disk, as it says in its progress."""

    def __init__(self, move: Move, disk: str, step: str) -> None:
        self._move = move
        self._disk = disk
        self._step = step
        self._id = ""

    def heard(self, progress: Progress) -> None:
        """Writes down what the worker opened since."""
        if progress.opened and progress.opened != self._id:
            self._id = progress.opened
            self._record(State.STARTED)

    def given_back(self) -> None:
        """The worker has ended cleanly."""
        if self._id:
            self._record(State.DONE)

    def end(self) -> None:
        """The worker was lost; if the source does not end it now, the next run tries again."""
        if self._id:
            with contextlib.suppress(SourceError):
                self._move.open_source().give_up(self._id)
                self._record(State.DONE)

    def _record(self, state: State) -> None:
        self._move.record(self._step, state, {"disk": self._disk, "id": self._id})


def end_what_is_open(move: Move, step: str = OPEN) -> None:
    """Ends what workers of an earlier mtv had open for the VM's disks. Raises SourceError."""
    left = dict[str, str]()
    for event in move.journal.events(move.ref):
        if event.step == step:
            is_open = event.state is State.STARTED
            left[event.detail["disk"]] = event.detail["id"] if is_open else ""
    for disk, id_ in left.items():
        if id_:
            move.open_source().give_up(id_)
            move.record(step, State.DONE, {"disk": disk, "id": id_})
