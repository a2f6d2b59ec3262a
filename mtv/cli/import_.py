"""``mtv import``: what was decided in other tools."""

from pathlib import Path

import click

from mtv.cli.app import (
    emit,
    load_assessment,
    load_estate,
    load_mapping,
    load_target,
    open_project,
    output_option,
    printable,
)
from mtv.cli.translation import FINDING_WORDS
from mtv.config import load_settings
from mtv.documents import read_text
from mtv.errors import Blocked
from mtv.estate import Estate
from mtv.model.concern import Category
from mtv.naming import USUAL
from mtv.plan import EMPTY_PLAN, check_plan, parse_plan
from mtv.plan.waves import Change, MergedPlan, Proposal, merge_waves, propose_waves
from mtv.project import Project, write_atomically
from mtv.quantities import counted
from mtv.translate.forklift.answers import Answer, Answers
from mtv.translate.forklift.documents import read_objects
from mtv.translate.forklift.merge import Merged, merge
from mtv.translate.forklift.notes import Note, warning
from mtv.translate.suggest.lines import EMPTY


@click.group("import", short_help="Take over what was decided in another tool (Forklift).")
def command() -> None:
    """Take over what was decided in another tool.

    \b
    Examples:
      mtv import forklift plans.yaml --dry-run
      mtv import forklift plans.yaml
    """


