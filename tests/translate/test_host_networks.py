"""vSwitches, bonds and host networks become policies of the nodes; what does not is found."""

from typing import Any

import pytest

from mtv.model.compute import ClusterNetwork, HostInterface, PhysicalNic
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import Security
from mtv.model.quantity import Shaping
from mtv.model.target import BridgeMapping, MigrationNetwork, Node
from mtv.translate import Translation
from tests.estates import plain_target
from tests.translate.wired import (
    WORKERS,
    attached,
    bond1,
    bond_of,
    distributed,
    dvs,
    engine,
    esx,
    group,
    interface,
    logical,
    policies,
    port_group,
    ports_of,
    proxy,
    rhv_group,
    rhv_host,
    standard,
    state,
    vcenter,
    vswitch,
    wired,
)
from tests.validation import host_networks as nmstate


def one_host(**changes: Any) -> Translation:
    """A vCenter with one host and vSwitch1, whose network is localnet."""
    return wired(vcenter(esx(switches=(vswitch(),))), **changes)


def told(translation: Translation, row: str = "host-network") -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


def blockers(translation: Translation) -> list[str]:
    return [each.says for each in told(translation) if each.category is Category.BLOCKER]


def the_blocker(translation: Translation) -> Finding:
    (found,) = (each for each in told(translation) if each.category is Category.BLOCKER)
    return found


# -- policies


def test_a_switch_of_localnets_becomes_an_ovs_bridge() -> None:
    """Row host-network."""
    made = policies(one_host())
    policy = made["br-vswitch1-workers"]
    assert policy["metadata"]["annotations"] == {"mtv.migration/source-name": "vSwitch1"}
    assert policy["spec"]["nodeSelector"] == WORKERS
    assert policy["spec"]["maxUnavailable"] == 1
    desired = policy["spec"]["desiredState"]
    assert [each["name"] for each in desired["interfaces"]] == ["ens2f0", "ens3f0", "br-vswitch1"]
    assert desired["interfaces"][0] == {
        "name": "ens2f0",
        "type": "ethernet",
        "state": "up",
        "mtu": 9000,
        "ipv4": {"enabled": False},
        "ipv6": {"enabled": False},
    }
    assert desired["interfaces"][2]["bridge"] == {
        "allow-extra-patch-ports": True,
        "options": {"stp": False},
        "port": [
            {
                "name": "bd-vswitch1",
                "link-aggregation": {
                    "mode": "balance-slb",
                    "port": [{"name": "ens2f0"}, {"name": "ens3f0"}],
                },
            }
        ],
    }
    assert desired["ovn"]["bridge-mappings"] == [
        {"localnet": "vswitch1", "bridge": "br-vswitch1", "state": "present"}
    ]
    assert list(nmstate.faults(policy)) == []


def test_a_switch_of_bridged_networks_becomes_a_linux_bridge() -> None:
    translation = one_host(kind="bridge")
    bridge = interface(translation, "linux-bridge")
    assert bridge["name"] == "br-vswitch1"
    assert bridge["mtu"] == 9000
    assert bridge["bridge"] == {
        "options": {"stp": {"enabled": False}},
        "port": [{"name": "bd-vswitch1", "vlan": {"mode": "trunk", "trunk-tags": [{"id": 10}]}}],
    }
    assert "ovn" not in state(translation)
    assert bond_of(translation)["mode"] == "active-backup"
    assert list(nmstate.faults(policies(translation)["br-vswitch1-workers"])) == []


@pytest.mark.parametrize(
    ("networks", "tags"),
    [
        ([{"vlan": None}], None),
        ([{"vlan": None, "vlan_trunk": "0"}], None),
        ([{"vlan": None, "vlan_trunk": "0-4094"}], [{"id-range": {"min": 2, "max": 4094}}]),
        (
            [{"vlan": None, "vlan_trunk": "10-19,200"}, {"vlan": 20}],
            [{"id-range": {"min": 10, "max": 20}}, {"id": 200}],
        ),
        ([{"vlan": None, "vlan_trunk": "rubbish"}, {"vlan": 7}], [{"id": 7}]),
    ],
)
def test_a_linux_bridge_carries_the_vlans_of_its_networks(
    networks: list[dict[str, Any]], tags: list[Any] | None
) -> None:
    every = tuple(
        standard(id=f"network-{number}", name=f"web{number}", **each)
        for number, each in enumerate(networks)
    )
    translation = wired(vcenter(esx(switches=(vswitch(),)), networks=every), kind="bridge")
    (port,) = interface(translation, "linux-bridge")["bridge"]["port"]
    assert port.get("vlan", {}).get("trunk-tags") == tags


