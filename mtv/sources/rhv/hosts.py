"""Hosts, and how they are wired: NICs, bonds, VLANs and the networks attached to them."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from mtv.model.compute import (
    Bond,
    FenceAgent,
    Host,
    HostInterface,
    HostNumaNode,
    PciDevice,
    PhysicalNic,
)
from mtv.sources.rhv.native import native, settings
from mtv.sources.rhv.read import Answers
from mtv.sources.rhv.values import MEBI, each, full_version, ident, ids, word


def hosts(answers: Answers) -> Iterator[Host]:
    """The hosts of all clusters."""
    centres = {centre.id: centre.name for centre in answers.of("datacenters")}
    of_cluster = {
        cluster.id: centres.get(ident(cluster.data_center) or "")
        for cluster in answers.of("clusters")
    }
    labels = answers.of("affinitylabels")
    for host in answers.of("hosts"):
        cpu, hardware = host.cpu, host.hardware_information
        sockets, cores, threads = _counts(cpu.topology if cpu is not None else None)
        state = word(host.status)
        resolver = [one.dns_resolver_configuration for one in each(host.network_attachments)]
        engine, pm = host.hosted_engine, host.power_management
        yield Host(
            id=host.id,
            name=host.name or "",
            cluster=ident(host.cluster),
            cpu_model=(cpu.name if cpu is not None else None) or "",
            cores=cores,
            memory_bytes=host.memory,
            version=(full_version(host.os.version) if host.os is not None else None) or "",
            datacenter=of_cluster.get(ident(host.cluster) or ""),
            address=host.address,
            vendor=hardware.manufacturer if hardware is not None else None,
            model=hardware.product_name if hardware is not None else None,
            serial=hardware.serial_number if hardware is not None else None,
            uuid=hardware.uuid if hardware is not None else None,
            sockets=sockets,
            threads=threads,
            cpu_mhz=round(cpu.speed) if cpu is not None and cpu.speed is not None else None,
            build=full_version(host.version),
            state=state,
            in_maintenance=None if state is None else state == "maintenance",
            cpu_baseline=cpu.type if cpu is not None else None,
            dns_servers=tuple(
                server for one in resolver if one is not None for server in each(one.name_servers)
            ),
            nics=tuple(_nics(host)),
            bonds=tuple(_bonds(host)),
            interfaces=(*_vlans(host), *_attachments(host)),
            pci_devices=tuple(pci_device(one) for one in each(host.devices)),
            numa_nodes=tuple(_numa(one) for one in each(host.numa_nodes)),
            fence_agents=tuple(_agent(one) for one in answers.agents.get(host.id, [])),
            power_management=pm.enabled if pm is not None else None,
            hosted_engine=engine.configured if engine is not None else None,
            same_page_merging=host.ksm.enabled if host.ksm is not None else None,
            affinity_labels=tuple(
                sorted(label.id for label in labels if host.id in ids(label.hosts))
            ),
            tags=ids(host.tags),
            native=native(host),
        )


def _counts(topology: Any) -> tuple[int | None, int | None, int | None]:
    """Sockets, cores and threads of the whole host; the engine counts cores per socket."""
    if topology is None or topology.sockets is None or topology.cores is None:
        return (topology.sockets if topology is not None else None), None, None
    cores = topology.sockets * topology.cores
    return topology.sockets, cores, cores * topology.threads if topology.threads else None


def _nics(host: Any) -> Iterator[PhysicalNic]:
    for nic in each(host.nics):
        if nic.bonding is not None or nic.vlan is not None:
            continue
        functions = nic.virtual_functions_configuration
        yield PhysicalNic(
            name=nic.name or "",
            mac=nic.mac.address if nic.mac is not None else None,
            # The engine counts bits per second; 0 is a link that is down.
            speed_mbps=nic.speed // 1_000_000 if nic.speed else None,
            mtu=nic.mtu,
            virtual_functions=(
                functions.number_of_virtual_functions if functions is not None else None
            ),
            network_labels=ids(nic.network_labels),
            native=native(nic),
        )


def _bonds(host: Any) -> Iterator[Bond]:
    names = {nic.id: nic.name for nic in each(host.nics)}
    for nic in each(host.nics):
        if nic.bonding is None:
            continue
        options = settings(nic.bonding.options)
        yield Bond(
            name=nic.name or "",
            members=tuple(names.get(one.id) or one.id for one in each(nic.bonding.slaves)),
            mode=next((one.value for one in options if one.name == "mode"), None),
            options=options,
            mtu=nic.mtu,
            network_labels=ids(nic.network_labels),
            native=native(nic),
        )


def _vlans(host: Any) -> Iterator[HostInterface]:
    """The host's VLAN devices: ``bond0.100``."""
    for nic in each(host.nics):
        if nic.vlan is None or nic.bonding is not None:
            continue
        yield HostInterface(
            name=nic.name or "",
            network=ident(nic.network),
            base=nic.base_interface,
            vlan=None if nic.vlan.id is None else int(nic.vlan.id),
            bridged=nic.bridged,
            mac=nic.mac.address if nic.mac is not None else None,
            mtu=nic.mtu,
            dhcp=None if nic.boot_protocol is None else word(nic.boot_protocol) == "dhcp",
            addresses=tuple(filter(None, (_address(nic.ip), _address(nic.ipv6)))),
            gateway=nic.ip.gateway if nic.ip is not None else None,
            native=native(nic),
        )


