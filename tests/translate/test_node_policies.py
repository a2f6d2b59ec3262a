"""Groups of nodes that select the same nodes: equal policies are one, contradictions are found."""

from typing import Any

import pytest

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import BridgeMapping, Node
from mtv.translate import Translation
from tests.estates import plain_target
from tests.translate.wired import (
    WORKERS,
    distributed,
    dvs,
    esx,
    group,
    policies,
    proxy,
    standard,
    vcenter,
    vswitch,
    wired,
)

RACK = {**WORKERS, "example.com/rack": "a"}


def found(translation: Translation, category: Category = Category.BLOCKER) -> list[Finding]:
    return [
        each
        for each in translation.findings
        if each.row == "host-network" and each.category is category
    ]


def apart(one: dict[str, str], two: dict[str, str], **changes: Any) -> Translation:
    """One host with vSwitch1, another with dvs-prod; a NIC of the nodes is named for both."""
    whole = vcenter(
        esx(1, switches=(vswitch(),)),
        esx(2, switches=(proxy(uplinks=("vmnic4", "vmnic5")),)),
        networks=(standard(), distributed()),
        switches=(dvs(),),
    )
    nics: dict[str, str | None] = {"vmnic4": "ens3f0", "vmnic5": "ens5f0"}
    groups = {
        "one": group("vc1/host-1", nodes=one, nics={"vmnic2": "ens2f0", "vmnic3": "ens3f0"}),
        "two": group("vc1/host-2", nodes=two, nics=nics),
    }
    return wired(whole, node_groups=groups, **changes)


@pytest.mark.parametrize("others", [WORKERS, RACK])
def test_a_nic_can_be_below_one_bridge_of_the_same_nodes_only(others: dict[str, str]) -> None:
    """Row host-network: two groups, each right by itself."""
    translation = apart(WORKERS, others)
    assert policies(translation) == {}
    (told,) = found(translation)
    assert told.says == (
        "mapping.yaml: node_groups: one and two select the same nodes, and put ens3f0 there below "
        "br-vswitch1 and below br-dvs-prod; a NIC can be in one bridge only"
    )
    assert "bridge_mappings" in told.remedy


def test_a_nic_of_other_nodes_is_another_one() -> None:
    """Row host-network: labels that contradict each other select different nodes."""
    translation = apart({"example.com/rack": "a"}, {"example.com/rack": "b"})
    assert set(policies(translation)) == {"br-vswitch1-one", "br-dvs-prod-two"}
    assert found(translation) == []


@pytest.mark.parametrize(("labels", "shared"), [(RACK, True), (WORKERS, False)])
def test_nodes_of_the_target_say_whether_two_labels_meet(
    labels: dict[str, str], shared: bool
) -> None:
    """Row host-network."""
    every = (
        Node(name="worker-1", labels=labels),
        Node(name="worker-2", labels={"example.com/rack": "a"}),
    )
    target = plain_target(networks=(), nodes=every)
    translation = apart(WORKERS, {"example.com/rack": "a"}, target=target)
    assert bool(found(translation)) is shared


def test_what_several_groups_want_of_the_same_nodes_is_one_policy() -> None:
    """Row host-network: an annotation names all of them."""
    whole = vcenter(*(esx(number, switches=(vswitch(),)) for number in (1, 2, 3)))
    groups = {
        "one": group("vc1/host-1"),
        "two": group("vc1/host-2"),
        "rack": group("vc1/host-3", nodes={"example.com/rack": "a"}),
    }
    translation = wired(whole, node_groups=groups)
    made = policies(translation)
    assert {name: each["metadata"]["annotations"] for name, each in made.items()} == {
        "br-vswitch1-one": {
            "mtv.migration/source-name": "vSwitch1",
            "mtv.migration/node-groups": "one, two",
        },
        "br-vswitch1-rack": {"mtv.migration/source-name": "vSwitch1"},
    }
    assert found(translation) == []


# -- br-ex


ON_BR_EX: dict[str, str | None] = {"vmnic2": "br-ex", "vmnic3": "br-ex"}


def test_untagged_networks_on_br_ex_are_on_the_nodes_own_network() -> None:
    """Row host-network: networks that were apart become one segment."""
    networks = (
        standard(vlan=None),
        standard(id="network-2", name="dmz", vlan=None),
        standard(id="network-3", name="tagged", vlan=7),
    )
    whole = vcenter(esx(switches=(vswitch(),)), networks=networks)
    (told,) = found(wired(whole, node_groups={"workers": group(nics=ON_BR_EX)}), Category.WARNING)
    assert told.says.startswith("web, dmz are untagged, and on br-ex")
    assert "become one segment" in told.says
    assert found(wired(whole), Category.WARNING) == []


def test_an_untagged_network_may_be_on_br_ex_by_a_mapping_of_the_target() -> None:
    """Row host-network."""
    whole = vcenter(esx(switches=(vswitch(),)), networks=(standard(vlan=None),))
    for bridge, number in (("br-ex", 1), ("br-wires", 0)):
        there = (BridgeMapping(localnet="vswitch1", bridge=bridge),)
        target = plain_target(networks=(), bridge_mappings=there)
        told = found(wired(whole, target=target, node_groups={}), Category.WARNING)
        assert [each.says for each in told] == [
            "is untagged, and on br-ex: its VMs land on the nodes' own network"
        ] * number
