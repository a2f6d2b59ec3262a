"""What every reader of disks owes to a copy, asked of each on its real part.

Through what the product goes through: a source that is opened, a disk that is held still, a copy,
a comparison with the source. ``readers`` has the ways; to add one is to add a line there.
"""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtv.errors import DigestMismatch, Interrupted, MtvError, SizeChanged, SourceError
from mtv.model.disk import (
    GRAIN_BYTES,
    DiskSource,
    FileLocation,
    HttpLocation,
    ImageFormat,
    NbdLocation,
    StreamLocation,
)
from mtv.tasks import Limits, OnProgress, Progress, SyncResult, VerifySourceResult
from mtv.transfer.bases.beside import Beside
from mtv.transfer.copy import copy_disk
from mtv.transfer.reading.stream_reader import SLICE_BYTES
from mtv.transfer.records.epochs import REDONE_BYTES
from mtv.transfer.verify_source import verify_source
from tests.real.disk_vm import Lab, start_lab
from tests.real.parts import PartMissing, require
from tests.real.rhv import RhvEngine
from tests.real.vcenter_disks import nothing_of_mtv_is_left
from tests.sources.readers import WAYS, Grounds, Moment, Way, moment_of, secrets_of
from tests.sources.rhv_data import eventually, small_rhv
from tests.sources.test_contract import check_sentence
from tests.transfer.disks import MIB, NO_PAUSES, allocated

STREAMS = frozenset({"export, snapshot", "export, off"})
"""They are read on one connection, from their beginning each time: nothing of them is gone on with,
and a disk that is known to be the same has its header read all the same."""

NAMELESS = frozenset({"export, off", "vddk, off", "imageio, down, qcow2", "imageio, down, raw"})
"""Neither source nor server names the content for sure, so it is read again to be compared: of a VM
that is off vCenter numbers no moment, and of one that is down an engine does not tell who else
wrote to its disk."""

NOT_GONE_ON_WITH = STREAMS | {"vddk, off"}
"""What was copied before a stop may be of another content: there is nothing to tell it by."""


READ_AS = {
    "folder, snapshot": ("snapshot-", HttpLocation, None),
    "folder, off": ("off", HttpLocation, None),
    "export, snapshot": ("snapshot-", StreamLocation, None),
    "export, off": ("off", StreamLocation, None),
    "vddk, snapshot": ("snapshot-", NbdLocation, None),
    "vddk, off": ("off", NbdLocation, None),
    "imageio, down, qcow2": ("down:", HttpLocation, None),
    "imageio, down, raw": ("down:", HttpLocation, None),
    "imageio, backup": ("backup:", HttpLocation, None),
    "imageio, snapshot, raw": ("snapshot:", HttpLocation, None),
    "ova": ("still", FileLocation, ImageFormat.VMDK),
    "ovf, vmdk": ("still", FileLocation, ImageFormat.VMDK),
    "ovf, qcow2": ("still", FileLocation, ImageFormat.QCOW2),
    "ova, web": ("still", HttpLocation, ImageFormat.VMDK),
}
"""What holds the disk (how its id begins), the kind of place it is read at, and its image's format
there: a source that quietly took another way would be asked for nothing new."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    try:
        with start_lab(tmp_path_factory.mktemp("vcenter")) as running:
            yield running
            nothing_of_mtv_is_left(running.vcenter)
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@pytest.fixture(scope="module")
def at_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rhv")


@pytest.fixture(scope="module")
def engine(at_engine: Path) -> Iterator[RhvEngine]:
    with small_rhv(at_engine) as started:
        yield started


@pytest.fixture(scope="module", params=WAYS)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, at_engine: Path
) -> Iterator[Way]:
    """Each of them; servers are started for the first that needs them."""
    grounds = Grounds(
        directory=tmp_path_factory.mktemp("way"),
        lab=lambda: request.getfixturevalue("lab"),
        engine=lambda: request.getfixturevalue("engine"),
        storage=at_engine / "storage",
    )
    with WAYS[request.param](grounds) as made:
        made.name = request.param
        yield made


@pytest.fixture
def way(shared: Way, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """After every test the source holds nothing that it did not hold before."""
    for name, value in shared.environment.items():
        monkeypatch.setenv(name, value)
    before = shared.left()
    yield shared
    eventually(lambda: shared.left() <= before)


@pytest.fixture
def moment(way: Way) -> Iterator[Moment]:
    """The disk, held still while a test lasts."""
    with moment_of(way) as held:
        yield held


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base.raw"


def copied(
    disk: DiskSource,
    base: Path,
    size: int,
    *,
    limits: Limits | None = None,
    on_progress: OnProgress = lambda _: None,
    cancelled: threading.Event | None = None,
) -> SyncResult:
    """``copy_disk`` with small pieces and no pauses."""
    return copy_disk(
        disk,
        base,
        size,
        limits=limits or Limits(),
        on_progress=on_progress,
        cancelled=cancelled or threading.Event(),
        piece_bytes=MIB,
        patience=NO_PAUSES,
    )


def copy(
    way: Way,
    moment: Moment,
    base: Path,
    *,
    limits: Limits | None = None,
    on_progress: OnProgress = lambda _: None,
) -> SyncResult:
    """A copy of the disk, opened for it, that equals the disk."""
    with moment.opened() as disk:
        result = copied(disk, base, way.size, limits=limits, on_progress=on_progress)
    assert base.read_bytes() == way.content
    return result


def compared(
    way: Way, moment: Moment, base: Path, on_progress: OnProgress = lambda _: None
) -> VerifySourceResult:
    """``verify_source`` of a copy, as ``copied``."""
    with moment.opened() as disk:
        return verify_source(
            disk,
            base,
            way.size,
            limits=Limits(),
            on_progress=on_progress,
            cancelled=threading.Event(),
            piece_bytes=MIB,
            patience=NO_PAUSES,
        )


def slow(way: Way, seconds: float, connections: int = 1) -> Limits:
    """A rate at which the disk's data takes so long."""
    return Limits(connections=connections, bytes_per_second=int(way.data_bytes / seconds))


