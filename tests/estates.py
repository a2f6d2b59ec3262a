"""Builders of inventories for the tests: plain objects whose fields a test changes by name."""

from collections.abc import Collection, Iterator
from typing import Any, TypeVar, cast

import msgspec

from mtv.assess import assess
from mtv.estate import Estate
from mtv.model.compute import Balancing, Cluster, HighAvailability, Host
from mtv.model.estate import Inventory
from mtv.model.network import Network
from mtv.model.plain import leaves
from mtv.model.storage import Datastore
from mtv.model.target import ClaimProperties, SiteMapping, StorageClass, Target, TargetNetwork
from mtv.model.vm import Backing, Device, DeviceKind, Disk, Firmware, Nic, Power, Snapshot, Vm
from mtv.translate import Translation, translate

T = TypeVar("T")

GIB = 1024**3
COLLECTED_AT = "2026-11-22T10:00:00Z"


def plain_disk(**changes: Any) -> Disk:
    """A flat 10 GiB disk on datastore-1."""
    disk = Disk(
        key="2000",
        label="Hard disk 1",
        capacity_bytes=10 * GIB,
        backing=Backing.FLAT,
        datastore="datastore-1",
        path="[gold] web01/web01.vmdk",
        mode="persistent",
        has_parent=False,
        thin=True,
        encrypted=False,
        shared=False,
        uuid="6000C29B-1234-5678-9abc-def012345678",
        controller="pvscsi",
        bus=0,
        unit=0,
    )
    return msgspec.structs.replace(disk, **changes)


def plain_nic(**changes: Any) -> Nic:
    """A vmxnet3 card on dvportgroup-7."""
    nic = Nic(
        key="4000",
        label="Network adapter 1",
        model="vmxnet3",
        mac="00:50:56:9a:00:01",
        network="dvportgroup-7",
        connected_at_power_on=True,
    )
    return msgspec.structs.replace(nic, **changes)


def plain_snapshot(**changes: Any) -> Snapshot:
    """A snapshot, 41 days old when the inventory was collected."""
    snapshot = Snapshot(
        id="snapshot-1", name="before-patch", created_at="2026-10-12T10:00:00+00:00", depth=0
    )
    return msgspec.structs.replace(snapshot, **changes)


def plain_vm(**changes: Any) -> Vm:
    """A Debian VM that is off and that nothing stands in the way of."""
    vm = Vm(
        id="vm-1",
        name="web01",
        is_template=False,
        uuid="4215A3C0-1111-2222-3333-444455556666",
        power=Power.OFF,
        folder="shop/web",
        host="host-1",
        cluster="domain-c1",
        guest_id="debian12_64Guest",
        guest_name="Debian GNU/Linux 12 (64-bit)",
        annotation="The shop's front end.",
        tools_running=None,
        firmware=Firmware.BIOS,
        secure_boot=False,
        has_vtpm=False,
        sockets=2,
        cores_per_socket=1,
        memory_bytes=2 * GIB,
        disks=(plain_disk(),),
        nics=(plain_nic(),),
        snapshots=(),
    )
    return msgspec.structs.replace(vm, **changes)


def numbered_vms(count: int) -> tuple[Vm, ...]:
    """Plain VMs vm-1, vm-2 ..., each with a name, a disk and a card of its own."""
    return tuple(
        plain_vm(
            id=f"vm-{number}",
            name=f"web{number:02}",
            uuid=f"4215a3c0-1111-2222-3333-{number:012}",
            nics=(plain_nic(mac=f"00:50:56:9a:00:{number:02x}"),),
        )
        for number in range(1, count + 1)
    )


def inventory(*vms: Vm, **changes: Any) -> Inventory:
    """The inventory of a small vCenter with these VMs."""
    whole = Inventory(
        source="vc1",
        product="vsphere",
        version="VMware vCenter Server 8.0.3",
        instance="9a8b7c6d",
        collected_at=COLLECTED_AT,
        datastores=(
            plain_datastore(),
            plain_datastore(id="datastore-2", name="silver-02"),
        ),
        networks=(
            plain_network(),
            plain_network(id="dvportgroup-8", name="VLAN 20", vlan=20),
            plain_network(id="dvportgroup-9", name="DVUplinks", vlan=None, is_uplink=True),
        ),
        clusters=(
            Cluster(
                id="domain-c1",
                name="prod",
                datacenter="DC0",
                balancing=Balancing(enabled=True),
                availability=HighAvailability(enabled=False),
            ),
        ),
        hosts=(
            Host(
                id="host-1",
                name="esx1.example.com",
                cluster="domain-c1",
                cpu_model="Intel(R) Xeon(R) Gold 6430",
                cores=32,
                memory_bytes=256 * GIB,
                version="8.0.3",
            ),
        ),
        vms=vms,
    )
    return msgspec.structs.replace(whole, **changes)


