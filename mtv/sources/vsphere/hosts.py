"""Hosts: hardware, state and what they may lend to VMs."""

from collections.abc import Iterator, Mapping

from mtv.model.compute import Host, HostNumaNode, Neighbor, PciDevice
from mtv.sources.vsphere.host_network import interfaces, physical_nics, port_groups, switches
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.places import Around, common
from mtv.sources.vsphere.storage import lun_names
from mtv.sources.vsphere.values import at, many, text, unescape
from mtv.sources.vsphere.wire import Data

Neighbors = Mapping[tuple[str, str], Neighbor]
"""By host id and name of the NIC."""


def hosts(around: Around, neighbors: Neighbors) -> Iterator[Host]:
    """Every host."""
    for id_, tree in around.places.of("HostSystem"):
        yield _host(id_, tree, around, neighbors)


def _host(id_: str, tree: Data, around: Around, neighbors: Neighbors) -> Host:
    hardware = at(tree, "summary.hardware") or Data()
    config = tree.get("config", Data())
    network = config.get("network", Data())
    dns = network.get("dnsConfig", Data())
    return Host(
        id=id_,
        name=unescape(tree.get("name", id_)),
        cluster=around.places.cluster(tree),
        datacenter=around.places.datacenter(tree),
        cpu_model=hardware.get("cpuModel", ""),
        cores=hardware.get("numCpuCores"),
        sockets=hardware.get("numCpuPkgs"),
        threads=hardware.get("numCpuThreads"),
        cpu_mhz=hardware.get("cpuMhz"),
        memory_bytes=hardware.get("memorySize"),
        version=at(config, "product.version") or "",
        build=text(config, "product.build"),
        address=text(tree, "summary.managementServerIp"),
        vendor=text(hardware, "vendor"),
        model=text(hardware, "model"),
        serial=text(tree, "hardware.systemInfo.serialNumber"),
        uuid=text(hardware, "uuid"),
        state=text(tree, "runtime.connectionState"),
        power=text(tree, "runtime.powerState"),
        in_maintenance=at(tree, "runtime.inMaintenanceMode"),
        cpu_baseline=text(tree, "summary.currentEVCModeKey"),
        max_cpu_baseline=text(tree, "summary.maxEVCModeKey"),
        nested_virtualization=at(tree, "capability.nestedHVSupported"),
        hyperthreading=at(config, "hyperThread.active"),
        time_zone=text(config, "dateTimeInfo.timeZone.key"),
        ntp_servers=tuple(many(config, "dateTimeInfo.ntpConfig.server")),
        dns_servers=tuple(many(dns, "address")),
        dns_search=tuple(many(dns, "searchDomain")),
        hostname=_hostname(dns),
        gateway=text(network, "ipRouteConfig.defaultGateway"),
        nics=tuple(physical_nics(id_, tree, neighbors)),
        switches=tuple(switches(network)),
        port_groups=tuple(port_groups(network)),
        interfaces=tuple(interfaces(config)),
        pci_devices=tuple(_pci_devices(tree)),
        numa_nodes=tuple(_numa_nodes(tree)),
        logical_units=lun_names(tree),
        native=native("vim.HostSystem", tree),
        **common(around, id_, tree),
    )


def _hostname(dns: Data) -> str | None:
    """``esx01.example.com``."""
    return ".".join(part for part in (dns.get("hostName"), dns.get("domainName")) if part) or None


def _pci_devices(tree: Data) -> Iterator[PciDevice]:
    lent = {each.get("id"): each for each in many(tree, "config.pciPassthruInfo")}
    for each in many(tree, "hardware.pciDevice"):
        id_ = str(each.get("id", ""))
        lending = lent.get(id_, Data())
        yield PciDevice(
            id=id_,
            kind=text(each, "deviceClassName"),
            vendor_id=_hex(each.get("vendorId")),
            device_id=_hex(each.get("deviceId")),
            vendor=text(each, "vendorName"),
            product=text(each, "deviceName"),
            passthrough=lending.get("passthruActive"),
            parent=text(each, "parentBridge"),
            native={
                **native("vim.host.PciDevice", each),
                **native("vim.host.PciPassthruInfo", lending),
            },
        )


def _hex(number: int | None) -> str | None:
    """A PCI id, which comes as a signed 16-bit number: -32634 is ``8086``."""
    return None if number is None else f"{number & 0xFFFF:04x}"


def _numa_nodes(tree: Data) -> Iterator[HostNumaNode]:
    for index, each in enumerate(many(tree, "hardware.numaInfo.numaNode")):
        type_id = each.get("typeId")
        yield HostNumaNode(
            index=index if type_id is None else type_id,
            memory_bytes=each.get("memorySize") or each.get("memoryRangeLength"),
            cpus=",".join(str(cpu) for cpu in many(each, "cpuID")),
        )
