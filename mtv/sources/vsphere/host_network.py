"""The networks of a host: its NICs and their neighbours, switches, port groups, interfaces."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from pyVmomi import vim, vmodl

from mtv.model.compute import HostInterface, HostPortGroup, HostSwitch, Neighbor, PhysicalNic
from mtv.sources.vsphere import soap
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.places import Around
from mtv.sources.vsphere.properties import Unreadable
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.values import (
    at,
    host_security,
    host_shaping,
    host_teaming,
    many,
    text,
    unescape,
)
from mtv.sources.vsphere.wire import Data

PARALLEL = 4
"""Hosts that are asked for their neighbours at a time."""


def physical_nics(
    host: str, tree: Data, neighbors: Mapping[tuple[str, str], Neighbor]
) -> Iterator[PhysicalNic]:
    """The NICs of a host. Without a link there is no speed."""
    pci = {each.get("id"): each for each in many(tree, "hardware.pciDevice")}
    sriov = {
        each.get("id"): each.get("numVirtualFunction")
        for each in many(tree, "config.pciPassthruInfo")
    }
    for each in many(tree, "config.network.pnic"):
        device, address = each.get("device", ""), text(each, "pci")
        card = pci.get(address, Data())
        yield PhysicalNic(
            name=device,
            mac=text(each, "mac"),
            speed_mbps=at(each, "linkSpeed.speedMb"),
            duplex=at(each, "linkSpeed.duplex"),
            driver=text(each, "driver"),
            pci_address=address,
            vendor=text(card, "vendorName"),
            product=text(card, "deviceName"),
            virtual_functions=sriov.get(address),
            neighbor=neighbors.get((host, device)),
            native=native("vim.host.PhysicalNic", each),
        )


def _nics_by_key(network: Data) -> dict[str, str]:
    return {str(n.get("key", "")): str(n.get("device", "")) for n in many(network, "pnic")}


def switches(network: Data) -> Iterator[HostSwitch]:
    """The standard switches of a host, and its part of distributed ones."""
    names = _nics_by_key(network)
    for each in many(network, "vswitch"):
        policy = at(each, "spec.policy")
        yield HostSwitch(
            name=each.get("name", ""),
            kind="standard",
            mtu=each.get("mtu"),
            ports=each.get("numPorts"),
            uplinks=tuple(names.get(key, key) for key in many(each, "pnic")),
            teaming=host_teaming(at(policy, "nicTeaming")),
            security=host_security(at(policy, "security")),
            shaping=host_shaping(at(policy, "shapingPolicy")),
            discovery_protocol=text(each, "spec.bridge.linkDiscoveryProtocolConfig.protocol"),
            native=native("vim.host.VirtualSwitch", each),
        )
    for each in many(network, "proxySwitch"):
        yield HostSwitch(
            name=unescape(each.get("dvsName", "")),
            kind="proxy",
            switch=text(each, "dvsUuid"),
            mtu=each.get("mtu"),
            ports=each.get("numPorts"),
            uplinks=tuple(names.get(key, key) for key in many(each, "pnic")),
            native=native("vim.host.HostProxySwitch", each),
        )


def port_groups(network: Data) -> Iterator[HostPortGroup]:
    """The port groups of a host's standard switches."""
    for each in many(network, "portgroup"):
        policy = at(each, "spec.policy")
        yield HostPortGroup(
            name=at(each, "spec.name") or "",
            switch=at(each, "spec.vswitchName") or "",
            vlan=at(each, "spec.vlanId"),
            teaming=host_teaming(at(policy, "nicTeaming")),
            security=host_security(at(policy, "security")),
            shaping=host_shaping(at(policy, "shapingPolicy")),
            native=native("vim.host.PortGroup", each),
        )


def interfaces(config: Data) -> Iterator[HostInterface]:
    """The vmkernel NICs of a host (and an old host's console NICs), with their services."""
    network = config.get("network", Data())
    services = _services(config)
    for each in (*many(network, "vnic"), *many(network, "consoleVnic")):
        spec, device = each.get("spec", Data()), each.get("device", "")
        route = at(spec, "ipRouteSpec.ipRouteConfig.defaultGateway")
        yield HostInterface(
            name=device,
            network=text(spec, "distributedVirtualPort.portgroupKey")
            or text(spec, "opaqueNetwork.opaqueNetworkId")
            or text(each, "portgroup"),
            mac=text(spec, "mac"),
            mtu=spec.get("mtu"),
            dhcp=at(spec, "ip.dhcp"),
            addresses=tuple(_addresses(spec.get("ip"))),
            gateway=route or None,
            services=tuple(services.get(each.get("key", ""), ())),
            stack=text(spec, "netStackInstanceKey"),
            native=native("vim.host.VirtualNic", each),
        )


