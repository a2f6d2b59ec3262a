"""``mtv sync``: copy the disks of a wave."""

import click

from mtv.cli.app import output_option
from mtv.cli.wave import run_wave
from mtv.cutover.batch import each_of, side_by_side
from mtv.cutover.sync import foresee_sync, sync


@click.command("sync", short_help="Copy the disks of a wave; again: only what changed.")
@click.argument("wave", required=False)
@click.option("--vm", "chosen", multiple=True, metavar="VM", help="Only this VM; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@output_option
@click.pass_context
def command(
    ctx: click.Context, wave: str | None, chosen: tuple[str, ...], dry_run: bool, output: str
) -> None:
    """Copy the disks of a wave's VMs; again, only what changed since.

    Those of a running VM are held still by a snapshot or a backup for it (consent snapshots in
    mtv.yaml); without the consent it is left to its cutover. Every disk is digested while it is
    read and again from what was really written. Stopped or run again, it goes on where it was.
    VMs and disks are copied side by side, under limits in mtv.yaml that may be changed meanwhile.

    \b
    Examples:
      mtv sync
      mtv sync pilot --vm web01
      mtv sync --dry-run
    """
    act = foresee_sync if dry_run else sync
    take = each_of if dry_run else side_by_side
    run_wave(ctx, "sync", wave, chosen, output, act, dry_run=dry_run, take=take)
