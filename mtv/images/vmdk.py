"""VMware's sparse disk format, as it stands in OVAs: ``streamOptimized`` and ``monolithicSparse``.

    header | descriptor | grains and grain tables | grain directory | footer | end marker

The disk is cut into grains (64 KiB). The directory names grain tables, a table the sector of each
of its 512 grains; 0 is a grain that was never written. In a streamOptimized file every grain is
deflated behind a marker (its place on the disk, its size), and the real header is the footer.
"""

import re
import struct
import sys
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from mtv.images.image import LARGEST_DISK_BYTES, BadImage, ReadAt, Run, extents_of, joined
from mtv.images.inflate import inflate
from mtv.model.disk import Extent

SECTOR = 512
HEADER_BYTES = SECTOR
_HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
MARKER = struct.Struct("<QI")
_MAGIC = b"KDMV"
AT_END = 0xFFFFFFFFFFFFFFFF
TABLE_ENTRIES = 512
TABLE_BYTES = 4 * TABLE_ENTRIES
ZEROED_GRAINS, _COMPRESSED, _MARKERS = 1 << 2, 1 << 16, 1 << 17
LONGEST_DESCRIPTOR = 1024 * 1024
_SLACK = 8 * 1024
"""So much more than a grain's data may lie before the next grain: a grain table, padding."""


class Header(NamedTuple):
    """What the header (or footer) says; sizes and offsets in bytes."""

    flags: int
    size_bytes: int
    grain_bytes: int
    descriptor_offset: int
    descriptor_bytes: int
    directory_offset: int
    data_offset: int
    """Where the first grain (of a stream: the first marker) is."""
    compressed: bool


