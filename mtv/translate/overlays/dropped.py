"""What policies drop that guests can hardly do without: everything, or DHCP.

A VM may be in several groups. What one of their policies lets through passes, so that only all of
them together say what is dropped.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import Network
from mtv.model.target import POD_NETWORK
from mtv.translate.overlays.firewall_rules import EVERYWHERE, IPV4, PEERS, Rules
from mtv.translate.overlays.security_groups import Card
from mtv.translate.sentences import first_of

VERBS = {"ingress": "receive", "egress": "send"}
DHCP_SERVER, DHCP_CLIENT = 67, 68
"""Ports of UDP that requests and answers go to."""


class _Guarded(msgspec.Struct):
    """The NICs of one VM on one network."""

    card: Card
    groups: dict[str, None]
    """Refs of those that a policy is made for."""


def dropped(
    cards: Collection[Card], policies: Mapping[tuple[str, str], Rules]
) -> Iterator[Finding]:
    """``policies``: group and network -> the rules of its policies there."""
    silent = dict[tuple[str, str, tuple[str, ...]], dict[str, None]]()
    without_dhcp = dict[tuple[str, str], dict[str, None]]()
    for each in _guarded(cards, policies):
        card, attachment = each.card, each.card.attachment
        rules = [policies[group, card.network] for group in each.groups]
        shut = tuple(VERBS[way] for way in PEERS if not any(one[way] for one in rules))
        if shut:
            about = attachment.ref, attachment.title, shut
            silent.setdefault(about, {})[card.name] = None
        if (
            card.network != POD_NETWORK
            and _has_dhcp(attachment.network)
            and not _passes_dhcp(rules)
        ):
            without_dhcp.setdefault((attachment.ref, attachment.title), {})[card.name] = None
    for (about_, title, verbs), vms in silent.items():
        yield Finding(
            row="firewall.group",
            category=Category.WARNING,
            ref=about_,
            name=title,
            says=f"VMs can {' and '.join(verbs)} nothing on it, because no rule of their security "
            f"groups lets anything through (VMs: {first_of(vms)})",
            remedy="see in the provider whether the groups really have no rules, and collect again "
            "where they have; else add what has to pass to their policies",
        )
    for (about_, title), vms in without_dhcp.items():
        yield Finding(
            row="firewall.group",
            category=Category.WARNING,
            ref=about_,
            name=title,
            says="its guests get addresses by DHCP, and their policies drop its requests or "
            f"answers, so that no DHCP server on the network would help (VMs: {first_of(vms)})",
            remedy=f"let UDP {DHCP_SERVER} out to 0.0.0.0/0 and UDP {DHCP_CLIENT} in from the DHCP "
            "server in their policies, or set the addresses in the guests",
        )


def _guarded(
    cards: Collection[Card], policies: Mapping[tuple[str, str], Rules]
) -> Iterator[_Guarded]:
    found = dict[tuple[str, str], _Guarded]()
    for card in cards:
        groups = {group: None for group in card.groups if (group, card.network) in policies}
        if card.enforced and groups:
            here = found.setdefault((card.vm, card.network), _Guarded(card, {}))
            here.groups.update(groups)
    yield from found.values()


def _has_dhcp(network: Network | None) -> bool:
    return network is not None and any(each.dhcp for each in network.subnets)


def _passes_dhcp(policies: Collection[Rules]) -> bool:
    """True when requests, which go to everybody, and the answers of any server pass."""
    return all(
        any(_lets(rule, PEERS[way], port) for rules in policies for rule in rules[way])
        for way, port in (("egress", DHCP_SERVER), ("ingress", DHCP_CLIENT))
    )


def _lets(rule: Mapping[str, Any], field: str, port: int) -> bool:
    """True when a rule lets UDP through to that port; who sends answers nobody knows, so a rule for
    some addresses is taken for one that means them."""
    cidrs = [peer["ipBlock"]["cidr"] for peer in rule[field] if "ipBlock" in peer]
    fits = EVERYWHERE[IPV4] in cidrs if field == PEERS["egress"] else bool(cidrs)
    return fits and ("ports" not in rule or any(_has(each, port) for each in rule["ports"]))


def _has(allowed: Mapping[str, Any], port: int) -> bool:
    first = allowed.get("port")
    return bool(
        allowed["protocol"] == "UDP"
        and (first is None or first <= port <= allowed.get("endPort", first))
    )
