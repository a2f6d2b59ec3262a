"""Disk images that are not raw: what a reader of their formats offers.

``vmdk`` and ``qcow2`` read them. Neither opens a file: they are given a function that reads
bytes of one, and they never ask for any other file, whatever the image says. All of what an image
says is hostile until it was checked.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from mtv.model.disk import Extent

ReadAt = Callable[[int, int], bytes | bytearray]
"""``read(offset, length)``: exactly so many bytes of the file, or an error of the reader's own."""

LARGEST_DISK_BYTES = 64 * 1024**4
"""Larger than any platform's disks; what says more is no honest image."""


class BadImage(Exception):
    """The image is damaged, or of a kind that is not read; the text says why."""


class Run(NamedTuple):
    """A run of a disk's bytes, and where the image keeps it."""

    length: int
    at: int | None
    """Offset in the file; None: these are zeros."""
    stored: int
    """How many bytes to read there: ``length`` of them, or, of packed data, that many at most."""
    packed: bool = False
    """True when what is stored has to be unpacked."""
    cluster: int = 0
    """Of packed data: the number of its cluster."""
    skip: int = 0
    """Where in the unpacked cluster the run begins."""


class Image(Protocol):
    """An opened image."""

    size_bytes: int
    """Size of the disk."""

    def load(self, read: ReadAt) -> None:
        """Reads the tables, once; ``extents`` and ``runs`` need them. Raises BadImage."""

    def extents(self) -> Iterator[Extent]:
        """Where there is data, in order. Raises BadImage."""

    def runs(self, offset: int, length: int) -> Iterator[Run]:
        """The runs of a piece of the disk, in order and without gaps."""

    def unpack(self, run: Run, data: bytes | bytearray | memoryview) -> bytes | memoryview:
        """The run's bytes, out of the packed data that was read for it. Raises BadImage."""


def joined(runs: Iterable[Run]) -> Iterator[Run]:
    """The same runs, with neighbours made one where the file has them in a row too."""
    last: Run | None = None
    for run in runs:
        if last is None or not _follows(last, run):
            if last is not None:
                yield last
            last = run
        else:
            last = Run(last.length + run.length, last.at, last.stored + run.stored)
    if last is not None:
        yield last


def extents_of(clusters: Iterable[int], cluster_bytes: int, size_bytes: int) -> Iterator[Extent]:
    """Extents of the clusters with data, given by their numbers in order."""
    start = end = 0
    for cluster in clusters:
        at = cluster * cluster_bytes
        if at != end:
            if end > start:
                yield Extent(start, end - start)
            start = at
        end = at + cluster_bytes
    end = min(end, size_bytes)
    if end > start:
        yield Extent(start, end - start)


def _follows(last: Run, run: Run) -> bool:
    if last.packed or run.packed:
        return False
    if last.at is None or run.at is None:
        return last.at is run.at
    return last.at + last.stored == run.at
