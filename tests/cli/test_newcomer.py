"""What a newcomer mistypes or finds broken: told in a sentence, never as a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtv.inventory.files import write_inventory
from tests.driver import Mtv
from tests.estates import inventory, numbered_vms, plain_disk, plain_vm


@pytest.fixture
def project(tmp_path: Path) -> Mtv:
    """An assessed project with two ready VMs and a blocked one."""
    made = Mtv(tmp_path / "project")
    made.run("init", str(made.directory))
    (made.directory / "inventory").mkdir()
    blocked = plain_vm(id="vm-9", name="old", disks=(plain_disk(encrypted=True),))
    whole = inventory(*numbered_vms(2), blocked)
    write_inventory(made.directory / "inventory" / "vc1.json", whole)
    made.run("assess")
    return made


def test_mtv_alone_shows_its_help() -> None:
    ended = subprocess.run([sys.executable, "-m", "mtv"], capture_output=True, text=True)
    assert "Traceback" not in ended.stderr
    assert "Commands, in the order of the work" in ended.stdout + ended.stderr


def test_a_directory_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = Mtv(tmp_path).run("init", str(tmp_path / "file" / "sub"), expect=1)
    assert "Traceback" not in ended.stderr
    assert "→" in ended.stderr


def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "mtv", "--help"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert "Traceback" not in ended.stderr
    assert os.strerror(28) in ended.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--vsphere", "vcenter.example.com"),
        ("--vsphere", "https://user:hidden@vcenter.example.com/sdk"),
    ],
)
def test_init_writes_nothing_that_collect_would_refuse(
    tmp_path: Path, option: str, value: str
) -> None:
    ended = Mtv(tmp_path).run("init", str(tmp_path / "p"), option, value, expect=2)
    assert "url" in ended.stderr
    assert "hidden" not in ended.stderr
    assert not (tmp_path / "p" / "mtv.yaml").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("volume_mode: Block", "volume_mode: block", "Block, Filesystem"),
        ("[ReadWriteMany]", "[RWX]", "ReadWriteMany"),
        ("[ReadWriteMany]", "[]", "access_modes"),
        ("networks: []", "networks: [{name: a/b, vlan: 5000}]", "4094"),
    ],
)
def test_a_value_that_no_cluster_takes_is_refused(
    project: Mtv, old: str, new: str, told: str
) -> None:
    target = project.directory / "target.yaml"
    target.write_text(target.read_text().replace(old, new, 1))
    ended = project.run("mapping", "suggest", expect=2)
    assert "target.yaml:" in ended.stderr
    assert told in ended.stderr


@pytest.mark.parametrize("limits", ["connections: 0", "bytes_per_second: 0"])
def test_a_limit_that_stops_everything_is_refused(project: Mtv, limits: str) -> None:
    config = project.directory / "mtv.yaml"
    config.write_text(config.read_text().replace("connections: 2", limits, 1))
    assert "mtv.yaml:" in project.run("collect", expect=2).stderr


def test_a_vm_that_is_not_added_to_the_plan_has_a_reason(project: Mtv) -> None:
    assert (
        "blocked by the assessment: Disks stored in a way"
        in project.run("plan", "--vm", "old").stdout
    )
    project.run("plan")
    again = project.run("plan", "--wave", "two", "--vm", "web01").stdout
    assert "is in the wave pilot already" in again


def test_open_questions_are_told_each_time(project: Mtv) -> None:
    first = project.run("mapping", "suggest").stdout
    assert "open: choose one" in first
    target = project.directory / "target.yaml"
    target.write_text(
        target.read_text().replace("networks: []", "networks: [{name: a/vlan10, vlan: 10}]")
    )
    assert "a/vlan10 would fit now" in project.run("mapping", "suggest").stdout
