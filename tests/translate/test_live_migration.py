"""vMotion and RHV live migration: settings, policies, the network for it, who may migrate."""

import json
from typing import Any

import msgspec
import pytest

from mtv.knowledge.live_migration import default_settings, knowledge, may_migrate, migrate_role
from mtv.knowledge.versions import versions
from mtv.model.compute import Cluster, ClusterNetwork, Host, HostInterface, HostPortGroup
from mtv.model.compute import MigrationPolicy as Policy
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.target import LiveMigration as Now
from mtv.model.target import MigrationNetwork, Node, Target
from mtv.model.vm import MigrationSettings, Vm
from mtv.translate import Translation
from mtv.translate.scheduling.migration_settings import count_of, quantity
from tests.estates import (
    inventory,
    plain_network,
    plain_target,
    plain_vm,
    translated,
    translated_inventory,
)

MINIMAL = "80554327-0569-496b-bdeb-fcbbf52b827b"
SUSPEND = "80554327-0569-496b-bdeb-fcbbf52b827c"
POST_COPY = "a7aeedb2-8d66-4e51-bb22-32595027ce71"

LABEL = "mtv.migration/migration-policy"


def cluster(id_: str = "c-1", **changes: Any) -> Cluster:
    return Cluster(id=id_, name=f"cluster {id_}", datacenter=None, version="4.7", **changes)


def rhv(*clusters: Cluster, vms: tuple[Vm, ...] = (), **changes: Any) -> Inventory:
    """An engine with a VM without cards in each cluster."""
    machines = vms or tuple(
        vm(each.id, id=f"vm-{number}", name=f"vm{number}") for number, each in enumerate(clusters)
    )
    return inventory(*machines, product="rhv", clusters=clusters, hosts=(), **changes)


def vm(cluster_id: str = "c-1", **changes: Any) -> Vm:
    return plain_vm(cluster=cluster_id, host=None, nics=(), **changes)


def settings(policy: str | None = MINIMAL, **changes: Any) -> MigrationSettings:
    return MigrationSettings(policy=policy, **changes)


def config(translation: Translation) -> dict[str, Any]:
    """``liveMigrationConfig`` of the manifests; empty when there is none."""
    for each in translation.platform:
        if each["kind"] == "HyperConverged" and "liveMigrationConfig" in each["spec"]:
            assert each["apiVersion"] == "hco.kubevirt.io/v1beta1"
            assert each["metadata"]["name"] == "kubevirt-hyperconverged"
            assert each["metadata"]["namespace"] == "openshift-cnv"
            found: dict[str, Any] = each["spec"]["liveMigrationConfig"]
            return found
    return {}


def of_kind(translation: Translation, kind: str) -> list[dict[str, Any]]:
    return [each for each in translation.platform if each["kind"] == kind]


def policies(translation: Translation) -> dict[str, dict[str, Any]]:
    """Name -> spec of each MigrationPolicy."""
    return {
        each["metadata"]["name"]: each["spec"] for each in of_kind(translation, "MigrationPolicy")
    }


def labels(translation: Translation) -> dict[str, str | None]:
    """Name of each VM -> the policy that its pods are labelled for."""
    found = dict[str, str | None]()
    for each in translation.vms:
        machine = translation.manifests(each)[0]
        found[each.name] = machine["spec"]["template"]["metadata"]["labels"].get(LABEL)
    return found


def found(translation: Translation, *rows: str) -> list[Finding]:
    wanted = rows or ("live-migration.policy", "live-migration.steps", "live-migration.parallel")
    return [each for each in translation.findings if each.row in wanted]


# The data


@pytest.mark.parametrize("openshift", [each.openshift for each in versions().releases])
def test_every_version_has_the_defaults_of_its_own_and_not_those_of_2022(openshift: str) -> None:
    defaults = default_settings(openshift)
    assert defaults.bandwidth_per_migration is None
    assert defaults.completion_seconds_per_gib == 150
    assert (defaults.parallel_per_cluster, defaults.parallel_outbound_per_node) == (5, 2)


def test_the_next_version_has_other_defaults() -> None:
    defaults = default_settings("4.23")
    assert (defaults.parallel_outbound_per_node, defaults.completion_seconds_per_gib) == (1, 20)


