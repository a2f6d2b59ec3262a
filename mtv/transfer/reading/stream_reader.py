"""Reads a disk that the source gives once, from its beginning, as a streamOptimized VMDK.

What breaks off is asked for anew, and comes from its beginning again.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

from mtv.errors import ReadFailed
from mtv.images.image import BadImage
from mtv.images.stream import EndsEarly, StreamVmdk
from mtv.transfer.reading.access import Access
from mtv.transfer.reading.getter import BadAnswer, Getter, Patience, Refused
from mtv.transfer.reading.reader import Served
from mtv.transfer.reading.throttle import Throttle

SLICE_BYTES = 256 * 1024
"""Read in one call: between two of them the copy may stop or wait for its throttle."""

Pieces = Iterator[tuple[int, bytes]]
"""Offset on the disk and bytes, in any order."""


class StreamReader(Getter):
    """The connection to a stream (a ``mtv.transfer.reading.reader.Way``)."""

    resumable = (
        "an export begins anew each time and has to come to its end once: run the same command "
        "again, with fewer disks at a time ('limits' in mtv.yaml) or from nearer to the hosts; "
        "what was written already is not written again"
    )

    def __init__(
        self, access: Access, throttle: Throttle, stop: threading.Event, patience: Patience
    ) -> None:
        super().__init__(access, throttle, stop, patience)
        self._stream: StreamVmdk | None = None
        self._began = False
        self._served: Served | None = None

    def probe(self) -> tuple[Served, None]:
        """Begins the stream; its header tells the disk's size, and nothing tells its content.

        Raises ReadFailed, SourceError.
        """
        self._start_over()

        def begin() -> Served:
            with _as_answers(self):
                self._stream = self._begun()
                return Served(self._stream.size_bytes, None, None)

        return self._patiently(begin), None

    def expect(self, served: Served) -> None:
        """From now on every stream must be of that disk."""
        self._served = served

    def give(self, take: Callable[[Pieces], None]) -> None:
        """Gives all of the disk to ``take``: what never comes are zeros.

        It is called again, and given all from the beginning, for each try. Only when this returns
        was the last of them whole. Raises ReadFailed, SourceError, Stopped.
        """
        self._start_over()

        def attempt() -> None:
            with _as_answers(self):
                stream, self._stream = self._stream or self._begun(), None
                if Served(stream.size_bytes, None, None) != self._served:
                    raise self.changed()
                take(stream.grains())

        self._patiently(attempt)

    def changed(self) -> ReadFailed:
        """The error for a disk that is not what it was when the copy started."""
        return self._failed("says that the disk has another size than when the copy started")

    def wrong(self, problem: BadImage) -> ReadFailed:
        """The error for what is no VMDK, or a damaged one."""
        return self._failed(
            f"gives a VMDK that cannot be right: {problem}",
            "run the same command again; if it is the same then, look at the disk's datastore",
        )

    def scattered(self) -> ReadFailed:
        """The error for a stream whose parts are too far from each other to be put together."""
        return self._failed(
            "gives the parts of the disk in an order in which they cannot be compared",
            "mtv sync can copy it all the same; compare another copy of it",
        )

    def _begun(self) -> StreamVmdk:
        if self._began and self._place is not None:
            self.close()
            self._access.renew(self._place)
        self._began = True
        response = self._response = self._get()
        if response.status in (401, 403, 404):
            raise Refused(f"status {response.status}")
        if response.status == 429 or response.status >= 500:
            raise BadAnswer(f"status {response.status}")
        if response.status != 200:
            raise self._failed(f"does not give the disk (status {response.status})")
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise self._failed("gives the disk in an encoding that was not asked for")

        def readinto(view: memoryview) -> int:
            view = view[:SLICE_BYTES]
            self._throttle.take(len(view), self._stop)
            count = response.readinto(view)
            self.fetched_bytes += count
            return count

        return StreamVmdk(readinto)


@contextlib.contextmanager
def _as_answers(reader: StreamReader) -> Iterator[None]:
    """A stream that breaks off may be better the next time, one that is wrong will not."""
    try:
        yield
    except EndsEarly as problem:
        raise BadAnswer("the stream ended early") from problem
    except BadImage as problem:
        raise reader.wrong(problem) from problem
