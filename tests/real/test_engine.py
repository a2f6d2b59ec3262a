"""The stand-in RHV engine keeps to what is known of real ones: over ovirtsdk4 and plain HTTPS."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.real.parts import PartMissing, require
from tests.real.rhv import ROOT, RhvEngine, start_engine

FOLLOW = (
    "nics.reported_devices,disk_attachments,snapshots,cdroms,watchdogs,host_devices,"
    "graphics_consoles,numa_nodes,tags,affinity_labels"
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RhvEngine]:
    """An engine with the rich estate."""
    try:
        with start_engine(tmp_path_factory.mktemp("engine")) as running:
            yield running
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@pytest.fixture
def engine_with(tmp_path: Path, engine: RhvEngine) -> Iterator[Callable[..., RhvEngine]]:
    """Starts another engine, for what would spoil the module's."""
    del engine
    with contextlib.ExitStack() as stack:
        yield lambda **given: stack.enter_context(start_engine(tmp_path / "other", **given))


@pytest.fixture(autouse=True)
def no_faults(engine: RhvEngine) -> Iterator[None]:
    yield
    engine.faults()


def connect(engine: RhvEngine, **given: Any) -> Any:
    import ovirtsdk4

    values = {"username": engine.username, "password": engine.password, **given}
    return ovirtsdk4.Connection(url=engine.url, ca_file=str(engine.ca), timeout=60, **values)


@pytest.fixture
def connection(engine: RhvEngine) -> Iterator[Any]:
    made = connect(engine)
    yield made
    made.close()


@pytest.fixture
def system(connection: Any) -> Any:
    return connection.system_service()


def sdk_error(name: str) -> Any:
    import ovirtsdk4

    return getattr(ovirtsdk4, name)


def named(service: Any, name: str) -> Any:
    [found] = [each for each in service.list() if each.name == name]
    return found


