"""Which rows belong together: the sheets of a workbook are joined by ids and names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mtv.errors import SourceError
from mtv.model.quantity import Native
from mtv.sources.rvtools.places import Places, VCenters
from mtv.sources.rvtools.remarks import Remarks
from mtv.sources.rvtools.sheets import sheets
from mtv.sources.rvtools.tables import Row

Tables = Mapping[str, list[Row]]
"""Sheet -> its rows; a sheet that is missing has no entry."""


@dataclass
class Machine:
    """All rows about one VM."""

    row: Row
    """Its row in vInfo."""
    vcenter: str
    id: str
    parts: dict[str, list[Row]] = field(default_factory=dict)
    """Sheet -> rows."""

    def first(self, sheet: str) -> Row:
        """Its row in a sheet that has one row a VM; an empty row where there is none."""
        rows = self.parts.get(sheet)
        return rows[0] if rows else Row(sheet, 0)


def machines(tables: Tables, vcenters: VCenters, remarks: Remarks) -> list[Machine]:
    """The VMs of vInfo with their rows of the other sheets. Raises SourceError without ids."""
    found, passed = dict[str, Machine](), set[str]()
    by_name = dict[tuple[str, str], list[Machine]]()
    for machine in _named(tables["vInfo"], vcenters, remarks):
        if machine.row.by.get("placeholder"):
            remarks.count(
                "# placeholders of Site Recovery Manager are left out: their VMs run elsewhere",
                machine.row.text("vm"),
                on_purpose=True,
            )
            passed |= set(_keys(machine.row, machine.vcenter))
        elif machine.id in found:
            remarks.count(
                "vInfo: # rows have the id of another VM and are left out",
                f"{machine.id} in row {machine.row.number}",
            )
        else:
            found[machine.id] = machine
            by_name.setdefault((machine.vcenter, machine.row.fields["name"]), []).append(machine)
    by_key = {key: m for m in found.values() for key in _keys(m.row, m.vcenter)}
    for sheet in (each.sheet for each in sheets() if each.of_vm):
        for row in tables.get(sheet, []):
            vcenter = vcenters.of(row)
            keys = _keys(row, vcenter)
            of = next((by_key[key] for key in keys if key in by_key), None)
            if of is None:
                of = _only_namesake(by_name.get((vcenter, row.text("vm")), []), row)
            if of is not None:
                of.parts.setdefault(sheet, []).append(row)
            elif not passed & set(keys):
                remarks.count(
                    f"{sheet}: # rows belong to no VM of vInfo, or nothing says to which",
                    f"{row.text('vm')} in row {row.number}",
                )
    return list(found.values())


def _named(rows: Iterable[Row], vcenters: VCenters, remarks: Remarks) -> Iterator[Machine]:
    for row in rows:
        id_ = row.text("vm_id") or row.text("vm_uuid") or row.text("smbios_uuid")
        if not row.fields.get("name"):
            remarks.count("vInfo: # rows name no VM and are left out", f"row {row.number}")
        elif not id_:
            remarks.count(
                "vInfo: # VMs have neither a VM ID nor a UUID and are left out",
                str(row.fields["name"]),
            )
        else:
            row.by.setdefault("vm", row.fields["name"])
            vcenter = vcenters.of(row)
            yield Machine(row, vcenter, vcenters.id(vcenter, id_))


def _only_namesake(namesakes: list[Machine], row: Row) -> Machine | None:
    """The one VM of a row's name, where no id that both have could have told."""
    if len(namesakes) != 1 or namesakes[0].row.by.keys() & row.by.keys() & {"vm_id", "vm_uuid"}:
        return None
    return namesakes[0]


def _keys(row: Row, vcenter: str) -> list[str]:
    """Keys by which rows of one VM find each other, the best first."""
    return [
        f"{vcenter} {name} {row.text(name)}" for name in ("vm_id", "vm_uuid") if row.by.get(name)
    ]


def check_ids(tables: Tables, book: str) -> None:
    """Raises SourceError when vInfo has no column that tells its VMs apart."""
    rows = tables["vInfo"]
    if not rows:
        raise SourceError(f"{book}: the sheet vInfo has no VMs", "export it again from RVTools")
    if not any(row.by.keys() & {"vm_id", "vm_uuid", "smbios_uuid"} for row in rows):
        raise SourceError(
            f"{book}: the sheet vInfo has neither VM IDs nor UUIDs",
            "export it again from RVTools with all columns",
        )


def noted(tables: Tables, vcenters: VCenters) -> Places:
    """Every object that the rows name."""
    places = Places(vcenters)
    for rows in tables.values():
        for row in rows:
            vcenter, datacenter = vcenters.of(row), row.text("datacenter")
            places.note("datacenter", vcenter, datacenter)
            places.note("cluster", vcenter, row.text("cluster"), datacenter)
            places.note("host", vcenter, row.text("host"))
    _note_compute(tables, vcenters, places)
    _note_storage(tables, vcenters, places)
    _note_networks(tables, vcenters, places)
    return places


