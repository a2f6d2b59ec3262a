"""A disk as a row of grains: what is known of each, and which are still to be copied."""

import functools
import hashlib
import mmap
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mtv.errors import ReadFailed
from mtv.model.disk import GRAIN_BYTES, Extent

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


@functools.lru_cache(maxsize=8)
def zero_digest(length: int) -> bytes:
    """SHA-256 of so many zero bytes."""
    return hashlib.sha256(bytes(length)).digest()


class Grains:
    """State and digest of every grain of one disk.

    Each grain is changed by one thread at a time; readers look at grains that are settled.
    """

    def __init__(self, capacity_bytes: int) -> None:
        if capacity_bytes < 1:
            raise ValueError("a disk has at least one byte")
        self.capacity_bytes = capacity_bytes
        self.count = -(-capacity_bytes // GRAIN_BYTES)
        self.state = bytearray(self.count)
        # Anonymous memory is given out page by page when touched: holes cost nothing.
        self._digests = mmap.mmap(
            -1, self.count * DIGEST_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        )

    def span(self, first: int, count: int = 1) -> int:
        """How many bytes these grains have; the disk's last grain may be short."""
        start = first * GRAIN_BYTES
        return min(start + count * GRAIN_BYTES, self.capacity_bytes) - start

    def digest(self, grain: int) -> bytes:
        """The digest of a grain that is DATA, STALE, ZERO or BLANK."""
        if self.state[grain] in (ZERO, BLANK):
            return zero_digest(self.span(grain))
        return self._digests[grain * DIGEST_BYTES : (grain + 1) * DIGEST_BYTES]

    def digests(self, first: int, count: int) -> bytes:
        """The digests of a run of DATA or STALE grains, one after the other."""
        return self._digests[first * DIGEST_BYTES : (first + count) * DIGEST_BYTES]

    def mark_data(self, first: int, digests: bytes | memoryview) -> None:
        """A run of grains was copied; ``digests`` holds theirs, one after the other."""
        count = len(digests) // DIGEST_BYTES
        self._digests[first * DIGEST_BYTES : (first + count) * DIGEST_BYTES] = bytes(digests)
        self.state[first : first + count] = bytes([DATA]) * count

    def mark_stale(self, grain: int, digest: bytes) -> None:
        """The base holds what the digest says; whether that is all of it is not sure yet."""
        self._digests[grain * DIGEST_BYTES : (grain + 1) * DIGEST_BYTES] = digest
        self.state[grain] = STALE

    def mark(self, first: int, count: int, state: int) -> None:
        """Gives a run of grains a state."""
        self.state[first : first + count] = bytes([state]) * count

    def doubt(self, changed: bytes | None = None) -> None:
        """The source is not what it was, where ``changed`` is 1 (one byte a grain; None: all over).

        What is doubted is to be read again, but the base is as it is.
        """
        doubted = self.state.translate(bytes([UNKNOWN, BLANK, STALE, STALE, BLANK]) + bytes(251))
        if changed is None:
            self.state = doubted
            return
        for first, count in _runs(changed, (1,)):
            self.state[first : first + count] = doubted[first : first + count]

    def runs(self, *states: int) -> Iterator[tuple[int, int]]:
        """First grain and length of every longest run whose grains have one of these states.

        They are found before the first is given out, so states may change meanwhile.
        """
        return _runs(bytes(self.state), states)

    def copied(self) -> bytes:
        """One byte a grain: 1 where it is DATA or ZERO."""
        return bytes(self.state).translate(bytes([0, 0, 0, 1, 1]) + bytes(251))

    def described(self) -> bytes:
        """One byte a grain: 1 where the base should hold what is known of it."""
        return bytes(self.state).translate(bytes([0, 0, 1, 1, 1]) + bytes(251))

    def bytes_in(self, *states: int) -> int:
        """Size of all grains that have one of these states."""
        whole = sum(self.state.count(state) for state in states) * GRAIN_BYTES
        if self.state[-1] in states:
            whole -= GRAIN_BYTES - self.span(self.count - 1)
        return whole


class Piece(NamedTuple):
    """A run of grains that one connection works on at a time."""

    first: int
    length: int
    fetch: bool
    """True: read it from the source; False: it is a hole there, so the base is emptied."""


def within(grains: Grains, extents: Sequence[Extent] | None) -> bytes:
    """One byte per grain: 1 where an extent touches it (everywhere if there are none to know).

    Raises ReadFailed for an extent that is not on the disk: the list comes from a server.
    """
    if extents is None:
        return b"\x01" * grains.count
    wanted = bytearray(grains.count)
    for extent in extents:
        end = extent.offset + extent.length
        if extent.offset < 0 or extent.length < 0 or end > grains.capacity_bytes:
            raise ReadFailed(
                f"the source lists data at byte {extent.offset} to {end}, "
                f"but the disk has {grains.capacity_bytes} bytes"
            )
        if extent.length:
            first = extent.offset // GRAIN_BYTES
            count = (end - 1) // GRAIN_BYTES + 1 - first
            wanted[first : first + count] = b"\x01" * count
    return bytes(wanted)


def pieces(grains: Grains, wanted: bytes, piece_bytes: int) -> Iterator[Piece]:
    """What is left to do, in order: grains to fetch, and holes whose old content must go.

    Grains outside ``wanted`` that already read as zeros (BLANK) need no work and are not given
    out. What to do is settled before the first piece is given out.
    """
    fetch = bytes(grains.state).translate(bytes([1, 1, 1, 0, 0]) + bytes(251))
    empty = bytes(grains.state).translate(bytes([2, 0, 2, 0, 0]) + bytes(251))
    plan = bytearray(fetch)
    for first, count in _runs(wanted, (0,)):
        plan[first : first + count] = empty[first : first + count]
    longest = max(1, piece_bytes // GRAIN_BYTES)
    for work in re.finditer(rb"\x01+|\x02+", bytes(plan), re.DOTALL):
        for first in range(work.start(), work.end(), longest):
            count = min(longest, work.end() - first)
            yield Piece(first, count, fetch=plan[work.start()] == 1)


def blank_holes(grains: Grains, wanted: bytes) -> list[tuple[int, int]]:
    """Runs of grains that are holes at the source and already read as zeros on the base."""
    found = []
    for first, count in _runs(wanted, (0,)):
        for start, length in _runs(bytes(grains.state[first : first + count]), (BLANK,)):
            found.append((first + start, length))
    return found


def _runs(row: bytes, values: Sequence[int]) -> Iterator[tuple[int, int]]:
    pattern = b"[" + b"".join(b"\\x%02x" % value for value in values) + b"]+"
    for match in re.finditer(pattern, row):
        yield match.start(), match.end() - match.start()