def test_one_uplink_needs_no_bond() -> None:
    translation = wired(vcenter(esx(switches=(vswitch(uplinks=("vmnic2",)),))))
    assert interface(translation, "ovs-bridge")["bridge"]["port"] == [{"name": "ens2f0"}]
    assert not any(each["type"] == "bond" for each in state(translation)["interfaces"])


def test_each_switch_of_a_host_gets_a_policy() -> None:
    host = esx(switches=(vswitch(), proxy(uplinks=("vmnic4", "vmnic5"))))
    whole = vcenter(host, networks=(standard(), distributed()), switches=(dvs(),))
    assert set(policies(wired(whole))) == {"br-vswitch1-workers", "br-dvs-prod-workers"}


def test_hosts_wired_alike_share_a_policy() -> None:
    whole = vcenter(*(esx(number, switches=(vswitch(),)) for number in (1, 2, 3)))
    translation = wired(whole)
    assert list(policies(translation)) == ["br-vswitch1-workers"]
    assert blockers(translation) == []


def test_two_groups_of_nodes_get_a_policy_each() -> None:
    whole = vcenter(
        esx(1, switches=(vswitch(),)), esx(2, switches=(vswitch(uplinks=("vmnic4", "vmnic5")),))
    )
    groups = {
        "old": group("vc1/host-1", nodes={"example.com/rack": "a"}),
        "New ones": group("vc1/host-2", nodes={"example.com/rack": "b"}),
    }
    made = policies(wired(whole, node_groups=groups))
    assert set(made) == {"br-vswitch1-old", "br-vswitch1-new-ones"}
    assert made["br-vswitch1-new-ones"]["spec"]["nodeSelector"] == {"example.com/rack": "b"}


def test_networks_that_need_nothing_of_the_nodes_get_no_policy() -> None:
    for kind in ("pod", "none", "layer2"):
        translation = one_host(kind=kind, node_groups={})
        assert policies(translation) == {}
        assert told(translation) == []


def test_an_rhv_bond_becomes_a_bond() -> None:
    """Row host-network.attachment."""
    translation = wired(engine(rhv_host()))
    (policy,) = policies(translation).values()
    assert policy["metadata"]["name"] == "br-bond1-workers"
    bond = interface(translation, "bond")
    assert bond["name"] == "bd-bond1"
    assert bond["link-aggregation"]["port"] == ["ens1f0", "ens2f0"]
    assert state(translation)["ovn"]["bridge-mappings"] == [
        {"localnet": "bond1", "bridge": "br-bond1", "state": "present"}
    ]
    assert list(nmstate.faults(policy)) == []


def test_a_nic_of_rhv_becomes_a_nic() -> None:
    host = rhv_host(bonds=(), interfaces=(attached("net-1", "eno3"),))
    translation = wired(engine(host), kind="bridge")
    assert interface(translation, "ethernet")["name"] == "ens3f0"
    (port,) = interface(translation, "linux-bridge")["bridge"]["port"]
    assert port == {"name": "ens3f0", "vlan": {"mode": "trunk", "trunk-tags": [{"id": 31}]}}


def test_an_attachment_that_names_the_vlan_device_is_on_what_is_below_it() -> None:
    interfaces = (
        HostInterface(name="bond1.31", network="net-1", base="bond1", vlan=31),
        HostInterface(name="attachment", network="net-1", base="bond1.31"),
    )
    translation = wired(engine(rhv_host(interfaces=interfaces)))
    assert list(policies(translation)) == ["br-bond1-workers"]


