"""Where disks are stored: classes, claims, and what a class says about live migration."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.knowledge.backends import backend_of, backends, capabilities, claim_properties
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.quantity import IoAllocation, Setting
from mtv.model.storage import DatastoreCluster
from mtv.model.target import ClaimProperties, StorageClass, Target
from mtv.model.vm import Backing, Disk, Vm
from mtv.translate import Translation
from mtv.translate.storage.classes import CDI_OVERHEAD, claim_bytes, offers, requested_bytes
from tests.estates import (
    GIB,
    inventory,
    numbered_vms,
    plain_datastore,
    plain_disk,
    plain_target,
    plain_vm,
    translated,
    translated_inventory,
)

MIB = 1 << 20

CEPH = "openshift-storage.rbd.csi.ceph.com"
BLOCK_RWX = ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Block")
FILES_RWX = ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Filesystem")
FILES_RWO = ClaimProperties(access_modes=("ReadWriteOnce",), volume_mode="Filesystem")


def of_class(chosen: StorageClass, *disks: Disk, **changes: Any) -> Translation:
    """A VM whose disks are all on one class."""
    vm = plain_vm(disks=disks or (plain_disk(),), **changes)
    target = plain_target(storage_classes=(chosen,))
    return translated(vm, target=target, storage={"vc1/datastore-1": chosen.name})


def claims(translation: Translation) -> list[dict[str, Any]]:
    (vm,) = translation.vms
    return list(translation.manifests(vm)[1:])


def claim(translation: Translation) -> dict[str, Any]:
    (only,) = claims(translation)
    return only


def about(translation: Translation, row: str) -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


# -- rows datastore, disk


def test_a_claim_names_its_class_and_where_its_disk_was() -> None:
    """Rows datastore and disk."""
    made = claim(translated(plain_vm()))
    assert (made["apiVersion"], made["kind"]) == ("cdi.kubevirt.io/v1beta1", "DataVolume")
    assert made["metadata"] == {
        "name": "web01-disk-2000",
        "namespace": "imported-vms",
        "labels": {"app.kubernetes.io/managed-by": "mtv"},
        "annotations": {
            "mtv.migration/source": "vc1/vm-1",
            "mtv.migration/source-disk": "2000",
            "mtv.migration/source-datastore": "gold-01",
        },
    }
    assert made["spec"] == {
        "source": {"blank": {}},
        "storage": {
            "storageClassName": "gold-block",
            "accessModes": ["ReadWriteMany"],
            "volumeMode": "Block",
            "resources": {"requests": {"storage": "10240Mi"}},
        },
    }


@pytest.mark.parametrize(
    ("ways", "modes", "volume_mode"),
    [
        ((FILES_RWO, FILES_RWX, BLOCK_RWX), ["ReadWriteMany"], "Block"),
        ((FILES_RWO, FILES_RWX), ["ReadWriteMany"], "Filesystem"),
        ((FILES_RWO,), ["ReadWriteOnce"], "Filesystem"),
        (
            (
                ClaimProperties(
                    access_modes=("ReadWriteOnce", "ReadWriteMany"), volume_mode="Filesystem"
                ),
            ),
            ["ReadWriteMany"],
            "Filesystem",
        ),
    ],
)
def test_a_claim_is_made_for_two_nodes_where_the_class_can(
    ways: tuple[ClaimProperties, ...], modes: list[str], volume_mode: str
) -> None:
    storage = claim(of_class(StorageClass(name="c", claim_properties=ways)))["spec"]["storage"]
    assert (storage["accessModes"], storage["volumeMode"]) == (modes, volume_mode)


@pytest.mark.parametrize(
    ("provisioner", "parameters", "way"),
    [
        (CEPH, {}, ("ReadWriteMany", "Block")),
        ("openshift-storage.cephfs.csi.ceph.com", {}, ("ReadWriteMany", "Filesystem")),
        ("csi.trident.netapp.io", {"backendType": "ontap-nas"}, ("ReadWriteMany", "Filesystem")),
        ("csi.trident.netapp.io", {"backendType": "ontap-san-nvme"}, ("ReadWriteMany", "Block")),
        ("csi.trident.netapp.io", {}, None),
        ("csi-powerstore.dellemc.com", {}, ("ReadWriteMany", "Block")),
        (
            "csi-powerstore.dellemc.com",
            {"csi.storage.k8s.io/fstype": "nfs"},
            ("ReadWriteMany", "Filesystem"),
        ),
        ("csi-unity.dellemc.com", {"protocol": "NFS"}, ("ReadWriteMany", "Filesystem")),
        ("pxd.portworx.com", {"backend": "pure_block"}, ("ReadWriteMany", "Block")),
        ("pxd.portworx.com", {"repl": "3"}, ("ReadWriteMany", "Block")),
        (
            "pxd.portworx.com",
            {"sharedv4_mount_options": "vers=3.0,nolock"},
            ("ReadWriteMany", "Filesystem"),
        ),
        ("csi.hpe.com", {}, ("ReadWriteMany", "Block")),
        ("block.csi.ibm.com", {}, ("ReadWriteMany", "Block")),
        ("csi.vsphere.vmware.com", {}, ("ReadWriteOnce", "Block")),
        (
            "csi.vsphere.vmware.com",
            {"csi.storage.k8s.io/fstype": "nfs4"},
            ("ReadWriteMany", "Filesystem"),
        ),
        ("nfs.csi.k8s.io", {}, ("ReadWriteMany", "Filesystem")),
        ("topolvm.io", {}, ("ReadWriteOnce", "Block")),
        (
            "infinibox-csi-driver",
            {"storage_protocol": "nfs_treeq"},
            ("ReadWriteMany", "Filesystem"),
        ),
        ("kubernetes.io/no-provisioner", {}, None),
        ("example.com/unheard-of", {}, None),
        ("", {}, None),
    ],
)
def test_the_table_of_back_ends_knows_how_claims_are_made(
    provisioner: str, parameters: dict[str, str], way: tuple[str, str] | None
) -> None:
    found = claim_properties(StorageClass(name="c", provisioner=provisioner, parameters=parameters))
    assert (found and (found.access_modes[0], found.volume_mode)) == way


def test_what_the_storage_profile_says_goes_before_the_table() -> None:
    chosen = StorageClass(name="c", provisioner=CEPH, claim_properties=(FILES_RWO,))
    assert claim_properties(chosen) == FILES_RWO


def test_every_back_end_can_be_found_and_has_its_own_id() -> None:
    """A row that an earlier one hides would never answer."""
    assert len({each.id for each in backends()}) == len(backends())
    for row in backends():
        told = {
            name: pattern.replace("[fin]", "f").replace("*", "")
            for name, pattern in row.parameters.items()
        }
        chosen = StorageClass(name="c", provisioner=row.provisioners[0], parameters=told)
        assert backend_of(chosen) is row


def test_a_class_that_nobody_knows_is_a_question() -> None:
    """Row disk: an unknown provisioner without claim_properties."""
    translation = of_class(StorageClass(name="odd", provisioner="example.com/odd"))
    (found,) = about(translation, "disk")
    assert found.category is Category.BLOCKER
    assert found.says.startswith("StorageClass odd (example.com/odd): nobody knows its access")
    assert "oc get storageprofile odd -o yaml" in found.remedy
    assert (found.holds_back, translation.vms) == (("vc1/vm-1",), ())


def test_one_question_for_all_vms_of_a_class() -> None:
    odd = StorageClass(name="odd")
    target = plain_target(storage_classes=(odd,))
    vms = numbered_vms(3)
    found = about(translated(*vms, target=target, storage={"vc1/datastore-1": "odd"}), "disk")
    assert [each.holds_back for each in found] == [("vc1/vm-1", "vc1/vm-2", "vc1/vm-3")]


def test_a_datastore_without_a_class_keeps_only_its_vms_out() -> None:
    """Row datastore: a mapping that names what does not exist."""
    other = plain_vm(id="vm-2", name="db", disks=(plain_disk(datastore="datastore-2"),))
    translation = translated(
        plain_vm(), other, storage={"vc1/datastore-1": "gold-block", "vc1/datastore-2": "bronze"}
    )
    (found,) = about(translation, "datastore")
    assert (found.ref, found.name) == ("vc1/datastore-2", "silver-02")
    assert found.says == (
        "mapping.yaml: storage: vc1/datastore-2: target.yaml has no StorageClass 'bronze'"
    )
    assert [vm.ref for vm in translation.vms] == ["vc1/vm-1"]


def test_a_disk_on_no_datastore_is_no_question_about_a_datastore() -> None:
    """Row disk.kind: a disk whose storage domain the engine does not tell."""
    disk = plain_disk(datastore=None, backing=Backing.IMAGE, key="disk-1")
    whole = inventory(plain_vm(disks=(disk,)), product="rhv")
    translation = translated_inventory(whole)
    assert about(translation, "datastore") == []
    (found,) = about(translation, "disk.kind")
    assert (found.ref, found.holds_back) == ("vc1/vm-1", ("vc1/vm-1",))
    assert "lies on no datastore" in found.says


def test_a_lun_of_its_own_is_no_question_about_a_datastore() -> None:
    disk = plain_disk(datastore=None, backing=Backing.LUN, key="lun-1")
    translation = translated_inventory(inventory(plain_vm(disks=(disk,)), product="rhv"))
    assert about(translation, "datastore") == about(translation, "disk.kind") == []
    assert [each.row for each in translation.blockers] == ["disk.lun"]


# -- live migration


def test_a_vm_is_told_which_disk_keeps_it_from_migrating() -> None:
    local = StorageClass(name="lvms-vg1", provisioner="topolvm.io")
    disks = (plain_disk(), plain_disk(key="2001", label="Hard disk 2", datastore="datastore-2"))
    target = plain_target(storage_classes=(*plain_target().storage_classes, local))
    translation = translated(
        plain_vm(disks=disks),
        target=target,
        storage={"vc1/datastore-1": "gold-block", "vc1/datastore-2": "lvms-vg1"},
    )
    (vm,) = translation.vms
    sentence = "Hard disk 2: StorageClass lvms-vg1 gives no ReadWriteMany volumes"
    assert [each for each in vm.obstacles if "StorageClass" in each] == [sentence]


def test_nothing_of_its_storage_keeps_a_vm_on_shared_volumes_from_migrating() -> None:
    (vm,) = of_class(StorageClass(name="c", provisioner=CEPH)).vms
    assert [each for each in vm.obstacles if "StorageClass" in each] == []


# -- rows disk.size, disk.allocated


@given(st.integers(1, 64 * 1024 * GIB))
def test_a_claim_asks_for_the_disk_in_whole_mib(capacity_bytes: int) -> None:
    """Row disk.size."""
    asked = requested_bytes(plain_disk(capacity_bytes=capacity_bytes))
    assert asked % MIB == 0
    assert capacity_bytes <= asked < capacity_bytes + MIB


SIZES = st.integers(1, 64 * 1024 * GIB)
PARTS = st.none() | st.decimals("0", "0.9", places=3).map(float)


@given(SIZES, PARTS, PARTS)
def test_a_file_system_claim_has_room_for_the_disk(
    capacity_bytes: int, own: float | None, whole: float | None
) -> None:
    """Row disk.size: what is left beside the file system's share is the disk, or little more."""
    chosen = StorageClass(name="c", claim_properties=(FILES_RWX,), filesystem_overhead=own)
    target = Target(openshift="4.20", storage_classes=(chosen,), filesystem_overhead=whole)
    disk = plain_disk(capacity_bytes=capacity_bytes)
    overhead = next(each for each in (own, whole, CDI_OVERHEAD) if each is not None)
    size = claim_bytes(disk, chosen, target)
    part = Fraction(str(overhead))
    assert size % MIB == 0
    assert size * (1 - part) >= capacity_bytes
    assert (size - MIB) * (1 - part) < requested_bytes(disk)
    # Later versions of CDI reckon so; a quota must have room for both.
    assert size >= requested_bytes(disk) * (1 + part)


