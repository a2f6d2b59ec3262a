"""Estates nobody thought of: every field of the model may have any value, references mostly fit.

A strategy for a noun is made from its type. What a field's name says (`cluster`, `vms`, `mac`)
decides where its values come from; everything else is any text, number or truth.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from mtv.knowledge.preferences import table
from mtv.knowledge.versions import versions
from mtv.model.compute import Balancing, Bond, HostInterface, HostPortGroup, HostSwitch, PhysicalNic
from mtv.model.estate import FORMAT, Inventory
from mtv.model.network import Network, SwitchHost
from mtv.model.organisation import Permission
from mtv.model.services import IngressChoice, RouteChoice, ServiceChoice
from mtv.model.target import (
    BridgeMapping,
    ClaimProperties,
    InstanceTypeSize,
    MacRange,
    MigrationNetwork,
    NameTemplates,
    Node,
    NodeGroup,
    SiteMapping,
    StorageClass,
    Target,
    TargetNetwork,
)
from mtv.model.vm import Backing, Disk, Power, Vm
from tests.estates import plain_disk, plain_nic, plain_vm

Draw = Callable[[st.SearchStrategy[Any]], Any]

IDS = {
    "datastores": ("ds-1", "ds-2", "ds-3"),
    "networks": ("net-1", "net-2", "net-3", "net-4"),
    "clusters": ("c-1", "c-2"),
    "hosts": ("h-1", "h-2", "h-3"),
    "vms": ("vm-1", "vm-2", "vm-3", "vm-4"),
    "datacenters": ("dc-1",),
    "folders": ("f-1", "f-2"),
    "resource_pools": ("rp-1", "rp-2"),
    "vapps": ("va-1",),
    "storage_policies": ("pol-1", "pol-2"),
    "qos_profiles": ("qos-1", "qos-2"),
    "switches": ("sw-1", "sw-2"),
    "nic_profiles": ("np-1", "np-2"),
    "network_providers": ("prov-1",),
    "routers": ("r-1",),
    "overlay_ports": ("port-1", "port-2"),
    "security_groups": ("sg-1", "sg-2"),
    "mac_pools": ("mp-1", "mp-2"),
    "scheduling_policies": ("sp-1", "sp-2"),
    "affinity_labels": ("al-1",),
    "tag_categories": ("cat-1", "cat-2"),
    "tags": ("tag-1", "tag-2", "tag-3"),
    "roles": ("role-1", "role-2"),
    "users": ("user-1", "user-2"),
    "quotas": ("q-1",),
    "permissions": ("perm-1", "perm-2", "perm-3"),
    "logical_units": ("naa.6001405ca0bebfd248e52929b9aae0b3", "lun-1"),
    "datastore_clusters": ("dsc-1",),
    "instance_types": ("it-1", "it-2"),
    "vm_pools": ("pool-1",),
    "templates": ("t-1", "t-2"),
}
"""List of the inventory -> the ids that its objects have; templates stand among the VMs."""

SAME_NAME = ("vms", "hosts", "datastores", "clusters", "security_groups", "tags", "affinity_labels")

REFERENCES = {
    **{name: name for name in SAME_NAME},
    "datastore": "datastores",
    "network": "networks",
    "cluster": "clusters",
    "host": "hosts",
    "pool": "resource_pools",
    "vapp": "vapps",
    "storage_policy": "storage_policies",
    "switch_id": "switches",
    "profile": "nic_profiles",
    "provider": "network_providers",
    "mac_pool": "mac_pools",
    "category": "tag_categories",
    "role": "roles",
    "quota": "quotas",
    "datastore_cluster": "datastore_clusters",
    "qos": "qos_profiles",
    "entity": "vms",
    "principal": "users",
    "after": "vms",
    "external_network": "networks",
    "member": "vms",
    "logical_unit": "logical_units",
    "template": "templates",
    "template_base": "templates",
    "instance_type": "instance_types",
    "vm_pool": "vm_pools",
}
"""Field -> the list whose objects it names."""

DEVICES = {"grid": "nvidia.com/T4-8Q=GRID T4-8Q", "device-1": "a.b/c=10de:1eb8", "odd\n": "none"}
"""Answers of ``mapping.yaml`` for devices of hosts."""

SERVICES = {
    "shop": ServiceChoice(
        vms=("src/vm-1", "src/c-1", "src/x"),
        ports=(443, "80:8080"),
        route=RouteChoice(host="shop.example.com", tls="passthrough"),
        from_=("service:dns", "router", "10.0.0.0/8"),
    ),
    "dns": ServiceChoice(vms=("src/f-1", "src/tag-1", "src/vm-2"), ports=("53/udp", 53)),
    "till": ServiceChoice(vms=("src/vm-3",), ports=(80,), ingress=IngressChoice(host="a.b")),
}
NAMES = NameTemplates(
    vm="{source}-{name:.9}", volume="{label}", claim="{vm:.9}-{label}", interface="{network}"
)

texts = st.one_of(
    st.sampled_from(["", "web", "VLAN 10", "größe", "a/b", "..", "-", "1e3", "x" * 300, "💾\n"]),
    st.text(max_size=12),
)
macs = st.sampled_from(["00:50:56:00:00:01", "00:1a:4a:16:01:51", "zz", "", "01:00:5e:00:00:01"])

KINDS = (
    *("VMFS", "nfs", "dvportgroup", "logical", "vm", "network", "standard", "odd"),
    *("vm-affinity", "vm-anti-affinity", "host-affinity", "host-anti-affinity", "depends"),
)

WORDS: dict[str, st.SearchStrategy[Any]] = {
    "mac": macs,
    "kind": st.sampled_from(KINDS),
    "vlan": st.sampled_from([None, 0, 1, 10, 4094, 4095, 5000, -1]),
    "vlan_trunk": st.sampled_from([None, "0-100", "0-4094", "7", "100-90", "x"]),
    "mtu": st.sampled_from([None, 0, 576, 1500, 9000, 65536]),
    "cidr": st.sampled_from(["10.0.0.0/24", "10.0.0.7/8", "fd00::/64", "x", ""]),
    "ranges": st.sampled_from(["00:1a:4a:16:01:00-00:1a:4a:16:01:ff", "x-y", ""]),
    "priority": st.one_of(st.none(), st.floats(-5, 5, allow_nan=False), st.sampled_from(["high"])),
    "automation": st.sampled_from([None, "fullyAutomated", "partiallyAutomated", "manual", "odd"]),
    "protocol": st.sampled_from([None, "tcp", "udp", "icmp", "112", "odd"]),
    "direction": st.sampled_from(["ingress", "egress", "odd"]),
    "remote_cidr": st.sampled_from([None, "10.0.0.0/8", "::/0", "odd"]),
    "guest_id": st.sampled_from(
        ["debian12_64Guest", "windows2019srv_64Guest", "windows11_64Guest", "rhel_9x64", "odd"]
    ),
    "mode": st.sampled_from([None, "persistent", "migratable", "pinned", "1", "4", "odd"]),
    "policy": st.sampled_from([None, "sp-1", "loadbalance_ip", "failover_explicit", "odd"]),
    "sockets": st.integers(1, 8),
    "cores_per_socket": st.integers(1, 16),
    "threads_per_core": st.integers(1, 2),
    "controller": st.sampled_from(["pvscsi", "lsilogic", "ide", "virtio", "virtio_scsi", "odd"]),
    "bus_sharing": st.sampled_from(["noSharing", "physicalSharing", "virtualSharing", "odd"]),
    "path": st.sampled_from(["", "[one] a/a.vmdk", "shared", "odd"]),
    "target": st.sampled_from(["iqn.2015-03.example:lun01", "", "odd"]),
    "address": st.sampled_from(["10.5.0.20", "2001:db8::1", "", "a b"]),
    "class": st.sampled_from(["i6300esb", "VirtualHdAudioCard", "native", "spice", "odd", ""]),
    "media": st.sampled_from(["grid", "device-1", "[iso] a.iso", "odd\n"]),
    "action": st.sampled_from(["reset", "poweroff", "dump", "odd"]),
    "privileges": st.sampled_from(["VirtualMachine.Config.CPUCount", "System.View", "vm_basic"]),
}
"""Field -> values that some rule looks at, and some that none expects."""


IN_THE_WAY = {"is_template", "secure_boot", "has_vtpm", "shared", "encrypted", "has_parent"}
"""What keeps a VM from being translated at all: when True, it would hide everything else."""

POSITIVE = {"sockets", "cores_per_socket", "threads_per_core", "memory_bytes", "capacity_bytes"}
"""Sizes of what exists: no hypervisor has a VM without processors or a disk of no bytes."""

NEEDED = {"datastore", "network"}
"""References that a VM is not translated without."""

STAYING = {"id", "key", "disks", "nics", "snapshots", "datastore", "network"}
"""Fields of a VM, disk or card that are never odd: what it is known by, what holds it back."""

NICS = ("vmnic0", "vmnic1", "eth0", "eth1")
SWITCHES = ("vSwitch0", "dvs", "größe")

MEETING: dict[tuple[type[Any], str], st.SearchStrategy[Any]] = {
    (PhysicalNic, "name"): st.sampled_from(NICS),
    (Bond, "name"): st.sampled_from(["bond0", "bond1"]),
    (Bond, "members"): st.sampled_from(NICS),
    (HostSwitch, "name"): st.sampled_from(SWITCHES),
    (HostSwitch, "uplinks"): st.sampled_from(NICS),
    (HostPortGroup, "switch"): st.sampled_from(SWITCHES),
    (HostInterface, "base"): st.sampled_from([*NICS, "bond0"]),
    (HostInterface, "network"): st.sampled_from(IDS["networks"]),
    (Network, "switch"): st.sampled_from(SWITCHES),
    (SwitchHost, "nics"): st.sampled_from(NICS),
    (Disk, "backing"): st.sampled_from([Backing.FLAT, Backing.IMAGE]),
    (Balancing, "automation"): st.sampled_from(["fullyAutomated", "manual"]),
    (Vm, "power"): st.sampled_from([Power.ON, Power.OFF]),
    (Vm, "memory_bytes"): st.sampled_from([10**6, 2**22, 2**29 + 1, 2**30, 6 * 2**30, 2**40]),
    (Permission, "entity"): st.sampled_from(["", "f-1", "rp-1", "c-1", "dc-1", *IDS["vms"]]),
}
"""Field of a class -> the few values by which objects meet each other, or are let through."""


@st.composite
def estates(draw: Draw) -> tuple[Inventory, Target, SiteMapping]:
    """An inventory of vSphere or RHV, a target of any version and a mapping."""
    product = draw(st.sampled_from(["vsphere", "rhv"]))
    fields: dict[str, Any] = {
        "source": "src",
        "product": product,
        "version": "8",
        "instance": "i",
        "collected_at": "2026-11-22T10:00:00Z",
        "format": FORMAT,
    }
    for field in msgspec.structs.fields(Inventory):
        shape = inspect.type_info(field.type)
        if isinstance(shape, inspect.VarTupleType) and isinstance(
            shape.item_type, inspect.StructType
        ):
            fields[field.name] = draw(_objects(field.name, shape.item_type))
    return Inventory(**fields), draw(targets()), draw(mappings())


@st.composite
def _objects(draw: Draw, list_: str, shape: inspect.StructType) -> tuple[Any, ...]:
    ids = IDS.get(list_, ("x-1",))
    count = draw(st.integers(0, len(ids)))
    if list_ == "vms":
        templates = draw(st.integers(0, len(IDS["templates"])))
        return (
            *(draw(_vm(id_)) for id_ in ids[: count + 1]),
            *(
                msgspec.structs.replace(draw(_vm(id_)), is_template=True)
                for id_ in IDS["templates"][:templates]
            ),
        )
    return tuple(draw(_noun(shape, 0, ids[number])) for number in range(count))


@st.composite
def _vm(draw: Draw, id_: str) -> Vm:
    """A plain VM of which some things are otherwise: one that is all odd would be held back."""
    datastores, networks = st.sampled_from(IDS["datastores"]), st.sampled_from(IDS["networks"])
    disks = tuple(
        draw(_odd(plain_disk(key=str(2000 + number), unit=number, datastore=draw(datastores))))
        for number in range(draw(st.integers(1, 3)))
    )
    nics = tuple(
        draw(_odd(plain_nic(key=str(4000 + number), network=draw(networks))))
        for number in range(draw(st.integers(0, 3)))
    )
    vm = plain_vm(id=id_, cluster=draw(st.sampled_from(IDS["clusters"])), disks=disks, nics=nics)
    odd: Vm = draw(_odd(vm))
    return odd


@st.composite
def _odd(draw: Draw, plain: Any) -> Any:
    """A noun with another value in about a fifth of its fields."""
    shape = inspect.type_info(type(plain))
    assert isinstance(shape, inspect.StructType)
    changes = dict[str, Any]()
    for field in shape.fields:
        if field.name not in STAYING and draw(st.integers(0, 4)) == 0:
            met = MEETING.get((shape.cls, field.name))
            changes[field.name] = draw(_value(field.encode_name, field.type, 2, met))
    return msgspec.structs.replace(plain, **changes)


@st.composite
def _noun(draw: Draw, shape: inspect.StructType, depth: int, id_: str | None = None) -> Any:
    values = dict[str, Any]()
    for field in shape.fields:
        if id_ is not None and field.name in ("id", "key") and depth == 0:
            values[field.name] = id_
        elif field.required or draw(st.booleans()):
            met = MEETING.get((shape.cls, field.name))
            values[field.name] = draw(_value(field.encode_name, field.type, depth + 1, met))
    return shape.cls(**values)


def nouns(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any object of a type of the model."""
    shape = inspect.type_info(kind)
    assert isinstance(shape, inspect.StructType)
    return _noun(shape, 1)