def test_localnets_of_one_bond_share_its_bridge_where_other_hosts_part_them() -> None:
    together = rhv_host(1, interfaces=(attached("net-1", "bond1"), attached("net-2", "bond1")))
    apart = rhv_host(2, interfaces=(attached("net-1", "bond1"), attached("net-2", "eno3")))
    whole = engine(together, apart, networks=(logical(1), logical(2)))
    groups = {
        "one": rhv_group("rhv1/h-1", nodes={"example.com/rack": "a"}),
        "two": rhv_group("rhv1/h-2", nodes={"example.com/rack": "b"}),
    }
    made = policies(wired(whole, node_groups=groups))
    assert set(made) == {"br-bond1-one", "br-bond1-two", "br-bond1-eno3-two"}
    desired = made["br-bond1-one"]["spec"]["desiredState"]
    assert desired["ovn"]["bridge-mappings"] == [
        {"localnet": "bond1", "bridge": "br-bond1", "state": "present"},
        {"localnet": "bond1-eno3", "bridge": "br-bond1", "state": "present"},
    ]
    refused = wired(whole, kind="bridge", node_groups=groups)
    assert set(policies(refused)) == {"br-bond1-two", "br-bond1-eno3-two"}
    assert "several Linux bridges: br-bond1, br-bond1-eno3" in the_blocker(refused).says


def test_a_bond_that_the_nodes_have_is_a_port_as_it_is() -> None:
    nics: dict[str, str | None] = {"vmnic2": "bond0", "vmnic3": "bond0"}
    translation = one_host(node_groups={"workers": group(nics=nics)})
    (bridge,) = state(translation)["interfaces"]
    assert bridge["bridge"]["port"] == [{"name": "bond0"}]


def test_names_are_the_same_whatever_else_is_there() -> None:
    host = esx(switches=(vswitch(), proxy(uplinks=("vmnic4", "vmnic5"))))
    more = vcenter(host, networks=(standard(), distributed()), switches=(dvs(),))
    assert policies(one_host()).items() <= policies(wired(more)).items()


def test_a_hostile_name_of_a_switch_becomes_a_name_of_an_interface() -> None:
    name = "../Büro <switch>\n%2f with a very long name of its own"
    host = esx(switches=(vswitch(name=name),))
    translation = wired(vcenter(host, networks=(standard(switch=name),)))
    (policy,) = policies(translation).values()
    assert list(nmstate.faults(policy)) == []
    assert policy["metadata"]["annotations"]["mtv.migration/source-name"] == name


@pytest.mark.parametrize(("mtu", "carried"), [(9000, 9000), (None, None), (0, None), (-1, None)])
def test_an_mtu_that_is_none_is_not_said(mtu: int | None, carried: int | None) -> None:
    translation = wired(vcenter(esx(switches=(vswitch(mtu=mtu),))))
    (nic, *_) = state(translation)["interfaces"]
    assert nic.get("mtu") == carried


# -- br-ex


def managed(**changes: Any) -> Translation:
    """The hosts' management is on vSwitch1, too."""
    host = esx(
        switches=(vswitch(),),
        port_groups=(port_group(name="Management Network"),),
        interfaces=(
            HostInterface(name="vmk0", network="Management Network", services=("management",)),
        ),
    )
    return wired(vcenter(host), **changes)


def test_management_on_the_same_uplinks_is_found() -> None:
    """Row host-network.management."""
    (found,) = told(managed(), "host-network.management")
    assert found.category is Category.WARNING
    assert found.says == "vSwitch1 of esx1 carries the hosts' management too"
    assert "write br-ex" in found.remedy
    assert told(one_host(), "host-network.management") == []


@pytest.mark.parametrize(
    ("usages", "management"), [(("management",), None), (("default_route",), None), ((), "net-1")]
)
def test_management_of_rhv_is_found(usages: tuple[str, ...], management: str | None) -> None:
    whole = engine(
        rhv_host(),
        cluster_networks=(ClusterNetwork(network="net-1", usages=usages),),
        management=management,
    )
    (found,) = told(wired(whole), "host-network.management")
    assert found.says == "bond1 of rhvh1 carries the hosts' management too"


