"""Copies proven again later: what was written, and what the source has, by the command line."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.cutover.crashes import KILLED
from tests.cutover.test_faults import base, equal
from tests.driver import Mtv
from tests.real.people import power_on
from tests.real.small_estate import EstateDisk, SmallEstate
from tests.real.vcenter import VCenter

MIB = 1 << 20
COPY_PAGE = Path(__file__).parent.parent.parent / "docs" / "copy.md"

Planned = Callable[..., Mtv]


def outcome(project: Mtv, *arguments: str, expect: int = 0) -> dict[str, Any]:
    """What ``mtv verify`` says of the only VM."""
    (said,) = project.run("verify", *arguments, "-o", "json", expect=expect).json
    assert isinstance(said, dict)
    return said


def flip(path: Path, offset: int, *, settled: bool = True) -> None:
    """Makes one byte another one; the source of it stays as old as it was, if it is to."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    if settled:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def events(project: Mtv, step: str) -> list[tuple[str, dict[str, Any]]]:
    """States and details of a step, as the journal has them."""
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        rows = db.execute(
            "SELECT state, detail FROM event WHERE step = ? ORDER BY id", (step,)
        ).fetchall()
    return [(state, msgspec.json.decode(detail)) for state, detail in rows]


def flat_file(estate: SmallEstate, vm: str, number: int = 0) -> Path:
    found = estate.vms[vm].disks[number].flat_file
    assert found is not None
    return found


def test_a_copy_that_is_as_it_was_left(planned: Planned, estate: SmallEstate) -> None:
    project = planned("web01")
    assert outcome(project, expect=1)["outcome"] == "passed by"
    project.run("sync")
    said = outcome(project)
    assert said["outcome"] == "done"
    assert "the copies still hold what was read" in said["says"]
    (_, synced), *_ = events(project, "sync")[1:]
    began, (state, detail) = events(project, "verify")
    assert (began[0], state) == ("started", "done")
    for disk in estate.vms["web01"].disks:
        result = detail["disks"][str(disk.key)]
        assert result["digest"] == synced["disks"][str(disk.key)]["source"]
        # Holes are not read: their file system knows of them.
        assert 0 < result["read_bytes"] <= disk.capacity_bytes
    assert project.run("status", "-o", "json").json[0]["step"] != "verify"


def test_a_byte_that_another_wrote_to_the_copy_is_found_and_the_next_sync_repairs_it(
    planned: Planned, estate: SmallEstate
) -> None:
    project = planned("web01")
    project.run("sync")
    first, second = estate.vms["web01"].disks
    flip(base(project, first), 3 * MIB + 5)
    flip(base(project, second), 9 * MIB)
    ended = project.run("verify", "-o", "json", expect=1)
    assert "1 of 1 VM failed: web01; proven different: web01" in ended.stderr
    (said,) = ended.json
    assert (said["outcome"], said["error"]) == ("failed", "DigestMismatch")
    assert f"at byte {3 * MIB}" in said["says"]
    assert f"at byte {9 * MIB}" in said["says"]
    assert said["says"].count("1 of its 1 MiB grains") == 2
    (standing,) = project.run("status", "-o", "json").json
    assert (standing["step"], standing["state"]) == ("verify", "failed")
    assert project.run("sync", "-o", "json").json[0]["outcome"] == "done"
    (copied,) = [detail for state, detail in events(project, "sync")[-1:] if state == "done"]
    assert sum(each["fetched_bytes"] for each in copied["disks"].values()) <= 2 * MIB
    assert equal(project, first)
    assert equal(project, second)
    assert outcome(project)["outcome"] == "done"


