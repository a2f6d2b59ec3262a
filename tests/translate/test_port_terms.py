"""The terms of NICs on their networks: MAC checks, bandwidths, SR-IOV, vNIC profiles."""

from typing import Any

import msgspec
import pytest

from mtv.model.network import Network, NicProfile, Security, Segment
from mtv.model.quantity import Setting, Shaping
from mtv.model.storage import QosProfile
from mtv.translate import Translation
from tests.estates import numbered_vms, plain_nic, plain_target, plain_vm
from tests.translate.network_estates import (
    attached,
    config,
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

OPEN = Security(promiscuous=False, mac_changes=False, forged_transmits=True)


def made(network: Network, choice: str | None, **target: Any) -> Translation:
    """What becomes of a VM with a NIC on one network of a vCenter."""
    return translation(vsphere((network,)), {network.id: choice}, plain_target(**target))


def nad(network: Network, choice: str = "bridge", **target: Any) -> Any:
    """The configuration of the one NetworkAttachmentDefinition that is made."""
    (found,) = of_kind(made(network, choice, **target), "NetworkAttachmentDefinition")
    return config(found)


# -- network.security, nic_profile.filter


@pytest.mark.parametrize("field", ["promiscuous", "mac_changes", "forged_transmits"])
def test_a_bridge_checks_mac_addresses_unless_the_port_group_does_not(field: str) -> None:
    """Row network.security."""
    closed = Security(promiscuous=False, mac_changes=False, forged_transmits=False)
    assert nad(port_group(security=closed))["macspoofchk"] is True
    opened = msgspec.structs.replace(closed, **{field: True})
    assert nad(port_group(security=opened))["macspoofchk"] is False


@pytest.mark.parametrize("choice", ["localnet", "layer2", "pod"])
def test_networks_that_always_check_mac_addresses_lose_the_freedom(choice: str) -> None:
    """Row network.security."""
    (says,) = said(made(port_group(security=OPEN), choice), "network.security")
    assert says.endswith(f"and {choice} does not")
    assert said(made(port_group(), choice), "network.security") == []


def with_profiles(*profiles: NicProfile, qos: tuple[QosProfile, ...] = ()) -> Any:
    """An engine whose VM has a NIC with each profile, all on one network."""
    cards = tuple(
        msgspec.structs.replace(nic, profile=profile.id)
        for nic, profile in zip(nics(*["net-1"] * len(profiles)), profiles, strict=True)
    )
    return rhv(
        (logical(),),
        plain_vm(nics=cards),
        nic_profiles=profiles,
        qos_profiles=qos,
    )


def profile(name: str, **changes: Any) -> NicProfile:
    given = {"id": f"p-{name}", "name": name, "network": "net-1"}
    return NicProfile(**{**given, "network_filter": "vdsm-no-mac-spoofing", **changes})


@pytest.mark.parametrize(
    ("named", "checks", "says"),
    [
        ("vdsm-no-mac-spoofing", True, None),
        ("clean-traffic", True, "which keeps guests from sending from addresses that are not"),
        ("allow-arp", False, "which lets only some kinds of traffic through"),
        ("home-made", True, "which mtv does not know"),
        (None, False, None),
    ],
)
def test_a_network_filter_checks_mac_addresses(
    named: str | None, checks: bool, says: str | None
) -> None:
    """Row nic_profile.filter."""
    found = translation(with_profiles(profile("App", network_filter=named)), {"net-1": "bridge"})
    (only,) = of_kind(found, "NetworkAttachmentDefinition")
    assert config(only)["macspoofchk"] is checks
    told = said(found, "nic_profile.filter")
    assert len(told) == (says is not None)
    assert says is None or says in told[0]


def test_a_profile_without_a_filter_loses_its_freedom_on_a_localnet() -> None:
    """Row nic_profile.filter."""
    found = translation(with_profiles(profile("a", network_filter=None)), {"net-1": "localnet"})
    assert "lets guests send from other MAC addresses" in said(found, "nic_profile.filter")[0]


# -- network.shaping, qos.network, nic.shaping

LIMIT = Shaping(
    enabled=True,
    average_bits_per_second=100_000_000,
    peak_bits_per_second=200_000_000,
    burst_bytes=1_000_000,
)


def test_traffic_shaping_is_the_bandwidth_plugin() -> None:
    """Row network.shaping: what comes into the switch, the guest has sent."""
    half = msgspec.structs.replace(LIMIT, average_bits_per_second=50_000_000)
    said_ = nad(port_group(shaping_in=half, shaping_out=LIMIT))
    assert list(said_) == ["cniVersion", "name", "plugins"]
    bridge, bandwidth = said_["plugins"]
    assert (bridge["type"], bridge["vlan"]) == ("bridge", 10)
    assert bandwidth == {
        "type": "bandwidth",
        "ingressRate": 100_000_000,
        "ingressBurst": 8_000_000,
        "egressRate": 50_000_000,
        "egressBurst": 8_000_000,
    }


def test_shaping_that_is_off_is_none() -> None:
    """Row network.shaping."""
    off = msgspec.structs.replace(LIMIT, enabled=False)
    assert "plugins" not in nad(port_group(shaping_in=off, shaping_out=off))


@pytest.mark.parametrize("choice", ["localnet", "layer2", "pod", "default/vlan10"])
def test_shaping_gets_lost_elsewhere(choice: str) -> None:
    """Row network.shaping."""
    found = made(port_group(shaping_out=LIMIT), choice)
    assert said(found, "network.shaping") == [
        f"limits its NICs to 100 Mbit/s to the guest, which {choice} cannot"
    ]


def test_a_card_with_a_limit_of_its_own_gets_a_network_with_it() -> None:
    """Row nic.shaping."""
    cards = nics("dvportgroup-7", "dvportgroup-7")
    limited = msgspec.structs.replace(cards[1], shaping=LIMIT)
    whole = vsphere((port_group(),), plain_vm(nics=(cards[0], limited)))
    found = translation(whole, {"dvportgroup-7": "bridge"})
    assert attached(found) == ["app", "app-limited"]
    configs = [config(each) for each in of_kind(found, "NetworkAttachmentDefinition")]
    assert "plugins" not in configs[0]
    assert configs[1]["plugins"][1]["egressRate"] == 100_000_000


QOS = QosProfile(
    id="q-1",
    name="silver",
    kind="network",
    limits=(
        Setting(name="inbound_average", value="80"),
        Setting(name="inbound_peak", value="160"),
        Setting(name="inbound_burst", value="2"),
        Setting(name="outbound_average", value="10"),
    ),
)


def test_a_profiles_qos_is_the_bandwidth_plugin() -> None:
    """Row qos.network: Mbit/s and MB; a burst that nobody said is a tenth of a second."""
    found = translation(with_profiles(profile("a", qos="q-1"), qos=(QOS,)), {"net-1": "bridge"})
    (only,) = of_kind(found, "NetworkAttachmentDefinition")
    assert config(only)["plugins"][1] == {
        "type": "bandwidth",
        "ingressRate": 80_000_000,
        "ingressBurst": 2 * 1024 * 1024 * 8,
        "egressRate": 10_000_000,
        "egressBurst": 1_000_000,
    }


def test_profiles_with_other_terms_get_networks_of_their_own() -> None:
    """Row nic.profile."""
    whole = with_profiles(
        profile("App"),
        profile("slow", qos="q-1"),
        profile("nested", network_filter=None),
        profile("also plain"),
        qos=(QOS,),
    )
    found = translation(whole, {"net-1": "bridge"})
    assert attached(found) == ["app", "app-slow", "app-nested", "app-2"]
    assert attached(translation(whole, {"net-1": "localnet"})) == ["app", "app-2", "app-3", "app-4"]


def test_qos_gets_lost_on_a_localnet() -> None:
    """Row qos.network."""
    found = translation(with_profiles(profile("a", qos="q-1"), qos=(QOS,)), {"net-1": "localnet"})
    assert said(found, "qos.network") == [
        (
            "its vNIC profile a limits its NICs to 80 Mbit/s to and 10 Mbit/s from the guest, "
            "which localnet cannot (VMs: web01)"
        )
    ]


def test_what_one_profile_says_is_not_told_of_the_network() -> None:
    """Rows nic_profile.filter, qos.network: each profile with its VMs."""
    profiles = (profile("App"), profile("slow", qos="q-1"), profile("mirror", network_filter=None))
    vms = tuple(
        plain_vm(
            id=f"vm-{number}",
            name=f"vm{number}",
            nics=nics("net-1", profile=each.id),
        )
        for number, each in enumerate(profiles)
    )
    whole = rhv((logical(),), *vms, nic_profiles=profiles, qos_profiles=(QOS,))
    found = translation(whole, {"net-1": "localnet"})
    (limited,) = said(found, "qos.network")
    assert limited.startswith("its vNIC profile slow limits")
    assert limited.endswith("(VMs: vm1)")
    (free,) = said(found, "nic_profile.filter")
    assert free.startswith("its vNIC profile mirror lets")
    assert free.endswith("(VMs: vm2)")


@pytest.mark.parametrize("choice", ["layer2", "pod"])
def test_a_network_of_ovn_needs_no_filter_to_check_addresses(choice: str) -> None:
    """Row nic_profile.filter: its ports have port security, whatever the profile says."""
    network = logical(vlan=None, segment=Segment(id="s-1", kind="geneve"), port_security=True)
    card = nics("net-1", profile="p-a")
    bare = profile("a", network_filter=None, qos="q-1")
    whole = rhv((network,), plain_vm(nics=card), nic_profiles=(bare,), qos_profiles=(QOS,))
    found = translation(whole, {"net-1": choice})
    assert said(found, "nic_profile.filter") == []
    (limited,) = (each for each in found.findings if each.row == "qos.network")
    assert "bridge" not in limited.remedy


def test_a_limit_of_single_nics_is_told_with_their_vms() -> None:
    """Row network.shaping."""
    cards = nics("dvportgroup-7", shaping=LIMIT)
    found = translation(
        vsphere((port_group(),), plain_vm(nics=cards)), {"dvportgroup-7": "localnet"}
    )
    assert said(found, "network.shaping") == [
        (
            "some of its NICs have a limit of their own, 100 Mbit/s from the guest, which localnet "
            "cannot (VMs: web01)"
        )
    ]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [("storage", "StorageClass"), ("cpu", "limits.cpu"), ("hostnetwork", "uplinks of their own")],
)
def test_other_quality_of_service_is_told_with_the_nearest_practice(kind: str, remedy: str) -> None:
    """Row qos.network."""
    other = QosProfile(id="q", name="q", kind=kind, limits=(Setting(name="max_iops", value="9"),))
    found = translation(with_profiles(profile("a"), qos=(other,)), {"net-1": "localnet"})
    (finding,) = (each for each in found.findings if each.row == "qos.network")
    assert "(max_iops 9)" in finding.says
    assert remedy in finding.remedy


