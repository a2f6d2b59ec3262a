"""A small NBD client, which writes to a disk as the guest of a running VM does."""

import socket
import struct
from pathlib import Path

_OPTION = 0x49484156454F5054
_REQUEST, _REPLY = 0x25609513, 0x67446698
_EXPORT_NAME, _NO_ZEROES = 1, 2
_READ, _WRITE, _CLOSE, _WRITE_ZEROES = 0, 1, 2, 6


class Nbd:
    """A connection to one export, for one thread. Raises ConnectionError when the VM is off."""

    def __init__(self, path: Path | str, export: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._take(18)  # two magic numbers, flags
        name = export.encode()
        self._socket.sendall(struct.pack(">I", 1 | _NO_ZEROES))
        self._socket.sendall(struct.pack(">QII", _OPTION, _EXPORT_NAME, len(name)) + name)
        self.size_bytes = int(struct.unpack(">QH", self._take(10))[0])

    def write(self, offset: int, data: bytes) -> None:
        """Returns when the disk has it."""
        self._ask(_WRITE, offset, len(data), data)

    def zero(self, offset: int, length: int) -> None:
        """Write zeros, without sending them."""
        self._ask(_WRITE_ZEROES, offset, length)

    def read(self, offset: int, length: int) -> bytes:
        self._ask(_READ, offset, length)
        return self._take(length)

    def close(self) -> None:
        self._socket.close()

    def _ask(self, command: int, offset: int, length: int, data: bytes = b"") -> None:
        self._socket.sendall(struct.pack(">IHHQQI", _REQUEST, 0, command, 0, offset, length) + data)
        magic, error, _ = struct.unpack(">IIQ", self._take(16))
        if magic != _REPLY or error:
            raise OSError(error, "the NBD server refused")

    def _take(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            more = self._socket.recv(count - len(found))
            if not more:
                raise ConnectionError("the NBD server hung up")
            found += more
        return bytes(found)
