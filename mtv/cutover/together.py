"""The progress of several disks told as that of one VM."""

import threading
from collections.abc import Sequence
from functools import partial

from mtv.tasks import OnProgress, Progress

WAITING = "waiting for other copies"


def waiting(capacity_bytes: int) -> Progress:
    """What a disk tells that is not copied yet."""
    return Progress(says=WAITING, total=capacity_bytes, unit="bytes")


class Together:
    """Adds up what is told of every disk: all that do what the first unfinished one does."""

    def __init__(self, on_progress: OnProgress, capacities: Sequence[int]) -> None:
        """``capacities``: bytes of each disk."""
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._latest = [waiting(capacity) for capacity in capacities]

    def of(self, number: int) -> OnProgress:
        """The function that is told about one disk."""
        return partial(self._hear, number)

    def _hear(self, number: int, progress: Progress) -> None:
        with self._lock:
            self._latest[number] = progress
            self._on_progress(self._summed())

    def _summed(self) -> Progress:
        shown = [each for each in self._latest if each.says != WAITING] or self._latest
        now = next((each for each in shown if each.done != each.total), shown[-1])
        same = [each for each in shown if (each.says, each.unit) == (now.says, now.unit)]
        known = [each.total for each in same if each.total is not None]
        return Progress(
            says=now.says,
            done=sum(each.done for each in same),
            total=sum(known) if len(known) == len(same) else None,
            unit=now.unit,
        )
