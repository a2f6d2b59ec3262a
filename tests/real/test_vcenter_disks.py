"""The test vCenter's disks: redo logs, merges, and the tracking of what was written."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import vim, vmodl

from tests.real.disk_vm import (
    SIZE,
    DiskVm,
    Lab,
    changed_areas,
    content,
    disk_devices,
    leaf,
    result,
    settled,
    start_lab,
    take_snapshot,
)
from tests.real.parts import PartMissing, require
from tests.real.small_estate import connected
from tests.real.vcenter import vcsim_program
from tests.real.vcenter_disks import GRANULE, SECTOR, Settings, writing

MIB = 1 << 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    try:
        vcsim_program()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
    with start_lab(tmp_path_factory.mktemp("vcenter")) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.reset()
    return running


def patched(base: bytes, areas: list[tuple[int, int]], source: bytes) -> bytes:
    """A copy with only the changed areas brought up to the source."""
    copy = bytearray(base)
    for start, length in areas:
        copy[start : start + length] = source[start : start + length]
    return bytes(copy)


def change_id(target: Any, number: int = 0) -> str | None:
    found: str | None = disk_devices(target)[number].backing.changeId
    return found


def names(vm: DiskVm) -> set[str]:
    return {each.name for each in vm.flat_files[2000].parent.glob("*.vmdk")}


def test_a_snapshot_freezes_the_file_while_the_guest_writes_on(lab: Lab) -> None:
    vm = lab.vm()
    with writing(lab.vcenter, vm.id, 2000, SIZE) as guest:
        while guest.count < 50:
            time.sleep(0.01)
        snapshot = take_snapshot(vm.vm)
        at_once = vm.flat_files[2000].read_bytes()
        before = guest.count
        while guest.count < before + 100:
            time.sleep(0.01)
    assert at_once != content("vm1")
    assert vm.flat_files[2000].read_bytes() == at_once == lab.disk(vm, snapshot)
    assert lab.disk(vm) != at_once


def test_backings_name_the_frozen_file_and_the_delta_on_it(lab: Lab) -> None:
    vm = lab.vm()
    first = take_snapshot(vm.vm, "first")
    second = take_snapshot(vm.vm, "second")
    base = f"[vmfs] {vm.name}/{vm.name}"
    (live,) = disk_devices(vm.vm)
    assert live.backing.fileName == f"{base}-000002.vmdk"
    assert live.backing.parent.fileName == f"{base}-000001.vmdk"
    assert live.backing.parent.parent.fileName == f"{base}.vmdk"
    assert live.backing.parent.parent.parent is None
    assert disk_devices(first)[0].backing.fileName == f"{base}.vmdk"
    assert disk_devices(first)[0].backing.parent is None
    assert disk_devices(second)[0].backing.fileName == f"{base}-000001.vmdk"
    assert disk_devices(second)[0].backing.parent.fileName == f"{base}.vmdk"


def test_qemu_reads_the_chain_and_nobody_takes_a_delta_for_a_disk(lab: Lab, tmp_path: Path) -> None:
    vm = lab.vm()
    snapshots = []
    for seed in ("a", "b"):
        snapshots.append(take_snapshot(vm.vm, seed))
        with writing(lab.vcenter, vm.id, 2000, SIZE, seed=seed) as guest:
            while guest.count < 40:
                time.sleep(0.01)
    directory = vm.flat_files[2000].parent
    expected = (lab.disk(vm, snapshots[1]), lab.disk(vm))
    for number, held in enumerate(expected, 1):
        descriptor = directory / f"{vm.name}-00000{number}.vmdk"
        raw = tmp_path / "raw"
        argv = ["qemu-img", "convert", "-f", "vmdk", "-O", "raw", str(descriptor), str(raw)]
        subprocess.run(argv, check=True, capture_output=True)
        assert raw.read_bytes() == held
        delta = (directory / f"{vm.name}-00000{number}-delta.vmdk").read_bytes()
        assert delta.startswith(b"COWD")
        assert delta[: len(held)] != held[: len(delta)]


def test_all_disks_freeze_at_one_moment_but_independent_ones_do_not(lab: Lab) -> None:
    parts = [content(name, MIB) for name in ("one", "two", "three")]
    vm = lab.vm(*parts, modes=("persistent", "persistent", "independent_persistent"))

    snapshot = None
    # The same numbers on both disks, the first always a moment earlier.
    for number in range(200):
        mark = number.to_bytes(4, "big") * (SECTOR // 4)
        for key in (2000, 2001):
            lab.disks.write(vm.id, key, 0, mark)
        if number == 100:
            task = vm.vm.CreateSnapshot_Task(name="s", description="", memory=False, quiesce=False)
    snapshot = result(task)
    held = [lab.disks.read(vm.id, key, 0, 4, snapshot=snapshot._moId) for key in (2000, 2001)]
    first, second = (int.from_bytes(each, "big") for each in held)
    assert first - second in (0, 1)
    assert len({each.backing.fileName for each in disk_devices(vm.vm)[:2]}) == 2
    independent = disk_devices(vm.vm)[2]
    assert independent.backing.fileName == f"[vmfs] {vm.name}/{vm.name}_2.vmdk"
    assert independent.backing.parent is None
    lab.disks.write(vm.id, 2002, 0, b"x" * SECTOR)
    assert vm.flat_files[2002].read_bytes()[:SECTOR] == b"x" * SECTOR
    with pytest.raises(RuntimeError, match="no such snapshot"):
        lab.disk(vm, snapshot, 2002)


def test_removal_merges_after_a_while_and_the_disk_is_right_at_each_moment(lab: Lab) -> None:
    vm = lab.vm()
    first = take_snapshot(vm.vm, "first")
    mark = b"1" * GRANULE
    lab.disks.write(vm.id, 2000, MIB, mark)
    second = take_snapshot(vm.vm, "second")
    held = lab.disk(vm, second)
    lab.disks.write(vm.id, 2000, 0, mark)
    lab.disks.set(Settings(merge_seconds=0.6))
    task = first.RemoveSnapshot_Task(removeChildren=False)
    seen = 0
    while leaf(task, "info.state") == "running":
        seen += 1
        lab.disks.write(vm.id, 2000, 3 * MIB, seen.to_bytes(4, "big") * (SECTOR // 4))
        assert lab.disks.read(vm.id, 2000, 3 * MIB, 4) == seen.to_bytes(4, "big")
        assert lab.disk(vm, second) == held
        assert lab.disks.read(vm.id, 2000, 0, GRANULE) == mark
    assert settled(task)[0] == "success"
    assert seen > 3
    assert disk_devices(second)[0].backing.fileName == f"[vmfs] {vm.name}/{vm.name}.vmdk"
    assert lab.disk(vm, second) == held == vm.flat_files[2000].read_bytes()
    assert names(vm) == {
        f"{vm.name}{tail}.vmdk" for tail in ("", "-flat", "-000002", "-000002-delta")
    }
    live = lab.disk(vm)
    result(vm.vm.RemoveAllSnapshots_Task())
    assert lab.disk(vm) == live == vm.flat_files[2000].read_bytes()
    assert names(vm) == {f"{vm.name}.vmdk", f"{vm.name}-flat.vmdk"}
    assert disk_devices(vm.vm)[0].backing.parent is None
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        disk_devices(second)


def test_nothing_else_is_done_to_a_vm_whose_disks_are_merged(lab: Lab) -> None:
    vm = lab.vm()
    snapshot = take_snapshot(vm.vm)
    lab.disks.set(Settings(merge_seconds=1))
    task = snapshot.RemoveSnapshot_Task(removeChildren=False)
    assert lab.disks.left().merging == {vm.name}
    for call in (
        lambda: take_snapshot(vm.vm),
        vm.vm.PowerOffVM_Task,
        vm.vm.RemoveAllSnapshots_Task,
        lambda: vm.vm.ReconfigVM_Task(vim.vm.ConfigSpec()),
    ):
        with pytest.raises(vim.fault.TaskInProgress) as raised:
            call()
        assert raised.value.task._moId == task._moId
    assert leaf(task, "info.state") == "running"
    assert settled(task)[0] == "success"


def test_a_snapshot_that_takes_its_time_is_of_its_end(lab: Lab) -> None:
    vm = lab.vm()
    lab.disks.set(Settings(snapshot_seconds=0.5))
    task = vm.vm.CreateSnapshot_Task(name="slow", description="", memory=False, quiesce=True)
    lab.disks.write(vm.id, 2000, 0, b"s" * SECTOR)
    assert leaf(task, "info.state") == "running"
    assert (vm.name, "slow") not in lab.disks.left().snapshots
    with pytest.raises(vim.fault.TaskInProgress):
        take_snapshot(vm.vm)
    snapshot = result(task)
    assert lab.disk(vm, snapshot)[:SECTOR] == b"s" * SECTOR
    assert (vm.name, "slow") in lab.disks.left().snapshots


def test_the_base_changes_under_who_still_reads_it_during_a_merge(lab: Lab) -> None:
    vm = lab.vm()
    snapshot = take_snapshot(vm.vm)
    frozen = vm.flat_files[2000].read_bytes()
    lab.disks.write(vm.id, 2000, 0, b"2" * GRANULE)
    lab.disks.set(Settings(merge_seconds=1))
    task = snapshot.RemoveSnapshot_Task(removeChildren=False)
    while vm.flat_files[2000].read_bytes() == frozen:
        assert leaf(task, "info.state") == "running"
        time.sleep(0.01)
    assert leaf(task, "info.state") == "running"
    assert settled(task)[0] == "success"


def test_a_chain_of_several_disks_is_merged_at_once(lab: Lab) -> None:
    vm = lab.vm(content("p"), content("q"))
    for number in range(3):
        take_snapshot(vm.vm, str(number))
        for key in (2000, 2001):
            for at in range(number + 1):
                lab.disks.write(vm.id, key, at * MIB, bytes([number, key % 256]) * GRANULE)
    live = {key: lab.disk(vm, key=key) for key in (2000, 2001)}
    lab.disks.set(Settings(merge_seconds=0.2))
    task = vm.vm.RemoveAllSnapshots_Task()
    while leaf(task, "info.state") == "running":
        assert {key: lab.disk(vm, key=key) for key in (2000, 2001)} == live
    assert settled(task)[0] == "success"
    assert {key: file.read_bytes() for key, file in vm.flat_files.items()} == live


def test_without_consolidation_the_deltas_stay_until_they_are_merged(lab: Lab) -> None:
    vm = lab.vm()
    snapshot = take_snapshot(vm.vm)
    lab.disks.write(vm.id, 2000, 0, b"3" * GRANULE)
    live = lab.disk(vm)
    result(snapshot.RemoveSnapshot_Task(removeChildren=False, consolidate=False))
    assert leaf(vm.vm, "runtime.consolidationNeeded") is True
    assert disk_devices(vm.vm)[0].backing.parent is not None
    left = lab.disks.left()
    assert vm.name in left.consolidation_needed
    assert f"[vmfs] {vm.name}/{vm.name}-000001.vmdk" in left.redo_logs & left.unmerged
    result(vm.vm.ConsolidateVMDisks_Task())
    assert leaf(vm.vm, "runtime.consolidationNeeded") is False
    assert disk_devices(vm.vm)[0].backing.parent is None
    assert vm.flat_files[2000].read_bytes() == live


def test_a_delta_that_was_not_merged_is_told_from_those_of_others(lab: Lab) -> None:
    """What mtv leaves behind must not hide behind a snapshot of somebody else."""
    before = lab.disks.left()
    vm, other = lab.vm(), lab.vm()
    theirs = [take_snapshot(each.vm, "before the update") for each in (vm, other)]
    assert not lab.disks.left().beyond(before).of_mtv()
    ours = take_snapshot(vm.vm, "mtv")
    assert lab.disks.left().beyond(before).of_mtv() == {"snapshots": {(vm.name, "mtv")}}
    result(ours.RemoveSnapshot_Task(removeChildren=False, consolidate=False))
    delta = f"[vmfs] {vm.name}/{vm.name}-000002.vmdk"
    assert lab.disks.left().beyond(before).of_mtv()["unmerged"] == {delta}
    result(vm.vm.ConsolidateVMDisks_Task())
    left = lab.disks.left().beyond(before)
    assert not left.of_mtv()
    assert f"[vmfs] {other.name}/{other.name}-000001.vmdk" in left.redo_logs
    for each in theirs:
        result(each.RemoveSnapshot_Task(removeChildren=False))


def test_the_guest_stops_with_its_vm_and_nothing_comes_after(lab: Lab) -> None:
    vm = lab.vm()
    with writing(lab.vcenter, vm.id, 2000, SIZE) as guest:
        while guest.count < 50:
            time.sleep(0.01)
        result(vm.vm.PowerOffVM_Task())
        at_once = lab.disk(vm)
        while not guest.went_off:
            time.sleep(0.01)
    assert lab.disk(vm) == at_once


def test_a_revert_drops_what_was_written_since(lab: Lab) -> None:
    vm = lab.vm()
    before = change_id(vm.vm)
    snapshot = take_snapshot(vm.vm)
    held = lab.disk(vm, snapshot)
    lab.disks.write(vm.id, 2000, 0, b"4" * GRANULE)
    result(snapshot.RevertToSnapshot_Task())
    assert lab.disk(vm) == held
    assert leaf(vm.vm, "runtime.powerState") == "poweredOff"  # it had no memory
    assert disk_devices(vm.vm)[0].backing.parent.fileName == f"[vmfs] {vm.name}/{vm.name}.vmdk"
    assert uuid(change_id(vm.vm)) != uuid(before)
    assert len(names(vm)) == 4  # the first delta is gone
    result(vm.vm.RemoveAllSnapshots_Task())
    assert lab.disk(vm) == held


def test_a_tree_of_snapshots_keeps_what_each_needs(lab: Lab) -> None:
    vm = lab.vm(running=False)
    root = take_snapshot(vm.vm, "root")
    result(vm.vm.PowerOnVM_Task())
    lab.disks.write(vm.id, 2000, 0, b"5" * GRANULE)
    left = take_snapshot(vm.vm, "left")
    held = {left._moId: lab.disk(vm, left), root._moId: lab.disk(vm, root)}
    result(root.RevertToSnapshot_Task())
    result(vm.vm.PowerOnVM_Task())
    lab.disks.write(vm.id, 2000, 0, b"6" * GRANULE)
    right = take_snapshot(vm.vm, "right")
    held[right._moId] = lab.disk(vm, right)
    for snapshot in (root, left, right):
        assert lab.disk(vm, snapshot) == held[snapshot._moId]
    result(left.RemoveSnapshot_Task(removeChildren=False))
    for snapshot in (root, right):
        assert lab.disk(vm, snapshot) == held[snapshot._moId]
    result(root.RemoveSnapshot_Task(removeChildren=False))
    assert lab.disk(vm, right) == held[right._moId] == vm.flat_files[2000].read_bytes()
    (tree,) = leaf(vm.vm, "snapshot.rootSnapshotList")
    assert tree.name == "right"


def uuid(found: str | None) -> str:
    assert found is not None
    return found.partition("/")[0]


def test_tracking_begins_with_a_snapshot_cycle_or_a_power_cycle(lab: Lab) -> None:
    off, on = lab.vm(running=False, tracked=True), lab.vm(tracked=False)
    assert change_id(off.vm) is None
    result(off.vm.PowerOnVM_Task())
    assert uuid(change_id(off.vm)).startswith("52 ")

    result(on.vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
    assert leaf(on.vm, "config.changeTrackingEnabled") is True
    assert change_id(on.vm) is None
    snapshot = take_snapshot(on.vm)
    assert change_id(snapshot) is None
    result(snapshot.RemoveSnapshot_Task(removeChildren=False))
    assert change_id(on.vm) is not None
    snapshot = take_snapshot(on.vm)
    assert uuid(change_id(snapshot)) == uuid(change_id(on.vm))
    result(snapshot.RemoveSnapshot_Task(removeChildren=False))
    result(on.vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=False)))
    result(take_snapshot(on.vm).RemoveSnapshot_Task(removeChildren=False))
    assert change_id(on.vm) is None

    lab.disks.set(Settings(track_from_create=True))
    result(on.vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
    assert change_id(take_snapshot(on.vm)) is not None


@pytest.mark.parametrize("areas_per_answer", [1, 3, 2000])
def test_base_and_changed_areas_are_the_second_snapshot(lab: Lab, areas_per_answer: int) -> None:
    vm = lab.vm(content("big", 32 * MIB))
    lab.disks.set(Settings(areas_per_answer=areas_per_answer))
    with writing(lab.vcenter, vm.id, 2000, 32 * MIB, pause=0.004) as guest:
        first = take_snapshot(vm.vm, "first")
        copy = vm.flat_files[2000].read_bytes()
        since = change_id(first)
        assert since is not None
        result(first.RemoveSnapshot_Task(removeChildren=False))
        before = guest.count
        while guest.count < before + 20:
            time.sleep(0.01)
        second = take_snapshot(vm.vm, "second")
        asked = [each.method for each in lab.vcenter.requests()].count("QueryChangedDiskAreas")
        areas = changed_areas(vm.vm, second, 2000, since)
        answers = [each.method for each in lab.vcenter.requests()].count("QueryChangedDiskAreas")
    target = vm.flat_files[2000].read_bytes()
    assert target == lab.disk(vm, second)
    assert copy != target
    assert patched(copy, areas, target) == target
    assert sum(length for _, length in areas) < 24 * MIB
    assert all(start % GRANULE == 0 for start, _ in areas)
    # The last answer may have no areas of its own.
    assert (answers - asked) - -(-len(areas) // areas_per_answer) in (0, 1)


def test_no_area_of_before_or_after_is_in_the_answer(lab: Lab) -> None:
    vm = lab.vm()
    ids = [change_id(vm.vm)]
    snapshots = []
    for number in range(3):
        lab.disks.write(vm.id, 2000, number * MIB, b"7" * SECTOR)
        snapshots.append(take_snapshot(vm.vm, str(number)))
        ids.append(change_id(snapshots[-1]))
    lab.disks.write(vm.id, 2000, 3 * MIB, b"7" * SECTOR)
    for since, first in enumerate(ids):
        assert first is not None
        for until, snapshot in enumerate(snapshots, 1):
            if since <= until:
                expected = [(n * MIB, GRANULE) for n in range(since, until)]
                assert changed_areas(vm.vm, snapshot, 2000, first) == expected


def test_all_areas_are_those_with_data(lab: Lab) -> None:
    vm = lab.vm()
    lab.disks.write(vm.id, 2000, 3 * MIB, b"8" * SECTOR)
    snapshot = take_snapshot(vm.vm)
    lab.disks.write(vm.id, 2000, MIB + MIB // 2, b"8" * SECTOR)
    data = lab.disk(vm, snapshot)
    areas = changed_areas(vm.vm, snapshot, 2000, "*")
    assert patched(bytes(SIZE), areas, data) == data
    assert sum(length for _, length in areas) < SIZE // 2
    second = take_snapshot(vm.vm, "second")  # its data are in the base and in the delta
    data = lab.disk(vm, second)
    assert patched(bytes(SIZE), changed_areas(vm.vm, second, 2000, "*"), data) == data


def test_without_a_snapshot_changes_are_known_when_the_vm_is_off(lab: Lab) -> None:
    vm = lab.vm()
    snapshot = take_snapshot(vm.vm)
    since = change_id(snapshot)
    assert since is not None
    copy = vm.flat_files[2000].read_bytes()
    result(snapshot.RemoveSnapshot_Task(removeChildren=False))
    lab.disks.write(vm.id, 2000, 2 * MIB, b"9" * SECTOR)
    with pytest.raises(vim.fault.FileFault):
        vm.vm.QueryChangedDiskAreas(None, 2000, 0, since)
    result(vm.vm.PowerOffVM_Task())
    with pytest.raises(RuntimeError, match="does not run"):
        lab.disks.write(vm.id, 2000, 0, b"9" * SECTOR)
    areas = changed_areas(vm.vm, None, 2000, since)
    assert areas == [(2 * MIB, GRANULE)]
    assert patched(copy, areas, lab.disk(vm)) == lab.disk(vm)


def test_wrong_questions_get_the_faults_of_the_real_one(lab: Lab) -> None:
    vm = lab.vm(content("x"), content("y"), modes=("persistent", "independent_persistent"))
    untracked, other = lab.vm(tracked=False), lab.vm()
    snapshot, bare = take_snapshot(vm.vm), take_snapshot(untracked.vm)
    foreign = take_snapshot(other.vm)
    since = change_id(snapshot)
    assert since is not None
    later = f"{uuid(since)}/99"

    def ask(snapshot: Any = snapshot, key: int = 2000, at: int = 0, since: str = since) -> Any:
        return vm.vm.QueryChangedDiskAreas(snapshot, key, at, since)

    invalid = vmodl.fault.InvalidArgument
    for wrong, name in (
        (dict[str, Any](key=2001), "deviceKey"),
        ({"key": 2009}, "deviceKey"),
        ({"at": SIZE}, "startOffset"),
        ({"at": -1}, "startOffset"),
        ({"since": "nonsense"}, "changeId"),
        ({"since": ""}, "changeId"),
        ({"since": later}, "changeId"),
    ):
        with pytest.raises(invalid) as raised:
            ask(**wrong)
        assert raised.value.invalidProperty == name
    theirs = change_id(foreign)
    assert theirs is not None
    with pytest.raises(vim.fault.FileFault):
        ask(since=theirs)
    with pytest.raises(vim.fault.FileFault):
        untracked.vm.QueryChangedDiskAreas(bare, 2000, 0, "*")
    with pytest.raises(vim.fault.NotFound):
        ask(foreign)
    gone = take_snapshot(vm.vm, "gone")
    result(gone.RemoveSnapshot_Task(removeChildren=False))
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        ask(gone)
    assert ask().changedArea == []


def test_a_reset_and_a_larger_disk_have_another_uuid(lab: Lab) -> None:
    vm = lab.vm()
    snapshot = take_snapshot(vm.vm)
    since = change_id(snapshot)
    assert since is not None
    with pytest.raises(RuntimeError, match="cannot grow"):
        lab.disks.grow(vm.id, 2000, MIB)
    (device,) = disk_devices(vm.vm)
    device.capacityInKB += 1024
    device.capacityInBytes += MIB
    edit = vim.vm.device.VirtualDeviceSpec(operation="edit", device=device)
    assert settled(vm.vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[edit])))[0] == "error"
    result(snapshot.RemoveSnapshot_Task(removeChildren=False))

    lab.disks.reset_tracking(vm.id, 2000)
    assert uuid(change_id(vm.vm)) != uuid(since)
    second = take_snapshot(vm.vm)
    with pytest.raises(vim.fault.FileFault):
        vm.vm.QueryChangedDiskAreas(second, 2000, 0, since)
    result(second.RemoveSnapshot_Task(removeChildren=False))

    before = change_id(vm.vm)
    lab.disks.grow(vm.id, 2000, MIB)
    assert uuid(change_id(vm.vm)) != uuid(before)
    assert disk_devices(vm.vm)[0].capacityInBytes == SIZE + MIB
    lab.disks.write(vm.id, 2000, SIZE + MIB - SECTOR, b"e" * SECTOR)
    assert len(lab.disk(vm)) == SIZE + MIB == vm.flat_files[2000].stat().st_size
    (device,) = disk_devices(vm.vm)
    device.capacityInKB += 1024
    device.capacityInBytes += MIB
    edit = vim.vm.device.VirtualDeviceSpec(operation="edit", device=device)
    result(vm.vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[edit])))
    assert len(lab.disk(vm)) == SIZE + 2 * MIB


def test_the_simulator_says_what_it_holds(lab: Lab) -> None:
    before = lab.disks.left()
    assert len(before.sessions) == 1  # this test's own
    vm = lab.vm(running=False, tracked=False)
    assert not lab.disks.left().beyond(before)
    result(vm.vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
    result(vm.vm.PowerOnVM_Task())
    take_snapshot(vm.vm, "ours")
    with connected(lab.vcenter):
        ours = lab.disks.left().beyond(before)
    assert ours.snapshots == {(vm.name, "ours")}
    assert ours.redo_logs == {f"[vmfs] {vm.name}/{vm.name}-000001.vmdk"}
    assert ours.change_tracking == {vm.name}
    assert ours.tracked == {(vm.name, 2000)}
    assert len(ours.sessions) == 1
    result(vm.vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=False)))
    result(vm.vm.RemoveAllSnapshots_Task())
    assert not lab.disks.left().beyond(before)


def test_a_destroyed_vm_leaves_no_file(lab: Lab) -> None:
    before = lab.disks.left()
    vm = lab.vm()
    take_snapshot(vm.vm)
    result(vm.vm.PowerOffVM_Task())
    result(vm.vm.Destroy_Task())
    assert not lab.disks.left().beyond(before)
    assert not vm.flat_files[2000].parent.exists()
