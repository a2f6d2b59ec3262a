"""What networks and cards become, and what is said where they cannot become it."""

from typing import Any

import pytest

from mtv.model.network import Network, PrivateVlan, Segment
from mtv.model.target import BridgeMapping, TargetNetwork
from mtv.translate import Translation
from tests.estates import numbered_vms, plain_target, plain_vm
from tests.translate.network_estates import (
    attached,
    config,
    logical,
    machine,
    nics,
    of_kind,
    port_group,
    rhv,
    said,
    translation,
    vsphere,
)


def made(network: Network, choice: str | None, **target: Any) -> Translation:
    """What becomes of a VM with a NIC on one network of a vCenter."""
    return translation(vsphere((network,)), {network.id: choice}, plain_target(**target))


def nad(network: Network, choice: str = "bridge", **target: Any) -> Any:
    """The configuration of the one NetworkAttachmentDefinition that is made."""
    (found,) = of_kind(made(network, choice, **target), "NetworkAttachmentDefinition")
    return config(found)


# -- network: what mapping.yaml says


def test_a_localnet_is_one_cudn_for_all_namespaces() -> None:
    """Row network."""
    vms = numbered_vms(3)
    found = translation(
        vsphere((port_group(mtu=9000),), *vms),
        {"dvportgroup-7": "localnet"},
        namespaces={"vc1/vm-2": "other"},
    )
    (cudn,) = of_kind(found, "ClusterUserDefinedNetwork")
    assert cudn["metadata"]["name"] == "app"
    assert cudn["metadata"]["annotations"] == {
        "mtv.migration/source": "vc1/dvportgroup-7",
        "mtv.migration/source-name": "App",
    }
    assert cudn["spec"] == {
        "namespaceSelector": {
            "matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name",
                    "operator": "In",
                    "values": ["imported-vms", "other"],
                }
            ]
        },
        "network": {
            "topology": "Localnet",
            "localnet": {
                "role": "Secondary",
                "physicalNetworkName": "dvs-prod",
                "ipam": {"mode": "Disabled"},
                "vlan": {"mode": "Access", "access": {"id": 10}},
                "mtu": 9000,
            },
        },
    }
    assert [attached(found, f"vc1/vm-{number}") for number in (1, 2)] == [["app"], ["app"]]
    interfaces, _ = machine(found)
    assert "bridge" in interfaces[0]


def test_on_4_18_a_localnet_is_a_nad_in_each_namespace() -> None:
    """Row network."""
    found = translation(
        vsphere((port_group(mtu=9000),), *numbered_vms(2)),
        {"dvportgroup-7": "localnet"},
        plain_target(openshift="4.18"),
        namespaces={"vc1/vm-2": "other"},
    )
    assert of_kind(found, "ClusterUserDefinedNetwork") == []
    nads = of_kind(found, "NetworkAttachmentDefinition")
    assert [each["metadata"]["namespace"] for each in nads] == ["imported-vms", "other"]
    assert config(nads[0]) == {
        "cniVersion": "0.3.1",
        "name": "app",
        "type": "ovn-k8s-cni-overlay",
        "topology": "localnet",
        "physicalNetworkName": "dvs-prod",
        "vlanID": 10,
        "mtu": 9000,
        "netAttachDefName": "imported-vms/app",
    }
    assert {**config(nads[1]), "netAttachDefName": ""} == {
        **config(nads[0]),
        "netAttachDefName": "",
    }


def test_a_bridge_is_a_nad_in_each_namespace() -> None:
    """Row network."""
    found = translation(
        vsphere((port_group(mtu=9000),), *numbered_vms(2)),
        {"dvportgroup-7": "bridge"},
        namespaces={"vc1/vm-2": "other"},
    )
    nads = of_kind(found, "NetworkAttachmentDefinition")
    assert [each["metadata"]["namespace"] for each in nads] == ["imported-vms", "other"]
    assert nads[0]["metadata"]["annotations"]["k8s.v1.cni.cncf.io/resourceName"] == (
        "bridge.network.kubevirt.io/br-dvs-prod"
    )
    assert config(nads[0]) == {
        "cniVersion": "0.3.1",
        "name": "app",
        "type": "bridge",
        "bridge": "br-dvs-prod",
        "macspoofchk": True,
        "disableContainerInterface": True,
        "preserveDefaultVlan": False,
        "vlan": 10,
        "mtu": 9000,
    }


