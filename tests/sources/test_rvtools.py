"""A workbook of RVTools as an inventory: facts, joins, and what is said of what is missing."""

import random
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mtv.errors import SourceError
from mtv.model.collection import CollectOptions
from mtv.model.estate import Inventory
from mtv.model.vm import Backing, Firmware, Power
from mtv.sources import Source, open_source
from mtv.tasks import Connection, Progress
from tests.real.rvtools import (
    VCENTER,
    Table,
    common,
    disk,
    info,
    large_estate,
    nic,
    small_estate,
    write_estate,
    write_workbook,
)

GIB = 1024**3


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "estate.xlsx"


def opened(path: Path) -> Source:
    return open_source(Connection(name="rv", kind="rvtools", path=str(path)))


def collect(path: Path) -> Inventory:
    source = opened(path)
    try:
        return source.collect(lambda _: None, CollectOptions())
    finally:
        source.close()


def collected(path: Path, estate: Mapping[str, Sequence[Table]]) -> Inventory:
    return collect(write_estate(path, estate))


def said(inventory: Inventory) -> str:
    return "\n".join(inventory.unreadable)


def test_the_small_estate_is_there_by_value(book: Path) -> None:
    inventory = collected(book, small_estate())
    assert inventory.product == "rvtools"
    assert inventory.assessment_only
    assert inventory.version == "RVTools 4.4.1.0 of vCenter 8.0.2 build 22385739"
    assert inventory.instance == VCENTER
    assert inventory.collected_at == "2026-11-22T10:00:00Z"
    web01, db01, golden = inventory.vms
    assert (web01.id, web01.name, web01.power) == ("vm-21", "web01", Power.ON)
    assert (db01.power, golden.is_template) == (Power.OFF, True)
    assert web01.uuid == "4215a3c0-1111-2222-3333-000000000021"
    assert web01.instance_uuid == "5015a3c0-1111-2222-3333-000000000021"
    assert (web01.sockets, web01.cores_per_socket, web01.memory_bytes) == (2, 2, 8 * GIB)
    assert (golden.sockets, golden.cores_per_socket) == (4, 1)
    assert web01.cpu_allocation is None
    assert db01.cpu_allocation is not None
    assert db01.cpu_allocation.limit_mhz == 2000
    assert web01.folder == "shop/web"
    assert web01.firmware is Firmware.EFI
    assert web01.guest_id == "debian12_64Guest"
    assert web01.custom_attributes == {"Owner": "Ada"}
    assert web01.disks[0].capacity_bytes == 10 * GIB
    assert web01.disks[0].datastore == inventory.datastores[0].id == "datastore:gold"
    assert db01.disks[0].backing is Backing.RDM_PHYSICAL
    assert web01.tools_running is True
    assert [s.created_at for s in web01.snapshots] == ["2026-10-12T10:00:00+00:00"]
    assert web01.guest is not None
    assert web01.guest.file_systems[0].free_bytes == 8 * GIB
    networks = {each.id: each for each in inventory.networks}
    assert networks[web01.nics[0].network or ""].kind == "dvportgroup"
    assert networks[web01.nics[0].network or ""].vlan == 10
    assert networks[db01.nics[0].network or ""].switch == "vSwitch0"
    assert [each.name for each in inventory.networks if each.is_uplink] == ["dvs-prod-DVUplinks-7"]
    assert "Management Network" not in {each.name for each in inventory.networks}
    (cluster,) = inventory.clusters
    assert cluster.availability is not None
    assert (cluster.id, cluster.availability.enabled) == ("cluster:prod", True)
    esx1, esx2 = inventory.hosts
    assert (esx1.cores, esx1.memory_bytes, esx1.version) == (32, 256 * GIB, "8.0.2")
    assert (esx2.cores, esx2.memory_bytes, esx2.cluster) == (None, None, "cluster:prod")
    assert esx1.interfaces[0].addresses == ("192.0.2.5/24",)
    assert esx1.switches[0].uplinks == ("vmnic0",)
    assert inventory.resource_pools[0].vms == ("vm-21", "vm-22", "vm-23")


def test_it_is_written_and_read_again_as_it_is(book: Path) -> None:
    inventory = collected(book, small_estate())
    assert msgspec.json.decode(msgspec.json.encode(inventory), type=Inventory) == inventory


