"""Where disks are stored: a VM with odd disks, policies, a datastore cluster, floating disks."""

import msgspec

from mtv.model.quantity import IoAllocation, Setting
from mtv.model.storage import (
    Datastore,
    DatastoreCluster,
    HostMount,
    LogicalUnit,
    PolicyRule,
    QosProfile,
    RuleSet,
    StoragePolicy,
)
from mtv.model.target import ClaimProperties, StorageClass
from mtv.model.vm import Disk, Vm
from tests.estates import GIB, plain_disk, plain_vm
from tests.translate.whole.example import Change, Example

VM = "vm-storage"
ODD = "policy-odd"
STILL, POD = "pod-still", "pod-balanced"

CHANGES = {
    "vms[].disks[].datastore": Change("storage-2"),
    "vms[].disks[].key": Change("2009"),
    "vms[].disks[].uuid": Change("60000000-0000-0000-0000-000000000000"),
    "vms[].disks[].bus": Change(3, at=VM),
    "vms[].disks[].unit": Change(9, at=VM),
    "vms[].disks[].thin": Change(False, at=VM),
    "vms[].disks[].format": Change("cow", at=VM),
    "vms[].disks[].allocated_bytes": Change(11 * GIB, at=VM),
    "vms[].disks[].storage_policy": Change("policy-2", at=VM),
    "vms[].storage_policy": Change("policy-2", at=VM),
    "datastores[].accessible": Change(False, at="storage-1"),
    "datastores[].block_size_bytes": Change(4096, at="storage-1"),
    "storage_policies[].name": Change("gold", at="policy-1"),
    "storage_policies[].qos": Change("another", at="policy-qos"),
    **{
        f"storage_policies[].rule_sets[].rules[].{name}": Change("other", at=ODD)
        for name in ("namespace", "capability", "property", "value", "operator")
    },
    "datastore_clusters[].datastores[]": Change("storage-9", at=POD),
    "floating_disks[].backing": Change("lun"),
}


def enrich(example: Example) -> Example:
    """Adds all of it; what one product does not have gets no value there."""
    source, product = example.inventory.source, example.inventory.product
    example = example.choose(
        storage={f"{source}/storage-1": "storage-thin", f"{source}/storage-2": "silver-nfs"},
        policies={f"{source}/policy-1": "storage-thin", f"{source}/policy-2": "silver-nfs"},
    ).offer(storage_classes=(_thin(),))
    example = example.add(
        vms=(_vm(example),),
        datastores=_datastores(product),
        storage_policies=_policies(product),
        logical_units=(_lun(),),
    )
    if product == "rhv":
        qos = QosProfile(
            id="qos-disks",
            name="slow",
            kind="storage",
            limits=(Setting(name="max_iops", value="9"),),
        )
        return example.add(qos_profiles=(qos,), floating_disks=(_floating(),))
    return example.add(datastore_clusters=(_cluster(STILL), _cluster(POD)))


