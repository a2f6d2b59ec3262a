"""DRS and scheduling policies -> KubeDescheduler, topology spread, evictions."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.knowledge.descheduling import descheduling
from mtv.knowledge.versions import versions
from mtv.model.compute import (
    Balancing,
    Cluster,
    HighAvailability,
    PlacementRule,
    SchedulingPolicy,
    SchedulingUnit,
)
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.quantity import Setting
from mtv.model.target import LiveMigration, Node, Target
from mtv.model.vm import Availability, Placement, Vm
from mtv.translate import Translation
from mtv.translate.suggest import suggest
from tests.estates import (
    inventory,
    numbered_vms,
    plain_disk,
    plain_nic,
    plain_target,
    plain_vm,
    translated_inventory,
)

RELEASES = [each.openshift for each in versions().releases]

EVEN_LOAD = "20d25257-b4bd-4589-92a6-c4c5c5d3fd1a"
POWER_SAVING = "5a2b0939-7d46-4b73-a469-e9c2c7fc6a53"
EVEN_COUNT = "8d5d7bec-68de-4a67-b53e-0ac54686d579"
IN_UPGRADE = "8d5d7bec-68de-4a67-b53e-0ac54686d586"
NONE = "b4ed2332-a7ac-4d5f-9596-99a439cb2812"

DRS = Balancing(enabled=True, automation="fullyAutomated", rate=3)


FOLLOWS = "; its balancing, live migration and memory overcommit become the whole target's"


def cluster(balancing: Balancing | None, id_: str = "domain-c1", **changes: Any) -> Cluster:
    return Cluster(id=id_, name=id_, datacenter=None, balancing=balancing, **changes)


def policy(id_: str, **settings: str) -> Balancing:
    set_ = tuple(Setting(name=name, value=value) for name, value in settings.items())
    return Balancing(policy=id_, settings=set_)


def translated(
    *clusters: Cluster,
    vms: tuple[Vm, ...] | None = None,
    settings_from: str | None = "vc1/domain-c1",
    target: Target | None = None,
    namespaces: dict[str, str | None] | None = None,
    **more: Any,
) -> Translation:
    whole = inventory(
        *(numbered_vms(2) if vms is None else vms), clusters=clusters, hosts=(), **more
    )
    return translated_inventory(
        whole, target=target, settings_from=settings_from, namespaces=namespaces or {}
    )


def of_kind(translation: Translation, kind: str) -> list[dict[str, Any]]:
    return [each for each in translation.platform if each["kind"] == kind]


def spec(translation: Translation) -> dict[str, Any]:
    """Of the KubeDescheduler."""
    (found,) = of_kind(translation, "KubeDescheduler")
    return dict(found["spec"])


def custom(translation: Translation) -> dict[str, Any]:
    return dict(spec(translation)["profileCustomizations"])


def template(translation: Translation, number: int = 1) -> dict[str, Any]:
    (vm,) = [each for each in translation.vms if each.ref == f"vc1/vm-{number}"]
    return dict(translation.manifests(vm)[0]["spec"]["template"])


def annotations(translation: Translation, number: int = 1) -> dict[str, str]:
    return dict(template(translation, number)["metadata"].get("annotations", {}))


def eviction(translation: Translation, number: int = 1) -> str:
    return str(template(translation, number)["spec"]["evictionStrategy"])


def findings(translation: Translation, category: Category, *rows: str) -> list[Finding]:
    return [each for each in translation.findings if each.category is category and each.row in rows]


def warnings(translation: Translation, *rows: str) -> list[str]:
    return [each.says for each in findings(translation, Category.WARNING, *rows)]


# -- balancing: which cluster


def test_the_descheduler_is_the_chosen_cluster_s() -> None:
    """Row balancing."""
    made = translated(cluster(DRS))
    (found,) = of_kind(made, "KubeDescheduler")
    assert found["apiVersion"] == "operator.openshift.io/v1"
    assert found["metadata"]["name"] == "cluster"
    assert found["metadata"]["namespace"] == "openshift-kube-descheduler-operator"
    assert found["spec"] == {
        "managementState": "Managed",
        "mode": "Automatic",
        "deschedulingIntervalSeconds": 60,
        "profiles": ["KubeVirtRelieveAndMigrate"],
        "evictionLimits": {"total": 5, "node": 2},
        "profileCustomizations": {
            "devActualUtilizationProfile": "PrometheusCPUCombined",
            "devDeviationThresholds": "AsymmetricMedium",
        },
    }
    assert made.blockers == ()


def test_without_a_choice_there_is_none() -> None:
    """Row balancing: nobody is asked where nothing balances."""
    made = translated(cluster(DRS), settings_from=None)
    assert of_kind(made, "KubeDescheduler") == []
    (says,) = warnings(made, "balancing")
    assert says.startswith("mapping.yaml: settings_from names no cluster")
    assert "clusters that balance their VMs: 1" in says
    off = translated(cluster(Balancing(enabled=False)), settings_from=None)
    assert warnings(off, "balancing") == []
    (told,) = findings(off, Category.INFORMATION, "balancing")
    assert told.says == "no cluster balances its VMs, so no KubeDescheduler is made"


@pytest.mark.parametrize("balancing", [None, Balancing(enabled=False), Balancing(rate=3)])
def test_a_cluster_that_does_not_balance_makes_none(balancing: Balancing | None) -> None:
    """Row balancing."""
    made = translated(cluster(balancing))
    assert of_kind(made, "KubeDescheduler") == of_kind(made, "MachineConfig") == []
    (told,) = findings(made, Category.INFORMATION, "balancing")
    assert "does not balance" in told.says


def test_a_cluster_that_is_not_there_is_a_question() -> None:
    """Bad input: a mapping that names what does not exist."""
    made = translated(cluster(DRS), settings_from="vc1/domain-c9")
    assert [each.says for each in made.blockers] == [
        "mapping.yaml: settings_from: the estate has no cluster vc1/domain-c9"
    ]
    assert of_kind(made, "KubeDescheduler") == []
    assert len(made.vms) == 2


def test_clusters_that_differ_are_told() -> None:
    """Row balancing: one warning each, that says what differs."""
    manual = Balancing(enabled=True, automation="manual", rate=1)
    made = translated(
        cluster(DRS),
        cluster(manual, "c2"),
        cluster(DRS, "same"),
        cluster(Balancing(enabled=False), "off"),
        cluster(Balancing(enabled=False), "empty"),
        vms=tuple(
            plain_vm(id=f"vm-{id_}", name=id_, cluster=id_, nics=(plain_nic(mac=None),))
            for id_ in ("domain-c1", "c2", "same", "off")
        ),
    )
    found = {each.ref: each.says for each in findings(made, Category.WARNING, "balancing")}
    assert set(found) == {"vc1/c2", "vc1/off", ""}
    assert "mode: Predictive there, Automatic here" in found["vc1/c2"]
    assert "devDeviationThresholds: AsymmetricLow there, AsymmetricMedium here" in found["vc1/c2"]
    assert "balancing: off there, load here" in found["vc1/off"]


def test_the_operator_has_to_be_there() -> None:
    """Bad input: nothing is written that the cluster would refuse."""
    made = translated(cluster(DRS), target=plain_target(operators=("nmstate",)))
    (found,) = made.blockers
    assert "descheduler is not there" in found.says
    assert "install the Kube Descheduler Operator" in found.remedy
    assert of_kind(made, "KubeDescheduler") == of_kind(made, "MachineConfig") == []
    there = translated(cluster(DRS), target=plain_target(operators=("descheduler",)))
    assert there.blockers == ()
    assert len(of_kind(there, "KubeDescheduler")) == 1


# -- versions


@pytest.mark.parametrize("version", RELEASES)
def test_every_version_gets_what_it_knows(version: str) -> None:
    """Row balancing: profile, soft tainter and limit per node."""
    made = translated(cluster(DRS), target=plain_target(openshift=version))
    old = version in ("4.18", "4.19")
    profile = "DevKubeVirtRelieveAndMigrate" if old else "KubeVirtRelieveAndMigrate"
    assert spec(made)["profiles"] == [profile]
    assert ("node" in spec(made)["evictionLimits"]) is not old
    assert custom(made).get("devEnableSoftTainter") is (True if version == "4.18" else None)


def test_as_many_evictions_as_migrations() -> None:
    """Row balancing."""
    limits = LiveMigration(parallel_per_cluster=12, parallel_outbound_per_node=3)
    made = translated(cluster(DRS), target=plain_target(live_migration=limits))
    assert spec(made)["evictionLimits"] == {"total": 12, "node": 3}


@pytest.mark.parametrize("psi", [None, False, True])
def test_the_nodes_report_pressure(psi: bool | None) -> None:
    """Row balancing: the load profile does not start without psi=1."""
    made = translated(cluster(DRS), target=plain_target(psi=psi))
    configs = of_kind(made, "MachineConfig")
    told = [says for says in warnings(made, "balancing") if "restarts all workers" in says]
    asked = [says for says in warnings(made, "balancing") if "report pressure" in says]
    assert len(asked) == (psi is None)
    if psi is not False:
        assert (configs, told) == ([], [])
    else:
        (config,) = configs
        assert config["spec"] == {"kernelArguments": ["psi=1"]}
        role = config["metadata"]["labels"]["machineconfiguration.openshift.io/role"]
        assert (role, len(told)) == ("worker", 1)


# -- balancing.automation, balancing.rate, balancing.power, balancing.options


@pytest.mark.parametrize(
    ("automation", "mode"),
    [
        ("fullyAutomated", "Automatic"),
        ("partiallyAutomated", "Predictive"),
        ("manual", "Predictive"),
        (None, "Predictive"),
        ("whatever", "Predictive"),
    ],
)
def test_only_full_automation_moves_vms(automation: str | None, mode: str) -> None:
    """Row balancing.automation."""
    assert spec(translated(cluster(Balancing(enabled=True, automation=automation))))["mode"] == mode


@pytest.mark.parametrize(
    ("rate", "threshold"),
    [
        (1, "AsymmetricLow"),
        (2, "AsymmetricLow"),
        (3, "AsymmetricMedium"),
        (4, "AsymmetricHigh"),
        (5, "AsymmetricHigh"),
        (None, None),
        (7, None),
    ],
)
def test_an_eager_drs_tolerates_little(rate: int | None, threshold: str | None) -> None:
    """Row balancing.rate: as the API counts, 1 is the most eager."""
    made = translated(cluster(Balancing(enabled=True, rate=rate)))
    assert custom(made).get("devDeviationThresholds") == threshold
    assert any("rate 5" in says for says in warnings(made, "balancing.properties")) is (rate == 5)
    assert bool(warnings(made, "balancing.policy")) is (rate == 7)


def test_power_management_and_options_are_reported() -> None:
    """Rows balancing.power and balancing.options."""
    option = Setting(name="TryBalanceVmsPerHost", value="1")
    power = Balancing(
        enabled=True, power_management=True, power_automation="automated", settings=(option,)
    )
    made = translated(cluster(power))
    told = [each.says for each in made.ledger.entries if each.row == "balancing.power"]
    assert len(told) == 2
    assert all("no equivalent" in says for says in told)
    (entry,) = [each for each in made.ledger.entries if each.row == "balancing.options"]
    assert "TryBalanceVmsPerHost" in entry.says


# -- balancing.override


@pytest.mark.parametrize(
    ("level", "allowed", "kept"),
    [
        ("disabled", None, True),
        ("manual", True, True),
        ("partiallyAutomated", True, True),
        ("fullyAutomated", True, False),
        ("manual", False, False),
        (None, True, False),
    ],
)
def test_vms_that_drs_leaves_alone_are_left_alone(
    level: str | None, allowed: bool | None, kept: bool
) -> None:
    """Row balancing.override."""
    vm = plain_vm(placement=Placement(balancing=level))
    drs = Balancing(enabled=True, automation="fullyAutomated", overrides_allowed=allowed)
    made = translated(cluster(drs), vms=(vm,))
    expected = {"descheduler.alpha.kubernetes.io/prefer-no-eviction": "true"} if kept else {}
    assert annotations(made) == expected
    assert eviction(made) == "LiveMigrate"


def test_before_4_20_that_is_a_wish() -> None:
    """Row balancing.override."""
    vm = plain_vm(placement=Placement(balancing="disabled"))
    for version in RELEASES:
        made = translated(cluster(DRS), vms=(vm,), target=plain_target(openshift=version))
        told = findings(made, Category.INFORMATION, "balancing.override")
        assert bool(told) is (version in ("4.18", "4.19"))


def test_a_vm_that_alone_is_automated_is_reported() -> None:
    """Row balancing.override."""
    vm = plain_vm(placement=Placement(balancing="fullyAutomated"))
    made = translated(cluster(Balancing(enabled=True, automation="manual")), vms=(vm,))
    (says,) = warnings(made, "balancing.override")
    assert "one mode for all VMs" in says


# -- balancing.policy, balancing.properties


def test_even_distribution_is_by_load() -> None:
    """Rows balancing.policy and balancing.properties."""
    given = policy(EVEN_LOAD, HighUtilization="72", CpuOverCommitDurationMinutes="3")
    made = translated(cluster(given))
    assert spec(made)["profiles"] == ["KubeVirtRelieveAndMigrate"]
    assert (spec(made)["mode"], spec(made)["deschedulingIntervalSeconds"]) == ("Automatic", 180)
    assert custom(made)["devLowNodeUtilizationThresholds"] == "High"
    assert "devDeviationThresholds" not in custom(made)
    assert warnings(made, "balancing.properties") == [
        "HighUtilization 72 becomes 70 (High), the nearest that there is"
    ]


@pytest.mark.parametrize(
    ("percent", "threshold"),
    [("50", "Medium"), ("59", "Medium"), ("61", "High"), ("99", "High"), ("abc", "High")],
)
def test_the_nearest_threshold_is_taken(percent: str, threshold: str) -> None:
    """Row balancing.properties: what is no number is reported, and the engine's default counts."""
    made = translated(cluster(policy(EVEN_LOAD, HighUtilization=percent)))
    assert custom(made)["devLowNodeUtilizationThresholds"] == threshold
    odd = [each for each in warnings(made, "balancing.properties") if "cannot be 'abc'" in each]
    assert bool(odd) is (percent == "abc")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "٣", "9" * 30, ""])
