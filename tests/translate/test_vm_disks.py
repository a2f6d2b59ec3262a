"""Disks of VMs as devices: rows ``disk.*`` of mappings/terms/vm-devices.yaml."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from mtv.knowledge.versions import versions
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.storage import LogicalUnit
from mtv.model.target import ClaimProperties, StorageClass
from mtv.model.vm import Backing, Device, Disk, Vm
from mtv.sources.vsphere.storage import lun_name, unseen_units
from mtv.translate import Translation
from tests.estates import (
    GIB,
    inventory,
    plain_datastore,
    plain_disk,
    plain_target,
    plain_vm,
    translated,
    translated_inventory,
)
from tests.real.schemas import require_schemas
from tests.translate.strategies import DEVICES, nouns
from tests.validation import There, check_set

RELEASES = [each.openshift for each in versions().releases]
ISCSI, FIBRE = "36001405ca0bebfd248e52929b9aae0b3", "naa.6001405185d3aeacf0d563d82c02cf47"


def disks_of(translation: Translation, number: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec_of(translation, number)["domain"]["devices"]["disks"]
    return found


def spec_of(translation: Translation, number: int = 0) -> dict[str, Any]:
    made = translation.manifests(translation.vms[number])[0]
    spec: dict[str, Any] = made["spec"]["template"]["spec"]
    return spec


def told(translation: Translation, row: str) -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


def one_disk(**changes: Any) -> dict[str, Any]:
    (found,) = disks_of(translated(plain_vm(disks=(plain_disk(**changes),))))
    return found


def rhv(*vms: Vm, **changes: Any) -> Translation:
    """What becomes of VMs of RHV; their disks lie on datastore-1."""
    return translated_inventory(inventory(*vms, product="rhv", **changes))


def rhv_disk(**changes: Any) -> Disk:
    """A disk as RHV tells it."""
    key = "c3017137-73d9-5bd7-903f-1f287d724f1e"
    plain = {"backing": Backing.IMAGE, "mode": "", "controller": "virtio", "uuid": None}
    return plain_disk(**{"key": key, "serial": key, "path": "image-1", **plain, **changes})


def valid(translation: Translation) -> None:
    require_schemas()
    site = translation.site
    found = check_set(list(translation.every_manifest()), site.release, There.of(site.target))
    assert found.faults == []


# -- bus


@pytest.mark.parametrize(
    ("interface", "bus"),
    [("virtio", "virtio"), ("virtio_scsi", "scsi"), ("sata", "sata"), ("ide", "sata")],
)
def test_a_disk_of_rhv_keeps_its_interface(interface: str, bus: str) -> None:
    """Row disk.interface."""
    (disk,) = disks_of(rhv(plain_vm(disks=(rhv_disk(controller=interface),))))
    assert disk["disk"] == {"bus": bus}


def test_what_follows_from_ide_in_a_guest_of_rhv_is_told() -> None:
    """Row disk.interface."""
    translation = rhv(plain_vm(disks=(rhv_disk(controller="ide"),)))
    (found,) = told(translation, "disk.interface")
    assert found.says == "IDE disks get another bus (q35 has no IDE), sata: web01"
    assert "storahci" in found.remedy
    assert told(rhv(plain_vm(disks=(rhv_disk(),))), "disk.interface") == []


@pytest.mark.parametrize("controller", ["pvscsi", "lsilogic", "buslogic", "ide", "nvme", "ahci"])
def test_the_guest_system_chooses_the_bus_of_a_disk_of_vsphere(controller: str) -> None:
    """Row disk.controller."""
    assert one_disk(controller=controller)["disk"] == {"bus": "virtio"}


def test_old_controllers_are_told_once_with_all_their_vms() -> None:
    """Row disk.controller."""
    vms = [
        plain_vm(id=f"vm-{n}", name=f"old{n}", disks=(plain_disk(controller="buslogic"),))
        for n in range(7)
    ]
    (found,) = told(translated(*vms), "disk.controller")
    assert found.category is Category.INFORMATION
    assert found.says == (
        "disks on BusLogic SCSI get another bus, virtio: old0, old1, old2, old3, old4 "
        "and 2 more VMs"
    )


def test_a_sata_disk_that_stays_one_is_not_told() -> None:
    """Row disk.controller."""
    vm = plain_vm(guest_id="freebsd13_64Guest", disks=(plain_disk(controller="ahci"),))
    translation = translated(vm)
    assert disks_of(translation)[0]["disk"] == {"bus": "sata"}
    assert told(translation, "disk.controller") == []


# -- serial numbers


@pytest.mark.parametrize(
    ("controller", "serial"),
    [
        ("virtio", "c3017137-73d9-5bd7-9"),
        ("sata", "c3017137-73d9-5bd7-9"),
        ("virtio_scsi", "c3017137-73d9-5bd7-903f-1f287d724f1e"),
    ],
)
def test_a_guest_of_rhv_sees_the_serial_number_that_it_saw(controller: str, serial: str) -> None:
    """Row disk.serial: virtio and ATA show 20 letters, SCSI 36."""
    (disk,) = disks_of(rhv(plain_vm(disks=(rhv_disk(controller=controller),))))
    assert disk["serial"] == serial


def test_a_disk_of_vsphere_has_the_digits_of_its_uuid() -> None:
    """Row disk.uuid."""
    assert one_disk()["serial"] == "6000c29b123456789abc"
    assert "serial" not in one_disk(uuid=None)


def test_serial_numbers_that_begin_alike_are_told_apart() -> None:
    """Row disk.serial: what a guest sees of two UUIDs may be the same."""
    alike = ("6000C29B-1234-5678-9abc-def012345678", "6000C29B-1234-5678-9abc-def099999999")
    disks = tuple(plain_disk(key=f"200{n}", unit=n, uuid=uuid) for n, uuid in enumerate(alike))
    translation = translated(plain_vm(disks=disks))
    one, two = (each["serial"] for each in disks_of(translation))
    assert one == "6000c29b123456789abc"
    assert two != one
    assert len(two) == len(one)
    (found,) = told(translation, "disk.serial")
    assert (found.category, found.ref) == (Category.WARNING, "vc1/vm-1")
    again = translated(plain_vm(disks=disks))
    assert [each["serial"] for each in disks_of(again)] == [one, two]


@pytest.mark.parametrize("hostile", ["a\n<b>'\"&${x}", "🔥", "../../etc", "x" * 500])
def test_a_hostile_serial_number_is_one_that_kubevirt_takes(hostile: str) -> None:
    """Row disk.serial."""
    translation = rhv(plain_vm(disks=(rhv_disk(serial=hostile),)))
    valid(translation)
    assert len(disks_of(translation)[0].get("serial", "")) <= 20


# -- order, cache, errors


def test_a_bootable_disk_is_tried_first() -> None:
    """Row disk.bootable."""
    disks = (rhv_disk(key="a"), rhv_disk(key="b", unit=1, bootable=True))
    orders = {each["name"]: each["bootOrder"] for each in disks_of(rhv(plain_vm(disks=disks)))}
    assert orders == {"disk-a": 2, "disk-b": 1}


def test_write_through_is_a_cache_mode() -> None:
    """Row disk.write-through."""
    assert one_disk(write_through=True)["cache"] == "writethrough"
    assert "cache" not in one_disk(write_through=False)


def test_propagated_errors_are_reported_to_the_guest() -> None:
    """Row disk.errors."""
    assert one_disk(propagate_errors=True)["errorPolicy"] == "report"
    assert "errorPolicy" not in one_disk(propagate_errors=False)


def test_a_read_only_disk_stays_one_unless_it_is_a_sata_disk() -> None:
    """Row disk.read-only: libvirt refuses read-only SATA disks."""
    assert one_disk(read_only=True)["disk"] == {"bus": "virtio", "readonly": True}
    vm = plain_vm(guest_id="freebsd13_64Guest", disks=(plain_disk(read_only=True),))
    translation = translated(vm)
    assert disks_of(translation)[0]["disk"] == {"bus": "sata"}
    (found,) = told(translation, "disk.read-only")
    assert found.category is Category.WARNING


def test_an_unplugged_disk_is_copied_and_not_attached() -> None:
    """Row disk.active."""
    disks = (rhv_disk(key="a"), rhv_disk(key="b", unit=1, active=False))
    translation = rhv(plain_vm(disks=disks))
    made = translation.manifests(translation.vms[0])
    claims = [each["metadata"]["name"] for each in made if each["kind"] == "DataVolume"]
    assert claims == ["web01-disk-a", "web01-disk-b"]
    assert [each["name"] for each in disks_of(translation)] == ["disk-a"]
    assert [each["name"] for each in spec_of(translation)["volumes"]] == ["disk-a"]
    (found,) = told(translation, "disk.active")
    assert "virtctl addvolume" in found.remedy


def test_a_disk_that_forgets_is_an_ephemeral_volume() -> None:
    """Row disk.mode."""
    translation = translated(plain_vm(disks=(plain_disk(mode="independent_nonpersistent"),)))
    (volume,) = spec_of(translation)["volumes"]
    claim = {"persistentVolumeClaim": {"claimName": "web01-disk-2000"}}
    assert volume == {"name": "disk-2000", "ephemeral": claim}
    assert "ephemeral volume" in translation.vms[0].obstacles[0]
    assert told(translation, "disk.mode")[0].category is Category.WARNING
    valid(translation)


def test_a_disk_that_is_not_well_is_told() -> None:
    """Row disk.status."""
    translation = rhv(plain_vm(disks=(rhv_disk(status="illegal"),)))
    (found,) = told(translation, "disk.status")
    assert "cannot be copied meanwhile: web01" in found.says
    assert told(rhv(plain_vm(disks=(rhv_disk(status="ok"),))), "disk.status") == []


def test_change_tracking_and_a_quota_of_its_own_are_reported() -> None:
    """Rows disk.change-tracking and disk.quota."""
    disk = rhv_disk(change_tracking=True, quota="q-1")
    entries = {each.row: each for each in rhv(plain_vm(disks=(disk,))).ledger.entries}
    assert entries["disk.change-tracking"].refs == ("vc1/vm-1",)
    assert "(q-1)" in entries["disk.quota"].says


def test_deltas_and_encryption_are_reported() -> None:
    """Row disk.kind."""
    entries = translated(plain_vm(disks=(plain_disk(encrypted=True),))).ledger.entries
    assert "disk.kind" in {each.row for each in entries}


def test_numbers_of_controllers_change_nothing() -> None:
    """Row disk.controller-key."""
    assert one_disk(controller_key="1000") == one_disk()


# -- shared disks


def sharers(*namespaces: str | None, **changes: Any) -> Translation:
    """VMs that share a disk; each with a disk of its own."""
    shared = plain_disk(
        key="2001",
        unit=1,
        shared=True,
        path="[gold] quorum.vmdk",
        uuid="20010000-1111-2222-3333-444455556666",
        **changes,
    )
    vms = [
        plain_vm(id=f"vm-{n}", name=f"node{n}", nics=(), disks=(plain_disk(), shared))
        for n in range(1, len(namespaces) + 1)
    ]
    homes = {f"vc1/vm-{n}": name for n, name in enumerate(namespaces, 1) if name}
    return translated(*vms, namespaces=homes)


def test_a_shared_disk_is_one_claim_that_all_sharers_attach() -> None:
    """Row disk.shared."""
    translation = sharers(None, None, None)
    (claim,) = (each for each in translation.platform if each["kind"] == "DataVolume")
    assert claim["metadata"]["name"] == "node1-disk-2001"
    storage = claim["spec"]["storage"]
    assert (storage["accessModes"], storage["volumeMode"]) == (["ReadWriteMany"], "Block")
    for number, vm in enumerate(translation.vms):
        assert disks_of(translation, number)[1] == {
            "name": "disk-2001",
            "disk": {"bus": "virtio"},
            "bootOrder": 2,
            "serial": "20010000111122223333",
            "shareable": True,
            "cache": "none",
            "errorPolicy": "report",
        }
        volume = spec_of(translation, number)["volumes"][1]
        assert volume == {"name": "disk-2001", "dataVolume": {"name": "node1-disk-2001"}}
        made = [each["metadata"]["name"] for each in translation.manifests(vm)]
        assert made == [vm.name, f"{vm.name}-disk-2000"]
        assert vm.obstacles == ()
    valid(translation)


def test_sharers_are_told_that_they_go_together() -> None:
    """Row disk.shared."""
    (found,) = told(sharers(None, None), "disk.shared")
    assert found.category is Category.INFORMATION
    assert "node1, node2" in found.says


def test_sharers_of_several_namespaces_wait() -> None:
    """Row disk.shared."""
    translation = sharers("one", "two")
    found = next(each for each in told(translation, "disk.shared") if each.holds_back)
    assert found.category is Category.BLOCKER
    assert "of the namespaces one, two: node1, node2" in found.says
    assert found.holds_back == ("vc1/vm-1", "vc1/vm-2")
    assert translation.vms == ()
    assert [each for each in translation.platform if each["kind"] == "DataVolume"] == []


def test_a_class_without_shared_block_volumes_keeps_sharers_waiting() -> None:
    """Row disk.shared."""
    translation = sharers(None, None, datastore="datastore-2")
    found = next(each for each in told(translation, "disk.shared") if each.holds_back)
    assert found.name == "silver-nfs"
    assert found.holds_back == ("vc1/vm-1", "vc1/vm-2")


def test_a_class_gives_shared_disks_its_other_kind_of_volume() -> None:
    """Row disk.shared: file systems are a class's first choice, blocks it can too."""
    both = (
        ClaimProperties(access_modes=("ReadWriteOnce",), volume_mode="Filesystem"),
        ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Block"),
    )
    target = plain_target(storage_classes=(StorageClass(name="gold-block", claim_properties=both),))
    translation = translated(plain_vm(disks=(plain_disk(shared=True),)), target=target)
    claim = translation.manifests(translation.vms[0])[1]
    assert claim["spec"]["storage"]["volumeMode"] == "Block"
    assert disks_of(translation)[0]["shareable"] is True