def test_every_engine_has_three_policies() -> None:
    assert [each.id for each in knowledge().policies] == [MINIMAL, SUSPEND, POST_COPY]


@pytest.mark.parametrize(
    ("privileges", "may"),
    [
        (("VirtualMachine.Interact.PowerOn", "Resource.HotMigrate"), True),
        (("vm_basic_operations", "migrate_vm"), True),
        (("Resource.ColdMigrate", "edit_vm_properties"), False),
        ((), False),
    ],
)
def test_who_may_migrate_at_the_source(privileges: tuple[str, ...], may: bool) -> None:
    assert may_migrate(privileges) is may


def test_the_role_for_those_that_may_migrate_is_there_since_4_19() -> None:
    assert migrate_role("4.18") is None
    assert migrate_role("4.19") == migrate_role("4.22") == "kubevirt.io:migrate"


@pytest.mark.parametrize(
    ("count", "text"), [(62_500_000, "62500k"), (125 * 10**6, "125M"), (10**9, "1G"), (7, "7")]
)
def test_a_quantity_says_as_much_as_its_number(count: int, text: str) -> None:
    assert quantity(count) == text
    assert count_of(text) == count


def test_no_quantity_is_no_limit_and_a_strange_one_is_unknown() -> None:
    assert (count_of(None), count_of("0"), count_of("64Mi"), count_of("1e3")) == (0, 0, 2**26, None)


# liveMigrationConfig


def test_a_vcenter_without_choices_writes_nothing() -> None:
    """live-migration.policy"""
    whole = translated(plain_vm())
    assert config(whole) == {}
    assert policies(whole) == {}
    assert found(whole) == []


def test_vmotions_limits_are_told_when_a_vsphere_cluster_leads() -> None:
    """live-migration.policy"""
    whole = translated(plain_vm(), settings_from="vc1/domain-c1")
    assert config(whole) == {}
    (finding,) = found(whole)
    assert finding.category is Category.INFORMATION
    assert "4 at 1 Gbit/s and 8 at 10 Gbit/s" in finding.says
    assert "2 at a time from a node and 5 in all" in finding.says


def test_the_leading_cluster_gives_the_target_its_settings() -> None:
    """live-migration.policy, live-migration.steps, live-migration.auto-converge"""
    leading = cluster(migration=settings(POST_COPY))
    whole = translated_inventory(rhv(leading), settings_from="vc1/c-1")
    # Two migrations a host are the target's default, too.
    assert config(whole) == {"allowAutoConverge": True, "allowPostCopy": True}
    assert policies(whole) == {}
    assert labels(whole) == {"vm0": None}


def test_what_is_the_default_already_is_not_written() -> None:
    """live-migration.parallel"""
    plain = Policy(id="p", name="p", version="4.7", maximum_migrations=2, auto_convergence=False)
    leading = cluster(migration=settings("p"))
    whole = translated_inventory(rhv(leading, migration_policies=(plain,)), settings_from="vc1/c-1")
    assert config(whole) == {}
    more = msgspec.structs.replace(plain, maximum_migrations=4)
    whole = translated_inventory(rhv(leading, migration_policies=(more,)), settings_from="vc1/c-1")
    assert config(whole) == {"parallelOutboundMigrationsPerNode": 4}


def test_what_the_target_is_set_to_is_compared_not_the_default() -> None:
    """live-migration.policy"""
    target = plain_target(
        live_migration=Now(allow_auto_converge=True, parallel_outbound_per_node=4)
    )
    whole = translated_inventory(
        rhv(cluster(migration=settings())), target=target, settings_from="vc1/c-1"
    )
    assert config(whole) == {"parallelOutboundMigrationsPerNode": 2}
    (change,) = [each for each in found(whole) if each.category is Category.WARNING]
    assert "parallelOutboundMigrationsPerNode is set to 4; the manifests make it 2" in change.says


