"""Groups of nodes that take the place of hosts whose networks are laid out alike."""

from collections.abc import Iterator

from mtv.estate import ref
from mtv.translate.networks.physical import PhysicalNetworks
from mtv.translate.nodes.host_layouts import Layout, Layouts, Wanted, place
from mtv.translate.nodes.nmstate import MACHINE_BRIDGE
from mtv.translate.suggest import networks
from mtv.translate.suggest.question import Question, Suggestion

WORKERS = {"node-role.kubernetes.io/worker": ""}
"""Label of every node that runs VMs."""

NEEDS_WIRES = (None, "localnet", "bridge")
"""Choices for networks that the nodes have to be wired for; None is open still."""


def suggest(question: Question) -> Iterator[Suggestion]:
    """A group for each layout of hosts whose networks VMs use."""
    alike = dict[Layout, list[str]]()
    for host, layout in _layouts(question).of_hosts.items():
        alike.setdefault(layout, []).append(host)
    for number, (layout, hosts) in enumerate(alike.items(), start=1):
        nics = {
            # What carries management may be the nodes' own network: nothing is taken for granted.
            nic: None if wiring.management else _same_name(nic, question)
            for wiring in layout
            for nic in wiring.nics
        }
        alone = len(alike) == 1
        yield Suggestion(
            section="node_groups",
            ref="workers" if number == 1 else f"workers-{number}",
            name=", ".join(wiring.base for wiring in layout),
            choice={"hosts": hosts, "nodes": dict(WORKERS) if alone else None, "nics": nics},
            reason=_reason(layout, nics, alone=alone),
        )


def _layouts(question: Question) -> Layouts:
    """Those of hosts that carry networks for which the nodes will need wires."""
    suggested = {each.ref: each.choice for each in networks.suggest(question)}
    if question.mapping is not None:
        suggested |= question.mapping.networks
    physical = PhysicalNetworks(question.estate)
    there = {each.localnet for each in question.target.bridge_mappings}
    places = dict[str, set[str]]()
    for placed in question.vms:
        for nic in placed.vm.nics:
            key = ref(placed.inventory, nic.network or "")
            places.setdefault(key, set()).add(place(placed))
    wanted = {
        key: Wanted(network=network, physical=below, places=frozenset(places[key]))
        for key, network in question.estate.networks()
        if key in places
        and suggested.get(key) in NEEDS_WIRES
        and (below := physical.of_network(key)) is not None
        and not (suggested.get(key) == "localnet" and below.localnet in there)
    }
    return Layouts(question.estate, physical, wanted)


def _same_name(nic: str, question: Question) -> str | None:
    """The NIC of that name, where all nodes have one."""
    nodes = question.target.nodes
    return nic if nodes and all(nic in node.nics for node in nodes) else None


def _reason(layout: Layout, nics: dict[str, str | None], *, alone: bool) -> str:
    said = ["all hosts with networks of VMs are wired alike" if alone else "wired alike"]
    if not alone:
        said.append("there are several groups: choose labels under nodes for each")
    if None in nics.values():
        said.append("name the nodes' NIC for each of the hosts'")
    managed = [wiring.base for wiring in layout if wiring.management]
    if managed:
        said.append(
            f"{', '.join(managed)} carries management: its NICs may be {MACHINE_BRIDGE} there"
        )
    return "; ".join(said)
