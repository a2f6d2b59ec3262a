"""Passes over VMs of a vCenter that run and write meanwhile: a copy is one moment, to the byte."""

import contextlib
import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import msgspec
import pytest

from mtv.config import Consent
from mtv.errors import Interrupted, NotAllowed, SourceError
from mtv.model.disk import Held, TlsTrust
from mtv.sources import ReadsTwoWays, Source, open_source
from mtv.tasks import Connection, Limits, SecretRef, SyncResult
from mtv.transfer.bases.base import GRANULE_BYTES
from mtv.transfer.copy import copy_disk
from mtv.transfer.records.resume import recorded_point
from tests.real.disk_vm import (
    DATASTORE,
    MIB,
    DiskVm,
    Lab,
    content,
    disk_devices,
    result,
    start_lab,
    take_snapshot,
)
from tests.real.parts import PartMissing, require
from tests.real.people import add_disk
from tests.real.vcenter_disks import Settings, writing
from tests.transfer.disks import NO_PAUSES

SIZE = 24 * MIB
BUSY = MIB
"""Where the guest of a VM that runs writes while a disk is copied; the next pass reads it."""

NEVER = threading.Event()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    try:
        with start_lab(tmp_path_factory.mktemp("vcenter")) as lab:
            yield lab
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)


@pytest.fixture
def lab(running: Lab) -> Iterator[Lab]:
    """The vCenter, in which nothing of ours may be left after a test."""
    running.reset()
    before = running.disks.left()
    yield running
    running.reset()
    beyond = running.disks.left().beyond(before)
    ours = (beyond.snapshots, beyond.redo_logs, beyond.consolidation_needed, beyond.leases)
    assert not any(ours), beyond
    assert not beyond.sessions, beyond


class Pass:
    """A VM's copies, and the source that they are made from; its guest may be ``idle``."""

    def __init__(
        self, lab: Lab, vm: DiskVm, source: Source, directory: Path, *, idle: bool = False
    ) -> None:
        self.lab, self.vm, self.source = lab, vm, source
        self._idle = idle
        self._directory = directory
        self.before: Held | None = None

    def base(self, key: int) -> Path:
        return self._directory / f"{self.vm.name}-{key}.raw"

    def hold(self) -> Held:
        """Holds all disks; the pass before is the last one that was held."""
        keys = [str(key) for key in self.vm.flat_files]
        points = [recorded_point(self.base(key)) for key in self.vm.flat_files]
        since = [point for point in points if point is not None]
        held = self.source.hold(self.vm.id, keys, since, NEVER, self.before)
        self.before = by_files(self.source, self.vm.id, held)
        return self.before

    def copy(self, held: Held, key: int) -> SyncResult:
        """A copy that is proven to be the disk as it was when it was held."""
        frozen = None if held.id == "off" else held.id
        expected = self.lab.disks.read(self.vm.id, key, snapshot=frozen)
        disk = self.source.open_disk(self.vm.id, str(key), held)
        with contextlib.closing(disk), self._guest(key):
            copied = copy_disk(
                disk,
                self.base(key),
                len(expected),
                limits=Limits(),
                on_progress=lambda _: None,
                cancelled=threading.Event(),
                patience=NO_PAUSES,
            )
        assert _sha256(self.base(key).read_bytes()) == _sha256(expected)
        return copied

    @contextlib.contextmanager
    def _guest(self, key: int) -> Iterator[None]:
        """It writes to the disk all the time, if the VM runs, and has begun to."""
        if self._idle:
            yield
            return
        with writing(self.lab.vcenter, self.vm.id, key, BUSY) as guest:
            while not (guest.count or guest.went_off):
                time.sleep(0.01)
                assert guest.error is None
            yield

    def whole(self) -> dict[int, SyncResult]:
        """A pass over all disks."""
        held = self.hold()
        try:
            return {key: self.copy(held, key) for key in self.vm.flat_files}
        finally:
            self.source.release(self.vm.id, held, NEVER)


def by_files(source: Source, vm: str, held: Held) -> Held:
    """The same, with reading by files proven wherever there are some."""
    assert isinstance(source, ReadsTwoWays)
    return msgspec.structs.replace(held, proven=tuple(source.unproven(vm, held)))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


Passes = Iterator[Pass]


