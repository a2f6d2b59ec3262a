"""Suggestions for mapping.yaml: each has a reason; where nothing fits the question stays open."""

import pytest

from mtv.estate import Estate
from mtv.model.network import Network, PrivateVlan
from mtv.model.storage import Datastore
from mtv.model.target import StorageClass, Target, TargetNetwork
from mtv.translate.suggest import suggest
from mtv.translate.suggest.question import Suggestion
from tests.estates import (
    inventory,
    plain_datastore,
    plain_disk,
    plain_network,
    plain_nic,
    plain_target,
    plain_vm,
)


def suggestion(thing: Datastore | Network, target: Target) -> Suggestion:
    """What is suggested for the one datastore or network of an estate."""
    if isinstance(thing, Datastore):
        vm = plain_vm(disks=(plain_disk(datastore=thing.id),), nics=())
        whole = inventory(vm, datastores=(thing,), networks=())
    else:
        vm = plain_vm(disks=(), nics=(plain_nic(network=thing.id),))
        whole = inventory(vm, datastores=(), networks=(thing,))
    section = "storage" if isinstance(thing, Datastore) else "networks"
    (found,) = (each for each in suggest(Estate([whole]), target) if each.section == section)
    return found


def refs(estate: Estate) -> list[str]:
    """What is suggested for datastores and networks."""
    found = suggest(estate, plain_target())
    return [each.ref for each in found if each.section in ("storage", "networks")]


def classes(*names: str, default: str = "") -> Target:
    return plain_target(
        storage_classes=tuple(StorageClass(name=name, default=name == default) for name in names)
    )


@pytest.mark.parametrize(
    ("target", "choice", "reason"),
    [
        (classes("ceph", "fast-gold"), "fast-gold", "the names share a word"),
        (classes("ceph", "gold", default="ceph"), "gold", "the names share a word"),
        (classes("ceph", "nfs", default="nfs"), "nfs", "the cluster's default class"),
        (classes("ceph"), "ceph", "the only class"),
        (
            classes("ceph", "nfs"),
            None,
            "no class has a similar name and none is the default: choose one",
        ),
        (
            classes("ceph-01", "datastore-class"),
            None,
            "no class has a similar name and none is the default: choose one",
        ),
        (classes(), None, "no class has a similar name and none is the default: choose one"),
    ],
)
def test_a_datastore_gets_a_class(target: Target, choice: str | None, reason: str) -> None:
    found = suggestion(plain_datastore(name="Gold-datastore-01"), target)
    assert (found.section, found.ref, found.name) == (
        "storage",
        "vc1/datastore-1",
        "Gold-datastore-01",
    )
    assert (found.choice, found.reason) == (choice, reason)


NETWORKS = (
    TargetNetwork(name="default/vlan10", vlan=10),
    TargetNetwork(name="default/dmz-net"),
)


@pytest.mark.parametrize(
    ("network", "choice", "reason"),
    [
        (plain_network(vlan=10), "default/vlan10", "both carry VLAN 10"),
        (plain_network(vlan=20), None, "no network of target.yaml carries VLAN 20"),
        (
            plain_network(name="DMZ net", vlan=20),
            None,
            "no network of target.yaml carries VLAN 20",
        ),
        (
            plain_network(vlan=None, vlan_trunk="0-100,200"),
            None,
            "carries the VLANs 0-100,200: choose a network that does",
        ),
        (plain_network(name="DMZ", vlan=None), "default/dmz-net", "the names share a word"),
        (
            plain_network(name="VM Network", vlan=None),
            "pod",
            "untagged: the pod network, behind the node's address",
        ),
    ],
)
def test_a_port_group_gets_a_network(network: Network, choice: str | None, reason: str) -> None:
    found = suggestion(network, plain_target(networks=NETWORKS))
    assert (found.section, found.ref) == ("networks", "vc1/dvportgroup-7")
    assert (found.choice, found.reason) == (choice, reason)


def test_only_what_vms_use_is_suggested() -> None:
    assert refs(Estate([inventory(plain_vm())])) == ["vc1/datastore-1", "vc1/dvportgroup-7"]


def test_an_uplink_is_never_suggested() -> None:
    vm = plain_vm(nics=(plain_nic(network="dvportgroup-9"),))
    assert refs(Estate([inventory(vm)])) == ["vc1/datastore-1"]


def test_each_source_has_its_own_lines() -> None:
    estate = Estate([inventory(plain_vm(), source=name) for name in ("vc1", "vc2")])
    assert refs(estate) == [
        "vc1/datastore-1",
        "vc2/datastore-1",
        "vc1/dvportgroup-7",
        "vc2/dvportgroup-7",
    ]


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (
            plain_network(vlan=None, private_vlan=PrivateVlan(primary=500, secondary=501)),
            (
                "is the private VLAN 500/501, which no network of OpenShift can be: name a network "
                "of target.yaml (namespace/name), or pod, layer2 or none"
            ),
        ),
        (
            plain_network(vlan=None, differing_vlans=(0, 100)),
            (
                "has the VLANs 0, 100 on different hosts, so that nobody can say which one its VMs "
                "need: name a network of target.yaml (namespace/name), or pod, layer2 or none"
            ),
        ),
    ],
)
def test_what_is_not_untagged_is_never_called_so(network: Network, reason: str) -> None:
    found = suggestion(network, plain_target())
    assert (found.choice, found.reason) == (None, reason)


def test_a_package_says_nothing_of_vlans() -> None:
    found = suggestion(plain_network(kind="ovf", vlan=None, name="x"), plain_target())
    assert found.reason == "a package names no VLAN: the pod network, unless it needs one"


def test_nothing_is_asked_for_vms_that_cannot_be_migrated() -> None:
    only_described = inventory(plain_vm(), assessment_only=True)
    assert suggest(Estate([only_described]), plain_target()) == ()
