"""Where VMs stand in one inventory: its trees of folders, pools, clusters and data centres."""

from collections.abc import Iterator, Mapping

from mtv.model.estate import Inventory
from mtv.model.vm import Vm


class Places:
    """The trees of one inventory that VMs stand in. Ids of objects that are not there are left
    out, and a tree that bites its tail ends where it began."""

    def __init__(self, inventory: Inventory) -> None:
        self.vapps = {vapp.id for vapp in inventory.vapps}
        self._above_pools: dict[str, str | None] = {
            **{vapp.id: vapp.parent for vapp in inventory.vapps},
            **{pool.id: pool.parent for pool in inventory.resource_pools},
        }
        self.datacenters = {each.name: each.id for each in inventory.datacenters}
        self._cluster_folders = {each.id: each.folder for each in inventory.clusters}
        self._folders = {
            (each.kind, each.datacenter, each.path): each.id for each in inventory.folders
        }
        self._pools_of = dict[tuple[str | None, str | None], tuple[str, ...]]()

    def pools(self, vm: Vm) -> tuple[str, ...]:
        """The vApps and resource pools around a VM, the innermost first."""
        key = (vm.pool, vm.vapp)
        found = self._pools_of.get(key)
        if found is None:
            inner = (*upwards(vm.pool, self._above_pools), *upwards(vm.vapp, self._above_pools))
            found = self._pools_of[key] = tuple(dict.fromkeys(inner))
        return found

    def folders(self, vm: Vm) -> Iterator[str]:
        """The VM folders around a VM, the innermost first, its data centre's root folder last."""
        return self._chain("vm", vm.datacenter, vm.folder)

    def datacenter(self, vm: Vm) -> str | None:
        """The id of a VM's data centre."""
        return self.datacenters.get(vm.datacenter or "")

    def authority(self, vm: Vm) -> tuple[tuple[str, ...], ...]:
        """The ways on which permissions come down to a VM, each from the VM upwards.

        One through its folders and one through its pool, cluster and their folders; both end with
        the data centre, the folders of data centres, and ``""``, the whole platform.
        """
        centre = self.datacenter(vm)
        path = (vm.datacenter or "").rpartition("/")[0]
        top = (*([centre] if centre else []), *self._chain("datacenter", None, path), "")
        cluster = vm.cluster or ""
        host_folders = self._chain("host", vm.datacenter, self._cluster_folders.get(cluster, ""))
        under_pools = (*self.pools(vm), *filter(None, (vm.vm_pool, vm.cluster)), *host_folders)
        return ((*self.folders(vm), *top), (*under_pools, *top))

    def _chain(self, kind: str, datacenter: str | None, path: str) -> Iterator[str]:
        while True:
            found = self._folders.get((kind, datacenter, path))
            if found is not None:
                yield found
            if not path:
                return
            path = path.rpartition("/")[0]


def upwards(id_: str | None, parents: Mapping[str, str | None]) -> Iterator[str]:
    """An object and those above it, as long as they are in the inventory."""
    seen = set[str]()
    while id_ is not None and id_ in parents and id_ not in seen:
        seen.add(id_)
        yield id_
        id_ = parents[id_]
