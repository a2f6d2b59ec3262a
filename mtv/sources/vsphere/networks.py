"""Networks and distributed switches."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from mtv.model.network import (
    LinkGroup,
    MirrorSession,
    Network,
    PrivateVlan,
    Segment,
    Switch,
    SwitchHost,
)
from mtv.model.quantity import Setting
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.places import Around, common
from mtv.sources.vsphere.values import (
    at,
    many,
    own,
    port_security,
    port_shaping,
    port_teaming,
    text,
    unescape,
)
from mtv.sources.vsphere.wire import Data, is_a

SWITCHES = ("DistributedVirtualSwitch", "VmwareDistributedVirtualSwitch")
GUEST_TAGS = 4095
"""The VLAN of a standard port group that hands every VLAN to the guest."""


def networks(around: Around) -> Iterator[Network]:
    """Every network a NIC can be attached to, distributed port groups first."""
    for id_, tree in around.places.of("DistributedVirtualPortgroup"):
        yield _port_group(id_, tree, around)
    vlans = _standard_vlans(around)
    for id_, tree in around.places.of("Network"):
        yield _standard(id_, tree, around, vlans)
    for id_, tree in around.places.of("OpaqueNetwork"):
        yield _opaque(id_, tree, around)


def _port_group(id_: str, tree: Data, around: Around) -> Network:
    config = tree.get("config", Data())
    port = config.get("defaultPortConfig")
    switch_id = text(config, "distributedVirtualSwitch")
    switch = around.places.objects.get(switch_id or "", Data())
    vlan, trunk, private = _vlan(port, switch)
    return Network(
        id=id_,
        name=unescape(tree.get("name", id_)),
        kind="dvportgroup",
        vlan=vlan,
        vlan_trunk=trunk,
        private_vlan=private,
        switch=around.places.name(switch_id),
        switch_id=switch_id,
        is_uplink=bool(config.get("uplink")),
        datacenter=around.places.datacenter(tree),
        folder=around.places.folder(tree),
        description=config.get("description", ""),
        mtu=at(switch, "config.maxMtu"),
        security=port_security(port),
        teaming=port_teaming(port),
        shaping_in=port_shaping(at(port, "inShapingPolicy")),
        shaping_out=port_shaping(at(port, "outShapingPolicy")),
        segment=_segment(config),
        binding=text(config, "type"),
        ports=config.get("numPorts"),
        hosts=tuple(str(host) for host in many(tree, "host")),
        accessible=at(tree, "summary.accessible"),
        native=native("vim.dvs.DistributedVirtualPortgroup", tree),
        **common(around, id_, tree),
    )


def _vlan(port: Any, switch: Data) -> tuple[int | None, str | None, PrivateVlan | None]:
    """Access VLAN, trunk ranges and private VLAN of a port group; VLAN 0 means untagged."""
    spec = at(port, "vlan")
    if spec is None:
        return None, None, None
    if is_a(spec.kind, "VmwareDistributedVirtualSwitchTrunkVlanSpec"):
        return None, _ranges(many(spec, "vlanId")), None
    if is_a(spec.kind, "VmwareDistributedVirtualSwitchPvlanSpec"):
        secondary = spec.get("pvlanId", 0)
        for each in _private_vlans(switch):
            if each.secondary == secondary:
                return None, None, each
        return None, None, PrivateVlan(primary=0, secondary=secondary)
    return spec.get("vlanId") or None, None, None


def _ranges(ranges: list[Data]) -> str:
    """``0-100,200``."""
    pairs = ((each.get("start"), each.get("end")) for each in ranges)
    return ",".join(str(start) if start == end else f"{start}-{end}" for start, end in pairs)


def _segment(config: Data) -> Segment | None:
    """The NSX segment behind a port group."""
    switch, id_ = text(config, "logicalSwitchUuid"), text(config, "segmentId")
    if switch is None and id_ is None:
        return None
    return Segment(
        id=id_ or switch or "",
        kind=text(config, "backingType"),
        logical_switch=switch,
        transport_zone=text(config, "transportZoneUuid"),
        vni=own(at(config, "defaultPortConfig.VNI")),
    )


class _Vlans:
    """VLANs and switches that hosts' port groups of one name have."""

    def __init__(self) -> None:
        self.vlans = set[int]()
        self.switches = set[str]()


def _standard_vlans(around: Around) -> dict[tuple[str, str], _Vlans]:
    """By host and name of the port group: a standard network is only a name that hosts share."""
    found = defaultdict[tuple[str, str], _Vlans](_Vlans)
    for id_, tree in around.places.of("HostSystem"):
        for group in many(tree, "config.network.portgroup"):
            of = found[id_, at(group, "spec.name") or ""]
            of.vlans.add(at(group, "spec.vlanId") or 0)
            of.switches.add(at(group, "spec.vswitchName") or "")
    return found


def _standard(
    id_: str, tree: Data, around: Around, vlans: dict[tuple[str, str], _Vlans]
) -> Network:
    name = tree.get("name", id_)
    hosts = [str(host) for host in many(tree, "host")]
    names = {name, unescape(name)}
    groups = [
        group
        for (host, each), group in vlans.items()
        # Without its hosts (nobody is attached), those that have a port group of that name.
        if each in names and (host in hosts or not hosts)
    ]
    of = set[int]().union(*(group.vlans for group in groups))
    switches = set[str]().union(*(group.switches for group in groups)) - {""}
    said = native("vim.Network", tree)
    differing = tuple(sorted(of)) if len(of) > 1 else ()
    vlan = of.pop() if len(of) == 1 else None
    return Network(
        id=id_,
        name=unescape(name),
        kind="network",
        vlan=None if vlan in (0, GUEST_TAGS) else vlan,
        vlan_trunk="0-4094" if vlan == GUEST_TAGS else None,
        differing_vlans=differing,
        switch=switches.pop() if len(switches) == 1 else None,
        is_uplink=False,
        datacenter=around.places.datacenter(tree),
        folder=around.places.folder(tree),
        hosts=tuple(hosts),
        accessible=at(tree, "summary.accessible"),
        native=said,
        **common(around, id_, tree),
    )


