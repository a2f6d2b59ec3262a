"""Moments of running VMs: backups and snapshots, while the guest writes."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from ovirtsdk4 import types

from mtv.errors import Interrupted, SourceError
from mtv.model.disk import Held
from mtv.sources.rhv.backups import DESCRIPTION, RhvBackup, begin_backup, end_backup
from mtv.sources.rhv.checkpoints import POINT, FullNeeded, forget_checkpoints
from mtv.sources.rhv.disks import open_disk
from mtv.sources.rhv.engine import Engine
from mtv.sources.rhv.hold import (
    SNAPSHOT,
    forget,
    held_by_us,
    hold,
    let_go,
    open_held_disk,
    release,
)
from mtv.sources.rhv.snapshots import RhvSnapshot, make_snapshot, remove_snapshot
from mtv.sources.rhv.strain import strain_of
from mtv.sources.rhv.transferred import TransferredDisk
from mtv.tasks import SyncResult
from tests.real.imageio.guest import Guest, writing
from tests.real.imageio.machine import FROZEN
from tests.real.rhv import RhvEngine
from tests.real.small_rhv import (
    DISKS,
    LATENCY_SECONDS,
    LEVEL,
    LUNS,
    VMS,
    content,
    disk_id,
    vm_id,
)
from tests.sources.rhv_data import bring_up, copied, end, eventually, logged_in, small_rhv

SHOP, LEDGER, MAIL = vm_id("shop"), vm_id("ledger"), vm_id("mail")
SYSTEM, DATA = VMS["shop"]
(LEDGER_DISK,) = VMS["ledger"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RhvEngine]:
    """An engine of the test's own: disks change."""
    with small_rhv(tmp_path / "rhv") as started:
        yield started


@pytest.fixture
def login(engine: RhvEngine) -> Iterator[Engine]:
    with logged_in(engine) as login:
        yield login


def guests(engine: RhvEngine, vm: str, ends: ExitStack) -> dict[str, Guest]:
    """Guests that write to all disks of a VM."""
    socket = engine.where()["machines"][vm_id(vm)]
    return {
        name: ends.enter_context(writing(socket, disk_id(name), content(name), seed))
        for seed, name in enumerate(VMS[vm])
    }


def frozen(engine: RhvEngine, backup: RhvBackup, name: str, directory: Path) -> bytes:
    """A disk at the moment of a backup, as QEMU itself reads it: without imageio, bitmaps or us."""
    socket = engine.where()["machines"][SHOP]
    export = FROZEN.format(backup=backup.id, disk=disk_id(name))
    file = directory / "frozen.raw"
    argv = ["qemu-img", "convert", "-f", "raw", "-O", "raw"]
    subprocess.run([*argv, f"nbd+unix:///{export}?socket={socket}", str(file)], check=True)
    return file.read_bytes()


def ways(engine: RhvEngine) -> list[str]:
    """How the engine made each backup so far."""
    return [each["way"] for each in engine.backups().values()]


def layers(directory: Path, name: str) -> list[Path]:
    """The images that a disk of an engine in this directory consists of."""
    return list((directory / "storage" / disk_id(name)).iterdir())


def shut_down(login: Engine, vm: str) -> None:
    login.act(f"vms/{vm}", "shutdown")
    eventually(lambda: str(login.get(f"vms/{vm}").status) == "down")


def refreshed(base: Path, disk: TransferredDisk, point: str) -> int:
    """Bring a copy up by what changed alone; how many bytes that was."""
    changed = disk.changed_since(point)
    assert changed is not None
    bring_up(base, disk, changed)
    return sum(each.length for each in changed)