def test_it_is_read_as_it_says(way: Way, moment: Moment) -> None:
    held, place, kept = READ_AS[way.name]
    assert moment.held.id.startswith(held)
    with moment.opened() as disk:
        location = disk.location()
    assert isinstance(location, place)
    part = getattr(location, "part", None)
    assert (None if part is None else part.format) is kept


def test_a_copy_is_the_disk_with_its_holes(
    way: Way, moment: Moment, base: Path, tmp_path: Path
) -> None:
    result = copy(way, moment, base)
    assert result.data_bytes == way.data_bytes < way.size // 2
    assert allocated(base) <= way.data_bytes
    known = tmp_path / "known.raw"
    known.write_bytes(way.content)
    shell = f"split -b 1M --filter='sha256sum | cut -d\" \" -f1' {known}"
    listed = subprocess.run(["sh", "-c", shell], check=True, capture_output=True).stdout
    assert Beside(base).digests.read_bytes() == listed
    whole = subprocess.run(["sha256sum"], input=listed, check=True, capture_output=True).stdout
    assert result.source.sha256 == result.target.sha256 == whole.decode().split()[0]


def test_any_number_of_connections_gives_the_same(way: Way, moment: Moment, tmp_path: Path) -> None:
    """Of a stream there is one, however many are allowed."""
    one, four = (
        copy(way, moment, tmp_path / f"{count}.raw", limits=Limits(connections=count))
        for count in (1, 4)
    )
    assert one.source == four.source
    assert one.fetched_bytes == four.fetched_bytes


def test_a_second_copy_of_the_same_content_fetches_nothing(
    way: Way, moment: Moment, base: Path
) -> None:
    first = copy(way, moment, base)
    again = copy(way, moment, base)
    assert again.source == first.source
    assert again.written_bytes == 0
    if way.name not in NAMELESS:
        assert again.fetched_bytes <= (SLICE_BYTES if way.name in STREAMS else 0)


class Stop:
    """Cancels a copy once the reading goes on after it was first heard of."""

    def __init__(self, way: Way) -> None:
        self.cancelled = threading.Event()
        self.open = set[str]()
        """What was open at the source then."""
        self._way = way
        self._first: int | None = None

    def heard(self, line: Progress) -> None:
        if line.says != "reading the source" or not line.done:
            return
        if self._first is None:
            self._first = line.done
        elif line.done > self._first:
            self.open = self._way.left()
            self.cancelled.set()


