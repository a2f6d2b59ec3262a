"""Networks, profiles and filters of the rich estate, and what the OVN provider says about them."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.canaries import CANARIES
from tests.real.rich_rhv.things import pairs, ref, uid

PROVIDER = "ovirt-provider-ovn"
TENANT = "00000000000000000000000000000001"

FILTERS = ("vdsm-no-mac-spoofing", "clean-traffic", "no-ip-spoofing", "allow-dhcp-server")

USAGES = {
    "ovirtmgmt": ("vm", "display", "management", "default_route"),
    "migration": ("migration",),
    "storage": (),
    "display": ("vm", "display"),
    "gluster": ("gluster",),
}


def network(name: str, *, dc: str = "Main", **more: Any) -> Any:
    """A network; `vlan` is its tag, `usages` defaults to that of a VM network."""
    vlan = more.pop("vlan", None)
    usages = more.pop("usages", USAGES.get(name, ("vm",)))
    ident = name if dc == "Main" else f"{name}@{dc}"
    return t.Network(
        id=uid("Network", ident),
        name=name,
        description=more.pop("description", ""),
        comment="",
        mtu=more.pop("mtu", 0),
        stp=False,
        usages=[t.NetworkUsage(each) for each in usages],
        vlan=t.Vlan(id=vlan) if vlan else None,
        data_center=ref("DataCenter", dc),
        vdsm_name=more.pop("vdsm_name", name),
        port_isolation=more.pop("port_isolation", False),
        **more,
    )


def networks() -> list[Any]:
    provider = {"external_provider": ref("OpenStackNetworkProvider", PROVIDER)}
    return [
        network("ovirtmgmt", description="Management Network"),
        network("vlan100", vlan=100, description="Web servers"),
        network(
            "vlan200-db", vlan=200, mtu=9000, vdsm_name="on5f3a8b12c4d6e", profile_required=True
        ),
        network("migration", mtu=9000, vlan=300),
        network("storage", vlan=400, mtu=9000),
        network("display", vlan=500),
        network(
            "isolated",
            vlan=600,
            port_isolation=True,
            qos=t.Qos(id=uid("Qos", "uplink")),
            network_labels=[t.NetworkLabel(id="tenant")],
        ),
        network("büro_netz", vlan=700, network_labels=[t.NetworkLabel(id="office")]),
        network("ovn-tenant", **provider),
        network("ovn-routed", **provider),
        network(
            "ovn-phys",
            vlan=800,
            external_provider_physical_network=ref("Network", "vlan100"),
            **provider,
        ),
        network("ovirtmgmt", dc="Local", description="Management Network"),
    ]


def cluster_networks(*names: str, dc: str = "Main") -> list[Any]:
    """The networks of a cluster, with what they are there."""
    found = []
    for each in networks():
        if each.name in names and each.data_center.id == uid("DataCenter", dc):
            each.required = each.name in ("ovirtmgmt", "migration", "storage")
            each.status = t.NetworkStatus.OPERATIONAL
            each.display = each.name == "display"
            found.append(each)
    return found


def filters() -> list[Any]:
    return [
        t.NetworkFilter(
            id=uid("NetworkFilter", name), name=name, version=t.Version(major=4, minor=0)
        )
        for name in FILTERS
    ]


def profile(name: str, network: str, *, filter_: str = FILTERS[0], **more: Any) -> Any:
    mode = more.pop("mode", "disabled")
    return t.VnicProfile(
        id=uid("VnicProfile", name),
        name=name,
        network=ref("Network", network),
        network_filter=ref("NetworkFilter", filter_) if filter_ else None,
        pass_through=t.VnicPassThrough(mode=t.VnicPassThroughMode(mode)),
        port_mirroring=more.pop("port_mirroring", False),
        **more,
    )


def profiles() -> list[Any]:
    return [
        profile("ovirtmgmt", "ovirtmgmt"),
        profile("vlan100", "vlan100"),
        profile("vlan100-limited", "vlan100", qos=t.Qos(id=uid("Qos", "limited"))),
        profile("vlan100-mirror", "vlan100", filter_="", port_mirroring=True),
        profile("vlan200-db", "vlan200-db", filter_="clean-traffic"),
        profile("display", "display"),
        profile("isolated", "isolated"),
        profile(
            "office",
            "büro_netz",
            custom_properties=[
                t.CustomProperty(name="queues", value="4"),
                t.CustomProperty(name="SecurityGroups", value=uid("sg", "web")),
            ],
        ),
        profile(
            "sriov",
            "vlan200-db",
            filter_="",
            mode="enabled",
            migratable=True,
            failover=ref("VnicProfile", "vlan200-db"),
        ),
        profile("ovn-tenant", "ovn-tenant", filter_=""),
        profile("ovn-routed", "ovn-routed", filter_=""),
        profile("ovn-phys", "ovn-phys", filter_=""),
        profile("ovirtmgmt-local", "ovirtmgmt@Local"),
    ]


def qoss() -> list[Any]:
    """Limits of every sort, as a data centre keeps them."""
    return [
        t.Qos(
            id=uid("Qos", "limited"),
            name="limited",
            type=t.QosType.NETWORK,
            inbound_average=100,
            inbound_peak=200,
            inbound_burst=300,
            outbound_average=50,
            outbound_peak=100,
            outbound_burst=150,
        ),
        t.Qos(
            id=uid("Qos", "uplink"),
            name="uplink",
            type=t.QosType.HOSTNETWORK,
            outbound_average_linkshare=50,
            outbound_average_upperlimit=2000,
            outbound_average_realtime=500,
        ),
        t.Qos(id=uid("Qos", "half-cpu"), name="half-cpu", type=t.QosType.CPU, cpu_limit=50),
        t.Qos(
            id=uid("Qos", "slow-disk"),
            name="slow-disk",
            type=t.QosType.STORAGE,
            max_iops=500,
            max_throughput=100,
        ),
    ]


def providers() -> list[Any]:
    return [
        t.OpenStackNetworkProvider(
            id=uid("OpenStackNetworkProvider", PROVIDER),
            name=PROVIDER,
            description="oVirt network provider for OVN",
            url="https://localhost:9696",
            authentication_url="https://localhost:35357/v2.0/",
            requires_authentication=True,
            username="admin@internal",
            password=CANARIES["provider"],
            external_plugin_type="OVIRT_PROVIDER_OVN",
            type=t.OpenStackNetworkProviderType.EXTERNAL,
            auto_sync=True,
            read_only=False,
            unmanaged=False,
            properties=pairs("Property", tenant="tenant"),
            networks=[
                t.OpenStackNetwork(id=uid("ovn", name), name=name)
                for name in ("ovn-tenant", "ovn-routed", "ovn-phys")
            ],
        )
    ]


def subnets() -> dict[tuple[str, str], list[Any]]:
    """The subnets as the engine shows them: below a network of the provider."""
    return {
        (uid("ovn", each["name"].removesuffix("-subnet")), "subnets"): [
            t.OpenStackSubnet(
                id=each["id"],
                name=each["name"],
                cidr=each["cidr"],
                gateway=each.get("gateway_ip"),
                ip_version="v4",
                dns_servers=each["dns_nameservers"],
            )
        ]
        for each in _ovn_subnets()
    }


def _ovn_subnets() -> list[dict[str, Any]]:
    return [
        {
            "id": uid("subnet", name),
            "name": f"{name}-subnet",
            "network_id": uid("ovn", name),
            "tenant_id": TENANT,
            "ip_version": 4,
            "cidr": cidr,
            "gateway_ip": gateway,
            "dns_nameservers": ["10.9.0.53"],
            "enable_dhcp": True,
            "allocation_pools": [{"start": start, "stop": stop}],
        }
        for name, cidr, gateway, start, stop in (
            ("ovn-tenant", "192.168.178.0/24", "192.168.178.1", "192.168.178.2", "192.168.178.254"),
            ("ovn-routed", "192.168.179.0/24", "192.168.179.1", "192.168.179.2", "192.168.179.254"),
        )
    ]


def ovn_lists(ports: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Everything that the provider's own API says; `ports` are the vNICs'."""
    base = {"tenant_id": TENANT, "status": "ACTIVE", "port_security_enabled": True, "mtu": 1442}
    physical = {
        "provider:physical_network": "vlan100",
        "provider:network_type": "vlan",
        "provider:segmentation_id": 800,
        "mtu": 1500,
    }
    return {
        "networks": [
            {"id": uid("ovn", "ovn-tenant"), "name": "ovn-tenant", **base},
            {"id": uid("ovn", "ovn-routed"), "name": "ovn-routed", **base, "mtu": 8942},
            {"id": uid("ovn", "ovn-phys"), "name": "ovn-phys", **base, **physical},
        ],
        "subnets": _ovn_subnets(),
        "ports": [
            *ports,
            {
                "id": uid("port", "router"),
                "name": "router",
                "network_id": uid("ovn", "ovn-routed"),
                "tenant_id": TENANT,
                "device_owner": "network:router_interface",
                "device_id": uid("router", "edge"),
                "mac_address": "02:00:00:00:00:01",
                "admin_state_up": True,
                "port_security_enabled": False,
                "security_groups": [],
                "fixed_ips": [
                    {"subnet_id": uid("subnet", "ovn-routed"), "ip_address": "192.168.179.1"}
                ],
            },
        ],
        "routers": [
            {
                "id": uid("router", "edge"),
                "name": "edge",
                "tenant_id": TENANT,
                "status": "ACTIVE",
                "admin_state_up": True,
                "external_gateway_info": {
                    "network_id": uid("ovn", "ovn-phys"),
                    "enable_snat": True,
                    "external_fixed_ips": [
                        {"subnet_id": uid("subnet", "ovn-phys"), "ip_address": "10.8.0.10"}
                    ],
                },
                "routes": [{"destination": "10.20.0.0/16", "nexthop": "192.168.179.254"}],
            }
        ],
        "security_groups": [
            {
                "id": uid("sg", "web"),
                "name": "web",
                "description": "Web servers",
                "tenant_id": TENANT,
                "security_group_rules": [],
            },
            {
                "id": "Default",
                "name": "Default",
                "description": "Default security group",
                "tenant_id": TENANT,
                "security_group_rules": [],
            },
        ],
        "security_group_rules": [
            {
                "id": uid("sgr", f"web-{port}"),
                "security_group_id": uid("sg", "web"),
                "tenant_id": TENANT,
                "direction": "ingress",
                "ethertype": "IPv4",
                "protocol": "tcp",
                "port_range_min": port,
                "port_range_max": port,
                "remote_ip_prefix": "0.0.0.0/0",
                "remote_group_id": None,
            }
            for port in (80, 443)
        ],
    }