@given(SIZES)
def test_a_block_claim_is_what_the_data_volume_asks_for(capacity_bytes: int) -> None:
    chosen = StorageClass(name="c", claim_properties=(BLOCK_RWX,), filesystem_overhead=0.5)
    disk = plain_disk(capacity_bytes=capacity_bytes)
    target = plain_target(storage_classes=(chosen,))
    assert claim_bytes(disk, chosen, target) == requested_bytes(disk)


def test_a_data_volume_leaves_the_overhead_to_cdi() -> None:
    files = StorageClass(name="c", claim_properties=(FILES_RWX,), filesystem_overhead=0.5)
    storage = claim(of_class(files))["spec"]["storage"]
    assert storage["resources"]["requests"]["storage"] == "10240Mi"


def test_an_empty_disk_still_makes_a_claim() -> None:
    assert requested_bytes(plain_disk(capacity_bytes=0)) == MIB


@pytest.mark.parametrize(
    ("backing", "format_", "asked"),
    [
        (Backing.IMAGE, "raw", 10 * GIB + 128 * MIB),
        (Backing.IMAGE, "cow", 10 * GIB),
        (Backing.FLAT, "raw", 10 * GIB),
    ],
)
def test_a_raw_image_that_is_longer_than_its_disk_has_room(
    backing: Backing, format_: str, asked: int
) -> None:
    """Row disk.allocated: a logical volume of RHV is whole extents."""
    disk = plain_disk(backing=backing, format=format_, allocated_bytes=10 * GIB + 128 * MIB)
    assert requested_bytes(disk) == asked


