"""Which wires the networks of VMs need on the nodes, and which hosts show how they are wired."""

from functools import cached_property

import msgspec

from mtv.estate import ref
from mtv.model.network import Network
from mtv.translate.networks.attachments import Attachments
from mtv.translate.networks.vlans import Ranges
from mtv.translate.nodes import nmstate
from mtv.translate.nodes.host_layouts import Layouts, Wanted, Wiring, place
from mtv.translate.site import Site


class Uses(msgspec.Struct, frozen=True, kw_only=True):
    """What the networks on one wiring need of the nodes."""

    localnets: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    """Names of the Linux bridges that its networks are attached to."""
    mixed: tuple[str, str] | None = None
    """Names of a localnet and of a bridged network, which cannot share uplinks."""
    told: bool = False
    """They share a physical network: that is a problem of theirs, said by ``NetworkProblems``."""
    tags: Ranges = ()
    """VLANs of the Linux bridge."""


class Uplinks:
    """The networks that are *localnet* or *bridge*, with what lies under them."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments

    @cached_property
    def used(self) -> dict[str, Wanted]:
        """All of them that need wires of the nodes, by the line that answers for them."""
        places = dict[str, set[str]]()
        for placed in self._site.vms:
            for nic in placed.vm.nics:
                if nic.plugged is not False:
                    key = self._attachments.key_of(placed, nic)
                    places.setdefault(key, set()).add(place(placed))
        return {
            key: Wanted(
                network=each.network,
                physical=each.physical,
                places=frozenset(places[key]),
                localnet=each.kind == "localnet",
            )
            for key, each in self._attachments.all.items()
            if key in places and each.physical is not None and each.network is not None
        }

    @cached_property
    def wanted(self) -> dict[str, Wanted]:
        """The same, without those whose bridge the nodes have."""
        return {key: each for key, each in self.used.items() if not self.is_there(each)}

    @cached_property
    def mapped(self) -> dict[str, str]:
        """Localnet -> bridge, where the nodes' OVN knows it already."""
        return {each.localnet: each.bridge for each in self._site.target.bridge_mappings}

    def mapped_to(self, bridge: str) -> dict[str, Network]:
        """Networks whose localnet the nodes' OVN has on that bridge already."""
        return {
            key: each.network
            for key, each in self._attachments.all.items()
            if each.kind == "localnet"
            and each.network is not None
            and self.mapped.get(each.localnet) == bridge
        }

    def is_there(self, wanted: Wanted) -> bool:
        """True when the nodes' OVN knows the network's wires already."""
        return wanted.localnet and wanted.physical.localnet in self.mapped

    @cached_property
    def layouts(self) -> Layouts:
        """How the hosts of those networks are wired."""
        return Layouts(self._site.estate, self._attachments.physical, self.wanted)

    @cached_property
    def wirings(self) -> tuple[tuple[Wiring, tuple[str, ...]], ...]:
        """Every way in which hosts carry the networks, with the hosts' refs."""
        found = dict[Wiring, list[str]]()
        for host, layout in self.layouts.of_hosts.items():
            for wiring in layout:
                found.setdefault(wiring, []).append(host)
        return tuple((wiring, tuple(hosts)) for wiring, hosts in found.items())

    @cached_property
    def host_names(self) -> dict[str, str]:
        """Ref of every host -> its name."""
        return {
            ref(inventory, host.id): host.name
            for inventory in self._site.estate.inventories
            for host in inventory.hosts
        }

    def uses(self, wiring: Wiring) -> Uses:
        """What the networks on it need."""
        on = self.layouts.on(wiring).values()
        localnets = [each for each in on if each.localnet]
        bridged = [each for each in on if not each.localnet]
        return Uses(
            localnets=tuple(sorted({each.physical.localnet for each in localnets})),
            bridges=tuple(sorted({each.physical.bridge for each in bridged})),
            mixed=(localnets[0].network.name, bridged[0].network.name)
            if localnets and bridged
            else None,
            told=bool(
                {each.physical.key for each in localnets} & {each.physical.key for each in bridged}
            ),
            tags=nmstate.tags(each.network for each in bridged),
        )
