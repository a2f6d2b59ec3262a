"""``desiredState`` of NodeNetworkConfigurationPolicies."""

from typing import Any

import pytest

from mtv.knowledge.versions import release
from tests.real.schemas import require_schemas
from tests.validation import faults
from tests.validation.examples import ABSENT, changed, example
from tests.validation.host_networks import bridges_of, localnets_of

require_schemas()

OF = release("4.22")
OVN, LINUX, SLB = (
    "host network of OVN",
    "host network of Linux bridges",
    "host network with balance-slb",
)
STATE = "spec.desiredState"
INTERFACES = f"{STATE}.interfaces"
BOND = f"{INTERFACES}[1].link-aggregation"
PORT = f"{INTERFACES}[1].bridge.port[0]"
MAPPING = f"{STATE}.ovn.bridge-mappings"


@pytest.mark.parametrize(
    ("name", "path", "value", "says"),
    [
        (OVN, "spec.maxUnavailable", "half", "neither a number nor a percentage"),
        (OVN, STATE, ABSENT, "desiredState: is missing"),
        (OVN, STATE, {}, "it says nothing"),
        (OVN, f"{STATE}.routes", {"config": []}, "routes: is no known field"),
        (OVN, f"{STATE}.dns-resolver", {}, "dns-resolver: is no known field"),
        (OVN, f"{INTERFACES}[0].type", "wifi", "there is no 'wifi'"),
        (OVN, f"{INTERFACES}[0].name", "interface-too-long", "breaks maxLength"),
        (OVN, f"{INTERFACES}[0].name", "a/b", "does not match"),
        (OVN, f"{INTERFACES}[0].state", "on", "is none of"),
        (OVN, f"{INTERFACES}[0].mtu", 70000, "breaks maximum"),
        (OVN, f"{INTERFACES}[0].mtu", "9000", "is no integer"),
        (OVN, f"{INTERFACES}[0].mtu", 1500, "mtu: greater than the one of ens2f0"),
        (OVN, f"{INTERFACES}[0].lldp", {}, "lldp.enabled: is missing"),
        (OVN, f"{INTERFACES}[0].ipv4", {"enabled": False, "dhcp": True}, "need enabled"),
        (
            OVN,
            f"{INTERFACES}[0].ipv4",
            {"enabled": True, "address": [{"ip": "10.0.0.1", "prefix-length": 64}]},
            "its prefix is too long",
        ),
        (OVN, f"{INTERFACES}[0].bridge", {"port": []}, "bridge: is no known field"),
        (OVN, f"{BOND}.mode", "4", "is none of"),
        (OVN, f"{BOND}.port", [], "breaks minItems"),
        (OVN, f"{BOND}.port", ["ens2f0", "ens2f0"], "twice"),
        (OVN, f"{BOND}.options.madeUp", "1", "options.madeUp: is no known field"),
        (OVN, f"{BOND}.options.primary", "ens2f0", "802.3ad does not have it"),
        (OVN, f"{BOND}.options.arp_interval", 100, "802.3ad does not have it"),
        (OVN, f"{BOND}.options", {"updelay": 100}, "needs miimon"),
        (
            OVN,
            BOND,
            {"mode": "active-backup", "port": ["a"], "options": {"primary": "b"}},
            "no port",
        ),
        (OVN, f"{INTERFACES}[1].link-aggregation", ABSENT, "link-aggregation: is missing"),
        (OVN, f"{BOND}.mode", "balance-tlb", "lacp_rate: balance-tlb does not have it"),
        (OVN, BOND, {"mode": "balance-alb", "port": ["a", "b"]}, "bridges of VMs do not work"),
        (OVN, f"{INTERFACES}[1].ipv4", {"enabled": True, "dhcp": True}, "which a port cannot have"),
        (OVN, f"{INTERFACES}[2].mtu", 9000, "an ovs-bridge has none"),
        (OVN, f"{INTERFACES}[2].bridge.options.stp", {"enabled": True}, "is no boolean"),
        (OVN, f"{INTERFACES}[0].state", "absent", "ens2f0 is to be absent"),
        (OVN, f"{INTERFACES}[3]", {"name": "bond1", "type": "bond", "state": "up"}, "same name"),
        (OVN, f"{MAPPING}[1]", {"localnet": "vmdata", "bridge": "br-ex"}, "the same localnet"),
        (OVN, f"{MAPPING}[0].state", "up", "is none of"),
        (OVN, f"{MAPPING}[0].bridge", "bond1", "bond1 is a bond, no ovs-bridge"),
        (OVN, f"{STATE}.ovn.external", {}, "is no known field"),
        (LINUX, f"{INTERFACES}[0].vlan.id", 4095, "breaks maximum"),
        (LINUX, f"{INTERFACES}[0].vlan", ABSENT, "vlan: is missing"),
        (LINUX, f"{INTERFACES}[1].bridge.port[1]", {"name": "ens3f1"}, "the same name"),
        (LINUX, f"{INTERFACES}[1].bridge.port[1]", {"name": "br1"}, "a port of br1 already"),
        (LINUX, f"{INTERFACES}[1].bridge.options.stp", True, "is no object"),
        (LINUX, f"{PORT}.vlan.mode", "access", "trunk-tags are for trunks"),
        (LINUX, f"{PORT}.vlan", {"mode": "access"}, "an access port has a tag"),
        (LINUX, f"{PORT}.vlan.tag", 5, "needs enable-native"),
        (LINUX, f"{PORT}.vlan.trunk-tags[0]", {}, "either id or id-range"),
        (LINUX, f"{PORT}.vlan.trunk-tags[1].id-range.min", 300, "min is greater than max"),
        (LINUX, f"{INTERFACES}[1].allow-extra-patch-ports", True, "is no known field"),
        (
            SLB,
            f"{INTERFACES}[0].bridge.port[0].link-aggregation.port",
            [{"name": "ens4f0"}],
            "breaks minItems",
        ),
        (
            SLB,
            f"{INTERFACES}[0].bridge.port[1]",
            {"name": "ens4f0"},
            "ens4f0 is a port of br-slb already",
        ),
    ],
)
def test_what_nmstate_refuses(name: str, path: str, value: Any, says: str) -> None:
    said = faults(changed(example(name), (path, value)), OF)
    assert any(says in each for each in said), said


def test_ipv6_needs_room() -> None:
    six = {"ipv6": {"enabled": True, "autoconf": True, "dhcp": True}, "mtu": 1000}
    nic = {"name": "ens9", "type": "ethernet", "state": "up", **six}
    (said,) = faults(changed(example(LINUX), (f"{INTERFACES}[2]", nic)), OF)
    assert said.endswith("mtu: IPv6 needs 1280")


def test_an_interface_that_goes_needs_no_more() -> None:
    gone = {"name": "br9", "type": "linux-bridge", "state": "absent"}
    assert faults(changed(example(LINUX), (f"{INTERFACES}[2]", gone)), OF) == []


def test_what_a_policy_gives_to_others() -> None:
    assert localnets_of(example(OVN)) == {"vmdata": "br-vmdata"}
    assert bridges_of(example(OVN)) == {"br-vmdata"}
    assert bridges_of(example(LINUX)) == {"br1"}
    gone = changed(example(OVN), (f"{MAPPING}[0].state", "absent"))
    assert localnets_of(gone) == {}