def test_the_policy_of_the_clusters_own_level_is_the_one() -> None:
    """live-migration.policy"""
    old = Policy(id="p", name="p", version="4.6", maximum_migrations=7)
    new = Policy(id="p", name="p", version="4.7", maximum_migrations=9)
    leading = cluster(migration=settings("p"))
    whole = translated_inventory(
        rhv(leading, migration_policies=(old, new)), settings_from="vc1/c-1"
    )
    assert config(whole) == {"parallelOutboundMigrationsPerNode": 9}
    assert config(
        translated_inventory(rhv(leading, migration_policies=(old,)), settings_from="vc1/c-1")
    ) == {"parallelOutboundMigrationsPerNode": 7}


def test_a_policy_that_nobody_knows_is_told() -> None:
    """live-migration.policy"""
    whole = translated_inventory(
        rhv(cluster(migration=settings("custom", auto_converge=True))), settings_from="vc1/c-1"
    )
    assert config(whole) == {"allowAutoConverge": True}
    (finding,) = found(whole)
    assert finding.category is Category.WARNING
    assert "migration policy vc1/custom is not in the inventory" in finding.says


def test_a_clusters_own_auto_converge_goes_before_its_policys() -> None:
    """live-migration.auto-converge"""
    leading = cluster(migration=settings(MINIMAL, auto_converge=False))
    assert config(translated_inventory(rhv(leading), settings_from="vc1/c-1")) == {}


@pytest.mark.parametrize(
    ("assignment", "bits", "limit"),
    [
        ("custom", 10**9, "62500k"),
        ("custom", 16 * 10**9, "1G"),
        ("auto", 10**9, None),
        ("hypervisor_default", 10**9, None),
        ("custom", None, None),
        ("custom", 0, None),
        ("custom", -5, None),
        ("custom", 10**30, None),
    ],
)
def test_a_custom_bandwidth_is_shared_by_a_hosts_migrations(
    assignment: str, bits: int | None, limit: str | None
) -> None:
    """live-migration.bandwidth"""
    leading = cluster(
        migration=settings(bandwidth_assignment=assignment, bandwidth_bits_per_second=bits)
    )
    whole = translated_inventory(rhv(leading), settings_from="vc1/c-1")
    assert config(whole).get("bandwidthPerMigration") == limit


def test_no_field_stands_for_downtime_steps() -> None:
    """live-migration.steps"""
    whole = translated_inventory(rhv(cluster(migration=settings(SUSPEND))), settings_from="vc1/c-1")
    (finding,) = found(whole, "live-migration.steps")
    assert finding.category is Category.INFORMATION
    assert "at most 100, 150, 200, 300, 400, 500 ms, step by step" in finding.says
    assert finding.name == "Suspend workload if needed"


# MigrationPolicy


def test_other_clusters_get_policies_that_select_their_vms() -> None:
    """live-migration.policy, live-migration.policy-name, live-migration.parallel"""
    leading, other = cluster(migration=settings()), cluster("c-2", migration=settings(POST_COPY))
    more = Policy(
        id=POST_COPY, name="Post-copy, ours", version="4.7", maximum_migrations=3,
        auto_convergence=True, steps=("last: postcopy", "last: abort"),
    )  # fmt: skip
    whole = translated_inventory(
        rhv(leading, other, migration_policies=(more,)), settings_from="vc1/c-1"
    )
    name = "rhv-auto-converge-post-copy"
    assert policies(whole) == {
        name: {
            "allowAutoConverge": True,
            "allowPostCopy": True,
            "selectors": {"virtualMachineInstanceSelector": {LABEL: name}},
        }
    }
    (manifest,) = of_kind(whole, "MigrationPolicy")
    assert manifest["apiVersion"] == "migrations.kubevirt.io/v1alpha1"
    assert "namespace" not in manifest["metadata"]
    annotation = manifest["metadata"]["annotations"]["mtv.migration/source-policy"]
    assert annotation == "Post-copy, ours"
    assert labels(whole) == {"vm0": None, "vm1": name}
    (finding,) = found(whole, "live-migration.parallel")
    assert (finding.ref, finding.category) == ("vc1/c-2", Category.INFORMATION)
    assert "its hosts move 3 at a time" in finding.says


def test_without_a_leading_cluster_the_targets_settings_stay() -> None:
    """live-migration.policy"""
    whole = translated_inventory(rhv(cluster(migration=settings())))
    assert config(whole) == {}
    assert labels(whole) == {"vm0": "rhv-auto-converge-no-post-copy"}


