"""Disks that come in one stream: copied to the byte, whatever breaks off and whatever lies."""

import os
import random
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtv.errors import DigestMismatch, ReadFailed, SizeChanged
from mtv.model.disk import StreamLocation, TlsTrust
from mtv.tasks import Limits, Progress, SyncResult, VerifySourceResult
from mtv.transfer.copy import copy_disk
from mtv.transfer.records import resume
from mtv.transfer.records.digests import recorded_digest
from mtv.transfer.records.grains import DATA, STALE, ZERO
from mtv.transfer.verify_source import verify_source
from tests.real.vmdk import GRAIN, SECTOR, vmware_vmdk
from tests.transfer.disks import MIB, NO_PAUSES, ServedDisk, allocated, change, make_disk, sha256
from tests.transfer.range_server import RangeServer

LAYOUT = "d.p..dd.d.......dddd" * 2


class Streamed(ServedDisk):
    """A StreamedDisk over a server that gives a VMDK whole."""

    reads = 0

    def location(self) -> StreamLocation:  # type: ignore[override]
        return StreamLocation(url=self.url, headers=(("Cookie", self.token),), tls=self.tls)

    def was_read(self) -> None:
        self.reads += 1


class Bench:
    """A disk, the server of its stream, and a base."""

    def __init__(self, directory: Path, server: RangeServer, disk: Path, ca: Path) -> None:
        self.disk, self.server = disk, server
        self.base = directory / "base.raw"
        self.capacity = disk.stat().st_size
        self.source = Streamed(server.url, TlsTrust(ca=str(ca)))

    def pack(self, change: Callable[[bytes], bytes] = bytes) -> None:
        """The stream is that of the disk as it is now."""
        self.server.disk.write_bytes(change(vmware_vmdk(self.disk.read_bytes())))

    def copy(self, *, progress: list[Progress] | None = None) -> SyncResult:
        return copy_disk(
            self.source,
            self.base,
            self.capacity,
            limits=Limits(),
            on_progress=(progress if progress is not None else []).append,
            cancelled=threading.Event(),
            patience=NO_PAUSES,
        )

    def right(self, **how: list[Progress]) -> SyncResult:
        """A copy that is the disk."""
        result = self.copy(**how)
        assert sha256(self.base) == sha256(self.disk)
        assert recorded_digest(self.base) == result.source == result.target
        return result

    @property
    def states(self) -> list[int]:
        recorded = resume.read(self.base.with_name("base.raw.resume"), self.capacity)
        assert recorded is not None
        return list(recorded.grains.state)


@pytest.fixture
def bench(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[Bench]:
    disk = make_disk(tmp_path / "disk.raw", LAYOUT, extra=5 * SECTOR)
    packed = tmp_path / "disk.vmdk"
    packed.touch()
    with RangeServer(packed, *certificate) as server:
        server.behaviour.ignore_range = True
        made = Bench(tmp_path, server, disk, certificate[0])
        made.pack()
        yield made


@pytest.mark.parametrize("chunked", [False, True])
def test_it_is_the_disk_with_its_holes(bench: Bench, chunked: bool) -> None:
    bench.server.behaviour.chunked = chunked
    progress = list[Progress]()
    result = bench.right(progress=progress)
    assert result.fetched_bytes == bench.server.disk.stat().st_size
    assert allocated(bench.base) <= allocated(bench.disk) + MIB
    assert bench.source.reads == 1
    assert set(bench.states) == {DATA, ZERO}
    assert progress[-1].done == bench.capacity


def test_another_pass_writes_only_what_differs(bench: Bench) -> None:
    bench.right()
    change(bench.disk, 5 * MIB, b"new")
    change(bench.disk, 8 * MIB, bytes(MIB))
    change(bench.disk, 1 * MIB + 5, b"where a hole was")
    bench.pack()
    assert bench.right().written_bytes <= 2 * MIB
    assert bench.right().written_bytes == 0


def test_the_same_point_is_not_read_again(bench: Bench) -> None:
    bench.source.named = "one"
    bench.right()
    assert bench.right().written_bytes == 0
    assert bench.source.reads == 1


def test_where_nothing_changed_no_stream_is_read(bench: Bench) -> None:
    bench.source.named = "one"
    bench.right()
    bench.source.named, bench.source.changes = "two", {"one": []}
    assert bench.right().point == "two"
    assert bench.source.reads == 1


@pytest.mark.parametrize("after", [0, 300, 70_000, 3 * MIB, 12 * MIB])
def test_a_stream_that_breaks_off_begins_anew(bench: Bench, after: int) -> None:
    bench.server.behaviour.cuts = [after, after]
    result = bench.right()
    assert (result.retries, bench.source.renewals) == (2, 2)
    # What was written by the first try is not written again.
    data = sum(state == DATA for state in bench.states) * MIB
    assert result.written_bytes <= data


def test_a_stream_that_always_breaks_off_fails(bench: Bench) -> None:
    bench.server.behaviour.cuts = [12 * MIB] * 9
    with pytest.raises(ReadFailed, match="failed 5 times") as caught:
        bench.copy()
    assert "begins anew each time" in caught.value.hint
    assert STALE in bench.states
    assert DATA not in bench.states
    assert bench.source.reads == 0
    bench.server.behaviour.cuts = []
    result = bench.right()
    assert 0 < result.written_bytes < 12 * MIB


def test_a_stream_cut_short_by_a_server_that_calls_it_whole(bench: Bench) -> None:
    whole = bench.server.disk.read_bytes()
    bench.server.disk.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadFailed, match="the stream ended early"):
        bench.copy()
    bench.server.disk.write_bytes(whole)
    bench.right()


