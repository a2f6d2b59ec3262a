"""What goes wrong on the way over: told in a sentence, nothing left running, nothing lost."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.driver import Mtv, none_left_about, processes_about
from tests.real.cut_proxy import CutProxy, cut_proxy
from tests.real.guests import GuestImages
from tests.real.parts import require
from tests.real.people import is_on, power_off, power_on
from tests.real.small_estate import EstateDisk, SmallEstate
from tests.real.vcenter import VCenter
from tests.sources.sites import VSPHERE_READS

Planned = Callable[..., Mtv]


def base(project: Mtv, disk: EstateDisk) -> Path:
    found = list((project.directory / "vms").rglob(f"disk-{disk.key}.raw"))
    assert len(found) == 1, found
    return found[0]


def equal(project: Mtv, disk: EstateDisk) -> bool:
    assert disk.flat_file is not None
    return base(project, disk).read_bytes() == disk.flat_file.read_bytes()


@pytest.fixture
def proxy(vcenter: VCenter) -> Iterator[CutProxy]:
    with cut_proxy("127.0.0.1", vcenter.port) as running:
        yield running


def test_a_connection_cut_in_the_middle_is_retried(
    planned: Planned, estate: SmallEstate, proxy: CutProxy
) -> None:
    project = planned("web01", url=f"https://127.0.0.1:{proxy.port}/sdk")
    proxy.faults.cut_after = 20 << 20  # each connection; a disk of 64 MiB needs several then
    result = project.run("sync", "--output", "json").json
    assert result[0]["outcome"] == "done"
    assert proxy.traffic.cut >= 2
    assert all(equal(project, disk) for disk in estate.vms["web01"].disks)


def test_a_source_that_stays_away_fails_the_sync_and_the_next_one_goes_on(
    planned: Planned, estate: SmallEstate, proxy: CutProxy
) -> None:
    project = planned("billing-db", url=f"https://127.0.0.1:{proxy.port}/sdk")
    size = estate.vms["billing-db"].disks[0].capacity_bytes

    def away_after_a_quarter() -> bool:
        return proxy.traffic.bytes_to_client > size // 4

    process = project.start("sync")
    while not away_after_a_quarter():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    proxy.faults.refuse = True
    proxy.faults.cut_after = 0
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 1, stdout + stderr
    assert "billing-db: failed: disk-1000-0: " in stdout
    assert "Traceback" not in stderr
    proxy.faults.refuse = False
    proxy.faults.cut_after = None
    before = proxy.traffic.bytes_to_client
    project.run("sync")
    fetched = proxy.traffic.bytes_to_client - before
    # A quarter was copied; at most 128 MiB of that may be fetched twice.
    assert fetched < size - size // 4 + (160 << 20)
    assert equal(project, estate.vms["billing-db"].disks[0])


def test_a_disk_that_grew_since_the_plan_is_refused(planned: Planned, estate: SmallEstate) -> None:
    project = planned("sensor")
    flat = estate.vms["sensor"].disks[0].flat_file
    assert flat is not None
    size = flat.stat().st_size
    try:
        os.truncate(flat, size + (1 << 20))
        ended = project.run("sync", expect=1)
    finally:
        os.truncate(flat, size)
    assert "sensor: failed" in ended.stdout
    assert str(size) in ended.stdout.replace(",", "").replace(" ", "")
    assert "mtv collect" in ended.stdout
    project.run("sync")
    assert equal(project, estate.vms["sensor"].disks[0])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 24 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    require("root, to mount a small file system", os.geteuid() == 0, "run the tests as root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_target_is_told_and_the_copy_goes_on_when_there_is_room(
    planned: Planned, estate: SmallEstate, small_disk: Path
) -> None:
    project = planned("web01")
    config = project.directory / "mtv.yaml"
    config.write_text(
        re.sub("directory: vms", f"directory: {small_disk}", config.read_text(), count=1)
    )
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (20 << 20))
    ended = project.run("sync", expect=1)
    assert "web01: failed" in ended.stdout
    assert re.search(r"room|full|space", ended.stdout), ended
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
    project.run("sync")
    for disk in estate.vms["web01"].disks:
        copy = next(small_disk.rglob(f"disk-{disk.key}.raw"))
        assert disk.flat_file is not None
        assert copy.read_bytes() == disk.flat_file.read_bytes()


def test_a_guest_that_never_boots_fails_with_its_console_and_leaves_nothing_running(
    planned: Planned, estate: SmallEstate, images: GuestImages, vcenter: VCenter
) -> None:
    project = planned("sensor")
    flat = estate.vms["sensor"].disks[0].flat_file
    assert flat is not None
    original = flat.read_bytes()
    plan = project.directory / "plan.yaml"
    plan.write_text(re.sub(r"within_seconds: \d+", "within_seconds: 6", plan.read_text()))
    try:
        flat.write_bytes(images.silent.read_bytes())
        ended = project.run("cutover", expect=1)
    finally:
        flat.write_bytes(original)
    assert "sensor: failed" in ended.stdout
    assert "6 seconds" in ended.stdout
    assert "console" in ended.stdout
    assert none_left_about(str(project.directory)) == []
    assert not is_on(vcenter, estate.vms["sensor"].moref)
    standing = project.run("status", "--output", "json").json[0]
    assert (standing["step"], standing["state"]) == ("boot", "failed")


def test_one_vm_that_fails_does_not_hold_the_others_up(
    planned: Planned, estate: SmallEstate
) -> None:
    project = planned("sensor", "web01")
    flat = estate.vms["sensor"].disks[0].flat_file
    assert flat is not None
    os.truncate(flat, flat.stat().st_size + 512)
    try:
        ended = project.run("sync", "--output", "json", expect=4)
    finally:
        os.truncate(flat, flat.stat().st_size - 512)
    outcomes = {each["name"]: each["outcome"] for each in ended.json}
    assert outcomes == {"sensor": "failed", "web01": "done"}


def test_a_vm_without_a_manifest_does_not_hold_the_others_up(
    planned: Planned, estate: SmallEstate
) -> None:
    del estate
    project = planned("sensor", "web02")
    (manifest,) = project.directory.glob("manifests/vms/*/web02.yaml")
    manifest.unlink()
    ended = project.run("sync", "-o", "json", expect=4)
    outcomes = {each["name"]: each for each in ended.json}
    assert outcomes["sensor"]["outcome"] == "done"
    assert outcomes["web02"]["outcome"] == "failed"
    assert "no manifest for" in outcomes["web02"]["says"]
    assert "mtv translate" in outcomes["web02"]["hint"]
    alone = project.run("sync", "--vm", "web02", expect=1)
    assert "no manifest for" in alone.stdout


def test_ctrl_c_ends_a_collection_that_waits_for_an_answer(
    planned: Planned, proxy: CutProxy
) -> None:
    project = planned("web01", url=f"https://127.0.0.1:{proxy.port}/sdk")
    inventory = (project.directory / "inventory" / "vc1.json").read_bytes()
    proxy.faults.stall = True
    before = proxy.traffic.connections
    ended = project.interrupt_when(("collect",), lambda: proxy.traffic.connections > before)
    assert ended.code == 130, ended
    assert "Traceback" not in ended.stderr
    assert (project.directory / "inventory" / "vc1.json").read_bytes() == inventory
    proxy.faults.stall = False
    project.run("collect")


@pytest.mark.parametrize(("command", "vm"), [("sync", "billing-db"), ("cutover", "web02")])
def test_ctrl_c_ends_with_130_leaves_nothing_running_and_can_be_resumed(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, command: str, vm: str
) -> None:
    if command == "cutover":
        power_on(vcenter, estate.vms[vm].moref)
    project = planned(vm)

    def at_work() -> bool:
        if command == "sync":
            return any(project.directory.rglob("*.raw"))
        return any("qemu-system" in each for each in processes_about(str(project.directory)))

    ended = project.interrupt_when((command,), at_work)
    assert ended.code == 130, ended
    assert "Traceback" not in ended.stderr
    assert "the same command goes on" in ended.stderr
    assert none_left_about(str(project.directory)) == []
    project.run(command)


@pytest.mark.parametrize("then", ["it runs", "it was shut down again"])
def test_a_vm_started_again_after_its_copy_is_copied_again(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, then: str
) -> None:
    """What it wrote in between must not be lost."""
    vm = estate.vms["sensor"]
    flat = vm.disks[0].flat_file
    assert flat is not None
    power_on(vcenter, vm.moref)
    project = planned("sensor")
    project.run("cutover", env={"MTV_KILL_AT": "journal:9:before"}, expect=-9)
    power_on(vcenter, vm.moref)
    with flat.open("r+b") as file:  # the guest writes near the end of its disk
        file.seek(-4096, os.SEEK_END)
        file.write(f"written after the first copy, {then}".encode())
    if then != "it runs":
        power_off(vcenter, vm.moref)
    project.run("cutover")
    assert equal(project, vm.disks[0])


@pytest.mark.parametrize("then", ["it runs", "it was shut down again"])
def test_a_vm_started_again_after_its_guest_has_moved_is_told_and_nothing_is_done(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, then: str
) -> None:
    vm = estate.vms["sensor"]
    power_on(vcenter, vm.moref)
    project = planned("sensor")
    project.run("cutover", env={"MTV_KILL_AT": "journal:9:after"}, expect=-9)
    power_on(vcenter, vm.moref)
    if then != "it runs":
        power_off(vcenter, vm.moref)
    ended = project.run("cutover", expect=1)
    assert "was started again at the source" in ended.stdout
    assert is_on(vcenter, vm.moref) == (then == "it runs")
    assert processes_about(str(project.directory)) == []
    # What it wrote there may be lost, and its guest goes on here.
    assert "--vm sensor --lose-source-changes" in ended.stdout
    project.run("cutover", "--lose-source-changes", expect=2)
    kept = base(project, vm.disks[0]).read_bytes()
    wanted = ("cutover", "--vm", "sensor", "--lose-source-changes")
    assert "at the source" in project.run(*wanted, "--dry-run").stdout
    project.run(*wanted)
    assert not is_on(vcenter, vm.moref)
    assert base(project, vm.disks[0]).read_bytes() == kept
    power_on(vcenter, vm.moref)
    assert "there would be two of it" in project.run("launch", "sensor", expect=1).stderr
    # Nor is all well with a VM that is over.
    for words in (["cutover"], ["cutover", "--dry-run"]):
        assert "was started again at the source" in project.run(*words, expect=1).stdout
    power_off(vcenter, vm.moref)
    assert "was started again at the source" in project.run("cutover", expect=1).stdout
    assert "ran at the source since" in project.run("launch", "sensor").stderr
    assert "lose what it wrote there" in project.run(*wanted, "--dry-run").stdout
    assert "what it wrote is lost" in project.run(*wanted).stdout
    assert "nothing to do" in project.run("cutover").stdout


def test_the_only_changes_asked_of_the_vcenter_are_shutdowns(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    power_on(vcenter, estate.vms["web02"].moref)
    project = planned("web02")
    before = len(vcenter.requests())
    project.run("collect")
    project.run("sync")
    project.run("cutover")
    asked = {each.method for each in vcenter.requests()[before:] if each.method}
    changing = {method for method in asked if not VSPHERE_READS.fullmatch(method)}
    assert changing == {"ShutdownGuest"}


def test_what_was_synced_is_not_fetched_again(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    del estate
    project = planned("web01")
    project.run("sync")
    before = len(vcenter.requests())
    result = project.run("sync", "--output", "json").json
    assert result[0]["outcome"] == "nothing to do"
    fetched = sum(each.bytes for each in vcenter.requests()[before:] if each.range)
    assert fetched < 1 << 20


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    power_on(vcenter, estate.vms["web02"].moref)
    project = planned("web02", "sensor")
    said = {each["name"]: each for each in project.run("sync", "--dry-run", "-o", "json").json}
    assert said["web02"]["outcome"] == "passed by"
    assert said["sensor"]["outcome"] == "would"
    said = {each["name"]: each for each in project.run("cutover", "--dry-run", "-o", "json").json}
    for name, first in (
        ("sensor", "see that it is off at the source"),
        ("web02", "shut it down at the source"),
    ):
        assert said[name]["says"] == (
            f"{first}, copy what is left of its disks, boot it here and check "
            "it, remove what mtv has at the source"
        )
    assert is_on(vcenter, estate.vms["web02"].moref)
    assert not (project.directory / "vms").exists()
    assert not (project.directory / "runs").exists()


def test_a_vm_that_went_over_is_not_moved_again_from_another_wave(
    planned: Planned, estate: SmallEstate
) -> None:
    """Its disk is the guest's own by then: the source's would overwrite what it wrote."""
    project = planned("sensor")
    project.run("cutover")
    disk = base(project, estate.vms["sensor"].disks[0])
    with disk.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"written by the guest")
    kept = disk.read_bytes()
    plan = project.directory / "plan.yaml"
    plan.write_text(plan.read_text().replace("name: pilot", "name: second", 1))
    for command, code in (("sync", 0), ("cutover", 1)):
        said = project.run(command, "second", "-o", "json", expect=code).json[0]
        assert said["outcome"] == "passed by"
        assert "since the wave pilot" in said["says"]
    (standing,) = project.run("status", "second", "-o", "json").json
    assert (standing["state"], standing["says"]) == ("gone over", "in the wave pilot")
    # It is over, whatever wave it stands in.
    assert "sensor is up" in project.run("launch", "sensor").stderr
    assert disk.read_bytes() == kept
