"""Rules over the estate: concerns and a verdict for every VM.

The rules are data (``mappings/rules/``): a condition in CEL, what it means, what to do about it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mtv.estate import Estate, PlacedVm
from mtv.expressions import Expression, context
from mtv.mappings import Rule, rules
from mtv.model.concern import Assessment, Category, Concern, Readiness, VmAssessment
from mtv.model.plain import plain


def assess(estate: Estate) -> Assessment:
    """Every VM of the estate with its concerns and its verdict. Templates are left out."""
    compiled = [_Compiled(rule) for rule in rules()]
    return Assessment(
        vms=tuple(
            _verdict(placed, compiled) for placed in estate.vms() if not placed.vm.is_template
        )
    )


def facts(placed: PlacedVm) -> dict[str, Any]:
    """What a rule may ask.

    ``vm`` is the VM as plain data, its snapshots with ``age_days`` (null where unknown); ``source``
    has ``product``, ``version`` and ``assessment_only`` of its inventory. Ages count to the time of
    collection, so that the same inventory always gives the same answer.
    """
    vm: dict[str, Any] = plain(placed.vm)
    collected = _moment(placed.inventory.collected_at)
    for snapshot in vm["snapshots"]:
        created = _moment(snapshot["created_at"])
        snapshot["age_days"] = (collected - created).days if collected and created else None
    source = {
        "product": placed.inventory.product,
        "version": placed.inventory.version,
        "assessment_only": placed.inventory.assessment_only,
    }
    return {"vm": vm, "source": source}


def _moment(text: str) -> datetime | None:
    """A time of an inventory; one without a zone is taken for UTC. None where it says nothing."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Compiled:
    """A rule whose expressions are ready to run."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.when = Expression(rule.when)
        self.label = Expression(rule.label)


def _verdict(placed: PlacedVm, compiled: list[_Compiled]) -> VmAssessment:
    concerns = tuple(_concerns(placed, compiled))
    categories = {concern.category for concern in concerns}
    readiness = Readiness.READY
    if Category.BLOCKER in categories:
        readiness = Readiness.BLOCKED
    elif Category.WARNING in categories:
        readiness = Readiness.CONDITIONS
    return VmAssessment(ref=placed.ref, name=placed.vm.name, readiness=readiness, concerns=concerns)


def _concerns(placed: PlacedVm, compiled: list[_Compiled]) -> Iterator[Concern]:
    known = context(facts(placed))
    for each in compiled:
        rule = each.rule
        if placed.inventory.product in rule.sources and each.when.truth(known):
            yield Concern(
                rule=rule.id,
                category=rule.category,
                ref=placed.ref,
                label=each.label.text(known),
                assessment=rule.assessment,
                remedy=rule.remedy,
                keeps_from=rule.keeps_from,
            )
