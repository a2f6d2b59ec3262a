"""Security groups: policies, labels, what no policy can say."""

from typing import Any

import msgspec
import pytest

from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.network import FirewallRule, OverlayPort, SecurityGroup, Segment, Subnet
from mtv.model.target import TargetNetwork
from mtv.model.vm import Vm
from mtv.translate import Translation
from mtv.translate.overlays.firewall_rules import block, blocks, ports
from tests.estates import (
    inventory,
    plain_network,
    plain_nic,
    plain_target,
    plain_vm,
    translated_inventory,
)

EVERYWHERE = {"ipBlock": {"cidr": "0.0.0.0/0"}}


def rule(**changes: Any) -> FirewallRule:
    """A rule that lets HTTPS in from everywhere."""
    found = FirewallRule(
        id="rule-1",
        direction="ingress",
        ether_type="IPv4",
        protocol="tcp",
        port_from=443,
        port_to=443,
    )
    return msgspec.structs.replace(found, **changes)


def group(*rules: FirewallRule, **changes: Any) -> SecurityGroup:
    """A group called web."""
    return msgspec.structs.replace(SecurityGroup(id="sg-1", name="web", rules=rules), **changes)


def port(vm: str = "vm-1", **changes: Any) -> OverlayPort:
    """The port of a VM's only card, in the group web."""
    found = OverlayPort(
        id=f"port-{vm}",
        network="net-1",
        nic=f"nic-{vm}",
        addresses=("10.1.0.8",),
        security_groups=("sg-1",),
        port_security=True,
    )
    return msgspec.structs.replace(found, **changes)


def vm(id_: str = "vm-1", **changes: Any) -> Vm:
    """A VM with one card on net-1."""
    card = plain_nic(key=f"nic-{id_}", mac=f"00:50:56:9a:00:{id_[-1:]:0>2}", network="net-1")
    return plain_vm(id=id_, name=id_, folder="", nics=(card,), **changes)


def estate(
    groups: tuple[SecurityGroup, ...], *members: OverlayPort, vms: tuple[Vm, ...] = (), **net: Any
) -> Inventory:
    """VMs on net-1, a network of OVN."""
    network = plain_network(
        id="net-1",
        name="app",
        kind="logical",
        vlan=None,
        switch=None,
        segment=Segment(id="s-1", kind="geneve"),
        **net,
    )
    whole = inventory(*(vms or (vm(),)), product="rhv")
    return msgspec.structs.replace(
        whole,
        networks=(*whole.networks, network),
        security_groups=groups,
        overlay_ports=members or (port(),),
    )


def translated(whole: Inventory, choice: str = "layer2", **mapping: Any) -> Translation:
    """What becomes of it when mapping.yaml says this of net-1."""
    kinds = {"default/ovn": "layer2", "default/bridge": "bridge", "default/wires": "localnet"}
    networks = tuple(TargetNetwork(name=name, kind=kind) for name, kind in kinds.items())  # type: ignore[arg-type]
    return translated_inventory(
        whole,
        target=plain_target(networks=networks),
        networks={"vc1/net-1": choice},
        **mapping,
    )


def of_kind(made: Translation, kind: str) -> list[dict[str, Any]]:
    return [each for each in made.platform if each["kind"] == kind]


def said(made: Translation, row: str) -> list[Finding]:
    return [each for each in made.findings if each.row == row]


def labels(made: Translation) -> dict[str, list[str]]:
    """Ref of each VM -> its labels that policies select."""
    found = {}
    for each in made.vms:
        of = made.manifests(each)[0]["spec"]["template"]["metadata"]["labels"]
        found[each.ref] = [label for label in of if label.startswith("sg.mtv.migration/")]
    return found


