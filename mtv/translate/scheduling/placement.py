"""DRS rules, affinity groups and labels, pinning -> affinity of VMs to each other and to nodes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.translate.part import Manifest, VmPart
from mtv.translate.scheduling.contradictions import Contradiction, contradictions
from mtv.translate.scheduling.rules import Kind, Rule, label_keys, odd_rules, rules
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

HOSTNAME = "kubernetes.io/hostname"
"""Label of a node, and what "on one node" is called."""

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class Placement:
    """Where the VMs of a site may run."""

    def __init__(self, site: Site) -> None:
        self._site = site

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What rules name and is not there, contradictions, and rules that are no affinity."""
        return tuple(
            each
            for found in (
                self._unknown_members,
                self._contradictory,
                self._open_hosts,
                self._empty,
                self._tight,
                self._odd,
            )
            for each in found()
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """Its labels, its affinity, and the one node that it cannot leave."""
        every = self._of_vm.get(placed.ref, ())
        if not every:
            return VmPart()
        keys = self._keys
        affinity = {
            "nodeAffinity": self._to_nodes(every),
            "podAffinity": self._to_vms(every, Kind.TOGETHER),
            "podAntiAffinity": self._to_vms(every, Kind.APART),
        }
        alone = self.only_node(placed)
        return VmPart(
            template_labels={keys[rule.id]: "" for rule in every if rule.id in keys},
            annotations={"mtv.migration/rules": "; ".join(dict.fromkeys(r.name for r in every))},
            spec={"affinity": {name: terms for name, terms in affinity.items() if terms}},
            obstacles=() if alone is None else (f"its rules leave it one node, {alone}",),
        )

    def only_node(self, placed: PlacedVm) -> str | None:
        """The one node that a VM may be on; None where it may be on others, or on any."""
        must = [each for each in self._of_vm.get(placed.ref, ()) if each.mandatory]
        on = [set(self._names(each)) for each in must if each.kind is Kind.ON]
        off = [set(self._names(each)) for each in must if each.kind is Kind.OFF]
        left = set.intersection(*on).difference(*off) if on else set()
        return left.pop() if len(left) == 1 else None

    @cached_property
    def is_enforced(self) -> bool:
        """True when some rule is mandatory: the target looks at it only while it schedules."""
        return any(rule.mandatory for rule in self._kept)

    # -- rules

    @cached_property
    def _all(self) -> tuple[Rule, ...]:
        """Rules that are about VMs that are migrated."""
        return tuple(
            rule
            for inventory in self._inventories.values()
            for rule in rules(inventory)
            if any(vm in self._namespaces for vm in rule.vms)
        )

    @cached_property
    def _known(self) -> tuple[Rule, ...]:
        """Those of them whose members are all in the inventory; of their VMs, the migrated."""
        return tuple(
            msgspec.structs.replace(
                rule, vms=tuple(vm for vm in rule.vms if vm in self._namespaces)
            )
            for rule in self._all
            if not self._missing(rule)
        )

    @cached_property
    def _meant(self) -> tuple[Rule, ...]:
        """Those of them that say something: of two VMs or more, or of some host."""
        return tuple(
            rule for rule in self._known if (rule.hosts if rule.about_hosts else rule.vms[1:])
        )

    @cached_property
    def _contradictions(self) -> tuple[Contradiction, ...]:
        return tuple(contradictions(self._meant, self._nodes, len(self._site.target.nodes)))

    @cached_property
    def _kept(self) -> tuple[Rule, ...]:
        """The rules that are translated."""
        out = {rule.id for each in self._contradictions for rule in each.rules}
        return tuple(
            rule
            for rule in self._meant
            if rule.id not in out and all(host in self._nodes for host in rule.hosts)
        )

    @cached_property
    def _of_vm(self) -> Mapping[str, list[Rule]]:
        found = defaultdict[str, list[Rule]](list)
        for rule in self._kept:
            for vm in rule.vms:
                found[vm].append(rule)
        return found

    @cached_property
    def _keys(self) -> dict[str, str]:
        return label_keys(self._kept)

    # -- what the rules are about

    @cached_property
    def _inventories(self) -> Mapping[str, Inventory]:
        return {each.inventory.source: each.inventory for each in self._site.vms}

    @cached_property
    def _namespaces(self) -> dict[str, str]:
        return {each.ref: self._site.namespace(each) for each in self._site.vms}

    @cached_property
    def _hosts(self) -> dict[str, str]:
        """Ref -> name of the hosts that there are."""
        return {
            ref(inventory, host.id): host.name
            for inventory in self._inventories.values()
            for host in inventory.hosts
        }

    @cached_property
    def _members(self) -> frozenset[str]:
        """Refs of everything that a rule may name: hosts, VMs, templates too."""
        vms = (ref(one, vm.id) for one in self._inventories.values() for vm in one.vms)
        return frozenset((*vms, *self._hosts))

    @cached_property
    def _nodes(self) -> dict[str, str]:
        """Host -> the value of the label by which its node is selected."""
        there = {
            node.name: node.labels.get(HOSTNAME, node.name) for node in self._site.target.nodes
        }
        return {
            host: there.get(node, node)
            for host, node in self._site.mapping.hosts.items()
            if node is not None and (not there or node in there)
        }

    def _missing(self, rule: Rule) -> list[str]:
        return [each for each in (*rule.vms, *rule.hosts) if each not in self._members]

    def _names(self, rule: Rule) -> list[str]:
        return sorted({self._nodes[host] for host in rule.hosts})

    # -- affinity

    def _to_nodes(self, every: list[Rule]) -> dict[str, Any]:
        about = [rule for rule in every if rule.about_hosts]
        # Terms are alternatives, expressions of one term hold together.
        needed = [self._expression(rule) for rule in about if rule.mandatory]
        liked = [
            {"weight": rule.weight, "preference": {"matchExpressions": [self._expression(rule)]}}
            for rule in about
            if not rule.mandatory
        ]
        required = {"nodeSelectorTerms": [{"matchExpressions": needed}]} if needed else None
        return _terms(required, liked)

    def _expression(self, rule: Rule) -> dict[str, Any]:
        operator = "In" if rule.kind is Kind.ON else "NotIn"
        return {"key": HOSTNAME, "operator": operator, "values": self._names(rule)}

    def _to_vms(self, every: list[Rule], kind: Kind) -> dict[str, Any]:
        about = [rule for rule in every if rule.kind is kind]
        required = [self._term(rule) for rule in about if rule.mandatory]
        liked = [
            {"weight": rule.weight, "podAffinityTerm": self._term(rule)}
            for rule in about
            if not rule.mandatory
        ]
        return _terms(required, liked)

    def _term(self, rule: Rule) -> dict[str, Any]:
        """The VMs of a rule. Without namespaces a term sees only those beside the VM itself."""
        named = sorted({self._namespaces[vm] for vm in rule.vms})
        selector = {"matchExpressions": [{"key": self._keys[rule.id], "operator": "Exists"}]}
        term: dict[str, Any] = {"labelSelector": selector, "topologyKey": HOSTNAME}
        return term | ({"namespaces": named} if len(named) > 1 else {})

    # -- findings

    def _unknown_members(self) -> Iterator[Finding]:
        for rule in self._all:
            missing = self._missing(rule)
            if missing:
                yield _finding(
                    rule,
                    f"{rule.said} names {first_of(missing)}, which the inventory does not have; "
                    "it is left out",
                    "mend it at the source, then run mtv collect and mtv translate again",
                )

    def _contradictory(self) -> Iterator[Finding]:
        for each in self._contradictions:
            yield _finding(
                each.rules[0],
                f"{each.says}; they are left out"
                if each.rules[1:]
                else f"{each.says}; it is left out",
                "change one of them at the source, then run mtv collect and mtv translate again",
            )

    def _open_hosts(self) -> Iterator[Finding]:
        out = {rule.id for each in self._contradictions for rule in each.rules}
        waiting = defaultdict[str, list[Rule]](list)
        for rule in self._meant:
            for host in rule.hosts:
                if host not in self._nodes and rule.id not in out:
                    waiting[host].append(rule)
        for host, about in sorted(waiting.items()):
            chosen = self._site.mapping.hosts.get(host)
            lacks = (
                f"mapping.yaml: hosts: {host} has no node"
                if chosen is None
                else f"mapping.yaml: hosts: {host}: target.yaml has no node {chosen!r}"
            )
            yield Finding(
                row=about[0].row if about[0].row != "rule" else "rule.hosts",
                category=Category.BLOCKER,
                ref=host,
                name=self._hosts[host],
                says=f"{lacks}; left out: {first_of(rule.said for rule in about)}",
                remedy="name the node that takes its place, or take the host out of the rule",
                vms=tuple(dict.fromkeys(vm for rule in about for vm in rule.vms)),
            )

    def _empty(self) -> Iterator[Finding]:
        for rule in self._known:
            if rule.about_hosts and not rule.hosts:
                says = f"{rule.said} names no host, so it asks for nothing"
                yield _finding(rule, says, "see whether a host is missing", Category.WARNING)

    def _tight(self) -> Iterator[Finding]:
        """As many VMs apart as there are nodes: none of them can leave its node."""
        for rule in self._kept:
            full = len(rule.vms) == len(self._site.target.nodes)
            if rule.kind is Kind.APART and rule.mandatory and full:
                yield _finding(
                    rule,
                    f"{rule.said} keeps as many VMs apart as there are nodes: no node can be "
                    "drained while all of them run",
                    "add a node, or make the rule a preference",
                    Category.WARNING,
                )

    def _odd(self) -> Iterator[Finding]:
        for inventory in self._inventories.values():
            for each in odd_rules(inventory):
                depends = each.kind == "depends"
                yield Finding(
                    row="rule.after" if depends else "rule",
                    category=Category.WARNING,
                    ref=each.ref,
                    name=each.name,
                    says="it starts VMs after others, which the target does not do by itself"
                    if depends
                    else f"it is a rule of a kind that mtv does not know: {each.kind}",
                    remedy="start them in the order of start-plan.json, each group when the one "
                    "before is ready"
                    if depends
                    else "see what it is for, and write the affinity by hand",
                )


def _terms(required: Any, preferred: list[Any]) -> dict[str, Any]:
    found = {REQUIRED: required, PREFERRED: preferred}
    return {name: terms for name, terms in found.items() if terms}


def _finding(rule: Rule, says: str, remedy: str, category: Category = Category.BLOCKER) -> Finding:
    return Finding(
        row=rule.row,
        category=category,
        ref=rule.ref,
        name=rule.name,
        says=says,
        remedy=remedy,
        vms=tuple(rule.vms),
    )