@pytest.mark.parametrize("legacy", [True, False], ids=["of the running VM", "of its snapshots"])
def test_passes_of_backups_under_load(
    engine: RhvEngine, login: Engine, tmp_path: Path, legacy: bool
) -> None:
    """A full one, two of changes, and the last one of the VM that is down."""
    bases = {name: tmp_path / f"{name}.raw" for name in VMS["shop"]}
    disks = [disk_id(name) for name in VMS["shop"]]
    points: dict[str, str | None] = {}
    checkpoints: list[str] = []
    moments: list[int] = []
    with ExitStack() as ends:
        writers = guests(engine, "shop", ends)
        for number in range(3):
            for guest in writers.values():
                guest.wait_for(30)
            backup = begin_backup(
                login, SHOP, disks, checkpoints[-1] if checkpoints else None, legacy=legacy
            )
            opened = {name: backup.open(disk_id(name)) for name in bases}
            for name, base in bases.items():
                disk = opened[name]
                if number == 0 or name == DATA:  # a raw disk is not tracked
                    copied(disk, base, DISKS[name].size)
                else:
                    moved = refreshed(base, disk, str(points[name]))
                    assert 0 < moved < DISKS[name].size // 2
                points[name] = disk.point()
            for guest in writers.values():
                guest.wait_for(10)  # it writes while the moment lasts
            for name, base in bases.items():
                held = base.read_bytes()
                assert held == frozen(engine, backup, name, tmp_path)
                moment = writers[name].moment_of(held)
                assert moment < writers[name].written
                moments += [moment] if name == SYSTEM else []
            end(login, SHOP, backup, *opened.values())
            assert backup.checkpoint is not None
            checkpoints.append(backup.checkpoint)
            assert engine.held() == {"checkpoints": sorted(checkpoints)}
        assert moments == sorted(set(moments))
        shut_down(login, SHOP)

    backup = begin_backup(login, SHOP, disks, checkpoints[-1], legacy=legacy)
    assert backup.modes == {disk_id(SYSTEM): "incremental", disk_id(DATA): "full"}
    disk = backup.open(disk_id(SYSTEM))
    refreshed(bases[SYSTEM], disk, str(points[SYSTEM]))
    raw = backup.open(disk_id(DATA))
    assert raw.changed_since(str(points[DATA])) is None
    copied(raw, bases[DATA], DISKS[DATA].size)
    end(login, SHOP, backup, disk, raw)
    for name, base in bases.items():
        assert writers[name].moment_of(base.read_bytes()) >= writers[name].written
    assert ways(engine) == ([*["live"] * 3, "cold"] if legacy else ["hybrid"] * 4)
    assert backup.checkpoint is not None
    assert forget_checkpoints(login, SHOP, [*checkpoints, backup.checkpoint]) == []
    assert engine.held() == {}


@pytest.mark.parametrize(
    ("version", "level", "legacy", "way"),
    [
        ("4.5.3.2-1.el8", "4.7", False, "hybrid"),
        ("4.5.3.2-1.el8", "4.7", True, "live"),
        ("4.5.3.2-1.el8", "4.6", False, "live"),
        ("4.4.10.7-1.el8", "4.6", False, "live"),
    ],
)
def test_only_new_engines_at_new_levels_make_snapshots_for_backups(
    tmp_path: Path, version: str, level: str, legacy: bool, way: str
) -> None:
    """And do not look then at what is asked of the guest's file systems."""
    hybrid = way == "hybrid"
    with (
        small_rhv(tmp_path / "rhv", version=version, level=level) as engine,
        logged_in(engine) as login,
    ):
        backup = begin_backup(login, SHOP, [disk_id(SYSTEM)], legacy=legacy, consistent=True)
        assert engine.backups() == {backup.id: {"vm": SHOP, "way": way, "froze": not hybrid}}
        assert len(engine.held().get("snapshots", [])) == hybrid
        assert len(layers(tmp_path / "rhv", SYSTEM)) == 1 + hybrid
        end_backup(login, SHOP, backup.id)
        assert len(layers(tmp_path / "rhv", SYSTEM)) == 1
        forget_checkpoints(login, SHOP, [str(backup.checkpoint)])


