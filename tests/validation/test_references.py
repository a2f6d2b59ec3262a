"""What refers to what in a set of manifests."""

import dataclasses
from typing import Any

import pytest

from mtv.knowledge.versions import release
from tests.real.schemas import require_schemas
from tests.validation import Found, There, check_set
from tests.validation.examples import changed, example, examples
from tests.validation.references import selects

require_schemas()

THERE = There(
    namespaces=frozenset({"office", "images"}),
    networks=frozenset({"default/vlan7", "shop/old"}),
    localnets=frozenset({"old"}),
    storage_classes=frozenset({"san", "files"}),
)

SET = (
    "virtual machine",
    "claim of it",
    "static volume",
    "data volume",
    "storage class",
    "namespace",
    "priority",
    "service",
    "route",
    "platform",
    "network for live migration",
    "host network of OVN",
    "host network of Linux bridges",
    "VLAN on a Linux bridge",
    "VLAN of OVN",
    "VLAN of OVN for several namespaces",
    "firewall of a secondary network",
    "live migration",
    "plan of a storage migration",
    "storage migration",
    "SR-IOV network",
)
DOMAIN = "spec.template.spec.domain"
CARD = "spec.template.spec.networks[1].multus.networkName"


def manifests(*changes: tuple[str, str, Any], without: tuple[str, ...] = ()) -> list[Any]:
    """The set with changes, each of the example, the path and the new value."""
    quorum = changed(example("data volume"), ("metadata.name", "quorum"))
    every = {name: example(name) for name in SET if name not in without}
    for name, path, value in changes:
        every[name] = changed(every[name], (path, value))
    return [*every.values(), quorum]


def found(*changes: tuple[str, str, Any], without: tuple[str, ...] = ()) -> Found:
    return check_set(manifests(*changes, without=without), release("4.22"), THERE)


def test_a_set_in_which_all_is_there() -> None:
    assert found() == Found()


VM = "virtual machine"
CLAIM = "spec.template.spec.volumes[1].persistentVolumeClaim.claimName"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((VM, CARD, "vlan999"), "there is no network shop/vlan999"),
        ((VM, CARD, "office/vlan100"), "pods of shop get no network of office"),
        ((VM, CLAIM, "other"), "there is no PersistentVolumeClaim other"),
        ((VM, "spec.dataVolumeTemplates", []), "there is no DataVolume till01-disk-2000"),
        (
            (VM, "spec.dataVolumeTemplates[0].spec.storage.storageClassName", "silver"),
            "there is no StorageClass silver",
        ),
        ((VM, "spec.template.spec.priorityClassName", "other"), "there is no PriorityClass other"),
        ((VM, "metadata.namespace", "nowhere"), "there is no namespace nowhere"),
        (("data volume", "spec.storage.storageClassName", "tin"), "there is no StorageClass tin"),
        (("data volume", "metadata.name", "quorum"), "DataVolume shop/quorum: is there 2 times"),
        (("claim of it", "spec.volumeName", "lun8"), "there is no PersistentVolume lun8"),
        (("claim of it", "spec.storageClassName", "tin"), "there is no StorageClass tin"),
        (
            ("static volume", "spec.claimRef.name", "lun8"),
            "there is no PersistentVolumeClaim shop/lun8",
        ),
        (("route", "spec.to.name", "shop"), "there is no Service shop"),
        (
            ("platform", "spec.liveMigrationConfig.network", "fast"),
            "there is no network openshift-cnv/fast",
        ),
        (
            (
                "firewall of a secondary network",
                "metadata.annotations",
                {"k8s.v1.cni.cncf.io/policy-for": "shop/vlan110, shop/vlan111"},
            ),
            "there is no network shop/vlan111",
        ),
        (
            (
                "storage migration",
                "spec.virtualMachineStorageMigrationPlanRef.name",
                "to-silver",
            ),
            "there is no VirtualMachineStorageMigrationPlan to-silver",
        ),
        (
            (
                "plan of a storage migration",
                "spec.virtualMachines[0].targetMigrationPVCs[0].destinationPVC.storageClassName",
                "tin",
            ),
            "there is no StorageClass tin",
        ),
    ],
)
def test_what_is_not_there(change: tuple[str, str, Any], says: str) -> None:
    said = found(change).faults
    assert any(says in each for each in said), said


