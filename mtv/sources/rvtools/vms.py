"""From the rows about a VM to the VM."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from mtv.model.quantity import Native
from mtv.model.vm import Vm
from mtv.sources.rvtools.devices import devices, disks, file_systems, guest_nics, nics, snapshots
from mtv.sources.rvtools.joins import Machine, Tables, leaves
from mtv.sources.rvtools.places import Places
from mtv.sources.rvtools.remarks import Remarks
from mtv.sources.rvtools.sheets import guest_ids, normal
from mtv.sources.rvtools.tables import Row, noun

_UNSAID: dict[str, Any] = {
    "is_template": False,
    "power": "unknown",
    "annotation": "",
    "firmware": "bios",
    "secure_boot": False,
    "has_vtpm": False,
    "tools_running": None,
    "cores_per_socket": 1,
    "memory_bytes": 0,
}
"""What stands in a VM's fields that cannot be None when the workbook does not say it."""

_TOOLS = {
    "toolsok": True,
    "toolsold": True,
    "toolsnotrunning": False,
    "toolsnotinstalled": False,
}
_COUNTED = {"vDisk": "disks", "vNetwork": "nics"}


def vms(found: Iterable[Machine], tables: Tables, places: Places, remarks: Remarks) -> Iterator[Vm]:
    """The VMs, in the order of vInfo."""
    smbios = any(each.by.get("smbios_uuid") for each in tables["vInfo"])
    for machine in found:
        _remark(machine, tables, remarks)
        yield noun(
            Vm,
            _computed(machine, places, remarks, smbios),
            machine.row.fields,
            *(machine.first(sheet).fields for sheet in ("vTools", "vCPU", "vMemory")),
            {"sockets": machine.row.by.get("cpus", 0)},
            _UNSAID,
        )


def folder_path(row: Row) -> str:
    """Folders below the data centre's own: ``/DC/vm/shop/web`` is ``shop/web``."""
    parts = [part for part in row.text("folder").split("/") if part]
    datacenter = row.text("datacenter").rpartition("/")[2]
    if len(parts) > 1 and parts[0] == datacenter and parts[1] == "vm":
        parts = parts[1:]
    return "/".join(parts[1:] if parts[:1] == ["vm"] else parts)


def _computed(machine: Machine, places: Places, remarks: Remarks, smbios: bool) -> dict[str, Any]:
    """What does not stand in one cell as it is in the inventory."""
    row, vcenter = machine.row, machine.vcenter
    datacenter = row.text("datacenter")
    uuid = row.by.get("vm_uuid")
    values: dict[str, Any] = {
        "id": machine.id,
        # Old versions know one UUID, the SMBIOS one; later ones call the instance's that.
        "uuid": row.by.get("smbios_uuid") if smbios else uuid,
        "instance_uuid": uuid if smbios else None,
        "folder": folder_path(row),
        "datacenter": datacenter or None,
        "host": places.id("host", vcenter, row.text("host")),
        "cluster": places.id("cluster", vcenter, row.text("cluster"), datacenter),
        "pool": places.id("pool", vcenter, row.text("pool")),
        "vapp": places.id("vapp", vcenter, row.text("vapp"), datacenter),
        "guest_name": row.text("guest_name"),
        "guest_id": _guest_id(row.text("guest_name"), remarks),
        "machine": _machine(row.text("hardware")),
        "uncommitted_bytes": _uncommitted(row),
        "tools_running": _tools_running(machine),
        "disks": tuple(disks(machine, places, remarks)),
        "nics": tuple(nics(machine, places)),
        "snapshots": tuple(snapshots(machine, remarks)),
        "devices": tuple(devices(machine)),
        "guest.nics": tuple(guest_nics(machine)),
        "guest.file_systems": tuple(file_systems(machine)),
        "native": _native(machine),
        "custom_attributes": {name: str(value) for name, value in row.unknown.items()},
    }
    if tools := machine.first("vTools").text("tools"):
        values["guest.agent_status"] = tools
    if path := row.text("path"):
        values["files"] = ({"kind": "config", "path": path},)
    if "enable_uuid" in row.by:
        values["extra_config"] = {"disk.EnableUUID": str(row.by["enable_uuid"]).upper()}
    return values


def _guest_id(name: str, remarks: Remarks) -> str:
    """The guest id of a system's full name; ``""`` where nobody knows it."""
    if not name:
        return ""
    guest_id = guest_ids().get(normal(name), "")
    if not guest_id:
        remarks.count(
            "# VMs run a system that mappings/rvtools/guests.yaml does not name: "
            "their guest ids are unknown",
            name,
        )
    return guest_id


def _machine(hardware: str) -> str | None:
    version = re.search(r"\d+", hardware)
    return f"vmx-{int(version[0]):02}" if version else None


def _uncommitted(row: Row) -> int | None:
    """What its disks may still grow by."""
    provisioned, used = row.by.get("provisioned"), row.fields.get("committed_bytes")
    if provisioned is None or used is None:
        return None
    return max(0, int(provisioned) - int(used))


def _tools_running(machine: Machine) -> bool | None:
    tools = normal(machine.first("vTools").text("tools"))
    if tools in _TOOLS:
        return _TOOLS[tools]
    state = normal(machine.row.text("guest_state"))
    return {"running": True, "notrunning": False}.get(state)


def _native(machine: Machine) -> Native:
    """Cells without a field. Rows whose noun has no ``native`` are numbered."""
    whole: Native = dict(machine.row.native)
    for sheet in ("vCPU", "vMemory", "vTools"):
        whole |= leaves(machine.first(sheet))
    for sheet in ("vSnapshot", "vPartition"):
        for number, row in enumerate(machine.parts.get(sheet, []), 1):
            whole |= leaves(row, number)
    return whole


def _remark(machine: Machine, tables: Tables, remarks: Remarks) -> None:
    """Says what the inventory cannot say of a VM by leaving it out."""
    row, name = machine.row, machine.row.fields["name"]
    fields = row.fields.keys() | machine.first("vCPU").fields.keys()
    if "sockets" not in fields and not row.by.get("cpus"):
        remarks.count("# VMs have no number of CPUs in the workbook: it is unknown, not 0", name)
    if not (fields | machine.first("vMemory").fields.keys()) & {"memory_bytes"}:
        remarks.count("# VMs have no memory size in the workbook: it is unknown, not 0", name)
    if "firmware" not in fields:
        remarks.count("# VMs do not say their firmware: BIOS is assumed", name)
    for sheet, count in _COUNTED.items():
        there = len(machine.parts.get(sheet, []))
        if sheet in tables and there < row.by.get(count, 0):
            remarks.count(
                f"# VMs have fewer rows in {sheet} than vInfo counts {count}: rows are missing",
                name,
            )
