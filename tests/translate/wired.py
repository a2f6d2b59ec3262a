"""Small estates whose hosts carry networks: a vCenter and an RHV, one switch or bond each."""

from typing import Any

import msgspec

from mtv.model.compute import (
    Bond,
    Cluster,
    ClusterNetwork,
    Host,
    HostInterface,
    HostPortGroup,
    HostSwitch,
    PhysicalNic,
)
from mtv.model.estate import Inventory
from mtv.model.network import LinkGroup, Network, Switch, Teaming
from mtv.model.quantity import Setting
from mtv.model.target import NodeGroup
from mtv.model.vm import Nic
from mtv.translate import Translation
from mtv.translate.part import Manifest
from tests.estates import (
    inventory,
    plain_datastore,
    plain_network,
    plain_nic,
    plain_target,
    plain_vm,
    translated_inventory,
)

UPLINKS = ("vmnic2", "vmnic3")
WORKERS = {"node-role.kubernetes.io/worker": ""}
STANDARD = "network-1"
DISTRIBUTED = "dvportgroup-1"


def esx(number: int = 1, **changes: Any) -> Host:
    """A host with vSwitch1 and dvs-prod, each over the two uplinks that a test gives it."""
    host = Host(
        id=f"host-{number}",
        name=f"esx{number}",
        cluster="domain-c1",
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="8.0.3",
        nics=tuple(PhysicalNic(name=f"vmnic{each}") for each in range(8)),
    )
    return msgspec.structs.replace(host, **changes)


def vswitch(**changes: Any) -> HostSwitch:
    """vSwitch1 over vmnic2 and vmnic3."""
    switch = HostSwitch(name="vSwitch1", kind="standard", mtu=9000, uplinks=UPLINKS)
    return msgspec.structs.replace(switch, **changes)


def proxy(**changes: Any) -> HostSwitch:
    """The host's part of dvs-prod."""
    switch = HostSwitch(name="dvs-prod", kind="proxy", switch="50 11", mtu=1500, uplinks=UPLINKS)
    return msgspec.structs.replace(switch, **changes)


def dvs(**changes: Any) -> Switch:
    """dvs-prod, with jumbo frames."""
    switch = Switch(
        id="dvs-1", name="dvs-prod", uuid="50 11", mtu=9000, uplinks=("uplink1", "uplink2")
    )
    return msgspec.structs.replace(switch, **changes)


def lag(**changes: Any) -> LinkGroup:
    group = LinkGroup(name="lag1", mode="active", load_balancing="srcDestIpTcpUdpPort")
    return msgspec.structs.replace(group, **changes)


def standard(**changes: Any) -> Network:
    """The network "web" of vSwitch1."""
    network = plain_network(id=STANDARD, name="web", kind="network", switch="vSwitch1", vlan=10)
    return msgspec.structs.replace(network, **changes)


def distributed(**changes: Any) -> Network:
    """The network "db" of dvs-prod."""
    network = plain_network(
        id=DISTRIBUTED, name="db", switch="dvs-prod", switch_id="dvs-1", vlan=20
    )
    return msgspec.structs.replace(network, **changes)


def cards(*networks: str) -> tuple[Nic, ...]:
    return tuple(
        plain_nic(key=str(4000 + number), mac=f"00:50:56:00:00:{number:02x}", network=network)
        for number, network in enumerate(networks)
    )


def vcenter(*hosts: Host, networks: tuple[Network, ...] = (), **changes: Any) -> Inventory:
    """A vCenter whose one VM has a NIC on each network."""
    networks = networks or (standard(),)
    vm = plain_vm(nics=cards(*(each.id for each in networks)))
    return inventory(vm, hosts=hosts, networks=networks, **changes)


def rhv_host(number: int = 1, **changes: Any) -> Host:
    """A host with bond1 over eno1 and eno2, and the network "app" on it."""
    host = Host(
        id=f"h-{number}",
        name=f"rhvh{number}",
        cluster="c-1",
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="8.8",
        nics=tuple(PhysicalNic(name=f"eno{each}", mtu=1500) for each in range(1, 6)),
        bonds=(bond1(),),
        interfaces=(attached("net-1", "bond1"),),
    )
    return msgspec.structs.replace(host, **changes)