def test_a_sharer_that_stays_behind_is_told() -> None:
    """Row disk.shared."""
    shared = plain_disk(shared=True)
    vms = (
        plain_vm(id="vm-1", name="stays", disks=(shared, plain_disk(key="2001", encrypted=True))),
        plain_vm(id="vm-2", name="goes", disks=(shared,)),
    )
    translation = translated(*vms)
    assert [vm.name for vm in translation.vms] == ["goes"]
    says = [each.says for each in told(translation, "disk.shared")]
    assert "Hard disk 1 is shared with VMs that are not translated: stays" in says
    # Its claim has the name that it will have when the other one follows.
    assert spec_of(translation)["volumes"][0]["dataVolume"] == {"name": "stays-disk-2000"}


def test_a_shared_disk_of_rhv_is_known_by_its_id() -> None:
    """Row disk.shared."""
    disk = rhv_disk(shared=True, scsi_reservation=True)
    vms = [plain_vm(id=f"vm-{n}", name=f"node{n}", disks=(disk,)) for n in (1, 2)]
    translation = rhv(*vms)
    names = {spec_of(translation, n)["volumes"][0]["dataVolume"]["name"] for n in (0, 1)}
    assert len(names) == 1
    (found,) = told(translation, "disk.reservation")
    assert "files cannot be reserved" in found.says


