"""A vSphere disk for reading: the flat file of a datastore, over HTTPS ranges.

vCenter (and ESXi) serve datastore files under ``/folder``. That is the whole content of a disk
only when its file has no parent, is stored plain, and nobody writes to it; anything else is
refused here, with the reason.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pyVmomi import vim

from mtv.errors import SourceError
from mtv.model.disk import Extent, HttpLocation
from mtv.model.vm import Backing, Disk
from mtv.sources.vsphere.devices import disks
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.wire import wire_type

_DATASTORE_PATH = re.compile(r"\[(?P<datastore>[^\]]+)\] (?P<file>.+)\.vmdk\Z")


class FlatFile:
    """The flat file of one disk (a ``mtv.model.disk.DiskSource``). Owns the session it is given."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url

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
        """Unknown: ``/folder`` does not tell holes from data."""
        return None

    def point(self) -> None:
        """None: the server tells by the file's time of change."""
        return

    def changed_since(self, point: str) -> None:
        """Unknown."""
        del point

    def close(self) -> None:
        """Logs out."""
        self._session.close()


def open_flat_file(session: Session, vm: str, key: str) -> FlatFile:
    """The flat file of the VM's disk with that device key, looked up now.

    Raises SourceError when the VM is not off or its disk is not one whole flat file.
    """
    values = read_one(
        session,
        session.object(vim.VirtualMachine, vm),
        ["name", "runtime.powerState", "config.hardware.device"],
    )
    name = values.get("name", vm)
    if str(values.get("runtime.powerState")) != "poweredOff":
        raise SourceError(
            f"{name} is not powered off: its disks change while they are read",
            "shut it down, or let mtv cutover do it",
        )
    found = {disk.key: disk for disk in disks(values.get("config.hardware.device", []))}
    disk = found.get(key)
    if disk is None:
        raise SourceError(
            f"{name} has no disk with key {key} any more",
            "its hardware was changed: run mtv collect, mtv translate and mtv plan again",
        )
    _must_be_whole(name, disk)
    return FlatFile(session, _folder_url(session, name, disk))


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
