"""``mtv verify``: prove the copies of a wave again."""

import click

from mtv.cli.app import output_option
from mtv.cli.wave import run_wave
from mtv.cutover.batch import raise_failures, raise_unless_equal
from mtv.cutover.verify import foresee_verify, foresee_verify_source, verify, verify_source


@click.command("verify", short_help="Prove a wave's copies again, or its sources against them.")
@click.argument("wave", required=False)
@click.option("--vm", "chosen", multiple=True, metavar="VM", help="Only this VM; repeatable.")
@click.option(
    "--source",
    is_flag=True,
    help="Read the disks at the source again, all of them, instead of the copies.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    wave: str | None,
    chosen: tuple[str, ...],
    source: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Re-read a wave's copies past the page cache and compare them with their digests.

    What differs is named by its place, and copied again by the next mtv sync. Once a guest was
    converted or booted its disks are its own, and no copies any more.

    With --source the disks of VMs that are off are read at the source again, also after their
    cutover and beside other commands. That proves that no change was missed by the copy.

    Ends with 1 when something differs, and when nothing could be compared.

    \b
    Examples:
      mtv verify
      mtv verify pilot --vm web01
      mtv verify pilot --source
    """
    what = "verify --source" if source else "verify"
    if source:
        act = foresee_verify_source if dry_run else verify_source
    else:
        act = foresee_verify if dry_run else verify
    run_wave(
        ctx,
        what,
        wave,
        chosen,
        output,
        act,
        dry_run=dry_run,
        # Only the journal is written, and it bears with other commands that go on.
        aside=source,
        judge=raise_failures if dry_run else raise_unless_equal,
    )
