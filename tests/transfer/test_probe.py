"""A disk that can be read in two ways: what is compared of it, and what that finds."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtv.model.disk import TlsTrust
from mtv.tasks import Limits, ProbeResult, Progress
from mtv.transfer.probe import Sample, compare_ways
from tests.real.vmdk import vmware_vmdk
from tests.transfer.disks import MIB, NO_PAUSES, ServedDisk, make_disk, settle
from tests.transfer.range_server import RangeServer
from tests.transfer.test_stream import Streamed

SAMPLE = Sample(first_bytes=4 * MIB, spread_bytes=2 * MIB)


class Bench:
    """A disk as a file, and as the stream of what it was in the beginning."""

    def __init__(self, file: RangeServer, stream: RangeServer, source: Streamed) -> None:
        self.file = file
        self.stream = stream
        self._source = source

    def spoil(self, start: int, end: int) -> None:
        """A guest writes everywhere there, a sector in each 64 KiB."""
        with self.file.disk.open("r+b") as disk:
            for offset in range(start, end, 64 << 10):
                disk.seek(offset + 512)
                disk.write(b"written meanwhile")
        settle(self.file.disk)

    def compared(self, sample: Sample = SAMPLE) -> ProbeResult:
        return compare_ways(
            ServedDisk(self.file.url, self._source.tls),
            self._source,
            limits=Limits(),
            on_progress=list[Progress]().append,
            cancelled=threading.Event(),
            patience=NO_PAUSES,
            sample=sample,
        )


@pytest.fixture
def bench(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[Bench]:
    disk = make_disk(tmp_path / "disk.raw", "dd.d" * 10)
    packed = tmp_path / "disk.vmdk"
    packed.write_bytes(vmware_vmdk(disk.read_bytes()))
    with RangeServer(packed, *certificate) as stream, RangeServer(disk, *certificate) as file:
        stream.behaviour.ignore_range = True
        yield Bench(file, stream, Streamed(stream.url, TlsTrust(ca=str(certificate[0]))))


def test_what_is_the_same_is_compared_all_over_the_disk(bench: Bench) -> None:
    result = bench.compared()
    assert (result.differs_at, result.refused) == (None, "")
    assert 5 * MIB < result.compared_bytes <= SAMPLE.first_bytes + SAMPLE.spread_bytes
    read = [first for first, _ in bench.file.requests]
    # Of each eighth, of the last one, too; and all of it twice.
    assert {first * 8 // (40 * MIB) for first in read} == set(range(8))
    assert bench.file.served_bytes >= 2 * result.compared_bytes


@pytest.mark.parametrize("eighth", range(8))
def test_what_a_guest_writes_anywhere_is_found(bench: Bench, eighth: int) -> None:
    """It seldom does where the disk's data begins."""
    start, end = eighth * 5 * MIB, (eighth + 1) * 5 * MIB
    bench.spoil(start, end)
    differs_at = bench.compared().differs_at
    assert differs_at is not None
    assert start <= differs_at < end


def test_a_large_disk_is_not_read_to_its_end(bench: Bench) -> None:
    """The stream is a connection's, and as long as the disk: behind so much of it nobody looks."""
    sample = SAMPLE._replace(stream_bytes=12 * MIB)
    bench.spoil(30 * MIB, 40 * MIB)
    result = bench.compared(sample)
    assert result.differs_at is None
    assert result.compared_bytes > 5 * MIB
    bench.spoil(10 * MIB, 12 * MIB)
    assert bench.compared(sample).differs_at is not None
