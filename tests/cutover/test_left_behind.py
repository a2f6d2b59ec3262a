"""What would be left behind: disks that nobody planned, snapshots when mtv cannot write or goes."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cutover.test_passes import identity
from tests.cutover.test_side_by_side import eventually, limit
from tests.driver import Mtv, none_left_about
from tests.real.parts import require
from tests.real.people import add_disk, is_on, power_off, power_on
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter
from tests.real.vcenter_disks import Disks, disks_of

Planned = Callable[..., Mtv]
OURS = ("web02", "mtv")
MIB = 1 << 20


@pytest.fixture
def disks(vcenter: VCenter) -> Iterator[Disks]:
    with disks_of(vcenter) as opened:
        yield opened


def running(planned: Planned, estate: SmallEstate, vcenter: VCenter) -> Mtv:
    """A project with a VM that runs, ready for its first pass, which begins with a probe."""
    power_on(vcenter, estate.vms["web02"].moref)
    return planned("web02", warm=True)


def until_held(project: Mtv) -> None:
    """Waits until mtv knows that its snapshot is there."""
    deadline = time.monotonic() + 60
    while not is_held(project.directory / "runs" / "pilot" / "journal.db"):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def kill_while_held(project: Mtv) -> None:
    """A pass is killed as soon as mtv knows that its snapshot is there."""
    limit(project, bytes_per_second=500_000)
    process = project.start("sync")
    until_held(project)
    process.kill()
    process.communicate(timeout=90)


def is_held(journal: Path) -> bool:
    query = "SELECT 1 FROM event WHERE step = 'hold' AND state = 'done'"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchone() is not None
    except sqlite3.OperationalError:  # it is just being made
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_snapshot_goes_with_who_took_it(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, disks: Disks, number: int
) -> None:
    """SIGHUP: the terminal, or the connection to it, is gone."""
    project = running(planned, estate, vcenter)
    limit(project, bytes_per_second=500_000)
    # Under nohup it is ignored, also by what is started from here.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        process = project.start("sync")
    finally:
        signal.signal(number, before)
    until_held(project)
    assert OURS in disks.left().snapshots
    os.kill(process.pid, number)
    process.communicate(timeout=90)
    assert process.returncode == 130
    assert OURS not in disks.left().snapshots
    assert none_left_about(str(project.directory)) == []


def stands(project: Mtv) -> tuple[str, str]:
    (status,) = project.run("status", "-o", "json").json
    return status["state"], status["says"]


def test_status_says_how_far_a_copy_is_while_it_is_made(planned: Planned) -> None:
    project = planned("web01")
    limit(project, bytes_per_second=500_000)
    process = project.start("sync")
    told = set[str]()
    deadline = time.monotonic() + 120
    while len(told) < 2:  # it goes on
        assert process.poll() is None
        assert time.monotonic() < deadline
        state, says = stands(project)
        told |= {says} if state == "started" and says.startswith("reading the source ") else set()
    assert all(each.endswith(" %") for each in told)
    process.kill()
    process.communicate(timeout=90)
    assert stands(project) == ("interrupted", "")
    limit(project)
    project.run("sync")
    assert stands(project) == ("done", "")


def test_a_rollback_lets_go_of_what_a_killed_mtv_holds(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, disks: Disks
) -> None:
    project = running(planned, estate, vcenter)
    kill_while_held(project)
    assert OURS in disks.left().snapshots
    assert "end what a killed mtv left" in project.run("rollback", "--dry-run").stdout
    assert OURS in disks.left().snapshots
    assert "what a killed mtv left at the source is ended" in project.run("rollback").stdout
    assert OURS not in disks.left().snapshots
    assert "nothing to do" in project.run("rollback").stdout


def details(project: Mtv, wave: str, step: str) -> list[Any]:
    """What each event of a step that was done says."""
    query = "SELECT detail FROM event WHERE step = ? AND state = 'done' ORDER BY id"
    with contextlib.closing(
        sqlite3.connect(project.directory / "runs" / wave / "journal.db")
    ) as db:
        return [msgspec.json.decode(detail) for (detail,) in db.execute(query, (step,))]


def test_what_a_killed_pass_held_is_not_read_once_the_vm_is_off(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, disks: Disks
) -> None:
    """It is older than what the guest wrote last, and the copy counts as the last one."""
    vm = estate.vms["web02"]
    (disk,) = vm.disks
    project = running(planned, estate, vcenter)
    kill_while_held(project)
    assert OURS in disks.left().snapshots
    disks.write(vm.moref, disk.key, disk.capacity_bytes - 4096, os.urandom(4096))
    power_off(vcenter, vm.moref)
    limit(project)
    project.run("sync")
    (copy,) = details(project, "pilot", "sync")
    assert copy["off"]
    assert OURS not in disks.left().snapshots
    assert disk.flat_file is not None
    assert copy["disks"][str(disk.key)]["source"]["sha256"] == identity(disk.flat_file)
    assert "the source is what was copied" in project.run("verify", "--source").stdout


def test_what_happened_between_two_waves_is_doubted_until_a_pass_has_ended(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, disks: Disks
) -> None:
    """A revert then is none that the second wave's own journal would tell of."""
    project = running(planned, estate, vcenter)
    project.run("sync")
    plan = project.directory / "plan.yaml"
    plan.write_text(plan.read_text().replace("name: pilot", "name: second", 1))
    limit(project, bytes_per_second=500_000)
    for number in (1, 2):
        process = project.start("sync")
        eventually(partial(was_held, project, "second", number))
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=90)
        assert process.returncode == 130
    assert all(held["doubt"] for held in held_in(project, "second"))
    limit(project)
    project.run("sync")
    project.run("sync")
    assert [bool(held["doubt"]) for held in held_in(project, "second")] == [True, True, True, False]
    assert OURS not in disks.left().snapshots


