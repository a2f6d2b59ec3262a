"""The base: what a disk is copied to, written with its holes.

Whatever format it has (``raw``, ``qcow2``), it is written, made durable, and read back
from the disk itself in the same way.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

GRANULE_BYTES = 64 * 1024
"""Zeros are left out in runs of this size: measured, it keeps real disks as sparse as they are."""

MayWrite = Callable[[], None]

_ZERO_GRANULE = bytes(GRANULE_BYTES)


class Uncached(Protocol):
    """A base read by one thread, past whatever is in memory of it."""

    def fill(self, view: memoryview, offset: int, length: int) -> None:
        """Reads ``length`` bytes at ``offset`` into a view of whole pages. Raises OSError."""


class OnDisk(Protocol):
    """What a base holds on the disk it lies on; what was written must be durable already."""

    def data(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Runs of whole grains between two bytes that may hold data; the rest reads as zeros."""

    def opened(self) -> AbstractContextManager[Uncached]:
        """It once more, for a thread. Raises OSError."""


class Base(ABC):
    """An open base. Made by ``opening.open_base``; its errors are OSErrors."""

    is_device = False
    size_bytes: int
    """0: it holds nothing yet that could be a disk."""
    inode: int
    """0 where there is none to tell it by."""

    def __init__(self, path: Path, capacity_bytes: int, may_write: MayWrite) -> None:
        self.path = path
        self.capacity_bytes = capacity_bytes
        self.may_write = may_write
        """Called before each write; raises when there may be none any more."""

    @property
    @abstractmethod
    def changed_ns(self) -> int:
        """When it was last written; 0 where nobody tells."""

    @abstractmethod
    def blank(self) -> bool:
        """Empties it so that all of it reads as zeros; False where that cannot be."""

    @abstractmethod
    def read(self, offset: int, length: int) -> bytearray:
        """What stands there, written a moment ago or long since."""

    @abstractmethod
    def clear(self, offset: int, length: int) -> None:
        """Makes these bytes read as zeros: a hole where that is possible, else zeros."""

    @abstractmethod
    def sync(self) -> None:
        """Makes everything written so far durable. An error is final; see ``records.epochs``."""

    @abstractmethod
    def sync_times(self) -> None:
        """As ``sync``, and the time of the last change with it."""

    @abstractmethod
    def on_disk(self) -> AbstractContextManager[OnDisk]:
        """What is on the disk, not in memory."""

    @abstractmethod
    def close(self) -> None:
        """Closes it; what was not synced may be lost."""

    @abstractmethod
    def _write_all(self, view: memoryview, offset: int) -> None:
        """Writes a view."""

    def write(self, buffer: bytearray, start: int, end: int, offset: int, *, blank: bool) -> int:
        """Writes ``buffer[start:end]`` at ``offset``; gives the bytes written, holes left out.

        ``blank`` says that the base reads as zeros there; otherwise holes are made first.
        """
        view = memoryview(buffer)
        written = 0
        at = start
        for run_start, run_end in data_runs(buffer, start, end):
            if not blank and run_start > at:
                self.clear(offset + at - start, run_start - at)
            self._write_all(view[run_start:run_end], offset + run_start - start)
            written += run_end - run_start
            at = run_end
        if not blank and end > at:
            self.clear(offset + at - start, end - at)
        return written


def data_runs(buffer: bytearray, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The longest runs of granules that are not all zero, from ``start`` on."""
    run = None
    for at in range(start, end, GRANULE_BYTES):
        stop = min(at + GRANULE_BYTES, end)
        # startswith is a memcmp; comparing slices or memoryviews is 4 to 60 times slower.
        if buffer.startswith(_ZERO_GRANULE[: stop - at], at):
            if run is not None:
                yield run, at
                run = None
        elif run is None:
            run = at
    if run is not None:
        yield run, end
