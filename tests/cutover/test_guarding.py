"""A pass is not to harm the source: what is too much stops it, and the snapshot goes."""

from collections.abc import Callable

import pytest

from mtv.config import HeldLimits
from mtv.cutover.passes.guarding import too_much
from mtv.model.strain import Room, Strain
from tests.cutover.test_side_by_side import eventually, limit, proven, states, written
from tests.driver import Mtv
from tests.real.people import power_on
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter
from tests.real.vcenter_disks import disks_of, writing

GIB = 1 << 30
MIB = 1 << 20

ALL = HeldLimits(
    least_free_bytes=10 * GIB, least_free_percent=5, most_delta_bytes=GIB, most_latency_ms=50
)


def room(free: int, capacity: int = 100 * GIB) -> Room:
    return Room(name="gold", free_bytes=free, capacity_bytes=capacity)


@pytest.mark.parametrize(
    ("strain", "says"),
    [
        (Strain(), ""),
        (
            Strain(
                rooms=(room(10 * GIB), room(11 * GIB)), delta_bytes=GIB, latency_milliseconds=50
            ),
            "",
        ),
        (Strain(rooms=(room(20 * GIB), room(10 * GIB - 1))), "gold has"),
        (
            Strain(rooms=(room(40 * GIB, 1000 * GIB),)),
            "gold has 40.0 GiB free of 1000.0 GiB (at least ",
        ),
        (Strain(rooms=(room(0, 0),)), "gold has"),
        (
            Strain(delta_bytes=2 * GIB),
            "what was written since its disks are held takes 2.0 GiB (at most ",
        ),
        (
            Strain(latency_milliseconds=70.4),
            "its storage takes 70 ms for a read or write (at most ",
        ),
    ],
)
def test_what_is_beyond_a_limit_is_said(strain: Strain, says: str) -> None:
    found = too_much(strain, ALL)
    assert found is None if not says else str(found).startswith(says)


def test_what_is_not_limited_may_be_anything() -> None:
    assert too_much(Strain(delta_bytes=1 << 50, latency_milliseconds=1e9), HeldLimits()) is None


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({"least_free_bytes": 1 << 60}, "free of"),
        ({"most_hours": 0.00001}, "its disks are held for"),
        ({"most_delta_bytes": 64 << 10}, "what was written since its disks are held takes"),
        ({"most_latency_ms": 0.001}, "ms for a read or write"),
    ],
)
def test_a_pass_that_is_too_much_stops_and_its_snapshot_goes(
    planned: Callable[..., Mtv],
    estate: SmallEstate,
    vcenter: VCenter,
    held: dict[str, float],
    says: str,
) -> None:
    vm = estate.vms["web02"]
    power_on(vcenter, vm.moref)
    project = proven(planned("web02", warm=True), "web02")
    limit(project, bytes_per_second=MIB, held={"look_seconds": 0.2})
    size = vm.disks[0].capacity_bytes
    with disks_of(vcenter) as disks, writing(vcenter, vm.moref, 2000, size, pause=0.005):
        process = project.start("sync")
        eventually(lambda: written(project) > 0)
        limit(project, bytes_per_second=MIB, held={"look_seconds": 0.2, **held})
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 1, stderr
        assert "✗ web02: failed: the pass was stopped: " in stdout
        assert says in stdout
        assert "what was copied is kept" in stdout
        assert "web02" not in {name for name, _ in disks.left().snapshots}
    assert ("release", "done") in [event[1:] for event in states(project)]
    limit(project)
    project.run("sync")


def test_a_pass_does_not_begin_where_there_is_no_room(
    planned: Callable[..., Mtv], estate: SmallEstate, vcenter: VCenter
) -> None:
    power_on(vcenter, estate.vms["web02"].moref)
    project = planned("web02", warm=True)
    limit(project, held={"least_free_percent": 100})
    said = project.run("sync", expect=1).stdout
    assert "its disks are not held now: " in said
    assert "hold" not in [step for _, step, _ in states(project)]


def test_one_that_is_off_is_no_strain(planned: Callable[..., Mtv]) -> None:
    project = planned("billing-db", warm=True)
    limit(project, held={"least_free_percent": 100})
    project.run("sync")
