"""What a target may be: read-only, too small, gone, not what it says, somebody else's just now."""

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtv.errors import TargetFull, TransferError
from tests.real.parts import require
from tests.transfer.conftest import Bench, SetUp
from tests.transfer.disks import MIB, ServedDisk, copied, make_disk, settle, sha256
from tests.transfer.range_server import RangeServer
from tests.transfer.test_crash import LoopDevice, mounted, program


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


class TestTwoCopiesOnOneBase:
    """Two programs that copy two disks of one size to one base: it is never of both."""

    @pytest.fixture
    def benches(
        self, set_up: SetUp, tmp_path: Path, certificate: tuple[Path, Path]
    ) -> Iterator[tuple[Bench, Bench]]:
        first = set_up("d" * 24)
        disk = make_disk(tmp_path / "other", "d" * 24, seed=2)
        settle(disk)  # else its time, by which it is known, is that of the first one
        with RangeServer(disk, *certificate) as server:
            other = Bench(tmp_path, server, ServedDisk(server.url, first.source.tls))
            assert (other.base, other.capacity) == (first.base, first.capacity)
            yield first, other

    @contextlib.contextmanager
    def stopping_midway(self, bench: Bench) -> Iterator[tuple[threading.Event, threading.Event]]:
        """What is set when its server has given half of the disk, and what lets it go on."""
        midway, go_on = threading.Event(), threading.Event()

        def wait(served: int) -> None:
            if served >= bench.capacity // 2:
                midway.set()
                go_on.wait()

        bench.server.behaviour.on_served = wait
        try:
            yield midway, go_on
        finally:
            go_on.set()

    def test_the_second_is_refused_and_says_whose_it_is(
        self, benches: tuple[Bench, Bench], certificate: tuple[Path, Path]
    ) -> None:
        one, other = benches
        with program(one, certificate[0]) as first, self.stopping_midway(one) as (midway, go_on):
            assert midway.wait(60)
            with program(other, certificate[0]) as second:
                refused = second.communicate()[0]
            assert second.returncode == 1
            assert refused.startswith(
                f"TransferError: another worker (process {first.pid}) writes {one.base}"
            )
            assert other.server.served_bytes == 0
            go_on.set()
            first.communicate()
        assert first.returncode == 0
        assert sha256(one.base) == sha256(one.disk)

    def test_the_second_waits_for_one_that_is_just_ending(
        self, benches: tuple[Bench, Bench], certificate: tuple[Path, Path]
    ) -> None:
        one, other = benches
        with program(one, certificate[0]) as first, self.stopping_midway(one) as (midway, go_on):
            assert midway.wait(60)
            with program(other, certificate[0]) as second:
                until_open(second, one.beside("lease"))
                assert other.server.served_bytes == 0
                go_on.set()
                said = json.loads(first.communicate()[0])
                ended = json.loads(second.communicate()[0])
        assert first.returncode == second.returncode == 0
        assert said["source"] == said["target"] != ended["source"] == ended["target"]
        assert sha256(one.base) == sha256(other.disk)

    def test_the_second_takes_over_from_one_that_is_killed(
        self, benches: tuple[Bench, Bench], certificate: tuple[Path, Path]
    ) -> None:
        """The kernel gives the lease back at once."""
        one, other = benches
        with program(one, certificate[0]) as first, self.stopping_midway(one) as (midway, _):
            assert midway.wait(60)
            with program(other, certificate[0]) as second:
                until_open(second, one.beside("lease"))
                first.kill()
                second.communicate()
        assert second.returncode == 0
        assert sha256(one.base) == sha256(other.disk)


def until_open(program: subprocess.Popen[str], path: Path) -> None:
    """Waits until a program has this file open."""
    deadline = time.monotonic() + 30
    while not any(
        os.path.realpath(each) == str(path) for each in Path(f"/proc/{program.pid}/fd").iterdir()
    ):
        assert program.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
