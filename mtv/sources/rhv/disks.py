"""Disks of a VM that is down: what can be read of them, and how it is asked for."""

from typing import Any, NamedTuple

from ovirtsdk4 import types

from mtv.errors import SourceError
from mtv.model.disk import UNWATCHED
from mtv.sources.rhv.engine import NOT_NOW, Engine, Refused
from mtv.sources.rhv.layers import changed_above
from mtv.sources.rhv.transferred import TransferredDisk, status
from mtv.sources.rhv.transfers import INACTIVITY_SECONDS, wait_until
from mtv.sources.rhv.values import word
from mtv.tasks import Cancelled

RAW_SINCE = (4, 4)
"""The engine that began to give every disk as its guest sees it."""

LOCKED_SECONDS = INACTIVITY_SECONDS + 60.0
"""How long to wait for a locked disk: a transfer that a killed mtv left ends by itself in that."""


class Found(NamedTuple):
    """A VM and one of its disks, as the engine has them now."""

    vm: Any
    disk: Any

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.disk.name} of {self.vm.name}"

    @property
    def point(self) -> str | None:
        """The content's name: another image is another content, and so is another run of the VM.

        Until somebody attaches the disk elsewhere, or uploads to it: the engine's word about those
        is not kept. None where others than the VM may write, or the engine does not know when it
        ran last.
        """
        if self.disk.shareable or self.vm.stop_time is None or not self.disk.image_id:
            return None
        return f"stopped:{self.disk.image_id}@{self.vm.stop_time.isoformat()}{UNWATCHED}"


def open_disk(
    engine: Engine, vm: str, disk: str, *, patience_seconds: float = LOCKED_SECONDS
) -> TransferredDisk:
    """A transfer of the VM's disk. The VM must be down.

    Raises SourceError, with the reason, for a disk that cannot be read, and when it is locked for
    longer than a transfer that was left behind lasts.
    """
    found = look(engine, vm, disk)
    must_be_readable(engine, found)
    must_be_down(found)
    found = unlocked(engine, vm, disk, patience_seconds)
    must_be_down(found)

    def still_the_same() -> None:
        now = look(engine, vm, disk)
        must_be_down(now)
        if (now.disk.image_id, now.vm.stop_time) != (found.disk.image_id, found.vm.stop_time):
            raise SourceError(
                f"{found.name} was changed while it was read: the VM ran, or a snapshot was made",
                "run this again",
            )

    try:
        return TransferredDisk(
            engine,
            found.name,
            lambda: types.ImageTransfer(disk=types.Disk(id=disk)),
            point=found.point,
            changed_since=lambda held, point: changed_above(held, vm, found.disk, point),
            still_the_same=still_the_same,
            locked=f"disks/{disk}",
        )
    except Refused as problem:
        if problem.status != NOT_NOW:
            raise
        raise SourceError(
            f"{found.name} cannot be read now: {problem.message}",
            "somebody works with the VM or the disk: look at the engine's tasks and run this again",
        ) from problem


def look(engine: Engine, vm: str, disk: str) -> Found:
    """The VM and the disk. Raises SourceError when the VM does not have it any more."""
    machine = engine.get(f"vms/{vm}")
    if all(each.id != disk for each in engine.list(f"vms/{vm}/diskattachments")):
        raise SourceError(
            f"{machine.name} has no disk {disk} any more",
            "its hardware was changed: run mtv collect, mtv translate and mtv plan again",
        )
    return Found(machine, engine.get(f"disks/{disk}"))


def unlocked(
    engine: Engine,
    vm: str,
    disk: str,
    patience_seconds: float = LOCKED_SECONDS,
    cancelled: Cancelled | None = None,
) -> Found:
    """The same once the disk is not locked. Raises SourceError, Interrupted."""
    path = f"disks/{disk}"
    if not wait_until(lambda: status(engine.get(path)) != "locked", patience_seconds, cancelled):
        raise SourceError(
            f"{look(engine, vm, disk).name} is locked: another transfer, backup or task works "
            "with it",
            "look at the tasks in the administration portal; when none is left, it has to be "
            "unlocked on the engine (unlock_entity.sh)",
        )
    return look(engine, vm, disk)


def readable(engine: Engine, vm: str, disk: str, cancelled: Cancelled | None = None) -> Found:
    """The same, and it can be read. Raises SourceError, Interrupted."""
    must_be_readable(engine, look(engine, vm, disk))
    return unlocked(engine, vm, disk, cancelled=cancelled)


def must_be_down(found: Found) -> None:
    """Raises SourceError for a VM that runs, or may."""
    state = word(found.vm.status)
    if state not in ("down", "image_locked"):
        raise SourceError(
            f"{found.vm.name} is not down (it is {state}): its disks change while they are read",
            "shut it down, or let mtv cutover do it",
        )


def must_be_readable(engine: Engine, found: Found) -> None:
    """Raises SourceError, with the reason, for a disk that no transfer gives."""
    disk, name = found.disk, found.name
    storage, content = word(disk.storage_type), word(disk.content_type)
    if storage == "lun":
        raise SourceError(
            f"{name} is a LUN: it is not copied, it is attached as it is",
            "mtv translate makes a volume for the LUN itself",
        )
    if storage in ("cinder", "managed_block_storage"):
        raise SourceError(
            f"{name} is on managed block storage ({storage}), which engines do not give away",
            "move the disk to a data domain, or copy it by the means of its storage",
        )
    if content not in (None, "data"):
        raise SourceError(
            f"{name} holds no data of a guest but the engine's own ({content})",
            "run mtv collect again: such disks are left out",
        )
    if word(disk.format) == "cow" and engine.version < RAW_SINCE:
        raise SourceError(
            f"{name} is a qcow2 image, which engines before 4.4 give away as the file it is",
            "upgrade the engine and its hosts to 4.4",
        )
    if status(disk) == "illegal":
        raise SourceError(
            f"{name} is illegal: its chain of images was left broken, and no host opens it",
            "repair it first: the engine's events say which operation on it failed",
        )
