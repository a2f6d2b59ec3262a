"""A pass over a running VM reads what changed and hardly more: bytes of the grains that differ."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

from tests.cutover.test_passes import MIB, passes
from tests.cutover.test_rhv_passes import base, engine, project, source
from tests.cutover.test_rhv_passes import passes as rhv_passes
from tests.driver import Mtv
from tests.real.imageio.guest import writing
from tests.real.people import power_on
from tests.real.rhv import RhvEngine
from tests.real.small_estate import SmallEstate
from tests.real.small_rhv import VMS, content, disk_id, vm_id
from tests.real.vcenter import VCenter
from tests.real.vcenter_disks import disks_of

__all__ = ["engine"]  # a fixture

MOST = 1.05
"""Bytes read to bytes of the grains that changed."""


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
    made.run("sync")
    chance = random.Random(4)
    with disks_of(vcenter) as disks:
        before = {disk.key: disks.read(vm.moref, disk.key) for disk in vm.disks}
        for disk in vm.disks:
            for grain in chance.sample(range(disk.capacity_bytes // MIB), 5):
                disks.write(vm.moref, disk.key, grain * MIB + 4096, chance.randbytes(8192))
        after = {disk.key: disks.read(vm.moref, disk.key) for disk in vm.disks}
    made.run("sync")
    changed = sum(changed_bytes(before[key], after[key]) for key in before)
    assert changed
    read = sum(each["fetched_bytes"] for each in passes(made)[-1].values())
    assert changed <= read <= MOST * changed


def test_rhv(engine: RhvEngine, tmp_path: Path) -> None:
    made = project(engine, tmp_path / "project", "shop")
    socket = engine.where()["machines"][vm_id("shop")]
    made.run("sync")
    before = {name: base(made, name).read_bytes() for name in VMS["shop"]}
    for seed, name in enumerate(VMS["shop"]):
        with writing(socket, disk_id(name), content(name), seed) as guest:
            guest.wait_for(5)
    made.run("sync")
    after = {name: base(made, name).read_bytes() for name in VMS["shop"]}
    changed = sum(changed_bytes(before[name], after[name]) for name in before)
    assert changed
    last = rhv_passes(made)[-1]
    assert sum(each["fetched_bytes"] for each in last.values()) <= MOST * changed
    with source(engine, tmp_path) as opened:
        points = [each["point"] for each in last.values()]
        assert opened.let_go(vm_id("shop"), points, threading.Event()) == ()
