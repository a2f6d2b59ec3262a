"""Writes the report: ``index.html`` (one file, nothing fetched), ``report.json``, ``vms.csv``."""

import csv
import re
from io import StringIO

import jinja2
import msgspec

from mtv.mappings import data_directory
from mtv.quantities import duration, size
from mtv.report.facts import Facts
from mtv.report.looks import LookFacts
from mtv.spreadsheets import inert


def files(facts: Facts) -> dict[str, str]:
    """File name -> content."""
    return {
        "index.html": html(facts),
        "report.json": msgspec.json.format(msgspec.json.encode(facts), indent=1).decode() + "\n",
        "vms.csv": vms_csv(facts),
    }


def html(facts: Facts) -> str:
    """The page. Every text of the source is escaped; the page loads and runs nothing."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_directory("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = size
    environment.filters["duration"] = duration
    environment.filters["moment"] = _moment
    return environment.get_template("report.html.j2").render(facts=facts)


def vms_csv(facts: Facts) -> str:
    """One line a VM, for a spreadsheet."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            *("ref", "name", "target", "wave", "readiness", "outcome"),
            *("downtime_seconds", "digests", "target_verified", "source_verified"),
        ]
    )
    for vm in facts.vms:
        equal = all(disk.equal for disk in vm.disks)
        digests = ("equal" if equal else "different") if vm.disks else ""
        downtime = "" if vm.downtime_seconds is None else f"{vm.downtime_seconds:.1f}"
        cells = [vm.ref, vm.name, vm.target_name, vm.wave, vm.readiness, vm.outcome]
        looks = [_looked(vm.target_verified), _looked(vm.source_verified)]
        writer.writerow([*map(inert, cells), downtime, digests, *looks])
    return out.getvalue()


def _looked(look: LookFacts | None) -> str:
    """When it was verified; a word where it was not equal."""
    if look is None:
        return ""
    return look.at if look.equal else "no answer" if look.equal is None else "different"


def _moment(iso: str) -> str:
    """An ISO 8601 time as a person reads it, to the second: ``2026-11-22 14:46:59Z``."""
    return re.sub(r"\A(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?", r"\1 \2", iso)