def _thin() -> StorageClass:
    return StorageClass(
        name="storage-thin",
        capabilities=("thin",),
        claim_properties=(ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Block"),),
    )


def _vm(example: Example) -> Vm:
    """Disks with everything a source can say of them."""
    rhv = example.inventory.product == "rhv"
    first = next(each for each in example.inventory.vms if each.id == "vm-1")
    disk = plain_disk(
        key="2100",
        uuid="21000000-0000-0000-0000-000000000000",
        backing=first.disks[0].backing,
        controller=first.disks[0].controller,
        datastore="storage-1",
        storage_policy="policy-1",
        format="raw",
        allocated_bytes=10 * GIB + GIB // 8,
    )
    if rhv:
        disk = msgspec.structs.replace(disk, wipe_after_delete=True, pass_discard=True)
    else:
        disk = msgspec.structs.replace(
            disk,
            allocation=IoAllocation(
                reservation_iops=100, limit_iops=500, level="custom", shares=700
            ),
        )
    others = tuple(
        msgspec.structs.replace(
            disk,
            key=f"210{unit}",
            unit=unit,
            uuid=f"210{unit}0000-0000-0000-0000-000000000000",
            storage_policy=policy,
            wipe_after_delete=None,
            eagerly_scrubbed=None if rhv else True,
        )
        for unit, policy in ((1, ODD), (2, "policy-qos" if rhv else None))
    )
    home = None if rhv else "policy-encrypted"
    return plain_vm(
        id=VM,
        name="storage",
        uuid="4215A3C0-1111-2222-3333-000000000021",
        disks=(disk, *others),
        nics=(),
        host=first.host,
        cluster=first.cluster,
        guest_id=first.guest_id,
        storage_policy=home,
    )


def _datastores(product: str) -> tuple[Datastore, ...]:
    one = Datastore(
        id="storage-1",
        name="storage-one",
        kind="VMFS",
        capacity_bytes=1024 * GIB,
        free_bytes=512 * GIB,
        datacenter="DC0",
        folder="storage",
        accessible=True,
        status="active" if product == "rhv" else "normal",
        provisioned_bytes=700 * GIB,
        version="6.82",
        block_size_bytes=512 if product == "rhv" else 1 << 20,
        url="ds:///vmfs/volumes/5f3c9e60/",
        extents=("naa.6001:1",),
        remote_host="filer.example",
        remote_path="/export/one",
        mount_options="soft",
        container="52a9e6e0",
        hosts=(
            HostMount(host="h-1", path="/vmfs/volumes/one", access="readWrite", accessible=True),
        ),
        logical_units=("naa.6001",),
        tags=("tag-gold",),
        custom_attributes={"owner": "storage team"},
    )
    if product == "rhv":
        more = {"role": "data", "is_master": True, "backup": True, "wipe_after_delete": True}
        one = msgspec.structs.replace(one, **more, discard_after_delete=True)
    else:
        one = msgspec.structs.replace(
            one,
            datastore_cluster=POD,
            io_control=True,
            io_control_threshold_milliseconds=30,
            thin_provisioning=True,
        )
    two = Datastore(
        id="storage-2",
        name="storage-two",
        kind="NFS",
        capacity_bytes=None,
        free_bytes=None,
        datacenter=None,
    )
    return one, two


def _policies(product: str) -> tuple[StoragePolicy, ...]:
    def rules(*made: PolicyRule) -> tuple[RuleSet, ...]:
        return (RuleSet(name="Rule-set 1", rules=made),)

    odd = PolicyRule(
        namespace="com.example.array",
        capability="tiering",
        property="level",
        value="3",
        operator="NOT",
    )
    encrypted = PolicyRule(
        namespace="vmwarevmcrypt",
        capability="vmwarevmcrypt@ENCRYPTION",
        property="AllowCleartextFilters",
        value="false",
    )
    kind = "disk-profile" if product == "rhv" else "REQUIREMENT"
    plain = StoragePolicy(
        id="policy-1",
        name="plain",
        description="Nothing special.",
        kind=kind,
        datastore="storage-1",
    )
    found = (
        plain,
        StoragePolicy(id="policy-2", name="files"),
        StoragePolicy(id=ODD, name="odd", is_default=False, rule_sets=rules(odd)),
    )
    if product == "rhv":
        return (*found, StoragePolicy(id="policy-qos", name="slow", qos="qos-disks"))
    return (
        *found,
        StoragePolicy(id="policy-encrypted", name="encrypted", rule_sets=rules(encrypted)),
    )


def _lun() -> LogicalUnit:
    return LogicalUnit(
        id="naa.6001",
        kind="disk",
        capacity_bytes=1024 * GIB,
        block_size_bytes=512,
        vendor="PURE",
        product="FlashArray",
        serial="6001",
        address="192.0.2.10",
        port=3260,
        target="iqn.2010-06.com.example:array",
        lun=1,
        paths=4,
        hosts=("h-1",),
    )


def _cluster(id_: str) -> DatastoreCluster:
    """The first does nothing; the other balances its members."""
    if id_ == STILL:
        return DatastoreCluster(
            id=id_,
            name=id_,
            datacenter="DC0",
            folder="storage",
            capacity_bytes=2048 * GIB,
            free_bytes=1024 * GIB,
        )
    return DatastoreCluster(
        id=id_,
        name=id_,
        datastores=("storage-1", "datastore-1"),
        balancing=True,
        automation="manual",
        io_balancing=True,
        space_threshold_percent=80,
        io_latency_threshold_milliseconds=15,
        interval_minutes=480,
        keep_disks_together=True,
        vm_overrides=(Setting(name=VM, value="disabled"),),
        rules=("keep apart",),
        tags=("tag-pod",),
        custom_attributes={"owner": "pod team"},
    )


def _floating() -> Disk:
    return plain_disk(
        key="floating-1",
        label="left over",
        backing="image",
        datastore="sd-1",
        path="left-over",
        mode="persistent",
        has_parent=True,
        encrypted=True,
        shared=True,
        uuid="floating-1",
        controller="virtio",
        controller_key="7",
        format="raw",
        allocated_bytes=GIB,
        eagerly_scrubbed=True,
        write_through=True,
        bootable=True,
        read_only=True,
        active=True,
        serial="floating-1",
        change_tracking=True,
        storage_policy="policy-1",
        allocation=IoAllocation(reservation_iops=1, limit_iops=2, level="low", shares=3),
        logical_unit="naa.6001",
        scsi_reservation=True,
        bus_sharing="noSharing",
        status="ok",
        propagate_errors=True,
        wipe_after_delete=True,
        pass_discard=True,
        quota="quota-1",
    )
