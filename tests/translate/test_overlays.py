"""NSX segments and OVN networks: layer 2 networks, what they do not do, routers."""

import json
from typing import Any

import msgspec
import pytest

from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.network import Network, NetworkProvider, Router, RouterPort, Segment, Subnet
from mtv.model.target import BridgeMapping, TargetNetwork
from mtv.model.vm import Vm
from mtv.translate import Translation
from mtv.translate.overlays.segments import is_overlay, provider_vlan, wires
from mtv.translate.suggest.overlays import overlay_choice
from tests.estates import (
    inventory,
    plain_network,
    plain_nic,
    plain_target,
    plain_vm,
    translated_inventory,
)

CUDN = "ClusterUserDefinedNetwork"
NAD = "NetworkAttachmentDefinition"

ON_SEGMENT = plain_vm(nics=(plain_nic(network="segment-1"),))
ORIGIN = {"mtv.migration/source-name": "app tier", "mtv.migration/source-segment": "s-1"}


def segment(**changes: Any) -> Network:
    """A segment of NSX that exists between its VMs only."""
    network = plain_network(
        id="segment-1",
        name="app tier",
        kind="opaque",
        vlan=None,
        switch=None,
        segment=Segment(id="s-1", kind="nsx.LogicalSwitch", vni=5001),
    )
    return msgspec.structs.replace(network, **changes)


def subnet(**changes: Any) -> Subnet:
    """A subnet with DHCP and a gateway."""
    found = Subnet(
        id="subnet-1",
        cidr="10.1.0.0/24",
        gateway="10.1.0.1",
        dns_servers=("10.1.0.2",),
        dhcp=True,
        pools=("10.1.0.10-10.1.0.99",),
    )
    return msgspec.structs.replace(found, **changes)


def estate(network: Network, *vms: Vm, **changes: Any) -> Inventory:
    """An estate with one more network."""
    whole = inventory(*(vms or (ON_SEGMENT,)))
    return msgspec.structs.replace(whole, networks=(*whole.networks, network), **changes)


def layer2(
    network: Network, *vms: Vm, version: str = "4.20", mapping: Any = None, **changes: Any
) -> Translation:
    """What becomes of an estate whose further network is a layer 2 overlay."""
    return translated_inventory(
        estate(network, *vms, **changes),
        target=plain_target(openshift=version),
        networks={"vc1/segment-1": "layer2"},
        **(mapping or {}),
    )


def of_kind(made: Translation, kind: str) -> list[dict[str, Any]]:
    return [each for each in made.platform if each["kind"] == kind]


def said(made: Translation, row: str) -> list[Finding]:
    return [each for each in made.findings if each.row == row]


def test_a_segment_becomes_a_network_of_its_namespaces() -> None:
    """overlay.segment"""
    second = plain_vm(id="vm-2", name="db", folder="", nics=(plain_nic(network="segment-1"),))
    namespaces = {"namespaces": {"vc1/vm-2": "databases"}}
    (made,) = of_kind(layer2(segment(), ON_SEGMENT, second, mapping=namespaces), CUDN)
    assert made["apiVersion"] == "k8s.ovn.org/v1"
    assert made["metadata"]["name"] == "app-tier"
    assert made["metadata"]["annotations"].items() >= ORIGIN.items()
    (selected,) = made["spec"]["namespaceSelector"]["matchExpressions"]
    assert selected["values"] == ["databases", "imported-vms"]
    assert made["spec"]["network"] == {
        "topology": "Layer2",
        "layer2": {"role": "Secondary", "ipam": {"mode": "Disabled"}},
    }


def test_the_vm_is_attached_by_the_name_of_the_network() -> None:
    made = layer2(segment())
    (vm,) = made.vms
    spec = made.manifests(vm)[0]["spec"]["template"]["spec"]
    assert spec["networks"] == [{"name": "nic-4000", "multus": {"networkName": "app-tier"}}]


def test_before_4_19_attachments_name_the_network() -> None:
    """overlay.segment"""
    made = layer2(segment(mtu=1342), version="4.18")
    assert of_kind(made, CUDN) == []
    (attachment,) = of_kind(made, NAD)
    assert attachment["metadata"]["namespace"] == "imported-vms"
    assert json.loads(attachment["spec"]["config"]) == {
        "cniVersion": "0.3.1",
        "name": "app-tier",
        "type": "ovn-k8s-cni-overlay",
        "topology": "layer2",
        "mtu": 1342,
        "netAttachDefName": "imported-vms/app-tier",
    }


