"""What nmstate is to make of a node's NICs: NodeNetworkConfigurationPolicy and its state."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mtv.model.network import Network
from mtv.translate.networks.vlans import Ranges, access_vlan, trunk_of
from mtv.translate.nodes.bonds import OVS_ONLY, Bond
from mtv.translate.overlays.segments import HIGHEST_VLAN
from mtv.translate.part import Manifest, metadata

MACHINE_BRIDGE = "br-ex"
"""OVN-Kubernetes' bridge over the node's own network: nothing but mappings is ever added to it."""

MTUS = range(68, 65536)
"""What Linux takes. Of anything else, such as 0, nothing is said: the NIC keeps its own."""

FIRST_TAG = 1

OWN_TAG = 1
"""The VLAN in which a Linux bridge keeps untagged frames."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """What of a node is joined to a bridge."""

    nics: tuple[str, ...]
    bond: Bond | None = None
    """None where there is one NIC."""
    mtu: int | None = None
    listens: bool = False
    """It is to hear the physical switches by LLDP."""
    as_it_is: bool = False
    """The one "NIC" is a device that the node has already, such as a bond: nothing but a port."""


def policy(
    name: str, nodes: Mapping[str, str], state: Manifest, origin: Mapping[str, str]
) -> Manifest:
    """The policy; ``nodes`` are the labels of the nodes that it is for, ``origin`` what annotations
    keep of the source."""
    return {
        "apiVersion": "nmstate.io/v1",
        "kind": "NodeNetworkConfigurationPolicy",
        "metadata": metadata(name, **origin),
        "spec": {
            "nodeSelector": dict(nodes),
            # One node after the other: what a mistake cuts off is one of them.
            "maxUnavailable": 1,
            "desiredState": state,
        },
    }


def mappings(bridge: str, localnets: Iterable[str]) -> Manifest:
    """Tells OVN which bridge its localnets are on."""
    return {
        "ovn": {
            "bridge-mappings": [
                {"localnet": each, "bridge": bridge, "state": "present"}
                for each in sorted(localnets)
            ]
        }
    }


def ovs_bridge(bridge: str, localnets: Iterable[str], ports: Ports) -> Manifest:
    """An OVS bridge over the NICs, and OVN's mapping of the localnets to it."""
    lower, port = _lower(bridge, ports)
    made = {
        "name": bridge,
        "type": "ovs-bridge",
        "state": "up",
        "bridge": {
            # OVN puts patch ports into it, which nmstate is not to take out again.
            "allow-extra-patch-ports": True,
            "options": {"stp": False},
            "port": [port],
        },
    }
    return {"interfaces": [*lower, made], **mappings(bridge, localnets)}


def linux_bridge(bridge: str, tags: Ranges, ports: Ports) -> Manifest:
    """A Linux bridge over the NICs, whose port carries the tagged VLANs besides untagged frames."""
    lower, port = _lower(bridge, ports)
    trunk = [_trunk_tag(each) for each in tags]
    if trunk:
        port["vlan"] = {"mode": "trunk", "trunk-tags": trunk}
    made = {
        "name": bridge,
        "type": "linux-bridge",
        "state": "up",
        **_mtu(ports),
        **_no_addresses(),
        "bridge": {"options": {"stp": {"enabled": False}}, "port": [port]},
    }
    return {"interfaces": [*lower, made]}


def bond_name(bridge: str) -> str:
    """The bond below a bridge: ``bd-dvs-prod`` below ``br-dvs-prod``.

    Never the source's ``bond0``: nodes may have one of that name below their own network.
    """
    return f"bd-{bridge.removeprefix('br-')}"


def _lower(bridge: str, ports: Ports) -> tuple[list[Manifest], Manifest]:
    """The interfaces below a bridge, and its port."""
    if ports.as_it_is:
        return [], {"name": ports.nics[0]}
    nics: list[Manifest] = [
        {
            "name": nic,
            "type": "ethernet",
            "state": "up",
            **_mtu(ports),
            **_no_addresses(),
            **({"lldp": {"enabled": True}} if ports.listens else {}),
        }
        for nic in ports.nics
    ]
    if ports.bond is None:
        return nics, {"name": ports.nics[0]}
    name, mode = bond_name(bridge), ports.bond.mode
    if mode in OVS_ONLY:
        within = {"mode": mode, "port": [{"name": nic} for nic in ports.nics]}
        return nics, {"name": name, "link-aggregation": within}
    bond: Manifest = {
        "name": name,
        "type": "bond",
        "state": "up",
        **_mtu(ports),
        **_no_addresses(),
        "link-aggregation": {
            "mode": mode,
            "options": dict(ports.bond.options),
            "port": list(ports.nics),
        },
    }
    return [*nics, bond], {"name": name}


def _no_addresses() -> dict[str, Any]:
    """Of what is below a bridge, and of the bridge: only VMs have addresses on it."""
    return {"ipv4": {"enabled": False}, "ipv6": {"enabled": False}}


def _mtu(ports: Ports) -> dict[str, Any]:
    return {"mtu": ports.mtu} if ports.mtu in MTUS else {}


def tags(networks: Iterable[Network]) -> Ranges:
    """The VLANs that networks carry tagged, as ranges that do not touch."""
    found = list[tuple[int, int]]()
    for each in networks:
        vlan = access_vlan(each)
        found += [(tag, tag) for tag in (vlan, *each.differing_vlans) if tag]
        for first, last in trunk_of(each) or ():
            # A range that begins with untagged frames (0), or with the VLAN that they have within
            # the bridge, goes without both: else they would leave with a tag.
            low = first if first == last else max(first, OWN_TAG + 1)
            if low:
                found.append((low, last))
    merged = list[tuple[int, int]]()
    for first, last in sorted(found):
        if not FIRST_TAG <= first <= last <= HIGHEST_VLAN:
            continue
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _trunk_tag(each: tuple[int, int]) -> Manifest:
    first, last = each
    return {"id": first} if first == last else {"id-range": {"min": first, "max": last}}
