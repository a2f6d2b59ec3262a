"""Reads pieces of a disk over HTTP(S) range requests, and checks every answer.

One ``RangeReader`` is one connection of one thread. It keeps one request open as long as what is
wanted next is what comes next, so that a piece is one request however small the buffer. What
breaks off is asked for again from where it broke.
"""

import email.utils
import http.client
import re
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mtv.errors import ReadFailed, Unreachable
from mtv.tls import untrusted
from mtv.transfer.access import Access, Place
from mtv.transfer.crew import Stopped
from mtv.transfer.dial import Dialed
from mtv.transfer.reader import RESUMABLE, Served
from mtv.transfer.throttle import Throttle

SLICE_BYTES = 256 * 1024
"""Read in one call. What a broken connection delivered of a slice is lost."""

_RENEWALS = 3
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})\Z")

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long to bear with a source."""

    pauses: Sequence[float] = (1.0, 3.0, 10.0, 30.0)
    """Seconds to wait before each further try; there is one try more than pauses."""
    io_seconds: float = 60.0
    """How long a server may be silent."""


class _Refused(Exception):
    """401 or 403."""


class _BadAnswer(Exception):
    """An answer that may be better the next time."""


class RangeReader:
    """One connection to the source (a ``mtv.transfer.reader.Reader``)."""

    def __init__(
        self, access: Access, throttle: Throttle, stop: threading.Event, patience: Patience
    ) -> None:
        self._access = access
        self._throttle = throttle
        self._stop = stop
        self._patience = patience
        self._place: Place | None = None
        self._connection: Dialed | None = None
        self._response: http.client.HTTPResponse | None = None
        self._position = 0
        self._failures = 0
        self._refusals = 0
        self._served: Served | None = None
        self.fetched_bytes = 0
        self.retries = 0

    def probe(self) -> tuple[Served, float | None]:
        """Asks for one byte (some servers break at HEAD): what the server says about the disk.

        The second value is how many seconds ago the disk was last changed, by the server's own
        clock; None where it does not tell. Raises ReadFailed.
        """
        self._failures = self._refusals = 0
        self._close_response()
        return self._patiently(self._probe)

    def expect(self, served: Served) -> None:
        """From now on every answer must say this about the disk."""
        self._served = served

    def extents(self) -> None:
        """A server does not tell."""
        return

    def fill(self, view: memoryview, offset: int, end: int) -> None:
        """Fills the view with the disk's bytes from ``offset`` on.

        A new request asks for all bytes up to ``end``, which later calls then find on their way.
        Raises ReadFailed, SourceError (no new login), Stopped.
        """
        self._failures = self._refusals = 0
        got = 0
        while got < len(view):
            got += self._patiently(
                lambda: self._read(view[got : got + SLICE_BYTES], offset + got, end)  # noqa: B023
            )

    def changed(self) -> ReadFailed:
        """The error for a disk that is not what it was when the copy started."""
        return self._failed(
            "says that the disk changed while it was copied: is the VM really off?",
            "see that nothing writes to the disk, then run the same command again",
        )

    def interrupt(self) -> None:
        """Wakes the thread that waits for the server, from another thread."""
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    def close(self) -> None:
        """Closes the connection."""
        self._close_response()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _patiently(self, attempt: Callable[[], T]) -> T:
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return attempt()
            except ssl.SSLCertVerificationError as problem:
                place = self._access.place()
                raise untrusted(place.host, place.port, problem) from problem
            except _Refused as problem:
                self.close()
                self._refusals += 1
                if self._refusals > _RENEWALS or self._place is None:
                    raise self._failed(f"refuses to give the disk ({problem})") from problem
                try:
                    self._access.renew(self._place)
                except Unreachable as unreachable:
                    self._pause(unreachable)
            except (OSError, http.client.HTTPException, _BadAnswer, Unreachable) as problem:
                self.close()
                self._pause(problem)

    def _pause(self, problem: Exception) -> None:
        if self._stop.is_set():
            raise Stopped from problem
        self._failures += 1
        if self._failures > len(self._patience.pauses):
            tries = f"failed {self._failures} times, the last time: {_reason(problem)}"
            raise self._failed(tries) from problem
        self.retries += 1
        if self._stop.wait(self._patience.pauses[self._failures - 1]):
            raise Stopped from problem

    def _probe(self) -> tuple[Served, float | None]:
        response = self._request(0, 1)
        served = self._checked(response, 0, 1)
        age = _age(response)
        response.read(1)
        self._response = response
        self._close_response()
        return served, age

    def _read(self, view: memoryview, offset: int, end: int) -> int:
        """Reads at least one byte of the disk at ``offset``; gives how many."""
        if self._response is None or self._position != offset:
            self._close_response()
            response = self._request(offset, end)
            if self._checked(response, offset, end) != self._served:
                raise self.changed()
            self._response, self._position = response, offset
        seconds = self._throttle.delay(len(view))
        if seconds and self._stop.wait(seconds):
            raise Stopped
        count = self._response.readinto(view)
        if not count:
            raise _BadAnswer("the answer ended early")
        self._position += count
        self.fetched_bytes += count
        if self._position >= end:
            self._close_response()
        return count

    def _request(self, offset: int, end: int) -> http.client.HTTPResponse:
        place = self._access.place()
        if self._connection is None or place is not self._place:
            self.close()
            self._place = place
            self._connection = Dialed(place, self._patience.io_seconds, self._stop)
        self._connection.putrequest("GET", place.target, skip_accept_encoding=True)
        for name, value in place.headers:
            self._connection.putheader(name, value)
        self._connection.putheader("Range", f"bytes={offset}-{end - 1}")
        self._connection.putheader("Accept-Encoding", "identity")
        self._connection.endheaders()
        return self._connection.getresponse()

    def _checked(self, response: http.client.HTTPResponse, offset: int, end: int) -> Served:
        """Whether the answer is what was asked for; nothing in it is believed before."""
        if response.status in (401, 403):
            raise _Refused(f"status {response.status}")
        if response.status == 429 or response.status >= 500:
            raise _BadAnswer(f"status {response.status}")
        if response.status == 200:
            raise self._failed("does not give parts of the disk (range requests)")
        if response.status != 206:
            raise self._failed(f"does not give the disk (status {response.status})")
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise self._failed("gives the disk in an encoding that was not asked for")
        match = _CONTENT_RANGE.match(response.getheader("Content-Range", ""))
        if match is None or (int(match[1]), int(match[2])) != (offset, end - 1):
            raise _BadAnswer("it gives other bytes than were asked for")
        if response.length is not None and response.length != end - offset:
            raise _BadAnswer("it gives another number of bytes than were asked for")
        etag, last_modified = response.getheader("ETag"), response.getheader("Last-Modified")
        return Served(int(match[3]), etag, last_modified)

    def _close_response(self) -> None:
        """Gives up the open request; the connection lives on only if its answer was read whole."""
        response, self._response = self._response, None
        if response is not None and not response.isclosed():
            self.close()

    def _failed(self, says: str, hint: str = RESUMABLE) -> ReadFailed:
        server = self._place.server if self._place is not None else "the source"
        return ReadFailed(f"{server} {says}", hint)


def _age(response: http.client.HTTPResponse) -> float | None:
    try:
        now = email.utils.parsedate_to_datetime(response.getheader("Date", ""))
        then = email.utils.parsedate_to_datetime(response.getheader("Last-Modified", ""))
        return (now - then).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


def _reason(problem: Exception) -> str:
    """Why it failed, without anything that a server could put into it."""
    if isinstance(problem, _BadAnswer):
        return str(problem)
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    if isinstance(problem, http.client.RemoteDisconnected):
        return "the connection was closed"
    return getattr(problem, "strerror", None) or type(problem).__name__
