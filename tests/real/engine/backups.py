"""Backups of VMs and the checkpoints they leave. The disks are locked as long as one lasts.

live     of a running VM: what its guest overwrites is copied aside meanwhile
cold     of a VM that is down: its images are read
hybrid   of a snapshot of the engine's own, which is merged at the end. Engines from 4.5 on make it
         at cluster levels from 4.7 on, unless they are asked with ``legacy=true``; and they do not
         look at ``require_consistency`` then.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.real.engine import snapshots
from tests.real.engine.data import DataPath
from tests.real.engine.faults import Faults
from tests.real.engine.messages import conflict, not_found
from tests.real.engine.records import Records, now
from tests.real.engine.sdk import types
from tests.real.engine.transfers import Transfers
from tests.real.engine.tree import Entity, Tree
from tests.real.engine.versions import Version
from tests.real.imageio.bitmaps import Tracked

FULL_NEEDED = 10798
"""Code of the event VM_INCREMENTAL_BACKUP_FAILED_FULL_VM_BACKUP_NEEDED."""

HYBRID_ENGINE, HYBRID_LEVEL = (4, 5), (4, 7)
"""From which engine and which cluster level on a snapshot is made for a backup."""

LIVE_LEVEL, COLD_LEVEL = (4, 4), (4, 5)
"""From which cluster level on VMs that are up, and that are down, get a checkpoint."""

CONSISTENT_ENGINE = (4, 4, 4)
"""The first that looks at ``require_consistency``."""


@dataclass(frozen=True)
class Made:
    """How a backup was made."""

    vm: str
    way: str
    """``live``, ``cold`` or ``hybrid``."""
    froze: bool
    """Whether the guest's file systems were frozen for its moment."""


