"""The way to a source's disk, shared by all connections."""

import ssl
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mtv.errors import ReadFailed
from mtv.model.disk import DiskSource, FileLocation, Location, NbdLocation, TlsTrust
from mtv.tls import trusted_context


@dataclass(frozen=True)
class Place:
    """A location, taken apart. Neither path nor headers are ever shown: both may hold secrets."""

    host: str
    port: int
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    context: ssl.SSLContext | None
    """None for plain HTTP."""

    @property
    def server(self) -> str:
        """``host:port``, for messages."""
        return f"{self.host}:{self.port}"


class Access:
    """Asks the source where to read, once, and again after a renewal."""

    def __init__(self, source: DiskSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._location: Location | None = None
        self._place: Place | None = None
        self._context: tuple[tuple[TlsTrust, str, int], ssl.SSLContext] | None = None

    def location(self) -> Location:
        """What kind of place the disk is at. Raises SourceError."""
        with self._lock:
            if self._location is None:
                self._location = self._source.location()
            return self._location

    def place(self) -> Place:
        """Where to read now, over HTTP. Raises SourceError, ConfigError or Unreachable."""
        with self._lock:
            if self._place is None:
                self._place = self._ask()
            return self._place

    def renew(self, refused: Place) -> None:
        """Has the source log in again, unless another connection just did that.

        Raises SourceError when it can't.
        """
        with self._lock:
            if self._place is refused:
                self._source.renew()
                self._place = self._location = None

    def renew_location(self, failed: Location) -> None:
        """Has the source mend a place that is not reached by HTTP, unless that was just done.

        Raises SourceError when it can't.
        """
        with self._lock:
            if self._location is failed:
                self._source.renew()
                self._location = None

    def _ask(self) -> Place:
        location = self._location or self._source.location()
        self._location = location
        if isinstance(location, FileLocation | NbdLocation):
            raise ReadFailed("the source gave a file or socket where it gave an address before")
        url = urlsplit(location.url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ReadFailed("the source gives an address that is neither http nor https")
        tls = url.scheme == "https"
        host, port = url.hostname, url.port or (443 if tls else 80)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        context = self._trusted(location.tls, host, port) if tls else None
        return Place(host, port, target, location.headers, context)

    def _trusted(self, tls: TlsTrust, host: str, port: int) -> ssl.SSLContext:
        key = (tls, host, port)
        if self._context is None or self._context[0] != key:
            self._context = (key, trusted_context(tls, host, port))
        return self._context[1]