def test_a_number_that_cannot_be_does_no_harm(value: str) -> None:
    """Row balancing.properties."""
    made = translated(cluster(policy(EVEN_LOAD, CpuOverCommitDurationMinutes=value)))
    assert spec(made)["deschedulingIntervalSeconds"] == 120
    assert any("cannot be" in each for each in warnings(made, "balancing.properties"))


def test_power_saving_compacts() -> None:
    """Row balancing.policy: excludes the load profile, and needs no psi=1."""
    made = translated(cluster(policy(POWER_SAVING, LowUtilization="28", HostsInReserve="1")))
    assert spec(made)["profiles"] == [
        "CompactAndScale",
        "EvictPodsWithPVC",
        "EvictPodsWithLocalStorage",
    ]
    assert custom(made) == {
        "devEnableEvictionsInBackground": True,
        "devHighNodeUtilizationThresholds": "Moderate",
    }
    assert of_kind(made, "MachineConfig") == []
    told = warnings(made, "balancing.policy")
    assert any("switches no node off" in says for says in told)
    assert any("HostsInReserve=1: a cluster autoscaler" in says for says in told)


def test_even_numbers_of_vms_are_spread() -> None:
    """Row balancing.policy: a constraint on the VMs, and the profile that keeps it."""
    made = translated(
        cluster(policy(EVEN_COUNT, MigrationThreshold="3")),
        cluster(policy(NONE), "c2"),
        vms=(*numbered_vms(1), plain_vm(id="vm-2", name="db", cluster="c2", nics=())),
    )
    assert spec(made)["profiles"] == [
        "KubeVirtRelieveAndMigrate",
        "SoftTopologyAndDuplicates",
        "EvictPodsWithPVC",
        "EvictPodsWithLocalStorage",
    ]
    label = {"mtv.migration/spread": "domain-c1"}
    assert template(made)["spec"]["topologySpreadConstraints"] == [
        {
            "maxSkew": 3,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": label},
        }
    ]
    assert label.items() <= template(made)["metadata"]["labels"].items()
    assert "topologySpreadConstraints" not in template(made, 2)["spec"]
    assert "mtv.migration/spread" not in template(made, 2)["metadata"]["labels"]


