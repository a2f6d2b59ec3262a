"""Opens bases, each in the format that its name says."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mtv.errors import TargetFull, TransferError
from mtv.tasks import base_format
from mtv.transfer.bases.base import Base, MayWrite
from mtv.transfer.bases.beside import sync_directory
from mtv.transfer.bases.qcow2 import Qcow2Base
from mtv.transfer.bases.raw import RawBase


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
    kind = Qcow2Base if base_format(path) == "qcow2" else RawBase
    base = kind(path, descriptor, capacity_bytes, may_write)
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
    if stat.S_ISBLK(kind):
        os.close(descriptor)
        return _open_device(path)
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is neither a file nor a block device")
    return descriptor


def _open_device(path: Path) -> int:
    """As nobody else may: another name of it may be another base, or a file system be on it."""
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_EXCL)
    except OSError as problem:
        if problem.errno == errno.EBUSY:
            raise OSError(
                errno.EBUSY, "the device is in use: mounted, part of another, or another copy's"
            ) from problem
        raise
