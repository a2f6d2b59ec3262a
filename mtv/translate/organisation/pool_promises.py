"""What resource pools promise their VMs, which no quota can say: reservations and shares."""

from collections.abc import Iterator

from mtv.estate import Estate, ref
from mtv.model.compute import ResourcePool
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.translate.organisation.budgets import is_root, quantity


def promises(estate: Estate) -> Iterator[Finding]:
    """Those of all pools but the root pools, which have what the cluster has."""
    for inventory in estate.inventories:
        for pool in inventory.resource_pools:
            if not is_root(pool):
                yield from _reserved(inventory, pool)
                yield from _weighed(inventory, pool)


def _reserved(inventory: Inventory, pool: ResourcePool) -> Iterator[Finding]:
    mhz = pool.cpu.reservation_mhz if pool.cpu is not None else None
    size = pool.memory.reservation_bytes if pool.memory is not None else None
    kept = [f"{mhz} MHz"] if mhz else []
    kept += [f"{quantity(size)} of memory"] if size else []
    if kept:
        yield Finding(
            row="pool.reservation",
            category=Category.INFORMATION,
            ref=ref(inventory, pool.id),
            name=pool.name,
            says=f"it has {' and '.join(kept)} reserved; a namespace reserves nothing",
            remedy="pods get what they ask for: let VMs that need it ask for more CPU "
            "(resources.requests), or keep nodes for them by a taint",
        )


def _weighed(inventory: Inventory, pool: ResourcePool) -> Iterator[Finding]:
    for share, of in ((pool.cpu, "CPU"), (pool.memory, "memory")):
        if share is not None and share.level not in (None, "normal"):
            yield Finding(
                row="pool.shares",
                category=Category.INFORMATION,
                ref=ref(inventory, pool.id),
                name=pool.name,
                says=f"its shares of {of} are {share.level} ({share.shares}); namespaces have no "
                "weight against each other",
                remedy="the scheduler weighs CPU by what pods ask for; give VMs that matter more a "
                "priority class",
            )
