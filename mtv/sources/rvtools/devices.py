"""From rows to the parts of a VM: disks, network cards, snapshots, drives, file systems."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from ipaddress import ip_address
from typing import Any

from mtv.model.vm import (
    Address,
    Backing,
    Device,
    DeviceKind,
    Disk,
    FileSystem,
    GuestNic,
    Nic,
    Snapshot,
)
from mtv.sources.rvtools.joins import Machine, datastore_of, leaves, network_id
from mtv.sources.rvtools.places import Places
from mtv.sources.rvtools.remarks import Remarks
from mtv.sources.rvtools.sheets import normal, words
from mtv.sources.rvtools.tables import Row, noun

_DELTA = re.compile(r"-\d{6}\.vmdk$")
_RAW = {"physicalmode": Backing.RDM_PHYSICAL, "virtualmode": Backing.RDM_VIRTUAL}
_DRIVES = {
    "vCD": (DeviceKind.CDROM, "VirtualCdrom"),
    "vFloppy": (DeviceKind.FLOPPY, "VirtualFloppy"),
    "vUSB": (DeviceKind.USB, "VirtualUSB"),
}
_UNSAID: dict[str, Any] = {"label": "", "mode": "", "unit": 0, "thin": None, "uuid": None}


def disks(machine: Machine, places: Places, remarks: Remarks) -> Iterator[Disk]:
    """The disks of a VM; one whose key is another's is left out."""
    seen = set[str]()
    for number, row in enumerate(machine.parts.get("vDisk", []), 1):
        what = f"disk {number} of {machine.row.fields['name']}"
        disk = _disk(row, number, machine, places, remarks)
        if disk.key in seen:
            remarks.count("vDisk: # rows have the key of the VM's disk before", what)
            continue
        seen.add(disk.key)
        if "capacity_bytes" not in row.fields:
            remarks.count("# disks have no capacity in the workbook: it is unknown, not 0", what)
        if "shared" not in row.fields:
            remarks.count("# disks do not say whether they are shared", what)
        yield disk


def _disk(row: Row, number: int, machine: Machine, places: Places, remarks: Remarks) -> Disk:
    path = row.text("path")
    controller = row.text("controller")
    bus = re.search(r"(\d+)\D*$", controller)
    computed = {
        "path": path,
        "datastore": places.id(
            "datastore", machine.vcenter, datastore_of(path), machine.row.text("datacenter")
        ),
        "backing": _backing(row, remarks),
        "has_parent": bool(_DELTA.search(path)),
        "encrypted": False,
        "controller": _controller(controller),
        "controller_key": controller or None,
        "bus": int(bus[1][:9]) if bus else 0,
        "native": leaves(row),
    }
    unsaid = {"key": f"disk-{number}", "capacity_bytes": 0, "shared": False}
    return noun(Disk, computed, row.fields, unsaid, _UNSAID)


def _backing(row: Row, remarks: Remarks) -> Backing:
    raw = row.by.get("raw")
    mode = _RAW.get(normal(row.text("raw_mode")))
    if mode is not None and raw is not False:
        return mode
    if raw is False:
        return Backing.FLAT
    remarks.count(
        "# disks do not say whether, or in which mode, they are raw device mappings",
        f"row {row.number}",
    )
    return Backing.OTHER


@cache
def _controller(name: str) -> str:
    """The kind of a controller by its name: ``LSI Logic SAS``, ``NVME controller 0``."""
    for pattern, kind in words().controllers.items():
        if re.search(pattern, name, re.IGNORECASE):
            return kind
    return name


def nics(machine: Machine, places: Places) -> Iterator[Nic]:
    """The network cards of a VM."""
    for row, key in _keyed_nics(machine):
        yield noun(
            Nic,
            {
                "key": key,
                "network": network_id(places, row, machine.vcenter),
                "native": leaves(row),
            },
            row.fields,
            {"label": key, "model": "", "mac": None, "connected_at_power_on": True},
        )


def guest_nics(machine: Machine) -> Iterator[GuestNic]:
    """The network cards that the guest gives addresses to."""
    for row, key in _keyed_nics(machine):
        found = tuple(
            address
            for text in (*row.by.get("ipv4", ()), *row.by.get("ipv6", ()))
            if (address := _address(text)) is not None
        )
        if found:
            yield GuestNic(mac=row.fields.get("mac"), nic=key, addresses=found)


def _keyed_nics(machine: Machine) -> Iterator[tuple[Row, str]]:
    seen = set[str]()
    for number, row in enumerate(machine.parts.get("vNetwork", []), 1):
        label = row.fields.get("label", "")
        key = label if label and label not in seen else f"nic-{number}"
        seen.add(key)
        yield row, key


def _address(text: str) -> Address | None:
    """An address, with its prefix where one is written."""
    bare, _, prefix = text.partition("/")
    try:
        ip_address(bare)
    except ValueError:
        return None
    return Address(address=bare, prefix=int(prefix) if prefix.isdecimal() else None)


def snapshots(machine: Machine, remarks: Remarks) -> Iterator[Snapshot]:
    """The snapshots of a VM. How they follow each other is not in the workbook."""
    for number, row in enumerate(machine.parts.get("vSnapshot", []), 1):
        if "created_at" not in row.fields:
            remarks.count(
                "# snapshots have no readable date: their age is unknown",
                f"of {machine.row.fields['name']}",
            )
        computed = {"id": f"{machine.id}/snapshot-{number}", "depth": 0}
        yield noun(Snapshot, computed, row.fields, {"name": "", "created_at": ""})


def devices(machine: Machine) -> Iterator[Device]:
    """The controllers that a VM's disks name, and its CD, floppy and USB devices."""
    for row in _first_of_each(machine.parts.get("vDisk", []), "controller"):
        name = row.text("controller")
        yield Device(key=name, kind=DeviceKind.CONTROLLER, class_=_controller(name), label=name)
    for sheet, (kind, class_) in _DRIVES.items():
        for number, row in enumerate(machine.parts.get(sheet, []), 1):
            computed = {
                "key": f"{kind}-{number}",
                "kind": kind.value,
                "class": class_,
                "native": leaves(row),
            }
            yield noun(Device, computed, row.fields)


def _first_of_each(rows: Sequence[Row], key: str) -> Iterator[Row]:
    """The first row with each value of a column."""
    seen = {""}
    for row in rows:
        if row.text(key) not in seen:
            seen.add(row.text(key))
            yield row


def file_systems(machine: Machine) -> Iterator[FileSystem]:
    """The file systems in the guest."""
    for row in machine.parts.get("vPartition", []):
        keys = (row.text("disk_key"),) if row.by.get("disk_key") else ()
        yield noun(FileSystem, {"disks": keys}, row.fields, {"path": ""})
