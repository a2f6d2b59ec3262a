"""``node_groups`` of ``mapping.yaml``: which nodes take the place of which hosts, NIC by NIC."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec

from mtv.estate import ref
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import Node, NodeGroup
from mtv.translate.nodes.host_layouts import Layout, Layouts, Wiring
from mtv.translate.nodes.nmstate import MACHINE_BRIDGE
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

INTERFACE = re.compile(r"[^/:\s]{1,15}")
"""What Linux takes as the name of an interface."""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """One wiring with the NICs of the nodes that take its place."""

    group: str
    nodes: dict[str, str]
    wiring: Wiring
    hosts: tuple[str, ...]
    """Refs of the group's hosts that have it."""
    nics: dict[str, str]
    """NIC of the hosts -> NIC of the nodes, for each of the wiring's."""

    @property
    def on_machine_bridge(self) -> bool:
        """True when the nodes' own bridge is to carry it."""
        return set(self.nics.values()) == {MACHINE_BRIDGE}

    @property
    def as_it_is(self) -> bool:
        """True when one device of the nodes stands for several NICs: a bond that they have."""
        return len(self.nics) > 1 and len(set(self.nics.values())) == 1


class NodeGroups:
    """The groups, with what is wrong with them."""

    def __init__(self, site: Site, layouts: Layouts) -> None:
        self._site = site
        self._layouts = layouts.of_hosts
        self._groups = site.mapping.node_groups

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """What can be configured: each wiring of each group that has nodes and NICs."""
        found = list[Placed]()
        for name, group in self._groups.items():
            alike = self._wirings(group).values()
            if group.nodes is None:
                continue
            shared = self._shared(group, [next(iter(each)) for each in alike])
            for (wiring, hosts), *others in (each.items() for each in alike):
                nics = {nic: group.nics.get(nic) or "" for nic in wiring.nics}
                if others or shared & set(nics.values()) or self._nic_faults(group, wiring):
                    continue
                found.append(
                    Placed(group=name, nodes=group.nodes, wiring=wiring, hosts=hosts, nics=nics)
                )
        return tuple(found)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a person has to mend; the policies that it is about are left out."""
        return (
            *self._hosts_without_a_group(),
            *self._hosts_in_several(),
            *(each for name, group in self._groups.items() for each in self._faults(name, group)),
        )

    def _wirings(self, group: NodeGroup) -> dict[str, dict[Wiring, tuple[str, ...]]]:
        """Name of each switch, NIC or bond -> the ways in which hosts have it -> those hosts."""
        found = dict[str, dict[Wiring, tuple[str, ...]]]()
        for host in dict.fromkeys(group.hosts):
            for wiring in self._layouts.get(host, ()):
                alike = found.setdefault(wiring.base, {})
                alike[wiring] = (*alike.get(wiring, ()), host)
        return found

    def _faults(self, name: str, group: NodeGroup) -> Iterator[Finding]:
        unknown = [host for host in group.hosts if host not in self._names]
        if unknown:
            yield _finding(
                name,
                f"names {first_of(unknown)}, which the estate does not have",
                "write refs of hosts as mtv inventory list hosts shows them",
            )
        wirings = self._wirings(group)
        if not wirings:
            return
        if group.nodes is None:
            yield _finding(
                name,
                "nothing selects its nodes",
                "write labels under nodes, such as node-role.kubernetes.io/worker",
            )
        elif self._site.target.nodes and not self._nodes(group):
            yield _finding(
                name,
                "no node of target.yaml has its labels",
                "mend the labels under nodes, or add the nodes to target.yaml",
            )
        yield from self._differing(name, wirings)
        yield from self._strange_nics(name, group)
        firsts = [next(iter(each)) for each in wirings.values()]
        for wiring in firsts:
            for says, remedy in self._nic_faults(group, wiring):
                yield _finding(name, says, remedy)
        for nic in sorted(self._shared(group, firsts)):
            bases = [each.base for each in firsts if nic in map(group.nics.get, each.nics)]
            yield _finding(
                name,
                f"{nic} takes the place of NICs of {' and '.join(bases)}, and can be in one bridge "
                "only",
                "name another NIC for one of them",
            )

    def _differing(
        self, name: str, wirings: dict[str, dict[Wiring, tuple[str, ...]]]
    ) -> Iterator[Finding]:
        for base, alike in wirings.items():
            if len(alike) > 1:
                sets = "; ".join(self._hosts(hosts) for hosts in alike.values())
                yield _finding(
                    name,
                    f"its hosts have {base} in different ways: {sets}",
                    "make a group for each; mtv mapping suggest tells them apart",
                )

    def _strange_nics(self, name: str, group: NodeGroup) -> Iterator[Finding]:
        there = {nic for host in group.hosts for nic in self._nics.get(host, ())}
        strange = sorted(set(group.nics) - there)
        if strange:
            yield _finding(
                name,
                f"names {first_of(strange)} under nics, which none of its hosts has",
                "take the lines out, or name NICs as mtv inventory show HOST lists them",
            )

    def _nic_faults(self, group: NodeGroup, wiring: Wiring) -> tuple[tuple[str, str], ...]:
        """What is wrong with the nodes' NICs for one wiring: sentences with remedies."""
        chosen = {nic: group.nics.get(nic) for nic in wiring.nics}
        unnamed = [nic for nic, node in chosen.items() if node is None]
        if not chosen:
            remedy = (
                "map its networks to others in mapping.yaml, or make their bridge by hand and name "
                "it in bridge_mappings of target.yaml"
            )
            return ((f"{wiring.base} has no uplink", remedy),)
        if unnamed:
            remedy = "name the NIC of the nodes for each under nics"
            if wiring.management:
                remedy += (
                    f"; {wiring.base} carries the hosts' management: where the nodes have that on "
                    f"the same wires, write {MACHINE_BRIDGE}"
                )
            return ((f"{wiring.base}: {first_of(unnamed)} has no NIC of the nodes", remedy),)
        names = [node for node in chosen.values() if node is not None]
        return tuple(self._name_faults(group, wiring, names))

    def _name_faults(
        self, group: NodeGroup, wiring: Wiring, names: list[str]
    ) -> Iterator[tuple[str, str]]:
        wrong = [each for each in names if INTERFACE.fullmatch(each) is None]
        if wrong:
            yield (
                f"{first_of(wrong)} cannot be the name of a NIC",
                "write it as the nodes have it: at most 15 characters, no spaces",
            )
        if len(set(names)) not in (1, len(names)):
            yield (
                f"{wiring.base}: several of its NICs become the same one, and others do not",
                f"name as many NICs as it has, or for all of them one bond or {MACHINE_BRIDGE}",
            )
        for nic in dict.fromkeys(names):
            lacking = [
                node.name
                for node in self._nodes(group)
                if node.nics and nic not in node.nics and nic != MACHINE_BRIDGE
            ]
            if lacking:
                yield (
                    f"{nic} is no NIC of {first_of(lacking)}",
                    "name a NIC that target.yaml lists for these nodes, or select others",
                )

    def _shared(self, group: NodeGroup, wirings: Iterable[Wiring]) -> set[str]:
        """NICs of the nodes that several wirings want: each can be in one bridge only."""
        times = Counter(
            node
            for wiring in wirings
            for node in {group.nics.get(nic) for nic in wiring.nics}
            if node is not None and node != MACHINE_BRIDGE
        )
        return {node for node, number in times.items() if number > 1}

    def _nodes(self, group: NodeGroup) -> tuple[Node, ...]:
        """The nodes of ``target.yaml`` that the group selects."""
        wanted = (group.nodes or {}).items()
        return tuple(each for each in self._site.target.nodes if wanted <= each.labels.items())

    def _hosts_without_a_group(self) -> Iterator[Finding]:
        grouped = {host for group in self._groups.values() for host in group.hosts}
        alike = dict[Layout, list[str]]()
        for host, layout in self._layouts.items():
            if host not in grouped:
                alike.setdefault(layout, []).append(host)
        for layout, hosts in alike.items():
            bases = ", ".join(wiring.base for wiring in layout)
            yield Finding(
                row="host-network",
                category=Category.BLOCKER,
                ref=hosts[0],
                name=self._names[hosts[0]],
                says=f"mapping.yaml: node_groups: no nodes take the place of {self._hosts(hosts)}, "
                f"which carry networks of VMs on {bases}",
                remedy="add a group with these hosts; mtv mapping suggest does",
            )

    def _hosts_in_several(self) -> Iterator[Finding]:
        groups = dict[str, list[str]]()
        for name, group in self._groups.items():
            for host in dict.fromkeys(group.hosts):
                groups.setdefault(host, []).append(name)
        for host, names in groups.items():
            if len(names) > 1:
                yield Finding(
                    row="host-network",
                    category=Category.BLOCKER,
                    ref=host,
                    name=self._names.get(host, host),
                    says=f"mapping.yaml: node_groups: it is in {' and '.join(names)}",
                    remedy="leave it in one of them",
                )

    def _hosts(self, refs: Iterable[str]) -> str:
        return first_of([self._names.get(each, each) for each in refs])

    @cached_property
    def _names(self) -> dict[str, str]:
        """Ref of every host -> its name."""
        return {
            ref(inventory, host.id): host.name
            for inventory in self._site.estate.inventories
            for host in inventory.hosts
        }

    @cached_property
    def _nics(self) -> dict[str, set[str]]:
        """Ref of every host -> names of its NICs."""
        return {
            ref(inventory, host.id): {
                *(nic.name for nic in host.nics),
                *(nic for switch in host.switches for nic in switch.uplinks),
                *(nic for bond in host.bonds for nic in bond.members),
            }
            for inventory in self._site.estate.inventories
            for host in inventory.hosts
        }


def _finding(group: str, says: str, remedy: str) -> Finding:
    return Finding(
        row="host-network",
        category=Category.BLOCKER,
        ref="",
        name=group,
        says=f"mapping.yaml: node_groups: {group}: {says}",
        remedy=remedy,
    )
