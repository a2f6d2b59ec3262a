"""Backups: a moment of a VM, frozen for reading while the VM runs on.

    initializing ──> starting ──> ready ──finalize──> finalizing ──> succeeded
                        └────────────────────────────────────────────> failed

A backup leaves a checkpoint. The next one names it and is told, disk by disk, what was written
since. Its disks are locked until it ends, and nothing but us ends it (``end_backup``). One that a
killed mtv left is known by its description (``open_backups``).

Disks with ``backup=incremental`` (qcow2) are tracked. Any other is frozen too, and has to be
compared as a whole each time; snapshots (``snapshots.py``) tell the changes of those.
"""

import contextlib
import uuid
from collections.abc import Sequence
from typing import Any

from ovirtsdk4 import types

from mtv.errors import SourceError, Unreachable
from mtv.model.disk import Extent
from mtv.sources.rhv.checkpoints import (
    POINT,
    forget_checkpoints,
    from_on,
    full_needed,
    must_be_good,
)
from mtv.sources.rhv.disks import Found, look, readable
from mtv.sources.rhv.engine import NOT_THERE, Engine, Refused
from mtv.sources.rhv.imageio import is_dirty
from mtv.sources.rhv.transferred import TransferredDisk, status
from mtv.sources.rhv.transfers import END_SECONDS, START_SECONDS, wait_until
from mtv.sources.rhv.values import word
from mtv.tasks import Cancelled

FIRST = (4, 4)
"""The engine that brought backups."""

MERGED_SECONDS = 4 * 3600.0
"""How long one may take to end: an engine that read a snapshot of its own merges that first."""

UNLOCKED_SECONDS = 60.0
"""How long the disks of one that is over may stay locked."""

DESCRIPTION = "Made by mtv to read the disks of the VM, and ended by it as soon as they are read."

_OVER = ("succeeded", "failed", "")
"""Phases of a backup that is no more."""


class RhvBackup:
    """A backup that is ready; one at a time for each VM."""

    def __init__(self, engine: Engine, vm: str, id_: str) -> None:
        """Takes up one that is ready; ``begin_backup`` makes one. Raises SourceError."""
        self._engine = engine
        self._vm = vm
        self.id = id_
        backup = self._must_be_ready()
        self._since = from_on(engine, vm, backup.from_checkpoint_id)
        """The checkpoints from which on changes can be told."""
        self.checkpoint: str | None = backup.to_checkpoint_id
        """What the next backup is to start from; None when none of the disks is tracked."""
        self.modes: dict[str, str] = {
            each.id: word(each.backup_mode) or "full"
            for each in engine.list(f"vms/{vm}/backups/{self.id}/disks")
        }
        """Disk -> ``full`` or ``incremental``: only of the latter changes can be told."""

    def open(self, disk: str) -> TransferredDisk:
        """A disk as it was when the backup began. Raises SourceError."""
        found = look(self._engine, self._vm, disk)
        if disk not in self.modes:
            raise SourceError(
                f"{found.name} is not in the backup: the VM did not have it then",
                "its hardware was changed: run mtv collect, mtv translate and mtv plan again",
            )
        return TransferredDisk(
            self._engine,
            found.name,
            lambda: types.ImageTransfer(disk=types.Disk(id=disk), backup=types.Backup(id=self.id)),
            point=self._point(found),
            changed_since=lambda held, point: self._changed_since(held, disk, point),
            still_the_same=self._still_ready,
        )

    def _point(self, found: Found) -> str:
        if self.checkpoint is not None and is_tracked(found.disk):
            return POINT + self.checkpoint
        return f"backup:{self.id}"

    def _changed_since(
        self, held: TransferredDisk, disk: str, point: str
    ) -> Sequence[Extent] | None:
        # What was written since an earlier checkpoint is more than what is asked for, and enough.
        known = point.startswith(POINT) and point.removeprefix(POINT) in self._since
        if not known or self.modes.get(disk) != "incremental":
            return None
        return held.told("dirty", is_dirty)

    def _still_ready(self) -> None:
        self._must_be_ready()

    def _must_be_ready(self) -> Any:
        path = f"vms/{self._vm}/backups/{self.id}"
        phase = phase_of(self._engine, path)
        if phase != "ready":
            raise SourceError(
                f"the backup that is to be read is over (it is {phase or 'forgotten'})",
                "run this again: another one begins",
            )
        return self._engine.get(path)


