"""The base: the file or block device that a disk is copied to, written with its holes.

What is whole pages is written past the page cache: nobody reads it there again, and what else is
in memory stays. It takes half of a copy's processor time away, where memory is given by a host.
"""

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from mtv.errors import TargetFull, TransferError
from mtv.transfer.beside import sync_directory
from mtv.transfer.pages import on_pages

GRANULE_BYTES = 64 * 1024
"""Zeros are left out in runs of this size: measured, it keeps real disks as sparse as they are."""

MayWrite = Callable[[], None]

_ZERO_GRANULE = bytearray(GRANULE_BYTES)
_PUNCH_HOLE_KEEP_SIZE = 0x03
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class Base:
    """An open base. Made by ``open_base``."""

    def __init__(
        self, path: Path, descriptor: int, capacity_bytes: int, may_write: MayWrite
    ) -> None:
        self.path = path
        self.may_write = may_write
        self.capacity_bytes = capacity_bytes
        self._descriptor = descriptor
        self._direct = _opened_directly(descriptor)
        self._can_go_direct = self._direct is not None
        self._can_punch = True
        found = os.fstat(descriptor)
        self.is_device = stat.S_ISBLK(found.st_mode)
        self.size_bytes = os.lseek(descriptor, 0, os.SEEK_END)
        self.inode = 0 if self.is_device else found.st_ino

    @property
    def changed_ns(self) -> int:
        """When a file was last written; a device does not tell."""
        return 0 if self.is_device else os.fstat(self._descriptor).st_mtime_ns

    def blank(self) -> bool:
        """Empties a file so that all of it reads as zeros; False for a device, which stays."""
        if self.is_device:
            return False
        self.may_write()
        os.ftruncate(self._descriptor, 0)
        os.ftruncate(self._descriptor, self.capacity_bytes)
        self.size_bytes = self.capacity_bytes
        return True

    def write(self, buffer: bytearray, start: int, end: int, offset: int, *, blank: bool) -> int:
        """Writes ``buffer[start:end]`` at ``offset``; gives the bytes written, holes left out.

        ``blank`` says that the base reads as zeros there; otherwise holes are made first.
        """
        view = memoryview(buffer)
        written = 0
        at = start
        for run_start, run_end in data_runs(buffer, start, end):
            if not blank and run_start > at:
                self.clear(offset + at - start, run_start - at)
            self._write_all(view[run_start:run_end], offset + run_start - start)
            written += run_end - run_start
            at = run_end
        if not blank and end > at:
            self.clear(offset + at - start, end - at)
        return written

    def read(self, offset: int, length: int) -> bytearray:
        """What stands there, as the kernel has it."""
        data = bytearray(length)
        view = memoryview(data)
        while view:
            count = os.preadv(self._descriptor, [view], offset + length - len(view))
            if not count:
                raise OSError(errno.EIO, "it ends early")
            view = view[count:]
        return data

    def clear(self, offset: int, length: int) -> None:
        """Makes these bytes read as zeros: a hole where that is possible, else zeros."""
        self.may_write()
        if self._can_punch:
            number = _punch(self._descriptor, offset, length)
            if number == 0:
                return
            if number in _NO_ROOM or number == errno.EIO:
                raise OSError(number, os.strerror(number))
            # NFS before 4.2, some devices: it will not work the next time either.
            self._can_punch = False
        for at in range(0, length, GRANULE_BYTES):
            piece = min(GRANULE_BYTES, length - at)
            self._write_all(memoryview(_ZERO_GRANULE)[:piece], offset + at)

    def sync(self) -> None:
        """Makes everything written so far durable. An error is final; see ``epochs``."""
        os.fdatasync(self._descriptor)

    def sync_times(self) -> None:
        """As ``sync``, and the time of the last change with it."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Closes it; what was not synced may be lost."""
        for descriptor in (self._direct, self._descriptor):
            if descriptor is not None:
                os.close(descriptor)

    def _write_all(self, view: memoryview, offset: int) -> None:
        while view:
            self.may_write()
            count = self._write_some(view, offset)
            view = view[count:]
            offset += count

    def _write_some(self, view: memoryview, offset: int) -> int:
        if self._direct is not None and self._can_go_direct and on_pages(view, offset):
            try:
                return os.pwrite(self._direct, view, offset)
            except OSError as problem:
                if problem.errno != errno.EINVAL:
                    raise
                # Its pages are larger, or it only says that it can: so the next time, too.
                self._can_go_direct = False
        return os.pwrite(self._descriptor, view, offset)


