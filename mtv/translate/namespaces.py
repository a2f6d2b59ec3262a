"""Which namespace a VM goes to: by what it stands in, the innermost line of ``mapping.yaml``."""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import Estate, PlacedVm, ref
from mtv.model.estate import Inventory
from mtv.model.target import SiteMapping


class Namespaces:
    """Answers for every VM of the estate."""

    def __init__(self, estate: Estate, mapping: SiteMapping) -> None:
        self._estate = estate
        self._lines = {key: name for key, name in mapping.namespaces.items() if name is not None}
        self._default = mapping.namespace

    def of(self, placed: PlacedVm) -> str:
        """The namespace of a VM."""
        answering = self.answering(placed)
        return self._default if answering is None else self._lines[answering]

    def answering(self, placed: PlacedVm) -> str | None:
        """Ref of the line of ``namespaces`` that answers for a VM; None where none does."""
        if not self._lines:
            return None
        return next((around for around in self.around(placed) if around in self._lines), None)

    def around(self, placed: PlacedVm) -> Iterator[str]:
        """Refs of the VM and of all that it stands in, in the order in which they answer.

        The VM, its vApps, its resource pools, its folders (each from the innermost), its tags,
        its cluster, its data centre.
        """
        vm, inventory = placed.vm, placed.inventory
        places = self._places[inventory.source]
        ids = [
            vm.id,
            *places.upwards(vm.vapp, places.vapps),
            *places.upwards(vm.pool, places.pools),
            *places.folders_of(vm.datacenter, vm.folder),
            *sorted(vm.tags),
            vm.cluster,
            places.datacenters.get(vm.datacenter or ""),
        ]
        yield from (ref(inventory, each) for each in ids if each)

    @cached_property
    def _places(self) -> dict[str, "_Places"]:
        return {each.source: _Places(each) for each in self._estate.inventories}


class _Places:
    """The trees of one inventory that VMs stand in."""

    def __init__(self, inventory: Inventory) -> None:
        self.vapps = {vapp.id: vapp.parent for vapp in inventory.vapps}
        self.pools = {pool.id: pool.parent for pool in inventory.resource_pools}
        self.datacenters = {each.name: each.id for each in inventory.datacenters}
        self._folders = {
            (each.datacenter, each.path): each.id for each in inventory.folders if each.kind == "vm"
        }

    def upwards(self, id_: str | None, parents: dict[str, str | None]) -> Iterator[str]:
        """An object and those above it, as long as they are in the inventory."""
        seen = set[str]()
        while id_ is not None and id_ in parents and id_ not in seen:
            seen.add(id_)
            yield id_
            id_ = parents[id_]

    def folders_of(self, datacenter: str | None, path: str) -> Iterator[str]:
        """The ids of a path's folders, the innermost first."""
        while path:
            found = self._folders.get((datacenter, path))
            if found is not None:
                yield found
            path = path.rpartition("/")[0]
