"""How hosts are wired: for each switch, NIC or bond that carries networks of VMs, what joins it to
the wires.

Two hosts have the same *layout* when nodes can take their place with the same configuration: the
same switches with the same NICs, teaming and MTU. Addresses and hardware do not count.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

import msgspec

from mtv.estate import Estate, PlacedVm, ref
from mtv.model.compute import Host, HostSwitch
from mtv.model.estate import Inventory
from mtv.model.network import LinkGroup, Network, Switch, Teaming
from mtv.translate.networks.physical import Key, PhysicalNetwork, PhysicalNetworks
from mtv.translate.nodes.bonds import AGGREGATED, PREFERRING, Bonding, policy, table

MANAGEMENT = frozenset({"management", "default_route"})
"""What a network is used for that a host cannot be without."""
LISTENS = frozenset({"listen", "both"})


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """One switch of a host (RHV: NIC or bond) that carries networks of VMs."""

    base: str
    """Its name on the host: ``vSwitch0``, ``bond0``."""
    networks: tuple[PhysicalNetwork, ...]
    """Those that lie on it and are wanted; several only in RHV."""
    nics: tuple[str, ...]
    """Of the host, in the order in which they are used."""
    bonding: Bonding | None
    """None where there is one NIC, or none."""
    mtu: int | None = None
    listens: bool = False
    """It hears the physical switches by LLDP."""
    management: bool = False
    """It carries the host's own management too."""
    unclear: tuple[str, ...] = ()
    """Uplinks of a distributed switch whose order counts: which NIC is which, nobody told."""


Layout = tuple[Wiring, ...]
"""Everything that a host has for VMs, by name."""

Chosen = tuple[Teaming, tuple[str, ...]]
"""The teaming of most networks, with the refs of those that have another one."""