def test_br_ex_only_gets_a_mapping() -> None:
    nics: dict[str, str | None] = {"vmnic2": "br-ex", "vmnic3": "br-ex"}
    translation = managed(node_groups={"workers": group(nics=nics)})
    assert state(translation) == {
        "ovn": {
            "bridge-mappings": [{"localnet": "vswitch1", "bridge": "br-ex", "state": "present"}]
        }
    }
    assert told(translation) == told(translation, "host-network.management") == []


def test_no_linux_bridge_is_put_on_br_ex() -> None:
    nics: dict[str, str | None] = {"vmnic2": "br-ex", "vmnic3": "br-ex"}
    translation = managed(kind="bridge", node_groups={"workers": group(nics=nics)})
    assert policies(translation) == {}
    assert "no Linux bridge can be on br-ex" in the_blocker(translation).says


def test_an_open_nic_of_a_management_switch_asks_for_br_ex() -> None:
    found = the_blocker(managed(node_groups={"workers": group(nics={})}))
    assert found.says == (
        "mapping.yaml: node_groups: workers: vSwitch1: vmnic2, vmnic3 has no NIC of the nodes"
    )
    assert "write br-ex" in found.remedy


# -- bad input


def test_hosts_without_a_group_are_one_finding_for_each_layout() -> None:
    whole = vcenter(
        *(esx(number, switches=(vswitch(),)) for number in range(1, 8)),
        esx(8, switches=(vswitch(mtu=1500),)),
    )
    translation = wired(whole, node_groups={})
    assert policies(translation) == {}
    first, second = blockers(translation)
    assert first == (
        "mapping.yaml: node_groups: no nodes take the place of esx1, esx2, esx3, esx4, esx5 and 2 "
        "more, which carry networks of VMs on vSwitch1"
    )
    assert "esx8" in second
    assert [vm.name for vm in translation.vms] == ["web01"]


def test_hosts_of_a_cluster_without_such_vms_need_no_group() -> None:
    whole = vcenter(
        esx(1, switches=(vswitch(),)), esx(2, cluster="domain-c2", switches=(vswitch(),))
    )
    translation = wired(whole, node_groups={"workers": group("vc1/host-1")})
    assert blockers(translation) == []


def test_a_nic_without_a_name_is_a_question() -> None:
    nics: dict[str, str | None] = {"vmnic2": "ens2f0", "vmnic3": None}
    translation = one_host(node_groups={"workers": group(nics=nics)})
    assert policies(translation) == {}
    assert the_blocker(translation).says == (
        "mapping.yaml: node_groups: workers: vSwitch1: vmnic3 has no NIC of the nodes"
    )


def test_nodes_that_nothing_selects_are_a_question() -> None:
    translation = one_host(node_groups={"workers": group(nodes=None)})
    assert policies(translation) == {}
    assert "nothing selects its nodes" in the_blocker(translation).says


def test_hosts_of_one_group_that_differ_are_found() -> None:
    whole = vcenter(esx(1, switches=(vswitch(),)), esx(2, switches=(vswitch(mtu=1500),)))
    translation = wired(whole)
    assert policies(translation) == {}
    assert the_blocker(translation).says == (
        "mapping.yaml: node_groups: workers: its hosts have vSwitch1 in different ways: esx1; esx2"
    )


def test_a_host_in_two_groups_is_found() -> None:
    groups = {"one": group(), "two": group(nodes={"example.com/rack": "b"})}
    found = the_blocker(one_host(node_groups=groups))
    assert (found.ref, found.name) == ("vc1/host-1", "esx1")
    assert "it is in one and two" in found.says


def test_a_group_that_names_no_host_is_found() -> None:
    translation = one_host(node_groups={"workers": group("vc1/host-1", "vc1/host-99")})
    assert "names vc1/host-99, which the estate does not have" in the_blocker(translation).says
    assert list(policies(translation)) == ["br-vswitch1-workers"]


