"""``mtv cutover``: move a wave over."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import click

from mtv.cli.app import output_option
from mtv.cli.wave import run_wave
from mtv.cutover.batch import (
    cut_over,
    each_of,
    foresee_cutover,
    raise_failures,
    raise_unless_any,
)
from mtv.cutover.moves.move import Move
from mtv.cutover.moves.outcome import Moved
from mtv.cutover.rollback import is_taken
from mtv.cutover.steps import is_over
from mtv.errors import Interrupted


@click.command("cutover", short_help="Move a wave over: shut down, copy, convert, boot, check.")
@click.argument("wave", required=False)
@click.option("--vm", "chosen", multiple=True, metavar="VM", help="Only this VM; repeatable.")
@click.option(
    "--lose-source-changes",
    "may_lose",
    is_flag=True,
    help="Go on with those named that ran at the source after they had gone over: what they wrote "
    "there since is lost.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    wave: str | None,
    chosen: tuple[str, ...],
    may_lose: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Move a wave's VMs over: shut down, copy the rest, convert, boot, check.

    The source VM is shut down (mtv.yaml must allow it) and never deleted. Ends with 0 when every
    guest passed its boot check, 4 when some did, 1 when none did or all went over in other waves.
    Stopped or run again, it goes on where it was.

    \b
    Examples:
      mtv cutover
      mtv cutover pilot --vm web01
      mtv cutover pilot --vm web01 --lose-source-changes
      mtv cutover --dry-run
    """
    if may_lose and not chosen:
        raise click.UsageError("--lose-source-changes gives up what VMs wrote: name each with --vm")

    def act(move: Move) -> Moved:
        step_over = foresee_cutover if dry_run else cut_over
        return step_over(replace(move, may_lose_changes=may_lose))

    def take(
        moves: Sequence[Move], each: Callable[[Move], Moved], tell: Callable[[Moved], None]
    ) -> tuple[Moved, ...]:
        try:
            return each_of(moves, each, tell)
        except (Interrupted, KeyboardInterrupt):
            _say_what_is_off(moves)
            raise

    judge = raise_failures if dry_run else partial(raise_unless_any, "no VM was moved over")
    run_wave(ctx, "cutover", wave, chosen, output, act, dry_run=dry_run, take=take, judge=judge)


def _say_what_is_off(moves: Sequence[Move]) -> None:
    """Whoever stops a cutover in the middle has VMs that run nowhere."""
    off = [move.vm.name for move in moves if is_taken(move) and not is_over(move)]
    if off:
        click.echo(
            f"mtv: off at the source, and not over yet: {', '.join(off)}; go on, or start them "
            "there again (mtv rollback gives them their LUNs back before)",
            err=True,
        )