def test_a_group_on_an_overlay_becomes_a_policy_of_that_network() -> None:
    """firewall.group, firewall.group.description, firewall.member"""
    made = translated(estate((group(rule(), description="The front."),)))
    (policy,) = of_kind(made, "MultiNetworkPolicy")
    assert policy["apiVersion"] == "k8s.cni.cncf.io/v1beta1"
    assert policy["metadata"]["name"] == "web-app"
    assert policy["metadata"]["namespace"] == "imported-vms"
    assert policy["metadata"]["annotations"] == {
        "mtv.migration/source-name": "web",
        "mtv.migration/description": "The front.",
        "k8s.v1.cni.cncf.io/policy-for": "imported-vms/app",
    }
    assert policy["spec"] == {
        "podSelector": {"matchLabels": {"sg.mtv.migration/web-app": ""}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [EVERYWHERE], "ports": [{"protocol": "TCP", "port": 443}]}],
        "egress": [],
    }
    assert labels(made) == {"vc1/vm-1": ["sg.mtv.migration/web-app"]}
    assert of_kind(made, "NetworkPolicy") == []


def test_policies_of_secondary_networks_are_switched_on_for_the_cluster() -> None:
    """firewall.group"""
    made = translated(estate((group(rule()),)))
    (network,) = of_kind(made, "Network")
    assert network["apiVersion"] == "operator.openshift.io/v1"
    assert network["metadata"]["name"] == "cluster"
    assert network["spec"] == {"useMultiNetworkPolicy": True}
    (told,) = [e for e in said(made, "firewall.group") if e.category is Category.INFORMATION]
    assert "useMultiNetworkPolicy" in told.says
    assert of_kind(translated(estate((group(rule()),)), "pod"), "Network") == []


def test_a_group_on_the_pod_network_becomes_a_network_policy() -> None:
    """firewall.group"""
    made = translated(estate((group(rule()),)), "pod")
    (policy,) = of_kind(made, "NetworkPolicy")
    assert policy["apiVersion"] == "networking.k8s.io/v1"
    assert policy["metadata"]["name"] == "web-pod"
    assert of_kind(made, "MultiNetworkPolicy") == []


def test_an_existing_network_of_ovn_is_named_in_full() -> None:
    """firewall.group"""
    made = translated(estate((group(rule()),)), "default/ovn")
    (policy,) = of_kind(made, "MultiNetworkPolicy")
    assert policy["metadata"]["annotations"]["k8s.v1.cni.cncf.io/policy-for"] == "default/ovn"


def test_a_bridge_filters_nothing_and_that_is_told() -> None:
    """firewall.member"""
    made = translated(estate((group(rule()),)), "default/bridge")
    assert of_kind(made, "MultiNetworkPolicy") == []
    (told,) = said(made, "firewall.member")
    assert "they will be open" in told.says
    assert "vm-1" in told.says
    assert labels(made) == {"vc1/vm-1": []}


def test_there_is_a_policy_in_every_namespace_with_members() -> None:
    """firewall.member"""
    members = (port("vm-1"), port("vm-2"))
    whole = estate((group(rule()),), *members, vms=(vm("vm-1"), vm("vm-2")))
    made = translated(whole, namespaces={"vc1/vm-2": "other"})
    places = [each["metadata"]["namespace"] for each in of_kind(made, "MultiNetworkPolicy")]
    assert places == ["imported-vms", "other"]


@pytest.mark.parametrize(
    ("of_port", "of_network", "filtered"),
    [(True, False, True), (False, True, False), (None, False, False), (None, None, True)],
)
def test_without_port_security_no_policy_selects_a_nic(
    of_port: bool | None, of_network: bool | None, filtered: bool
) -> None:
    """firewall.member: a port that does not say follows its network."""
    whole = estate((group(rule()),), port(port_security=of_port), port_security=of_network)
    made = translated(whole)
    assert labels(made) == {"vc1/vm-1": ["sg.mtv.migration/web-app"] if filtered else []}
    told = [each.says for each in said(made, "firewall.member")]
    assert (["other MAC addresses" in each for each in told] == [True]) is not filtered


def test_a_guarded_port_in_no_group_is_told() -> None:
    """firewall.member: the source lets nothing through."""
    made = translated(estate((group(rule()),), port(security_groups=())))
    (told,) = said(made, "firewall.member")
    assert "lets nothing through" in told.says


