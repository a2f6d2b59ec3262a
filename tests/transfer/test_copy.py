"""The copy is the disk: bytes, holes, evidence, and what a second run does."""

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from mtv.errors import ReadFailed, SizeChanged, TransferError
from mtv.model.disk import Extent
from mtv.tasks import Limits, Progress
from mtv.transfer.bases.lease import writer_lease
from mtv.transfer.records.digests import recorded_digest
from tests.transfer.conftest import SetUp
from tests.transfer.disks import MIB, ServedDisk, allocated, change, copied, sha256


@pytest.mark.parametrize("extra", [0, 1, 511, 512, 70_000, MIB - 1])
def test_copy_equals_source_whatever_its_size(set_up: SetUp, extra: int) -> None:
    bench = set_up("d.p..dd.", extra=extra)
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.fetched_bytes == bench.capacity
    assert result.source == result.target
    assert result.source.size_bytes == bench.capacity
    assert result.kept_bytes == 0
    assert result.data_bytes == 4 * MIB + extra


def test_tiny_disk(set_up: SetUp) -> None:
    bench = set_up("", extra=7)
    copied(bench.source, bench.base, 7)
    assert bench.base.read_bytes() == bench.disk.read_bytes()


def test_disk_that_ends_in_zeros_has_the_size_of_the_source(set_up: SetUp) -> None:
    bench = set_up("d.......")
    copied(bench.source, bench.base, bench.capacity)
    assert bench.base.stat().st_size == bench.capacity


def test_all_zero_disk_takes_no_room(set_up: SetUp) -> None:
    bench = set_up("........")
    result = copied(bench.source, bench.base, bench.capacity)
    assert (result.written_bytes, result.data_bytes) == (0, 0)
    assert allocated(bench.base) == 0
    assert sha256(bench.base) == sha256(bench.disk)


def test_holes_stay_holes_and_zeros_become_some(set_up: SetUp) -> None:
    bench = set_up("d" + "." * 30 + "p")
    change(bench.disk, 10 * MIB, bytes(MIB))  # zeros that take room at the source
    result = copied(bench.source, bench.base, bench.capacity)
    # A part of a granule counts whole: 256 KiB + 100,000 bytes end in the second granule.
    assert result.written_bytes == MIB + 2 * 64 * 1024
    assert allocated(bench.base) <= result.written_bytes + 64 * 1024
    assert sha256(bench.base) == sha256(bench.disk)


@pytest.mark.parametrize("connections", [1, 2, 5])
@pytest.mark.parametrize("piece_bytes", [1, MIB, 3 * MIB, 100 * MIB])
def test_any_number_of_connections_and_size_of_pieces(
    set_up: SetUp, connections: int, piece_bytes: int
) -> None:
    bench = set_up("ddp.ddd..dpd", extra=12345)
    limits = Limits(connections=connections)
    copied(bench.source, bench.base, bench.capacity, limits=limits, piece_bytes=piece_bytes)
    assert sha256(bench.base) == sha256(bench.disk)


def test_digest_list_is_what_split_and_sha256sum_say(set_up: SetUp) -> None:
    bench = set_up("d.pd", extra=1000)
    result = copied(bench.source, bench.base, bench.capacity)
    shell = f"split -b 1M --filter='sha256sum | cut -d\" \" -f1' {bench.disk}"
    listed = subprocess.run(["sh", "-c", shell], check=True, capture_output=True).stdout
    assert bench.beside("digests").read_bytes() == listed
    whole = subprocess.run(["sha256sum"], input=listed, check=True, capture_output=True).stdout
    assert result.source.sha256 == whole.decode().split()[0]
    assert recorded_digest(bench.base) == result.source


def test_known_extents_are_read_and_nothing_else(set_up: SetUp) -> None:
    extents = [Extent(0, 10), Extent(3 * MIB + 5, 2 * MIB), Extent(11 * MIB, 0)]
    bench = set_up("d..ddd......", extents=extents)
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.fetched_bytes == 4 * MIB
    assert {first for first, last in bench.server.requests if last > first} == {0, 3 * MIB, 5 * MIB}


def test_extent_that_is_not_on_the_disk_is_refused(set_up: SetUp) -> None:
    bench = set_up("dd", extents=[Extent(MIB, 2 * MIB)])
    with pytest.raises(ReadFailed, match="the disk has 2097152 bytes"):
        copied(bench.source, bench.base, bench.capacity)


