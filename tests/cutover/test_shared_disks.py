"""Two VMs with one disk: it is copied once, while both are off, and both go over with it."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from pyVmomi import vim

from tests.cutover.test_passes import identity
from tests.cutover.test_side_by_side import states
from tests.driver import Mtv
from tests.real.disk_vm import disk_devices, leaf, result
from tests.real.people import is_on, power_off, power_on
from tests.real.small_estate import SmallEstate, connected
from tests.real.vcenter import VCenter

Planned = Callable[..., Mtv]

FIRST, SECOND = "web01", "web02"
SHARED_KEY = 2001


@pytest.fixture(scope="module")
def cluster(vcenter: VCenter, estate: SmallEstate) -> Iterator[Any]:
    """The second disk of web01, which web02 has now, too: both may write to it."""
    with connected(vcenter) as service:
        first, second = (
            vim.VirtualMachine(estate.vms[name].moref, service._stub) for name in (FIRST, SECOND)
        )
        for vm in (first, second):
            if str(leaf(vm, "runtime.powerState")) == "poweredOn":
                result(vm.PowerOffVM_Task())
        (disk,) = [each for each in disk_devices(first) if each.key == SHARED_KEY]
        change = vim.vm.device.VirtualDeviceSpec
        gone = vim.vm.ConfigSpec(deviceChange=[change(device=disk, operation="remove")])
        result(first.ReconfigVM_Task(gone))
        for vm in (first, second):
            (boot,) = disk_devices(vm)
            shared = vim.vm.device.VirtualDisk(
                key=SHARED_KEY,
                controllerKey=boot.controllerKey,
                unitNumber=1,
                capacityInBytes=disk.capacityInBytes,
                capacityInKB=disk.capacityInBytes // 1024,
                backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                    fileName=disk.backing.fileName,
                    datastore=disk.backing.datastore,
                    diskMode="persistent",
                    sharing="sharingMultiWriter",
                ),
            )
            spec = vim.vm.ConfigSpec(deviceChange=[change(device=shared, operation="add")])
            result(vm.ReconfigVM_Task(spec))
        yield estate


def test_who_shares_a_disk_goes_with_the_others(planned: Planned, cluster: SmallEstate) -> None:
    del cluster
    project = planned(FIRST, warm=True)
    for command in ("sync", "cutover"):
        said = project.run(command, expect=2).stderr
        assert "VMs that share disks go over together" in said
        assert "mtv plan --vm vc1/" in said
    both = planned(FIRST, SECOND, warm=True, name="both")
    assert "was not named, too" in both.run("sync", "--vm", SECOND, expect=2).stderr


def test_while_one_of_them_runs_neither_is_copied(
    planned: Planned, cluster: SmallEstate, vcenter: VCenter
) -> None:
    power_on(vcenter, cluster.vms[SECOND].moref)
    project = planned(FIRST, SECOND, warm=True)
    outcomes = project.run("sync", "-o", "json").json
    assert {each["outcome"] for each in outcomes} == {"passed by"}
    assert all("it shares disks, and web02 run" in each["says"] for each in outcomes)


def switch_off(vcenter: VCenter, cluster: SmallEstate) -> None:
    for name in (FIRST, SECOND):
        if is_on(vcenter, cluster.vms[name].moref):
            power_off(vcenter, cluster.vms[name].moref)


def test_a_disk_that_went_over_in_another_wave_is_not_copied_again(
    planned: Planned, cluster: SmallEstate, vcenter: VCenter
) -> None:
    """The one VM went over, the other one failed and came into another wave, with its sharer."""
    switch_off(vcenter, cluster)
    first, second = (f"vc1/{cluster.vms[name].moref}" for name in (FIRST, SECOND))
    project = planned(FIRST, SECOND, warm=True)
    project.run("sync")
    owner, other = sorted((first, second))
    tell(project, other, "boot", "started")
    (base,) = (project.directory / "vms").rglob("shared-*.raw")
    with base.open("r+b") as file:
        file.write(b"written by the guest")
    kept = base.read_bytes()
    plan = project.directory / "plan.yaml"
    plan.write_text(plan.read_text().replace("name: pilot", "name: again", 1))
    outcomes = {each["ref"]: each for each in project.run("sync", "again", "-o", "json").json}
    assert outcomes[other]["outcome"] == "passed by"
    assert outcomes[owner]["outcome"] in ("done", "nothing to do")
    assert base.read_bytes() == kept
    # Both began with the same copy of it.
    by_vm = synced(project, "again") + synced(project)
    assert len({copy[str(SHARED_KEY)]["source"]["sha256"] for copy in by_vm}) == 1
    both = ("--vm", FIRST, "--vm", SECOND)
    ended = project.run("rollback", "again", *both, "--discard", expect=4)
    assert "which went over in the wave pilot: its guest would lose it" in ended.stdout
    assert base.read_bytes() == kept


def test_a_copy_that_began_anew_without_its_sharer_is_told(
    planned: Planned, cluster: SmallEstate, vcenter: VCenter
) -> None:
    """As when a discard of both was killed between them."""
    switch_off(vcenter, cluster)
    first, second = sorted(f"vc1/{cluster.vms[name].moref}" for name in (FIRST, SECOND))
    project = planned(FIRST, SECOND, warm=True)
    project.run("sync")
    for ref in (first, second):
        tell(project, ref, "boot", "started")
    (base,) = (project.directory / "vms").rglob("shared-*.raw")
    shutil.rmtree(base.parent)
    tell(project, first, "discard", "done")
    ended = project.run("sync", expect=4).stdout
    assert "went over with a VM that shares it, and what went over is not in" in ended
    assert "begin anew with all that share it: mtv rollback pilot --vm" in ended


def tell(project: Mtv, vm: str, step: str, state: str) -> None:
    """Adds an event to the journal."""
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        db.execute(
            "INSERT INTO event (epoch, at, vm, step, state, detail) "
            "SELECT max(id), '2026-01-01T00:00:00+00:00', ?, ?, ?, '{}' FROM epoch",
            (vm, step, state),
        )


def test_both_go_over_with_one_copy(
    planned: Planned, cluster: SmallEstate, vcenter: VCenter
) -> None:
    for name in (FIRST, SECOND):
        power_on(vcenter, cluster.vms[name].moref)
    disk = next(each for each in cluster.vms[FIRST].disks if each.key == SHARED_KEY)
    assert disk.flat_file is not None
    project = planned(FIRST, SECOND, warm=True)
    project.run("cutover")
    assert {event for event in states(project) if event[1] == "boot" and event[2] == "done"}
    bases = sorted(path.name for path in (project.directory / "vms").rglob("*.raw"))
    assert len([name for name in bases if name.startswith("shared-")]) == 1
    assert len(bases) == 3
    facts = project.run("report", expect=None)
    assert facts.code == 0
    copies = synced(project)
    assert len(copies) == 2
    assert {copy[str(SHARED_KEY)]["source"]["sha256"] for copy in copies} == {
        identity(disk.flat_file)
    }
    # Both see at the source what they were copied from.
    verified = project.run("verify", "--source").stdout
    assert verified.count("the source is what was copied") == 2
    a_start_after_one_went_over_is_noticed(project, cluster, vcenter)


def a_start_after_one_went_over_is_noticed(
    project: Mtv, cluster: SmallEstate, vcenter: VCenter
) -> None:
    """The second one, as if its cutover had not begun, ran and wrote to the disk they share."""
    second = cluster.vms[SECOND].moref
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        db.execute("DELETE FROM event WHERE vm = ?", (f"vc1/{second}",))
    power_on(vcenter, second)
    power_off(vcenter, second)
    ended = project.run("cutover", expect=1)
    assert f"{SECOND} run at the source, or ran since, and a disk of" in ended.stdout
    first = f"vc1/{cluster.vms[FIRST].moref}"
    wanted = ("cutover", "pilot", "--vm", SECOND, "--vm", first, "--lose-source-changes")
    assert " ".join(wanted) in ended.stdout
    assert project.run(*wanted, "-o", "json").json[-1]["outcome"] == "done"
    power_off(vcenter, second)
    assert "up after" in project.run("launch", SECOND).stderr
    # They begin anew together.
    both = ("rollback", "pilot", "--vm", SECOND, "--vm", first, "--discard")
    assert " ".join(both) in ended.stdout
    assert "was not named, too" in project.run(*both[:4], "--discard", expect=2).stderr
    project.run(*both)
    assert not list((project.directory / "vms").rglob("*.raw"))
    project.run("sync")
    assert len(list((project.directory / "vms").rglob("*.raw"))) == 3


def synced(project: Mtv, wave: str = "pilot") -> list[dict[str, Any]]:
    """What the last pass over each VM copied."""
    with sqlite3.connect(project.directory / "runs" / wave / "journal.db") as db:
        rows = db.execute(
            "SELECT vm, detail FROM event WHERE step = 'sync' AND state = 'done' ORDER BY id"
        ).fetchall()
    return list({vm: msgspec.json.decode(detail)["disks"] for vm, detail in rows}.values())
