"""From rows to datastores and their clusters."""

from collections.abc import Iterator
from typing import Any

from mtv.model.storage import Datastore, DatastoreCluster
from mtv.sources.rvtools.joins import (
    Tables,
    datacenters_of_hosts,
    datastore_datacenter,
    leaves,
)
from mtv.sources.rvtools.places import Places, VCenters
from mtv.sources.rvtools.remarks import Remarks, shown
from mtv.sources.rvtools.tables import Row, noun


def datastores(
    tables: Tables, vcenters: VCenters, places: Places, remarks: Remarks
) -> Iterator[Datastore]:
    """Every datastore of vDatastore, and those that only disks name."""
    standing = datacenters_of_hosts(tables, vcenters)
    rows = dict[str, Row]()
    for row in tables.get("vDatastore", []):
        vcenter, name = vcenters.of(row), row.fields.get("name", "")
        place = datastore_datacenter(row, vcenter, standing)
        id_ = places.id("datastore", vcenter, name, place)
        if id_ is None or id_ in rows:
            remarks.count(
                "vDatastore: # rows are left out: it is not clear which datastore they are about",
                f"{shown(name)!r} in row {row.number}",
            )
        else:
            rows[id_] = row
    for vcenter, name, place, id_ in places.all("datastore"):
        row = rows.get(id_, Row("vDatastore", 0))
        mounts = [places.id("host", vcenter, host) or host for host in row.by.get("hosts", ())]
        computed: dict[str, Any] = {
            "id": id_,
            "name": name,
            "datacenter": place or None,
            "datastore_cluster": places.id(
                "datastore-cluster", vcenter, row.text("datastore_cluster")
            ),
            "hosts": tuple({"host": host} for host in mounts),
            "native": leaves(row),
            **_address(row),
        }
        unsaid = {"kind": "", "capacity_bytes": None, "free_bytes": None}
        yield noun(Datastore, computed, row.fields, unsaid)


def datastore_clusters(
    tables: Tables, vcenters: VCenters, places: Places
) -> Iterator[DatastoreCluster]:
    """Every datastore cluster that vDatastore names."""
    standing = datacenters_of_hosts(tables, vcenters)
    members = dict[str | None, list[str]]()
    for row in tables.get("vDatastore", []):
        vcenter = vcenters.of(row)
        place = datastore_datacenter(row, vcenter, standing)
        cluster = places.id("datastore-cluster", vcenter, row.text("datastore_cluster"))
        id_ = places.id("datastore", vcenter, row.fields.get("name", ""), place)
        if id_ is not None:
            members.setdefault(cluster, []).append(id_)
    for _, name, _, id_ in places.all("datastore-cluster"):
        yield DatastoreCluster(id=id_, name=name, datastores=tuple(members.get(id_, ())))


def _address(row: Row) -> dict[str, Any]:
    """Where a datastore lies: a server for NFS, devices for the others."""
    address = row.text("address")
    if not address:
        return {}
    if str(row.fields.get("kind", "")).upper().startswith("NFS"):
        return {"remote_host": address}
    return {"extents": tuple(filter(None, (part.strip() for part in address.split(","))))}
