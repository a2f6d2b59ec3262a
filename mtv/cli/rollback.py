"""``mtv rollback``: give VMs back at the source what their cutover took from them."""

import click

from mtv.cli.app import output_option
from mtv.cli.wave import run_wave
from mtv.cutover.discard import discard as throw_away
from mtv.cutover.discard import foresee_discard
from mtv.cutover.rollback import foresee_rollback, roll_back


@click.command("rollback", short_help="Give VMs back at the source what their cutover took.")
@click.argument("wave", required=False)
@click.option("--vm", "chosen", multiple=True, metavar="VM", help="Only this VM; repeatable.")
@click.option(
    "--discard",
    is_flag=True,
    help="And delete the copies of those named, with what a guest wrote: mtv sync begins anew.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    wave: str | None,
    chosen: tuple[str, ...],
    discard: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Give a wave's VMs back, at the source, the LUNs that their cutover took from them.

    And let go of what mtv still holds there of their disks, if it was killed.

    Refused for a VM whose guest runs on this machine. Starts nothing at the source: that is yours
    to do. What the guest wrote since its cutover does not go back, but for what it wrote to its
    LUNs. Its copies stay here, unless you have them deleted (--discard): that is how a VM that was
    booted here, or about to be, begins anew.

    \b
    Examples:
      mtv rollback
      mtv rollback pilot --vm web01
      mtv rollback --dry-run
      mtv rollback pilot --vm web01 --discard
    """
    if discard and not chosen:
        raise click.UsageError("--discard deletes what guests wrote: name each with --vm")
    if discard:
        act = foresee_discard if dry_run else throw_away
    else:
        act = foresee_rollback if dry_run else roll_back
    run_wave(ctx, "rollback", wave, chosen, output, act, dry_run=dry_run)
