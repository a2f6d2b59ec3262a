"""``mtv mapping``: this site's choices."""

import click

from mtv.cli.app import emit, load_estate, load_target, open_project, output_option
from mtv.documents import append, check_document, entry, parse_document, read_text
from mtv.model.target import SiteMapping
from mtv.project import Project, write_atomically
from mtv.translate.suggest import Suggestion, suggest

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

    def show() -> None:
        for each in added:
            choice = each.choice or "open: choose one"
            click.echo(f"{each.section}: {each.name} → {choice} ({each.reason})")
        what = f"{len(added)} lines added to" if added else "nothing to add to"
        click.echo(f"{what} mapping.yaml")

    emit(output, added, show)


def _add(project: Project, suggestions: tuple[Suggestion, ...]) -> list[Suggestion]:
    """Adds the suggestions that mapping.yaml has no line for; returns them."""
    text = read_text(project.mapping, "") if project.mapping.exists() else _EMPTY
    added = list[Suggestion]()
    for each in suggestions:
        document = parse_document(text, project.mapping.name)
        if each.section not in document:
            text = f"{text.rstrip()}\n\n{each.section}:\n"
        elif each.ref in (document[each.section] or ()):
            continue
        reason = {each.ref: f"{each.name}: {each.reason}"}
        text = append(text, [each.section], entry({each.ref: each.choice}, comments=reason))
        added.append(each)
    check_document(parse_document(text, project.mapping.name), project.mapping, SiteMapping)
    if added or not project.mapping.exists():
        write_atomically(project.mapping, text)
    return added