def test_a_lease_that_is_gone_is_taken_anew(bench: Bench) -> None:
    bench.server.behaviour.statuses = [404, 0, 500]
    assert bench.right().retries == 0
    assert bench.source.renewals == 1


def test_a_killed_copy_takes_nothing_for_done(bench: Bench, certificate: tuple[Path, Path]) -> None:
    bench.source.named = "one"
    for moment in ("sync:started", "sync:epoch", "sync:copied", "sync:digests"):
        program = f"""if True:
            import sys; sys.path.insert(0, {str(Path.cwd())!r})
            from pathlib import Path
            from tests.transfer.test_stream import Bench
            class At: url = {bench.server.url!r}
            bench = Bench(Path({str(bench.base.parent)!r}), At, Path({str(bench.disk)!r}),
                          Path({str(certificate[0])!r}))
            bench.source.named = "one"
            bench.copy()
        """
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "MTV_KILL_AT": moment},
            capture_output=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
    result = bench.right()
    assert result.written_bytes == 0


def grains_of(stream: bytes) -> tuple[bytes, list[bytes], bytes]:
    """What comes before the grains of the first table, these, and what follows."""
    start = at = 128 * SECTOR
    found = list[bytes]()
    while True:
        (_, size) = struct.unpack_from("<QI", stream, at)
        if not size:
            return stream[:start], found, stream[at:]
        end = at + -(-(12 + size) // SECTOR) * SECTOR
        found.append(stream[at:end])
        at = end


def shuffled(stream: bytes) -> bytes:
    """The same disk with the grains of its first table in another order, and tables that say so."""
    head, grains, tail = grains_of(stream)
    random.Random(3).shuffle(grains)
    table, at = [0] * 512, len(head) // SECTOR
    for grain in grains:
        (sector,) = struct.unpack_from("<Q", grain)
        table[sector * SECTOR // GRAIN] = at
        at += len(grain) // SECTOR
    return head + b"".join(grains) + tail[:SECTOR] + struct.pack("<512I", *table) + tail[2560:]


def test_grains_may_come_in_any_order(bench: Bench) -> None:
    bench.pack(shuffled)
    bench.right()
    change(bench.disk, 5 * MIB, b"new")
    bench.pack(shuffled)
    bench.right()


def test_parts_of_grains_that_an_earlier_run_wrote_over_cost_one_run(bench: Bench) -> None:
    """A run that is killed leaves grains on the base that are ahead of what is recorded of them."""
    bench.pack(shuffled)
    bench.server.behaviour.cuts = [2 * MIB] * 9
    with pytest.raises(ReadFailed):
        bench.copy()
    bench.server.behaviour.cuts = []
    seen = [grain for grain, state in enumerate(bench.states) if state == STALE]
    assert len(seen) > 3
    for grain in seen:
        change(bench.base, grain * MIB + 5, b"ahead")
    with pytest.raises(DigestMismatch, match=r"held more of \d+ of its 1 MiB grains"):
        bench.copy()
    bench.right()


def lost(stream: bytes) -> bytes:
    """A grain is lost, and what follows stands where it stood."""
    head, grains, tail = grains_of(stream)
    filler = struct.pack("<QII", len(grains[5]) // SECTOR - 1, 0, 1).ljust(SECTOR, b"\0")
    grains[5] = filler.ljust(len(grains[5]), b"\0")
    return head + b"".join(grains) + tail


def moved(stream: bytes) -> bytes:
    head, grains, tail = grains_of(stream)
    grains[5] = struct.pack("<Q", 128 * 500) + grains[5][8:]
    return head + b"".join(grains) + tail


def beyond(stream: bytes) -> bytes:
    head, grains, tail = grains_of(stream)
    grains[5] = struct.pack("<Q", 2**33) + grains[5][8:]
    return head + b"".join(grains) + tail


def longer(stream: bytes) -> bytes:
    head, grains, tail = grains_of(stream)
    grains[5] = grains[5][:8] + struct.pack("<I", 2**31) + grains[5][12:]
    return head + b"".join(grains) + tail


@pytest.mark.parametrize("break_", [lost, moved, beyond, longer])
def test_a_stream_that_lies_is_refused_and_nothing_of_it_counts(
    bench: Bench, break_: Callable[[bytes], bytes]
) -> None:
    bench.source.named = "one"
    bench.pack(break_)
    with pytest.raises(ReadFailed, match="gives a VMDK that cannot be right"):
        bench.copy()
    assert bench.source.reads == 0
    assert recorded_digest(bench.base) is None
    assert DATA not in bench.states
    bench.pack()
    bench.right()


def read_again(bench: Bench) -> VerifySourceResult:
    return verify_source(
        bench.source,
        bench.base,
        bench.capacity,
        limits=Limits(),
        on_progress=lambda _: None,
        cancelled=threading.Event(),
        patience=NO_PAUSES,
    )


def test_a_stream_read_again_is_compared_grain_by_grain(bench: Bench) -> None:
    copy = bench.right()
    bench.server.behaviour.cuts = [3 * MIB]
    result = read_again(bench)
    holes = sum(each == "." for each in LAYOUT) * MIB
    assert (result.digest, result.told_zero_bytes, result.retries) == (copy.source, holes, 1)
    change(bench.disk, 5 * MIB + 3, b"x")
    change(bench.disk, 7 * MIB, b"where a hole was")
    bench.pack()
    with pytest.raises(DigestMismatch, match=f"2 of .* at byte {5 * MIB}"):
        read_again(bench)
    # What differs is noted for the next copy.
    assert 0 < bench.right().written_bytes <= 2 * MIB
    assert read_again(bench).retries == 0


def test_a_stream_that_lost_data_is_found_by_what_never_comes(bench: Bench) -> None:
    bench.right()
    change(bench.disk, 5 * MIB, bytes(MIB))
    bench.pack()
    with pytest.raises(DigestMismatch, match=f"1 of .* at byte {5 * MIB}"):
        read_again(bench)


def test_a_stream_too_scattered_to_be_compared_says_so(bench: Bench) -> None:
    bench.right()
    bench.pack(shuffled)
    with pytest.raises(ReadFailed, match="in an order in which they cannot be compared"):
        read_again(bench)


def test_another_size_than_planned_is_refused(bench: Bench) -> None:
    bench.server.disk.write_bytes(vmware_vmdk(bytes(MIB)))
    with pytest.raises(SizeChanged):
        bench.copy()
    assert not bench.base.exists()


def test_no_vmdk_is_refused(bench: Bench) -> None:
    bench.server.disk.write_bytes(b"<html>" * 1000)
    with pytest.raises(ReadFailed, match="does not begin like"):
        bench.copy()


def test_a_disk_of_zeros_is_a_hole(bench: Bench) -> None:
    bench.right()
    change(bench.disk, 0, bytes(bench.capacity))
    bench.pack()
    assert bench.right().data_bytes == 0
    assert allocated(bench.base) < MIB


def test_memory_does_not_grow_with_the_disk(
    bench: Bench, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    make_disk(bench.disk, "d" * 300)
    bench.pack()
    program = f"""if True:
        import sys; sys.path.insert(0, {str(Path.cwd())!r})
        import threading
        from pathlib import Path
        from mtv.model.disk import TlsTrust
        from mtv.tasks import Limits
        from mtv.transfer.copy import copy_disk
        from tests.transfer.test_stream import Streamed
        loaded = [each.split()[1] for each in open("/proc/self/status") if "VmRSS" in each]
        source = Streamed({bench.server.url!r}, TlsTrust(ca={str(certificate[0])!r}))
        copy_disk(source, Path({str(tmp_path / "copy.raw")!r}), 300 * 2**20, limits=Limits(),
                  on_progress=lambda _: None, cancelled=threading.Event())
        peak = [each.split()[1] for each in open("/proc/self/status") if "VmHWM" in each]
        print(int(peak[0]), int(loaded[0]))
    """
    argv = [sys.executable, "-c", program]
    told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    peak, loaded = (int(each) * 1024 for each in told)
    assert sha256(tmp_path / "copy.raw") == sha256(bench.disk)
    assert peak - loaded <= 48 * MIB, (peak, loaded)