# -- other rows of disks


@pytest.mark.parametrize(("eager", "says"), [(True, True), (False, None), (None, None)])
def test_an_eagerly_zeroed_disk_is_preallocated(eager: bool | None, says: bool | None) -> None:
    """Row disk.eager."""
    made = claim(translated(plain_vm(disks=(plain_disk(eagerly_scrubbed=eager),))))
    assert made["spec"].get("preallocation") is says


def test_reserved_room_on_a_thin_class_is_told_once() -> None:
    """Row disk.thin."""
    disks = (
        plain_disk(thin=False),
        plain_disk(key="2001", thin=False),
        plain_disk(key="2002"),
        plain_disk(key="2003", thin=False, eagerly_scrubbed=True),
    )
    translation = of_class(StorageClass(name="ceph", provisioner=CEPH), *disks)
    (found,) = about(translation, "disk.thin")
    assert found.category is Category.INFORMATION
    assert found.says.startswith("2 disks with reserved room at the source get volumes of")
    thick = StorageClass(name="c", provisioner=CEPH, capabilities=("thick",))
    assert about(of_class(thick, *disks), "disk.thin") == []


def test_a_serial_number_fits_a_virtio_disk() -> None:
    """Row disk.uuid."""
    translation = translated(plain_vm())
    (vm,) = translation.vms
    (made, _) = translation.manifests(vm)
    (disk,) = made["spec"]["template"]["spec"]["domain"]["devices"]["disks"]
    assert disk["serial"] == "6000c29b123456789abc"