# -- SR-IOV


def test_sriov_is_an_sriov_network_in_each_namespace() -> None:
    """Row network and nic."""
    vms = numbered_vms(2)
    found = translation(
        vsphere((port_group(security=OPEN, shaping_in=LIMIT, mtu=9000),), *vms),
        {"dvportgroup-7": "sriov:fast"},
        plain_target(sriov_resources=("fast",)),
        namespaces={"vc1/vm-2": "other"},
    )
    first, second = of_kind(found, "SriovNetwork")
    assert (first["metadata"]["namespace"], first["metadata"]["name"]) == (
        "openshift-sriov-network-operator",
        "app-imported-vms",
    )
    assert first["spec"] == {
        "resourceName": "fast",
        "networkNamespace": "imported-vms",
        "spoofChk": "off",
        "trust": "off",
        "vlan": 10,
        "maxTxRate": 100,
    }
    assert second["spec"]["networkNamespace"] == "other"
    interfaces, _ = machine(found, "vc1/vm-2")
    assert interfaces == [
        {"name": "nic-4000", "sriov": {}, "macAddress": "00:50:56:9a:00:02"},
    ]
    assert attached(found, "vc1/vm-2") == ["app-other"]
    assert all(vm.obstacles == () for vm in found.vms)
    assert "driver of the card's Virtual Functions" in next(
        each.remedy for each in found.findings if each.row == "nic.model"
    )
    assert "set mtu: 9000" in next(
        each.remedy for each in found.findings if each.row == "network.mtu"
    )


