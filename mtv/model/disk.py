"""What a source hands out so that a disk can be read, and what a copy proves.

``DiskSource`` is the seam between ``sources`` and ``transfer``: a source knows logins, tickets
and snapshots; transfer knows HTTP, holes and digests. Neither imports the other.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

GRAIN_BYTES = 1024 * 1024
"""Digests and the resume file work in grains of this size; the last grain may be short."""


class TlsTrust(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to trust: a CA file, one pinned certificate, or (both None) the system's CAs."""

    ca: str | None = None
    """Path of a PEM file."""
    fingerprint: str | None = None
    """``SHA256:`` and 64 hex digits: the digest of the server's DER certificate."""


class Extent(msgspec.Struct, frozen=True):
    """A run of bytes that holds data; what lies between extents reads as zeros."""

    offset: int
    length: int


class ImageFormat(StrEnum):
    """How a disk's bytes are kept in a file."""

    RAW = "raw"
    VMDK = "vmdk"
    """A sparse VMDK, compressed (streamOptimized) or not, that is whole in itself."""
    QCOW2 = "qcow2"
    """Without a backing file."""
    BLANK = "blank"
    """Nothing is kept: so many zeros as the part is long."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a file a disk is, and how it is kept there. The format is told, never guessed."""

    offset_bytes: int
    length_bytes: int
    format: ImageFormat = ImageFormat.RAW
    digest: str | None = None
    """``sha256:`` and hex digits (or sha1, sha512): what this part of the file must be."""


class HttpLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A disk readable by HTTP(S) range requests. Both fields may hold secrets: never logged."""

    url: str
    headers: tuple[tuple[str, str], ...]
    tls: TlsTrust
    part: Part | None = None
    """None: the disk is all that the server gives, byte for byte."""

    def __repr__(self) -> str:
        # Of some servers the address itself is the ticket.
        return f"HttpLocation(url=<hidden>, headers=<{len(self.headers)} hidden>)"


class FileLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A disk in a file that this machine can read."""

    path: str
    part: Part | None = None
    """None: the disk is the whole file, byte for byte."""


class StreamLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A disk that is given over HTTP(S) once, from its beginning, as a streamOptimized VMDK.

    Address and headers may hold secrets: never logged.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    tls: TlsTrust

    def __repr__(self) -> str:
        return f"StreamLocation(url=<hidden>, headers=<{len(self.headers)} hidden>)"


class NbdLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A disk that an NBD server on this machine gives, which the source has started."""

    socket: str
    """Path of its Unix socket."""
    export: str = ""


Location = HttpLocation | FileLocation | StreamLocation | NbdLocation


VAGUE = " off"
"""Behind a point: it is of some time after that point, and names no content by itself."""

UNWATCHED = " unwatched"
"""Behind a point: others than the VM may have written since, and nobody would notice. A copy that
was broken off there is gone on with; one that is complete is compared with the source again."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What holds the disks of a VM still at the source: a snapshot, a backup, or that it is off."""

    id: str
    consistent: bool = False
    """True when the guest has brought its file systems in order for it."""
    at: str = ""
    """A moment, by the source's clock (ISO 8601), no later than the one that is held."""
    places: Mapping[str, str] = {}
    """Key of a disk -> where the source keeps it, in its words."""
    leaves: str = ""
    """The point that stays at the source when it is let go of: the next pass tells from it."""
    others: tuple[str, ...] = ()
    """Snapshots of others that the VM has, by name."""
    seen: tuple[str, ...] = ()
    """What happened to the disks since the pass before, each as a sentence."""
    alone: tuple[str, ...] = ()
    """Keys of shared disks that nobody writes to: all VMs that have them are off."""
    proven: tuple[str, ...] = ()
    """Kinds of storage on which it is proven that files of running VMs are read right."""
    doubt: str = ""
    """Why the source's word on what changed since then is not taken: all has to be compared."""


NOTHING = Held(id="")
"""Of a VM that is off: its disks hold themselves still."""


class DiskSource(Protocol):
    """One disk of one VM, open for reading."""

    def location(self) -> Location:
        """Where to read now. Asked again after ``renew``."""

    def renew(self) -> None:
        """Log in again: the server refused the last request's authentication.

        Raises SourceError when that is not possible any more.
        """

    def extents(self) -> Sequence[Extent] | None:
        """Where there is data, in order and without overlap; None where the source can't tell."""

    def point(self) -> str | None:
        """The source's own name of the frozen content that is read: the same name, the same bytes.

        But for one that ends with ``VAGUE``: what the server says has to be the same, too; and
        for one that ends with ``UNWATCHED``, as far as somebody looks after the disk. None where
        it has none, and only the server that gives the bytes may tell.
        """

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        """Where the content may be another than it was at an earlier point of this disk.

        In order and without overlap; what was zeroed counts. None where the source can't tell
        for sure (tracking was off, or began anew): then all of the disk has to be compared.
        """

    def opened(self) -> str:
        """Id of what is open at the source now to be read, and stays if this process is killed.

        "" for nothing. ``Source.give_up`` ends it.
        """

    def close(self) -> None:
        """Give everything back that was taken at the source (login, lease, transfer)."""


@runtime_checkable
class HeldDisk(DiskSource, Protocol):
    """A disk of which its server does not tell when it is let go of while it is read."""

    def check_held(self) -> None:
        """Raises SourceError when it was: what was read until now may be of several moments."""


@runtime_checkable
class StreamedDisk(DiskSource, Protocol):
    """A disk at a ``StreamLocation``. ``renew`` gives another stream, which begins anew."""

    def location(self) -> StreamLocation:
        """Where the stream is now."""

    def was_read(self) -> None:
        """All of the stream was read and found right; without this it counts as given up."""


class DiskServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source gives the bytes of disks, as far as it can be told beforehand."""

    host: str
    port: int
    proxy: bool = False
    """It gives what any of the others has."""


class DiskDigest(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a disk's content.

    ``sha256`` is the digest of the list of grain digests, one lowercase hex line per grain; anyone
    can compute it: ``split -b 1M --filter='sha256sum | cut -d" " -f1' disk.raw | sha256sum``.
    """

    size_bytes: int
    grain_bytes: int
    sha256: str
