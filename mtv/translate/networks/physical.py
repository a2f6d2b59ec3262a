"""The wires of the source: which networks share uplinks, and what those are called on the nodes.

A *physical network* is a switch with its uplinks, and all networks on it reach the same wires:

- vSphere: a distributed switch, or the standard vSwitches of one name in one data centre. vSwitches
  of two hosts are only tied by their name; hosts that are cabled differently under one name are
  found nowhere in vSphere either.
- RHV: there is no switch. Each host attaches a logical network to a NIC or bond of its own, so the
  networks of a data centre that are attached to the same NICs or bonds share them. Where the same
  network is on ``bond0`` of one host and on ``eth2`` of another, both names together are the
  physical network (``bond0-eth2``), as long as no host tells its networks apart; else every network
  is one by itself, which is always right, because several localnets may lie on one bridge.

On the nodes it has one bridge, named ``bridge``: an OVS bridge with a mapping of ``localnet`` to it
where networks are *localnet*, a Linux bridge where they are *bridge*. Both at once cannot be, the
uplinks belong to one of them.

For the nodes' side: ``of_host`` says which switch, NIC or bond of a host carries which of them.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

import msgspec

from mtv.estate import Estate, ref
from mtv.model.compute import Host, HostSwitch
from mtv.model.estate import Inventory
from mtv.model.network import Network
from mtv.names import label, unique_labels

LONGEST_INTERFACE = 15
"""Linux has room for 15 characters in the name of an interface (IFNAMSIZ)."""

TAKEN = frozenset({"ex", "ex1", "int", "local", "physnet", "locnet", "exgwphysnet"})
"""Words that OVN-Kubernetes uses for its own bridges (``br-ex``) and physical networks."""

Key = tuple[str, ...]
"""Source, then what tells the physical networks of that source apart."""


class PhysicalNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """Uplinks that networks share, with their names on the nodes."""

    key: Key
    name: str
    """What the source calls it: ``dvs-prod``, ``vSwitch0``, ``bond0``."""
    localnet: str
    """Name of the mapping to the OVS bridge; ``physicalNetworkName`` of the networks on it."""
    bridge: str
    """Name of the nodes' bridge, OVS or Linux; at most 15 characters, ``br-dvs-prod``."""


class PhysicalNetworks:
    """Those of an estate. It reads networks and what hosts attach them to, not the mapping."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def of_network(self, network: str) -> PhysicalNetwork | None:
        """The one under a network, named by its ref.

        None where nobody knows: a segment of an overlay, a port group whose hosts have it on
        different vSwitches, a network that no host is attached to.
        """
        key = self._keys.get(network)
        return None if key is None else self._made[key]

    def of_host(self, inventory: Inventory, host: Host) -> dict[str, tuple[PhysicalNetwork, ...]]:
        """Name of the host's switch (RHV: NIC or bond) -> those that lie on it, by name.

        Several lie on one only in RHV. What carries no network of VMs is left out.
        """
        if inventory.product == "rhv":
            keys = [
                (base, self._keys.get(ref(inventory, network))) for network, base in _attached(host)
            ]
        else:
            ids = {each.uuid: each.id for each in inventory.switches if each.uuid}
            keys = [
                (switch.name, _key_of_host_switch(inventory, host, switch, ids))
                for switch in host.switches
            ]
        found = defaultdict[str, set[Key]](set)
        for name, key in keys:
            if key is not None and key in self._made:
                found[name].add(key)
        return {
            name: tuple(self._made[key] for key in sorted(found[name])) for name in sorted(found)
        }

    @cached_property
    def all(self) -> tuple[PhysicalNetwork, ...]:
        """All of them, in the order of their keys."""
        return tuple(sorted(self._made.values(), key=lambda each: each.key))

    @cached_property
    def _keys(self) -> dict[str, Key]:
        """Ref of a network -> key of what lies under it."""
        return {
            ref(inventory, network): key
            for inventory in self._estate.inventories
            for network, (key, _) in _keyed(inventory)
        }

    @cached_property
    def _made(self) -> dict[Key, PhysicalNetwork]:
        names = {
            key: text
            for inventory in self._estate.inventories
            for _, (key, text) in _keyed(inventory)
        }
        # Names may have any character: only JSON keeps the parts of a key apart.
        texts = {msgspec.json.encode(key).decode(): _not_taken(text) for key, text in names.items()}
        localnets = unique_labels(texts)
        bridges = unique_labels(texts, LONGEST_INTERFACE - len("br-"))
        return {
            key: PhysicalNetwork(
                key=key, name=text, localnet=localnets[joined], bridge=f"br-{bridges[joined]}"
            )
            for (key, text), joined in zip(names.items(), texts, strict=True)
        }


def _not_taken(text: str) -> str:
    return f"{text}-net" if label(text) in TAKEN else text


def _keyed(inventory: Inventory) -> Iterator[tuple[str, tuple[Key, str]]]:
    """Id of each network -> key of what lies under it, and its name there."""
    if inventory.product == "rhv":
        yield from _of_attachments(inventory)
        return
    for network in inventory.networks:
        if network.switch is None:
            continue
        yield network.id, (_key_of_switch(inventory, network), network.switch)


def _key_of_switch(inventory: Inventory, network: Network) -> Key:
    if network.kind == "dvportgroup":
        return inventory.source, "distributed", network.switch_id or network.switch or ""
    return inventory.source, "standard", network.datacenter or "", network.switch or ""


def _key_of_host_switch(
    inventory: Inventory, host: Host, switch: HostSwitch, ids: dict[str, str]
) -> Key:
    """``ids``: uuid of a distributed switch -> its id."""
    if switch.kind == "standard":
        return inventory.source, "standard", host.datacenter or "", switch.name
    return inventory.source, "distributed", ids.get(switch.switch or "", switch.name)


def _attached(host: Host) -> Iterator[tuple[str, str]]:
    """The networks of an RHV host, each with the NIC or bond below it."""
    bases = {each.name: each.base for each in host.interfaces if each.base}
    for each in host.interfaces:
        if each.network is not None and each.base is not None:
            # An attachment may name the VLAN device, ``bond0.100``.
            yield each.network, bases.get(each.base) or each.base


def _of_attachments(inventory: Inventory) -> Iterator[tuple[str, tuple[Key, str]]]:
    """By what the hosts of RHV attach the networks to."""
    places = defaultdict[str, dict[str, str]](dict)
    for host in inventory.hosts:
        for attached, base in _attached(host):
            places[attached][host.id] = base
    groups = defaultdict[Key, list[Network]](list)
    for each in inventory.networks:
        # A provider's network may be tied to a network of the engine, whose wires it uses.
        below = places.get(each.id) or places.get(each.physical_network or "")
        if below:
            places[each.id] = below
            bases = sorted(set(below.values()))
            groups[inventory.source, "attached", each.datacenter or "", *bases].append(each)
    for key, networks in groups.items():
        together = _agree(places, networks)
        for network in networks:
            alone = (inventory.source, "network", network.id)
            yield network.id, (key, "-".join(key[3:])) if together else (alone, network.name)


def _agree(places: dict[str, dict[str, str]], networks: list[Network]) -> bool:
    """True when no host has two of these networks on different NICs or bonds."""
    bases = dict[str, str]()
    return all(
        bases.setdefault(host, base) == base
        for network in networks
        for host, base in places[network.id].items()
    )
