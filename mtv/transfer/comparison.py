"""Compares what a source gives of a disk, in parts or in one stream, with its digest list."""

import hashlib
import threading
from collections.abc import Iterator

from mtv.model.disk import GRAIN_BYTES
from mtv.transfer.fetch import BUFFER_BYTES
from mtv.transfer.gather import OPEN_GRAINS
from mtv.transfer.reading.reader import Reader
from mtv.transfer.reading.stream_reader import Pieces, StreamReader
from mtv.transfer.records.digests import DigestList
from mtv.transfer.records.grains import zero_digest
from mtv.transfer.records.row import Row

_ZERO_GRAIN = bytes(GRAIN_BYTES)


class Comparison:
    """What several threads find together. Memory does not grow with the disk."""

    def __init__(self, expected: DigestList, capacity_bytes: int) -> None:
        self._expected = expected
        self.capacity_bytes = capacity_bytes
        self._differs = expected.row()
        self._lock = threading.Lock()
        self.done = 0
        """Bytes of the disk that were compared."""
        self.never_came = 0
        """Bytes of a stream's disk that are zeros, as nothing came for them."""

    def bad(self) -> Row | None:
        """1 for each grain that differs; None: none does."""
        return self._differs if self._differs.count(1) else None

    def work(self, reader: Reader, pieces: Iterator[tuple[int, int]]) -> None:
        """Reads pieces (start and end) until there are none left."""
        buffer = bytearray(BUFFER_BYTES)
        view = memoryview(buffer)
        for start, end in pieces:
            for offset in range(start, end, BUFFER_BYTES):
                length = min(BUFFER_BYTES, end - offset)
                reader.fill(view[:length], offset, end)
                for at in range(0, length, GRAIN_BYTES):
                    grain = (offset + at) // GRAIN_BYTES
                    self._compare(grain, buffer, at, min(GRAIN_BYTES, length - at))
                with self._lock:
                    self.done += length

    def take_all(self, stream: StreamReader) -> None:
        """Reads all of a stream, in as many tries as that takes."""
        stream.give(lambda pieces: self._take(stream, pieces))
        self.done = self.capacity_bytes

    def _take(self, stream: StreamReader, pieces: Pieces) -> None:
        """One try: nothing of an earlier one counts."""
        self._differs = self._expected.row()
        opened, came = dict[int, bytearray](), self._expected.row()
        for offset, data in pieces:
            grain, at = divmod(offset, GRAIN_BYTES)
            buffer = opened.get(grain)
            if buffer is None:
                if came[grain]:
                    raise stream.scattered()
                if len(opened) == OPEN_GRAINS:
                    self._close(opened)
                came.fill(grain, 1, 1)
                buffer = opened[grain] = bytearray(self._span(grain))
            buffer[at : at + len(data)] = data
            self.done = offset + len(data)
        while opened:
            self._close(opened)
        self.never_came = 0
        for first, count in came.runs(0):
            for grain in range(first, first + count):
                self.never_came += self._span(grain)
                self._check(grain, zero_digest(self._span(grain)))

    def _close(self, opened: dict[int, bytearray]) -> None:
        grain = next(iter(opened))
        buffer = opened.pop(grain)
        self._compare(grain, buffer, 0, len(buffer))

    def _compare(self, grain: int, buffer: bytearray, at: int, length: int) -> None:
        if buffer.startswith(_ZERO_GRAIN[:length], at):
            self._check(grain, zero_digest(length))
        else:
            content = memoryview(buffer)[at : at + length]
            self._check(grain, hashlib.sha256(content).digest())

    def _check(self, grain: int, digest: bytes) -> None:
        if digest != self._expected[grain]:
            self._differs.fill(grain, 1, 1)

    def _span(self, grain: int) -> int:
        return min(GRAIN_BYTES, self.capacity_bytes - grain * GRAIN_BYTES)