def _services(config: Data) -> dict[str, list[str]]:
    """Key of a vmkernel NIC -> ``management``, ``vmotion`` ..."""
    found = defaultdict[str, list[str]](list)
    keys = {nic.get("key") for nic in many(config, "network.vnic")}
    for each in many(config, "virtualNicManagerInfo.netConfig"):
        for selected in many(each, "selectedVnic"):
            # It is named with its service before the key: "vmotion.key-vim.host.VirtualNic-vmk0".
            key = selected if selected in keys else str(selected).partition(".")[2]
            found[str(key)].append(str(each.get("nicType", "")))
    return found


def _addresses(ip: Any) -> Iterator[str]:
    address, mask = text(ip, "ipAddress"), text(ip, "subnetMask")
    if address is not None:
        yield f"{address}/{_prefix(mask)}" if mask is not None else address
    for each in many(ip, "ipV6Config.ipV6Address"):
        yield f"{each.get('ipAddress', '')}/{each.get('prefixLength', 128)}"


def _prefix(mask: str) -> str:
    """24 of 255.255.255.0; a mask that is none stays as it is."""
    try:
        return str(ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen)
    except ValueError:
        return mask


def read_neighbors(
    session: Session, around: Around, unreadable: Unreadable
) -> dict[tuple[str, str], Neighbor]:
    """What the physical switches tell the hosts about themselves, by host and NIC.

    One call to each host that is connected and has NICs.
    """

    def ask(host: str, tree: Data) -> list[tuple[tuple[str, str], Neighbor]]:
        system = text(tree, "configManager.networkSystem")
        if system is None:
            return []
        obj = session.object(vim.host.NetworkSystem, system)
        hint = vim.host.PhysicalNic.NetworkHint
        try:
            hints = soap.call(obj, "QueryNetworkHint", item=hint)
        except vim.fault.NotAuthenticated:
            raise
        except vmodl.MethodFault as problem:
            reason = _reason(problem)
            unreadable.say(f"{tree.get('name', host)} ({host}): neighbours of its NICs: {reason}")
            return []
        return [((host, h.get("device", "")), n) for h in hints if (n := neighbor(h)) is not None]

    def ask_all() -> dict[tuple[str, str], Neighbor]:
        asked = [
            (id_, tree)
            for id_, tree in around.places.of("HostSystem")
            if at(tree, "runtime.connectionState") == "connected"
            and many(tree, "config.network.pnic")
        ]
        with soap.crew(session.stub, PARALLEL) as pool:
            answers = pool.map(lambda host: ask(*host), asked)
            return {key: neighbor for answer in answers for key, neighbor in answer}

    with session.faults_as_errors():
        return session.renewing(ask_all)


def _reason(problem: Exception) -> str:
    if isinstance(problem, vim.fault.NoPermission):
        return f"needs the privilege {problem.privilegeId}"
    return type(problem).__name__.rpartition(".")[2]


def neighbor(hint: Data) -> Neighbor | None:
    """What one NIC hears, by CDP or LLDP."""
    cdp, lldp = hint.get("connectedSwitchPort"), hint.get("lldpInfo")
    rest = native("vim.host.PhysicalNic.NetworkHint", hint)
    vlans = sorted({n["vlanId"] for n in many(hint, "subnet") if "vlanId" in n})
    seen = ",".join(str(vlan) for vlan in vlans) or None
    if cdp is not None:
        return Neighbor(
            protocol="cdp",
            system=text(cdp, "systemName") or text(cdp, "devId"),
            port=text(cdp, "portId"),
            vlans=seen,
            mtu=cdp.get("mtu"),
            native=rest,
        )
    if lldp is None:
        return None
    told = {str(p.get("key")): p.get("value") for p in many(lldp, "parameter")}
    mtu = str(told.get("MTU", ""))
    return Neighbor(
        protocol="lldp",
        system=str(told.get("System Name") or lldp.get("chassisId") or "") or None,
        port=text(lldp, "portId"),
        vlans=seen,
        mtu=int(mtu) if mtu.isdigit() else None,
        native=rest,
    )
