"""The JSON of NetworkAttachmentDefinitions: each plugin's keys and what they may say."""

import json
from typing import Any

import pytest

from mtv.knowledge.versions import release
from tests.real.schemas import require_schemas
from tests.validation import faults
from tests.validation.attachments import localnet_of, set_faults
from tests.validation.examples import ABSENT, at, changed, example, examples, places

require_schemas()

OF = release("4.22")
BRIDGE, CHAIN = "VLAN on a Linux bridge", "VLAN with a limit of its bandwidth"
LOCALNET, OVERLAY = "VLAN of OVN", "overlay without a way out"
MIGRATION, SRIOV = "network for live migration", "SR-IOV by its attachment"


def with_config(name: str, *changes: tuple[str, Any]) -> dict[str, Any]:
    """An example whose JSON is changed."""
    manifest = example(name)
    config = changed(json.loads(manifest["spec"]["config"]), *changes)
    manifest["spec"]["config"] = json.dumps(config)
    return manifest


@pytest.mark.parametrize(
    ("name", "path", "value", "says"),
    [
        (BRIDGE, "name", ABSENT, "name: is missing"),
        (BRIDGE, "name", "a b", "does not match"),
        (BRIDGE, "cniVersion", "0.1", "is none of"),
        (BRIDGE, "type", "macvtap", "there is no plugin 'macvtap'"),
        (BRIDGE, "type", ABSENT, "there is no plugin 'None'"),
        (BRIDGE, "vlan", 0, "breaks minimum 1"),
        (BRIDGE, "vlan", 4095, "breaks maximum 4094"),
        (BRIDGE, "bridge", "br-of-too-long-a-name", "breaks maxLength 15"),
        (BRIDGE, "vlanTrunk", [{"id": 5}], "one of vlan and vlanTrunk"),
        (BRIDGE, "ipam", {"type": "static", "addresses": [{"address": "10.0.0.1/8"}]}, "no interf"),
        (BRIDGE, "promiscMode", "yes", "is no boolean"),
        (BRIDGE, "bridge", "br2", "'br1' is not the bridge 'br2'"),
        (CHAIN, "plugins", [], "breaks minItems"),
        (CHAIN, "plugins[0]", {"type": "tuning"}, "plugins[0]: tuning needs a plugin before it"),
        (CHAIN, "plugins[1]", {"type": "bridge", "bridge": "a"}, "plugins[1]: bridge comes first"),
        (CHAIN, "plugins[0].vlanTrunk[1].minID", 5, "either id, or minID and maxID"),
        (CHAIN, "plugins[0].vlanTrunk[0].minID", 200, "minID is greater than maxID"),
        (CHAIN, "plugins[1].ingressBurst", ABSENT, "go together"),
        (CHAIN, "plugins[1]", {"type": "bandwidth"}, "no rate at all"),
        (CHAIN, "bridge", "br1", "bridge: is no known field"),
        (LOCALNET, "netAttachDefName", "shop/other", "'shop/other' is not shop/vlan110"),
        (LOCALNET, "netAttachDefName", ABSENT, "netAttachDefName: is missing"),
        (LOCALNET, "topology", "layer2", "are for localnet only"),
        (LOCALNET, "topology", "vlan", "is none of"),
        (LOCALNET, "vlanID", 4096, "breaks maximum"),
        (LOCALNET, "physicalNetworkName", "a:b", "does not match"),
        (LOCALNET, "name", "default", "is the pods' network"),
        (OVERLAY, "subnets", "192.0.2.0/24, 2001:db8::/64", "without blanks"),
        (OVERLAY, "subnets", "192.0.2.7/24", "subnets are networks"),
        (OVERLAY, "excludeSubnets", "198.51.100.0/28", "not within subnets"),
        (OVERLAY, "subnets", ABSENT, "not within subnets"),
        (OVERLAY, "topology", "layer3", "has no excludeSubnets"),
        (OVERLAY, "joinSubnet", "100.65.0.0/16", "joinSubnet is for primary networks"),
        (OVERLAY, "mtu", 100, "breaks minimum"),
        (MIGRATION, "ipam", ABSENT, "ipam: is missing"),
        (MIGRATION, "ipam.type", "host-local", "there is no ipam 'host-local'"),
        (MIGRATION, "ipam.range", "10.210.5.0", "range is no network"),
        (MIGRATION, "ipam.range_start", "10.211.5.1", "is not within range"),
        (MIGRATION, "ipam.exclude", ["10.211.5.0/28"], "excluded is not within range"),
        (MIGRATION, "mode", "switch", "is none of"),
        (MIGRATION, "master", ABSENT, "the node's default route"),
        (SRIOV, "spoofchk", True, "is no string"),
        (SRIOV, "link_state", "up", "is none of"),
    ],
)
def test_what_a_plugin_refuses(name: str, path: str, value: Any, says: str) -> None:
    said = faults(with_config(name, (path, value)), OF)
    assert any(says in each for each in said), said


@pytest.mark.parametrize("name", [BRIDGE, CHAIN, LOCALNET, OVERLAY, MIGRATION, SRIOV])
def test_an_unknown_key_or_a_wrong_type_is_seen_everywhere(name: str) -> None:
    config = json.loads(example(name)["spec"]["config"])
    missed = list[Any]()
    for path, value in [((), config), *places(config)]:
        # An ipam without a type is none, for which no plugin is asked.
        wrong = [(*path, "madeUp")] if isinstance(value, dict) else []
        for target, new in [*((each, 1) for each in wrong), *([(path, [{}])] if path else [])]:
            manifest = changed(example(name), ("spec.config", json.dumps(at(config, target, new))))
            if not faults(manifest, OF):
                missed.append((target, new))
    assert missed == []


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "is no JSON object"),
        ('{"name": "a", "name": "b"}', "a key is there twice"),
    ],
)
def test_what_is_no_configuration(config: str, says: str) -> None:
    (said,) = faults(changed(example(BRIDGE), ("spec.config", config)), OF)
    assert says in said


def test_an_attachment_without_a_configuration() -> None:
    (said,) = faults(changed(example(BRIDGE), ("spec", {})), OF)
    assert said.endswith("spec.config: is missing")


def test_sriov_needs_the_name_of_its_resource() -> None:
    (said,) = faults(changed(example(SRIOV), ("metadata.annotations", {})), OF)
    assert said.endswith("sriov needs it")


def test_networks_of_one_name_are_one_network() -> None:
    name = ("metadata.name", "other"), ("metadata.namespace", "office")
    same = changed(with_config(LOCALNET, ("netAttachDefName", "office/other")), *name)
    other = changed(with_config(LOCALNET, ("mtu", 9000)), *name)
    first = example(LOCALNET)
    assert list(set_faults([first, same])) == []
    (said,) = set_faults([first, other])
    assert said.endswith("office/other: not the same network 'vmdata-vlan110' as shop/vlan110")
    # Of other plugins the name is only a name.
    assert list(set_faults([example(BRIDGE), with_config(BRIDGE, ("vlan", 7))])) == []


def test_the_mapping_that_a_localnet_needs() -> None:
    assert localnet_of(example(LOCALNET)) == "vmdata"
    assert localnet_of(with_config(LOCALNET, ("physicalNetworkName", ABSENT))) == "vmdata-vlan110"
    assert localnet_of(example("VLAN of OVN for several namespaces")) == "vmdata"
    others = [
        each.manifest
        for each in examples()
        if each.manifest["kind"] in ("NetworkAttachmentDefinition", "ClusterUserDefinedNetwork")
        and "of OVN" not in each.name
    ]
    assert {localnet_of(each) for each in others} == {None}
