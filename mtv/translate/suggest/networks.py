"""Port group, logical network, vNIC profile -> network of the target."""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import PlacedVm, ref
from mtv.model.network import Network, NicProfile
from mtv.model.target import POD_NETWORK, TargetNetwork
from mtv.model.vm import Nic
from mtv.translate.networks.attachments import profile_title
from mtv.translate.networks.physical import Key, PhysicalNetworks
from mtv.translate.networks.port_terms import Terms
from mtv.translate.networks.problems import FOR_ALL, WITHOUT_WIRES, no_wires, refused
from mtv.translate.networks.vlans import access_vlan, covers, ranges, trunk_of
from mtv.translate.nodes.host_layouts import existing
from mtv.translate.nodes.port_group_losses import Said, in_words, of_port_groups
from mtv.translate.suggest.overlays import overlay_choice
from mtv.translate.suggest.question import Question, Suggestion, words

VIRTUAL_FUNCTIONS = frozenset({"sriov", "pci_passthrough"})
"""Models of cards that are Virtual Functions of the host's."""

NAMED = "name a network of target.yaml, or a bridge mapping of the nodes (localnet:NAME)"
"""What is left for a network whose wires nobody knows."""

Answer = tuple[str | None, str]
"""Choice and reason."""


def suggest(question: Question) -> Iterator[Suggestion]:
    """A network for every one that NICs are attached to, and for profiles that pass cards through.

    Existing networks come first: those that carry the same VLAN. Else a network is made on the
    nodes' wires, if the target can.
    """
    yield from _Networks(question).suggestions()


