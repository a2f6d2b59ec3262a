"""``mtv plan``: ready VMs into a wave."""

import click

from mtv.cli.app import (
    emit,
    load_assessment,
    load_estate,
    open_project,
    output_option,
    printable,
)
from mtv.documents import read_text
from mtv.estate import Estate
from mtv.mappings import guest_system
from mtv.model.plan import Plan
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
        proposal = propose(estate, assessment, planned_names(parse_plan(text)))
        if chosen:
            proposal = tuple(vm for vm in proposal if vm.ref in wanted)
        text, added = add_to_wave(text, safe_name(wave, "wave"), proposal, _comments(estate))
        for words in checks:
            vm, _, check = words.partition("=")
            text = set_check(text, estate.find(vm).ref, parse_check(check))
        plan = parse_plan(text)
        check_plan(plan, estate)
        write_atomically(project.plan, text)
    emit(output, plan, lambda: _show(plan, estate, added))


def _comments(estate: Estate) -> dict[str, str]:
    """Ref -> the VM's own name and why it is converted or not."""
    return {
        placed.ref: f"{placed.vm.name}: {guest_system(placed.vm.guest_id).why}"
        for placed in estate.vms()
    }


def _show(plan: Plan, estate: Estate, added: tuple[str, ...]) -> None:
    for wave in plan.waves:
        click.echo(f"wave {wave.name}: {len(wave.vms)} VMs")
        for vm in wave.vms:
            new = "+" if vm.ref in added else " "
            check = (
                f"console {vm.check.console!r}"
                if vm.check.console is not None
                else f"runs {vm.check.runs_seconds} s (weak: say what its console shows)"
            )
            name = printable(estate.vm(vm.ref).vm.name)
            click.echo(f"  {new} {name} → {vm.name}: convert {vm.convert}, up when {check}")
    click.echo(f"plan.yaml: {len(added)} VMs added")
