"""How hosts are wired, the bonds that follow, and the groups of nodes that are suggested."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.model.compute import Bond
from mtv.model.estate import Inventory
from mtv.model.quantity import Setting
from mtv.model.target import Node, Target, TargetNetwork
from mtv.translate.nodes.bonds import Bonding, bond, table
from mtv.translate.suggest.node_groups import suggest
from mtv.translate.suggest.question import Question, Suggestion
from tests.estates import plain_target
from tests.translate.wired import (
    attached,
    bond1,
    bond_of,
    distributed,
    dvs,
    engine,
    esx,
    interface,
    lag,
    logical,
    port_group,
    ports_of,
    proxy,
    rhv_host,
    standard,
    vcenter,
    vswitch,
    wired,
)
from tests.validation import host_networks as nmstate

# -- bonds


@pytest.mark.parametrize(
    ("policy", "localnet", "bridge"),
    [
        ("loadbalance_srcid", "balance-slb", "active-backup"),
        ("loadbalance_srcmac", "balance-slb", "active-backup"),
        ("loadbalance_loadbased", "balance-slb", "active-backup"),
        ("loadbalance_ip", "balance-xor", "balance-xor"),
        ("failover_explicit", "active-backup", "active-backup"),
        ("lacp", "802.3ad", "802.3ad"),
        *((mode, "active-backup", "active-backup") for mode in ("0", "1", "3", "5", "6")),
        ("2", "balance-xor", "balance-xor"),
        ("4", "802.3ad", "802.3ad"),
        ("nonsense", "active-backup", "active-backup"),
    ],
)
def test_a_policy_becomes_a_mode(policy: str, localnet: str, bridge: str) -> None:
    assert bond(Bonding(policy=policy), localnet=True).mode == localnet
    assert bond(Bonding(policy=policy), localnet=False).mode == bridge


@pytest.mark.parametrize("policy", ["0", "3", "5", "6", "nonsense", ""])
def test_a_mode_that_does_not_work_is_a_loss(policy: str) -> None:
    assert bond(Bonding(policy=policy), localnet=True).loses


def test_every_mode_of_the_table_works_below_bridges() -> None:
    ways = [way for each in table().policies for way in (each.localnet, each.bridge)]
    for way in (*ways, table().unknown):
        assert way.mode in ("balance-slb", "active-backup", "balance-xor", "802.3ad")
        assert way.mode != "balance-slb" or not way.options


@pytest.mark.parametrize("name", table().options)
def test_options_and_modes_of_the_table_are_nmstates(name: str) -> None:
    known = nmstate._known()["bond-options"]
    option = table().options[name]
    assert name in known
    allowed = known[name] or ["active-backup", "balance-xor", "802.3ad"]
    assert set(option.modes) <= set(allowed)
    assert not known[name] or option.modes


@pytest.mark.parametrize(
    ("given", "kept", "left_out"),
    [
        ({}, {"miimon": 100}, ()),
        ({"miimon": "80", "updelay": "160"}, {"miimon": 80, "updelay": 160}, ()),
        ({"updelay": "160"}, {"miimon": 100, "updelay": 160}, ()),
        (
            {"arp_interval": "500", "arp_ip_target": "192.0.2.1"},
            {"arp_interval": 500, "arp_ip_target": "192.0.2.1"},
            (),
        ),
        (
            {"miimon": "100", "arp_interval": "500", "arp_ip_target": "192.0.2.1"},
            {"miimon": 100},
            ("arp_interval=500", "arp_ip_target=192.0.2.1"),
        ),
        ({"xmit_hash_policy": "layer2+3"}, {"miimon": 100}, ()),
        ({"miimon": "$(reboot)"}, {"miimon": 100}, ()),
        ({"fail_over_mac": "sometimes"}, {"miimon": 100}, ("fail_over_mac=sometimes",)),
        ({"primary_reselect": "2"}, {"miimon": 100}, ("primary_reselect=2",)),
        ({"mode": "1", "custom": "x"}, {"miimon": 100}, ("custom=x",)),
    ],
)
def test_options_that_the_mode_has_stay(
    given: dict[str, str], kept: dict[str, Any], left_out: tuple[str, ...]
) -> None:
    options = tuple(Setting(name=name, value=value) for name, value in given.items())
    made = bond(Bonding(policy="1", options=options), localnet=True)
    assert made.options == kept
    assert made.left_out == left_out


def test_the_links_of_every_bond_are_watched() -> None:
    for each in table().policies:
        made = bond(Bonding(policy=each.names[0]), localnet=False)
        assert made.options["miimon"] == 100


# -- vSphere


def test_an_explicit_order_has_its_first_nic_as_primary() -> None:
    order = ports_of("failover_explicit", active=("vmnic3",), standby=("vmnic2",))
    translation = wired(vcenter(esx(switches=(vswitch(teaming=order),))))
    assert bond_of(translation) == {
        "mode": "active-backup",
        "options": {"miimon": 100, "primary": "ens3f0"},
        "port": ["ens3f0", "ens2f0"],
    }


def test_a_rolling_order_does_not_go_back() -> None:
    order = ports_of("failover_explicit", active=("vmnic3", "vmnic2"), rolling_order=True)
    translation = wired(vcenter(esx(switches=(vswitch(teaming=order),))))
    assert bond_of(translation)["options"]["primary_reselect"] == "failure"


def test_one_active_uplink_is_an_order_whatever_the_policy() -> None:
    order = ports_of("loadbalance_srcid", active=("vmnic3",), standby=("vmnic2",))
    translation = wired(vcenter(esx(switches=(vswitch(teaming=order),))))
    assert bond_of(translation)["options"]["primary"] == "ens3f0"


def test_uplinks_that_no_teaming_uses_are_left_alone() -> None:
    order = ports_of("loadbalance_ip", active=("vmnic2", "vmnic3"))
    switch = vswitch(uplinks=("vmnic2", "vmnic3", "vmnic4"), teaming=order)
    assert bond_of(wired(vcenter(esx(switches=(switch,)))))["port"] == ["ens2f0", "ens3f0"]


def test_a_port_group_overrules_its_switch() -> None:
    base = ports_of("loadbalance_srcid", active=("vmnic2", "vmnic3"))
    host = esx(
        switches=(vswitch(teaming=base),),
        port_groups=(port_group(teaming=ports_of("loadbalance_ip")),),
    )
    assert bond_of(wired(vcenter(host)))["mode"] == "balance-xor"


def test_the_teaming_of_most_networks_is_the_bonds() -> None:
    networks = tuple(standard(id=f"network-{each}", name=f"web{each}") for each in range(3))
    ip = ports_of("loadbalance_ip")
    groups = (
        port_group(name="web0"),
        port_group(name="web1", teaming=ip),
        port_group(name="web2", teaming=ip),
    )
    host = esx(switches=(vswitch(),), port_groups=groups)
    assert bond_of(wired(vcenter(host, networks=networks)))["mode"] == "balance-xor"


def of_dvs(network: dict[str, Any], **switch: Any) -> Inventory:
    return vcenter(
        esx(switches=(proxy(),)), networks=(distributed(**network),), switches=(dvs(**switch),)
    )


def test_a_distributed_switch_has_the_mtu_of_the_whole() -> None:
    assert interface(wired(of_dvs({}), kind="bridge"), "linux-bridge")["mtu"] == 9000


@pytest.mark.parametrize(
    ("hashing", "policy"),
    [
        ("srcDestIpTcpUdpPort", "layer3+4"),
        ("srcDestIp", "layer2+3"),
        ("srcDestMac", "layer2"),
        ("vlan", "vlan+srcmac"),
    ],
)
def test_a_link_aggregation_group_becomes_lacp(hashing: str, policy: str) -> None:
    """Row host-network.lacp."""
    teaming = ports_of("loadbalance_ip", active=("lag1",))
    whole = of_dvs({"teaming": teaming}, link_groups=(lag(load_balancing=hashing),))
    for kind in ("localnet", "bridge"):
        assert bond_of(wired(whole, kind=kind)) == {
            "mode": "802.3ad",
            "options": {"miimon": 100, "xmit_hash_policy": policy},
            "port": ["ens2f0", "ens3f0"],
        }


def test_a_link_aggregation_group_that_nothing_uses_is_none() -> None:
    teaming = ports_of("loadbalance_ip", active=("uplink1", "uplink2"))
    translation = wired(of_dvs({"teaming": teaming}, link_groups=(lag(),)))
    assert bond_of(translation)["mode"] == "balance-xor"


def test_a_distributed_port_group_follows_its_switch_where_it_says_nothing() -> None:
    whole = of_dvs({}, teaming=ports_of("loadbalance_ip", active=("uplink1", "uplink2")))
    assert bond_of(wired(whole))["mode"] == "balance-xor"


# -- RHV


@pytest.mark.parametrize(
    ("mode", "made"), [("1", "active-backup"), ("2", "balance-xor"), ("4", "802.3ad")]
)
def test_modes_of_rhv_stay(mode: str, made: str) -> None:
    host = rhv_host(bonds=(bond1(mode),))
    for kind in ("localnet", "bridge"):
        assert bond_of(wired(engine(host), kind=kind))["mode"] == made


def test_a_bond_of_one_nic_is_that_nic() -> None:
    host = rhv_host(bonds=(Bond(name="bond1", members=("eno1",), mode="4", mtu=9000),))
    assert interface(wired(engine(host)), "ovs-bridge")["bridge"]["port"] == [{"name": "ens1f0"}]


def test_the_mtu_is_the_bonds_the_nics_or_the_networks() -> None:
    bonded = wired(engine(rhv_host()))
    assert interface(bonded, "bond")["mtu"] == 9000
    alone = rhv_host(interfaces=(attached("net-1", "eno3"),))
    assert interface(wired(engine(alone)), "ethernet")["mtu"] == 1500
    unknown = rhv_host(nics=(), interfaces=(attached("net-1", "eno3"),))
    whole = engine(unknown, networks=(logical(mtu=9000),))
    assert interface(wired(whole), "ethernet")["mtu"] == 9000


# -- suggestions


def suggested(whole: Inventory, target: Target | None = None) -> list[Suggestion]:
    return list(suggest(Question(Estate([whole]), target or plain_target(networks=()))))


def test_hosts_that_are_wired_alike_are_suggested_as_workers() -> None:
    whole = vcenter(*(esx(number, switches=(vswitch(),)) for number in (1, 2)))
    (found,) = suggested(whole)
    assert (found.section, found.ref, found.name) == ("node_groups", "workers", "vSwitch1")
    assert found.choice == {
        "hosts": ["vc1/host-1", "vc1/host-2"],
        "nodes": {"node-role.kubernetes.io/worker": ""},
        "nics": {"vmnic2": None, "vmnic3": None},
    }
    assert "name the nodes' NIC" in found.reason


def test_several_layouts_are_several_groups_with_open_nodes() -> None:
    whole = vcenter(esx(1, switches=(vswitch(),)), esx(2, switches=(vswitch(mtu=1500),)))
    first, second = suggested(whole)
    assert (first.ref, second.ref) == ("workers", "workers-2")
    assert first.choice["nodes"] is None
    assert second.choice["hosts"] == ["vc1/host-2"]
    assert "choose labels" in second.reason


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mtu": 1500}, "unlike workers: vSwitch1 has the MTU 1500, not 9000;"),
        ({"uplinks": ("vmnic2",)}, "vSwitch1 is over vmnic2, not vmnic2, vmnic3"),
        (
            {"teaming": ports_of("loadbalance_ip")},
            "vSwitch1 joins its NICs by loadbalance_ip, not loadbalance_srcid",
        ),
        ({"discovery_protocol": "lldp"}, "vSwitch1 listens to LLDP"),
    ],
)
def test_a_group_says_what_tells_its_hosts_from_others(changes: dict[str, Any], says: str) -> None:
    whole = vcenter(esx(1, switches=(vswitch(),)), esx(2, switches=(vswitch(**changes),)))
    first, second = suggested(whole)
    assert "unlike" not in first.reason
    assert says in second.reason


def test_a_group_that_lacks_a_switch_says_so() -> None:
    both = (vswitch(), proxy(uplinks=("vmnic4", "vmnic5")))
    networks = (standard(), distributed())
    whole = vcenter(
        esx(1, switches=both), esx(2, switches=both[:1]), networks=networks, switches=(dvs(),)
    )
    assert "unlike workers: has no dvs-prod;" in suggested(whole)[1].reason
    modes = engine(rhv_host(1), rhv_host(2, bonds=(bond1("1"),)))
    assert "bond1 joins its NICs by 1, not 4" in suggested(modes)[1].reason


def test_hosts_that_lack_a_port_group_are_wired_alike_all_the_same() -> None:
    """Row host-network.teaming: nodes have one bond, whatever single port groups say."""
    own = port_group(name="dmz", teaming=ports_of("loadbalance_ip"))
    networks = (standard(), standard(id="network-2", name="dmz"))
    whole = vcenter(
        esx(1, switches=(vswitch(),), port_groups=(port_group(), own)),
        esx(2, switches=(vswitch(),), port_groups=(port_group(),)),
        networks=networks,
    )
    (found,) = suggested(whole)
    assert found.choice["hosts"] == ["vc1/host-1", "vc1/host-2"]
    told = [each for each in wired(whole).findings if each.row == "host-network.teaming"]
    assert [each.name for each in told] == ["dmz"]


def test_a_switch_without_an_uplink_is_told_in_the_group() -> None:
    (found,) = suggested(vcenter(esx(1, switches=(vswitch(uplinks=()),))))
    assert found.choice["nics"] == {}
    assert "vSwitch1 has no uplink, so nothing can be made for it" in found.reason


def test_nics_of_the_same_name_are_suggested() -> None:
    nodes = (Node(name="worker-1", nics=("eno1", "eno2")), Node(name="worker-2", nics=("eno1",)))
    (found,) = suggested(engine(rhv_host()), plain_target(networks=(), nodes=nodes))
    assert found.choice["nics"] == {"eno1": "eno1", "eno2": None}


def test_management_is_a_reason_to_think_of_br_ex() -> None:
    nodes = (Node(name="worker-1", nics=("eno1", "eno2")),)
    target = plain_target(networks=(), nodes=nodes)
    (found,) = suggested(engine(rhv_host(), management="net-1"), target)
    assert "bond1 carries management" in found.reason
    assert found.choice["nics"] == {"eno1": None, "eno2": None}


def test_hosts_without_networks_of_vms_are_not_asked_for() -> None:
    whole = vcenter(esx(1, switches=(vswitch(),)), esx(2, cluster="domain-c2"))
    (found,) = suggested(whole)
    assert found.choice["hosts"] == ["vc1/host-1"]
    assert suggested(vcenter(esx(1))) == []


def test_a_network_that_the_target_has_needs_no_group() -> None:
    whole = vcenter(esx(1, switches=(vswitch(),)))
    there = (TargetNetwork(name="default/vlan10", vlan=10),)
    assert suggested(whole, plain_target(networks=there)) == []
