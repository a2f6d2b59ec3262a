"""vSwitches, bonds, host networks -> NodeNetworkConfigurationPolicy.

A policy for each selection of nodes and each switch (RHV: NIC or bond) whose networks are
*localnet* or *bridge*: its NICs, joined like the source's, below one bridge.
"""

from collections.abc import Iterator
from functools import cached_property

import msgspec

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.names import label, unique_labels
from mtv.translate.networks.attachments import Attachments
from mtv.translate.nodes import nmstate
from mtv.translate.nodes.bonds import bond
from mtv.translate.nodes.host_layouts import Wiring
from mtv.translate.nodes.host_losses import losses
from mtv.translate.nodes.machine_network import on_machine_network
from mtv.translate.nodes.node_groups import NodeGroups, Placed
from mtv.translate.nodes.node_policies import (
    Contradiction,
    NodePolicy,
    bridge_of,
    contradictions,
    joined,
    told,
)
from mtv.translate.nodes.port_group_losses import port_group_losses
from mtv.translate.nodes.uplinks import Uplinks
from mtv.translate.part import AroundVms, Manifest
from mtv.translate.sentences import first_of
from mtv.translate.site import Site


class HostNetworks(AroundVms):
    """The networks of the nodes."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._uplinks = Uplinks(site, attachments)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """A policy for each group of nodes and each bridge that it needs."""
        texts = {
            f"{each.first.group}/{each.first.wiring.base}": f"{each.bridge}-{label(each.groups[0])}"
            for each in self._made
        }
        names = unique_labels(texts)
        return tuple(
            nmstate.policy(name, each.first.nodes, each.state, _origin(each))
            for each, name in zip(self._made, names.values(), strict=True)
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What keeps nodes from their networks, and what is not as it was."""
        return (
            *self._groups.findings,
            *self._one_bridge_each(),
            *told(self._contradictions),
            *self._refused(),
            *self._operator(),
            *self._migration_interface(),
            *self._there_already(),
            *self._carried_by_no_host(),
            *on_machine_network(self._uplinks, self._groups.placed),
            *losses(self._site.estate, self._uplinks, self._untouched),
            *port_group_losses(self._site.estate, self._uplinks),
        )

    @cached_property
    def _groups(self) -> NodeGroups:
        return NodeGroups(self._site, self._uplinks.layouts)

    @cached_property
    def _wanted(self) -> tuple[NodePolicy, ...]:
        """What the groups ask for."""
        states = ((each, self._state(each)) for each in self._groups.placed)
        return joined((each, state) for each, state in states if state is not None)

    @cached_property
    def _made(self) -> tuple[NodePolicy, ...]:
        """The same without what contradicts itself."""
        wrong = [each for pair in self._contradictions for each in (pair.one, pair.other)]
        return tuple(each for each in self._wanted if each not in wrong)

    @cached_property
    def _contradictions(self) -> tuple[Contradiction, ...]:
        return contradictions(self._wanted, self._site.target.nodes)

    @property
    def _untouched(self) -> set[Wiring]:
        """Wirings for which no NIC of any node is configured."""
        as_they_are = {True: set[Wiring](), False: set[Wiring]()}
        for each in self._groups.placed:
            as_they_are[each.on_machine_bridge or each.as_it_is].add(each.wiring)
        return as_they_are[True] - as_they_are[False]

    def _state(self, placed: Placed) -> Manifest | None:
        """The desired state; None where a finding says why there is none."""
        uses = self._uplinks.uses(placed.wiring)
        if uses.mixed is not None or len(uses.bridges) > 1:
            return None
        if placed.on_machine_bridge:
            localnets = uses.localnets
            return nmstate.mappings(nmstate.MACHINE_BRIDGE, localnets) if localnets else None
        ports = node_ports(placed, localnet=bool(uses.localnets))
        if uses.localnets:
            return nmstate.ovs_bridge(bridge_of(placed), uses.localnets, ports)
        return nmstate.linux_bridge(uses.bridges[0], uses.tags, ports)

    def _one_bridge_each(self) -> Iterator[Finding]:
        """NICs that are to be below two bridges."""
        told = set[str]()
        for wiring, hosts in self._uplinks.wirings:
            uses = self._uplinks.uses(wiring)
            bridge = wiring.networks[0].bridge
            if bridge in told or uses.told or (uses.mixed is None and len(uses.bridges) < 2):
                continue
            told.add(bridge)
            if uses.mixed is not None:
                localnet, bridged = uses.mixed
                says = (
                    f"mapping.yaml: networks: {localnet} is localnet and {bridged} is bridge, and "
                    f"the NICs of {wiring.base} can be below one kind of bridge only"
                )
                remedy = "make all its networks bridge, or all localnet; a trunk needs bridge"
            else:
                says = (
                    f"hosts attach the networks of {wiring.base} to different NICs, so that it "
                    f"would have to be below several Linux bridges: {', '.join(uses.bridges)}"
                )
                remedy = "make these networks localnet in mapping.yaml, or attach them alike"
            yield _finding(hosts[0], wiring.base, says, remedy)

    def _refused(self) -> Iterator[Finding]:
        for each in self._groups.placed:
            if each.on_machine_bridge and self._uplinks.uses(each.wiring).bridges:
                yield _finding(
                    each.hosts[0],
                    each.wiring.base,
                    f"mapping.yaml: node_groups: {each.group}: networks on {each.wiring.base} are "
                    f"bridge, and no Linux bridge can be on {nmstate.MACHINE_BRIDGE}",
                    "make them localnet, or name NICs of the nodes that nothing else uses",
                )

    def _operator(self) -> Iterator[Finding]:
        operators = self._site.target.operators
        if operators and "nmstate" not in operators and self._made:
            yield _finding(
                "",
                "nmstate",
                "target.yaml: operators: nmstate is not there, and without it no node reads a "
                "NodeNetworkConfigurationPolicy",
                "install the Kubernetes NMState operator, create its NMState object, and add "
                "nmstate to operators",
            )

    def _migration_interface(self) -> Iterator[Finding]:
        """A VLAN beside a bridge over the same NIC would hear nothing."""
        chosen = self._site.mapping.migration_network
        for each in self._made:
            if chosen is not None and chosen.interface in each.nics:
                yield _finding(
                    each.first.hosts[0],
                    each.first.wiring.base,
                    f"mapping.yaml: migration_network: {chosen.interface} is below {each.bridge} "
                    f"by node_groups: {first_of(each.groups)}, which takes all frames of it",
                    "name another NIC for one of them",
                )

    def _there_already(self) -> Iterator[Finding]:
        told = set[str]()
        for key, each in self._uplinks.used.items():
            localnet = each.physical.localnet
            if not self._uplinks.is_there(each) or localnet in told:
                continue
            told.add(localnet)
            yield _finding(
                key,
                each.network.name,
                f"the nodes have {localnet} on {self._uplinks.mapped[localnet]} already, so no "
                "policy is made for it",
                "look whether that bridge is on the right wires",
                Category.INFORMATION,
            )

    def _carried_by_no_host(self) -> Iterator[Finding]:
        carried = {each.key for wiring, _ in self._uplinks.wirings for each in wiring.networks}
        for key, each in self._uplinks.wanted.items():
            below = each.physical
            if below.key in carried:
                continue
            carried.add(below.key)
            remedy = f"make a Linux bridge {below.bridge} on the nodes by hand"
            if each.localnet:
                remedy = (
                    f"make an OVS bridge on the nodes by hand, map {below.localnet} to it, and "
                    "write that into bridge_mappings of target.yaml"
                )
            yield _finding(
                key,
                each.network.name,
                f"no host of the inventory shows which NICs {below.name} has, so no policy is made "
                "for it",
                remedy,
                Category.WARNING,
            )


