"""What a shell proposes for kinds, refs and names of sources."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from mtv.cli.app import load_estate
from mtv.errors import MtvError
from mtv.inventory.kinds import kinds
from mtv.project import Project

_MOST = 200
"""More refs than that help nobody."""


def complete_kind(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The kinds of objects."""
    return [CompletionItem(name) for name in kinds() if name.startswith(incomplete)]


def complete_ref(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Refs of objects, with their names as help."""
    found = dict[str, str]()
    try:
        estate = load_estate(_project(ctx))
    except MtvError:
        return []
    for kind in kinds().values():
        for placed in estate.objects(kind):
            if len(found) < _MOST and placed.ref.startswith(incomplete):
                found.setdefault(placed.ref, str(getattr(placed.thing, "name", "")))
    return [CompletionItem(ref, help=name) for ref, name in found.items()]


def complete_counter(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Counters, by our names of them, with what they measure as help."""
    from mtv.knowledge.counters import counters

    return [
        CompletionItem(each.id, help=each.measures)
        for each in counters().counters
        if each.id.startswith(incomplete)
    ]


def complete_collected(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of sources that were collected."""
    try:
        names = [path.stem for path in _project(ctx).inventories()]
    except MtvError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_source(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of the sources of mtv.yaml."""
    from mtv.config import load_settings

    try:
        names = list(load_settings(_project(ctx)).sources)
    except MtvError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _project(ctx: click.Context) -> Project:
    """The project of the command line that is being completed: no command has run yet."""
    return Project(ctx.find_root().params.get("directory") or Path())