@pytest.mark.parametrize("model", ["sriov", "pci_passthrough"])
def test_a_part_of_the_hosts_card_becomes_a_paravirtual_one(model: str) -> None:
    """Row nic.model: it is translated, and told."""
    vm = plain_vm(nics=(plain_nic(model=model),))
    found = translation(vsphere((port_group(),), vm), {"dvportgroup-7": "localnet"})
    assert len(found.vms) == 1
    assert "become paravirtual ones on localnet" in said(found, "nic.model")[0]


def test_rdma_is_lost() -> None:
    """Row nic.model."""
    vm = plain_vm(nics=(plain_nic(model="vmxnet3-rdma"),))
    found = translation(vsphere((port_group(),), vm), {"dvportgroup-7": "localnet"})
    assert "offer RDMA" in said(found, "nic.model")[0]


def test_a_profile_may_have_a_line_of_its_own() -> None:
    """Row nic_profile: NICs of one network, passed through and not."""
    whole = with_profiles(profile("App"), profile("passed", pass_through=True))
    lines: dict[str, str | None] = {"net-1": "localnet", "p-passed": "sriov:fast"}
    found = translation(whole, lines, plain_target(sriov_resources=("fast",)))
    assert attached(found) == ["app", "app-passed-imported-vms"]
    (made_,) = of_kind(found, "SriovNetwork")
    assert made_["metadata"]["annotations"]["mtv.migration/source"] == "vc1/p-passed"
    assert made_["spec"]["vlan"] == 10
    assert said(found, "nic_profile.pass_through") == []


