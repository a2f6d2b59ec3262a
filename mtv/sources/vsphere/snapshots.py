"""Snapshots that hold a VM's disks still while they are read, and go again.

They are told from everybody else's by their name and description. The memory is never in them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pyVmomi import vim, vmodl

from mtv.errors import Interrupted, SourceError
from mtv.model.disk import Held
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.values import unescape
from mtv.sources.vsphere.wire import Data
from mtv.tasks import Cancelled

NAME = "mtv "
DESCRIPTION = "Made by mtv to read the disks of the VM, and removed by it as soon as they are read."
POLL_SECONDS = 0.5
ROOTS = "snapshot.rootSnapshotList"


def hold(session: Session, vm: str, name: str, cancelled: Cancelled) -> Held:
    """Takes a snapshot of a running VM. ``name`` tells the pass.

    A guest with VMware Tools is asked to bring its file systems in order first; where it cannot,
    the disks are as after a power cut. Raises SourceError, with the reason, for a VM that has
    snapshots of others: its disks are chains then.
    """
    obj = session.object(vim.VirtualMachine, vm)
    values = read_one(session, obj, ["name", ROOTS, "guest.toolsRunningStatus"])
    others = [each["name"] for each in _every(values.get(ROOTS)) if not is_ours(each)]
    if others:
        raise SourceError(
            f"{values.get('name', vm)} has snapshots ({unescape(others[0])}), so its disks are "
            "chains of delta files",
            "delete them in vCenter, or copy the VM while it is off: mtv cutover",
        )
    has_tools = values.get("guest.toolsRunningStatus") == "guestToolsRunning"
    for quiesce in (True, False) if has_tools else (False,):
        with session.faults_as_errors():
            task = session.renewing(
                lambda: obj.CreateSnapshot_Task(
                    name=f"{NAME}{name}",
                    description=DESCRIPTION,
                    memory=False,
                    quiesce=quiesce,  # noqa: B023
                )
            )
            try:
                made = finished(session, task, cancelled)
            except vim.fault.SnapshotFault:
                if not quiesce:
                    raise
            else:
                return Held(id=str(made), consistent=quiesce)
    raise AssertionError("the last way raises")


def release(session: Session, vm: str, held: Held, cancelled: Cancelled) -> None:
    """Removes a snapshot and sees its delta merged; one that is gone is no error.

    Raises SourceError when the disks are still to be consolidated after it.
    """
    obj = session.object(vim.VirtualMachine, vm)
    snapshot = session.object(vim.vm.Snapshot, held.id)
    with session.faults_as_errors():
        try:
            task = session.renewing(
                lambda: snapshot.RemoveSnapshot_Task(removeChildren=False, consolidate=True)
            )
            finished(session, task, cancelled)
        except vmodl.fault.ManagedObjectNotFound:
            pass
        if _needs_consolidation(session, obj):
            finished(session, session.renewing(obj.ConsolidateVMDisks_Task), cancelled)
    if _needs_consolidation(session, obj):
        raise SourceError(
            f"{session.connection.name}: the disks of {vm} need consolidation still, after mtv's "
            "snapshot was removed",
            "see in vCenter what holds them (a backup, a lock), and consolidate them there",
        )


def held_by_us(session: Session, vm: str) -> tuple[Held, ...]:
    """Snapshots of ours that a VM has, the latest first: an earlier run may have left some."""
    values = read_one(session, session.object(vim.VirtualMachine, vm), [ROOTS])
    ours = [Held(id=str(each["snapshot"])) for each in _every(values.get(ROOTS)) if is_ours(each)]
    return tuple(reversed(ours))


def is_ours(snapshot: Mapping[str, Any]) -> bool:
    """True for a snapshot that mtv made."""
    named = str(snapshot.get("name", "")).startswith(NAME)
    return named and snapshot.get("description") == DESCRIPTION


def finished(session: Session, task: Any, cancelled: Cancelled) -> Any:
    """What a task came to, as an id. Raises its fault, or Interrupted (it goes on without us)."""
    id_ = str(task._moId)
    while True:
        values = read_one(
            session,
            session.object(vim.Task, id_),
            ["info.state", "info.result", "info.error"],
        )
        state = values.get("info.state")
        if state == "success":
            return values.get("info.result")
        if state == "error":
            raise session.renewing(lambda: session.object(vim.Task, id_).info.error)
        if cancelled.wait(POLL_SECONDS):
            raise Interrupted("stopped while vCenter was at work on a snapshot")


def _needs_consolidation(session: Session, obj: Any) -> bool:
    path = "runtime.consolidationNeeded"
    return bool(read_one(session, obj, [path]).get(path))


def _every(roots: Any) -> Iterator[Data]:
    """Each snapshot of a tree, parents first."""
    for each in roots or ():
        yield each
        yield from _every(each.get("childSnapshotList"))
