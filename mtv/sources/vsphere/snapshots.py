"""Snapshots that hold a VM's disks still while they are read, and go again.

They are told from everybody else's by their name and description. The memory is never in them.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pyVmomi import vim, vmodl

from mtv.config import Consent
from mtv.errors import Interrupted, MtvError, SourceError
from mtv.model.disk import Held
from mtv.sources.switching import need_consent
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.wire import Data
from mtv.tasks import Cancelled

NAME = "mtv"
DESCRIPTION = "Made by mtv to read the disks of the VM, and removed by it as soon as they are read."
OFF = "off"
"""In place of a snapshot's id: the VM is off, and nothing has to hold its disks."""

_NOT_QUIESCED = (
    vim.fault.SnapshotFault,
    vim.fault.ToolsUnavailable,
    vim.fault.GenericVmConfigFault,
)
POLL_SECONDS = 0.5
UNDO_SECONDS = 300.0
"""How long a snapshot that is not wanted any more may take until it is there to be removed."""
LEFT_EXPORT_SECONDS = 330.0
"""vCenter ends an export after 300 seconds without a sign of life."""
DEVICES = "config.hardware.device"
ROOTS = "snapshot.rootSnapshotList"
TRACKING = "config.changeTrackingEnabled"


def hold(session: Session, vm: str, cancelled: Cancelled) -> Held:
    """Takes a snapshot of a VM that runs; of one that is off nothing has to be taken.

    A guest with VMware Tools is asked to bring its file systems in order first; where it cannot,
    the disks are as after a power cut. With the consent ``change-tracking`` tracking is switched on
    where it is off, unless others have snapshots of the VM: it would not begin. Raises NotAllowed
    without the consent ``snapshots``, SourceError, Interrupted.
    """
    obj = session.object(vim.VirtualMachine, vm)
    asked = ["runtime.powerState", ROOTS, "guest.toolsRunningStatus", TRACKING]
    values = read_one(session, obj, asked)
    if str(values.get("runtime.powerState")) == "poweredOff":
        return Held(id=OFF, consistent=True)
    need_consent(session.connection, Consent.SNAPSHOTS, "take snapshots")
    may_track = Consent.CHANGE_TRACKING in session.connection.may
    if may_track and not values.get(TRACKING) and not values.get(ROOTS):
        _begin_tracking(session, obj, cancelled)
    with session.faults_as_errors():
        if values.get("guest.toolsRunningStatus") == "guestToolsRunning":
            # A guest that cannot be quiesced (VSS, a full file system) is as after a power cut.
            with contextlib.suppress(*_NOT_QUIESCED):
                return Held(id=_take(session, obj, cancelled, quiesce=True), consistent=True)
        return Held(id=_take(session, obj, cancelled, quiesce=False))


def release(session: Session, vm: str, held: Held, cancelled: Cancelled) -> None:
    """Removes a snapshot and sees its delta merged; one that is gone is no error.

    Raises SourceError when the disks are still to be consolidated after it.
    """
    if held.id == OFF:
        return
    obj = session.object(vim.VirtualMachine, vm)
    snapshot = session.object(vim.vm.Snapshot, held.id)
    failed: vim.fault.VimFault | None = None
    with session.faults_as_errors():
        try:
            task = _once_free(
                lambda: session.renewing(
                    lambda: snapshot.RemoveSnapshot_Task(removeChildren=False, consolidate=True)
                ),
                cancelled,
            )
            finished(session, task, cancelled)
        except vmodl.fault.ManagedObjectNotFound:
            pass
        except vim.fault.VimFault as problem:
            # It may be gone all the same, and only its delta not merged (somebody had it open).
            failed = problem
        if failed is not None and held.id in {each.id for each in held_by_us(session, vm)}:
            raise failed
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
    ours = [Held(id=str(each["snapshot"])) for each in _every(values.get(ROOTS)) if _is_ours(each)]
    return tuple(reversed(ours))