def _value(
    name: str, shape: inspect.Type, depth: int, met: st.SearchStrategy[Any] | None = None
) -> st.SearchStrategy[Any]:
    match shape:
        case inspect.UnionType():
            inner = [each for each in shape.types if not isinstance(each, inspect.NoneType)]
            value = _value(name, inner[0], depth, met)
            return value if name in NEEDED else st.one_of(st.none(), value)
        case inspect.VarTupleType():
            most = 3 if depth < 3 else 1
            value = _value(name, shape.item_type, depth, met)
            return st.lists(value, max_size=most).map(tuple)
        case _ if met is not None:
            return met
        case inspect.StructType():
            return _noun(shape, depth)
        case inspect.DictType():
            return st.dictionaries(texts, _value("", shape.value_type, depth), max_size=2)
        case inspect.EnumType():
            return st.sampled_from(list(shape.cls))
        case inspect.BoolType():
            return st.just(False) if name in IN_THE_WAY else st.booleans()
        case inspect.IntType():
            least = 1 if name in POSITIVE else -1
            return _fitting(name, int, st.integers(least, 1 << 42))
        case inspect.FloatType():
            return st.floats(-1e6, 1e6, allow_nan=False)
        case inspect.StrType():
            if name in REFERENCES:
                known = st.sampled_from(IDS[REFERENCES[name]])
                return st.one_of(known, known, known, texts)
            return _fitting(name, str, texts)
    raise TypeError(shape)