def connection(lab: Lab, directory: Path, *may: Consent) -> Connection:
    path = directory / "password"
    path.touch(mode=0o600)
    path.write_text(lab.vcenter.password)
    return Connection(
        name="vc1",
        kind="vsphere",
        url=lab.vcenter.url,
        username=lab.vcenter.username,
        password=SecretRef(file=str(path)),
        tls=TlsTrust(fingerprint=lab.vcenter.fingerprint),
        may=may,
    )


@pytest.fixture
def passes(lab: Lab, tmp_path: Path) -> Passes:
    """A running VM with two disks and change tracking."""
    vm = lab.vm(content("a", SIZE), content("b", SIZE))
    source = open_source(connection(lab, tmp_path, Consent.SNAPSHOTS, Consent.POWER))
    try:
        yield Pass(lab, vm, source, tmp_path)
    finally:
        source.close()


def test_two_deltas_under_load_and_a_final_pass(passes: Pass) -> None:
    lab, vm = passes.lab, passes.vm
    with writing(lab.vcenter, vm.id, 2000, SIZE), writing(lab.vcenter, vm.id, 2001, 4 * MIB):
        first = passes.whole()
        second = passes.whole()
        third = passes.whole()
    # The second disk is written below 4 MiB only; a grain is 1 MiB.
    assert first[2001].fetched_bytes > 0
    assert max(second[2001].fetched_bytes, third[2001].fetched_bytes) <= 4 * MIB
    assert first[2000].point != second[2000].point != third[2000].point
    result(vm.vm.PowerOffVM_Task())
    lab.disks.set(Settings(areas_per_answer=2))
    final = passes.whole()
    assert final[2001].fetched_bytes <= 4 * MIB
    again = passes.whole()
    assert sum(each.fetched_bytes for each in again.values()) == 0


def test_a_pass_reads_what_changed_and_no_more(passes: Pass) -> None:
    first = passes.whole()
    # What was never written is not read: the disks are noise with holes.
    assert first[2000].fetched_bytes < SIZE // 2
    passes.lab.disks.write(passes.vm.id, 2000, 10 * MIB + 512, b"x" * 512)
    second = passes.whole()
    assert second[2000].fetched_bytes == BUSY + MIB
    assert second[2001].fetched_bytes == BUSY


def test_without_change_tracking_every_pass_compares_all(lab: Lab, tmp_path: Path) -> None:
    vm = lab.vm(content("c", SIZE), tracked=False)
    source = open_source(connection(lab, tmp_path, Consent.SNAPSHOTS))
    try:
        passes = Pass(lab, vm, source, tmp_path)
        first = passes.whole()[2000]
        assert passes.before is not None
        assert first.point == passes.before.id
        lab.disks.write(vm.id, 2000, 10 * MIB, b"x" * 512)
        second = passes.whole()[2000]
        assert second.fetched_bytes == SIZE
        assert GRANULE_BYTES < second.written_bytes <= BUSY + GRANULE_BYTES
    finally:
        source.close()


def test_change_tracking_is_switched_on_with_consent(lab: Lab, tmp_path: Path) -> None:
    vm = lab.vm(content("d", SIZE), tracked=False)
    may = (Consent.SNAPSHOTS, Consent.CHANGE_TRACKING)
    source = open_source(connection(lab, tmp_path, *may))
    try:
        passes = Pass(lab, vm, source, tmp_path)
        assert passes.whole()[2000].point is not None
        lab.disks.write(vm.id, 2000, 10 * MIB, b"x" * 512)
        assert passes.whole()[2000].fetched_bytes == BUSY + MIB
    finally:
        source.close()


@pytest.mark.parametrize("how", ["reset", "revert"])
def test_tracking_that_began_anew_has_the_disk_compared(passes: Pass, how: str) -> None:
    lab, vm = passes.lab, passes.vm
    passes.whole()
    lab.disks.write(vm.id, 2000, 10 * MIB, b"y" * 512)
    if how == "reset":
        lab.disks.reset_tracking(vm.id, 2000)
    else:
        snapshot = take_snapshot(vm.vm, "theirs")
        lab.disks.write(vm.id, 2000, 11 * MIB, b"z" * 512)
        result(snapshot.RevertToSnapshot_Task())
        result(snapshot.RemoveSnapshot_Task(removeChildren=False))
    second = passes.whole()[2000]
    assert second.fetched_bytes > BUSY + 2 * MIB


