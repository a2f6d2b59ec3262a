"""One rule of a security group -> one rule of a policy, or why it cannot be said there.

Both sides let through what a rule names and drop the rest; both forget nothing of a connection that
was let through (stateful). A policy knows TCP, UDP and SCTP with their ports, and everything; of
anything between, such as ICMP, it has no word.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Any

from mtv.model.network import FirewallRule

IPV4, IPV6 = 4, 6
EVERYWHERE = {IPV4: "0.0.0.0/0", IPV6: "::/0"}
_FAMILIES = {"ipv4": IPV4, "ipv6": IPV6, None: IPV4}
_PROTOCOLS = {"tcp": "TCP", "6": "TCP", "udp": "UDP", "17": "UDP", "sctp": "SCTP", "132": "SCTP"}
_ANY = (None, "", "any", "all")
HIGHEST_PORT = 65535

PEERS = {"ingress": "from", "egress": "to"}
"""Direction -> the field that names the other side."""

Rules = dict[str, list[dict[str, Any]]]
"""``ingress`` and ``egress`` of a policy."""


class UnsayableError(Exception):
    """A rule has no equivalent in a policy; the text says why, as part of a sentence."""


def checked_direction(rule: FirewallRule) -> str:
    """``ingress`` or ``egress``. Raises UnsayableError."""
    if rule.direction not in PEERS:
        raise UnsayableError(f"has the direction {rule.direction!r}")
    return rule.direction


def family(rule: FirewallRule) -> int:
    """4 or 6. Raises UnsayableError."""
    kind = rule.ether_type.lower() if rule.ether_type else None
    if kind not in _FAMILIES:
        raise UnsayableError(f"is about {rule.ether_type}, which is neither IPv4 nor IPv6")
    return _FAMILIES[kind]


def ports(rule: FirewallRule) -> list[dict[str, Any]]:
    """The rule's ``ports``; empty for all protocols and ports. Raises UnsayableError."""
    protocol = rule.protocol.lower() if rule.protocol else None
    low, high = rule.port_from, rule.port_to
    if protocol in _ANY:
        if low is not None or high is not None:
            raise UnsayableError("has ports and no protocol")
        return []
    if protocol not in _PROTOCOLS:
        raise UnsayableError(f"lets {rule.protocol} through, and policies know TCP, UDP and SCTP")
    port: dict[str, Any] = {"protocol": _PROTOCOLS[protocol]}
    if low is not None or high is not None:
        # Port 0 is no port; Neutron takes it as the beginning of a range.
        first = max(low if low is not None else 1, 1)
        last = high if high is not None else first
        if not first <= last <= HIGHEST_PORT:
            raise UnsayableError(f"has the ports {low} to {high}")
        port["port"] = first
        if last != first:
            port["endPort"] = last
    return [port]


def block(rule: FirewallRule) -> dict[str, Any]:
    """The peer of a rule that names no group. Raises UnsayableError."""
    kind = family(rule)
    if not rule.remote_cidr:
        return {"ipBlock": {"cidr": EVERYWHERE[kind]}}
    try:
        cidr = ip_network(rule.remote_cidr, strict=False)
    except ValueError:
        raise UnsayableError(f"names {rule.remote_cidr!r}, which is no network") from None
    if cidr.version != kind:
        raise UnsayableError(f"names {rule.remote_cidr} and is about IPv{kind}")
    return {"ipBlock": {"cidr": str(cidr)}}


def blocks(addresses: Iterable[str], kind: int) -> list[dict[str, Any]]:
    """Peers for these addresses of one family, as few as there can be; what is none is left out."""
    numbers = set[int]()
    for each in addresses:
        try:
            address = ip_address(each)
        except ValueError:
            continue
        if address.version == kind:
            numbers.add(int(address))
    found: Iterable[IPv4Network | IPv6Network]
    if kind == IPV4:
        found = collapse_addresses([IPv4Network(each) for each in sorted(numbers)])
    else:
        found = collapse_addresses([IPv6Network(each) for each in sorted(numbers)])
    return [{"ipBlock": {"cidr": str(each)}} for each in found]