def _fitting(name: str, kind: type, otherwise: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The strategy of a field's name, its values of the right type only."""
    if name not in WORDS:
        return otherwise
    return WORDS[name].filter(lambda value: isinstance(value, kind))


def targets() -> st.SearchStrategy[Target]:
    """A cluster of any version, with much or little."""
    classes = (
        StorageClass(
            name="fast",
            provisioner="openshift-storage.rbd.csi.ceph.com",
            claim_properties=(
                ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Block"),
            ),
            default=True,
        ),
        StorageClass(name="slow", provisioner="nfs.csi.k8s.io"),
        StorageClass(name="odd", provisioner="who.knows"),
    )
    return st.builds(
        Target,
        openshift=st.sampled_from([each.openshift for each in versions().releases]),
        storage_classes=st.just(classes),
        networks=st.just((TargetNetwork(name="default/vlan10", vlan=10),)),
        bridge_mappings=st.sampled_from([(), (BridgeMapping(localnet="phys", bridge="br-ex"),)]),
        sriov_resources=st.just(("fastnics",)),
        nodes=st.sampled_from([(), tuple(Node(name=f"worker-{n}") for n in range(3))]),
        namespaces=st.sampled_from([(), ("imported-vms",)]),
        operators=st.sampled_from(
            [(), ("nmstate", "descheduler"), ("nmstate", "application-aware-quota")]
        ),
        preferences=st.sampled_from([(), tuple(each.name for each in table().preferences)]),
        instance_types=st.sampled_from(
            [(), (InstanceTypeSize(name="shop.big", cpus=64, memory="1Ti"),)]
        ),
    )


def mappings() -> st.SearchStrategy[SiteMapping]:
    """Choices for what the estates have; some name what is not there."""

    def lines(list_: str, choices: list[str | None]) -> st.SearchStrategy[dict[str, str | None]]:
        keys = [f"src/{id_}" for id_ in IDS[list_]]
        return st.fixed_dictionaries({key: st.sampled_from(choices) for key in keys})

    group = NodeGroup(
        hosts=("src/h-1", "src/h-2", "src/h-3"),
        nodes={"node-role.kubernetes.io/worker": ""},
        nics={"vmnic0": "ens1", "vmnic1": "ens2", "eth0": "ens3"},
    )
    fitting = MacRange(start="02:00:00:00:00:00", end="02:00:00:00:ff:ff")
    networks: list[str | None] = ["localnet", "bridge", "layer2", "pod", "none", "sriov:fastnics"]
    return st.builds(
        SiteMapping,
        namespace=st.just("imported-vms"),
        namespaces=st.one_of(st.just({}), lines("clusters", ["shop", "db", None])),
        settings_from=st.sampled_from([None, "src/c-1", "src/c-1", "src/c-1", "src/c-9"]),
        storage=lines("datastores", [*["fast"] * 6, "slow", "odd", "gone", None]),
        policies=st.one_of(st.just({}), lines("storage_policies", ["fast", "gone", None])),
        networks=lines("networks", [*networks * 3, "default/vlan10", "a/gone", None]),
        node_groups=st.sampled_from([{}, {"workers": group}]),
        hosts=lines("hosts", ["worker-0", "worker-1", None]),
        cpu_models=st.one_of(st.just({}), lines("clusters", ["Cascadelake-Server-noTSX", "x y"])),
        host_devices=st.sampled_from([{}, DEVICES, {"grid": None, "device-1": "odd"}]),
        templates=lines("templates", ["images", "shop", "shop", "none", "Not A Name", None]),
        instance_types=st.one_of(
            st.just({}), lines("clusters", ["u1.large", "cx1.medium", "shop.big", "odd", None])
        ),
        services=st.sampled_from([{}, SERVICES]),
        names=st.sampled_from([NameTemplates(), NAMES]),
        roles=lines("roles", ["kubevirt.io:edit", None]),
        principals=st.just({"src/user-1": "group:ops", "src/user-2": "user:anna"}),
        migration_network=st.sampled_from(
            [None, MigrationNetwork(interface="ens4", range="10.9.0.0/24", vlan=300)]
        ),
        mac_range=st.sampled_from([None, fitting, MacRange(start="x", end="")]),
    )