def test_a_group_that_names_a_nic_of_no_host_is_found() -> None:
    nics: dict[str, str | None] = {"vmnic2": "ens2f0", "vmnic3": "ens3f0", "vmnic99": "ens9f0"}
    translation = one_host(node_groups={"workers": group(nics=nics)})
    assert "names vmnic99 under nics" in the_blocker(translation).says
    assert list(policies(translation)) == ["br-vswitch1-workers"]


@pytest.mark.parametrize("name", ["ens 2", "a/b", "a-name-too-long-for-linux", "x:y", ""])
def test_what_cannot_be_the_name_of_a_nic_is_found(name: str) -> None:
    nics: dict[str, str | None] = {"vmnic2": name, "vmnic3": "ens3f0"}
    translation = one_host(node_groups={"workers": group(nics=nics)})
    assert policies(translation) == {}
    assert "cannot be the name of a NIC" in the_blocker(translation).says


def test_a_nic_that_the_nodes_lack_is_found() -> None:
    nodes = (
        Node(name="worker-1", labels=WORKERS, nics=("ens2f0", "ens3f0")),
        Node(name="worker-2", labels=WORKERS, nics=("ens2f0",)),
        Node(name="master-1", nics=("eno1",)),
    )
    translation = one_host(target=plain_target(networks=(), nodes=nodes))
    assert policies(translation) == {}
    assert "ens3f0 is no NIC of worker-2" in the_blocker(translation).says


def test_labels_that_no_node_has_are_found() -> None:
    nodes = (Node(name="worker-1"),)
    translation = one_host(target=plain_target(networks=(), nodes=nodes))
    assert "no node of target.yaml has its labels" in the_blocker(translation).says


def test_two_nics_cannot_become_one_beside_another() -> None:
    host = esx(switches=(vswitch(uplinks=("vmnic2", "vmnic3", "vmnic4")),))
    nics: dict[str, str | None] = {"vmnic2": "ens2f0", "vmnic3": "ens2f0", "vmnic4": "br-ex"}
    translation = wired(vcenter(host), node_groups={"workers": group(nics=nics)})
    assert policies(translation) == {}
    assert "several of its NICs become the same one" in the_blocker(translation).says


def test_a_nic_can_be_below_one_bridge_only() -> None:
    host = esx(switches=(vswitch(), proxy(uplinks=("vmnic4", "vmnic5"))))
    whole = vcenter(host, networks=(standard(), distributed()), switches=(dvs(),))
    nics: dict[str, str | None] = {
        "vmnic2": "ens2f0",
        "vmnic3": "ens3f0",
        "vmnic4": "ens2f0",
        "vmnic5": "ens5f0",
    }
    translation = wired(whole, node_groups={"workers": group(nics=nics)})
    assert policies(translation) == {}
    assert (
        "ens2f0 takes the place of NICs of dvs-prod and vSwitch1" in the_blocker(translation).says
    )


def test_the_same_nodes_cannot_have_one_bridge_in_two_ways() -> None:
    whole = vcenter(
        esx(1, switches=(vswitch(),)), esx(2, switches=(vswitch(uplinks=("vmnic4", "vmnic5")),))
    )
    groups = {"one": group("vc1/host-1"), "two": group("vc1/host-2")}
    translation = wired(whole, node_groups=groups)
    assert policies(translation) == {}
    assert (
        "one and two select the same nodes, and want br-vswitch1" in the_blocker(translation).says
    )


def test_localnet_and_bridge_on_one_switch_leave_it_out() -> None:
    networks = (standard(), standard(id="network-2", name="trunk", vlan=None, vlan_trunk="1-9"))
    whole = vcenter(esx(switches=(vswitch(),)), networks=networks)
    chosen = {"vc1/network-1": "localnet", "vc1/network-2": "bridge"}
    translation = wired(whole, networks=chosen)
    assert policies(translation) == {}
    (found,) = (each for each in translation.blockers if each.row == "network.wires")
    assert "one bridge" in found.says