def test_a_copy_that_is_stopped_leaves_nothing_open_and_is_gone_on_with(
    way: Way, moment: Moment, base: Path, tmp_path: Path
) -> None:
    whole = copy(way, moment, tmp_path / "whole.raw").fetched_bytes
    stop, before = Stop(way), way.left()
    with moment.opened() as disk, pytest.raises(Interrupted):
        copied(
            *(disk, base, way.size),
            limits=slow(way, 2.0),
            on_progress=stop.heard,
            cancelled=stop.cancelled,
        )
    assert stop.open - before  # else nothing would be seen that is left
    eventually(lambda: way.left() <= before)
    again = copy(way, moment, base)
    if way.name not in NOT_GONE_ON_WITH:
        assert again.kept_bytes > 0
        assert again.fetched_bytes <= way.size - again.kept_bytes + REDONE_BYTES
        assert again.fetched_bytes < whole


def test_a_disk_of_another_size_is_not_begun(way: Way, moment: Moment, base: Path) -> None:
    with moment.opened() as disk:
        for planned in (way.size - MIB, way.size + MIB):
            with pytest.raises(SizeChanged, match=f"has {way.size} bytes .* says {planned}$"):
                copied(disk, base, planned)
    files = Beside(base)
    assert not any(path.exists() for path in (base, files.resume, files.digests))


def test_a_byte_that_changed_at_the_source_is_found(way: Way, base: Path) -> None:
    with moment_of(way) as moment:
        copy_digest = copy(way, moment, base).source
        assert compared(way, moment, base).digest == copy_digest
    grain = way.place // GRAIN_BYTES * GRAIN_BYTES
    with (
        way.another_byte(way.place),
        moment_of(way) as moment,
        pytest.raises(DigestMismatch, match=f"1 of .* at byte {grain}$"),
    ):
        compared(way, moment, base)


def test_progress_goes_on_and_never_back(way: Way, moment: Moment, base: Path) -> None:
    lines = list[Progress]()
    result = copy(way, moment, base, limits=slow(way, 0.6, 2), on_progress=lines.append)
    check_progress(lines, result.fetched_bytes)
    lines.clear()
    check_progress(lines, compared(way, moment, base, lines.append).read_bytes)


def check_progress(lines: list[Progress], fetched_bytes: int) -> None:
    for says in {line.says for line in lines}:
        done = [line.done for line in lines if line.says == says]
        assert done == sorted(done), says
    assert [line for line in lines if line.total is not None and line.done > line.total] == []
    read = [line.read_bytes for line in lines]
    assert read == sorted(read)
    assert read[-1] >= fetched_bytes


def test_a_throttle_slows_a_copy_down_and_changes_nothing(
    way: Way, moment: Moment, base: Path
) -> None:
    """All connections together."""
    limits = slow(way, 0.5, connections=4)
    result = copy(way, moment, base, limits=limits)
    assert limits.bytes_per_second is not None
    # At its begin a quarter of a second's worth may be read at once.
    assert result.seconds >= result.fetched_bytes / limits.bytes_per_second - 0.25


def test_what_fails_is_said_in_sentences_without_secrets(
    way: Way, moment: Moment, base: Path
) -> None:
    with moment.opened() as disk:
        secrets = {*way.secrets, *secrets_of(disk.location())}
        shown = repr(disk.location())
        with way.gone(disk), pytest.raises(MtvError) as lost:
            copied(disk, base, way.size)
    with pytest.raises(SourceError) as missing:
        moment.open("4711")
    for error in (lost.value, missing.value):
        check_sentence(error.message)
        assert error.hint
        shown += f"{error.message} {error.hint} {error!r}"
    assert [secret for secret in secrets if secret in shown] == []
    # What went wrong is over: the same command goes on.
    copy(way, moment, base)


def test_closing_twice_and_after_an_error_is_harmless(way: Way, moment: Moment, base: Path) -> None:
    unread = moment.open()
    unread.close()
    unread.close()
    disk = moment.open()
    with way.gone(disk):
        with pytest.raises(MtvError):
            copied(disk, base, way.size)
        disk.close()
        disk.close()
    copy(way, moment, base)
    read = moment.open()
    copied(read, base, way.size)
    read.close()
    read.close()


def test_the_tables_name_the_ways_that_are_there() -> None:
    assert set(READ_AS) == set(WAYS)
    assert set(WAYS) >= (STREAMS | NAMELESS | NOT_GONE_ON_WITH)