def test_a_passed_through_card_on_another_network_is_told() -> None:
    """Row nic_profile.pass_through."""
    found = translation(with_profiles(profile("a", pass_through=True)), {"net-1": "localnet"})
    assert said(found, "nic_profile.pass_through") == [
        "passes cards of the host through, and its NICs become paravirtual ones"
    ]


def test_a_passed_through_card_with_a_line_of_its_own_is_told_once() -> None:
    """Row nic_profile.pass_through: the line is there, and is named by the profile."""
    card = nics("net-1", model="pci_passthrough", profile="p-fast")
    fast = profile("fast", pass_through=True, network_filter=None)
    whole = rhv((logical(),), plain_vm(nics=card), nic_profiles=(fast,))
    found = translation(whole, {"p-fast": "localnet"})
    about = [each for each in found.findings if each.ref == "vc1/p-fast"]
    assert [each.row for each in about] == ["nic_profile.pass_through"]
    assert "as its line in mapping.yaml says" in about[0].says
    assert about[0].remedy.startswith("change the profile's line")
    unanswered = translation(whole, {"p-fast": None})
    assert [each.name for each in unanswered.blockers] == ["fast (vNIC profile)"]
    refused = translation(whole, {"p-fast": "sriov:x"})
    assert [each.name for each in refused.blockers] == ["fast (vNIC profile)"]


def test_port_mirroring_has_no_equivalent() -> None:
    """Row nic_profile.mirroring."""
    found = translation(with_profiles(profile("a", port_mirroring=True)), {"net-1": "bridge"})
    assert len(said(found, "nic_profile.mirroring")) == 1


@pytest.mark.parametrize("choice", ["bridge", "localnet"])
def test_isolated_ports(choice: str) -> None:
    """Row network.isolation."""
    found = translation(rhv((logical(port_isolation=True),)), {"net-1": choice})
    nads = of_kind(found, "NetworkAttachmentDefinition")
    assert [config(each)["portIsolation"] for each in nads] == [True] * (choice == "bridge")
    assert len(said(found, "network.isolation")) == 1
