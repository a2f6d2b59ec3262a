"""``mtv mapping check``: each kind of fault, and silence where there is none."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.model.estate import Inventory
from mtv.model.target import NodeGroup, SiteMapping
from mtv.translate.check import CheckedLine, MappingFault, check
from mtv.translate.suggest import suggest
from tests.estates import inventory, plain_mapping, plain_target, plain_vm

CHOSEN = {"settings_from": "vc1/domain-c1"}


def lines(whole: Inventory | None = None, **mapping: Any) -> list[CheckedLine]:
    estate = Estate([whole or inventory(plain_vm())])
    return list(check(estate, plain_target(), plain_mapping(**{**CHOSEN, **mapping})))


def faults(whole: Inventory | None = None, **mapping: Any) -> set[tuple[str, str, str]]:
    return {(str(each.kind), each.section, each.ref) for each in lines(whole, **mapping)}


def test_a_whole_mapping_has_only_lines_that_nothing_needs() -> None:
    assert {kind for kind, *_ in faults()} <= {"unused"}
    assert ("unused", "storage", "vc1/datastore-2") in faults()


def test_what_vms_need_and_has_no_line_is_missing() -> None:
    assert ("missing", "storage", "vc1/datastore-1") in faults(storage={})
    (line,) = [each for each in lines(networks={}) if each.kind is MappingFault.MISSING]
    assert (line.section, line.ref) == ("networks", "vc1/dvportgroup-7")
    assert line.says == "VMs need VLAN 10, and there is no line for it"


def test_a_line_without_an_answer_is_open() -> None:
    assert ("open", "storage", "vc1/datastore-1") in faults(storage={"vc1/datastore-1": None})
    group = NodeGroup(hosts=("vc1/host-1",), nics={"vmnic0": None})
    told = [each.says for each in lines(node_groups={"workers": group})]
    assert "nothing selects its nodes" in told
    assert "vmnic0 has no NIC of the nodes" in told


@pytest.mark.parametrize(
    ("section", "mapping"),
    [
        ("storage", {"storage": {"vc1/datastore-99": "gold-block"}}),
        ("networks", {"networks": {"vc9/dvportgroup-7": "pod"}}),
        ("namespaces", {"namespaces": {"vc1/group-v9": "shop"}}),
        ("settings_from", {"settings_from": "vc1/domain-c99"}),
        ("node_groups", {"node_groups": {"a": NodeGroup(hosts=("vc1/host-99",), nodes={"a": ""})}}),
    ],
)
def test_a_key_that_the_estate_does_not_have_is_unknown(
    section: str, mapping: dict[str, Any]
) -> None:
    unknown = [each for each in lines(**mapping) if each.kind is MappingFault.UNKNOWN]
    assert [each.section for each in unknown] == [section]
    assert unknown[0].says == "the estate has no such object"


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"storage": {"vc1/datastore-1": "bronze"}}, "target.yaml has no StorageClass 'bronze'"),
        ({"networks": {"vc1/dvportgroup-7": "a/b"}}, "target.yaml has no network 'a/b'"),
        ({"networks": {"vc1/dvportgroup-7": "sriov:x"}}, "target.yaml has no SR-IOV resource 'x'"),
        (
            {"networks": {"vc1/dvportgroup-7": "lokalnet"}},
            (
                "target.yaml has no network 'lokalnet', and the words are pod, localnet, bridge, "
                "layer2, none, localnet:NAME, sriov:RESOURCE"
            ),
        ),
        ({"principals": {"vc1/anna": "anna"}}, "'anna' is neither a user nor a group"),
    ],
)
def test_a_value_that_the_target_does_not_have_is_unknown(
    mapping: dict[str, Any], says: str
) -> None:
    assert says in [each.says for each in lines(**mapping) if each.kind is MappingFault.UNKNOWN]


@pytest.mark.parametrize("choice", ["pod", "localnet", "bridge", "layer2", "none"])
def test_the_words_for_networks_are_known(choice: str) -> None:
    networks = {"vc1/dvportgroup-7": choice, "vc1/dvportgroup-8": "pod"}
    assert "unknown" not in {kind for kind, *_ in faults(networks=networks)}


def test_a_host_in_two_groups_is_ambiguous() -> None:
    group = NodeGroup(hosts=("vc1/host-1",), nodes={"a": ""})
    assert ("ambiguous", "node_groups", "vc1/host-1") in faults(
        node_groups={"a": group, "b": group}
    )


def test_two_tags_of_one_vm_with_different_namespaces_are_ambiguous() -> None:
    from mtv.model.organisation import Tag

    tags = (Tag(id="tag-1", name="gold"), Tag(id="tag-2", name="shop"))
    whole = inventory(plain_vm(tags=("tag-1", "tag-2")), tags=tags)
    both = {"vc1/tag-1": "gold", "vc1/tag-2": "shop"}
    (line,) = [e for e in lines(whole, namespaces=both) if e.kind is MappingFault.AMBIGUOUS]
    assert line.ref == "vc1/tag-1, vc1/tag-2"
    settled = {**both, "vc1/vm-1": "mine"}
    assert "ambiguous" not in {kind for kind, *_ in faults(whole, namespaces=settled)}
    alike = {"vc1/tag-1": "shop", "vc1/tag-2": "shop"}
    assert "ambiguous" not in {kind for kind, *_ in faults(whole, namespaces=alike)}


def test_what_is_suggested_leaves_nothing_missing() -> None:
    estate, target = Estate([inventory(plain_vm())]), plain_target()
    sections = dict[str, dict[str, Any]]()
    for each in suggest(estate, target):
        if each.section in ("storage", "networks", "policies", "hosts", "cpu_models"):
            sections.setdefault(each.section, {})[each.ref] = each.choice
    chosen: dict[str, Any] = {"namespace": "a", "settings_from": "vc1/domain-c1", **sections}
    mapping = SiteMapping(**chosen)
    assert {each.kind for each in check(estate, target, mapping)} <= {MappingFault.OPEN}