def eventually(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def get(url: str, engine: RhvEngine, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own engine
    try:
        with urllib.request.urlopen(request, context=engine.tls(), timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


# Who may ask.


def test_the_engine_says_who_it_is(system: Any) -> None:
    api = system.get()
    assert api.product_info.version.full_version.startswith("4.5.3")
    assert (api.product_info.version.major, api.product_info.version.minor) == (4, 5)
    assert api.summary.vms.total == len(system.vms_service().list())


def test_a_wrong_password_is_refused_as_json(engine: RhvEngine) -> None:
    connection = connect(engine, password="wrong")
    with pytest.raises(sdk_error("AuthError"), match="access_denied"):
        connection.system_service().get()
    connection.close(logout=False)


def test_a_token_that_ended_is_renewed_once_by_the_sdk(engine: RhvEngine, system: Any) -> None:
    engine.faults(token_requests=2)
    before = len(engine.requests())
    for _ in range(5):
        assert system.data_centers_service().list()
    said = [each.status for each in engine.requests()[before:] if "datacenters" in each.path]
    assert said.count(401) >= 2
    assert said.count(200) == 5


def test_without_a_token_nothing_is_said(engine: RhvEngine) -> None:
    assert get(f"{engine.url}/vms", engine)[0] == 401
    assert get(f"https://127.0.0.1:{engine.port}/mtv/faults", engine)[0] == 401


def test_after_logout_the_token_is_worth_nothing(engine: RhvEngine) -> None:
    connection = connect(engine)
    token = connection.authenticate()
    assert get(f"{engine.url}/vms", engine, Authorization=f"Bearer {token}")[0] == 200
    connection.close()
    assert get(f"{engine.url}/vms", engine, Authorization=f"Bearer {token}")[0] == 401


def test_the_authority_is_published(engine: RhvEngine) -> None:
    url = f"https://localhost:{engine.port}/ovirt-engine/services/pki-resource"
    status, pem = get(f"{url}?resource=ca-certificate&format=X509-PEM-CA", engine)
    assert (status, pem.decode()) == (200, engine.ca.read_text())


# Reading.

TOPS = {
    "vms": 36,
    "hosts": 4,
    "clusters": 3,
    "data_centers": 2,
    "networks": 12,
    "vnic_profiles": 13,
    "network_filters": 4,
    "storage_domains": 10,
    "storage_connections": 7,
    "disks": 52,
    "templates": 4,
    "vm_pools": 1,
    "instance_types": 3,
    "mac_pools": 2,
    "tags": 5,
    "roles": 5,
    "users": 3,
    "groups": 1,
    "events": 5,
    "bookmarks": 1,
    "icons": 2,
    "affinity_labels": 2,
    "scheduling_policies": 5,
    "scheduling_policy_units": 11,
    "operating_systems": 10,
    "cpu_profiles": 4,
    "disk_profiles": 7,
    "domains": 2,
    "openstack_network_providers": 1,
}


@pytest.mark.parametrize("name", [*TOPS, "permissions", "jobs", "image_transfers"])
def test_every_list_at_the_top_can_be_read(system: Any, name: str) -> None:
    found = getattr(system, f"{name}_service")().list()
    if name in TOPS and name != "events":
        assert len(found) >= TOPS[name]
    for each in found:
        assert each.id
        assert each.href.startswith("/ovirt-engine/api/")


def test_links_lead_somewhere(engine: RhvEngine) -> None:
    """Walks the API from its root, along up to three links of each sort."""
    from lxml import etree

    connection = connect(engine)
    header = {"Authorization": f"Bearer {connection.authenticate()}"}
    waiting, sorts, failed = ["/ovirt-engine/api"], dict[str, int](), []
    while waiting:
        path = waiting.pop()
        status, body = get(f"https://127.0.0.1:{engine.port}{quote(path)}", engine, **header)
        if status != 200:
            failed.append((status, path))
            continue
        for element in etree.fromstring(body).iterfind(".//*[@href]"):
            above, href = element.getparent(), element.get("href", "")
            sort = "/".join(part for part in href.split("/") if "-" not in part)
            if (above is None or above.tag != "actions") and sorts.setdefault(sort, 0) < 3:
                sorts[sort] += 1
                waiting.append(href)
    connection.close()
    assert not failed
    assert len(sorts) > 60


def test_a_vm_and_what_it_refers_to(connection: Any, system: Any) -> None:
    vm = named(system.vms_service(), "web01")
    assert connection.follow_link(vm.cluster).name == "prod"
    assert connection.follow_link(vm.host).name == "rhvh01.example"
    assert {each.name for each in connection.follow_link(vm.nics)} == {"nic1", "nic2"}
    [first, second] = connection.follow_link(vm.disk_attachments)
    assert first.bootable
    assert connection.follow_link(second.disk).name == "web01_disk2"
    assert vm.initialization.user_name == "cloud-user"
    assert vm.quota.id
    assert vm.quota.href is None
    assert [each.name for each in connection.follow_link(vm.tags)] == ["web-team"]


def test_what_lies_under_clusters_and_data_centers(system: Any) -> None:
    clusters = system.clusters_service()
    prod = clusters.cluster_service(named(clusters, "prod").id)
    groups = prod.affinity_groups_service()
    apart = named(groups, "web-apart")
    assert (apart.vms_rule.positive, apart.vms_rule.enforcing, apart.priority) == (False, True, 5.0)
    assert len(apart.vms) == 2
    members = groups.group_service(apart.id).vms_service().list()
    assert {each.name for each in members} == {"web01", "web02"}
    assert {each.name for each in prod.cpu_profiles_service().list()} == {"prod", "half"}
    required = {each.name: each.required for each in prod.networks_service().list()}
    assert required["migration"]
    assert not required["vlan100"]
    main = system.data_centers_service()
    main = main.data_center_service(named(main, "Main").id)
    quotas = main.quotas_service()
    team = quotas.quota_service(named(quotas, "web-team").id)
    [limit] = team.quota_cluster_limits_service().list()
    assert (limit.vcpu_limit, limit.memory_limit) == (40, 96.0)
    assert len(team.quota_storage_limits_service().list()) == 2
    assert {str(each.status) for each in main.storage_domains_service().list()} == {
        "active",
        "maintenance",
    }
    assert len(main.qoss_service().list()) == 4


def test_what_lies_under_hosts(system: Any) -> None:
    hosts = system.hosts_service()
    host = hosts.host_service(named(hosts, "rhvh01.example").id)
    nics = {each.name: each for each in host.nics_service().list()}
    options = {each.name: each.value for each in nics["bond0"].bonding.options}
    assert options["mode"] == "4"
    assert {each.id for each in nics["bond0"].bonding.slaves} == {nics["eno1"].id, nics["eno2"].id}
    assert (nics["bond1.200"].vlan.id, nics["bond1.200"].base_interface) == (200, "bond1")
    assert nics["ens5f0v0"].physical_function.id == nics["ens5f0"].id
    assert len(host.fence_agents_service().list()) == 2
    assert len(host.network_attachments_service().list()) == 7
    assert len(host.numa_nodes_service().list()) == 2
    assert host.devices_service().list()
    labels = host.nics_service().nic_service(nics["bond1"].id).network_labels_service().list()
    assert {each.id for each in labels} == {"tenant", "office"}


def test_scheduling_policies_have_weights_that_no_link_names(system: Any) -> None:
    policies = system.scheduling_policies_service()
    found = named(policies, "prod-rules")
    service = policies.policy_service(found.id)
    assert [each.position for each in service.filters_service().list()] == [-1, 0, 0, 1]
    assert {each.factor for each in service.weights_service().list()} == {99, 1}
    assert service.balances_service().list()
    assert found.weight is None  # the link is called `weights`, which the SDK does not look for


def test_options_come_by_cluster_level(system: Any) -> None:
    options = system.options_service()
    [value] = options.option_service("MigrationPolicies").get(version="4.7").values
    assert "Very large VMs" in {each["name"] for each in json.loads(value.value)}
    assert len(options.option_service("ServerCPUList").get().values) == 2


# Lists in pages, searches.


def test_pages_with_max_hold_everything_once(system: Any) -> None:
    vms = system.vms_service()
    everything = [each.name for each in vms.list()]
    pages = [
        [each.name for each in vms.list(search=f"sortby name asc page {number}", max=10)]
        for number in range(1, 6)
    ]
    assert [len(each) for each in pages] == [10, 10, 10, 6, 0]
    assert sorted(name for page in pages for name in page) == sorted(everything)


def test_pages_without_max_are_a_trap(system: Any) -> None:
    vms = system.vms_service()
    assert len(vms.list(search="sortby name asc page 1")) == 36
    assert vms.list(search="sortby name asc page 2") == []


@pytest.mark.parametrize(
    "bad", ["sortby name page 2", "page 1 sortby name asc", "sortby name asc page", "name ="]
)
def test_a_search_has_a_grammar(system: Any, bad: str) -> None:
    with pytest.raises(sdk_error("Error"), match="400"):
        system.vms_service().list(search=bad, max=5)


def test_searches_pick(system: Any) -> None:
    vms = system.vms_service()
    assert {each.name for each in vms.list(search="name=WEB*")} == {"web01", "web02"}
    assert [each.name for each in vms.list(search="name=web* and status=down")] == []
    assert not vms.list(search="name=WEB*", case_sensitive=True)
    assert {each.name for each in vms.list(search="cluster=local")} == {"local01"}
    events = system.events_service()
    severe = events.list(search="severity>normal sortby time desc", max=2)
    assert [str(each.severity) for each in severe] == ["alert", "warning"]
    assert all(each.index > 2 for each in events.list(from_=2))


def test_objects_vanish_between_pages(engine_with: Callable[..., RhvEngine]) -> None:
    engine = engine_with(arguments={"count": 30}, estate="tests.real.rich_rhv:scaled")
    connection = connect(engine)
    vms = connection.system_service().vms_service()
    first = vms.list(search="sortby name asc page 1", max=10)
    engine.faults(vanish=[{"path": "^/vms$", "ids": [first[0].id]}])
    assert len(vms.list(search="sortby name asc page 1", max=10)) == 10
    rest = vms.list(search="sortby name asc page 2", max=10)
    assert rest[0].name == "vm00011"  # vm00010 slipped to the first page: nobody saw it
    connection.close()


# follow.


def test_follow_puts_what_is_below_inside(system: Any) -> None:
    [vm] = system.vms_service().list(search="name=web01", follow=FOLLOW)
    assert [each.name for each in vm.nics] == ["nic1", "nic2"]
    assert vm.nics[0].reported_devices[0].ips[0].address == "10.100.0.11"
    assert [str(each.interface) for each in vm.disk_attachments] == ["virtio_scsi", "virtio"]
    assert [str(each.snapshot_type) for each in vm.snapshots] == ["active"]
    assert str(vm.watchdogs[0].action) == "reset"
    assert [each.name for each in vm.tags] == ["web-team"]
    [single] = system.vms_service().list(
        search="name=web01", follow="disk_attachments.disk,cluster"
    )
    assert single.disk_attachments[0].disk.name == "web01_disk1"
    assert single.cluster.name == "prod"
    clusters = system.clusters_service().list(
        follow="networks,affinity_groups.vms,affinity_groups.vm_labels,cpu_profiles"
    )
    [prod] = [each for each in clusters if each.name == "prod"]
    by_name = {each.name: each for each in prod.affinity_groups}
    assert {each.name for each in by_name["web-apart"].vms} == {"web01", "web02"}
    assert [each.name for each in by_name["labelled"].vm_labels] == ["gpu"]


@pytest.mark.parametrize("link", ["host", "vm_pool", "quota", "nonsense", "instance_type"])
def test_a_link_that_is_not_there_fails_the_whole_list(system: Any, link: str) -> None:
    with pytest.raises(sdk_error("Error"), match="500"):
        system.vms_service().list(follow=link)


def test_a_followed_link_can_be_told_to_fail(engine: RhvEngine, system: Any) -> None:
    engine.faults(follow=[{"path": "^/vms$", "link": "host_devices"}])
    with pytest.raises(sdk_error("Error"), match="500"):
        system.vms_service().list(follow=FOLLOW)
    assert system.vms_service().list(follow="nics")
    assert system.vms_service().list()


# Errors.


def test_what_is_not_there_is_not_found(system: Any) -> None:
    with pytest.raises(sdk_error("NotFoundError")):
        system.vms_service().vm_service("00000000-0000-0000-0000-00000000dead").get()


def test_an_engine_may_be_unavailable_for_a_while(engine: RhvEngine, system: Any) -> None:
    engine.faults(answers=[{"path": "^/hosts", "status": 503, "times": 2, "reason": "Restarting"}])
    for _ in range(2):
        with pytest.raises(sdk_error("Error"), match="503"):
            system.hosts_service().list()
    assert system.hosts_service().list()


def test_the_web_server_before_the_engine_answers_with_pages(engine: RhvEngine) -> None:
    engine.faults(answers=[{"path": "^/sso/token", "status": 503, "html": True, "times": 1}])
    connection = connect(engine)
    with pytest.raises(sdk_error("Error"), match="content type 'text/html"):
        connection.system_service().get()
    assert connection.system_service().get()
    connection.close()


def test_many_requests_are_under_way_at_once(engine: RhvEngine) -> None:
    connection = connect(engine, connections=8)
    vms = connection.system_service().vms_service()
    engine.faults(delays=[{"path": "/nics$", "seconds": 0.05}])
    waiting = [
        vms.vm_service(each.id).nics_service().list(wait=False)
        for each in vms.list(search="status=up")
    ]
    assert len(waiting) > 8
    assert any(each.wait() for each in waiting)
    connection.close()


def test_a_user_does_not_see_what_is_not_theirs(engine: RhvEngine, system: Any) -> None:
    vm = named(system.vms_service(), "web02")
    engine.faults(hidden=[vm.id])
    assert "web02" not in {each.name for each in system.vms_service().list()}
    with pytest.raises(sdk_error("NotFoundError")):
        system.vms_service().vm_service(vm.id).get()


def test_a_connection_may_end_without_an_answer(engine: RhvEngine, system: Any) -> None:
    engine.faults(drops=[{"path": "^/disks", "times": 1}])
    with pytest.raises(sdk_error("Error")):
        system.disks_service().list()
    assert system.disks_service().list()


def test_a_misspelt_fault_is_refused(engine: RhvEngine) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        engine.faults(nonsense=True)


# Power.


def test_a_vm_is_shut_down_and_started(engine: RhvEngine, system: Any) -> None:
    engine.faults(power_seconds=0.05)
    vms = system.vms_service()
    vm = vms.vm_service(named(vms, "cluster-b").id)
    vm.shutdown(query={"correlation_id": "mtv-1"})
    assert str(vm.get().status) in ("powering_down", "down")
    eventually(lambda: str(vm.get().status) == "down")
    assert vm.get().host is None
    told = system.events_service().list(search="correlation_id=mtv-1")
    assert {each.code for each in told} == {33, 61}
    [job] = system.jobs_service().list(search="correlation_id=mtv-1")
    assert str(job.status) == "finished"
    with pytest.raises(sdk_error("Error"), match="409"):
        vm.shutdown()
    vm.start()
    eventually(lambda: str(vm.get().status) == "up")
    assert vm.get().host is not None


def test_a_guest_may_ignore_a_shutdown(engine: RhvEngine, system: Any) -> None:
    vms = system.vms_service()
    vm = vms.vm_service(named(vms, "cluster-a").id)
    engine.faults(deaf=[vm.get().id], power_seconds=0.0)
    vm.shutdown()
    assert str(vm.get().status) == "up"
    vm.stop()
    eventually(lambda: str(vm.get().status) == "down")
    vm.start()
    eventually(lambda: str(vm.get().status) == "up")


def test_something_busy_is_in_conflict(engine: RhvEngine, system: Any) -> None:
    vms = system.vms_service()
    vm = vms.vm_service(named(vms, "web02").id)
    engine.faults(locked=[vm.get().id])
    with pytest.raises(sdk_error("Error"), match="409"):
        vm.shutdown()
    assert str(vm.get().status) == "up"


# Snapshots, transfers.


def test_a_snapshot_locks_the_disks_for_a_while(engine: RhvEngine, system: Any) -> None:
    from ovirtsdk4 import types

    engine.faults(snapshot_seconds=0.3)
    vm = system.vms_service().vm_service(named(system.vms_service(), "web02").id)
    disk = system.disks_service().disk_service(named(system.disks_service(), "web02_disk1").id)
    image = disk.get().image_id
    made = vm.snapshots_service().add(
        types.Snapshot(description="mtv", persist_memorystate=False),
        query={"correlation_id": "mtv-2"},
    )
    assert str(made.snapshot_status) == "locked"
    assert str(disk.get().status) == "locked"
    with pytest.raises(sdk_error("Error"), match="409"):
        vm.snapshots_service().add(types.Snapshot(description="too early"))
    events = system.events_service()
    eventually(lambda: bool(events.list(search="correlation_id=mtv-2")))
    assert [each.code for each in events.list(search="correlation_id=mtv-2")] == [68]
    assert str(disk.get().status) == "ok"
    assert disk.get().image_id != image
    domains = system.storage_domains_service()
    domain = domains.storage_domain_service(named(domains, "nfs-data").id)
    layers = {each.id: each for each in domain.disk_snapshots_service().list()}
    assert layers[image].snapshot.id == made.id
    [inside] = vm.snapshots_service().snapshot_service(made.id).disks_service().list()
    assert inside.image_id == image
    vm.snapshots_service().snapshot_service(made.id).remove(query={"correlation_id": "mtv-3"})
    eventually(lambda: bool(events.list(search="correlation_id=mtv-3")))
    assert [each.code for each in events.list(search="correlation_id=mtv-3")] == [356]
    engine.faults(failing_snapshots=[vm.get().id], snapshot_seconds=0.0)
    vm.snapshots_service().add(types.Snapshot(description="x"), query={"correlation_id": "mtv-4"})
    eventually(lambda: bool(events.list(search="correlation_id=mtv-4")))
    assert [each.code for each in events.list(search="correlation_id=mtv-4")] == [69]


def test_only_a_snapshot_carries_tpm_and_nvram(system: Any) -> None:
    from tests.real.rich_rhv import ENCODED

    vm = system.vms_service().vm_service(named(system.vms_service(), "win2022").id)
    assert all(each.initialization is None for each in vm.snapshots_service().list())
    found = {
        each.description: each.initialization.configuration.data
        for each in vm.snapshots_service().list(all_content=True)
    }
    assert 'xsi:type="ovf:VmExternalDataSection_Type"' in found["before patch day"]
    assert ENCODED["tpm"] in found["before patch day"]
    assert ENCODED["nvram"] in found["before patch day"]
    assert "VmExternalData" not in found["Active VM"]
    own = vm.get(all_content=True).initialization.configuration.data
    assert "<Name>win2022</Name>" in own
    assert "VmExternalData" not in own


def test_a_transfer_goes_through_its_phases(engine: RhvEngine, system: Any) -> None:
    from ovirtsdk4 import types

    engine.faults(transfer_seconds=0.0)
    disks = system.disks_service()
    disk = named(disks, "floating_data")
    transfers = system.image_transfers_service()
    wanted = types.ImageTransfer(
        disk=types.Disk(id=disk.id), direction=types.ImageTransferDirection.DOWNLOAD
    )
    made = transfers.add(wanted)
    assert str(made.phase) == "initializing"
    transfer = transfers.image_transfer_service(made.id)
    eventually(lambda: str(transfer.get().phase) == "transferring")
    assert transfer.get().transfer_url.endswith(f"/images/{made.id}")
    with pytest.raises(sdk_error("Error"), match="409"):
        transfers.add(wanted)
    transfer.finalize()
    eventually(lambda: str(transfer.get().phase) == "finished_success")
    assert str(disks.disk_service(disk.id).get().status) == "ok"
    running = types.ImageTransfer(disk=types.Disk(id=named(disks, "web01_disk1").id))
    with pytest.raises(sdk_error("Error"), match="non-down VM"):
        transfers.add(running)


# Versions.


def test_an_old_engine_does_not_know_new_things(engine_with: Callable[..., RhvEngine]) -> None:
    engine = engine_with(version="4.3.11.4-0.1.el7")
    connection = connect(engine)
    system = connection.system_service()
    assert system.get().product_info.version.minor == 3
    [vm] = system.vms_service().list(search="name=db01")
    assert vm.cpu_pinning_policy is None
    assert vm.tpm_enabled is None
    assert vm.migration.parallel_migrations_policy is None
    assert vm.mediated_devices is None
    assert all(each.mediated_devices is None for each in system.vms_service().list())
    assert all(each.bios_type is None for each in system.clusters_service().list())
    lun = named(system.disks_service(), "lun01_data")
    assert lun.lun_storage.logical_units[0].target is None
    win = system.vms_service().vm_service(named(system.vms_service(), "win2022").id)
    said = [
        each.initialization.configuration.data
        for each in win.snapshots_service().list(all_content=True)
    ]
    assert not any("VmExternalData" in each for each in said)
    connection.close()


def test_a_new_engine_does(system: Any) -> None:
    [vm] = system.vms_service().list(search="name=db01")
    assert str(vm.cpu_pinning_policy) == "manual"
    lun = named(system.disks_service(), "lun01_data")
    assert lun.lun_storage.logical_units[0].target.startswith("iqn.")


# OVN.


def test_the_ovn_provider_speaks_neutron(engine: RhvEngine, system: Any) -> None:
    [provider] = system.openstack_network_providers_service().list()
    assert provider.url == engine.ovn_url
    assert get(f"{provider.url}/v2.0/networks", engine)[0] == 401
    body = {
        "auth": {
            "tenantName": "tenant",
            "passwordCredentials": {"username": engine.username, "password": engine.password},
        }
    }
    request = urllib.request.Request(  # noqa: S310 - our own engine
        f"{provider.authentication_url}tokens", data=json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request, context=engine.tls(), timeout=30) as answer:  # noqa: S310
        token = json.load(answer)["access"]["token"]["id"]

    def read(name: str) -> Any:
        url = f"{provider.url}/v2.0/{name}"
        status, said = get(url, engine, **{"X-Auth-Token": token})
        assert status == 200
        return json.loads(said)[name.split("?", 1)[0].replace("-", "_")]

    names = {each["id"]: each["name"] for each in read("networks")}
    external = {each.name for each in system.networks_service().list() if each.external_provider}
    assert set(names.values()) == external
    vm = system.vms_service().vm_service(named(system.vms_service(), "ovn01").id)
    nics = {each.id: each.mac.address for each in vm.nics_service().list()}
    ports = {each["device_id"]: each for each in read("ports") if each["device_owner"] == "oVirt"}
    assert {id_: ports[id_]["mac_address"] for id_ in nics} == nics
    assert {each["cidr"] for each in read("subnets")} == {"192.168.178.0/24", "192.168.179.0/24"}
    assert len(read("routers")) == 1
    assert len(read("security-groups")) == 2
    assert len(read("security-group-rules")) == 2
    assert len(read("ports?limit=1")) == 1


# The estate's secrets, and what is left behind.


def test_every_canary_sings(engine: RhvEngine, system: Any) -> None:
    from tests.real.rich_rhv import CANARIES, ENCODED

    connection = connect(engine)
    header = {"Authorization": f"Bearer {connection.authenticate()}"}
    hosts, domains = system.hosts_service().list(), system.storage_domains_service().list()
    vm = named(system.vms_service(), "win2022")
    said = b""
    for path in (
        *("vms", "disks", "openstacknetworkproviders", "storagedomains", "storageconnections"),
        *(f"hosts/{each.id}/fenceagents" for each in hosts),
        *(f"storagedomains/{each.id}/storageconnections" for each in domains),
        f"vms/{vm.id}/snapshots?all_content=true",
    ):
        said += get(f"{engine.url}/{path}", engine, **header)[1]
    connection.close()
    for name, secret in {**CANARIES, **ENCODED}.items():
        assert secret.encode() in said, name


def test_requests_are_logged(engine: RhvEngine, system: Any) -> None:
    system.tags_service().list()
    [*_, last] = [each for each in engine.requests() if each.path.endswith("/tags")]
    assert (last.listener, last.verb, last.status) == ("engine", "GET", 200)
    assert last.bytes > 0
    assert engine.password not in engine.request_log.read_text()


def test_nothing_is_left_behind(tmp_path: Path, engine: RhvEngine) -> None:
    del engine
    with start_engine(tmp_path) as short:
        pid = short.pid
        assert short.password not in repr(short)
        cmdline = Path(f"/proc/{pid}/cmdline").read_text()
        assert short.password not in cmdline
    assert not Path(f"/proc/{pid}").exists()
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {"ca.pem", "engine.pem", "engine.log", "requests.jsonl"}


def test_by_hand_it_ends_with_its_input(engine: RhvEngine, tmp_path: Path) -> None:
    del engine
    for end in ("stdin", "SIGTERM"):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.real.rhv"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline().startswith("https://127.0.0.1:")
            if end == "stdin":
                process.stdin.close()
            else:
                process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        assert list(tmp_path.iterdir()) == []


def test_the_engine_dies_with_whoever_started_it(engine: RhvEngine, tmp_path: Path) -> None:
    del engine
    with subprocess.Popen(
        [sys.executable, "-m", "tests.real.rhv"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.wait(30)
    assert children
    eventually(lambda: not any(Path(f"/proc/{each}").exists() for each in children))
