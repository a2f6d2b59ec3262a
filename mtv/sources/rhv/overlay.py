"""The overlay behind OVN's networks: from Neutron's lists to subnets, ports, routers, firewalls."""

from typing import Any

from mtv.model.network import (
    FirewallRule,
    OverlayPort,
    Router,
    RouterPort,
    SecurityGroup,
    Segment,
    Subnet,
)
from mtv.model.quantity import Native
from mtv.sources.rhv.neutron import Item, Neutron


def segment(network: Item) -> Segment:
    """The overlay segment of a network: geneve, or a VLAN of a physical network (localnet)."""
    return Segment(
        id=str(network["id"]),
        kind=network.get("provider:network_type") or "geneve",
        vni=network.get("provider:segmentation_id"),
    )


def subnets(neutron: Neutron, network: str) -> tuple[Subnet, ...]:
    """The subnets of a network, by its id in Neutron."""
    return tuple(
        Subnet(
            id=str(each["id"]),
            cidr=each.get("cidr") or "",
            name=each.get("name") or "",
            gateway=each.get("gateway_ip"),
            dns_servers=tuple(each.get("dns_nameservers") or ()),
            dhcp=each.get("enable_dhcp"),
            pools=tuple(
                # The provider writes "stop" where Neutron has "end".
                f"{pool.get('start')}-{pool.get('end') or pool.get('stop')}"
                for pool in each.get("allocation_pools") or ()
            ),
            native=rest(
                each,
                *("id", "cidr", "name", "gateway_ip", "dns_nameservers", "enable_dhcp"),
                *("allocation_pools", "network_id"),
            ),
        )
        for each in sorted(neutron.subnets, key=lambda each: str(each["id"]))
        if each.get("network_id") == network
    )


def ports(neutron: Neutron, networks: dict[str, str]) -> list[OverlayPort]:
    """The ports; ``networks``: Neutron's id -> ours."""
    return [
        OverlayPort(
            id=str(each["id"]),
            network=networks.get(str(each.get("network_id")), str(each.get("network_id") or "")),
            nic=each.get("device_id") if each.get("device_owner") == "oVirt" else None,
            mac=each.get("mac_address"),
            addresses=tuple(_addresses(each)),
            owner=each.get("device_owner"),
            security_groups=tuple(each.get("security_groups") or ()),
            port_security=each.get("port_security_enabled"),
            native=rest(
                each,
                *("id", "network_id", "mac_address", "fixed_ips", "device_owner"),
                *("security_groups", "port_security_enabled"),
                *(("device_id",) if each.get("device_owner") == "oVirt" else ()),
            ),
        )
        for each in neutron.ports
    ]


def routers(neutron: Neutron) -> list[Router]:
    """The routers, each with its legs: ports that say they are a router's."""
    found = []
    for each in neutron.routers:
        gateway = each.get("external_gateway_info") or {}
        legs = [
            RouterPort(subnet=str(fixed.get("subnet_id")), address=fixed.get("ip_address"))
            for port in neutron.ports
            if port.get("device_id") == each["id"]
            and port.get("device_owner") == "network:router_interface"
            for fixed in port.get("fixed_ips") or ()
        ]
        found.append(
            Router(
                id=str(each["id"]),
                name=each.get("name") or "",
                enabled=each.get("admin_state_up"),
                external_network=gateway.get("network_id"),
                external_addresses=tuple(
                    str(fixed.get("ip_address"))
                    for fixed in gateway.get("external_fixed_ips") or ()
                ),
                nat=gateway.get("enable_snat"),
                ports=tuple(legs),
                routes=tuple(
                    f"{route.get('destination')} via {route.get('nexthop')}"
                    for route in each.get("routes") or ()
                ),
                native=rest(
                    each, "id", "name", "admin_state_up", "external_gateway_info", "routes"
                ),
            )
        )
    return found


def security_groups(neutron: Neutron) -> list[SecurityGroup]:
    """The security groups with their rules; Neutron keeps the rules in a list of their own."""
    return [
        SecurityGroup(
            id=str(each["id"]),
            name=each.get("name") or "",
            description=each.get("description") or "",
            rules=tuple(
                FirewallRule(
                    id=str(rule["id"]),
                    direction=rule.get("direction") or "",
                    ether_type=rule.get("ethertype"),
                    protocol=rule.get("protocol"),
                    port_from=rule.get("port_range_min"),
                    port_to=rule.get("port_range_max"),
                    remote_cidr=rule.get("remote_ip_prefix"),
                    remote_group=rule.get("remote_group_id"),
                    description=rule.get("description") or "",
                )
                for rule in neutron.security_group_rules
                if rule.get("security_group_id") == each["id"]
            ),
            native=rest(each, "id", "name", "description", "security_group_rules"),
        )
        for each in neutron.security_groups
    ]


def rest(item: Item, *read: str) -> Native:
    """What of an item has no field, flat."""
    return dict(_flat({key: value for key, value in item.items() if key not in read}, ""))


def _flat(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [
            leaf
            for key, each in value.items()
            for leaf in _flat(each, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(value, list):
        return [leaf for n, each in enumerate(value) for leaf in _flat(each, f"{path}[{n}]")]
    return [] if value in (None, "") else [(path, value)]


def _addresses(port: Item) -> list[str]:
    return [str(each["ip_address"]) for each in port.get("fixed_ips") or () if "ip_address" in each]
