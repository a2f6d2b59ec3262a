"""DRS, scheduling policies -> eviction strategy and descheduler."""

import msgspec

from mtv.model.compute import Balancing, Cluster, HighAvailability, SchedulingPolicy, SchedulingUnit
from mtv.model.quantity import Setting
from mtv.model.vm import Placement
from tests.translate.whole.example import Change, Example

EVEN_LOAD = "7db4ab05-81ab-42e8-868a-aee2df483ed2"
EVEN_COUNT = "d58c8e32-44e1-418f-9222-52cd887bf9e0"
"""Balancers that every engine has."""

CHANGES: dict[str, Change] = {
    "clusters[].balancing.enabled": Change(False, at="domain-c1"),
    "clusters[].balancing.automation": Change("manual", at="domain-c1"),
    "clusters[].balancing.rate": Change(5, at="domain-c1"),
    "clusters[].balancing.overrides_allowed": Change(False, at="c-rule"),
    "clusters[].balancing.policy": Change("sp-load", at="c-1"),
    "scheduling_policies[].units[].id": Change(EVEN_LOAD, at="sp-own"),
    "scheduling_policies[].units[].kind": Change("filter", at="sp-own"),
    "clusters[].balancing.settings[].name": Change(
        "HeSparesCount", where=lambda setting: setting["value"] != "4"
    ),
    "scheduling_policies[].properties[].name": Change("HeSparesCount", at="sp-own"),
    "scheduling_policies[].properties[].value": Change("9", at="sp-own"),
    "clusters[].availability.on_error": Change("do_not_migrate", at="c-1"),
    "vms[].placement.balancing": Change("fullyAutomated", at="vm-rule-1"),
}


def enrich(example: Example) -> Example:
    """Balancing of the first cluster, which the target takes over."""
    (first, *_) = example.inventory.clusters
    example = example.choose(settings_from=f"{example.inventory.source}/{first.id}")
    example = example.offer(psi=False)
    if example.target.operators:
        example = example.offer(operators=("descheduler",))
    if example.inventory.product == "rhv":
        return _rhv(example, first)
    drs = Balancing(
        enabled=True,
        automation="fullyAutomated",
        rate=3,
        overrides_allowed=True,
        settings=(Setting(name="TryBalanceVmsPerHost", value="1"),),
        power_management=True,
        power_automation="automated",
        power_rate=3,
    )
    return (
        example.change("clusters", first.id, balancing=drs)
        .change("clusters", "c-rule", balancing=Balancing(enabled=True, overrides_allowed=True))
        .change("vms", "vm-rule-1", placement=Placement(balancing="manual"))
    )


def _rhv(example: Example, first: Cluster) -> Example:
    """A policy that somebody made, and a second one to change to."""
    own = SchedulingPolicy(
        id="sp-own",
        name="even",
        description="VMs per host",
        locked=False,
        is_default=False,
        properties=(Setting(name="CpuOverCommitDurationMinutes", value="5"),),
        units=(_unit(EVEN_COUNT),),
    )
    idle = SchedulingPolicy(id="sp-idle", name="idle", units=(_unit(EVEN_LOAD),))
    load = SchedulingPolicy(id="sp-load", name="load", units=(_unit(EVEN_LOAD),))
    settings = (
        Setting(name="MigrationThreshold", value="4"),
        Setting(name="HighUtilization", value="50"),
    )
    errors = first.availability or HighAvailability()
    return example.add(scheduling_policies=(idle, own, load)).change(
        "clusters",
        first.id,
        balancing=Balancing(policy="sp-own", settings=settings),
        availability=msgspec.structs.replace(errors, on_error="migrate"),
    )


def _unit(id_: str) -> SchedulingUnit:
    return SchedulingUnit(
        id=id_, name="x", kind="load_balancing", factor=1, position=0, internal=True, enabled=True
    )
