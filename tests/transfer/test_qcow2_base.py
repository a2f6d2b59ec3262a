"""A base in qcow2 is what a raw one is: exact, with holes, durable, never followed elsewhere."""

import contextlib
import json
import os
import random
import signal
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtv.errors import DigestMismatch, ReadFailed, TargetFull, TransferError
from mtv.tasks import Limits
from mtv.transfer.bases.opening import open_base
from mtv.transfer.bases.pages import paged
from mtv.transfer.records import resume
from mtv.transfer.records.digests import recorded_digest
from mtv.transfer.records.grains import DATA, ZERO
from mtv.transfer.verify import verify_base
from tests.transfer.conftest import Bench, SetUp
from tests.transfer.disks import MIB, allocated, change, copied, sha256
from tests.transfer.test_crash import MOMENTS, LoopDevice, grow, mounted, program

HEADER_BACKING_AT, HEADER_SIZE_AT, HEADER_FEATURES_AT = 8, 24, 72


def on_qcow2(bench: Bench) -> Bench:
    bench.base = bench.base.with_name("base.qcow2")
    return bench


def seen(base: Path, length: int | None = None) -> str:
    """Digest of what a guest would see; of so many bytes, as it sees whole sectors."""
    raw = base.with_name("seen.raw")
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", base, raw], check=True)
    return sha256(raw, length)


def is_sound(base: Path) -> bool:
    """QEMU finds no error; clusters that leaked do no harm."""
    said = subprocess.run(
        ["qemu-img", "check", "-f", "qcow2", "--output=json", base], capture_output=True
    )
    found = json.loads(said.stdout)
    return not found.get("corruptions") and not found.get("check-errors")


