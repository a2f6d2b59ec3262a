"""A pass over a running VM reads what changed and hardly more: bytes of the grains that differ.

The guest writes on while each pass reads; what changed is the difference of two copies.
"""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from tests.cutover.test_passes import MIB, passes
from tests.cutover.test_rhv_passes import engine, project, source
from tests.cutover.test_rhv_passes import passes as rhv_passes
from tests.driver import Mtv
from tests.real.imageio import guest as rhv_guest
from tests.real.people import power_on
from tests.real.rhv import RhvEngine
from tests.real.small_estate import SmallEstate
from tests.real.small_rhv import VMS, content, disk_id, vm_id
from tests.real.vcenter import VCenter
from tests.real.vcenter_disks import writing

__all__ = ["engine"]  # a fixture

MOST = 1.05
"""Bytes read to bytes of the grains that changed."""


def copies(made: Mtv) -> dict[str, bytes]:
    """What each copy holds now, by its file's name."""
    return {path.name: path.read_bytes() for path in (made.directory / "vms").rglob("disk-*.raw")}


def changed_bytes(before: bytes, after: bytes) -> int:
    """Size of the grains that differ."""
    assert len(before) == len(after)
    starts = range(0, len(before), MIB)
    return sum(
        len(before[at : at + MIB]) for at in starts if before[at : at + MIB] != after[at : at + MIB]
    )


def test_vsphere(planned: Callable[..., Mtv], estate: SmallEstate, vcenter: VCenter) -> None:
    vm = estate.vms["web01"]
    power_on(vcenter, vm.moref)
    made = planned("web01", warm=True)
    with contextlib.ExitStack() as ends:
        for disk in vm.disks:
            # Seldom enough that most of the disk stays as it is.
            ends.enter_context(writing(vcenter, vm.moref, disk.key, disk.capacity_bytes, pause=0.5))
        made.run("sync")
        before = copies(made)
        made.run("sync")
    after = copies(made)
    changed = sum(changed_bytes(before[disk], after[disk]) for disk in before)
    assert 0 < changed < sum(disk.capacity_bytes for disk in vm.disks) / 2
    read = sum(each["fetched_bytes"] for each in passes(made)[-1].values())
    assert changed <= read <= MOST * changed


def test_rhv(engine: RhvEngine, tmp_path: Path) -> None:
    made = project(engine, tmp_path / "project", "shop")
    socket = engine.where()["machines"][vm_id("shop")]
    with contextlib.ExitStack() as ends:
        guests = [
            ends.enter_context(rhv_guest.writing(socket, disk_id(name), content(name), seed))
            for seed, name in enumerate(VMS["shop"])
        ]
        made.run("sync")
        before = copies(made)
        for guest in guests:
            guest.wait_for(5)  # and on, while the pass goes by
        made.run("sync")
    after = copies(made)
    changed = sum(changed_bytes(before[disk], after[disk]) for disk in before)
    assert changed
    last = rhv_passes(made)[-1]
    assert sum(each["fetched_bytes"] for each in last.values()) <= MOST * changed
    with source(engine, tmp_path) as opened:
        points = [each["point"] for each in last.values()]
        assert opened.let_go(vm_id("shop"), points, threading.Event()) == ()
