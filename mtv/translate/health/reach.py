"""Which VMs and which nodes an alarm is about: those below the object that it is set on."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.knowledge.counters import Scope
from mtv.model.estate import Inventory
from mtv.translate.organisation.namespaces import is_reserved
from mtv.translate.organisation.places import Places
from mtv.translate.site import Site

MOST_NAMES = 200
"""VMs that one expression names; for more of them it is about the whole namespace."""


class Reach(msgspec.Struct, frozen=True):
    """What of a namespace an alarm is about."""

    scope: Scope
    beyond: int = 0
    """VMs of the namespace that it was not about and now is."""


class Reaches:
    """The VMs and nodes below each object of the estate."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def vms(self, inventory: Inventory, entity: str | None) -> tuple[Reach, ...]:
        """The VMs below an object, by namespace; empty where there is none."""
        below = self._below.get((inventory.source, entity or ""), {})
        return tuple(self._reach(space, names) for space, names in sorted(below.items()))

    def nodes(self, inventory: Inventory, entity: str | None) -> Scope | None:
        """The node that takes a host's place, or all where the object is no host.

        None where ``mapping.yaml`` names no node for the host.
        """
        if entity not in self._hosts[inventory.source]:
            return Scope()
        node = self._site.mapping.hosts.get(ref(inventory, entity or ""))
        return None if node is None else Scope(nodes=(node,))

    def is_known(self, inventory: Inventory, entity: str | None) -> bool:
        """True for an object that the inventory has."""
        return entity is None or entity in self._known[inventory.source]

    def is_everything(self, inventory: Inventory, entity: str | None) -> bool:
        """True for the object that all others are below."""
        return entity is None or entity in self._roots[inventory.source]

    def _reach(self, namespace: str, names: tuple[str, ...]) -> Reach:
        all_ = self._sizes[namespace]
        if len(names) == all_:
            return Reach(Scope(namespace=namespace))
        if len(names) > MOST_NAMES:
            return Reach(Scope(namespace=namespace), all_ - len(names))
        return Reach(Scope(namespace=namespace, names=tuple(sorted(names))))

    @cached_property
    def _sizes(self) -> Counter[str]:
        return Counter(self._site.namespace(placed) for placed in self._site.vms)

    @cached_property
    def _below(self) -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
        """Source and object -> namespace -> names of its VMs; for objects that have alarms."""
        wanted = {
            (inventory.source, entity)
            for inventory in self._site.estate.inventories
            for alarm in inventory.alarms
            for entity in [alarm.entity or ""]
        }
        found = dict[tuple[str, str], dict[str, list[str]]]()
        made = dict[tuple[str | None, ...], tuple[str, ...]]()
        for placed in self._site.vms if wanted else ():
            namespace = self._site.namespace(placed)
            if is_reserved(namespace):
                continue
            for entity in self._above(placed, made):
                key = (placed.inventory.source, entity)
                if key in wanted:
                    spaces = found.setdefault(key, defaultdict(list))
                    spaces[namespace].append(self._site.name(placed))
        return {
            key: {space: tuple(names) for space, names in spaces.items()}
            for key, spaces in found.items()
        }

    def _above(
        self, placed: PlacedVm, made: dict[tuple[str | None, ...], tuple[str, ...]]
    ) -> Iterator[str]:
        """The VM and what it stands in, each once; the whole platform is ``""``."""
        vm, source = placed.vm, placed.inventory.source
        key = (source, vm.datacenter, vm.folder, vm.pool, vm.vapp, vm.cluster, vm.vm_pool)
        found = made.get(key)
        if found is None:
            places: Places = self._site.namespaces.places[source]
            ways = places.authority(vm)
            found = made[key] = tuple(
                dict.fromkeys((*(each for way in ways for each in way), *self._roots[source]))
            )
        yield from found
        yield vm.id
        if vm.host is not None:
            yield vm.host

    @cached_property
    def _roots(self) -> dict[str, frozenset[str]]:
        return {
            each.source: frozenset(
                folder.id
                for folder in each.folders
                if folder.kind == "datacenter" and not folder.path
            )
            for each in self._site.estate.inventories
        }

    @cached_property
    def _hosts(self) -> dict[str, frozenset[str]]:
        return {
            each.source: frozenset(host.id for host in each.hosts)
            for each in self._site.estate.inventories
        }

    @cached_property
    def _known(self) -> dict[str, frozenset[str]]:
        lists = (
            *("vms", "vapps", "resource_pools", "folders", "clusters", "datacenters", "hosts"),
            *("datastores", "datastore_clusters", "networks", "switches"),
        )
        return {
            each.source: frozenset(thing.id for kind in lists for thing in getattr(each, kind))
            for each in self._site.estate.inventories
        }
