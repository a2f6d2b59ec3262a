"""A disk as a row of grains: what is known of each, and which are still to be copied."""

import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mtv.errors import ReadFailed
from mtv.model.disk import GRAIN_BYTES, Extent
from mtv.transfer.records.row import Row, Scratch

UNKNOWN = 0
"""To be copied; what stands on the base is not known (an interrupted run may have written)."""
BLANK = 1
"""To be copied; the base is known to read as zeros there."""
STALE = 2
"""To be copied; the base holds what the digest says, read from the source as it was earlier."""
DATA = 3
"""Copied; the digest says what it holds."""
ZERO = 4
"""Copied; it holds zeros."""

DIGEST_BYTES = 32

_FETCH, _EMPTY = 1, 2


@functools.lru_cache(maxsize=8)
def zero_digest(length: int) -> bytes:
    """SHA-256 of so many zero bytes."""
    return hashlib.sha256(bytes(length)).digest()


class Grains:
    """State and digest of every grain of one disk, in files without a name.

    Each grain is changed by one thread at a time; readers look at grains that are settled.
    """

    def __init__(self, capacity_bytes: int, directory: Path | None = None) -> None:
        """``directory``: where 33 bytes for each grain find room."""
        if capacity_bytes < 1:
            raise ValueError("a disk has at least one byte")
        self.capacity_bytes = capacity_bytes
        self.count = -(-capacity_bytes // GRAIN_BYTES)
        self._directory = directory
        self.state = self.row()
        self._digests = Scratch(self.count * DIGEST_BYTES, directory)

    def row(self) -> Row:
        """A row with a 0 for each grain."""
        return Row(self.count, self._directory)

    def span(self, first: int, count: int = 1) -> int:
        """How many bytes these grains have; the disk's last grain may be short."""
        start = first * GRAIN_BYTES
        return min(start + count * GRAIN_BYTES, self.capacity_bytes) - start

    def digest(self, grain: int) -> bytes:
        """The digest of a grain that is DATA, STALE, ZERO or BLANK."""
        if self.state[grain] in (ZERO, BLANK):
            return zero_digest(self.span(grain))
        return self.digests(grain, 1)

    __getitem__ = digest

    def not_zero(self, first: int, count: int) -> Iterator[int]:
        """Those of a run of grains that are neither ZERO nor BLANK."""
        for start, length, state in self.state.stretches(first, count):
            if state not in (ZERO, BLANK):
                yield from range(start, start + length)

    def digests(self, first: int, count: int) -> bytes:
        """The digests of a run of DATA or STALE grains, one after the other."""
        return self._digests.read(first * DIGEST_BYTES, count * DIGEST_BYTES)

    def mark_data(self, first: int, digests: bytes | memoryview) -> None:
        """A run of grains was copied; ``digests`` holds theirs, one after the other."""
        self._digests.write(first * DIGEST_BYTES, digests)
        self.state.fill(first, len(digests) // DIGEST_BYTES, DATA)

    def mark_stale(self, grain: int, digest: bytes) -> None:
        """The base holds what the digest says; whether that is all of it is not sure yet."""
        self._digests.write(grain * DIGEST_BYTES, digest)
        self.state.fill(grain, 1, STALE)

    def mark(self, first: int, count: int, state: int) -> None:
        """Gives a run of grains a state."""
        self.state.fill(first, count, state)

    def mistrust(self, bad: Row) -> None:
        """Where ``bad`` is 1 the base does not hold what was known of it."""
        for first, count in bad.runs(1):
            self.mark(first, count, UNKNOWN)

    def doubt(self, changed: Row | None = None) -> None:
        """The source is not what it was, where ``changed`` is 1 (None: all over).

        What is doubted is to be read again, but the base is as it is.
        """
        doubted = _table(UNKNOWN, BLANK, STALE, STALE, BLANK)
        for first, count in ((0, self.count),) if changed is None else changed.runs(1):
            self.state.take(self.state, first, count, doubted)

    def copied(self) -> Row:
        """1 where it is DATA or ZERO."""
        return self._where(_table(0, 0, 0, 1, 1))

    def described(self) -> Row:
        """1 where the base should hold what is known of it."""
        return self._where(_table(0, 0, 1, 1, 1))

    def bytes_in(self, *states: int) -> int:
        """Size of all grains that have one of these states."""
        whole = self.state.count(*states) * GRAIN_BYTES
        if self.state[self.count - 1] in states:
            whole -= GRAIN_BYTES - self.span(self.count - 1)
        return whole

    def bytes_of(self, row: Row) -> int:
        """Size of all grains where a row has 1."""
        whole = row.count(1) * GRAIN_BYTES
        return whole - (GRAIN_BYTES - self.span(self.count - 1)) * row[self.count - 1]

    def _where(self, table: bytes) -> Row:
        row = self.row()
        row.take(self.state, 0, self.count, table)
        return row


class Piece(NamedTuple):
    """A run of grains that one connection works on at a time."""

    first: int
    length: int
    fetch: bool
    """True: read it from the source; False: it is a hole there, so the base is emptied."""


def within(grains: Grains, extents: Iterable[Extent] | None) -> Row:
    """1 where an extent touches a grain (everywhere if there are none to know).

    Raises ReadFailed for an extent that is not on the disk: the list comes from a server.
    """
    wanted = grains.row()
    if extents is None:
        wanted.fill(0, grains.count, 1)
        return wanted
    for extent in extents:
        end = extent.offset + extent.length
        if extent.offset < 0 or extent.length < 0 or end > grains.capacity_bytes:
            raise ReadFailed(
                f"the source lists data at byte {extent.offset} to {end}, "
                f"but the disk has {grains.capacity_bytes} bytes"
            )
        if extent.length:
            first = extent.offset // GRAIN_BYTES
            wanted.fill(first, (end - 1) // GRAIN_BYTES + 1 - first, 1)
    return wanted


def pieces(grains: Grains, wanted: Row, piece_bytes: int) -> Iterator[Piece]:
    """What is left to do, in order: grains to fetch, and holes whose old content must go.

    Grains outside ``wanted`` that already read as zeros (BLANK) need no work and are not given
    out. What to do is settled before the first piece is given out.
    """
    plan = grains.row()
    plan.take(grains.state, 0, grains.count, _table(_FETCH, _FETCH, _FETCH, 0, 0))
    for first, count in wanted.runs(0):
        plan.take(grains.state, first, count, _table(_EMPTY, 0, _EMPTY, 0, 0))
    longest = max(1, piece_bytes // GRAIN_BYTES)
    for start, length, work in plan.stretches(0, grains.count):
        if work:
            for first in range(start, start + length, longest):
                count = min(longest, start + length - first)
                yield Piece(first, count, fetch=work == _FETCH)


def blank_holes(grains: Grains, wanted: Row) -> Iterator[tuple[int, int]]:
    """Runs of grains that are holes at the source and already read as zeros on the base.

    Which those are is settled when this returns.
    """
    holes = grains.row()
    for first, count in wanted.runs(0):
        holes.take(grains.state, first, count, _table(0, 1, 0, 0, 0))
    return holes.runs(1)


def _table(unknown: int, blank: int, stale: int, data: int, zero: int) -> bytes:
    """What becomes of each state."""
    return bytes([unknown, blank, stale, data, zero]) + bytes(251)
