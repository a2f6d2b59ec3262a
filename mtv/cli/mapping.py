"""``mtv mapping``: this site's choices."""

import click

from mtv.cli.app import (
    emit,
    load_estate,
    load_mapping,
    load_target,
    open_project,
    output_option,
)
from mtv.documents import append, check_document, entry, parse_document, read_text
from mtv.model.target import SiteMapping
from mtv.project import Project, write_atomically
from mtv.translate.suggest import suggest
from mtv.translate.suggest.question import Suggestion

_EMPTY = """\
# mapping.yaml: this site's choices. Suggested by mtv mapping suggest, then yours: edits and
# comments stay when it runs again. An empty value is an open question; its VMs wait for it.

# Namespace of the imported VMs.
namespace: imported-vms

# Datastore -> StorageClass of target.yaml.
storage: {}

# Port group -> pod, or namespace/name of a network of target.yaml.
networks: {}
"""


@click.group("mapping", short_help="Decide where storage and networks go (mapping.yaml).")
def command() -> None:
    """Decide where storage and networks go (mapping.yaml).

    \b
    Examples:
      mtv mapping suggest
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
    suggestions = suggest(load_estate(project), load_target(project))
    with project.lock():
        added = _add(project, suggestions)
    chosen = load_mapping(project)
    choices = {"storage": chosen.storage, "networks": chosen.networks}
    questions = [each for each in suggestions if choices[each.section].get(each.ref, "") is None]

    def show() -> None:
        for each in added:
            choice = each.choice or "open: choose one"
            click.echo(f"{each.section}: {each.name} → {choice} ({each.reason})")
        what = f"{len(added)} lines added to" if added else "nothing to add to"
        click.echo(f"{what} mapping.yaml")
        for each in questions:
            fits = f"{each.choice} would fit now: " if each.choice else ""
            click.echo(f"open: {each.section}: {each.ref}, {each.name}: {fits}{each.reason}")

    emit(output, added, show)


def _add(project: Project, suggestions: tuple[Suggestion, ...]) -> list[Suggestion]:
    """Adds the suggestions that mapping.yaml has no line for; returns them."""
    text = read_text(project.mapping, "") if project.mapping.exists() else _EMPTY
    document = parse_document(text, project.mapping.name)
    for section in ("storage", "networks"):
        if section in document and document[section] is None:
            document[section] = {}  # all its lines were taken out: empty, not wrong
    known = check_document(document, project.mapping, SiteMapping)
    added = list[Suggestion]()
    for section, lines in (("storage", known.storage), ("networks", known.networks)):
        fresh = [each for each in suggestions if each.section == section and each.ref not in lines]
        if fresh and section not in document:
            text = f"{text.rstrip()}\n\n{section}:\n"
        if fresh:
            text = append(text, [section], "".join(map(_line, fresh)))
        added += fresh
    if added or not project.mapping.exists():
        write_atomically(project.mapping, text)
    return added


def _line(suggestion: Suggestion) -> str:
    reason = {suggestion.ref: f"{suggestion.name}: {suggestion.reason}"}
    return entry({suggestion.ref: suggestion.choice}, comments=reason)
