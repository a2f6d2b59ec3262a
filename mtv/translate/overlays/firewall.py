"""Security groups -> NetworkPolicy on the pod network, MultiNetworkPolicy on networks of OVN.

A policy is made for each group, network and namespace in which the group has members. A NIC that no
policy selects is open, as a port without port security is at the source.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from mtv.estate import PlacedVm
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import FirewallRule, SecurityGroup
from mtv.model.target import POD_NETWORK
from mtv.translate.networks.attachments import Attachments
from mtv.translate.overlays.dropped import dropped
from mtv.translate.overlays.firewall_rules import (
    PEERS,
    Rules,
    UnsayableError,
    block,
    checked_direction,
    family,
    ports,
)
from mtv.translate.overlays.overlays import nsx_segments
from mtv.translate.overlays.security_groups import Card, SecurityGroups
from mtv.translate.overlays.segments import is_overlay, wires
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

POLICY_FOR = "k8s.v1.cni.cncf.io/policy-for"


class Difference(NamedTuple):
    """What the target does otherwise than the source, as parts of a finding."""

    says: str
    remedy: str


OPEN = Difference(
    says="security groups filter its NICs, and no policy filters what VMs send over a network of "
    "the kind that mapping.yaml chooses: they will be open",
    remedy="choose localnet or layer2 in mapping.yaml, or filter outside of the cluster",
)
SHUT = Difference(
    says="port security is on and its NICs are in no security group, so that the source lets "
    "nothing through; the target will",
    remedy="write a policy that drops everything, or see whether these NICs are used",
)
OTHER_MACS = Difference(
    says="port security is off, so that its guests may send with other MAC addresses (nested "
    "virtualization, VRRP); OVN-Kubernetes drops what does not come from the NIC's own",
    remedy="where guests do that, choose bridge in mapping.yaml",
)
OTHER_MACS_OF_AN_OVERLAY = OTHER_MACS._replace(
    remedy="where guests do that, give them a network with a VLAN at the source, collect again and "
    "choose bridge for it; nothing lets them on an overlay"
)


class Firewall:
    """The firewall rules of a site."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._groups = SecurityGroups(site, attachments)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The policies, and the switch that turns those of secondary networks on."""
        made = {card.network for card in self._groups.cards if card.attachment.made}
        found = [
            policy(
                self._groups.by_ref[group],
                self._groups.label(group, network),
                namespace,
                self._translated[group, network][0],
                f"{namespace}/{network}" if network in made else network,
            )
            for group, network, namespace in self._groups.policies
        ]
        if any(each["kind"] == "MultiNetworkPolicy" for each in found):
            found.append(switched_on())
        return tuple(found)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Rules that no policy can say, networks that none reaches, groups that are not known."""
        return (
            *self._unsayable(),
            *self._pod_addresses(),
            *self._unknown_groups(),
            *self._by_network(),
            *dropped(
                self._groups.cards, {pair: said for pair, (said, _) in self._translated.items()}
            ),
            *self._switch(),
            *self._unread_nsx(),
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """The labels by which policies select it."""
        labels = self._groups.labels.get(placed.ref)
        return VmPart(template_labels=labels) if labels else VmPart()

    @cached_property
    def _translated(self) -> dict[tuple[str, str], tuple[Rules, tuple[str, ...]]]:
        """Group and network -> the rules of its policies, and what cannot be said in them."""
        pairs = dict.fromkeys((group, network) for group, network, _ in self._groups.policies)
        return {pair: self._rules(*pair) for pair in pairs}

    def _rules(self, group: str, network: str) -> tuple[Rules, tuple[str, ...]]:
        found: Rules = {direction: [] for direction in PEERS}
        unsaid = dict[str, None]()
        for rule in self._groups.by_ref[group].rules:
            try:
                direction, allowed = checked_direction(rule), ports(rule)
                peers = self._peers(group, rule, network, unsaid)
            except UnsayableError as problem:
                unsaid[str(problem)] = None
                continue
            # A rule without peers would let everything through.
            if peers:
                made: dict[str, Any] = {PEERS[direction]: peers}
                if allowed:
                    made["ports"] = allowed
                if made not in found[direction]:
                    found[direction].append(made)
        return found, tuple(unsaid)

    def _peers(
        self, group: str, rule: FirewallRule, network: str, unsaid: dict[str, None]
    ) -> list[dict[str, Any]]:
        """The other side of a rule; what is not known of it goes to ``unsaid``."""
        if not rule.remote_group:
            return [block(rule)]
        remote = f"{group.partition('/')[0]}/{rule.remote_group}"
        known = self._groups.by_ref.get(remote)
        if known is None:
            raise UnsayableError(f"names the group {rule.remote_group}, which the source lacks")
        peers = self._groups.peers(remote, network, family(rule))
        if network == POD_NETWORK:
            if not peers:
                raise UnsayableError(f"names the group {known.name}, which has no member there")
            return peers
        unknown = self._groups.unknown_addresses(remote)
        if unknown:
            says = f"names the group {known.name}, some ports of which have no address ({unknown})"
            unsaid[says] = None
        return peers

    def _unsayable(self) -> Iterator[Finding]:
        unsaid = dict[str, dict[str, None]]()
        for (group, network), (_, problems) in self._translated.items():
            where = "the pod network" if network == POD_NETWORK else network
            for each in problems:
                unsaid.setdefault(group, {})[f"one {each} ({where})"] = None
        for group, problems_of in unsaid.items():
            yield Finding(
                row="firewall.rule",
                category=Category.WARNING,
                ref=group,
                name=self._groups.by_ref[group].name,
                says="of its rules, policies cannot say all, and let through less: "
                + "; ".join(problems_of),
                remedy="add what has to pass to its policies: peers as ipBlock, and for other "
                "protocols (ping) a rule without ports; or do without",
            )

    def _pod_addresses(self) -> Iterator[Finding]:
        """On the pod network VMs are reached from other addresses than at the source."""
        for group, network in self._translated:
            rules = self._groups.by_ref[group].rules
            named = sorted({each.remote_cidr for each in rules if each.remote_cidr})
            if network == POD_NETWORK and named:
                yield Finding(
                    row="firewall.rule",
                    category=Category.WARNING,
                    ref=group,
                    name=self._groups.by_ref[group].name,
                    says=f"its rules name {first_of(named)}, and on the pod network the other side "
                    "may come from another address (of a pod, a node or a router)",
                    remedy="compare the ipBlock peers of its policy with what the VMs see there",
                )

    def _unknown_groups(self) -> Iterator[Finding]:
        waiting = dict[str, dict[str, None]]()
        for card in self._groups.cards:
            for group in card.groups:
                if group not in self._groups.by_ref:
                    waiting.setdefault(group, {})[card.vm] = None
        for group, vms in waiting.items():
            yield Finding(
                row="firewall.member",
                category=Category.BLOCKER,
                ref=group,
                name=group.partition("/")[2],
                says="ports of VMs are in this security group, and the inventory does not have it: "
                "without its policy they would be open",
                remedy="see in the inventory (unreadable) why the provider's groups are missing, "
                "then: mtv collect",
                holds_back=tuple(vms),
            )

    def _by_network(self) -> Iterator[Finding]:
        """NICs of which the target filters less, or more, than the source."""
        kinds = dict[tuple[str, str, Difference], dict[str, None]]()
        for card in self._groups.cards:
            key, title = card.attachment.ref, card.attachment.title
            for each in _differences(card):
                kinds.setdefault((key, title, each), {})[card.name] = None
        for (about, name, difference), vms in kinds.items():
            yield Finding(
                row="firewall.member",
                category=Category.WARNING,
                ref=about,
                name=name,
                says=f"{difference.says} (VMs: {first_of(vms)})",
                remedy=difference.remedy,
            )

    def _switch(self) -> Iterator[Finding]:
        if any(each["kind"] == "MultiNetworkPolicy" for each in self.manifests):
            yield Finding(
                row="firewall.group",
                category=Category.INFORMATION,
                ref="",
                name="Network cluster",
                says="useMultiNetworkPolicy is turned on for the whole cluster, because policies "
                "of secondary networks have no effect without it",
                remedy="apply it before the VMs start, at a quiet time: the operator may roll out "
                "OVN-Kubernetes anew; never delete this object together with the others, it is the "
                "cluster's own",
            )

    def _unread_nsx(self) -> Iterator[Finding]:
        for source, name, segments in nsx_segments(self._site):
            yield Finding(
                row="overlay.kind",
                category=Category.WARNING,
                ref=source,
                name=name,
                says="firewall rules of NSX are not read, and VMs on its segments will be open: "
                f"{segments}",
                remedy="export them from the NSX Manager (distributed firewall); write what has to "
                "hold as NetworkPolicy for the pod network and as MultiNetworkPolicy with ipBlock "
                "peers for the others, before the VMs start",
            )


def policy(
    group: SecurityGroup, label: str, namespace: str, rules: Rules, network: str
) -> Manifest:
    """The policy of a group for its members in one namespace.

    ``network``: ``pod`` for a NetworkPolicy, else ``namespace/name`` for a MultiNetworkPolicy. Both
    directions are named, so that what no rule lets through is dropped, as in the group.
    """
    said = {"source_name": group.name}
    if group.description:
        said["description"] = group.description
    about = metadata(label.partition("/")[2], namespace, **said)
    spec = {
        "podSelector": {"matchLabels": {label: ""}},
        "policyTypes": ["Ingress", "Egress"],
        **rules,
    }
    if network == POD_NETWORK:
        api, kind = "networking.k8s.io/v1", "NetworkPolicy"
    else:
        api, kind = "k8s.cni.cncf.io/v1beta1", "MultiNetworkPolicy"
        about["annotations"][POLICY_FOR] = network
    return {"apiVersion": api, "kind": kind, "metadata": about, "spec": spec}


def switched_on() -> Manifest:
    """The operator's configuration of the cluster's network, with MultiNetworkPolicy on.

    The object is the operator's: it gets no label of ours.
    """
    return {
        "apiVersion": "operator.openshift.io/v1",
        "kind": "Network",
        "metadata": {"name": "cluster"},
        "spec": {"useMultiNetworkPolicy": True},
    }


def _differences(card: Card) -> Iterator[Difference]:
    """What the target does otherwise with one NIC."""
    if card.groups and not card.enforced:
        yield OPEN
    if card.filtered and not card.groups and card.port.port_security:
        yield SHUT
    if not card.filtered and card.enforced and card.network != POD_NETWORK:
        network = card.attachment.network
        alone = network is not None and is_overlay(network) and wires(network) is None
        yield OTHER_MACS_OF_AN_OVERLAY if alone else OTHER_MACS
