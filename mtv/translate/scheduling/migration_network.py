"""The network that live migration has for itself: vMotion VLAN, RHV migration network -> NAD."""

import json
from collections.abc import Iterator
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_interface, ip_network
from typing import Any

import msgspec

from mtv.estate import ref
from mtv.model.compute import Cluster, Host, HostInterface
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.network import Network
from mtv.model.target import MigrationNetwork as Choice
from mtv.translate.part import Manifest, metadata
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

NAME = "live-migration"
NAMESPACE = "openshift-cnv"
"""Where OpenShift Virtualization looks for it."""

LONGEST_INTERFACE = 15
"""Of a name that the Linux kernel takes for an interface."""

MIGRATION, VMOTION, MANAGEMENT = "migration", "vmotion", "management"
"""What RHV calls a network's usage, and vSphere a service of a host's interface."""

MTU = range(1280, 65536)
ORDINARY_MTU = 1500

SHOWN = 6
"""How many of many things a sentence lists."""

Range = IPv4Network | IPv6Network


class MigrationNetwork:
    """The migration network of a site: never without a range that someone confirmed."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def name(self) -> str | None:
        """Name of the NetworkAttachmentDefinition; None where there is none."""
        return NAME if self._choice is not None and not self._problems else None

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The VLAN of the nodes and the network above it."""
        if self.name is None or self._choice is None:
            return ()
        return tuple(_manifests(self._choice))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the choice; or what the source has and nobody chose."""
        if self._choice is None:
            return tuple(self._unanswered())
        if self._problems:
            return tuple(
                _finding(Category.BLOCKER, says, remedy) for says, remedy in self._problems
            )
        return (*self._overlap(), *self._jumbo())

    @property
    def _choice(self) -> Choice | None:
        return self._site.mapping.migration_network

    # What is wrong with the choice

    @cached_property
    def _problems(self) -> tuple[tuple[str, str], ...]:
        """What is wrong, each with its remedy."""
        if self._choice is None:
            return ()
        return (*self._bad_interface(self._choice), *self._bad_range(self._choice))

    def _bad_interface(self, choice: Choice) -> Iterator[tuple[str, str]]:
        name = choice.interface
        if not name or len(name) > LONGEST_INTERFACE or set(name) & set(" /:\t\n"):
            yield (
                f"interface: {name!r} cannot be the name of a network interface",
                "write the NIC of the worker nodes, without the VLAN",
            )
            return
        without = [
            node.name for node in self._site.target.nodes if node.nics and name not in node.nics
        ]
        if without:
            yield (
                f"interface: target.yaml lists no NIC {name} of {first_of(without, SHOWN)}",
                "name a NIC that every worker node has, or add it to nodes: nics in target.yaml",
            )
        if choice.mtu is not None and choice.mtu not in MTU:
            yield f"mtu: {choice.mtu} is no MTU", f"write {ORDINARY_MTU}, or 9000 for jumbo frames"

    def _bad_range(self, choice: Choice) -> Iterator[tuple[str, str]]:
        whole = _range(choice.range)
        if whole is None:
            yield (
                f"range: {choice.range!r} is no range of addresses",
                "write a network, for example 10.200.5.0/24",
            )
            return
        wrong = False
        for text in choice.exclude:
            part = _range(text)
            if part is None:
                wrong = True
                yield (
                    f"exclude: {text!r} is no range of addresses",
                    "write a part of the range, for example 10.200.5.0/28",
                )
            elif not _is_within(part, whole):
                wrong = True
                yield f"exclude: {text} is not in the range {whole}", "correct it, or take it out"
        needed = max(len(self._site.target.nodes), 2)
        free = _free(choice, whole)
        if not wrong and free < needed:
            yield (
                f"range: {whole} has {free} free addresses for {needed} nodes that need one each",
                "choose a larger range",
            )

    # What is to be known about it

    def _overlap(self) -> Iterator[Finding]:
        """Addresses of the source's hosts that the target would give to its nodes."""
        choice = self._choice
        whole = _range(choice.range) if choice is not None else None
        if choice is None or whole is None:
            return
        excluded = [part for text in choice.exclude if (part := _range(text)) is not None]
        taken = sorted(
            {
                f"{address.ip} ({host.name})"
                for inventory in self._site.estate.inventories
                for host in inventory.hosts
                for interface in host.interfaces
                for address in _addresses(interface)
                if address.ip in whole and not any(address.ip in part for part in excluded)
            }
        )
        if taken:
            yield _finding(
                Category.WARNING,
                f"range: {whole} has addresses that hosts of the source use: "
                f"{first_of(taken, SHOWN)}",
                "exclude them as long as these hosts are on the network",
            )

    def _jumbo(self) -> Iterator[Finding]:
        choice = self._choice
        if choice is not None and choice.mtu is not None and choice.mtu > ORDINARY_MTU:
            yield _finding(
                Category.INFORMATION,
                f"mtu: {choice.mtu} needs as much of {choice.interface} itself and of the physical "
                "switches",
                f"set it on {choice.interface} of every worker node first",
            )

    def _unanswered(self) -> Iterator[Finding]:
        """Migration networks of the source, of which the target has none."""
        if self._site.target.live_migration.network is not None:
            return
        for inventory in self._site.estate.inventories:
            for key, seen in _dedicated(inventory).items():
                yield _unanswered(ref(inventory, key), seen)


