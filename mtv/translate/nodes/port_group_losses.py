"""What port groups of standard switches say and the target's networks do not.

A distributed port group says it itself; a standard one is only a name, and each host has its own.
"""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from mtv.estate import Estate, ref
from mtv.model.compute import Host, HostPortGroup, HostSwitch
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import Security
from mtv.model.quantity import Shaping
from mtv.translate.nodes.uplinks import Uplinks

ACCEPTS = {
    "promiscuous": "promiscuous mode",
    "mac_changes": "MAC changes",
    "forged_transmits": "forged transmits",
}
MEGA = 1_000_000
STANDARD = "network"
"""Kind of a network that is a port group of standard switches."""


class Said(msgspec.Struct):
    """What the port groups of one name say, on whichever host."""

    accepts: set[str]
    """Also what only their switch says."""
    chosen: set[str]
    """Of it, what someone has set: at the port group, or promiscuous mode at the switch. Standard
    switches accept MAC changes and forged transmits by themselves."""
    shaping: set[str]


def port_group_losses(estate: Estate, uplinks: Uplinks) -> Iterator[Finding]:
    """Findings about the standard networks that are *localnet* or *bridge*."""
    used = {
        key: each.network for key, each in uplinks.used.items() if each.network.kind == STANDARD
    }
    said = of_port_groups(estate) if used else {}
    for key, network in used.items():
        about = said.get(key)
        if about is None:
            continue
        if about.accepts and network.security is None:
            yield Finding(
                row="host-network.security",
                category=Category.WARNING
                if "promiscuous" in about.accepts
                else Category.INFORMATION,
                ref=key,
                name=network.name,
                says=f"its hosts accept {in_words(about.accepts)}, and its network on the target "
                "checks MAC addresses",
                remedy="where guests use other addresses than their NIC's (nested hypervisors, "
                "virtual addresses of clusters, sensors), make it bridge, and set macspoofchk to "
                "false in its NetworkAttachmentDefinition",
            )
        for shaped in sorted(about.shaping):
            yield Finding(
                row="host-network.shaping",
                category=Category.WARNING,
                ref=key,
                name=network.name,
                says=f"its hosts shape what each guest sends: {shaped}; nothing on the nodes does",
                remedy="limit at the physical switch, or make it bridge and add the bandwidth "
                "plugin to its NetworkAttachmentDefinition",
            )


def of_port_groups(estate: Estate) -> dict[str, Said]:
    """Ref of a standard network -> what its port groups say on the hosts."""
    found = defaultdict[tuple[str, str, str], Said](lambda: Said(set(), set(), set()))
    for inventory in estate.inventories:
        for host in inventory.hosts:
            for group, switch in _groups(host):
                here = found[inventory.source, host.datacenter or "", group.name]
                accepts = _accepts(group.security, switch.security)
                here.accepts |= accepts
                here.chosen |= accepts & {*_accepts(group.security, None), "promiscuous"}
                here.shaping |= _shaped(group.shaping, switch.shaping)
    return {
        ref(inventory, each.id): found[name]
        for inventory in estate.inventories
        for each in inventory.networks
        if each.kind == STANDARD
        and (name := (inventory.source, each.datacenter or "", each.name)) in found
    }


def _groups(host: Host) -> Iterator[tuple[HostPortGroup, HostSwitch]]:
    switches = {each.name: each for each in host.switches if each.kind == "standard"}
    for group in host.port_groups:
        if group.switch in switches:
            yield group, switches[group.switch]


def _accepts(own: Security | None, base: Security | None) -> set[str]:
    """What is accepted: a port group's own word, else its switch's."""
    words = (each for each in (own, base) if each is not None)
    settled = dict[str, bool]()
    for each in words:
        for name in ACCEPTS:
            value = getattr(each, name)
            if value is not None:
                settled.setdefault(name, value)
    return {name for name, value in settled.items() if value}


def _shaped(own: Shaping | None, base: Shaping | None) -> set[str]:
    chosen = own if own is not None and own.enabled is not None else base
    if chosen is None or not chosen.enabled:
        return set()
    average, peak = chosen.average_bits_per_second, chosen.peak_bits_per_second
    rates = f"{(average or 0) / MEGA:g} Mbit/s on average, {(peak or 0) / MEGA:g} Mbit/s at peak"
    return {f"{rates}, bursts of {chosen.burst_bytes or 0} bytes"}


def in_words(accepted: set[str]) -> str:
    """What is accepted, in a sentence."""
    return " and ".join(words for name, words in ACCEPTS.items() if name in accepted)
