"""QEMU's qcow2, versions 2 and 3, as RHV puts it into OVAs: reading, without a backing file.

    header | L1 table -> L2 tables -> clusters (64 KiB), each plain, deflated, zero or not there

Snapshots inside of an image are left alone: what is read is its present state.
"""

import struct
import sys
from array import array
from collections.abc import Iterator

from mtv.images.image import LARGEST_DISK_BYTES, BadImage, ReadAt, Run, extents_of, joined
from mtv.images.inflate import inflate
from mtv.model.disk import Extent

HEADER_BYTES = 104
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
_FEATURES = struct.Struct(">QQQII")
_MAGIC = b"QFI\xfb"
_OFFSET = 0x00FFFFFFFFFFFE00
_PACKED = 1 << 62
_ZERO = 1
_L1_RESERVED = 0x7F000000000001FF
_L2_RESERVED = 0x3F000000000001FE
"""Bits that are 0 in every image: one that is set is damage."""
_DIRTY = 1


class Qcow2:
    """A qcow2 image (a ``mtv.images.image.Image``). Raises BadImage for what is none."""

    format = "qcow2"

    def __init__(self, read: ReadAt, length: int) -> None:
        """``read`` gives bytes of the image, which is ``length`` bytes long."""
        if length < HEADER_BYTES:
            raise BadImage("it is too short to be a qcow2 image")
        data = read(0, HEADER_BYTES)
        (
            magic, version, backing, _, bits, size, encryption, l1_count, l1_offset, *_,
        ) = _HEADER.unpack_from(data)  # fmt: skip
        if magic != _MAGIC:
            raise BadImage("it does not begin like a qcow2 image")
        if version not in (2, 3):
            raise BadImage(f"its version {version} is not known")
        if backing:
            raise BadImage("it is the delta of another image")
        if encryption:
            raise BadImage("it is encrypted")
        if not 9 <= bits <= 21 or not 0 < size <= LARGEST_DISK_BYTES:
            raise BadImage(f"it claims a disk of {size} bytes in clusters of 2^{bits}")
        features = _FEATURES.unpack_from(data, _HEADER.size)[0] if version == 3 else 0
        if features & ~_DIRTY:
            raise BadImage(f"it has features that are not read (bits {features:#x})")
        self._length = length
        self._version = version
        self._bits = bits
        self._cluster_bytes = 1 << bits
        self._per_table = self._cluster_bytes // 8
        self._clusters = -(-size // self._cluster_bytes)
        self._l1_offset = l1_offset
        if l1_count < -(-self._clusters // self._per_table):
            raise BadImage("its first table is shorter than its disk")
        self.size_bytes = size
        self._tables: list[array[int] | None] = []

    def load(self, read: ReadAt) -> None:
        """Reads the L1 table and the L2 tables."""
        if self._tables:
            return
        count = -(-self._clusters // self._per_table)
        self._must_lie_within(self._l1_offset, count * 8)
        entries = _numbers(read(self._l1_offset, count * 8))
        offsets = [self._offset(entry, _L1_RESERVED) for entry in entries]
        used = [offset for offset in offsets if offset]
        if len(set(used)) != len(used):
            raise BadImage("two entries of its first table name the same second table")
        tables: list[array[int] | None] = []
        for offset in offsets:
            table = None
            if offset:
                self._must_lie_within(offset, self._cluster_bytes)
                table = _numbers(read(offset, self._cluster_bytes))
            tables.append(table)
        self._tables = tables

    def extents(self) -> Iterator[Extent]:
        """Where clusters are."""
        return extents_of(self._written(), self._cluster_bytes, self.size_bytes)

    def runs(self, offset: int, length: int) -> Iterator[Run]:
        """The clusters of a piece of the disk, or parts of them."""
        return joined(self._each(offset, offset + length))

    def unpack(self, run: Run, data: bytes | bytearray | memoryview) -> memoryview:
        """The cluster that the deflated data holds."""
        cluster = inflate(data, -12, self._cluster_bytes)[: self._cluster_bytes]
        if len(cluster) != self._cluster_bytes:
            raise BadImage(f"its cluster {run.cluster} has the wrong size")
        return memoryview(cluster)[run.skip : run.skip + run.length]

    def _written(self) -> Iterator[int]:
        """Numbers of the clusters that are there, in order."""
        for number, table in enumerate(self._tables):
            first = number * self._per_table
            for cluster, entry in enumerate(table or (), first):
                if entry and cluster < self._clusters and self._entry(cluster):
                    yield cluster

    def _each(self, at: int, end: int) -> Iterator[Run]:
        while at < end:
            cluster, skip = divmod(at, self._cluster_bytes)
            length = min(self._cluster_bytes - skip, end - at)
            entry = self._entry(cluster)
            if not entry:
                yield Run(length, None, 0)
            elif entry & _PACKED:
                start, stored = self._packed(entry)
                yield Run(length, start, stored, True, cluster, skip)
            else:
                start = entry + skip
                # The file may end where its last cluster's data does.
                self._must_lie_within(start, length)
                yield Run(length, start, length)
            at += length

    def _packed(self, entry: int) -> tuple[int, int]:
        """Where a deflated cluster is, and how many bytes it takes at most."""
        shift = 62 - (self._bits - 8)
        start = entry & ((1 << shift) - 1)
        sectors = ((entry & (_PACKED - 1)) >> shift) + 1
        self._must_lie_within(start, 1)
        return start, min(sectors * 512 - start % 512, self._length - start)

    def _entry(self, cluster: int) -> int:
        """Where the cluster is, or the whole entry of one that is packed; 0: it holds zeros."""
        table = self._tables[cluster // self._per_table]
        entry = table[cluster % self._per_table] if table is not None else 0
        if entry & _PACKED:
            return entry
        zero = self._version == 3 and entry & _ZERO
        offset = self._offset(entry & ~_ZERO if zero else entry, _L2_RESERVED | _ZERO)
        return 0 if zero else offset

    def _offset(self, entry: int, reserved: int) -> int:
        """Where an entry of a table leads. Raises BadImage for one that cannot be right."""
        if entry & reserved or (entry & _OFFSET) % self._cluster_bytes:
            raise BadImage("an entry of its tables is damaged: it leads to no cluster")
        return entry & _OFFSET

    def _must_lie_within(self, start: int, length: int) -> None:
        if start + length > self._length:
            raise BadImage(f"its data at byte {start} lies beyond its end: it is truncated")


def _numbers(data: bytes | bytearray) -> "array[int]":
    numbers = array("Q", bytes(data))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
