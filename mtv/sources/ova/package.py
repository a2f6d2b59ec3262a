"""One package: an OVF with the files it refers to, in an archive or in a folder."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from posixpath import dirname, splitext
from urllib.parse import unquote

from mtv.errors import SourceError
from mtv.model.disk import FileLocation, HttpLocation, ImageFormat, Part
from mtv.sources.ova.archive import Member, members, plain_name
from mtv.sources.ova.shelf import Shelf, StoredFile

LARGEST_ENVELOPE_BYTES = 16 * 1024 * 1024
_LARGEST_MANIFEST_BYTES = 1024 * 1024
_DIGEST = re.compile(r"(SHA1|SHA256|SHA512) ?\((.+)\) ?= ?([0-9a-fA-F]{40,128})\Z")


@dataclass(frozen=True)
class Content:
    """A file of a package: a part of a stored file."""

    name: str
    file: StoredFile
    offset: int
    length: int
    digest: str | None
    """``sha256:...`` of the manifest."""

    def read(self, offset: int, length: int) -> bytes:
        """Some bytes of it. Raises SourceError."""
        if offset < 0 or offset + length > self.length:
            raise SourceError(f"{self.name} is shorter than it says")
        return self.file.read(self.offset + offset, length)

    def location(self, kept: ImageFormat) -> FileLocation | HttpLocation:
        """Where transfer finds it."""
        return self.file.location(
            Part(
                offset_bytes=self.offset,
                length_bytes=self.length,
                format=kept,
                digest=self.digest,
            )
        )


class Package:
    """An opened package. Made by ``open_package``."""

    def __init__(
        self, name: str, envelope: bytes, find: Callable[[str], Content], main: StoredFile
    ) -> None:
        self.name = name
        """Its name on the shelf: ``finance/erp.ova``."""
        self.envelope = envelope
        """The OVF's text."""
        self.main = main
        """The .ova or .ovf file itself."""
        self._find = find

    def content(self, href: str) -> Content:
        """The file that a reference of the OVF names. Raises SourceError, naming it."""
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", href):
            raise SourceError(
                f"{self.name} refers to {href!a}, which is not in it",
                "mtv reads nothing that a package merely points to; fetch it and correct the OVF",
            )
        for candidate in dict.fromkeys((href, unquote(href))):
            name = plain_name(candidate)
            if name is None:
                raise SourceError(
                    f"{self.name} refers to {href!a}, which leads out of it", "correct the OVF"
                )
            try:
                return self._find(name)
            except FileNotFoundError:
                continue
        raise SourceError(
            f"{self.name} refers to {href!a}, which is not there",
            "export it again, with all its files",
        )


def open_package(shelf: Shelf, name: str) -> Package:
    """Opens a package by its name. Raises SourceError for one that cannot be believed."""
    file = shelf.file(name)
    if name.lower().endswith(".ova"):
        return _open_archive(file)
    return _open_folder(shelf, file)


def _open_archive(file: StoredFile) -> Package:
    found = members(file)
    envelopes = [each for each in found.values() if each.name.lower().endswith(".ovf")]
    if len(envelopes) != 1:
        raise SourceError(
            f"{file.name} has {len(envelopes) or 'no'} .ovf files; an OVA has one",
            "export it again",
        )
    envelope = envelopes[0]
    manifest = found.get(splitext(envelope.name)[0] + ".mf")
    digests = dict[str, str]()
    if manifest is not None:
        text = _whole(file, manifest, _LARGEST_MANIFEST_BYTES)
        digests = read_manifest(text, f"{file.name}/{manifest.name}")
    for listed in digests:
        if listed not in found:
            raise SourceError(
                f"{file.name}: its manifest lists {listed!a}, which is not in it", "export it again"
            )
    data = _whole(file, envelope, LARGEST_ENVELOPE_BYTES)
    _check(data, envelope.name, digests, file.name)
    folder = dirname(envelope.name)

    def find(name: str) -> Content:
        member = found.get(f"{folder}/{name}" if folder else name)
        if member is None:
            raise FileNotFoundError(name)
        shown = f"{file.name}/{member.name}"
        return Content(shown, file, member.offset, member.length, digests.get(member.name))

    return Package(file.name, data, find, file)


def _open_folder(shelf: Shelf, file: StoredFile) -> Package:
    if file.size_bytes > LARGEST_ENVELOPE_BYTES:
        raise _too_large(file.name, LARGEST_ENVELOPE_BYTES)
    data = file.read(0, file.size_bytes)
    folder = dirname(file.name)

    def stored(name: str) -> StoredFile:
        try:
            return shelf.file(f"{folder}/{name}" if folder else name)
        except SourceError as problem:
            if isinstance(problem.__cause__, FileNotFoundError):
                raise problem.__cause__ from None
            raise

    own = file.name[len(folder) + 1 :] if folder else file.name
    digests = dict[str, str]()
    try:
        manifest = stored(splitext(own)[0] + ".mf")
        if manifest.size_bytes > _LARGEST_MANIFEST_BYTES:
            raise _too_large(manifest.name, _LARGEST_MANIFEST_BYTES)
        digests = read_manifest(manifest.read(0, manifest.size_bytes), manifest.name)
    except FileNotFoundError:
        pass  # a manifest may be left out
    _check(data, own, digests, file.name)

    def find(name: str) -> Content:
        found = stored(name)
        return Content(found.name, found, 0, found.size_bytes, digests.get(name))

    return Package(file.name, data, find, file)


def read_manifest(data: bytes, what: str) -> dict[str, str]:
    """File name -> ``sha256:hex`` of a manifest. Raises SourceError for a line that is none."""
    digests = dict[str, str]()
    for line in data.decode("utf-8", "replace").splitlines():
        if not line.strip():
            continue
        match = _DIGEST.match(line.strip())
        kind = match[1].lower() if match else ""
        if match is None or len(match[3]) != 2 * hashlib.new(kind).digest_size:
            raise SourceError(f"{what} has a line that is no checksum: {line[:80]!a}")
        digests[match[2]] = f"{kind}:{match[3].lower()}"
    return digests


def _check(data: bytes, name: str, digests: Mapping[str, str], what: str) -> None:
    expected = digests.get(name)
    if expected is None:
        return
    kind, _, value = expected.partition(":")
    if hashlib.new(kind, data).hexdigest() != value:
        raise SourceError(
            f"{what}: its OVF is not the one its manifest was made for ({kind.upper()} differs)",
            "export it again; or, if the OVF was edited on purpose, remove the manifest",
        )


def _whole(file: StoredFile, member: Member, most: int) -> bytes:
    if member.length > most:
        raise _too_large(f"{file.name}/{member.name}", most)
    return file.read(member.offset, member.length)


def _too_large(what: str, most: int) -> SourceError:
    return SourceError(f"{what} is larger than {most >> 20} MiB", "no honest one is; look into it")
