"""``mtv inventory schema``: what the inventory's file looks like."""

import click

from mtv.cli.app import emit


@click.command("schema", short_help="The JSON Schema of inventory/<source>.json.")
def schema() -> None:
    """The JSON Schema of inventory/<source>.json, with a description of every field.

    \b
    Examples:
      mtv inventory schema
      mtv inventory schema > inventory.schema.json
    """
    from mtv.inventory.schema import schema as made

    emit("json", made(), lambda: None)
