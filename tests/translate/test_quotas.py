"""Resource pools and quotas: which object, in which namespace, with which numbers."""

from typing import Any

import msgspec
import pytest

from mtv.model.compute import Cluster, Host, ResourcePool
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.organisation import Datacenter, Quota, QuotaLimit
from mtv.model.quantity import CpuAllocation, MemoryAllocation
from mtv.model.vm import Vm
from mtv.translate import Translation
from tests.estates import GIB, inventory, numbered_vms, plain_target, plain_vm, translated_inventory

AWARE = ("application-aware-quota",)

ROOT = ResourcePool(id="pool-root", name="Resources", path="", cluster="domain-c1")
GOLD = ResourcePool(
    id="pool-gold",
    name="Gold & more",
    path="Gold & more",
    cluster="domain-c1",
    parent="pool-root",
    cpu=CpuAllocation(limit_mhz=20_500, level="normal", shares=4000),
    memory=MemoryAllocation(limit_bytes=64 * GIB, level="normal", shares=163_840),
)


def host(**changes: Any) -> Host:
    made = Host(
        id="host-1",
        name="esx1.example.com",
        cluster="domain-c1",
        cpu_model="",
        cores=32,
        memory_bytes=None,
        version="",
        cpu_mhz=2000,
    )
    return msgspec.structs.replace(made, **changes)


def pooled(
    pool: ResourcePool = GOLD, *vms: Vm, operators: tuple[str, ...] = (), **more: Any
) -> Translation:
    """VMs of a pool, which go to the namespace ``gold``."""
    inside = vms or (plain_vm(pool="pool-gold"),)
    changes = {"hosts": (host(),), "resource_pools": (ROOT, pool), **more.pop("inventory", {})}
    whole = inventory(*inside, **changes)
    target = plain_target(**{"operators": operators, **more.pop("target", {})})
    return translated_inventory(
        whole, target=target, **{"namespaces": {"vc1/pool-gold": "gold"}, **more}
    )


def quotas(translation: Translation) -> list[dict[str, Any]]:
    kinds = ("ResourceQuota", "ApplicationAwareResourceQuota")
    return [each for each in translation.platform if each["kind"] in kinds]


def told(translation: Translation, row: str) -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


def test_a_pool_whose_vms_are_a_namespace_limits_it() -> None:
    """Rows pool and pool.limit: without the operator it is a ResourceQuota, in millicores."""
    (quota,) = quotas(pooled())
    assert quota == {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {
            "name": "gold-more",
            "namespace": "gold",
            "labels": {"app.kubernetes.io/managed-by": "mtv"},
            "annotations": {
                "mtv.migration/source": "vc1/pool-gold",
                "mtv.migration/source-name": "Gold & more",
            },
        },
        "spec": {"hard": {"requests.cpu": "10250m", "requests.memory": "64Gi"}},
    }


def test_a_resource_quota_comes_with_what_it_counts() -> None:
    (finding,) = told(pooled(), "quota.kind")
    assert finding.category is Category.INFORMATION
    assert "twice while the VM is migrated" in finding.says
    assert "application-aware-quota" in finding.remedy


def test_an_aware_quota_counts_vms_and_is_switched_on() -> None:
    """Row pool.limit: whole cores, since it counts virtual CPUs."""
    translation = pooled(operators=AWARE)
    (quota,) = quotas(translation)
    assert quota["apiVersion"] == "aaq.kubevirt.io/v1alpha1"
    assert quota["spec"]["hard"] == {"requests.cpu/vmi": "11", "requests.memory/vmi": "64Gi"}
    (namespace,) = [
        each
        for each in translation.platform
        if each["kind"] == "Namespace" and each["metadata"]["name"] == "gold"
    ]
    assert namespace["metadata"]["labels"]["application-aware-quota/enable-gating"] == ""
    assert told(translation, "quota.kind") == []


@pytest.mark.parametrize(
    ("version", "switch"),
    [
        ("4.18", {"featureGates": {"enableApplicationAwareQuota": True}}),
        ("4.19", {"enableApplicationAwareQuota": True}),
        ("4.22", {"enableApplicationAwareQuota": True}),
    ],
)
def test_each_version_is_switched_on_in_its_own_way(version: str, switch: dict[str, Any]) -> None:
    translation = pooled(operators=AWARE, target={"openshift": version})
    (hco,) = [each for each in translation.platform if each["kind"] == "HyperConverged"]
    assert switch.items() <= hco["spec"].items()
    config = hco["spec"]["applicationAwareConfig"]
    assert config == {"vmiCalcConfigName": "DedicatedVirtualResources"}