def test_a_group_that_the_inventory_lacks_holds_its_vms_back() -> None:
    """firewall.member: something unmappable; everything else is translated."""
    members = (port("vm-1", security_groups=("sg-9",)), port("vm-2"))
    made = translated(estate((group(rule()),), *members, vms=(vm("vm-1"), vm("vm-2"))))
    (told,) = [each for each in made.blockers if each.row == "firewall.member"]
    assert (told.ref, told.holds_back) == ("vc1/sg-9", ("vc1/vm-1",))
    assert [each.ref for each in made.vms] == ["vc1/vm-2"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"port_from": None, "port_to": None}, [{"protocol": "TCP"}]),
        ({"port_from": 80, "port_to": 90}, [{"protocol": "TCP", "port": 80, "endPort": 90}]),
        ({"port_from": 0, "port_to": 9}, [{"protocol": "TCP", "port": 1, "endPort": 9}]),
        ({"port_to": None}, [{"protocol": "TCP", "port": 443}]),
        ({"protocol": "17"}, [{"protocol": "UDP", "port": 443}]),
        ({"protocol": "SCTP"}, [{"protocol": "SCTP", "port": 443}]),
        ({"protocol": None, "port_from": None, "port_to": None}, []),
        ({"protocol": "any", "port_from": None, "port_to": None}, []),
    ],
)
def test_protocol_and_ports(changes: dict[str, Any], expected: list[dict[str, Any]]) -> None:
    """firewall.rule"""
    assert ports(rule(**changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "0.0.0.0/0"),
        ({"ether_type": "IPv6"}, "::/0"),
        ({"ether_type": None}, "0.0.0.0/0"),
        ({"remote_cidr": "192.0.2.0/24"}, "192.0.2.0/24"),
        ({"remote_cidr": "192.0.2.7/24"}, "192.0.2.0/24"),
        ({"remote_cidr": "2001:db8::/32", "ether_type": "ipv6"}, "2001:db8::/32"),
    ],
)
def test_peers_by_address(changes: dict[str, Any], expected: str) -> None:
    """firewall.rule"""
    assert block(rule(**changes)) == {"ipBlock": {"cidr": expected}}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"protocol": "icmp"}, "icmp"),
        ({"protocol": "112"}, "112"),
        ({"port_from": 9, "port_to": 8}, "9 to 8"),
        ({"port_to": 70000}, "70000"),
        ({"protocol": None}, "no protocol"),
        ({"direction": "sideways"}, "sideways"),
        ({"ether_type": "ARP"}, "ARP"),
        ({"remote_cidr": "everybody"}, "everybody"),
        ({"remote_cidr": "2001:db8::/32"}, "IPv4"),
    ],
)
def test_a_rule_that_cannot_be_said_is_told_and_lets_nothing_through(
    changes: dict[str, Any], word: str
) -> None:
    """firewall.rule"""
    made = translated(estate((group(rule(**changes)),)))
    (policy,) = of_kind(made, "MultiNetworkPolicy")
    assert (policy["spec"]["ingress"], policy["spec"]["egress"]) == ([], [])
    (told,) = said(made, "firewall.rule")
    assert told.ref == "vc1/sg-1"
    assert word in told.says


def test_both_directions_and_no_doubles() -> None:
    """firewall.rule"""
    out = rule(id="rule-2", direction="egress", protocol=None, port_from=None, port_to=None)
    made = translated(estate((group(rule(), rule(id="rule-3"), out),)))
    (policy,) = of_kind(made, "MultiNetworkPolicy")
    assert len(policy["spec"]["ingress"]) == 1
    assert policy["spec"]["egress"] == [{"to": [EVERYWHERE]}]


def test_addresses_of_rules_may_be_others_on_the_pod_network() -> None:
    """firewall.rule"""
    made = translated(estate((group(rule(remote_cidr="192.0.2.0/24")),)), "pod")
    (told,) = said(made, "firewall.rule")
    assert "192.0.2.0/24" in told.says


