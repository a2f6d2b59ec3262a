"""kill -9 at any moment, storage that fills up or fails: nothing is wrong, little is redone."""

import contextlib
import json
import mmap
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtv.errors import DigestMismatch, ReadFailed, TargetFull, TransferError
from mtv.tasks import Limits, SyncResult
from mtv.transfer.records import resume
from mtv.transfer.records.digests import recorded_digest
from mtv.transfer.records.epochs import REDONE_BYTES, epoch_bytes
from mtv.transfer.records.grains import DATA, ZERO
from mtv.transfer.records.standing import is_as_left
from mtv.transfer.verify import verify_base
from tests.real.parts import require
from tests.transfer.conftest import Bench, SetUp
from tests.transfer.disks import MIB, allocated, change, copied, make_disk, sha256

MOMENTS = [
    "sync:started",
    "sync:written",
    "sync:epoch",
    "sync:copied",
    "sync:digests",
    "sync:finished",
]


def program(bench: Bench, ca: Path, *prefix: str, kill_at: str = "") -> subprocess.Popen[str]:
    """Starts a copy in a process of its own."""
    argv = [*prefix, sys.executable, "-m", "tests.transfer.copy_program"]
    argv += [bench.server.url, str(ca), str(bench.base), str(bench.capacity)]
    environment = {**os.environ, "MTV_KILL_AT": kill_at}
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=root
    )


