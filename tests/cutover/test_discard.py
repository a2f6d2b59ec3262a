"""A VM begins anew; the others of its wave stay what they are."""

from collections.abc import Callable
from pathlib import Path

from mtv.cutover.discard import delete
from tests.driver import Mtv
from tests.real.people import is_on, power_on
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter

KILLED = -9


def bases(project: Mtv, vm: str) -> list[Path]:
    return sorted((project.directory / "vms").rglob(f"{vm}/disk-*.raw"))


def states(project: Mtv) -> dict[str, str]:
    return {each["name"]: each["state"] for each in project.run("status", "-o", "json").json}


def test_one_vm_begins_anew_and_the_other_is_not_touched(
    planned: Callable[..., Mtv], estate: SmallEstate, vcenter: VCenter
) -> None:
    project = planned("web02", "sensor")
    project.run("cutover")
    before = states(project)
    written = b"what the guest wrote since"
    for vm in ("sensor", "web02"):
        with bases(project, vm)[0].open("r+b") as file:
            file.write(written)
    power_on(vcenter, estate.vms["sensor"].moref)
    told = project.run("sync", "--vm", "sensor", "-o", "json").json[0]
    assert told["outcome"] == "passed by"

    wanted = ("rollback", "--vm", "sensor", "--discard")
    said = project.run(*wanted, "--dry-run").stdout
    assert "delete" in said
    assert bases(project, "sensor")
    project.run(*wanted, env={"MTV_KILL_AT": "discard:started"}, expect=KILLED)
    project.run(*wanted)
    assert bases(project, "sensor") == []
    after = states(project)
    assert after["sensor"] == "not begun"
    assert after["web02"] == before["web02"]
    assert bases(project, "web02")[0].read_bytes().startswith(written)
    assert is_on(vcenter, estate.vms["sensor"].moref)

    project.run("cutover")
    flat = estate.vms["sensor"].disks[0].flat_file
    assert flat is not None
    assert bases(project, "sensor")[0].stat().st_size == flat.stat().st_size
    assert not bases(project, "sensor")[0].read_bytes().startswith(written)
    assert bases(project, "web02")[0].read_bytes().startswith(written)
    assert states(project) == before


def test_it_is_never_done_to_a_whole_wave(planned: Callable[..., Mtv]) -> None:
    project = planned("sensor")
    project.run("sync")
    ended = project.run("rollback", "--discard", expect=2)
    assert "name each with --vm" in ended.stderr
    assert bases(project, "sensor")


def test_copies_that_are_not_there_are_not_made_a_second_time(planned: Callable[..., Mtv]) -> None:
    """Their file system is not mounted: they would be made on another one."""
    project = planned("sensor")
    project.run("sync")
    vms = project.directory / "vms"
    vms.rename(project.directory / "not-mounted")
    for words in (["sync"], ["sync", "--dry-run"], ["cutover"], ["cutover", "--dry-run"]):
        said = project.run(*words, expect=1).stdout
        assert "sensor was copied, and" in said
        assert "mtv rollback pilot --vm sensor --discard" in said
    assert not vms.exists()
    (project.directory / "not-mounted").rename(vms)
    assert project.run("sync", "-o", "json").json[0]["outcome"] == "nothing to do"
    vms.rename(project.directory / "deleted")
    discarded = project.run("rollback", "pilot", "--vm", "sensor", "--discard").stdout
    assert "if its file system is not mounted" in discarded
    assert "is another directory now" in project.run("sync", expect=1).stdout
    (home,) = (project.directory / "deleted").iterdir()
    (vms / home.name).mkdir(parents=True)
    (vms / home.name / ".mtv-target").touch()
    assert project.run("sync", "-o", "json").json[0]["outcome"] == "done"


def test_a_vm_is_not_copied_to_where_the_file_system_of_the_others_is_not_mounted(
    planned: Callable[..., Mtv],
) -> None:
    project = planned("web01", "sensor")
    project.run("sync", "--vm", "sensor")
    # To begin anew with a VM says nothing of the others.
    project.run("rollback", "--vm", "web01", "--discard")
    vms = project.directory / "vms"
    (home,) = vms.iterdir()
    vms.rename(project.directory / "not-mounted")
    vms.mkdir()  # where it would be mounted
    for words in (["sync"], ["sync", "--dry-run"], ["cutover"], ["cutover", "--dry-run"]):
        said = project.run(*words, "--vm", "web01", expect=1).stdout
        assert f"copies were written to {home} before, and it is another directory now" in said
    assert list(vms.iterdir()) == []
    # It is the same, however it is written.
    config = project.directory / "mtv.yaml"
    config.write_text(config.read_text().replace("directory: vms", "directory: ../renamed/vms"))
    moved = project.directory.rename(project.directory.with_name("renamed"))
    moved_project = Mtv(moved, project.env)
    assert "is another directory now" in moved_project.run("sync", "--vm", "web01", expect=1).stdout
    home = moved / "vms" / home.name
    home.mkdir()
    (home / ".mtv-target").touch()
    copied = moved_project.run("sync", "--vm", "web01", "-o", "json").json[0]
    assert copied["outcome"] == "done"


def test_links_to_block_devices_stay_and_what_is_not_there_is_not_called_deleted(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "web01"
    (directory / "conversion").mkdir(parents=True)
    for name in ("vm.json", "disk-1.raw.resume", "conversion/overlay.qcow2"):
        (directory / name).touch()
    (directory / "disk-1.raw").symlink_to("/dev/loop0")
    (directory / "disk-2.raw").symlink_to("/dev/loop-of-nobody")
    assert "will be written over" in delete(directory)
    # One whose device is not there now is one, too.
    assert {each.name for each in directory.iterdir()} == {"disk-1.raw", "disk-2.raw"}
    for each in directory.iterdir():
        each.unlink()
    (directory / "vm.json").touch()
    assert delete(directory) == "its copies are deleted"
    assert "if its file system is not mounted" in delete(directory)
