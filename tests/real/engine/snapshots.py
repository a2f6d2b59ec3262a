"""Snapshots: making and removing one locks the disks for a while and ends with an event."""

import uuid
from typing import Any

from tests.real.engine.data import DataPath
from tests.real.engine.faults import Faults
from tests.real.engine.messages import conflict, not_found
from tests.real.engine.records import Records, now
from tests.real.engine.sdk import types
from tests.real.engine.tree import Entity, Tree

CREATED, NOT_CREATED, REMOVED, NOT_REMOVED = 68, 69, 356, 357
"""Codes of the events that end it (USER_CREATE_SNAPSHOT_FINISHED_SUCCESS and so on)."""


def create(
    tree: Tree,
    records: Records,
    faults: Faults,
    data: DataPath,
    vm: Entity,
    asked: Any,
    correlation_id: str,
) -> Entity:
    """Begin a snapshot of the VM's image disks; returns it, locked."""
    disks = _image_disks(tree, vm)
    _refuse_when_busy(tree, vm, disks, "create Snapshot")
    wanted = {each.disk.id for each in asked.disk_attachments or [] if each.disk is not None}
    if wanted:
        disks = [each for each in disks if each.id in wanted]
    snapshot = tree.add(
        vm.subs["snapshots"],
        types.Snapshot(
            id=str(uuid.uuid4()),
            description=asked.description or "",
            date=now(),
            persist_memorystate=bool(asked.persist_memorystate),
            snapshot_status=types.SnapshotStatus.LOCKED,
            snapshot_type=types.SnapshotType.REGULAR,
            disks=[_disk_in_snapshot(each) for each in disks],
        ),
    )
    job = records.job(
        f"Creating VM Snapshot {asked.description} for VM {vm.obj.name}", correlation_id
    )
    _lock(tree, vm, disks, locked=True)
    fails = vm.id in faults.failing_snapshots

    def end() -> None:
        _lock(tree, vm, disks, locked=False)
        about = {"vm": types.Vm(id=vm.id)}
        if fails:
            tree.remove(vm.subs["snapshots"], snapshot.id)
            records.event(
                NOT_CREATED,
                f"Failed to complete snapshot '{asked.description}' creation for VM"
                f" '{vm.obj.name}'.",
                severity="error",
                correlation_id=correlation_id,
                **about,
            )
        else:
            snapshot.obj.snapshot_status = types.SnapshotStatus.OK
            tree.touch(snapshot)
            data.begin_layers(vm.id, {each.id: _grow_chain(tree, each, snapshot) for each in disks})
            records.event(
                CREATED,
                f"Snapshot '{asked.description}' creation for VM '{vm.obj.name}' has been"
                " completed.",
                correlation_id=correlation_id,
                **about,
            )
        records.end_job(job, ok=not fails)

    records.later(faults.snapshot_seconds, end)
    return snapshot


def remove(
    tree: Tree,
    records: Records,
    faults: Faults,
    data: DataPath,
    snapshot: Entity,
    correlation_id: str,
) -> None:
    """Begin to remove a snapshot."""
    vm = snapshot.owner
    if vm is None:
        raise not_found()
    if str(snapshot.obj.snapshot_type) != "regular":
        raise conflict("Cannot remove Snapshot. Removing the VM active Snapshot is not allowed.")
    disks = _image_disks(tree, vm)
    _refuse_when_busy(tree, vm, disks, "remove Snapshot")
    snapshot.obj.snapshot_status = types.SnapshotStatus.LOCKED
    tree.touch(snapshot)
    _lock(tree, vm, disks, locked=True)
    text = snapshot.obj.description
    job = records.job(f"Removing Snapshot {text} of VM {vm.obj.name}", correlation_id)
    fails = vm.id in faults.failing_snapshots

    def end() -> None:
        _lock(tree, vm, disks, locked=False)
        about = {"vm": types.Vm(id=vm.id)}
        if fails:
            snapshot.obj.snapshot_status = types.SnapshotStatus.OK
            tree.touch(snapshot)
            records.event(
                NOT_REMOVED,
                f"Failed to delete snapshot '{text}' for VM '{vm.obj.name}'.",
                severity="error",
                correlation_id=correlation_id,
                **about,
            )
        else:
            tree.remove(vm.subs["snapshots"], snapshot.id)
            _shrink_chains(tree, data, vm, snapshot)
            records.event(
                REMOVED,
                f"Snapshot '{text}' deletion for VM '{vm.obj.name}' has been completed.",
                correlation_id=correlation_id,
                **about,
            )
        records.end_job(job, ok=not fails)

    records.later(faults.snapshot_seconds, end)


