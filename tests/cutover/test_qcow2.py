"""Disks in qcow2 on this machine, by the command line: copied, proven, booted."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

from mtv.cutover.moves.base_files import base_file
from tests.cutover.crashes import kill_at
from tests.cutover.test_verify import COPY_PAGE, events, flat_file
from tests.driver import Mtv
from tests.real.small_estate import SmallEstate

Planned = Callable[..., Mtv]


def in_format(project: Mtv, wanted: str) -> Mtv:
    """The project, whose target is to have its images in that format."""
    path = project.directory / "mtv.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["target"]["local"]["format"] = wanted
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return project


def images(project: Mtv) -> list[Path]:
    return sorted(
        path
        for path in (project.directory / "vms").rglob("disk-*")
        if path.suffix in (".raw", ".qcow2")
    )


def compared_by_the_page(base: Path) -> None:
    """By the commands that docs/copy.md shows for qcow2."""
    commands = [
        line.removeprefix("$ ")
        for line in COPY_PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("$ ") and "qcow2" in line
    ]
    assert len(commands) == 2
    for command in commands:
        argv = ["bash", "-o", "pipefail", "-c", command.replace("disk-2000", base.stem)]
        subprocess.run(argv, cwd=base.parent, check=True, stdout=subprocess.DEVNULL)
    (base.parent / "plain").unlink()


def test_a_vm_goes_over_in_qcow2_and_its_copy_can_be_checked(
    planned: Planned, estate: SmallEstate
) -> None:
    project = in_format(planned("web01"), "qcow2")
    kill_at(project, "sync:epoch", "sync")
    project.run("sync")
    bases = images(project)
    assert [path.suffix for path in bases] == [".qcow2"] * len(estate.vms["web01"].disks)
    for number, path in enumerate(bases):
        compared_by_the_page(path)
        source = flat_file(estate, "web01", number)
        subprocess.run(
            ["qemu-img", "compare", "-f", "qcow2", "-F", "raw", path, source], check=True
        )
    assert project.run("verify", "-o", "json").json[0]["outcome"] == "done"
    project.run("cutover")
    project.run("verify", "--source")
    assert events(project, "boot")[-1][0] == "done"
    project.run("launch", "web01")


def test_what_was_begun_keeps_its_format(planned: Planned, estate: SmallEstate) -> None:
    del estate
    project = planned("web01")
    project.run("sync")
    again = in_format(project, "qcow2").run("sync", "-o", "json").json
    assert [each["outcome"] for each in again] == ["nothing to do"]
    assert "its disks stay raw, as they were begun; qcow2 is for disks to come" in again[0]["says"]
    assert {path.suffix for path in images(project)} == {".raw"}


def test_two_bases_of_a_disk_stop_it_before_anything_is_done(
    planned: Planned, estate: SmallEstate
) -> None:
    """Somebody made a raw copy of the image, under the very name of a base."""
    del estate
    project = in_format(planned("sensor"), "qcow2")
    project.run("sync")
    (base,) = images(project)
    other = base.with_suffix(".raw")
    other.write_bytes(b"x" * 512)
    before = len(events(project, "boot"))
    for command in ("verify", "sync", "cutover"):
        ended = project.run(command, expect=None)
        assert ended.code in (1, 2), ended
        assert "disk-2000.raw and disk-2000.qcow2" in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
    assert (other.read_bytes(), len(events(project, "boot"))) == (b"x" * 512, before)
    other.unlink()
    project.run("cutover")
    assert images(project) == [base]


def test_what_is_known_of_a_copy_says_its_format(tmp_path: Path) -> None:
    """The image went elsewhere after the cutover; its list stays for mtv verify --source."""
    assert base_file(tmp_path, "disk-1", "qcow2") == tmp_path / "disk-1.qcow2"
    (tmp_path / "disk-1.raw.digests").touch()
    assert base_file(tmp_path, "disk-1", "qcow2") == tmp_path / "disk-1.raw"
    (tmp_path / "disk-1.qcow2").touch()
    assert base_file(tmp_path, "disk-1", "raw") == tmp_path / "disk-1.qcow2"


def test_a_format_that_is_none_is_told(planned: Planned, estate: SmallEstate) -> None:
    del estate
    said = in_format(planned("web01"), "vmdk").run("sync", expect=2).stderr
    assert "target.local.format" in said


def test_doctor_looks_for_the_daemon_where_it_is_needed(
    planned: Planned, estate: SmallEstate
) -> None:
    del estate
    project = in_format(planned("web01"), "qcow2")
    assert "qemu-storage-daemon" in project.run("doctor", expect=None).stdout
