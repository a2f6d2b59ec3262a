"""Fixtures that need real parts: a vCenter with the small estate, projects that point to it."""

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.driver import Mtv
from tests.real.guests import GuestImages, guest_images
from tests.real.parts import PartMissing, require
from tests.real.small_estate import SmallEstate, populate
from tests.real.vcenter import VCenter, start_vcenter
from tests.real.vcenter_disks import nothing_of_mtv_is_left

# No deadline: how long an example takes says more about the machine's load than about us.
# Derandomized, so that a run depends on nothing but the tree.
settings.register_profile("mtv", deadline=None, max_examples=80, derandomize=True)
settings.load_profile("mtv")

# A job in the background of a shell ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

TARGET = Path(__file__).parent.parent / "demo" / "target.yaml"

CHECKS = {
    "web01": "console:tiny: ready",
    "web02": "console:tiny: ready",
    "sensor": "console:boot sector: here I am",
}


@pytest.fixture(scope="session")
def images() -> GuestImages:
    """The built guest images."""
    try:
        return guest_images()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    """A vCenter of this module's own, which holds nothing of mtv's in the end."""
    try:
        with start_vcenter(tmp_path_factory.mktemp("vcenter")) as running:
            yield running
            running.set_faults()
            nothing_of_mtv_is_left(running)
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@pytest.fixture(scope="module")
def estate(vcenter: VCenter, images: GuestImages) -> SmallEstate:
    """The six VMs of the small estate in it."""
    return populate(vcenter, images)


MakeProject = Callable[..., Mtv]


@pytest.fixture
def make_project(vcenter: VCenter, tmp_path: Path) -> MakeProject:
    """Makes a project directory whose only source is the vCenter.

    ``url`` replaces the vCenter's, for a proxy before it.
    """

    def make(
        name: str = "project", *, url: str = "", consent: bool = True, warm: bool = False
    ) -> Mtv:
        directory = tmp_path / name
        project = Mtv(directory, {"VC1_PASSWORD": vcenter.password})
        project.run(
            *("init", str(directory), "--vsphere", url or vcenter.url),
            *("--username", vcenter.username, "--password-env", "VC1_PASSWORD"),
            *("--fingerprint", vcenter.fingerprint, *(["--may-power"] if consent else [])),
            *(["--may-snapshots"] if warm else []),
        )
        shutil.copy(TARGET, directory / "target.yaml")
        return project

    return make


@pytest.fixture
def planned(make_project: MakeProject, estate: SmallEstate) -> Callable[..., Mtv]:
    """Makes a project that is ready for ``mtv sync``, with the named VMs in the wave pilot."""
    del estate

    def make(
        *vms: str, url: str = "", name: str = "project", consent: bool = True, warm: bool = False
    ) -> Mtv:
        project = make_project(name, url=url, consent=consent, warm=warm)
        for command in (["collect"], ["assess"], ["mapping", "suggest"], ["translate"]):
            project.run(*command)
        words = [word for vm in vms for word in ("--vm", vm)]
        for vm in vms:
            if vm in CHECKS:
                words += ["--check", f"{vm}={CHECKS[vm]}"]
        project.run("plan", *words)
        return project

    return make
