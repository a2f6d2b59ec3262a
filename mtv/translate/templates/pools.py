"""Pools of equal VMs (RHV): what they promise is told, for OpenShift's pools are another thing.

The VMs of a pool go over as VMs; an annotation names their pool.
"""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import PlacedVm, ref
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.organisation import VmPool
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site


class Pools:
    """The pools of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._names = {
            ref(inventory, pool.id): pool.name
            for inventory in site.estate.inventories
            for pool in inventory.vm_pools
        }

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """The name of its pool."""
        if placed.vm.vm_pool is None:
            return VmPart()
        name = self._names.get(ref(placed.inventory, placed.vm.vm_pool), placed.vm.vm_pool)
        return VmPart(annotations={"mtv.migration/source-vm-pool": name})

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """One for each pool."""
        return tuple(
            Finding(
                row="vm-pool",
                category=Category.WARNING,
                ref=ref(inventory, pool.id),
                name=pool.name,
                says=f"the pool {pool.name} ends, its VMs stay: "
                f"{', '.join(_says(pool, inventory)) or 'nothing else is known of it'}",
                remedy="take its template along (templates in mapping.yaml) and make a "
                "VirtualMachinePool (pool.kubevirt.io) of its DataSource, with as many replicas; "
                "nobody is given a VM of it and none is started ahead, so a portal or a script "
                "has to do that; or give each user a VM, with a RoleBinding",
            )
            for inventory in self._site.estate.inventories
            for pool in inventory.vm_pools
        )


def _says(pool: VmPool, inventory: Inventory) -> Iterator[str]:
    """All that a pool promises, in words."""
    if pool.size is not None:
        yield f"{pool.size} VM{'s' * (pool.size != 1)}"
    if pool.template is not None:
        newest = "the newest version of " if pool.latest_template else ""
        yield f"made of {newest}the template {_name(pool.template, inventory.vms)}"
    if pool.cluster is not None:
        yield f"in the cluster {_name(pool.cluster, inventory.clusters)}"
    if pool.kind is not None:
        yield f"{pool.kind} assignment"
    if pool.prestarted is not None:
        yield f"{pool.prestarted} of them started ahead"
    if pool.maximum_user_vms is not None:
        yield f"at most {pool.maximum_user_vms} for a user"
    if pool.stateful is not None:
        kept = "is kept" if pool.stateful else "is forgotten"
        yield f"what a user wrote {kept} when it is given back"


def _name(id_: str, things: tuple[object, ...]) -> str:
    """What something is called; its id where it is not there, or has no name."""
    named = {getattr(each, "id", ""): getattr(each, "name", "") for each in things}
    return named.get(id_) or id_
