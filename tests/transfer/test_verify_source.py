"""Reading a source again: all of it, whatever it says of itself, and what differs is named."""

import threading
from pathlib import Path

import pytest

from mtv.errors import DigestMismatch, Interrupted, ReadFailed, SizeChanged, TransferError
from mtv.model.disk import Extent
from mtv.tasks import Limits, Progress, VerifySourceResult
from mtv.transfer.bases.beside import Beside
from mtv.transfer.bases.lease import PATIENCE_SECONDS, writer_lease
from mtv.transfer.verify_source import verify_source
from tests.transfer.conftest import Bench, SetUp
from tests.transfer.disks import MIB, NO_PAUSES, ServedDisk, change, copied, sha256

LAYOUT = "d.p..dd.d"
ONE = Limits(connections=1)


def reread(
    bench: Bench,
    *,
    limits: Limits | None = None,
    recorded: str | None = None,
    cancelled: threading.Event | None = None,
    progress: list[Progress] | None = None,
) -> VerifySourceResult:
    """``verify_source`` with small pieces and no pauses."""
    return verify_source(
        bench.source,
        bench.base,
        bench.capacity,
        recorded=recorded,
        limits=limits or Limits(),
        on_progress=(progress if progress is not None else []).append,
        cancelled=cancelled or threading.Event(),
        piece_bytes=2 * MIB,
        patience=NO_PAUSES,
    )


def test_a_disk_that_is_what_was_copied(set_up: SetUp) -> None:
    bench = set_up(LAYOUT, extra=777)
    copy = copied(bench.source, bench.base, bench.capacity)
    progress = list[Progress]()
    result = reread(bench, recorded=copy.source.sha256, progress=progress)
    assert result.digest == copy.source
    assert (result.read_bytes, result.told_zero_bytes) == (bench.capacity, 0)
    assert (progress[-1].done, progress[-1].total) == (bench.capacity, bench.capacity)


@pytest.mark.parametrize("offset", [0, 4 * MIB + 7, 9 * MIB + 776])
def test_a_byte_that_is_another_one_is_found_and_read_by_the_next_copy(
    set_up: SetUp, offset: int
) -> None:
    """The source calls its content the same: that is the lie that this is made for."""
    bench = set_up(LAYOUT, extra=777)
    bench.server.behaviour.last_modified = False
    bench.source.named = "one"
    copied(bench.source, bench.base, bench.capacity)
    change(bench.disk, offset, b"\xa5")
    assert copied(bench.source, bench.base, bench.capacity).fetched_bytes == 0
    with pytest.raises(DigestMismatch, match=f"1 of .* at byte {offset // MIB * MIB}$"):
        reread(bench)
    assert 0 < copied(bench.source, bench.base, bench.capacity).fetched_bytes <= MIB
    assert sha256(bench.base) == sha256(bench.disk)
    reread(bench)


def changed_behind_its_name(set_up: SetUp) -> Bench:
    """A copied disk of nine grains, of which the third changed, and its source does not say so."""
    bench = set_up("d" * 9)
    bench.server.behaviour.last_modified = False
    bench.source.named = "one"
    copied(bench.source, bench.base, bench.capacity)
    change(bench.disk, 2 * MIB, b"\xa5")
    return bench


def test_what_was_found_different_is_not_forgotten_when_the_records_rot(set_up: SetUp) -> None:
    """Else what was recorded of it earlier would count again."""
    bench = changed_behind_its_name(set_up)
    with pytest.raises(DigestMismatch):
        reread(bench)
    records = Beside(bench.base).resume
    for at in range(records.stat().st_size - 1, 200, -97):
        change(records, at, bytes([records.read_bytes()[at] ^ 0xFF]))
        copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)
        change(bench.disk, 2 * MIB, bytes([at % 256]))
        with pytest.raises(DigestMismatch):
            reread(bench)


def test_what_differs_is_noted_once_who_works_with_the_base_has_ended(set_up: SetUp) -> None:
    """Else the next copy would believe its records, and read nothing."""
    bench = changed_behind_its_name(set_up)
    found = list[BaseException]()

    def look() -> None:
        try:
            reread(bench)
        except DigestMismatch as problem:
            found.append(problem)

    looking = threading.Thread(target=look)
    with writer_lease(Beside(bench.base).lease, threading.Event()):
        looking.start()
        looking.join(PATIENCE_SECONDS + 2)
        assert looking.is_alive()
    looking.join(30)
    assert found
    assert copied(bench.source, bench.base, bench.capacity).fetched_bytes == MIB
    assert sha256(bench.base) == sha256(bench.disk)


def test_all_that_differ_are_counted(set_up: SetUp) -> None:
    bench = set_up("d" * 9)
    copied(bench.source, bench.base, bench.capacity)
    for grain in (7, 2, 5):
        change(bench.disk, grain * MIB, b"\xa5")
    with pytest.raises(DigestMismatch, match=f"3 of .* at byte {2 * MIB}"):
        reread(bench)


