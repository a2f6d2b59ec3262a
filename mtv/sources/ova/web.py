"""Packages on a web server: one .ova or .ovf by its url, or the links of an index page."""

import base64
import http.client
import re
import ssl
from collections.abc import Sequence
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urljoin, urlsplit

from mtv.config import resolve
from mtv.errors import LoginFailed, SourceError
from mtv.model.disk import HttpLocation, Part
from mtv.sources.ova.shelf import SUFFIXES
from mtv.tasks import Connection
from mtv.tls import CONNECT_SECONDS, trusted_context, unreachable, untrusted

_LARGEST_PAGE_BYTES = 4 * 1024 * 1024
_AHEAD_BYTES = 64 * 1024
"""Headers of an archive stand near each other: what is near comes with the same answer."""
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})\Z")


class WebFile:
    """A file of a web server that answers range requests (a ``StoredFile``)."""

    def __init__(self, shelf: "WebShelf", name: str) -> None:
        self.name = name
        self._shelf = shelf
        self._block: tuple[int, bytes] = (0, b"")
        self._block, self.size_bytes = self._get(0, _AHEAD_BYTES)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly so many bytes."""
        start, data = self._block
        if not start <= offset <= offset + length <= start + len(data):
            self._block, size = self._get(offset, max(length, _AHEAD_BYTES))
            start, data = self._block
            if size != self.size_bytes:
                raise SourceError(f"{self.name} changed while it was read")
        wanted = data[offset - start : offset - start + length]
        if len(wanted) != length:
            raise SourceError(f"{self.name} ends too early, at byte {start + len(data)}")
        return wanted

    def location(self, part: Part) -> HttpLocation:
        """The url, with the login."""
        shelf = self._shelf
        return HttpLocation(
            url=shelf.url_of(self.name), headers=shelf.login(), tls=shelf.connection.tls, part=part
        )

    def renew(self) -> None:
        """There is but one login."""
        raise self._shelf.refused()

    def _get(self, offset: int, length: int) -> tuple[tuple[int, bytes], int]:
        """What is there at an offset, and the size of the whole."""
        if offset and offset >= self.size_bytes:
            raise SourceError(f"{self.name} ends too early, at byte {self.size_bytes}")
        wanted = f"bytes={offset}-{offset + length - 1}"
        status, headers, data = self._shelf.get(self._shelf.url_of(self.name), length, wanted)
        if status == 404:
            raise SourceError(f"{self.name} is not there") from FileNotFoundError(self.name)
        match = _CONTENT_RANGE.match(headers.get("content-range", ""))
        if status != 206 or match is None or int(match[1]) != offset:
            raise SourceError(
                f"{self._shelf.server} does not give parts of {self.name} (status {status})",
                "it has to answer range requests; or fetch the file and give its path",
            )
        return (offset, data), int(match[3])


class WebShelf:
    """A url of one package or of a page that links to some (a ``Shelf``)."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        url = urlsplit(connection.url or "")
        self._host, self._port = url.hostname or "", url.port or 443
        self.server = f"{self._host}:{self._port}"
        self._path = url.path or "/"
        self._base = f"https://{url.netloc}{self._path.rpartition('/')[0]}/"
        self._single = unquote(self._path.rpartition("/")[2]) if self._is_package() else None
        self.title = connection.url or ""
        self._context: ssl.SSLContext | None = None

    def names(self) -> tuple[Sequence[str], Sequence[str]]:
        """The one package, or those that the page links to and that are beside it or below it."""
        if self._single is not None:
            return [self._single], []
        page = _Links()
        url = f"https://{self.server}{self._path}"
        status, _, data = self.get(url, _LARGEST_PAGE_BYTES)
        if status != 200:
            raise SourceError(
                f"{self.server} does not give the page (status {status})",
                "url names an .ova or .ovf file, or a page with links to some",
            )
        page.feed(data.decode("utf-8", "replace"))
        names = set[str]()
        for link in page.links:
            try:
                target = urlsplit(urljoin(self._base, link))
                here = urlsplit(self._base)
            except ValueError:
                continue
            name = unquote(target.path.removeprefix(here.path))
            inside = target[:2] == here[:2] and target.path.startswith(here.path)
            if inside and name.lower().endswith(SUFFIXES) and _is_plain(name):
                names.add(name)
        return sorted(names), []

    def file(self, name: str) -> WebFile:
        """A file below the url's folder."""
        return WebFile(self, name)

    def url_of(self, name: str) -> str:
        """The url of a file."""
        return self._base + quote(name)

    def login(self) -> tuple[tuple[str, str], ...]:
        """The header with user and password, where there are some."""
        connection = self.connection
        if connection.username is None:
            return ()
        password = resolve(connection.password, f"password of {connection.name}")
        word = base64.b64encode(f"{connection.username}:{password}".encode()).decode()
        return (("Authorization", f"Basic {word}"),)

    def refused(self) -> LoginFailed:
        """The error for a server that does not let us in."""
        return LoginFailed(
            f"{self.server} refused the user name or password",
            f"see username and password of sources.{self.connection.name} in mtv.yaml",
        )

    def get(
        self, url: str, most: int, wanted: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer of at most so many bytes.

        Raises SourceError; a redirection is an answer like any other: it may lead anywhere.
        """
        if self._context is None:
            self._context = trusted_context(self.connection.tls, self._host, self._port)
        headers = dict(self.login()) | {"Accept-Encoding": "identity"}
        if wanted:
            headers["Range"] = wanted
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=CONNECT_SECONDS, context=self._context
        )
        parts = urlsplit(url)
        try:
            connection.request("GET", parts.path, headers=headers)
            answer = connection.getresponse()
            if answer.status in (401, 403):
                raise self.refused()
            data = answer.read(most + 1) if answer.status in (200, 206) else b""
            if wanted and answer.status == 200:
                data = b""
        except ssl.SSLCertVerificationError as problem:
            raise untrusted(self._host, self._port, problem) from problem
        except (OSError, http.client.HTTPException) as problem:
            raise unreachable(self._host, self._port, problem) from problem
        finally:
            connection.close()
        if len(data) > most:
            raise SourceError(f"{self.server} gives more than {most} bytes for {parts.path}")
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, data

    def _is_package(self) -> bool:
        return self._path.lower().endswith(SUFFIXES)


class _Links(HTMLParser):
    """The targets of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.links = list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A link."""
        if tag == "a":
            self.links += [value for key, value in attrs if key == "href" and value]


def _is_plain(name: str) -> bool:
    return name.isprintable() and not {"", ".", ".."} & set(name.split("/"))
