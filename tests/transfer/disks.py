"""Disks to copy, and a source that hands them out."""

import hashlib
import os
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from mtv.errors import SourceError
from mtv.model.disk import GRAIN_BYTES, Extent, HttpLocation, TlsTrust
from mtv.tasks import Limits, Progress, SyncResult
from mtv.transfer.copy import copy_disk
from mtv.transfer.reading.getter import Patience

MIB = GRAIN_BYTES
NO_PAUSES = Patience(pauses=(0.0,) * 4, io_seconds=5.0)
SETTLED_AGO = 100.0
TOKEN = "Basic secret-word"


def make_disk(path: Path, layout: str, *, extra: int = 0, seed: int = 1) -> Path:
    """A disk of one grain a letter: ``.`` zeros, ``d`` data, ``p`` data with zeros within.

    ``extra`` bytes of data follow. Its time of change lies in the past, as that of the disk of a
    VM that is off.
    """
    chance = random.Random(seed)
    with path.open("wb") as file:
        for letter in layout:
            if letter == ".":
                file.seek(MIB, os.SEEK_CUR)
            elif letter == "d":
                file.write(chance.randbytes(MIB))
            else:
                file.seek(256 * 1024, os.SEEK_CUR)
                file.write(chance.randbytes(100_000))
                file.seek(MIB - 256 * 1024 - 100_000, os.SEEK_CUR)
        file.write(chance.randbytes(extra))
        file.truncate(len(layout) * MIB + extra)
    settle(path)
    return path


def settle(path: Path, seconds_ago: float = SETTLED_AGO) -> None:
    """Sets a file's time of change into the past."""
    changed = path.stat().st_mtime - seconds_ago
    os.utime(path, (changed, changed))


def change(path: Path, offset: int, content: bytes, *, seconds_ago: float = 50.0) -> None:
    """Writes to a disk; its time of change is another one then, but not a recent one."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)
    settle(path, seconds_ago)


class Nameless:
    """A DiskSource of which nothing is known but where it is."""

    def renew(self) -> None:
        raise SourceError("no other login")

    def extents(self) -> Sequence[Extent] | None:
        return None

    def point(self) -> str | None:
        return None

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        del point
        return None

    def opened(self) -> str:
        return ""

    def close(self) -> None:
        pass


class ServedDisk(Nameless):
    """A DiskSource over a range server."""

    def __init__(
        self,
        url: str,
        tls: TlsTrust,
        *,
        token: str = TOKEN,
        extents: Sequence[Extent] | None = None,
        on_renew: Callable[["ServedDisk"], None] = lambda _source: None,
    ) -> None:
        self.url = url
        self.tls = tls
        self.token = token
        self.renewals = 0
        self.named: str | None = None
        """What it calls the content that it gives; None: it has no name for it."""
        self.changes = dict[str, list[Extent] | None]()
        """Earlier name -> what changed since."""
        self._extents = extents
        self._on_renew = on_renew

    def location(self) -> HttpLocation:
        return HttpLocation(url=self.url, headers=(("Authorization", self.token),), tls=self.tls)

    def renew(self) -> None:
        self.renewals += 1
        self._on_renew(self)

    def extents(self) -> Sequence[Extent] | None:
        return self._extents

    def point(self) -> str | None:
        return self.named

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        return self.changes.get(point)


def copied(
    source: ServedDisk,
    base: Path,
    capacity_bytes: int,
    *,
    limits: Limits | None = None,
    piece_bytes: int = 2 * MIB,
    patience: Patience = NO_PAUSES,
    cancelled: threading.Event | None = None,
    progress: list[Progress] | None = None,
) -> SyncResult:
    """``copy_disk`` with small pieces and no pauses."""
    return copy_disk(
        source,
        base,
        capacity_bytes,
        limits=limits or Limits(),
        on_progress=(progress if progress is not None else []).append,
        cancelled=cancelled or threading.Event(),
        piece_bytes=piece_bytes,
        patience=patience,
    )


def sha256(path: Path, length: int | None = None) -> str:
    """Digest of a file, or of its first bytes."""
    with path.open("rb") as file:
        return hashlib.sha256(file.read() if length is None else file.read(length)).hexdigest()


def allocated(path: Path) -> int:
    """Bytes that a file takes on its disk."""
    return path.stat().st_blocks * 512
