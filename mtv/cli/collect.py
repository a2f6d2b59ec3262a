"""``mtv collect``: the estate of every source into ``inventory/``."""

import time

import click
import msgspec

from mtv.cli.app import emit, open_project, output_option
from mtv.cli.progress import ProgressView
from mtv.config import connection, load_settings
from mtv.model.estate import Inventory
from mtv.project import write_json
from mtv.sources import open_source


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What one source gave, in numbers."""

    source: str
    version: str
    file: str
    seconds: float
    vms: int
    hosts: int
    datastores: int
    networks: int
    unreadable: tuple[str, ...]


@click.command("collect", short_help="Read the estate of every source into inventory/.")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@output_option
@click.pass_context
def command(ctx: click.Context, sources: tuple[str, ...], output: str) -> None:
    """Read the estate of every source (or the named ones) into inventory/.

    Only reads. The password is taken from where mtv.yaml says it is.

    \b
    Examples:
      mtv collect
      mtv collect vc1 --output json
    """
    project = open_project(ctx)
    settings = load_settings(project)
    collected = list[Collected]()
    with project.lock(), ProgressView() as view:
        for name in sources or tuple(settings.sources):
            started = time.monotonic()
            source = open_source(connection(project, settings, name))
            try:
                inventory = source.collect(view.of(name))
            finally:
                source.close()
            path = project.inventory(name)
            write_json(path, inventory)
            file = str(path.relative_to(project.root))
            collected.append(_count(inventory, file, time.monotonic() - started))
    emit(output, collected, lambda: _show(collected))


def _count(inventory: Inventory, file: str, seconds: float) -> Collected:
    return Collected(
        source=inventory.source,
        version=inventory.version,
        file=file,
        seconds=round(seconds, 2),
        vms=len(inventory.vms),
        hosts=len(inventory.hosts),
        datastores=len(inventory.datastores),
        networks=len(inventory.networks),
        unreadable=inventory.unreadable,
    )


def _show(collected: list[Collected]) -> None:
    for each in collected:
        click.echo(
            f"{each.source}: {each.vms} VMs, {each.hosts} hosts, {each.datastores} datastores, "
            f"{each.networks} networks of {each.version} in {each.seconds} s → {each.file}"
        )
        for line in each.unreadable:
            click.echo(f"  not readable: {line}", err=True)
