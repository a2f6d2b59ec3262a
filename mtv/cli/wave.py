"""What ``mtv sync``, ``cutover``, ``verify`` and ``rollback`` share: each is about a wave's VMs."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from mtv.cli.app import emit, load_estate, load_naming, load_plan, open_project, printable
from mtv.cli.live import Live, forget_killed
from mtv.cli.progress import ProgressView
from mtv.config import load_settings
from mtv.cutover.batch import each_of, raise_failures
from mtv.cutover.moves.move import Move
from mtv.cutover.moves.outcome import Moved
from mtv.cutover.moves.wave import Sources, Workshop
from mtv.cutover.workers.traffic import directed
from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.journal import Journal
from mtv.model.plan import Wave
from mtv.plan import check_plan, wave_of
from mtv.sources import prepare_for_threads

_MARKS = {"done": "✓", "nothing to do": "=", "passed by": "·", "failed": "✗", "would": "?"}


def run_wave(
    ctx: click.Context,
    command: str,
    wave_name: str | None,
    chosen: tuple[str, ...],
    output: str,
    act: Callable[[Move], Moved],
    *,
    dry_run: bool,
    aside: bool = False,
    take: Callable[
        [Sequence[Move], Callable[[Move], Moved], Callable[[Moved], None]], tuple[Moved, ...]
    ] = each_of,
    judge: Callable[[Sequence[Moved]], None] = raise_failures,
) -> None:
    """Does ``act`` with every VM of the wave (or the chosen ones) and tells what became of each.

    ``take`` goes through them, one by one or side by side. In a dry run ``act`` only foresees, and
    the run's journal is read, not written. ``aside``: it changes nothing but the journal, so other
    commands may go on meanwhile. ``judge`` raises MtvError for outcomes that are no success.
    """
    project = open_project(ctx)
    settings = load_settings(project)
    estate, plan = load_estate(project), load_plan(project)
    check_plan(plan, estate)
    wave = wave_of(plan, wave_name)
    refs = _chosen(wave, estate, chosen)

    with ExitStack() as stack:
        stack.enter_context(project.lock(aside=aside))
        forget_killed(project, aside=aside)
        path = project.run(wave.name) / "journal.db"
        if dry_run and not path.exists():
            path = Path(stack.enter_context(TemporaryDirectory())) / path.name
        reads_only = dry_run and path.exists()
        journal = stack.enter_context(
            Journal(path, command=None if reads_only else f"{command} {wave.name}")
        )
        view = stack.enter_context(ProgressView())
        live = stack.enter_context(Live(view, path.parent, aside=aside))
        sources = stack.enter_context(Sources())
        traffic = stack.enter_context(
            directed(
                settings.limits,
                project.config,
                lambda: load_settings(project).limits,
                lambda trouble: click.echo(f"mtv: {printable_lines(trouble)}", err=True),
            )
        )
        naming = load_naming(project, estate)

        def tell(outcome: Moved) -> None:
            live.ended(outcome.name)
            if output == "text":
                click.echo(_sentence(outcome))

        workshop = Workshop(project, settings, estate, naming, sources, traffic)
        outcomes = list[Moved]()
        moves = list(workshop.moves(wave, journal, live, refs, outcomes.append))
        for outcome in outcomes:
            tell(outcome)
        prepare_for_threads({move.connection.kind for move in moves})
        outcomes += take(moves, act, tell)
    emit(output, outcomes, lambda: None)
    judge(outcomes)


def _chosen(wave: Wave, estate: Estate, words: tuple[str, ...]) -> frozenset[str]:
    """Refs of the VMs that the user named. Raises ConfigError for one that is not in the wave."""
    planned = {vm.ref for vm in wave.vms}
    names = {vm.name: vm.ref for vm in wave.vms}
    refs = frozenset(names.get(each) or estate.find(each).ref for each in words)
    for ref in refs - planned:
        raise ConfigError(
            f"{ref} is not in the wave {wave.name}",
            f"add it, or see why it cannot be added: mtv plan --vm {ref}",
        )
    return refs


def _sentence(outcome: Moved) -> str:
    text = f"{_MARKS[outcome.outcome]} {outcome.name}: {outcome.outcome}"
    if outcome.says:
        text += f": {printable_lines(outcome.says)}"
    if outcome.hint:
        text += f"\n     → {printable_lines(outcome.hint)}"
    return text


def printable_lines(text: str) -> str:
    """A text of several lines without anything that would steer a terminal."""
    return "\n".join(printable(line) for line in text.splitlines())