def test_every_reference_leads_to_an_object(book: Path) -> None:
    for inventory in (collected(book, small_estate()), collected(book, two_vcenters())):
        ids = {
            each.id
            for group in ("datastores", "networks", "clusters", "hosts", "resource_pools")
            for each in getattr(inventory, group)
        }
        for vm in inventory.vms:
            refs = [vm.host, vm.cluster, vm.pool]
            refs += [each.datastore for each in vm.disks] + [each.network for each in vm.nics]
            assert set(refs) <= ids


def test_versions_3_and_4_say_the_same(book: Path) -> None:
    old, new = collected(book, small_estate("MB")), collected(book, small_estate("MiB"))
    assert old == new


def test_columns_are_found_by_name_wherever_they_stand(book: Path) -> None:
    estate = small_estate()
    plain = collected(book, estate)
    dice = random.Random(7)
    shuffled = dict[str, list[Table]]()
    for name, records in estate.items():
        headers = list(dict.fromkeys(header for record in records for header in record))
        dice.shuffle(headers)
        shuffled[name] = [
            {header.upper().replace(" ", "_"): record.get(header, "") for header in headers}
            for record in records
        ]
    found = collected(book, shuffled)
    for each in ("datastores", "hosts", "clusters", "networks", "resource_pools", "switches"):
        assert len(getattr(found, each)) == len(getattr(plain, each))
    assert [vm.memory_bytes for vm in found.vms] == [vm.memory_bytes for vm in plain.vms]
    assert [vm.disks for vm in found.vms] == [vm.disks for vm in plain.vms]
    assert found.datastores == plain.datastores


@pytest.mark.parametrize(
    ("capacity", "moment"),
    [
        ("10.240", "12.10.2026 10:00:00"),
        ("10,240", "10/12/2026 10:00:00 AM"),
        ("10\u202f240", "12/10/2026 10:00:00"),
        ("10'240", "12.10.2026 10:00"),
        (10240, datetime(2026, 10, 12, 10)),
        ("10240", 46307.416666666664),
    ],
)
def test_numbers_and_dates_of_other_locales(book: Path, capacity: Any, moment: Any) -> None:
    estate = small_estate()
    estate["vDisk"][0]["Capacity MiB"] = capacity
    estate["vSnapshot"][0]["Date / time"] = moment
    # The day or the month of another one in the same sheet says which comes first.
    last = "12/31/2026 9:00:00 AM" if "AM" in str(moment) else "31/12/2026 09:00:00"
    estate["vSnapshot"].append({**common("db01", 22), "Name": "later", "Date / time": last})
    web01 = collected(book, estate).vms[0]
    assert web01.disks[0].capacity_bytes == 10 * GIB
    assert web01.snapshots[0].created_at == "2026-10-12T10:00:00+00:00"


def test_an_ambiguous_date_is_unknown_and_said_to_be(book: Path) -> None:
    estate = small_estate()
    estate["vSnapshot"][0]["Date / time"] = "03/04/2026 10:00:00"
    inventory = collected(book, estate)
    assert inventory.vms[0].snapshots[0].created_at == ""
    assert "1 cells of 'Date / time' could be day/month or month/day" in said(inventory)
    assert "1 snapshots have no readable date" in said(inventory)
    assert inventory.vms[0].native["vSnapshot[1].Date / time"] == "03/04/2026 10:00:00"