def test_disks_come_in_the_order_of_bus_and_unit() -> None:
    """Row disk.order."""
    places = (("2016", 1, 0), ("2001", 0, 1), ("2000", 0, 0))
    disks = tuple(plain_disk(key=key, bus=bus, unit=unit) for key, bus, unit in places)
    translation = translated(plain_vm(disks=disks))
    (vm,) = translation.vms
    spec = translation.manifests(vm)[0]["spec"]["template"]["spec"]
    order = ["disk-2000", "disk-2001", "disk-2016"]
    assert [each["name"] for each in spec["domain"]["devices"]["disks"]] == order
    assert [each["bootOrder"] for each in spec["domain"]["devices"]["disks"]] == [1, 2, 3]
    assert [each["name"] for each in spec["volumes"]] == order


def entries(translation: Translation, row: str) -> list[str]:
    return [each.says for each in translation.ledger.entries if each.row == row]


def test_limits_and_shares_of_disks_are_told_but_not_the_usual_ones() -> None:
    """Rows disk.limits and disk.shares."""
    usual = IoAllocation(reservation_iops=0, level="normal", shares=1000)
    translation = translated(plain_vm(disks=(plain_disk(allocation=usual),)))
    assert entries(translation, "disk.limits") + entries(translation, "disk.shares") == []
    own = IoAllocation(limit_iops=500, level="custom", shares=700)
    translation = translated(plain_vm(disks=(plain_disk(allocation=own),)))
    assert [each[:34] for each in entries(translation, "disk.limits")] == [
        "KubeVirt has no field for 500 IOPS"
    ]
    assert len(entries(translation, "disk.shares")) == 2


