"""``mtv mapping``: this site's choices."""

import click
import msgspec

from mtv.cli.app import (
    emit,
    load_estate,
    load_mapping,
    load_target,
    open_project,
    output_option,
    printable,
)
from mtv.cli.translation import load_translation
from mtv.documents import read_text
from mtv.errors import Blocked
from mtv.model.target import SiteMapping, Target
from mtv.project import write_atomically
from mtv.quantities import counted
from mtv.schemas import schema_of, schema_text
from mtv.translate.check import HARMLESS, check, refused
from mtv.translate.suggest import suggest
from mtv.translate.suggest.lines import EMPTY, add, chosen


@click.group("mapping", short_help="Decide where storage, networks and VMs go (mapping.yaml).")
def command() -> None:
    """Decide where storage, networks and VMs go (mapping.yaml).

    \b
    Examples:
      mtv mapping suggest
      mtv mapping check
    """


@command.command("suggest", short_help="Add what mapping.yaml lacks, with reasons.")
@output_option
@click.pass_context
def suggest_(ctx: click.Context, output: str) -> None:
    """Add to mapping.yaml what it lacks, each with a reason; edits and comments stay.

    \b
    Examples:
      mtv mapping suggest
      mtv mapping suggest --output json
    """
    project = open_project(ctx)
    estate, target = load_estate(project), load_target(project)
    with project.lock():
        there = project.mapping.exists()
        text = read_text(project.mapping, "") if there else EMPTY
        suggestions = suggest(estate, target, chosen(text, project.mapping) if there else None)
        text, added = add(text, suggestions, project.mapping)
        if added or not there:
            write_atomically(project.mapping, text)
    mapping = load_mapping(project)
    questions = [each for each in suggestions if _is_open(mapping, each.section, each.ref)]

    def show() -> None:
        for each in added:
            click.echo(f"{each.section}: {printable(each.name or each.ref)} → {_said(each.choice)}")
            click.echo(f"    {printable(each.reason)}")
        what = f"{counted(len(added), 'line')} added to" if added else "nothing to add to"
        click.echo(f"{what} mapping.yaml")
        for each in questions:
            fits = f"{each.choice} would fit now: " if isinstance(each.choice, str) else ""
            about = f"{each.section}: {each.ref}, {each.name}"
            click.echo(f"open: {printable(about)}: {fits}{printable(each.reason)}")

    emit(output, added, show)


def _said(choice: object) -> str:
    if isinstance(choice, dict):
        return msgspec.json.encode(choice).decode()
    return str(choice or "open: choose one")


def _is_open(mapping: SiteMapping, section: str, ref: str) -> bool:
    value = getattr(mapping, section)
    if isinstance(value, dict):
        return value.get(ref, "") is None
    return value is None


@command.command("check", short_help="Find what is missing, unused, ambiguous or unknown in it.")
@output_option
@click.pass_context
def check_(ctx: click.Context, output: str) -> None:
    """Find what is missing, open, ambiguous, unknown, refused, unused or left open in mapping.yaml.

    Where the estate is assessed, it also finds what mtv translate would refuse. Works offline. Ends
    with 3 when something has to be decided about; what nothing uses or waits for does no harm.

    \b
    Examples:
      mtv mapping check
      mtv mapping check --output json
    """
    project = open_project(ctx)
    estate = load_estate(project)
    faults = list(check(estate, load_target(project), load_mapping(project)))
    if project.assessment.exists():
        faults += refused(load_translation(project, estate), faults)

    def show() -> None:
        for each in faults:
            said = ": ".join(filter(None, (each.section, each.ref, each.says)))
            click.echo(f"{each.kind}: {printable(f'{said}; {each.remedy}')}")
        if not faults:
            click.echo("mapping.yaml answers every question, and nothing in it is unknown")

    emit(output, faults, show)
    wrong = [each for each in faults if each.kind not in HARMLESS]
    if wrong:
        raise Blocked(
            f"{counted(len(wrong), 'line')} of mapping.yaml to be decided about",
            "each line above says what to do",
        )


@command.command("schema", short_help="Print the JSON Schema of mapping.yaml, for editors.")
@click.option("--target", "of_target", is_flag=True, help="The schema of target.yaml instead.")
def schema(of_target: bool) -> None:
    """Print the JSON Schema of mapping.yaml (or target.yaml), for editors.

    An editor with a YAML language server checks and completes the file when its first line is
    "# yaml-language-server: $schema=mapping.schema.json".

    \b
    Examples:
      mtv mapping schema > mapping.schema.json
      mtv mapping schema --target > target.schema.json
    """
    kind, title = (Target, "target.yaml") if of_target else (SiteMapping, "mapping.yaml")
    click.echo(schema_text(schema_of(kind, title)), nl=False)
