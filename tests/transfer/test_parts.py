"""Disks in local files and in parts of files: archives' members, images, nothing at all."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from mtv.errors import Interrupted, ReadFailed, SizeChanged, SourceError
from mtv.model.disk import FileLocation, HttpLocation, ImageFormat, Part, TlsTrust
from mtv.tasks import Limits, Progress, SyncResult
from mtv.transfer.copy import copy_disk
from tests.real.ova import converted
from tests.real.vmdk import vmware_vmdk
from tests.transfer.disks import MIB, NO_PAUSES, TOKEN, Nameless, make_disk, settle, sha256
from tests.transfer.range_server import RangeServer


class Place(Nameless):
    """A DiskSource at one location."""

    def __init__(self, location: FileLocation | HttpLocation) -> None:
        self._location = location

    def location(self) -> FileLocation | HttpLocation:
        return self._location


def copied(
    location: FileLocation | HttpLocation,
    base: Path,
    size: int,
    *,
    limits: Limits | None = None,
    progress: list[Progress] | None = None,
    cancelled: threading.Event | None = None,
) -> SyncResult:
    return copy_disk(
        Place(location),
        base,
        size,
        limits=limits or Limits(),
        on_progress=(progress if progress is not None else []).append,
        cancelled=cancelled or threading.Event(),
        piece_bytes=2 * MIB,
        patience=NO_PAUSES,
    )


def wrapped(data: bytes, path: Path, *, before: int = 1536, after: int = 700) -> Path:
    """A file that holds some bytes between others."""
    path.write_bytes(b"x" * before + data + b"y" * after)
    settle(path)
    return path


def part(data: bytes, kept: ImageFormat, *, before: int = 1536, digest: str | None = None) -> Part:
    return Part(offset_bytes=before, length_bytes=len(data), format=kept, digest=digest)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "disk.raw", "d.p..dd..p", extra=1536)


def packed(disk: Path, kept: ImageFormat) -> bytes:
    if kept is ImageFormat.VMDK:
        return vmware_vmdk(disk.read_bytes())
    if kept is ImageFormat.QCOW2:
        image = disk.with_suffix(".qcow2")
        return converted(disk, image, "qcow2", "", "-c").read_bytes()
    return disk.read_bytes()


KEPT = [ImageFormat.RAW, ImageFormat.VMDK, ImageFormat.QCOW2]


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("kept", KEPT)
def test_a_part_of_a_file_is_copied_as_its_disk(
    disk: Path, tmp_path: Path, kept: ImageFormat, connections: int
) -> None:
    data = packed(disk, kept)
    file = wrapped(data, tmp_path / "archive")
    size = disk.stat().st_size
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    location = FileLocation(path=str(file), part=part(data, kept, digest=digest))
    progress = list[Progress]()
    limits = Limits(connections=connections)
    first = copied(location, tmp_path / "base", size, limits=limits, progress=progress)
    assert sha256(tmp_path / "base") == sha256(disk)
    checking = [line for line in progress if line.says == "checking the source's checksum"]
    assert checking[-1].read_bytes == len(data)  # it comes over the network like the disk itself
    again = copied(location, tmp_path / "base", size)
    assert (again.fetched_bytes, again.written_bytes) == (0, 0)
    assert again.source == first.source


@pytest.mark.parametrize("kept", KEPT)
def test_a_part_of_a_served_file_is_copied_as_its_disk(
    disk: Path, tmp_path: Path, kept: ImageFormat, certificate: tuple[Path, Path]
) -> None:
    data = packed(disk, kept)
    file = wrapped(data, tmp_path / "archive")
    with RangeServer(file, *certificate) as server:
        server.behaviour.token = TOKEN
        location = HttpLocation(
            url=server.url,
            headers=(("Authorization", TOKEN),),
            tls=TlsTrust(ca=str(certificate[0])),
            part=part(data, kept),
        )
        result = copied(location, tmp_path / "base", disk.stat().st_size)
        assert sha256(tmp_path / "base") == sha256(disk)
        assert result.fetched_bytes <= len(data) + 64 * 1024
        # A piece of the disk is one request, not one for each of its grains.
        assert len(server.requests) < 20
        server.reset_counts()
        again = copied(location, tmp_path / "base", disk.stat().st_size)
        assert again.fetched_bytes == 0


def test_a_whole_file_is_a_disk(disk: Path, tmp_path: Path) -> None:
    result = copied(FileLocation(path=str(disk)), tmp_path / "base", disk.stat().st_size)
    assert sha256(tmp_path / "base") == sha256(disk)
    assert result.fetched_bytes == disk.stat().st_size


def test_of_an_image_only_what_is_in_it_is_read(disk: Path, tmp_path: Path) -> None:
    data = packed(disk, ImageFormat.VMDK)
    file = wrapped(data, tmp_path / "archive")
    location = FileLocation(path=str(file), part=part(data, ImageFormat.VMDK))
    result = copied(location, tmp_path / "base", disk.stat().st_size)
    assert result.fetched_bytes < 3.5 * MIB < disk.stat().st_size


def test_a_blank_disk_is_zeros(disk: Path, tmp_path: Path) -> None:
    blank = Part(offset_bytes=0, length_bytes=5 * MIB, format=ImageFormat.BLANK)
    result = copied(FileLocation(path=str(disk), part=blank), tmp_path / "base", 5 * MIB)
    assert (tmp_path / "base").read_bytes() == bytes(5 * MIB)
    assert (result.fetched_bytes, result.data_bytes) == (0, 0)


def test_a_changed_file_is_read_again_and_only_differences_are_written(
    disk: Path, tmp_path: Path
) -> None:
    size = disk.stat().st_size
    content = bytearray(disk.read_bytes())
    file = wrapped(vmware_vmdk(bytes(content)), tmp_path / "archive")

    def location() -> FileLocation:
        data = Part(offset_bytes=1536, length_bytes=file.stat().st_size - 2236,
                    format=ImageFormat.VMDK)  # fmt: skip
        return FileLocation(path=str(file), part=data)

    copied(location(), tmp_path / "base", size)
    content[5 * MIB + 7] ^= 1
    wrapped(vmware_vmdk(bytes(content)), file)
    settle(file)
    result = copied(location(), tmp_path / "base", size)
    assert (tmp_path / "base").read_bytes() == content
    assert result.written_bytes == MIB


def test_a_stopped_copy_goes_on_where_it_was(disk: Path, tmp_path: Path) -> None:
    data = packed(disk, ImageFormat.VMDK)
    file = wrapped(data, tmp_path / "archive")
    location = FileLocation(path=str(file), part=part(data, ImageFormat.VMDK))
    cancelled = threading.Event()

    class Stop(list[Progress]):
        def append(self, line: Progress) -> None:
            if line.says == "reading the source" and line.done > 0:
                cancelled.set()

    slow = Limits(connections=1, bytes_per_second=2 * MIB)
    size = disk.stat().st_size
    with pytest.raises(Interrupted):
        copied(location, tmp_path / "base", size, limits=slow, progress=Stop(),
               cancelled=cancelled)  # fmt: skip
    result = copied(location, tmp_path / "base", size)
    assert sha256(tmp_path / "base") == sha256(disk)
    assert result.kept_bytes > 0


def test_a_wrong_checksum_stops_the_copy_before_it_begins(disk: Path, tmp_path: Path) -> None:
    data = packed(disk, ImageFormat.VMDK)
    file = wrapped(data, tmp_path / "archive")
    wrong = part(data, ImageFormat.VMDK, digest=f"sha256:{'0' * 64}")
    with pytest.raises(SourceError, match="archive is damaged: its SHA256 is not"):
        copied(FileLocation(path=str(file), part=wrong), tmp_path / "base", disk.stat().st_size)
    assert not any((tmp_path / "base").read_bytes())


def test_a_server_that_tells_no_file_from_another_has_the_checksum_compared_once_more(
    disk: Path, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    data, size = packed(disk, ImageFormat.RAW), disk.stat().st_size
    file = wrapped(data, tmp_path / "archive")
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"

    class Write(list[Progress]):
        def append(self, line: Progress) -> None:
            if line.says == "reading the source" and not self:
                with file.open("r+b") as opened:
                    opened.seek(1536 + 4 * MIB)
                    opened.write(b"another export")
                super().append(line)

    with RangeServer(file, *certificate) as server:
        server.behaviour.last_modified = False
        location = HttpLocation(
            url=server.url,
            headers=(),
            tls=TlsTrust(ca=str(certificate[0])),
            part=part(data, ImageFormat.RAW, digest=digest),
        )
        copied(location, tmp_path / "base", size)
        assert sha256(tmp_path / "base") == sha256(disk)
        with pytest.raises(SourceError, match="is damaged: its SHA256"):
            copied(location, tmp_path / "base", size, progress=Write())


def test_what_cannot_be_read_is_said(disk: Path, tmp_path: Path) -> None:
    size = disk.stat().st_size

    def fails(error: type[Exception], says: str, location: FileLocation) -> None:
        with pytest.raises(error, match=says):
            copied(location, tmp_path / "base", size)

    fails(ReadFailed, "cannot be opened: No such file", FileLocation(path=str(tmp_path / "gone")))
    fails(ReadFailed, "is no file", FileLocation(path=str(tmp_path)))
    os.mkfifo(tmp_path / "pipe")
    fails(ReadFailed, "is no file", FileLocation(path=str(tmp_path / "pipe")))
    long = Part(offset_bytes=1, length_bytes=size)
    fails(SourceError, "is shorter than", FileLocation(path=str(disk), part=long))
    image = Part(offset_bytes=0, length_bytes=size, format=ImageFormat.VMDK)
    fails(
        SourceError, "does not begin like a sparse VMDK", FileLocation(path=str(disk), part=image)
    )
    short = Part(offset_bytes=0, length_bytes=size - 512)
    fails(SizeChanged, "the plan says", FileLocation(path=str(disk), part=short))


def test_a_file_that_is_replaced_while_it_is_copied(disk: Path, tmp_path: Path) -> None:
    other = make_disk(tmp_path / "other.raw", "dddddddddd", extra=1536, seed=9)

    class Replace(list[Progress]):
        def append(self, line: Progress) -> None:
            if line.says == "reading the source" and other.exists():
                other.rename(disk)

    with pytest.raises(ReadFailed, match="changed while it was copied"):
        copied(
            FileLocation(path=str(disk)),
            tmp_path / "base",
            disk.stat().st_size,
            limits=Limits(connections=1, bytes_per_second=4 * MIB),
            progress=Replace(),
        )