def test_wiping_is_told_where_it_was_asked_for() -> None:
    """Row disk.wipe; row disk.discard is ignored."""
    disk = plain_disk(wipe_after_delete=True, pass_discard=True)
    translation = translated(plain_vm(disks=(disk,)))
    assert len(entries(translation, "disk.wipe")) == 1
    assert "deleted" in entries(translation, "disk.wipe")[0]
    off = plain_disk(wipe_after_delete=False, pass_discard=False)
    assert entries(translated(plain_vm(disks=(off,))), "disk.wipe") == []


# -- datastores


def on(product: str = "vsphere", **changes: Any) -> Translation:
    whole = inventory(plain_vm(), datastores=(plain_datastore(**changes),), product=product)
    return translated_inventory(whole)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"accessible": False}, "is not accessible: disks of 1 VM cannot be copied meanwhile"),
        (
            {"status": "maintenance"},
            "is in the state maintenance: disks of 1 VM cannot be copied meanwhile",
        ),
    ],
)
def test_a_datastore_that_is_away_is_told(state: dict[str, Any], says: str) -> None:
    """Row datastore.state."""
    (found,) = about(on(**state), "datastore.state")
    assert (found.category, found.says, found.holds_back) == (Category.WARNING, says, ())
    for sound in ({"status": "normal", "accessible": True}, {"status": "active"}, {}):
        assert about(on(**sound), "datastore.state") == []


def test_blocks_of_4096_bytes_are_told_on_rhv() -> None:
    """Row datastore.block-size; datastore.allocation-unit is VMFS's."""
    (found,) = about(on("rhv", block_size_bytes=4096), "datastore.block-size")
    assert "blockSize.custom" in found.remedy
    assert about(on("rhv", block_size_bytes=512), "datastore.block-size") == []
    assert about(on("vsphere", block_size_bytes=1 << 20), "datastore.block-size") == []


def test_io_control_roles_and_labels_are_told() -> None:
    """Rows datastore.io-control, datastore.role and datastore.labels."""
    translation = on(
        io_control=True,
        io_control_threshold_milliseconds=30,
        role="iso",
        backup=True,
        tags=("tag-7",),
        custom_attributes={"owner": "team"},
    )
    counts = {
        row: len(entries(translation, row))
        for row in ("datastore.io-control", "datastore.role", "datastore.labels")
    }
    assert counts == dict.fromkeys(counts, 2)
    assert entries(on(role="data", io_control=False), "datastore.role") == []


# -- Storage DRS


def clustered(chosen: dict[str, str], **changes: Any) -> Translation:
    pod = DatastoreCluster(
        id="group-p1", name="gold-pod", datastores=("datastore-1", "datastore-2"), **changes
    )
    vms = (plain_vm(), plain_vm(id="vm-2", name="db", disks=(plain_disk(datastore="datastore-2"),)))
    return translated_inventory(inventory(*vms, datastore_clusters=(pod,)), storage=chosen)


ONE = {"vc1/datastore-1": "gold-block", "vc1/datastore-2": "gold-block"}
TWO = {"vc1/datastore-1": "gold-block", "vc1/datastore-2": "silver-nfs"}


