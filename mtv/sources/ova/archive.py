"""The members of an OVA, which is a tar archive: where each begins and how long it is.

Read with care and not with ``tarfile``, which believes headers about how much memory to take and
knows links, devices and holes; an OVA has plain files.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from mtv.errors import SourceError
from mtv.sources.ova.shelf import StoredFile

_BLOCK = 512
_MOST_MEMBERS = 1000
_LONGEST_EXTENSION = 64 * 1024
_FILE, _FOLDER, _LONG_NAME, _PAX, _PAX_GLOBAL = (b"0", b"\0", b"7"), b"5", b"L", b"x", b"g"
_OTHERS = {
    b"1": "a link",
    b"2": "a link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"K": "a link",
    b"S": "a file with holes",
}
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*\Z")


class Member(NamedTuple):
    """A file in an archive."""

    name: str
    offset: int
    length: int


def members(file: StoredFile) -> dict[str, Member]:
    """The files of an archive by name. Raises SourceError for anything that is not one of them."""
    found = dict[str, Member]()
    for member in _each(file):
        if member.name in found:
            raise _bad(file, f"it has two files called {member.name!r}")
        found[member.name] = member
    return found


def plain_name(name: str) -> str | None:
    """A name inside of its folder, without ``./``; None for one that leads elsewhere."""
    parts = [part for part in name.split("/") if part != "."]
    if not name.isprintable() or "\\" in name or not parts:
        return None
    return None if {"", ".."} & set(parts) else "/".join(parts)


def _each(file: StoredFile) -> Iterator[Member]:
    at, said = 0, dict[str, str]()
    for _ in range(_MOST_MEMBERS):
        if at + _BLOCK > file.size_bytes:
            if not at:
                raise _bad(file, "it is too short")
            return  # some writers leave out the two empty blocks at the end
        header = file.read(at, _BLOCK)
        if not any(header):
            return
        if not _sum_is_right(header):
            if header.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK")) and not at:
                raise _bad(file, "it is compressed: unpack the compression first")
            raise _bad(file, f"it is no tar archive at byte {at}")
        kind, size = header[156:157], _number(file, header[124:136])
        at += _BLOCK
        if kind in (_LONG_NAME, _PAX, _PAX_GLOBAL):
            said |= _extension(file, kind, at, size)
        elif kind in _FILE:
            size = int(said.pop("size", size))
            name = said.pop("path", None) or _name(header)
            plain = plain_name(name)
            if plain is None:
                raise _bad(file, f"its member {name!a} has a name that leads out of it")
            if at + size > file.size_bytes:
                raise _bad(file, f"it is truncated: {plain} should end at byte {at + size}")
            yield Member(plain, at, size)
        elif kind != _FOLDER or size:
            what = _OTHERS.get(kind, f"of an unknown kind {kind!r}")
            raise _bad(file, f"its member {_name(header)!a} is {what}")
        else:
            said.clear()
        at += -(-size // _BLOCK) * _BLOCK
    raise _bad(file, f"it has more than {_MOST_MEMBERS} members")


def _extension(file: StoredFile, kind: bytes, at: int, size: int) -> dict[str, str]:
    """What a header before a member says of it: the name and size that are too long for tar's."""
    if size > _LONGEST_EXTENSION or at + size > file.size_bytes:
        raise _bad(file, f"it has a header of {size} bytes")
    data = file.read(at, size)
    if kind == _LONG_NAME:
        return {"path": _text(data.rstrip(b"\0"))}
    said = dict[str, str]()
    while data:
        digits, _, rest = data.partition(b" ")
        length = int(digits) if re.fullmatch(rb"[0-9]{1,6}", digits) else 0
        if not len(digits) + 1 < length <= len(data):
            raise _bad(file, "it has an extended header that cannot be read")
        record = rest[: length - len(digits) - 1]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise _bad(file, "it has an extended header that cannot be read")
        said[_text(key)] = _text(value[:-1])
        data = data[length:]
    if any(key.startswith("GNU.sparse") for key in said):
        raise _bad(file, "it has a file with holes")
    if kind == _PAX_GLOBAL:
        return {}
    if not re.fullmatch("[0-9]{1,15}", said.get("size", "0")):
        raise _bad(file, "it has an extended header with a size that is none")
    return {key: said[key] for key in ("path", "size") if key in said}


def _number(file: StoredFile, field: bytes) -> int:
    """Octal digits, or, from 8 GiB on, a binary number behind a byte of 128."""
    if field[0] == 0x80:
        return int.from_bytes(field[4:], "big")
    match = _OCTAL.match(field)
    if match is None:
        raise _bad(file, "it has a member whose size is no number")
    return int(match[1] or b"0", 8)


def _sum_is_right(header: bytes) -> bool:
    match = _OCTAL.match(header[148:156])
    total = sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
    return match is not None and match[1] != b"" and int(match[1], 8) == total


def _name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _bad(file: StoredFile, why: str) -> SourceError:
    return SourceError(
        f"{file.name} is no OVA that mtv reads: {why}", "export it again, or take it away"
    )
