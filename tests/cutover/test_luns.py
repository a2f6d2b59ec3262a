"""A VM with a LUN goes over: its disks are copied, the LUN is taken from it, and given back.

A file stands for the LUN on this machine, under a link as udev makes them.
"""

import contextlib
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyVmomi import vim

from tests.cutover.crashes import KILLED, last_states
from tests.driver import Mtv
from tests.real.disk_vm import disk_devices, result
from tests.real.people import is_on, power_on
from tests.real.small_estate import SmallEstate, connected
from tests.real.vcenter import VCenter

VM = "cluster-node"
LINK = "scsi-3600508b1001c577e11dd042e142a583f"
Planned = Callable[..., Mtv]


def devices(vcenter: VCenter, estate: SmallEstate) -> dict[int, Any]:
    """Key -> disk, as the vCenter has them."""
    with connected(vcenter) as service:
        vm = vim.VirtualMachine(estate.vms[VM].moref, service._stub)
        assert vm.config is not None
        return {
            each.key: each
            for each in vm.config.hardware.device
            if isinstance(each, vim.vm.device.VirtualDisk)
        }


def mappings(vcenter: VCenter, estate: SmallEstate) -> list[tuple[Any, ...]]:
    """What the vCenter says of each RDM of the VM."""
    return [
        (
            each.controllerKey,
            each.unitNumber,
            each.capacityInKB,
            each.backing.fileName,
            each.backing.compatibilityMode,
            each.backing.lunUuid,
            each.backing.diskMode,
        )
        for each in devices(vcenter, estate).values()
        if isinstance(each.backing, vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo)
    ]


@pytest.fixture
def lun(tmp_path: Path) -> Path:
    """What stands for the LUN."""
    file = tmp_path / "lun.img"
    with file.open("wb") as out:
        out.truncate(1024 << 20)
    (tmp_path / "by-id").mkdir()
    (tmp_path / "by-id" / LINK).symlink_to(file)
    return file


def settle(project: Mtv, *, may: str = "power, disks", by_id: Path | None = None) -> Mtv:
    """The project with these consents, and LUNs in that folder."""
    file = project.directory / "mtv.yaml"
    text = file.read_text().replace("may: [power]", f"may: [{may}]")
    assert f"may: [{may}]" in text
    if by_id is not None:
        text = text.replace("directory: vms", f"directory: vms\n    luns: {by_id}")
        assert "luns:" in text
    file.write_text(text)
    return project


def attached_in_journal(project: Mtv) -> list[Any]:
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        rows = db.execute("SELECT detail FROM event WHERE step = 'attached' ORDER BY id").fetchall()
    return [msgspec.json.decode(detail)["luns"] for (detail,) in rows]


def test_nothing_is_shut_down_where_the_lun_is_not_seen(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    project = settle(planned(VM))
    for words in (["cutover"], ["cutover", "--dry-run"]):
        said = project.run(*words, expect=1).stdout
        assert "this machine does not see the LUN naa.600508b1001c577e11dd042e142a583f" in said
    assert len(mappings(vcenter, estate)) == 1


def test_a_lun_that_came_after_the_plan_stops_the_vm(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    """Its guest would start without it, and the source would keep it."""
    project = settle(planned("web02"))
    moref = estate.vms["web02"].moref
    power_on(vcenter, moref)
    add_rdm(vcenter, moref)
    try:
        said = project.run("cutover", expect=1).stdout
        assert "web02 has a LUN that it had not when it was collected" in said
        assert is_on(vcenter, moref)
    finally:
        remove_rdm(vcenter, moref)


@contextlib.contextmanager
def in_its_place(vcenter: VCenter, moref: str, backing: Any) -> Iterator[None]:
    """A VM has a disk with this backing where its LUN was, with the same key, for a while."""
    with connected(vcenter) as service:
        vm = vim.VirtualMachine(moref, service._stub)
        was = rdm_of(vm)

        def change(device: Any, operation: str, files: str | None = None) -> None:
            spec = vim.vm.device.VirtualDeviceSpec
            made = spec(device=device, operation=operation, fileOperation=files)
            result(vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[made])))

        change(was, "remove")
        other = vim.vm.device.VirtualDisk(
            key=was.key,
            controllerKey=was.controllerKey,
            unitNumber=was.unitNumber,
            capacityInKB=was.capacityInKB,
            backing=backing,
        )
        change(other, "add", "create")
        try:
            yield
        finally:
            (there,) = [each for each in disk_devices(vm) if each.key == was.key]
            change(there, "remove", "destroy")
            change(was, "add")


