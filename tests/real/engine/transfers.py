"""Image transfers: their phases. Bytes are another part's: a `DataPath` says where they are."""

import uuid
from typing import Any, Protocol

from tests.real.engine.faults import Faults
from tests.real.engine.messages import Fault, conflict, not_found
from tests.real.engine.records import Records
from tests.real.engine.sdk import types
from tests.real.engine.tree import Entity, Tree

ACTIONS = frozenset({"cancel", "extend", "finalize", "pause", "resume"})


class DataPath(Protocol):
    """Serves the bytes of a disk while it is transferred; the seam for an imageio daemon."""

    def open(self, transfer: Any) -> tuple[str, str]:
        """Begin; returns `transfer_url` and `proxy_url`."""

    def close(self, transfer: Any) -> None:
        """End, whatever became of it."""


class NoDataPath:
    """Serves nothing: its URLs lead nowhere."""

    def open(self, transfer: Any) -> tuple[str, str]:
        return (
            f"https://localhost:54322/images/{transfer.id}",
            f"https://localhost:54323/images/{transfer.id}",
        )

    def close(self, transfer: Any) -> None:
        del transfer


class Transfers:
    """The transfers of one engine."""

    def __init__(self, tree: Tree, records: Records, data: DataPath) -> None:
        self._tree = tree
        self._records = records
        self._data = data

    def begin(self, asked: Any, faults: Faults) -> Entity:
        """A new transfer: the disk is locked until it ends."""
        if asked.disk is None and asked.snapshot is None:
            raise Fault(
                400, "Image transfer requires one of disk, snapshot", "Incomplete parameters"
            )
        disk = self._disk(asked)
        if disk is not None and str(disk.obj.status) != "ok":
            raise conflict(
                f"Cannot transfer Virtual Disk: The following disks are locked: {disk.obj.name}."
            )
        if disk is not None and asked.backup is None and asked.snapshot is None:
            self._refuse_when_running(disk)
        asked.id = str(uuid.uuid4())
        asked.phase = types.ImageTransferPhase.INITIALIZING
        asked.direction = asked.direction or types.ImageTransferDirection.UPLOAD
        asked.inactivity_timeout = asked.inactivity_timeout or 60
        asked.active = False
        asked.transferred = 0
        transfer = self._tree.add(self._tree.top["imagetransfers"], asked)
        self._lock(disk, locked=True)

        def ready() -> None:
            if str(asked.phase) != "initializing":
                return
            asked.transfer_url, asked.proxy_url = self._data.open(asked)
            asked.phase = types.ImageTransferPhase.TRANSFERRING
            self._tree.touch(transfer)

        self._records.later(faults.transfer_seconds, ready)
        return transfer

    def act(self, transfer: Entity, action: str, faults: Faults) -> None:
        """Finalize, cancel, pause, resume or extend."""
        obj, phase = transfer.obj, str(transfer.obj.phase)
        if action == "extend":
            return
        if action == "pause":
            self._move(transfer, "transferring", "paused_user")
        elif action == "resume":
            if not phase.startswith("paused"):
                raise conflict(f"Cannot resume image transfer. It is in phase {phase}.")
            self._move(transfer, phase, "transferring")
        elif action == "finalize":
            self._move(transfer, "transferring", "finalizing_success")
            self._end(transfer, "finished_success", faults)
        else:
            if phase.startswith(("finished", "finalizing", "cancelled")):
                raise conflict(f"Cannot cancel image transfer. It is in phase {phase}.")
            obj.phase = types.ImageTransferPhase.CANCELLED_USER
            self._tree.touch(transfer)
            self._end(transfer, "finished_failure", faults)

    def _move(self, transfer: Entity, before: str, after: str) -> None:
        if str(transfer.obj.phase) != before:
            raise conflict(f"Cannot do that to an image transfer in phase {transfer.obj.phase}.")
        transfer.obj.phase = types.ImageTransferPhase(after)
        self._tree.touch(transfer)

    def _end(self, transfer: Entity, phase: str, faults: Faults) -> None:
        def end() -> None:
            self._data.close(transfer.obj)
            transfer.obj.phase = types.ImageTransferPhase(phase)
            transfer.obj.transfer_url = transfer.obj.proxy_url = None
            self._tree.touch(transfer)
            self._lock(self._disk(transfer.obj), locked=False)

        self._records.later(faults.transfer_seconds, end)

    def _disk(self, obj: Any) -> Entity | None:
        id_ = obj.disk.id if obj.disk is not None else self._disk_of_layer(obj.snapshot.id)
        disk = self._tree.top["disks"].own.get(id_)
        if disk is None:
            raise not_found()
        return disk

    def _disk_of_layer(self, layer: str) -> str:
        for domain in self._tree.top["storagedomains"].own.values():
            found = domain.subs["disksnapshots"].own.get(layer)
            if found is not None:
                return str(found.obj.disk.id)
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

    def _lock(self, disk: Entity | None, *, locked: bool) -> None:
        if disk is not None:
            disk.obj.status = types.DiskStatus.LOCKED if locked else types.DiskStatus.OK
            self._tree.touch(disk)
