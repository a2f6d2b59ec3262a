"""NBD as bytes: a Unix socket, the fixed newstyle handshake, and checks of all that comes.

After https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md. Nothing that a server
sends is believed: lengths are bounded before anything of that length is read.
"""

import contextlib
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

ALLOCATION = "base:allocation"

FLAG_FLUSH = 1 << 2
FLAG_WRITE_ZEROES = 1 << 6
FLAG_MULTI_CONN = 1 << 8

_MAGIC = 0x4E42444D41474943
_OPTION_MAGIC = 0x49484156454F5054
_OPTION_REPLY_MAGIC = 0x3E889045565A9
_FIXED_NEWSTYLE = 1
_NO_ZEROES = 2

_OPT_GO = 7
_OPT_STRUCTURED_REPLY = 8
_OPT_SET_META_CONTEXT = 10
_REP_ACK = 1
_REP_INFO = 3
_REP_META_CONTEXT = 4
_REP_ERROR = 1 << 31
_INFO_EXPORT = 0
_INFO_BLOCK_SIZE = 3

_MOST_REPLY_BYTES = 64 * 1024
_MOST_REPLIES = 64
_MOST_DISK_BYTES = 1 << 62
DEFAULT_MOST_BYTES = 32 * 1024 * 1024
"""What a server takes in one request that says nothing of it."""


class BadServer(Exception):
    """A server broke the protocol; what the connection gives afterwards means nothing."""


class ExportRefused(Exception):
    """The server does not give the export."""


@dataclass(frozen=True)
class Export:
    """What a server says of the disk it gives."""

    size_bytes: int
    flags: int
    least_bytes: int
    """Offsets and lengths are multiples of it."""
    most_bytes: int
    """Of one request's data."""
    structured: bool
    allocation: int | None
    """Id of the context ``base:allocation``; None where the server does not tell."""


class Wire:
    """A connected socket that gives exactly what was asked for, or an error."""

    def __init__(self, path: Path, io_seconds: float | None) -> None:
        """Raises OSError. ``io_seconds``: how long the server may be silent; None: for ever."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(io_seconds)
            self._socket.connect(os.fspath(path))
        except BaseException:
            self._socket.close()
            raise

    def send(self, *parts: bytes | memoryview) -> None:
        """Sends all of it."""
        for part in parts:
            self._socket.sendall(part)

    def fill(self, view: memoryview) -> None:
        """Fills the view. Raises ConnectionResetError when the server goes away before."""
        while view:
            count = self._socket.recv_into(view)
            if not count:
                raise ConnectionResetError("the server closed the connection")
            view = view[count:]

    def take(self, length: int) -> bytearray:
        """So many bytes; the caller has bounded the number."""
        data = bytearray(length)
        self.fill(memoryview(data))
        return data

    def unpack(self, form: str) -> tuple[int, ...]:
        """Numbers, as ``struct`` describes them."""
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def interrupt(self) -> None:
        """Wakes the thread that waits for the server, from another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()


def negotiate(wire: Wire, name: str) -> Export:
    """The handshake. Raises ExportRefused, BadServer, OSError."""
    magic, option_magic, offered = wire.unpack("!QQH")
    if (magic, option_magic) != (_MAGIC, _OPTION_MAGIC) or not offered & _FIXED_NEWSTYLE:
        raise BadServer("it does not speak NBD's fixed newstyle")
    wire.send(struct.pack("!I", _FIXED_NEWSTYLE | (offered & _NO_ZEROES)))
    structured = _ask(wire, _OPT_STRUCTURED_REPLY, b"") is not None
    allocation = _meta_context(wire, name) if structured else None
    return _go(wire, name, structured, allocation)


def _meta_context(wire: Wire, name: str) -> int | None:
    query = ALLOCATION.encode()
    data = _counted(name.encode()) + struct.pack("!I", 1) + _counted(query)
    found = None
    for kind, payload in _ask(wire, _OPT_SET_META_CONTEXT, data) or []:
        if kind == _REP_META_CONTEXT and len(payload) >= 4 and payload[4:] == query:
            (found,) = struct.unpack_from("!I", payload)
    return found


def _go(wire: Wire, name: str, structured: bool, allocation: int | None) -> Export:
    asked = struct.pack("!HH", 1, _INFO_BLOCK_SIZE)
    replies = _ask(wire, _OPT_GO, _counted(name.encode()) + asked)
    if replies is None:
        raise ExportRefused("it does not give the disk")
    size = flags = None
    least, most = 1, DEFAULT_MOST_BYTES
    for kind, payload in replies:
        if kind != _REP_INFO or len(payload) < 2:
            continue
        (info,) = struct.unpack_from("!H", payload)
        if info == _INFO_EXPORT and len(payload) == 12:
            size, flags = struct.unpack_from("!QH", payload, 2)
        elif info == _INFO_BLOCK_SIZE and len(payload) == 14:
            least, _preferred, most = struct.unpack_from("!III", payload, 2)
    if size is None or flags is None or size > _MOST_DISK_BYTES:
        raise BadServer("it does not say how large the disk is")
    if least < 1 or least & (least - 1) or least > 64 * 1024 or most < least:
        raise BadServer("its block sizes make no sense")
    most = min(most, DEFAULT_MOST_BYTES) // least * least
    return Export(size, flags, least, most, structured, allocation)


def _ask(wire: Wire, option: int, data: bytes) -> list[tuple[int, bytes]] | None:
    """What the server answers to an option before it agrees; None when it does not."""
    wire.send(struct.pack("!QII", _OPTION_MAGIC, option, len(data)), data)
    replies = list[tuple[int, bytes]]()
    while len(replies) < _MOST_REPLIES:
        magic, answered, kind, length = wire.unpack("!QIII")
        if magic != _OPTION_REPLY_MAGIC or answered != option or length > _MOST_REPLY_BYTES:
            raise BadServer("its answer to an option makes no sense")
        payload = bytes(wire.take(length))
        if kind & _REP_ERROR:
            return None
        if kind == _REP_ACK:
            return replies
        replies.append((kind, payload))
    raise BadServer("its answer to an option does not end")


def _counted(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data
