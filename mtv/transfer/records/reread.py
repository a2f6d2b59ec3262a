"""Reads a base from the disk it lies on, not from memory, and digests its grains."""

import hashlib
import mmap
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from mtv.errors import DigestMismatch, MtvError, TransferError
from mtv.model.disk import GRAIN_BYTES
from mtv.tasks import OnProgress, Progress
from mtv.transfer.bases.base import Base, OnDisk
from mtv.transfer.crew import Crew, Shared, Stopped
from mtv.transfer.records.grains import zero_digest
from mtv.transfer.records.row import Row

BUFFER_BYTES = 4 * 1024 * 1024
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

    def row(self) -> Row:
        """A row with a 0 for each grain, where there is room for it."""


class Reread(NamedTuple):
    """What a comparison found."""

    bad: Row | None
    """1 for each grain that differs; None: none does."""
    read_bytes: int
    """Read from the disk; the rest were holes."""


def differing_grains(
    base: Base,
    expected: Expected,
    *,
    says: str,
    on_progress: OnProgress,
    cancelled: threading.Event,
    only: Row | None = None,
    ended_early: Callable[[Row], None] = lambda _: None,
) -> Reread:
    """The grains whose content does not have the digest that is ``expected`` of it.

    What was written must be durable already. Where the file system says that there is a hole,
    nothing is read. ``only`` has a 1 for each grain to look at; None: all are. ``ended_early`` is
    told what was found before an error, if anything was.
    Raises TransferError when the base cannot be read, Interrupted.
    """
    crew = Crew(cancelled)
    with base.on_disk() as on_disk:
        comparison = _Comparison(base, on_disk, expected, only, crew.stop)

        def tick() -> None:
            done, total = comparison.done, comparison.total
            on_progress(Progress(says=says, done=done, total=total, unit="bytes"))

        sections = Shared(comparison.sections())
        try:
            crew.run(
                [lambda: comparison.work(sections)] * READERS,
                what=f"comparing {base.path}",
                tick=tick,
            )
        except MtvError:
            if comparison.bad.count(1):
                ended_early(comparison.bad)
            raise
    return Reread(comparison.bad if comparison.bad.count(1) else None, comparison.read_bytes)


def counted(bad: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """How many grains these runs have (one at least, in order), and the first one's offset."""
    runs = iter(bad)
    first, count = next(runs)
    return count + sum(each for _, each in runs), first * GRAIN_BYTES


def mismatch(path: Path, bad: Iterable[tuple[int, int]]) -> DigestMismatch:
    """The error for a base with runs of grains (one at least) that do not hold what was read."""
    count, offset = counted(bad)
    return DigestMismatch(
        f"{path} does not hold what was read from the source: {count} of its 1 MiB grains "
        f"differ, the first one at byte {offset}",
        "look for what else writes there, and at the storage; mtv sync copies those grains again",
    )


class _Comparison:
    def __init__(
        self,
        base: Base,
        on_disk: OnDisk,
        expected: Expected,
        wanted: Row | None,
        stop: threading.Event,
    ) -> None:
        self._path = base.path
        self._capacity = base.capacity_bytes
        self._on_disk = on_disk
        self._expected = expected
        self._wanted = wanted
        self._stop = stop
        self._lock = threading.Lock()
        self.bad = expected.row()
        self.done = 0
        self.read_bytes = 0
        self.total = sum(end - start for start, end in self._asked())
        """Bytes of all grains to look at."""

    def sections(self) -> Iterator[tuple[int, int]]:
        """Start and end of runs of whole grains to look at, a buffer long at most, that hold data.

        Those in between lie in holes: they are compared here and now.
        """
        for first, last in self._asked():
            done = first
            for start, end in self._on_disk.data(first, last):
                self._compare_hole(done, start)
                for at in range(start, end, BUFFER_BYTES):
                    yield at, min(at + BUFFER_BYTES, end)
                done = end
            self._compare_hole(done, last)

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
            with self._on_disk.opened() as file:
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
                "look at the storage it lies on; if some of it is lost, delete this file (or link "
                "another device in its place): the next mtv sync copies the disk anew",
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
            self.bad.fill(grain, 1, 1)

    def _advance(self, count: int, read: int = 0) -> None:
        with self._lock:
            self.done += count
            self.read_bytes += read
