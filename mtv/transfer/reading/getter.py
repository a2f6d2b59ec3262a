"""Asking a server over HTTP(S) with patience: what breaks off is asked for again.

One ``Getter`` is one connection of one thread, which another thread can interrupt.
"""

import http.client
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mtv.errors import ReadFailed, Unreachable
from mtv.tls import untrusted
from mtv.transfer.crew import Stopped
from mtv.transfer.reading.access import Access, Place
from mtv.transfer.reading.dial import Dialed
from mtv.transfer.reading.reader import RESUMABLE
from mtv.transfer.reading.throttle import Throttle

ENOUGH_BYTES = 64 * 1024
"""What has to come after a failure for the next one to count as the first again: a connection that
is cut now and then brings a disk over, one that gives next to nothing each time never does."""

_RENEWALS = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long to bear with a source."""

    pauses: Sequence[float] = (1.0, 3.0, 10.0, 30.0)
    """Seconds to wait before each further try; there is one try more than pauses."""
    io_seconds: float = 60.0
    """How long a server may be silent."""


class Refused(Exception):
    """401 or 403."""


class BadAnswer(Exception):
    """An answer that may be better the next time."""


class Getter:
    """A connection, and what went wrong on it."""

    resumable = RESUMABLE
    """The remedy for a source that was given up."""

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
        self._failures = 0
        self._refusals = 0
        self._since_failure = 0
        self.fetched_bytes = 0
        self.retries = 0

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

    def _start_over(self) -> None:
        """What is asked for next has all tries before it."""
        self._failures = self._refusals = 0

    def _goes_on(self, count: int) -> None:
        """So many bytes came that nobody has to ask for again."""
        self._since_failure += count
        if self._since_failure >= ENOUGH_BYTES:
            self._start_over()

    def _patiently(self, attempt: Callable[[], T]) -> T:
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return attempt()
            except ssl.SSLCertVerificationError as problem:
                place = self._access.place()
                raise untrusted(place.host, place.port, problem) from problem
            except Refused as problem:
                self.close()
                self._since_failure = 0
                self._refusals += 1
                if self._refusals > _RENEWALS or self._place is None:
                    raise self._failed(f"refuses to give the disk ({problem})") from problem
                try:
                    self._access.renew(self._place)
                except Unreachable as unreachable:
                    self._pause(unreachable)
            except (OSError, http.client.HTTPException, BadAnswer, Unreachable) as problem:
                self.close()
                self._pause(problem)

    def _pause(self, problem: Exception) -> None:
        if self._stop.is_set():
            raise Stopped from problem
        self._since_failure = 0
        self._failures += 1
        if self._failures > len(self._patience.pauses):
            tries = f"failed {self._failures} times, the last time: {_reason(problem)}"
            raise self._failed(tries) from problem
        self.retries += 1
        if self._stop.wait(self._patience.pauses[self._failures - 1]):
            raise Stopped from problem

    def _get(self, *headers: tuple[str, str]) -> http.client.HTTPResponse:
        place = self._access.place()
        if self._connection is None or place is not self._place:
            self.close()
            self._place = place
            self._connection = Dialed(place, self._patience.io_seconds, self._stop)
        self._connection.putrequest("GET", place.target, skip_accept_encoding=True)
        for name, value in (*place.headers, *headers):
            self._connection.putheader(name, value)
        self._connection.putheader("Accept-Encoding", "identity")
        self._connection.endheaders()
        return self._connection.getresponse()

    def _close_response(self) -> None:
        """Gives up the open request; the connection lives on only if its answer was read whole."""
        response, self._response = self._response, None
        if response is not None and not response.isclosed():
            self.close()

    def _failed(self, says: str, hint: str = "") -> ReadFailed:
        server = self._place.server if self._place is not None else "the source"
        return ReadFailed(f"{server} {says}", hint or self.resumable)


def _reason(problem: Exception) -> str:
    """Why it failed, without anything that a server could put into it."""
    if isinstance(problem, BadAnswer):
        return str(problem)
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    if isinstance(problem, http.client.RemoteDisconnected):
        return "the connection was closed"
    return getattr(problem, "strerror", None) or type(problem).__name__
