"""``mtv status``: where every VM stands."""

from pathlib import Path

import click
import msgspec

from mtv.cli.app import emit, load_plan, open_project, output_option, printable, table
from mtv.cli.live import Noted, live
from mtv.cli.progress import sentence
from mtv.cutover.elsewhere import gone_over
from mtv.journal import Event, Journal, State
from mtv.model.plan import PlannedVm, Wave
from mtv.plan import wave_of
from mtv.standing import Standing, standing


class VmStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where one VM stands."""

    ref: str
    name: str
    step: str
    state: str
    at: str
    says: str


@click.command("status", short_help="Show where every VM of a wave stands.")
@click.argument("wave", required=False)
@output_option
@click.pass_context
def command(ctx: click.Context, wave: str | None, output: str) -> None:
    """Show where every VM of a wave stands: its last step, since when, and how far it is now.

    \b
    A pass:     sync (its disks are held still, by a snapshot or backup, and copied).
    A cutover:  power-off, sync (the last time), convert, commit (to its disks), detach (LUNs, at
                the source), boot (and the boot check), let-go (what mtv had at the source is
                removed).
    Besides:    verify or verify-source, when it failed; rollback.
    Its state:  not begun; started, done or failed; interrupted: nobody is at work on it; over:
                it came up here, and nothing is left to do; gone over: in another wave; rolled
                back: it is the source's again.

    \b
    Examples:
      mtv status
      mtv status pilot --output json
    """
    project = open_project(ctx)
    planned = wave_of(load_plan(project), wave)
    run = project.run(planned.name)
    on_steps = live(project, run, aside=False)
    work = AtWork(
        is_going_on=on_steps is not None,
        on_steps=on_steps or {},
        beside=live(project, run, aside=True) or {},
    )
    elsewhere = gone_over(run)
    statuses = [
        _status(vm, stands, work, elsewhere.get(vm.ref, ""))
        for vm, stands in zip(planned.vms, _standings(run, planned), strict=True)
    ]
    rows = [(s.name, s.step, s.state, s.at, s.says) for s in statuses]
    emit(output, statuses, lambda: table(["VM", "STEP", "STATE", "SINCE", ""], rows))


class AtWork(msgspec.Struct, frozen=True, kw_only=True):
    """What commands are doing in the wave at this moment, by the names of VMs."""

    is_going_on: bool
    on_steps: dict[str, Noted]
    beside: dict[str, Noted]
    """Of ``mtv verify --source``."""


def _standings(run: Path, wave: Wave) -> list[Standing]:
    path = run / "journal.db"
    if not path.is_file():
        return [standing(()) for _ in wave.vms]
    with Journal(path, command=None) as journal:
        return [standing(tuple(journal.events(vm.ref))) for vm in wave.vms]


def _status(vm: PlannedVm, stands: Standing, work: AtWork, elsewhere: str) -> VmStatus:
    step, state, at, says = _stands(stands, work, work.on_steps.get(vm.name))
    if stands.step is None and elsewhere:
        state, says = "gone over", f"in the wave {elsewhere}"
    beside = work.beside.get(vm.name)
    if beside is not None:
        says = "; ".join(filter(None, (says, f"beside: {sentence(beside.progress)}")))
    return VmStatus(ref=vm.ref, name=vm.name, step=step, state=state, at=at, says=printable(says))


def _stands(stands: Standing, work: AtWork, now: Noted | None) -> tuple[str, str, str, str]:
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
    if not work.is_going_on:
        return step.step, "interrupted", step.at, ""
    is_of_it = now is not None and now.at >= step.at
    return step.step, "started", step.at, sentence(now.progress) if now and is_of_it else ""


def _first_line(event: Event) -> str:
    first, more, _ = str(event.detail.get("message", "")).partition("\n")
    return first + " …" * bool(more)
