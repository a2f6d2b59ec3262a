"""``mtv inventory``: look at what was collected."""

import click

from mtv.cli.inventory_diff import diff
from mtv.cli.inventory_list import list_
from mtv.cli.inventory_schema import schema
from mtv.cli.inventory_show import show


@click.group("inventory", short_help="Look at what was collected.")
def command() -> None:
    """Look at what was collected; works offline.

    \b
    Examples:
      mtv inventory list
      mtv inventory list datastores --output markdown
      mtv inventory show web01
      mtv inventory diff
    """


for _each in (list_, show, diff, schema):
    command.add_command(_each)
