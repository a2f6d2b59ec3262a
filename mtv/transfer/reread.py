"""Reads a base from the disk it lies on, not from memory, and digests its grains."""

import errno
import hashlib
import mmap
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from mtv.errors import DigestMismatch, TransferError
from mtv.model.disk import GRAIN_BYTES
from mtv.tasks import OnProgress, Progress
from mtv.transfer.crew import Crew, Shared, Stopped
from mtv.transfer.grains import zero_digest
from mtv.transfer.row import Row

BUFFER_BYTES = 4 * 1024 * 1024
SECTOR_BYTES = 4096
_HOLE_BYTES = 16384 * GRAIN_BYTES
"""So much of a hole is compared between two looks whether to stop."""
READERS = 2
"""Hashing runs at 1.7 GB/s a thread where the processor helps and 0.4 where not."""


class Expected(Protocol):
    """The digests that a base's grains should have."""

    def __getitem__(self, grain: int) -> bytes:
        """A grain's digest."""

    def not_zero(self, first: int, count: int) -> Iterator[int]:
        """Those of a run of grains that may hold more than zeros; it costs little to ask."""


class Reread(NamedTuple):
    """What a comparison found."""

    bad: list[int]
    """The grains that differ, in order."""
    read_bytes: int
    """Read from the disk; the rest were holes."""


def differing_grains(
    path: Path,
    capacity_bytes: int,
    expected: Expected,
    *,
    says: str,
    on_progress: OnProgress,
    cancelled: threading.Event,
    only: Row | None = None,
) -> Reread:
    """The grains whose content does not have the digest that is ``expected`` of it, in order.

    What was written must be durable already. Where the file system says that there is a hole,
    nothing is read. ``only`` has a 1 for each grain to look at; None: all are.
    Raises TransferError when the base cannot be read, Interrupted.
    """
    crew = Crew(cancelled)
    comparison = _Comparison(path, capacity_bytes, expected, only, crew.stop)
    total = comparison.total

    def tick() -> None:
        on_progress(Progress(says=says, done=comparison.done, total=total, unit="bytes"))

    sections = Shared(comparison.sections())
    crew.run(
        [lambda: comparison.work(sections)] * READERS,
        what=f"comparing {path}",
        tick=tick,
    )
    return Reread(sorted(comparison.bad), comparison.read_bytes)


def mismatch(path: Path, bad: list[int]) -> DigestMismatch:
    """The error for a base with grains (at least one) that do not hold what was read."""
    return DigestMismatch(
        f"{path} does not hold what was read from the source: {len(bad)} of its 1 MiB grains "
        f"differ, the first one at byte {bad[0] * GRAIN_BYTES}",
        "look for what else writes there, and at the storage; mtv sync copies those grains again",
    )


class _Comparison:
    def __init__(
        self,
        path: Path,
        capacity_bytes: int,
        expected: Expected,
        wanted: Row | None,
        stop: threading.Event,
    ) -> None:
        self._path = path
        self._capacity = capacity_bytes
        self._expected = expected
        self._wanted = wanted
        self._stop = stop
        self._lock = threading.Lock()
        self.bad: list[int] = []
        self.done = 0
        self.read_bytes = 0
        self.total = sum(end - start for start, end in self._asked())
        """Bytes of all grains to look at."""

    def sections(self) -> Iterator[tuple[int, int]]:
        """Start and end of runs of whole grains to look at, a buffer long at most, that hold data.

        Those in between lie in holes: they are compared here and now.
        """
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for first, last in self._asked():
                done = first
                for start, end in _data(descriptor, first, last):
                    self._compare_hole(done, start)
                    for at in range(start, end, BUFFER_BYTES):
                        yield at, min(at + BUFFER_BYTES, end)
                    done = end
                self._compare_hole(done, last)
        finally:
            os.close(descriptor)

    def _asked(self) -> Iterator[tuple[int, int]]:
        """Start and end of the runs of grains to look at."""
        if self._wanted is None:
            yield 0, self._capacity
            return
        for first, count in self._wanted.runs(1):
            yield first * GRAIN_BYTES, min((first + count) * GRAIN_BYTES, self._capacity)

    def work(self, sections: Iterator[tuple[int, int]]) -> None:
        """Reads sections until there are none left."""
        buffer = mmap.mmap(-1, BUFFER_BYTES)  # on a page boundary, as O_DIRECT wants it
        view = memoryview(buffer)
        try:
            with _Uncached(self._path) as file:
                for start, end in sections:
                    if self._stop.is_set():
                        return
                    file.fill(view, start, end - start)
                    for at in range(start, end, GRAIN_BYTES):
                        length = min(GRAIN_BYTES, end - at)
                        content = view[at - start : at - start + length]
                        self._compare(at // GRAIN_BYTES, hashlib.sha256(content).digest())
                    self._advance(end - start, read=end - start)
        except OSError as problem:
            raise TransferError(
                f"{self._path} cannot be read back: {problem.strerror or problem}",
                "look at the storage it lies on",
            ) from problem

    def _compare_hole(self, start: int, end: int) -> None:
        for at in range(start, end, _HOLE_BYTES):
            if self._stop.is_set():
                raise Stopped
            count = -(-(min(at + _HOLE_BYTES, end) - at) // GRAIN_BYTES)
            for grain in self._expected.not_zero(at // GRAIN_BYTES, count):
                length = min(GRAIN_BYTES, self._capacity - grain * GRAIN_BYTES)
                self._compare(grain, zero_digest(length))
        self._advance(max(0, end - start))

    def _compare(self, grain: int, digest: bytes) -> None:
        if self._expected[grain] != digest:
            with self._lock:
                self.bad.append(grain)

    def _advance(self, count: int, read: int = 0) -> None:
        with self._lock:
            self.done += count
            self.read_bytes += read


class _Uncached:
    """A file read past the page cache: O_DIRECT, or where that is refused, the cache dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._direct = True
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
        except OSError:
            self._fall_back()

    def __enter__(self) -> "_Uncached":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def fill(self, view: memoryview, offset: int, length: int) -> None:
        """Reads ``length`` bytes at ``offset`` into the view; raises OSError."""
        got = 0
        while got < length:
            # O_DIRECT wants whole sectors; asked for more than there is, it gives what there is.
            end = -(-length // SECTOR_BYTES) * SECTOR_BYTES if self._direct else length
            try:
                count = os.preadv(self._descriptor, [view[got:end]], offset + got)
            except OSError as problem:
                if not self._direct or problem.errno != errno.EINVAL:
                    raise
                os.close(self._descriptor)
                self._fall_back()
                continue
            if count == 0:
                raise OSError(errno.EIO, "it is shorter than it should be")
            got += count

    def _fall_back(self) -> None:
        self._direct = False
        self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _data(descriptor: int, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Runs of whole grains between two places that hold data; all where nobody can tell."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        yield first, last
        return
    done = first
    while done < last:
        try:
            data = os.lseek(descriptor, done, os.SEEK_DATA)
            hole = os.lseek(descriptor, data, os.SEEK_HOLE)
        except OSError as problem:
            if problem.errno != errno.ENXIO:  # ENXIO: there is no more data
                yield done, last
            return
        start = max(done, data - data % GRAIN_BYTES)
        done = min(last, -(-hole // GRAIN_BYTES) * GRAIN_BYTES)
        if start < done:
            yield start, done