def was_held(project: Mtv, wave: str, times: int) -> bool:
    return len(held_in(project, wave)) == times


def held_in(project: Mtv, wave: str) -> list[Any]:
    """What held the disks in each pass of a wave."""
    if not is_held(project.directory / "runs" / wave / "journal.db"):
        return []
    return details(project, wave, "hold")


def test_another_vm_with_that_id_is_neither_copied_nor_shut_down(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, disks: Disks
) -> None:
    """As of another vCenter, or one that was made anew: ids like vm-42 come once more."""
    project = running(planned, estate, vcenter)
    moref = estate.vms["web02"].moref
    path = project.directory / "inventory" / "vc1.json"
    whole = msgspec.json.decode(path.read_bytes())
    (vm,) = [each for each in whole["vms"] if each["id"] == moref]
    vm["instance_uuid"] = "500b1c9e-0000-4000-8000-000000000000"
    path.write_bytes(msgspec.json.encode(whole))
    for command in ("sync", "cutover"):
        ended = project.run(command, expect=1)
        assert f"{moref} of vc1 is not web02 any more: another VM has its id" in ended.stdout
        assert "url in mtv.yaml" in ended.stdout
    assert is_on(vcenter, moref)
    assert OURS not in disks.left().snapshots


@pytest.fixture
def small_runs(tmp_path: Path) -> Iterator[Path]:
    """A file system for a run's journal."""
    place = tmp_path / "small"
    place.mkdir()
    require("root, to mount a small file system", os.geteuid() == 0, "run the tests as root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_the_snapshot_goes_when_the_journal_cannot_be_written(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, disks: Disks, small_runs: Path
) -> None:
    project = running(planned, estate, vcenter)
    (project.directory / "runs").mkdir()
    (project.directory / "runs" / "pilot").symlink_to(small_runs)
    limit(project, bytes_per_second=2_000_000)
    process = project.start("sync")
    until_held(project)
    filler = small_runs / "filler"
    fill(filler)
    limit(project)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1 or process.returncode == 2
    assert OURS not in disks.left().snapshots, output
    filler.unlink()
    project.run("sync")


def fill(file: Path) -> None:
    """Leaves no byte free beside it."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as opened:
        while True:
            opened.write(bytes(4096))


def test_a_disk_that_came_after_the_plan_stops_the_vm(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, disks: Disks
) -> None:
    project = running(planned, estate, vcenter)
    project.run("sync")
    add_disk(vcenter, estate.vms["web02"].moref, "gold", 32 * MIB)
    for command in ("sync", "cutover"):
        ended = project.run(command, expect=1)
        assert "web02 has disks that it had not when it was collected: " in ended.stdout
        assert "mtv collect" in ended.stdout
        assert is_on(vcenter, estate.vms["web02"].moref)
    assert OURS not in disks.left().snapshots