def test_an_untagged_network_has_no_vlan() -> None:
    """Row network.vlan."""
    (cudn,) = of_kind(made(port_group(vlan=None), "localnet"), "ClusterUserDefinedNetwork")
    assert "vlan" not in cudn["spec"]["network"]["localnet"]
    assert "vlan" not in nad(port_group(vlan=None))


def test_an_existing_network_is_named_with_its_namespace() -> None:
    """Row network."""
    found = made(port_group(), "default/vlan10")
    assert attached(found) == ["default/vlan10"]
    assert of_kind(found, "NetworkAttachmentDefinition") == []
    assert [each.row for each in found.findings if each.row.startswith("n")] == []


def test_the_pod_network_is_masqueraded() -> None:
    """Row nic."""
    found = made(port_group(), "pod")
    interfaces, networks = machine(found)
    assert "masquerade" in interfaces[0]
    assert networks == [{"name": "nic-4001", "pod": {}}]
    assert said(found, "network") == [
        "mapping.yaml says pod: 1 VM will have an address of the cluster on it, behind the node's"
    ]


def test_none_leaves_the_card_out() -> None:
    """Row network."""
    found = made(port_group(), "none")
    assert machine(found) == ([], [])
    (vm,) = found.vms
    devices = found.manifests(vm)[0]["spec"]["template"]["spec"]["domain"]["devices"]
    assert devices["autoattachPodInterface"] is False
    assert said(found, "network") == [
        "mapping.yaml says none: 1 VM will be without a NIC on it",
    ]


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (None, "mapping.yaml: networks: vc1/dvportgroup-7 has no network"),
        ("a/b", "mapping.yaml: networks: vc1/dvportgroup-7: target.yaml has no network 'a/b'"),
        (
            "lokalnet",
            (
                "mapping.yaml: networks: vc1/dvportgroup-7: target.yaml has no network 'lokalnet', "
                "and the words are pod, localnet, bridge, layer2, none, localnet:NAME, "
                "sriov:RESOURCE"
            ),
        ),
        (
            "default/vlan10, default/vlan11",
            (
                "mapping.yaml: networks: vc1/dvportgroup-7: target.yaml has no network "
                "'default/vlan11'"
            ),
        ),
        (
            "sriov:fast",
            "mapping.yaml: networks: vc1/dvportgroup-7: target.yaml has no SR-IOV resource 'fast'",
        ),
        (
            "localnet:wires",
            (
                "mapping.yaml: networks: vc1/dvportgroup-7: target.yaml has no bridge mapping for "
                "the localnet 'wires'"
            ),
        ),
    ],
)
def test_a_mapping_that_names_what_does_not_exist(choice: str | None, says: str) -> None:
    """Row network."""
    found = made(port_group(), choice)
    assert [each.says for each in found.blockers] == [says]
    assert found.blockers[0].holds_back == ("vc1/vm-1",)
    assert "choose localnet, bridge" in found.blockers[0].remedy
    if choice is None:
        torn = made(port_group(vlan=None, differing_vlans=(1, 2)), None).blockers[0].remedy
        assert torn.startswith("name a network of target.yaml")
    assert (found.vms, of_kind(found, "NetworkAttachmentDefinition")) == ((), [])


def test_a_question_holds_back_only_the_vms_on_that_network() -> None:
    """Row network."""
    one, other = plain_vm(nics=nics("a")), plain_vm(id="vm-2", name="db", nics=nics("b"))
    whole = vsphere((port_group(id="a"), port_group(id="b", vlan=20)), one, other)
    found = translation(whole, {"a": "localnet"})
    assert [vm.ref for vm in found.vms] == ["vc1/vm-1"]


def test_a_localnet_may_be_one_that_the_nodes_have() -> None:
    """Row network.wires."""
    mapping = BridgeMapping(localnet="wires", bridge="br-ex")
    found = made(port_group(switch=None), "localnet:wires", bridge_mappings=(mapping,))
    (cudn,) = of_kind(found, "ClusterUserDefinedNetwork")
    assert cudn["spec"]["network"]["localnet"]["physicalNetworkName"] == "wires"
    assert of_kind(found, "NodeNetworkConfigurationPolicy") == []


