"""The resume file: which grains of a base are done, so that nothing is copied twice.

    header   magic, version, grain size, capacity, inode of the base, identity of the source (what
             its server says, the length of its point and the point), crc
    record   kind, number of grains, first grain, what the kind needs, crc
       DATA    these grains were copied; their digests
       ZERO    these grains were copied and are zero
       SEEN    a stream gave these grains, and may give more of them: their digests so far
       FORGET  these grains turned out not to hold what was recorded: they are to be copied again
       SEAL    the copy is complete: the base as it was left, and the digest of the digest list

It is only ever appended to, by ``append``, after what it says is durable on the base. A crash can
tear its end and a disk can rot its middle: reading stops at the first record that is not whole,
and what comes after it is copied again. Each crc starts from the header's, so that a record
cannot stand in another file than its own.
"""

import itertools
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from mtv.model.disk import GRAIN_BYTES
from mtv.transfer.bases.beside import Beside, written_whole
from mtv.transfer.reading.reader import Identity
from mtv.transfer.records.grains import BLANK, DATA, DIGEST_BYTES, STALE, UNKNOWN, ZERO, Grains

MAGIC = b"mtv-sync"
VERSION = 2
LONGEST_POINT = 4096
"""Bytes of a source's name of a point: a change id has fifty."""

_NOT_SERVED = bytes(DIGEST_BYTES)
"""Where the server does not say whether the disk changed."""
_NO_POINT = 0xFFFF

_KIND_DATA, _KIND_ZERO, _KIND_FORGET, _KIND_SEAL, _KIND_SEEN = range(1, 6)
_HEADER = struct.Struct("<8sHHIQQ32s")
_RECORD = struct.Struct("<BxxxIQ")
_SEAL = struct.Struct("<Qq32s")
_CRC = struct.Struct("<I")
_LONGEST_HEADER = _HEADER.size + LONGEST_POINT + _CRC.size
_PORTION_BYTES = 1024 * 1024
"""Of records that are appended so much is in memory at a time, and the last one."""
_GRAINS_AT_ONCE = 4096
"""Digests of so many are in memory at a time: the file of a 60 TiB disk is 2 GiB."""


class Seal(NamedTuple):
    """A complete copy: the base's inode and time of last change, the digest list's SHA-256."""

    inode: int
    changed_ns: int
    list_digest: bytes


_BROKEN_SEAL = Seal(0, 0, bytes(32))
"""Of no base: it only says that there was one."""


class ResumeFile:
    """An open resume file, ready to be appended to."""

    def __init__(
        self, path: Path, header: bytes, *, end: int, may_write: Callable[[], None]
    ) -> None:
        self._may_write = may_write
        self._seed = zlib.crc32(header)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        os.ftruncate(self._descriptor, end)
        os.lseek(self._descriptor, end, os.SEEK_SET)

    def append(self, records: Iterable[bytes]) -> None:
        """Adds records (made by the functions below) and makes them durable. Raises OSError."""
        portion = bytearray()
        for record in records:
            portion += record + _CRC.pack(zlib.crc32(record, self._seed))
            if len(portion) >= _PORTION_BYTES:
                self._write(bytes(portion))
                portion.clear()
        self._write(bytes(portion))
        os.fdatasync(self._descriptor)

    def _write(self, portion: bytes) -> None:
        left = memoryview(portion)
        self._may_write()
        while left:
            left = left[os.write(self._descriptor, left) :]

    def close(self) -> None:
        """Closes the file; what was appended is durable already."""
        os.close(self._descriptor)