def test_what_vcenter_has_forgotten_may_have_been_a_revert(passes: Pass) -> None:
    passes.whole()
    assert passes.before is not None
    # No task of that time is known: the pass's own snapshot is none of those.
    now = datetime.now(UTC).isoformat()
    passes.before = msgspec.structs.replace(passes.before, at=now)
    second = passes.whole()[2000]
    assert second.compared_whole
    assert passes.before is not None
    assert "does not know any more" in passes.before.doubt


def test_a_change_id_that_comes_once_more_is_of_another_snapshot(passes: Pass) -> None:
    """After a revert to what was before both; nothing but the snapshots tells them apart."""
    first = passes.whole()[2000].point
    passes.lab.disks.write(passes.vm.id, 2000, 10 * MIB, b"y" * 512)
    second = passes.whole()[2000].point
    assert first is not None
    assert second is not None
    assert first.partition("@")[2].startswith("snapshot-")
    assert first.partition("@")[2] != second.partition("@")[2]


def test_a_gap_in_the_answers_is_not_believed(passes: Pass) -> None:
    passes.whole()
    passes.lab.disks.write(passes.vm.id, 2000, 10 * MIB, b"y" * 512)
    passes.lab.vcenter.set_faults({"fault": "Gap", "method": "QueryChangedDiskAreas"})
    held = passes.hold()
    try:
        with pytest.raises(SourceError, match="vCenter tells changes"):
            passes.copy(held, 2000)
    finally:
        passes.source.release(passes.vm.id, held, NEVER)


def test_a_snapshot_that_vanishes_is_told_and_its_release_is_no_error(passes: Pass) -> None:
    held = passes.hold()
    passes.lab.disks.vanish(held.id)
    with pytest.raises(SourceError):
        passes.source.open_disk(passes.vm.id, "2000", held)
    passes.source.release(passes.vm.id, held, NEVER)


def test_what_a_killed_pass_left_is_found_and_goes(passes: Pass) -> None:
    held = passes.hold()
    assert [each.id for each in passes.source.held_by_us(passes.vm.id)] == [held.id]
    passes.source.let_go(passes.vm.id, (), NEVER)
    assert passes.source.held_by_us(passes.vm.id) == ()


def when_asked(lab: Lab, method: str, act: Callable[[], None]) -> threading.Thread:
    """Acts as soon as vCenter was asked to do something; to be joined."""
    before = len(lab.vcenter.requests())

    def watch() -> None:
        while method not in {each.method for each in lab.vcenter.requests()[before:]}:
            time.sleep(0.05)
        act()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    return watcher


def nothing_is_left(lab: Lab, vm: DiskVm) -> None:
    """By the vCenter's own state, now and not later."""
    left = lab.disks.left()
    assert vm.name not in {name for name, _ in left.snapshots}
    assert vm.name not in left.merging
    assert not {each for each in left.redo_logs if f"/{vm.name}-" in each}


def test_a_snapshot_that_comes_after_the_stop_goes(passes: Pass) -> None:
    """A blackout that begins while vCenter brings the guest's file systems in order."""
    lab, vm = passes.lab, passes.vm
    lab.disks.set(Settings(snapshot_seconds=2.0))
    stop = threading.Event()
    watcher = when_asked(lab, "CreateSnapshot_Task", stop.set)
    with pytest.raises(Interrupted):
        passes.source.hold(vm.id, ["2000"], (), stop)
    watcher.join()
    nothing_is_left(lab, vm)
    passes.whole()


def test_a_snapshot_that_comes_after_ctrl_c_goes(passes: Pass) -> None:
    """It is the main thread that waits: it gets no ``stop`` but an exception of Python's own."""
    lab, vm = passes.lab, passes.vm
    lab.disks.set(Settings(snapshot_seconds=2.0))
    main = threading.get_ident()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGUSR1, interrupt)
    try:
        watcher = when_asked(
            lab, "CreateSnapshot_Task", lambda: signal.pthread_kill(main, signal.SIGUSR1)
        )
        with pytest.raises(KeyboardInterrupt):
            passes.source.hold(vm.id, ["2000"], (), NEVER)
        watcher.join()
    finally:
        signal.signal(signal.SIGUSR1, usual)
    nothing_is_left(lab, vm)


def test_a_snapshot_of_which_vcenter_did_not_tell_how_it_went_goes(passes: Pass) -> None:
    lab, vm = passes.lab, passes.vm
    lab.disks.set(Settings(snapshot_seconds=2.0))
    fault = {"fault": "InvalidRequest", "method": "RetrieveProperties", "times": 1}
    watcher = when_asked(lab, "CreateSnapshot_Task", lambda: lab.vcenter.set_faults(fault))
    with pytest.raises(SourceError, match="InvalidRequest"):
        passes.source.hold(vm.id, ["2000"], (), NEVER)
    watcher.join()
    nothing_is_left(lab, vm)