def test_vms_with_settings_of_their_own_share_a_policy_when_they_are_equal() -> None:
    """live-migration.vm"""
    leading = cluster(migration=settings(MINIMAL))
    whole = translated_inventory(
        rhv(
            leading,
            vms=(
                vm(name="follows", id="vm-1"),
                vm(name="one", id="vm-2", migration=settings(None, auto_converge=False)),
                vm(name="two", id="vm-3", migration=settings(None, auto_converge=False)),
                vm(name="three", id="vm-4", migration=settings(POST_COPY)),
                vm(
                    name="four",
                    id="vm-5",
                    migration=settings(
                        None, bandwidth_assignment="custom", bandwidth_bits_per_second=2 * 10**9
                    ),
                ),
                vm(name="same", id="vm-6", migration=settings(MINIMAL, auto_converge=True)),
            ),
        ),
        settings_from="vc1/c-1",
    )
    assert labels(whole) == {
        "follows": None,
        "one": "rhv-no-auto-converge-no-post-copy",
        "two": "rhv-no-auto-converge-no-post-copy",
        "three": "rhv-auto-converge-post-copy",
        "four": "rhv-auto-converge-no-post-copy-125m",
        "same": None,
    }
    assert policies(whole)["rhv-auto-converge-no-post-copy-125m"]["bandwidthPerMigration"] == "125M"


def test_a_cluster_without_a_limit_is_not_held_to_the_leading_ones() -> None:
    """live-migration.bandwidth"""
    leading = cluster(
        migration=settings(bandwidth_assignment="custom", bandwidth_bits_per_second=10**9)
    )
    other = cluster("c-2", migration=settings(bandwidth_assignment="auto"))
    whole = translated_inventory(rhv(leading, other), settings_from="vc1/c-1")
    assert config(whole)["bandwidthPerMigration"] == "62500k"
    name = "rhv-auto-converge-no-post-copy-unlimited"
    assert labels(whole) == {"vm0": None, "vm1": name}
    assert policies(whole)[name]["bandwidthPerMigration"] == "0"


@pytest.mark.parametrize(("openshift", "knows"), [("4.18", False), ("4.19", True), ("4.22", True)])
def test_a_vm_may_stand_still_where_the_version_knows_it(openshift: str, knows: bool) -> None:
    """live-migration.steps"""
    target = plain_target(openshift=openshift)
    leading = cluster(migration=settings(SUSPEND))
    whole = translated_inventory(rhv(leading), target=target, settings_from="vc1/c-1")
    # liveMigrationConfig has no such field: the leading cluster's VMs need a policy for it.
    name = "rhv-auto-converge-no-post-copy-pause"
    assert "allowWorkloadDisruption" not in config(whole)
    assert labels(whole) == {"vm0": name if knows else None}
    if knows:
        assert policies(whole)[name]["allowWorkloadDisruption"] is True
    warned = [each for each in found(whole) if each.category is Category.WARNING]
    assert bool(warned) is not knows
    assert all("since 4.19" in each.says for each in warned)


@pytest.mark.parametrize(
    ("row", "own"),
    [
        ("live-migration.compression", {"compressed": True}),
        ("live-migration.encryption", {"encrypted": True}),
        ("live-migration.connections", {"parallel_policy": "custom", "parallel_migrations": 4}),
        ("live-migration.downtime", {"downtime_milliseconds": 700}),
    ],
)
def test_what_has_no_field_is_reported(row: str, own: dict[str, Any]) -> None:
    whole = translated_inventory(rhv(cluster(), vms=(vm(migration=settings(None, **own)),)))
    entries = [each for each in whole.ledger.entries if each.row == row]
    assert [each.refs for each in entries] == [("vc1/vm-1",)] * len(own)
    assert policies(whole) == {}


def test_zero_copy_and_a_hosts_own_limit_are_reported() -> None:
    """live-migration.zero-copy, live-migration.host"""
    policy = Policy(id="p", name="Large", version="4.7", zero_copy=True)
    made = rhv(cluster(), migration_policies=(policy,))
    (host,) = inventory().hosts
    made = msgspec.structs.replace(
        made, hosts=(msgspec.structs.replace(host, maximum_migrations=3),)
    )
    entries = {each.row: each.says for each in translated_inventory(made).ledger.entries}
    assert "Zero-copy migration (True)" in entries["live-migration.zero-copy"]
    assert "limit of 3 migrations" in entries["live-migration.host"]


