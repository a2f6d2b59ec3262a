"""What a cluster's balancing asks of the descheduler, and the KubeDescheduler that does it."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.knowledge.descheduling import Descheduling, Property, Way, descheduling
from mtv.knowledge.versions import Release
from mtv.model.compute import Balancing, Cluster, SchedulingPolicy
from mtv.model.estate import Inventory
from mtv.model.target import Target
from mtv.translate.part import Manifest, metadata

NAMESPACE = "openshift-kube-descheduler-operator"
KIND = "KubeDescheduler"


class Wanted(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a cluster's balancing comes to on the target."""

    way: Way
    mode: str = "Automatic"
    interval_seconds: int = 0
    deviation: str | None = None
    """``devDeviationThresholds``."""
    load: str | None = None
    """``devLowNodeUtilizationThresholds``."""
    compact: str | None = None
    """``devHighNodeUtilizationThresholds``."""
    skew: int | None = None
    """How many more VMs one node may have than another."""
    unknown: tuple[str, ...] = ()
    """What the source asks for and mtv does not know, each as a part of a sentence."""
    lost: tuple[str, ...] = ()
    """What of the policy has no equivalent, each as a part of a sentence."""
    changed: tuple[str, ...] = ()
    """Values that the target has only nearly, each as a part of a sentence."""

    @property
    def balances(self) -> bool:
        """False when nothing is moved."""
        return self.way.balances

    @cached_property
    def shown(self) -> dict[str, str]:
        """The settings that two clusters are compared by, as they are written."""
        if not self.balances:
            return {"balancing": "off"}
        found = {
            "balancing": self.way.id,
            "mode": self.mode,
            "deschedulingIntervalSeconds": self.interval_seconds,
            "devDeviationThresholds": self.deviation,
            "devLowNodeUtilizationThresholds": self.load,
            "devHighNodeUtilizationThresholds": self.compact,
        }
        return {name: str(value) for name, value in found.items() if value is not None}


def wanted(inventory: Inventory, cluster: Cluster) -> Wanted:
    """What one cluster asks for: DRS, or its scheduling policy."""
    table, balancing = descheduling(), cluster.balancing or Balancing()
    if balancing.policy is not None:
        policies = {each.id: each for each in inventory.scheduling_policies}
        return _of_policy(table, balancing, balancing.policy, policies.get(balancing.policy))
    if not balancing.enabled:
        return Wanted(way=table.way["none"])
    unknown = [f"no threshold for the DRS rate {balancing.rate}"]
    if balancing.rate is None or balancing.rate in table.rates:
        unknown = []
    return Wanted(
        way=table.way["load"],
        # What does not say how far it goes must not move anything.
        mode=table.modes.get(balancing.automation or "", "Predictive"),
        interval_seconds=table.interval_seconds,
        deviation=table.rates.get(balancing.rate or 0),
        unknown=tuple(unknown),
        changed=("DRS moves VMs for rules and maintenance only (rate 5), the target for load too",)
        if balancing.rate == 5
        else (),
    )


def _of_policy(
    table: Descheduling, balancing: Balancing, id_: str, policy: SchedulingPolicy | None
) -> Wanted:
    """What a scheduling policy asks for."""
    own = table.policy.get(id_)
    if own is None and policy is None:
        return Wanted(way=table.way["none"], unknown=(f"no scheduling policy {id_}",))
    way, unknown, lost = own.way if own else "none", list[str](), list[str]()
    for each in policy.units if policy is not None and own is None else ():
        unit = table.unit.get(each.id)
        if unit is None or unit.kind != each.kind:
            unknown.append(f"no {each.kind} unit {each.name} ({each.id})")
        elif unit.kind == "load_balancing":
            way = unit.way
        elif unit.lost:
            lost.append(f"the {unit.kind} unit {unit.name}: {unit.lost}")
    if not table.way[way].balances:
        return Wanted(way=table.way[way], unknown=tuple(unknown), lost=tuple(lost))
    properties = _Properties(table, way, balancing, policy)
    load, compact = properties.number("load_threshold"), properties.number("compact_threshold")
    return Wanted(
        way=table.way[way],
        interval_seconds=60 * (properties.number("interval") or 1),
        load=_nearest(table.load_thresholds, load),
        compact=_nearest(table.compact_thresholds, compact),
        skew=properties.number("skew"),
        unknown=(*unknown, *properties.unknown),
        lost=(*lost, *properties.lost),
        changed=(
            *properties.odd,
            *_rounded("HighUtilization", table.load_thresholds, load),
            *_rounded("LowUtilization", table.compact_thresholds, compact),
        ),
    )


