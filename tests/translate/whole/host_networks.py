"""vSwitches, bonds, host networks -> NodeNetworkConfigurationPolicy.

A vSphere host with two vSwitches and two distributed ones, and two RHV hosts with bonds and a NIC;
each carries networks of a VM of its own, and each is replaced by nodes of its own.
"""

from typing import Any

from mtv.model.compute import (
    Bond,
    Cluster,
    ClusterNetwork,
    Host,
    HostInterface,
    HostPortGroup,
    HostSwitch,
    Neighbor,
    PhysicalNic,
)
from mtv.model.network import (
    LinkGroup,
    MirrorSession,
    PrivateVlan,
    Security,
    Switch,
    SwitchHost,
    Teaming,
)
from mtv.model.quantity import Setting, Shaping
from mtv.model.target import Node, NodeGroup
from tests.estates import plain_disk, plain_network, plain_nic, plain_vm
from tests.translate.whole.example import Change, Example

SHAPING = Shaping(
    enabled=True,
    average_bits_per_second=100_000_000,
    peak_bits_per_second=200_000_000,
    burst_bytes=1_048_576,
)
OPEN = Security(promiscuous=True, mac_changes=True, forged_transmits=True)


def called(name: str) -> Any:
    return lambda holder: holder["name"] == name


def explicit(teaming: dict[str, Any]) -> bool:
    return bool(teaming["policy"] == "failover_explicit")


def _vsphere_changes() -> dict[str, Change]:
    host = "hn-2"
    return {
        "hosts[].switches[].name": Change("other", at=host),
        "hosts[].switches[].kind": Change("proxy", at=host),
        "hosts[].switches[].switch": Change("other", at=host),
        "hosts[].switches[].uplinks[]": Change("vmnic2", at=host),
        "hosts[].switches[].mtu": Change(1500, at=host),
        "hosts[].switches[].teaming.policy": Change("loadbalance_ip", at=host),
        "hosts[].switches[].teaming.active[]": Change("vmnic13", at=host),
        "hosts[].switches[].teaming.standby[]": Change("vmnic13", at=host),
        "hosts[].switches[].teaming.rolling_order": Change(True, at=host),
        "hosts[].switches[].discovery_protocol": Change("cdp", at=host),
        "hosts[].port_groups[].teaming.policy": Change("loadbalance_ip", at=host),
        "hosts[].port_groups[].teaming.active[]": Change("vmnic13", at=host),
        "hosts[].port_groups[].teaming.standby[]": Change("vmnic13", at=host),
        "hosts[].port_groups[].teaming.rolling_order": Change(True, at=host),
        "hosts[].port_groups[].name": Change("other", at=host, where=called("hn-db")),
        "hosts[].port_groups[].switch": Change("other", at=host, where=called("hn-db")),
        "switches[].uuid": Change("other", at="dvs-hn"),
        "switches[].mtu": Change(1500, at="dvs-hn"),
        "switches[].teaming.policy": Change("loadbalance_ip", at="dvs-hn"),
        "switches[].teaming.active[]": Change("uplink1", at="dvs-hn-lag"),
        "switches[].teaming.standby[]": Change("uplink9", at="dvs-hn"),
        "switches[].uplinks[]": Change("uplink9", at="dvs-hn"),
        "networks[].teaming.policy": Change("loadbalance_ip", at="dvportgroup-hn-own"),
        "networks[].teaming.active[]": Change("lag9", at="dvportgroup-hn-own"),
        "networks[].teaming.standby[]": Change("uplink4", at="dvportgroup-hn-own"),
        "switches[].link_groups[].name": Change("other", at="dvs-hn-lag"),
        "switches[].link_groups[].load_balancing": Change("srcDestMac", at="dvs-hn-lag"),
        "switches[].discovery_protocol": Change("cdp", at="dvs-hn"),
        "switches[].discovery_operation": Change("advertise", at="dvs-hn"),
    }


def _rhv_changes() -> dict[str, Change]:
    return {
        "hosts[].bonds[].name": Change("other", at="hn-1"),
        "hosts[].bonds[].members[]": Change("eno9", at="hn-1"),
        "hosts[].bonds[].mode": Change("2", at="hn-1"),
        "hosts[].bonds[].options[].name": Change(
            "miimon", at="hn-1", where=lambda option: option["name"] == "updelay"
        ),
        "hosts[].bonds[].options[].value": Change("layer3+4", at="hn-1"),
        "hosts[].bonds[].mtu": Change(1500, at="hn-1"),
        "hosts[].nics[].mtu": Change(1500, at="hn-1", where=called("eno5")),
        "hosts[].interfaces[].base": Change("eno8", at="hn-2"),
        "clusters[].management_network": Change("net-hn-db", at="c-hn"),
        "clusters[].networks[].network": Change("net-hn-db", at="c-hn"),
        "clusters[].networks[].usages[]": Change("vm", at="c-hn"),
    }