@contextlib.contextmanager
def in_use(base: Path) -> Iterator[None]:
    """Another QEMU has it open, as that of a guest would."""
    argv = ["qemu-io", "-f", "qcow2", str(base)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(b"length\n")
        program.stdin.flush()
        program.stdout.readline()
        yield
        program.stdin.close()


@pytest.mark.parametrize("extra", [0, 77, 512, 64 * 1024])
def test_it_holds_the_disk_and_its_holes(set_up: SetUp, extra: int) -> None:
    bench = on_qcow2(set_up("d.p....d" + "." * 64, extra=extra))
    result = copied(bench.source, bench.base, bench.capacity)
    assert seen(bench.base, bench.capacity) == sha256(bench.disk)
    assert recorded_digest(bench.base, bench.capacity) == result.target
    assert allocated(bench.base) < 4 * MIB
    assert bench.base.stat().st_mode & 0o777 == 0o600
    assert is_sound(bench.base)


def test_again_nothing_and_then_only_what_changed(set_up: SetUp) -> None:
    bench = on_qcow2(set_up("dd.d"))
    first = copied(bench.source, bench.base, bench.capacity)
    bench.server.reset_counts()
    again = copied(bench.source, bench.base, bench.capacity)
    assert (again.fetched_bytes, again.source) == (0, first.source)
    change(bench.disk, MIB, bytes(MIB))
    change(bench.disk, 2 * MIB, b"news")
    third = copied(bench.source, bench.base, bench.capacity)
    assert third.written_bytes == 64 * 1024
    assert seen(bench.base) == sha256(bench.disk)
    assert is_sound(bench.base)


def test_what_a_guest_wrote_is_found_and_repaired(set_up: SetUp) -> None:
    bench = on_qcow2(set_up("dd.d"))
    copied(bench.source, bench.base, bench.capacity)
    verify = verify_base(
        bench.base, bench.capacity, on_progress=lambda _: None, cancelled=threading.Event()
    )
    assert verify.read_bytes == 3 * MIB
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", f"write -P 7 {2 * MIB} 4k", bench.base],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with pytest.raises(DigestMismatch, match=f"first one at byte {2 * MIB}"):
        verify_base(
            bench.base, bench.capacity, on_progress=lambda _: None, cancelled=threading.Event()
        )
    copied(bench.source, bench.base, bench.capacity)
    assert seen(bench.base) == sha256(bench.disk)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_every_moment(set_up: SetUp, certificate: tuple[Path, Path], moment: str) -> None:
    bench = on_qcow2(set_up("dd.." * 20))
    with program(bench, certificate[0], kill_at=moment) as child:
        child.communicate()
    assert child.returncode == -signal.SIGKILL
    result = copied(bench.source, bench.base, bench.capacity)
    assert seen(bench.base) == sha256(bench.disk)
    assert is_sound(bench.base)
    if moment in ("sync:copied", "sync:digests", "sync:finished"):
        assert result.fetched_bytes == 0


def test_killed_from_outside(set_up: SetUp, certificate: tuple[Path, Path]) -> None:
    bench = on_qcow2(set_up("dppp" * 60))
    enough = threading.Event()
    bench.server.behaviour.on_served = lambda count: enough.set() if count >= 120 * MIB else None
    with program(bench, certificate[0]) as child:
        assert enough.wait(60)
        child.kill()
        child.communicate()
    recorded = resume.read(bench.beside("resume"), bench.capacity)
    assert recorded is not None
    assert recorded.grains.bytes_in(DATA, ZERO) > 0
    result = copied(bench.source, bench.base, bench.capacity)
    assert result.kept_bytes > 0
    assert seen(bench.base) == sha256(bench.disk)
    assert is_sound(bench.base)


def test_full_target_says_so_and_resumes(set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("d" * 16)
    with mounted(tmp_path / "small", "tmpfs", "size=8m") as place:
        bench.base = place / "base.qcow2"
        with pytest.raises(TargetFull, match="are free on"):
            copied(bench.source, bench.base, bench.capacity)
        grow(place)
        copied(bench.source, bench.base, bench.capacity)
        subprocess.run(
            ["qemu-img", "compare", "-f", "qcow2", "-F", "raw", bench.base, bench.disk], check=True
        )


def test_no_room_for_even_an_empty_one(set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("d")
    with mounted(tmp_path / "small", "tmpfs", "size=1m") as place:
        bench.base = place / "base.qcow2"
        filler = place / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            file.write(bytes(900 * 1024))
        with pytest.raises(TargetFull):
            copied(bench.source, bench.base, bench.capacity)


def test_who_has_it_open_is_not_written_under(set_up: SetUp) -> None:
    bench = on_qcow2(set_up("d.d"))
    copied(bench.source, bench.base, bench.capacity)
    change(bench.disk, 0, b"news")
    with in_use(bench.base), pytest.raises(TransferError, match="open in another QEMU"):
        copied(bench.source, bench.base, bench.capacity)
    copied(bench.source, bench.base, bench.capacity)
    assert seen(bench.base) == sha256(bench.disk)


def backing(header: bytearray, secret: Path) -> None:
    name = str(secret).encode()
    struct.pack_into(">QI", header, HEADER_BACKING_AT, 4096, len(name))
    header[4096 : 4096 + len(name)] = name


def data_file(header: bytearray, secret: Path) -> None:
    del secret
    struct.pack_into(">Q", header, HEADER_FEATURES_AT, 4)


def larger(header: bytearray, secret: Path) -> None:
    del secret
    struct.pack_into(">Q", header, HEADER_SIZE_AT, 1 << 40)


def torn(header: bytearray, secret: Path) -> None:
    del secret
    header[:] = bytes(len(header))


@pytest.mark.parametrize("spoil", [backing, data_file, larger, torn])
def test_what_its_header_says_of_others_is_never_followed(
    set_up: SetUp, tmp_path: Path, spoil: Callable[[bytearray, Path], None]
) -> None:
    """It is not what mtv made: it is made anew, from the source."""
    bench = on_qcow2(set_up("d...d"))
    copied(bench.source, bench.base, bench.capacity)
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 5 * MIB)
    content = bytearray(bench.base.read_bytes())
    spoil(content, secret)
    bench.base.write_bytes(content)
    copied(bench.source, bench.base, bench.capacity)
    assert seen(bench.base) == sha256(bench.disk)


def test_a_device_is_written_raw(set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("d")
    bench.base = tmp_path / "disk.qcow2"
    backing = tmp_path / "backing"
    backing.touch()
    os.truncate(backing, MIB)
    with LoopDevice(backing) as device:
        bench.base.symlink_to(device)
        with pytest.raises(TransferError, match="is a block device"):
            copied(bench.source, bench.base, bench.capacity)


def test_a_copy_that_broke_off_goes_on(set_up: SetUp) -> None:
    bench = on_qcow2(set_up("d" * 10))
    bench.server.behaviour.statuses = [0, *[0] * 5, *[500] * 5]
    with pytest.raises(ReadFailed):
        copied(
            bench.source, bench.base, bench.capacity, limits=Limits(connections=1), piece_bytes=MIB
        )
    bench.server.behaviour.statuses = []
    assert copied(bench.source, bench.base, bench.capacity).kept_bytes == 5 * MIB
    assert seen(bench.base) == sha256(bench.disk)


def test_anything_written_is_read_as_from_a_raw_base(tmp_path: Path) -> None:
    chance = random.Random(5)
    size = 6 * MIB
    paths = [tmp_path / "a.raw", tmp_path / "a.qcow2"]
    with contextlib.ExitStack() as stack:
        bases = [stack.enter_context(open_base(each, size, lambda: None)) for each in paths]
        for base in bases:
            base.blank()
        for _ in range(120):
            offset = chance.randrange(size // 4096) * 4096
            length = min(size - offset, chance.randint(1, 300) * 4096)
            content = bytearray(chance.randbytes(length))
            hole = chance.randrange(length)
            content[hole : hole + 70_000] = bytes(len(content[hole : hole + 70_000]))
            for base in bases:
                if offset % 3 == 0:
                    base.clear(offset, length)
                else:
                    base.write(content, 0, length, offset, blank=False)
        for base in bases:
            base.sync()
        assert bases[0].read(0, size) == bases[1].read(0, size)
        for base in bases:
            with base.on_disk() as on_disk, on_disk.opened() as opened:
                found = bytearray(size)
                for start, end in on_disk.data(0, size):
                    buffer, at = paged(end - start)
                    opened.fill(memoryview(buffer)[at : at + end - start], start, end - start)
                    found[start:end] = buffer[at : at + end - start]
                assert found == bases[0].read(0, size)


def test_the_daemon_ends_with_its_worker(set_up: SetUp, certificate: tuple[Path, Path]) -> None:
    bench = on_qcow2(set_up("d" * 200))
    with program(bench, certificate[0], kill_at="sync:epoch") as child:
        child.communicate()
    found = bench.base.stat()
    holders = list[Path]()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            held = link.stat()
            if (held.st_dev, held.st_ino) == (found.st_dev, found.st_ino):
                holders.append(link)
    assert not holders