class _Properties:
    """A policy's properties: the cluster's own, else the policy's, else the engine's."""

    def __init__(
        self, table: Descheduling, way: str, own: Balancing, policy: SchedulingPolicy | None
    ) -> None:
        self._way = way
        self._table = table
        self._set = {
            each.name: each.value
            for each in (*(policy.properties if policy is not None else ()), *own.settings)
        }

    def number(self, sets: str) -> int | None:
        """The value that becomes this; None where this way has nothing of the kind."""
        for each in self._table.properties:
            if each.sets == sets and self._way in each.ways:
                value = _number(each, self._set.get(each.name))
                return each.default if value is None else value
        return None

    @property
    def unknown(self) -> Iterator[str]:
        """Properties that mtv does not know."""
        for name, value in self._set.items():
            if name not in self._table.known_property:
                yield f"no property {name}={value}"

    @property
    def odd(self) -> Iterator[str]:
        """Values that cannot be."""
        for name, value in self._set.items():
            known = self._table.known_property.get(name)
            if known is not None and self._way in known.ways and _number(known, value) is None:
                yield f"{name} cannot be {value!r}; {known.default} stands for it"

    @property
    def lost(self) -> Iterator[str]:
        """Properties that have no equivalent in this way."""
        for name, value in self._set.items():
            known = self._table.known_property.get(name)
            if known is None or self._way in known.ways:
                continue
            if known.instead:
                yield f"{name}={value}: {known.instead}"
            elif known.sets:
                yield f"{name}={value} has no place in this way of balancing"


def _number(known: Property, text: str | None) -> int | None:
    """The value of a property as a number it can have."""
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= 6):
        return None
    return int(text) if 1 <= int(text) <= known.maximum else None


def _nearest(table: dict[int, str], percent: int | None) -> str | None:
    if percent is None:
        return None
    return table[min(table, key=lambda each: (abs(each - percent), each))]


def _rounded(name: str, table: dict[int, str], percent: int | None) -> Iterator[str]:
    if percent is not None and percent not in table:
        nearest = min(table, key=lambda each: (abs(each - percent), each))
        yield f"{name} {percent} becomes {nearest} ({table[nearest]}), the nearest that there is"


def kube_descheduler(settings: Wanted, target: Target, release: Release, rules: bool) -> Manifest:
    """The one KubeDescheduler of the cluster. ``rules``: VMs have affinity that is to be kept."""
    return {
        "apiVersion": "operator.openshift.io/v1",
        "kind": KIND,
        "metadata": metadata("cluster", NAMESPACE),
        "spec": {
            "managementState": "Managed",
            "mode": settings.mode,
            "deschedulingIntervalSeconds": settings.interval_seconds,
            "profiles": _profiles(settings, release, rules),
            "evictionLimits": _limits(target, release),
            "profileCustomizations": _customizations(settings, release),
        },
    }


def _profiles(settings: Wanted, release: Release, rules: bool) -> list[str]:
    table = descheduling()
    others = [*settings.way.profiles, *([table.rules_profile] if rules else [])]
    by_load = [each for each in table.load_profiles if release.knows(KIND, "spec.profiles[]", each)]
    return [
        *(by_load[:1] if settings.way.by_load else []),
        *others,
        *(table.vm_profiles if others else ()),
    ]


def _limits(target: Target, release: Release) -> dict[str, int]:
    """As many evictions as there may be live migrations; more would only wait."""
    usual, set_ = descheduling().eviction_limits, target.live_migration
    limits = {"total": set_.parallel_per_cluster or usual.total}
    if release.knows(KIND, "spec.evictionLimits.node"):
        limits["node"] = set_.parallel_outbound_per_node or usual.node
    return limits


def _customizations(settings: Wanted, release: Release) -> dict[str, Any]:
    table = descheduling()
    found: dict[str, Any] = {}
    if settings.way.by_load:
        found["devActualUtilizationProfile"] = table.utilization
        if release.openshift in table.soft_tainter:
            found["devEnableSoftTainter"] = True
    if settings.way.background:
        found["devEnableEvictionsInBackground"] = True
    named = {
        "devDeviationThresholds": settings.deviation,
        "devLowNodeUtilizationThresholds": settings.load,
        "devHighNodeUtilizationThresholds": settings.compact,
    }
    return found | {name: value for name, value in named.items() if value is not None}


def pressure() -> Manifest:
    """Has the workers' kernels report pressure: without it the load profile does not start."""
    about = metadata("99-openshift-machineconfig-worker-psi-karg")
    about["labels"]["machineconfiguration.openshift.io/role"] = "worker"
    return {
        "apiVersion": "machineconfiguration.openshift.io/v1",
        "kind": "MachineConfig",
        "metadata": about,
        "spec": {"kernelArguments": ["psi=1"]},
    }