def _attachments(host: Any) -> Iterator[HostInterface]:
    """The networks attached to the host, with what it was told and whether it did it."""
    names = {nic.id: nic.name for nic in each(host.nics)}
    for attachment in each(host.network_attachments):
        assignments = each(attachment.ip_address_assignments)
        methods = [word(one.assignment_method) for one in assignments]
        gateways = [one.ip.gateway for one in assignments if one.ip is not None]
        nic = ident(attachment.host_nic)
        yield HostInterface(
            name=attachment.name or f"attachment of {ident(attachment.network)}",
            network=ident(attachment.network),
            base=names.get(nic or "", nic),
            dhcp=("dhcp" in methods) if assignments else None,
            addresses=tuple(filter(None, (_address(one.ip) for one in assignments))),
            gateway=next(filter(None, gateways), None),
            in_sync=attachment.in_sync,
            native=native(attachment),
        )


def _address(ip: Any) -> str | None:
    """``10.0.0.5/24``; the engine writes a mask, or with IPv6 a prefix."""
    if ip is None or not ip.address:
        return None
    if not ip.netmask:
        return str(ip.address)
    try:
        return ipaddress.ip_interface(f"{ip.address}/{ip.netmask}").with_prefixlen
    except ValueError:
        return f"{ip.address}/{ip.netmask}"


def pci_device(device: Any) -> PciDevice:
    """A device of a host that VMs may be given."""
    product, vendor = device.product, device.vendor
    return PciDevice(
        id=device.id or device.name or "",
        kind=device.capability,
        vendor_id=vendor.id if vendor is not None else None,
        device_id=product.id if product is not None else None,
        vendor=vendor.name if vendor is not None else None,
        product=product.name if product is not None else None,
        iommu_group=device.iommu_group,
        parent=ident(device.parent_device),
        native=native(device),
    )


def _numa(node: Any) -> HostNumaNode:
    cores = each(node.cpu.cores) if node.cpu is not None else []
    return HostNumaNode(
        index=node.index or 0,
        memory_bytes=None if node.memory is None else node.memory * MEBI,
        cpus=",".join(str(core.index) for core in cores),
    )


def _agent(agent: Any) -> FenceAgent:
    return FenceAgent(
        id=agent.id,
        kind=agent.type or "",
        address=agent.address,
        port=agent.port,
        order=agent.order,
        options=settings(agent.options),
    )
