"""Which network is suggested, with the reason."""

from typing import Any

import msgspec
import pytest

from mtv.estate import Estate
from mtv.model.estate import Inventory
from mtv.model.network import NicProfile, Security, Segment
from mtv.model.target import BridgeMapping, Target, TargetNetwork
from mtv.translate.suggest import networks
from mtv.translate.suggest.question import Question
from tests.estates import plain_target, plain_vm
from tests.translate.network_estates import logical, nics, port_group, rhv, vsphere
from tests.translate.wired import esx, vcenter, vswitch
from tests.translate.wired import port_group as standard_group


def suggested(whole: Inventory, target: Target) -> dict[str, tuple[Any, str]]:
    """Id -> choice and reason."""
    found = networks.suggest(Question(Estate([whole]), target))
    return {each.ref.partition("/")[2]: (each.choice, each.reason) for each in found}


def target(*operators: str, **changes: Any) -> Target:
    return plain_target(**{"networks": (), "operators": operators, **changes})


def test_a_vlan_becomes_a_localnet_where_the_nodes_can_be_configured() -> None:
    whole = vsphere((port_group(),))
    assert suggested(whole, target("nmstate"))["dvportgroup-7"] == (
        "localnet",
        "VLAN 10 of dvs-prod: a localnet on the nodes' OVS bridge",
    )
    assert suggested(whole, target())["dvportgroup-7"] == (
        None,
        "no network of target.yaml carries VLAN 10",
    )
    assert suggested(whole, target("sriov"))["dvportgroup-7"] == (
        None,
        "VLAN 10 of dvs-prod: install the NMState operator, then choose localnet",
    )


def test_an_untagged_network_becomes_one_too() -> None:
    whole = vsphere((port_group(vlan=None),))
    assert suggested(whole, target("nmstate"))["dvportgroup-7"][0] == "localnet"
    assert suggested(whole, target())["dvportgroup-7"][0] == "pod"


def test_a_bridge_mapping_of_the_switch_is_enough() -> None:
    whole = rhv((logical(),))
    own = (BridgeMapping(localnet="bond0", bridge="br-x"),)
    assert suggested(whole, target(bridge_mappings=own))["net-1"][0] == "localnet"
    other = (BridgeMapping(localnet="physnet-a", bridge="br-ex"),)
    assert suggested(whole, target(bridge_mappings=other))["net-1"] == (
        None,
        "VLAN 10 of bond0: if a bridge mapping leads there, choose localnet:physnet-a",
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"vlan": None, "vlan_trunk": "0-100"}, "is a trunk"),
        ({"security": Security(forged_transmits=True)}, "lets any MAC address send"),
        ({"security": Security(promiscuous=True)}, "lets any MAC address send"),
    ],
)
def test_what_needs_a_bridge_makes_all_networks_of_its_switch_bridges(
    changes: dict[str, Any], why: str
) -> None:
    whole = vsphere(
        (
            port_group(id="a"),
            port_group(id="b", name="Special", **changes),
            port_group(id="c", switch="dvs-2", switch_id="dvs-2", vlan=30),
        )
    )
    found = suggested(whole, target("nmstate"))
    assert (found["a"][0], found["b"][0], found["c"][0]) == ("bridge", "bridge", "localnet")
    assert f"of dvs-prod, on which Special {why}" in found["a"][1]


def test_an_existing_network_with_the_same_vlan_and_mtu_comes_first() -> None:
    there = (
        TargetNetwork(name="lab/large", vlan=10, mtu=9000),
        TargetNetwork(name="default/small", vlan=10, mtu=1500),
        TargetNetwork(name="default/large", vlan=10, mtu=9000),
    )
    whole = vsphere((port_group(mtu=9000),))
    assert suggested(whole, target("nmstate", networks=there))["dvportgroup-7"] == (
        "default/large",
        "both carry VLAN 10",
    )


def test_an_existing_trunk_has_to_carry_all_vlans() -> None:
    there = (
        TargetNetwork(name="default/few", trunk="0-50"),
        TargetNetwork(name="default/many", trunk="0-4094"),
    )
    whole = vsphere((port_group(vlan=None, vlan_trunk="20-99"),))
    assert suggested(whole, target("nmstate", networks=there))["dvportgroup-7"] == (
        "default/many",
        "its trunk has the VLANs 20-99",
    )
    assert suggested(whole, target(networks=there[:1]))["dvportgroup-7"] == (
        None,
        "carries the VLANs 20-99: choose a network that does",
    )