def test_gigabytes_and_terabytes_come_from_the_header(book: Path) -> None:
    estate = small_estate()
    estate["vDatastore"][0].pop("Capacity MiB")
    estate["vDatastore"][0].pop("Free MiB")
    estate["vDatastore"][0] |= {"Capacity TB": 2, "Free (GiB)": "1.5"}
    (gold,) = collected(book, estate).datastores
    assert (gold.capacity_bytes, gold.free_bytes) == (2048 * GIB, 3 * GIB // 2)


OTHERS = [
    *("vCPU", "vMemory", "vDisk", "vPartition", "vNetwork", "vSnapshot", "vTools", "vCD"),
    *("vFloppy", "vUSB", "vRP", "vCluster", "vHost", "vHBA", "vNIC", "vSwitch", "vPort"),
    *("dvSwitch", "dvPort", "vSC_VMK", "vDatastore"),
]


@pytest.mark.parametrize("sheet", OTHERS)
def test_a_missing_sheet_is_said_and_nothing_is_made_up(book: Path, sheet: str) -> None:
    whole = collected(book, small_estate())
    assert f"no sheet {sheet}" not in said(whole)
    estate = small_estate()
    del estate[sheet]
    inventory = collected(book, estate)
    assert f"the workbook has no sheet {sheet}: " in said(inventory)
    assert "known" in next(each for each in inventory.unreadable if f"no sheet {sheet}" in each)
    assert len(inventory.vms) == 3


def test_vinfo_alone_is_an_inventory(book: Path) -> None:
    inventory = collected(book, {"vInfo": small_estate()["vInfo"]})
    web01 = inventory.vms[0]
    assert (web01.sockets, web01.memory_bytes) == (4, 8 * GIB)
    assert (web01.disks, web01.nics, web01.snapshots) == ((), (), ())
    assert inventory.clusters[0].balancing is None
    assert inventory.hosts[0].cores is None
    for sheet in OTHERS:
        assert f"no sheet {sheet}: " in said(inventory)


@pytest.mark.parametrize(
    ("estate", "says"),
    [
        ({"vHost": [{"Host": "esx1"}]}, "has no sheet vInfo"),
        ({"vInfo": [{"Name": "web01", "VM ID": "vm-1"}]}, "the sheet vInfo has no column VM"),
        ({"vInfo": [{"VM": "web01", "CPUs": 4}]}, "has neither VM IDs nor UUIDs"),
        ({"vInfo": []}, "the sheet vInfo has no VMs"),
        ({"vInfo": [{"VM": "", "VM ID": ""}]}, "the sheet vInfo has no VMs"),
    ],
)
def test_without_vms_that_can_be_told_apart_there_is_no_inventory(
    book: Path, estate: dict[str, list[Table]], says: str
) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        collected(book, estate)
    assert caught.value.hint


def test_missing_columns_are_named(book: Path) -> None:
    estate = small_estate()
    for record in estate["vDisk"]:
        del record["Raw"]
        record.pop("Raw Comp. Mode", None)
    inventory = collected(book, estate)
    assert "vDisk has no column Raw" in said(inventory)
    assert inventory.vms[0].disks[0].backing is Backing.OTHER
    assert "3 disks do not say whether, or in which mode, they are raw device mappings" in said(
        inventory
    )


def test_unknown_facts_that_cannot_be_none_are_said(book: Path) -> None:
    bare = common("web01", 21)
    inventory = collected(book, {"vInfo": [bare], "vDisk": [{**bare, "Disk": "Hard disk 1"}]})
    for what in ("no number of CPUs", "no memory size", "BIOS is assumed", "no capacity"):
        assert what in said(inventory)


def test_rows_that_are_none_are_passed_over_and_said(book: Path) -> None:
    estate = small_estate()
    estate["vInfo"][1:1] = [{}, dict(estate["vInfo"][0]), {"CPUs": 3}]
    estate["vInfo"].append(info("other", 21, Annotation="another one"))
    estate["vInfo"].append({"VM": "nameless", "CPUs": 2})
    estate["vInfo"].append({**info("placeholder", 99), "SRM Placeholder": True})
    estate["vDisk"] += [disk("placeholder", 99), disk("ghost", 98)]
    inventory = collected(book, estate)
    assert [vm.name for vm in inventory.vms] == ["web01", "db01", "golden"]
    twice, left_out, *_ = inventory.left_out
    assert "vInfo: 1 rows stand there twice and are read once" in twice
    assert "vInfo: 1 rows name no VM and are left out" in said(inventory)
    assert "vInfo: 1 rows have the id of another VM" in said(inventory)
    assert "1 VMs have neither a VM ID nor a UUID and are left out" in said(inventory)
    assert "vDisk: 1 rows belong to no VM of vInfo" in said(inventory)
    assert "ghost in row 6" in said(inventory)
    assert "1 placeholders of Site Recovery Manager" in left_out


def test_fewer_disks_than_vinfo_counts_are_said(book: Path) -> None:
    estate = small_estate()
    estate["vInfo"][0]["Disks"] = 3
    assert "1 VMs have fewer rows in vDisk than vInfo counts disks" in said(collected(book, estate))


def test_rows_find_their_vm_by_uuid_and_by_name(book: Path) -> None:
    for missing in (["VM ID"], ["VM ID", "VM UUID"]):
        estate = small_estate()
        for name in missing:
            for record in estate["vDisk"]:
                record.pop(name)
        found = collected(book, estate)
        assert [len(vm.disks) for vm in found.vms] == [1, 1, 1]
        assert [vm.id for vm in found.vms] == ["vm-21", "vm-22", "vm-23"]


def test_rows_of_two_vms_of_one_name_are_not_guessed(book: Path) -> None:
    estate = small_estate()
    estate["vInfo"].append(info("web01", 24))
    for record in estate["vDisk"]:
        record.pop("VM ID")
        record.pop("VM UUID")
    inventory = collected(book, estate)
    assert {vm.id: len(vm.disks) for vm in inventory.vms}["vm-21"] == 0
    assert "vDisk: 1 rows belong to no VM of vInfo, or nothing says to which" in said(inventory)


def test_an_old_version_knows_the_smbios_uuid_by_another_name(book: Path) -> None:
    estate = small_estate("MB")
    for record in estate["vInfo"]:
        del record["SMBIOS UUID"], record["VM ID"]
    web01 = collected(book, estate).vms[0]
    assert web01.uuid == web01.id == "5015a3c0-1111-2222-3333-000000000021"
    assert web01.instance_uuid is None


def two_vcenters() -> dict[str, list[Table]]:
    """The same names and ids in two vCenters."""
    first, second = small_estate(), small_estate()
    other = {"VI SDK UUID": "ffff4e2a-0002", "VI SDK Server": "vc2.example.com"}
    for records in first.values():
        for record in records:
            record |= {"VI SDK UUID": VCENTER, "VI SDK Server": "vc1.example.com"}
    for records in second.values():
        for record in records:
            record |= other
    second["vDisk"][0]["Capacity MiB"] = 2048
    return {name: [*records, *second[name]] for name, records in first.items()}


def test_several_vcenters_stay_apart(book: Path) -> None:
    inventory = collected(book, two_vcenters())
    ids = [vm.id for vm in inventory.vms]
    assert len(ids) == len(set(ids)) == 6
    assert ids[0] == "vc1.example.com:vm-21"
    assert [inventory.vms[i].disks[0].capacity_bytes for i in (0, 3)] == [10 * GIB, 2 * GIB]
    assert {each.id for each in inventory.datastores} == {
        "vc1.example.com:datastore:gold",
        "vc2.example.com:datastore:gold",
    }
    assert inventory.vms[3].disks[0].datastore == "vc2.example.com:datastore:gold"
    assert any("is of 2 vCenters (vc1.example.com, vc2" in each for each in inventory.left_out)
    assert set(inventory.instance.split(",")) == {VCENTER, "ffff4e2a-0002"}


def test_names_of_several_places_stay_apart(book: Path) -> None:
    estate = small_estate()
    far: Table = {"Datacenter": "DC1", "Host": "esx9.example.com"}
    estate["vInfo"].append(info("far01", 31, **far))
    estate["vDisk"].append(disk("far01", 31, **far))
    estate["vDatastore"].append(
        {"Name": "gold", "Type": "NFS", "Capacity MiB": 1, "Hosts": "esx9.example.com"}
    )
    estate["vNetwork"].append(nic("far01", 31, Network="VM Network", Switch="vSwitch0", **far))
    inventory = collected(book, estate)
    near, far01 = inventory.vms[1], inventory.vms[3]
    assert near.disks[0].datastore == "datastore:DC0/gold"
    assert far01.disks[0].datastore == "datastore:DC1/gold"
    assert {each.id: each.kind for each in inventory.datastores}["datastore:DC1/gold"] == "NFS"
    assert (near.cluster, far01.cluster) == ("cluster:DC0/prod", "cluster:DC1/prod")
    assert near.nics[0].network != far01.nics[0].network


@pytest.mark.parametrize(
    ("cell", "vlan", "trunk"),
    [
        *((10, 10, None), ("10", 10, None), (0, None, None), (4095, None, "0-4094")),
        *(("0-4094", None, "0-4094"), ("10, 20-30", None, "10,20-30"), ("VLAN 7", 7, None)),
        ("private 5/6", None, None),
    ],
)
def test_a_vlan_is_an_access_vlan_or_a_trunk(
    book: Path, cell: Any, vlan: int | None, trunk: str | None
) -> None:
    estate = small_estate()
    estate["dvPort"][0]["VLAN"] = cell
    network = collected(book, estate).networks[0]
    assert (network.vlan, network.vlan_trunk) == (vlan, trunk)
    kept = {"dvPort.VLAN": cell} if cell == "private 5/6" else {}
    assert network.native == kept


def test_of_two_columns_for_one_field_the_first_name_goes_before(book: Path) -> None:
    estate = small_estate()
    estate["vDisk"][0] = {"Path": "[silver] other.vmdk", **estate["vDisk"][0]}
    assert collected(book, estate).vms[0].disks[0].path == "[gold] web01/web01.vmdk"
    estate["vDisk"][0]["Disk Path"] = ""
    assert collected(book, estate).vms[0].disks[0].path == "[silver] other.vmdk"


def test_a_title_above_the_header_does_no_harm(book: Path) -> None:
    rows: list[list[Any]] = [
        ["Export of the shop"],
        [],
        ["VM", "VM ID", "CPUs", "Memory"],
        ["web01", "vm-1", 2, 512],
    ]
    write_workbook(book, {"vInfo": rows})
    (web01,) = collect(book).vms
    assert (web01.id, web01.sockets, web01.memory_bytes) == ("vm-1", 2, GIB // 2)


def test_custom_attributes_repeat_on_other_sheets_and_unknown_columns_are_kept(book: Path) -> None:
    estate = small_estate()
    for records in (estate["vDisk"], estate["vCPU"]):
        for record in records:
            record["Owner"] = "Ada"
    estate["vDisk"][0]["Moon phase"] = "full"
    estate["vDatastore"][0]["MHA"] = True
    inventory = collected(book, estate)
    assert inventory.vms[0].disks[0].native == {"vDisk.Moon phase": "full"}
    assert "vCPU.Owner" not in inventory.vms[0].native
    assert inventory.datastores[0].native == {"vDatastore.MHA": True}


def test_sheets_that_are_not_read_are_said(book: Path) -> None:
    estate = small_estate() | {"vLicense": [{"Name": "key"}], "my notes": [{"a": 1}]}
    inventory = collected(book, estate)
    assert any("the sheet vLicense is not read" in each for each in inventory.left_out)
    assert "sheets that mtv does not know and does not read: my notes" in inventory.left_out


def test_a_cell_that_cannot_be_read_stays_as_it_is(book: Path) -> None:
    estate = small_estate()
    estate["vHost"][0]["# Memory"] = "plenty"
    inventory = collected(book, estate)
    assert inventory.hosts[0].memory_bytes is None
    assert inventory.hosts[0].native["vHost.# Memory"] == "plenty"
    assert "vHost: 1 cells of '# Memory' are no numbers, for example 'plenty' in row 2" in said(
        inventory
    )


def test_a_workbook_is_assessed_and_not_migrated(book: Path) -> None:
    source = opened(write_estate(book, small_estate()))
    assert source.lacks() == ()
    says = "rv is a workbook: it can be assessed, not migrated"
    with pytest.raises(SourceError, match=says):
        source.power("vm-21")
    with pytest.raises(SourceError, match=says) as caught:
        source.open_disk("vm-21", "2000")
    assert "connect the vCenter itself" in caught.value.hint
    with pytest.raises(SourceError, match=says):
        source.shut_down("vm-21", grace_seconds=1, cancelled=threading.Event())
    source.close()


def test_progress_names_the_sheets(book: Path) -> None:
    source = opened(write_estate(book, small_estate()))
    told = list[Progress]()
    source.collect(told.append, CollectOptions())
    source.close()
    assert "reading vDisk" in [each.says for each in told]
    assert (told[-1].done, told[-1].total) == (len(told) - 1, len(told) - 1)


def test_a_large_workbook_is_read_whole(book: Path) -> None:
    inventory = collected(book, large_estate(300))
    assert len(inventory.vms) == 300
    assert all(len(vm.disks) == len(vm.nics) == 1 for vm in inventory.vms)
    assert len({vm.id for vm in inventory.vms}) == 300