def test_a_missing_operator_is_found() -> None:
    lacking = one_host(target=plain_target(networks=(), operators=("descheduler",)))
    assert "nmstate is not there" in the_blocker(lacking).says
    assert list(policies(lacking)) == ["br-vswitch1-workers"]
    for operators in ((), ("nmstate",)):
        assert blockers(one_host(target=plain_target(networks=(), operators=operators))) == []


def test_a_bridge_that_the_nodes_have_gets_no_policy() -> None:
    there = (BridgeMapping(localnet="vswitch1", bridge="br-ex"),)
    target = plain_target(networks=(), bridge_mappings=there)
    translation = one_host(target=target, node_groups={})
    assert policies(translation) == {}
    (found,) = told(translation)
    assert found.category is Category.INFORMATION
    assert "the nodes have vswitch1 on br-ex already" in found.says


def test_a_switch_that_no_host_shows_is_said() -> None:
    (found,) = told(wired(vcenter(esx())))
    assert found.category is Category.WARNING
    assert "no host of the inventory shows which NICs vSwitch1 has" in found.says
    assert "map vswitch1 to it" in found.remedy
    (found,) = told(wired(vcenter(esx()), kind="bridge"))
    assert "make a Linux bridge br-vswitch1" in found.remedy


def test_a_switch_without_an_uplink_is_said() -> None:
    translation = wired(vcenter(esx(switches=(vswitch(uplinks=()),))))
    assert policies(translation) == {}
    assert "vSwitch1 has no uplink" in the_blocker(translation).says


def test_the_interface_of_the_migration_network_is_not_below_a_bridge() -> None:
    for nic, wrong in (("ens2f0", True), ("ens7f0", False)):
        chosen = MigrationNetwork(interface=nic, range="10.200.5.0/24")
        translation = one_host(migration_network=chosen)
        assert any("is below br-vswitch1" in says for says in blockers(translation)) is wrong


# -- losses


def test_a_network_with_a_greater_mtu_than_its_wires_is_found() -> None:
    """Row host-network.mtu."""
    whole = engine(rhv_host(), networks=(logical(mtu=9216),))
    (found,) = told(wired(whole), "host-network.mtu")
    assert found.category is Category.BLOCKER
    assert found.says == "its MTU is 9216, and bond1 of rhvh1 has 9000 only"
    assert told(wired(engine(rhv_host(), networks=(logical(mtu=9000),)))) == []


def test_an_attachment_out_of_sync_is_found() -> None:
    """Row host-network.sync."""
    host = rhv_host(interfaces=(attached("net-1", "bond1", in_sync=False),))
    (found,) = told(wired(engine(host)), "host-network.sync")
    assert found.name == "app1"
    assert found.says.startswith("rhvh1 has it otherwise than the engine wants")


def test_a_bond_below_which_no_bridge_works_is_said() -> None:
    """Row host-network.bond."""
    translation = wired(engine(rhv_host(bonds=(bond1("6"),))))
    assert bond_of(translation)["mode"] == "active-backup"
    (found,) = told(translation, "host-network.bond")
    assert "by 6, the nodes by active-backup" in found.says


def test_options_that_do_not_go_over_are_said() -> None:
    host = rhv_host(bonds=(bond1("1", lacp_rate="fast", primary="eno2", nonsense="1"),))
    translation = wired(engine(host))
    assert bond_of(translation)["options"] == {"miimon": 100, "primary": "ens2f0"}
    (found,) = told(translation, "host-network.bond")
    assert found.says.endswith("bond: nonsense=1")


def test_a_primary_that_is_no_member_is_left_out() -> None:
    translation = wired(engine(rhv_host(bonds=(bond1("1", primary="eno9"),))))
    assert bond_of(translation)["options"] == {"miimon": 100}
    (found,) = told(translation, "host-network.bond")
    assert "primary=eno9" in found.says