def test_a_network_that_the_inventory_does_not_have_can_only_be_an_existing_one() -> None:
    """Row network."""
    whole = vsphere((), plain_vm(nics=nics("gone")))
    assert [each.says for each in translation(whole, {"gone": "localnet"}).blockers] == [
        "mapping.yaml makes it localnet, and the inventory has no such network"
    ]
    assert attached(translation(whole, {"gone": "default/vlan10"})) == ["default/vlan10"]


@pytest.mark.parametrize("namespace", ["default", "openshift-cnv", "kube-system"])
def test_the_platforms_namespaces_can_have_no_localnet(namespace: str) -> None:
    """Row network."""
    found = translation(
        vsphere((port_group(),)), {"dvportgroup-7": "localnet"}, namespace=namespace
    )
    assert said(found, "network") == [
        f"the namespace {namespace} can have no user defined network, and VMs in it need a localnet"
    ]
    assert found.vms == ()


def test_a_network_of_another_namespace_is_out_of_reach() -> None:
    """Row network."""
    there = (TargetNetwork(name="lab/vlan10", vlan=10),)
    assert made(port_group(), "lab/vlan10", networks=there).vms == ()
    own = (TargetNetwork(name="imported-vms/vlan10", vlan=10),)
    assert attached(made(port_group(), "imported-vms/vlan10", networks=own)) == [
        "imported-vms/vlan10"
    ]


def test_a_macvlan_carries_no_vm() -> None:
    """Row network."""
    there = (TargetNetwork(name="default/m", kind="macvlan", vlan=10),)
    found = made(port_group(), "default/m", networks=there)
    assert "which lets no frames of a VM through" in found.blockers[0].says


def test_a_network_that_would_replace_another_is_told() -> None:
    """Row network."""
    there = (TargetNetwork(name="imported-vms/app", vlan=10),)
    assert said(made(port_group(), "localnet", networks=there), "network") == [
        (
            "the cluster has a network imported-vms/app already, which this one replaces when it "
            "is applied"
        )
    ]


def test_networks_of_one_name_get_different_ones() -> None:
    """Row network."""
    whole = vsphere((port_group(id="a"), port_group(id="b", vlan=20)))
    found = translation(whole, {"a": "localnet", "b": "localnet"})
    first, second = attached(found)
    assert first != second
    assert {
        each["metadata"]["annotations"]["mtv.migration/source-name"]
        for each in (of_kind(found, "ClusterUserDefinedNetwork"))
    } == {"App"}


def test_the_word_default_stays_the_pods_networks() -> None:
    """Row network."""
    assert attached(made(port_group(name="Default"), "localnet")) == ["default-net"]


def test_annotations_keep_what_the_source_says_of_a_network() -> None:
    """Row network.notes."""
    network = port_group(description="The shop.", tags=("t-1",), custom_attributes={"owner": "ops"})
    (cudn,) = of_kind(made(network, "localnet"), "ClusterUserDefinedNetwork")
    annotations = cudn["metadata"]["annotations"]
    assert annotations["mtv.migration/source-description"] == "The shop."
    assert annotations["mtv.migration/source-tags"] == "t-1"
    assert annotations["mtv.migration/source-attributes"] == "owner=ops"


# -- network.trunk


@pytest.mark.parametrize(
    ("trunk", "tagged", "untagged"),
    [
        ("0-4094", [{"minID": 1, "maxID": 4094}], True),
        ("5-7,200", [{"minID": 5, "maxID": 7}, {"id": 200}], False),
        ("0", None, True),
        ("1-5,4-9,10", [{"minID": 1, "maxID": 10}], False),
    ],
)
def test_a_trunk_is_a_port_of_a_bridge(trunk: str, tagged: Any, untagged: bool) -> None:
    """Row network.trunk."""
    said_ = nad(port_group(vlan=None, vlan_trunk=trunk))
    assert (said_.get("vlanTrunk"), said_["preserveDefaultVlan"]) == (tagged, untagged)
    assert "vlan" not in said_