def node_ports(placed: Placed, *, localnet: bool) -> nmstate.Ports:
    """The nodes' NICs, joined as the hosts' are."""
    wiring = placed.wiring
    names = tuple(dict.fromkeys(placed.nics[nic] for nic in wiring.nics))
    if placed.as_it_is:
        return nmstate.Ports(nics=names, as_it_is=True)
    joined = None
    if wiring.bonding is not None:
        joined = bond(wiring.bonding, localnet=localnet)
        first = joined.options.get("primary")
        if isinstance(first, str):
            options = {**joined.options, "primary": placed.nics[first]}
            joined = msgspec.structs.replace(joined, options=options)
    return nmstate.Ports(nics=names, bond=joined, mtu=wiring.mtu, listens=wiring.listens)


def _origin(policy: NodePolicy) -> dict[str, str]:
    """What annotations keep: the switch, and the groups where several share the policy."""
    said = {"source_name": policy.first.wiring.networks[0].name}
    if len(policy.placed) > 1:
        said["node_groups"] = ", ".join(policy.groups)
    return said


def _finding(
    key: str, name: str, says: str, remedy: str, category: Category = Category.BLOCKER
) -> Finding:
    return Finding(
        row="host-network", category=category, ref=key, name=name, says=says, remedy=remedy
    )
