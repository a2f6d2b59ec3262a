"""A vSphere disk for reading: the flat file of a datastore, over HTTPS ranges.

vCenter (and ESXi) serve datastore files under ``/folder``. That is the whole content of a disk
only when its file has no parent, is stored plain, and nobody writes to it: because the VM is off,
or because a snapshot of ours sends all that is written to a delta. Anything else is refused here,
with the reason. Change tracking tells what changed between two such moments.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pyVmomi import vim

from mtv.errors import SourceError
from mtv.model.disk import Extent, Held, HttpLocation
from mtv.model.vm import Backing, Disk
from mtv.sources.vsphere.changes import Tracked
from mtv.sources.vsphere.devices import disks
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.wire import Data, wire_type

DEVICES = "config.hardware.device"

_DATASTORE_PATH = re.compile(r"\[(?P<datastore>[^\]]+)\] (?P<file>.+)\.vmdk\Z")


class FlatFile:
    """The flat file of one disk (a ``mtv.model.disk.DiskSource``). Owns its session."""

    def __init__(self, url: str, tracked: Tracked, change_id: str | None) -> None:
        self._url = url
        self._tracked = tracked
        self._change_id = change_id
        self._session = tracked.session

    def location(self) -> HttpLocation:
        """The file's URL with the session's cookie."""
        return HttpLocation(
            url=self._url,
            headers=(("Cookie", self._session.cookie),),
            tls=self._session.connection.tls,
        )

    def renew(self) -> None:
        """Logs in again."""
        self._session.renew()

    def extents(self) -> Sequence[Extent] | None:
        """Where something was ever written, if change tracking knows; ``/folder`` does not."""
        if self._change_id is None:
            return None
        with self._session.faults_as_errors():
            return self._tracked.allocated()

    def point(self) -> str | None:
        """Named by its change id; None without change tracking."""
        return None if self._change_id is None else self._tracked.point(self._change_id)

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        """What was written since an earlier change id."""
        if self._change_id is None:
            return None
        with self._session.faults_as_errors():
            return self._tracked.changed_since(point, self._change_id)

    def close(self) -> None:
        """Logs out."""
        self._session.close()


def open_flat_file(session: Session, vm: str, key: str, held: Held | None = None) -> FlatFile:
    """The flat file of the VM's disk with that device key, looked up now.

    ``held``: the snapshot that is read; without one the VM has to be off.
    Raises SourceError when the disk stands still nowhere, or is not one whole flat file.
    """
    obj = session.object(vim.VirtualMachine, vm)
    values = read_one(session, obj, ["name", "runtime.powerState", DEVICES])
    name, snapshot = values.get("name", vm), None
    if held is not None:
        snapshot = session.object(vim.vm.Snapshot, held.id)
        values = read_one(session, snapshot, [DEVICES])
    elif str(values.get("runtime.powerState")) != "poweredOff":
        raise SourceError(
            f"{name} is not powered off: its disks change while they are read",
            "shut it down, or let mtv cutover do it",
        )
    devices = values.get(DEVICES, [])
    disk = next((each for each in disks(devices) if each.key == key), None)
    if held is not None and (disk is None or disk.mode.startswith("independent")):
        # A snapshot may list an independent disk: with the file that the guest goes on writing to.
        label = f"the disk with key {key}" if disk is None else disk.label
        raise SourceError(
            f"{label} of {name} is in no snapshot: an independent disk never is",
            "copy the VM while it is off: mtv cutover",
        )
    if disk is None:
        raise SourceError(
            f"{name} has no disk with key {key} any more",
            "its hardware was changed: run mtv collect, mtv translate and mtv plan again",
        )
    _must_be_whole(name, disk)
    tracked = Tracked(session, obj, snapshot, key, disk.capacity_bytes, f"{disk.label} of {name}")
    return FlatFile(_folder_url(session, name, disk), tracked, _change_id(devices, key))


def _change_id(devices: Sequence[Data], key: str) -> str | None:
    """The change id in a disk's backing; "" and "*" are none."""
    for device in devices:
        if str(device.get("key")) == key:
            found = str(device.get("backing", Data()).get("changeId") or "")
            return found if "/" in found else None
    return None


def _must_be_whole(name: str, disk: Disk) -> None:
    reason = None
    if disk.backing is not Backing.FLAT:
        reason = f"it is stored as {disk.backing}"
    elif disk.has_parent:
        reason = "it is the delta of a snapshot"
    elif disk.encrypted:
        reason = "it is encrypted"
    elif disk.shared:
        reason = "other VMs may write to it"
    if reason:
        raise SourceError(
            f"{disk.label} of {name} cannot be read as a plain file: {reason}",
            "mtv assess says what to do about it",
        )


def _folder_url(session: Session, name: str, disk: Disk) -> str:
    match = _DATASTORE_PATH.match(disk.path)
    # The path comes from the source: it must stay inside the datastore it names.
    if match is None or ".." in match["file"].split("/") or match["file"].startswith("/"):
        raise SourceError(f"{disk.label} of {name} has a path that is no VMDK's: {disk.path!r}")
    datacenter = _datacenter_path(session, session.object(vim.Datastore, disk.datastore or ""))
    return (
        f"https://{session.host}:{session.port}/folder/{quote(match['file'])}-flat.vmdk"
        f"?dcPath={quote(datacenter, safe='')}&dsName={quote(match['datastore'], safe='')}"
    )


def _datacenter_path(session: Session, datastore: Any) -> str:
    """dcPath of a datastore: ``Folder/DC0``. Names stay as vCenter writes them (``%2f``)."""
    names = list[str]()
    obj = datastore
    while obj is not None:
        values = read_one(session, obj, ["name", "parent"])
        parent = values.get("parent")
        if isinstance(obj, vim.Datacenter) or (names and parent is not None):
            names.append(values["name"])
        obj = None if parent is None else session.object(wire_type(parent.kind), parent)
    return "/".join(reversed(names))