def test_a_policys_id_is_no_ones_name() -> None:
    """live-migration.policy-id"""
    policy = Policy(id="p", name="Ours", version="4.7", auto_convergence=True)
    one = rhv(cluster(migration=settings("p")), migration_policies=(policy,))
    two = rhv(
        cluster(migration=settings("q")),
        migration_policies=(msgspec.structs.replace(policy, id="q"),),
    )
    assert translated_inventory(one).platform == translated_inventory(two).platform


def test_hostile_numbers_and_names_stay_harmless() -> None:
    """live-migration.policy"""
    policy = Policy(
        id="p",
        name="{{ x }}\n- ../..: 'y",
        version="4.7",
        maximum_migrations=-(10**12),
        auto_convergence=True,
        steps=("last: setDowntime 9" + "9" * 400, "setDowntime", "last: post copy"),
    )
    whole = translated_inventory(
        rhv(cluster(migration=settings("p")), migration_policies=(policy,))
    )
    assert labels(whole) == {"vm0": "rhv-auto-converge-no-post-copy"}
    assert found(whole) == []


# A network for it


def choice(**changes: Any) -> MigrationNetwork:
    made = MigrationNetwork(interface="ens4f0", range="10.200.5.0/24", vlan=300)
    return msgspec.structs.replace(made, **changes)


def with_network(target: Target | None = None, **changes: Any) -> Translation:
    return translated(plain_vm(), target=target, migration_network=choice(**changes))


def test_a_migration_network_is_a_vlan_a_network_above_it_and_a_setting() -> None:
    """migration-network"""
    whole = with_network(mtu=9000, exclude=("10.200.5.0/28",))
    (vlan,) = of_kind(whole, "NodeNetworkConfigurationPolicy")
    assert vlan["spec"]["nodeSelector"] == {"node-role.kubernetes.io/worker": ""}
    (interface,) = vlan["spec"]["desiredState"]["interfaces"]
    assert (interface["name"], interface["type"], interface["mtu"]) == ("ens4f0.300", "vlan", 9000)
    assert interface["vlan"] == {"base-iface": "ens4f0", "id": 300}
    (network,) = of_kind(whole, "NetworkAttachmentDefinition")
    assert network["metadata"]["namespace"] == "openshift-cnv"
    assert json.loads(network["spec"]["config"]) == {
        "cniVersion": "0.3.1",
        "name": "live-migration",
        "type": "macvlan",
        "master": "ens4f0.300",
        "mode": "bridge",
        "mtu": 9000,
        "ipam": {
            "type": "whereabouts",
            "range": "10.200.5.0/24",
            "exclude": ["10.200.5.0/28"],
        },
    }
    assert config(whole) == {"network": network["metadata"]["name"]}
    (jumbo,) = found(whole, "migration-network")
    assert jumbo.category is Category.INFORMATION
    assert "9000 needs as much of ens4f0 itself" in jumbo.says


def test_an_untagged_migration_network_needs_nothing_of_the_nodes() -> None:
    """migration-network"""
    whole = with_network(vlan=None)
    assert of_kind(whole, "NodeNetworkConfigurationPolicy") == []
    (network,) = of_kind(whole, "NetworkAttachmentDefinition")
    assert json.loads(network["spec"]["config"])["master"] == "ens4f0"
    assert found(whole, "migration-network") == []


def test_a_long_interface_name_leaves_room_for_the_vlan() -> None:
    """migration-network"""
    whole = with_network(interface="enp129s0f0np0")
    (vlan,) = of_kind(whole, "NodeNetworkConfigurationPolicy")
    assert vlan["spec"]["desiredState"]["interfaces"][0]["name"] == "vlan300"


