"""Holds the disks of a VM still, in the way that fits them; all of them at one moment.

A backup, where the engine tracks every disk of the VM: it is ended as soon as it was read, and its
checkpoint tells the next one what changed. Else a snapshot, which has to stay as long as a copy is
at it: what lies above it is what changed.

The last pass, of a VM that is down, works the same way. Such a VM needs no snapshot: its disks
stand still by themselves, and what lies above the last one is read from them. In clusters below
level 4.5 no backup is made of it, and nothing would tell the last pass what changed since a
checkpoint; so VMs in those are held by snapshots while they run, too.
"""

import contextlib
from collections.abc import Iterable
from typing import Any

from mtv.errors import SourceError
from mtv.model.disk import Held
from mtv.model.vm import Power
from mtv.sources.rhv import layers, snapshots
from mtv.sources.rhv.backups import (
    RhvBackup,
    begin_backup,
    end_backup,
    is_tracked,
    open_backups,
    undo_backup,
)
from mtv.sources.rhv.checkpoints import (
    POINT,
    FullNeeded,
    forget_checkpoints,
    of_points,
    oldest_good,
)
from mtv.sources.rhv.disks import open_disk
from mtv.sources.rhv.engine import Engine
from mtv.sources.rhv.snapshots import RhvSnapshot, make_snapshot, remove_snapshot
from mtv.sources.rhv.transferred import TransferredDisk
from mtv.sources.rhv.vms import power_of
from mtv.tasks import Cancelled

BACKUP, SNAPSHOT, DOWN = "backup:", layers.POINT, "down:"
"""Before the id of what holds the disks; a VM that is down holds them itself."""

BACKED_UP_WHEN_DOWN = (4, 5)
"""The level of the cluster from which on backups are made of VMs that are down, too."""


def hold(
    engine: Engine, vm: str, disks: Iterable[str], since: Iterable[str], cancelled: Cancelled
) -> Held:
    """Holds these disks of a VM. ``since`` are the points that their copies are at now.

    File systems are asked to be in order where a backup is made; of a snapshot no engine says
    whether the guest's agent did so. Raises SourceError, Interrupted; nothing is left then.
    """
    wanted, since = list(disks), list(since)
    machine = engine.get(f"vms/{vm}")
    down = power_of(machine.status) is Power.OFF
    if down and any(point.startswith(SNAPSHOT) for point in since):
        # A backup would tell nothing of what changed since a snapshot, whatever fits by now.
        return Held(id=DOWN, consistent=True)
    if _backups_serve(engine, machine, wanted):
        try:
            try:
                return _backup(engine, vm, wanted, oldest_good(engine, vm, since), down, cancelled)
            except FullNeeded:
                # The disks are compared as a whole, and from here on there is a good checkpoint.
                return _backup(engine, vm, wanted, None, down, cancelled)
        except SourceError:
            if not down:
                raise
    if down:
        return Held(id=DOWN, consistent=True)
    made = make_snapshot(engine, vm, wanted, snapshots.DESCRIPTION, cancelled)
    return Held(id=SNAPSHOT + made.id)


def is_snapshot(held: Held) -> bool:
    """Whether a snapshot holds the disks."""
    return _parts(held)[0] == SNAPSHOT


def release(engine: Engine, vm: str, held: Held) -> None:
    """Gives up what held the disks, once they are read; what is gone is no error.

    A snapshot stays (``forget``): the copies are at it now, or some still are at the one before, if
    the pass was stopped. Raises SourceError.
    """
    kind, id_ = _parts(held)
    if kind == BACKUP:
        # One that was still starting when mtv was killed does not say what it leaves.
        end = end_backup if held.leaves else undo_backup
        end(engine, vm, id_)


