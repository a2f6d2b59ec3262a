"""From rows to what VMs run on: data centres, clusters, hosts, pools, folders."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_interface
from typing import Any

from mtv.model.compute import (
    Cluster,
    Host,
    HostInterface,
    HostPortGroup,
    HostSwitch,
    PhysicalNic,
    ResourcePool,
    VApp,
)
from mtv.model.organisation import Datacenter, Folder
from mtv.model.quantity import Native
from mtv.sources.rvtools.joins import Machine, Tables, leaves
from mtv.sources.rvtools.places import Places, VCenters
from mtv.sources.rvtools.remarks import Remarks, shown
from mtv.sources.rvtools.tables import Row, noun
from mtv.sources.rvtools.vms import folder_path


def datacenters(places: Places) -> Iterator[Datacenter]:
    """Every data centre that a row names."""
    for _, name, _, id_ in places.all("datacenter"):
        yield Datacenter(id=id_, name=name)


def clusters(
    tables: Tables, vcenters: VCenters, places: Places, remarks: Remarks
) -> Iterator[Cluster]:
    """Every cluster that a row names, with what vCluster says of it."""
    rows = _by_id(tables, "vCluster", "name", "cluster", vcenters, places, remarks)
    for _, name, place, id_ in places.all("cluster"):
        row = rows.get(id_, Row("vCluster", 0))
        computed = {"id": id_, "name": name, "datacenter": place or None, "native": leaves(row)}
        yield noun(Cluster, computed, row.fields)


def hosts(tables: Tables, vcenters: VCenters, places: Places, remarks: Remarks) -> Iterator[Host]:
    """Every host that a row names, with its hardware and its networks."""
    rows = _by_id(tables, "vHost", "name", "host", vcenters, places, remarks)
    standing = dict[str, Row]()
    parts = dict[str, dict[str, list[Row]]]()
    for sheet in ("vHost", "vInfo", "vHBA", "vNIC", "vSC_VMK", "vSwitch", "vPort"):
        for row in tables.get(sheet, []):
            id_ = places.id("host", vcenters.of(row), row.text("host"))
            if id_ is None:
                if sheet != "vInfo":
                    remarks.count(f"{sheet}: # rows name no host", f"row {row.number}")
                continue
            standing.setdefault(id_, row)
            parts.setdefault(id_, {}).setdefault(sheet, []).append(row)
    for vcenter, name, _, id_ in places.all("host"):
        row, place = rows.get(id_, Row("vHost", 0)), standing.get(id_, Row("", 0))
        datacenter = place.text("datacenter")
        own = parts.get(id_, {})
        computed: dict[str, Any] = {
            "id": id_,
            "name": name,
            "cluster": places.id("cluster", vcenter, place.text("cluster"), datacenter),
            "datacenter": datacenter or None,
            "nics": tuple(_physical_nics(own)),
            "switches": tuple(_switches(own)),
            "port_groups": tuple(_port_groups(own)),
            "interfaces": tuple(_interfaces(own)),
            "native": leaves(row) | _adapters(own),
        }
        unsaid = {"cpu_model": "", "cores": None, "memory_bytes": None, "version": ""}
        yield noun(Host, computed, row.fields, unsaid)


def _by_id(
    tables: Tables,
    sheet: str,
    name: str,
    kind: str,
    vcenters: VCenters,
    places: Places,
    remarks: Remarks,
) -> dict[str, Row]:
    """Rows of a sheet by the id of what they are about; of a second row about it, it says so."""
    found = dict[str, Row]()
    for row in tables.get(sheet, []):
        called = str(row.fields.get(name, ""))
        id_ = places.id(kind, vcenters.of(row), called, row.text("datacenter"))
        if id_ is None or id_ in found:
            remarks.count(
                f"{sheet}: # rows are left out: it is not clear which {kind} they are about",
                f"{shown(called)!r} in row {row.number}",
            )
        else:
            found[id_] = row
    return found


def _physical_nics(own: dict[str, list[Row]]) -> Iterator[PhysicalNic]:
    for row in own.get("vNIC", []):
        yield noun(PhysicalNic, {"native": leaves(row)}, row.fields, {"name": ""})


def _switches(own: dict[str, list[Row]]) -> Iterator[HostSwitch]:
    """Standard switches, and the host's parts of distributed ones, which only vNIC tells."""
    uplinks = dict[str, list[str]]()
    for row in own.get("vNIC", []):
        if row.by.get("switch"):
            uplinks.setdefault(row.text("switch"), []).append(row.fields.get("name", ""))
    for row in own.get("vSwitch", []):
        name = row.fields.get("name", "")
        links = {"kind": "standard", "uplinks": uplinks.pop(name, []), "native": leaves(row)}
        yield noun(HostSwitch, links, row.fields, {"name": name})
    for name, links_of in uplinks.items():
        kind = "standard" if name.startswith("vSwitch") else "proxy"
        yield HostSwitch(name=name, kind=kind, uplinks=tuple(links_of))


