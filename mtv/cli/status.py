"""``mtv status``: where every VM stands."""

from collections.abc import Mapping

import click
import msgspec

from mtv.cli.app import emit, load_plan, open_project, output_option, printable, table
from mtv.cutover.elsewhere import gone_over
from mtv.journal import Event, Journal, State, last_step
from mtv.model.plan import PlannedVm, Wave
from mtv.plan import wave_of
from mtv.project import Project


class Standing(msgspec.Struct, frozen=True, kw_only=True):
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
    """Show where every VM of a wave stands: its last step, and since when.

    \b
    A pass:     sync (its disks are held still, by a snapshot or backup, and copied).
    A cutover:  power-off, sync (the last time), convert, commit (to its disks), detach (LUNs, at
                the source), boot (and the boot check), let-go (what mtv had at the source is
                removed).
    Besides:    verify, verify-source, rollback.
    Its state:  started, done or failed; interrupted: nobody is at work on it; over: it is.

    \b
    Examples:
      mtv status
      mtv status pilot --output json
    """
    project = open_project(ctx)
    at_work = project.is_locked()
    standings = [
        standing
        if at_work or standing.state != "started"
        else msgspec.structs.replace(standing, state="interrupted")
        for standing in _standings(project, wave_of(load_plan(project), wave))
    ]
    rows = [(s.name, s.step, s.state, s.at, s.says) for s in standings]
    emit(output, standings, lambda: table(["VM", "STEP", "STATE", "SINCE", ""], rows))


def _standings(project: Project, wave: Wave) -> list[Standing]:
    path = project.run(wave.name) / "journal.db"
    elsewhere = gone_over(project.run(wave.name))
    if not path.is_file():
        return [_standing(vm, None, elsewhere) for vm in wave.vms]
    with Journal(path, command=None) as journal:
        return [_standing(vm, last_step(journal.events(vm.ref)), elsewhere) for vm in wave.vms]


def _standing(vm: PlannedVm, event: Event | None, elsewhere: Mapping[str, str]) -> Standing:
    if event is None and vm.ref in elsewhere:
        says = f"in the wave {elsewhere[vm.ref]}"
        return Standing(ref=vm.ref, name=vm.name, step="-", state="gone over", at="", says=says)
    if event is None:
        return Standing(ref=vm.ref, name=vm.name, step="-", state="not begun", at="", says="")
    state = str(event.state)
    if event.state is State.DONE and event.step == "let-go":
        state = "over"
    says = printable(str(event.detail.get("message", "")).partition("\n")[0])
    return Standing(ref=vm.ref, name=vm.name, step=event.step, state=state, at=event.at, says=says)
