"""The files that lie beside a base, and how one is written so that it is there whole or not."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


class Beside:
    """Names of the files beside a base.

    A base that is a block device cannot have files beside it that last: give a symbolic link to
    it, in a directory that does (``/scratch/disk-0 -> /dev/pvc-0``).
    """

    def __init__(self, base: Path) -> None:
        self.resume = base.with_name(base.name + ".resume")
        """What was copied so far; see ``resume``."""
        self.digests = base.with_name(base.name + ".digests")
        """One line per grain of a complete copy; see ``digests``."""
        self.lease = base.with_name(base.name + ".lease")
        """Locked by the one process that may write the base; see ``lease``."""


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes the place of ``path``, durably, when the block ends well."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def remove(path: Path) -> None:
    """Removes a file, durably; it may be gone already."""
    if path.exists():
        path.unlink()
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