def test_other_size_than_planned(set_up: SetUp) -> None:
    bench = set_up("dd")
    with pytest.raises(SizeChanged, match=f"has {2 * MIB} bytes at the source, .* says {3 * MIB}"):
        copied(bench.source, bench.base, 3 * MIB)
    assert not bench.base.exists()


def test_progress_goes_from_reading_to_comparing(set_up: SetUp) -> None:
    bench = set_up("ddd.")
    progress: list[Progress] = []
    result = copied(bench.source, bench.base, bench.capacity, progress=progress)
    phases = ["looking at the disk", "reading the source", "comparing the copy"]
    says = [line.says for line in progress]
    assert says == sorted(says, key=phases.index)
    assert {line.unit for line in progress if line.total is not None} == {"bytes"}
    assert progress[-1].done == progress[-1].total == bench.capacity
    read = [line.read_bytes for line in progress]
    assert read == sorted(read)
    assert read[-1] == result.fetched_bytes


class TestSecondRun:
    """A second run trusts what is recorded, as far as source and base are what they were."""

    def test_same_source_is_not_read_again(self, set_up: SetUp) -> None:
        bench = set_up("ddp.d", extra=99)
        first = copied(bench.source, bench.base, bench.capacity)
        bench.server.reset_counts()
        second = copied(bench.source, bench.base, bench.capacity)
        assert bench.server.requests == [(0, 0)]
        assert (second.fetched_bytes, second.written_bytes) == (0, 0)
        assert second.kept_bytes == bench.capacity
        assert second.source == first.source
        assert second.data_bytes == first.data_bytes

    def test_changed_source_is_read_again_and_only_differing_grains_are_written(
        self, set_up: SetUp
    ) -> None:
        bench = set_up("dd.pd.dd", extra=99)
        copied(bench.source, bench.base, bench.capacity)
        change(bench.disk, MIB + 77, b"other")  # data to other data
        change(bench.disk, 2 * MIB + 5, b"new")  # zeros to data
        change(bench.disk, 4 * MIB, bytes(MIB), seconds_ago=40)  # data to zeros
        result = copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)
        assert result.fetched_bytes == bench.capacity
        assert result.kept_bytes == 0
        assert result.written_bytes == MIB + 64 * 1024
        assert allocated(bench.base) <= 4 * MIB + 4 * 64 * 1024 + 100_000

    def test_zeros_within_a_grain_replace_data(self, set_up: SetUp) -> None:
        bench = set_up("dd")
        copied(bench.source, bench.base, bench.capacity)
        change(bench.disk, 128 * 1024, bytes(512 * 1024))
        copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)
        assert allocated(bench.base) <= 2 * MIB - 512 * 1024 + 8192

    def test_hole_that_extents_now_show_is_emptied(self, set_up: SetUp) -> None:
        bench = set_up("dddd")
        copied(bench.source, bench.base, bench.capacity)
        change(bench.disk, MIB, bytes(2 * MIB))
        extents = [Extent(0, MIB), Extent(3 * MIB, MIB)]
        source = ServedDisk(bench.server.url, bench.source.tls, extents=extents)
        result = copied(source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)
        assert result.fetched_bytes == 2 * MIB
        assert allocated(bench.base) <= 2 * MIB + 8192

    def test_source_that_tells_no_identity_is_always_read(self, set_up: SetUp) -> None:
        bench = set_up("dp.d")
        bench.server.behaviour.last_modified = False
        copied(bench.source, bench.base, bench.capacity)
        again = copied(bench.source, bench.base, bench.capacity)
        assert (again.fetched_bytes, again.written_bytes) == (bench.capacity, 0)
        assert again.kept_bytes == 0

    def test_weak_etag_alone_is_no_identity(self, set_up: SetUp) -> None:
        bench = set_up("d")
        bench.server.behaviour.last_modified = False
        bench.server.behaviour.etag = 'W/"1"'
        copied(bench.source, bench.base, bench.capacity)
        assert copied(bench.source, bench.base, bench.capacity).fetched_bytes == bench.capacity

    def test_etag_alone_is_an_identity(self, set_up: SetUp) -> None:
        bench = set_up("dd")
        bench.server.behaviour.last_modified = False
        bench.server.behaviour.etag = '"1"'
        copied(bench.source, bench.base, bench.capacity)
        assert copied(bench.source, bench.base, bench.capacity).fetched_bytes == 0
        bench.server.behaviour.etag = '"2"'
        assert copied(bench.source, bench.base, bench.capacity).fetched_bytes == bench.capacity

    def test_disk_that_changed_this_very_second_is_waited_for(self, set_up: SetUp) -> None:
        """Last-Modified has whole seconds: a change in the same second would not show."""
        bench = set_up("dd")
        bench.disk.touch()
        copied(bench.source, bench.base, bench.capacity)
        assert copied(bench.source, bench.base, bench.capacity).fetched_bytes == 0
        with bench.disk.open("r+b") as file:
            file.write(b"changed at once")
        copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)

    def test_base_that_somebody_wrote_to_is_compared_and_repaired(self, set_up: SetUp) -> None:
        bench = set_up("ddd.d")
        first = copied(bench.source, bench.base, bench.capacity)
        with bench.base.open("r+b") as file:
            file.seek(2 * MIB + 5)
            file.write(b"somebody")
        result = copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)
        assert (result.fetched_bytes, result.written_bytes) == (MIB, MIB)
        assert result.source == first.source

    def test_base_that_was_only_touched_is_compared_once(self, set_up: SetUp) -> None:
        bench = set_up("dd")
        copied(bench.source, bench.base, bench.capacity)
        bench.base.touch()
        progress: list[Progress] = []
        result = copied(bench.source, bench.base, bench.capacity, progress=progress)
        assert result.fetched_bytes == 0
        says = {"looking at the disk", "checking what is there"}
        assert {line.says for line in progress} == says
        progress.clear()
        copied(bench.source, bench.base, bench.capacity, progress=progress)
        assert {line.says for line in progress} == {"looking at the disk"}

    def test_base_that_was_replaced_is_copied_again(self, set_up: SetUp) -> None:
        bench = set_up("dd.d")
        copied(bench.source, bench.base, bench.capacity)
        bench.base.unlink()
        bench.base.touch()
        result = copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)
        assert result.fetched_bytes == bench.capacity

    def test_base_that_was_moved_is_not_copied_again(self, set_up: SetUp, tmp_path: Path) -> None:
        bench = set_up("dd.d")
        copied(bench.source, bench.base, bench.capacity)
        moved = tmp_path / "elsewhere"
        moved.mkdir()
        for file in tmp_path.glob("base.raw*"):
            shutil.copy(file, moved / file.name)
        assert copied(bench.source, moved / "base.raw", bench.capacity).fetched_bytes == 0

    def test_lost_digest_list_is_written_again_without_reading_the_source(
        self, set_up: SetUp
    ) -> None:
        bench = set_up("dp.d")
        first = copied(bench.source, bench.base, bench.capacity)
        bench.beside("digests").unlink()
        assert recorded_digest(bench.base) is None
        second = copied(bench.source, bench.base, bench.capacity)
        assert second.fetched_bytes == 0
        assert recorded_digest(bench.base) == first.source

    def test_other_content_in_the_base_is_no_part_of_the_copy(self, set_up: SetUp) -> None:
        bench = set_up(".d.")
        bench.base.write_bytes(b"x" * 5 * MIB)
        copied(bench.source, bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)


def test_only_one_worker_writes_a_base(set_up: SetUp) -> None:
    bench = set_up("d")
    path, cancelled = bench.beside("lease"), threading.Event()
    with (
        writer_lease(path, cancelled),
        pytest.raises(TransferError, match=r"another worker \(process \d+\) writes .*base.raw"),
        writer_lease(path, cancelled, patience_seconds=0.3),
    ):
        pass
    copied(bench.source, bench.base, bench.capacity)  # given back


def test_base_that_cannot_be_made(set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("d")
    with pytest.raises(TransferError, match="No such file or directory") as caught:
        copied(bench.source, tmp_path / "nowhere" / "base.raw", bench.capacity)
    assert "writable" in caught.value.hint
    directory = tmp_path / "directory"
    directory.mkdir()
    with pytest.raises(TransferError, match="Is a directory"):
        copied(bench.source, directory, bench.capacity)
