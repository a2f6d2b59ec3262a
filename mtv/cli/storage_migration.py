"""``mtv storage-migration``: what moves the disks of imported VMs to another class."""

import textwrap
from typing import get_args

import click

from mtv.cli.app import emit, load_estate, open_project, printable
from mtv.cli.completion import complete_ref
from mtv.cli.translation import load_translation
from mtv.translate.storage.migration import storage_migration
from mtv.translate.storage.moves import Moves, Step, Tool
from mtv.translate.tree import text

WIDTH = 96


@click.command(
    "storage-migration", short_help="Print what moves imported disks to another StorageClass."
)
@click.argument("refs", nargs=-1, required=True, shell_complete=complete_ref)
@click.option("--to", "to_class", metavar="CLASS", required=True, help="A class of target.yaml.")
@click.option(
    "--tool",
    type=click.Choice(get_args(Tool)),
    help="volumes: KubeVirt itself; mtc: Migration Toolkit for Containers, to 4.20; plan: the "
    "operator of OpenShift Virtualization, from 4.21. Default: plan where there is one, else "
    "volumes.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="yaml: manifests, with what to do in comments; json: one document, for scripts.",
)
@click.pass_context
def command(
    ctx: click.Context, refs: tuple[str, ...], to_class: str, tool: Tool | None, output: str
) -> None:
    """Print what moves the disks of imported VMs to another StorageClass while they run.

    What Storage vMotion and storage live migration were. REFS are refs or names of VMs that are
    translated. Nothing is changed, neither here nor on the cluster; the steps, what to watch and
    how to cancel stand in the comments. Works offline.

    \b
    Examples:
      mtv storage-migration web01 --to silver
      mtv storage-migration vc1/vm-21 vc1/vm-22 --to silver --tool volumes > move.yaml
      mtv storage-migration web01 --to silver --tool mtc
      mtv storage-migration web01 --to silver --output json
    """
    project = open_project(ctx)
    translation = load_translation(project, load_estate(project))
    moves = storage_migration(translation, refs, to_class, tool)
    emit(output, moves, lambda: _show(moves))


def _show(moves: Moves) -> None:
    click.echo(f"# Disks to StorageClass {moves.to_class}, OpenShift {moves.openshift}:")
    for vm in moves.vms:
        for disk in vm.disks:
            new = f" → {disk.to_claim}" if disk.to_claim else ""
            click.echo(
                f"#   {vm.namespace}/{vm.name} ({printable(vm.ref)}): {disk.from_claim} "
                f"({disk.from_class}){new}"
            )
    for number, step in enumerate(moves.steps):
        click.echo("#")
        _comment(f"{number}. " if number else "", step)
        if step.manifests:
            click.echo("---")
            click.echo(text(step.manifests), nl=False)
    click.echo("#\n# To cancel:")
    for step in moves.cancel:
        _comment("", step)


def _comment(number: str, step: Step) -> None:
    """A step's sentence and commands as comments of YAML."""
    for line in textwrap.wrap(f"{number}{printable(step.says)}", WIDTH):
        click.echo(f"# {line}")
    for each in step.commands:
        click.echo(f"#     {printable(each)}")
