"""The policies that groups of nodes ask for: equal ones are one, contradictions are found.

Several groups may select the same nodes, as where the hosts of two sources make place for one pool
of workers. What they ask for has to hold on these nodes together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import Node
from mtv.translate.nodes.nmstate import MACHINE_BRIDGE
from mtv.translate.nodes.node_groups import Placed
from mtv.translate.part import Manifest
from mtv.translate.sentences import first_of


class NodePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One desired state of the nodes that some labels select."""

    placed: tuple[Placed, ...]
    """Who asks for it: of several groups, each selects the same nodes and wants the same."""
    state: Manifest

    @property
    def first(self) -> Placed:
        """The one whose name it has."""
        return self.placed[0]

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, in the order of ``mapping.yaml``."""
        return tuple(each.group for each in self.placed)

    @property
    def bridge(self) -> str:
        """The bridge that it is about."""
        return bridge_of(self.first)

    @property
    def nics(self) -> tuple[str, ...]:
        """What of the nodes it takes for its bridge, each once."""
        names = dict.fromkeys(nic for each in self.placed for nic in each.nics.values())
        return tuple(name for name in names if name != MACHINE_BRIDGE)


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """Two policies that the same nodes cannot have together."""

    one: NodePolicy
    other: NodePolicy
    nics: tuple[str, ...] = ()
    """NICs that both take for a bridge of their own; empty where they want the same bridge."""


def bridge_of(placed: Placed) -> str:
    """The nodes' bridge for a wiring."""
    return placed.wiring.networks[0].bridge


def joined(wanted: Iterable[tuple[Placed, Manifest]]) -> tuple[NodePolicy, ...]:
    """A policy for each selection of nodes and desired state, whichever groups ask for it."""
    found = dict[tuple[frozenset[tuple[str, str]], str, bytes], NodePolicy]()
    for each, state in wanted:
        text = msgspec.json.encode(state, order="deterministic")
        key = frozenset(each.nodes.items()), bridge_of(each), text
        alike = found.get(key)
        placed = (each,) if alike is None else (*alike.placed, each)
        found[key] = NodePolicy(placed=placed, state=state)
    return tuple(found.values())


def contradictions(
    policies: Sequence[NodePolicy], nodes: Sequence[Node]
) -> tuple[Contradiction, ...]:
    """Every pair that cannot hold together. ``nodes``: those of ``target.yaml``."""
    return tuple(
        found
        for number, one in enumerate(policies)
        for other in policies[number + 1 :]
        if share_nodes(one.first.nodes, other.first.nodes, nodes)
        if (found := _contradiction(one, other)) is not None
    )


def _contradiction(one: NodePolicy, other: NodePolicy) -> Contradiction | None:
    if one.bridge == other.bridge:
        return Contradiction(one=one, other=other) if one.state != other.state else None
    nics = tuple(nic for nic in one.nics if nic in other.nics)
    return Contradiction(one=one, other=other, nics=nics) if nics else None


def share_nodes(one: Mapping[str, str], other: Mapping[str, str], nodes: Iterable[Node]) -> bool:
    """True when a node has the labels of both selections, as far as that is known."""
    if any(key in other and other[key] != value for key, value in one.items()):
        return False
    if one.items() <= other.items() or other.items() <= one.items():
        return True
    both = {**one, **other}.items()
    return any(both <= each.labels.items() for each in nodes)


def told(found: Iterable[Contradiction]) -> Iterator[Finding]:
    """A finding for each bridge that is wanted in two ways, and each two bridges with one NIC."""
    below = dict[tuple[str, str], list[Contradiction]]()
    for each in found:
        one, other = each.one, each.other
        if each.nics:
            below.setdefault((one.bridge, other.bridge), []).append(each)
            continue
        yield _finding(
            other,
            f"{first_of(one.groups)} and {first_of(other.groups)} select the same nodes, and want "
            f"{other.bridge} there in different ways",
            "give them different labels under nodes",
        )
    for (bridge, second), pairs in below.items():
        nics = dict.fromkeys(nic for each in pairs for nic in each.nics)
        ones = dict.fromkeys(group for each in pairs for group in each.one.groups)
        others = dict.fromkeys(group for each in pairs for group in each.other.groups)
        yield _finding(
            pairs[0].other,
            f"{first_of(ones)} and {first_of(others)} select the same nodes, and put "
            f"{first_of(nics)} there below {bridge} and below {second}; a NIC can be in one bridge "
            "only",
            "name other NICs of the nodes for one of them, or give them different labels under "
            "nodes; where both sources' networks come in by the same wires, make them localnet, "
            "make one OVS bridge by hand, and write it for both localnets into bridge_mappings of "
            "target.yaml",
        )


def _finding(policy: NodePolicy, says: str, remedy: str) -> Finding:
    return Finding(
        row="host-network",
        category=Category.BLOCKER,
        ref=policy.first.hosts[0],
        name=policy.first.wiring.base,
        says=f"mapping.yaml: node_groups: {says}",
        remedy=remedy,
    )