def test_an_aware_quota_of_a_namespace_that_is_there_wants_a_label() -> None:
    translation = pooled(operators=AWARE, target={"namespaces": ("gold", "imported-vms")})
    (finding,) = told(translation, "quota.kind")
    assert finding.category is Category.WARNING
    assert finding.remedy == "oc label namespace gold application-aware-quota/enable-gating="
    assert [each for each in translation.platform if each["kind"] == "Namespace"] == []


def test_without_quotas_nothing_is_switched_on() -> None:
    translation = pooled(msgspec.structs.replace(GOLD, cpu=None, memory=None), operators=AWARE)
    assert quotas(translation) == []
    assert [each for each in translation.platform if each["kind"] == "HyperConverged"] == []


def test_mhz_are_cores_of_the_slowest_host_of_the_cluster() -> None:
    """Row pool.limit."""
    hosts = (
        host(cpu_mhz=4000),
        host(id="host-2", cpu_mhz=2050),
        host(id="host-3", cpu_mhz=1000, cluster="domain-c2"),
    )
    (quota,) = quotas(pooled(inventory={"hosts": hosts}))
    assert quota["spec"]["hard"]["requests.cpu"] == "10"


def test_mhz_that_nothing_measures_are_left_out_and_told() -> None:
    """Row pool.limit."""
    translation = pooled(inventory={"hosts": (host(cpu_mhz=None),)})
    (quota,) = quotas(translation)
    assert quota["spec"]["hard"] == {"requests.memory": "64Gi"}
    (finding,) = told(translation, "pool.limit")
    assert finding.category is Category.WARNING
    assert "no CPU of a host" in finding.says


def test_a_pools_limit_below_what_its_vms_need_is_left_out() -> None:
    """Row pool.limit: at the source they share it; a quota would not let them start."""
    vms = tuple(
        msgspec.structs.replace(vm, pool="pool-gold", sockets=8, memory_bytes=40 * GIB)
        for vm in numbered_vms(2)
    )
    translation = pooled(GOLD, *vms, operators=AWARE)
    assert quotas(translation) == []
    says = [each.says for each in told(translation, "pool.limit")]
    assert "its VMs need 16 of CPU together, and its limit is 11" in says[0]
    assert "its VMs need 80Gi of memory together, and its limit is 64Gi" in says[1]


def test_a_pool_whose_vms_are_in_several_namespaces_has_no_quota() -> None:
    """Row pool.limit: bad input for a quota."""
    vms = tuple(msgspec.structs.replace(vm, pool="pool-gold") for vm in numbered_vms(2))
    lines = {"vc1/vm-1": "one", "vc1/vm-2": "two"}
    translation = pooled(GOLD, *vms, namespaces=lines)
    assert quotas(translation) == []
    (finding,) = told(translation, "pool.limit")
    assert finding.category is Category.WARNING
    assert "several namespaces (one, two)" in finding.says
    assert len(translation.vms) == 2


def test_a_namespace_with_vms_of_others_has_no_quota() -> None:
    """Row pool.limit."""
    first, second = numbered_vms(2)
    inside = msgspec.structs.replace(first, pool="pool-gold")
    translation = pooled(GOLD, inside, second, namespaces={})
    assert quotas(translation) == []
    (finding,) = told(translation, "pool.limit")
    assert "imported-vms has VMs that are not of it" in finding.says


def test_pools_in_each_other_both_limit_where_both_are_the_namespace() -> None:
    """Row pool: the parent counts the VMs of pools inside of it."""
    inner = ResourcePool(
        id="pool-inner",
        name="inner",
        path="Gold & more/inner",
        cluster="domain-c1",
        parent="pool-gold",
        memory=MemoryAllocation(limit_bytes=8 * GIB),
    )
    vm = plain_vm(pool="pool-inner")
    translation = pooled(GOLD, vm, inventory={"resource_pools": (ROOT, GOLD, inner)})
    assert {each["metadata"]["name"] for each in quotas(translation)} == {"gold-more", "inner"}


def test_a_pool_without_vms_is_told() -> None:
    translation = pooled(GOLD, plain_vm())
    (finding,) = told(translation, "pool.limit")
    assert finding.category is Category.INFORMATION
    assert "none of its VMs" in finding.says