@pytest.mark.parametrize("sharing", ["physicalSharing", "virtualSharing"])
def test_a_disk_on_a_shared_controller_is_shareable(sharing: str) -> None:
    """Row disk.reservation."""
    translation = translated(plain_vm(disks=(plain_disk(bus_sharing=sharing),)))
    assert disks_of(translation)[0]["shareable"] is True
    assert "LUN of an array" in told(translation, "disk.reservation")[0].remedy


# -- LUNs


def portal(**changes: Any) -> LogicalUnit:
    unit = LogicalUnit(
        id=ISCSI,
        kind="iscsi",
        capacity_bytes=500 * GIB,
        address="10.5.0.20",
        port=3261,
        target="iqn.2015-03.example:lun01",
        lun=7,
    )
    return msgspec.structs.replace(unit, **changes)


def direct_lun(**changes: Any) -> Disk:
    plain = {"backing": Backing.LUN, "datastore": None, "logical_unit": ISCSI, "key": "lun"}
    return rhv_disk(**{"unit": 1, "capacity_bytes": 0, **plain, **changes})


def kinds(translation: Translation) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in translation.platform}


def test_a_direct_lun_of_rhv_is_a_volume_of_the_same_portal() -> None:
    """Row disk.lun."""
    vm = plain_vm(disks=(rhv_disk(), direct_lun()))
    translation = rhv(vm, logical_units=(portal(),))
    volume, claim = (kinds(translation)[k] for k in ("PersistentVolume", "PersistentVolumeClaim"))
    name = f"lun-{ISCSI}"
    assert volume["metadata"]["name"] == claim["metadata"]["name"] == name
    assert volume["spec"] == {
        "capacity": {"storage": f"{500 * 1024}Mi"},
        "volumeMode": "Block",
        "accessModes": ["ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {"namespace": "imported-vms", "name": name},
        "iscsi": {
            "targetPortal": "10.5.0.20:3261",
            "iqn": "iqn.2015-03.example:lun01",
            "lun": 7,
        },
    }
    assert claim["spec"]["volumeName"] == name
    assert claim["spec"]["storageClassName"] == ""
    assert disks_of(translation)[1] == {
        "name": "disk-lun",
        "lun": {"bus": "scsi"},
        "bootOrder": 2,
    }
    volume = spec_of(translation)["volumes"][1]
    assert volume == {"name": "disk-lun", "persistentVolumeClaim": {"claimName": name}}
    made = translation.manifests(translation.vms[0])
    assert [each["kind"] for each in made] == ["VirtualMachine", "DataVolume"]
    assert translation.vms[0].obstacles == ()
    valid(translation)


def test_a_physical_rdm_is_found_by_its_wwn() -> None:
    """Row disk.lun."""
    disk = plain_disk(key="2001", unit=1, backing=Backing.RDM_PHYSICAL, logical_unit=FIBRE)
    translation = translated(plain_vm(disks=(plain_disk(), disk)))
    wwids = ["36001405185d3aeacf0d563d82c02cf47"]
    assert kinds(translation)["PersistentVolume"]["spec"]["fc"] == {"wwids": wwids}
    assert "HyperConverged" not in kinds(translation)
    valid(translation)


def test_an_address_of_ipv6_has_brackets() -> None:
    """Row disk.lun."""
    vm = plain_vm(disks=(direct_lun(),))
    translation = rhv(vm, logical_units=(portal(address="2001:db8::1", port=None),))
    iscsi = kinds(translation)["PersistentVolume"]["spec"]["iscsi"]
    assert iscsi["targetPortal"] == "[2001:db8::1]:3260"


def test_a_virtual_rdm_is_copied_like_a_disk() -> None:
    """Row disk.lun."""
    disk = plain_disk(backing=Backing.RDM_VIRTUAL, logical_unit=FIBRE)
    translation = translated(plain_vm(disks=(disk,)))
    assert disks_of(translation)[0]["disk"] == {"bus": "virtio"}
    assert "PersistentVolume" not in kinds(translation)


@pytest.mark.parametrize(
    ("unit", "id_", "says"),
    [
        (None, None, "nobody knows which one"),
        (None, "mpx.vmhba0:C0:T1:L0", "how a node finds it (mpx.vmhba0:C0:T1:L0)"),
        (portal(target=None), ISCSI, "how a node finds it"),
        (portal(address=None), ISCSI, "how a node finds it"),
        (portal(lun=None), ISCSI, "how a node finds it"),
        (portal(capacity_bytes=None), ISCSI, "how a node finds it"),
    ],
)
def test_a_lun_that_nobody_can_find_keeps_its_vm_waiting(
    unit: LogicalUnit | None, id_: str | None, says: str
) -> None:
    """Row disk.lun."""
    vm = plain_vm(disks=(direct_lun(logical_unit=id_),))
    translation = rhv(vm, logical_units=(unit,) if unit is not None else ())
    (found,) = (each for each in told(translation, "disk.lun"))
    assert found.category is Category.BLOCKER
    assert says in found.says
    assert found.holds_back == ("vc1/vm-1",)
    assert translation.vms == ()


def test_a_lun_of_two_vms_is_one_volume() -> None:
    """Row disk.lun."""
    vms = [plain_vm(id=f"vm-{n}", name=f"n{n}", nics=(), disks=(direct_lun(),)) for n in (1, 2)]
    translation = rhv(*vms, logical_units=(portal(),))
    assert [each["kind"] for each in translation.platform].count("PersistentVolume") == 1
    for number in (0, 1):
        (disk,) = disks_of(translation, number)
        assert (disk["shareable"], disk["cache"]) == (True, "none")
    valid(translation)


def test_a_lun_of_vms_in_two_namespaces_keeps_them_waiting() -> None:
    """Row disk.lun."""
    vms = [plain_vm(id=f"vm-{n}", name=f"n{n}", nics=(), disks=(direct_lun(),)) for n in (1, 2)]
    whole = inventory(*vms, product="rhv", logical_units=(portal(),))
    translation = translated_inventory(whole, namespaces={"vc1/vm-2": "other"})
    (found,) = told(translation, "disk.lun")
    assert found.holds_back == ("vc1/vm-1", "vc1/vm-2")
    assert "PersistentVolume" not in kinds(translation)


@pytest.mark.parametrize(
    "changes",
    [
        {"scsi_reservation": True},
        {"backing": Backing.RDM_PHYSICAL, "bus_sharing": "physicalSharing"},
    ],
)
@pytest.mark.parametrize("openshift", RELEASES)
def test_reservations_of_luns_are_permitted_and_keep_a_vm_on_its_node(
    changes: dict[str, Any], openshift: str
) -> None:
    """Row disk.reservation."""
    whole = inventory(
        plain_vm(disks=(rhv_disk(), direct_lun(**changes))),
        product="rhv",
        logical_units=(portal(),),
    )
    target = plain_target(openshift=openshift)
    translation = translated_inventory(whole, target=target)
    assert disks_of(translation)[1]["lun"] == {"bus": "scsi", "reservation": True}
    gates = kinds(translation)["HyperConverged"]["spec"]["featureGates"]
    assert gates == {"persistentReservation": True}
    assert "persistent reservation" in translation.vms[0].obstacles[0]
    assert told(translation, "disk.reservation")[0].category is Category.WARNING
    valid(translation)


def test_luns_are_no_question_about_a_class_and_ask_for_none() -> None:
    """Row disk.lun: a quota's storage and a datastore's class are about copied disks."""
    whole = inventory(
        plain_vm(disks=(direct_lun(datastore="sd-odd"),)),
        product="rhv",
        logical_units=(portal(),),
        datastores=(plain_datastore(), plain_datastore(id="sd-odd")),
    )
    assert translated_inventory(whole).blockers == ()


@pytest.mark.parametrize(
    ("uuid", "name"),
    [
        (
            "02000b0000600508b4000f57fa0000400002270000485356333630",
            "naa.600508b4000f57fa0000400002270000",
        ),
        (
            "0200000000600508b1001c577e11dd042e142a583f4c4f47",
            "naa.600508b1001c577e11dd042e142a583f",
        ),
        ("02000000005000c500a1b2c3d4535431323334", "naa.5000c500a1b2c3d4"),
        ("0000000000766d686261303a303a30", None),
        ("", None),
    ],
)
def test_the_uuid_of_a_lun_holds_its_name(uuid: str, name: str | None) -> None:
    assert lun_name(uuid) == name


def test_a_lun_that_no_host_sees_is_in_the_inventory_once() -> None:
    """Every reference of an inventory leads to an object of it, also where rights are missing."""
    vms = [
        plain_vm(
            id=id_, disks=[plain_disk(key=f"{n}", logical_unit=lun) for n, lun in enumerate(of)]
        )
        for id_, of in (("vm-1", ("naa.6a", None, "naa.6b")), ("vm-2", ("naa.6b", "naa.6c")))
    ]
    seen = (LogicalUnit(id="naa.6a", hosts=("host-1",)),)
    assert [unit.id for unit in unseen_units(vms, seen)] == ["naa.6b", "naa.6c"]


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_disks_and_devices_nobody_thought_of_are_valid(data: st.DataObject) -> None:
    """Whatever a source says of disks, LUNs and devices, a cluster takes what is translated."""
    product = data.draw(st.sampled_from(["vsphere", "rhv", "ova"]))
    units = data.draw(st.lists(nouns(LogicalUnit), max_size=2))
    vms = [
        plain_vm(
            id=f"vm-{number}",
            name=f"vm{number}",
            nics=(),
            host="host-1",
            disks=tuple(
                msgspec.structs.replace(each, key=f"{2000 + unit}", encrypted=False)
                for unit, each in enumerate(
                    data.draw(st.lists(nouns(Disk), min_size=1, max_size=3))
                )
            ),
            devices=tuple(data.draw(st.lists(nouns(Device), max_size=4))),
        )
        for number in range(data.draw(st.integers(1, 3)))
    ]
    whole = inventory(
        *vms,
        product=product,
        datastores=tuple(plain_datastore(id=f"ds-{n}") for n in (1, 2, 3)),
        logical_units=tuple(
            msgspec.structs.replace(each, id=f"naa.6001405ca0bebfd248e52929b9aae0b{n}")
            for n, each in enumerate(units, 3)
        ),
    )
    classes = ["gold-block", "gold-block", "silver-nfs"]
    translation = translated_inventory(
        whole,
        target=plain_target(openshift=data.draw(st.sampled_from(RELEASES))),
        storage={f"vc1/ds-{n}": name for n, name in enumerate(classes, 1)},
        host_devices=DEVICES,
    )
    valid(translation)
    event(f"{len(translation.vms)} VMs")
