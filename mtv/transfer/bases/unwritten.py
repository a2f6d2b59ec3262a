"""What a write that failed is told as."""

import errno
import os
from pathlib import Path

from mtv.errors import TargetFull, TransferError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def not_written(path: Path, problem: OSError, wanted: int, left: int) -> TransferError:
    """The error for a write that failed.

    ``wanted`` bytes were to be written just then; at most ``left`` bytes are still to come.
    """
    if problem.errno not in NO_ROOM:
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
    # QEMU takes away what it could not make.
    found = os.statvfs(path if path.exists() else path.parent)
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
