"""The daemon behind a base in qcow2: who else has the image open, and its end at a bad moment."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtv.errors import DigestMismatch, LeaseLost, TransferError
from mtv.tasks import VerifyResult
from mtv.transfer.bases.opening import open_base
from mtv.transfer.verify import verify_base
from tests.driver import processes_about
from tests.transfer.conftest import Bench, SetUp
from tests.transfer.disks import MIB, change, copied, sha256
from tests.transfer.test_crash import mounted
from tests.transfer.test_qcow2_base import in_use, is_sound, on_qcow2, seen


def verified(bench: Bench) -> VerifyResult:
    return verify_base(
        bench.base, bench.capacity, on_progress=lambda _: None, cancelled=threading.Event()
    )


@contextlib.contextmanager
def ends_soon(base: Path) -> Iterator[None]:
    """Another QEMU has it open, and lets go of it in the next moment."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(in_use(base))
        timer = threading.Timer(1.0, stack.pop_all().close)
        timer.start()
        yield
        timer.join()


def test_while_another_has_it_open_nothing_is_proven(set_up: SetUp) -> None:
    bench = on_qcow2(set_up("d.d"))
    copied(bench.source, bench.base, bench.capacity)
    with in_use(bench.base), pytest.raises(TransferError, match="open in another QEMU"):
        verified(bench)
    assert verified(bench).read_bytes == 2 * MIB


@pytest.mark.parametrize("recorded", [True, False])
def test_a_daemon_that_is_still_dying_is_waited_for(set_up: SetUp, recorded: bool) -> None:
    """As after a kill -9: the lease is free at once, QEMU's lock a moment later."""
    bench = on_qcow2(set_up("d.d"))
    copied(bench.source, bench.base, bench.capacity)
    change(bench.disk, 0, b"news")
    if not recorded:  # it is emptied then
        bench.beside("resume").unlink()
    with ends_soon(bench.base):
        copied(bench.source, bench.base, bench.capacity)
    assert seen(bench.base) == sha256(bench.disk)


def test_what_keeps_qemu_from_opening_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "base.qcow2"
    with open_base(path, MIB, lambda: None) as base:
        base.blank()
    content = bytearray(path.read_bytes())
    content[48:56] = (12345).to_bytes(8, "big")  # where the reference counts are
    path.write_bytes(content)
    with (
        open_base(path, MIB, lambda: None) as base,
        pytest.raises(TransferError, match=r"does not open .*: Reference count table offset"),
    ):
        base.read(0, 512)


def test_a_daemon_that_is_killed_is_told_and_the_copy_goes_on(set_up: SetUp) -> None:
    bench = on_qcow2(set_up("d" * 60))

    def kill(served: int) -> None:
        if served > 20 * MIB:
            bench.server.behaviour.on_served = lambda _: None
            (found,) = processes_about(str(bench.base))
            os.kill(int(found.partition(":")[0]), signal.SIGKILL)

    bench.server.behaviour.on_served = kill
    with pytest.raises(TransferError, match="qemu-storage-daemon is gone"):
        copied(bench.source, bench.base, bench.capacity)
    copied(bench.source, bench.base, bench.capacity)
    assert seen(bench.base) == sha256(bench.disk)
    assert is_sound(bench.base)


def test_who_lost_the_lease_writes_nothing_any_more(tmp_path: Path) -> None:
    """Not even the tables that QEMU still has in memory."""
    path, over = tmp_path / "base.qcow2", threading.Event()

    def may_write() -> None:
        if over.is_set():
            raise LeaseLost("over")

    with open_base(path, MIB, may_write) as base:
        base.blank()
        base.write(bytearray(b"x" * MIB), 0, MIB, 0, blank=True)
        over.set()
        before = path.read_bytes()
        attempts: list[Callable[[], object]] = [
            lambda: base.write(bytearray(b"y" * 4096), 0, 4096, 0, blank=True),
            lambda: base.clear(0, 4096),
            base.blank,
        ]
        for attempt in attempts:
            with pytest.raises(LeaseLost):
                attempt()
    assert path.read_bytes() == before
    assert is_sound(path)


def test_what_was_synced_is_in_the_file_with_its_tables(tmp_path: Path) -> None:
    """Without that, a grain that the resume file names would be lost with the daemon."""
    path, size = tmp_path / "base.qcow2", 600 * MIB  # more than one second table
    with open_base(path, size, lambda: None) as base:
        base.blank()
        for grain in (0, 1, 513, 599):
            base.write(bytearray(b"%03d " % grain * (MIB // 4)), 0, MIB, grain * MIB, blank=True)
        base.clear(MIB, MIB)
        base.sync()
        image = path.read_bytes()  # while the daemon has it open
    copy = tmp_path / "copy.qcow2"
    copy.write_bytes(image)
    with open_base(copy, size, lambda: None) as base:
        for grain in (0, 513, 599):
            assert base.read(grain * MIB, MIB) == b"%03d " % grain * (MIB // 4)
        assert base.read(MIB, MIB) == bytes(MIB)


def test_its_time_is_the_last_one(tmp_path: Path) -> None:
    """QEMU may write when it closes an image: what the seal names comes after that."""
    path = tmp_path / "base.qcow2"
    with open_base(path, MIB, lambda: None) as base:
        base.blank()
        base.write(bytearray(b"x" * MIB), 0, MIB, 0, blank=True)
        base.sync_times()
        assert not processes_about(str(path))
        changed = base.changed_ns
        with base.on_disk() as on_disk:
            assert list(on_disk.data(0, MIB)) == [(0, MIB)]
        time.sleep(0.02)
    assert path.stat().st_mtime_ns == changed


@pytest.mark.parametrize("where", ["data", "table"])
def test_rot_in_the_file_is_found(set_up: SetUp, where: str) -> None:
    bench = on_qcow2(set_up("dd.d"))
    copied(bench.source, bench.base, bench.capacity)
    content = bench.base.read_bytes()
    at = content.find(bench.disk.read_bytes()[MIB : MIB + 512])
    if where == "table":  # the entry of the second grain's first cluster
        first = int.from_bytes(content[40:48], "big")
        at = (int.from_bytes(content[first : first + 8], "big") & 0xFFFFFFFFFFFE00) + 16 * 8
    with bench.base.open("r+b") as file:
        file.seek(at)
        file.write(bytes(64 * 1024 if where == "data" else 8))
    with pytest.raises(DigestMismatch, match=f"at byte {MIB}"):
        verified(bench)
    copied(bench.source, bench.base, bench.capacity)
    assert seen(bench.base) == sha256(bench.disk)


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_file_systems_that_can_less(set_up: SetUp, tmp_path: Path, kind: str) -> None:
    bench = set_up("d.pd.", extra=512)
    with mounted(tmp_path / kind, kind) as place:
        bench.base = place / "base.qcow2"
        copied(bench.source, bench.base, bench.capacity)
        change(bench.disk, 0, bytes(MIB))
        copied(bench.source, bench.base, bench.capacity)
        assert seen(bench.base) == sha256(bench.disk)
        assert verified(bench)
