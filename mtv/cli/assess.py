"""``mtv assess``: what stands in the way of every VM."""

from collections import Counter

import click

from mtv.assess import assess
from mtv.cli.app import emit, load_estate, open_project, output_option, printable
from mtv.model.concern import Assessment, Category, Readiness
from mtv.project import write_json
from mtv.quantities import counted


@click.command("assess", short_help="Find what stands in the way of every VM.")
@output_option
@click.pass_context
def command(ctx: click.Context, output: str) -> None:
    """Find what stands in the way of every VM; works offline.

    The rules are data in mappings/rules. Blocked VMs are not planned; most are not translated.

    \b
    Examples:
      mtv assess
      mtv assess --output json
    """
    project = open_project(ctx)
    assessment = assess(load_estate(project))
    with project.lock():
        write_json(project.assessment, assessment)
    emit(output, assessment, lambda: _show(assessment))


_MARKS = {Category.BLOCKER: "✗", Category.WARNING: "!", Category.INFORMATION: "·"}


def _show(assessment: Assessment) -> None:
    for vm in assessment.vms:
        click.echo(f"{printable(vm.name)} ({vm.ref}): {vm.readiness}")
        for concern in vm.concerns:
            click.echo(f"  {_MARKS[concern.category]} {printable(concern.label)}")
            click.echo(f"    {concern.assessment}")
            click.echo(f"    → {concern.remedy}")
    counts = Counter(vm.readiness for vm in assessment.vms)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Readiness)
    click.echo(f"{counted(len(assessment.vms), 'VM')}: {told}")
