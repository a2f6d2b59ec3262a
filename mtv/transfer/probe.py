"""Compares parts of a disk that can be read in two ways: by its file, and whole in one stream.

    data of the disk, as it comes   |########|#....#....#....#....#....#|...............
                                     first    spread over what else comes  not read

A stream comes in its own order, compressed, and is read up to the last byte that is compared. So
what is compared is the first of the disk's data, of which a guest boots and which it seldom writes,
and pieces at even distances of all data that comes until so much of the stream was read: of a disk
with less data than that, from all of it.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from mtv.errors import ReadFailed, SizeChanged
from mtv.model.disk import GRAIN_BYTES, DiskSource, StreamedDisk
from mtv.tasks import Limits, OnProgress, ProbeResult
from mtv.transfer.reading.connections import Connections
from mtv.transfer.reading.getter import Patience
from mtv.transfer.reading.reader import Reader
from mtv.transfer.reading.stream_reader import Pieces, StreamReader
from mtv.transfer.reading.throttle import Throttle


class Sample(NamedTuple):
    """How much of a disk is compared. No more than ``first_bytes + spread_bytes`` is in memory."""

    first_bytes: int = 16 * GRAIN_BYTES
    """All of the data that comes first."""
    spread_bytes: int = 8 * GRAIN_BYTES
    """At most so much in pieces of what comes behind it, each asked for by itself."""
    stream_bytes: int = 256 * GRAIN_BYTES
    """The stream is read until about so much of it came."""


SAMPLE = Sample()

AGAIN_AFTER_SECONDS = 2.0
"""The file is read a second time after this: what the guest writes must not get into it."""


def compare_ways(
    file: DiskSource | None,
    stream: StreamedDisk,
    *,
    limits: Limits,
    on_progress: OnProgress,
    cancelled: threading.Event,
    patience: Patience | None = None,
    throttle: Throttle | None = None,
    sample: Sample = SAMPLE,
) -> ProbeResult:
    """Reads a sample of a disk's data both ways, and the file once more a moment later.

    ``file`` is None where the source does not give it.

    Raises ReadFailed (of the stream), SizeChanged, SourceError, UntrustedTls, Interrupted. A file
    that cannot be read is no error but an answer. The sources are not closed.
    """
    started = time.monotonic()
    if file is None:
        refused = "the source refuses to give it"
        return ProbeResult(compared_bytes=0, differs_at=None, refused=refused, seconds=0.0)
    patience = patience or Patience()
    with (
        Connections(stream, limits, patience, cancelled, throttle) as streams,
        Connections(file, limits, patience, cancelled, throttle) as files,
    ):
        taken = _Taken(sample)

        def tell(says: str) -> None:
            came = min(streams.fetched_bytes, sample.stream_bytes)
            told = streams.progress(says, came, sample.stream_bytes)
            read = streams.fetched_bytes + files.fetched_bytes
            on_progress(msgspec.structs.replace(told, read_bytes=read))

        size = streams.find().served.size_bytes
        tell("reading the export")
        streams.crew.run(
            [lambda: taken.take_all(_the_stream(streams))],
            what="reading the export",
            tick=lambda: tell("reading the export"),
            interrupt=streams.interrupt,
        )
        differs_at, refused = None, ""
        try:
            found = files.find().served.size_bytes
            if found != size:
                raise SizeChanged(
                    f"the disk has {found} bytes in its file and {size} in its export",
                    "run the same command again; see in vCenter whether the disk is resized",
                )
            differs_at = taken.differs_at(files, lambda: tell("reading the file"))
            if differs_at is None and not cancelled.wait(AGAIN_AFTER_SECONDS):
                differs_at = taken.differs_at(files, lambda: tell("reading the file again"))
            files.check_unchanged(on_progress)
        except ReadFailed as problem:
            differs_at, refused = None, problem.message
    return ProbeResult(
        compared_bytes=taken.count,
        differs_at=differs_at,
        refused=refused,
        seconds=time.monotonic() - started,
    )


def _the_stream(connections: Connections) -> StreamReader:
    if connections.stream is None:
        raise AssertionError("a StreamedDisk has a stream")
    return connections.stream


class _Spread:
    """Pieces at even distances of all that came, however much that is.

    One of so many is kept, beginning with the first; when they become too many, every other one of
    them goes and from then on one of twice as many is kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._came = 0
        self._every = 1
        self._bytes = 0
        self.kept = list[tuple[int, bytes]]()

    def offer(self, offset: int, data: bytes) -> None:
        """The next piece of the stream."""
        number, self._came = self._came, self._came + 1
        if number % self._every:
            return
        self.kept.append((offset, data))
        self._bytes += len(data)
        while self._bytes > self._most:
            self.kept = self.kept[::2]
            self._every *= 2
            self._bytes = sum(len(data) for _, data in self.kept)


class _Taken:
    """What is compared: runs of bytes that came first, and pieces of what came behind them."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._runs = dict[int, bytes | bytearray]()

    @property
    def count(self) -> int:
        """Bytes of it."""
        return sum(map(len, self._runs.values()))

    def take_all(self, stream: StreamReader) -> None:
        """Takes what is to be compared, in as many tries as that takes."""

        def take(pieces: Pieces) -> None:
            most = stream.fetched_bytes + self._sample.stream_bytes
            self._take(pieces, lambda: stream.fetched_bytes >= most)

        stream.give(take)

    def _take(self, pieces: Pieces, is_enough: Callable[[], bool]) -> None:
        self._runs.clear()
        first, spread = 0, _Spread(self._sample.spread_bytes)
        start, run = -1, bytearray()
        for offset, data in pieces:
            if first >= self._sample.first_bytes:
                spread.offer(offset, data)
            else:
                if offset != start + len(run) or len(run) >= GRAIN_BYTES:
                    start, run = offset, bytearray()
                    self._runs[start] = run
                run += data
                first += len(data)
            if is_enough():
                break
        self._runs |= spread.kept

    def differs_at(self, files: Connections, tick: Callable[[], None]) -> int | None:
        """The first byte at which the file has another content; None where all is the same."""
        found = list[int]()

        def compare() -> None:
            found.extend(self._differing(files.readers[0]))

        files.crew.run([compare], what="reading the file", tick=tick, interrupt=files.interrupt)
        return min(found, default=None)

    def _differing(self, reader: Reader) -> list[int]:
        found = list[int]()
        for start, expected in self._runs.items():
            buffer = bytearray(len(expected))
            reader.fill(memoryview(buffer), start, start + len(expected))
            if buffer != expected:
                pairs = enumerate(zip(buffer, expected, strict=True))
                found.append(start + next(at for at, (one, other) in pairs if one != other))
        return found
