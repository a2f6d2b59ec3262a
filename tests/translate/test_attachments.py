"""What the cards of a VM are attached to: pools of networks, cards that are left out."""

import msgspec
import pytest

from mtv.model.target import TargetNetwork
from tests.estates import plain_disk, plain_mapping, plain_nic, plain_target, plain_vm
from tests.translate.network_estates import (
    attached,
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

# -- cards


def test_several_cards_on_one_network_get_one_each() -> None:
    """Row nic: a pool of networks."""
    whole = vsphere((port_group(),), plain_vm(nics=nics(*["dvportgroup-7"] * 3)))
    found = translation(whole, {"dvportgroup-7": "localnet"})
    assert attached(found) == ["app", "app-2", "app-3"]
    cudns = of_kind(found, "ClusterUserDefinedNetwork")
    assert [each["metadata"]["name"] for each in cudns] == ["app", "app-2", "app-3"]
    assert cudns[0]["spec"] == cudns[2]["spec"]


def test_a_network_that_is_called_like_anothers_second_keeps_apart() -> None:
    """Row nic."""
    whole = vsphere(
        (port_group(id="a"), port_group(id="b", name="App-2", vlan=20)),
        plain_vm(nics=nics("a", "a", "b")),
    )
    found = translation(whole, {"a": "localnet", "b": "localnet"})
    assert len(set(attached(found))) == 3


def test_a_pool_of_existing_networks() -> None:
    """Row nic."""
    there = tuple(TargetNetwork(name=f"default/{n}", vlan=10, kind="localnet") for n in "ab")
    whole = vsphere((port_group(),), plain_vm(nics=nics(*["dvportgroup-7"] * 2)))
    target = plain_target(networks=there)
    assert attached(translation(whole, {"dvportgroup-7": "default/a, default/b"}, target)) == [
        "default/a",
        "default/b",
    ]
    once = translation(whole, {"dvportgroup-7": "default/a"}, target)
    assert [each.says for each in once.blockers] == [
        "VMs have several NICs on it, and OVN-Kubernetes attaches a VM to default/a once"
    ]
    bridge = plain_target(networks=(TargetNetwork(name="default/a", vlan=10),))
    assert attached(translation(whole, {"dvportgroup-7": "default/a"}, bridge)) == ["default/a"] * 2


def test_an_unplugged_card_is_left_out() -> None:
    """Row nic.plugged."""
    cards = nics("net-1", "net-1")
    unplugged = msgspec.structs.replace(cards[0], plugged=False)
    found = translation(
        rhv((logical(),), plain_vm(nics=(unplugged, cards[1]))), {"net-1": "localnet"}
    )
    assert [each["name"] for each in machine(found)[0]] == ["nic-4002"]
    assert attached(found) == ["app"]
    assert said(found, "nic.plugged") == [
        "not plugged in at the source, and left out: NIC 1 (00:50:56:9a:00:01)"
    ]


def test_an_sriov_card_has_no_link_state() -> None:
    """Row nic.connected."""
    vm = plain_vm(nics=(plain_nic(connected_at_power_on=False),))
    found = translation(
        vsphere((port_group(),), vm),
        {"dvportgroup-7": "sriov:fast"},
        plain_target(sriov_resources=("fast",)),
    )
    assert said(found, "nic.connected") == [
        (
            "Network adapter 1 (00:50:56:9a:00:01) does not connect at power-on, which an SR-IOV "
            "card cannot say"
        )
    ]
    assert found.vms == ()


def test_cards_with_one_label_are_told_apart() -> None:
    """Row nic.connected: VMs may have many cards called the same."""
    cards = tuple(
        msgspec.structs.replace(each, label="ethernet--7", mac=None if number else each.mac)
        for number, each in enumerate(
            nics("dvportgroup-7", "dvportgroup-7", connected_at_power_on=False)
        )
    )
    whole = vsphere((port_group(),), plain_vm(nics=cards))
    target = plain_target(openshift="4.18")
    found = translation(whole, {"dvportgroup-7": "bridge"}, target)
    assert [each.partition(" does")[0] for each in said(found, "nic.connected")] == [
        "ethernet--7 (00:50:56:9a:00:01)",
        "ethernet--7 (4002)",
    ]


@pytest.mark.parametrize("mac", ["x", "00:50:56:9a:00", "00-50-56-9a-00-01", "01:00:5e:00:00:01"])
def test_what_is_no_mac_address_is_not_kept(mac: str) -> None:
    """Row nic.mac."""
    vm = plain_vm(nics=(plain_nic(mac=mac),))
    found = translation(vsphere((port_group(),), vm), {"dvportgroup-7": "localnet"})
    assert "macAddress" not in machine(found)[0][0]
    assert len(said(found, "nic.mac")) == 1


def test_networks_of_vms_that_the_assessment_blocks_are_made_too() -> None:
    """The platform is made for them; nothing is asked for their sake."""
    blocked = plain_vm(nics=nics("dvportgroup-7"), disks=(plain_disk(encrypted=True),))
    found = translation(vsphere((port_group(),), blocked), {"dvportgroup-7": "localnet"})
    assert (found.blocked, found.blockers) == (("vc1/vm-1",), ())
    assert len(of_kind(found, "ClusterUserDefinedNetwork")) == 1
    assert plain_mapping().networks
