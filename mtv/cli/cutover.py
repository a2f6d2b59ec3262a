"""``mtv cutover``: move a wave over."""

import click

from mtv.cli.app import output_option
from mtv.cli.wave import run_wave
from mtv.cutover.batch import cut_over, foresee_cutover


@click.command("cutover", short_help="Move a wave over: shut down, copy, convert, boot, check.")
@click.argument("wave", required=False)
@click.option("--vm", "chosen", multiple=True, metavar="VM", help="Only this VM; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@output_option
@click.pass_context
def command(
    ctx: click.Context, wave: str | None, chosen: tuple[str, ...], dry_run: bool, output: str
) -> None:
    """Move a wave's VMs over: shut down, copy the rest, convert, boot, check.

    The source VM is shut down (mtv.yaml must allow it) and never deleted. Ends with 0 when every
    guest passed its boot check, 4 when some did, 1 when none did. Stopped or run again, it goes on
    where it was.

    \b
    Examples:
      mtv cutover
      mtv cutover pilot --vm web01
      mtv cutover --dry-run
    """
    act = foresee_cutover if dry_run else cut_over
    run_wave(ctx, "cutover", wave, chosen, output, act, dry_run=dry_run)
