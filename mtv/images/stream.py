"""A streamOptimized VMDK as an export gives it: read once from its beginning, never back.

    header | descriptor | grains, a table behind those of 32 MiB | directory | footer | end marker

Every grain stands behind a marker that says where on the disk it belongs. What was given out is
the disk only when the end was reached: the tables there say which grains there had to be, and a
stream that lost one, gave one twice or put one elsewhere is found out by them.
"""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator

from mtv.images.ahead import ahead
from mtv.images.image import BadImage
from mtv.images.inflate import inflate
from mtv.images.vmdk import (
    AT_END,
    HEADER_BYTES,
    LONGEST_DESCRIPTOR,
    MARKER,
    SECTOR,
    TABLE_BYTES,
    TABLE_ENTRIES,
    ZEROED_GRAINS,
    Header,
    header_of,
    must_be_whole,
    numbers_of,
)

ReadInto = Callable[[memoryview], int]
"""``readinto(view)``: how many bytes were put into the view, at least one; 0 at the end."""

WINDOW_BYTES = 4 * 1024 * 1024
"""So much of the stream is in memory at a time."""

_KIND = struct.Struct("<I")
_END, _TABLE, _DIRECTORY, _FOOTER = range(4)
_PIECE_BYTES = 64 * 1024
_MASK = 2**64 - 1


class EndsEarly(BadImage):
    """The stream breaks off before its end marker: it may be better the next time."""

    def __init__(self) -> None:
        super().__init__("it ends before its end marker: it is truncated")


