"""A client of NBD servers (nbdkit, qemu-nbd, qemu-storage-daemon) over a Unix socket.

One ``NbdClient`` is one connection of one thread, with one request at a time; another thread may
interrupt it. An error of the server's (``OSError`` with its number) leaves the connection whole;
after any other error it has to be closed.
"""

import errno
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mtv.transfer.reading.nbd_wire import (
    FLAG_FLUSH,
    FLAG_MULTI_CONN,
    FLAG_WRITE_ZEROES,
    BadServer,
    Export,
    Wire,
    negotiate,
)

_REQUEST_MAGIC = 0x25609513
_SIMPLE_MAGIC = 0x67446698
_STRUCTURED_MAGIC = 0x668E33EF

_READ, _WRITE, _DISCONNECT, _FLUSH, _WRITE_ZEROES, _BLOCK_STATUS = 0, 1, 2, 3, 6, 7
_DONE = 1
_NONE, _OFFSET_DATA, _OFFSET_HOLE, _STATUS = 0, 1, 2, 5
_ERROR = 1 << 15
_STATE_ZERO = 1 << 1

_MOST_LENGTH = 1 << 30
"""Of a request without data: the protocol's limit is 32 bits."""
_MOST_STATUS_BYTES = 16 * 1024 * 1024
_MOST_ERROR_BYTES = 64 * 1024
_LEAST_CHUNK_BYTES = 512
"""Servers answer in larger chunks; smaller ones would only cost time and memory."""

_ERRNO = {
    number: number for number in (errno.EPERM, errno.EIO, errno.ENOMEM, errno.EINVAL, errno.ENOSPC)
} | {errno.EOVERFLOW: errno.EOVERFLOW, 95: errno.EOPNOTSUPP, 108: errno.ESHUTDOWN}


class Run(NamedTuple):
    """A run of bytes of the disk."""

    length: int
    zero: bool
    """It reads as zeros; else it may be anything."""


class _Chunk(NamedTuple):
    done: bool
    kind: int
    length: int


