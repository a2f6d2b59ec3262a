"""Several VMs in passes at the same time, slowed down, stopped and set free while they run."""

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.driver import Ended, Mtv, processes_about
from tests.real.people import power_on
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter
from tests.real.vcenter_disks import disks_of

MIB = 1 << 20

Planned = Callable[..., Mtv]


def limit(project: Mtv, **limits: object) -> None:
    """Writes ``limits`` of mtv.yaml, as an editor does: another file in its place."""
    path = project.directory / "mtv.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["limits"] = limits
    new = path.with_suffix(".new")
    new.write_text(yaml.safe_dump(settings), encoding="utf-8")
    new.rename(path)


def proven(project: Mtv, vm: str) -> Mtv:
    """The project, in which a slow pass over the VM need not prove first that files may be read."""
    project.run("doctor", "--probe", vm)
    return project


def bases(project: Mtv) -> list[Path]:
    return sorted((project.directory / "vms").glob("*/*/*.raw"))


def written(project: Mtv) -> int:
    """Bytes that the bases take."""
    return sum(base.stat().st_blocks * 512 for base in bases(project))


def eventually(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ended(process: "subprocess.Popen[str]") -> Ended:
    stdout, stderr = process.communicate(timeout=300)
    return Ended(process.returncode, stdout, stderr)


def states(project: Mtv) -> list[tuple[str, str, str]]:
    """VM, step and state of every event of the run."""
    path = project.directory / "runs" / "pilot" / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT vm, step, state FROM event ORDER BY id").fetchall()


def test_vms_and_their_disks_are_copied_at_the_same_time(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    power_on(vcenter, estate.vms["web02"].moref)
    project = proven(planned("web01", "web02", "billing-db", warm=True), "web02")
    # So slow that nothing can end before all have begun; then as fast as it goes.
    limit(project, vms=3, disks=8, bytes_per_second=2 * MIB)
    process = project.start("sync", "-o", "json")
    eventually(lambda: len(bases(project)) == 4)
    began = [event for event in states(project) if event[1:] == ("sync", "started")]
    assert len(began) == 3
    assert not [event for event in states(project) if event[1:] == ("sync", "done")]
    limit(project, vms=3)
    done = ended(process)
    assert done.code == 0, done
    outcomes = json.loads(done.stdout)
    assert sorted(each["name"] for each in outcomes) == ["billing-db", "web01", "web02"]
    assert {each["outcome"] for each in outcomes} == {"done"}


def test_one_at_a_time_is_one_at_a_time(planned: Planned) -> None:
    project = planned("web01", "web02", warm=True)
    limit(project, vms=1, disks=1)
    project.run("sync")
    names = [vm for vm, step, state in states(project) if (step, state) == ("sync", "started")]
    order = [vm for vm, step, _ in states(project) if step == "sync"]
    assert order == [names[0], names[0], names[1], names[1]]


def test_ctrl_c_ends_all_of_them_cleanly_and_nothing_stays_held(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    for name in ("web01", "web02"):
        power_on(vcenter, estate.vms[name].moref)
    project = proven(planned("web01", "web02", warm=True), "web02")
    limit(project, bytes_per_second=MIB)
    with disks_of(vcenter) as disks:
        stopped = project.interrupt_when(("sync",), lambda: written(project) > 0)
        assert stopped.code == 130, stopped
        assert "the same command goes on" in stopped.stderr
        assert not {name for name, _ in disks.left().snapshots} & {"web01", "web02"}
    assert not processes_about(str(project.directory))
    limit(project, vms=2)
    again = project.run("sync", "-o", "json").json
    assert [each["outcome"] for each in again] == ["done", "done"]


def test_a_blackout_lets_go_of_the_disks_and_goes_on_after_it(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    power_on(vcenter, estate.vms["web02"].moref)
    project = proven(planned("web02", warm=True), "web02")
    limit(project, bytes_per_second=MIB)
    with disks_of(vcenter) as disks:
        process = project.start("sync")
        eventually(lambda: written(project) > 0)
        limit(project, bytes_per_second=MIB, blackouts=["00:00-24:00"])
        eventually(lambda: ("release", "done") in [event[1:] for event in states(project)])
        assert "web02" not in {name for name, _ in disks.left().snapshots}
        assert process.poll() is None
        limit(project)
        done = ended(process)
    assert done.code == 0, done
    assert "waiting: a blackout until" in done.stderr
    assert "✓ web02: done" in done.stdout
    holds = [event for event in states(project) if event[1:] == ("hold", "done")]
    assert len(holds) == 2


def test_a_mistake_in_the_file_is_told_and_stops_nobody(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    power_on(vcenter, estate.vms["web02"].moref)
    project = proven(planned("web02", warm=True), "web02")
    limit(project, bytes_per_second=MIB)
    process = project.start("sync")
    eventually(lambda: written(project) > 0)
    limit(project, bytes_per_second="slow")
    time.sleep(2)
    assert process.poll() is None
    limit(project)
    done = ended(process)
    assert done.code == 0, done
    assert "limits.bytes_per_second" in done.stderr
    assert "the limits stay as they were" in done.stderr


@pytest.mark.parametrize("hours", ["18-8", "Xyz 08:00-09:00"])
def test_hours_that_are_none_are_told_with_their_line(planned: Planned, hours: str) -> None:
    project = planned("web02", warm=True)
    limit(project, blackouts=[hours])
    said = project.run("sync", expect=2).stderr
    assert "limits.blackouts" in said
    assert "expected hours like" in said


def test_sigterm_is_ctrl_c(planned: Planned, estate: SmallEstate, vcenter: VCenter) -> None:
    power_on(vcenter, estate.vms["web02"].moref)
    project = proven(planned("web01", "web02", warm=True), "web02")
    limit(project, bytes_per_second=MIB)
    process = project.start("sync")
    eventually(lambda: written(project) > 0)
    process.send_signal(signal.SIGTERM)
    assert ended(process).code == 130
