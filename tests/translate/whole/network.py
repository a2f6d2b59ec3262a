"""Networks and cards: a VM with a NIC on every kind of network.

Both products have networks of the same ids, so that one table of changes fits them.
"""

from typing import Any

import msgspec

from mtv.model.compute import Host, HostInterface
from mtv.model.network import Network, NicProfile, PrivateVlan, Security
from mtv.model.quantity import Setting, Shaping
from mtv.model.storage import QosProfile
from mtv.model.vm import Nic
from tests.estates import GIB, plain_network, plain_nic, plain_vm
from tests.translate.whole.example import Change, Example


def on(profile: str) -> Any:
    """True for the NIC with a profile."""

    def where(nic: dict[str, Any]) -> bool:
        return nic.get("profile") == profile

    return where


CHANGES = {
    "vms[].nics[].key": Change("4009"),
    "vms[].nics[].network": Change("network-pod"),
    "vms[].nics[].mac": Change("00:50:56:00:00:00"),
    "vms[].nics[].plugged": Change(
        False, at="vm-net", where=lambda nic: nic["network"] == "network-pod"
    ),
    "vms[].nics[].model": Change("sriov"),
    "vms[].nics[].profile": Change("profile-open", at="vm-net", where=on("profile-plain")),
    "networks[].vlan_trunk": Change("5-7"),
    "networks[].datacenter": Change("DC9", at="network-std"),
    "networks[].switch": Change("vSwitch9", at="network-std"),
    "networks[].tags[]": Change("tag-other", at="network-local"),
    "networks[].port_isolation": Change(False),
    "nic_profiles[].network": Change("network-bridge", at="profile-fast"),
    "nic_profiles[].network_filter": Change("allow-arp", at="profile-plain"),
    "nic_profiles[].qos": Change("qos-slow"),
    "qos_profiles[].kind": Change("cpu", at="qos-net"),
    "qos_profiles[].limits[].name": Change("outbound_average", at="qos-net"),
    "qos_profiles[].limits[].value": Change("200", at="qos-net"),
}

LIMIT = Shaping(
    enabled=True,
    average_bits_per_second=100_000_000,
    peak_bits_per_second=200_000_000,
    burst_bytes=100_000,
)

OWN_LIMIT = msgspec.structs.replace(LIMIT, average_bits_per_second=50_000_000)


def enrich(example: Example) -> Example:
    """Networks of every kind, before those that are there, and a VM on all of them."""
    rhv = example.inventory.product == "rhv"
    own = _of_rhv() if rhv else _of_vsphere()
    source = example.inventory.source
    first = _before(example, networks=own)
    disks = tuple(
        msgspec.structs.replace(each, key=f"net-{each.key}", uuid=None)
        for each in example.inventory.vms[0].disks[:1]
    )
    made = first.add(vms=(msgspec.structs.replace(_vm(rhv), disks=disks),)).choose(
        networks={
            f"{source}/network-local": "localnet",
            f"{source}/network-other": "localnet",
            f"{source}/network-std": "localnet",
            f"{source}/network-std2": "localnet",
            f"{source}/network-bridge": "bridge",
            f"{source}/network-trunk": "bridge",
            f"{source}/network-pod": "pod",
        }
    )
    made = made.offer(sriov_resources=("fast",))
    if not rhv:
        return made.choose(networks={f"{source}/network-sriov": "sriov:fast"})
    made = made.choose(networks={f"{source}/profile-fast": "sriov:fast"})
    return _before(made.add(hosts=(_host(),)), nic_profiles=PROFILES, qos_profiles=QOS)


def _before(example: Example, **lists: tuple[Any, ...]) -> Example:
    """The example with objects before those that are there."""
    longer = {name: (*own, *getattr(example.inventory, name)) for name, own in lists.items()}
    return example.replace(inventory=msgspec.structs.replace(example.inventory, **longer))


