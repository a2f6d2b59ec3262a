"""Image transfers: their phases. The bytes are the hosts' (`data.py`)."""

import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from tests.real.engine.data import DataPath, Download
from tests.real.engine.faults import Faults
from tests.real.engine.messages import Fault, conflict, not_found
from tests.real.engine.records import Records
from tests.real.engine.sdk import types
from tests.real.engine.tree import Entity, Tree

TICKET_SECONDS = 300

_NOT_IMAGES = ("lun", "cinder", "managed_block_storage")


class Transfers:
    """The transfers of one engine."""

    def __init__(self, tree: Tree, records: Records, data: DataPath) -> None:
        self._tree = tree
        self._records = records
        self._data = data
        self._heard: dict[str, float] = {}
        """When a client asked the engine for more time: transfer -> monotonic seconds."""

    def begin(self, asked: Any, faults: Faults) -> Entity:
        """A new transfer: the disk (or layer) is locked until it ends; a backup's is already."""
        if asked.disk is None and asked.snapshot is None:
            raise Fault(
                400, "Image transfer requires one of disk, snapshot", "Incomplete parameters"
            )
        target = self._target(asked)
        self._refuse(asked, target)
        asked.id = str(uuid.uuid4())
        asked.phase = types.ImageTransferPhase.INITIALIZING
        asked.direction = asked.direction or types.ImageTransferDirection.UPLOAD
        asked.inactivity_timeout = asked.inactivity_timeout or 60
        asked.active = False
        asked.transferred = 0
        transfer = self._tree.add(self._tree.top["imagetransfers"], asked)
        self._lock(asked, locked=True)

        def ready() -> None:
            if str(asked.phase) != "initializing":
                return
            self._heard[asked.id] = time.monotonic()
            direct, proxy = self._data.open_transfer(self._download(asked, faults))
            asked.transfer_url = _at(direct, faults.host_port)
            asked.proxy_url = _at(proxy, faults.proxy_port)
            asked.phase = types.ImageTransferPhase.TRANSFERRING
            self._tree.touch(transfer)
            self._records.later(faults.poll_seconds, lambda: self._look_after(transfer, faults))

        self._records.later(faults.transfer_seconds, ready)
        return transfer

    def act(self, transfer: Entity, action: str, faults: Faults) -> None:
        """Finalize, cancel, pause, resume or extend."""
        obj, phase = transfer.obj, str(transfer.obj.phase)
        if action == "extend":
            self._extend(transfer, faults)
        elif action == "pause":
            self._move(transfer, "transferring", "paused_user")
        elif action == "resume":
            if not phase.startswith("paused"):
                raise conflict(f"Cannot resume image transfer. It is in phase {phase}.")
            self._move(transfer, phase, "transferring")
        elif action == "finalize":
            if not phase.startswith(("transferring", "paused")):
                raise conflict(f"Cannot finalize image transfer. It is in phase {phase}.")
            self._move(transfer, phase, "finalizing_success")
            self._end(transfer, "finished_success", faults)
        else:
            if phase.startswith(("finished", "finalizing", "cancelled")):
                raise conflict(f"Cannot cancel image transfer. It is in phase {phase}.")
            obj.phase = types.ImageTransferPhase.CANCELLED_USER
            self._tree.touch(transfer)
            self._end(transfer, "finished_cleanup", faults)

    def open_of(self, backup: str = "") -> list[Entity]:
        """The transfers that have not ended; only a backup's if one is named."""
        return [
            each
            for each in self._tree.top["imagetransfers"].own.values()
            if not str(each.obj.phase).startswith("finished")
            and (not backup or (each.obj.backup is not None and each.obj.backup.id == backup))
        ]

    def _extend(self, transfer: Entity, faults: Faults) -> None:
        if str(transfer.obj.phase) != "transferring":
            return
        self._heard[transfer.id] = time.monotonic()
        seconds = int(faults.ticket_seconds or TICKET_SECONDS)
        if not self._data.extend(transfer.id, seconds):
            # The daemon began anew and knows no tickets.
            transfer.obj.phase = types.ImageTransferPhase.PAUSED_SYSTEM
            self._tree.touch(transfer)

    def _look_after(self, transfer: Entity, faults: Faults, whole: bool = False) -> None:
        """What an engine does every few seconds about a transfer.

        It cancels one that nobody reads from any more, and one that gave all bytes of the disk it
        takes for done, when it looks the second time (`whole`).
        """
        obj, phase = transfer.obj, str(transfer.obj.phase)
        if not phase.startswith(("transferring", "paused")):
            return
        idle, read = time.monotonic() - self._heard[transfer.id], False
        if phase == "transferring" and (told := self._data.told(transfer.id)) is not None:
            idle, read = min(idle, told.idle_seconds), told.whole
        if phase == "transferring" and self._data.lost(transfer.id):
            self._move(transfer, phase, "paused_system")
        elif idle > obj.inactivity_timeout and str(obj.timeout_policy) != "pause":
            self._move(transfer, phase, "cancelled_system")
            self._end(transfer, "finished_failure", faults)
            return
        elif whole and read:
            self._move(transfer, phase, "finalizing_success")
            self._end(transfer, "finished_success", faults)
            return
        self._records.later(
            faults.poll_seconds, lambda: self._look_after(transfer, faults, whole=read)
        )

    def _download(self, asked: Any, faults: Faults) -> Download:
        layer = asked.snapshot.id if asked.snapshot is not None else None
        return Download(
            transfer=asked.id,
            disk=self._disk(asked).id,
            image=layer,
            shallow=bool(asked.shallow),
            raw=str(asked.format) == "raw",
            backup=asked.backup.id if asked.backup is not None else None,
            seconds=int(faults.ticket_seconds or TICKET_SECONDS),
        )

    def _move(self, transfer: Entity, before: str, after: str) -> None:
        if str(transfer.obj.phase) != before:
            raise conflict(f"Cannot do that to an image transfer in phase {transfer.obj.phase}.")
        transfer.obj.phase = types.ImageTransferPhase(after)
        self._tree.touch(transfer)

    def _end(self, transfer: Entity, phase: str, faults: Faults) -> None:
        listing = self._tree.top["imagetransfers"]

        def end() -> None:
            self._data.close_transfer(transfer.id)
            transfer.obj.phase = types.ImageTransferPhase(phase)
            transfer.obj.transfer_url = transfer.obj.proxy_url = None
            self._tree.touch(transfer)
            self._lock(transfer.obj, locked=False)
            self._records.later(
                faults.finished_seconds, lambda: self._tree.remove(listing, transfer.id)
            )

        self._records.later(faults.transfer_seconds, end)

    def _refuse(self, asked: Any, target: Entity) -> None:
        disk, name = self._disk(asked), target.obj.name
        if str(disk.obj.storage_type) in _NOT_IMAGES:
            raise conflict(
                f"Cannot transfer Virtual Disk: The storage type {disk.obj.storage_type} of"
                f" {name} is not supported."
            )
        if asked.backup is not None:
            backup = self._backup(asked.backup.id)
            if str(backup.obj.phase) != "ready" or disk.id not in backup.subs["disks"].own:
                raise conflict(
                    "Cannot transfer Virtual Disk: The backup is not ready, or has no such disk."
                )
            if str(asked.format) != "raw":
                raise conflict("Cannot transfer Virtual Disk: Backups are read as raw.")
            return
        if str(target.obj.status) == "illegal":
            raise conflict(f"Cannot transfer Virtual Disk: The disk {name} is illegal.")
        if str(target.obj.status) != "ok":
            raise conflict(
                f"Cannot transfer Virtual Disk: The following disks are locked: {name}."
                " Please try again in a few minutes."
            )
        if asked.snapshot is None:
            self._refuse_when_running(disk)

    def _backup(self, id_: str) -> Entity:
        for vm in self._tree.top["vms"].own.values():
            if (found := vm.subs["backups"].own.get(id_)) is not None:
                return found
        raise not_found()

    def _target(self, obj: Any) -> Entity:
        """What is read and locked: a disk or a layer of one."""
        return self._disk(obj) if obj.snapshot is None else self._layer(obj.snapshot.id)

    def _disk(self, obj: Any) -> Entity:
        id_ = obj.disk.id if obj.disk is not None else self._layer(obj.snapshot.id).obj.disk.id
        disk = self._tree.top["disks"].own.get(id_)
        if disk is None:
            raise not_found()
        return disk

    def _layer(self, id_: str) -> Entity:
        for domain in self._tree.top["storagedomains"].own.values():
            found = domain.subs["disksnapshots"].own.get(id_)
            if found is not None:
                return found
        raise not_found()

    def _refuse_when_running(self, disk: Entity) -> None:
        for vm in self._tree.top["vms"].own.values():
            if str(vm.obj.status) == "down":
                continue
            attached = vm.subs["diskattachments"].own.get(disk.id)
            if attached is not None and attached.obj.active:
                raise conflict(
                    "Cannot transfer Virtual Disk: The following disks are plugged to non-down VM:"
                    f" {disk.obj.name}."
                )

    def _lock(self, obj: Any, *, locked: bool) -> None:
        if obj.backup is not None:
            return
        target = self._target(obj)
        target.obj.status = types.DiskStatus.LOCKED if locked else types.DiskStatus.OK
        self._tree.touch(target)


def _at(url: str, port: int | None) -> str:
    """The same URL at another port, where one is given."""
    parts = urlsplit(url)
    return url if port is None else parts._replace(netloc=f"{parts.hostname}:{port}").geturl()