def create(
    path: Path,
    identity: Identity,
    inode: int,
    grains: Grains,
    may_write: Callable[[], None],
    *,
    was_complete: bool = False,
) -> ResumeFile:
    """A new resume file that says which grains are copied; it durably replaces an older one.

    ``was_complete``: all of the copy was, and some of it was found different since.
    """
    may_write()
    header = _header(identity, inode, grains.capacity_bytes)
    seed = zlib.crc32(header)
    with written_whole(path) as file:
        file.write(header + _CRC.pack(seed))
        records = itertools.chain(
            [sealed(_BROKEN_SEAL)] if was_complete else (),
            *(copied(grains, grains.state.runs(state)) for state in (DATA, ZERO)),
        )
        for record in records:
            file.write(record + _CRC.pack(zlib.crc32(record, seed)))
        end = file.tell()
    return ResumeFile(path, header, end=end, may_write=may_write)


def _header(identity: Identity, inode: int, capacity_bytes: int) -> bytes:
    point = (identity.point or "").encode()
    if len(point) > LONGEST_POINT:
        raise AssertionError("a source's name of a point is too long to be one")
    length = _NO_POINT if identity.point is None else len(point)
    served = identity.served or _NOT_SERVED
    return _HEADER.pack(MAGIC, VERSION, length, GRAIN_BYTES, capacity_bytes, inode, served) + point


class Recorded(NamedTuple):
    """What a resume file says. ``seal`` is there if nothing was recorded after it."""

    header: bytes
    identity: Identity
    inode: int
    grains: Grains
    seal: Seal | None
    was_complete: bool
    """There is a seal somewhere: more was recorded after it, or some of it was found different."""
    end: int
    """Where the last whole record ends; what follows is torn."""

    def reopen(self, path: Path, may_write: Callable[[], None]) -> ResumeFile:
        """Opens the file to go on from its last whole record."""
        return ResumeFile(path, self.header, end=self.end, may_write=may_write)


def read(path: Path, capacity_bytes: int) -> Recorded | None:
    """What the resume file says; None if there is none for a disk of this size."""
    try:
        with path.open("rb") as file:
            found = _read_header(file)
            if found is None or found.capacity_bytes != capacity_bytes:
                return None
            grains = Grains(capacity_bytes, path.parent)
            file.seek(len(found.header) + _CRC.size)
            replayed = _replay(file, zlib.crc32(found.header), grains)
            return Recorded(found.header, found.identity, found.inode, grains, *replayed)
    except FileNotFoundError:
        return None


class _Header(NamedTuple):
    header: bytes
    capacity_bytes: int
    inode: int
    identity: Identity


def _read_header(file: IO[bytes]) -> _Header | None:
    """What the file begins with; None when it is none of this version's."""
    data = memoryview(file.read(_LONGEST_HEADER))
    if len(data) < _HEADER.size + _CRC.size:
        return None
    magic, version, length, grain_bytes, capacity, inode, served = _HEADER.unpack_from(data)
    if (magic, version, grain_bytes) != (MAGIC, VERSION, GRAIN_BYTES):
        return None
    named = _HEADER.size + (0 if length == _NO_POINT else length)
    if length not in (_NO_POINT, *range(LONGEST_POINT + 1)) or named + _CRC.size > len(data):
        return None
    header = bytes(data[:named])
    if _CRC.unpack_from(data, named)[0] != zlib.crc32(header):
        return None
    point = None if length == _NO_POINT else header[_HEADER.size :].decode()
    identity = Identity(point, None if served == _NOT_SERVED else served)
    return _Header(header, capacity, inode, identity)


def recorded_point(base: Path) -> str | None:
    """The source's name of the content that a base is a copy of, or is becoming; None for none.

    Raises OSError, but for a file that is not there.
    """
    try:
        with Beside(base).resume.open("rb") as file:
            found = _read_header(file)
    except FileNotFoundError:
        return None
    return None if found is None else found.identity.point


