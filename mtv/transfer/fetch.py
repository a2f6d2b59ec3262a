"""Moves pieces of a disk from the source to the base, as one of several threads."""

import hashlib
import threading
from collections.abc import Iterator

from mtv.model.disk import GRAIN_BYTES
from mtv.transfer.base import Base, not_written
from mtv.transfer.crew import Stopped
from mtv.transfer.epochs import Epochs
from mtv.transfer.grains import BLANK, DATA, STALE, ZERO, Grains, Piece
from mtv.transfer.reader import Reader

BUFFER_BYTES = 4 * 1024 * 1024
_GRAINS_AT_ONCE = BUFFER_BYTES // GRAIN_BYTES
_ZERO_GRAIN = bytes(GRAIN_BYTES)


class Fetch:
    """What the threads of one copy share."""

    def __init__(self, base: Base, grains: Grains, epochs: Epochs, stop: threading.Event) -> None:
        self._base = base
        self._grains = grains
        self._epochs = epochs
        self._stop = stop
        self._lock = threading.Lock()
        self.done_bytes = grains.bytes_in(DATA, ZERO)
        """Bytes of the disk that are on the base, holes included."""
        self.written_bytes = 0

    def skip(self, first: int, count: int) -> None:
        """These grains are holes at the source, and the base reads as zeros there already."""
        try:
            self._grains.mark(first, count, ZERO)
            self._epochs.put(first, count)
        except OSError as problem:
            raise self._not_written(problem, 0) from problem
        self._advance(self._grains.span(first, count), 0)

    def work(self, reader: Reader, todo: Iterator[Piece]) -> None:
        """Copies pieces until there are none left."""
        buffer = bytearray(BUFFER_BYTES)
        view = memoryview(buffer)
        for piece in todo:
            last = piece.first + piece.length
            end = piece.first * GRAIN_BYTES + self._grains.span(piece.first, piece.length)
            for first in range(piece.first, last, _GRAINS_AT_ONCE):
                count = min(_GRAINS_AT_ONCE, last - first)
                length = self._grains.span(first, count)
                if piece.fetch:
                    reader.fill(view[:length], first * GRAIN_BYTES, end)
                elif self._stop.is_set():
                    raise Stopped
                try:
                    if piece.fetch:
                        written = self._store(buffer, view, first, count)
                    else:
                        written = self._empty(first, count)
                    self._epochs.put(first, count)
                except OSError as problem:
                    raise self._not_written(problem, length) from problem
                self._advance(length, written)

    def _store(self, buffer: bytearray, view: memoryview, first: int, count: int) -> int:
        """Puts what was read where it belongs, unless it stands there; gives the bytes written."""
        written = 0
        for grain in range(first, first + count):
            start = (grain - first) * GRAIN_BYTES
            length = self._grains.span(grain)
            state = self._grains.state[grain]
            if buffer.startswith(_ZERO_GRAIN[:length], start):
                if state != BLANK:
                    self._base.clear(grain * GRAIN_BYTES, length)
                self._grains.mark(grain, 1, ZERO)
                continue
            digest = hashlib.sha256(view[start : start + length]).digest()
            if state != STALE or self._grains.digest(grain) != digest:
                written += self._base.write(
                    buffer, start, start + length, grain * GRAIN_BYTES, blank=state == BLANK
                )
            self._grains.mark_data(grain, digest)
        return written

    def _empty(self, first: int, count: int) -> int:
        self._base.clear(first * GRAIN_BYTES, self._grains.span(first, count))
        self._grains.mark(first, count, ZERO)
        return 0

    def _advance(self, done: int, written: int) -> None:
        with self._lock:
            self.done_bytes += done
            self.written_bytes += written

    def _not_written(self, problem: OSError, wanted: int) -> Exception:
        left = self._grains.capacity_bytes - self.done_bytes
        return not_written(self._base.path, problem, wanted, left)