class StreamVmdk:
    """A disk that arrives. Raises BadImage for what is none, EndsEarly for what is none yet."""

    def __init__(self, readinto: ReadInto) -> None:
        """Reads the header and the descriptor."""
        self._window = _Window(readinto)
        self._header = header = header_of(self._window.take(HEADER_BYTES))
        if not header.compressed or header.directory_offset != AT_END:
            raise BadImage("it is not a VMDK for streaming")
        self.size_bytes = header.size_bytes
        self._check_descriptor()
        self._told = _Tables(header)

    def grains(self) -> Iterator[tuple[int, bytes]]:
        """Offset on the disk and bytes of every grain, in the stream's order.

        Once only. What was given out counts when this has ended without an error. Grains are
        unpacked by threads, ahead of what was given out; the stream is read in the caller's.
        """
        return ahead(self._packed(), self._unpacked)

    def _packed(self) -> Iterator[tuple[int, bytes]]:
        """Sector on the disk and packed bytes of every grain."""
        header, window = self._header, self._window
        most = header.grain_bytes + header.grain_bytes // 16 + SECTOR
        directory_at = None
        while True:
            at = window.position
            value, size = MARKER.unpack_from(window.peek(SECTOR))
            if size:
                if directory_at is not None:
                    raise BadImage("it has grains behind its directory")
                if size > most:
                    raise BadImage(f"a grain at byte {at} claims to be longer than it can be")
                packed = window.take(_padded(MARKER.size + size))
                if value * SECTOR >= self.size_bytes or value * SECTOR % header.grain_bytes:
                    raise BadImage(f"a grain belongs to sector {value}, where the disk has none")
                self._told.grain(value * SECTOR // header.grain_bytes, at // SECTOR)
                yield value, bytes(packed[MARKER.size : MARKER.size + size])
                continue
            (kind,) = _KIND.unpack_from(window.take(SECTOR), MARKER.size)
            behind, length = window.position, value * SECTOR
            if kind == _TABLE and length == TABLE_BYTES and directory_at is None:
                self._told.table(behind // SECTOR, numbers_of(window.take(length)))
            elif kind == _DIRECTORY and length == self._told.directory_bytes:
                if directory_at is not None:
                    raise BadImage("it has two directories")
                directory_at = behind
                self._read_directory(length)
            elif kind == _FOOTER and length == SECTOR and directory_at is not None:
                footer = header_of(window.take(SECTOR))
                if (footer.size_bytes, footer.directory_offset) != (self.size_bytes, directory_at):
                    raise BadImage("its footer is not that of its header")
                break
            elif kind == _END and not value:
                raise EndsEarly
            else:
                raise BadImage(f"what stands at byte {at} is no grain, table or end of a stream")
        if any(window.take(SECTOR)):
            raise BadImage("there is no end marker behind its footer")
        if not window.is_over():
            raise BadImage("there is more behind its end marker")

    def _check_descriptor(self) -> None:
        header, window = self._header, self._window
        start, size = header.descriptor_offset, header.descriptor_bytes
        if not HEADER_BYTES <= header.data_offset <= 2 * LONGEST_DESCRIPTOR:
            raise BadImage("its first grain is where none can be")
        rest = bytes(window.take(header.data_offset - HEADER_BYTES))
        if start and size:
            if start < HEADER_BYTES or start + size > header.data_offset:
                raise BadImage("its descriptor lies beyond its place")
            must_be_whole(rest[start - HEADER_BYTES : start - HEADER_BYTES + size])

    def _unpacked(self, grain: tuple[int, bytes]) -> tuple[int, bytes]:
        """Offset and bytes of a grain; the last one is as short as the disk."""
        sector, packed = grain
        at, grain_bytes = sector * SECTOR, self._header.grain_bytes
        try:
            data = inflate(packed, 15, grain_bytes, whole=True)
        except BadImage as problem:
            raise BadImage(f"the grain of byte {at} is damaged: {problem}") from problem
        room = min(grain_bytes, self.size_bytes - at)
        if len(data) not in (grain_bytes, room):
            raise BadImage(f"the grain of byte {at} has the wrong size")
        return at, data[:room]

    def _read_directory(self, length: int) -> None:
        first = 0
        for at in range(0, length, _PIECE_BYTES):
            entries = numbers_of(self._window.take(min(_PIECE_BYTES, length - at)))
            self._told.directory(first, entries)
            first += len(entries)


class _Tables:
    """Compares the grains that came with what the tables say.

    For each table there is a sum over its grains, each mixed with its place in the stream: 24
    bytes for 32 MiB of the disk, however many grains there are.
    """

    def __init__(self, header: Header) -> None:
        grains = -(-header.size_bytes // header.grain_bytes)
        count = -(-grains // TABLE_ENTRIES)
        self.directory_bytes = _padded(4 * count)
        self._blank = (0, 1) if header.flags & ZEROED_GRAINS else (0,)
        self._came = array("Q", bytes(8 * count))
        self._places = array("Q")
        self._promised = array("Q")

    def grain(self, number: int, sector: int) -> None:
        """A grain came, whose marker is at that sector of the stream."""
        table, entry = divmod(number, TABLE_ENTRIES)
        self._came[table] = (self._came[table] + hash((entry, sector))) & _MASK

    def table(self, sector: int, entries: "array[int]") -> None:
        """A table came, at that sector of the stream."""
        if len(self._places) == len(self._came):
            raise BadImage("it has more tables than its disk has room for")
        self._places.append(sector)
        named = (pair for pair in enumerate(entries) if pair[1] not in self._blank)
        self._promised.append(sum(map(hash, named)) & _MASK)

    def directory(self, first: int, entries: "array[int]") -> None:
        """Entries of the directory, from that one on. Raises BadImage."""
        for number, sector in enumerate(entries, first):
            promised, came = 0, self._came[number] if number < len(self._came) else 0
            if sector:
                at = bisect_left(self._places, sector)
                if self._places[at : at + 1] != array("Q", [sector]):
                    raise BadImage("its directory names a table that did not come")
                promised = self._promised[at]
            if promised != came:
                raise BadImage(
                    f"the grains of its part {number} (of {TABLE_ENTRIES} grains) are not those "
                    "that its tables name: some are missing, came twice, or belong elsewhere"
                )


class _Window:
    """The part of the stream that is in memory."""

    def __init__(self, readinto: ReadInto) -> None:
        self._readinto = readinto
        self._view = memoryview(bytearray(WINDOW_BYTES))
        self._start = self._end = 0
        self.position = 0
        """Of the next byte in the stream."""

    def peek(self, count: int) -> memoryview:
        """The next bytes, at most WINDOW_BYTES; good until the next call. Raises EndsEarly."""
        if self._end - self._start < count:
            self._fill(count)
        return self._view[self._start : self._start + count]

    def take(self, count: int) -> memoryview:
        """As ``peek``, and goes on behind them."""
        taken = self.peek(count)
        self._start += count
        self.position += count
        return taken

    def is_over(self) -> bool:
        """True when nothing follows."""
        return self._start == self._end and not self._readinto(self._view[:1])

    def _fill(self, count: int) -> None:
        if self._start + count > WINDOW_BYTES:
            kept = self._end - self._start
            self._view[:kept] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, kept
        while self._end - self._start < count:
            got = self._readinto(self._view[self._end :])
            if not got:
                raise EndsEarly
            self._end += got


def _padded(length: int) -> int:
    return -(-length // SECTOR) * SECTOR