def test_two_nics_of_a_vm_stay_on_one_network() -> None:
    """overlay.segment: two CUDNs would be two networks."""
    cards = tuple(plain_nic(key=key, network="segment-1") for key in ("4000", "4001"))
    made = layer2(segment(), plain_vm(nics=cards))
    assert of_kind(made, CUDN) == []
    configs = [json.loads(each["spec"]["config"]) for each in of_kind(made, NAD)]
    assert {each["name"] for each in configs} == {"app-tier"}
    assert len({each["netAttachDefName"] for each in configs}) == 2


def test_the_mtu_is_kept_and_a_large_one_is_told() -> None:
    """overlay.kind"""
    small = layer2(segment(mtu=1400))
    (network,) = of_kind(small, CUDN)
    assert network["spec"]["network"]["layer2"]["mtu"] == 1400
    assert not [each for each in said(small, "overlay.kind") if "MTU" in each.says]
    (told,) = [
        each for each in said(layer2(segment(mtu=8900)), "overlay.kind") if "MTU" in each.says
    ]
    assert "9000" in told.remedy


def test_a_segment_has_not_the_mtu_of_the_switch_below_it() -> None:
    """overlay.kind: a segment of NSX on a distributed switch."""
    made = layer2(segment(kind="dvportgroup", switch="dvs-wide", mtu=9000))
    (network,) = of_kind(made, CUDN)
    assert "mtu" not in network["spec"]["network"]["layer2"]
    (told,) = [each for each in said(made, "overlay.kind") if "MTU" in each.says]
    assert "the MTU 9000 is that of the distributed switch" in told.says
    assert "9100" not in told.remedy


def test_an_mtu_that_jumbo_frames_cannot_give_is_told() -> None:
    """overlay.kind: OVN-Kubernetes needs 100 bytes of the nodes' network."""
    (told,) = [
        each for each in said(layer2(segment(mtu=8942)), "overlay.kind") if "MTU" in each.says
    ]
    assert "9042 or more" in told.remedy
    assert "8900" in told.remedy


@pytest.mark.parametrize("mtu", [68, 70000])
def test_an_mtu_that_no_overlay_can_have_is_left_out(mtu: int) -> None:
    made = layer2(segment(mtu=mtu))
    (network,) = of_kind(made, CUDN)
    assert "mtu" not in network["spec"]["network"]["layer2"]
    assert any("the cluster's is used" in each.says for each in said(made, "overlay.kind"))


def test_the_subnet_is_kept_in_an_annotation_and_gives_no_addresses() -> None:
    """overlay.subnet, overlay.subnet.dhcp, overlay.subnet.pool, overlay.subnet.dns"""
    made = layer2(segment(subnets=(subnet(),)))
    (network,) = of_kind(made, CUDN)
    assert network["metadata"]["annotations"]["mtv.migration/source-subnets"] == "10.1.0.0/24"
    assert "subnets" not in network["spec"]["network"]["layer2"]
    (told,) = said(made, "overlay.subnet.dhcp")
    assert told.category is Category.WARNING
    for value in ("10.1.0.0/24", "10.1.0.10-10.1.0.99", "10.1.0.2"):
        assert value in told.says
    entries = {each.row: each.says for each in made.ledger.entries}
    assert "10.1.0.10-10.1.0.99" in entries["overlay.subnet.pool"]
    assert "10.1.0.2" in entries["overlay.subnet.dns"]


def test_a_subnet_without_dhcp_and_gateway_loses_nothing() -> None:
    made = layer2(segment(subnets=(subnet(dhcp=False, gateway=None),)))
    assert said(made, "overlay.subnet.dhcp") == []
    assert said(made, "overlay.subnet.gateway") == []


def test_a_gateway_is_not_there_on_a_layer_2_network() -> None:
    """overlay.subnet.gateway"""
    (told,) = said(layer2(segment(subnets=(subnet(),))), "overlay.subnet.gateway")
    assert told.ref == "vc1/segment-1"
    assert "10.1.0.1" in told.says


def test_a_router_is_told_with_its_legs_and_what_it_reaches() -> None:
    """overlay.router, overlay.router.external, overlay.router.route"""
    router = Router(
        id="r-1",
        name="edge",
        enabled=False,
        external_network="s-1",
        external_addresses=("192.0.2.9",),
        nat=True,
        ports=(RouterPort(subnet="subnet-1", address="10.1.0.1"),),
        routes=("10.9.0.0/16 via 10.1.0.3",),
    )
    made = layer2(segment(subnets=(subnet(gateway=None),)), routers=(router,))
    (joined,) = said(made, "overlay.router")
    assert joined.ref == "vc1/r-1"
    assert "10.1.0.0/24 of app tier (10.1.0.1)" in joined.says
    assert "switched off" in joined.says
    (external,) = said(made, "overlay.router.external")
    assert "app tier as 192.0.2.9, with source NAT" in external.says
    assert "EgressIP" in external.remedy
    (route,) = said(made, "overlay.router.route")
    assert "10.9.0.0/16 via 10.1.0.3" in route.says
    (out,) = said(made, "overlay.subnet.gateway")
    assert "router edge" in out.says