def plain_datastore(**changes: Any) -> Datastore:
    """A VMFS datastore called gold-01."""
    datastore = Datastore(
        id="datastore-1",
        name="gold-01",
        kind="VMFS",
        capacity_bytes=1024 * GIB,
        free_bytes=512 * GIB,
        datacenter="DC0",
    )
    return msgspec.structs.replace(datastore, **changes)


def plain_network(**changes: Any) -> Network:
    """A distributed port group with VLAN 10."""
    network = Network(
        id="dvportgroup-7",
        name="VLAN 10",
        kind="dvportgroup",
        vlan=10,
        vlan_trunk=None,
        switch="dvs-prod",
        is_uplink=False,
    )
    return msgspec.structs.replace(network, **changes)


def plain_target(**changes: Any) -> Target:
    """A cluster with a block class, a file system class, and one network."""
    target = Target(
        openshift="4.20",
        storage_classes=(
            StorageClass(
                name="gold-block",
                claim_properties=(
                    ClaimProperties(volume_mode="Block", access_modes=("ReadWriteMany",)),
                ),
                default=True,
            ),
            StorageClass(
                name="silver-nfs",
                claim_properties=(
                    ClaimProperties(volume_mode="Filesystem", access_modes=("ReadWriteOnce",)),
                ),
            ),
        ),
        networks=(TargetNetwork(name="default/vlan10", vlan=10),),
    )
    return msgspec.structs.replace(target, **changes)


def plain_mapping(**changes: Any) -> SiteMapping:
    """Choices for every datastore and network of ``inventory``."""
    mapping = SiteMapping(
        namespace="imported-vms",
        storage={"vc1/datastore-1": "gold-block", "vc1/datastore-2": "silver-nfs"},
        networks={"vc1/dvportgroup-7": "default/vlan10", "vc1/dvportgroup-8": "pod"},
    )
    return msgspec.structs.replace(mapping, **changes)


def translated(*vms: Vm, target: Target | None = None, **mapping: Any) -> Translation:
    """What becomes of these VMs; ``mapping`` changes fields of ``plain_mapping``."""
    return translated_inventory(inventory(*vms), target=target, **mapping)


def translated_inventory(
    whole: Inventory, *, target: Target | None = None, **mapping: Any
) -> Translation:
    """What becomes of an inventory, assessed and translated."""
    estate = Estate([whole])
    return translate(estate, target or plain_target(), plain_mapping(**mapping), assess(estate))


def plain_device(**changes: Any) -> Device:
    """A USB device."""
    device = Device(key="7000", kind=DeviceKind.USB, class_="VirtualUSB", label="USB 1")
    return msgspec.structs.replace(device, **changes)


def leaf_paths() -> Iterator[str]:
    """Every path of an inventory that ends in a value: ``vms[].disks[].capacity_bytes``."""
    yield from (leaf.path for leaf in leaves(Inventory))


def filled(noun: T, paths: Collection[str], path: str = "") -> T:
    """The same noun with another value in every field at its default, all the way down.

    A field is filled when every path in and below it is one of `paths`.
    """
    if isinstance(noun, tuple):
        return cast(T, tuple(filled(each, paths, f"{path}[]") for each in noun))
    if not isinstance(noun, msgspec.Struct):
        return noun
    changes = {}
    for field in msgspec.structs.fields(noun):
        value = getattr(noun, field.name)
        here = f"{path}.{field.encode_name}" if path else field.encode_name
        unset = value is None or value in ((), {}, "") or value == field.default
        if unset and {leaf.path for leaf in leaves(field.type, here)} <= set(paths):
            value = _some(msgspec.inspect.type_info(field.type), unlike=value)
        changes[field.name] = filled(value, paths, here)
    return msgspec.structs.replace(noun, **changes)


def _some(kind: msgspec.inspect.Type, unlike: Any = None) -> Any:
    """Some value of a type; of a struct, one with what it must have."""
    match kind:
        case msgspec.inspect.UnionType():
            return _some(next(k for k in kind.types if not isinstance(k, msgspec.inspect.NoneType)))
        case msgspec.inspect.StructType():
            return kind.cls(**{f.name: _some(f.type) for f in kind.fields if f.required})
        case msgspec.inspect.VarTupleType():
            return (_some(kind.item_type),)
        case msgspec.inspect.DictType():
            return {"some.key": "some value"}
        case msgspec.inspect.BoolType():
            return not unlike
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return 7
        case msgspec.inspect.EnumType():
            return next(iter(kind.cls))
        case msgspec.inspect.StrType():
            return "some"
    raise TypeError(kind)
