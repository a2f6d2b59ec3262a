"""Puts a disk that comes in pieces, in whatever order, on its base.

What a stream gave of a grain may not be all of it before the stream has ended. Until then it is
recorded as seen and not as copied: a run that starts over knows what stands on the base, and
writes only what differs, but takes nothing for done.
"""

import hashlib
import threading

from mtv import moments
from mtv.errors import DigestMismatch
from mtv.model.disk import GRAIN_BYTES
from mtv.transfer.bases.base import Base
from mtv.transfer.bases.pages import paged
from mtv.transfer.bases.unwritten import not_written
from mtv.transfer.crew import Stopped
from mtv.transfer.reading.stream_reader import Pieces
from mtv.transfer.records.epochs import Epochs
from mtv.transfer.records.grains import (
    BLANK,
    DATA,
    STALE,
    UNKNOWN,
    ZERO,
    Grains,
    blank_holes,
    pieces,
)

OPEN_GRAINS = 8
"""So many are in memory at a time; a stream in the order of the disk needs one."""

_RUN_BYTES = 32 * GRAIN_BYTES
_ZERO_GRAIN = bytes(GRAIN_BYTES)


class Gather:
    """What comes for the grains of one copy that are not recorded as copied."""

    def __init__(self, base: Base, grains: Grains, epochs: Epochs, stop: threading.Event) -> None:
        self._base = base
        self._grains = grains
        self._epochs = epochs
        self._stop = stop
        self._copied = grains.copied()
        self._open = dict[int, tuple[bytearray, int]]()
        self._came = grains.row()
        self._lost = grains.row()
        """1 for each grain that came in parts, of which the base does not hold the first ones."""
        self.done_bytes = 0
        """How far on the disk the stream is."""
        self.written_bytes = 0

    def take(self, stream: Pieces) -> None:
        """One try: all pieces of the disk, none of which lies in two grains.

        Raises what the stream does, TransferError in its kinds, DigestMismatch.
        """
        self._open.clear()
        self._came, self._lost = self._grains.row(), self._grains.row()
        current, opened = -1, None
        for offset, data in stream:
            grain, at = divmod(offset, GRAIN_BYTES)
            if grain != current:  # most pieces are of the grain that the one before them is of
                passed = self._copied[grain] or self._lost[grain]
                current, opened = grain, None if passed else self._opened(grain)
            if opened is not None:
                buffer, start = opened
                buffer[start + at : start + at + len(data)] = data
            self.done_bytes = offset + len(data)
        for grain in list(self._open):
            self._put_away(grain)
        lost = self._lost.count(1)
        if lost:
            raise DigestMismatch(
                f"{self._base.path} held more of {lost} of its 1 MiB grains than was recorded, "
                "which a run that was killed had written",
                "run the same command again: it copies those grains anew",
            )

    def settle(self) -> None:
        """The last try was whole: what came is copied, and what did not come is zeros."""
        grains, came = self._grains, self._came
        holes = blank_holes(grains, came)
        try:
            for piece in pieces(grains, came, _RUN_BYTES):
                if self._stop.is_set():
                    raise Stopped
                if piece.fetch:
                    self._settle(piece.first, piece.length)
                else:
                    self._base.clear(
                        piece.first * GRAIN_BYTES, grains.span(piece.first, piece.length)
                    )
                    grains.mark(piece.first, piece.length, ZERO)
                self._epochs.put(piece.first, piece.length)
            for first, count in holes:
                grains.mark(first, count, ZERO)
                self._epochs.put(first, count)
        except OSError as problem:
            raise self._not_written(problem) from problem
        self.done_bytes = grains.capacity_bytes

    def _settle(self, first: int, count: int) -> None:
        for grain in range(first, first + count):
            seen = self._grains.state[grain] == STALE
            self._grains.mark(grain, 1, DATA if seen else ZERO)

    def _opened(self, grain: int) -> tuple[bytearray, int] | None:
        """What came of a grain so far: a buffer, and where in it the grain begins.

        None when that is lost.
        """
        found = self._open.get(grain)
        if found is None:
            if len(self._open) == OPEN_GRAINS:
                self._put_away(next(iter(self._open)))
            buffer, start = found = paged(self._grains.span(grain))
            if self._came[grain]:
                put_away = self._taken_out(grain)
                if put_away is None:
                    return None
                buffer[start : start + len(put_away)] = put_away
            self._open[grain] = found
        return found

    def _put_away(self, grain: int) -> None:
        buffer, start = self._open.pop(grain)
        state, length = self._grains.state[grain], self._grains.span(grain)
        end, offset = start + length, grain * GRAIN_BYTES
        try:
            if buffer.startswith(_ZERO_GRAIN[:length], start):
                if state != BLANK:
                    self._base.clear(offset, length)
                self._grains.mark(grain, 1, BLANK)
            else:
                digest = hashlib.sha256(memoryview(buffer)[start:end]).digest()
                if state != STALE or self._grains.digest(grain) != digest:
                    blank = state == BLANK
                    self.written_bytes += self._base.write(buffer, start, end, offset, blank=blank)
                self._grains.mark_stale(grain, digest)
            self._came.fill(grain, 1, 1)
            moments.reached("sync:written")
            self._epochs.put(grain, 1)
        except OSError as problem:
            raise self._not_written(problem) from problem

    def _taken_out(self, grain: int) -> bytearray | None:
        """A grain that was put away before all of it had come; None if it is not there."""
        try:
            found = self._base.read(grain * GRAIN_BYTES, self._grains.span(grain))
            if hashlib.sha256(found).digest() == self._grains.digest(grain):
                return found
            # It was not written, as the records say that it is there: another run was killed when
            # it had written more of the grain than it had recorded. The next one writes it anew.
            self._grains.mark(grain, 1, UNKNOWN)
            self._epochs.put(grain, 1)
        except OSError as problem:
            raise self._not_written(problem) from problem
        self._lost.fill(grain, 1, 1)
        return None

    def _not_written(self, problem: OSError) -> Exception:
        left = self._grains.capacity_bytes - self.done_bytes
        return not_written(self._base.path, problem, GRAIN_BYTES, left)
