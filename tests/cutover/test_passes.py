"""A running VM goes over in passes while its guest writes: killed in the middle, proven at the end.

The whole way by the command line: two disks, a full pass, two deltas, a cutover.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cutover.crashes import KILLED
from tests.driver import Mtv
from tests.real.people import power_on
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter
from tests.real.vcenter_disks import Disks, disks_of, writing

MIB = 1 << 20
SPARED = 24 * MIB
"""Of the disk that the guest boots from; it writes behind it."""

FEW = 2 * MIB
"""Of each disk that the guest writes to from the last pass while it runs until it is shut down."""

Planned = Callable[..., Mtv]


@pytest.fixture
def disks(vcenter: VCenter) -> Iterator[Disks]:
    """The vCenter's disks, in which nothing of ours may be left after a test."""
    with disks_of(vcenter) as found:
        before = found.left()
        yield found
        left = found.left().beyond(before)
        # Sessions may be: who is killed does not log out, and the vCenter ends them by itself.
        assert not left.snapshots, left
        assert not left.redo_logs, left
        assert not left.consolidation_needed, left


@contextlib.contextmanager
def guest(vcenter: VCenter, moref: str, ends: tuple[int, ...]) -> Iterator[None]:
    """Both disks are written all the time, as far as that."""
    with contextlib.ExitStack() as stack:
        for number, end in enumerate(ends):
            start = SPARED if number == 0 else 0
            stack.enter_context(
                writing(vcenter, moref, 2000 + number, end, start=start, pause=0.005)
            )
        yield


def passes(project: Mtv) -> list[dict[str, Any]]:
    """What each pass that was not stopped copied: disk -> its result."""
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        rows = db.execute(
            "SELECT detail FROM event WHERE step = 'sync' AND state = 'done' ORDER BY id"
        ).fetchall()
    return [msgspec.json.decode(detail)["disks"] for (detail,) in rows]


def identity(path: Path) -> str:
    """A disk's identity, by hand: the digest of the list of its grains' digests."""
    with path.open("rb") as file:
        grains = iter(lambda: file.read(MIB), b"")
        lines = "".join(f"{hashlib.sha256(grain).hexdigest()}\n" for grain in grains)
    return hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.usefixtures("disks")
def test_a_running_vm_goes_over_in_passes(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    vm = estate.vms["web01"]
    sizes = tuple(disk.capacity_bytes for disk in vm.disks)
    power_on(vcenter, vm.moref)
    project = planned("web01", warm=True)
    with guest(vcenter, vm.moref, sizes):
        # A full pass and two deltas. In each the workers are killed when they have written what no
        # record knows of yet.
        for _ in range(3):
            project.run("sync", env={"MTV_KILL_AT": "sync:written"}, expect=1)
            said = project.run("sync").stdout
        # And mtv itself, as soon as it holds the disks: each round has left 12 lines.
        project.run("sync", env={"MTV_KILL_AT": "journal:39:after"}, expect=KILLED)
        project.run("sync")
    assert "changed in" in said
    assert "a cutover in an hour would copy about" in said
    with guest(vcenter, vm.moref, (SPARED + FEW, FEW)):
        project.run("sync")
        # The last pass, too, which copies what the guest wrote since.
        project.run("cutover", env={"MTV_KILL_AT": "sync:written"}, expect=1)
    project.run("cutover")
    first, *_, final = passes(project)
    assert all(each["point"] for each in (*first.values(), *final.values()))
    for disk in vm.disks:
        assert disk.flat_file is not None
        assert final[str(disk.key)]["source"]["sha256"] == identity(disk.flat_file)
    fetched = sum(each["fetched_bytes"] for each in final.values())
    assert 0 < fetched <= FEW * len(vm.disks)
    verified = project.run("verify", "--source").stdout
    assert "the source is what was copied" in verified


def test_a_killed_mtv_is_followed_by_a_pass_that_takes_its_snapshot_up(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, disks: Disks
) -> None:
    vm = estate.vms["web02"]
    power_on(vcenter, vm.moref)
    project = planned("web02", warm=True)
    # 1 sync started, 2 hold started, 3 held: the worker is at work when mtv is killed.
    project.run("sync", env={"MTV_KILL_AT": "journal:3:after"}, expect=KILLED)
    assert disks.left().snapshots >= {("web02", "mtv")}
    assert project.run("status", "-o", "json").json[0]["state"] in ("interrupted", "done")
    project.run("sync")
    (only,) = passes(project)
    assert only["2000"]["point"]
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        held = db.execute("SELECT count(*) FROM event WHERE step = 'hold' AND state = 'done'")
        assert held.fetchone()[0] == 1


def test_without_the_consent_a_running_vm_is_passed_by(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    power_on(vcenter, estate.vms["web02"].moref)
    project = planned("web02")
    said = project.run("sync").stdout
    assert "passed by" in said
    assert "may: [power, snapshots]" in said