def _of_vsphere() -> tuple[Network, ...]:
    standard = {"kind": "network", "switch": "vSwitch1", "datacenter": "DC0"}
    return (
        plain_network(
            id="network-local",
            name="App net",
            vlan=30,
            mtu=9000,
            switch="dvs-net",
            switch_id="dvs-net-1",
            description="The applications.",
            tags=("tag-net",),
            custom_attributes={"owner": "ops"},
        ),
        # A switch of the same name: only its id tells them apart.
        plain_network(id="network-other", vlan=36, switch="dvs-net", switch_id="dvs-net-1"),
        plain_network(
            id="network-bridge",
            name="Nested",
            vlan=31,
            mtu=1500,
            switch="dvs-br",
            switch_id="dvs-br-1",
            security=Security(promiscuous=False, mac_changes=False, forged_transmits=False),
            shaping_in=LIMIT,
            shaping_out=LIMIT,
        ),
        plain_network(
            id="network-trunk",
            name="Trunk",
            vlan=None,
            vlan_trunk="0-100",
            switch="dvs-br",
            switch_id="dvs-br-1",
        ),
        plain_network(id="network-std", name="Standard", vlan=34, **standard),
        plain_network(id="network-std2", name="Standard 2", vlan=35, **standard),
        plain_network(id="network-sriov", name="Fast", vlan=33, switch="dvs-fast"),
        plain_network(id="network-pod", name="Shared", vlan=None, switch="dvs-pod"),
        plain_network(
            id="network-private",
            name="Private",
            vlan=None,
            private_vlan=PrivateVlan(primary=500, secondary=501, kind="isolated"),
        ),
        plain_network(
            id="network-differing",
            name="Everywhere",
            kind="network",
            vlan=None,
            switch=None,
            differing_vlans=(0, 100),
            folder="nets",
            binding="ephemeral",
            ports=8,
            hosts=("host-1",),
            accessible=True,
        ),
    )


def _of_rhv() -> tuple[Network, ...]:
    own = {"kind": "logical", "switch": None, "datacenter": "Net"}
    return (
        plain_network(
            id="network-bridge", name="Nested", vlan=31, mtu=1500, port_isolation=True, **own
        ),
        plain_network(
            id="network-local",
            name="App net",
            vlan=30,
            mtu=9000,
            description="The applications.",
            usages=("vm", "migration"),
            labels=("rack",),
            clusters=("c-1",),
            qos="qos-host",
            tags=("tag-net",),
            custom_attributes={"owner": "ops"},
            **own,
        ),
        plain_network(id="network-std", name="Standard", vlan=34, **own),
        plain_network(id="network-std2", name="Standard 2", vlan=35, **own),
        plain_network(id="network-sriov", name="Fast", vlan=33, **own),
        plain_network(id="network-pod", name="Shared", vlan=None, **own),
    )


PROFILES = (
    NicProfile(
        id="profile-fast",
        name="passed",
        network="network-sriov",
        pass_through=True,
        migratable=True,
        failover="profile-plain",
    ),
    NicProfile(
        id="profile-plain",
        name="plain",
        network="network-bridge",
        port_mirroring=True,
        network_filter="vdsm-no-mac-spoofing",
        qos="qos-net",
        custom_properties=(Setting(name="queues", value="4"),),
    ),
    NicProfile(id="profile-open", name="open", network="network-bridge"),
)

QOS = (
    QosProfile(
        id="qos-net",
        name="net",
        kind="network",
        datacenter="Net",
        limits=(
            Setting(name="inbound_average", value="100"),
            Setting(name="inbound_burst", value="10"),
        ),
    ),
    QosProfile(
        id="qos-slow",
        name="slow",
        kind="network",
        limits=(Setting(name="inbound_average", value="10"),),
    ),
    QosProfile(
        id="qos-disk", name="disk", kind="storage", limits=(Setting(name="max_iops", value="900"),)
    ),
)


def _host() -> Host:
    """The wires of RHV's networks."""
    bases = {
        "network-local": "bond7",
        "network-bridge": "eth8",
        "network-std": "eth9",
        "network-std2": "eth9",
    }
    return Host(
        id="host-net",
        name="wired",
        cluster=None,
        cpu_model="",
        cores=32,
        memory_bytes=256 * GIB,
        version="4.4",
        interfaces=tuple(
            HostInterface(name=f"attachment of {network}", network=network, base=base)
            for network, base in bases.items()
        ),
    )


def _vm(rhv: bool) -> Any:
    networks = ["network-local", "network-bridge", "network-std", "network-std2", "network-sriov"]
    networks += [] if rhv else ["network-trunk", "network-other"]
    profiles = {"network-bridge": "profile-plain", "network-sriov": "profile-fast"} if rhv else {}
    nics = [_nic(n, each, profiles.get(each)) for n, each in enumerate(networks)]
    if rhv:
        nics.append(_nic(8, "network-bridge", "profile-open"))
    else:
        nics.append(msgspec.structs.replace(_nic(8, "network-bridge", None), shaping=OWN_LIMIT))
    shared = msgspec.structs.replace(_nic(9, "network-pod", None), connected=True, plugged=True)
    nics.append(shared)
    nics[1] = msgspec.structs.replace(nics[1], direct_path=True)
    return plain_vm(
        id="vm-net",
        name="wired",
        uuid="4215a3c0-1111-2222-3333-44445555aaaa",
        host=None,
        cluster=None,
        nics=tuple(nics),
    )


def _nic(number: int, network: str, profile: str | None) -> Nic:
    return plain_nic(
        key=f"410{number}",
        label=f"Wired {number}",
        mac=f"00:50:56:9a:41:0{number}",
        network=network,
        profile=profile,
    )
