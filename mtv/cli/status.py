"""``mtv status``: where every VM stands."""

from collections.abc import Mapping

import click
import msgspec

from mtv.cli.app import emit, load_plan, open_project, output_option, printable, table
from mtv.cli.live import live_progress
from mtv.cli.progress import sentence
from mtv.cutover.elsewhere import gone_over
from mtv.journal import Event, Journal
from mtv.model.plan import PlannedVm, Wave
from mtv.plan import wave_of
from mtv.project import Project
from mtv.standing import Standing, standing
from mtv.tasks import Progress


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
    Its state:  started, done or failed; interrupted: nobody is at work on it; over: it came up
                here, and nothing is left to do; rolled back: it is the source's again.

    \b
    Examples:
      mtv status
      mtv status pilot --output json
    """
    project = open_project(ctx)
    at_work = project.is_locked()
    planned = wave_of(load_plan(project), wave)
    live = live_progress(project.run(planned.name))
    statuses = [
        _at_this_moment(each, at_work=at_work, progress=live.get(each.name))
        for each in _statuses(project, planned)
    ]
    rows = [(s.name, s.step, s.state, s.at, s.says) for s in statuses]
    emit(output, statuses, lambda: table(["VM", "STEP", "STATE", "SINCE", ""], rows))


def _statuses(project: Project, wave: Wave) -> list[VmStatus]:
    path = project.run(wave.name) / "journal.db"
    elsewhere = gone_over(project.run(wave.name))
    if not path.is_file():
        return [_status(vm, standing(()), elsewhere) for vm in wave.vms]
    with Journal(path, command=None) as journal:
        stands = {vm.ref: standing(tuple(journal.events(vm.ref))) for vm in wave.vms}
    return [_status(vm, stands[vm.ref], elsewhere) for vm in wave.vms]


def _status(vm: PlannedVm, stands: Standing, elsewhere: Mapping[str, str]) -> VmStatus:
    step, found = stands.step, stands.found
    if step is None and vm.ref in elsewhere:
        says = f"in the wave {elsewhere[vm.ref]}"
        return VmStatus(ref=vm.ref, name=vm.name, step="-", state="gone over", at="", says=says)
    if step is None:
        return VmStatus(ref=vm.ref, name=vm.name, step="-", state="not begun", at="", says="")
    if found is not None and not stands.is_over and not stands.is_back:
        step, found = found, None
    told = "" if found is None else f"{found.step}, {found.at}: {_first_line(found)}"
    return VmStatus(
        ref=vm.ref,
        name=vm.name,
        step="let-go" if stands.is_over else step.step,
        state="over" if stands.is_over else "rolled back" if stands.is_back else str(step.state),
        at=step.at,
        says=told or _first_line(step),
    )


def _at_this_moment(status: VmStatus, *, at_work: bool, progress: Progress | None) -> VmStatus:
    if progress is not None:
        return msgspec.structs.replace(status, says=printable(sentence(progress)))
    if status.state == "started" and not at_work:
        return msgspec.structs.replace(status, state="interrupted")
    return status


def _first_line(event: Event) -> str:
    return printable(str(event.detail.get("message", "")).partition("\n")[0])