@pytest.mark.parametrize(
    ("backing", "says"),
    [
        (
            vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                fileName="[gold] cluster-node/converted.vmdk", diskMode="persistent"
            ),
            "has disks that it had not when it was collected",
        ),
        (
            vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo(
                fileName="[gold] cluster-node/refreshed.vmdk",
                compatibilityMode="physicalMode",
                deviceName="vml.0200000000600508b1001c577e11dd042e142a583f4c4f49",
                lunUuid="0200000000600508b1001c577e11dd042e142a583f4c4f49",
                diskMode="independent_persistent",
            ),
            "has a LUN that it had not when it was collected",
        ),
    ],
    ids=["a disk", "another LUN"],
)
def test_what_came_into_the_place_of_a_lun_is_not_taken_for_it(
    planned: Planned,
    estate: SmallEstate,
    vcenter: VCenter,
    lun: Path,
    backing: Any,
    says: str,
) -> None:
    """Its key is the same; the guest would start with what the old LUN holds since then."""
    before = mappings(vcenter, estate)
    project = settle(planned(VM), by_id=lun.parent / "by-id")
    moref = estate.vms[VM].moref
    with in_its_place(vcenter, moref, backing):
        for words in (["cutover", "--dry-run"], ["cutover"]):
            assert f"{VM} {says}" in project.run(*words, expect=1).stdout
    assert mappings(vcenter, estate) == before


def rdm_of(vm: Any) -> Any:
    kind = vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo
    return next(each for each in disk_devices(vm) if isinstance(each.backing, kind))


def add_rdm(vcenter: VCenter, moref: str) -> None:
    """Someone gives the VM a LUN that another one has."""
    with connected(vcenter) as service:
        vm = vim.VirtualMachine(moref, service._stub)
        (boot, *_) = disk_devices(vm)
        backing = vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo(
            fileName="[gold] web02/lun.vmdk",
            compatibilityMode="physicalMode",
            deviceName="vml.0200000000600508b1001c577e11dd042e142a583f4c4f48",
            lunUuid="0200000000600508b1001c577e11dd042e142a583f4c4f48",
            diskMode="independent_persistent",
        )
        device = vim.vm.device.VirtualDisk(
            key=-1,
            controllerKey=boot.controllerKey,
            unitNumber=9,
            capacityInKB=1 << 20,
            backing=backing,
        )
        change = vim.vm.device.VirtualDeviceSpec(
            device=device, operation="add", fileOperation="create"
        )
        result(vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))


def remove_rdm(vcenter: VCenter, moref: str) -> None:
    with connected(vcenter) as service:
        vm = vim.VirtualMachine(moref, service._stub)
        change = vim.vm.device.VirtualDeviceSpec(device=rdm_of(vm), operation="remove")
        result(vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))


def wait_for(path: Path) -> None:
    """Returns once there is such a file."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def moments(project: Mtv, step: str) -> list[int]:
    """Ids of the journal's lines about a step."""
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        rows = db.execute("SELECT id FROM event WHERE step = ? ORDER BY id", (step,)).fetchall()
    return [id_ for (id_,) in rows]


def ready(planned: Planned, lun: Path) -> Mtv:
    """The project, whose guest says on its console that it is up."""
    project = settle(planned(VM), by_id=lun.parent / "by-id")
    project.run("plan", "--vm", VM, "--check", f"{VM}=console:tiny: ready")
    return project


