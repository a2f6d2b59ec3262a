"""Compares parts of a disk that can be read in two ways: by its file, and whole in one stream."""

import threading
import time
from collections.abc import Callable

import msgspec

from mtv.errors import ReadFailed, SizeChanged
from mtv.model.disk import GRAIN_BYTES, DiskSource, StreamedDisk
from mtv.tasks import Limits, OnProgress, ProbeResult
from mtv.transfer.reading.connections import Connections
from mtv.transfer.reading.getter import Patience
from mtv.transfer.reading.reader import Reader
from mtv.transfer.reading.stream_reader import Pieces, StreamReader
from mtv.transfer.reading.throttle import Throttle

SAMPLE_BYTES = 32 * GRAIN_BYTES
"""So much of the disk's data is compared, from where it begins: the stream has no other order."""

AGAIN_AFTER_SECONDS = 2.0
"""The file is read a second time after this: what the guest writes must not get into it."""


class _Enough(Exception):
    """Ends the stream: all that is to be compared has come."""


def compare_ways(
    file: DiskSource | None,
    stream: StreamedDisk,
    *,
    limits: Limits,
    on_progress: OnProgress,
    cancelled: threading.Event,
    patience: Patience | None = None,
    throttle: Throttle | None = None,
    sample_bytes: int = SAMPLE_BYTES,
) -> ProbeResult:
    """Reads the first data of a disk both ways, and the file once more a moment later.

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
        taken = _Taken(sample_bytes)

        def tell(says: str) -> None:
            told = streams.progress(says, taken.count, sample_bytes)
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


class _Taken:
    """What came first in the stream, as runs of bytes that belong together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._runs = dict[int, bytearray]()
        self.count = 0

    def take_all(self, stream: StreamReader) -> None:
        """Takes what is to be compared, in as many tries as that takes."""
        try:
            stream.give(self._take)
        except _Enough:
            return

    def _take(self, pieces: Pieces) -> None:
        self._runs.clear()
        self.count = 0
        start, run = -1, bytearray()
        for offset, data in pieces:
            if offset != start + len(run) or len(run) >= GRAIN_BYTES:
                start, run = offset, self._runs.setdefault(offset, bytearray())
            run += data
            self.count += len(data)
            if self.count >= self._most:
                raise _Enough

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
