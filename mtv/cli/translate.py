"""``mtv translate``: manifests and ledger."""

import shutil
from collections import Counter
from collections.abc import Iterable

import click

from mtv.cli.app import (
    emit,
    load_assessment,
    load_estate,
    load_mapping,
    load_plan,
    load_target,
    open_project,
    output_option,
    printable,
)
from mtv.errors import Blocked
from mtv.estate import ONLY_DESCRIBED, Estate
from mtv.model.concern import Category
from mtv.plan import check_plan, planned_names
from mtv.project import Project, write_atomically, write_json
from mtv.translate import Translation, translate
from mtv.translate.tree import files


@click.command("translate", short_help="Write the Kubernetes manifests and the ledger.")
@output_option
@click.pass_context
def command(ctx: click.Context, output: str) -> None:
    """Write the Kubernetes manifests (manifests/) and the ledger of every source property.

    The manifests are a kustomize tree, the same bytes for the same input. Works offline. Ends with
    3 when open questions kept VMs out.

    \b
    Examples:
      mtv translate
      oc apply -k manifests
    """
    project = open_project(ctx)
    estate = load_estate(project)
    translation = translate(
        estate,
        load_target(project),
        load_mapping(project),
        load_assessment(project),
        _kept_names(project, estate),
    )
    with project.lock():
        _write_tree(project, files(translation))
        write_json(project.ledger, translation.ledger)
    emit(output, _summary(translation), lambda: _show(translation, estate))
    if translation.blockers:
        waiting = len({ref for each in translation.blockers for ref in each.holds_back})
        raise Blocked(
            f"{len(translation.blockers)} findings want a decision; {waiting} VMs wait for one",
            "each says what to do; then run mtv translate again",
        )


def _kept_names(project: Project, estate: Estate) -> dict[str, str]:
    """The names of VMs that are planned already: the plan may have renamed them."""
    if not project.plan.exists():
        return {}
    plan = load_plan(project)
    check_plan(plan, estate)
    return planned_names(plan)


def _write_tree(project: Project, tree: Iterable[tuple[str, str]]) -> None:
    """Replaces the tree: files of VMs that are not translated any more go."""
    fresh = project.root / ".manifests.new"
    shutil.rmtree(fresh, ignore_errors=True)
    for path, text in tree:
        write_atomically(fresh / path, text)
    if project.manifests.exists():
        shutil.rmtree(project.manifests)
    fresh.rename(project.manifests)


def _summary(translation: Translation) -> dict[str, object]:
    return {
        "translated": translation.vms,
        "platform": dict(_kinds(translation)),
        "blocked": translation.blocked,
        "findings": translation.findings,
    }


def _show(translation: Translation, estate: Estate) -> None:
    outcomes = Counter[str]()
    for path in translation.ledger.paths:
        outcomes[path.outcome] += path.values
    claims = sum(len(estate.vm(vm.ref).vm.disks) for vm in translation.vms)
    click.echo(f"manifests/vms: {len(translation.vms)} VirtualMachines, {claims} DataVolumes")
    platform = ", ".join(f"{count} {kind}" for kind, count in _kinds(translation).items())
    click.echo(f"manifests/platform: {platform}")
    click.echo("ledger: " + ", ".join(f"{n} values {word}" for word, n in sorted(outcomes.items())))
    for inventory in estate.inventories:
        if inventory.assessment_only:
            click.echo(f"left out: {inventory.source} {ONLY_DESCRIBED}")
    for ref in translation.blocked:
        click.echo(f"left out: {ref} is blocked by the assessment")
    for each in translation.findings:
        about = f"{printable(each.name)} ({each.ref}): " if each.ref else ""
        click.echo(f"{WORDS[each.category]}: {about}{printable(each.says)}; {each.remedy}")


WORDS = {Category.BLOCKER: "open", Category.WARNING: "warning", Category.INFORMATION: "note"}


def _kinds(translation: Translation) -> Counter[str]:
    return Counter(each["kind"] for each in translation.platform)
