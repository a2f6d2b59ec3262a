"""Segments of NSX, networks of OVN -> what takes their place."""

from mtv.model.network import Network
from mtv.model.target import Target
from mtv.translate.overlays.segments import is_overlay, provider_vlan, wires

ISOLATED = (
    "is a segment of an overlay: its VMs reach each other; choose a bridge mapping of the nodes "
    "(localnet:NAME) where they have to get out"
)


def overlay_choice(
    network: Network, target: Target, *, has_wires: bool
) -> tuple[str | None, str] | None:
    """The choice for an overlay network, and its reason.

    None for a network that is none, and for one that is like any other: it is tied to the uplinks
    of hosts (``has_wires``), or to a VLAN that the target has to have.
    """
    if not is_overlay(network):
        return None
    tied = wires(network)
    if tied is None:
        return "layer2", ISOLATED
    vlan = provider_vlan(network)
    if has_wires or (vlan is not None and any(each.vlan == vlan for each in target.networks)):
        return None
    if network.physical_network in {each.localnet for each in target.bridge_mappings}:
        return f"localnet:{network.physical_network}", "the nodes have a mapping of the same name"
    if vlan is None:
        return None, f"is tied to {tied}: name a bridge mapping that reaches it (localnet:NAME)"
    return None
