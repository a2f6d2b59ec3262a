"""What of the hosts' networks is not on the nodes as it was."""

from collections.abc import Collection, Iterator

from mtv.estate import Estate, ref
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.nodes.bonds import bond
from mtv.translate.nodes.host_layouts import Wiring
from mtv.translate.nodes.nmstate import MACHINE_BRIDGE
from mtv.translate.nodes.uplinks import Uplinks
from mtv.translate.sentences import first_of


def losses(estate: Estate, uplinks: Uplinks, untouched: Collection[Wiring]) -> Iterator[Finding]:
    """All of it, one switch, NIC or bond after the other.

    ``untouched``: those that bridges or bonds which the nodes have take the place of.
    """
    for wiring, hosts in uplinks.wirings:
        where = f"{wiring.base} of {first_of(uplinks.host_names[each] for each in hosts)}"
        if wiring not in untouched:
            yield from _management(wiring, hosts[0], where)
            yield from _bond(uplinks, wiring, hosts[0], where)
        yield from _mtu(uplinks, wiring, where)
    yield from _out_of_sync(estate, uplinks)


def _management(wiring: Wiring, host: str, where: str) -> Iterator[Finding]:
    if wiring.management:
        yield Finding(
            row="host-network.management",
            category=Category.WARNING,
            ref=host,
            name=wiring.base,
            says=f"{where} carries the hosts' management too",
            remedy="never give nodes a policy for the interface of their default route: where "
            f"the NICs that take its place are the ones below {MACHINE_BRIDGE}, write "
            f"{MACHINE_BRIDGE} for each of them under nics, and OVN maps the networks to that "
            "bridge",
        )


def _bond(uplinks: Uplinks, wiring: Wiring, host: str, where: str) -> Iterator[Finding]:
    """Losses of teaming."""
    bonding = wiring.bonding
    if bonding is None:
        return
    made = bond(bonding, localnet=bool(uplinks.uses(wiring).localnets))

    # Only bonds of RHV have options; a switch has teaming.
    usual = "host-network.bond" if bonding.options else "host-network.teaming"

    def loss(
        says: str, remedy: str, key: str = host, name: str = wiring.base, row: str = usual
    ) -> Finding:
        return Finding(
            row=row, category=Category.WARNING, ref=key, name=name, says=says, remedy=remedy
        )

    if made.loses:
        yield loss(
            f"{where} joins its NICs by {bonding.policy or 'a mode nobody told'}, the "
            f"nodes by {made.mode}: {made.loses}",
            "have the physical switches aggregate the links and change the policy to 802.3ad, or "
            "live with it",
        )
    if made.left_out:
        yield loss(
            f"options of {where} are not in the nodes' {made.mode} bond: {first_of(made.left_out)}",
            "look whether the bond needs them, and add them to the policy",
        )
    if wiring.unclear:
        yield loss(
            f"{where} uses {', then '.join(wiring.unclear)}; which of its NICs these are is not "
            "collected, so the nodes' bond takes all NICs and prefers none",
            "look at the switch, and add options.primary to the policy where it matters",
            row="host-network.uplink-order",
        )
    on = uplinks.layouts.on(wiring)
    for key in uplinks.layouts.differing(wiring):
        yield loss(
            f"it has a teaming of its own, and the nodes have one bond for all networks on {where}",
            "give it NICs of its own on the nodes where that matters",
            key,
            on[key].network.name,
        )


def _mtu(uplinks: Uplinks, wiring: Wiring, where: str) -> Iterator[Finding]:
    for key, each in uplinks.layouts.on(wiring).items():
        network = each.network
        if network.mtu and wiring.mtu and network.mtu > wiring.mtu:
            yield Finding(
                row="host-network.mtu",
                category=Category.BLOCKER,
                ref=key,
                name=network.name,
                says=f"its MTU is {network.mtu}, and {where} has {wiring.mtu} only",
                remedy="raise the hosts' and collect again, or lower the network's and its guests'",
            )


def _out_of_sync(estate: Estate, uplinks: Uplinks) -> Iterator[Finding]:
    """Attachments of RHV hosts that are not what the engine wants."""
    found = dict[str, list[str]]()
    for inventory in estate.inventories:
        for host in inventory.hosts:
            if ref(inventory, host.id) not in uplinks.layouts.of_hosts:
                continue
            for each in host.interfaces:
                if each.in_sync is False and each.network is not None:
                    found.setdefault(ref(inventory, each.network), []).append(host.name)
    names = {key: network.name for key, network in estate.networks()} if found else {}
    for key, hosts in found.items():
        yield Finding(
            row="host-network.sync",
            category=Category.WARNING,
            ref=key,
            name=names.get(key, key),
            says=f"{first_of(hosts)} has it otherwise than the engine wants, and the nodes get "
            "what the hosts have",
            remedy="synchronise the hosts' networks in the engine, and collect again",
        )
