"""Snapshots: a moment of a VM, for disks that the engine does not track.

Pass by pass the newest snapshot of ours stays until the next one is there: what lies between the
two is what changed (``layers.py``). Removing the older one then merges its layer away.

    snapshot 1 ── copy all ── snapshot 2 ── copy the changes ── remove 1 ── ... ── VM down ── last
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from ovirtsdk4 import types

from mtv.errors import SourceError
from mtv.sources.rhv.disks import Found, look, must_be_readable, readable
from mtv.sources.rhv.engine import NOT_THERE, Engine, Refused
from mtv.sources.rhv.layers import POINT, Layers, changed_above
from mtv.sources.rhv.transferred import TransferredDisk
from mtv.sources.rhv.transfers import wait_until
from mtv.sources.rhv.values import word
from mtv.tasks import Cancelled

DESCRIPTION = "Made by mtv to read the disks of the VM, and removed by it when they are read."

MADE_SECONDS = 600.0
"""How long a snapshot may take to be made: the guest's file systems are frozen for it."""

REMOVED_SECONDS = 24 * 3600.0
"""How long a removal may take: it writes back all that was written since."""


class RhvSnapshot:
    """A snapshot that is there. It stays until ``remove_snapshot``."""

    def __init__(self, engine: Engine, vm: str, id_: str) -> None:
        """Takes one up; ``make_snapshot`` makes one."""
        self._engine = engine
        self._vm = vm
        self.id = id_

    def open(self, disk: str) -> TransferredDisk:
        """A disk as it was at the snapshot. Raises SourceError."""
        found = look(self._engine, self._vm, disk)
        must_be_readable(self._engine, found)

        def asked() -> types.ImageTransfer:
            # Looked up each time: removing an older snapshot may change which image it is.
            image = Layers(self._engine, self._vm, found.disk).ids.get(self.id)
            if image is None:
                raise SourceError(
                    f"{found.name} is in no snapshot of ours: somebody removed it, or the VM did "
                    "not have the disk then",
                    "run this again: another one is made",
                )
            return types.ImageTransfer(snapshot=types.DiskSnapshot(id=image))

        return TransferredDisk(
            self._engine,
            found.name,
            asked,
            point=POINT + self.id,
            changed_since=lambda held, point: changed_above(
                held, self._vm, found.disk, point, self.id
            ),
        )


def make_snapshot(
    engine: Engine,
    vm: str,
    disks: Sequence[str],
    description: str,
    cancelled: Cancelled | None = None,
) -> RhvSnapshot:
    """Makes a snapshot of these disks, without memory, and waits until it is there.

    Raises SourceError; nothing is left at the engine then.
    """
    found = [_fit(engine, vm, disk, cancelled) for disk in disks]
    name = found[0].vm.name
    asked = types.Snapshot(
        description=description,
        persist_memorystate=False,
        disk_attachments=[types.DiskAttachment(disk=types.Disk(id=disk)) for disk in disks],
    )
    try:
        made = engine.add(f"vms/{vm}/snapshots", asked)
    except Refused as problem:
        raise SourceError(
            f"no snapshot of {name} can be made: {problem.message}",
            "it takes the permit manipulate_vm_snapshots, and no other task at the VM",
        ) from problem
    path = f"vms/{vm}/snapshots/{made.id}"

    def settled() -> bool:
        latest = _there(engine, path)
        return latest is None or word(latest.snapshot_status) == "ok"

    try:
        in_time = wait_until(settled, MADE_SECONDS, cancelled)
        if not in_time or _there(engine, path) is None:
            raise SourceError(
                f"the engine failed to make a snapshot of {name}", "the engine's events say why"
            )
    except BaseException:
        with contextlib.suppress(SourceError):
            remove_snapshot(engine, vm, made.id)
        raise
    return RhvSnapshot(engine, vm, made.id)


def remove_snapshot(
    engine: Engine, vm: str, snapshot: str, cancelled: Cancelled | None = None
) -> None:
    """Removes a snapshot and waits until its layers are merged; one that is gone is fine.

    Raises SourceError when it stays.
    """
    path = f"vms/{vm}/snapshots/{snapshot}"

    def settled() -> bool:
        latest = _there(engine, path)
        return latest is None or word(latest.snapshot_status) == "ok"

    if cancelled is not None:  # an earlier run may have begun to remove it
        wait_until(settled, MADE_SECONDS, cancelled)
    if _there(engine, path) is None:
        return
    engine.remove(path)
    wait_until(settled, REMOVED_SECONDS, cancelled)
    if _there(engine, path) is not None:
        raise SourceError(
            f"{engine.name}: the engine failed to remove the snapshot {snapshot} of {vm}",
            "the engine's events say why; remove it in the administration portal",
        )


def _fit(engine: Engine, vm: str, disk: str, cancelled: Cancelled | None) -> Found:
    found = readable(engine, vm, disk, cancelled)
    if found.disk.shareable:
        raise SourceError(
            f"{found.name} is shared by VMs: no snapshot can be made of it",
            "shut its VMs down and copy it then",
        )
    return found


def _there(engine: Engine, path: str) -> Any:
    try:
        return engine.get(path)
    except Refused as problem:
        if problem.status == NOT_THERE:
            return None
        raise
