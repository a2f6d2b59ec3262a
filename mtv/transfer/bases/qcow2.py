"""A base in QEMU's qcow2, written and read by QEMU's own storage daemon over NBD.

    Base ──NBD, a connection for each thread──> qemu-storage-daemon ──qcow2──> the file

QEMU orders its tables and its data so that a crash never leaves a table that names what was not
written; a flush that returned covers all that was acknowledged before, on every connection. What
the file says of other files is never followed: its header is looked at first, by ourselves, and
the daemon is told that there is no backing file.
"""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from mtv.errors import MtvError, ProgramFailed, TransferError
from mtv.images.image import BadImage
from mtv.images.qcow2 import Qcow2
from mtv.model.disk import GRAIN_BYTES
from mtv.process import find, run
from mtv.transfer.bases.base import Base, MayWrite
from mtv.transfer.bases.qcow2_daemon import (
    NotOpened,
    ServedImage,
    as_os_errors,
    once_unlocked,
)
from mtv.transfer.reading.nbd import NbdClient

_CREATE_SECONDS = 120.0
_SECTOR_BYTES = 512
_LOOK_BYTES = 1 << 30


class Qcow2Base(Base):
    """A file. Raises TransferError when it is none."""

    def __init__(
        self, path: Path, descriptor: int, capacity_bytes: int, may_write: MayWrite
    ) -> None:
        """``descriptor`` is closed with it."""
        super().__init__(path, capacity_bytes, may_write)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise TransferError(
                f"{path} is a block device: those are written raw",
                "write 'format: raw' under target.local in mtv.yaml",
            )
        self._descriptor = descriptor
        self.inode = found.st_ino
        self.size_bytes = capacity_bytes if self._is_whole() else 0
        self._lock = threading.Lock()
        self._disk: ServedImage | None = None

    @property
    def changed_ns(self) -> int:
        """When the file was last written."""
        return os.fstat(self._descriptor).st_mtime_ns

    def blank(self) -> bool:
        """Makes an empty image, in the same file."""
        self._close_disk()
        size = -(-self.capacity_bytes // _SECTOR_BYTES) * _SECTOR_BYTES
        argv = [find("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", "--"]
        argv += [str(self.path.absolute()), str(size)]

        def made() -> None:
            self.may_write()
            try:
                run(argv, timeout_seconds=_CREATE_SECONDS, env={"LC_ALL": "C"})
            except ProgramFailed as problem:
                if os.strerror(errno.ENOSPC) in problem.message:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from problem
                raise NotOpened([problem.message]) from problem

        once_unlocked(self.path, made)
        os.fsync(self._descriptor)
        self.size_bytes = self.capacity_bytes
        return True

    def read(self, offset: int, length: int) -> bytearray:
        """What stands there, as QEMU has it."""
        data = bytearray(length)
        with as_os_errors():
            self._served().client().read(memoryview(data), offset)
        return data

    def clear(self, offset: int, length: int) -> None:
        """Gives the clusters back to the file."""
        self.may_write()
        with as_os_errors():
            self._served().client().write_zeroes(offset, length)

    def sync(self) -> None:
        """Flushes: also the tables that say where the data is."""
        if self._disk is None:
            os.fdatasync(self._descriptor)
            return
        with as_os_errors():
            self._disk.client().flush()

    def sync_times(self) -> None:
        """And the file's own times, when QEMU has closed it and changes them no more."""
        self.sync()
        self._close_disk()
        os.fsync(self._descriptor)

    @contextlib.contextmanager
    def on_disk(self) -> Iterator["_OnDisk"]:
        """Read by a daemon of its own, which has none of the tables in memory.

        The one that writes is ended first: then QEMU's lock tells of others that have it open.
        """
        self.sync_times()
        served = ServedImage(self.path, self._descriptor, writable=False)
        try:
            yield _OnDisk(served, self.capacity_bytes)
        finally:
            served.close()

    def close(self) -> None:
        """Ends the daemon, which writes the rest of its tables if it still may write."""
        try:
            self._close_disk()
        finally:
            os.close(self._descriptor)

    def _write_all(self, view: memoryview, offset: int) -> None:
        client = self._served().client()
        for at in range(0, len(view), GRAIN_BYTES):
            self.may_write()
            with as_os_errors():
                client.write(view[at : at + GRAIN_BYTES], offset + at)

    def _is_whole(self) -> bool:
        """Whether the file is an image of the disk's size that stands for itself."""
        length = os.fstat(self._descriptor).st_size
        try:
            image = Qcow2(lambda at, count: os.pread(self._descriptor, count, at), length)
        except BadImage:
            return False  # empty, or torn in the middle of ``blank``: it is made anew
        beyond: int = image.size_bytes - self.capacity_bytes
        return 0 <= beyond < _SECTOR_BYTES

    def _served(self) -> "ServedImage":
        with self._lock:
            if self._disk is None:
                self._disk = ServedImage(self.path, self._descriptor, writable=True)
            return self._disk

    def _close_disk(self) -> None:
        disk, self._disk = self._disk, None
        if disk is None:
            return
        try:
            self.may_write()
        except MtvError:
            disk.close(gently=False)
        else:
            disk.close()


class _OnDisk:
    def __init__(self, served: "ServedImage", capacity_bytes: int) -> None:
        self._served = served
        self._capacity = capacity_bytes

    def data(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """By the tables of the image."""
        start = end = first
        at = first
        while at < last:
            with as_os_errors():
                runs = self._served.client().block_status(at, min(last - at, _LOOK_BYTES))
            for run_ in runs:
                here, at = at, at + run_.length
                if run_.zero:
                    continue
                here = max(first, here - here % GRAIN_BYTES)
                if here > end:
                    if end > start:
                        yield start, end
                    start = here
                end = max(end, min(last, -(-at // GRAIN_BYTES) * GRAIN_BYTES))
        if end > start:
            yield start, end

    @contextlib.contextmanager
    def opened(self) -> Iterator["_Uncached"]:
        """With a connection of its own."""
        yield _Uncached(self._served.client())


class _Uncached:
    def __init__(self, client: NbdClient) -> None:
        self._client = client

    def fill(self, view: memoryview, offset: int, length: int) -> None:
        with as_os_errors():
            self._client.read(view[:length], offset)