def test_a_spread_over_namespaces_is_reported() -> None:
    """Row balancing.policy: a constraint counts the VMs of one namespace."""
    made = translated(cluster(policy(EVEN_COUNT)), namespaces={"vc1/vm-2": "shop"})
    assert any("2 namespaces" in says for says in warnings(made, "balancing.policy"))


@pytest.mark.parametrize("id_", [NONE, IN_UPGRADE, "7677771e-5eab-422e-83fa-dc04080d21b7"])
def test_a_policy_without_balancing_makes_no_descheduler(id_: str) -> None:
    """Row balancing.policy."""
    made = translated(cluster(policy(id_, HighUtilization="80")))
    assert of_kind(made, "KubeDescheduler") == of_kind(made, "MachineConfig") == []
    assert warnings(made, "balancing.policy") == []


def unit(id_: str, kind: str, name: str = "x") -> SchedulingUnit:
    return SchedulingUnit(id=id_, name=name, kind=kind)


def own_policy(*units: SchedulingUnit, **properties: str) -> SchedulingPolicy:
    given = tuple(Setting(name=name, value=value) for name, value in properties.items())
    return SchedulingPolicy(id="sp-1", name="ours", units=units, properties=given)


BY_COUNT = unit("d58c8e32-44e1-418f-9222-52cd887bf9e0", "load_balancing")