def test_the_root_pool_of_a_cluster_limits_nothing() -> None:
    root = msgspec.structs.replace(ROOT, cpu=CpuAllocation(limit_mhz=1, reservation_mhz=1))
    whole = inventory(plain_vm(pool="pool-root"), resource_pools=(root,), hosts=(host(),))
    translation = translated_inventory(whole)
    assert quotas(translation) == []
    assert not {"pool.limit", "pool.reservation"} & {each.row for each in translation.findings}


def test_reservations_shares_and_expandable_ones_are_told() -> None:
    """Rows pool.reservation, pool.shares and pool.expandable."""
    pool = msgspec.structs.replace(
        GOLD,
        cpu=CpuAllocation(reservation_mhz=1000, level="high", shares=8000, expandable=True),
        memory=MemoryAllocation(reservation_bytes=GIB, level="normal", shares=163_840),
    )
    translation = pooled(pool)
    (reserved,) = told(translation, "pool.reservation")
    assert "1000 MHz and 1Gi of memory reserved" in reserved.says
    (shares,) = told(translation, "pool.shares")
    assert "shares of CPU are high (8000)" in shares.says
    entries = {(each.row, each.path) for each in translation.ledger.entries}
    assert ("pool.expandable", "resource_pools[].cpu.expandable") in entries
    assert ("pool.shares", "resource_pools[].memory.shares") not in entries


def test_what_a_pool_reserves_is_not_told_when_it_is_nothing() -> None:
    """Row pool.reservation."""
    pool = msgspec.structs.replace(GOLD, cpu=CpuAllocation(reservation_mhz=0))
    entries = {each.row for each in pooled(pool).ledger.entries}
    assert "pool.reservation" not in entries


WEB = Quota(
    id="quota-1",
    name="web team",
    datacenter="Main",
    description="of the web team",
    cluster_soft_limit_percent=80,
    cluster_hard_limit_percent=20,
    storage_hard_limit_percent=0,
    cluster_limits=(QuotaLimit(vcpus=40, memory_bytes=100 * GIB),),
    storage_limits=(QuotaLimit(object="datastore-1", storage_bytes=500 * GIB),),
)


def engine(quota: Quota = WEB, *vms: Vm, mode: str | None = "enabled") -> Inventory:
    inside = vms or (plain_vm(quota="quota-1"),)
    whole = inventory(*inside, quotas=(quota,))
    return msgspec.structs.replace(
        whole,
        product="rhv",
        clusters=(
            *whole.clusters,
            Cluster(id="domain-c2", name="test", datacenter="Main"),
        ),
        datacenters=(Datacenter(id="dc-1", name="Main", quota_mode=mode),),
    )


def limited(quota: Quota = WEB, *vms: Vm, mode: str | None = "enabled", **more: Any) -> Translation:
    target = plain_target(operators=more.pop("operators", AWARE))
    return translated_inventory(engine(quota, *vms, mode=mode), target=target, **more)


def test_a_quota_with_its_grace_limits_its_namespace() -> None:
    """Rows quota and quota.limit: the engine refuses only beyond limit and grace."""
    (quota,) = quotas(limited())
    assert quota["metadata"]["name"] == "web-team"
    assert quota["metadata"]["annotations"]["mtv.migration/description"] == "of the web team"
    assert quota["spec"]["hard"] == {
        "requests.cpu/vmi": "48",
        "requests.memory/vmi": "120Gi",
        "gold-block.storageclass.storage.k8s.io/requests.storage": "500Gi",
    }


def test_a_resource_quota_counts_a_tenth_of_a_core_for_a_cpu() -> None:
    """Row quota.limit."""
    (quota,) = quotas(limited(operators=()))
    assert quota["kind"] == "ResourceQuota"
    assert quota["spec"]["hard"]["requests.cpu"] == "4800m"


def test_limits_of_several_clusters_are_quotas_of_their_own() -> None:
    """Row quota."""
    quota = msgspec.structs.replace(
        WEB,
        storage_limits=(),
        cluster_limits=(
            QuotaLimit(object="domain-c1", vcpus=10),
            QuotaLimit(object="domain-c2", vcpus=20),
        ),
    )
    first, second = numbered_vms(2)
    vms = (
        msgspec.structs.replace(first, quota="quota-1"),
        msgspec.structs.replace(second, quota="quota-1", cluster="domain-c2"),
    )
    translation = limited(quota, *vms, namespaces={"vc1/domain-c2": "test"})
    made = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each["spec"]["hard"]
        for each in quotas(translation)
    }
    assert made == {
        ("imported-vms", "web-team-prod"): {"requests.cpu/vmi": "12"},
        ("test", "web-team-test"): {"requests.cpu/vmi": "24"},
    }


