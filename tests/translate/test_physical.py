"""Which networks share wires, and what those are called on the nodes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.estate import Estate
from mtv.model.compute import HostSwitch
from mtv.model.estate import Inventory
from mtv.model.network import Switch
from mtv.names import label
from mtv.translate.networks.physical import LONGEST_INTERFACE, PhysicalNetworks
from tests.estates import inventory, plain_network
from tests.translate.network_estates import logical, port_group, rhv, vsphere, wired


def names(whole: Inventory) -> dict[str, str | None]:
    """Id of each network -> name of its localnet."""
    physical = PhysicalNetworks(Estate([whole]))
    found = {each.id: physical.of_network(f"vc1/{each.id}") for each in whole.networks}
    return {key: each.localnet if each is not None else None for key, each in found.items()}


def test_port_groups_of_a_distributed_switch_share_its_wires() -> None:
    assert names(vsphere((port_group(id="a"), port_group(id="b", vlan=20)))) == {
        "a": "dvs-prod",
        "b": "dvs-prod",
    }


def test_two_switches_of_one_name_are_two() -> None:
    found = names(vsphere((port_group(id="a"), port_group(id="b", switch_id="dvs-2"))))
    assert found["a"] != found["b"]
    assert all(str(each).startswith("dvs-prod-") for each in found.values())


def test_standard_switches_are_one_by_name_within_a_data_centre() -> None:
    standard = {"kind": "network", "switch": "vSwitch0"}
    found = names(
        vsphere(
            (
                plain_network(id="a", datacenter="DC0", **standard),
                plain_network(id="b", datacenter="DC0", **standard),
                plain_network(id="c", datacenter="DC1", **standard),
            )
        )
    )
    assert found["a"] == found["b"] != found["c"]


def test_a_network_without_a_switch_has_no_known_wires() -> None:
    assert names(vsphere((plain_network(id="a", switch=None),))) == {"a": None}


def test_networks_of_rhv_on_the_same_bond_share_it() -> None:
    two = (logical(id="net-1"), logical(id="net-2"), logical(id="net-3"))
    host = wired(net_1="bond0", net_2="bond0", net_3="eth4")
    found = names(rhv(two, hosts=(host,)))
    assert found == {"net-1": "bond0", "net-2": "bond0", "net-3": "eth4"}


def test_an_attachment_to_a_vlan_device_is_one_to_the_nic_below() -> None:
    host = wired(net_1="bond0")
    (attachment,) = host.interfaces
    vlan = type(attachment)(name="bond0.10", network="net-1", base="bond0", vlan=10)
    named = type(attachment)(name="attachment", network="net-1", base="bond0.10")

    host = msgspec.structs.replace(host, interfaces=(vlan, named))
    assert names(rhv((logical(),), hosts=(host,))) == {"net-1": "bond0"}


def test_hosts_may_call_the_same_wires_differently() -> None:
    two = (logical(id="net-1"), logical(id="net-2"))
    hosts = (
        wired("h-1", net_1="eth2", net_2="eth2"),
        wired("h-2", net_1="bond0", net_2="bond0"),
    )
    assert names(rhv(two, hosts=hosts)) == {"net-1": "bond0-eth2", "net-2": "bond0-eth2"}


def test_networks_that_a_host_tells_apart_are_wires_of_their_own() -> None:
    two = (logical(id="net-1", name="A"), logical(id="net-2", name="B"))
    hosts = (
        wired("h-1", net_1="eth2", net_2="bond0"),
        wired("h-2", net_1="bond0", net_2="eth2"),
    )
    assert names(rhv(two, hosts=hosts)) == {"net-1": "a", "net-2": "b"}


def test_a_network_of_a_provider_lies_on_the_one_it_is_tied_to() -> None:
    two = (logical(id="net-1"), logical(id="net-2", provider="ovn", physical_network="net-1"))
    assert names(rhv(two, hosts=(wired(net_1="bond0"),))) == {"net-1": "bond0", "net-2": "bond0"}


def test_a_host_of_vsphere_shows_its_switches() -> None:
    whole = vsphere(
        (port_group(id="a"), plain_network(id="b", kind="network", switch="vSwitch0")),
        switches=(Switch(id="dvs-1", name="dvs-prod", uuid="50 1e"),),
    )
    (host,) = whole.hosts

    host = msgspec.structs.replace(
        host,
        switches=(
            HostSwitch(name="dvs-prod", kind="proxy", switch="50 1e"),
            HostSwitch(name="vSwitch0", kind="standard"),
            HostSwitch(name="vSwitch7", kind="standard"),
        ),
    )
    found = PhysicalNetworks(Estate([whole])).of_host(whole, host)
    assert {name: [each.localnet for each in on] for name, on in found.items()} == {
        "dvs-prod": ["dvs-prod"],
        "vSwitch0": ["vswitch0"],
    }


def test_a_host_of_rhv_shows_its_bonds() -> None:
    whole = rhv((logical(),))
    found = PhysicalNetworks(Estate([whole])).of_host(whole, whole.hosts[0])
    assert [each.bridge for each in found["bond0"]] == ["br-bond0"]


@pytest.mark.parametrize("name", ["ex", "int", "physnet"])
def test_words_of_ovn_kubernetes_stay_its_own(name: str) -> None:
    (made,) = PhysicalNetworks(Estate([vsphere((port_group(switch=name),))])).all
    assert (made.localnet, made.bridge) == (f"{name}-net", f"br-{name}-net"[:15].rstrip("-"))


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), unique=True, min_size=1, max_size=6))
def test_names_are_labels_and_interfaces_and_all_different(switches: list[tuple[str, str]]) -> None:
    networks = tuple(
        port_group(id=str(number), switch=name, switch_id=id_ or None)
        for number, (name, id_) in enumerate(switches)
    )
    made = PhysicalNetworks(Estate([inventory(networks=networks)])).all
    assert all(label(each.localnet) == each.localnet for each in made)
    assert all(len(each.bridge) <= LONGEST_INTERFACE for each in made)
    for names_ in ([each.localnet for each in made], [each.bridge for each in made]):
        assert len(set(names_)) == len(names_)