def remote(*members: OverlayPort) -> Inventory:
    """The group web lets the group db in."""
    web = group(rule(remote_group="sg-2"))
    db = group(id="sg-2", name="db")
    return estate((web, db), *members, vms=(vm("vm-1"), vm("vm-2"), vm("vm-3")))


def test_members_of_a_remote_group_are_known_by_address_on_an_overlay() -> None:
    """firewall.remote-group: as few networks as there can be, of one family."""
    addresses = ("10.1.0.4", "10.1.0.5", "fe80::1", "nonsense")
    members = (port("vm-1"), port("vm-2", security_groups=("sg-2",), addresses=addresses))
    made = translated(remote(*members))
    policy = next(
        p for p in of_kind(made, "MultiNetworkPolicy") if p["metadata"]["name"] == "web-app"
    )
    (allowed,) = policy["spec"]["ingress"]
    assert allowed["from"] == [{"ipBlock": {"cidr": "10.1.0.4/31"}}]
    assert said(made, "firewall.rule") == []


def test_members_without_an_address_are_told() -> None:
    """firewall.remote-group"""
    members = (
        port("vm-1"),
        port("vm-2", security_groups=("sg-2",), addresses=()),
        port("vm-3", security_groups=("sg-2",), addresses=("10.1.0.9",)),
    )
    made = translated(remote(*members))
    (told,) = said(made, "firewall.rule")
    assert "db" in told.says
    assert "(1)" in told.says


def test_a_rule_without_a_peer_never_becomes_one_for_all() -> None:
    """firewall.remote-group: an empty list of peers would mean everybody."""
    unknown = port("vm-2", security_groups=("sg-2",), addresses=())
    for choice, kind in (("layer2", "MultiNetworkPolicy"), ("pod", "NetworkPolicy")):
        members = (port("vm-1"), unknown) if choice == "layer2" else (port("vm-1"),)
        made = translated(remote(*members), choice)
        policy = next(p for p in of_kind(made, kind) if p["metadata"]["name"].startswith("web"))
        assert policy["spec"]["ingress"] == []
        assert said(made, "firewall.rule")


def test_members_of_a_remote_group_are_selected_by_label_on_the_pod_network() -> None:
    """firewall.remote-group"""
    members = (port("vm-1"), port("vm-2", security_groups=("sg-2",)))
    made = translated(remote(*members), "pod", namespaces={"vc1/vm-2": "other"})
    policy = next(p for p in of_kind(made, "NetworkPolicy") if p["metadata"]["name"] == "web-pod")
    (allowed,) = policy["spec"]["ingress"]
    (peer,) = allowed["from"]
    assert peer["podSelector"] == {"matchLabels": {"sg.mtv.migration/db-pod": ""}}
    (where,) = peer["namespaceSelector"]["matchExpressions"]
    assert where["values"] == ["other"]
    assert labels(made)["vc1/vm-2"] == ["sg.mtv.migration/db-pod"]


def test_a_group_that_the_source_lacks_is_told() -> None:
    """firewall.remote-group"""
    made = translated(estate((group(rule(remote_group="sg-9")),)))
    (told,) = said(made, "firewall.rule")
    assert "sg-9" in told.says


def test_groups_of_one_name_get_policies_of_their_own() -> None:
    twins = (group(rule()), group(rule(port_from=80, port_to=80), id="sg-2"))
    members = (port("vm-1"), port("vm-2", security_groups=("sg-2",)))
    made = translated(estate(twins, *members, vms=(vm("vm-1"), vm("vm-2"))))
    names = {each["metadata"]["name"] for each in of_kind(made, "MultiNetworkPolicy")}
    assert len(names) == 2
    assert labels(made)["vc1/vm-1"] != labels(made)["vc1/vm-2"]