@pytest.mark.parametrize("choice", ["localnet", "layer2", "pod"])
def test_a_trunk_that_no_nad_can_carry(choice: str) -> None:
    """Row network.trunk."""
    found = made(port_group(vlan=None, vlan_trunk="0-100"), choice)
    assert [each.says for each in found.blockers] == [
        f"carries the VLANs 0-100 tagged, and {choice} cannot"
    ]
    assert "choose bridge" in found.blockers[0].remedy


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (
            TargetNetwork(name="default/t"),
            "carries the VLANs 5-7 tagged, and default/t is no trunk",
        ),
        (
            TargetNetwork(name="default/t", trunk="6-100"),
            "carries the VLANs 5-7 tagged, and default/t only 6-100",
        ),
        (TargetNetwork(name="default/t", trunk="0-100"), None),
        (
            TargetNetwork(name="default/t", trunk="0-100", kind="localnet"),
            "carries the VLANs 5-7 tagged, and default/t is no trunk",
        ),
    ],
)
def test_an_existing_network_has_to_be_a_trunk_too(there: TargetNetwork, says: str | None) -> None:
    """Row network.trunk."""
    found = made(port_group(vlan=None, vlan_trunk="5-7"), "default/t", networks=(there,))
    assert [each.says for each in found.blockers] == ([says] if says else [])


@pytest.mark.parametrize("trunk", ["", "x", "5-", "9-5", "1-5000", "-4"])
def test_a_trunk_that_is_none_is_a_finding(trunk: str) -> None:
    """Row network.trunk."""
    found = made(port_group(vlan=None, vlan_trunk=trunk), "bridge")
    assert [each.row for each in found.blockers] == ["network.trunk"]


# -- network.wires


def test_uplinks_are_in_one_bridge_only() -> None:
    """Row network.wires: rules that contradict."""
    other = plain_vm(id="vm-2", name="db", nics=nics("c"))
    whole = vsphere(
        (
            port_group(id="a"),
            port_group(id="b", name="Trunk", vlan=None, vlan_trunk="0-100"),
            port_group(id="c", switch="dvs-2", switch_id="dvs-2"),
        ),
        plain_vm(nics=nics("a", "b")),
        other,
    )
    found = translation(whole, {"a": "localnet", "b": "bridge", "c": "localnet"})
    (blocker,) = (each for each in found.blockers if each.row == "network.wires")
    assert "localnet (App) and networks that are bridge (Trunk)" in blocker.says
    assert "choose bridge for all networks of dvs-prod" in blocker.remedy
    assert [vm.ref for vm in found.vms] == ["vc1/vm-2"]


@pytest.mark.parametrize("choice", ["localnet", "bridge"])
def test_nobody_knows_the_wires_of_a_network_without_a_switch(choice: str) -> None:
    """Row network.wires."""
    found = made(port_group(switch=None, switch_id=None), choice)
    assert said(found, "network.wires") == [
        "is on no switch, or on different ones on different hosts, so that nobody knows its uplinks"
    ]
    overlay = port_group(switch=None, segment=Segment(id="s"))
    assert "is a segment of an overlay" in said(made(overlay, choice), "network.wires")[0]
    loose = translation(rhv((logical(),), hosts=()), {"net-1": choice})
    assert "is attached to no NIC of a host" in said(loose, "network.wires")[0]


def test_a_logical_network_is_on_the_bond_of_its_hosts() -> None:
    """Row network.wires."""
    found = translation(rhv((logical(mtu=9000),)), {"net-1": "localnet"})
    (cudn,) = of_kind(found, "ClusterUserDefinedNetwork")
    assert cudn["spec"]["network"]["localnet"]["physicalNetworkName"] == "bond0"


# -- network.vlan, network.mtu, network.differing, network.private


def test_an_existing_network_with_another_vlan_is_told() -> None:
    """Row network.vlan."""
    there = (TargetNetwork(name="default/x", vlan=20),)
    found = made(port_group(), "default/x", networks=there)
    assert said(found, "network.vlan") == ["has VLAN 10 at the source, and default/x has VLAN 20"]
    assert len(found.vms) == 1
    untagged = made(port_group(vlan=None), "default/x", networks=there)
    assert said(untagged, "network.vlan") == [
        "is untagged at the source, and default/x has VLAN 20"
    ]


