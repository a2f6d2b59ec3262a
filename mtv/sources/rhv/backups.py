"""Backups: a moment of a VM, frozen for reading while the VM runs on.

    initializing ──> starting ──> ready ──finalize──> finalizing ──> succeeded
                        └────────────────────────────────────────────> failed

A backup leaves a checkpoint. The next one names it and is told, disk by disk, what was written
since. Its disks are locked until it ends, and nothing but us ends it: note its id somewhere safe
before it begins, and call ``end_backup`` should mtv have been killed in between.

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
from mtv.sources.rhv.disks import Found, must_be_readable, unlocked
from mtv.sources.rhv.engine import NOT_THERE, Engine, Refused
from mtv.sources.rhv.imageio import dirty
from mtv.sources.rhv.transferred import TransferredDisk, status
from mtv.sources.rhv.transfers import END_SECONDS, START_SECONDS, wait_until
from mtv.sources.rhv.values import word

FIRST = (4, 4)
"""The engine that brought backups."""

MERGED_SECONDS = 4 * 3600.0
"""How long one may take to end: an engine that read a snapshot of its own merges that first."""

_OVER = ("succeeded", "failed", "")
"""Phases of a backup that is no more."""

POINT = "checkpoint:"
"""Before a checkpoint's id in the name of a disk's content at it."""


class FullNeeded(SourceError):
    """The checkpoint is worth nothing any more: nobody can tell what changed since."""


class RhvBackup:
    """A backup that is ready; one at a time for each VM. Read its disks, then ``end`` it."""

    def __init__(
        self, engine: Engine, vm: str, found: dict[str, Found], backup: Any, since: list[str]
    ) -> None:
        """``begin_backup`` makes one. ``since`` are the checkpoints that changes are told from."""
        self._engine = engine
        self._vm = vm
        self._found = found
        self._since = since
        self._opened: list[TransferredDisk] = []
        self.id = str(backup.id)
        self.checkpoint: str | None = backup.to_checkpoint_id
        """What the next backup is to start from; None when none of the disks is tracked."""
        self.modes: dict[str, str] = {
            each.id: word(each.backup_mode) or "full"
            for each in engine.list(f"vms/{vm}/backups/{self.id}/disks")
        }
        """Disk -> ``full`` or ``incremental``: only of the latter changes can be told."""

    def open(self, disk: str) -> TransferredDisk:
        """A disk as it was when the backup began. Raises SourceError."""
        opened = TransferredDisk(
            self._engine,
            self._found[disk].name,
            lambda: types.ImageTransfer(disk=types.Disk(id=disk), backup=types.Backup(id=self.id)),
            point=self._point(disk),
            changed_since=lambda held, point: self._changed_since(held, disk, point),
            still_the_same=self._must_be_ready,
        )
        self._opened.append(opened)
        return opened

    def end(self) -> None:
        """Lets go of the moment; returns when the disks are unlocked. Raises SourceError."""
        for disk in self._opened:
            disk.close()
        end_backup(self._engine, self._vm, self.id)

    def _point(self, disk: str) -> str:
        if self.checkpoint is not None and word(self._found[disk].disk.backup) == "incremental":
            return POINT + self.checkpoint
        return f"backup:{self.id}"

    def _changed_since(
        self, held: TransferredDisk, disk: str, point: str
    ) -> Sequence[Extent] | None:
        # What was written since an earlier checkpoint is more than what is asked for, and enough.
        known = point.startswith(POINT) and point.removeprefix(POINT) in self._since
        if not known or self.modes.get(disk) != "incremental":
            return None
        blocks = held.blocks("dirty")
        return None if blocks is None else dirty(blocks)

    def _must_be_ready(self) -> None:
        phase = word(self._engine.get(f"vms/{self._vm}/backups/{self.id}").phase)
        if phase != "ready":
            raise SourceError(
                f"the backup that was being read is over (it is in phase {phase})",
                "run this again: another one begins",
            )


def begin_backup(
    engine: Engine,
    vm: str,
    disks: Sequence[str],
    since: str | None = None,
    *,
    id_: str | None = None,
    legacy: bool = False,
    consistent: bool = False,
) -> RhvBackup:
    """Freezes this moment of these disks of a VM, which is up or down.

    ``since`` is the checkpoint of an earlier backup, from which on changes can be told; the newest
    one serves best, since with it an engine has nothing to put together. ``id_`` is
    the backup's id, for callers who note it first. ``legacy`` keeps an engine of 4.5 from reading
    a snapshot of its own instead of the running VM. ``consistent``: the guest's file systems have
    to be frozen for the moment.

    Raises FullNeeded for a checkpoint that is gone or invalid; SourceError when the engine, the
    VM's state or a disk does not allow it. Nothing is left at the engine then.
    """
    if engine.version < FIRST:
        raise SourceError(
            f"{engine.name}: engines before 4.4 make no backups", "copy the VM while it is down"
        )
    found = {disk: _readable(engine, vm, disk) for disk in disks}
    name = next(iter(found.values())).vm.name
    query = {"legacy": "true"} if legacy else {}
    query |= {"require_consistency": "true"} if consistent else {}
    asked = types.Backup(
        id=id_ or str(uuid.uuid4()),
        disks=[types.Disk(id=disk) for disk in disks],
        from_checkpoint_id=since,
    )
    known = _from(engine, vm, name, since)
    try:
        began = engine.add(f"vms/{vm}/backups", asked, **query).id
    except Refused as problem:
        raise _refused(engine, name, problem) from problem
    except Unreachable:
        # It may have begun all the same.
        with contextlib.suppress(SourceError):
            end_backup(engine, vm, asked.id)
        raise
    try:
        return RhvBackup(engine, vm, found, _ready(engine, vm, began, name, since), known)
    except BaseException:
        with contextlib.suppress(SourceError):
            end_backup(engine, vm, began)
        raise


def end_backup(engine: Engine, vm: str, backup: str) -> None:
    """Ends a backup, also one that was left behind; returns when its disks are unlocked.

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
        return _phase(engine, path) in ("finalizing", *_OVER)

    def over() -> bool:
        return _phase(engine, path) in _OVER and all(
            status(engine.get(f"disks/{disk}")) != "locked" for disk in disks
        )

    if not (wait_until(ending, END_SECONDS) and wait_until(over, MERGED_SECONDS)):
        raise SourceError(
            f"{engine.name}: the engine does not end the backup {backup}, whose disks stay locked",
            "look at the engine's events and at Storage › Disks in the administration portal",
        )