def forget(
    engine: Engine, vm: str, points: Iterable[str], needed: Iterable[str], cancelled: Cancelled
) -> None:
    """Removes those checkpoints among ``points`` that are not ``needed``, and all such snapshots.

    Of a VM that is down snapshots are left to ``let_go``: a merge would take of its downtime.
    Raises SourceError for a snapshot that stays, when all were tried; Interrupted.
    """
    kept = set(needed)
    with contextlib.suppress(SourceError):  # it costs little, and is tried again
        forget_checkpoints(engine, vm, of_points(each for each in points if each not in kept))
    old = [each.id for each in _snapshots(engine, vm) if SNAPSHOT + each.id not in kept]
    if not old or power_of(engine.get(f"vms/{vm}").status) is Power.OFF:
        return
    problems = list[SourceError]()
    for id_ in old:
        try:
            remove_snapshot(engine, vm, id_, cancelled)
        except SourceError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]


def let_go(engine: Engine, vm: str, points: Iterable[str], cancelled: Cancelled) -> list[str]:
    """Removes all of ours, when there will be no pass any more: backups, snapshots, checkpoints.

    ``points`` that are no checkpoints are passed by. Gives back the checkpoints that have to
    stay, because somebody else's are older. Raises SourceError, Interrupted.
    """
    for held in held_by_us(engine, vm):
        kind, id_ = _parts(held)
        if kind == BACKUP:
            end_backup(engine, vm, id_)
        else:
            remove_snapshot(engine, vm, id_, cancelled)
    return forget_checkpoints(engine, vm, of_points(points))


def held_by_us(engine: Engine, vm: str) -> tuple[Held, ...]:
    """What of ours holds the VM's disks now, the latest first; an earlier run may have left it."""
    open_ = [_held(id_, checkpoint) for id_, checkpoint in open_backups(engine, vm)]
    kept = [Held(id=SNAPSHOT + each.id) for each in reversed(_snapshots(engine, vm))]
    return (*open_, *kept)


def open_held_disk(engine: Engine, vm: str, disk: str, held: Held) -> TransferredDisk:
    """One disk as it was when it was held. Raises SourceError."""
    kind, id_ = _parts(held)
    if kind == DOWN:
        return open_disk(engine, vm, disk)
    taken: RhvBackup | RhvSnapshot = (
        RhvBackup(engine, vm, id_) if kind == BACKUP else RhvSnapshot(engine, vm, id_)
    )
    return taken.open(disk)


def _backups_serve(engine: Engine, machine: Any, disks: Iterable[str]) -> bool:
    """Whether backups tell what changes on all of these disks until the last pass is over.

    Engines ask for the level of the cluster; a VM's own one may be for until its next start only.
    """
    if not all(is_tracked(engine.get(f"disks/{disk}")) for disk in disks):
        return False
    level = engine.get(f"clusters/{machine.cluster.id}").version
    return (level.major, level.minor) >= BACKED_UP_WHEN_DOWN


def _backup(
    engine: Engine,
    vm: str,
    disks: list[str],
    since: str | None,
    down: bool,
    cancelled: Cancelled,
) -> Held:
    for consistent in (False,) if down else (True, False):
        try:
            # ``legacy``: else an engine of 4.5 makes a snapshot for it, which is merged each time.
            began = begin_backup(
                engine,
                vm,
                disks,
                since,
                legacy=True,
                consistent=consistent,
                cancelled=cancelled,
            )
        except SourceError:
            # Else the guest's agent may have been what failed, also where a full one is asked for.
            if not consistent:
                raise
        else:
            return _held(began.id, began.checkpoint, consistent=consistent or down)
    raise AssertionError("the last way raises")


def _snapshots(engine: Engine, vm: str) -> list[Any]:
    """Those of ours, the oldest first."""
    found = engine.list(f"vms/{vm}/snapshots")
    ours = [each for each in found if each.description == snapshots.DESCRIPTION]
    return sorted(ours, key=lambda each: each.date)


def _held(backup: str, checkpoint: str | None, *, consistent: bool = False) -> Held:
    leaves = "" if checkpoint is None else POINT + checkpoint
    return Held(id=BACKUP + backup, consistent=consistent, leaves=leaves)


def _parts(held: Held) -> tuple[str, str]:
    for kind in (BACKUP, SNAPSHOT, DOWN):
        if held.id.startswith(kind):
            return kind, held.id.removeprefix(kind)
    raise SourceError(f"{held.id!r} does not name a backup or a snapshot")
