"""``mtv report``: the HTML report with the evidence."""

import click

from mtv.cli.app import (
    emit,
    load_assessment,
    load_estate,
    load_plan,
    open_project,
    output_option,
)
from mtv.journal import Event, Journal
from mtv.model.ledger import Ledger
from mtv.model.plan import Plan
from mtv.project import Project, read_json, write_atomically
from mtv.report.facts import gather
from mtv.report.pages import files


@click.command("report", short_help="Write the HTML report with the evidence.")
@output_option
@click.pass_context
def command(ctx: click.Context, output: str) -> None:
    """Write the report: report/index.html (one self-contained file), report.json and vms.csv.

    Says what the estate is, what became of every VM and every property, and the evidence: digests,
    consoles, timings. Works offline, at any stage after mtv translate.

    \b
    Examples:
      mtv report
    """
    project = open_project(ctx)
    plan = load_plan(project) if project.plan.exists() else Plan(waves=())
    facts = gather(
        load_estate(project),
        load_assessment(project),
        read_json(project.ledger, Ledger, "make it with: mtv translate"),
        plan,
        _events(project),
    )
    for name, text in files(facts).items():
        write_atomically(project.report / name, text)
    page = project.report / "index.html"
    emit(output, {"report": str(page)}, lambda: click.echo(f"report: {page}"))


def _events(project: Project) -> dict[str, list[Event]]:
    """Wave -> what happened in its run, also of those that the plan does not have any more."""
    events = dict[str, list[Event]]()
    for path in project.journals():
        with Journal(path, command=None) as journal:
            events[path.parent.name] = list(journal.events(thrown_away=True))
    return events
