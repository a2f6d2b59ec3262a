"""What a target may be: read-only, too small, gone, not what it says, somebody else's just now."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtv.errors import TargetFull, TransferError
from tests.real.parts import require
from tests.transfer.conftest import SetUp
from tests.transfer.disks import MIB, copied, make_disk, sha256
from tests.transfer.test_crash import LoopDevice, mounted


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A file system that can be read and was writable once: with a base of 2 MiB on it."""
    with mounted(tmp_path / "ro", "tmpfs") as place:
        make_disk(place / "base.raw", "..")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield place


@pytest.mark.parametrize("name", ["base.raw", "another.raw"])
def test_a_read_only_file_system(set_up: SetUp, read_only: Path, name: str) -> None:
    bench = set_up("dd")
    bench.base = read_only / name
    with pytest.raises(TransferError, match="Read-only file system") as caught:
        copied(bench.source, bench.base, bench.capacity)
    assert "writable" in caught.value.hint
    assert bench.server.served_bytes == 0


def test_a_file_system_that_becomes_read_only(set_up: SetUp, tmp_path: Path) -> None:
    """As ext4 and XFS do after an error: with writers it takes a file system of its own."""
    bench = set_up("d" * 24)
    image = tmp_path / "file-system"
    with image.open("wb") as file:
        file.truncate(64 * MIB)
    made = subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], capture_output=True, check=False)
    require("mkfs.ext4", made.returncode == 0, "install e2fsprogs")
    place = tmp_path / "mounted"
    place.mkdir()
    with LoopDevice(image) as device:
        argv = ["mount", "-t", "ext4", str(device), str(place)]
        works = subprocess.run(argv, capture_output=True, check=False).returncode == 0
        require("a mounted file system", works, "run as root with CAP_SYS_ADMIN")
        try:
            bench.base = place / "base.raw"

            def fail(served: int) -> None:
                if served > 8 * MIB:
                    bench.server.behaviour.on_served = lambda _: None
                    argv = ["mount", "-o", "remount,abort", str(place)]
                    subprocess.run(argv, capture_output=True, check=False)

            bench.server.behaviour.on_served = fail
            with pytest.raises(TransferError) as caught:
                copied(bench.source, bench.base, bench.capacity)
            assert caught.value.hint
            assert not bench.beside("digests").exists()
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_device_that_cannot_be_written(set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("dd")
    backing = make_disk(tmp_path / "backing", "....")
    with LoopDevice(backing, "--read-only") as device:
        bench.base.symlink_to(device)
        with pytest.raises(TransferError, match=r"cannot be (opened|written)") as caught:
            copied(bench.source, bench.base, bench.capacity)
    assert caught.value.hint
    assert sha256(backing) == sha256(make_disk(tmp_path / "zeros", "...."))


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_what_is_no_file_and_no_device_is_refused(set_up: SetUp, tmp_path: Path, kind: str) -> None:
    bench = set_up("d")
    if kind == "fifo":
        os.mkfifo(bench.base)
    else:
        bench.base.symlink_to("/dev/null")
    with pytest.raises(TransferError, match="neither a file nor a block device"):
        copied(bench.source, bench.base, bench.capacity)
    assert not (tmp_path / "base.raw.digests").exists()


def test_a_device_that_is_too_small_is_told_before_anything_is_written(
    set_up: SetUp, tmp_path: Path
) -> None:
    bench = set_up("d" * 4)
    backing = make_disk(tmp_path / "backing", "d.d", seed=7)
    before = sha256(backing)
    with LoopDevice(backing) as device:
        bench.base.symlink_to(device)
        with pytest.raises(TargetFull, match=f"{MIB} fewer than the disk") as caught:
            copied(bench.source, bench.base, bench.capacity)
    assert f"at least {bench.capacity} bytes" in caught.value.hint
    assert sha256(backing) == before


def test_two_processes_on_one_disk(set_up: SetUp) -> None:
    """The second one says whose it is, and both end without a byte of the other's."""
    bench = set_up("d" * 6)
    holder = f"""if True:
        import sys, threading
        from pathlib import Path
        from mtv.transfer.bases.lease import writer_lease
        with writer_lease(Path({str(bench.beside("lease"))!r}), threading.Event()):
            print("held", flush=True)
            sys.stdin.read()
    """
    argv = [sys.executable, "-c", holder]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"
        cancelled = threading.Event()
        with pytest.raises(TransferError, match=rf"another worker \(process {other.pid}\) writes"):
            copied(bench.source, bench.base, bench.capacity, cancelled=cancelled)
        assert not bench.base.exists()
        # It is killed: the kernel gives the lease back at once.
        other.kill()
    copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
