"""The progress of several disks told as that of one VM."""

import threading
from collections.abc import Sequence
from functools import partial
from itertools import compress

import msgspec

from mtv.model.vm import Disk
from mtv.tasks import OnProgress, Progress

WAITING = "waiting for other copies"


def waiting(capacity_bytes: int) -> Progress:
    """What a disk tells that is not copied yet."""
    return Progress(says=WAITING, total=capacity_bytes, unit="bytes")


class Together:
    """Adds up what is told of every disk: all that do what the first unfinished one does."""

    def __init__(self, on_progress: OnProgress, disks: Sequence[Disk]) -> None:
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._labels = [disk.label for disk in disks]
        self._latest = [waiting(disk.capacity_bytes) for disk in disks]

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
        alike = [(each.says, each.unit) == (now.says, now.unit) for each in self._latest]
        same = list(compress(self._latest, alike))
        known = [each.total for each in same if each.total is not None]
        return Progress(
            says=now.says + self._of_which(alike),
            done=sum(each.done for each in same),
            total=sum(known) if len(known) == len(same) else None,
            unit=now.unit,
        )

    def _of_which(self, alike: Sequence[bool]) -> str:
        """Which of several disks do the same, unless all do."""
        if all(alike):
            return ""
        if sum(alike) > 1:
            return f" ({sum(alike)} of {len(alike)} disks)"
        return f" ({next(compress(self._labels, alike))})"


def about(disk: Disk, on_progress: OnProgress) -> OnProgress:
    """Tells of a disk that is not the only one of its VM."""

    def tell(progress: Progress) -> None:
        on_progress(msgspec.structs.replace(progress, says=f"{progress.says} ({disk.label})"))

    return tell
