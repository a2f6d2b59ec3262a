"""``mtv mapping``: this site's choices."""

import click
from ruamel.yaml.comments import CommentedMap

from mtv.cli.app import emit, load_estate, load_mapping, load_target, open_project, output_option
from mtv.documents import dump_document, load_document, parse_document
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
    load_mapping(project)

    def show() -> None:
        for each in added:
            choice = each.choice or "open: choose one"
            click.echo(f"{each.section}: {each.name} → {choice} ({each.reason})")
        what = f"{len(added)} lines added to" if added else "nothing to add to"
        click.echo(f"{what} mapping.yaml")

    emit(output, added, show)


def _add(project: Project, suggestions: tuple[Suggestion, ...]) -> list[Suggestion]:
    """Adds the suggestions that mapping.yaml has no line for; returns them."""
    if project.mapping.exists():
        document = load_document(project.mapping, "")
    else:
        document = parse_document(_EMPTY, project.mapping.name)
    added = list[Suggestion]()
    for each in suggestions:
        section = document.get(each.section)
        if not isinstance(section, CommentedMap):
            section = document[each.section] = CommentedMap()
        if each.ref in section:
            continue
        section.fa.set_block_style()
        section[each.ref] = each.choice
        comment = " ".join(f"{each.name}: {each.reason}".split())
        section.yaml_add_eol_comment(comment, each.ref)
        added.append(each)
    if added or not project.mapping.exists():
        write_atomically(project.mapping, dump_document(document))
    return added