class Backups:
    """The backups of one engine."""

    def __init__(
        self,
        tree: Tree,
        records: Records,
        data: DataPath,
        transfers: Transfers,
        numbers: Version,
    ) -> None:
        self._numbers = numbers
        self.made: dict[str, Made] = {}
        """Of each backup that got ready so far, how it was made."""
        self._snapshots: dict[str, Entity] = {}
        """Backup -> the snapshot that it reads."""
        self._tree = tree
        self._records = records
        self._data = data
        self._transfers = transfers

    def begin(self, vm: Entity, asked: Any, query: Mapping[str, str], faults: Faults) -> Entity:
        """A new backup; full for each disk that the checkpoint it starts from does not have."""
        disks = [self._disk(vm, each.id) for each in asked.disks or []]
        since = asked.from_checkpoint_id
        self._refuse(vm, disks, since, faults)
        tracks = any(str(each.obj.format) == "cow" for each in disks)
        self._refuse_at_level(vm, tracks=tracks)
        way = self._way(vm, query)
        freezes = way == "live" and _asks(query, "require_consistency")
        freezes = freezes and self._numbers >= CONSISTENT_ENGINE
        checkpoint = str(uuid.uuid4()) if tracks else ""
        tracked = [self._tracked(vm, each, since, checkpoint) for each in disks]
        backup = self._tree.add(
            vm.subs["backups"],
            types.Backup(
                id=asked.id or str(uuid.uuid4()),
                description=asked.description,
                creation_date=now(),
                from_checkpoint_id=since,
                phase=types.BackupPhase.INITIALIZING,
                disks=[
                    types.Disk(
                        id=each.disk,
                        backup_mode=types.DiskBackupMode("incremental" if each.since else "full"),
                    )
                    for each in tracked
                ],
            ),
        )
        self._lock(disks, locked=True)
        full_needed = vm.id in faults.failing_backups
        fails = full_needed or (freezes and vm.id in faults.agentless)

        def ready() -> None:
            if fails:
                self._fail(vm, backup, disks, full_needed=full_needed)
                return
            layers = self._snapshot(vm, backup, disks) if way == "hybrid" else {}
            self._data.begin_backup(vm.id, backup.id, tracked, layers)
            self.made[backup.id] = Made(vm.id, way, freezes)
            if checkpoint:
                self._checkpoint(vm, checkpoint, [each.disk for each in tracked if each.begins])
                backup.obj.to_checkpoint_id = checkpoint
            self._move(backup, "ready")

        self._move(backup, "starting")
        self._records.later(faults.backup_seconds, ready)
        return backup

    def _way(self, vm: Entity, query: Mapping[str, str]) -> str:
        hybrid = self._numbers >= HYBRID_ENGINE and self._level(vm) >= HYBRID_LEVEL
        if hybrid and not _asks(query, "legacy"):
            return "hybrid"
        return "cold" if str(vm.obj.status) == "down" else "live"

    def _level(self, vm: Entity) -> Version:
        """The VM's own compatibility version, or that of its cluster."""
        own = vm.obj.custom_compatibility_version
        return self._level_of_cluster(vm) if own is None else (own.major, own.minor)

    def _level_of_cluster(self, vm: Entity) -> Version:
        level = self._tree.top["clusters"].own[vm.obj.cluster.id].obj.version
        return (level.major, level.minor)

    def _refuse_at_level(self, vm: Entity, *, tracks: bool) -> None:
        least = COLD_LEVEL if str(vm.obj.status) == "down" else LIVE_LEVEL
        if tracks and self._level_of_cluster(vm) < least:
            raise conflict(
                "Cannot backup VM. Incremental backup is not supported for a VM in this state"
                " at this cluster compatibility version."
            )

    def _snapshot(self, vm: Entity, backup: Entity, disks: list[Entity]) -> dict[str, str]:
        """The engine's own snapshot; the new layer of each disk."""
        text = f"Auto-generated for Backup VM {vm.obj.name}"
        made, layers = snapshots.grow(self._tree, vm, disks, text)
        self._snapshots[backup.id] = made
        return layers

    def finalize(self, backup: Entity, faults: Faults) -> None:
        """End it; its transfers have to have ended."""
        if str(backup.obj.phase) != "ready":
            raise conflict(f"Cannot stop VM backup. The backup is in phase {backup.obj.phase}.")
        if self._transfers.open_of(backup.id):
            raise conflict("Cannot stop VM backup. There are active image transfers.")
        self._move(backup, "finalizing")

        def end() -> None:
            self._data.end_backup(backup.id)
            if (snapshot := self._snapshots.pop(backup.id, None)) is not None:
                snapshots.shrink(self._tree, self._data, snapshot)
            self._lock([self._tree.top["disks"].own[each] for each in _ids(backup)], locked=False)
            self._move(backup, "succeeded")

        self._records.later(faults.backup_seconds, end)

    def remove_checkpoint(self, checkpoint: Entity) -> None:
        """Only the oldest one goes."""
        vm = checkpoint.owner
        assert vm is not None
        if checkpoint.obj.parent_id is not None:
            raise conflict("Cannot remove checkpoint. It is not the root checkpoint.")
        self._refuse_during_backup(vm)
        for disk in _ids(checkpoint):
            self._data.remove_checkpoint(vm.id, disk, checkpoint.id)
        listing = vm.subs["checkpoints"]
        self._tree.remove(listing, checkpoint.id)
        for each in listing.own.values():
            if each.obj.parent_id == checkpoint.id:
                each.obj.parent_id = None
                self._tree.touch(each)

    def open(self) -> list[Entity]:
        """The backups that have not ended."""
        return [
            each
            for vm in self._tree.top["vms"].own.values()
            if "backups" in vm.subs
            for each in vm.subs["backups"].own.values()
            if str(each.obj.phase) not in ("succeeded", "failed")
        ]

    def _refuse(self, vm: Entity, disks: list[Entity], since: str | None, faults: Faults) -> None:
        what = "Cannot backup VM"
        locked = [each.obj.name for each in disks if str(each.obj.status) == "locked"]
        if locked:
            raise conflict(f"{what}: The following disks are locked: {', '.join(locked)}.")
        attachments = vm.subs["diskattachments"].own
        if any(not attachments[each.id].obj.active for each in disks):
            raise conflict(f"{what}. The following disks are not active.")
        if since is not None:
            found = vm.subs["checkpoints"].own.get(since)
            if found is None:
                raise conflict(f"{what}. The checkpoint {since} does not exist.")
            if since in faults.invalid_checkpoints:
                found.obj.state = types.CheckpointState.INVALID
                self._tree.touch(found)
            if str(found.obj.state) == "invalid":
                raise conflict(f"{what}. The checkpoint {since} is invalid.")
        if str(vm.obj.status) not in ("up", "down"):
            raise conflict(f"{what}. The VM should be in Up or Down status.")
        for each in vm.subs["snapshots"].own.values():
            if str(each.obj.snapshot_type) == "preview":
                raise conflict(f"{what}. VM {vm.obj.name} is in preview.")
        self._refuse_during_backup(vm)

    def _refuse_during_backup(self, vm: Entity) -> None:
        if any(each.owner is vm for each in self.open()):
            raise conflict("Cannot do that. The VM is during a backup operation.")

    def _tracked(self, vm: Entity, disk: Entity, since: str | None, begins: str) -> Tracked:
        if str(disk.obj.format) != "cow" or str(disk.obj.backup) != "incremental":
            return Tracked(disk.id)
        recorded = [
            each.id for each in vm.subs["checkpoints"].own.values() if disk.id in _ids(each)
        ]
        at = recorded.index(since) if since in recorded else len(recorded)
        return Tracked(
            disk.id,
            since=tuple(recorded[at:]),
            recording=recorded[-1] if recorded else "",
            begins=begins,
        )

    def _checkpoint(self, vm: Entity, id_: str, disks: list[str]) -> None:
        listing = vm.subs["checkpoints"]
        self._tree.add(
            listing,
            types.Checkpoint(
                id=id_,
                parent_id=list(listing.own)[-1] if listing.own else None,
                creation_date=now(),
                state=types.CheckpointState.CREATED,
                disks=[types.Disk(id=each) for each in disks],
            ),
        )

    def _fail(self, vm: Entity, backup: Entity, disks: list[Entity], *, full_needed: bool) -> None:
        self._lock(disks, locked=False)
        self._move(backup, "failed")
        if not full_needed:
            return
        self._records.event(
            FULL_NEEDED,
            f"Failed incremental backup for VM '{vm.obj.name}', full VM backup is needed.",
            severity="error",
            vm=types.Vm(id=vm.id),
        )

    def _disk(self, vm: Entity, id_: str) -> Entity:
        if id_ not in vm.subs["diskattachments"].own:
            raise not_found()
        return self._tree.top["disks"].own[id_]

    def _move(self, backup: Entity, phase: str) -> None:
        backup.obj.phase = types.BackupPhase(phase)
        self._tree.touch(backup)

    def _lock(self, disks: list[Entity], *, locked: bool) -> None:
        for disk in disks:
            disk.obj.status = types.DiskStatus.LOCKED if locked else types.DiskStatus.OK
            self._tree.touch(disk)


def _ids(entity: Entity) -> list[str]:
    """The disks of a backup or checkpoint."""
    return list(entity.subs["disks"].own)


def _asks(query: Mapping[str, str], what: str) -> bool:
    return query.get(what, "").lower() == "true"
