"""A vSphere disk for reading: the flat file of a datastore, over HTTPS ranges.

vCenter (and ESXi) serve datastore files under ``/folder``. That is the whole content of a disk
only when its file has no parent, is stored plain, and nobody writes to it: because the VM is off,
or because a snapshot of ours sends all that is written to a delta. Where the file is not the disk,
or is not given, the disk is exported (``leases``). Change tracking tells what changed between two
such moments.
"""

import contextlib
import http.client
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from pyVmomi import vim

from mtv.errors import SourceError
from mtv.model.disk import NOTHING, VAGUE, Extent, Held, HttpLocation
from mtv.model.vm import Backing, Disk
from mtv.sharing import is_shared
from mtv.sources.vsphere.changes import Tracked
from mtv.sources.vsphere.devices import disks
from mtv.sources.vsphere.held import POWER, check_held, is_off
from mtv.sources.vsphere.leases import ExportedDisk
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.snapshots import DEVICES, OFF
from mtv.sources.vsphere.vddk import VddkDisk
from mtv.sources.vsphere.wire import Data, wire_type

OBJECT_STORES = ("vsan", "vvol")
"""Kinds of datastores on which a disk is an object and no file (``summary.type``)."""
REFUSALS = (403, 404, 500)
"""Of /folder: the file is not there, somebody has it open, or the role does not allow it."""
PROBE_SECONDS = 30.0
_KEY = "config.keyId"
"""Set when a VM is encrypted, with or without its disks."""

_DATASTORE_PATH = re.compile(r"\[(?P<datastore>[^\]]+)\] (?P<file>.+)\.vmdk\Z")


class FlatFile:
    """The flat file of one disk (a ``mtv.model.disk.HeldDisk``). Owns its session."""

    def __init__(self, url: str, path: str, tracked: Tracked) -> None:
        """``path``: of the disk, as vCenter has it."""
        self._url = url
        self._path = path
        self._tracked = tracked
        self._session = tracked.session

    def location(self) -> HttpLocation:
        """The file's URL with the session's cookie."""
        return HttpLocation(
            url=self._url,
            headers=(("Cookie", self._session.cookie),),
            tls=self._session.connection.tls,
        )

    def renew(self) -> None:
        """Logs in again if the session has expired."""
        self._session.revive()

    def extents(self) -> Sequence[Extent] | None:
        """Where something was ever written, if change tracking knows; ``/folder`` does not."""
        return self._tracked.allocated()

    def point(self) -> str | None:
        """Named by its change id; without change tracking by the snapshot, if there is one.

        The time of a file alone is not enough: a host need not bring that up while the VM runs.
        """
        tracked = self._tracked
        if tracked.change_id is not None:
            return tracked.point()
        if tracked.snapshot is not None:
            return str(tracked.snapshot._moId)
        return f"{self._path}{VAGUE}"  # another file of the same size and second is another disk

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        """What was written since an earlier change id."""
        return self._tracked.changed_since(point)

    def check_held(self) -> None:
        """Raises SourceError when the snapshot was removed meanwhile, or the VM was started."""
        check_held(self._tracked)

    def opened(self) -> str:
        """Nothing: a file is only read."""
        return ""

    def close(self) -> None:
        """Logs out."""
        self._session.close()


def open_disk(
    session: Session, vm: str, key: str, held: Held = NOTHING
) -> FlatFile | VddkDisk | ExportedDisk:
    """The VM's disk with that device key, looked up now.

    By its flat file, else by VDDK where the user has it, else by an export.

    ``held``: the snapshot that is read; without one (or one that is none) the VM has to be off.
    The file of a VM that runs is read only on a kind of storage on which that was proven.
    Raises SourceError when the disk stands still nowhere, or is one that cannot be read.
    """
    found = _find(session, vm, key, held)
    kind = _kind_of_files(session, found.disk)
    vddk = session.connection.vddk
    by_file = kind is not None and (vddk is None or not vddk.every_disk)
    if not by_file or (found.runs and kind not in held.proven):
        return found.otherwise()
    url = _folder_url(session, found.name, found.disk)
    return found.otherwise() if _is_refused(session, url) else found.flat(url)


def open_file(session: Session, vm: str, key: str, held: Held) -> FlatFile | None:
    """The flat file of a disk that has one, proven or not; None if /folder refuses to give it.

    Raises SourceError.
    """
    found = _find(session, vm, key, held)
    url = _folder_url(session, found.name, found.disk)
    return None if _is_refused(session, url) else found.flat(url)


def open_export(session: Session, vm: str, key: str, held: Held) -> ExportedDisk:
    """An export of a disk. Raises SourceError."""
    return _find(session, vm, key, held).exported()


def unproven(session: Session, held: Held) -> dict[str, str]:
    """Kinds of storage that ``held.proven`` does not name -> a disk whose file is there."""
    if held.id == OFF:
        return {}
    devices = read_one(session, session.object(vim.vm.Snapshot, held.id), [DEVICES]).get(DEVICES)
    kinds = {_kind_of_files(session, each): each.key for each in disks(devices or [])}
    return {kind: key for kind, key in kinds.items() if kind and kind not in held.proven}


