"""ovirt-imageio's side of a transfer, over HTTP: whether it can be reached, where there is data.

It listens on the host that reads the disk (54322), and beside the engine as a proxy to all hosts
(54323). The bytes are ``mtv.transfer``'s.
"""

import http.client
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from mtv import tls
from mtv.errors import SourceError, Unreachable, UntrustedTls
from mtv.extents import Extents
from mtv.model.disk import Extent, HttpLocation, TlsTrust

T = TypeVar("T")

HOST_PORT, PROXY_PORT = 54322, 54323
"""As it comes; the engine says for each transfer what they really are."""

REACH_SECONDS = 10.0
"""How long to wait for a host, which a firewall may hide, before the proxy is taken."""

IO_SECONDS = 120.0
"""For an answer: a host looks through the whole chain of a disk before it lists extents."""

_CUTS = 3

_PIECE_BYTES = 256 * 1024
"""Of a list of extents so much is in memory at a time: it may be of a million parts."""

_ANSWERS = (http.client.OK, http.client.PARTIAL_CONTENT, http.client.NOT_FOUND)

_RANGE = re.compile(r"bytes 0-0/([0-9]{1,19})\Z")


class Refusal(Exception):
    """401 or 403: the ticket has expired or was taken away."""


class Block(msgspec.Struct, frozen=True):
    """A run of bytes of a disk as the daemon tells of it."""

    start: int
    length: int
    zero: bool
    """It reads as zeros."""
    hole: bool = False
    """The image that is read says nothing of it; what is below, or zeros, shows.

    Hosts that cannot tell say so of nothing.
    """
    dirty: bool | None = None
    """It was written to since the checkpoint. Told only where that was asked for."""


Context = Literal["zero", "dirty"]


@dataclass(frozen=True)
class Daemon:
    """A daemon that was reached, and one ticket of it. The URL is a secret while it lasts."""

    url: str = field(repr=False)
    trust: TlsTrust

    def location(self) -> HttpLocation:
        """Where the bytes are."""
        return HttpLocation(url=self.url, headers=(), tls=self.trust)

    def extents(self, context: Context, wanted: Callable[[Block], bool]) -> Extents | None:
        """Where there are blocks that are ``wanted``; None where the daemon can't tell.

        The list must be in order and whole: what it leaves out would be taken for zeros, or for
        unchanged. Raises Refusal, Unreachable, SourceError.
        """
        size_bytes = self._size_bytes()

        def take(response: http.client.HTTPResponse) -> Extents | None:
            if response.status == http.client.NOT_FOUND:
                return None
            blocks = self._whole(self._blocks(response), context, size_bytes)
            return Extents(Extent(one.start, one.length) for one in blocks if wanted(one))

        for left in reversed(range(_CUTS)):
            try:
                return self._ask("GET", f"/extents?context={context}", {}, take)
            except Unreachable:
                if not left:
                    raise
        raise AssertionError

    def _blocks(self, response: http.client.HTTPResponse) -> Iterator[Block]:
        """The blocks as the text of their list comes. Its objects hold no others."""
        rest = b""
        try:
            while piece := response.read(_PIECE_BYTES):
                rest += piece
                end = rest.rfind(b"}") + 1
                if end:
                    whole = b"[" + rest[:end].lstrip(b"[, \t\r\n") + b"]"
                    yield from msgspec.json.decode(whole, type=list[Block])
                    rest = rest[end:]
                if len(rest) > _PIECE_BYTES:
                    break
            if rest.strip() not in (b"]", b"[]"):
                raise msgspec.DecodeError("its end is missing")
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise SourceError(
                f"{self._server} gives a list of extents that cannot be read"
            ) from problem

    def _whole(self, blocks: Iterator[Block], context: Context, size_bytes: int) -> Iterator[Block]:
        """The same; raises SourceError where they are not one after the other, and all."""
        end = 0
        for block in blocks:
            told = context == "zero" or block.dirty is not None
            if block.start != end or not 0 < block.length <= size_bytes - end or not told:
                break
            yield block
            end += block.length
        else:
            if end == size_bytes:
                return
        raise SourceError(
            f"{self._server} gives a list of extents that is not of the whole disk: of "
            f"{size_bytes} bytes it goes on for {end}",
            "run the same command again; if it is the same then, look at ovirt-imageio's log "
            "on that host",
        )

    def _size_bytes(self) -> int:
        """Size of what the ticket is for: a layer may be smaller than its disk is now."""

        def take(response: http.client.HTTPResponse) -> int:
            match = _RANGE.match(response.headers.get("Content-Range", ""))
            if match is None:
                raise SourceError(f"{self._server} does not tell how large the disk is")
            return int(match[1])

        return self._ask("GET", "", {"Range": "bytes=0-0"}, take)

    def alive(self) -> bool:
        """Whether the ticket is good. Raises Unreachable, SourceError."""
        try:
            self._ask("OPTIONS", "", {}, lambda _: None)
        except Refusal:
            return False
        return True

    def _ask(
        self,
        verb: str,
        below: str,
        headers: Mapping[str, str],
        take: Callable[[http.client.HTTPResponse], T],
    ) -> T:
        """What ``take`` makes of the answer, which may be that there is no such thing (404)."""
        url = urlsplit(self.url)
        host, port = url.hostname or "", url.port or 443
        context = tls.trusted_context(self.trust, host, port)
        connection = http.client.HTTPSConnection(host, port, timeout=IO_SECONDS, context=context)
        try:
            connection.request(verb, url.path + below, headers=dict(headers))
            response = connection.getresponse()
            if response.status in (401, 403):
                raise Refusal
            if response.status not in _ANSWERS:
                raise SourceError(f"{self._server} does not tell of the disk ({response.status})")
            return take(response)
        except ssl.SSLCertVerificationError as problem:
            raise tls.untrusted(host, port, problem) from problem
        except (OSError, http.client.HTTPException) as problem:
            raise tls.unreachable(host, port, problem) from problem
        finally:
            connection.close()

    @property
    def _server(self) -> str:
        url = urlsplit(self.url)
        return f"{url.hostname}:{url.port or 443}"


def reach(url: str, trusts: Iterable[TlsTrust]) -> Daemon:
    """The daemon at a URL, by the first trust that its certificate stands up to.

    Raises Unreachable, UntrustedTls, SourceError.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise SourceError(
            f"the engine sends us to {parts.hostname} without TLS",
            "turn TLS on in ovirt-imageio's configuration: disks do not travel in the open",
        )
    host, port = parts.hostname, parts.port or 443
    untrusted: UntrustedTls | None = None
    for trust in trusts:
        try:
            _shake_hands(host, port, tls.trusted_context(trust, host, port))
        except UntrustedTls as problem:
            untrusted = untrusted or problem
        else:
            return Daemon(url, trust)
    raise untrusted or SourceError(f"there is nothing to trust {host}:{port} by")


def has_data(block: Block) -> bool:
    """All that does not read as zeros."""
    return not block.zero


def is_dirty(block: Block) -> bool:
    """It was written to since the checkpoint, zeros too."""
    return bool(block.dirty)


def is_own(block: Block) -> bool:
    """The layer that is read holds it itself, zeros too; the rest is as it is below."""
    return not block.hole


def _shake_hands(host: str, port: int, context: ssl.SSLContext) -> None:
    try:
        with (
            socket.create_connection((host, port), timeout=REACH_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            pass
    except ssl.SSLCertVerificationError as problem:
        raise tls.untrusted(host, port, problem) from problem
    except OSError as problem:
        raise tls.unreachable(host, port, problem) from problem