def _opened_directly(descriptor: int) -> int | None:
    """The same file once more, past the page cache; None where there is no such way."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_CLOEXEC | os.O_DIRECT)
    except OSError:
        return None


def _punch(descriptor: int, offset: int, length: int) -> int:
    """Makes a hole; gives 0 or the error number."""
    while _libc.fallocate(descriptor, _PUNCH_HOLE_KEEP_SIZE, offset, length) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            return number
    return 0


def data_runs(buffer: bytearray, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The longest runs of granules that are not all zero, from ``start`` on."""
    run = None
    for at in range(start, end, GRANULE_BYTES):
        stop = min(at + GRANULE_BYTES, end)
        # startswith is a memcmp; comparing slices or memoryviews is 4 to 60 times slower.
        if buffer.startswith(_ZERO_GRANULE[: stop - at], at):
            if run is not None:
                yield run, at
                run = None
        elif run is None:
            run = at
    if run is not None:
        yield run, end


@contextlib.contextmanager
def open_base(path: Path, capacity_bytes: int, may_write: MayWrite) -> Iterator[Base]:
    """Opens the base, making an empty file if there is nothing.

    ``may_write`` is called before each write, and raises when there may be none any more.
    Raises TransferError when it cannot be, TargetFull for a device smaller than the disk.
    """
    try:
        descriptor = _open(path)
    except OSError as problem:
        raise TransferError(
            f"{path} cannot be opened: {problem.strerror}",
            "a base is a file in a writable directory, or a block device",
        ) from problem
    base = Base(path, descriptor, capacity_bytes, may_write)
    try:
        if base.is_device and base.size_bytes < capacity_bytes:
            raise TargetFull(
                f"the device {path} has {base.size_bytes} bytes, "
                f"{capacity_bytes - base.size_bytes} fewer than the disk",
                f"make the volume at least {capacity_bytes} bytes large",
            )
        yield base
    finally:
        base.close()


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        # Only its owner may read the disk of somebody's server.
        descriptor = os.open(path, flags | os.O_CREAT, 0o600)
        sync_directory(path.resolve().parent)
    kind = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISBLK(kind)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is neither a file nor a block device")
    return descriptor


def not_written(path: Path, problem: OSError, wanted: int, left: int) -> TransferError:
    """The error for a write that failed.

    ``wanted`` bytes were to be written just then; at most ``left`` bytes are still to come.
    """
    if problem.errno not in _NO_ROOM:
        return TransferError(
            f"{path} cannot be written: {problem.strerror or problem}",
            "look at the storage; what was copied before is kept",
        )
    if path.is_block_device():
        return TargetFull(
            f"the storage behind the device {path} has no room left: it is smaller than it says",
            "give its pool more room and run the same command again: what was copied is kept",
        )
    if problem.errno == errno.EFBIG:
        return TargetFull(
            f"{path} cannot get as large as the disk: {problem.strerror}",
            "its file system or a limit of this process (ulimit -f) forbids files of that size",
        )
    found = os.statvfs(path)
    free = found.f_bavail * found.f_frsize
    return TargetFull(
        f"there is no room for {path}: at least {max(wanted - free, found.f_frsize)} and at most "
        f"{max(left - free, found.f_frsize)} more bytes are needed, {free} are free on "
        f"{_mount(path)}" + (" (a quota is used up)" if problem.errno == errno.EDQUOT else ""),
        "make room and run the same command again: what was copied is kept",
    )


def _mount(path: Path) -> Path:
    place = path.resolve()
    while not place.is_mount():
        place = place.parent
    return place