def test_a_list_of_extents_that_leaves_data_out_is_found(set_up: SetUp) -> None:
    bench = set_up("dddd", extents=[Extent(0, MIB)])
    copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) != sha256(bench.disk)
    with pytest.raises(DigestMismatch, match=f"3 of .* at byte {MIB}"):
        reread(bench)
    # A copy that believes the list again is wrong again, and found again; docs/copy.md says so.
    copied(bench.source, bench.base, bench.capacity)
    with pytest.raises(DigestMismatch, match=f"3 of .* at byte {MIB}"):
        reread(bench)
    without = ServedDisk(bench.source.url, bench.source.tls)
    copied(without, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    bench.source = without
    reread(bench)


def test_a_base_that_is_the_guests_by_now_is_neither_read_nor_written(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    copied(bench.source, bench.base, bench.capacity)
    change(bench.base, 0, b"the guest's")
    before = (sha256(bench.base), bench.base.stat().st_mtime_ns)
    reread(bench)
    assert (sha256(bench.base), bench.base.stat().st_mtime_ns) == before
    bench.base.unlink()
    reread(bench)


def test_a_connection_that_is_cut_and_a_server_that_fails_are_borne_with(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    copied(bench.source, bench.base, bench.capacity)
    bench.server.behaviour.cuts = [MIB // 2, 1000, 3 * MIB // 2]
    bench.server.behaviour.statuses = [0, 503, 429]
    result = reread(bench)
    assert result.retries == 5
    assert result.read_bytes == bench.capacity


def test_a_server_that_always_cuts_is_given_up(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    copied(bench.source, bench.base, bench.capacity)
    bench.server.behaviour.cuts = [1000] * 100
    with pytest.raises(ReadFailed, match="the answer ended early"):
        reread(bench)


def test_answers_that_are_shorter_than_asked_for(set_up: SetUp) -> None:
    bench = set_up("dd")
    copied(bench.source, bench.base, bench.capacity)
    bench.server.behaviour.content_range = lambda text: text.replace("-2097151/", "-2097150/")
    with pytest.raises(ReadFailed, match="other bytes than were asked for"):
        reread(bench, limits=ONE)


def test_a_disk_of_another_size_is_refused(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    capacity = bench.capacity
    copied(bench.source, bench.base, capacity)
    with bench.disk.open("r+b") as file:
        file.truncate(capacity + 512)
    with pytest.raises(SizeChanged, match=f"{capacity + 512} bytes at the source, {capacity} were"):
        verify_source(
            bench.source,
            bench.base,
            capacity,
            limits=ONE,
            on_progress=lambda _: None,
            cancelled=threading.Event(),
            patience=NO_PAUSES,
        )


def test_a_disk_that_changes_meanwhile_is_not_called_different(set_up: SetUp) -> None:
    """It is no proof of anything then: the VM was started."""
    bench = set_up("d" * 20)
    copied(bench.source, bench.base, bench.capacity)
    bench.server.reset_counts()

    def write(served: int) -> None:
        if served > 5 * MIB:
            bench.server.behaviour.on_served = lambda _served: None
            change(bench.disk, 0, b"written by a running VM")

    bench.server.behaviour.on_served = write
    with pytest.raises(ReadFailed, match="is the VM really off"):
        reread(bench)


def test_it_can_be_stopped(set_up: SetUp) -> None:
    bench = set_up("d" * 20)
    copied(bench.source, bench.base, bench.capacity)
    bench.server.reset_counts()
    cancelled = threading.Event()
    bench.server.behaviour.seconds_per_chunk = 0.01

    def stop(served: int) -> None:
        if served > 3 * MIB:
            cancelled.set()

    bench.server.behaviour.on_served = stop
    with pytest.raises(Interrupted):
        reread(bench, cancelled=cancelled)
    assert bench.server.served_bytes < 15 * MIB


def test_it_keeps_to_the_throttle_and_to_the_connections(set_up: SetUp) -> None:
    bench = set_up("ddd")
    copied(bench.source, bench.base, bench.capacity)
    result = reread(bench, limits=Limits(connections=3, bytes_per_second=6 * MIB))
    assert result.seconds > 0.2
    assert result.read_bytes == bench.capacity


def test_without_a_list_or_with_another_one_nothing_is_proven(set_up: SetUp) -> None:
    bench = set_up("dd")
    with pytest.raises(TransferError, match="not copied to its end"):
        reread(bench)
    copied(bench.source, bench.base, bench.capacity)
    with pytest.raises(TransferError, match="the journal recorded"):
        reread(bench, recorded="ab" * 32)
    listed = bench.beside("digests")
    listed.write_text(listed.read_text()[:-1])
    with pytest.raises(TransferError, match="is not the digest list"):
        reread(bench)


def test_what_differs_is_told_also_where_it_cannot_be_noted(set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("dd")
    copied(bench.source, bench.base, bench.capacity)
    change(bench.disk, MIB, b"\xa5")
    bench.beside("resume").unlink()
    bench.beside("lease").unlink()
    bench.beside("lease").mkdir()
    with pytest.raises(DigestMismatch, match=f"at byte {MIB}"):
        reread(bench)
    assert not list(tmp_path.glob("*.resume"))
