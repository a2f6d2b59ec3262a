"""``mtv explain``: what became of every property of one object, or what a counter is called now."""

from collections import Counter
from collections.abc import Collection, Iterable

import click
import msgspec

from mtv.cli.app import (
    emit,
    load_estate,
    load_target,
    open_project,
    output_option,
    printable,
)
from mtv.cli.completion import complete_counter, complete_kind, complete_ref
from mtv.cli.translation import FINDING_WORDS, load_translation
from mtv.errors import ConfigError, ProjectError
from mtv.estate import Estate
from mtv.inventory.kinds import kind_of
from mtv.knowledge.counters import CounterMeaning, meanings, near
from mtv.knowledge.versions import release, versions
from mtv.model.ledger import Outcome
from mtv.project import Project
from mtv.translate import Translation
from mtv.translate.explain import NOTHING_SPECIAL, Explained, Explanation, explain

SHOWN_OUTCOMES = {Outcome.CARRIED, Outcome.ADAPTED, Outcome.REPORTED}
"""What has consequences; the rest is counted, and shown on demand."""

SHOWN = 60
"""Characters of a value that the table shows."""

OF = {"vm": "VM", "nic": "NIC"}
"""What a counter is of, as people write it."""


class ExplainedMetric(msgspec.Struct, frozen=True, kw_only=True):
    """What a counter is on a version of OpenShift."""

    metric: str
    openshift: str
    counters: tuple[CounterMeaning, ...]


@click.command("explain", short_help="Show what becomes of every property of one object.")
@click.argument("ref", shell_complete=complete_ref, required=False)
@click.option(
    "--kind",
    metavar="KIND",
    shell_complete=complete_kind,
    help="Only an object of this kind, where several have the name or ref.",
)
@click.option(
    "--outcome",
    type=click.Choice([str(each) for each in Outcome]),
    help="Only properties with this outcome.",
)
@click.option("--all", "every", is_flag=True, help="Show what is ignored, too.")
@click.option(
    "--metric",
    metavar="NAME",
    shell_complete=complete_counter,
    help="Instead of an object, a counter of vCenter or vROps, or a column of RHV's data "
    "warehouse: its expression in PromQL, and how well it says the same.",
)
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    ref: str | None,
    kind: str | None,
    outcome: str | None,
    every: bool,
    metric: str | None,
    output: str,
) -> None:
    """Show what becomes of every property of one object: a VM, a network, a cluster ...

    Each value has a row of the terminology mapping that says what becomes of it and where it goes.
    With target.yaml, mapping.yaml and an assessment it also shows the objects that are made of it
    and the findings about it. With --metric instead of REF it shows what a counter is called in
    OpenShift's Prometheus, for the version in target.yaml. Works offline, writes nothing.

    \b
    Examples:
      mtv explain vc1/vm-21
      mtv explain web01 --outcome reported
      mtv explain web01 --all
      mtv explain vc1/dvportgroup-31 --output json
      mtv explain --metric cpu.ready
      mtv explain --metric cpu_usage_percent --output json
    """
    if metric is not None and ref is None:
        explained = _metric(_openshift(ctx), metric)
        emit(output, explained, lambda: _show_metric(explained))
        return
    if ref is None or metric is not None:
        raise click.UsageError("give either the REF of an object or --metric")
    project = open_project(ctx)
    estate = load_estate(project)
    placed = estate.find_object(ref, kind_of(kind) if kind else None)
    explanation = explain(placed, _translation(project, estate))
    outcomes = {outcome} if outcome else set(Outcome) if every else SHOWN_OUTCOMES
    emit(output, explanation, lambda: _show(explanation, outcomes))


def _openshift(ctx: click.Context) -> str:
    """The target's version; the newest that mtv knows where there is no target or project yet."""
    newest = versions().releases[-1].openshift
    try:
        project = open_project(ctx)
    except ProjectError:
        return newest
    if not project.target.exists():
        return newest
    return release(load_target(project).openshift).openshift


def _metric(openshift: str, metric: str) -> ExplainedMetric:
    """What a counter is on a version. Raises ConfigError for one that nothing is called."""
    found = meanings(metric, openshift)
    if not found:
        similar = ", ".join(near(metric))
        raise ConfigError(
            f"there is no counter {printable(metric)!r}",
            f"similar ones: {similar}" if similar else "docs/metrics.md lists them all",
        )
    return ExplainedMetric(metric=metric, openshift=openshift, counters=found)


def _show_metric(explained: ExplainedMetric) -> None:
    click.echo(f"{printable(explained.metric)} on OpenShift {explained.openshift}")
    for each in explained.counters:
        said = {
            "called": ", ".join((*each.names, *each.dwh)),
            "unit": each.unit,
            "fidelity": each.fidelity,
            "PromQL": (each.promql or "none").replace("\n", "\n    "),
            "gives": each.gives if each.promql else "",
            "factor": f"{each.factor} times the old number is the new one" if each.factor else "",
            "caveat": each.caveat,
            "instead": each.instead,
        }
        click.echo(f"\n{each.id}, of a {OF.get(each.of, each.of)}: {each.measures}")
        for title, text in said.items():
            if text:
                click.echo(f"  {title}: {text}")


def _translation(project: Project, estate: Estate) -> Translation | None:
    """The translation, where the project is that far."""
    files = (project.target, project.mapping, project.assessment)
    return load_translation(project, estate) if all(each.exists() for each in files) else None


def _show(explanation: Explanation, outcomes: Collection[str]) -> None:
    about = f"{explanation.name} ({explanation.ref})"
    click.echo(f"{explanation.kind} {printable(about)}")
    for manifest in explanation.manifests:
        click.echo(f"becomes: {manifest}")
    for obstacle in explanation.obstacles:
        click.echo(f"not live-migratable: {printable(obstacle)}")
    for each in explanation.findings:
        said = f"{each.says}; {each.remedy}"
        click.echo(f"{FINDING_WORDS[each.category]}: {printable(said)}")
    for says, alike in _by_what_becomes(explanation.properties, outcomes):
        click.echo()
        click.echo(f"{alike[0].outcome}: {printable(says)}")
        for found in alike:
            click.echo(f"    {printable(found.path)}  {printable(_short(str(found.value)))}")
        for field in alike[0].writes:
            click.echo(f"    → {field.kind} {field.field}")
    counts = Counter(str(each.outcome) for each in explanation.properties)
    click.echo()
    click.echo(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    if counts.keys() - set(map(str, outcomes)):
        click.echo("what is not shown: mtv explain --all, or --outcome")


def _by_what_becomes(
    properties: Iterable[Explained], outcomes: Collection[str]
) -> Iterable[tuple[str, list[Explained]]]:
    """Properties of these outcomes, those of one row and sentence together."""
    found = dict[tuple[str, str], list[Explained]]()
    for each in properties:
        if each.outcome in outcomes and each.says != NOTHING_SPECIAL and each.value != "":
            found.setdefault((each.row, each.says), []).append(each)
    return ((says, alike) for (_, says), alike in found.items())


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