class _Found(NamedTuple):
    """A disk as it is now, or in a snapshot."""

    name: str
    """Of its VM."""
    disk: Disk
    tracked: Tracked
    target: Any
    """What is exported: the VM, or a snapshot of it."""
    place: str

    @property
    def runs(self) -> bool:
        """Its VM writes on, beside what is read."""
        return self.tracked.snapshot is not None

    def flat(self, url: str) -> FlatFile:
        return FlatFile(url, self.disk.path or "", self.tracked)

    def otherwise(self) -> VddkDisk | ExportedDisk:
        """What is read where no file is."""
        if self.tracked.session.connection.vddk is None:
            return self.exported()
        return VddkDisk(self.disk.path, self.tracked)

    def exported(self) -> ExportedDisk:
        return ExportedDisk(self.target, self.place, self.tracked)


def _of_key(devices: Sequence[Any], key: str) -> Disk | None:
    return next((each for each in disks(devices) if each.key == key), None)


def _find(session: Session, vm: str, key: str, held: Held) -> _Found:
    obj = session.object(vim.VirtualMachine, vm)
    values = read_one(session, obj, ["name", POWER, DEVICES, _KEY])
    name, devices, snapshot = values.get("name", vm), values.get(DEVICES, []), None
    if held.id not in (NOTHING.id, OFF):
        snapshot, of_vm = session.object(vim.vm.Snapshot, held.id), devices
        devices = read_one(session, snapshot, [DEVICES]).get(DEVICES, [])
        _must_be_held(name, now=_of_key(of_vm, key), listed=_of_key(devices, key))
    elif not is_off(values):
        raise SourceError(
            f"{name} is not powered off: its disks change while they are read",
            "shut it down, or let mtv cutover do it",
        )
    disk = _of_key(devices, key)
    if disk is None:
        raise SourceError(
            f"{name} has no disk with key {key} any more",
            "its hardware was changed: run mtv collect, mtv translate and mtv plan again",
        )
    _must_be_readable(name, disk, alone=key in held.alone, encrypted=_KEY in values)
    return _Found(
        name=name,
        disk=disk,
        tracked=Tracked(
            session=session,
            vm=obj,
            snapshot=snapshot,
            key=key,
            capacity_bytes=disk.capacity_bytes,
            label=f"{disk.label} of {name}",
            change_id=_change_id(devices, key),
            doubted=bool(held.doubt),
        ),
        target=obj if snapshot is None else snapshot,
        place=_place(devices, key),
    )


def _must_be_held(name: str, *, now: Disk | None, listed: Disk | None) -> None:
    """That a snapshot holds a disk, which the VM has now and the snapshot lists, or not."""
    # A snapshot may list an independent disk: with the file that the guest goes on writing to.
    for each in (now, listed):
        if each is not None and each.mode.startswith("independent"):
            raise SourceError(
                f"{each.label} of {name} is in no snapshot: an independent disk never is",
                "copy the VM while it is off: mtv cutover",
            )
    if now is not None and listed is None:
        raise SourceError(
            f"{now.label} of {name} is not in the snapshot that is read: it came later",
            "run the same command again: another snapshot is taken then",
        )


def _kind_of_files(session: Session, disk: Disk) -> str | None:
    """Kind of the datastore (``VMFS``) if the disk's flat file there is all of it; else None."""
    if disk.backing is not Backing.FLAT or disk.has_parent:
        return None
    datastore = session.object(vim.Datastore, disk.datastore or "")
    kind = str(read_one(session, datastore, ["summary.type"]).get("summary.type"))
    return None if kind.lower() in OBJECT_STORES else kind


def _is_refused(session: Session, url: str) -> bool:
    """True when /folder will not give the file. What may pass is the copy's to bear with."""
    parts = urlsplit(url)
    headers = {"Cookie": session.cookie, "Range": "bytes=0-0"}
    connection = http.client.HTTPSConnection(
        session.host, session.port, context=session.context, timeout=PROBE_SECONDS
    )
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        return connection.getresponse().status in REFUSALS
    return False


def _place(devices: Sequence[Data], key: str) -> str:
    """Where a disk is plugged in, as exports name it: ``ParaVirtualSCSIController0:1``."""
    by_key = {str(device.get("key")): device for device in devices}
    disk = by_key[key]
    controller = by_key.get(str(disk.get("controllerKey")), Data())
    return f"{controller.kind}{controller.get('busNumber', 0)}:{disk.get('unitNumber', 0)}"


def _change_id(devices: Sequence[Data], key: str) -> str | None:
    """The change id in a disk's backing; "" and "*" are none."""
    for device in devices:
        if str(device.get("key")) == key:
            found = str(device.get("backing", Data()).get("changeId") or "")
            return found if "/" in found else None
    return None


def _must_be_readable(name: str, disk: Disk, *, alone: bool, encrypted: bool) -> None:
    if disk.backing not in (Backing.FLAT, Backing.SESPARSE):
        reason = f"it is stored as {disk.backing}"
    elif disk.encrypted or encrypted:
        reason = "it is encrypted" if disk.encrypted else "the VM is encrypted"
    elif is_shared(disk) and not alone:
        reason = "other VMs may write to it"
    else:
        return
    raise SourceError(
        f"{disk.label} of {name} can be read neither as a file nor by an export: {reason}",
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