CHANGES = {
    **_vsphere_changes(),
    **_rhv_changes(),
    "hosts[].nics[].name": Change("other", at="hn-2"),
    "hosts[].interfaces[].network": Change("other", at="hn-2"),
}


def enrich(example: Example) -> Example:
    """Hosts with networks, and groups of nodes that replace them."""
    nodes = [Node(name=name, labels={"example.com/wired": name}) for name in ("hn", "hn-2")]
    example = example.offer(nodes=tuple(nodes))
    return _vsphere(example) if example.inventory.product == "vsphere" else _rhv(example)


def _nics(*names: str, **fields: Any) -> tuple[PhysicalNic, ...]:
    return tuple(PhysicalNic(name=name, **fields) for name in names)


def _host(id_: str, cluster: str, **fields: Any) -> Host:
    return Host(
        id=id_,
        name=f"{id_}.example.com",
        cluster=cluster,
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
        **fields,
    )


def _vsphere(example: Example) -> Example:
    networks = {
        "network-hn-web": ("hn-web", "network", "hn-sw1", None, "localnet"),
        "network-hn-db": ("hn-db", "network", "hn-sw2", None, "bridge"),
        "dvportgroup-hn": ("hn-dv", "dvportgroup", "hn-dvs", "dvs-hn", "localnet"),
        "dvportgroup-hn-lag": ("hn-lag", "dvportgroup", "hn-dvs-lag", "dvs-hn-lag", "bridge"),
        "dvportgroup-hn-own": ("hn-own", "dvportgroup", "hn-dvs-own", "dvs-hn-own", "localnet"),
    }
    own = Teaming(
        policy="loadbalance_srcid",
        active=("uplink1", "uplink2"),
        standby=("uplink3",),
        notify_switches=True,
        rolling_order=False,
        reverse_policy=True,
        beacon_probing=True,
    )
    nics = tuple(
        plain_nic(key=str(4000 + number), mac=f"00:50:56:9b:00:{number:02x}", network=network)
        for number, network in enumerate((*networks, "network-trunk"))
    )
    uplinks = [f"vmnic{number}" for number in range(2, 17)]
    return example.add(
        clusters=(Cluster(id="domain-c-hn", name="hn", datacenter="DC0"),),
        hosts=(_vsphere_host(uplinks),),
        switches=_switches(),
        networks=tuple(
            plain_network(
                id=id_,
                name=name,
                kind=kind,
                vlan=30,
                switch=switch,
                switch_id=switch_id,
                teaming=own if name == "hn-own" else None,
            )
            for id_, (name, kind, switch, switch_id, _) in networks.items()
        ),
        vms=(
            plain_vm(
                id="vm-hn",
                name="wired",
                uuid="4215a3c0-1111-2222-3333-00000000a001",
                host="hn-2",
                cluster="domain-c-hn",
                disks=(plain_disk(uuid="6000c29b-1234-5678-9abc-00000000a001"),),
                nics=nics,
            ),
        ),
    ).choose(
        networks={f"vc1/{id_}": choice for id_, (*_, choice) in networks.items()},
        node_groups={
            "hn": NodeGroup(
                hosts=("vc1/hn-2",),
                nodes={"example.com/wired": "hn"},
                nics={nic: f"ens{nic.removeprefix('vmnic')}f0" for nic in uplinks},
            )
        },
    )


