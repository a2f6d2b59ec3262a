"""The setup scripts find that there is nothing to do when they are run again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.guests import guest_images
from tests.real.imageio import imageio_program
from tests.real.kubevirt import require_admission
from tests.real.parts import PartMissing, require
from tests.real.vcenter import vcsim_program

ROOT = Path(__file__).parents[2]


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_scripts_are_well_formed() -> None:
    for script in [*(ROOT / "setup").glob("*.sh"), ROOT / ".ci/run"]:
        done = run("bash", "-n", str(script))
        assert done.returncode == 0, done.stderr


def test_packages_again() -> None:
    require("apt", shutil.which("apt-get") is not None, "the scripts know Debian and Ubuntu only")
    done = run("setup/packages.sh", "test", "--list")
    require("the distribution's packages", done.returncode == 0, f"{done.stdout}{done.stderr}")
    assert done.stdout == "packages: nothing to do\n"


def test_vcsim_again() -> None:
    try:
        vcsim_program()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
    done = run("setup/vcsim.sh")
    assert (done.returncode, done.stdout) == (0, "vcsim: nothing to do\n"), done.stderr


def test_imageio_again() -> None:
    try:
        imageio_program()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
    done = run("setup/imageio.sh")
    assert (done.returncode, done.stdout) == (0, "imageio: nothing to do\n"), done.stderr


def test_kubevirt_again() -> None:
    require_admission()
    done = run("setup/kubevirt.sh")
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stdout


def test_guests_again() -> None:
    try:
        guest_images()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
    require(".venv", (ROOT / ".venv/bin/python").exists(), "run setup/venv.sh")
    done = run("setup/guests.sh")
    assert (done.returncode, done.stdout) == (0, "guests: nothing to do\n"), done.stderr


def test_venv_again() -> None:
    if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        pytest.skip("this is not the Python of .venv")
    require(".venv made by setup/venv.sh", (ROOT / ".venv/made-for").exists(), "run setup/venv.sh")
    done = run("setup/venv.sh")
    assert (done.returncode, done.stdout) == (0, "venv: nothing to do\n"), done.stderr