def _manifests(choice: Choice) -> Iterator[Manifest]:
    master = choice.interface
    jumbo = {"mtu": choice.mtu} if choice.mtu is not None else {}
    if choice.vlan is not None:
        master = f"{choice.interface}.{choice.vlan}"
        if len(master) > LONGEST_INTERFACE:
            master = f"vlan{choice.vlan}"
        interface: dict[str, Any] = {
            "name": master,
            "type": "vlan",
            "state": "up",
            **jumbo,
            "vlan": {"base-iface": choice.interface, "id": choice.vlan},
            "ipv4": {"enabled": False},
            "ipv6": {"enabled": False},
        }
        yield {
            "apiVersion": "nmstate.io/v1",
            "kind": "NodeNetworkConfigurationPolicy",
            "metadata": metadata(NAME),
            "spec": {
                "nodeSelector": {"node-role.kubernetes.io/worker": ""},
                # One node after the other: what a mistake cuts off is one of them.
                "maxUnavailable": 1,
                "desiredState": {"interfaces": [interface]},
            },
        }
    exclude = {"exclude": [str(_range(text)) for text in choice.exclude]} if choice.exclude else {}
    config = {
        "cniVersion": "0.3.1",
        "name": NAME,
        "type": "macvlan",
        "master": master,
        "mode": "bridge",
        **jumbo,
        "ipam": {"type": "whereabouts", "range": str(_range(choice.range)), **exclude},
    }
    yield {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": metadata(NAME, NAMESPACE),
        "spec": {"config": json.dumps(config)},
    }


# What the source has


class Seen(msgspec.Struct):
    """A migration network of the source, as its hosts show it."""

    name: str
    vlan: int | None = None
    mtu: int | None = None
    hosts: dict[str, None] = {}
    """Ids of those with an address or a service on it."""
    subnets: dict[str, None] = {}
    others: tuple[str, ...] = ()
    """What else it is for: services of the hosts' interfaces on it, usages of RHV."""


def _dedicated(inventory: Inventory) -> dict[str, Seen]:
    """Networks that serve live migration and not the management of the hosts; by id or name.

    What they serve beside that is noted.
    """
    networks = {each.id: each for each in inventory.networks}
    by_name = {each.name: each.id for each in inventory.networks if not each.is_uplink}
    used = {key for cluster in inventory.clusters for key in _used_for_migration(cluster)}
    used |= {each.id for each in inventory.networks if _is_for_migration(each.usages)}
    found = {key: Seen(networks[key].name) for key in sorted(used & set(networks))}
    services = dict[str, set[str]]()
    for host in inventory.hosts:
        managed = {each.network for each in host.interfaces if MANAGEMENT in each.services}
        for interface in host.interfaces:
            own = VMOTION in interface.services and interface.network not in managed
            text = interface.network or interface.name
            key = text if text in networks else by_name.get(text, text)
            services.setdefault(key, set()).update(interface.services)
            if own or key in used:
                _note(found.setdefault(key, Seen(text)), host, interface, networks.get(key))
    usages = _usages(inventory)
    for key, seen in found.items():
        every = services.get(key, set()) | usages.get(key, set())
        seen.others = tuple(sorted(every - {VMOTION, MIGRATION}))
    return found


