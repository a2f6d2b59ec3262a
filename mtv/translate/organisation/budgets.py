"""What the source limits for a set of VMs together: resource pools with limits, RHV quotas."""

from collections.abc import Iterator

import msgspec

from mtv.estate import Estate, PlacedVm, ref
from mtv.model.compute import ResourcePool
from mtv.model.estate import Inventory
from mtv.model.organisation import Quota, QuotaLimit
from mtv.model.vm import Vm
from mtv.translate.organisation.places import Places

ENFORCED = "enabled"
"""The quota mode of a data centre that refuses; ``audit`` only writes a line into a log."""


GIB = 1024**3
MIB = 1024**2


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What some VMs may have together. None is no limit."""

    key: str
    """What tells it from all others; a quota has one for each of its clusters."""
    ref: str
    name: str
    row: str
    description: str = ""
    vms: tuple[PlacedVm, ...]
    refuses: bool
    """True: a VM that would go beyond it does not start. False: its VMs share what there is."""
    cluster: str = ""
    """Ref of the cluster whose hosts its MHz are of."""
    cpu_mhz: int | None = None
    vcpus: int | None = None
    memory_bytes: int | None = None
    storage_bytes: int | None = None
    domains: dict[str, int] = {}
    """Ref of a storage domain -> bytes on it."""

    @property
    def needed_vcpus(self) -> int:
        """Of all its VMs."""
        return sum(
            placed.vm.sockets * placed.vm.cores_per_socket * placed.vm.threads_per_core
            for placed in self.vms
        )

    @property
    def needed_memory(self) -> int:
        """Bytes of all its VMs."""
        return sum(placed.vm.memory_bytes for placed in self.vms)

    @property
    def needed_pod_memory(self) -> int:
        """Bytes that the pods of all its VMs ask for, and one more pod while a VM is moved."""
        pods = [placed.vm.memory_bytes + _overhead(placed.vm) for placed in self.vms]
        return sum(pods) + max(pods, default=0)


def _overhead(vm: Vm) -> int:
    """Bytes that KubeVirt adds to a guest's memory: about what its launcher and QEMU take."""
    vcpus = vm.sockets * vm.cores_per_socket * vm.threads_per_core
    return (218 + 8 * vcpus) * MIB + vm.memory_bytes // 512


def budgets(
    estate: Estate, places: dict[str, Places], vms: tuple[PlacedVm, ...]
) -> Iterator[Budget]:
    """Those of an estate that limit anything. RHV's only where its data centre enforces them."""
    in_pools = dict[tuple[str, str], list[PlacedVm]]()
    of_quotas = dict[tuple[str, str], list[PlacedVm]]()
    for placed in vms:
        source = placed.inventory.source
        for around in places[source].pools(placed.vm):
            in_pools.setdefault((source, around), []).append(placed)
        if placed.vm.quota is not None:
            of_quotas.setdefault((source, placed.vm.quota), []).append(placed)
    for inventory in estate.inventories:
        for pool in limited_pools(inventory):
            yield _of_pool(inventory, pool, tuple(in_pools.get((inventory.source, pool.id), ())))
        for quota in inventory.quotas:
            if is_enforced(inventory, quota):
                inside = tuple(of_quotas.get((inventory.source, quota.id), ()))
                yield from _of_quota(inventory, quota, inside)


def limited_pools(inventory: Inventory) -> Iterator[ResourcePool]:
    """Resource pools with a limit."""
    for pool in inventory.resource_pools:
        limits = (
            pool.cpu.limit_mhz if pool.cpu is not None else None,
            pool.memory.limit_bytes if pool.memory is not None else None,
        )
        if not is_root(pool) and limits != (None, None):
            yield pool


def is_root(pool: ResourcePool) -> bool:
    """True for the pool that each cluster begins with: its limits are what the cluster has."""
    return pool.parent is None and not pool.path


def is_enforced(inventory: Inventory, quota: Quota) -> bool:
    """True when the data centre of a quota refuses what goes beyond it."""
    return quota_mode(inventory, quota) == ENFORCED


def quota_mode(inventory: Inventory, quota: Quota) -> str | None:
    """What the data centre of a quota does with it; None where that is not known."""
    modes = {each.name: each.quota_mode for each in inventory.datacenters}
    return modes.get(quota.datacenter or "")


def limits_anything(quota: Quota) -> bool:
    """False for a quota that only counts, as each data centre's first one does."""
    return any(
        amount is not None
        for limit in (*quota.cluster_limits, *quota.storage_limits)
        for amount in (limit.vcpus, limit.memory_bytes, limit.storage_bytes)
    )


def _of_pool(inventory: Inventory, pool: ResourcePool, vms: tuple[PlacedVm, ...]) -> Budget:
    key = ref(inventory, pool.id)
    return Budget(
        key=key,
        ref=key,
        name=pool.name,
        row="pool.limit",
        vms=vms,
        refuses=False,
        cluster=ref(inventory, pool.cluster or ""),
        cpu_mhz=pool.cpu.limit_mhz if pool.cpu is not None else None,
        memory_bytes=pool.memory.limit_bytes if pool.memory is not None else None,
    )


def _of_quota(inventory: Inventory, quota: Quota, vms: tuple[PlacedVm, ...]) -> Iterator[Budget]:
    """A budget for all of a quota's VMs, and one for those in each cluster with its own limits."""
    key = ref(inventory, quota.id)
    clusters = {each.id: each.name for each in inventory.clusters}
    everywhere = next((limit for limit in quota.cluster_limits if not limit.object), QuotaLimit())
    stored = {limit.object: limit.storage_bytes for limit in quota.storage_limits}
    beyond = quota.storage_hard_limit_percent
    total = _with_grace(stored.pop(None, None), beyond)
    domains = {
        ref(inventory, domain): _with_grace(size, beyond) or 0
        for domain, size in stored.items()
        if domain and size is not None
    }
    whole = Budget(
        key=key,
        ref=key,
        name=quota.name,
        row="quota.limit",
        description=quota.description,
        vms=vms,
        refuses=True,
        vcpus=_with_grace(everywhere.vcpus, quota.cluster_hard_limit_percent),
        memory_bytes=_with_grace(everywhere.memory_bytes, quota.cluster_hard_limit_percent),
        storage_bytes=total,
        domains=domains,
    )
    if (whole.vcpus, whole.memory_bytes, total) != (None, None, None) or domains:
        yield whole
    for limit in quota.cluster_limits:
        if limit.object and (limit.vcpus, limit.memory_bytes) != (None, None):
            yield msgspec.structs.replace(
                whole,
                key=f"{key}/{limit.object}",
                name=f"{quota.name}-{clusters.get(limit.object, limit.object)}",
                vms=tuple(placed for placed in vms if placed.vm.cluster == limit.object),
                vcpus=_with_grace(limit.vcpus, quota.cluster_hard_limit_percent),
                memory_bytes=_with_grace(limit.memory_bytes, quota.cluster_hard_limit_percent),
                storage_bytes=None,
                domains={},
            )


def _with_grace(amount: int | None, percent: int | None) -> int | None:
    """A limit with its grace: the engine refuses only what goes beyond both."""
    return None if amount is None else amount * (100 + (percent or 0)) // 100


def quantity(size_bytes: int) -> str:
    """A Kubernetes quantity: whole GiB or MiB where it is some, else bytes."""
    for unit, name in ((GIB, "Gi"), (MIB, "Mi")):
        if size_bytes % unit == 0:
            return f"{size_bytes // unit}{name}"
    return str(size_bytes)
