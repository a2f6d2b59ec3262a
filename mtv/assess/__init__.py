"""Rules over the estate: concerns and a verdict for every VM.

The rules are data (``mappings/rules/``): a condition in CEL, what it means, what to do about it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from mtv.assess.expressions import Expression, context
from mtv.estate import Estate, PlacedVm
from mtv.mappings import Rule, rules
from mtv.model.concern import Assessment, Category, Concern, Readiness, VmAssessment


def assess(estate: Estate) -> Assessment:
    """Every VM of the estate with its concerns and its verdict. Templates are left out."""
    compiled = [_Compiled(rule) for rule in rules()]
    return Assessment(
        vms=tuple(
            _verdict(placed, compiled) for placed in estate.vms() if not placed.vm.is_template
        )
    )


def facts(placed: PlacedVm) -> dict[str, Any]:
    """What a rule may ask: ``vm``, the VM as plain data with the ages of its snapshots.

    Ages count to the time of collection, so that the same inventory always gives the same answer.
    """
    vm = msgspec.to_builtins(placed.vm)
    taken = datetime.fromisoformat(placed.inventory.collected_at)
    for snapshot in vm["snapshots"]:
        snapshot["age_days"] = (taken - datetime.fromisoformat(snapshot["created_at"])).days
    return {"vm": vm}


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
            )
