"""Networks of VMs that end on the nodes' own network, because they are untagged on its bridge."""

from collections.abc import Iterable, Iterator

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import Network
from mtv.translate.networks.vlans import access_vlan
from mtv.translate.nodes.nmstate import MACHINE_BRIDGE
from mtv.translate.nodes.node_groups import Placed
from mtv.translate.nodes.uplinks import Uplinks
from mtv.translate.sentences import first_of


def on_machine_network(uplinks: Uplinks, placed: Iterable[Placed]) -> Iterator[Finding]:
    """One finding for all of them: OVN hands their frames to the machine network as they are."""
    found = {
        key: each.network
        for one in placed
        if one.on_machine_bridge
        for key, each in uplinks.layouts.on(one.wiring).items()
        if each.localnet
    }
    found |= uplinks.mapped_to(MACHINE_BRIDGE)
    untagged = {key: network for key, network in sorted(found.items()) if _is_untagged(network)}
    if not untagged:
        return
    first, *others = untagged
    names = first_of(each.name for each in untagged.values())
    says = f"is untagged, and on {MACHINE_BRIDGE}: its VMs land on the nodes' own network"
    if others:
        says = (
            f"{names} are untagged, and on {MACHINE_BRIDGE}: their VMs land on the "
            "nodes' own network, and networks that are apart at the source become one segment"
        )
    yield Finding(
        row="host-network",
        category=Category.WARNING,
        ref=first,
        name=untagged[first].name,
        says=says,
        remedy="leave it only where the nodes' network is the same segment as at the source; else "
        f"name NICs of the nodes that are not below {MACHINE_BRIDGE}, or give each a VLAN on the "
        "physical switches and at the source, and collect again",
    )


def _is_untagged(network: Network) -> bool:
    return access_vlan(network) is None and network.vlan_trunk is None