def last_seal(base: Path) -> Seal | None:
    """The seal of a base, if its resume file ends with one; only its head and its end are read.

    Raises OSError, but for a file that is not there.
    """
    try:
        with Beside(base).resume.open("rb") as file:
            found = _read_header(file)
            if found is None:
                return None
            whole = _RECORD.size + _SEAL.size
            begin, end = len(found.header) + _CRC.size, file.seek(0, os.SEEK_END)
            file.seek(max(begin, end - whole - _CRC.size))
            record, crc = file.read(whole), file.read(_CRC.size)
    except FileNotFoundError:
        return None
    is_seal = record[:1] == bytes([_KIND_SEAL]) and len(record) == whole
    if not is_seal or crc != _CRC.pack(zlib.crc32(record, zlib.crc32(found.header))):
        return None
    seal = Seal(*_SEAL.unpack_from(record, _RECORD.size))
    return None if seal == _BROKEN_SEAL else seal


def copied(grains: Grains, runs: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """Records that say what these runs of grains are: DATA or ZERO, or (of a stream that has not
    ended) STALE, BLANK or UNKNOWN.
    """
    for first, count in runs:
        for start, length, state in grains.state.stretches(first, count):
            if state == ZERO:
                yield _RECORD.pack(_KIND_ZERO, length, start)
            elif state in (BLANK, UNKNOWN):
                # Another run may find what was there before: blank is what was never written to.
                yield _RECORD.pack(_KIND_FORGET, length, start)
            else:
                kind = _KIND_DATA if state == DATA else _KIND_SEEN
                for at in range(start, start + length, _GRAINS_AT_ONCE):
                    told = min(_GRAINS_AT_ONCE, start + length - at)
                    yield _RECORD.pack(kind, told, at) + grains.digests(at, told)


def forgotten(bad: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """Records that say these runs of grains do not hold what was recorded."""
    for first, count in bad:
        yield _RECORD.pack(_KIND_FORGET, count, first)


def sealed(seal: Seal) -> bytes:
    """The record that says the copy is complete."""
    return _RECORD.pack(_KIND_SEAL, 0, 0) + _SEAL.pack(*seal)


def _replay(file: IO[bytes], seed: int, grains: Grains) -> tuple[Seal | None, bool, int]:
    """Applies every whole record; gives the seal, if it is the last, whether there was any, and
    where the records end."""
    seal, was_complete, at = None, False, file.tell()
    while len(head := file.read(_RECORD.size)) == _RECORD.size:
        kind, count, first = _RECORD.unpack(head)
        if kind in (_KIND_DATA, _KIND_SEEN):
            extra = count * DIGEST_BYTES
        else:
            extra = _SEAL.size if kind == _KIND_SEAL else 0
        if first + count > grains.count or not _is_whole(file, extra, zlib.crc32(head, seed)):
            break
        end = file.tell()
        file.seek(at + _RECORD.size)
        seal = None
        if kind in (_KIND_DATA, _KIND_SEEN):
            for grain, digests in _portions(file, first, count):
                grains.mark_data(grain, digests)
            if kind == _KIND_SEEN:
                grains.mark(first, count, STALE)
        elif kind == _KIND_ZERO:
            grains.mark(first, count, ZERO)
        elif kind == _KIND_FORGET:
            grains.mark(first, count, UNKNOWN)
        elif kind == _KIND_SEAL:
            seal, was_complete = Seal(*_SEAL.unpack(file.read(_SEAL.size))), True
        else:
            break
        file.seek(end)
        at = end
    return seal, was_complete, at


def _is_whole(file: IO[bytes], length: int, crc: int) -> bool:
    """Reads the rest of a record, and whether its crc is right."""
    while length:
        data = file.read(min(length, _GRAINS_AT_ONCE * DIGEST_BYTES))
        if not data:
            return False
        crc = zlib.crc32(data, crc)
        length -= len(data)
    return file.read(_CRC.size) == _CRC.pack(crc)


def _portions(file: IO[bytes], first: int, count: int) -> Iterator[tuple[int, bytes]]:
    for grain in range(first, first + count, _GRAINS_AT_ONCE):
        told = min(_GRAINS_AT_ONCE, first + count - grain)
        yield grain, file.read(told * DIGEST_BYTES)