def _note_compute(tables: Tables, vcenters: VCenters, places: Places) -> None:
    for row in tables.get("vCluster", []):
        places.note("cluster", vcenters.of(row), row.fields.get("name", ""))
    for row in tables.get("vRP", []):
        places.note("pool", vcenters.of(row), row.text("path") or row.fields.get("name", ""))
    for row in tables["vInfo"]:
        places.note("pool", vcenters.of(row), row.text("pool"))
        places.note("vapp", vcenters.of(row), row.text("vapp"), row.text("datacenter"))


def _note_storage(tables: Tables, vcenters: VCenters, places: Places) -> None:
    standing = datacenters_of_hosts(tables, vcenters)
    listed = set[tuple[str, str]]()
    for row in tables.get("vDatastore", []):
        vcenter, name = vcenters.of(row), row.fields.get("name", "")
        listed.add((vcenter, name))
        places.note("datastore", vcenter, name, datastore_datacenter(row, vcenter, standing))
        places.note("datastore-cluster", vcenter, row.text("datastore_cluster"))
    for row in tables.get("vDisk", []):
        vcenter, name = vcenters.of(row), datastore_of(row.text("path"))
        if (vcenter, name) not in listed:
            places.note("datastore", vcenter, name, row.text("datacenter"))


def _note_networks(tables: Tables, vcenters: VCenters, places: Places) -> None:
    for row in tables.get("dvSwitch", []):
        places.note("dvs", vcenters.of(row), row.fields.get("name", ""), row.text("datacenter"))
    for row in tables.get("dvPort", []):
        name, switch = row.fields.get("name", ""), row.fields.get("switch", "")
        places.note("dvportgroup", vcenters.of(row), name, switch)
    used = {(vcenters.of(row), row.text("network")) for row in tables.get("vNetwork", [])}
    of_hosts = {(vcenters.of(row), row.fields.get("network")) for row in tables.get("vSC_VMK", [])}
    for row in tables.get("vPort", []):
        key = (vcenters.of(row), row.fields.get("name", ""))
        # A port group that only hosts use is no network for vCenter either.
        if key in used or key not in of_hosts:
            places.note("network", *key, row.text("datacenter"))
    for row in tables.get("vNetwork", []):
        vcenter, name, switch = vcenters.of(row), row.text("network"), row.text("switch")
        if _is_distributed(places, row, vcenter):
            places.note("dvportgroup", vcenter, name, switch)
        else:
            places.note("network", vcenter, name, row.text("datacenter"))


def _is_distributed(places: Places, row: Row, vcenter: str) -> bool:
    """True when the network of a row of vNetwork belongs to a distributed switch."""
    name, switch = row.text("network"), row.text("switch")
    if not switch:
        return places.id("dvportgroup", vcenter, name) is not None
    return (
        places.has("dvportgroup", vcenter, name, switch)
        or places.id("dvs", vcenter, switch, row.text("datacenter")) is not None
    )


def network_id(places: Places, row: Row, vcenter: str) -> str | None:
    """Id of the network that a row of vNetwork names; its switch says of which kind it is."""
    if _is_distributed(places, row, vcenter):
        return places.id("dvportgroup", vcenter, row.text("network"), row.text("switch"))
    return places.id("network", vcenter, row.text("network"), row.text("datacenter"))


def datacenters_of_hosts(tables: Tables, vcenters: VCenters) -> dict[tuple[str, str], str]:
    """vCenter and name of a host -> its data centre."""
    return {
        (vcenters.of(row), row.text("host")): row.text("datacenter")
        for sheet in ("vInfo", "vHost")
        for row in tables.get(sheet, [])
        if row.by.get("host") and row.by.get("datacenter")
    }


def datastore_datacenter(row: Row, vcenter: str, standing: Mapping[tuple[str, str], str]) -> str:
    """The data centre of a datastore's hosts; ``""`` where they are in several, or unknown."""
    found = {standing.get((vcenter, host), "") for host in row.by.get("hosts", ())} - {""}
    return row.text("datacenter") or (found.pop() if len(found) == 1 else "")


def datastore_of(path: str) -> str:
    """Name of the datastore in a path: ``[gold] web01/web01.vmdk``."""
    if not path.startswith("["):
        return ""
    return path[1:].partition("] ")[0].removesuffix("]")


def leaves(row: Row, number: int | None = None) -> Native:
    """What of a row has no field; ``number`` tells rows apart whose noun has no ``native``."""
    whole = {**row.native, **{f"{row.sheet}.{name}": v for name, v in row.unknown.items()}}
    if number is None:
        return whole
    return {f"{row.sheet}[{number}]{path[len(row.sheet) :]}": v for path, v in whole.items()}
