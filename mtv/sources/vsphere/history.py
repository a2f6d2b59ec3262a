"""What happened to a VM's disks between two passes, and whether it can still be told what changed.

Change tracking tells changes along one line of time. A revert to a snapshot leaves that line, and
not every version begins its tracking anew then: later change ids may look like later ones of the
old line. The tasks that vCenter keeps say whether there was one. Where they cannot be read nobody
knows, and all of the disks is compared.
"""

import contextlib
import http.client
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from pyVmomi import vim, vmodl

from mtv.model.disk import Held
from mtv.sources.vsphere.devices import disks
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.snapshots import DEVICES, OFF, foreign_snapshots

REVERT = "revert"
"""In the ids of all tasks that bring a VM back to a snapshot: ``vm.Snapshot.revert``."""

TASKS_AT_ONCE = 100

STARTED = [
    *("VmPoweredOnEvent", "vim.event.VmPoweredOnEvent"),
    *("DrsVmPoweredOnEvent", "vim.event.DrsVmPoweredOnEvent"),
    *("VmRestartedOnAlternateHostEvent", "vim.event.VmRestartedOnAlternateHostEvent"),
]
"""As vCenter calls the events, and as it calls their types; where DRS chooses the host, or HA
starts it anew, there is no event of the first one."""

TASKS_KEPT = timedelta(days=7)
"""vCenter keeps tasks for 30 days, unless somebody set task.maxAge to less."""

SNAPSHOT = "snapshot"
"""In the ids of tasks that take or remove one: ``VirtualMachine.createSnapshot``."""


def told(
    session: Session, vm: str, held: Held, begin: datetime, before: Held | None, *, copied: bool
) -> Held:
    """What holds the disks, with where they are and what happened since ``before``.

    ``begin``: vCenter's time before the disks were held. ``copied``: there are copies, that are to
    be brought up to what is held now.
    """
    obj = session.object(vim.VirtualMachine, vm)
    devices = read_one(session, obj, [DEVICES]).get(DEVICES, [])
    places = {each.key: each.path for each in disks(devices)}
    others = foreign_snapshots(session, vm)
    held = msgspec.structs.replace(held, at=begin.isoformat(), places=places, others=others)
    if not copied:
        return held
    doubt = _doubt(session, obj, before, begin)
    seen = tuple[str, ...]()
    if before is not None:
        seen = (*_moves(before.places, places), *_snapshots(before.others, others))
    return msgspec.structs.replace(held, seen=(*seen, *([doubt] if doubt else ())), doubt=doubt)


def last_start(session: Session, vm: str) -> str:
    """The key of the event with which a VM was last started; "" where vCenter knows of none.

    It forgets old ones, so that "" after a key is no start. Raises SourceError.
    """
    obj = session.object(vim.VirtualMachine, vm)
    asked = vim.event.EventFilterSpec(
        entity=vim.event.EventFilterSpec.ByEntity(entity=obj, recursion="self"),
        eventTypeId=STARTED,
    )
    manager = session.content.eventManager
    with session.faults_as_errors():
        try:
            found = session.renewing(lambda: manager.QueryEvents(asked))
        except vim.fault.NoPermission:
            return ""
    return str(max((each.key for each in found or ()), default=""))


def _moves(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Disks that are kept elsewhere; a delta of a snapshot, beside its base, is no other place."""
    for key, place in before.items():
        there = now.get(key)
        if there is not None and _folder(there) != _folder(place):
            yield f"the disk {key} was moved from {_folder(place)} to {_folder(there)}"


def _folder(place: str) -> str:
    return place.rpartition("/")[0] or place


def _snapshots(before: tuple[str, ...], now: tuple[str, ...]) -> Iterator[str]:
    for name in now:
        if name not in before:
            yield f"somebody took the snapshot {name!r}"
    for name in before:
        if name not in now:
            yield f"the snapshot {name!r} of somebody else is gone"


def _doubt(session: Session, vm: Any, before: Held | None, begin: datetime) -> str:
    """Why change tracking is not believed; "" where it is."""
    if before is None or not before.at:
        return "what happened since the pass before is not known"
    since = datetime.fromisoformat(before.at)
    try:
        tasks = list(_tasks(session, vm, since))
    except (vmodl.MethodFault, OSError, http.client.HTTPException) as problem:
        reason = type(problem).__name__.rpartition(".")[2]
        return f"vCenter does not say what was done to the VM since the pass before ({reason})"
    names = [str(each.descriptionId).lower() for each in tasks]
    if any(REVERT in each for each in names):
        return "the VM was reverted to a snapshot"
    # What vCenter has forgotten may have been a revert: of a pass with a snapshot it still has to
    # know that.
    witness = (
        begin - since < TASKS_KEPT
        if before.id == OFF
        else any(
            SNAPSHOT in str(each.descriptionId).lower() for each in tasks if each.queueTime < begin
        )
    )
    return "" if witness else "vCenter does not know any more what was done to the VM since then"


def _tasks(session: Session, vm: Any, since: datetime) -> Iterator[Any]:
    """The tasks of a VM that were queued since. Raises vCenter's faults."""
    asked = vim.TaskFilterSpec(
        entity=vim.TaskFilterSpec.ByEntity(entity=vm, recursion="self"),
        time=vim.TaskFilterSpec.ByTime(timeType="queuedTime", beginTime=since),
    )
    manager = session.content.taskManager
    collector = session.renewing(lambda: manager.CreateCollectorForTasks(asked))
    try:
        collector.RewindCollector()
        while page := collector.ReadNextTasks(TASKS_AT_ONCE):
            yield from page
    finally:
        with contextlib.suppress(vmodl.MethodFault, OSError):
            collector.DestroyCollector()
