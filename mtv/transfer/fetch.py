"""Moves pieces of a disk from the source to the base, as one of several threads."""

import hashlib
import threading
from collections.abc import Iterator
from itertools import groupby

from mtv import moments
from mtv.model.disk import GRAIN_BYTES
from mtv.transfer.bases.base import Base
from mtv.transfer.bases.pages import paged
from mtv.transfer.bases.unwritten import not_written
from mtv.transfer.crew import Stopped
from mtv.transfer.reading.reader import Reader
from mtv.transfer.records.epochs import Epochs
from mtv.transfer.records.grains import BLANK, DATA, STALE, ZERO, Grains, Piece

BUFFER_BYTES = 4 * 1024 * 1024
_GRAINS_AT_ONCE = BUFFER_BYTES // GRAIN_BYTES
_ZERO_GRAIN = bytes(GRAIN_BYTES)
_STANDS = None


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
        buffer, start = paged(BUFFER_BYTES)
        view = memoryview(buffer)[start:]
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
                        written = self._store(buffer, start, first, count)
                        moments.reached("sync:written")
                    else:
                        written = self._empty(first, count)
                    self._epochs.put(first, count)
                except OSError as problem:
                    raise self._not_written(problem, length) from problem
                self._advance(length, written)

    def _store(self, buffer: bytearray, start: int, first: int, count: int) -> int:
        """Puts grains where they belong, unless they stand there; gives the bytes written.

        The first one begins at ``start`` of the buffer.
        """
        digests = dict[int, bytes | None]()
        for grain in range(first, first + count):
            at = start + (grain - first) * GRAIN_BYTES
            digests[grain] = self._digest(buffer, at, self._grains.span(grain))
        written = 0
        for how, run in groupby(digests, lambda grain: self._how(grain, digests[grain])):
            grains = list(run)
            if how is not _STANDS:
                at = start + (grains[0] - first) * GRAIN_BYTES
                end = at + self._grains.span(grains[0], len(grains))
                offset = grains[0] * GRAIN_BYTES
                written += self._base.write(buffer, at, end, offset, blank=how == BLANK)
            for grain in grains:
                self._mark(grain, digests[grain])
        return written

    def _digest(self, buffer: bytearray, at: int, length: int) -> bytes | None:
        """The digest of a grain; None where it is all zeros."""
        if buffer.startswith(_ZERO_GRAIN[:length], at):
            return None
        return hashlib.sha256(memoryview(buffer)[at : at + length]).digest()

    def _how(self, grain: int, digest: bytes | None) -> int | None:
        """What is known of the base where a grain is to be written; None: it stands there."""
        state = self._grains.state[grain]
        if state == BLANK:
            return BLANK if digest is not None else _STANDS
        if state == STALE and digest is not None and self._grains.digest(grain) == digest:
            return _STANDS
        return STALE

    def _mark(self, grain: int, digest: bytes | None) -> None:
        if digest is None:
            self._grains.mark(grain, 1, ZERO)
        else:
            self._grains.mark_data(grain, digest)

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