class Vmdk:
    """A sparse VMDK (a ``mtv.images.image.Image``). Raises BadImage for what is none."""

    def __init__(self, read: ReadAt, length: int) -> None:
        """``read`` gives bytes of the VMDK, which is ``length`` bytes long."""
        self._length = length
        header = _header(read, 0, length)
        if header.directory_offset == AT_END:
            header = _footer(read, length)
        self._header = header
        _check_descriptor(read, header, length)
        self.size_bytes = header.size_bytes
        self._grains = -(-header.size_bytes // header.grain_bytes)
        self._most_stored = header.grain_bytes + header.grain_bytes // 16 + SECTOR + _SLACK
        self._tables: list[array[int] | None] = []

    @property
    def format(self) -> str:
        """``streamOptimized`` or ``monolithicSparse``."""
        return "streamOptimized" if self._header.compressed else "monolithicSparse"

    def load(self, read: ReadAt) -> None:
        """Reads directory and tables."""
        if self._tables:
            return
        count = -(-self._grains // TABLE_ENTRIES)
        start = self._header.directory_offset
        self._must_lie_within(start, count * 4, "grain directory")
        directory = numbers_of(read(start, count * 4))
        used = [sector for sector in directory if sector]
        if len(set(used)) != len(used):
            raise BadImage("two entries of its grain directory name the same grain table")
        tables: list[array[int] | None] = []
        for sector in directory:
            table = None
            if sector:
                self._must_lie_within(sector * SECTOR, TABLE_BYTES, "grain table")
                table = numbers_of(read(sector * SECTOR, TABLE_BYTES))
            tables.append(table)
        self._tables = tables

    def extents(self) -> Iterator[Extent]:
        """Where grains are."""
        return extents_of(self._written(), self._header.grain_bytes, self.size_bytes)

    def runs(self, offset: int, length: int) -> Iterator[Run]:
        """The grains of a piece of the disk, or parts of them."""
        return joined(self._each(offset, offset + length))

    def unpack(self, run: Run, data: bytes | bytearray | memoryview) -> memoryview:
        """The grain behind the marker; it must be the one that the table promised."""
        grain_bytes = self._header.grain_bytes
        at = run.cluster * grain_bytes
        sector, size = MARKER.unpack_from(data)
        if sector * SECTOR != at:
            raise BadImage(f"where the grain at byte {at} should be, there is another one")
        if size > len(data) - MARKER.size:
            raise BadImage(f"the grain at byte {at} claims to be longer than it can be")
        packed = memoryview(data)[MARKER.size : MARKER.size + size]
        grain = inflate(packed, 15, grain_bytes)
        if len(grain) not in (grain_bytes, min(grain_bytes, self.size_bytes - at)):
            raise BadImage(f"the grain at byte {at} has the wrong size")
        return memoryview(grain)[run.skip : run.skip + run.length]

    def _written(self) -> Iterator[int]:
        """Numbers of the grains that are there, in order."""
        blank = (0, 1) if self._header.flags & ZEROED_GRAINS else (0,)
        for number, table in enumerate(self._tables):
            first = number * TABLE_ENTRIES
            for grain, sector in enumerate(table or (), first):
                if sector not in blank and grain < self._grains:
                    yield grain

    def _each(self, at: int, end: int) -> Iterator[Run]:
        header = self._header
        while at < end:
            grain, skip = divmod(at, header.grain_bytes)
            length = min(header.grain_bytes - skip, end - at)
            sector = self._sector(grain)
            start = sector * SECTOR
            if not sector:
                yield Run(length, None, 0)
            elif header.compressed:
                yield Run(length, start, self._stored(grain, start), True, grain, skip)
            else:
                self._must_lie_within(start + skip, length, "grain")
                yield Run(length, start + skip, length)
            at += length

    def _stored(self, grain: int, start: int) -> int:
        """How many bytes the grain takes at most: up to the next one where that is near."""
        self._must_lie_within(start, MARKER.size, "grain")
        most = min(self._most_stored, self._length - start)
        following = self._sector(grain + 1) * SECTOR if grain + 1 < self._grains else 0
        return min(most, following - start) if following > start else most

    def _sector(self, grain: int) -> int:
        """Where a grain begins; 0 where it holds zeros."""
        table = self._tables[grain // TABLE_ENTRIES]
        sector = table[grain % TABLE_ENTRIES] if table is not None else 0
        return 0 if sector == 1 and self._header.flags & ZEROED_GRAINS else sector

    def _must_lie_within(self, start: int, length: int, what: str) -> None:
        if start + length > self._length:
            raise BadImage(f"its {what} lies beyond its end: it is truncated")


def _header(read: ReadAt, at: int, length: int) -> Header:
    if length < at + HEADER_BYTES:
        raise BadImage("it is too short to be a VMDK")
    return header_of(read(at, HEADER_BYTES))


def header_of(data: bytes | bytearray | memoryview) -> Header:
    """What HEADER_BYTES of a header or footer say. Raises BadImage."""
    (
        magic, version, flags, capacity, grain, descriptor, descriptor_size, entries,
        _, directory, overhead, _, _, algorithm,
    ) = _HEADER.unpack_from(data)  # fmt: skip
    if magic != _MAGIC:
        raise BadImage("it does not begin like a sparse VMDK")
    if version not in (1, 2, 3):
        raise BadImage(f"its version {version} is not known")
    if not 0 < capacity * SECTOR <= LARGEST_DISK_BYTES:
        raise BadImage(f"it claims a disk of {capacity} sectors")
    if grain & (grain - 1) or not 8 <= grain <= 2048 or entries != TABLE_ENTRIES:
        raise BadImage(f"it has grains of {grain} sectors, {entries} to a table")
    compressed = bool(flags & _COMPRESSED)
    if algorithm != compressed or (compressed and not flags & _MARKERS):
        raise BadImage(f"its compression {algorithm} is not known")
    return Header(
        flags=flags,
        size_bytes=capacity * SECTOR,
        grain_bytes=grain * SECTOR,
        descriptor_offset=descriptor * SECTOR,
        descriptor_bytes=descriptor_size * SECTOR,
        directory_offset=AT_END if directory == AT_END else directory * SECTOR,
        data_offset=overhead * SECTOR,
        compressed=compressed,
    )


def _footer(read: ReadAt, length: int) -> Header:
    """The second header, before the end marker; only it knows where the directory is."""
    at = length - 2 * SECTOR
    if at < HEADER_BYTES or read(at, len(_MAGIC)) != _MAGIC:
        raise BadImage("it has no footer: it is truncated")
    header = _header(read, at, length)
    if header.directory_offset == AT_END:
        raise BadImage("its footer does not say where its tables are")
    return header


def _check_descriptor(read: ReadAt, header: Header, length: int) -> None:
    """It must be one file without a parent; what else it names is not opened anyway."""
    start, size = header.descriptor_offset, header.descriptor_bytes
    if not start or not size:
        return
    if size > LONGEST_DESCRIPTOR or start + size > length:
        raise BadImage("its descriptor lies beyond its end")
    must_be_whole(bytes(read(start, size)))


def must_be_whole(descriptor: bytes) -> None:
    """Raises BadImage when a descriptor says that data is in a parent or in other files."""
    text = descriptor.partition(b"\0")[0].decode("utf-8", "replace")
    parent = re.search(r"^\s*parentCID\s*=\s*([0-9a-fA-F]+)", text, re.MULTILINE)
    if parent and parent[1].lower() != "ffffffff":
        raise BadImage("it is the delta of another disk")
    extents = re.findall(r"^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\S+)", text, re.MULTILINE)
    if extents and extents != ["SPARSE"]:
        raise BadImage("its data lies in other files")


def numbers_of(data: bytes | bytearray | memoryview) -> "array[int]":
    """The entries of a grain table or directory."""
    numbers = array("I", bytes(data))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
