"""Reads a disk that is a part of a file: a member of an archive, an image in a format.

PartReader ── offsets, tables, unpacking ──> RangeReader or FileReader: bytes of the file
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise

from mtv.errors import ReadFailed, SourceError
from mtv.extents import Extents
from mtv.images.image import BadImage, Image, Run
from mtv.images.qcow2 import Qcow2
from mtv.images.vmdk import Vmdk
from mtv.model.disk import Extent, ImageFormat, Part
from mtv.transfer.reading.reader import Reader, Served

_DIGEST_BUFFER_BYTES = 4 * 1024 * 1024
_NEAR_BYTES = 1024 * 1024
"""Data that lies so near to what was read before is had by the same request."""


class Opened:
    """A part of a file and its image, shared by all readers of one copy."""

    def __init__(self, part: Part, name: str) -> None:
        self.part = part
        self.name = name
        """What the file is called in errors."""
        self.file: Served | None = None
        """The whole file, as ``image`` was read from it."""
        self.image: Image | None = None
        self.lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """Size of the disk."""
        return self.part.length_bytes if self.image is None else self.image.size_bytes

    def served(self, file: Served) -> Served:
        """What is known of the disk, from what is known of its file."""
        part = self.part
        where = f";{part.offset_bytes}+{part.length_bytes};{part.format}"
        return Served(
            self.size_bytes,
            None if file.etag is None else file.etag + where,
            None if file.last_modified is None else file.last_modified + where,
        )

    def bad(self, problem: BadImage) -> SourceError:
        """The error for an image that cannot be read."""
        return SourceError(
            f"{self.name}: {problem}", "export it again, or convert it with qemu-img convert"
        )


class PartReader:
    """A part of the file that another reader reads (a ``mtv.transfer.reading.reader.Reader``)."""

    def __init__(self, raw: Reader, opened: Opened) -> None:
        self._raw = raw
        self._opened = opened
        self._asides = 0
        self._scratch = bytearray()
        self._request: tuple[int, int] | None = None
        """End of the piece of the disk that is being read, and of its data in the file."""

    @property
    def part(self) -> Part:
        """The part of the file that is read."""
        return self._opened.part

    @property
    def fetched_bytes(self) -> int:
        """Bytes that were read from the source, without those for looking at it."""
        return self._raw.fetched_bytes - self._asides

    @property
    def retries(self) -> int:
        """How often something had to be asked for again."""
        return self._raw.retries

    def probe(self) -> tuple[Served, float | None]:
        """Looks at the file and at the image's header."""
        file, age = self._raw.probe()
        opened = self._opened
        if file != opened.file:
            self._raw.expect(file)
            part = opened.part
            blank = part.format is ImageFormat.BLANK
            if not blank and part.offset_bytes + part.length_bytes > file.size_bytes:
                raise SourceError(f"{opened.name} is shorter than what it should hold")
            opened.image = self._aside(self._open_image)
            opened.file = file
        return opened.served(file), age

    def expect(self, served: Served) -> None:
        """From now on the file must be the one that was looked at."""
        if self._opened.file is None or self._opened.served(self._opened.file) != served:
            raise self.changed()
        self._raw.expect(self._opened.file)

    def extents(self) -> Sequence[Extent] | None:
        """Where there is data; the image's tables are read for it."""
        opened = self._opened
        if opened.part.format is ImageFormat.BLANK:
            return ()
        if opened.image is None:
            return None
        return Extents(self._loaded(opened.image).extents())

    def fill(self, view: memoryview, offset: int, end: int) -> None:
        """Fills the view with the disk's bytes from ``offset`` on."""
        opened = self._opened
        if opened.part.format is ImageFormat.BLANK:
            view[:] = bytes(len(view))
        elif opened.image is None:
            start = opened.part.offset_bytes
            self._raw.fill(view, start + offset, start + end)
        else:
            try:
                self._fill(self._loaded(opened.image), view, offset, end)
            except BadImage as problem:
                raise opened.bad(problem) from problem

    def check_digest(self, tell: Callable[[int], None]) -> None:
        """Reads the whole part once and compares it with its digest, if it has one.

        ``tell`` is told how many bytes were read so far. Raises SourceError.
        """
        part = self._opened.part
        if part.digest is None:
            return
        name, _, expected = part.digest.partition(":")
        digest = hashlib.new(name)
        buffer = memoryview(bytearray(_DIGEST_BUFFER_BYTES))
        start, end = part.offset_bytes, part.offset_bytes + part.length_bytes
        for at in range(start, end, len(buffer)):
            piece = buffer[: min(len(buffer), end - at)]
            self._raw.fill(piece, at, end)
            digest.update(piece)
            tell(at + len(piece) - start)
        if digest.hexdigest() != expected:
            raise SourceError(
                f"{self._opened.name} is damaged: its {name.upper()} is not what its manifest says",
                "export it again, or copy it again from where it was exported to",
            )

    def changed(self) -> ReadFailed:
        """The error for a file that is not what it was when the copy started."""
        return self._raw.changed()

    def interrupt(self) -> None:
        """Wakes the thread that waits for the source."""
        self._raw.interrupt()

    def close(self) -> None:
        """Closes the file."""
        self._raw.close()

    def _fill(self, image: Image, view: memoryview, offset: int, end: int) -> None:
        start = self._opened.part.offset_bytes
        until = self._data_end(image, offset, end)
        at = 0
        for run in image.runs(offset, len(view)):
            target = view[at : at + run.length]
            at += run.length
            if run.at is None:
                target[:] = bytes(run.length)
                continue
            near = max(until, run.at + run.stored)
            if not run.packed:
                self._raw.fill(target, start + run.at, start + near)
                continue
            if len(self._scratch) < run.stored:
                self._scratch = bytearray(run.stored)
            packed = memoryview(self._scratch)[: run.stored]
            self._raw.fill(packed, start + run.at, start + near)
            target[:] = image.unpack(run, packed)

    def _data_end(self, image: Image, offset: int, end: int) -> int:
        """Up to where the file can be read in one go for a piece of the disk; 0 if it can't."""
        if self._request is None or self._request[0] != end:
            runs = [run for run in image.runs(offset, end - offset) if run.at is not None]
            self._request = (end, _end(runs[-1]) if runs and _in_a_row(runs) else 0)
        return self._request[1]

    def _loaded(self, image: Image) -> Image:
        with self._opened.lock:
            try:
                self._aside(lambda: image.load(self._read))
            except BadImage as problem:
                raise self._opened.bad(problem) from problem
        return image

    def _open_image(self) -> Image | None:
        part = self._opened.part
        try:
            if part.format is ImageFormat.VMDK:
                return Vmdk(self._read, part.length_bytes)
            if part.format is ImageFormat.QCOW2:
                return Qcow2(self._read, part.length_bytes)
        except BadImage as problem:
            raise self._opened.bad(problem) from problem
        return None

    def _read(self, offset: int, length: int) -> bytearray:
        data = bytearray(length)
        start = self._opened.part.offset_bytes + offset
        self._raw.fill(memoryview(data), start, start + length)
        return data

    def _aside(self, act: Callable[[], Image | None]) -> Image | None:
        """Does something whose reading is not the copy's."""
        before = self._raw.fetched_bytes
        try:
            return act()
        finally:
            self._asides += self._raw.fetched_bytes - before


def _end(run: Run) -> int:
    return (run.at or 0) + run.stored


def _in_a_row(runs: Sequence[Run]) -> bool:
    """Whether the file has the runs one after the other, with little in between."""
    return all(0 <= (b.at or 0) - _end(a) <= _NEAR_BYTES for a, b in pairwise(runs))