def bond1(mode: str = "4", **options: str) -> Bond:
    given = {"mode": mode, "miimon": "100", **options}
    return Bond(
        name="bond1",
        members=("eno1", "eno2"),
        mode=mode,
        options=tuple(Setting(name=name, value=value) for name, value in given.items()),
        mtu=9000,
    )


def attached(network: str, base: str, **changes: Any) -> HostInterface:
    interface = HostInterface(name=f"{base}.{network}", network=network, base=base)
    return msgspec.structs.replace(interface, **changes)


def logical(number: int = 1, **changes: Any) -> Network:
    network = plain_network(
        id=f"net-{number}", name=f"app{number}", kind="logical", switch=None, vlan=30 + number
    )
    return msgspec.structs.replace(network, **changes)


def engine(
    *hosts: Host,
    networks: tuple[Network, ...] = (),
    cluster_networks: tuple[ClusterNetwork, ...] = (),
    management: str | None = None,
) -> Inventory:
    """An RHV whose one VM has a NIC on each network."""
    networks = networks or (logical(),)
    vm = plain_vm(
        host="h-1", cluster="c-1", folder="", nics=cards(*(each.id for each in networks)), disks=()
    )
    cluster = Cluster(
        id="c-1",
        name="prod",
        datacenter="dc-1",
        networks=cluster_networks,
        management_network=management,
    )
    return inventory(
        vm,
        source="rhv1",
        product="rhv",
        version="4.4.10",
        datastores=(plain_datastore(id="sd-1"),),
        networks=networks,
        clusters=(cluster,),
        hosts=hosts,
    )


def group(*hosts: str, **changes: Any) -> NodeGroup:
    """Workers that take the place of hosts, with a NIC for each of theirs."""
    nics: dict[str, str | None] = {f"vmnic{each}": f"ens{each}f0" for each in range(8)}
    made = NodeGroup(hosts=hosts or ("vc1/host-1",), nodes=WORKERS, nics=nics)
    return msgspec.structs.replace(made, **changes)


def rhv_group(*hosts: str, **changes: Any) -> NodeGroup:
    nics: dict[str, str | None] = {f"eno{each}": f"ens{each}f0" for each in range(1, 6)}
    return group(*(hosts or ("rhv1/h-1",)), **{"nics": nics, **changes})


def wired(whole: Inventory, *, kind: str = "localnet", **changes: Any) -> Translation:
    """What becomes of it, with every network of one kind and one group of all hosts."""
    source = whole.source
    fits = group if whole.product == "vsphere" else rhv_group
    hosts = tuple(f"{source}/{host.id}" for host in whole.hosts)
    chosen = {
        "networks": {f"{source}/{network.id}": kind for network in whole.networks},
        "node_groups": {"workers": fits(*hosts)},
        "storage": {"vc1/datastore-1": "gold-block", "rhv1/sd-1": "gold-block"},
        "target": plain_target(networks=()),
    }
    return translated_inventory(whole, **{**chosen, **changes})


def policies(translation: Translation) -> dict[str, Manifest]:
    """The policies of the nodes by name."""
    return {
        each["metadata"]["name"]: each
        for each in translation.platform
        if each["kind"] == "NodeNetworkConfigurationPolicy"
    }


def state(translation: Translation) -> Manifest:
    """The desired state of the one policy."""
    (policy,) = policies(translation).values()
    desired: Manifest = policy["spec"]["desiredState"]
    return desired


def interface(translation: Translation, kind: str) -> Manifest:
    """The one interface of a type."""
    (found,) = (each for each in state(translation)["interfaces"] if each["type"] == kind)
    made: Manifest = found
    return made


def bond_of(translation: Translation) -> Manifest:
    """``link-aggregation`` of the kernel's bond."""
    made: Manifest = interface(translation, "bond")["link-aggregation"]
    return made


def ports_of(policy: str | None = None, **fields: Any) -> Teaming:
    """A teaming."""
    return Teaming(policy=policy, **fields)


def port_group(**changes: Any) -> HostPortGroup:
    """The port group of the network "web"."""
    made = HostPortGroup(name="web", switch="vSwitch1", vlan=10)
    return msgspec.structs.replace(made, **changes)
