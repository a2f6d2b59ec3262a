"""Security groups -> policies."""

from mtv.model.network import FirewallRule, OverlayPort, SecurityGroup, Segment
from tests.translate.whole.example import Change, Example
from tests.translate.whole.overlays import logical, networked_vm

WEB, DB = "firewall-sg-web", "firewall-sg-db"

CHANGES = {
    "security_groups[].rules[].direction": Change("egress"),
    "security_groups[].rules[].ether_type": Change("IPv6"),
    "security_groups[].rules[].protocol": Change("udp"),
    "security_groups[].rules[].remote_cidr": Change("198.51.100.0/24"),
    "security_groups[].rules[].remote_group": Change(WEB),
    "overlay_ports[].nic": Change("firewall-nic-9"),
    "overlay_ports[].security_groups[]": Change(DB),
    "overlay_ports[].addresses[]": Change("10.60.0.99"),
    "networks[].port_security": Change(False, at="firewall-net"),
}

GROUPS = (
    SecurityGroup(
        id=WEB,
        name="firewall web",
        description="What is reached from outside.",
        rules=(
            FirewallRule(
                id="firewall-rule-1",
                direction="ingress",
                ether_type="IPv4",
                protocol="tcp",
                port_from=8080,
                port_to=8090,
                description="for the balancer",
            ),
            FirewallRule(
                id="firewall-rule-2",
                direction="ingress",
                ether_type="IPv4",
                protocol="tcp",
                port_from=9090,
                port_to=9090,
                remote_group=DB,
            ),
            FirewallRule(id="firewall-rule-3", direction="egress", ether_type="IPv4"),
        ),
    ),
    SecurityGroup(
        id=DB,
        name="firewall db",
        rules=(
            FirewallRule(
                id="firewall-rule-4",
                direction="ingress",
                ether_type="IPv4",
                protocol="tcp",
                port_from=5432,
                port_to=5432,
                remote_group=WEB,
            ),
            FirewallRule(
                id="firewall-rule-5",
                direction="egress",
                ether_type="IPv4",
                remote_cidr="192.0.2.0/24",
            ),
        ),
    ),
)


def port(number: int, vm: int, nic: int, groups: tuple[str, ...], said: bool | None) -> OverlayPort:
    """The port of a card; the numbers give its ids and its address."""
    return OverlayPort(
        id=f"firewall-port-{number}",
        network="firewall-net",
        nic=f"firewall-vm-{vm}-nic-{nic}",
        mac=f"00:50:56:9a:{vm + 1:02x}:{nic:02x}",
        addresses=(f"10.60.0.{number * 8}",),
        owner="oVirt",
        security_groups=groups,
        port_security=said,
    )


PORTS = (
    port(1, 1, 1, (WEB,), said=True),
    port(2, 2, 1, (WEB, DB), said=None),
    port(3, 3, 1, (DB,), said=True),
    port(4, 1, 2, (WEB,), said=True),
    port(5, 2, 2, (DB,), said=True),
)


def enrich(example: Example) -> Example:
    """With RHV: three VMs whose cards are in two groups, on a layer 2 network and the pods'."""
    inventory = example.inventory
    if inventory.product != "rhv":
        return example
    overlay = logical(
        "firewall-net",
        segment=Segment(id="firewall-segment", kind="geneve"),
        port_security=True,
    )
    both = ("firewall-net", "firewall-pods")
    return example.add(
        networks=(overlay, logical("firewall-pods")),
        vms=(
            networked_vm("rhv", "firewall-vm-1", 2, both),
            networked_vm("rhv", "firewall-vm-2", 3, both),
            networked_vm("rhv", "firewall-vm-3", 4, ("firewall-net",)),
        ),
        security_groups=GROUPS,
        overlay_ports=PORTS,
    ).choose(
        networks={
            f"{inventory.source}/firewall-net": "layer2",
            f"{inventory.source}/firewall-pods": "pod",
        }
    )