def redone(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> int:
    """Bytes that were sent in both runs."""
    sent = {at for start, end in before for at in range(start, end, 4096)}
    again = {at for start, end in after for at in range(start, end, 4096)}
    return len(sent & again) * 4096


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_every_moment(set_up: SetUp, certificate: tuple[Path, Path], moment: str) -> None:
    bench = set_up("dd.." * 25)
    with program(bench, certificate[0], kill_at=moment) as child:
        child.communicate()
    assert child.returncode == -signal.SIGKILL
    sent = list(bench.server.sent)
    bench.server.reset_counts()
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert redone([span for span in sent if span[1] > 1], bench.server.sent) <= REDONE_BYTES
    assert recorded_digest(bench.base) == result.source
    if moment in ("sync:copied", "sync:digests", "sync:finished"):
        assert result.fetched_bytes == 0
    if moment not in ("sync:started", "sync:written"):
        assert result.kept_bytes >= epoch_bytes(2, 4 * MIB)


@pytest.mark.parametrize("served", [1, 120 * MIB, 230 * MIB])
def test_killed_from_outside(set_up: SetUp, certificate: tuple[Path, Path], served: int) -> None:
    bench = set_up("dppp" * 60)
    enough = threading.Event()
    bench.server.behaviour.on_served = lambda count: enough.set() if count >= served else None
    with program(bench, certificate[0]) as child:
        assert enough.wait(60)
        child.kill()
        child.communicate()
    sent = list(bench.server.sent)
    bench.server.reset_counts()
    copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert redone([span for span in sent if span[1] > 1], bench.server.sent) <= REDONE_BYTES


def test_killed_again_and_again(set_up: SetUp, certificate: tuple[Path, Path]) -> None:
    """Every run gets at least one epoch further."""
    bench = set_up("d" * 200)
    runs = 0
    while not bench.beside("digests").exists():
        with program(bench, certificate[0], kill_at="sync:epoch") as child:
            child.communicate()
        runs += 1
        assert runs < 8
    assert sha256(bench.base) == sha256(bench.disk)


def interrupted(bench: Bench, grains: int) -> None:
    """Leaves a copy that broke off after so many grains."""
    bench.server.behaviour.statuses = [0, *[0] * grains, *[500] * 5]
    with pytest.raises(ReadFailed):
        copied(
            bench.source, bench.base, bench.capacity, limits=Limits(connections=1), piece_bytes=MIB
        )
    bench.server.behaviour.statuses = []
    bench.server.reset_counts()


def test_torn_end_of_the_resume_file_is_cut(set_up: SetUp) -> None:
    bench = set_up("d" * 10)
    interrupted(bench, 5)
    with bench.beside("resume").open("ab") as file:
        file.write(b"\x01\x00\x00\x00\x05")
    result = copied(bench.source, bench.base, bench.capacity)
    assert result.kept_bytes == 5 * MIB
    assert sha256(bench.base) == sha256(bench.disk)
    assert copied(bench.source, bench.base, bench.capacity).fetched_bytes == 0


def test_every_cut_and_every_flipped_byte_of_the_resume_file_is_harmless(set_up: SetUp) -> None:
    bench = set_up("d.d.pd", extra=5)
    interrupted(bench, 3)
    path, base = bench.beside("resume"), bench.base
    whole, half = path.read_bytes(), base.read_bytes()
    right = sha256(bench.disk)
    damaged = [whole[:length] for length in range(0, len(whole), 17)]
    for at in range(0, len(whole), 11):
        damaged.append(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
    for content in damaged:
        path.write_bytes(content)
        base.write_bytes(half)  # the same inode
        copied(bench.source, base, bench.capacity)
        assert sha256(base) == right
        bench.beside("digests").unlink()


def test_resume_file_of_another_disk_is_not_believed(set_up: SetUp) -> None:
    bench = set_up("dd")
    copied(bench.source, bench.base, bench.capacity)
    recorded = bench.beside("resume").read_bytes()
    make_disk(bench.disk, "ddd", seed=2)
    bench.beside("resume").write_bytes(recorded)
    result = copied(bench.source, bench.base, bench.capacity)
    assert result.kept_bytes == 0
    assert sha256(bench.base) == sha256(bench.disk)


def test_unrecorded_write_where_the_source_has_zeros_is_emptied(set_up: SetUp) -> None:
    """A killed run may have written grains that it could not record any more."""
    bench = set_up("ddd...dp")
    interrupted(bench, 2)
    with bench.base.open("r+b") as file:
        file.seek(3 * MIB)
        file.write(b"left over" * 100_000)
        file.seek(7 * MIB)
        file.write(b"left over" * 100_000)
    result = copied(bench.source, bench.base, bench.capacity)
    assert result.kept_bytes == 2 * MIB
    assert sha256(bench.base) == sha256(bench.disk)
    assert allocated(bench.base) <= 5 * MIB + 128 * 1024


def test_base_that_was_replaced_while_half_done(set_up: SetUp) -> None:
    bench = set_up("dddddd")
    interrupted(bench, 4)
    other = make_disk(bench.base.with_name("other"), "......")
    other.replace(bench.base)
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.fetched_bytes == bench.capacity


def test_base_and_source_both_changed(set_up: SetUp) -> None:
    """What the records say about a grain that somebody overwrote must not spare its writing."""
    bench = set_up("ddd.")
    copied(bench.source, bench.base, bench.capacity)
    change(bench.base, MIB, b"somebody")
    change(bench.base, 3 * MIB, b"somebody", seconds_ago=40)
    change(bench.disk, 5, b"changed")
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.written_bytes == 2 * MIB


def test_recorded_grain_that_rotted_is_found_and_copied_again(set_up: SetUp) -> None:
    bench = set_up("dddddd")
    interrupted(bench, 4)
    with bench.base.open("r+b") as file:
        file.seek(2 * MIB + 99)
        file.write(b"rot")
    with pytest.raises(DigestMismatch, match=f"1 of its .* differ, .* at byte {2 * MIB}"):
        copied(bench.source, bench.base, bench.capacity)
    assert recorded_digest(bench.base) is None
    result = copied(bench.source, bench.base, bench.capacity)
    assert result.fetched_bytes == MIB
    assert sha256(bench.base) == sha256(bench.disk)


def verified(bench: Bench) -> object:
    return verify_base(
        bench.base,
        bench.capacity,
        on_progress=lambda _progress: None,
        cancelled=threading.Event(),
    ).digest


class TestVerify:
    """``verify_base`` proves that a base still holds what was copied."""

    def test_untouched_base(self, set_up: SetUp) -> None:
        bench = set_up("d.pd", extra=9)
        result = copied(bench.source, bench.base, bench.capacity)
        assert verified(bench) == result.source

    @pytest.mark.parametrize("offset", [0, 3 * MIB - 1, 4 * MIB + 8])
    def test_tampered_base_is_found_and_repaired_by_the_next_copy(
        self, set_up: SetUp, offset: int
    ) -> None:
        bench = set_up("d..d", extra=9)
        copied(bench.source, bench.base, bench.capacity)
        before = bench.base.stat()
        with bench.base.open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 1]))
        os.utime(bench.base, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(DigestMismatch, match=f"at byte {offset // MIB * MIB}"):
            verified(bench)
        result = copied(bench.source, bench.base, bench.capacity)
        assert 0 < result.fetched_bytes <= MIB
        assert sha256(bench.base) == sha256(bench.disk)
        verified(bench)

    @pytest.mark.parametrize("grain", [0, 1, 3])
    def test_data_that_became_a_hole_is_found(self, set_up: SetUp, grain: int) -> None:
        bench = set_up("dd.d")
        copied(bench.source, bench.base, bench.capacity)
        argv = ["fallocate", "--punch-hole", "--offset", str(grain * MIB), "--length", str(MIB)]
        subprocess.run([*argv, str(bench.base)], check=True)
        with pytest.raises(DigestMismatch, match=f"at byte {grain * MIB}"):
            verified(bench)

    def test_evidence_is_gone_while_a_repair_is_not_done(self, set_up: SetUp) -> None:
        bench = set_up("d..d")
        copied(bench.source, bench.base, bench.capacity)
        change(bench.base, 5, b"tampered")
        with pytest.raises(DigestMismatch):
            verified(bench)
        interrupted(bench, 0)
        assert recorded_digest(bench.base) is None
        copied(bench.source, bench.base, bench.capacity)
        verified(bench)

    def test_base_that_was_never_complete(self, set_up: SetUp) -> None:
        bench = set_up("dddd")
        with pytest.raises(TransferError, match="there is no"):
            verified(bench)
        interrupted(bench, 2)
        with pytest.raises(TransferError, match="not copied to its end"):
            verified(bench)

    def test_damaged_digest_list(self, set_up: SetUp) -> None:
        bench = set_up("dd")
        copied(bench.source, bench.base, bench.capacity)
        listed = bench.beside("digests").read_text()
        for damage in (listed[:-1], "x" * len(listed), listed.replace("\n", " ")):
            bench.beside("digests").write_text(damage)
            with pytest.raises(TransferError, match="is not the digest list"):
                verified(bench)


@contextlib.contextmanager
def mounted(place: Path, kind: str, options: str = "") -> Iterator[Path]:
    """A file system in memory, until the block ends."""
    place.mkdir()
    argv = ["mount", "-t", kind, *(("-o", options) if options else ()), kind, str(place)]
    works = os.geteuid() == 0 and subprocess.run(argv, capture_output=True).returncode == 0
    require(f"a {kind} of our own", works, "run as root with CAP_SYS_ADMIN")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def small_mount(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB that can be made larger with ``grow``."""
    with mounted(tmp_path / "small", "tmpfs", "size=8m") as place:
        yield place


def grow(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)


def test_full_target_says_what_is_missing_and_resumes(set_up: SetUp, small_mount: Path) -> None:
    bench = set_up("d" * 16)
    bench.base = small_mount / "base.raw"
    with pytest.raises(TargetFull) as caught:
        copied(bench.source, bench.base, bench.capacity)
    assert f"are free on {small_mount}" in caught.value.message
    assert "at least" in caught.value.message
    assert "make room" in caught.value.hint
    grow(small_mount)
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.kept_bytes > 0


def test_file_that_may_not_get_that_large(set_up: SetUp, certificate: tuple[Path, Path]) -> None:
    bench = set_up("dd")
    limit = ("prlimit", f"--fsize={MIB}")
    with program(bench, certificate[0], *limit) as child:
        said = child.communicate()[0]
    assert child.returncode == 1
    assert said.startswith("TargetFull:")
    assert "cannot get as large as the disk" in said


class LoopDevice:
    """A block device over a file."""

    def __init__(self, backing: Path, *options: str) -> None:
        argv = ["losetup", "--find", "--show", *options, str(backing)]
        attached = subprocess.run(argv, capture_output=True, text=True)
        require("a loop device", attached.returncode == 0, "run as root, with the loop module")
        self.path = Path(attached.stdout.strip())

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        subprocess.run(["losetup", "--detach", str(self.path)], check=True)


@contextlib.contextmanager
def cached(path: Path) -> Iterator[None]:
    """All of it stays in the page cache until the block ends: what is mapped is not dropped."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        with mmap.mmap(file.fileno(), size, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ):
            yield


@contextlib.contextmanager
def file_system_in(image: Path, place: Path) -> Iterator[Path]:
    """A file system whose blocks are those of a file."""
    made = subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], capture_output=True)
    require("mkfs.ext4", made.returncode == 0, "run setup/packages.sh test")
    place.mkdir()
    with LoopDevice(image) as device:
        subprocess.run(["mount", "-t", "ext4", str(device), str(place)], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("name", ["base.raw", "base.qcow2"])
def test_a_change_below_the_page_cache_is_found(set_up: SetUp, tmp_path: Path, name: str) -> None:
    """What rots on a disk is not in the memory of the machine that wrote it a moment ago."""
    bench = set_up("d..p.d")
    image = make_disk(tmp_path / "image", "." * 64)
    with file_system_in(image, tmp_path / "place") as place:
        bench.base = place / name
        copied(bench.source, bench.base, bench.capacity)
        with cached(bench.base):
            as_copied = sha256(bench.base)
            at = image.read_bytes().index(bench.disk.read_bytes()[5 * MIB :][:4096])
            change(image, at + 99, b"a disk that rots")
            assert sha256(bench.base) == as_copied
            with pytest.raises(DigestMismatch, match=f"at byte {5 * MIB}"):
                verified(bench)


class TestBlockDevice:
    """A base that is a device, reached by a symbolic link that has room beside it."""

    def bench_on(self, bench: Bench, device: Path, directory: Path) -> None:
        bench.base = directory / "disk-0"
        bench.base.unlink(missing_ok=True)
        bench.base.symlink_to(device)

    @pytest.mark.parametrize("beyond", [0, 3 * MIB])
    def test_old_content_is_gone(self, set_up: SetUp, tmp_path: Path, beyond: int) -> None:
        bench = set_up("d..p.d", extra=512)
        backing = tmp_path / "backing"
        backing.write_bytes(b"\xaa" * (bench.capacity + beyond))
        with LoopDevice(backing) as device:
            self.bench_on(bench, device, tmp_path)
            result = copied(bench.source, bench.base, bench.capacity)
            assert sha256(device, bench.capacity) == sha256(bench.disk)
            assert recorded_digest(bench.base, bench.capacity) == result.source
            # A device does not tell who wrote to it: the second run compares, and fetches nothing.
            again = copied(bench.source, bench.base, bench.capacity)
            assert (again.fetched_bytes, again.kept_bytes) == (0, bench.capacity)
            change(bench.disk, MIB, b"changed")
            third = copied(bench.source, bench.base, bench.capacity)
            assert third.written_bytes == 64 * 1024
            assert sha256(device, bench.capacity) == sha256(bench.disk)
        assert backing.read_bytes()[bench.capacity :] == b"\xaa" * beyond

    def test_device_that_was_written_meanwhile_is_repaired(
        self, set_up: SetUp, tmp_path: Path
    ) -> None:
        bench = set_up("d..p.d")
        backing = make_disk(tmp_path / "backing", "......")
        with LoopDevice(backing) as device:
            self.bench_on(bench, device, tmp_path)
            copied(bench.source, bench.base, bench.capacity)
            with device.open("r+b") as file:
                file.seek(4 * MIB)
                file.write(b"a guest that booted")
            result = copied(bench.source, bench.base, bench.capacity)
            assert result.fetched_bytes == MIB
            assert sha256(device) == sha256(bench.disk)

    def test_what_its_disk_cannot_read_any_more_is_told_and_nothing_concluded_from_it(
        self, set_up: SetUp, tmp_path: Path
    ) -> None:
        bench = set_up("d..p.d")
        backing = make_disk(tmp_path / "backing", "......")
        with LoopDevice(backing) as device:
            self.bench_on(bench, device, tmp_path)
            copied(bench.source, bench.base, bench.capacity)
            os.truncate(backing, 5 * MIB)  # reading behind it is an error
            with pytest.raises(TransferError, match="cannot be read back") as caught:
                verified(bench)
            assert "delete this file" in caught.value.hint
            assert is_as_left(bench.base)

    def test_a_change_below_the_page_cache_is_found(self, set_up: SetUp, tmp_path: Path) -> None:
        bench = set_up("d..p.d")
        backing = make_disk(tmp_path / "backing", "......")
        with LoopDevice(backing) as device:
            self.bench_on(bench, device, tmp_path)
            copied(bench.source, bench.base, bench.capacity)
            with cached(device):
                change(backing, 5 * MIB + 99, b"a disk that rots")
                assert sha256(device) == sha256(bench.disk)
                with pytest.raises(DigestMismatch, match=f"at byte {5 * MIB}"):
                    verified(bench)

    def test_device_smaller_than_the_disk(self, set_up: SetUp, tmp_path: Path) -> None:
        bench = set_up("dddd")
        with LoopDevice(make_disk(tmp_path / "backing", "...")) as device:
            self.bench_on(bench, device, tmp_path)
            with pytest.raises(TargetFull, match=f"{MIB} fewer than the disk"):
                copied(bench.source, bench.base, bench.capacity)

    def test_write_that_the_storage_loses_is_never_recorded(
        self, set_up: SetUp, tmp_path: Path, small_mount: Path
    ) -> None:
        """A device thinner than it says: writes succeed, fdatasync tells the truth, once.

        The disk is less than a page, which can only be written through the cache.
        """
        bench = set_up("", extra=512)
        backing = small_mount / "backing"
        with backing.open("wb") as file:
            file.truncate(4096)
        (small_mount / "others").write_bytes(bytes(8 * MIB))
        with LoopDevice(backing) as device:
            self.bench_on(bench, device, tmp_path)
            with pytest.raises(TransferError, match="cannot be written"):
                copied(bench.source, bench.base, bench.capacity)
            recorded = resume.read(bench.beside("resume"), bench.capacity)
            assert recorded is not None
            assert recorded.grains.bytes_in(DATA, ZERO) == 0
            grow(small_mount)
            copied(bench.source, bench.base, bench.capacity)
            assert sha256(device, bench.capacity) == sha256(bench.disk)

    def test_thin_device_without_room_says_so_and_resumes(
        self, set_up: SetUp, tmp_path: Path, small_mount: Path
    ) -> None:
        bench = set_up("d" * 16)
        backing = make_disk(small_mount / "backing", "." * 16)
        with LoopDevice(backing) as device:
            self.bench_on(bench, device, tmp_path)
            with pytest.raises(TargetFull, match="storage behind the device") as caught:
                copied(bench.source, bench.base, bench.capacity)
            assert "give" in caught.value.hint
            grow(small_mount)
            copied(bench.source, bench.base, bench.capacity)
            assert sha256(device) == sha256(bench.disk)


def test_epochs_lose_no_more_than_promised() -> None:
    for connections in range(1, 20):
        limit, buffer = epoch_bytes(connections, 4 * MIB), 4 * MIB
        assert limit >= 16 * MIB
        if connections <= 16:
            assert 2 * (limit + buffer) + connections * buffer <= REDONE_BYTES


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_file_systems_that_can_less(set_up: SetUp, tmp_path: Path, kind: str) -> None:
    """ramfs knows no holes, no punching and no O_DIRECT; every fall-back is taken there."""
    bench = set_up("d.pd.", extra=77)
    with mounted(tmp_path / kind, kind) as place:
        bench.base = place / "base.raw"
        interrupted(bench, 1)
        with bench.base.open("r+b") as file:
            file.seek(MIB)
            file.write(b"left over" * 100_000)
        copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)
        change(bench.disk, 0, bytes(MIB))
        copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)


def test_result_of_the_program_is_the_contract(
    set_up: SetUp, certificate: tuple[Path, Path]
) -> None:
    bench = set_up("d.")
    with program(bench, certificate[0]) as child:
        said = json.loads(child.communicate()[0])
    assert set(said) == {"result", *SyncResult.__struct_fields__}