def test_a_policy_of_one_s_own_goes_by_its_balancer() -> None:
    """Rows balancing.policy and balancing.policy-properties: the cluster's value goes first."""
    ours = own_policy(
        BY_COUNT,
        unit("12262ab6-9690-4bc3-a2b3-35573b172d54", "filter", "PinToHost"),
        unit("43b9e654-337f-4b0d-a896-cbb22ce5a7fc", "filter", "Swap"),
        MigrationThreshold="7",
        CpuOverCommitDurationMinutes="4",
    )
    made = translated(cluster(policy("sp-1", MigrationThreshold="9")), scheduling_policies=(ours,))
    assert "SoftTopologyAndDuplicates" in spec(made)["profiles"]
    assert template(made)["spec"]["topologySpreadConstraints"][0]["maxSkew"] == 9
    assert spec(made)["deschedulingIntervalSeconds"] == 240
    (says,) = [each for each in warnings(made, "balancing.policy") if "no equivalent" in each]
    assert "the filter unit Swap: it keeps VMs off nodes that swap" in says
    assert "PinToHost" not in says


def test_what_mtv_does_not_know_of_a_policy_is_reported() -> None:
    """Row balancing.policy: a unit is known by id and kind."""
    ours = own_policy(
        unit("external-1", "filter", "max_vms"),
        unit(BY_COUNT.id, "weight", "odd"),
        maximum_vm_count="20",
    )
    made = translated(cluster(policy("sp-1")), scheduling_policies=(ours,))
    (says,) = warnings(made, "balancing.policy")
    assert "no filter unit max_vms (external-1)" in says
    assert "no weight unit odd" in says
    assert of_kind(made, "KubeDescheduler") == []
    balanced = own_policy(BY_COUNT, maximum_vm_count="20")
    made = translated(cluster(policy("sp-1")), scheduling_policies=(balanced,))
    assert "mtv knows no property maximum_vm_count=20" in warnings(made, "balancing.policy")
    (says,) = warnings(translated(cluster(policy("gone"))), "balancing.policy")
    assert says == "mtv knows no scheduling policy gone"


