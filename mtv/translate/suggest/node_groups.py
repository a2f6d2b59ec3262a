"""Groups of nodes that take the place of hosts whose networks are laid out alike."""

from collections.abc import Iterator, Mapping

from mtv.estate import ref
from mtv.translate.networks.physical import PhysicalNetworks
from mtv.translate.nodes.host_layouts import Layout, Layouts, Wanted, Wiring, place
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
    named = dict[str, Layout]()
    for number, (layout, hosts) in enumerate(alike.items(), start=1):
        name = "workers" if number == 1 else f"workers-{number}"
        nics = {
            # What carries management may be the nodes' own network: nothing is taken for granted.
            nic: None if wiring.management else _same_name(nic, question)
            for wiring in layout
            for nic in wiring.nics
        }
        alone = len(alike) == 1
        yield Suggestion(
            section="node_groups",
            ref=name,
            name=", ".join(wiring.base for wiring in layout),
            choice={"hosts": hosts, "nodes": dict(WORKERS) if alone else None, "nics": nics},
            reason=_reason(layout, nics, _difference(layout, named), alone=alone),
        )
        named[name] = layout


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


def _reason(layout: Layout, nics: dict[str, str | None], difference: str, *, alone: bool) -> str:
    said = ["all hosts with networks of VMs are wired alike" if alone else "wired alike"]
    if difference:
        said.append(difference)
    if not alone:
        said.append("there are several groups: choose labels under nodes for each")
    if None in nics.values():
        said.append("name the nodes' NIC for each of the hosts'")
    bare = [wiring.base for wiring in layout if not wiring.nics]
    if bare:
        said.append(
            f"{', '.join(bare)} has no uplink, so nothing can be made for it: make its bridge on "
            "the nodes by hand and write it into bridge_mappings of target.yaml, or choose other "
            "networks for what is on it"
        )
    managed = [wiring.base for wiring in layout if wiring.management]
    if managed:
        said.append(
            f"{', '.join(managed)} carries management: its NICs may be {MACHINE_BRIDGE} there"
        )
    return "; ".join(said)


def _difference(layout: Layout, others: Mapping[str, Layout]) -> str:
    """What tells hosts from those of the most similar group before; empty where none is similar,
    which the names of what they have say already."""
    here = {each.base: each for each in layout}
    found = dict[str, list[str]]()
    for name, other in others.items():
        there = {each.base: each for each in other}
        if not here.keys() & there.keys():
            continue
        found[name] = [
            *(f"has {base} too" for base in here if base not in there),
            *(f"has no {base}" for base in there if base not in here),
            *(
                f"{base} {' and '.join(_differing(here[base], there[base]))}"
                for base in here
                if base in there and here[base] != there[base]
            ),
        ]
    if not found:
        return ""
    nearest = min(found, key=lambda name: len(found[name]))
    return f"unlike {nearest}: {', '.join(found[nearest])}"


def _differing(here: Wiring, there: Wiring) -> Iterator[str]:
    """What tells one wiring from another of the same name."""
    ways = [(each.bonding.policy if each.bonding else "nothing") for each in (here, there)]
    facts = {
        "is over": [", ".join(each.nics) or "no NIC" for each in (here, there)],
        "joins its NICs by": ways,
        "has the MTU": [str(each.mtu or "of its NICs") for each in (here, there)],
        "carries": [", ".join(each.name for each in wiring.networks) for wiring in (here, there)],
    }
    told = [f"{what} {one}, not {other}" for what, (one, other) in facts.items() if one != other]
    if here.management != there.management:
        told.append("carries management" if here.management else "carries no management")
    if here.listens != there.listens:
        told.append("listens to LLDP" if here.listens else "does not listen to LLDP")
    yield from told or ["has other options of its bond or another order of its uplinks"]