def begin_backup(
    engine: Engine,
    vm: str,
    disks: Sequence[str],
    since: str | None = None,
    *,
    legacy: bool = False,
    consistent: bool = False,
    cancelled: Cancelled | None = None,
) -> RhvBackup:
    """Freezes this moment of these disks of a VM, which is up or down.

    ``since`` is the checkpoint of an earlier backup, from which on changes can be told; the newest
    one serves best, since with it an engine has nothing to put together. ``legacy`` keeps an engine
    of 4.5 from reading a snapshot of its own instead of the running VM. ``consistent``: the guest's
    file systems have to be frozen for the moment.

    Raises FullNeeded for a checkpoint that is gone or invalid; SourceError when the engine, the
    VM's state or a disk does not allow it. Nothing is left at the engine then.
    """
    if engine.version < FIRST:
        raise SourceError(
            f"{engine.name}: engines before 4.4 make no backups", "copy the VM while it is down"
        )
    found = [readable(engine, vm, disk, cancelled) for disk in disks]
    name = found[0].vm.name
    query = {"legacy": "true"} if legacy else {}
    query |= {"require_consistency": "true"} if consistent else {}
    asked = types.Backup(
        id=str(uuid.uuid4()),
        disks=[types.Disk(id=disk) for disk in disks],
        from_checkpoint_id=since,
        description=DESCRIPTION,
    )
    must_be_good(engine, vm, name, since)
    try:
        began = engine.add(f"vms/{vm}/backups", asked, **query).id
    except Refused as problem:
        raise _refused(engine, name, problem) from problem
    except Unreachable:
        # It may have begun all the same.
        with contextlib.suppress(SourceError):
            undo_backup(engine, vm, asked.id)
        raise
    try:
        _wait_ready(engine, f"vms/{vm}/backups/{began}", name, since, cancelled)
        return RhvBackup(engine, vm, began)
    except BaseException:
        with contextlib.suppress(SourceError):
            undo_backup(engine, vm, began)
        raise


def undo_backup(engine: Engine, vm: str, backup: str) -> None:
    """Ends a backup that nobody read, and removes the checkpoint that it left.

    No copy is told changes from it, nobody would know it as ours, and the engine would keep all
    later ones behind it. Raises SourceError.
    """
    made = {_checkpoint_of(engine, vm, backup)}
    end_backup(engine, vm, backup)
    made.add(_checkpoint_of(engine, vm, backup))  # one that was starting had none yet
    forget_checkpoints(engine, vm, [each for each in made if each])


def _checkpoint_of(engine: Engine, vm: str, backup: str) -> str:
    """ "" where there is none, or the engine has forgotten the backup."""
    try:
        return engine.get(f"vms/{vm}/backups/{backup}").to_checkpoint_id or ""
    except Refused as problem:
        if problem.status == NOT_THERE:
            return ""
        raise


def end_backup(engine: Engine, vm: str, backup: str) -> None:
    """Ends a backup, also one that was left behind; its disks are unlocked then, but by others.

    One that is over, or that the engine does not know, is fine. Raises SourceError.
    """
    path = f"vms/{vm}/backups/{backup}"
    try:
        disks = [each.id for each in engine.list(f"{path}/disks")]
    except Refused as problem:
        if problem.status == NOT_THERE:
            return
        raise

    def ending() -> bool:
        # Transfers that were left behind stand in the way, until the engine ends them.
        with contextlib.suppress(Refused):
            engine.act(path, "finalize")
        return phase_of(engine, path) in ("finalizing", *_OVER)

    def over() -> bool:
        return phase_of(engine, path) in _OVER

    if not (wait_until(ending, END_SECONDS) and wait_until(over, MERGED_SECONDS)):
        raise SourceError(
            f"{engine.name}: the engine does not end the backup {backup}, whose disks stay locked",
            "look at the engine's events and at Storage › Disks in the administration portal",
        )
    # Who has them locked for longer is somebody else.
    wait_until(lambda: not any(_is_locked(engine, disk) for disk in disks), UNLOCKED_SECONDS)


def _is_locked(engine: Engine, disk: str) -> bool:
    try:
        return status(engine.get(f"disks/{disk}")) == "locked"
    except Refused as problem:
        if problem.status == NOT_THERE:
            return False  # it was deleted meanwhile
        raise


def open_backups(engine: Engine, vm: str) -> list[tuple[str, str | None]]:
    """Id and checkpoint of each backup of ours that is not over. Raises SourceError."""
    if engine.version < FIRST:
        return []
    return [
        (each.id, each.to_checkpoint_id)
        for each in engine.list(f"vms/{vm}/backups")
        if word(each.phase) not in _OVER and each.description == DESCRIPTION
    ]


def phase_of(engine: Engine, path: str) -> str:
    """Of a backup; "" when the engine has forgotten it."""
    try:
        return word(engine.get(path).phase) or "unknown"
    except Refused as problem:
        if problem.status == NOT_THERE:
            return ""
        raise


def is_tracked(disk: Any) -> bool:
    """Whether the engine notes what is written to a disk."""
    return word(disk.backup) == "incremental" and word(disk.format) == "cow"


def _wait_ready(
    engine: Engine, path: str, name: str, since: str | None, cancelled: Cancelled | None
) -> None:
    wait_until(lambda: phase_of(engine, path) in ("ready", *_OVER), START_SECONDS, cancelled)
    phase = phase_of(engine, path)
    if phase == "ready":
        return
    if phase == "failed" and since is not None:
        raise full_needed(name, "the engine failed to take it up")
    raise SourceError(
        f"the backup of {name} does not get ready (it is in phase {phase})",
        "the engine's events say why",
    )


def _refused(engine: Engine, name: str, problem: Refused) -> SourceError:
    if problem.status == 403:
        return SourceError(
            f"{engine.name}: the user {engine.connection.username!r} may not back up {name}",
            "it takes the permit backup_disk; docs/rhv.md lists the roles",
        )
    return SourceError(
        f"{name} cannot be backed up: {problem.message}",
        "another backup or task, a preview, an unplugged disk or an old host stands in the way",
    )
