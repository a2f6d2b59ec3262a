"""Writes the generated pages: ``python docs/generate.py [DIRECTORY]`` (default: this folder).

commands.md from the command line itself, terminology.md and vm.md from mappings/terms, metrics.md
from mappings/counters.yaml and mappings/alarms.yaml, completeness.md from mappings/completeness,
and the JSON schemas from the model. The same input always gives the same bytes; a test compares
them with what is checked in.
"""

import inspect
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click

from mtv.cli.main import command as mtv
from mtv.inventory.schema import schema
from mtv.knowledge.alarms import Alert, Covered, alarm_table
from mtv.knowledge.counters import Counter, Scope, counters, selected
from mtv.mappings import LeftOut, completeness, term_rows
from mtv.model.ledger import TermRow
from mtv.model.target import SiteMapping, Target
from mtv.schemas import schema_of, schema_text

PRODUCTS = {"vsphere": "vSphere", "rhv": "RHV", "ova": "OVA", "rvtools": "RVTools"}

OF = {"vm": "VM", "nic": "NIC"} | {word: word for word in ("disk", "host", "cluster", "datastore")}

NOTE = "<!-- Written by docs/generate.py; do not edit. -->\n"


def commands_page() -> str:
    """Every command with its help, its arguments and its options."""
    lines = [
        NOTE,
        "# Commands\n",
        "In the order of the work. `mtv COMMAND --help` says the same.\n",
        *_command("mtv", mtv),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _command(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"## {path}\n"
    yield from _help(command.help or "")
    yield f"Usage: `{' '.join([path, *command.collect_usage_pieces(context)])}`\n"
    options = [param for param in command.params if isinstance(param, click.Option)]
    if options:
        yield "| Option | |\n|---|---|"
        yield from (_option(option, context) for option in options)
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(f"{path} {name}", inner)


def _help(text: str) -> Iterator[str]:
    """Paragraphs; those that click is told not to wrap become a block of code."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = paragraph.strip("\n").split("\n")
        if lines and lines[0] == "\b":
            title, *rest = lines[1:]
            if rest and all(line.startswith("  ") for line in rest):
                yield f"{title}\n\n```"
                yield from (line.removeprefix("  ") for line in rest)
                yield "```\n"
            else:
                yield from (f"{line}  " for line in lines[1:])
                yield ""
        elif lines:
            yield " ".join(line.strip() for line in lines) + "\n"


def _option(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    value = "" if option.is_flag else f" `{option.make_metavar(context)}`"
    says = " ".join((option.help or "").split())
    if option.show_default and option.default is not None:
        says += f" Default: `{option.default}`."
    return f"| {_cell(names + value)} | {_cell(says)} |"


def terminology_page() -> str:
    """Every row of the terminology mapping, by concept."""
    lines = [
        NOTE,
        "# Terminology\n",
        "What every collected concept becomes. The rows are data: `mappings/terms/*.yaml`.\n",
        "- **carried**: the value itself is in the target field",
        "- **adapted**: the target says the same in its own way",
        "- **reported**: the target has no equivalent; the report says what to do instead",
        "- **ignored**: it has no meaning on the target\n",
    ]
    rows = sorted(term_rows(), key=lambda row: row.concept)
    for concept, group in groupby(rows, key=lambda row: row.concept):
        lines += [f"## {concept[:1].upper()}{concept[1:]}\n"]
        lines += ["| At the source | On the target | | Rule | Fields |", "|---|---|---|---|---|"]
        lines += [*map(_row, group), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(row: TermRow) -> str:
    says = row.says.replace("({value})", "").replace("{value}", "…").replace(" .", ".")
    since = f" Since OpenShift {row.since}." if row.since else ""
    caveat = f" *{row.caveat}*" if row.caveat else ""
    reads = "<br>".join(f"`{path}`" for path in row.reads)
    writes = "".join(f"<br>→ {each.kind} `{each.field}`" for each in row.writes)
    words = [f"{word} ({PRODUCTS[product]})" for product, word in row.source.items()]
    cells = [", ".join(words), row.target, f"**{row.outcome}**"]
    cells += [f"{says}{since}{caveat}", f"{reads}{writes}"]
    return f"| {' | '.join(map(_cell, cells))} |"


def vm_page() -> str:
    """Every property of a VM with what becomes of it, source by source."""
    lines = [
        NOTE,
        "# A VM, property by property\n",
        (
            "What becomes of everything that a VM has, and in which field of the target it is; "
            "`mtv explain VM` says it of the values of one VM. The outcomes and the rules are in "
            "[terminology.md](terminology.md). An outcome holds wherever that source tells the "
            "property; what is read of which source is in [completeness.md](completeness.md).\n"
        ),
        "| Property | vSphere | RHV | OVA | Target |",
        "|---|---|---|---|---|",
        *(_property(path) for path in _paths_of_vms() if not _is_own(path)),
        "",
        "## The source's own properties\n",
        ("They have no field of the inventory; a row answers for one with all that is below it.\n"),
        "| Property | Source | Outcome | |",
        "|---|---|---|---|",
        *(
            _own_property(path, row)
            for path in _paths_of_vms()
            if _is_own(path)
            for row in term_rows()
            if path in row.reads
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _paths_of_vms() -> Iterator[str]:
    """Inventory paths of VMs, in the order of the rows, each once."""
    every = (path for row in term_rows() for path in row.reads if path.startswith("vms[]."))
    yield from sorted(dict.fromkeys(every))


def _is_own(path: str) -> bool:
    return "native{" in path


def _property(path: str) -> str:
    rows = {
        product: row
        for row in term_rows()
        if path in row.reads
        for product in ("vsphere", "rhv", "ova")
        if row.answers_for(product)
    }
    found = dict.fromkeys(
        f"{each.kind} `{each.field}`" for row in rows.values() for each in row.writes
    )
    target = "<br>".join(found) or "<br>".join(dict.fromkeys(row.target for row in rows.values()))
    outcomes = [
        str(rows[each].outcome) if each in rows else "" for each in ("vsphere", "rhv", "ova")
    ]
    cells = [f"`{path.removeprefix('vms[].')}`", *outcomes, target]
    return f"| {' | '.join(map(_cell, cells))} |"


def _own_property(path: str, row: TermRow) -> str:
    products = ", ".join(PRODUCTS[each] for each in row.only) or "all"
    says = row.says.replace("({value})", "").replace("{value}", "…")
    cells = [f"`{path.removeprefix('vms[].')}`", products, str(row.outcome), says]
    return f"| {' | '.join(map(_cell, cells))} |"


def metrics_page() -> str:
    """Every counter with its PromQL, and what stands for alarms without a metric."""
    lines = [
        NOTE,
        "# Metrics\n",
        (
            "What counters of vCenter and vROps, and columns of RHV's data warehouse (*DWH*), are "
            "in the Prometheus of OpenShift. `mtv explain --metric NAME` shows one for the version "
            "in `target.yaml`. How alarms become alerts is in [health.md](health.md).\n"
        ),
        (
            "vCenter's names stand without their roll-up (`cpu.ready` is `cpu.ready.summation`); a "
            "raw counter of vROps is called the same with other signs (`cpu\\|ready_summation`). "
            "*Times* makes the old number the new one.\n"
        ),
        "| | Counter | Unit | Times | Gives | Fidelity | PromQL |",
        "|---|---|---|---|---|---|---|",
        *map(_counter, counters().counters),
        "",
        "## What stands for alarms without a metric\n",
        (
            "Alarms on counters and power states become alerts. For the rest (events, other "
            "states, vCenter's own alarms) OpenShift has these:\n"
        ),
        "| Alarms about | vCenter's own | Alerts of OpenShift | Look at |",
        "|---|---|---|---|",
        *map(_covered, alarm_table().covered),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _counter(counter: Counter) -> str:
    names = [f"`{name}`" for name in (*counter.names, *counter.vrops)]
    names += [f"`{name}` (DWH)" for name in counter.dwh]
    said = [
        f"{_versions(each.since, each.until)}`{' '.join(selected(each.expr, Scope()).split())}`"
        for each in counter.promql
    ]
    said += [f"*{counter.caveat}*"] if counter.caveat else []
    said += [f"Instead: {counter.instead}."] if counter.instead else []
    cells = [
        str(counter.row or ""),
        f"**{counter.id}** of a {OF[counter.of]}: {counter.measures}<br>{', '.join(names)}",
        counter.unit,
        counter.factor or "",
        counter.gives if counter.promql else "",
        counter.fidelity,
        "<br>".join(said),
    ]
    return f"| {' | '.join(map(_cell, cells))} |"


def _covered(group: Covered) -> str:
    alerts = ", ".join(map(_alert, group.alerts)) or "none"
    own = ", ".join(name.replace("*", "…") for name in group.defaults)
    return f"| {' | '.join(map(_cell, (group.about, own, alerts, group.instead)))} |"


def _alert(alert: Alert) -> str:
    return f"`{alert.name}`{f' (since {alert.since})' if alert.since else ''}"


def _versions(since: str, until: str) -> str:
    words = [f"since {since}"] if since else []
    words += [f"until {until}"] if until else []
    return f"{', '.join(words)}: " if words else ""


def completeness_page() -> str:
    """What of the SDKs' types is collected, and what is not, with the reasons."""
    lines = [
        NOTE,
        "# Completeness\n",
        (
            "What `mtv collect` takes of every SDK type that describes an estate. A property "
            "that is in no field and not left out is in the inventory too: under `native`, by its "
            "own path. Tests walk the types and change every property to see that this is true.\n"
        ),
    ]
    for product, sdk in (("vsphere", "vSphere (pyVmomi)"), ("rhv", "RHV (ovirtsdk4)")):
        table = completeness(product)
        lines += [f"## {sdk}\n", "| Type | Becomes | Properties with a field | Left out |"]
        lines += ["|---|---|---|---|"]
        for name, kind in table.kinds.items():
            left_out = "<br>".join(map(_left_out, kind.left_out)) or "nothing"
            cells = [f"`{name}`", f"`{kind.becomes}`", str(len(kind.fields)), left_out]
            lines += [f"| {' | '.join(map(_cell, cells))} |"]
        lines += ["", "Types that are not read:\n"]
        lines += [f"- {_left_out(each)}" for each in table.types_left_out]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def _left_out(each: LeftOut) -> str:
    paths = ", ".join(f"`{path}`" for path in each.paths)
    return f"{paths}: {each.why}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Writes all of it."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, text in (
        ("commands.md", commands_page()),
        ("terminology.md", terminology_page()),
        ("vm.md", vm_page()),
        ("completeness.md", completeness_page()),
        ("metrics.md", metrics_page()),
        ("inventory.schema.json", schema_text(schema())),
        ("mapping.schema.json", schema_text(schema_of(SiteMapping, "mapping.yaml"))),
        ("target.schema.json", schema_text(schema_of(Target, "target.yaml"))),
    ):
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