def _usages(inventory: Inventory) -> dict[str, set[str]]:
    """Id of each network of RHV -> what it is used for, in any cluster."""
    found = {each.id: set(each.usages) for each in inventory.networks}
    for cluster in inventory.clusters:
        for each in cluster.networks:
            found.setdefault(each.network, set()).update(each.usages)
    return found


def _note(seen: Seen, host: Host, interface: HostInterface, network: Network | None) -> None:
    """Adds what one host says about the network."""
    groups = {each.name: each.vlan for each in host.port_groups}
    if network is not None:
        seen.name = network.name
    vlan = interface.vlan or groups.get(interface.network or "")
    seen.vlan = seen.vlan or vlan or (network.vlan if network is not None else None)
    seen.mtu = seen.mtu or interface.mtu or (network.mtu if network is not None else None)
    subnets = {str(address.network): None for address in _addresses(interface)}
    # An RHV host has a VLAN's device and its attachment: the one with addresses counts.
    if subnets or interface.services:
        seen.hosts[host.id] = None
    seen.subnets |= subnets


def _used_for_migration(cluster: Cluster) -> Iterator[str]:
    for each in cluster.networks:
        if _is_for_migration(each.usages) and each.network != cluster.management_network:
            yield each.network


def _is_for_migration(usages: tuple[str, ...]) -> bool:
    return MIGRATION in usages and MANAGEMENT not in usages


def _unanswered(key: str, seen: Seen) -> Finding:
    facts = [
        f"VLAN {seen.vlan}" if seen.vlan else "untagged",
        *([f"MTU {seen.mtu}"] if seen.mtu else []),
        *list(seen.subnets)[:SHOWN],
    ]
    vlan = f"vlan: {seen.vlan}, " if seen.vlan else ""
    mtu = f"mtu: {seen.mtu}, " if seen.mtu and seen.mtu > ORDINARY_MTU else ""
    what, shared = "is a network for live migration alone", ""
    if seen.others:
        others = " and ".join(seen.others)
        what = f"carries live migration, and beside it {others}"
        shared = f"; better with a VLAN of its own, because this one also carries {others}"
    return Finding(
        row="migration-network",
        category=Category.WARNING,
        ref=key,
        name=seen.name,
        says=f"{what} ({', '.join(facts)}; hosts: {len(seen.hosts)}); the target's migrations "
        "share the pod network",
        remedy=f"write migration_network: {{interface: NIC of the nodes, {vlan}{mtu}range: free "
        f"addresses}} in mapping.yaml{shared}",
    )


# Addresses


def _range(text: str) -> Range | None:
    """The network that a text names; None where it names none."""
    if "/" not in text:
        return None
    try:
        return ip_network(text)
    except ValueError:
        return None


def _is_within(part: Range, whole: Range) -> bool:
    if isinstance(part, IPv4Network) and isinstance(whole, IPv4Network):
        return part.subnet_of(whole)
    if isinstance(part, IPv6Network) and isinstance(whole, IPv6Network):
        return part.subnet_of(whole)
    return False


def _free(choice: Choice, whole: Range) -> int:
    """How many addresses are left to give: all but network, broadcast and the excluded ones."""
    parts = [part for text in choice.exclude if (part := _range(text)) is not None]
    inside = [part for part in parts if _is_within(part, whole)]
    ends = {whole.network_address, whole.broadcast_address}
    outer = sum(1 for end in ends if not any(end in part for part in inside))
    taken = sum(part.num_addresses for part in _collapsed(inside))
    return max(whole.num_addresses - taken - outer, 0)


def _collapsed(parts: list[Range]) -> Iterator[Range]:
    """The parts without their overlaps; all are of one version of IP."""
    yield from collapse_addresses([part for part in parts if isinstance(part, IPv4Network)])
    yield from collapse_addresses([part for part in parts if isinstance(part, IPv6Network)])


def _addresses(interface: HostInterface) -> Iterator[Any]:
    for text in interface.addresses:
        try:
            yield ip_interface(text)
        except ValueError:
            continue


def _finding(category: Category, says: str, remedy: str) -> Finding:
    return Finding(
        row="migration-network",
        category=category,
        ref="",
        name="migration_network",
        says=f"mapping.yaml: migration_network: {says}",
        remedy=remedy,
    )