def test_storage_drs_is_told_with_the_nearest_practice() -> None:
    """Row storage-drs."""
    translation = clustered(
        ONE,
        balancing=True,
        automation="manual",
        space_threshold_percent=80,
        interval_minutes=480,
    )
    (found,) = about(translation, "storage-drs")
    assert (found.ref, found.category) == ("vc1/group-p1", Category.WARNING)
    assert found.says == (
        "Storage DRS balances it (manual; space from 80 %; every 480 minutes); OpenShift does not"
    )
    assert "mtv storage-migration" in found.remedy
    assert about(clustered(ONE, balancing=False), "storage-drs") == []


def test_a_datastore_cluster_in_two_classes_is_told() -> None:
    """Row storage-drs.members."""
    (found,) = about(clustered(TWO), "storage-drs.members")
    assert "gold-block, silver-nfs" in found.says
    assert found.remedy == "map all datastores of a datastore cluster to one class"
    assert about(clustered(ONE), "storage-drs.members") == []


def test_rules_of_storage_drs_are_told() -> None:
    """Row storage-drs.rules."""
    overrides = (Setting(name="vm-1", value="manual"),)
    translation = clustered(ONE, rules=("apart",), vm_overrides=overrides)
    assert len(entries(translation, "storage-drs.rules")) == 3


# -- floating disks


def test_disks_of_no_vm_are_told_and_get_no_claim() -> None:
    """Row floating-disk, and its others."""
    left = tuple(plain_disk(key=f"d-{n}", label=f"left {n}", backing="image") for n in range(7))
    whole = inventory(plain_vm(), floating_disks=left)
    translation = translated_inventory(whole)
    (found,) = about(translation, "floating-disk")
    assert found.says == (
        "7 disks (70.0 GiB) without a VM stay behind: left 0, left 1, left 2, left 3, "
        "left 4 and 2 more"
    )
    kinds = [each["kind"] for each in translation.every_manifest()]
    assert kinds.count("DataVolume") == 1
    told = entries(translation, "floating-disk")
    assert len(told) == 16  # keys and labels; all have the same path and uuid
    assert about(translated(plain_vm()), "floating-disk") == []
    only_described = msgspec.structs.replace(whole, assessment_only=True)
    assert about(translated_inventory(only_described), "floating-disk") == []


# -- what a class offers


def test_parameters_tell_what_a_class_offers() -> None:
    encrypted = StorageClass(name="c", provisioner=CEPH, parameters={"encrypted": "true"})
    assert capabilities(encrypted) == {"thin", "replication", "encryption"}
    plain = StorageClass(name="c", provisioner=CEPH, capabilities=("Snapshots",))
    assert capabilities(plain) == {"thin", "replication", "snapshots"}
    pure = StorageClass(
        name="Fast-01",
        provisioner="pxd.portworx.com",
        parameters={"backend": "pure_block", "max_iops": "1000", "max_bandwidth": "1G"},
        tags=("Gold",),
    )
    offered = offers(pure)
    assert (offered.iops, offered.throughput) == (1000, None)
    assert {"gold", "fast"} <= offered.words
    own = StorageClass(
        name="c", provisioner="csi.hpe.com", parameters={"limitIops": "9"}, maximum_iops=7
    )
    assert offers(own).iops == 7


# -- hostile input


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_whatever_things_are_called_a_claim_is_made(key: str, label: str, name: str) -> None:
    disk = plain_disk(key=key, label=label)
    whole = inventory(plain_vm(disks=(disk,)), datastores=(plain_datastore(name=name),))
    made = claim(translated_inventory(whole))
    assert all(made["metadata"]["annotations"].values())
    assert len(made["metadata"]["name"]) <= 253


def test_ten_vms_and_one_ask_once() -> None:
    vms: tuple[Vm, ...] = numbered_vms(11)
    translation = translated(*vms, storage={})
    assert [len(each.holds_back) for each in about(translation, "datastore")] == [11]