def _port_groups(own: dict[str, list[Row]]) -> Iterator[HostPortGroup]:
    for row in own.get("vPort", []):
        vlan = row.text("vlan")
        computed = {
            "vlan": int(vlan) if re.fullmatch(r"\d{1,4}", vlan) else None,
            "native": leaves(row),
        }
        yield noun(HostPortGroup, computed, row.fields, {"name": "", "switch": ""})


def _interfaces(own: dict[str, list[Row]]) -> Iterator[HostInterface]:
    for row in own.get("vSC_VMK", []):
        address = _with_prefix(row.text("address"), row.text("mask"))
        computed = {"addresses": (address,) if address else (), "native": leaves(row)}
        yield noun(HostInterface, computed, row.fields, {"name": ""})


def _with_prefix(address: str, mask: str) -> str:
    """``10.0.0.5/24`` of an address and a mask; the address alone where the mask is none."""
    try:
        return str(ip_interface(f"{address}/{mask}")) if mask else address
    except ValueError:
        return address


def _adapters(own: dict[str, list[Row]]) -> Native:
    """Host bus adapters, which have no noun: ``vHBA[vmhba0].Driver``."""
    found: Native = {}
    for row in own.get("vHBA", []):
        device = row.text("device")
        found[f"vHBA[{device}].Device"] = device
        for path, value in leaves(row).items():
            found[f"vHBA[{device}].{path.removeprefix('vHBA.')}"] = value
    return found


def resource_pools(
    tables: Tables, vcenters: VCenters, places: Places, found: Iterable[Machine]
) -> Iterator[ResourcePool]:
    """Every pool that a row names. Its path begins below the cluster's root pool."""
    rows = {
        places.id("pool", vcenters.of(row), row.text("path") or row.fields.get("name", "")): row
        for row in tables.get("vRP", [])
    }
    members = dict[str | None, list[str]]()
    for machine in found:
        pool = places.id("pool", machine.vcenter, machine.row.text("pool"))
        members.setdefault(pool, []).append(machine.id)
    for vcenter, whole, _, id_ in places.all("pool"):
        row = rows.get(id_, Row("vRP", 0))
        above, _, below = whole.partition("/Resources")
        cluster = above.rpartition("/")[2] if below or whole.endswith("/Resources") else ""
        path = below.strip("/") if cluster else whole
        datacenter = above.strip("/").partition("/")[0]
        computed = {
            "id": id_,
            "path": path,
            "cluster": places.id("cluster", vcenter, cluster, datacenter),
            "parent": places.id("pool", vcenter, whole.rpartition("/")[0]),
            "vms": tuple(members.get(id_, ())),
            "native": leaves(row),
        }
        yield noun(ResourcePool, computed, row.fields, {"name": whole.rpartition("/")[2]})


def vapps(places: Places, found: Iterable[Machine]) -> Iterator[VApp]:
    """Every vApp that a VM names."""
    members = dict[str | None, list[str]]()
    for machine in found:
        row = machine.row
        vapp = places.id("vapp", machine.vcenter, row.text("vapp"), row.text("datacenter"))
        members.setdefault(vapp, []).append(machine.id)
    for _, name, _, id_ in places.all("vapp"):
        yield VApp(id=id_, name=name, vms=tuple(members.get(id_, ())))


def folders(found: Iterable[Machine], vcenters: VCenters) -> Iterator[Folder]:
    """Every folder that a VM stands in."""
    seen = set[str]()
    for machine in found:
        row, path = machine.row, folder_path(machine.row)
        datacenter = row.text("datacenter")
        id_ = row.text("folder_id") or f"folder:{datacenter}/{path}"
        id_ = vcenters.id(machine.vcenter, id_)
        if path and id_ not in seen:
            seen.add(id_)
            name = path.rpartition("/")[2]
            yield Folder(id=id_, name=name, path=path, kind="vm", datacenter=datacenter or None)