class _Networks:
    def __init__(self, question: Question) -> None:
        self._question = question
        self._target = question.target
        self._physical = PhysicalNetworks(question.estate)
        self._terms = Terms(question.estate)

    def suggestions(self) -> Iterator[Suggestion]:
        for key, network in self._question.estate.networks():
            if key in self._users:
                yield self._suggestion(key, network.name, self._network(key, network))
        for key, profile in self._profiles.items():
            if key in self._passed_through:
                name = profile_title(profile.name)
                yield self._suggestion(key, name, self._sriov("passes cards of the host through"))

    def _suggestion(self, key: str, name: str, answer: Answer) -> Suggestion:
        choice, reason = answer
        return Suggestion(section="networks", ref=key, name=name, choice=choice, reason=reason)

    @cached_property
    def _users(self) -> dict[str, list[tuple[PlacedVm, Nic]]]:
        """Ref of each network -> the NICs on it whose profile has no line of its own."""
        found = dict[str, list[tuple[PlacedVm, Nic]]]()
        for placed, nic in self._nics():
            if ref(placed.inventory, nic.profile or "") not in self._passed_through:
                found.setdefault(ref(placed.inventory, nic.network or ""), []).append((placed, nic))
        return found

    @cached_property
    def _profiles(self) -> dict[str, NicProfile]:
        return self._terms.profiles

    @cached_property
    def _passed_through(self) -> set[str]:
        """Refs of the profiles in use that give VMs a part of the host's card."""
        used = {ref(placed.inventory, nic.profile or "") for placed, nic in self._nics()}
        return {key for key in used if key in self._profiles and self._profiles[key].pass_through}

    def _nics(self) -> Iterator[tuple[PlacedVm, Nic]]:
        for placed in self._question.vms:
            for nic in placed.vm.nics:
                if nic.plugged is not False:
                    yield placed, nic

    def _network(self, key: str, network: Network) -> Answer:
        impossible = refused(network)
        if impossible is not None:
            return None, f"{impossible}: {WITHOUT_WIRES}"
        if all(nic.model in VIRTUAL_FUNCTIONS for _, nic in self._users[key]):
            return self._sriov("its NICs are Virtual Functions of the hosts' cards")
        if network.vlan_trunk is not None:
            return self._trunk(key, network)
        has_wires = self._physical.of_network(key) is not None
        overlay = overlay_choice(network, self._target, has_wires=has_wires)
        if overlay is not None:
            return overlay
        vlan = access_vlan(network)
        if vlan is not None:
            alike = self._existing(network, [e for e in self._target.networks if e.vlan == vlan])
            if alike is not None:
                return alike.name, f"both carry VLAN {vlan}"
            lacking = f"no network of target.yaml carries VLAN {vlan}"
            if not has_wires:
                return None, f"{no_wires(network)}, and {lacking}: {NAMED}"
            return self._on_wires(key, network) or (None, lacking)
        for each in self._target.networks:
            if words(network.name) & words(each.name.rpartition("/")[2]):
                return each.name, "the names share a word"
        if network.kind == "ovf":
            return POD_NETWORK, "a package names no VLAN: the pod network, unless it needs one"
        untagged = (POD_NETWORK, "untagged: the pod network, behind the node's address")
        return self._on_wires(key, network) or untagged

    def _trunk(self, key: str, network: Network) -> Answer:
        trunk = trunk_of(network)
        for each in self._target.networks:
            if trunk is not None and each.trunk is not None and _carries(each, trunk):
                return each.name, f"its trunk has the VLANs {network.vlan_trunk}"
        if self._physical.of_network(key) is None:
            why = f"carries the VLANs {network.vlan_trunk}, and {no_wires(network)}"
            return None, f"{why}: name a network of target.yaml that carries them"
        made = self._on_wires(key, network)
        if made is not None:
            return made
        return None, f"carries the VLANs {network.vlan_trunk}: choose a network that does"

    def _existing(self, network: Network, alike: list[TargetNetwork]) -> TargetNetwork | None:
        """Of networks with the same VLAN, one that VMs of every namespace may be attached to, and
        that has the same MTU, if there is one."""
        best = sorted(
            alike,
            key=lambda each: (
                each.name.partition("/")[0] not in FOR_ALL,
                network.mtu is not None and each.mtu != network.mtu,
            ),
        )
        return best[0] if best else None

    def _sriov(self, why: str) -> Answer:
        there = self._target.sriov_resources
        if len(there) == 1:
            return f"sriov:{there[0]}", f"{why}, and {there[0]} is the only SR-IOV resource"
        if there:
            return None, f"{why}: choose one of {', '.join(f'sriov:{each}' for each in there)}"
        return None, f"{why}, and target.yaml has no sriov_resources: choose a network, or add them"

    def _on_wires(self, key: str, network: Network) -> Answer | None:
        """A network that is made on the wires of its switch; None where the target's nodes are not
        known to let us make one."""
        wire = self._physical.of_network(key)
        if wire is None:
            return None
        there = {each.localnet: each.bridge for each in self._target.bridge_mappings}
        nmstate = "nmstate" in self._target.operators
        vlan = access_vlan(network)
        what = f"VLAN {vlan}" if vlan is not None else "untagged"
        if network.vlan_trunk is not None:
            what = "trunk"
        if wire.key in self._without_uplinks and wire.localnet not in there:
            return None, (
                f"{what} of {wire.name}, which has no uplink on any host: choose layer2 if its VMs "
                "only reach each other; else make its bridge on the nodes by hand, and write "
                f"{wire.localnet} into bridge_mappings of target.yaml, or name a network there"
            )
        open_one = self._open.get(wire.key)
        if open_one is not None and nmstate:
            why = "is a trunk" if open_one.vlan_trunk is not None else "lets any MAC address send"
            return "bridge", (
                f"{what} of {wire.name}, on which {open_one.name} {why}: that needs a Linux "
                "bridge, for all networks of the switch"
            )
        if open_one is None and wire.localnet in there:
            bridge = there[wire.localnet]
            return "localnet", f"{what} of {wire.name}: the nodes have it on {bridge} already"
        if open_one is None and nmstate:
            return "localnet", (
                f"{what} of {wire.name}: a localnet on the nodes' OVS bridge{self._accepts(key)}"
            )
        if there and network.vlan_trunk is None:
            names = ", ".join(f"localnet:{each}" for each in sorted(there))
            return None, f"{what} of {wire.name}: if a bridge mapping leads there, choose {names}"
        if self._target.operators and not nmstate:
            return (
                None,
                f"{what} of {wire.name}: install the NMState operator, then choose localnet",
            )
        return None

    @cached_property
    def _open(self) -> dict[Key, Network]:
        """Key of each physical network -> the first one in use on it that OVN cannot carry: a
        trunk, or one that lets guests send from any MAC address."""
        found = dict[Key, Network]()
        for key, network in self._question.estate.networks():
            wire = self._physical.of_network(key)
            if wire is None or key not in self._users or wire.key in found:
                continue
            if network.vlan_trunk is not None or self._any_mac(key):
                found[wire.key] = network
        return found

    def _any_mac(self, key: str) -> bool:
        """True for a port group that says so, on any host. A vNIC profile without a filter does
        not, nor what standard switches accept by themselves: nobody may have thought of it."""
        said = self._port_groups.get(key)
        return bool(said is not None and said.chosen) or any(
            not self._terms.of(placed.inventory.source, nic).checks_mac
            for placed, nic in self._users[key]
            if nic.profile is None
        )

    def _accepts(self, key: str) -> str:
        """What hosts accept on a standard network, which a localnet does not."""
        said = self._port_groups.get(key)
        if said is None or not said.accepts:
            return ""
        accepts = in_words(said.accepts)
        return f"; its hosts accept {accepts}: choose bridge if guests use other MAC addresses"

    @cached_property
    def _port_groups(self) -> dict[str, Said]:
        return of_port_groups(self._question.estate)

    @cached_property
    def _without_uplinks(self) -> set[Key]:
        """Keys of the switches that hosts show, none of them with a NIC."""
        found = dict[Key, bool]()
        for inventory in self._question.estate.inventories:
            for host in inventory.hosts if inventory.product != "rhv" else ():
                uplinks = {each.name: existing(host, each.uplinks) for each in host.switches}
                for name, networks in self._physical.of_host(inventory, host).items():
                    for each in networks:
                        found[each.key] = found.get(each.key, False) or bool(uplinks[name])
        return {key for key, has_uplinks in found.items() if not has_uplinks}


def _carries(there: TargetNetwork, trunk: tuple[tuple[int, int], ...]) -> bool:
    try:
        return covers(ranges(there.trunk or ""), trunk)
    except ValueError:
        return False