def grow(
    tree: Tree, vm: Entity, disks: list[Entity], description: str
) -> tuple[Entity, dict[str, str]]:
    """A snapshot that the engine makes for itself, locked: it, and the new layer of each disk.

    The images are the caller's.
    """
    snapshot = tree.add(
        vm.subs["snapshots"],
        types.Snapshot(
            id=str(uuid.uuid4()),
            description=description,
            date=now(),
            persist_memorystate=False,
            snapshot_status=types.SnapshotStatus.LOCKED,
            snapshot_type=types.SnapshotType.REGULAR,
            disks=[_disk_in_snapshot(each) for each in disks],
        ),
    )
    return snapshot, {each.id: _grow_chain(tree, each, snapshot) for each in disks}


def shrink(tree: Tree, data: DataPath, snapshot: Entity) -> None:
    """Merge such a snapshot, and forget it."""
    vm = snapshot.owner
    assert vm is not None
    tree.remove(vm.subs["snapshots"], snapshot.id)
    _shrink_chains(tree, data, vm, snapshot)


def _image_disks(tree: Tree, vm: Entity) -> list[Entity]:
    """The disks that a snapshot holds: no LUNs, and none that other VMs share."""
    found = []
    for attachment in vm.subs["diskattachments"].own.values():
        disk = tree.top["disks"].own.get(attachment.obj.disk.id)
        if disk is not None and str(disk.obj.storage_type) == "image" and not disk.obj.shareable:
            found.append(disk)
    return found


def _refuse_when_busy(tree: Tree, vm: Entity, disks: list[Entity], what: str) -> None:
    locked = [each.obj.name for each in disks if str(each.obj.status) == "locked"]
    if locked:
        raise conflict(
            f"Cannot {what}: The following disks are locked: {', '.join(locked)}."
            " Please try again in a few minutes."
        )
    for each in vm.subs["snapshots"].own.values():
        if str(each.obj.snapshot_status) in ("locked", "in_preview"):
            raise conflict(f"Cannot {what}. VM {vm.obj.name} is being previewed or locked.")
    del tree


def _lock(tree: Tree, vm: Entity, disks: list[Entity], *, locked: bool) -> None:
    for disk in disks:
        disk.obj.status = types.DiskStatus.LOCKED if locked else types.DiskStatus.OK
        tree.touch(disk)
    state = str(vm.obj.status)
    if locked and state == "down":
        vm.obj.status = types.VmStatus.IMAGE_LOCKED
    elif not locked and state == "image_locked":
        vm.obj.status = types.VmStatus.DOWN
    tree.touch(vm)


def _disk_in_snapshot(disk: Entity) -> Any:
    """A disk as a snapshot lists it: its image of that moment."""
    obj = disk.obj
    return types.Disk(
        id=obj.id,
        name=obj.name,
        alias=obj.alias,
        image_id=obj.image_id,
        format=obj.format,
        sparse=obj.sparse,
        provisioned_size=obj.provisioned_size,
        actual_size=obj.actual_size,
        content_type=obj.content_type,
        storage_type=obj.storage_type,
        storage_domains=[types.StorageDomain(id=each.id) for each in obj.storage_domains or []],
        status=types.DiskStatus.OK,
    )


def _shrink_chains(tree: Tree, data: DataPath, vm: Entity, snapshot: Entity) -> None:
    """Merge what lies above the snapshot's images into them; they are then what lay above."""
    for domain in tree.top["storagedomains"].own.values():
        layers = domain.subs["disksnapshots"]
        for layer in list(layers.own.values()):
            if layer.obj.snapshot is None or layer.obj.snapshot.id != snapshot.id:
                continue
            data.merge(vm.id, layer.obj.disk.id, layer.id)
            order = [each for each in layers.own.values() if each.obj.disk.id == layer.obj.disk.id]
            above = order[order.index(layer) + 1 :]
            if above:
                # The image stays, as that of the next snapshot.
                tree.remove(layers, above[0].id)
                layer.obj.snapshot = types.Snapshot(id=above[0].obj.snapshot.id)
                tree.touch(layer)
            else:
                disk = tree.top["disks"].own.get(layer.obj.disk.id)
                tree.remove(layers, layer.id)
                if disk is not None:
                    disk.obj.image_id, disk.obj.format = layer.id, layer.obj.format
                    tree.touch(disk)


def _grow_chain(tree: Tree, disk: Entity, snapshot: Entity) -> str:
    """The disk's image becomes a layer of its domain, and the disk goes on in a new one.

    Returns the id of that.
    """
    obj = disk.obj
    for reference in obj.storage_domains or []:
        layers = tree.get("storagedomains", reference.id).subs["disksnapshots"]
        tree.add(
            layers,
            types.DiskSnapshot(
                id=obj.image_id,
                name=obj.name,
                alias=obj.alias,
                image_id=obj.image_id,
                format=obj.format,
                provisioned_size=obj.provisioned_size,
                actual_size=obj.actual_size,
                status=types.DiskStatus.OK,
                disk=types.Disk(id=obj.id),
                snapshot=types.Snapshot(id=snapshot.id),
            ),
        )
    obj.image_id = str(uuid.uuid4())
    obj.format = types.DiskFormat.COW
    tree.touch(disk)
    return str(obj.image_id)