@command.command("forklift", short_help="Read Forklift's resources into mapping.yaml, plan.yaml.")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--source",
    "pairs",
    multiple=True,
    metavar="PROVIDER=SOURCE",
    help="Which source of mtv.yaml a Provider is, where its url does not say it; repeatable.",
)
@click.option("--replace", is_flag=True, help="Also where the files of the project say otherwise.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@click.option("--notes", is_flag=True, help="Show what is not taken over, too.")
@output_option
@click.pass_context
def forklift_(
    ctx: click.Context,
    files: tuple[Path, ...],
    pairs: tuple[str, ...],
    replace: bool,
    dry_run: bool,
    notes: bool,
    output: str,
) -> None:
    """Read Providers, maps and Plans of Forklift into mapping.yaml and plan.yaml.

    FILES are YAML or JSON, as oc get -o yaml writes them. Storage, networks and namespaces become
    lines of mapping.yaml; Plans become waves, with the names that they give their VMs. Objects are
    found in the collected inventory by id, else by name. Edits and comments stay; where the project
    says otherwise, that is told, and --replace takes it. Works offline. Ends with 3 when something
    has to be decided.

    \b
    Examples:
      oc get providers,storagemaps,networkmaps,plans -n openshift-mtv -o yaml > forklift.yaml
      mtv import forklift forklift.yaml --dry-run
      mtv import forklift forklift.yaml --source vcenter-prod=vc1
    """
    project = open_project(ctx)
    estate = load_estate(project)
    answers = _answers(project, estate, files, dict(map(_pair, pairs)))
    with project.lock():
        mapping = _merged_mapping(project, answers, replace)
        proposal, plan = _merged_plan(project, estate, answers, replace)
        if not dry_run:
            _write(project, mapping, plan)
    told = (*answers.notes, *_blocked(project, proposal))
    result = {
        "mapping": mapping.taken,
        "plan": plan.changes,
        "conflicts": {"mapping": mapping.conflicts, "plan": plan.conflicts},
        "refused": proposal.refused,
        "notes": told,
    }
    emit(output, result, lambda: _show(mapping, plan, proposal, told, dry_run, notes))
    _refuse_open(mapping, plan, told)


def _pair(words: str) -> tuple[str, str]:
    provider, equals, source = words.partition("=")
    if not provider or not equals or not source:
        raise click.BadParameter(f"{words!r} is not PROVIDER=SOURCE", param_hint="--source")
    return provider, source


def _answers(
    project: Project, estate: Estate, files: tuple[Path, ...], pairs: dict[str, str]
) -> Answers:
    return Answers(
        estate,
        load_target(project),
        load_mapping(project) if project.mapping.exists() else None,
        load_settings(project).sources,
        [each for file in files for each in read_objects(file)],
        pairs,
    )


def _merged_mapping(project: Project, answers: Answers, replace: bool) -> Merged:
    text = read_text(project.mapping, "") if project.mapping.exists() else EMPTY
    return merge(text, answers.lines, project.mapping, replace=replace)


def _merged_plan(
    project: Project, estate: Estate, answers: Answers, replace: bool
) -> tuple[Proposal, MergedPlan]:
    text = read_text(project.plan, "") if project.plan.exists() else EMPTY_PLAN
    waves = {name: {vm.ref: vm.name for vm in vms.values()} for name, vms in answers.waves.items()}
    templates = load_mapping(project).names if project.mapping.exists() else USUAL
    proposal = propose_waves(estate, waves, parse_plan(text), templates)
    comments = {placed.ref: placed.vm.name for placed in estate.vms()}
    merged = merge_waves(text, proposal, comments, replace=replace)
    check_plan(parse_plan(merged.text), estate)
    return proposal, merged


def _write(project: Project, mapping: Merged, plan: MergedPlan) -> None:
    if mapping.taken:
        write_atomically(project.mapping, mapping.text)
    if plan.changes:
        write_atomically(project.plan, plan.text)


def _blocked(project: Project, proposal: Proposal) -> tuple[Note, ...]:
    """VMs of waves that the assessment blocks: Forklift may take them, mtv cutover does not."""
    if not project.assessment.exists():
        return ()
    wanted = {vm.ref for vms in proposal.waves.values() for vm in vms}
    blocked = [
        vm.ref
        for vm in load_assessment(project).vms
        if vm.ref in wanted and any(c.category is Category.BLOCKER for c in vm.concerns)
    ]
    if not blocked:
        return ()
    says = "is in a wave, and the assessment blocks it"
    return (warning(says, "mtv assess says why; mend it, or move it with Forklift", blocked),)


def _show(
    mapping: Merged,
    plan: MergedPlan,
    proposal: Proposal,
    told: tuple[Note, ...],
    dry_run: bool,
    notes: bool,
) -> None:
    for each in mapping.taken:
        click.echo(f"mapping.yaml: {printable(_line(each))} → {each.choice}")
    for change in plan.changes:
        click.echo(f"plan.yaml: {printable(f'{change.ref}: {change.says}')}")
    for each in mapping.conflicts:
        says = f"{_line(each)}: it is {each.now}, and {each.reason} says {each.choice}"
        click.echo(f"conflict: {printable(says)}; --replace takes it")
    for change in plan.conflicts:
        _echo("conflict", change)
    for change in proposal.refused:
        _echo("not taken", change)
    for note in told:
        if notes or note.category is not Category.INFORMATION:
            click.echo(f"{FINDING_WORDS[note.category]}: {printable(note.sentence)}")
    unsaid = sum(note.category is Category.INFORMATION for note in told)
    if unsaid and not notes:
        click.echo(f"{counted(unsaid, 'note')} on what is not taken over: --notes shows them")
    would = "would change" if dry_run else "taken over"
    lines = f"{counted(len(mapping.taken), 'line')} of mapping.yaml"
    click.echo(f"{lines} and {counted(len(plan.changes), 'VM')} of plan.yaml {would}")


def _line(each: Answer) -> str:
    return ": ".join(filter(None, (each.section, each.ref, each.name)))


def _echo(word: str, change: Change) -> None:
    click.echo(f"{word}: {printable(f'{change.ref}: {change.says}; {change.remedy}')}")


def _refuse_open(mapping: Merged, plan: MergedPlan, told: tuple[Note, ...]) -> None:
    """Raises Blocked when something has to be decided by a person."""
    blockers = [each for each in told if each.category is Category.BLOCKER]
    count = len(mapping.conflicts) + len(plan.conflicts) + len(blockers)
    if count:
        raise Blocked(
            f"{counted(count, 'thing')} to be decided about", "each line above says what to do"
        )
