"""ovirt-imageio's side of a transfer, over HTTP: whether it can be reached, where there is data.

It listens on the host that reads the disk (54322), and beside the engine as a proxy to all hosts
(54323). The bytes are ``mtv.transfer``'s.
"""

import http.client
import re
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from mtv import tls
from mtv.errors import SourceError, Unreachable, UntrustedTls
from mtv.model.disk import Extent, HttpLocation, TlsTrust

REACH_SECONDS = 10.0
"""How long to wait for a host, which a firewall may hide, before the proxy is taken."""

IO_SECONDS = 120.0
"""For an answer: a host looks through the whole chain of a disk before it lists extents."""

_MOST_BYTES = 1 << 29
"""Of a list of extents."""

_CUTS = 3

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

    def blocks(self, context: Context) -> Sequence[Block] | None:
        """What the daemon tells of the disk; None where it can't tell that.

        In order and whole: what a list leaves out would be taken for zeros, or for unchanged.
        Raises Refusal, Unreachable, SourceError.
        """
        text = self._get(f"/extents?context={context}")
        if text is None:
            return None
        try:
            found = msgspec.json.decode(text, type=list[Block])
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise SourceError(
                f"{self._server} gives a list of extents that cannot be read"
            ) from problem
        self._must_be_whole(found, context)
        return found

    def _must_be_whole(self, blocks: Sequence[Block], context: Context) -> None:
        size_bytes, end = self._size_bytes(), 0
        for block in blocks:
            told = context == "zero" or block.dirty is not None
            if block.start != end or block.length < 1 or not told:
                break
            end += block.length
        if end != size_bytes:
            raise SourceError(
                f"{self._server} gives a list of extents that is not of the whole disk: of "
                f"{size_bytes} bytes it goes on for {end}",
                "run the same command again; if it is the same then, look at ovirt-imageio's log "
                "on that host",
            )

    def _size_bytes(self) -> int:
        """Size of what the ticket is for: a layer may be smaller than its disk is now."""
        _, headers = self._request("GET", "", {"Range": "bytes=0-0"})
        match = _RANGE.match(headers.get("Content-Range", ""))
        if match is None:
            raise SourceError(f"{self._server} does not tell how large the disk is")
        return int(match[1])

    def alive(self) -> bool:
        """Whether the ticket is good. Raises Unreachable, SourceError."""
        try:
            self._request("OPTIONS", "")
        except Refusal:
            return False
        return True

    def _get(self, below: str) -> bytes | None:
        for left in reversed(range(_CUTS)):
            try:
                return self._request("GET", below)[0]
            except Unreachable:
                if not left:
                    raise
        raise AssertionError

    def _request(
        self, verb: str, below: str, headers: Mapping[str, str] = {}
    ) -> tuple[bytes | None, http.client.HTTPMessage]:
        """Body and headers of the answer; no body where there is no such thing."""
        url = urlsplit(self.url)
        host, port = url.hostname or "", url.port or 443
        context = tls.trusted_context(self.trust, host, port)
        connection = http.client.HTTPSConnection(host, port, timeout=IO_SECONDS, context=context)
        try:
            connection.request(verb, url.path + below, headers=dict(headers))
            response = connection.getresponse()
            if response.status in (401, 403):
                raise Refusal
            if response.status == http.client.NOT_FOUND:
                return None, response.headers
            if response.status not in (http.client.OK, http.client.PARTIAL_CONTENT):
                raise SourceError(f"{self._server} does not tell of the disk ({response.status})")
            text = response.read(_MOST_BYTES)
            if len(text) == _MOST_BYTES:
                raise SourceError(f"{self._server} gives a list of extents without an end")
        except ssl.SSLCertVerificationError as problem:
            raise tls.untrusted(host, port, problem) from problem
        except (OSError, http.client.HTTPException) as problem:
            raise tls.unreachable(host, port, problem) from problem
        else:
            return text, response.headers
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


def data(blocks: Iterable[Block]) -> list[Extent]:
    """Where there is data, which is all that does not read as zeros."""
    return _joined(block for block in blocks if not block.zero)


def dirty(blocks: Iterable[Block]) -> list[Extent]:
    """What was written to since the checkpoint, zeros too."""
    return _joined(block for block in blocks if block.dirty)


def own(blocks: Iterable[Block]) -> list[Extent]:
    """What the layer that is read holds itself, zeros too; the rest is as it is below it."""
    return _joined(block for block in blocks if not block.hole)


def _joined(blocks: Iterable[Block]) -> list[Extent]:
    found: list[Extent] = []
    for block in blocks:
        if found and found[-1].offset + found[-1].length == block.start:
            found[-1] = Extent(found[-1].offset, found[-1].length + block.length)
        else:
            found.append(Extent(block.start, block.length))
    return found


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
