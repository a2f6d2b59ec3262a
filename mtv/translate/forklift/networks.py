"""Network -> pod network, NAD or nothing as NetworkMaps: one for each source and namespace.

Networks of ours are NADs in the namespace of their VMs, so that VMs of two namespaces need two
maps. Forklift knows networks only, and gives each NIC of a VM the first NAD of its network that no
other NIC of the VM has: that is played through for every VM, and told where it ends otherwise.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.estate import Inventory
from mtv.model.vm import Nic
from mtv.translate.forklift.notes import Note, warning
from mtv.translate.forklift.resources import providers, resource, source_object
from mtv.translate.networks.attachments import Attachments
from mtv.translate.part import Manifest
from mtv.translate.site import Site

CHOICES = "choices"
"""Annotation: what ``mapping.yaml`` says of networks that mtv makes, as JSON: id -> ``Said``."""

MADE = ("localnet", "bridge", "layer2", "sriov")
"""Kinds of networks whose NADs come from mtv's manifests: a NetworkMap does not say the kind."""


class Destination(msgspec.Struct, frozen=True, order=True):
    """Where a NIC goes to."""

    type: str
    """``pod``, ``multus``, ``ignored``."""
    namespace: str = ""
    name: str = ""

    @property
    def plain(self) -> dict[str, str]:
        """As a NetworkMap says it."""
        if self.type != "multus":
            return {"type": self.type}
        return {"type": "multus", "namespace": self.namespace, "name": self.name}


IGNORED = Destination("ignored")
POD = Destination("pod")


class _Wish(msgspec.Struct, frozen=True):
    """What mtv attaches a NIC to."""

    line: str
    """Key of the line of ``mapping.yaml`` that answers; empty for a NIC that is left out."""
    number: int
    destination: Destination


class NetworkMaps:
    """The networks of a site for the VMs that are moved."""

    def __init__(self, site: Site, attachments: Attachments, vms: Iterable[PlacedVm]) -> None:
        self._site = site
        self._attachments = attachments
        self._vms = tuple(vms)

    def manifest(
        self, inventory: Inventory, target_namespace: str, name: str, provider: str, namespace: str
    ) -> Manifest:
        """The NetworkMap of one source for the VMs of one namespace."""
        entries = list[dict[str, Any]]()
        choices = dict[str, Any]()
        for network in inventory.networks:
            pool = self.pools.get((inventory.source, target_namespace, network.id), ())
            entries += (
                {
                    "source": source_object(network.id, network.name),
                    "destination": destination.plain,
                }
                for destination in pool
            )
            line = self._lines.get((inventory.source, target_namespace, network.id))
            attachment = self._attachments.all.get(line or "")
            if line is not None and attachment is not None and attachment.kind in MADE:
                choices[network.id] = [
                    self._site.mapping.networks[line],
                    *(f"{each.namespace}/{each.name}" for each in pool),
                ]
        return resource(
            "NetworkMap",
            name,
            namespace,
            {"provider": providers(provider, namespace), "map": entries},
            source=inventory.source,
            **{CHOICES: json.dumps(choices, sort_keys=True) if choices else ""},
        )

    @cached_property
    def pools(self) -> dict[tuple[str, str, str], tuple[Destination, ...]]:
        """Source, namespace, network -> its destinations in the order in which they are given."""
        found = dict[tuple[str, str, str], tuple[Destination, ...]]()
        for key, wishes in self._wishes.items():
            line = self._lines[key]
            own = sorted((w for w in wishes if w.line == line), key=lambda each: each.number)
            others = sorted(w for w in _sortable(wishes) if w[0] != line)
            pool = dict.fromkeys(each.destination for each in own)
            if own[0].destination.type == "multus":
                pool |= dict.fromkeys(d for _, _, d in others if d.type == "multus")
            found[key] = tuple(pool)
        return found

    def notes(self) -> Iterator[Note]:
        """NICs that end on another network than mtv would give them."""
        others = [placed.ref for placed in self._vms if self._differs(placed)]
        if others:
            yield warning(
                "a NetworkMap knows networks and no vNIC profiles, rates or unplugged cards: some "
                "of their NICs get another network than mtv would give them",
                "compare them with manifests/vms before the first start, or move these VMs with "
                "mtv cutover",
                others,
            )

    def _differs(self, placed: PlacedVm) -> bool:
        """True where playing through what Forklift does ends otherwise than mtv."""
        taken = set[Destination]()
        namespace = self._site.namespace(placed)
        for nic in placed.vm.nics:
            if nic.network is None:
                continue
            pool = self.pools[placed.inventory.source, namespace, nic.network]
            free = (each for each in pool if each.type != "multus" or each not in taken)
            given = next(free, None)
            if given is not None:
                taken.add(given)
            if given != self._wish(placed, nic).destination:
                return True
        return False

    @cached_property
    def _lines(self) -> dict[tuple[str, str, str], str]:
        """Source, namespace, network -> the line that answers for it: its own, where NICs use it,
        else the first of its profiles'; empty where all its NICs are left out."""
        found = dict[tuple[str, str, str], str]()
        for key, wishes in self._wishes.items():
            lines = sorted({each.line for each in wishes} - {""})
            own = f"{key[0]}/{key[2]}"
            found[key] = own if own in lines else (lines[0] if lines else "")
        return found

    @cached_property
    def _wishes(self) -> dict[tuple[str, str, str], tuple[_Wish, ...]]:
        found = defaultdict[tuple[str, str, str], dict[_Wish, None]](dict)
        for placed in self._vms:
            for nic in placed.vm.nics:
                if nic.network is not None:
                    key = placed.inventory.source, self._site.namespace(placed), nic.network
                    found[key][self._wish(placed, nic)] = None
        return {key: tuple(wishes) for key, wishes in found.items()}

    def _wish(self, placed: PlacedVm, nic: Nic) -> _Wish:
        attachment = self._attachments.of(placed, nic)
        if attachment is None or nic.plugged is False:
            return _Wish("", 0, IGNORED)
        if attachment.kind == "none":
            return _Wish(attachment.ref, 0, IGNORED)
        if attachment.kind == "pod":
            return _Wish(attachment.ref, 0, POD)
        namespace = self._site.namespace(placed)
        number = self._attachments.numbered(placed)[nic.key][1]
        name = attachment.copy_in(namespace, number)
        home, slash, bare = name.partition("/")
        destination = Destination("multus", home if slash else namespace, bare if slash else name)
        return _Wish(attachment.ref, number, destination)


def _sortable(wishes: Iterable[_Wish]) -> list[tuple[str, int, Destination]]:
    return [(each.line, each.number, each.destination) for each in wishes]


def unknown_networks(placed: PlacedVm) -> bool:
    """True for a VM with a NIC whose network the inventory does not have."""
    known = {ref(placed.inventory, each.id) for each in placed.inventory.networks}
    return any(
        nic.network is not None and ref(placed.inventory, nic.network) not in known
        for nic in placed.vm.nics
    )