class NbdClient:
    """A connection, and once it is ``opened`` one to an export. Raises OSError when made."""

    def __init__(self, path: Path, *, io_seconds: float | None = 60.0) -> None:
        self._handle = 0
        self._wire = Wire(path, io_seconds)
        self.export: Export

    def opened(self, name: str = "") -> "NbdClient":
        """Agrees with the server on an export. Raises OSError, BadServer, ExportRefused."""
        self.export = negotiate(self._wire, name)
        return self

    @property
    def can_multi_conn(self) -> bool:
        """What one connection wrote and flushed is seen by the others."""
        return bool(self.export.flags & FLAG_MULTI_CONN)

    def read(self, view: memoryview, offset: int) -> None:
        """Fills the view with what is at ``offset``."""
        self._check(offset, len(view))
        for at in range(0, len(view), self.export.most_bytes):
            piece = view[at : at + self.export.most_bytes]
            self._request(_READ, offset + at, len(piece))
            if self.export.structured:
                self._read_chunks(piece, offset + at)
            else:
                self._simple_reply(self._magic())
                self._wire.fill(piece)

    def write(self, view: memoryview, offset: int) -> None:
        """Writes the view at ``offset``; it lasts after ``flush``."""
        self._check(offset, len(view))
        for at in range(0, len(view), self.export.most_bytes):
            piece = view[at : at + self.export.most_bytes]
            self._request(_WRITE, offset + at, len(piece), piece)
            self._acknowledged()

    def write_zeroes(self, offset: int, length: int) -> None:
        """Makes the bytes read as zeros, as a hole where the server can."""
        self._check(offset, length)
        if not self.export.flags & FLAG_WRITE_ZEROES:
            raise OSError(errno.EOPNOTSUPP, "the NBD server cannot write zeroes")
        for at in range(offset, offset + length, _MOST_LENGTH):
            self._request(_WRITE_ZEROES, at, min(_MOST_LENGTH, offset + length - at))
            self._acknowledged()

    def flush(self) -> None:
        """Makes everything durable whose write was acknowledged."""
        if not self.export.flags & FLAG_FLUSH:
            raise OSError(errno.EOPNOTSUPP, "the NBD server cannot flush")
        self._request(_FLUSH, 0, 0)
        self._acknowledged()

    def block_status(self, offset: int, length: int) -> list[Run]:
        """What is at ``offset``: at least one run, in all at most ``length`` bytes.

        Only where ``export.allocation`` is not None.
        """
        self._check(offset, length)
        length = min(length, _MOST_LENGTH)
        self._request(_BLOCK_STATUS, offset, length)
        runs = list[Run]()
        for chunk in self._chunks():
            if chunk.kind != _STATUS or runs:
                raise BadServer("its answer is not the block status that was asked for")
            runs = self._runs(chunk.length, length)
        if not runs:
            raise BadServer("its block status is empty")
        return runs

    def interrupt(self) -> None:
        """Wakes the thread that waits for the server; the connection is over then."""
        self._wire.interrupt()

    def close(self) -> None:
        """Takes leave, and closes the connection."""
        try:
            # In the middle of a handshake it is noise, and the connection ends all the same.
            self._request(_DISCONNECT, 0, 0)
        except OSError:
            pass  # the server is gone already
        finally:
            self._wire.close()

    def _check(self, offset: int, length: int) -> None:
        size, least = self.export.size_bytes, self.export.least_bytes
        if offset < 0 or length < 0 or offset + length > size or offset % least or length % least:
            raise OSError(errno.EINVAL, "that is no part of the disk")

    def _request(
        self, command: int, offset: int, length: int, data: memoryview | None = None
    ) -> None:
        self._handle += 1
        head = struct.pack("!IHHQQI", _REQUEST_MAGIC, 0, command, self._handle, offset, length)
        self._wire.send(head, *([] if data is None else [data]))

    def _magic(self) -> int:
        return self._wire.unpack("!I")[0]

    def _acknowledged(self) -> None:
        """The answer to a request that gives nothing; servers may give it in either form."""
        magic = self._magic()
        if magic == _SIMPLE_MAGIC:
            self._simple_reply(magic)
            return
        for _chunk in self._chunks(magic):
            raise BadServer("it gives data that nobody asked for")

    def _simple_reply(self, magic: int) -> None:
        error, handle = self._wire.unpack("!IQ")
        if magic != _SIMPLE_MAGIC or handle != self._handle:
            raise BadServer("it answers another request than the one that was made")
        if error:
            raise _server_error(error)

    def _chunks(self, magic: int | None = None) -> Iterator[_Chunk]:
        """Each chunk that says something, to be read by the caller; raises the error of one."""
        failed: OSError | None = None
        while True:
            magic = self._magic() if magic is None else magic
            if magic == _SIMPLE_MAGIC and failed is None:
                self._simple_reply(magic)
                raise BadServer("its answer holds nothing")
            flags, kind, handle, length = self._wire.unpack("!HHQI")
            if magic != _STRUCTURED_MAGIC or handle != self._handle or not self.export.structured:
                raise BadServer("it answers another request than the one that was made")
            if kind & _ERROR:
                failed = self._error_chunk(length)
            elif kind == _NONE:
                if length or not flags & _DONE:
                    raise BadServer("an empty part of its answer makes no sense")
            else:
                yield _Chunk(bool(flags & _DONE), kind, length)
            if flags & _DONE:
                break
            magic = None
        if failed is not None:
            raise failed

    def _error_chunk(self, length: int) -> OSError:
        if not 6 <= length <= _MOST_ERROR_BYTES:
            raise BadServer("its error makes no sense")
        payload = self._wire.take(length)
        (error,) = struct.unpack_from("!I", payload)
        return _server_error(error)

    def _read_chunks(self, view: memoryview, offset: int) -> None:
        """Fills the view; every byte has to come, and none of them twice."""
        came = list[tuple[int, int]]()
        most = 2 + len(view) // _LEAST_CHUNK_BYTES
        for chunk in self._chunks():
            if len(came) == most or chunk.length < 9:
                raise BadServer("its answer is no data of a disk")
            (start,) = self._wire.unpack("!Q")
            if chunk.kind == _OFFSET_DATA:
                length = chunk.length - 8
            elif chunk.kind == _OFFSET_HOLE and chunk.length == 12:
                (length,) = self._wire.unpack("!I")
            else:
                raise BadServer("its answer is no data of a disk")
            at = start - offset
            if at < 0 or not length or at + length > len(view):
                raise BadServer("it gives other bytes than were asked for")
            if chunk.kind == _OFFSET_DATA:
                self._wire.fill(view[at : at + length])
            else:
                view[at : at + length] = bytes(length)
            came.append((at, at + length))
        end = 0
        for start, stop in sorted(came):
            if start != end:
                raise BadServer("it gives bytes twice, or not at all")
            end = stop
        if end != len(view):
            raise BadServer("it gives fewer bytes than were asked for")

    def _runs(self, size: int, length: int) -> list[Run]:
        if not 12 <= size <= _MOST_STATUS_BYTES or size % 8 != 4:
            raise BadServer("its block status makes no sense")
        payload = self._wire.take(size)
        (context,) = struct.unpack_from("!I", payload)
        if context != self.export.allocation:
            raise BadServer("its block status is of something else")
        runs = list[Run]()
        for count, flags in struct.iter_unpack("!II", memoryview(payload)[4:]):
            if not count or not length:
                raise BadServer("its block status makes no sense")
            runs.append(Run(min(count, length), bool(flags & _STATE_ZERO)))
            length -= runs[-1].length
        return runs


def _server_error(number: int) -> OSError:
    known = _ERRNO.get(number, errno.EIO)
    return OSError(known, "the NBD server failed to do what it was asked for")
