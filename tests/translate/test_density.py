"""Memory sharing, and what of hosts is more than a fact."""

from typing import Any

import msgspec
import pytest

from mtv.model.compute import Cluster, Host, HostNumaNode, PciDevice
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.organisation import Tag
from mtv.translate import Translation
from tests.estates import GIB, inventory, plain_vm, translated_inventory


def estate(cluster: dict[str, Any] | None = None, host: dict[str, Any] | None = None) -> Inventory:
    """An estate whose cluster and host have some values."""
    whole = inventory(plain_vm())
    return msgspec.structs.replace(
        whole,
        clusters=(msgspec.structs.replace(whole.clusters[0], **(cluster or {})),),
        hosts=(msgspec.structs.replace(whole.hosts[0], **(host or {})),),
        tags=(Tag(id="tag-1", name="rack-a"),),
    )


def leading(**cluster: Any) -> Translation:
    return translated_inventory(estate(cluster), settings_from="vc1/domain-c1")


def hyperconverged(translation: Translation) -> dict[str, Any]:
    return next(
        (each["spec"] for each in translation.platform if each["kind"] == "HyperConverged"), {}
    )


def told(translation: Translation, row: str) -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


def test_pages_are_merged_on_all_nodes() -> None:
    """Row density.ksm."""
    spec = hyperconverged(leading(same_page_merging=True))
    assert spec["ksmConfiguration"] == {"nodeLabelSelector": {}}
    assert "ksmConfiguration" not in hyperconverged(leading(same_page_merging=False))


def test_overcommit_is_carried_and_says_what_it_needs() -> None:
    """Row density.overcommit."""
    translation = leading(memory_overcommit_percent=150)
    spec = hyperconverged(translation)
    assert spec["higherWorkloadDensity"] == {"memoryOvercommitPercentage": 150}
    (finding,) = told(translation, "density.overcommit")
    assert finding.category is Category.WARNING
    assert "wasp agent" in finding.remedy


@pytest.mark.parametrize("percent", [None, 100, 50])
def test_no_overcommit_is_the_default(percent: int | None) -> None:
    """Row density.overcommit."""
    translation = leading(memory_overcommit_percent=percent)
    assert "higherWorkloadDensity" not in hyperconverged(translation)
    assert told(translation, "density.overcommit") == []


def test_clusters_that_share_otherwise_are_told() -> None:
    """Rows density.ksm and density.overcommit."""
    whole = estate({"same_page_merging": True, "memory_overcommit_percent": 200})
    translation = translated_inventory(whole)
    assert "higherWorkloadDensity" not in hyperconverged(translation)
    (overcommit,) = told(translation, "density.overcommit")
    assert "memory overcommit is 200 %, on the target it will be 100 %" in overcommit.says
    (merging,) = told(translation, "density.ksm")
    assert "merging is on, on the target it will be off" in merging.says


def test_clusters_without_vms_are_not_told() -> None:
    empty = Cluster(id="c-9", name="empty", datacenter=None, memory_overcommit_percent=200)
    whole = inventory(plain_vm())
    whole = msgspec.structs.replace(whole, clusters=(*whole.clusters, empty))
    assert told(translated_inventory(whole), "density.overcommit") == []


def test_vms_for_other_processors_wait() -> None:
    """Row cluster.architecture."""
    translation = translated_inventory(estate({"architecture": "ppc64"}))
    (finding,) = told(translation, "cluster.architecture")
    assert (finding.category, finding.holds_back) == (Category.BLOCKER, ("vc1/vm-1",))
    assert translation.vms == ()
    for known in ("x86_64", "undefined", None):
        fine = translated_inventory(estate({"architecture": known}))
        assert told(fine, "cluster.architecture") == []


def test_marks_of_hosts_are_told() -> None:
    """Rows host.tags and host.attributes."""
    marks = {"tags": ("tag-1",), "custom_attributes": {"rack": "a"}}
    translation = translated_inventory(estate(host=marks))
    (tag,) = told(translation, "host.tags")
    assert "hosts have the tag 'rack-a', and no node gets it: esx1.example.com" in tag.says
    (attribute,) = told(translation, "host.attributes")
    assert "'rack' with 'a'" in attribute.says
    assert "oc label node" in attribute.remedy


def test_time_servers_and_passthrough_are_told_with_the_nearest_practice() -> None:
    """Rows host.ntp and host.passthrough."""
    device = PciDevice(id="0000:17:00.0", passthrough=True)
    whole = estate(host={"ntp_servers": ("time.example.com",), "pci_devices": (device,)})
    entries = {each.row: each.says for each in translated_inventory(whole).ledger.entries}
    assert "time.example.com" in entries["host.ntp"]
    assert "chrony.conf" in entries["host.ntp"]
    assert "permittedHostDevices" in entries["host.passthrough"]


HOSTS: dict[str, dict[str, Any]] = {
    "host.ksm": {"same_page_merging": True},
    "host.hardware": {"vendor": "Dell", "model": "R750", "serial": "1", "uuid": "2"},
    "host.size": {"sockets": 2, "cores": 64, "threads": 128, "memory_bytes": GIB},
    "host.numa": {"numa_nodes": (HostNumaNode(index=0, memory_bytes=GIB, cpus="0-7"),)},
    "host.version": {"version": "9.9", "build": "1"},
    "host.state": {"state": "notResponding", "power": "poweredOff", "in_maintenance": True},
    "host.threads": {"hyperthreading": False},
    "host.nested": {"nested_virtualization": True},
    "host.address": {"address": "10.0.0.9", "hostname": "esx", "gateway": "10.0.0.1"},
    "host.dns": {"dns_servers": ("10.0.0.53",), "dns_search": ("example.com",)},
    "host.time_zone": {"time_zone": "CET"},
    "host.luns": {"logical_units": ("lun-1",)},
    "host.engine": {"hosted_engine": True},
    "host.devices": {
        "pci_devices": (PciDevice(id="0000:17:00.0", kind="3d", vendor_id="10de", iommu_group=7),)
    },
    "cluster.datacenter": {"datacenter": "DC9"},
}

CLUSTERS: dict[str, dict[str, Any]] = {
    "cluster.datacenter": {"datacenter": "DC9"},
    "cluster.threads": {"threads_as_cores": True},
    "cluster.swap": {"swap_placement": "hostLocal"},
    "cluster.totals": {"total_cpu_mhz": 1, "total_memory_bytes": 1},
}


@pytest.mark.parametrize("row", HOSTS)
def test_facts_of_hosts_change_nothing(row: str) -> None:
    one, two = translated_inventory(estate()), translated_inventory(estate(host=HOSTS[row]))
    assert list(one.every_manifest()) == list(two.every_manifest())
    assert one.findings == two.findings


@pytest.mark.parametrize("row", CLUSTERS)
def test_facts_of_clusters_change_nothing(row: str) -> None:
    one, two = translated_inventory(estate()), translated_inventory(estate(CLUSTERS[row]))
    assert list(one.every_manifest()) == list(two.every_manifest())
    assert one.findings == two.findings


def test_where_a_vm_ran_changes_nothing() -> None:
    """Row placement."""
    host = Host(
        id="host-2",
        name="esx2",
        cluster="domain-c1",
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
    )
    whole = estate()
    whole = msgspec.structs.replace(whole, hosts=(*whole.hosts, host))
    moved = msgspec.structs.replace(whole, vms=(plain_vm(host="host-2"),))
    one, two = translated_inventory(whole), translated_inventory(moved)
    assert list(one.every_manifest()) == list(two.every_manifest())
