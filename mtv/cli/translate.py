"""``mtv translate``: manifests and ledger."""

import difflib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from mtv.cli.app import emit, load_estate, open_project, output_option, printable
from mtv.cli.translation import FINDING_WORDS, load_translation
from mtv.errors import Blocked
from mtv.estate import ONLY_DESCRIBED, Estate
from mtv.model.concern import Category
from mtv.project import Project, write_json
from mtv.quantities import counted
from mtv.translate import Translation
from mtv.translate.tree import files


@click.command("translate", short_help="Write the Kubernetes manifests and the ledger.")
@click.option("--diff", is_flag=True, help="Show what would change in manifests/; write nothing.")
@click.option("--notes", is_flag=True, help="Show what is only good to know, too.")
@output_option
@click.pass_context
def command(ctx: click.Context, diff: bool, notes: bool, output: str) -> None:
    """Write the Kubernetes manifests (manifests/), the ledger of every source property and the
    order in which VMs start (start-plan.json).

    The manifests are a kustomize tree: platform/ is what the VMs need around them, vms/ the VMs and
    their disks; the same bytes for the same input. Works offline. Ends with 3 when findings want a
    decision; everything else is translated all the same.

    \b
    Examples:
      mtv translate --diff
      mtv translate
      oc diff -k manifests/platform/networks     # manifests/README.md says in which order
    """
    project = open_project(ctx)
    estate = load_estate(project)
    translation = load_translation(project, estate)
    if diff:
        changes = _differences(project.manifests, dict(files(translation)))
        emit(output, dict(changes), lambda: _show_differences(changes))
    else:
        with project.lock():
            _write_tree(project, files(translation))
            write_json(project.ledger, translation.ledger)
            write_json(project.start_plan, translation.start_plan)
        emit(output, _summary(translation), lambda: _show(translation, estate, notes))
    if translation.blockers:
        held_back = {ref for each in translation.blockers for ref in each.holds_back}
        waiting = counted(len(held_back - set(translation.blocked)), "VM")
        raise Blocked(
            f"{counted(len(translation.blockers), 'finding')} to be decided about; "
            f"{waiting} held back",
            "each says what to do; then run mtv translate again",
        )


def _write_tree(project: Project, tree: Iterable[tuple[str, str]]) -> None:
    """Replaces the tree whole: files of VMs that are not translated any more go."""
    fresh = project.root / ".manifests.new"
    shutil.rmtree(fresh, ignore_errors=True)
    folders = set[Path]()
    for path, text in tree:
        file = fresh / path
        if file.parent not in folders:
            folders.add(file.parent)
            file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if project.manifests.exists():
        shutil.rmtree(project.manifests)
    fresh.rename(project.manifests)


def _differences(manifests: Path, tree: dict[str, str]) -> list[tuple[str, str]]:
    """Path and unified diff of every file that would change, come or go."""
    there = {
        str(path.relative_to(manifests)): path.read_text(encoding="utf-8")
        for path in sorted(manifests.rglob("*"))
        if path.is_file()
    }
    return [
        (path, "".join(_diff(path, there.get(path), tree.get(path))))
        for path in sorted({*there, *tree})
        if there.get(path) != tree.get(path)
    ]


def _diff(path: str, old: str | None, new: str | None) -> Iterator[str]:
    names = (
        "/dev/null" if old is None else f"manifests/{path}",
        "/dev/null" if new is None else f"manifests/{path}",
    )
    before, after = ((text or "").splitlines(keepends=True) for text in (old, new))
    return difflib.unified_diff(before, after, *names)


def _show_differences(changes: list[tuple[str, str]]) -> None:
    for _, text in changes:
        for line in text.splitlines():
            click.echo(printable(line))
    click.echo(f"{len(changes)} files of manifests/ would change" if changes else "nothing changes")


def _summary(translation: Translation) -> dict[str, object]:
    return {
        "translated": translation.vms,
        "platform": dict(_kinds(translation)),
        "blocked": translation.blocked,
        "findings": translation.findings,
    }


def _show(translation: Translation, estate: Estate, notes: bool) -> None:
    outcomes = Counter[str]()
    for path in translation.ledger.paths:
        outcomes[path.outcome] += path.values
    disks = sum(len(estate.vm(vm.ref).vm.disks) for vm in translation.vms)
    movable = sum(not vm.obstacles for vm in translation.vms)
    platform = ", ".join(f"{count} {kind}" for kind, count in _kinds(translation).items())
    click.echo(f"manifests/vms: {len(translation.vms)} VirtualMachines with {disks} disks")
    click.echo(f"manifests/platform: {platform}")
    click.echo(f"live-migratable: {movable} of {len(translation.vms)} VMs; mtv explain says why")
    click.echo("ledger: " + ", ".join(f"{n} values {word}" for word, n in sorted(outcomes.items())))
    for inventory in estate.inventories:
        if inventory.assessment_only:
            click.echo(f"left out: {inventory.source} {ONLY_DESCRIBED}")
    if translation.blocked:
        click.echo(
            f"left out: {counted(len(translation.blocked), 'VM')} that cannot be translated yet, "
            f"for example {printable(translation.blocked[0])}; mtv assess says why"
        )
    for each in translation.findings:
        if notes or each.category is not Category.INFORMATION:
            about = f"{each.name} ({each.ref}): " if each.ref else ""
            said = f"{about}{each.says}; {each.remedy}"
            click.echo(f"{FINDING_WORDS[each.category]}: {printable(said)}")
    unsaid = sum(each.category is Category.INFORMATION for each in translation.findings)
    if unsaid and not notes:
        click.echo(f"{unsaid} notes: mtv translate --notes shows them, mtv report keeps them")


def _kinds(translation: Translation) -> Counter[str]:
    return Counter(each["kind"] for each in translation.platform)