def test_what_a_sync_repairs_without_being_told_it_says(
    planned: Planned, estate: SmallEstate
) -> None:
    project = planned("web01")
    project.run("sync")
    first, second = estate.vms["web01"].disks
    flip(base(project, first), 3 * MIB + 5, settled=False)
    flip(base(project, second), 9 * MIB, settled=False)
    (said,) = project.run("sync", "-o", "json").json
    assert "2.0 MiB of the copies of 2 of its disks did not hold any more what" in said["says"]
    assert equal(project, first)
    assert equal(project, second)
    assert "did not hold" not in project.run("sync").stdout


def test_a_cutover_does_not_go_on_from_a_copy_that_was_found_different(
    planned: Planned, estate: SmallEstate
) -> None:
    project = planned("sensor")
    # Killed right before the boot: the copy of the VM that is off is done.
    project.run("cutover", env={"MTV_KILL_AT": "journal:9:before"}, expect=KILLED)
    assert events(project, "boot") == []
    disk = estate.vms["sensor"].disks[0]
    flip(base(project, disk), 0)
    outcome(project, expect=1)
    project.run("cutover")
    copies = [detail for state, detail in events(project, "sync") if state == "done"]
    assert len(copies) == 2
    assert copies[1]["disks"][str(disk.key)]["fetched_bytes"] > 0


def test_a_digest_list_that_is_not_the_recorded_one_proves_nothing(
    planned: Planned, estate: SmallEstate
) -> None:
    """Who changes a base and its list alike is found by the journal."""
    project = planned("sensor")
    project.run("sync")
    listed = base(project, estate.vms["sensor"].disks[0])
    listed = listed.with_name(listed.name + ".digests")
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text("".join(["ab" * 32 + "\n", *lines[1:]]))
    for words in ((), ("--source",)):
        assert "the journal recorded" in outcome(project, *words, expect=1)["says"]
    project.run("sync")
    assert outcome(project)["outcome"] == "done"


def test_a_source_that_changed_behind_everybodys_back_is_found_and_named(
    planned: Planned, estate: SmallEstate
) -> None:
    project = planned("web01")
    project.run("sync")
    said = outcome(project, "--source")
    assert said["outcome"] == "done"
    assert "the source is what was copied" in said["says"]
    (_, detail) = events(project, "verify-source")[-1]
    for disk in estate.vms["web01"].disks:
        result = detail["disks"][str(disk.key)]
        # All of it is read, whatever change tracking calls allocated.
        assert (result["read_bytes"], result["told_zero_bytes"]) == (disk.capacity_bytes, 0)
    flat = flat_file(estate, "web01", 1)
    at = 10
    try:
        flip(flat, at * MIB + 1)
        assert project.run("sync", "-o", "json").json[0]["outcome"] == "nothing to do"
        assert outcome(project)["outcome"] == "done"
        said = outcome(project, "--source", expect=1)
        assert (said["outcome"], said["error"]) == ("failed", "DigestMismatch")
        assert "1 of the disk's 1 MiB grains" in said["says"]
        assert f"at byte {at * MIB}" in said["says"]
        # The guest has not moved yet: that grain, and no other, is read again.
        project.run("sync")
        (_, copied) = events(project, "sync")[-1]
        assert copied["disks"]["2001"]["fetched_bytes"] == MIB
        assert equal(project, estate.vms["web01"].disks[1])
        assert outcome(project, "--source")["outcome"] == "done"
    finally:
        flip(flat, at * MIB + 1)