def _opaque(id_: str, tree: Data, around: Around) -> Network:
    segment = text(tree, "summary.opaqueNetworkId")
    return Network(
        id=id_,
        name=unescape(tree.get("name", id_)),
        kind="opaque",
        vlan=None,
        vlan_trunk=None,
        switch=None,
        is_uplink=False,
        datacenter=around.places.datacenter(tree),
        folder=around.places.folder(tree),
        segment=None
        if segment is None
        else Segment(id=segment, kind=text(tree, "summary.opaqueNetworkType")),
        hosts=tuple(str(host) for host in many(tree, "host")),
        accessible=at(tree, "summary.accessible"),
        native=native("vim.OpaqueNetwork", tree),
        **common(around, id_, tree),
    )


def segments(around: Around) -> dict[str, str]:
    """Id of an opaque network's segment -> id of the network, for NICs that know the first only."""
    return {
        str(at(tree, "summary.opaqueNetworkId")): id_
        for id_, tree in around.places.of("OpaqueNetwork")
    }


def switches(around: Around) -> Iterator[Switch]:
    """Every distributed switch."""
    for id_, tree in around.places.of(*SWITCHES):
        config = tree.get("config", Data())
        port = config.get("defaultPortConfig")
        product = config.get("productInfo", Data())
        yield Switch(
            id=id_,
            name=unescape(tree.get("name", id_)),
            datacenter=around.places.datacenter(tree),
            folder=around.places.folder(tree),
            uuid=text(tree, "uuid"),
            version=text(product, "version"),
            vendor=text(product, "vendor"),
            mtu=config.get("maxMtu"),
            uplinks=tuple(many(config, "uplinkPortPolicy.uplinkPortName")),
            discovery_protocol=text(config, "linkDiscoveryProtocolConfig.protocol"),
            discovery_operation=text(config, "linkDiscoveryProtocolConfig.operation"),
            hosts=tuple(_host(each) for each in many(config, "host")),
            link_groups=tuple(_link_group(each) for each in many(config, "lacpGroupConfig")),
            lacp_version=text(config, "lacpApiVersion"),
            io_control=config.get("networkResourceManagementEnabled"),
            io_allocations=tuple(_io_allocations(config)),
            private_vlans=tuple(_private_vlans(tree)),
            mirror_sessions=tuple(_mirror(each) for each in many(config, "vspanSession")),
            netflow_collector=_netflow(config.get("ipfixConfig")),
            security=port_security(port),
            teaming=port_teaming(port),
            shaping_in=port_shaping(at(port, "inShapingPolicy")),
            shaping_out=port_shaping(at(port, "outShapingPolicy")),
            ports=config.get("numPorts"),
            native=native("vim." + _MODULE[tree.kind], tree),
            **common(around, id_, tree),
        )


_MODULE = {
    "DistributedVirtualSwitch": "DistributedVirtualSwitch",
    "VmwareDistributedVirtualSwitch": "dvs.VmwareDistributedVirtualSwitch",
}


def _host(data: Data) -> SwitchHost:
    return SwitchHost(
        host=text(data, "config.host") or "",
        nics=tuple(str(n.get("pnicDevice", "")) for n in many(data, "config.backing.pnicSpec")),
    )


def _link_group(data: Data) -> LinkGroup:
    return LinkGroup(
        name=data.get("name", ""),
        mode=text(data, "mode"),
        uplinks=tuple(many(data, "uplinkName")),
        load_balancing=text(data, "loadbalanceAlgorithm"),
        vlans=_ranges(many(data, "vlan.vlanId")) or None,
    )


def _io_allocations(config: Data) -> Iterator[Setting]:
    """Network I/O control: ``virtualMachine.shares: 100``; -1 is no limit."""
    for each in many(config, "infrastructureTrafficResourceConfig"):
        allocation, key = each.get("allocationInfo"), each.get("key", "")
        for name, path in (
            ("limit", "limit"),
            ("reservation", "reservation"),
            ("shares", "shares.shares"),
            ("level", "shares.level"),
        ):
            if (value := at(allocation, path)) is not None:
                yield Setting(name=f"{key}.{name}", value=str(value))


def _private_vlans(switch: Data) -> Iterator[PrivateVlan]:
    for each in many(switch, "config.pvlanConfig"):
        yield PrivateVlan(
            primary=each.get("primaryVlanId", 0),
            secondary=each.get("secondaryVlanId", 0),
            kind=text(each, "pvlanType"),
        )


def _mirror(data: Data) -> MirrorSession:
    return MirrorSession(
        id=str(data.get("key", "")),
        name=data.get("name", ""),
        enabled=data.get("enabled"),
        kind=text(data, "sessionType"),
        native=native("vim.dvs.VmwareDistributedVirtualSwitch.VspanSession", data),
    )


def _netflow(data: Any) -> str | None:
    """Address and port of the collector: ``10.0.0.9:2055``."""
    address, port = text(data, "collectorIpAddress"), at(data, "collectorPort")
    if address is None:
        return None
    return address if port is None else f"{address}:{port}"