def place(placed: PlacedVm) -> str:
    """Ref of the cluster that a VM's networks have to reach; of its host where it has none."""
    return ref(placed.inventory, placed.vm.cluster or placed.vm.host or "")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A network of VMs that nodes have to bring wires to."""

    network: Network
    physical: PhysicalNetwork
    places: frozenset[str]
    """Where its VMs are (``place``)."""
    localnet: bool = True
    """False: it is to be on a Linux bridge."""


class Layouts:
    """The layouts of all hosts that carry networks."""

    def __init__(
        self, estate: Estate, physical: PhysicalNetworks, wanted: Mapping[str, Wanted]
    ) -> None:
        """``wanted``: by ref of the network, or of what else names it in ``mapping.yaml``."""
        self._estate = estate
        self._physical = physical
        self._wanted = wanted
        self._teamings = dict[Key, Chosen]()
        self._differing = dict[Wiring, dict[str, None]]()

    @cached_property
    def of_hosts(self) -> dict[str, Layout]:
        """Ref of each host that carries one -> its layout, in inventory order."""
        found = dict[str, Layout]()
        for inventory in self._estate.inventories:
            for host in inventory.hosts:
                wanted = self._keys.get(ref(inventory, host.cluster or host.id), ())
                if wanted:
                    layout = tuple(self._wirings(inventory, host, wanted))
                    if layout:
                        found[ref(inventory, host.id)] = layout
        return found

    def on(self, wiring: Wiring) -> dict[str, Wanted]:
        """The wanted networks that a wiring carries."""
        return {
            key: self._wanted[key]
            for physical in wiring.networks
            for key, _ in self._by_key.get(physical.key, ())
        }

    def differing(self, wiring: Wiring) -> tuple[str, ...]:
        """Refs of networks on it that have another teaming than the bond's, on any of its hosts.

        Hosts are wired alike all the same: nodes have one bond for all networks.
        """
        return tuple(self._differing.get(wiring, ())) if self.of_hosts else ()

    @cached_property
    def _keys(self) -> dict[str, set[Key]]:
        """Cluster or host -> keys of the physical networks that it wants."""
        found = dict[str, set[Key]]()
        for each in self._wanted.values():
            for where in each.places:
                found.setdefault(where, set()).add(each.physical.key)
        return found

    @cached_property
    def _by_key(self) -> dict[Key, list[tuple[str, Network]]]:
        """Key of a physical network -> the wanted networks on it, by ref."""
        found = dict[Key, list[tuple[str, Network]]]()
        for key, each in sorted(self._wanted.items()):
            found.setdefault(each.physical.key, []).append((key, each.network))
        return found

    def _wirings(
        self, inventory: Inventory, host: Host, wanted: Collection[Key]
    ) -> Iterator[Wiring]:
        switches = {each.name: each for each in host.switches}
        for base, networks in self._physical.of_host(inventory, host).items():
            here = tuple(each for each in networks if each.key in wanted)
            if not here:
                continue
            on = [each for one in here for each in self._by_key[one.key]]
            if inventory.product == "rhv":
                yield attached(inventory, host, base, here, [network for _, network in on])
            else:
                yield self._switched(inventory, host, switches[base], here, on)

    def _switched(
        self,
        inventory: Inventory,
        host: Host,
        switch: HostSwitch,
        here: tuple[PhysicalNetwork, ...],
        on: list[tuple[str, Network]],
    ) -> Wiring:
        managed = any(
            MANAGEMENT & set(each.services)
            and self._is_on(inventory, host, each.network or "", switch, here)
            for each in host.interfaces
        )
        if switch.kind == "standard":
            made, differing = standard(host, switch, here, on)
        else:
            whole = self._switches.get(switch.switch or "")
            chosen, differing = self._teaming(here[0].key, whole, on)
            made = distributed(host, switch, whole, here, chosen)
        wiring = msgspec.structs.replace(made, management=managed)
        self._differing.setdefault(wiring, {}).update(dict.fromkeys(differing))
        return wiring

    def _teaming(self, key: Key, whole: Switch | None, on: list[tuple[str, Network]]) -> Chosen:
        """Of a distributed switch; it is the same on all of its hosts, of which there are many."""
        found = self._teamings.get(key)
        if found is None:
            base = whole.teaming if whole is not None else None
            found = most({each: over(network.teaming, base) for each, network in on})
            self._teamings[key] = found
        return found

    def _is_on(
        self,
        inventory: Inventory,
        host: Host,
        network: str,
        switch: HostSwitch,
        here: tuple[PhysicalNetwork, ...],
    ) -> bool:
        """True when an interface's network (port group's name, or id) is on a switch."""
        if switch.kind == "standard":
            return any(
                (each.name, each.switch) == (network, switch.name) for each in host.port_groups
            )
        below = self._physical.of_network(ref(inventory, network))
        return below is not None and below.key in {each.key for each in here}

    @cached_property
    def _switches(self) -> dict[str, Switch]:
        """Distributed switches by uuid."""
        return {
            each.uuid: each
            for inventory in self._estate.inventories
            for each in inventory.switches
            if each.uuid
        }


def standard(
    host: Host,
    switch: HostSwitch,
    here: tuple[PhysicalNetwork, ...],
    on: list[tuple[str, Network]],
) -> tuple[Wiring, tuple[str, ...]]:
    """A vSwitch: NICs in the order of its teaming, which port groups may overrule.

    Returns it with the refs of networks that have another teaming than its bond.
    """
    groups = {each.name: each.teaming for each in host.port_groups if each.switch == switch.name}
    # A port group that the host does not have says nothing of how it is wired.
    on = [(key, network) for key, network in on if network.name in groups] or on
    teamings = {key: over(groups.get(network.name), switch.teaming) for key, network in on}
    chosen, differing = most(teamings)
    uplinks = existing(host, switch.uplinks)
    used = dict.fromkeys(
        name
        for teaming in (chosen, *teamings.values())
        for name in (*teaming.active, *teaming.standby)
        if name in uplinks
    )
    nics = tuple(used) or uplinks
    words = said(chosen)
    first = nics[0] if _prefers(words) and nics else None
    wiring = Wiring(
        base=switch.name,
        networks=here,
        nics=nics,
        bonding=Bonding(policy=words, first=first, stays=bool(first and chosen.rolling_order))
        if len(nics) > 1
        else None,
        mtu=switch.mtu,
        listens=switch.discovery_protocol == "lldp",
    )
    return wiring, differing


def distributed(
    host: Host,
    switch: HostSwitch,
    whole: Switch | None,
    here: tuple[PhysicalNetwork, ...],
    chosen: Teaming,
) -> Wiring:
    """A host's part of a distributed switch.

    Its port groups' teaming speaks of uplinks by the switch's names; which NIC of the host is on
    which of them is not collected.
    """
    nics = existing(host, switch.uplinks)
    group = _link_group(whole, chosen)
    words = said(chosen)
    uplinks = (*chosen.active, *chosen.standby)
    unused = set(whole.uplinks if whole is not None else ()) - set(uplinks) if uplinks else set()
    return Wiring(
        base=switch.name,
        networks=here,
        nics=nics,
        bonding=None
        if len(nics) < 2
        else Bonding(policy=words)
        if group is None
        else Bonding(policy=AGGREGATED, hashing=group.load_balancing),
        mtu=whole.mtu if whole is not None and whole.mtu is not None else switch.mtu,
        listens=whole is not None
        and whole.discovery_protocol == "lldp"
        and whole.discovery_operation in LISTENS,
        unclear=uplinks if len(nics) > 1 and group is None and (_prefers(words) or unused) else (),
    )


def attached(
    inventory: Inventory,
    host: Host,
    base: str,
    here: tuple[PhysicalNetwork, ...],
    on: list[Network],
) -> Wiring:
    """A NIC or bond of an RHV host."""
    bond = next((each for each in host.bonds if each.name == base), None)
    nic = next((each for each in host.nics if each.name == base), None)
    mtu = bond.mtu if bond is not None else nic.mtu if nic is not None else None
    nics = existing(host, bond.members) if bond is not None else (base,)
    bonding = None
    if bond is not None and len(nics) > 1:
        options = {each.name: each.value for each in bond.options}
        first = options.get("primary")
        bonding = Bonding(
            policy=bond.mode or "", first=first if first in nics else None, options=bond.options
        )
    return Wiring(
        base=base,
        networks=here,
        nics=nics,
        bonding=bonding,
        mtu=mtu or max((each.mtu for each in on if each.mtu), default=None),
        management=base in set(_management(inventory, host)),
    )


def _management(inventory: Inventory, host: Host) -> Iterator[str]:
    """What of an RHV host carries its management."""
    cluster = next((each for each in inventory.clusters if each.id == host.cluster), None)
    if cluster is None:
        return
    networks = {each.network for each in cluster.networks if MANAGEMENT & set(each.usages)}
    networks.add(cluster.management_network or "")
    bases = {each.name: each.base for each in host.interfaces if each.base}
    for each in host.interfaces:
        if each.network in networks and each.base is not None:
            yield bases.get(each.base) or each.base


def existing(host: Host, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of NICs that the host has; a switch may name one that was taken out."""
    there = {each.name for each in host.nics}
    return tuple(name for name in names if not there or name in there)


