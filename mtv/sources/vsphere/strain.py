"""What a snapshot of ours costs a VM now: space, size, latency."""

import contextlib
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from pyVmomi import vim, vmodl

from mtv.model.disk import Held
from mtv.model.strain import Room, Strain
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.snapshots import DEVICES
from mtv.sources.vsphere.statistics import (
    READ_LATENCY,
    WRITE_LATENCY,
    Counter,
    counter_names,
    recent,
)
from mtv.sources.vsphere.wire import Data

FILES = "layoutEx.file"
SAMPLES = 3
"""Of 20 seconds each: one alone is often a hiccup."""

_counters = WeakKeyDictionary[Session, dict[int, Counter]]()
"""The counters' keys do not change while a vCenter runs, and are many to ask for."""


def strain_of(session: Session, vm: str, held: Held | None) -> Strain:
    """Of a VM that runs. ``held``: our snapshot, if there is one by now. Raises SourceError."""
    obj = session.object(vim.VirtualMachine, vm)
    with session.faults_as_errors():
        # Else the sizes of files are as old as some minutes.
        session.renewing(obj.RefreshStorageInfo)
        values = read_one(session, obj, ["datastore", DEVICES, FILES])
        return Strain(
            rooms=tuple(_rooms(session, values.get("datastore", ()))),
            delta_bytes=None if held is None else _delta(values),
            latency_milliseconds=_latency(session, obj),
        )


def _rooms(session: Session, datastores: Any) -> Iterator[Room]:
    paths = ["summary.name", "summary.freeSpace", "summary.capacity"]
    for each in datastores:
        found = read_one(session, session.object(vim.Datastore, str(each)), paths)
        name, free, capacity = (found.get(path) for path in paths)
        if free is not None and capacity is not None:
            yield Room(name=str(name), free_bytes=int(free), capacity_bytes=int(capacity))


def _delta(values: Any) -> int | None:
    """Bytes of the files that the guest writes to instead of its disks."""
    sizes = {str(each.get("name")): each.get("size") for each in values.get(FILES, ())}
    found = list[int]()
    for device in values.get(DEVICES, ()):
        backing = device.get("backing") or Data()
        if backing.get("parent") is None or not backing.get("fileName"):
            continue
        stem = str(backing["fileName"]).removesuffix(".vmdk")
        # A delta is a small descriptor and the file with the data, which vSphere names after it.
        found += [
            int(size)
            for name, size in sizes.items()
            if size is not None and name.startswith(stem) and name.endswith(".vmdk")
        ]
    return sum(found) if found else None


def _latency(session: Session, vm: Any) -> float | None:
    """Milliseconds, the mean of the last samples of the slowest disk; None where not measured."""
    if session not in _counters:
        keys = {name: key for key, name in counter_names(session).items()}
        asked = (READ_LATENCY, WRITE_LATENCY)
        _counters[session] = {keys[each.name]: each for each in asked if each.name in keys}
    means = list[float]()
    with contextlib.suppress(vim.fault.NoPermission, vmodl.fault.InvalidArgument):
        for disks in recent(session, vm, _counters[session], SAMPLES).values():
            for samples in disks.values():
                known = [each for each in samples if each is not None]
                if known:
                    means.append(sum(known) / len(known))
    return max(means, default=None)
