"""The hosts of the rich estate: bonds, VLANs, NUMA, devices and fence agents."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.canaries import CANARIES
from tests.real.rich_rhv.things import GIB, pairs, ref, statistic, uid


def hosts() -> list[Any]:
    return [
        _host("rhvh01.example", "prod", 1, spm=True),
        _host("rhvh02.example", "prod", 2),
        _host("rhvh03.example", "dev", 3, status="maintenance"),
        _host("rhvh04.example", "local", 4),
    ]


def _host(name: str, cluster: str, number: int, status: str = "up", spm: bool = False) -> Any:
    host = t.Host(
        id=uid("Host", name),
        name=name,
        comment="",
        address=f"10.1.0.1{number}",
        cluster=ref("Cluster", cluster),
        status=t.HostStatus(status),
        type=t.HostType.OVIRT_NODE,
        memory=256 * GIB,
        max_scheduling_memory=240 * GIB,
        port=54321,
        protocol=t.HostProtocol.STOMP,
        cpu=t.Cpu(
            name="Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz",
            type="Secure Intel Cascadelake Server Family",
            speed=2100.0,
            topology=t.CpuTopology(sockets=2, cores=20, threads=2),
        ),
        os=t.OperatingSystem(
            type="RHEL",
            version=t.Version(full_version="8.8 - 4.5.3.el8", major=8, minor=8),
            custom_kernel_cmdline="intel_iommu=on" if number == 1 else "",
        ),
        version=t.Version(full_version="vdsm-4.50.3.8-1.el8", major=4, minor=50),
        ssh=t.Ssh(port=22, fingerprint=f"SHA256:{uid('ssh', name).replace('-', '')}"),
        se_linux=t.SeLinux(mode=t.SeLinuxMode.ENFORCING),
        spm=t.Spm(priority=5, status=t.SpmStatus.SPM if spm else t.SpmStatus.NONE),
        ksm=t.Ksm(enabled=True),
        numa_supported=True,
        ovn_configured=True,
        vgpu_placement=t.VgpuPlacement.CONSOLIDATED,
        device_passthrough=t.HostDevicePassthrough(enabled=number == 1),
        hardware_information=t.HardwareInformation(
            manufacturer="Example Inc.",
            product_name="R640",
            serial_number=f"SN00{number}",
            uuid=uid("hardware", name),
        ),
        iscsi=t.IscsiDetails(initiator=f"iqn.1994-05.com.redhat:rhvh0{number}"),
        certificate=t.Certificate(organization="example", subject=f"O=example,CN={name}"),
        libvirt_version=t.Version(major=8, minor=0, full_version="libvirt-8.0.0-10.module+el8.7.0"),
        external_status=t.ExternalStatus.OK,
        kdump_status=t.KdumpStatus.ENABLED,
        auto_numa_status=t.AutoNumaStatus.DISABLE,
        update_available=number == 2,
        transparent_huge_pages=t.TransparentHugePages(enabled=True),
        hosted_engine=t.HostedEngine(
            active=number <= 2, configured=number <= 2, score=3400, local_maintenance=False
        ),
        summary=t.VmSummary(active=4, migrating=0, total=6),
        power_management=t.PowerManagement(
            enabled=number <= 2,
            automatic_pm_enabled=number == 1,
            kdump_detection=True,
            pm_proxies=[t.PmProxy(type=each) for each in (t.PmProxyType.CLUSTER, t.PmProxyType.DC)],
        ),
        nics=_nics(name, number),
        network_attachments=_attachments(name, number),
        numa_nodes=[_numa(name, index) for index in range(2)],
        devices=_devices(name, number),
        statistics=[
            statistic(name, "memory.total", "bytes", 256 * GIB),
            statistic(name, "memory.used", "bytes", 96 * GIB),
            statistic(name, "cpu.load.avg.5m", "percent", 0.4),
            statistic(name, "cpu.current.user", "percent", 31.5),
        ],
    )
    if number <= 2:
        host.agents = [
            t.Agent(
                id=uid("Agent", f"{name}{order}"),
                address=f"10.2.0.1{number}",
                type=type_,
                order=order,
                port=623 if type_ == "ipmilan" else None,
                username="fence",
                password=CANARIES["fence"],
                concurrent=False,
                encrypt_options=False,
                options=pairs("Option", lanplus="1", power_wait="4"),
            )
            for order, type_ in ((1, "ipmilan"), (2, "apc_snmp"))
        ]
        host.tags = [t.Tag(id=uid("Tag", "rack-a"), name="rack-a", description="Rack A")]
        host.storage_connection_extensions = [
            t.StorageConnectionExtension(
                id=uid("StorageConnectionExtension", name),
                target="iqn.2015-03.example:iscsi-data",
                username="rhv",
                password=CANARIES["chap"],
            )
        ]
    if number == 3:
        host.unmanaged_networks = [
            t.UnmanagedNetwork(
                id="virbr0",
                name="virbr0",
                host_nic=t.HostNic(id=uid("HostNic", f"{name}/bond0")),
            )
        ]
    return host


def _ip(address: str) -> Any:
    return t.Ip(
        address=address, netmask="255.255.255.0", gateway="10.1.0.1", version=t.IpVersion.V4
    )


def _nics(host: str, number: int) -> list[Any]:
    def nic(name: str, **more: Any) -> Any:
        return t.HostNic(
            id=uid("HostNic", f"{host}/{name}"),
            name=name,
            mac=t.Mac(address=f"52:54:00:{number:02x}:00:{len(name):02x}"),
            status=t.NicStatus.UP,
            mtu=more.pop("mtu", 1500),
            bridged=more.pop("bridged", False),
            boot_protocol=more.pop("boot_protocol", t.BootProtocol.NONE),
            ipv6_boot_protocol=t.BootProtocol.NONE,
            custom_configuration=False,
            speed=more.pop("speed", 10_000_000_000),
            **more,
        )

    def this(name: str) -> Any:
        return t.HostNic(id=uid("HostNic", f"{host}/{name}"))

    if number == 4:
        return [
            nic(
                "eno1",
                bridged=True,
                boot_protocol=t.BootProtocol.DHCP,
                network=ref("Network", "ovirtmgmt@Local"),
                ip=_ip("10.1.0.14"),
            )
        ]
    mode = {1: "4", 2: "1", 3: "6"}[number]
    found = [
        nic("eno1"),
        nic("eno2"),
        nic("ens3f0", mtu=9000),
        nic("ens3f1", mtu=9000),
        nic(
            "bond0",
            bridged=True,
            boot_protocol=t.BootProtocol.STATIC,
            ip=_ip(f"10.1.0.1{number}"),
            ipv6=t.Ip(address=f"2001:db8::1{number}", netmask="64", version=t.IpVersion.V6),
            network=ref("Network", "ovirtmgmt"),
            bonding=t.Bonding(
                slaves=[this("eno1"), this("eno2")],
                active_slave=this("eno1") if mode == "1" else None,
                ad_partner_mac=t.Mac(address="00:1c:73:00:00:99") if mode == "4" else None,
                options=[
                    t.Option(name="mode", value=mode, type="Dynamic link aggregation (802.3ad)"),
                    t.Option(name="miimon", value="100"),
                    t.Option(name="xmit_hash_policy", value="layer2+3"),
                ],
            ),
        ),
        nic(
            "bond1",
            mtu=9000,
            network_labels=[t.NetworkLabel(id="tenant"), t.NetworkLabel(id="office")],
            bonding=t.Bonding(
                slaves=[this("ens3f0"), this("ens3f1")],
                active_slave=this("ens3f0"),
                options=pairs("Option", mode="1", miimon="100", primary="ens3f0"),
            ),
        ),
    ]
    for network, tag, bridged in (
        ("vlan100", 100, True),
        ("vlan200-db", 200, True),
        ("migration", 300, False),
        ("storage", 400, False),
        ("isolated", 600, True),
        ("büro_netz", 700, True),
    ):
        base = "bond0" if tag == 100 else "bond1"
        found.append(
            nic(
                f"{base}.{tag}",
                mtu=9000 if tag in (200, 300, 400) else 1500,
                bridged=bridged,
                base_interface=base,
                vlan=t.Vlan(id=tag),
                network=ref("Network", network),
                ip=_ip(f"10.{tag // 100}.1.1{number}") if not bridged else None,
                boot_protocol=t.BootProtocol.NONE if bridged else t.BootProtocol.STATIC,
                qos=t.Qos(id=uid("Qos", "uplink")) if network == "isolated" else None,
            )
        )
    if number == 1:
        found.append(
            nic(
                "ens5f0",
                virtual_functions_configuration=t.HostNicVirtualFunctionsConfiguration(
                    all_networks_allowed=False,
                    max_number_of_virtual_functions=63,
                    number_of_virtual_functions=4,
                ),
            )
        )
        found.append(nic("ens5f0v0", physical_function=this("ens5f0")))
    return found


def _attachments(host: str, number: int) -> list[Any]:
    def attachment(network: str, nic: str, address: str = "", in_sync: bool = True) -> Any:
        method = t.BootProtocol.STATIC if address else t.BootProtocol.NONE
        return t.NetworkAttachment(
            id=uid("NetworkAttachment", f"{host}/{network}"),
            network=ref("Network", network),
            host_nic=t.HostNic(id=uid("HostNic", f"{host}/{nic}")),
            in_sync=in_sync,
            ip_address_assignments=[
                t.IpAddressAssignment(
                    assignment_method=method,
                    ip=_ip(address) if address else t.Ip(version=t.IpVersion.V4),
                )
            ],
            reported_configurations=[
                t.ReportedConfiguration(
                    name="mtu",
                    actual_value="1500",
                    expected_value="1500" if in_sync else "9000",
                    in_sync=in_sync,
                )
            ],
            properties=pairs("Property", bridge_opts="priority=7") if network == "vlan100" else [],
            dns_resolver_configuration=t.DnsResolverConfiguration(
                name_servers=["10.1.0.53", "10.1.0.54"]
            )
            if network.startswith("ovirtmgmt")
            else None,
        )

    if number == 4:
        return [attachment("ovirtmgmt@Local", "eno1")]
    return [
        attachment("ovirtmgmt", "bond0", f"10.1.0.1{number}"),
        attachment("vlan100", "bond0"),
        attachment("vlan200-db", "bond1", in_sync=number != 2),
        attachment("migration", "bond1", f"10.3.1.1{number}"),
        attachment("storage", "bond1", f"10.4.1.1{number}"),
        attachment("isolated", "bond1"),
        attachment("büro_netz", "bond1"),
    ]


def _numa(host: str, index: int) -> Any:
    return t.NumaNode(
        id=uid("NumaNode", f"{host}/{index}"),
        index=index,
        memory=128 * 1024,
        node_distance="10 21" if index == 0 else "21 10",
        cpu=t.Cpu(cores=[t.Core(index=core) for core in range(index * 20, index * 20 + 20)]),
    )


def _devices(host: str, number: int) -> list[Any]:
    def device(name: str, capability: str, product: str, vendor: str, **more: Any) -> Any:
        return t.HostDevice(
            id=uid("HostDevice", f"{host}/{name}"),
            name=name,
            capability=capability,
            product=t.Product(id=product.split(" ")[0], name=product.split(" ", 1)[1]),
            vendor=t.Vendor(id=vendor.split(" ")[0], name=vendor.split(" ", 1)[1]),
            **more,
        )

    found = [
        device(
            "pci_0000_3b_00_0",
            "pci",
            "0x1eb8 TU104GL [Tesla T4]",
            "0x10de NVIDIA Corporation",
            iommu_group=33,
            driver="nvidia" if number == 2 else "vfio-pci",
            m_dev_types=[
                t.MDevType(name="nvidia-222", description="GRID T4-1B", available_instances=16),
                t.MDevType(name="nvidia-231", description="GRID T4-8Q", available_instances=2),
            ]
            if number == 2
            else None,
        )
    ]
    if number == 1:
        physical = device(
            "pci_0000_5e_00_0",
            "pci",
            "0x158b XXV710",
            "0x8086 Intel Corporation",
            virtual_functions=4,
            driver="i40e",
        )
        virtual = device(
            "pci_0000_5e_02_0",
            "pci",
            "0x154c XL710 Virtual Function",
            "0x8086 Intel Corporation",
            iommu_group=81,
            physical_function=t.HostDevice(id=physical.id),
        )
        found += [physical, virtual]
        found.append(device("usb_1_6", "usb_device", "0x0003 Dongle", "0x0529 Aladdin"))
    return found
