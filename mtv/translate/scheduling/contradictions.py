"""Mandatory rules that cannot all hold, found before the scheduler finds no node.

A round finds every contradiction of the rules that are left, and takes them out; it ends when none
is left, so that all that stays can be kept.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import combinations, pairwise

import msgspec

from mtv.translate.scheduling.rules import Kind, Rule

MOST_COMPARED = 100
"""Of the rules about one group's hosts, that are compared two by two."""


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that cannot all hold."""

    rules: tuple[Rule, ...]
    says: str


def contradictions(
    every: Iterable[Rule], nodes: Mapping[str, str], all_nodes: int
) -> Iterator[Contradiction]:
    """The contradictions of a site's rules, the same for the same rules.

    ``nodes``: host -> the node that takes its place; a host without one stands for itself.
    ``all_nodes``: how many nodes there are; 0 when that is not known.
    """
    left = {rule.id: rule for rule in every if rule.mandatory}
    while True:
        found = list(_Round(left.values(), nodes, all_nodes).found())
        yield from found
        if not found:
            return
        for each in found:
            for rule in each.rules:
                left.pop(rule.id, None)


class _Round:
    """One look at all rules."""

    def __init__(self, every: Iterable[Rule], nodes: Mapping[str, str], all_nodes: int) -> None:
        self._rules = list(every)
        self._nodes = nodes
        self._all_nodes = all_nodes
        self._together = [rule for rule in self._rules if rule.kind is Kind.TOGETHER]
        self._groups = _Groups(self._together)
        self._on_hosts = defaultdict[str, list[tuple[Rule, str]]](list)
        for rule in self._rules:
            if rule.about_hosts:
                for vm in rule.vms:
                    self._on_hosts[self._groups.of(vm)].append((rule, vm))

    def found(self) -> Iterator[Contradiction]:
        """Together and apart at once; hosts that exclude each other; more VMs than nodes."""
        for rule in self._rules:
            if rule.kind is Kind.APART:
                yield from self._apart_and_together(rule)
        for group in self._on_hosts:
            yield from self._no_host(group)
        for rule in self._rules:
            if rule.kind is Kind.APART:
                yield from self._too_many(rule)

    def _apart_and_together(self, apart: Rule) -> Iterator[Contradiction]:
        first = dict[str, str]()
        for vm in apart.vms:
            other = first.setdefault(self._groups.of(vm), vm)
            if other != vm:
                path = self._path(other, vm)
                kept = _listed(rule.said for rule in path)
                says = f"{kept} keeps VMs on one node that {apart.said} keeps apart"
                yield Contradiction(rules=(apart, *path), says=says)
                return

    def _no_host(self, group: str) -> Iterator[Contradiction]:
        """The VMs of a group have to be on one node, and there is none that all may be on."""
        distinct = {
            (rule.kind, self._tokens(rule)): (rule, vm) for rule, vm in self._on_hosts[group]
        }
        if self._allowed(group) != frozenset():
            return
        involved = self._fewest(list(distinct.values()))
        path = dict[str, Rule]()
        for (_, vm), (_, other) in pairwise(involved):
            path |= {rule.id: rule for rule in self._path(vm, other)}
        named = {rule.id: rule for rule, _ in involved} | path
        says = f"{_listed(rule.said for rule in named.values())} leave no node for the same VMs"
        if len(named) == 1:
            says = f"{involved[0][0].said} leaves no node for its VMs"
        yield Contradiction(rules=tuple(named.values()), says=says)

    def _fewest(self, involved: list[tuple[Rule, str]]) -> list[tuple[Rule, str]]:
        """One rule or two that leave no node by themselves; all where there are none such."""
        for each in involved:
            if self._left([each[0]]) == frozenset():
                return [each]
        for pair in combinations(involved[:MOST_COMPARED], 2):
            if self._left(rule for rule, _ in pair) == frozenset():
                return list(pair)
        return involved

    def _too_many(self, apart: Rule) -> Iterator[Contradiction]:
        """More VMs have to be apart than there are nodes that they may be on."""
        groups = [self._groups.of(vm) for vm in apart.vms]
        allowed = [self._allowed(group) for group in groups]
        named = [each for each in allowed if each is not None]
        if len(named) == len(allowed):
            room = len(frozenset[str]().union(*named))
            limits = {rule.id: rule for group in groups for rule, _ in self._on_hosts[group]}
        else:
            room, limits = self._all_nodes, {}
        if not room or len(groups) <= room:
            return
        kept = f", by {_listed(rule.said for rule in limits.values())}" if limits else ""
        says = f"{apart.said} keeps {len(groups)} VMs apart; nodes for them: {room}{kept}"
        yield Contradiction(rules=(apart, *limits.values()), says=says)

    def _allowed(self, group: str) -> frozenset[str] | None:
        """The nodes that all VMs of a group may be on; None where no rule names them."""
        return self._left(rule for rule, _ in self._on_hosts.get(group, ()))

    def _left(self, every: Iterable[Rule]) -> frozenset[str] | None:
        """The nodes that rules about hosts leave; None where they leave all but some."""
        allowed: frozenset[str] | None = None
        excluded = frozenset[str]()
        closed = set[str]()
        for rule in every:
            tokens = self._tokens(rule)
            if rule.kind is Kind.OFF:
                excluded |= tokens
                # A host that no node takes the place of closes none.
                closed.update(self._nodes[host] for host in rule.hosts if host in self._nodes)
            else:
                allowed = tokens if allowed is None else allowed & tokens
        if allowed is None:
            full = self._all_nodes and len(closed) >= self._all_nodes
            return frozenset() if full else None
        return allowed - excluded

    def _tokens(self, rule: Rule) -> frozenset[str]:
        return frozenset(self._nodes.get(host, host) for host in rule.hosts)

    @cached_property
    def _keeping(self) -> Mapping[str, list[Rule]]:
        """VM -> the rules that keep it together with others."""
        found = defaultdict[str, list[Rule]](list)
        for rule in self._together:
            for vm in rule.vms:
                found[vm].append(rule)
        return found

    def _path(self, start: str, end: str) -> tuple[Rule, ...]:
        """The fewest rules that keep two VMs together, in a row; none when they are the same."""
        if start == end:
            return ()
        before: dict[str, tuple[Rule, str]] = {}
        queue, used = deque([start]), set[str]()
        while queue and end not in before:
            vm = queue.popleft()
            for rule in self._keeping[vm]:
                if rule.id not in used:
                    used.add(rule.id)
                    fresh = [each for each in rule.vms if each not in before and each != start]
                    before |= dict.fromkeys(fresh, (rule, vm))
                    queue += fresh
        path = list[Rule]()
        while end != start:
            rule, end = before[end]
            path.append(rule)
        return tuple(path)


class _Groups:
    """VMs that have to be on one node: each is called by one of them."""

    def __init__(self, together: Iterable[Rule]) -> None:
        self._above = dict[str, str]()
        for rule in together:
            for vm in rule.vms[1:]:
                self._above[self.of(vm)] = self.of(rule.vms[0])

    def of(self, vm: str) -> str:
        """The name of a VM's group."""
        top = vm
        while self._above.get(top, top) != top:
            top = self._above[top]
        while vm != top:
            self._above[vm], vm = top, self._above[vm]
        return top


def _listed(texts: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    every = list(texts)
    return " and ".join([*([", ".join(every[:-1])] if every[1:] else []), *every[-1:]])