def test_a_pass_reads_the_running_vm_and_no_snapshot(
    engine: RhvEngine, login: Engine, tmp_path: Path
) -> None:
    """A snapshot would be made and merged each time; and the file systems would not be in order."""
    never = threading.Event()
    held = hold(login, SHOP, [disk_id(SYSTEM)], [], never)
    assert held.consistent
    (made,) = engine.backups().values()
    assert made == {"vm": SHOP, "way": "live", "froze": True}
    assert "snapshots" not in engine.held()
    assert len(layers(tmp_path / "rhv", SYSTEM)) == 1
    release(login, SHOP, held)
    assert let_go(login, SHOP, [held.leaves], never) == []


def test_a_vm_without_an_agent_is_held_as_it_is(engine: RhvEngine, login: Engine) -> None:
    """Its changes are told all the same."""
    never = threading.Event()
    engine.faults(agentless=[SHOP])
    points: list[str] = []
    for number in range(2):
        held = hold(login, SHOP, [disk_id(SYSTEM)], points, never)
        assert not held.consistent
        with closing(open_held_disk(login, SHOP, disk_id(SYSTEM), held)) as disk:
            assert number == 0 or disk.changed_since(points[0]) is not None
        release(login, SHOP, held)
        points.append(held.leaves)
    assert [each["froze"] for each in engine.backups().values()] == [False, False]
    assert let_go(login, SHOP, points, never) == []


def test_a_vm_that_is_down_needs_no_backup(tmp_path: Path) -> None:
    """At levels below 4.5 none is made of it."""
    with small_rhv(tmp_path / "rhv", level="4.4") as engine, logged_in(engine) as login:
        shut_down(login, SHOP)
        with pytest.raises(SourceError, match="not supported"):
            begin_backup(login, SHOP, [disk_id(SYSTEM)], legacy=True)
        assert hold(login, SHOP, [disk_id(SYSTEM)], [], threading.Event()).id == "down:"
        assert engine.backups() == {}


def test_a_vm_that_is_down_is_told_from_the_snapshot_that_its_copies_are_at(
    engine: RhvEngine, login: Engine
) -> None:
    """Though a backup can be made by now: the level of its cluster was raised meanwhile."""
    snapshot = make_snapshot(login, SHOP, [disk_id(SYSTEM)], "mtv")
    shut_down(login, SHOP)
    point = f"{SNAPSHOT}{snapshot.id}"
    held = hold(login, SHOP, [disk_id(SYSTEM)], [point], threading.Event())
    with closing(open_held_disk(login, SHOP, disk_id(SYSTEM), held)) as disk:
        assert disk.changed_since(point) is not None
    assert engine.backups() == {}
    remove_snapshot(login, SHOP, snapshot.id)


def test_an_older_point_is_brought_up_too(engine: RhvEngine, login: Engine, tmp_path: Path) -> None:
    """Two disks whose copies are not of the same backup: the older checkpoint serves both."""
    base = tmp_path / "disk.raw"
    with ExitStack() as ends:
        guest = guests(engine, "shop", ends)[SYSTEM]
        kept: list[RhvBackup] = []
        for number in range(3):
            guest.wait_for(20)
            since = kept[0].checkpoint if kept else None
            backup = begin_backup(login, SHOP, [disk_id(SYSTEM)], since)
            disk = backup.open(disk_id(SYSTEM))
            if number == 0:
                copied(disk, base, DISKS[SYSTEM].size)
            if number == 2:
                newer = disk.changed_since(f"checkpoint:{kept[1].checkpoint}")
                older = disk.changed_since(f"checkpoint:{kept[0].checkpoint}")
                assert newer == older
                assert disk.changed_since("checkpoint:none-of-it") is None
                assert disk.changed_since("stopped:image@then") is None
                refreshed(base, disk, f"checkpoint:{kept[0].checkpoint}")
                assert base.read_bytes() == frozen(engine, backup, SYSTEM, tmp_path)
            end(login, SHOP, backup, disk)
            kept.append(backup)
    forget_checkpoints(login, SHOP, [str(each.checkpoint) for each in kept])
    assert engine.held() == {}