@pytest.mark.parametrize("at", ["CreateSnapshot_Task", "RemoveSnapshot_Task"])
def test_the_snapshot_that_begins_tracking_goes_after_the_stop(
    lab: Lab, tmp_path: Path, at: str
) -> None:
    vm = lab.vm(content("d", SIZE), tracked=False)
    may = (Consent.SNAPSHOTS, Consent.CHANGE_TRACKING)
    source = open_source(connection(lab, tmp_path, *may))
    try:
        lab.disks.set(Settings(snapshot_seconds=1.0, merge_seconds=2.0))
        stop = threading.Event()
        watcher = when_asked(lab, at, stop.set)
        with pytest.raises(Interrupted):
            source.hold(vm.id, ["2000"], (), stop)
        watcher.join()
        nothing_is_left(lab, vm)
    finally:
        source.close()


def test_a_removal_that_fails_leaves_nothing_to_consolidate(passes: Pass) -> None:
    held = passes.hold()
    passes.lab.vcenter.set_faults(
        {"fault": "MergeFails", "method": "RemoveSnapshot_Task", "times": 1}
    )
    passes.source.release(passes.vm.id, held, NEVER)


def test_an_independent_disk_is_in_no_snapshot(lab: Lab, tmp_path: Path) -> None:
    modes = ("persistent", "independent_persistent")
    vm = lab.vm(content("e", SIZE), content("f", SIZE), modes=modes)
    source = open_source(connection(lab, tmp_path, Consent.SNAPSHOTS))
    try:
        passes = Pass(lab, vm, source, tmp_path)
        held = passes.hold()
        try:
            with pytest.raises(SourceError, match="independent"):
                source.open_disk(vm.id, "2001", held)
        finally:
            source.release(vm.id, held, NEVER)
    finally:
        source.close()


def test_a_disk_that_came_after_the_snapshot_is_not_in_it(passes: Pass) -> None:
    held = passes.hold()
    lab, vm = passes.lab, passes.vm
    add_disk(lab.vcenter, vm.id, DATASTORE, MIB)
    (new,) = {each.key for each in disk_devices(vm.vm)} - set(vm.flat_files)
    try:
        with pytest.raises(SourceError, match="not in the snapshot that is read: it came later"):
            passes.source.open_disk(vm.id, str(new), held)
        with pytest.raises(SourceError, match="no disk with key 4711 any more"):
            passes.source.open_disk(vm.id, "4711", held)
    finally:
        passes.source.release(vm.id, held, NEVER)


def test_without_the_consent_no_snapshot_is_taken(lab: Lab, tmp_path: Path) -> None:
    vm = lab.vm(content("g"))
    source = open_source(connection(lab, tmp_path))
    try:
        with pytest.raises(NotAllowed, match="take snapshots"):
            source.hold(vm.id, ["2000"], (), NEVER)
    finally:
        source.close()


def test_what_is_left_behind_would_be_seen(passes: Pass) -> None:
    before = passes.lab.disks.left()
    held = passes.hold()
    assert passes.lab.disks.left().beyond(before).snapshots == {(passes.vm.name, "mtv")}
    passes.source.release(passes.vm.id, held, NEVER)
    assert not passes.lab.disks.left().beyond(before).snapshots


def test_a_revert_that_change_ids_do_not_show_has_the_disks_compared(passes: Pass) -> None:
    """Some versions go on with the same tracking: what was taken back is in no list of areas."""
    lab, vm = passes.lab, passes.vm
    lab.disks.set(Settings(revert_keeps_tracking=True))
    snapshot = take_snapshot(vm.vm, "theirs")
    lab.disks.write(vm.id, 2000, 11 * MIB, b"z" * 512)
    first = passes.whole()[2000]
    result(snapshot.RevertToSnapshot_Task())
    result(snapshot.RemoveSnapshot_Task(removeChildren=False))
    result(vm.vm.PowerOnVM_Task())
    passes.whole()  # equal to what is frozen, or this fails
    assert passes.before is not None
    assert passes.before.doubt == "the VM was reverted to a snapshot"
    assert "the snapshot 'theirs' of somebody else is gone" in passes.before.seen
    assert first.point is not None
    assert passes.whole()[2000].fetched_bytes == BUSY


