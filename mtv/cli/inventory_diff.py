"""``mtv inventory diff``: what changed since the collection before."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from mtv.cli.app import emit, open_project, output_option, printable
from mtv.cli.completion import complete_collected
from mtv.cli.formats import cell
from mtv.errors import ProjectError
from mtv.inventory.changes import Changes, ObjectChange, ValueChange, changes
from mtv.inventory.files import read_foreign_inventory, read_inventory
from mtv.inventory.kinds import kinds
from mtv.project import Project

_LONGEST = 100
"""A value of more characters is cut in the text; json has it whole."""


@click.command("diff", short_help="What changed since the collection before.")
@click.argument("source", required=False, metavar="[SOURCE]", shell_complete=complete_collected)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compare with this inventory instead of the one before.",
)
@click.option("--all", "everything", is_flag=True, help="Also what changes by itself: free space.")
@output_option
@click.pass_context
def diff(
    ctx: click.Context, source: str | None, against: Path | None, everything: bool, output: str
) -> None:
    """What changed since the collection before: objects that are new, gone or changed.

    mtv collect keeps the inventory before as inventory/previous/SOURCE.json. What changes by
    itself, such as free space and measured values, is left out; mappings/volatile.yaml lists it.

    \b
    Examples:
      mtv inventory diff
      mtv inventory diff vc1 --output json
      mtv inventory diff vc1 --against inventory-of-may.json --all
    """
    project = open_project(ctx)
    found = [
        changes(read_foreign_inventory(old), read_inventory(new), volatile=everything)
        for old, new in _pairs(project, source, against)
    ]
    emit(output, found, lambda: _show(found))


def _pairs(project: Project, source: str | None, against: Path | None) -> list[tuple[Path, Path]]:
    """Which files are compared: (older, newer)."""
    if against is not None:
        name = source or read_foreign_inventory(against).source
        return [(against, project.inventory(name))]
    if source is not None:
        names = [source]
    else:
        names = [path.stem for path in project.inventories()]
        names = [name for name in names if project.previous_inventory(name).exists()] or names[:1]
    if not names:
        raise ProjectError("there is no inventory yet", "make it with: mtv collect")
    for name in names:
        if not project.inventory(name).exists():
            raise ProjectError(
                f"there is no inventory of {name!r} yet", f"make it with: mtv collect {name}"
            )
        if not project.previous_inventory(name).exists():
            raise ProjectError(
                f"{name} was collected once only: there is nothing to compare it with",
                "run: mtv collect — or name an older inventory with --against FILE",
            )
    return [(project.previous_inventory(name), project.inventory(name)) for name in names]


def _show(found: list[Changes]) -> None:
    for each in found:
        click.echo(f"{each.source}: {each.before} → {each.after}")
        if not each:
            click.echo("  nothing changed")
        for change in each.inventory:
            click.echo(f"  {_line(change)}")
        for kind in kinds():
            _show_kind(kind, each)


def _show_kind(kind: str, found: Changes) -> None:
    new = [each for each in found.new if each.kind == kind]
    gone = [each for each in found.gone if each.kind == kind]
    changed = [each for each in found.changed if each.kind == kind]
    if not (new or gone or changed):
        return
    click.echo(f"  {kind}: {counts(new, gone, changed)}")
    for mark, objects in (("+", new), ("-", gone)):
        for each in objects:
            click.echo(printable(f"    {mark} {each.ref}  {each.name}").rstrip())
    for change in changed:
        _show_object(change)


def _show_object(change: ObjectChange) -> None:
    click.echo(printable(f"    ~ {change.ref}  {change.name}").rstrip())
    for value in change.values:
        click.echo(f"        {_line(value)}")


def counts(new: Iterable[Any], gone: Iterable[Any], changed: Iterable[Any]) -> str:
    """``2 new, 0 gone, 5 changed``."""
    return f"{len(list(new))} new, {len(list(gone))} gone, {len(list(changed))} changed"


def _line(change: ValueChange) -> str:
    is_bytes = change.path.endswith("_bytes")
    if _is_list(change.old) and _is_list(change.new) and set(change.old) != set(change.new):
        marked = [
            *(f"- {_text(each, is_bytes)}" for each in change.old if each not in change.new),
            *(f"+ {_text(each, is_bytes)}" for each in change.new if each not in change.old),
        ]
        return printable(f"{change.path}: {', '.join(marked)}")
    return printable(
        f"{change.path}: {_text(change.old, is_bytes)} → {_text(change.new, is_bytes)}"
    )


def _is_list(value: Any) -> bool:
    """True for a list of single values."""
    return isinstance(value, list) and not any(isinstance(each, dict | list) for each in value)


def _text(value: Any, is_bytes: bool) -> str:
    if value is None or value == "" or value == []:
        return "–"
    text = cell(value)
    if is_bytes and isinstance(value, int):
        text = f"{value} ({cell(value, is_bytes=True)})"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