def test_another_network_of_the_target_is_changed_with_a_warning() -> None:
    """migration-network"""
    target = plain_target(live_migration=Now(network="old"))
    (finding,) = found(with_network(target), "migration-network")
    assert finding.category is Category.WARNING
    assert "network is set to old; the manifests make it live-migration" in finding.says
    same = plain_target(live_migration=Now(network="live-migration"))
    assert config(with_network(same)) == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"range": "10.200.5.0"}, "range: '10.200.5.0' is no range of addresses"),
        ({"range": "10.200.5.7/24"}, "range: '10.200.5.7/24' is no range of addresses"),
        ({"range": "everything"}, "range: 'everything' is no range of addresses"),
        ({"range": "10.200.5.4/32"}, "10.200.5.4/32 has 0 free addresses"),
        ({"exclude": ("10.200.6.0/28",)}, "exclude: 10.200.6.0/28 is not in the range"),
        ({"exclude": ("fd00::/64",)}, "exclude: fd00::/64 is not in the range"),
        ({"exclude": ("10.200.5.300/32",)}, "exclude: '10.200.5.300/32' is no range"),
        ({"exclude": ("10.200.5.0/24",)}, "has 0 free addresses"),
        ({"interface": "ens4f1"}, "target.yaml lists no NIC ens4f1 of w1, w2"),
        ({"interface": "ens5f0"}, "target.yaml lists no NIC ens5f0 of w2"),
        ({"interface": "a/b"}, "'a/b' cannot be the name of a network interface"),
        ({"interface": "a-name-that-is-too-long"}, "cannot be the name of a network interface"),
        ({"mtu": 90}, "mtu: 90 is no MTU"),
    ],
)
def test_a_bad_choice_is_told_and_makes_nothing(changes: dict[str, Any], says: str) -> None:
    """migration-network: bad input"""
    target = plain_target(
        nodes=(
            Node(name="w1", nics=("ens4f0", "ens5f0")),
            Node(name="w2", nics=("ens4f0",)),
            Node(name="w3"),
        )
    )
    whole = with_network(target, **changes)
    (finding,) = found(whole, "migration-network")
    assert finding.category is Category.BLOCKER
    assert finding.says.startswith("mapping.yaml: migration_network: ")
    assert says in finding.says
    assert config(whole) == {}
    assert of_kind(whole, "NetworkAttachmentDefinition") == []
    assert [each.name for each in whole.vms] == ["web01"]


def test_every_node_needs_an_address() -> None:
    """migration-network: bad input"""
    target = plain_target(nodes=tuple(Node(name=f"w{number}") for number in range(7)))
    (finding,) = found(with_network(target, range="10.0.0.0/29"), "migration-network")
    assert "10.0.0.0/29 has 6 free addresses for 7 nodes" in finding.says


def vsphere_hosts(count: int = 3, **changes: Any) -> tuple[Host, ...]:
    """Hosts with a VLAN for vMotion, beside their management."""
    (host,) = inventory().hosts
    made = {"vlan": 300, "mtu": 9000} | changes
    return tuple(
        msgspec.structs.replace(
            host,
            id=f"host-{number}",
            name=f"esx{number}",
            port_groups=(HostPortGroup(name="vMotion", switch="vSwitch1", vlan=made["vlan"]),),
            interfaces=(
                HostInterface(
                    name="vmk0", network="Management", services=("management",),
                    addresses=(f"10.0.0.{number}/24",),
                ),
                HostInterface(
                    name="vmk1", network=made.get("network", "vMotion"), services=("vmotion",),
                    mtu=made["mtu"], addresses=(f"10.200.5.{number}/24",),
                ),
            ),
        )
        for number in range(1, count + 1)
    )  # fmt: skip


def test_addresses_of_the_sources_hosts_are_not_given_away() -> None:
    """migration-network: a range that overlaps the source's"""
    made = inventory(plain_vm(), hosts=vsphere_hosts())
    whole = translated_inventory(made, migration_network=choice(exclude=("10.200.5.2/32",)))
    (finding,) = found(whole, "migration-network")
    assert finding.category is Category.WARNING
    assert "10.200.5.1 (esx1), 10.200.5.3 (esx3)" in finding.says
    assert "10.200.5.2" not in finding.says
    assert config(whole) == {"network": "live-migration"}


