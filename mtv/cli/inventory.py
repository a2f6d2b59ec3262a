"""``mtv inventory``: look at what was collected."""

from typing import Any

import click

from mtv.cli.app import emit, load_estate, open_project, output_option, table
from mtv.quantities import size


@click.group("inventory", short_help="Look at what was collected.")
def command() -> None:
    """Look at what was collected; works offline.

    \b
    Examples:
      mtv inventory list
    """


@command.command("list", short_help="The VMs with their refs.")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """The VMs with their refs, which is how other commands and files name them.

    \b
    Examples:
      mtv inventory list
      mtv inventory list --output json
    """
    estate = load_estate(open_project(ctx))
    rows: list[dict[str, Any]] = [
        {
            "ref": placed.ref,
            "name": placed.vm.name,
            "power": str(placed.vm.power),
            "guest": placed.vm.guest_name or placed.vm.guest_id,
            "cpus": placed.vm.sockets * placed.vm.cores_per_socket,
            "memory_bytes": placed.vm.memory_bytes,
            "disk_bytes": sum(disk.capacity_bytes for disk in placed.vm.disks),
        }
        for placed in estate.vms()
    ]

    def show() -> None:
        table(
            ["REF", "NAME", "POWER", "CPUS", "MEMORY", "DISKS", "GUEST"],
            [
                (
                    row["ref"],
                    row["name"],
                    row["power"],
                    str(row["cpus"]),
                    size(row["memory_bytes"]),
                    size(row["disk_bytes"]),
                    row["guest"],
                )
                for row in rows
            ],
        )

    emit(output, rows, show)