def over(own: Teaming | None, base: Teaming | None) -> Teaming:
    """What holds for a port group: its own teaming, and its switch's where it says nothing."""
    own, base = own or Teaming(), base or Teaming()
    order = own if own.active or own.standby else base
    rolling = own.rolling_order if own.rolling_order is not None else base.rolling_order
    return Teaming(
        policy=own.policy or base.policy,
        active=order.active,
        standby=order.standby,
        rolling_order=rolling,
    )


def most(teamings: Mapping[str, Teaming]) -> Chosen:
    """The teaming of most networks; of equally many the first."""
    ((chosen, _),) = Counter(teamings.values()).most_common(1)
    return chosen, tuple(key for key, teaming in teamings.items() if teaming != chosen)


def said(teaming: Teaming) -> str:
    """The policy's name. Whatever it is, with one active uplink there is nothing to spread."""
    if len(teaming.active) == 1 and teaming.standby:
        return PREFERRING
    return teaming.policy or table().default


def _prefers(words: str) -> bool:
    known = policy(words)
    return known is not None and known.preferred


def _link_group(whole: Switch | None, teaming: Teaming) -> LinkGroup | None:
    """The link aggregation group that carries the traffic."""
    groups = whole.link_groups if whole is not None else ()
    return next((each for each in groups if each.name in teaming.active), None)