def test_it_goes_over_and_back(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, lun: Path
) -> None:
    before = mappings(vcenter, estate)
    project = ready(planned, lun)
    # A dry run says what comes, the copies are made without the LUN.
    assert "take its LUNs from it" in project.run("cutover", "--dry-run").stdout
    project.run("sync")
    assert mappings(vcenter, estate) == before
    assert len(list((project.directory / "vms").rglob("disk-*.raw"))) == 1

    project.run("cutover")
    assert mappings(vcenter, estate) == []
    assert len(devices(vcenter, estate)) == 1
    assert last_states(project)["detach"] == "done"
    ((taken,),) = attached_in_journal(project)
    assert taken["how"]["compatibilityMode"] == "physicalMode"
    (attached,), (started, done) = moments(project, "attached"), moments(project, "detach")
    assert started < attached < done < moments(project, "boot")[0]

    without_its_lun(project)

    socket = lun.with_name("nbd.sock")
    argv = ["qemu-nbd", "-f", "raw", "-t", "-k", str(socket), str(lun)]
    with subprocess.Popen(argv) as guest:  # QEMU's locks on a disk, as of a guest that runs
        try:
            wait_for(socket)
            assert "runs on this machine" in project.run("rollback", expect=1).stdout
        finally:
            guest.kill()
    assert mappings(vcenter, estate) == []

    assert "give back" in project.run("rollback", "--dry-run").stdout
    assert mappings(vcenter, estate) == []
    assert "start it at the source" in project.run("rollback").stdout
    assert mappings(vcenter, estate) == before
    assert "nothing to do" in project.run("rollback").stdout
    # Its disks are the guest's: another cutover would lose what the source writes from now on.
    assert project.run("status", "-o", "json").json[0]["step"] == "rollback"
    for words in (["cutover"], ["cutover", "--dry-run"], ["sync"]):
        assert "went back to the source" in project.run(*words, expect=1).stdout
    assert "went back to the source" in project.run("launch", VM, expect=1).stderr
    assert mappings(vcenter, estate) == before


def without_its_lun(project: Mtv) -> None:
    """It is collected and translated once more, while its LUN is away: its guest would lack it."""
    before = project.directory.with_name("before")
    before.mkdir()
    kept = ("inventory", "manifests")
    for name in kept:
        shutil.copytree(project.directory / name, before / name)
    project.run("collect")
    project.run("translate", expect=None)
    said = project.run("launch", VM, expect=2).stderr
    assert "it was collected while they were away" in said
    assert "inventory/previous/" in said
    for name in kept:
        shutil.rmtree(project.directory / name)
        shutil.move(before / name, project.directory / name)


def test_what_was_taken_from_it_in_another_wave_is_given_back(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, lun: Path
) -> None:
    """The wave got another name before it went over: its LUN is away, and nothing else of it."""
    before = mappings(vcenter, estate)
    project = ready(planned, lun)
    project.run("cutover", env={"MTV_KILL_AT": "detach:detached"}, expect=KILLED)
    plan = project.directory / "plan.yaml"
    plan.write_text(plan.read_text().replace("name: pilot", "name: second", 1))
    assert "give back" in project.run("rollback", "second", "--dry-run").stdout
    assert "again" in project.run("rollback", "second").stdout
    assert mappings(vcenter, estate) == before
    assert "nothing to do" in project.run("rollback", "second").stdout
    # That it was given back is known, too, when its copies were thrown away since.
    project.run("rollback", "second", "--vm", VM, "--discard")
    assert "nothing to do" in project.run("rollback", "second").stdout


@pytest.mark.parametrize("moment", ["detach:recorded", "detach:detached"])
def test_a_killed_mtv_is_followed_by_one_that_ends_it(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, lun: Path, moment: str
) -> None:
    before = mappings(vcenter, estate)
    assert len(before) == 1
    project = ready(planned, lun)
    project.run("cutover", env={"MTV_KILL_AT": moment}, expect=KILLED)
    assert (mappings(vcenter, estate) == []) == (moment == "detach:detached")
    project.run("cutover")
    assert mappings(vcenter, estate) == []
    # How it was attached is known, whenever mtv was killed.
    assert [len(each) for each in attached_in_journal(project)] == [1, 1]
    project.run("rollback", env={"MTV_KILL_AT": "rollback:attached"}, expect=KILLED)
    assert mappings(vcenter, estate) == before
    project.run("rollback")
    assert mappings(vcenter, estate) == before
    assert last_states(project)["rollback"] == "done"


def test_nothing_is_shut_down_without_the_consent(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, lun: Path
) -> None:
    power_on(vcenter, estate.vms[VM].moref)
    project = settle(planned(VM), may="power", by_id=lun.parent / "by-id")
    said = project.run("cutover", expect=1).stdout
    assert "may: [power, disks]" in said
    assert is_on(vcenter, estate.vms[VM].moref)
    assert len(mappings(vcenter, estate)) == 1