def test_a_checkpoint_that_is_worth_nothing_says_so(engine: RhvEngine, login: Engine) -> None:
    backup = begin_backup(login, SHOP, [disk_id(SYSTEM)])
    end_backup(login, SHOP, backup.id)
    checkpoint = str(backup.checkpoint)
    with pytest.raises(FullNeeded, match="its checkpoint is gone"):
        begin_backup(login, SHOP, [disk_id(SYSTEM)], "00000000-0000-0000-0000-000000000001")
    engine.faults(failing_backups=[SHOP])
    with pytest.raises(FullNeeded, match="failed to take it up"):
        begin_backup(login, SHOP, [disk_id(SYSTEM)], checkpoint)
    with pytest.raises(SourceError, match="does not get ready") as told:
        begin_backup(login, SHOP, [disk_id(SYSTEM)])
    assert not isinstance(told.value, FullNeeded)
    engine.faults(invalid_checkpoints=[checkpoint])
    with pytest.raises(SourceError, match="is invalid"):
        begin_backup(login, SHOP, [disk_id(SYSTEM)], checkpoint)
    with pytest.raises(FullNeeded, match="its checkpoint is invalid"):
        begin_backup(login, SHOP, [disk_id(SYSTEM)], checkpoint)
    assert engine.held() == {"checkpoints": [checkpoint]}
    assert forget_checkpoints(login, SHOP, [checkpoint]) == []


def test_a_backup_that_was_left_behind_is_ended(engine: RhvEngine, login: Engine) -> None:
    backup = begin_backup(login, SHOP, [disk_id(SYSTEM)])
    with pytest.raises(SourceError, match="during a backup"):
        begin_backup(login, SHOP, [disk_id(DATA)])
    end_backup(login, SHOP, backup.id)
    end_backup(login, SHOP, "00000000-0000-0000-0000-000000000001")
    forget_checkpoints(login, SHOP, [str(backup.checkpoint)])
    assert engine.held() == {}


def test_a_stop_while_a_backup_starts_leaves_no_checkpoint(
    engine: RhvEngine, login: Engine
) -> None:
    engine.faults(backup_seconds=1.0)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        hold(login, MAIL, [disk_id(name) for name in VMS["mail"]], [], stop)
    assert engine.held() == {}


def test_a_kill_while_a_backup_starts_leaves_no_checkpoint(
    engine: RhvEngine, login: Engine
) -> None:
    """The next run finds a backup that does not say yet which checkpoint it will leave."""
    engine.faults(backup_seconds=1.0)
    disks = [types.Disk(id=disk_id(name)) for name in VMS["mail"]]
    login.add(f"vms/{MAIL}/backups", types.Backup(disks=disks, description=DESCRIPTION))
    (found,) = held_by_us(login, MAIL)
    assert not found.leaves
    release(login, MAIL, found)
    assert engine.held() == {}


def test_who_may_not_back_up_is_told_which_permit_it_takes(
    engine: RhvEngine, login: Engine
) -> None:
    engine.faults(answers=[{"path": "/backups$", "method": "POST", "status": 403}])
    with pytest.raises(SourceError, match="may not back up shop") as told:
        begin_backup(login, SHOP, [disk_id(SYSTEM)])
    assert "backup_disk" in told.value.hint
    assert engine.held() == {}