def test_a_segment_of_an_overlay_becomes_a_layer_2_network() -> None:
    whole = vsphere((port_group(vlan=None, segment=Segment(id="s1", kind="geneve")),))
    assert suggested(whole, target("nmstate"))["dvportgroup-7"][0] == "layer2"


@pytest.mark.parametrize(
    ("resources", "choice", "reason"),
    [
        (("fast",), "sriov:fast", "fast is the only SR-IOV resource"),
        (("a", "b"), None, "choose one of sriov:a, sriov:b"),
        ((), None, "target.yaml has no sriov_resources"),
    ],
)
def test_virtual_functions_want_an_sriov_resource(
    resources: tuple[str, ...], choice: str | None, reason: str
) -> None:
    whole = vsphere((port_group(),), plain_vm(nics=nics("dvportgroup-7", model="sriov")))
    found = suggested(whole, target(sriov_resources=resources))["dvportgroup-7"]
    assert found[0] == choice
    assert reason in found[1]


def test_a_profile_that_passes_cards_through_has_a_line_of_its_own() -> None:
    profiles = (
        NicProfile(id="p-1", name="App", network="net-1"),
        NicProfile(id="p-2", name="passed", network="net-1", pass_through=True),
        NicProfile(id="p-3", name="unused", network="net-1", pass_through=True),
    )
    cards = tuple(
        msgspec.structs.replace(nic, profile=profile)
        for nic, profile in zip(nics("net-1", "net-1"), ("p-1", "p-2"), strict=True)
    )
    whole = rhv((logical(),), plain_vm(nics=cards), nic_profiles=profiles)
    found = suggested(whole, target("nmstate", sriov_resources=("fast",)))
    assert found == {
        "net-1": ("localnet", "VLAN 10 of bond0: a localnet on the nodes' OVS bridge"),
        "p-2": (
            "sriov:fast",
            "passes cards of the host through, and fast is the only SR-IOV resource",
        ),
    }


@pytest.mark.parametrize(
    ("own", "base", "choice", "says"),
    [
        (Security(forged_transmits=True), Security(), "bridge", "lets any MAC address send"),
        (None, Security(promiscuous=True), "bridge", "lets any MAC address send"),
        (
            None,
            Security(mac_changes=True, forged_transmits=True),
            "localnet",
            "its hosts accept MAC changes and forged transmits: choose bridge if",
        ),
        (Security(promiscuous=False), Security(promiscuous=True), "localnet", "OVS bridge"),
    ],
)
def test_a_standard_port_group_that_lets_any_mac_send_needs_a_bridge(
    own: Security | None, base: Security, choice: str, says: str
) -> None:
    """What a standard switch accepts by itself does not count, what someone has set does."""
    host = esx(
        switches=(vswitch(security=base),),
        port_groups=(standard_group(security=own),),
    )
    found = suggested(vcenter(host), target("nmstate"))["network-1"]
    assert found[0] == choice
    assert says in found[1]


def test_a_network_without_wires_says_what_is_left() -> None:
    whole = rhv((logical(),), hosts=())
    assert suggested(whole, target("nmstate"))["net-1"] == (
        None,
        (
            "is attached to no NIC of a host, so that nobody knows its uplinks, and no network of "
            "target.yaml carries VLAN 10: name a network of target.yaml, or a bridge mapping of "
            "the nodes (localnet:NAME)"
        ),
    )
    trunk = vsphere((port_group(vlan=None, vlan_trunk="5-7", switch=None, switch_id=None),))
    assert suggested(trunk, target("nmstate"))["dvportgroup-7"][1].endswith(
        "name a network of target.yaml that carries them"
    )


def test_a_switch_without_uplinks_can_be_no_localnet_on_the_nodes() -> None:
    whole = vcenter(esx(switches=(vswitch(uplinks=()),)))
    choice, reason = suggested(whole, target("nmstate"))["network-1"]
    assert choice is None
    assert "vSwitch1, which has no uplink on any host" in reason
    there = (BridgeMapping(localnet="vswitch1", bridge="br-x"),)
    assert suggested(whole, target("nmstate", bridge_mappings=there))["network-1"] == (
        "localnet",
        "VLAN 10 of vSwitch1: the nodes have it on br-x already",
    )
    one = esx(2, switches=(vswitch(),))
    more = vcenter(esx(switches=(vswitch(uplinks=()),)), one)
    assert suggested(more, target("nmstate"))["network-1"][0] == "localnet"
