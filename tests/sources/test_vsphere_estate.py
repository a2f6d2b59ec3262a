"""The wide estate, collected: every noun says what the vCenter was given; faults in the middle."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("pyVmomi")

from mtv.model.collection import CollectOptions
from mtv.model.disk import TlsTrust
from mtv.model.estate import Inventory
from mtv.model.vm import Backing, DeviceKind, Power
from mtv.sources.vsphere.collect import collect as collect_from
from mtv.sources.vsphere.session import Session
from mtv.tasks import Connection, SecretRef
from tests.real.guests import GuestImages
from tests.real.parts import PartMissing, require
from tests.real.vcenter import VCenter, start_vcenter
from tests.real.wide_vsphere import CANARIES, HOLES, NO_SAMPLES, WideEstate, populate
from tests.real.wide_vsphere.specs import LONG_NAME, SLASHED


@dataclass(frozen=True)
class Populated:
    vcenter: VCenter
    estate: WideEstate


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, images: GuestImages) -> Iterator[Populated]:
    try:
        with start_vcenter(tmp_path_factory.mktemp("vcenter")) as vcenter:
            yield Populated(vcenter, populate(vcenter, images))
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


def connection(vcenter: VCenter) -> Connection:
    os.environ["MTV_TEST_PASSWORD"] = vcenter.password
    return Connection(
        name="vc1",
        kind="vsphere",
        url=vcenter.url,
        username=vcenter.username,
        password=SecretRef(env="MTV_TEST_PASSWORD"),
        tls=TlsTrust(fingerprint=vcenter.fingerprint),
    )


def collect(vcenter: VCenter, window_days: int = 0, vms_a_page: int = 250) -> Inventory:
    with closing(Session(connection(vcenter))) as session:
        options = CollectOptions(window_days=window_days)
        return collect_from(session, lambda _: None, options, vms_a_page=vms_a_page)


@pytest.fixture(scope="module")
def inventory(wide: Populated) -> Inventory:
    return collect(wide.vcenter, window_days=1)


@pytest.fixture
def named(inventory: Inventory) -> Callable[[str, str], Any]:
    """Finds the one object of a list with that name."""

    def find(noun: str, name: str) -> Any:
        (found,) = (each for each in getattr(inventory, noun) if each.name == name)
        return found

    return find


Named = Callable[[str, str], Any]


def test_everything_is_there_and_readable(wide: Populated, inventory: Inventory) -> None:
    assert inventory.unreadable == ()
    assert {vm.id for vm in inventory.vms} == set(wide.estate.vms.values())
    assert {host.id for host in inventory.hosts} == set(wide.estate.hosts.values())
    assert {each.id for each in inventory.clusters} == set(wide.estate.clusters.values())
    assert set(wide.estate.datastores.values()) <= {each.id for each in inventory.datastores}
    assert set(wide.estate.networks.values()) <= {each.id for each in inventory.networks}
    assert set(wide.estate.pools.values()) <= {each.id for each in inventory.resource_pools}
    assert set(wide.estate.folders.values()) <= {each.id for each in inventory.folders}
    assert set(wide.estate.policies.values()) <= {each.id for each in inventory.storage_policies}
    assert set(wide.estate.tags.values()) == {each.id for each in inventory.tags}
    assert set(wide.estate.alarms.values()) <= {each.id for each in inventory.alarms}


def test_a_clusters_balancing_availability_rules_and_groups(
    wide: Populated, named: Named, inventory: Inventory
) -> None:
    cluster = named("clusters", "compute")
    assert (cluster.balancing.enabled, cluster.balancing.automation) == (True, "partiallyAutomated")
    assert cluster.balancing.rate == 2
    assert cluster.balancing.power_management is True
    assert cluster.availability.admission_policy == "FailoverResources"
    assert cluster.availability.cpu_percent == 34
    assert cluster.availability.isolation_response == "shutdown"
    assert cluster.cpu_baseline == "intel-broadwell"
    assert {group.name for group in cluster.groups} == {"licensed VMs", "licensed hosts"}
    rules = {rule.name: rule for rule in cluster.rules}
    vms = wide.estate.vms
    assert rules["app beside its cache"].kind == "vm-affinity"
    apart = rules["database nodes apart"]
    assert (apart.kind, apart.mandatory) == ("vm-anti-affinity", True)
    assert set(apart.vms) == {vms["db-node-a"], vms["db-node-b"]}
    must = rules["licences: must run on"]
    assert (must.kind, must.mandatory, len(must.hosts)) == ("host-affinity", True, 1)
    assert rules["licences: should not run on"].kind == "host-anti-affinity"
    overrides = {
        vm.name: vm.placement.balancing for vm in inventory.vms if vm.placement is not None
    }
    assert overrides == {"db-node-a": "disabled", "db-node-b": "manual", "web-a": "fullyAutomated"}
    assert named("vms", "db-node-a").availability.priority == "highest"


def test_a_hosts_networks_and_neighbours(named: Named) -> None:
    host = named("hosts", "esx21.example")
    switches = {each.name: each for each in host.switches}
    assert switches["vSwitch1"].mtu == 9000
    assert switches["vSwitch1"].teaming.policy == "failover_explicit"
    assert switches["vSwitch1"].teaming.standby == ("vmnic0",)
    assert switches["vSwitch1"].security.forged_transmits is False
    assert switches["vSwitch1"].shaping.average_bits_per_second == 100_000_000
    assert (switches["dvs-wide"].kind, switches["dvs-wide"].uplinks) == (
        "proxy",
        ("vmnic2", "vmnic3"),
    )
    nics = {nic.name: nic for nic in host.nics}
    assert (nics["vmnic0"].neighbor.protocol, nics["vmnic0"].neighbor.mtu) == ("cdp", 9216)
    assert (nics["vmnic2"].neighbor.protocol, nics["vmnic2"].neighbor.system) == (
        "lldp",
        "leaf-2.example",
    )
    assert nics["vmnic2"].speed_mbps == 25000
    services = {service for each in host.interfaces for service in each.services}
    assert {"management", "vmotion"} <= services
    assert named("hosts", "esx22.example").in_maintenance is True


def test_networks_of_every_kind(named: Named) -> None:
    assert named("networks", "storage traffic").vlan == 300
    torn = named("networks", "legacy-100")
    assert torn.vlan is None
    assert torn.differing_vlans == (100, 101)
    switch = named("switches", "dvs-wide")
    assert switch.mtu == 9000
    assert [group.mode for group in switch.link_groups] == ["active"]
    assert {each.kind for each in switch.private_vlans} == {"promiscuous", "isolated", "community"}
    assert switch.mirror_sessions[0].kind == "remoteMirrorSource"
    assert "vmotion.limit" in {each.name for each in switch.io_allocations}
    assert named("networks", "dv-shaped").shaping_in.average_bits_per_second == 50_000_000
    assert named("networks", "dv-fixed-uplink").teaming.active == ("uplink-a",)
    assert named("networks", "nsx-tier1-segment").segment.kind == "nsx"
    opaque = named("networks", "nsx-opaque-segment")
    assert named("vms", "on-opaque").nics[0].network == opaque.id


def test_datastores_their_cluster_and_policies(
    wide: Populated, named: Named, inventory: Inventory
) -> None:
    assert {each.kind for each in inventory.datastores} >= {"VMFS", "NFS", "NFS41", "vsan", "VVOL"}
    nfs = named("datastores", "nfs-iso")
    assert (nfs.remote_host, nfs.remote_path) == ("filer.example", "/export/nfs-iso")
    pod = named("datastore_clusters", "pod-gold")
    assert (pod.automation, pod.space_threshold_percent) == ("automated", 80)
    assert named("datastores", "vmfs-a").datastore_cluster == pod.id
    sql = named("vms", "SQL Server (Produktion) Köln")
    known = {policy.id for policy in inventory.storage_policies}
    assert sql.storage_policy in known
    assert {disk.storage_policy for disk in sql.disks} - {None} <= known
    assert len({disk.storage_policy for disk in sql.disks}) > 1
    assert wide.estate.policies


def test_vms_of_every_kind(named: Named) -> None:
    assert len(named("vms", "sixty-disks").disks) == 60
    kinds = {device.kind for device in named("vms", "legacy-xp").devices}
    assert {DeviceKind.FLOPPY, DeviceKind.SERIAL, DeviceKind.PARALLEL, DeviceKind.SOUND} <= kinds
    assert named("vms", "win11-vtpm").has_vtpm
    gpu = {device.kind for device in named("vms", "gpu-node").devices}
    assert {DeviceKind.GPU, DeviceKind.PASSTHROUGH} <= gpu
    assert named("vms", "suspended-job").power is Power.SUSPENDED
    assert named("vms", "golden-template").is_template
    assert named("vms", "nested-hypervisor").nested_virtualization is True
    backings = {disk.backing for disk in named("vms", "db-node-a").disks}
    assert Backing.RDM_PHYSICAL in backings
    tree = named("vms", "snapshot-tree").snapshots
    assert [(each.name, each.depth) for each in tree] == [
        ("clean", 0),
        ("patched", 1),
        ("before the move", 1),
    ]
    assert [each.is_current for each in tree] == [False, False, True]


def test_names_are_as_people_gave_them(inventory: Inventory, named: Named) -> None:
    names = {vm.name for vm in inventory.vms}
    assert {SLASHED, LONG_NAME, "Бухгалтерия", "数据库-主", "خادم الملفات"} <= names
    assert named("vms", SLASHED).folder == "R&D/50%"


def test_what_the_guest_says(named: Named) -> None:
    guest = named("vms", "SQL Server (Produktion) Köln").guest
    assert guest.address == "10.20.30.40"
    assert guest.nics[0].addresses[0].prefix == 24
    assert guest.routes[0].gateway == "10.20.30.1"
    assert guest.dns_servers == ("10.0.0.53", "10.0.0.54")
    assert guest.file_systems[0].path == "C:\\"
    assert guest.agent_status == "toolsOld"


def test_allocations_vapps_tags_permissions_and_alarms(
    wide: Populated, named: Named, inventory: Inventory
) -> None:
    sql = named("vms", "SQL Server (Produktion) Köln")
    assert (sql.cpu_allocation.limit_mhz, sql.cpu_allocation.level) == (8000, "high")
    assert sql.memory_allocation.shares == 12345
    assert len(sql.tags) == 3
    shop = named("vapps", "shop")
    assert [entry.start_order for entry in shop.entries] == [1, 2, 2]
    assert shop.entries[0].start_delay_seconds == 120
    assert named("vms", "shop-db").vapp == shop.id
    busy = named("alarms", "VM is busy")
    (condition,) = busy.conditions
    assert (condition.metric, condition.warning, condition.critical_seconds) == (
        "cpu.usage.average",
        "7500",
        600,
    )
    (triggered,) = inventory.triggered_alarms
    assert (triggered.alarm, triggered.entity) == (busy.id, wide.estate.vms["web-a"])
    assert len({permission.id for permission in inventory.permissions}) == len(
        inventory.permissions
    )
    assert str(wide.estate.role) in {role.id for role in inventory.roles}
    assert any(vm.custom_attributes for vm in inventory.vms)


def test_performance_has_holes_and_none_where_there_is_none(named: Named) -> None:
    assert named("vms", NO_SAMPLES).performance is None
    gaps, whole = named("vms", HOLES).performance, named("vms", "web02").performance
    assert whole.window_seconds == 86400
    assert whole.interval_seconds == 300
    assert 0 < gaps.samples < whole.samples
    assert whole.cpu_percent.average <= whole.cpu_percent.p95 <= whole.cpu_percent.maximum


def test_no_secret_is_collected(inventory: Inventory, named: Named) -> None:
    text = msgspec.json.encode(inventory).decode()
    assert [name for name, secret in CANARIES.items() if secret in text] == []
    extra = named("vms", "secrets").extra_config
    assert extra["guestinfo.userdata"] == "<redacted>"
    assert set(CANARIES) - {"vapp.property"} <= set(extra)


# What goes wrong on the way.


@pytest.fixture
def faulty(wide: Populated) -> Iterator[Callable[..., None]]:
    """Sets fault rules; they are gone after the test."""
    yield wide.vcenter.set_faults
    wide.vcenter.set_faults()


SetFaults = Callable[..., None]


def test_what_mtv_may_not_read_is_said_with_the_privilege(
    wide: Populated, faulty: SetFaults
) -> None:
    vm = wide.estate.vms["app-01"]
    faulty(
        {
            "fault": "NoPermission",
            "object": f"VirtualMachine:{vm}",
            "properties": ["config"],
            "privilege": "System.Read",
        }
    )
    found = collect(wide.vcenter)
    assert f"app-01 ({vm}): config: needs the privilege System.Read" in found.unreadable
    assert vm in {each.id for each in found.vms}


@pytest.mark.parametrize("fault", ["Hidden", "ManagedObjectNotFound", "Vanish", "VanishWithFault"])
def test_an_object_that_goes_away_is_left_out(
    wide: Populated, faulty: SetFaults, fault: str
) -> None:
    vm = wide.estate.vms["shop-web"]
    faulty({"fault": fault, "object": f"VirtualMachine:{vm}"})
    found = collect(wide.vcenter, vms_a_page=5)
    assert len(found.vms) == len(wide.estate.vms) - 1
    assert vm not in {each.id for each in found.vms}
    assert found.unreadable == ()


@pytest.mark.parametrize(
    "method",
    [
        *("ContinueRetrievePropertiesEx", "QueryNetworkHint", "QueryPerf", "GetAlarm"),
        *("PbmQueryProfile", "RetrieveAllPermissions"),
    ],
)
def test_a_session_that_ends_in_the_middle_is_renewed(
    wide: Populated,
    faulty: SetFaults,
    inventory: Inventory,
    method: str,
) -> None:
    faulty({"fault": "NotAuthenticated", "method": method, "times": 1})
    found = collect(wide.vcenter, window_days=1, vms_a_page=5)
    assert [vm.id for vm in found.vms] == [vm.id for vm in inventory.vms]
    assert len(found.alarms) == len(inventory.alarms)
    assert len(found.storage_policies) == len(inventory.storage_policies)
    assert found.unreadable == ()


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("QueryNetworkHint", "neighbours of its NICs: needs the privilege"),
        ("RetrieveAllPermissions", "permissions: needs the privilege"),
        ("GetAlarm", "alarms: needs the privilege"),
    ],
)
def test_a_call_that_is_refused_costs_only_what_it_is_for(
    wide: Populated, faulty: SetFaults, method: str, says: str
) -> None:
    faulty({"fault": "NoPermission", "method": method, "privilege": "Some.Privilege"})
    found = collect(wide.vcenter)
    assert any(f"{says} Some.Privilege" in each for each in found.unreadable)
    assert len(found.vms) == len(wide.estate.vms)


def test_statistics_that_are_too_many_for_one_query_are_asked_in_halves(
    wide: Populated, faulty: SetFaults
) -> None:
    faulty({"fault": "InvalidRequest", "method": "QueryPerf", "times": 2})
    found = collect(wide.vcenter, window_days=1)
    assert {vm.name for vm in found.vms if vm.performance} >= {"web02", HOLES}


def test_the_inventory_is_written_and_read_unchanged(inventory: Inventory, tmp_path: Path) -> None:
    path = tmp_path / "inventory.json"
    path.write_bytes(msgspec.json.encode(inventory))
    assert msgspec.json.decode(path.read_bytes(), type=Inventory) == inventory
    assert json.loads(path.read_text())["product"] == "vsphere"