def test_a_vlan_for_vmotion_is_told_with_what_was_seen() -> None:
    """migration-network"""
    whole = translated_inventory(inventory(plain_vm(), hosts=vsphere_hosts()))
    (finding,) = found(whole, "migration-network")
    assert finding.category is Category.WARNING
    assert "(VLAN 300, MTU 9000, 10.200.5.0/24; hosts: 3)" in finding.says
    assert "vlan: 300, mtu: 9000, range: free addresses" in finding.remedy


def test_a_vlan_that_vmotion_shares_is_told_so() -> None:
    """migration-network: other services of the hosts on the same network."""
    hosts = tuple(
        msgspec.structs.replace(
            host,
            interfaces=(
                *host.interfaces,
                HostInterface(name="vmk2", network="vMotion", services=("vsan",)),
            ),
        )
        for host in vsphere_hosts()
    )
    (finding,) = found(
        translated_inventory(inventory(plain_vm(), hosts=hosts)), "migration-network"
    )
    assert finding.says.startswith("carries live migration, and beside it vsan (VLAN 300")
    assert "hosts: 3)" in finding.says
    assert "a VLAN of its own" in finding.remedy


def test_a_distributed_port_group_for_vmotion_has_its_vlan() -> None:
    """migration-network"""
    group = plain_network(id="dvportgroup-30", name="vMotion", vlan=310)
    made = inventory(plain_vm(), hosts=vsphere_hosts(1, network="dvportgroup-30", mtu=1500))
    made = msgspec.structs.replace(made, networks=(*made.networks, group))
    (finding,) = found(translated_inventory(made), "migration-network")
    assert (finding.ref, finding.name) == ("vc1/dvportgroup-30", "vMotion")
    assert "VLAN 310, MTU 1500" in finding.says
    assert "mtu" not in finding.remedy


def test_vmotion_on_the_management_network_is_no_network_of_its_own() -> None:
    """migration-network"""
    made = inventory(plain_vm(), hosts=vsphere_hosts(network="Management"))
    assert found(translated_inventory(made), "migration-network") == []


def test_nothing_is_asked_where_the_target_has_such_a_network() -> None:
    """migration-network"""
    target = plain_target(live_migration=Now(network="there"))
    made = inventory(plain_vm(), hosts=vsphere_hosts())
    assert found(translated_inventory(made, target=target), "migration-network") == []


@pytest.mark.parametrize(
    ("usages", "told"),
    [(("migration",), True), (("migration", "management"), False), (("vm",), False)],
)
def test_rhvs_network_for_migration_is_told(usages: tuple[str, ...], told: bool) -> None:
    """migration-network"""
    network = plain_network(id="net-9", name="migration", kind="logical", vlan=77, mtu=9000)
    host = msgspec.structs.replace(
        inventory().hosts[0],
        interfaces=(
            HostInterface(name="bond0.77", network="net-9", base="bond0", vlan=77, mtu=9000),
            HostInterface(name="a", network="net-9", base="bond0", addresses=("10.7.7.5/24",)),
        ),
    )
    made = rhv(
        cluster(networks=(ClusterNetwork(network="net-9", usages=usages),)),
        networks=(network,),
    )
    whole = translated_inventory(msgspec.structs.replace(made, hosts=(host,)))
    findings = found(whole, "migration-network")
    assert bool(findings) is told
    if told:
        assert "for live migration alone (VLAN 77, MTU 9000, 10.7.7.0/24; hosts: 1)" in (
            findings[0].says
        )


def test_a_host_with_several_interfaces_on_the_network_is_one_host() -> None:
    """migration-network"""
    network = plain_network(id="net-9", name="migration", kind="logical", vlan=77, usages=("vm",))
    both = tuple(
        HostInterface(name=name, network="net-9", base="bond0", addresses=("10.7.7.5/24",))
        for name in ("bond0.77", "attachment")
    )
    host = msgspec.structs.replace(inventory().hosts[0], interfaces=both)
    made = rhv(
        cluster(networks=(ClusterNetwork(network="net-9", usages=("migration", "gluster")),)),
        networks=(network,),
    )
    whole = translated_inventory(msgspec.structs.replace(made, hosts=(host,)))
    (finding,) = found(whole, "migration-network")
    assert "beside it gluster and vm (VLAN 77, 10.7.7.0/24; hosts: 1)" in finding.says
