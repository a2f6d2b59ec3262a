"""The wheel works alone: installed into an empty environment, away from the source tree."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

from mtv import __version__
from mtv.inventory.files import write_inventory
from tests.estates import inventory, numbered_vms

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    place = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (made,) = place.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``mtv`` of an environment that has the wheel, and its dependencies from ours.

    Ours is added by a path file, and path files in there (such as the one that makes the source
    tree importable) do not count: mtv itself can only come from the wheel.
    """
    place = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--quiet", "--python", str(python)),
            *("install", "--no-index", "--no-deps", str(wheel)),
        ],
        check=True,
    )
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin" / "mtv"


def mtv(installed: Path, directory: Path, *arguments: str) -> str:
    """Standard output of a command in a directory, without anything of ours in the environment."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MTV"))
    }
    ended = subprocess.run(
        [str(installed), *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, f"mtv {' '.join(arguments)}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def test_the_wheel_has_the_data_as_they_stand_in_the_tree(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {
            name.removeprefix("mtv/data/"): archive.read(name)
            for name in archive.namelist()
            if name.startswith("mtv/data/")
        }
    here = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for folder in ("mappings", "templates")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert packed == here


def test_the_wheel_has_the_package_and_nothing_of_its_workshop(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "mtv").rglob("*.py")}
    assert modules <= set(names)
    assert "mtv/py.typed" in names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"mtv", f"mtv-{__version__}.dist-info"}
    assert not [name for name in names if name.endswith((".pyc", ".db", ".raw"))]


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"mtv-{__version__}.dist-info/METADATA").decode()
        points = archive.read(f"mtv-{__version__}.dist-info/entry_points.txt").decode()
    about = Parser().parsestr(text)
    assert (about["Name"], about["Version"]) == ("mtv", __version__)
    assert about["License-Expression"] == "Apache-2.0"
    extras = set(about.get_all("Provides-Extra") or [])
    assert {"vsphere", "local", "all"} <= extras
    assert "mtv = mtv.cli.main:main" in points


def test_it_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [str(installed.with_name("python")), "-c", "import mtv; print(mtv.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Path(where.strip()).is_relative_to(installed.parent.parent)


def test_it_helps(installed: Path, tmp_path: Path) -> None:
    said = mtv(installed, tmp_path, "--help")
    assert "Move virtual machines to OpenShift Virtualization" in said
    assert mtv(installed, tmp_path, "--version").strip().endswith(__version__)


def test_it_works_offline_from_the_inventory_to_the_report(installed: Path, tmp_path: Path) -> None:
    mtv(installed, tmp_path, "init", "shop")
    project = tmp_path / "shop"
    (project / "inventory").mkdir()
    write_inventory(project / "inventory" / "vc1.json", inventory(*numbered_vms(3)))
    target = (project / "target.yaml").read_text(encoding="utf-8")
    networks = "networks: [{name: default/vlan10, vlan: 10}]"
    assert "networks: []" in target
    (project / "target.yaml").write_text(target.replace("networks: []", networks))

    assessed = json.loads(mtv(installed, project, "assess", "--output", "json"))
    assert [vm["readiness"] for vm in assessed["vms"]] == ["ready"] * 3
    suggested = json.loads(mtv(installed, project, "mapping", "suggest", "--output", "json"))
    choices = {each["section"]: each["choice"] for each in suggested}
    assert (choices["storage"], choices["networks"]) == ("standard", "default/vlan10")
    mtv(installed, project, "translate")
    manifests = project / "manifests" / "vms" / "imported-vms"
    machine, claim = yaml.safe_load_all((manifests / "web01.yaml").read_text())
    assert (machine["kind"], claim["spec"]["storage"]["storageClassName"]) == (
        "VirtualMachine",
        "standard",
    )
    planned = json.loads(mtv(installed, project, "plan", "--output", "json"))
    assert [vm["name"] for vm in planned["waves"][0]["vms"]] == ["web01", "web02", "web03"]
    mtv(installed, project, "report")
    assert "web03" in (project / "report" / "index.html").read_text(encoding="utf-8")
