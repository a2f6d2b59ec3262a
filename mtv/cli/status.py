"""``mtv status``: where every VM stands."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from mtv.cli.app import emit, load_plan, open_project, output_option, printable, table
from mtv.cli.live import Noted, live
from mtv.cli.progress import sentence
from mtv.cutover.moves.elsewhere import gone_over
from mtv.journal import Event, Journal, State
from mtv.model.plan import PlannedVm, Wave
from mtv.plan import wave_of
from mtv.project import Project
from mtv.standing import Standing, standing


class VmStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where one VM stands."""

    wave: str
    ref: str
    name: str
    step: str
    state: str
    at: str
    says: str


@click.command("status", short_help="Show where every VM stands.")
@click.argument("wave", required=False)
@output_option
@click.pass_context
def command(ctx: click.Context, wave: str | None, output: str) -> None:
    """Show where every VM stands: its last step, since when, and how far it is now.

    Those of all waves, or of WAVE.

    \b
    A pass:     sync (its disks are held still, by a snapshot or backup, and copied).
    A cutover:  power-off, sync (the last time), convert, commit (to its disks), detach (LUNs, at
                the source), boot (and the boot check), let-go (what mtv had at the source is
                removed).
    Besides:    verify or verify-source, when it failed; rollback; discard.
    Its state:  not begun; started, done or failed; interrupted: nobody is at work on it; over:
                it came up here, and nothing is left to do; gone over: its disks are the
                guest's in another wave; rolled
                back: it is the source's again.

    \b
    Examples:
      mtv status
      mtv status pilot --output json
    """
    project = open_project(ctx)
    plan = load_plan(project)
    waves = [wave_of(plan, wave)] if wave or not plan.waves else plan.waves
    statuses = [vm for each in waves for vm in _statuses(project, each)]
    rows = [(s.wave, s.name, s.step, s.state, s.at, s.says) for s in statuses]
    emit(output, statuses, lambda: table(["WAVE", "VM", "STEP", "STATE", "SINCE", ""], rows))


def _statuses(project: Project, wave: Wave) -> Iterator[VmStatus]:
    run = project.run(wave.name)
    work = AtWork(
        on_steps=live(project, run, aside=False), beside=live(project, run, aside=True) or {}
    )
    elsewhere = gone_over(run)
    for vm, stands in zip(wave.vms, _standings(run, wave), strict=True):
        yield _status(wave, vm, stands, work, elsewhere.get(vm.ref, ""))


class AtWork(msgspec.Struct, frozen=True, kw_only=True):
    """What commands are doing in the wave at this moment, by the names of VMs."""

    on_steps: dict[str, Noted] | None
    """None when none is at work on it."""
    beside: dict[str, Noted]
    """Of ``mtv verify --source``."""


def _standings(run: Path, wave: Wave) -> list[Standing]:
    path = run / "journal.db"
    if not path.is_file():
        return [standing(()) for _ in wave.vms]
    with Journal(path, command=None) as journal:
        return [standing(tuple(journal.events(vm.ref))) for vm in wave.vms]


def _status(wave: Wave, vm: PlannedVm, stands: Standing, work: AtWork, elsewhere: str) -> VmStatus:
    step, state, at, says = _stands(stands, work, vm.name)
    if stands.step is None and elsewhere:
        state, says = "gone over", f"in the wave {elsewhere}"
    beside = work.beside.get(vm.name)
    if beside is not None:
        says = "; ".join(filter(None, (says, f"beside: {sentence(beside.progress)}")))
    return VmStatus(
        wave=wave.name,
        ref=vm.ref,
        name=vm.name,
        step=step,
        state=state,
        at=at,
        says=printable(says),
    )


def _stands(stands: Standing, work: AtWork, label: str) -> tuple[str, str, str, str]:
    """Step, state, since when, and what there is to say."""
    step, found = stands.step, stands.found
    if step is None:
        return "-", "not begun", "", ""
    told = "" if found is None else f"{found.step}, {found.at}: {_first_line(found)}"
    if stands.over is not None:
        return stands.over.step, "over", stands.over.at, told
    if stands.is_back:
        return step.step, "rolled back", step.at, told
    if found is not None:
        return found.step, str(found.state), found.at, _first_line(found)
    if step.state is not State.STARTED:
        return step.step, str(step.state), step.at, _first_line(step)
    if work.on_steps is None:
        return step.step, "interrupted", step.at, ""
    now = work.on_steps.get(label)
    is_of_it = now is not None and now.at >= step.at
    return step.step, "started", step.at, sentence(now.progress) if now and is_of_it else ""


def _first_line(event: Event) -> str:
    first, more, _ = str(event.detail.get("message", "")).partition("\n")
    return first + " …" * bool(more)