def test_a_running_source_is_refused(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    project = planned("web02", warm=True)
    power_on(vcenter, estate.vms["web02"].moref)
    project.run("sync")
    for words in (("--source",), ("--source", "--dry-run")):
        said = outcome(project, *words, expect=1)
        assert (said["outcome"], said["error"]) == ("failed", "SourceError")
        assert "web02 runs at the source" in said["says"]
    assert events(project, "verify-source") == []
    assert outcome(project)["outcome"] == "done"


def test_a_base_that_is_the_guests_is_no_copy_and_its_source_can_still_be_compared(
    planned: Planned, estate: SmallEstate
) -> None:
    project = planned("sensor")
    project.run("cutover")
    said = outcome(project, expect=1)
    assert said["outcome"] == "passed by"
    assert "the guest's own" in said["says"]
    assert "mtv verify --source" in said["says"]
    assert outcome(project, "--source")["outcome"] == "done"
    assert project.run("status", "-o", "json").json[0]["state"] == "over"
    flat = flat_file(estate, "sensor")
    try:
        flip(flat, 0)
        said = outcome(project, "--source", expect=1)
    finally:
        flip(flat, 0)
    assert "at byte 0" in said["says"]
    (standing,) = project.run("status", "-o", "json").json
    assert (standing["step"], standing["state"]) == ("let-go", "over")
    assert standing["says"].startswith("verify-source, 2")
    assert "at byte 0" in standing["says"]


def test_a_dry_run_reads_nothing_and_writes_nothing(planned: Planned) -> None:
    project = planned("sensor")
    assert outcome(project, "--dry-run")["outcome"] == "passed by"
    assert not (project.directory / "runs").exists()
    project.run("sync")
    assert "of disks in" in outcome(project, "--dry-run")["says"]
    assert "of disks at vc1" in outcome(project, "--source", "--dry-run")["says"]
    assert events(project, "verify") == events(project, "verify-source") == []


def test_a_source_is_verified_while_another_command_works(planned: Planned) -> None:
    project = planned("sensor")
    project.run("sync")
    hold = ["flock", str(project.directory / ".mtv.lock"), "sleep", "120"]
    with subprocess.Popen(hold, start_new_session=True) as other:
        try:
            while "another mtv works" not in project.run("verify", expect=None).stderr:
                assert other.poll() is None
            assert outcome(project, "--source")["outcome"] == "done"
        finally:
            os.killpg(other.pid, 15)


def test_the_report_says_what_was_verified_and_when(planned: Planned, estate: SmallEstate) -> None:
    project = planned("sensor")
    project.run("sync")
    project.run("verify")
    flat = flat_file(estate, "sensor")
    try:
        flip(flat, 0)
        project.run("verify", "--source", expect=1)
    finally:
        flip(flat, 0)
    project.run("report")
    report = project.directory / "report"
    facts = msgspec.json.decode((report / "report.json").read_bytes())
    (sensor,) = [vm for vm in facts["vms"] if vm["name"] == "sensor"]
    assert sensor["target_verified"]["equal"] is True
    assert sensor["target_verified"]["read_bytes"] > 0
    assert sensor["source_verified"]["equal"] is False
    assert "at byte 0" in sensor["source_verified"]["says"]
    page = (report / "index.html").read_text()
    assert "target: equal" in page
    assert "source: DIFFERENT" in page
    assert sensor["target_verified"]["at"] in (report / "vms.csv").read_text()


def identity_by_the_page(disk: Path) -> tuple[list[str], str]:
    """Lines and identity of a disk by the very commands that docs/copy.md shows."""
    commands = [
        line.removeprefix("$ ")
        for line in COPY_PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("$ ") and "qcow2" not in line
    ]
    lines, identity, compare = commands

    def run(command: str) -> str:
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.replace("disk-2000.raw", disk.name)],
            cwd=disk.parent,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert run(compare) == ""
    return run(lines).splitlines(), run(identity).split()[0]


def test_anybody_can_check_a_disk_with_the_commands_of_the_page(
    planned: Planned, estate: SmallEstate
) -> None:
    project = planned("web01")
    project.run("sync")
    (_, synced) = events(project, "sync")[-1]
    disk: EstateDisk
    for disk in estate.vms["web01"].disks:
        copy = base(project, disk)
        lines, identity = identity_by_the_page(copy)
        assert lines == copy.with_name(copy.name + ".digests").read_text().splitlines()
        assert len(lines) == -(-disk.capacity_bytes // MIB)
        assert identity == synced["disks"][str(disk.key)]["source"]["sha256"]