def foreign_snapshots(session: Session, vm: str) -> tuple[str, ...]:
    """Names of the snapshots that others have of a VM, parents first."""
    values = read_one(session, session.object(vim.VirtualMachine, vm), [ROOTS])
    every = _every(values.get(ROOTS))
    return tuple(str(each.get("name") or "") for each in every if not _is_ours(each))


def _begin_tracking(session: Session, obj: Any, cancelled: Cancelled) -> None:
    """Switches change tracking on; it begins when a snapshot was taken and removed."""
    spec = vim.vm.ConfigSpec(changeTrackingEnabled=True)
    with session.faults_as_errors():
        finished(session, session.renewing(lambda: obj.ReconfigVM_Task(spec)), cancelled)
        made = Held(id=_take(session, obj, cancelled, quiesce=False))
    # Not to be stopped by what stops the pass: else it would stay and grow.
    release(session, str(obj._moId), made, threading.Event())


def _take(session: Session, obj: Any, cancelled: Cancelled, *, quiesce: bool) -> str:
    """Id of a new snapshot. Whatever it raises, none is left, as far as vCenter can be asked."""
    if cancelled.is_set():
        raise Interrupted("stopped before a snapshot was taken")

    def take() -> Any:
        return obj.CreateSnapshot_Task(
            name=NAME, description=DESCRIPTION, memory=False, quiesce=quiesce
        )

    task = session.renewing(take)
    try:
        return str(finished(session, task, cancelled))
    except BaseException:  # Ctrl-C, too, and a network that fails
        _undo(session, obj, task)
        raise


def _undo(session: Session, obj: Any, task: Any) -> None:
    """Removes the snapshot that a task makes for nobody, once it has made it.

    Not cancelled: what a cancelled one leaves depends on how far it was. One that takes longer than
    is waited for is found by its name in the next pass.
    """
    enough = threading.Event()
    timer = threading.Timer(UNDO_SECONDS, enough.set)
    timer.start()
    try:
        # What went wrong first is told.
        with contextlib.suppress(MtvError), session.faults_as_errors():
            made = Held(id=str(finished(session, task, enough)))
            release(session, str(obj._moId), made, enough)
    finally:
        timer.cancel()


def _once_free(call: Callable[[], Any], cancelled: Cancelled) -> Any:
    """What a call gives once no export holds the VM: one that a killed mtv left ends by itself."""
    deadline = time.monotonic() + LEFT_EXPORT_SECONDS
    while True:
        try:
            return call()
        except (vim.fault.InvalidState, vim.fault.TaskInProgress) as problem:
            if isinstance(problem, vim.fault.InvalidPowerState) or time.monotonic() > deadline:
                raise
        if cancelled.wait(POLL_SECONDS):
            raise Interrupted("stopped while an export held the VM")


def finished(session: Session, task: Any, cancelled: Cancelled) -> Any:
    """What a task came to. Raises its fault, or Interrupted (it goes on without us)."""
    own = session.object(vim.Task, str(task._moId))
    while True:
        values = read_one(session, own, ["info.state", "info.result"])
        if values.get("info.state") == "success":
            return values.get("info.result")
        if values.get("info.state") == "error":
            raise session.renewing(lambda: own.info.error)
        if cancelled.wait(POLL_SECONDS):
            raise Interrupted("stopped while vCenter was at work on a VM")


def _needs_consolidation(session: Session, obj: Any) -> bool:
    path = "runtime.consolidationNeeded"
    return bool(read_one(session, obj, [path]).get(path))


def _is_ours(snapshot: Mapping[str, Any]) -> bool:
    return (snapshot.get("name"), snapshot.get("description")) == (NAME, DESCRIPTION)


def _every(roots: Iterable[Data] | None) -> Iterator[Data]:
    """Each snapshot of a tree, parents first."""
    for each in roots or ():
        yield each
        yield from _every(each.get("childSnapshotList"))
