"""The small estates that the concepts enrich: two VMs each, one of them blocked."""

import msgspec

from tests.estates import (
    GIB,
    inventory,
    plain_datastore,
    plain_disk,
    plain_mapping,
    plain_network,
    plain_nic,
    plain_snapshot,
    plain_target,
    plain_vm,
)
from tests.translate.whole.example import Example


def vsphere() -> Example:
    """A vCenter: vm-1 is translated, vm-2 is blocked by a snapshot."""
    first = plain_vm(disks=(plain_disk(), plain_disk(key="2001", capacity_bytes=GIB, unit=1)))
    blocked = plain_vm(id="vm-2", name="db", disks=(plain_disk(encrypted=True),))
    made = inventory(first, blocked, unreadable=("one thing",), left_out=("another",))
    return Example(made, plain_target(), plain_mapping())


def rhv() -> Example:
    """An engine: vm-1 is translated, vm-2 is blocked by a NIC without a network."""
    disk = plain_disk(
        key="5f0c2d1e-1111-2222-3333-444455556666",
        label="web01_Disk1",
        backing="image",
        datastore="sd-1",
        path="0a1b2c3d-1111-2222-3333-444455556666",
        mode="",
        controller="virtio",
        uuid="5f0c2d1e-1111-2222-3333-444455556666",
    )
    nic = plain_nic(key="nic-1", label="nic1", model="virtio", network="net-1")
    vm = plain_vm(
        host="h-1", cluster="c-1", folder="", guest_id="debian_9", disks=(disk,), nics=(nic,)
    )
    blocked = msgspec.structs.replace(
        vm,
        id="vm-2",
        name="db",
        nics=(msgspec.structs.replace(nic, network=None),),
        snapshots=(plain_snapshot(),),
    )
    whole = inventory(vm, blocked)
    (cluster,), (host,) = whole.clusters, whole.hosts
    made = msgspec.structs.replace(
        whole,
        source="rhv1",
        product="rhv",
        version="4.4.10",
        unreadable=("one thing",),
        left_out=("another",),
        datastores=(
            plain_datastore(id="sd-1", name="data", kind="nfs"),
            plain_datastore(id="sd-2", name="silver", kind="iscsi"),
        ),
        networks=(
            plain_network(id="net-1", name="vlan10", kind="logical", switch=None),
            plain_network(id="net-2", name="vlan20", kind="logical", switch=None, vlan=20),
        ),
        clusters=(msgspec.structs.replace(cluster, id="c-1", datacenter="dc-1"),),
        hosts=(msgspec.structs.replace(host, id="h-1", cluster="c-1"),),
    )
    mapping = plain_mapping(
        storage={"rhv1/sd-1": "gold-block", "rhv1/sd-2": "silver-nfs"},
        networks={"rhv1/net-1": "default/vlan10", "rhv1/net-2": "pod"},
    )
    return Example(made, plain_target(), mapping)


EXAMPLES = {"vsphere": vsphere, "rhv": rhv}