# -- rules need the descheduler

RULE = PlacementRule(
    id="r1", name="web", kind="vm-anti-affinity", vms=("vm-1", "vm-2"), mandatory=True, enabled=True
)


def test_mandatory_rules_are_kept_by_the_descheduler() -> None:
    """Rows rule and balancing: pods of VMs have claims, which profiles pass by without two more."""
    made = translated(cluster(DRS, rules=(RULE,)))
    assert spec(made)["profiles"] == [
        "KubeVirtRelieveAndMigrate",
        "AffinityAndTaints",
        "EvictPodsWithPVC",
        "EvictPodsWithLocalStorage",
    ]
    none = translated(cluster(None, rules=(RULE,)))
    (says,) = warnings(none, "rule")
    assert "nothing moves a VM that breaks one later" in says


def test_no_two_profiles_exclude_each_other() -> None:
    """Row balancing: the CEL rules of the CRD, which knows each profile once."""
    excluding = ({"CompactAndScale", "KubeVirtRelieveAndMigrate"},)
    for id_ in (EVEN_LOAD, EVEN_COUNT, POWER_SAVING):
        for version in RELEASES:
            target = plain_target(openshift=version)
            made = translated(cluster(policy(id_), rules=(RULE,)), target=target)
            profiles = [each.removeprefix("Dev") for each in spec(made)["profiles"]]
            assert len(set(profiles)) == len(profiles)
            assert not any(pair <= set(profiles) for pair in excluding)


