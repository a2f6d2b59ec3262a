"""The rules of a site about where VMs run: DRS rules, affinity groups, labels, pinning."""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from math import ceil

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.compute import Cluster, PlacementRule
from mtv.model.estate import Inventory
from mtv.names import unique_labels

LABEL = "rule.mtv.migration"
"""Prefix of the labels by which the VMs of a rule know each other."""

PREFERRED_HOSTS = 99
"""Weight of the hosts that a VM may leave: RHV's factor for preferred hosts."""


class Kind(StrEnum):
    """What a rule asks for."""

    TOGETHER = "vm-affinity"
    APART = "vm-anti-affinity"
    ON = "host-affinity"
    OFF = "host-anti-affinity"


_KINDS = frozenset(Kind)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that the target can say too."""

    id: str
    """Unique over the site."""
    ref: str
    """The object that it is defined in: cluster, affinity label or VM."""
    row: str
    name: str
    """What the source calls it."""
    said: str
    """How a sentence names it: ``the rule 'web apart'``."""
    kind: Kind
    vms: tuple[str, ...]
    """Refs of its VMs."""
    hosts: tuple[str, ...] = ()
    mandatory: bool = False
    weight: int = 100
    """Of a rule that is not mandatory: 1 to 100."""

    @property
    def about_hosts(self) -> bool:
        """True when it ties VMs to hosts, and not to each other."""
        return self.kind in (Kind.ON, Kind.OFF)


class Odd(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the source that is none for the target: it starts VMs, or mtv does not know it."""

    ref: str
    name: str
    kind: str


def rules(inventory: Inventory) -> Iterator[Rule]:
    """The rules of one inventory that are on."""
    sayable = [
        (cluster, each)
        for cluster in inventory.clusters
        for each in cluster.rules
        if each.enabled is not False and each.kind in _KINDS
    ]
    weights = _weights(each for _, each in sayable if not each.mandatory)
    seen = Counter[str]()
    for cluster, each in sayable:
        id_ = f"{ref(inventory, cluster.id)}/{each.id}"
        seen[id_] += 1
        # Nothing keeps a source from giving an id twice.
        id_ = id_ if seen[id_] == 1 else f"{id_}/{seen[id_]}"
        yield _rule(inventory, cluster, id_, each, weights.get(each.priority, 100))
    yield from _labels(inventory)
    yield from _pinned(inventory)


def odd_rules(inventory: Inventory) -> Iterator[Odd]:
    """The rules of one inventory that are on and that no affinity can say."""
    for cluster in inventory.clusters:
        for each in cluster.rules:
            if each.enabled is not False and each.kind not in _KINDS:
                yield Odd(ref=ref(inventory, cluster.id), name=each.name, kind=each.kind)


def _weights(every: Iterable[PlacementRule]) -> dict[float | None, int]:
    """Priority -> weight, in the same order, the highest 100. vSphere has no priorities."""
    known = sorted({each.priority for each in every if each.priority is not None})
    return {
        priority: ceil(100 * place / len(known)) for place, priority in enumerate(known, start=1)
    }


def _rule(
    inventory: Inventory, cluster: Cluster, id_: str, each: PlacementRule, weight: int
) -> Rule:
    return Rule(
        id=id_,
        ref=ref(inventory, cluster.id),
        row="rule",
        name=each.name,
        said=f"the rule {each.name!r}",
        kind=Kind(each.kind),
        vms=_refs(inventory, each.vms),
        hosts=_refs(inventory, each.hosts) if each.kind in (Kind.ON, Kind.OFF) else (),
        mandatory=bool(each.mandatory),
        weight=weight,
    )


def _labels(inventory: Inventory) -> Iterator[Rule]:
    """Affinity labels that are a rule by themselves, as all were before RHV 4.4."""
    for each in inventory.affinity_labels:
        if each.implicit_group and each.vms:
            yield Rule(
                id=f"{ref(inventory, each.id)}/label",
                ref=ref(inventory, each.id),
                row="affinity-label",
                name=each.name,
                said=f"the affinity label {each.name!r}",
                kind=Kind.ON,
                vms=_refs(inventory, each.vms),
                hosts=_refs(inventory, each.hosts),
                mandatory=True,
            )


def _pinned(inventory: Inventory) -> Iterator[Rule]:
    """Hosts that single VMs are started on."""
    for vm in inventory.vms:
        if vm.placement is not None and vm.placement.hosts:
            yield Rule(
                id=f"{ref(inventory, vm.id)}/hosts",
                ref=ref(inventory, vm.id),
                row="pinning",
                name=vm.name,
                said=f"the hosts of {vm.name!r}",
                kind=Kind.ON,
                vms=(ref(inventory, vm.id),),
                hosts=_refs(inventory, vm.placement.hosts),
                mandatory=vm.placement.mode == "pinned",
                weight=PREFERRED_HOSTS,
            )


def _refs(inventory: Inventory, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ref(inventory, each) for each in ids))


def named_hosts(vms: Iterable[PlacedVm]) -> tuple[str, ...]:
    """Refs of the hosts that rules about these VMs name, sorted: each needs a node."""
    placed = {each.ref: each.inventory for each in vms}
    inventories = {each.source: each for each in placed.values()}
    return tuple(
        sorted(
            {
                host
                for inventory in inventories.values()
                for rule in rules(inventory)
                if rule.about_hosts and any(vm in placed for vm in rule.vms)
                for host in rule.hosts
            }
        )
    )


def label_keys(every: Iterable[Rule]) -> dict[str, str]:
    """Id of a rule between VMs -> key of the label that its VMs have."""
    names = {rule.id: rule.name for rule in every if not rule.about_hosts}
    return {id_: f"{LABEL}/{name}" for id_, name in unique_labels(names).items()}
