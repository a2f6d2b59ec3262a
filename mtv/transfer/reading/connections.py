"""The connections of one copy to its source, as one thing."""

import threading
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from mtv.model.disk import (
    DiskSource,
    Extent,
    FileLocation,
    HeldDisk,
    HttpLocation,
    NbdLocation,
    StreamedDisk,
    StreamLocation,
)
from mtv.tasks import Limits, OnProgress, Progress
from mtv.transfer.crew import Crew, Stopped
from mtv.transfer.reading.access import Access
from mtv.transfer.reading.file_reader import FileReader
from mtv.transfer.reading.getter import Patience
from mtv.transfer.reading.http_range import RangeReader
from mtv.transfer.reading.nbd_reader import NbdReader
from mtv.transfer.reading.part_reader import Opened, PartReader
from mtv.transfer.reading.reader import Identity, Reader, Served, Way
from mtv.transfer.reading.stream_reader import StreamReader
from mtv.transfer.reading.throttle import Throttle

T = TypeVar("T")

SETTLED_SECONDS = 2.0
"""``Last-Modified`` counts whole seconds: a disk that changed in this one may change again in it
without showing it. So a copy does not start before its second is over."""


class Found(NamedTuple):
    """The disk as the source has it now."""

    served: Served
    identity: Identity
    """Another one when the content is, as far as the source tells reliably."""