def forget_checkpoints(engine: Engine, vm: str, checkpoints: Sequence[str]) -> list[str]:
    """Removes checkpoints of ours; gives back those that have to stay.

    An engine removes only the oldest one: those behind another one's stay. Raises SourceError.
    """
    left = list(checkpoints)
    for known in _order(engine, vm):
        if known.id not in left:
            break
        engine.remove(f"vms/{vm}/checkpoints/{known.id}")
        left.remove(known.id)
    there = {each.id for each in _order(engine, vm)}
    return [each for each in left if each in there]


def _phase(engine: Engine, path: str) -> str:
    """Of a backup; "" when the engine has forgotten it."""
    try:
        return word(engine.get(path).phase) or "unknown"
    except Refused as problem:
        if problem.status == NOT_THERE:
            return ""
        raise


def _readable(engine: Engine, vm: str, disk: str) -> Found:
    found = unlocked(engine, vm, disk)
    must_be_readable(engine, found)
    return found


def _order(engine: Engine, vm: str) -> list[Any]:
    """The VM's checkpoints, the oldest first."""
    return sorted(engine.list(f"vms/{vm}/checkpoints"), key=lambda each: each.creation_date)


def _from(engine: Engine, vm: str, name: str, since: str | None) -> list[str]:
    """The checkpoints from that one on. Raises FullNeeded."""
    if since is None:
        return []
    order = _order(engine, vm)
    states = {each.id: word(each.state) for each in order}
    if states.get(since) != "created":
        raise _full_needed(name, f"its checkpoint is {states.get(since) or 'gone'}")
    ids = list(states)
    return ids[ids.index(since) :]


def _ready(engine: Engine, vm: str, backup: str, name: str, since: str | None) -> Any:
    path = f"vms/{vm}/backups/{backup}"
    latest = engine.get(path)

    def settled() -> bool:
        nonlocal latest
        latest = engine.get(path)
        return word(latest.phase) in ("ready", "succeeded", "failed")

    wait_until(settled, START_SECONDS)
    phase = word(latest.phase)
    if phase == "ready":
        return latest
    if phase == "failed" and since is not None:
        raise _full_needed(name, "the engine failed to take it up")
    raise SourceError(
        f"the backup of {name} does not get ready (it is in phase {phase})",
        "the engine's events say why",
    )


def _full_needed(name: str, why: str) -> FullNeeded:
    return FullNeeded(
        f"nobody can tell any more what changed on {name} since its last copy: {why}",
        "its disks have to be compared as a whole: begin a backup without a checkpoint",
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
