"""Collecting from a vCenter: whole, in few round trips, over sessions that end."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mtv.model.estate import Inventory
from mtv.model.vm import Backing, Power
from tests.conftest import MakeProject
from tests.driver import Mtv
from tests.real.cut_proxy import cut_proxy
from tests.real.guests import GuestImages
from tests.real.people import end_other_sessions
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter, start_vcenter
from tests.sources.sites import VSPHERE_READS


def collected(project: Mtv) -> Inventory:
    project.run("collect")
    data = (project.directory / "inventory" / "vc1.json").read_bytes()
    return msgspec.json.decode(data, type=Inventory)


def test_the_inventory_says_what_the_vcenter_was_given(
    make_project: MakeProject, estate: SmallEstate
) -> None:
    inventory = collected(make_project())
    vms = {vm.name: vm for vm in inventory.vms}
    assert set(vms) == set(estate.vms)
    assert inventory.unreadable == ()
    for name, made in estate.vms.items():
        vm = vms[name]
        assert vm.id == made.moref
        assert vm.uuid == made.uuid
        assert tuple(nic.mac for nic in vm.nics) == made.macs
        assert [disk.capacity_bytes for disk in vm.disks] == [d.capacity_bytes for d in made.disks]
        assert [disk.path for disk in vm.disks] == [disk.file_name for disk in made.disks]
        assert [disk.key for disk in vm.disks] == [str(disk.key) for disk in made.disks]
    web01 = vms["web01"]
    assert (web01.sockets, web01.cores_per_socket) == (1, 2)
    assert web01.memory_bytes == 256 * 1024 * 1024
    assert [nic.network for nic in web01.nics] == [
        estate.networks["vlan10"],
        estate.networks["vlan20"],
    ]
    assert {disk.controller for disk in web01.disks} == {"pvscsi"}
    assert vms["sensor"].disks[0].controller == "ide"
    assert vms["web02"].power is Power.ON
    assert vms["web02"].tools_running is True
    assert vms["web01"].power is Power.OFF
    assert vms["cluster-node"].disks[1].backing is Backing.RDM_PHYSICAL
    assert [s.name for s in vms["Alte Buchhaltung (2019)"].snapshots] == ["before the update"]


def test_networks_clusters_and_places_are_there(
    make_project: MakeProject, estate: SmallEstate
) -> None:
    inventory = collected(make_project())
    vlans = {network.name: network.vlan for network in inventory.networks}
    assert vlans["vlan10"] == 10
    assert vlans["vlan20"] == 20
    assert {cluster.name for cluster in inventory.clusters} == set(estate.clusters)
    hosts = {host.id: host.cluster for host in inventory.hosts}
    assert set(hosts) == set(estate.hosts.values())
    for vm in inventory.vms:
        assert vm.cluster == hosts[vm.host or ""]
    assert {store.name: store.datacenter for store in inventory.datastores} == {
        "gold": estate.datacenter,
        "silver": estate.datacenter,
    }


def test_a_collection_costs_a_few_round_trips_and_changes_nothing(
    make_project: MakeProject, vcenter: VCenter, estate: SmallEstate
) -> None:
    del estate
    before = len(vcenter.requests())
    project = make_project()
    project.run("collect")
    methods = Counter(each.method for each in vcenter.requests()[before:] if each.method)
    assert methods["RetrievePropertiesEx"] <= 4, "around the VMs, the root, the VMs, the alarms"
    assert sum(methods.values()) <= 50, methods
    assert all(VSPHERE_READS.fullmatch(method) for method in methods), methods


def test_more_vms_cost_no_more_calls_but_pages_and_statistics(
    large: VCenter, tmp_path: Path
) -> None:
    before = len(large.requests())
    collected(large_project(large, tmp_path / "p"))
    methods = Counter(each.method for each in large.requests()[before:] if each.method)
    for paged in ("ContinueRetrievePropertiesEx", "QueryPerf"):
        methods.pop(paged, None)
    assert sum(methods.values()) <= 50, methods


def test_a_second_collection_differs_in_its_date_only(make_project: MakeProject) -> None:
    project = make_project()
    first = collected(project)
    second = collected(project)
    assert undated(first) == undated(second)


def undated(inventory: Inventory) -> Inventory:
    """Without what is measured anew each time."""
    replace = msgspec.structs.replace
    vms = tuple(replace(vm, performance=None) for vm in inventory.vms)
    return replace(inventory, collected_at="", vms=vms)


MANY = 270
"""More VMs than a page has objects."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, images: GuestImages) -> Iterator[VCenter]:
    """A vCenter with many VMs."""
    del images  # where they are missing, the rest of this module is skipped too
    model = ("-cluster", "1", "-host", "4", "-ds", "1", "-vm", str(MANY))
    with start_vcenter(tmp_path_factory.mktemp("large"), extra_args=model) as vcenter:
        yield vcenter


def large_project(vcenter: VCenter, directory: Path, url: str = "") -> Mtv:
    project = Mtv(directory, {"VC1_PASSWORD": vcenter.password})
    project.run(
        *("init", str(directory), "--vsphere", url or vcenter.url),
        *("--username", vcenter.username, "--password-env", "VC1_PASSWORD"),
        *("--fingerprint", vcenter.fingerprint),
    )
    return project


def test_a_large_estate_comes_in_pages(large: VCenter, tmp_path: Path) -> None:
    before = len(large.requests())
    inventory = collected(large_project(large, tmp_path / "p"))
    assert len(inventory.vms) == MANY
    assert len({vm.id for vm in inventory.vms}) == MANY
    methods = Counter(each.method for each in large.requests()[before:])
    assert methods["ContinueRetrievePropertiesEx"] >= 1


def test_a_login_that_expires_in_the_middle_is_renewed(large: VCenter, tmp_path: Path) -> None:
    with cut_proxy("127.0.0.1", large.port) as proxy:
        proxy.faults.delay = 0.02  # so that the session can be ended while pages arrive
        url = f"https://127.0.0.1:{proxy.port}/sdk"
        project = large_project(large, tmp_path / "p", url)
        before = len(large.requests())
        ended = list[int]()
        killer = threading.Thread(target=lambda: ended.append(end_other_sessions(large)))
        killer.start()
        inventory = collected(project)
        killer.join()
    assert ended == [1], "the session was not ended while mtv was at work"
    assert len(inventory.vms) == MANY
    logins = [each for each in large.requests()[before:] if each.method == "Login"]
    # One is the killer's, one mtv's first, one its second.
    assert len(logins) == 3


def test_ctrl_c_does_not_wait_for_a_page(large: VCenter, tmp_path: Path) -> None:
    # The last one: it leaves a session at the server, which could not hear the logout.
    with cut_proxy("127.0.0.1", large.port) as proxy:
        project = large_project(large, tmp_path / "p", f"https://127.0.0.1:{proxy.port}/sdk")
        before = len(large.requests())

        def a_page_is_on_its_way() -> bool:
            asked = {each.method for each in large.requests()[before:]}
            if "CreateContainerView" not in asked:
                return False
            proxy.faults.stall = True
            time.sleep(1)
            return True

        ended = project.interrupt_when(("collect",), a_page_is_on_its_way)
    assert ended.code == 130, ended
    assert "Traceback" not in ended.stderr
