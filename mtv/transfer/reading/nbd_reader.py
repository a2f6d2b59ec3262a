"""Reads pieces of a disk from an NBD server that the source has started."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from mtv.errors import ReadFailed
from mtv.extents import Extents
from mtv.model.disk import GRAIN_BYTES, Extent, NbdLocation
from mtv.transfer.crew import Stopped
from mtv.transfer.reading.access import Access
from mtv.transfer.reading.getter import Patience
from mtv.transfer.reading.nbd import NbdClient
from mtv.transfer.reading.nbd_wire import BadServer, ExportRefused
from mtv.transfer.reading.reader import RESUMABLE, Served
from mtv.transfer.reading.throttle import Throttle

SLICE_BYTES = 1024 * 1024
"""Read in one request: between two of them the copy may stop or wait for its throttle."""

T = TypeVar("T")


class NbdReader:
    """One connection to the server (a ``mtv.transfer.reading.reader.Reader``)."""

    def __init__(
        self, access: Access, throttle: Throttle, stop: threading.Event, patience: Patience
    ) -> None:
        self._access = access
        self._throttle = throttle
        self._stop = stop
        self._patience = patience
        self._location: NbdLocation | None = None
        self._client: NbdClient | None = None
        self._served: Served | None = None
        self.fetched_bytes = 0
        self.retries = 0

    @property
    def can_multi_conn(self) -> bool:
        """Whether the server wants more than one connection."""
        return self._patiently(lambda: self._connected().can_multi_conn)

    def probe(self) -> tuple[Served, None]:
        """Its size is all that a server tells; the source may know more (``point``)."""
        size = self._patiently(lambda: self._connected().export.size_bytes)
        return Served(size, None, None), None

    def expect(self, served: Served) -> None:
        """From now on the disk must be that one."""
        self._served = served

    def extents(self) -> Sequence[Extent] | None:
        """All but what the server says that it reads as zeros, in whole grains."""
        client = self._patiently(self._connected)
        if client.export.allocation is None:
            return None
        return Extents(self._with_data(client.export.size_bytes))

    def _with_data(self, size: int) -> Iterator[Extent]:
        at = 0
        while at < size:
            for run in self._patiently(lambda: self._connected().block_status(at, size - at)):  # noqa: B023
                if not run.zero:
                    yield _in_grains(at, min(at + run.length, size), size)
                at += run.length

    def fill(self, view: memoryview, offset: int, end: int) -> None:
        """Fills the view with the disk's bytes from ``offset`` on."""
        del end  # every request is answered at once
        for at in range(0, len(view), SLICE_BYTES):
            piece = view[at : at + SLICE_BYTES]
            self._throttle.take(len(piece), self._stop)
            self._patiently(lambda: self._connected().read(piece, offset + at))  # noqa: B023
            self.fetched_bytes += len(piece)

    def changed(self) -> ReadFailed:
        """The error for a disk that is not what it was when the copy started."""
        return ReadFailed(
            "the NBD server gives another disk than when the copy started",
            "see that nothing changes the VM's disks, then run the same command again",
        )

    def interrupt(self) -> None:
        """Wakes the thread that waits for the server, from another thread."""
        client = self._client
        if client is not None:
            client.interrupt()

    def close(self) -> None:
        """Closes the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> NbdClient:
        if self._client is None:
            location = self._access.location()
            if not isinstance(location, NbdLocation):
                raise ReadFailed("the source gave another kind of place than before")
            self._location = location
            client = NbdClient(Path(location.socket), io_seconds=self._patience.io_seconds)
            self._client = client  # from here on it can be interrupted
            client.opened(location.export)
            if self._served is not None and client.export.size_bytes != self._served.size_bytes:
                raise self.changed()
        return self._client

    def _patiently(self, attempt: Callable[[], T]) -> T:
        failures = 0
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return attempt()
            except (OSError, BadServer, ExportRefused) as problem:
                self.close()
                if self._stop.is_set():
                    raise Stopped from problem
                if self._location is not None:
                    # Raises, with the server's own reason, where trying again is of no use.
                    self._access.renew_location(self._location)
                failures += 1
                if failures > len(self._patience.pauses):
                    raise ReadFailed(
                        f"the NBD server failed {failures} times, the last time: "
                        f"{_reason(problem)}",
                        RESUMABLE,
                    ) from problem
            self.retries += 1
            if self._stop.wait(self._patience.pauses[failures - 1]):
                raise Stopped


def _in_grains(start: int, end: int, size: int) -> Extent:
    """The whole grains of a run."""
    start = start // GRAIN_BYTES * GRAIN_BYTES
    return Extent(start, min(size, -(-end // GRAIN_BYTES) * GRAIN_BYTES) - start)


def _reason(problem: Exception) -> str:
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
