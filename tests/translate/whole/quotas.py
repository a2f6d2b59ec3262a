"""Resource pools and quotas -> ResourceQuota (vSphere) and ApplicationAwareResourceQuota (RHV)."""

from mtv.model.compute import Cluster, Host, ResourcePool
from mtv.model.organisation import Datacenter, Quota, QuotaLimit
from mtv.model.quantity import CpuAllocation, MemoryAllocation
from tests.translate.whole.example import Change, Example
from tests.translate.whole.organisation import vm

GIB = 1024**3

CHANGES = {
    "resource_pools[].parent": Change("pool-none", at="pool-inner"),
    "resource_pools[].path": Change("silver", at="pool-gold"),
    "resource_pools[].cpu.level": Change("low", at="pool-gold"),
    "resource_pools[].memory.level": Change("low", at="pool-gold"),
    "resource_pools[].cpu.shares": Change(7000, at="pool-gold"),
    "resource_pools[].memory.shares": Change(7000, at="pool-gold"),
    "resource_pools[].cpu.expandable": Change(None, at="pool-gold"),
    "resource_pools[].memory.expandable": Change(None, at="pool-gold"),
    "resource_pools[].tags[]": Change("tag-org-2"),
    "resource_pools[].custom_attributes{}": Change("other"),
    "vms[].pool": Change("pool-none", at="vm-quota-2"),
    "hosts[].cpu_mhz": Change(2500, at="host-quota"),
    "hosts[].cluster": Change("cluster-none", at="host-quota"),
    "vms[].quota": Change("quota-none", at="vm-quota-2"),
    "quotas[].datacenter": Change("nowhere", at="quota-1"),
    "datacenters[].quota_mode": Change("audit", at="datacenter-quota"),
    "quotas[].storage_limits[].object": Change("sd-none", at="quota-1"),
}


def enrich(example: Example) -> Example:
    """A pool with one inside of it; a quota for all clusters and one for a cluster."""
    if example.inventory.product == "vsphere":
        return _vsphere(example)
    return _rhv(example)


def _vsphere(example: Example) -> Example:
    root = ResourcePool(id="pool-root", name="Resources", path="", cluster="cluster-quota")
    gold = ResourcePool(
        id="pool-gold",
        name="gold",
        path="gold",
        cluster="cluster-quota",
        parent="pool-root",
        cpu=CpuAllocation(
            reservation_mhz=2000, limit_mhz=40_000, level="high", shares=8000, expandable=True
        ),
        memory=MemoryAllocation(
            reservation_bytes=8 * GIB,
            limit_bytes=64 * GIB,
            level="high",
            shares=327_680,
            expandable=True,
        ),
        vms=("vm-quota-1",),
        tags=("tag-org-1",),
        custom_attributes={"Cost centre": "47"},
    )
    inner = ResourcePool(
        id="pool-inner",
        name="inner",
        path="gold/inner",
        cluster="cluster-quota",
        parent="pool-gold",
    )
    return example.choose(
        namespaces={"vc1/pool-gold": "quota-gold", "vc1/vm-quota-3": "quota-gold"}
    ).add(
        clusters=(Cluster(id="cluster-quota", name="quota", datacenter=None),),
        hosts=(
            Host(
                id="host-quota",
                name="quota.example.com",
                cluster="cluster-quota",
                cpu_model="",
                cores=32,
                memory_bytes=256 * GIB,
                version="",
                cpu_mhz=2000,
            ),
        ),
        resource_pools=(gold, inner, root),
        vms=(
            vm(example, "vm-quota-1", pool="pool-gold"),
            vm(example, "vm-quota-2", pool="pool-inner"),
            vm(example, "vm-quota-3", pool="pool-gold"),
        ),
    )


def _rhv(example: Example) -> Example:
    everywhere = Quota(
        id="quota-1",
        name="web team",
        datacenter="Quota",
        description="of the web team",
        is_default=False,
        cluster_soft_limit_percent=80,
        cluster_hard_limit_percent=20,
        storage_soft_limit_percent=80,
        storage_hard_limit_percent=10,
        cluster_limits=(
            QuotaLimit(
                vcpus=40,
                vcpus_used=12,
                memory_bytes=64 * GIB,
                memory_used_bytes=24 * GIB,
                storage_bytes=1,
                storage_used_bytes=1,
            ),
        ),
        storage_limits=(
            QuotaLimit(
                object="sd-1",
                storage_bytes=500 * GIB,
                storage_used_bytes=120 * GIB,
                vcpus=1,
                vcpus_used=1,
                memory_bytes=1,
                memory_used_bytes=1,
            ),
        ),
    )
    of_a_cluster = Quota(
        id="quota-2",
        name="bank",
        datacenter="Quota 2",
        cluster_limits=(QuotaLimit(object="cluster-quota", vcpus=20, memory_bytes=32 * GIB),),
    )
    return (
        example.choose(
            namespaces={"rhv1/vm-quota-1": "quota-web", "rhv1/cluster-quota": "quota-bank"}
        )
        .offer(operators=("application-aware-quota",))
        .add(
            datacenters=(
                Datacenter(id="datacenter-quota", name="Quota", quota_mode="enabled"),
                Datacenter(id="datacenter-quota-2", name="Quota 2", quota_mode="enabled"),
            ),
            clusters=(Cluster(id="cluster-quota", name="quota", datacenter="Quota 2"),),
            quotas=(everywhere, of_a_cluster),
            vms=(
                vm(example, "vm-quota-1", quota="quota-1"),
                vm(example, "vm-quota-2", quota="quota-2", cluster="cluster-quota"),
            ),
        )
    )