def test_a_quotas_limit_on_all_storage_is_that_of_all_claims() -> None:
    """Row quota.limit."""
    quota = msgspec.structs.replace(
        WEB, cluster_limits=(), storage_limits=(QuotaLimit(storage_bytes=90 * GIB),)
    )
    (made,) = quotas(limited(quota))
    assert made["spec"]["hard"] == {"requests.storage": "90Gi"}


def test_a_storage_domain_without_a_class_is_told() -> None:
    """Row quota.limit."""
    quota = msgspec.structs.replace(
        WEB, storage_limits=(QuotaLimit(object="sd-none", storage_bytes=GIB),)
    )
    translation = limited(quota)
    (finding,) = told(translation, "quota.limit")
    assert "vc1/sd-none has no StorageClass" in finding.says
    (made,) = quotas(translation)
    assert set(made["spec"]["hard"]) == {"requests.cpu/vmi", "requests.memory/vmi"}


def test_a_quota_that_is_too_small_for_its_vms_is_kept_and_told() -> None:
    """Row quota.limit."""
    quota = msgspec.structs.replace(
        WEB,
        cluster_hard_limit_percent=None,
        cluster_limits=(QuotaLimit(vcpus=1, memory_bytes=GIB),),
        storage_limits=(QuotaLimit(object="datastore-1", storage_bytes=GIB),),
    )
    translation = limited(quota)
    (made,) = quotas(translation)
    assert made["spec"]["hard"]["requests.cpu/vmi"] == "1"
    says = " ".join(each.says for each in told(translation, "quota.limit"))
    assert "need 2 of CPU together, and its limit is 1: as at the source" in says
    assert "the disks of its VMs ask for 10Gi, and its limit is 1Gi" in says


@pytest.mark.parametrize("mode", ["audit", "disabled", None])
def test_what_the_data_centre_does_not_enforce_is_no_quota(mode: str | None) -> None:
    """Row quota.mode."""
    translation = limited(mode=mode)
    assert quotas(translation) == []
    (finding,) = told(translation, "quota.mode")
    assert finding.category is Category.INFORMATION
    assert f"quota mode: {mode or 'not known'}" in finding.says


def test_a_quota_without_limits_is_nothing_to_tell() -> None:
    """Row quota.default."""
    default = Quota(
        id="quota-1",
        name="Default",
        datacenter="Main",
        is_default=True,
        cluster_limits=(QuotaLimit(),),
    )
    for mode in ("enabled", "audit"):
        translation = limited(default, mode=mode)
        assert quotas(translation) == []
        assert not [each for each in translation.findings if each.row.startswith("quota")]


def test_a_soft_limit_is_told() -> None:
    """Row quota.soft."""
    (entry,) = [each for each in limited().ledger.entries if each.row == "quota.soft"]
    assert "does not warn at 80 percent" in entry.says
    assert entry.refs == ("vc1/quota-1",)


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        ("quota.used", {"vcpus_used": 3, "memory_used_bytes": GIB}),
        ("quota.other_limits", {"storage_bytes": 1, "storage_used_bytes": 1}),
    ],
)
def test_what_is_used_and_what_rhv_does_not_limit_changes_nothing(
    row: str, changes: dict[str, int]
) -> None:
    limit = msgspec.structs.replace(WEB.cluster_limits[0], **changes)
    one, two = limited(), limited(msgspec.structs.replace(WEB, cluster_limits=(limit,)))
    assert row.startswith("quota.")
    assert list(one.every_manifest()) == list(two.every_manifest())
    assert one.findings == two.findings


def test_the_vms_that_a_pool_lists_change_nothing() -> None:
    """Row pool.vms: each VM names its pool."""
    pool = msgspec.structs.replace(GOLD, vms=("vm-9",))
    assert list(pooled(pool).every_manifest()) == list(pooled().every_manifest())


def test_a_claim_on_a_file_system_asks_for_more_than_its_disk() -> None:
    """Row quota.limit: what CDI adds for the file system counts."""
    limit = QuotaLimit(object="datastore-1", storage_bytes=10 * GIB)
    quota = msgspec.structs.replace(WEB, storage_limits=(limit,))
    assert told(limited(quota), "quota.limit") == []
    (finding,) = told(limited(quota, storage={"vc1/datastore-1": "silver-nfs"}), "quota.limit")
    assert "its limit is 10Gi: the last ones cannot be copied" in finding.says
