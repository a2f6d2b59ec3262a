"""The digest list: the evidence of what a copy holds, in a form anyone can check.

One lowercase hex line per grain, as ``split -b 1M --filter='sha256sum | cut -d" " -f1'`` prints
them; the SHA-256 of the list identifies the disk.
"""

import hashlib
import os
import weakref
from collections.abc import Iterator
from pathlib import Path

from mtv.errors import TransferError
from mtv.model.disk import GRAIN_BYTES, DiskDigest
from mtv.transfer.bases.beside import Beside, written_whole
from mtv.transfer.records.grains import DIGEST_BYTES, ZERO, Grains, zero_digest
from mtv.transfer.records.row import Row

_LINE_BYTES = 2 * DIGEST_BYTES + 1
_LINES_AT_ONCE = 4096
_ZERO_LINE = zero_digest(GRAIN_BYTES).hex().encode() + b"\n"


def write_list(path: Path, grains: Grains) -> DiskDigest:
    """Writes the list of a complete copy in one step; gives the disk's identity."""
    whole = hashlib.sha256()
    with written_whole(path) as file:
        for first in range(0, grains.count, _LINES_AT_ONCE):
            last = min(first + _LINES_AT_ONCE, grains.count)
            lines = (_digests(grains, first, last).hex("\n", -DIGEST_BYTES) + "\n").encode()
            whole.update(lines)
            file.write(lines)
    return _identity(grains.capacity_bytes, whole.hexdigest())


def _digests(grains: Grains, first: int, last: int) -> bytearray:
    found = bytearray(grains.digests(first, last - first))
    for start, count, state in grains.state.stretches(first, last - first):
        if state == ZERO:
            digests = b"".join(zero_digest(grains.span(start + each)) for each in range(count))
            at = (start - first) * DIGEST_BYTES
            found[at : at + len(digests)] = digests
    return found


class DigestList:
    """A digest list that was read; ``list[grain]`` is a grain's digest."""

    def __init__(self, path: Path, capacity_bytes: int, recorded: str | None = None) -> None:
        """Raises TransferError when there is none, or none for a disk of this size.

        ``recorded``: the SHA-256 that it has to have, if somebody else wrote that down.
        """
        count = -(-capacity_bytes // GRAIN_BYTES)
        self._path = path
        self._count = count
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size != count * _LINE_BYTES:
                    raise _unusable(path)
                # Neither read whole nor mapped: the list of a 60 TiB disk is 4 GiB.
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                self._descriptor = os.dup(file.fileno())
                weakref.finalize(self, os.close, self._descriptor)
        except FileNotFoundError as problem:
            raise TransferError(
                f"there is no digest list {path}: the disk was not copied to its end",
                "run mtv sync first",
            ) from problem
        self.digest = _identity(capacity_bytes, sha256)
        if recorded not in (None, self.digest.sha256):
            raise TransferError(
                f"{path} is not the digest list that the journal recorded for this copy",
                "somebody changed it: before the commit mtv sync writes it again, afterwards "
                "bring it back from a backup",
            )

    def row(self) -> Row:
        """A row with a 0 for each grain, beside the list."""
        return Row(self._count, self._path.parent)

    def __getitem__(self, grain: int) -> bytes:
        line = self._lines(grain, 1)
        try:
            digest = bytes.fromhex(line[:-1].decode("ascii"))
        except ValueError as problem:
            raise _unusable(self._path) from problem
        if len(digest) != DIGEST_BYTES or line[-1:] != b"\n":
            raise _unusable(self._path)
        return digest

    def not_zero(self, first: int, count: int) -> Iterator[int]:
        """Those of a run of grains whose line is not that of a whole grain of zeros."""
        for at in range(first, first + count, _LINES_AT_ONCE):
            lines = self._lines(at, min(_LINES_AT_ONCE, first + count - at))
            if lines != _ZERO_LINE * (len(lines) // _LINE_BYTES):
                for grain, start in enumerate(range(0, len(lines), _LINE_BYTES), at):
                    if not lines.startswith(_ZERO_LINE, start):
                        yield grain

    def _lines(self, first: int, count: int) -> bytes:
        return os.pread(self._descriptor, count * _LINE_BYTES, first * _LINE_BYTES)


def recorded_digest(base: Path, capacity_bytes: int | None = None) -> DiskDigest | None:
    """The identity of the disk that was copied to this base; None if no copy is complete.

    It is what the last complete copy recorded. ``verify`` proves that the base still holds it.
    Without ``capacity_bytes`` the base is taken to be as large as the disk; a device may not be.
    """
    try:
        if capacity_bytes is None:
            with base.open("rb") as file:
                capacity_bytes = os.lseek(file.fileno(), 0, os.SEEK_END)
        return DigestList(Beside(base).digests, capacity_bytes).digest
    except (OSError, TransferError):
        return None


def _identity(capacity_bytes: int, sha256: str) -> DiskDigest:
    return DiskDigest(size_bytes=capacity_bytes, grain_bytes=GRAIN_BYTES, sha256=sha256)


def _unusable(path: Path) -> TransferError:
    return TransferError(
        f"{path} is not the digest list of this disk", "remove it and run mtv sync again"
    )
