"""``mtv plan``: ready VMs into a wave."""

import click

from mtv.cli.app import (
    emit,
    load_assessment,
    load_estate,
    load_templates,
    open_project,
    output_option,
    printable,
)
from mtv.documents import read_text
from mtv.estate import ONLY_DESCRIBED, Estate
from mtv.mappings import guest_system
from mtv.model.concern import Assessment, Category
from mtv.model.plan import Plan, Wave
from mtv.plan import (
    EMPTY_PLAN,
    add_to_wave,
    check_plan,
    parse_check,
    parse_plan,
    planned_names,
    propose,
    set_check,
)
from mtv.project import safe_name, write_atomically
from mtv.quantities import counted


@click.command("plan", short_help="Put ready VMs into a wave (plan.yaml).")
@click.option("--wave", default="pilot", show_default=True, help="Wave that gets new VMs.")
@click.option(
    "--vm", "chosen", multiple=True, metavar="VM", help="Only this VM (name or ref); repeatable."
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="VM=CHECK",
    help="How one sees that a VM is up: console:PATTERN or runs:SECONDS; repeatable.",
)
@output_option
@click.pass_context
def command(
    ctx: click.Context, wave: str, chosen: tuple[str, ...], checks: tuple[str, ...], output: str
) -> None:
    """Put ready VMs into a wave of plan.yaml; what the file has already stays as it is.

    Ready is what the assessment does not block. Edit the file to move VMs between waves, to change
    conversion and boot check, or to leave VMs out. Works offline.

    \b
    Examples:
      mtv plan
      mtv plan --wave shop --vm shop-db --vm shop-web
      mtv plan --check 'web01=console:ready'
    """
    project = open_project(ctx)
    estate = load_estate(project)
    assessment = load_assessment(project)
    wanted = {estate.find(words).ref for words in chosen}
    with project.lock():
        text = read_text(project.plan, "") if project.plan.exists() else EMPTY_PLAN
        kept = planned_names(parse_plan(text))
        proposal = propose(estate, assessment, kept, load_templates(project))
        if chosen:
            proposal = tuple(vm for vm in proposal if vm.ref in wanted)
        why = "chosen by name" if chosen else "ready VMs, smallest disks first"
        filled = Wave(name=safe_name(wave, "wave"), why=why, vms=proposal)
        text, added = add_to_wave(text, filled, _comments(estate))
        for words in checks:
            vm, _, check = words.partition("=")
            text = set_check(text, estate.find(vm).ref, parse_check(check))
        plan = parse_plan(text)
        check_plan(plan, estate)
        write_atomically(project.plan, text)
    reasons = [_why_not(ref, plan, assessment, estate) for ref in sorted(wanted - set(added))]
    emit(output, plan, lambda: _show(plan, estate, added, reasons))


def _comments(estate: Estate) -> dict[str, str]:
    """Ref -> the VM's own name and why it is converted or not."""
    return {
        placed.ref: f"{placed.vm.name}: {guest_system(placed.vm.guest_id).why}"
        for placed in estate.vms()
    }


def _why_not(ref: str, plan: Plan, assessment: Assessment, estate: Estate) -> str:
    """Why a VM that the user named was not added, as a sentence."""
    for wave in plan.waves:
        if any(vm.ref == ref for vm in wave.vms):
            return f"{ref} is in the wave {wave.name} already; move its lines by hand"
    if ref in plan.leave_out:
        return f"{ref} is under leave_out; take it out there"
    placed = estate.vm(ref)
    if placed.inventory.assessment_only:
        return f"{placed.inventory.source} {ONLY_DESCRIBED}"
    blockers = [
        concern.label
        for vm in assessment.vms
        for concern in vm.concerns
        if vm.ref == ref and concern.category is Category.BLOCKER
    ]
    if blockers:
        return f"{ref} is blocked by the assessment: {'; '.join(blockers)}"
    return f"{ref} is a template or was not assessed: run mtv assess"


def _show(plan: Plan, estate: Estate, added: tuple[str, ...], reasons: list[str]) -> None:
    for wave in plan.waves:
        click.echo(f"wave {wave.name}: {counted(len(wave.vms), 'VM')}")
        for vm in wave.vms:
            new = "+" if vm.ref in added else " "
            check = (
                f"console {vm.check.console!r}"
                if vm.check.console is not None
                else f"runs {vm.check.runs_seconds} s (weak: say what its console shows)"
            )
            name = printable(estate.vm(vm.ref).vm.name)
            click.echo(f"  {new} {name} → {vm.name}: convert {vm.convert}, up when {check}")
    for reason in reasons:
        click.echo(f"not added: {printable(reason)}")
    click.echo(f"plan.yaml: {counted(len(added), 'VM')} added")
