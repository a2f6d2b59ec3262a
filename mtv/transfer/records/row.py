"""What is known of each grain of a disk, in a file without a name.

Memory stays what it is however large the disk: a disk of 60 TiB has 63 million grains.
"""

import contextlib
import functools
import os
import re
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

from mtv.transfer.bases.unwritten import not_written

_AT_ONCE = 64 * 1024


class Scratch:
    """So many bytes on a disk, zeros at first, that are gone when nobody holds them any more.

    Raises TransferError when that disk fails, TargetFull when it is full.
    """

    def __init__(self, size_bytes: int, directory: Path | None) -> None:
        """``directory``: where there is room for it; None: where temporary files are."""
        self._directory = directory or Path(tempfile.gettempdir())
        self._size_bytes = size_bytes
        with self._told(), tempfile.TemporaryFile(dir=self._directory) as file:
            self._descriptor = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._descriptor)
            os.ftruncate(self._descriptor, size_bytes)

    def read(self, offset: int, length: int) -> bytes:
        """The bytes there."""
        with self._told():
            return os.pread(self._descriptor, length, offset)

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Puts bytes there."""
        left = memoryview(data)
        with self._told():
            while left:
                count = os.pwrite(self._descriptor, left, offset)
                left, offset = left[count:], offset + count

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise not_written(self._directory, problem, 0, self._size_bytes) from problem


class Row:
    """One byte for each grain, 0 at first. Threads may use it side by side."""

    def __init__(self, count: int, directory: Path | None = None) -> None:
        self._count = count
        self._bytes = Scratch(count, directory)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, grain: int) -> int:
        if not 0 <= grain < self._count:
            raise IndexError(grain)
        return self._bytes.read(grain, 1)[0]

    def __iter__(self) -> Iterator[int]:
        for at, length in _portions(0, self._count):
            yield from self._bytes.read(at, length)

    def put(self, first: int, values: bytes) -> None:
        """Sets a run of grains, each to a value of its own."""
        if first < 0 or first + len(values) > self._count:
            raise IndexError(first)
        self._bytes.write(first, values)

    def fill(self, first: int, count: int, value: int) -> None:
        """Sets a run of grains to one value."""
        for at, length in _portions(first, count):
            self.put(at, bytes([value]) * length)

    def take(self, other: "Row", first: int, count: int, table: bytes) -> None:
        """Sets a run of grains to what ``table`` makes of another row's values."""
        for at, length in _portions(first, count):
            self.put(at, other._bytes.read(at, length).translate(table))

    def stretches(self, first: int, count: int) -> Iterator[tuple[int, int, int]]:
        """First grain, length and value of the longest stretches of one value, in order.

        Nothing may be set there meanwhile, but by who was given the stretch.
        """
        start = end = first
        value = -1
        for at, length in _portions(first, count):
            portion = self._bytes.read(at, length)
            here = 0
            while here < length:
                if portion[here] != value:
                    if end > start:
                        yield start, end - start, value
                    start, value = at + here, portion[here]
                other = _other_than(value).search(portion, here)
                here = length if other is None else other.start()
                end = at + here
        if end > start:
            yield start, end - start, value

    def runs(self, value: int) -> Iterator[tuple[int, int]]:
        """First grain and length of every longest run that has this value."""
        for start, count, found in self.stretches(0, self._count):
            if found == value:
                yield start, count

    def count(self, *values: int) -> int:
        """How many grains have one of these values."""
        return sum(
            sum(map(self._bytes.read(at, length).count, values))
            for at, length in _portions(0, self._count)
        )


@functools.cache
def _other_than(value: int) -> re.Pattern[bytes]:
    return re.compile(b"[^\\x%02x]" % value)


def _portions(first: int, count: int) -> Iterator[tuple[int, int]]:
    for at in range(first, first + count, _AT_ONCE):
        yield at, min(_AT_ONCE, first + count - at)