@pytest.mark.parametrize(
    ("changes", "without", "says"),
    [
        ([], ("host network of OVN",), "no node maps the localnet vmdata to a bridge"),
        ([], ("host network of Linux bridges",), "no node has the bridge br1"),
        (
            [
                (
                    "host network of OVN",
                    "spec.desiredState.ovn.bridge-mappings[0].bridge",
                    "br-else",
                )
            ],
            (),
            "the localnet vmdata is on br-else, which no policy makes",
        ),
        ([("service", "spec.selector", {"app": "other"})], (), "it selects no VM"),
        (
            [(VM, f"{DOMAIN}.devices.interfaces[1].macAddress", "00-50-56-AA-00-01")],
            (),
            "another NIC has the address 00:50:56:aa:00:01",
        ),
        ([("live migration", "spec.vmiName", "other")], (), "no manifest is the VM other"),
        (
            [("plan of a storage migration", "spec.virtualMachines[0].name", "other")],
            (),
            "no manifest is the VM other",
        ),
    ],
)
def test_what_may_be_there(changes: list[Any], without: tuple[str, ...], says: str) -> None:
    result = found(*changes, without=without)
    assert result.faults == []
    assert any(says in each for each in result.warnings), result.warnings


@pytest.mark.parametrize("name", ["default/vlan7", "old", "shop/old", "vlan120", "fast", "vlan110"])
def test_networks_of_all_origins(name: str) -> None:
    assert found((VM, CARD, name)) == Found()


def test_a_network_for_several_namespaces_is_only_in_those_that_it_selects() -> None:
    path = "spec.namespaceSelector.matchExpressions[0].values"
    cudn = ("VLAN of OVN for several namespaces", path, ["office"])
    said = found(cudn, (VM, CARD, "vlan120")).faults
    assert any("there is no network shop/vlan120" in each for each in said)


def test_a_target_that_is_not_known_has_any_storage_class() -> None:
    vm = (VM, "spec.dataVolumeTemplates[0].spec.storage.storageClassName", "silver")
    there = There(namespaces=THERE.namespaces)
    assert check_set(manifests(vm), release("4.22"), there).faults == []


def test_a_volume_attributes_class_may_be_the_clusters() -> None:
    claim = ("claim of it", "spec.volumeAttributesClassName", "iops-500")
    assert found(claim).warnings == [
        "PersistentVolumeClaim shop/lun7: no manifest is the VolumeAttributesClass iops-500"
    ]


def test_instance_types_and_preferences_are_there_or_said_to_be() -> None:
    of_type = changed(example("a VM of an instance type"), ("metadata.name", "typed"))
    result = check_set([*manifests(), of_type], release("4.22"), THERE)
    assert result.faults == [
        "VirtualMachine shop/typed: there is no VirtualMachineClusterInstancetype mtv-2c4g",
        "VirtualMachine shop/typed: there is no VirtualMachineClusterPreference mtv-linux",
    ]
    there = dataclasses.replace(
        THERE, instance_types=frozenset({"mtv-2c4g"}), preferences=frozenset({"mtv-linux"})
    )
    assert check_set([*manifests(), of_type], release("4.22"), there) == Found()
    both = [example("instance type"), example("preference")]
    assert check_set([*manifests(), of_type, *both], release("4.22"), THERE) == Found()


def test_references_are_a_question_of_what_is_right_in_itself() -> None:
    said = found((VM, "spec.madeUp", 1), (VM, CARD, "vlan999")).faults
    assert said == ["VirtualMachine shop/till01: spec.madeUp: is no known field"]


def test_secrets_are_seen_by_their_kind() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "shop"}}
    said = check_set([secret], release("4.22"), THERE).faults
    assert said[-1] == "Secret shop/a: secrets are not for manifests"


def test_every_example_can_be_looked_up() -> None:
    """No kind makes the look at references fail, whatever it lacks."""
    for each in examples():
        if each.is_for("4.22"):
            assert isinstance(check_set([each.manifest], release("4.22"), THERE), Found)


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"a": "b"}}, True),
        ({"matchLabels": {"a": "c"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "d", "operator": "NotIn", "values": ["b"]}]}, True),
    ],
)
def test_a_selector(selector: dict[str, Any], selected: bool) -> None:
    assert selects(selector, {"a": "b"}) == selected


def test_a_generated_name_is_nobodys_double() -> None:
    twice = [*manifests(), example("live migration")]
    assert check_set(twice, release("4.22"), THERE) == Found()