def test_a_network_of_wires_that_becomes_a_layer_2_one_is_told() -> None:
    """overlay.kind, overlay.physical: it loses its way out."""
    tied = segment(physical_network="physnet1", segment=Segment(id="s-1", kind="vlan", vni=30))
    (told,) = said(layer2(tied), "overlay.physical")
    assert "VLAN 30 of physnet1" in told.says
    plain = plain_network(id="segment-1", name="plain", vlan=None)
    (other,) = said(layer2(plain), "overlay.kind")
    assert "hosts' switches" in other.says


@pytest.mark.parametrize("namespace", ["default", "openshift-cnv"])
def test_the_platforms_namespaces_can_have_no_such_network(namespace: str) -> None:
    """overlay.kind: the VMs wait, everything else is translated."""
    other = plain_vm(id="vm-2", name="db", folder="")
    whole = estate(segment(), ON_SEGMENT, other)
    networks = {"vc1/segment-1": "layer2", "vc1/dvportgroup-7": "default/vlan10"}
    made = translated_inventory(whole, networks=networks, namespaces={"vc1/vm-1": namespace})
    (told,) = [each for each in made.blockers if each.row == "overlay.kind"]
    assert told.holds_back == ("vc1/vm-1",)
    assert [each.ref for each in made.vms] == ["vc1/vm-2"]


def test_what_nsx_keeps_to_itself_is_told_once_a_vcenter() -> None:
    """overlay.kind: its gateways and its firewall are not read."""
    made = layer2(segment())
    told = said(made, "overlay.kind")
    assert [each.category for each in told] == [Category.WARNING, Category.WARNING]
    assert any("firewall rules of NSX" in each.says for each in told)
    assert any("gateways (tier-0, tier-1)" in each.says for each in told)
    assert said(layer2(segment(), product="rhv"), "overlay.kind") == []


def test_numbers_and_providers_are_in_the_ledger() -> None:
    """overlay.segment.number, overlay.provider"""
    provider = NetworkProvider(id="p-1", name="ovn", kind="ovirt_provider_ovn")
    made = layer2(segment(), network_providers=(provider,))
    entries = {each.row: each.says for each in made.ledger.entries}
    assert "5001" in entries["overlay.segment.number"]
    assert "ovirt_provider_ovn" in entries["overlay.provider"]
    assert "nsx.LogicalSwitch" in entries["overlay.kind"]


def test_a_vlan_that_only_the_provider_knows_is_found() -> None:
    tied = segment(segment=Segment(id="s-1", kind="vlan", vni=30))
    assert (provider_vlan(tied), wires(tied)) == (30, "VLAN 30 of a physical network")
    assert provider_vlan(segment()) is None
    assert provider_vlan(segment(segment=Segment(id="s-1", kind="vlan", vni=9999))) is None
    assert wires(segment(segment=Segment(id="s-1", kind="flat"))) == "a physical network"
    assert wires(segment()) is None
    assert is_overlay(segment())
    assert not is_overlay(plain_network())


def test_the_suggestion_for_an_overlay_is_layer_2() -> None:
    choice = overlay_choice(segment(), plain_target(), has_wires=False)
    assert choice is not None
    assert choice[0] == "layer2"
    assert "out" in choice[1]
    assert overlay_choice(plain_network(), plain_target(), has_wires=True) is None


def test_the_suggestion_for_a_network_of_wires_is_no_overlay() -> None:
    """None: it is looked at like any other network."""
    vlan = segment(physical_network="physnet1", segment=Segment(id="s-1", kind="vlan", vni=30))
    flat = segment(physical_network="physnet1", segment=Segment(id="s-1", kind="flat"))
    mapped = plain_target(bridge_mappings=(BridgeMapping(localnet="physnet1", bridge="br-ex"),))
    there = plain_target(networks=(TargetNetwork(name="default/v30", vlan=30),))
    assert overlay_choice(vlan, there, has_wires=False) is None
    assert overlay_choice(flat, plain_target(), has_wires=True) is None
    for network in (vlan, flat):
        found = overlay_choice(network, mapped, has_wires=False)
        assert found is not None
        assert found[0] == "localnet:physnet1"
    assert overlay_choice(vlan, plain_target(), has_wires=False) is None
    found = overlay_choice(flat, plain_target(), has_wires=False)
    assert found is not None
    assert found[0] is None
    assert "localnet:NAME" in found[1]