# -- eviction


@pytest.mark.parametrize(
    ("on_error", "available", "strategy"),
    [
        (None, None, "LiveMigrate"),
        ("migrate", False, "LiveMigrate"),
        ("migrate_highly_available", True, "LiveMigrate"),
        ("migrate_highly_available", False, "LiveMigrateIfPossible"),
        ("migrate_highly_available", None, "LiveMigrateIfPossible"),
        ("do_not_migrate", True, "None"),
        ("something_new", True, "LiveMigrate"),
    ],
)
def test_a_drain_does_what_the_cluster_says(
    on_error: str | None, available: bool | None, strategy: str
) -> None:
    """Row eviction."""
    vm = plain_vm(availability=None if available is None else Availability(enabled=available))
    errors = HighAvailability(on_error=on_error)
    assert eviction(translated(cluster(None, availability=errors), vms=(vm,))) == strategy


@pytest.mark.parametrize(
    ("mode", "strategy", "kept"),
    [
        ("migratable", "LiveMigrate", False),
        ("user_migratable", "LiveMigrate", True),
        ("pinned", "None", True),
    ],
)
def test_a_vm_that_is_not_moved_at_the_source_is_not_moved(
    mode: str, strategy: str, kept: bool
) -> None:
    """Row pinning."""
    made = translated(cluster(None), vms=(plain_vm(placement=Placement(mode=mode)),))
    assert eviction(made) == strategy
    assert ("descheduler.alpha.kubernetes.io/prefer-no-eviction" in annotations(made)) is kept


def test_a_vm_that_cannot_be_migrated_does_not_block_a_drain() -> None:
    """Row eviction: whatever concept found the obstacle, here a disk of one node."""
    vm = plain_vm(disks=(plain_disk(datastore="datastore-2"),))
    made = translated(cluster(None), vms=(vm,))
    assert made.vms[0].obstacles
    assert eviction(made) == "LiveMigrateIfPossible"


def test_with_one_node_nothing_is_migrated() -> None:
    """Row eviction."""
    one = plain_target(nodes=(Node(name="only"),))
    two = plain_target(nodes=(Node(name="one"), Node(name="two")))
    assert eviction(translated(cluster(None), target=one)) == "None"
    assert eviction(translated(cluster(None), target=two)) == "LiveMigrate"


# -- suggestion


def test_the_cluster_with_most_vms_is_suggested() -> None:
    vms = (*numbered_vms(2), plain_vm(id="vm-3", cluster="c2"), plain_vm(id="t", is_template=True))
    whole = inventory(*vms, clusters=(cluster(DRS, "c2"), cluster(DRS)), hosts=())
    (found,) = [
        each for each in suggest(Estate([whole]), plain_target()) if each.section == "settings_from"
    ]
    assert (found.ref, found.choice, found.name) == ("", "vc1/domain-c1", "domain-c1")
    assert found.reason == "most VMs are in it: 2 of 3" + FOLLOWS
    single = inventory(*numbered_vms(1))
    reasons = [each.reason for each in suggest(Estate([single]), plain_target())]
    assert "the only cluster with VMs" + FOLLOWS in reasons


# -- the table


def test_the_table_names_what_it_has() -> None:
    table = descheduling()
    assert {each.way for each in table.policies} | {each.way for each in table.units} <= set(
        table.way
    )
    assert {way for each in table.properties for way in each.ways} <= set(table.way)
    assert len(table.unit) == len(table.units)
    assert len(table.policy) == len(table.policies)
    assert set(table.rates) == {1, 2, 3, 4, 5}
    for each in table.properties:
        assert (each.sets is None) == (each.maximum == 0)
        assert each.default <= each.maximum