def test_a_copy_without_a_known_pass_before_is_compared(passes: Pass) -> None:
    passes.whole()
    passes.before = None
    assert passes.whole()[2000].fetched_bytes > BUSY
    assert passes.before is not None
    assert passes.before.doubt == "what happened since the pass before is not known"


def test_a_vcenter_that_does_not_tell_its_tasks_is_not_believed(passes: Pass) -> None:
    passes.whole()
    passes.lab.vcenter.set_faults({"fault": "NoPermission", "method": "CreateCollectorForTasks"})
    assert passes.whole()[2000].fetched_bytes > BUSY
    assert passes.before is not None
    assert "does not say what was done to the VM" in passes.before.doubt
    passes.lab.vcenter.set_faults()
    assert passes.whole()[2000].fetched_bytes == BUSY


def test_a_backup_that_came_and_went_costs_nothing(passes: Pass) -> None:
    lab, vm = passes.lab, passes.vm
    passes.whole()
    lab.disks.write(vm.id, 2000, 10 * MIB, b"x" * 512)
    backup = take_snapshot(vm.vm, "nightly backup")
    lab.disks.write(vm.id, 2000, 12 * MIB, b"y" * 512)
    result(backup.RemoveSnapshot_Task(removeChildren=False))
    lab.disks.write(vm.id, 2000, 14 * MIB, b"z" * 512)
    assert passes.whole()[2000].fetched_bytes == BUSY + 3 * MIB
    assert passes.before is not None
    assert (passes.before.seen, passes.before.doubt) == ((), "")


def test_a_snapshot_of_somebody_else_is_told_and_its_disk_is_right(passes: Pass) -> None:
    lab, vm = passes.lab, passes.vm
    passes.whole()
    theirs = take_snapshot(vm.vm, "before patch day")
    lab.disks.write(vm.id, 2000, 10 * MIB, b"x" * 512)
    passes.whole()
    assert passes.before is not None
    assert passes.before.seen == ("somebody took the snapshot 'before patch day'",)
    lab.disks.write(vm.id, 2000, 11 * MIB, b"x" * 512)
    result(theirs.RemoveSnapshot_Task(removeChildren=False))
    passes.whole()
    assert passes.before.seen == ("the snapshot 'before patch day' of somebody else is gone",)
    assert not passes.before.doubt


def test_a_disk_that_moved_is_read_where_it_is_now(passes: Pass) -> None:
    lab, vm = passes.lab, passes.vm
    passes.whole()
    lab.move(vm, 2000, "elsewhere")
    lab.disks.write(vm.id, 2000, 10 * MIB, b"x" * 512)
    passes.whole()
    assert passes.before is not None
    folder = vm.name
    assert passes.before.seen[0] == (
        f"the disk 2000 was moved from [{DATASTORE}] {folder} to [elsewhere] {folder}"
    )


def test_a_disk_that_was_replaced_is_another_one(passes: Pass) -> None:
    lab, vm = passes.lab, passes.vm
    passes.whole()
    result(vm.vm.PowerOffVM_Task())
    lab.replace(vm, 2000, content("another", SIZE))
    result(vm.vm.PowerOnVM_Task())
    passes.whole()


def test_an_esxi_host_that_no_vcenter_manages_is_read_itself(tmp_path: Path) -> None:
    """It keeps no tasks to ask for: each pass compares, and is right all the same."""
    try:
        with start_lab(tmp_path / "host", esxi=True) as lab:
            lab.vcenter.set_faults({"fault": "NoPermission", "method": "CreateCollectorForTasks"})
            source = open_source(connection(lab, tmp_path, Consent.SNAPSHOTS, Consent.POWER))
            vm = lab.vm(content("a", SIZE), content("b", SIZE))
            passes = Pass(lab, vm, source, tmp_path)
            with writing(lab.vcenter, vm.id, 2000, SIZE), writing(lab.vcenter, vm.id, 2001, SIZE):
                passes.whole()
                passes.whole()
            result(vm.vm.PowerOffVM_Task())
            passes.copy(Held(id="off"), 2000)
            passes.copy(Held(id="off"), 2001)
            source.close()
            assert not lab.disks.left().snapshots
            asked = {urlsplit(each.path).path for each in lab.vcenter.requests() if each.range}
            assert asked == {f"/folder/{vm.name}/{file.name}" for file in vm.flat_files.values()}
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
