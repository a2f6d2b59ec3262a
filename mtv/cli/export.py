"""``mtv export``: the translation for other tools."""

from pathlib import Path

import click

from mtv.cli.app import (
    emit,
    load_estate,
    load_plan,
    open_project,
    output_option,
    printable,
)
from mtv.cli.translation import FINDING_WORDS, load_translation
from mtv.config import load_settings
from mtv.errors import Blocked, ConfigError
from mtv.model.concern import Category
from mtv.names import label
from mtv.project import Project, write_atomically
from mtv.quantities import counted
from mtv.translate.forklift.export import Export, Options
from mtv.translate.forklift.notes import Note
from mtv.translate.forklift.tree import MARK, OURS, files


@click.group("export", short_help="Write the project for another tool (Forklift).")
def command() -> None:
    """Write the project for another tool.

    \b
    Examples:
      mtv export forklift --dry-run
      mtv export forklift
    """


@command.command("forklift", short_help="Write Provider, maps and Plans for Forklift (MTV).")
@click.option(
    "--to",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write. Default: forklift in the project.",
)
@click.option(
    "--namespace",
    default="openshift-mtv",
    show_default=True,
    help="Namespace of the operator and of all these resources.",
)
@click.option(
    "--vddk-image",
    metavar="IMAGE",
    help="Image with VMware's VDDK library, for the Providers of vSphere.",
)
@click.option("--dry-run", is_flag=True, help="Show which files would change; write nothing.")
@click.option("--notes", is_flag=True, help="Show what is only good to know, too.")
@output_option
@click.pass_context
def forklift_(
    ctx: click.Context,
    directory: Path | None,
    namespace: str,
    vddk_image: str | None,
    dry_run: bool,
    notes: bool,
    output: str,
) -> None:
    """Write a Provider, a StorageMap, NetworkMaps and Plans of Forklift for every source.

    For those who move VMs with the operator (Migration Toolkit for Virtualization) and decide with
    mtv: storage, networks, namespaces, names and waves are those of mapping.yaml and plan.yaml. No
    secrets are written; the README beside the files says how to make them, in which order all is
    applied, and what Forklift does not carry over. Works offline. Ends with 3 when VMs of a wave
    are in no Plan.

    \b
    Examples:
      mtv export forklift --dry-run
      mtv export forklift
      mtv export forklift --to gitops/forklift --namespace konveyor-forklift
    """
    project = open_project(ctx)
    options = Options(namespace=_namespace(namespace), vddk_image=vddk_image)
    export = Export(
        load_translation(project, load_estate(project)),
        load_settings(project).sources,
        load_plan(project) if project.plan.exists() else None,
        options,
    )
    tree = dict(files(export))
    place = directory if directory is not None else project.root / "forklift"
    changes = _changes(place, tree)
    if not dry_run:
        _write(project, place, tree, changes)
    emit(output, _summary(export, changes), lambda: _show(export, changes, place, dry_run, notes))
    _refuse_left_out(export)


def _namespace(name: str) -> str:
    if label(name) != name:
        raise ConfigError(
            f"--namespace: {name!r} cannot be a namespace's name",
            "use at most 63 of a-z, 0-9 and '-'; the first and last no '-'",
        )
    return name


def _changes(place: Path, tree: dict[str, str]) -> dict[str, str]:
    """File -> ``new``, ``changed``, ``gone``. Raises ConfigError for a directory of others."""
    there = {path.name for path in place.iterdir()} if place.is_dir() else set[str]()
    readme = place / "README.md"
    ours = readme.is_file() and MARK in readme.read_text(encoding="utf-8", errors="replace")
    if there and not ours:
        raise ConfigError(
            f"{place} is not empty, and no export stands in it",
            "name an empty or new directory with --to",
        )
    found = dict[str, str]()
    for name, text in tree.items():
        if name not in there:
            found[name] = "new"
        elif (place / name).read_text(encoding="utf-8", errors="replace") != text:
            found[name] = "changed"
    gone = (name for name in sorted(there - set(tree)) if OURS.fullmatch(name))
    return found | dict.fromkeys(gone, "gone")


def _write(project: Project, place: Path, tree: dict[str, str], changes: dict[str, str]) -> None:
    with project.lock():
        for name, change in changes.items():
            if change == "gone":
                (place / name).unlink()
            else:
                write_atomically(place / name, tree[name])


def _summary(export: Export, changes: dict[str, str]) -> dict[str, object]:
    return {
        "plans": [
            {"plan": export.plans[group], "vms": vms}
            for group, vms in export.selection.groups.items()
        ],
        "files": changes,
        "notes": export.notes,
    }


def _show(export: Export, changes: dict[str, str], place: Path, dry_run: bool, notes: bool) -> None:
    for group, vms in export.selection.groups.items():
        name = export.plans[group]
        click.echo(f"Plan {name}: {counted(len(vms), 'VM')} to {group.namespace}")
    for name, change in changes.items():
        click.echo(f"{change}: {name}")
    for each in export.notes:
        if notes or each.category is not Category.INFORMATION:
            click.echo(f"{FINDING_WORDS[each.category]}: {printable(each.sentence)}")
    would = "would change" if dry_run else "written"
    click.echo(f"{place}: {counted(len(changes), 'file')} {would}; its README.md says how to go on")


def _refuse_left_out(export: Export) -> None:
    """Raises Blocked when VMs that are to be moved are in no Plan."""
    blockers: list[Note] = [e for e in export.notes if e.category is Category.BLOCKER]
    if blockers:
        waiting = {ref for each in blockers for ref in each.vms}
        raise Blocked(
            f"{counted(len(waiting), 'VM')} in no Plan", "each line above says why and what to do"
        )
