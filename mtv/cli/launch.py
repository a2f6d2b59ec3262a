"""``mtv launch``: boot an imported VM on this machine."""

import sys
from pathlib import Path
from typing import cast

import click

from mtv.cli.app import (
    emit,
    load_estate,
    load_naming,
    load_plan,
    open_project,
    output_option,
)
from mtv.cli.progress import ProgressView
from mtv.cli.wave import printable_lines
from mtv.config import load_settings
from mtv.cutover.luns import guests_disks, luns_must_be_away
from mtv.cutover.moves.mounted import must_be_mounted
from mtv.cutover.moves.move import Move
from mtv.cutover.moves.owner import must_be_its_directory, must_not_have_gone_back
from mtv.cutover.moves.power import last_shut_down, ran_since, runs_there
from mtv.cutover.moves.wave import Sources, Workshop
from mtv.cutover.workers.executors import run_task
from mtv.errors import Blocked, ConfigError, LaunchError, LoginFailed, MtvError, UntrustedTls
from mtv.journal import Journal, State
from mtv.model.plan import Plan, PlannedVm, Wave
from mtv.plan import parse_check
from mtv.tasks import CheckResult, CheckTask


@click.command("launch", short_help="Boot an imported VM on this machine and show its console.")
@click.argument("vm")
@click.option("--check", "check", metavar="CHECK", help="Another check than the plan's.")
@output_option
@click.pass_context
def command(ctx: click.Context, vm: str, check: str | None, output: str) -> None:
    """Boot an imported VM (its name in plan.yaml) on this machine, check it, shut it down.

    The guest writes to its disks: this is the real VM, not a rehearsal. Only after its cutover.

    \b
    Examples:
      mtv launch web01
      mtv launch web01 --check runs:120
    """
    project = open_project(ctx)
    settings = load_settings(project)
    wave, planned = _find(load_plan(project), vm)
    with (
        project.lock(),
        Journal(project.run(wave.name) / "journal.db", command=None) as journal,
        ProgressView() as view,
        Sources() as sources,
    ):
        estate = load_estate(project)
        workshop = Workshop(project, settings, estate, load_naming(project, estate), sources)
        move = workshop.move(planned, wave, journal, view)
        booted = move.latest("boot")
        if booted is None or booted.state is not State.DONE:
            remedy = f"move it with: mtv cutover {wave.name} --vm {planned.ref}"
            raise Blocked(f"{vm} is not over yet", remedy)
        must_not_have_gone_back(move)
        must_be_its_directory(move)
        must_be_mounted(move)
        luns_must_be_away(move)
        _must_be_off_at_the_source(move)
        console = move.console.with_name("launch.log")
        result = run_task(
            CheckTask(
                name=planned.name,
                manifest=move.manifest,
                disks=guests_disks(move),
                check=parse_check(check) if check else planned.check,
                console=str(console),
                accel=move.accel,
            ),
            move.on_progress,
            move.log("launch"),
        )
    emit(output, result, lambda: _show(console, cast(CheckResult, result)))


def _must_be_off_at_the_source(move: Move) -> None:
    """Raises LaunchError when there would be two of it. A source that is gone cannot be asked."""
    try:
        runs = runs_there(move)
        wrote = ran_since(move, last_shut_down(move))
    except (LoginFailed, UntrustedTls):
        raise  # it is there
    except MtvError as problem:  # also when nobody knows its password any more
        asked = f"whether {move.vm.name} runs at the source could not be asked: {problem.message}"
        click.echo(f"mtv: {printable_lines(asked)}", err=True)
        return
    if runs:
        raise LaunchError(
            f"{move.placed.vm.name} runs at the source: there would be two of it",
            "shut it down there first",
        )
    if wrote:
        told = f"{', '.join(wrote)} ran at the source since: what was written there is not here"
        click.echo(f"mtv: {printable_lines(told)}", err=True)


def _find(plan: Plan, name: str) -> tuple[Wave, PlannedVm]:
    for wave in plan.waves:
        for vm in wave.vms:
            if name in (vm.name, vm.ref):
                return wave, vm
    raise ConfigError(f"plan.yaml has no VM {name!r}", "see its names with: mtv status")


def _show(console: Path, result: CheckResult) -> None:
    click.echo(result.console_tail)
    click.echo(
        f"up after {result.up_after_seconds:.1f} s ({result.accel}), stopped {result.stopped}; "
        f"its console: {console}",
        file=sys.stderr,
    )
