"""Files of running VMs are read only where that was proven, once for each kind of datastore."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cutover.test_passes import identity, passes
from tests.cutover.test_side_by_side import eventually, limit
from tests.cutover.test_worker import opened
from tests.driver import Mtv
from tests.real.people import power_on
from tests.real.small_estate import EstateVm, SmallEstate
from tests.real.vcenter import VCenter
from tests.real.vcenter_disks import Disks, Settings, disks_of, writing

MIB = 1 << 20
Planned = Callable[..., Mtv]


@pytest.fixture
def disks(vcenter: VCenter) -> Iterator[Disks]:
    with disks_of(vcenter) as found:
        before = found.left()
        yield found
        found.set(Settings())
        vcenter.set_faults()
        left = found.left().beyond(before)
        assert not any((left.snapshots, left.redo_logs, left.leases, left.sessions)), left


@pytest.fixture
def killed(vcenter: VCenter) -> Iterator[Disks]:
    """For an mtv that is killed: its sessions stay until they expire, and nothing else."""
    with disks_of(vcenter) as found:
        before = found.left()
        yield found
        found.set(Settings())
        left = found.left().beyond(before)
        assert not any((left.snapshots, left.redo_logs, left.leases)), left


@pytest.fixture
def vm(vcenter: VCenter, estate: SmallEstate) -> EstateVm:
    """One that runs."""
    found = estate.vms["web02"]
    power_on(vcenter, found.moref)
    return found


def known(project: Mtv) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((project.directory / "probes.json").read_text())
    return found


@pytest.mark.usefixtures("disks")
def test_the_first_pass_proves_it_by_itself_and_the_next_ones_know(
    planned: Planned, vm: EstateVm, vcenter: VCenter
) -> None:
    project = planned("web02", warm=True)
    with writing(vcenter, vm.moref, 2000, vm.disks[0].capacity_bytes, pause=0.01):
        project.run("sync")
        (probe,) = known(project)
        assert (probe["source"], probe["passed"], probe["vm"]) == ("vc1", True, vm.moref)
        assert "MiB read by the file, twice, are those of the export" in probe["says"]
        project.run("sync")
    assert known(project) == [probe]
    first, second = passes(project)
    # By its file only what is allocated is read, then what changed; an export has no such ranges.
    assert second["2000"]["point"] != first["2000"]["point"]
    assert second["2000"]["fetched_bytes"] % MIB == 0


@pytest.mark.usefixtures("disks", "vm")
def test_doctor_proves_it_beforehand(planned: Planned, vcenter: VCenter) -> None:
    project = planned("web02", warm=True)
    found = project.run("doctor", "--probe", "web02", "-o", "json").json
    assert found == known(project)
    assert "✓ vc1, " in project.run("doctor", "--probe", "web02").stdout
    # The pass has nothing left to try: an export would be refused now.
    vcenter.set_faults({"fault": "NoPermission", "method": "ExportSnapshot"})
    project.run("sync")


@pytest.mark.usefixtures("vm")
def test_a_file_that_goes_on_changing_is_found_and_the_disk_exported(
    planned: Planned, disks: Disks
) -> None:
    """A vCenter that gives the file that the guest writes to, not the one that is frozen."""
    project = planned("web02", warm=True)
    disks.set(Settings(folder_is_live=True))
    said = project.run("doctor", "--probe", "web02", expect=3)
    assert "the file differs from the export at byte" in said.stdout
    assert "are not read by their files" in said.stderr
    outcome = project.run("sync").stdout
    assert "so disks there are exported as a whole" in outcome
    (copied,) = passes(project)
    assert copied["2000"]["retries"] == 0
    base = next((project.directory / "vms").rglob("disk-*.raw"))
    assert copied["2000"]["source"]["sha256"] == identity(base)


@pytest.mark.usefixtures("vm")
def test_a_file_that_begins_to_change_is_found_when_it_is_read_again(
    planned: Planned, disks: Disks
) -> None:
    """The first reading was right: the guest had not written there yet."""
    project = planned("web02", warm=True)
    disks.set(Settings(folder_is_live=True, folder_live_from=2))
    said = project.run("doctor", "--probe", "web02", expect=3)
    assert "the file differs from the export at byte" in said.stdout
    assert not known(project)[0]["passed"]
    disks.set(Settings(folder_is_live=True, folder_live_from=3))
    project.run("doctor", "--probe", "web02")
    assert known(project)[-1]["passed"]


@pytest.mark.usefixtures("disks", "vm")
def test_a_file_that_is_not_given_is_no_error(planned: Planned, vcenter: VCenter) -> None:
    project = planned("web02", warm=True)
    vcenter.set_faults({"fault": "Forbidden", "path": "/folder/"})
    said = project.run("doctor", "--probe", "web02", expect=3)
    assert "the file is not given" in said.stdout
    project.run("sync")
    assert not known(project)[0]["passed"]


@pytest.mark.usefixtures("vm")
def test_the_next_pass_waits_for_the_end_of_what_a_killed_one_exported(
    planned: Planned, killed: Disks
) -> None:
    """A vCenter lets nobody else end an export, and exports no VM twice."""
    project = planned("web02", warm=True)
    limit(project, bytes_per_second=500_000)
    killed.set(Settings(lease_seconds=15.0))
    process = project.start("sync")
    eventually(lambda: bool(opened(project)))
    process.kill()
    process.communicate()
    assert killed.left().leases
    assert not (project.directory / "probes.json").exists()
    limit(project)
    said = project.run("sync")
    assert "waiting: vCenter does not export" in said.stderr
    assert opened(project)[:2] == ["started", "done"]
    assert known(project)[0]["passed"]


@pytest.mark.usefixtures("disks")
def test_disks_that_have_to_be_exported_are_so_one_after_the_other(
    planned: Planned, vcenter: VCenter, estate: SmallEstate
) -> None:
    vm = estate.vms["web01"]
    assert len(vm.disks) == 2
    power_on(vcenter, vm.moref)
    project = planned("web01", warm=True)
    vcenter.set_faults({"fault": "Forbidden", "path": "/folder/"})
    project.run("sync")
    (copied,) = passes(project)
    for key, base in zip(copied, sorted((project.directory / "vms").rglob("*.raw")), strict=True):
        assert copied[key]["source"]["sha256"] == identity(base)


@pytest.mark.usefixtures("disks", "vm")
def test_without_an_export_nothing_can_be_proven(planned: Planned, vcenter: VCenter) -> None:
    project = planned("web02", warm=True)
    vcenter.set_faults({"fault": "NoPermission", "method": "ExportSnapshot"})
    said = project.run("sync", expect=1).stdout
    assert "lacks VApp.Export" in said or "lacks" in said
    assert not (project.directory / "probes.json").exists()
    vcenter.set_faults()
    project.run("sync")


def test_what_cannot_be_probed_is_said(planned: Planned, estate: SmallEstate) -> None:
    del estate
    project = planned("billing-db", warm=True)
    said = project.run("doctor", "--probe", "billing-db", expect=1).stderr
    assert "is off: what has to be proven is how one that runs is read" in said
    assert "no VM" in project.run("doctor", "--probe", "nobody", expect=None).stderr
    project.run("doctor", "vc1", "--probe", "web02", expect=2)
    (Path(project.directory) / "probes.json").write_text("{")
    limit(project)


@pytest.mark.usefixtures("vm")
def test_a_damaged_file_is_told(planned: Planned) -> None:
    project = planned("web02", warm=True)
    (project.directory / "probes.json").write_text("{")
    said = project.run("sync", expect=None)
    assert "probes.json cannot be read" in said.stdout + said.stderr