@pytest.mark.parametrize(("vm", "name"), [("ledger", LEDGER_DISK), ("shop", DATA)])
def test_passes_of_snapshots_under_load(
    engine: RhvEngine, login: Engine, tmp_path: Path, vm: str, name: str
) -> None:
    """For a disk that the engine does not track: layers tell what changed."""
    base, disk, id_ = tmp_path / "disk.raw", disk_id(name), vm_id(vm)
    with ExitStack() as ends:
        guest = guests(engine, vm, ends)[name]
        before: RhvSnapshot | None = None
        point = ""
        for number in range(3):
            guest.wait_for(30)
            snapshot = make_snapshot(login, id_, [disk], f"mtv {number}")
            with closing(snapshot.open(disk)) as opened:
                if before is None:
                    copied(opened, base, DISKS[name].size)
                else:
                    moved = refreshed(base, opened, point)
                    assert 0 < moved < DISKS[name].size // 2
                guest.wait_for(10)
                point = opened.point() or ""
            moment = guest.moment_of(base.read_bytes())
            assert moment < guest.written
            if before is not None:
                remove_snapshot(login, id_, before.id)
            before = snapshot
            assert engine.held() == {"snapshots": [snapshot.id]}
        guest.wait_for(30)
        shut_down(login, id_)

    with closing(open_disk(login, id_, disk)) as opened:
        refreshed(base, opened, point)
        assert opened.changed_since("snapshot:of-somebody") is None
    assert guest.moment_of(base.read_bytes()) >= guest.written
    assert before is not None
    remove_snapshot(login, id_, before.id)
    remove_snapshot(login, id_, before.id)
    assert engine.held() == {}
    with closing(open_disk(login, id_, disk)) as opened:
        copied(opened, tmp_path / "again.raw", DISKS[name].size)
    assert (tmp_path / "again.raw").read_bytes() == base.read_bytes()


def test_what_a_snapshot_costs_is_told_of_images_alone(engine: RhvEngine, login: Engine) -> None:
    """A LUN of the VM has no layers, no storage domain, and no latency that engines know."""
    lun = types.DiskAttachment(
        disk=types.Disk(id=disk_id(LUNS["vault"])), interface=types.DiskInterface.VIRTIO_SCSI
    )
    login.add(f"vms/{LEDGER}/diskattachments", lun)
    before = strain_of(login, LEDGER, None)
    assert [room.name for room in before.rooms] == ["nfs-data"]
    assert before.delta_bytes is None
    assert before.latency_milliseconds == 1000 * max(LATENCY_SECONDS[LEDGER_DISK])
    with ExitStack() as ends:
        (guest,) = guests(engine, "ledger", ends).values()
        held = hold(login, LEDGER, [disk_id(LEDGER_DISK)], [], threading.Event())
        guest.wait_for(guest.written + 30)
        during = strain_of(login, LEDGER, held).delta_bytes
        assert during is not None
        assert 0 < during < DISKS[LEDGER_DISK].size
        let_go(login, LEDGER, [], threading.Event())


def test_an_engine_that_measures_nothing_tells_no_latency(login: Engine) -> None:
    assert strain_of(login, SHOP, None).latency_milliseconds is None


def test_a_snapshot_that_fails_leaves_nothing(engine: RhvEngine, login: Engine) -> None:
    engine.faults(failing_snapshots=[LEDGER])
    with pytest.raises(SourceError, match="failed to make a snapshot of ledger"):
        make_snapshot(login, LEDGER, [disk_id(LEDGER_DISK)], "mtv")
    assert engine.held() == {}
    engine.faults()
    snapshot = make_snapshot(login, LEDGER, [disk_id(LEDGER_DISK)], "mtv")
    engine.faults(failing_snapshots=[LEDGER])
    with pytest.raises(SourceError, match="failed to remove"):
        remove_snapshot(login, LEDGER, snapshot.id)
    engine.faults()
    remove_snapshot(login, LEDGER, snapshot.id)
    assert engine.held() == {}


