"""Reads pieces of a disk from a file."""

import os
import stat
import threading
import time

from mtv.errors import ReadFailed
from mtv.transfer.reading.reader import RESUMABLE, Served
from mtv.transfer.reading.throttle import Throttle

SLICE_BYTES = 1024 * 1024
"""Read in one call: between two of them the copy may stop or wait for its throttle."""


class FileReader:
    """One open file (a ``mtv.transfer.reading.reader.Reader``)."""

    retries = 0

    def __init__(self, path: str, throttle: Throttle, stop: threading.Event) -> None:
        self._path = path
        self._throttle = throttle
        self._stop = stop
        self._descriptor: int | None = None
        self._served: Served | None = None
        self.fetched_bytes = 0

    def probe(self) -> tuple[Served, float | None]:
        """Opens what is at the path now; size, inode and time of change are its identity."""
        self.close()
        found = os.fstat(self._open())
        etag = f'"{found.st_ino:x}-{found.st_mtime_ns:x}"'
        return Served(found.st_size, etag, None), time.time() - found.st_mtime

    def expect(self, served: Served) -> None:
        """From now on the file must be that one."""
        self._served = served

    def extents(self) -> None:
        """A file does not tell."""
        return

    def fill(self, view: memoryview, offset: int, end: int) -> None:
        """Fills the view with the file's bytes from ``offset`` on."""
        del end  # the kernel reads ahead by itself
        if self._descriptor is None and self.probe()[0] != self._served:
            raise self.changed()
        descriptor = self._open()
        got = 0
        while got < len(view):
            piece = view[got : got + SLICE_BYTES]
            self._throttle.take(len(piece), self._stop)
            try:
                count = os.preadv(descriptor, [piece], offset + got)
            except OSError as problem:
                raise ReadFailed(
                    f"{self._path} cannot be read at byte {offset + got}: {problem.strerror}",
                    RESUMABLE,
                ) from problem
            if not count:
                raise ReadFailed(f"{self._path} ends at byte {offset + got}, too early")
            got += count
            self.fetched_bytes += count

    def changed(self) -> ReadFailed:
        """The error for a file that is not what it was when the copy started."""
        return ReadFailed(
            f"{self._path} changed while it was copied",
            "see that nothing writes to it, then run the same command again",
        )

    def interrupt(self) -> None:
        """Nothing to wake: a file answers."""

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            try:
                # Not blocking: to open a pipe would wait for somebody who writes to it.
                flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
                self._descriptor = os.open(self._path, flags)
            except OSError as problem:
                raise ReadFailed(
                    f"{self._path} cannot be opened: {problem.strerror}",
                    "see that it is there and that you may read it",
                ) from problem
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                self.close()
                raise ReadFailed(f"{self._path} is no file")
        return self._descriptor