def _vsphere_host(uplinks: list[str]) -> Host:
    ordered = Teaming(
        policy="failover_explicit",
        active=("vmnic2", "vmnic3"),
        standby=("vmnic4",),
        notify_switches=True,
        rolling_order=False,
        reverse_policy=True,
        beacon_probing=True,
    )
    own = Teaming(
        policy="failover_explicit",
        active=("vmnic5", "vmnic6"),
        standby=("vmnic7",),
        notify_switches=True,
        rolling_order=False,
        reverse_policy=True,
        beacon_probing=True,
    )
    neighbor = Neighbor(protocol="lldp", system="leaf-1", port="Ethernet1", vlans="30", mtu=9216)
    return _host(
        "hn-2",
        "domain-c-hn",
        nics=_nics(
            *uplinks,
            mac="ac:1f:6b:00:00:01",
            speed_mbps=25_000,
            duplex=True,
            driver="nmlx5_core",
            pci_address="0000:19:00.0",
            vendor="Mellanox",
            product="ConnectX-5",
            virtual_functions=4,
            neighbor=neighbor,
        ),
        switches=(
            HostSwitch(
                name="hn-sw1",
                kind="standard",
                mtu=9000,
                ports=256,
                uplinks=("vmnic4", "vmnic3", "vmnic2", "vmnic13"),
                teaming=ordered,
                security=OPEN,
                shaping=SHAPING,
                discovery_protocol="lldp",
            ),
            HostSwitch(
                name="hn-sw2",
                kind="standard",
                mtu=1500,
                uplinks=("vmnic5", "vmnic6", "vmnic7", "vmnic12"),
            ),
            HostSwitch(
                name="hn-dvs",
                kind="proxy",
                switch="50 11 00",
                mtu=9000,
                uplinks=("vmnic8", "vmnic9"),
            ),
            HostSwitch(
                name="hn-dvs-lag",
                kind="proxy",
                switch="50 11 01",
                mtu=9000,
                uplinks=("vmnic10", "vmnic11"),
            ),
            HostSwitch(
                name="hn-dvs-own",
                kind="proxy",
                switch="50 11 02",
                mtu=9000,
                uplinks=("vmnic14", "vmnic15"),
            ),
            # With the trunk of ``network.py``.
            HostSwitch(name="dvs-br", kind="proxy", switch="50 11 03", uplinks=("vmnic16",)),
        ),
        port_groups=(
            HostPortGroup(name="hn-management", switch="hn-sw1", vlan=5),
            HostPortGroup(name="hn-web", switch="hn-sw1", vlan=30),
            HostPortGroup(
                name="hn-db",
                switch="hn-sw2",
                vlan=30,
                teaming=own,
                security=OPEN,
                shaping=SHAPING,
            ),
        ),
        interfaces=(
            HostInterface(
                name="vmk0",
                network="hn-management",
                mac="ac:1f:6b:00:00:02",
                mtu=1500,
                dhcp=True,
                addresses=("192.0.2.11/24",),
                gateway="192.0.2.1",
                services=("management",),
                stack="defaultTcpipStack",
            ),
        ),
    )


def _switches() -> tuple[Switch, ...]:
    teaming = Teaming(
        policy="loadbalance_srcid",
        active=("uplink1", "uplink2"),
        standby=("uplink3",),
        notify_switches=True,
        rolling_order=False,
        reverse_policy=True,
        beacon_probing=True,
    )
    return (
        Switch(
            id="dvs-hn",
            name="hn-dvs",
            datacenter="DC0",
            folder="network",
            uuid="50 11 00",
            version="8.0.0",
            vendor="VMware, Inc.",
            mtu=9000,
            uplinks=("uplink1", "uplink2", "uplink3"),
            discovery_protocol="lldp",
            discovery_operation="both",
            hosts=(SwitchHost(host="hn-2", nics=("vmnic8", "vmnic9")),),
            io_control=True,
            io_allocations=(Setting(name="vmotion.shares", value="50"),),
            private_vlans=(PrivateVlan(primary=500, secondary=501, kind="isolated"),),
            mirror_sessions=(
                MirrorSession(id="1", name="sensor", enabled=True, kind="remoteMirrorSource"),
            ),
            netflow_collector="192.0.2.9:2055",
            security=OPEN,
            teaming=teaming,
            shaping_in=SHAPING,
            shaping_out=SHAPING,
            ports=4096,
            tags=("tag-hn",),
            custom_attributes={"owner": "network"},
        ),
        Switch(
            id="dvs-hn-lag",
            name="hn-dvs-lag",
            uuid="50 11 01",
            mtu=9000,
            uplinks=("uplink1", "uplink2"),
            link_groups=(
                LinkGroup(
                    name="lag1",
                    mode="active",
                    uplinks=("lag1-0", "lag1-1"),
                    load_balancing="srcDestIpTcpUdpPort",
                    vlans="30-40",
                ),
            ),
            lacp_version="singleLag",
            teaming=Teaming(policy="loadbalance_ip", active=("lag1",)),
        ),
        Switch(
            id="dvs-hn-own",
            name="hn-dvs-own",
            uuid="50 11 02",
            mtu=9000,
            uplinks=("uplink1", "uplink2", "uplink3", "uplink4"),
            link_groups=(LinkGroup(name="lag9", mode="active"),),
        ),
        Switch(id="dvs-br-1", name="dvs-br", uuid="50 11 03"),
    )