@pytest.mark.parametrize("vlan", [100, 101, 7, None])
def test_a_port_group_with_several_vlans_is_never_called_untagged(vlan: int | None) -> None:
    """Row network.differing: whichever is chosen, VMs of some hosts change their VLAN."""
    there = (TargetNetwork(name="default/x", vlan=vlan),)
    network = port_group(vlan=None, differing_vlans=(100, 101))
    found = made(network, "default/x", networks=there)
    assert said(found, "network.vlan") == []
    (says,) = said(found, "network.differing")
    assert says.startswith("has the VLANs 100, 101 on different hosts")
    assert ("which has VLAN" in says) is (vlan is not None)
    assert len(found.vms) == 1


@pytest.mark.parametrize(
    ("vlan", "says"),
    [
        (500, []),
        (501, []),
        (7, ["is the private VLAN 500/501 at the source, and default/x has VLAN 7"]),
    ],
)
def test_a_private_vlan_is_never_called_untagged(vlan: int, says: list[str]) -> None:
    """Row network.vlan."""
    there = (TargetNetwork(name="default/x", vlan=vlan),)
    network = port_group(vlan=None, private_vlan=PrivateVlan(primary=500, secondary=501))
    assert said(made(network, "default/x", networks=there), "network.vlan") == says


@pytest.mark.parametrize("choice", ["localnet", "bridge"])
def test_the_mtu_of_a_distributed_switch_is_a_maximum(choice: str) -> None:
    """Row network.mtu: one finding for all port groups of the switch."""
    whole = vsphere((port_group(id="a", mtu=9000), port_group(id="b", name="Db", mtu=9000)))
    (says,) = said(translation(whole, {"a": choice, "b": choice}), "network.mtu")
    assert says.startswith("App, Db get the MTU 9000 of dvs-prod, which is the most")
    assert said(made(port_group(mtu=1500), choice), "network.mtu") == []
    assert said(translation(rhv((logical(mtu=9000),)), {"net-1": choice}), "network.mtu") == []


def test_an_existing_network_with_a_smaller_mtu_is_told() -> None:
    """Row network.mtu."""
    there = (TargetNetwork(name="default/x", vlan=10, mtu=1500),)
    assert said(made(port_group(mtu=9000), "default/x", networks=there), "network.mtu") == [
        "has an MTU of 9000, and default/x one of 1500: larger packets get lost"
    ]
    assert said(made(port_group(mtu=1400), "default/x", networks=there), "network.mtu") == []


@pytest.mark.parametrize(("field", "value"), [("vlan", 4095), ("vlan", -3), ("mtu", 1)])
@pytest.mark.parametrize("choice", ["localnet", "bridge"])
def test_a_number_that_no_network_can_have(field: str, value: int, choice: str) -> None:
    """Rows network.vlan and network.mtu."""
    found = made(port_group(**{field: value}), choice)
    assert [each.row for each in found.blockers] == [f"network.{field}"]
    assert of_kind(found, "NetworkAttachmentDefinition") == []


def test_a_port_group_with_several_vlans_needs_a_decision() -> None:
    """Row network.differing."""
    found = made(port_group(vlan=None, differing_vlans=(0, 100)), "localnet")
    assert said(found, "network.differing")[0].startswith("has the VLANs 0, 100 on different hosts")
    assert found.vms == ()


def test_a_private_vlan_has_no_equivalent() -> None:
    """Row network.private: something unmappable."""
    network = port_group(vlan=None, private_vlan=PrivateVlan(primary=500, secondary=501))
    found = made(network, "localnet")
    assert said(found, "network.private") == [
        "is the private VLAN 500/501, which no network of OpenShift can be"
    ]
    assert "MultiNetworkPolicy" in found.blockers[0].remedy
    existing = made(network, "default/vlan10")
    assert len(existing.vms) == 1
    assert "nothing keeps the VMs on default/vlan10 apart" in said(existing, "network.private")[0]