def test_a_name_that_is_no_label_still_gives_one() -> None:
    name = "Ünïcode / group " * 9
    made = translated(estate((group(rule(), name=name),)))
    (policy,) = of_kind(made, "MultiNetworkPolicy")
    (label,) = labels(made)["vc1/vm-1"]
    assert len(label.partition("/")[2]) <= 63
    assert policy["spec"]["podSelector"]["matchLabels"] == {label: ""}
    assert policy["metadata"]["annotations"]["mtv.migration/source-name"] == name


def test_what_a_rule_says_is_in_the_ledger() -> None:
    """firewall.rule.description"""
    made = translated(estate((group(rule(description="for the balancer")),)))
    (entry,) = [each for each in made.ledger.entries if each.row == "firewall.rule.description"]
    assert "for the balancer" in entry.says


def test_an_estate_without_ports_has_no_policies() -> None:
    """firewall.ids: ids alone change nothing."""
    whole = msgspec.structs.replace(estate((group(rule()),)), overlay_ports=())
    made = translated(whole)
    assert of_kind(made, "MultiNetworkPolicy") == []
    assert labels(made) == {"vc1/vm-1": []}


def test_addresses_join_to_the_fewest_blocks() -> None:
    found = [f"10.0.0.{number}" for number in range(16)]
    assert blocks(found, 4) == [{"ipBlock": {"cidr": "10.0.0.0/28"}}]
    assert blocks(["2001:db8::1"], 6) == [{"ipBlock": {"cidr": "2001:db8::1/128"}}]
    assert blocks(["nonsense"], 4) == []


# -- what policies drop

OUT = rule(id="rule-2", direction="egress", protocol=None, port_from=None, port_to=None)


def warned(made: Translation) -> list[str]:
    """What is said of groups that let too little through."""
    return [each.says for each in said(made, "firewall.group") if each.category is Category.WARNING]


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ((), "can receive and send nothing on it"),
        ((rule(),), "can send nothing on it"),
        ((OUT,), "can receive nothing on it"),
        ((rule(), OUT), None),
    ],
)
@pytest.mark.parametrize("choice", ["layer2", "pod"])
def test_vms_that_can_send_or_receive_nothing_are_told(
    rules: tuple[FirewallRule, ...], says: str | None, choice: str
) -> None:
    """firewall.group"""
    told = warned(translated(estate((group(*rules),)), choice))
    assert len(told) == (says is not None)
    assert says is None or (says in told[0] and "(VMs: vm-1)" in told[0])


def test_what_one_group_lets_through_passes() -> None:
    """firewall.group: policies add up."""
    groups = (group(), group(rule(), OUT, id="sg-2", name="db"))
    both = port(security_groups=("sg-1", "sg-2"))
    assert warned(translated(estate(groups, both))) == []


DHCP = (
    rule(direction="egress", protocol="udp", port_from=67, port_to=67),
    rule(id="rule-4", protocol="udp", port_from=60, port_to=70, remote_cidr="10.1.0.0/24"),
)


@pytest.mark.parametrize(
    ("rules", "dropped"),
    [
        ((rule(), OUT), True),
        (DHCP, False),
        ((DHCP[1], msgspec.structs.replace(DHCP[0], remote_cidr="10.1.0.2/32")), True),
        ((OUT, DHCP[1]), False),
    ],
)
def test_policies_that_drop_dhcp_are_told(rules: tuple[FirewallRule, ...], dropped: bool) -> None:
    """firewall.group: else the advice to run a DHCP server would be wrong."""
    subnet = Subnet(id="subnet-1", cidr="10.1.0.0/24", dhcp=True)
    told = warned(translated(estate((group(*rules),), subnets=(subnet,))))
    assert [each for each in told if "by DHCP" in each] == told
    assert bool(told) is dropped
    assert warned(translated(estate((group(*rules),)))) == []


def test_nothing_lets_other_mac_addresses_on_an_overlay() -> None:
    """firewall.member: an overlay has no switch that could be a bridge."""
    loose = estate((group(rule()),), port(port_security=False))
    (told,) = said(translated(loose), "firewall.member")
    assert "nothing lets them on an overlay" in told.remedy