def _rhv(example: Example) -> Example:
    (disk, *_) = example.inventory.vms[0].disks
    nics = tuple(
        plain_nic(
            key=f"nic-hn-{number}", model="virtio", mac=f"56:6f:00:00:0a:{number:02x}", network=net
        )
        for number, net in enumerate(("net-hn-web", "net-hn-db", "net-hn-app"))
    )
    # On the bridge of ``network.py``.
    shared = plain_nic(
        key="nic-hn-9",
        model="virtio",
        mac="56:6f:00:00:0a:09",
        network="network-bridge",
        profile="profile-open",
    )
    vm = plain_vm(
        id="vm-hn",
        name="wired",
        uuid="4215a3c0-1111-2222-3333-00000000a001",
        host="hn-1",
        cluster="c-hn",
        folder="",
        guest_id="debian_9",
        disks=(_other_disk(disk),),
        nics=(*nics, shared),
    )
    usual = plain_network(id="net-hn-web", name="hn-web", kind="logical", vlan=30, switch=None)
    return example.add(
        clusters=(
            Cluster(
                id="c-hn",
                name="hn",
                datacenter="dc-1",
                switch_type="legacy",
                management_network="net-hn-web",
                networks=(
                    ClusterNetwork(
                        network="net-hn-app", required=True, usages=("management", "vm")
                    ),
                ),
            ),
        ),
        hosts=_rhv_hosts(),
        networks=(
            usual,
            plain_network(id="net-hn-db", name="hn-db", kind="logical", vlan=31, switch=None),
            plain_network(id="net-hn-app", name="hn-app", kind="logical", vlan=32, switch=None),
        ),
        vms=(vm,),
    ).choose(
        networks={
            "rhv1/net-hn-web": "localnet",
            "rhv1/net-hn-db": "bridge",
            "rhv1/net-hn-app": "localnet",
        },
        node_groups={
            "hn": _rhv_group("rhv1/hn-1", "hn"),
            "hn-2": _rhv_group("rhv1/hn-2", "hn-2"),
        },
    )


def _rhv_group(host: str, label: str) -> NodeGroup:
    return NodeGroup(
        hosts=(host,),
        nodes={"example.com/wired": label},
        nics={**{f"eno{number}": f"ens{number}f0" for number in range(1, 6)}, "eth8": "ens8f0"},
    )


def _other_disk(disk: Any) -> Any:
    key = "5f0c2d1e-1111-2222-3333-00000000a001"
    return plain_disk(
        key=key,
        label="wired_Disk1",
        backing="image",
        datastore=disk.datastore,
        path="0a1b2c3d-1111-2222-3333-00000000a001",
        mode="",
        controller="virtio",
        uuid=key,
    )


def _rhv_hosts() -> tuple[Host, Host]:
    first = Bond(
        name="hn-bond1",
        members=("eno1", "eno2"),
        mode="4",
        options=(
            Setting(name="xmit_hash_policy", value="layer2+3"),
            Setting(name="mode", value="4"),
            Setting(name="updelay", value="100"),
        ),
        mtu=9000,
        network_labels=("tenant",),
    )
    second = Bond(
        name="hn-bond2",
        members=("eno3", "eno4"),
        mode="1",
        options=(Setting(name="mode", value="1"), Setting(name="primary", value="eno3")),
        mtu=9000,
    )
    nics = (
        *_nics("eno1", "eno2", "eno3", "eno4", "eno9", mac="52:54:00:00:00:01", speed_mbps=10_000),
        *_nics("eno5", mtu=9000, virtual_functions=4, network_labels=("office",)),
        *_nics("eth8", mtu=1500),
    )
    attached = (
        HostInterface(
            name="hn-bond1.30",
            network="net-hn-web",
            base="hn-bond1",
            vlan=30,
            bridged=True,
            mac="52:54:00:00:00:02",
            mtu=9000,
            dhcp=True,
            gateway="192.0.2.1",
            in_sync=False,
        ),
        HostInterface(name="hn-db", network="net-hn-db", base="hn-bond2"),
        HostInterface(name="hn-app", network="net-hn-app", base="eno5"),
        HostInterface(name="shared", network="network-bridge", base="eth8"),
    )
    return (
        _host("hn-1", "c-hn", nics=nics, bonds=(first, second), interfaces=attached),
        _host(
            "hn-2",
            "c-hn",
            nics=(*nics, *_nics("eno8")),
            bonds=(first,),
            interfaces=(HostInterface(name="hn-web", network="net-hn-web", base="hn-bond1"),),
        ),
    )
