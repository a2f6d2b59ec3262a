"""What a network is behind its name: an overlay by itself, or tied to wires."""

from mtv.model.network import Network

TIED_KINDS = frozenset({"vlan", "flat", "localnet"})
"""Kinds of segments (Neutron's ``provider:network_type``) that lie on a physical network."""

HIGHEST_VLAN = 4094


def is_overlay(network: Network) -> bool:
    """True for a segment of NSX or a network of an external provider."""
    return network.segment is not None or network.provider is not None


def provider_vlan(network: Network) -> int | None:
    """The VLAN of a network, also where only its provider knows it (RHV with OVN)."""
    segment = network.segment
    if network.vlan is not None or segment is None or segment.kind not in TIED_KINDS:
        return network.vlan
    return segment.vni if segment.vni and 1 <= segment.vni <= HIGHEST_VLAN else None


def wires(network: Network) -> str | None:
    """What an overlay network is tied to, in words: ``VLAN 30 of physnet1``.

    None for one that exists between its ports only.
    """
    vlan = provider_vlan(network)
    kind = network.segment.kind if network.segment is not None else None
    if network.physical_network is None and vlan is None and kind not in TIED_KINDS:
        return None
    place = network.physical_network or "a physical network"
    return place if vlan is None else f"VLAN {vlan} of {place}"
