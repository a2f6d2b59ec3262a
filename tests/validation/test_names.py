"""Names, labels, annotations and selectors, in objects and in their templates."""

from typing import Any

import pytest

from mtv.knowledge.versions import release
from tests.real.schemas import require_schemas
from tests.validation import faults, names
from tests.validation.examples import ABSENT, changed, example

require_schemas()

OF = release("4.22")
TEMPLATE = "spec.template"
AFFINITY = f"{TEMPLATE}.spec.affinity"


@pytest.mark.parametrize(
    ("kind", "path", "value", "says"),
    [
        ("virtual machine", "metadata.name", "Till_01", "is no name of a VirtualMachine"),
        ("virtual machine", "metadata.name", "a" * 254, "is no name of a VirtualMachine"),
        ("virtual machine", "metadata.name", ABSENT, "either name or generateName"),
        ("virtual machine", "metadata.generateName", "a-", "either name or generateName"),
        ("virtual machine", "metadata.namespace", ABSENT, "a VirtualMachine needs one"),
        ("virtual machine", "metadata.namespace", "a.b", "is no name of a namespace"),
        ("virtual machine", "metadata.namespace", "a" * 64, "is no name of a namespace"),
        ("live migration", "metadata.generateName", "Till-", "is no name of a"),
        ("static volume", "metadata.namespace", "shop", "a PersistentVolume has none"),
        ("namespace", "metadata.name", "a.b", "is no name of a Namespace"),
        ("service", "metadata.name", "1till", "is no name of a Service"),
        ("service", "metadata.name", "till.shop", "is no name of a Service"),
        ("role binding", "metadata.name", "a/b", "is no name of a RoleBinding"),
        ("virtual machine", 'metadata.labels."a b"', "c", "'a b' is no key of a label"),
        ("virtual machine", 'metadata.labels."A.b/c"', "c", "is no key of a label"),
        ("virtual machine", "metadata.labels.a", "b c", "'b c' is no value of a label"),
        ("virtual machine", "metadata.labels.a", "-b", "'-b' is no value of a label"),
        ("virtual machine", "metadata.labels.a", "b" * 64, "is no value of a label"),
        ("virtual machine", "metadata.labels.a", True, "is no value of a label"),
        ("virtual machine", 'metadata.annotations."a b"', "c", "is no key of an annotation"),
        ("virtual machine", "metadata.annotations.a", "c" * 2**18, "more than 256 KiB"),
        ("virtual machine", "metadata.uid", "a", "metadata.uid: the server sets it"),
        ("virtual machine", "metadata.resourceVersion", "1", "the server sets it"),
        ("virtual machine", "metadata.madeUp", "1", "metadata.madeUp: is no known field"),
        ("virtual machine", f"{TEMPLATE}.metadata.labels.a", "b c", "is no value of a label"),
        ("virtual machine", f'{TEMPLATE}.metadata.annotations."a b"', "c", "is no key of an"),
        ("virtual machine", f"{TEMPLATE}.metadata.madeUp", "c", "is no known field"),
        (
            "virtual machine",
            "spec.dataVolumeTemplates[0].metadata.labels",
            {"a": "b c"},
            "dataVolumeTemplates[0].metadata.labels: a: 'b c' is no value",
        ),
        ("virtual machine", f"{TEMPLATE}.spec.nodeSelector", {"a b": "c"}, "is no key of a label"),
        ("service", "spec.selector", {"app": "a b"}, "is no value of a label"),
        ("migration policy", "spec.selectors.namespaceSelector", {"a b": "c"}, "is no key"),
        ("firewall of pods", "spec.podSelector.matchLabels.a", "b c", "is no value of a label"),
        ("host network of OVN", "spec.nodeSelector", {"a/b/c": ""}, "is no key of a label"),
    ],
)
def test_a_name_that_a_server_refuses(kind: str, path: str, value: Any, says: str) -> None:
    said = faults(changed(example(kind), (path, value)), OF)
    assert any(says in each for each in said), said


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        ({"key": "a b", "operator": "Exists"}, "'a b' is no key of a label"),
        ({"key": "a", "operator": "Is"}, "operator: 'Is' is none"),
        ({"key": "a", "operator": "In"}, "In needs values"),
        ({"key": "a", "operator": "NotIn", "values": ["b c"]}, "'b c' is no value of a label"),
        ({"key": "a", "operator": "Exists", "values": ["b"]}, "Exists has no values"),
        ({"key": "a", "operator": "Gt", "values": ["1"]}, "operator: 'Gt' is none"),
    ],
)
def test_a_requirement_that_a_server_refuses(requirement: dict[str, Any], says: str) -> None:
    pods = f"{AFFINITY}.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]"
    vm = changed(
        example("virtual machine"), (f"{pods}.labelSelector.matchExpressions[0]", requirement)
    )
    said = faults(vm, OF)
    assert any(says in each for each in said), said


def test_nodes_are_compared_by_numbers_too() -> None:
    nodes = f"{AFFINITY}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    path = f"{nodes}.nodeSelectorTerms"
    good = {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}
    assert faults(changed(example("virtual machine"), (path, [good])), OF) == []
    bad = {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["b"]}]}
    said = faults(changed(example("virtual machine"), (path, [bad])), OF)
    assert any("Gt needs one number" in each for each in said), said


@pytest.mark.parametrize("labels", [{"severity": "a warning!"}, {"a_b": "c d"}])
def test_labels_of_prometheus_are_no_labels_of_kubernetes(labels: dict[str, str]) -> None:
    path = "spec.groups[0].rules[0].labels"
    assert faults(changed(example("alarms"), (path, labels)), OF) == []


def test_names() -> None:
    assert names.is_name("a.b-c.0")
    assert not names.is_name("a..b")
    assert not names.is_label("a\n")
    assert names.is_qualified("example.com/A_b.c")
    assert not names.is_qualified("example.com/")
    assert names.is_label_value("")