def test_a_port_group_with_a_teaming_of_its_own_is_said() -> None:
    """Row host-network.teaming."""
    networks = tuple(standard(id=f"network-{each}", name=f"web{each}") for each in range(3))
    groups = (
        port_group(name="web0"),
        port_group(name="web1"),
        port_group(name="web2", teaming=ports_of("loadbalance_ip")),
    )
    host = esx(switches=(vswitch(),), port_groups=groups)
    translation = wired(vcenter(host, networks=networks))
    (found,) = told(translation, "host-network.teaming")
    assert (found.ref, found.name) == ("vc1/network-2", "web2")
    assert "has a teaming of its own" in found.says


def test_uplinks_whose_order_nobody_told_are_said() -> None:
    """Row host-network.uplink-order."""
    order = ports_of("failover_explicit", active=("uplink2",), standby=("uplink1",))
    whole = vcenter(
        esx(switches=(proxy(),)), networks=(distributed(teaming=order),), switches=(dvs(),)
    )
    translation = wired(whole)
    assert bond_of(translation)["options"] == {"miimon": 100}
    (found,) = told(translation, "host-network.uplink-order")
    assert "uses uplink2, then uplink1" in found.says


def test_what_a_standard_port_group_accepts_is_said() -> None:
    """Row host-network.security."""
    base = Security(promiscuous=True, mac_changes=True, forged_transmits=True)
    for own, category in (
        (None, Category.WARNING),
        (Security(promiscuous=False), Category.INFORMATION),
        (Security(promiscuous=False, mac_changes=False, forged_transmits=False), None),
    ):
        host = esx(switches=(vswitch(security=base),), port_groups=(port_group(security=own),))
        found = told(wired(vcenter(host)), "host-network.security")
        assert [each.category for each in found] == ([] if category is None else [category])


def test_shaping_of_a_standard_port_group_is_said() -> None:
    """Row host-network.shaping."""
    shaping = Shaping(
        enabled=True,
        average_bits_per_second=100_000_000,
        peak_bits_per_second=200_000_000,
        burst_bytes=1_048_576,
    )
    for own, number in ((None, 1), (Shaping(enabled=False), 0)):
        host = esx(switches=(vswitch(shaping=shaping),), port_groups=(port_group(shaping=own),))
        found = told(wired(vcenter(host)), "host-network.shaping")
        assert len(found) == number
        assert all("100 Mbit/s on average, 200 Mbit/s at peak" in each.says for each in found)


def test_nics_listen_where_the_switch_did() -> None:
    """Row host-network.discovery."""
    for protocol, operation, hears in (
        ("lldp", "both", True),
        ("lldp", "advertise", False),
        ("cdp", "both", False),
    ):
        switch = dvs(discovery_protocol=protocol, discovery_operation=operation)
        host = esx(switches=(proxy(uplinks=("vmnic2",)),))
        translation = wired(vcenter(host, networks=(distributed(),), switches=(switch,)))
        assert ("lldp" in interface(translation, "ethernet")) is hears


def test_a_nic_that_was_taken_out_is_no_port() -> None:
    nics = tuple(PhysicalNic(name=name) for name in ("vmnic2", "vmnic4"))
    host = esx(nics=nics, switches=(vswitch(uplinks=("vmnic2", "key-vim.host-vmnic3")),))
    translation = wired(vcenter(host), node_groups={"workers": group(nics={"vmnic2": "ens2f0"})})
    assert interface(translation, "ovs-bridge")["bridge"]["port"] == [{"name": "ens2f0"}]


# -- what the ledger reports


@pytest.mark.parametrize(
    ("row", "changes", "says"),
    [
        ("host-network.io-control", {"io_control": True}, "Shares of kinds of traffic (True)"),
        ("host-network.netflow", {"netflow_collector": "192.0.2.9:2055"}, "went to 192.0.2.9:2055"),
        ("host-network.lacp-version", {"lacp_version": "singleLag"}, "kind singleLag"),
    ],
)
def test_what_a_distributed_switch_does_besides_is_reported(
    row: str, changes: dict[str, Any], says: str
) -> None:
    whole = vcenter(esx(switches=(proxy(),)), networks=(distributed(),), switches=(dvs(**changes),))
    (entry,) = (each for each in wired(whole).ledger.entries if each.row == row)
    assert says in entry.says
    assert entry.refs == ("vc1/dvs-1",)
