"""From a workbook to an Inventory."""

from collections.abc import Iterator
from itertools import chain

from mtv.errors import SourceError
from mtv.model.estate import Inventory
from mtv.sources.rvtools.compute import (
    clusters,
    datacenters,
    folders,
    hosts,
    resource_pools,
    vapps,
)
from mtv.sources.rvtools.joins import Tables, check_ids, machines, noted
from mtv.sources.rvtools.network import networks, switches
from mtv.sources.rvtools.places import VCenters
from mtv.sources.rvtools.remarks import Remarks, shown
from mtv.sources.rvtools.sheets import Sheet, normal, sheets, words
from mtv.sources.rvtools.storage import datastore_clusters, datastores
from mtv.sources.rvtools.tables import Row, read_table
from mtv.sources.rvtools.vms import vms
from mtv.sources.rvtools.workbook import Workbook
from mtv.tasks import OnProgress, Progress

_FIRST = "vInfo"


def collect(book: Workbook, source: str, on_progress: OnProgress) -> Inventory:
    """All that the workbook tells. Raises SourceError when it has no VMs that can be told apart."""
    remarks = Remarks()
    tables = _tables(book, remarks, on_progress)
    check_ids(tables, book.name)
    vcenters = VCenters(chain.from_iterable(tables.values()), remarks)
    if not vcenters.uuids:
        remarks.say("the workbook does not say which vCenter it is of (VI SDK UUID)")
    places = noted(tables, vcenters)
    found = machines(tables, vcenters, remarks)
    return Inventory(
        source=source,
        product="rvtools",
        version=_version(tables),
        instance=",".join(vcenters.uuids),
        collected_at=_exported_at(tables, book),
        assessment_only=True,
        vms=tuple(vms(found, tables, places, remarks)),
        datacenters=tuple(datacenters(places)),
        folders=tuple(folders(found, vcenters)),
        clusters=tuple(clusters(tables, vcenters, places, remarks)),
        hosts=tuple(hosts(tables, vcenters, places, remarks)),
        resource_pools=tuple(resource_pools(tables, vcenters, places, found)),
        vapps=tuple(vapps(places, found)),
        datastores=tuple(datastores(tables, vcenters, places, remarks)),
        datastore_clusters=tuple(datastore_clusters(tables, vcenters, places)),
        networks=tuple(networks(tables, vcenters, places, remarks)),
        switches=tuple(switches(tables, vcenters, places, remarks)),
        left_out=(*remarks.on_purpose(), words().not_told),
        unreadable=remarks.sentences(),
    )


def _tables(book: Workbook, remarks: Remarks, on_progress: OnProgress) -> Tables:
    """The rows of every known sheet; one that is missing is said to be."""
    there = {normal(name).removeprefix("tab"): name for name in reversed(book.sheets)}
    wanted = sorted(sheets(), key=lambda each: each.sheet != _FIRST)
    tables = dict[str, list[Row]]()
    repeated = frozenset[str]()
    for number, sheet in enumerate(wanted):
        on_progress(Progress(says=f"reading {sheet.sheet}", done=number, total=len(wanted)))
        name = there.pop(normal(sheet.sheet), None)
        if name is None:
            _say_missing(book, sheet, remarks)
            continue
        try:
            rows = read_table(
                book.rows(name), sheet, remarks, repeated if sheet.of_vm else frozenset()
            )
        except SourceError as problem:
            if sheet.sheet == _FIRST:
                raise
            remarks.say(f"{problem}: {sheet.without or 'it is not read'}")
            continue
        tables[sheet.sheet] = rows
        if sheet.sheet == _FIRST:
            # The other sheets of VMs repeat the custom attributes.
            repeated = frozenset(normal(header) for row in rows for header in row.unknown)
    for name, why in words().left_out.items():
        if there.pop(normal(name), None):
            remarks.say(f"the sheet {name} is not read: {why}", on_purpose=True)
    unknown = [shown(name) for name in there.values()]
    if unknown:
        listed = ", ".join(unknown)
        remarks.say(f"sheets that mtv does not know and does not read: {listed}", on_purpose=True)
    on_progress(Progress(says="read the workbook", done=len(wanted), total=len(wanted)))
    return tables


def _say_missing(book: Workbook, sheet: Sheet, remarks: Remarks) -> None:
    if sheet.sheet == _FIRST:
        raise SourceError(
            f"{book.name} has no sheet vInfo: it is no RVTools workbook, or a part of one",
            "export all sheets from RVTools (File, Export all to Excel)",
        )
    if sheet.without:
        remarks.say(f"the workbook has no sheet {sheet.sheet}: {sheet.without}")


def _version(tables: Tables) -> str:
    """``RVTools 4.4.1 of vCenter 8.0.2 build 22385739``, as far as it is known."""
    tool = next(_texts(tables, "vMetaData", "version"), "")
    found = [
        " build ".join(filter(None, (row.text("version"), row.text("build"))))
        for row in tables.get("vSource", [])
    ]
    known = list(dict.fromkeys(filter(None, found)))
    if not known:
        known = [f"API {v}" for v in dict.fromkeys(_texts(tables, _FIRST, "api_version"))]
    words_of = [f"RVTools {tool}".strip(), f"vCenter {', '.join(known)}" if known else ""]
    return " of ".join(filter(None, words_of))


def _texts(tables: Tables, sheet: str, name: str) -> Iterator[str]:
    return (row.text(name) for row in tables.get(sheet, []) if row.by.get(name))


def _exported_at(tables: Tables, book: Workbook) -> str:
    """When RVTools wrote it, else when the file was last written."""
    written = book.modified_at.isoformat(timespec="seconds")
    return next(_texts(tables, "vMetaData", "created"), written).replace("+00:00", "Z")