class Connections:
    """``limits.connections`` readers or one stream, and the crew that works with them."""

    def __init__(
        self,
        source: DiskSource,
        limits: Limits,
        patience: Patience,
        cancelled: threading.Event,
        throttle: Throttle | None = None,
    ) -> None:
        self.crew = Crew(cancelled)
        self._source = source
        self._access = Access(source)
        self._throttle = throttle or Throttle(limits.bytes_per_second)
        self._patience = patience
        self._count = max(1, limits.connections)
        self._served: Served | None = None
        self.readers: list[Reader] = []
        """There are some once the disk was found, if any part of it can be asked for."""
        self.stream: StreamReader | None = None
        """There is one instead where the source gives the disk only as a whole."""

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_: object) -> None:
        for way in self._ways:
            way.close()

    @property
    def fetched_bytes(self) -> int:
        """Bytes that came over all connections: of the disk, or of the stream that packs it."""
        return sum(way.fetched_bytes for way in self._ways)

    @property
    def retries(self) -> int:
        """How often something had to be asked for again."""
        return sum(way.retries for way in self._ways)

    @property
    def opened(self) -> str:
        """What is open at the source now, by its id there; "" for nothing that could stay."""
        return self._source.opened()

    def progress(self, says: str, done: int, total: int) -> Progress:
        """How far the reading is, in bytes of the disk, and what is open at the source for it."""
        return Progress(
            says=says,
            done=done,
            total=total,
            unit="bytes",
            opened=self._source.opened(),
        )

    def telling(self, on_progress: OnProgress) -> OnProgress:
        """Tells every line together with what was read at the source until then.

        A line that left that out would say that it is nothing again.
        """

        def tell(line: Progress) -> None:
            on_progress(msgspec.structs.replace(line, read_bytes=self.fetched_bytes))

        return tell

    def find(self) -> Found:
        """Looks at the disk; from now on all that is read must be of a disk like that."""

        def look() -> Found:
            self._connect()
            return self._settled(self._ways[0])

        found = self._asked(look)
        self._served = found.served
        for way in self._ways:
            way.expect(self._served)
        return found

    def extents(self) -> Sequence[Extent] | None:
        """Where there is data, as far as the image or the source can tell."""
        found = self._told_by_reader()
        return self._source.extents() if found is None else found

    def kept(self) -> Sequence[Extent] | None:
        """What the image itself holds; None for a disk that is kept plain, byte for byte."""
        return self._told_by_reader() if isinstance(self.readers[0], PartReader) else None

    def _told_by_reader(self) -> Sequence[Extent] | None:
        return self._asked(self.readers[0].extents)

    def changed_since(self, on_progress: OnProgress, point: str) -> Sequence[Extent] | None:
        """Where the disk may differ from an earlier point of it; None where nobody can tell.

        What is open at the source meanwhile, and after it, may be another thing than before.
        """

        def tell() -> None:
            on_progress(Progress(says="asking what changed", opened=self.opened))

        found = self._asked(lambda: self._source.changed_since(point), tell)
        tell()
        return found

    def check_digest(self, on_progress: OnProgress) -> None:
        """Reads all that is to hold the disk and compares it with the digest it came with.

        Does nothing where there is none. Raises SourceError.
        """
        reader = self._ways[0]
        if not isinstance(reader, PartReader) or reader.part.digest is None:
            return
        done = [0]

        def tick() -> None:
            on_progress(
                Progress(
                    says="checking the source's checksum",
                    done=done[0],
                    total=reader.part.length_bytes,
                    unit="bytes",
                )
            )

        def tell(count: int) -> None:
            done[0] = count

        self._alone(lambda: reader.check_digest(tell), tick)

    def check_unchanged(self, on_progress: OnProgress) -> None:
        """Raises ReadFailed when the disk is no longer the one that ``find`` found.

        And SourceError when it was let go of meanwhile. A stream was checked as a whole; nothing
        could be asked about it any more. Of a server that tells no file from another one (neither
        tag nor time) the checksum is compared once more, where there is one.
        """
        if self.stream is not None:
            return
        if isinstance(self._source, HeldDisk):
            self._alone(self._source.check_held)
        reader = self.readers[0]
        if self._asked(reader.probe)[0] != self._served:
            raise reader.changed()
        if self._served is not None and self._served.identity is None:
            self.check_digest(on_progress)

    def interrupt(self) -> None:
        """Wakes all who wait for the source."""
        for way in self._ways:
            way.interrupt()

    def was_read(self) -> None:
        """All of the stream was read."""
        if isinstance(self._source, StreamedDisk):
            self._alone(self._source.was_read)

    @property
    def _ways(self) -> Sequence[Way]:
        return self.readers if self.stream is None else [self.stream]

    def _settled(self, way: Way) -> Found:
        served, age = way.probe()
        if age is not None and age < SETTLED_SECONDS:
            if self.crew.stop.wait(min(SETTLED_SECONDS, SETTLED_SECONDS - age)):
                raise Stopped
            served, age = way.probe()
        # Of a time that cannot be held against the server's clock nobody knows how old it is.
        settled = served.is_tagged if age is None else age >= SETTLED_SECONDS
        identity = Identity(self._source.point(), served.identity if settled else None)
        return Found(served, identity)

    def _connect(self) -> None:
        location = self._access.location()
        if isinstance(location, StreamLocation):
            self.stream = StreamReader(self._access, self._throttle, self.crew.stop, self._patience)
        elif isinstance(location, NbdLocation):
            self._connect_nbd()
        else:
            self.readers = self._make_readers(location)

    def _connect_nbd(self) -> None:
        """Several readers only where the server allows it: others let the second one wait."""

        def reader() -> NbdReader:
            return NbdReader(self._access, self._throttle, self.crew.stop, self._patience)

        first = reader()
        self.readers = [first]
        if first.can_multi_conn:
            self.readers += [reader() for _ in range(1, self._count)]

    def _make_readers(self, location: HttpLocation | FileLocation) -> list[Reader]:
        raw: list[Reader]
        if isinstance(location, FileLocation):
            name = location.path
            raw = [
                FileReader(location.path, self._throttle, self.crew.stop)
                for _ in range(self._count)
            ]
        else:
            name = unquote(PurePath(urlsplit(location.url).path).name)
            raw = [
                RangeReader(self._access, self._throttle, self.crew.stop, self._patience)
                for _ in range(self._count)
            ]
        if location.part is None:
            return raw
        opened = Opened(location.part, name)
        return [PartReader(each, opened) for each in raw]

    def _asked(self, ask: Callable[[], T], tick: Callable[[], None] = lambda: None) -> T:
        """What ``ask`` answers, in a thread as ``_alone``."""
        found: list[T] = []
        self._alone(lambda: found.append(ask()), tick)
        return found[0]

    def _alone(self, job: Callable[[], None], tick: Callable[[], None] = lambda: None) -> None:
        """Runs one job in a thread, so that a silent server cannot keep us from stopping."""
        self.crew.run([job], what="looking at the disk", tick=tick, interrupt=self.interrupt)