@pytest.mark.parametrize(
    ("level", "names", "refused", "by_snapshots"),
    [
        (LEVEL, [SYSTEM], False, False),
        (LEVEL, [SYSTEM], True, False),
        (LEVEL, [SYSTEM, DATA], False, True),
        ("4.4", [SYSTEM], False, True),
    ],
    ids=[
        "backups",
        "backups, none of a VM that is down",
        "snapshots, where a disk is not tracked",
        "snapshots, where a backup of a VM that is down is not to be had",
    ],
)
def test_passes_by_whatever_fits_the_disks(
    tmp_path: Path, level: str, names: list[str], refused: bool, by_snapshots: bool
) -> None:
    """As ``mtv.transfer`` makes them: it asks each disk what changed since its last point."""
    with small_rhv(tmp_path / "rhv", level=level) as engine, logged_in(engine) as login:
        passes = WarmPasses(login, tmp_path, names)
        with ExitStack() as ends:
            writers = guests(engine, "shop", ends)
            for _ in range(3):
                for guest in writers.values():
                    guest.wait_for(30)
                passes.one()
                for name, copy in passes.copies():
                    assert writers[name].moment_of(copy) > 0
            shut_down(login, SHOP)
        if refused:
            engine.faults(answers=[{"path": "/backups$", "method": "POST", "status": 409}])
        passes.one()
        for name, copy in passes.copies():
            assert writers[name].moment_of(copy) >= writers[name].written
        for number, results in enumerate(passes.results):
            compared = number == 0 or (number == 3 and refused)
            assert all((each.kept_bytes > 0) == (not compared) for each in results)
        # Snapshots tell the changes of a disk that is not tracked; and none is made for a backup.
        tracked = ["live"] * 3 + ["cold"] * (not refused)
        assert ways(engine) == ([] if by_snapshots else tracked)
        assert len(held_by_us(login, SHOP)) == by_snapshots
        assert let_go(login, SHOP, passes.left, threading.Event()) == []
        assert engine.held() == {}


class WarmPasses:
    """Passes over disks of the shop, and what they left at the engine."""

    def __init__(self, login: Engine, directory: Path, names: list[str]) -> None:
        self._login = login
        self._bases = {name: directory / f"{name}.raw" for name in names}
        self._points: dict[str, str] = {}
        self.left: list[str] = []
        self.results: list[list[SyncResult]] = []

    def one(self) -> None:
        """Holds the disks, brings the copies up, lets go."""
        never = threading.Event()
        held = hold(self._login, SHOP, map(disk_id, self._bases), self._points.values(), never)
        found = [each.id for each in held_by_us(self._login, SHOP)]
        assert held.id in found or held.id == "down:"
        self.results.append([])
        for name, base in self._bases.items():
            with closing(open_held_disk(self._login, SHOP, disk_id(name), held)) as disk:
                self.results[-1].append(copied(disk, base, DISKS[name].size))
                self._points[name] = disk.point() or ""
        self.left.extend(self._points.values())
        release(self._login, SHOP, held)
        forget(self._login, SHOP, self.left, self._points.values(), never)

    def copies(self) -> Iterator[tuple[str, bytes]]:
        """What each copy holds now, by the name of its disk."""
        for name, base in self._bases.items():
            yield name, base.read_bytes()


def test_what_an_earlier_run_left_is_found_and_let_go(engine: RhvEngine, login: Engine) -> None:
    never = threading.Event()
    disks = [disk_id(SYSTEM)]
    left = hold(login, SHOP, disks, [], never)
    # Also what a run left before it could note it tells which point is going to stay.
    (checkpoint,) = engine.held()["checkpoints"]
    assert left.leaves == POINT + checkpoint
    assert held_by_us(login, SHOP) == (Held(id=left.id, leaves=left.leaves),)
    with pytest.raises(SourceError, match=r"during a backup|locked"):
        begin_backup(login, SHOP, [disk_id(DATA)])
    assert let_go(login, SHOP, [], never) == []
    assert held_by_us(login, SHOP) == ()
    again = hold(login, SHOP, disks, ["checkpoint:of-nobody", "stopped:image@then"], never)
    release(login, SHOP, again)
    release(login, SHOP, again)
    with pytest.raises(SourceError, match="is over"):
        open_held_disk(login, SHOP, disks[0], again)
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(Interrupted):
        hold(login, SHOP, disks, [], stopped)
    there = engine.held()
    assert set(there) == {"checkpoints"}
    assert let_go(login, SHOP, [POINT + each for each in there["checkpoints"]], never) == []
