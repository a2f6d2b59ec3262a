"""Reads pieces of a disk over HTTP(S) range requests, and checks every answer.

One ``RangeReader`` is one connection of one thread. It keeps one request open as long as what is
wanted next is what comes next, so that a piece is one request however small the buffer. What
breaks off is asked for again from where it broke.
"""

import email.utils
import http.client
import re
import threading

from mtv.errors import ReadFailed
from mtv.transfer.reading.access import Access
from mtv.transfer.reading.getter import BadAnswer, Getter, Patience, Refused
from mtv.transfer.reading.reader import Served
from mtv.transfer.reading.throttle import Throttle

SLICE_BYTES = 256 * 1024
"""Read in one call. What a broken connection delivered of a slice is lost."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})\Z")


class RangeReader(Getter):
    """One connection to the source (a ``mtv.transfer.reading.reader.Reader``)."""

    def __init__(
        self, access: Access, throttle: Throttle, stop: threading.Event, patience: Patience
    ) -> None:
        super().__init__(access, throttle, stop, patience)
        self._position = 0
        self._served: Served | None = None

    def probe(self) -> tuple[Served, float | None]:
        """Asks for one byte (some servers break at HEAD): what the server says about the disk.

        The second value is how many seconds ago the disk was last changed, by the server's own
        clock; None where it does not tell. Raises ReadFailed.
        """
        self._start_over()
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
        self._start_over()
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
        self._throttle.take(len(view), self._stop)
        count = self._response.readinto(view)
        if not count:
            raise BadAnswer("the answer ended early")
        self._position += count
        self.fetched_bytes += count
        self._goes_on(count)
        if self._position >= end:
            self._close_response()
        return count

    def _request(self, offset: int, end: int) -> http.client.HTTPResponse:
        return self._get(("Range", f"bytes={offset}-{end - 1}"))

    def _checked(self, response: http.client.HTTPResponse, offset: int, end: int) -> Served:
        """Whether the answer is what was asked for; nothing in it is believed before."""
        if response.status in (401, 403):
            raise Refused(f"status {response.status}")
        if response.status == 429 or response.status >= 500:
            raise BadAnswer(f"status {response.status}")
        if response.status == 200:
            raise self._failed("does not give parts of the disk (range requests)")
        if response.status != 206:
            raise self._failed(f"does not give the disk (status {response.status})")
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise self._failed("gives the disk in an encoding that was not asked for")
        match = _CONTENT_RANGE.match(response.getheader("Content-Range", ""))
        if match is None or (int(match[1]), int(match[2])) != (offset, end - 1):
            raise BadAnswer("it gives other bytes than were asked for")
        if response.length is not None and response.length != end - offset:
            raise BadAnswer("it gives another number of bytes than were asked for")
        etag, last_modified = response.getheader("ETag"), response.getheader("Last-Modified")
        return Served(int(match[3]), etag, last_modified)


def _age(response: http.client.HTTPResponse) -> float | None:
    try:
        now = email.utils.parsedate_to_datetime(response.getheader("Date", ""))
        then = email.utils.parsedate_to_datetime(response.getheader("Last-Modified", ""))
        return (now - then).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
