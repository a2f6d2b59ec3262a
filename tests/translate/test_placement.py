"""DRS rules, affinity groups and labels, pinning -> affinity; what contradicts is found."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.model.compute import AffinityLabel, Cluster, Host, PlacementRule
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.target import Node, Target
from mtv.model.vm import Placement, Vm
from mtv.translate import Translation
from mtv.translate.suggest import suggest
from mtv.translate.suggest.question import Suggestion
from tests.estates import inventory, numbered_vms, plain_target, plain_vm, translated_inventory

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
HOSTNAME = "kubernetes.io/hostname"

NODES = {"vc1/esx-1": "worker-1", "vc1/esx-2": "worker-2"}


def rule(kind: str, *vms: str, name: str = "web", **changes: Any) -> PlacementRule:
    return PlacementRule(
        **{"id": f"id-{name}", "name": name, "kind": kind, "vms": vms, "enabled": True, **changes}
    )


def together(*vms: str, **changes: Any) -> PlacementRule:
    return rule("vm-affinity", *vms, **{"mandatory": True, **changes})


def apart(*vms: str, **changes: Any) -> PlacementRule:
    return rule("vm-anti-affinity", *vms, **{"mandatory": True, **changes})


def on(host: str, *vms: str, **changes: Any) -> PlacementRule:
    return rule("host-affinity", *vms, **{"mandatory": True, "hosts": (host,), **changes})


def off(host: str, *vms: str, **changes: Any) -> PlacementRule:
    return rule("host-anti-affinity", *vms, **{"mandatory": True, "hosts": (host,), **changes})


def host(number: int) -> Host:
    return Host(
        id=f"esx-{number}",
        name=f"esx{number}.example.com",
        cluster="domain-c1",
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
    )


def estate(*rules: PlacementRule, vms: tuple[Vm, ...] | None = None, **more: Any) -> Inventory:
    """Four VMs and two hosts in a cluster with these rules."""
    cluster = Cluster(id="domain-c1", name="prod", datacenter=None, rules=rules)
    return inventory(
        *(numbered_vms(4) if vms is None else vms),
        clusters=(cluster,),
        hosts=(host(1), host(2)),
        **more,
    )


def translated(
    *rules: PlacementRule,
    vms: tuple[Vm, ...] | None = None,
    target: Target | None = None,
    hosts: dict[str, str | None] | None = None,
    namespaces: dict[str, str | None] | None = None,
    **more: Any,
) -> Translation:
    chosen: dict[str, str | None] = {**NODES} if hosts is None else hosts
    whole = estate(*rules, vms=vms, **more)
    return translated_inventory(whole, target=target, hosts=chosen, namespaces=namespaces or {})


def template(translation: Translation, number: int = 1) -> dict[str, Any]:
    """``spec.template`` of vm-1, vm-2 ..."""
    (vm,) = [each for each in translation.vms if each.ref == f"vc1/vm-{number}"]
    found: dict[str, Any] = translation.manifests(vm)[0]["spec"]["template"]
    return found


def affinity(translation: Translation, number: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = template(translation, number)["spec"].get("affinity", {})
    return found


def labels(translation: Translation, number: int = 1) -> set[str]:
    return {each for each in template(translation, number)["metadata"]["labels"] if "rule." in each}


def blockers(translation: Translation) -> list[str]:
    return [each.says for each in translation.blockers]


def warnings(translation: Translation, *rows: str) -> list[Finding]:
    return [
        each
        for each in translation.findings
        if each.category is Category.WARNING and each.row in rows
    ]


def nodes(*names: str) -> Target:
    return plain_target(nodes=tuple(Node(name=name) for name in names))


def term(key: str, **more: Any) -> dict[str, Any]:
    expression = {"key": f"rule.mtv.migration/{key}", "operator": "Exists"}
    selector = {"matchExpressions": [expression]}
    return {"labelSelector": selector, "topologyKey": HOSTNAME, **more}


# -- rule, rule.name: VMs to each other


def test_a_mandatory_rule_keeps_vms_apart() -> None:
    """Row rule."""
    made = translated(apart("vm-1", "vm-2", name="Web Servers"))
    assert affinity(made) == {"podAntiAffinity": {REQUIRED: [term("web-servers")]}}
    assert affinity(made, 2) == affinity(made)
    assert affinity(made, 3) == {}
    assert labels(made) == {"rule.mtv.migration/web-servers"}
    assert labels(made, 3) == set()


def test_a_rule_that_is_not_mandatory_is_preferred() -> None:
    """Row rule: vSphere has no priorities, so the weight is 100."""
    made = translated(together("vm-1", "vm-2", mandatory=None))
    preferred = [{"weight": 100, "podAffinityTerm": term("web")}]
    assert affinity(made) == {"podAffinity": {PREFERRED: preferred}}


def test_a_rule_that_is_off_is_none() -> None:
    """Row rule."""
    made = translated(apart("vm-1", "vm-2", enabled=False))
    assert (affinity(made), labels(made)) == ({}, set())


def test_the_names_of_rules_are_labels_and_stand_in_an_annotation() -> None:
    """Row rule.name: equal names get a suffix, the names themselves are kept."""
    names = ("Daß & dies!", "Daß & dies!", "x" * 80)
    made = translated(*(apart("vm-1", "vm-2", name=n, id=f"r{i}") for i, n in enumerate(names)))
    keys = {each.partition("/")[2] for each in labels(made)}
    assert len(keys) == 3
    assert all(len(key) <= 63 and key.strip("-") == key for key in keys)
    machine = made.manifests(made.vms[0])[0]
    assert machine["metadata"]["annotations"]["mtv.migration/rules"] == f"{names[0]}; {names[2]}"


def test_a_rule_sees_its_vms_in_other_namespaces() -> None:
    """Row rule: a term without namespaces sees those of the VM's own only."""
    made = translated(apart("vm-1", "vm-2"), namespaces={"vc1/vm-2": "shop"})
    expected = term("web", namespaces=["imported-vms", "shop"])
    assert affinity(made)["podAntiAffinity"] == {REQUIRED: [expected]}
    assert affinity(made, 2) == affinity(made)


def test_only_vms_that_are_migrated_are_members() -> None:
    """Row rule: with a template there is nobody else to be apart from."""
    first, second = numbered_vms(2)
    gold = plain_vm(id="vm-2", name="gold", is_template=True)
    made = translated(apart("vm-1", "vm-2"), vms=(first, gold))
    assert (affinity(made), blockers(made)) == ({}, [])
    assert affinity(translated(apart("vm-1", "vm-2"), vms=(first, second))) != {}


# -- rule.priority


def test_weights_keep_the_order_of_priorities() -> None:
    """Row rule.priority."""
    made = translated(
        apart("vm-1", "vm-2", name="low", mandatory=False, priority=-3.5),
        apart("vm-1", "vm-2", name="high", mandatory=False, priority=40.0),
        apart("vm-1", "vm-2", name="mid", mandatory=False, priority=1.0),
        apart("vm-1", "vm-2", name="must", mandatory=True, priority=99.0),
    )
    terms = affinity(made)["podAntiAffinity"]
    weights = [each["weight"] for each in terms[PREFERRED]]
    assert weights == [34, 100, 67]
    assert len(terms[REQUIRED]) == 1


def test_many_priorities_stay_within_1_and_100() -> None:
    """Row rule.priority."""
    rules = [
        apart("vm-1", "vm-2", name=f"r{n}", mandatory=False, priority=float(n)) for n in range(300)
    ]
    terms = affinity(translated(*rules))["podAntiAffinity"][PREFERRED]
    weights = [each["weight"] for each in terms]
    assert weights == sorted(weights)
    assert (weights[0], weights[-1]) == (1, 100)


# -- rule.hosts


def expression(operator: str, *values: str) -> dict[str, Any]:
    return {"key": HOSTNAME, "operator": operator, "values": list(values)}


def test_rules_about_hosts_are_node_affinity() -> None:
    """Row rule.hosts: several mandatory ones hold together, in one term."""
    made = translated(
        on("esx-1", "vm-1", name="a", hosts=("esx-1", "esx-2")),
        off("esx-2", "vm-1", name="b"),
        on("esx-1", "vm-1", name="c", mandatory=False),
        off("esx-2", "vm-2", name="d", mandatory=False),
    )
    first = [expression("In", "worker-1", "worker-2"), expression("NotIn", "worker-2")]
    liked = {"weight": 100, "preference": {"matchExpressions": [expression("In", "worker-1")]}}
    assert affinity(made)["nodeAffinity"] == {
        REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": first}]},
        PREFERRED: [liked],
    }
    avoided = {"weight": 100, "preference": {"matchExpressions": [expression("NotIn", "worker-2")]}}
    assert affinity(made, 2) == {"nodeAffinity": {PREFERRED: [avoided]}}
    assert labels(made) == set()


def test_a_node_is_selected_by_its_label() -> None:
    """Row rule.hosts: the label is not the name on every cluster."""
    target = plain_target(nodes=(Node(name="worker-1", labels={HOSTNAME: "w1"}), Node(name="w9")))
    made = translated(on("esx-1", "vm-1", mandatory=False), target=target)
    (liked,) = affinity(made)["nodeAffinity"][PREFERRED]
    assert liked["preference"]["matchExpressions"] == [expression("In", "w1")]


@pytest.mark.parametrize(
    ("hosts", "says"),
    [
        ({}, "mapping.yaml: hosts: vc1/esx-1 has no node"),
        ({"vc1/esx-1": None}, "mapping.yaml: hosts: vc1/esx-1 has no node"),
        ({"vc1/esx-1": "w7"}, "mapping.yaml: hosts: vc1/esx-1: target.yaml has no node 'w7'"),
    ],
)
def test_a_host_without_a_node_is_a_question(hosts: dict[str, str | None], says: str) -> None:
    """Row rule.hosts: the rules are left out, their VMs are not held back."""
    rules = (on("esx-1", "vm-1", name="a"), off("esx-1", "vm-2", name="b"), apart("vm-1", "vm-2"))
    made = translated(*rules, hosts=hosts, target=nodes("worker-1", "worker-2", "worker-3"))
    (found,) = made.blockers
    assert (found.row, found.ref, found.name) == ("rule.hosts", "vc1/esx-1", "esx1.example.com")
    assert found.says == f"{says}; left out: the rule 'a', the rule 'b'"
    assert found.holds_back == ()
    assert len(made.vms) == 4
    assert set(affinity(made)) == {"podAntiAffinity"}


def test_a_vm_with_one_node_is_not_live_migrated() -> None:
    """Row rule.hosts: a drain must not wait for a node that does not come."""
    made = translated(on("esx-1", "vm-1"), on("esx-1", "vm-2", name="s", mandatory=False))
    first, second = made.vms[:2]
    assert first.obstacles == ("its rules leave it one node, worker-1",)
    assert second.obstacles == ()
    assert template(made)["spec"]["evictionStrategy"] == "None"
    assert template(made, 2)["spec"]["evictionStrategy"] == "LiveMigrate"


# -- rule.after, unknown kinds


def test_a_dependency_is_reported() -> None:
    """Row rule.after."""
    made = translated(rule("depends", "vm-1", name="db first", after=("vm-2",)))
    (found,) = warnings(made, "rule.after")
    assert (found.name, found.ref) == ("db first", "vc1/domain-c1")
    assert "starts VMs after others" in found.says
    assert [len(group.vms) for group in made.start_plan.groups] == [1, 1]
    assert affinity(made) == {}


def test_a_rule_of_an_unknown_kind_is_reported() -> None:
    """Row rule."""
    (found,) = warnings(translated(rule("ClusterNewRuleInfo", "vm-1")), "rule")
    assert found.says == "it is a rule of a kind that mtv does not know: ClusterNewRuleInfo"


def test_a_rule_without_hosts_is_reported() -> None:
    """Row rule.hosts: an empty list of values is no expression."""
    made = translated(on("esx-1", "vm-1", hosts=()))
    (found,) = warnings(made, "rule")
    assert found.says == "the rule 'web' names no host, so it asks for nothing"
    assert (affinity(made), blockers(made)) == ({}, [])


# -- affinity-label


def label(**changes: Any) -> AffinityLabel:
    return AffinityLabel(
        **{
            "id": "label-1",
            "name": "licensed",
            "vms": ("vm-1",),
            "hosts": ("esx-1", "esx-2"),
            "implicit_group": True,
            **changes,
        }
    )


def test_a_label_with_an_implicit_group_binds_its_vms() -> None:
    """Row affinity-label."""
    made = translated(affinity_labels=(label(),))
    term = {"matchExpressions": [expression("In", "worker-1", "worker-2")]}
    assert affinity(made) == {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}
    assert affinity(made, 2) == {}


@pytest.mark.parametrize("implicit", [False, None])
def test_other_labels_bind_nothing(implicit: bool | None) -> None:
    """Row affinity-label: they only name members of affinity groups."""
    made = translated(affinity_labels=(label(implicit_group=implicit),), hosts={})
    assert (affinity(made), blockers(made)) == ({}, [])


# -- pinning


def placed(mode: str | None, *hosts: str) -> tuple[Vm, ...]:
    return (plain_vm(placement=Placement(mode=mode, hosts=hosts)),)


def test_a_pinned_vm_stays_on_its_nodes() -> None:
    """Row pinning."""
    made = translated(vms=placed("pinned", "esx-1", "esx-2"))
    term = {"matchExpressions": [expression("In", "worker-1", "worker-2")]}
    assert affinity(made) == {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}
    assert template(made)["spec"]["evictionStrategy"] == "None"


@pytest.mark.parametrize("mode", ["migratable", "user_migratable"])
def test_hosts_of_other_vms_are_preferred(mode: str) -> None:
    """Row pinning: with the weight of RHV's preferred hosts."""
    made = translated(vms=placed(mode, "esx-2"))
    liked = {"weight": 99, "preference": {"matchExpressions": [expression("In", "worker-2")]}}
    assert affinity(made) == {"nodeAffinity": {PREFERRED: [liked]}}
    assert template(made)["spec"]["evictionStrategy"] == "LiveMigrate"


def test_a_pinned_vm_without_a_node_is_a_question() -> None:
    """Row pinning."""
    made = translated(vms=placed("pinned", "esx-1"), hosts={})
    (found,) = made.blockers
    assert (found.row, found.ref) == ("pinning", "vc1/esx-1")
    assert found.says.endswith("left out: the hosts of 'web01'")
    assert [vm.ref for vm in made.vms] == ["vc1/vm-1"]


# -- bad input: contradictions


def test_together_and_apart_at_once() -> None:
    """Bad input: both rules are left out, all else is translated."""
    made = translated(
        together("vm-1", "vm-2", name="one"),
        apart("vm-1", "vm-2", name="two"),
        apart("vm-3", "vm-4", name="three"),
    )
    (found,) = made.blockers
    assert found.says == (
        "the rule 'one' keeps VMs on one node that the rule 'two' keeps apart; they are left out"
    )
    assert (found.row, found.holds_back) == ("rule", ())
    assert "change one of them" in found.remedy
    assert (affinity(made), labels(made)) == ({}, set())
    assert labels(made, 3) == {"rule.mtv.migration/three"}
    assert len(made.vms) == 4


def test_apart_and_together_over_a_chain() -> None:
    """Bad input: vm-1 with vm-2, vm-2 with vm-3, and vm-1 not with vm-3."""
    made = translated(
        together("vm-1", "vm-2", name="a"),
        together("vm-2", "vm-3", name="b"),
        together("vm-4", "vm-3", name="not concerned"),
        apart("vm-1", "vm-3", name="c"),
    )
    assert len(blockers(made)) == 1
    assert all(f"the rule {name!r}" in blockers(made)[0] for name in "abc")
    assert labels(made, 3) == {"rule.mtv.migration/not-concerned"}


def test_preferences_may_contradict() -> None:
    """What is not mandatory gives way."""
    made = translated(together("vm-1", "vm-2", name="a"), apart("vm-1", "vm-2", mandatory=False))
    assert (blockers(made), set(affinity(made))) == ([], {"podAffinity", "podAntiAffinity"})


def test_together_on_hosts_that_have_nothing_in_common() -> None:
    """Bad input."""
    made = translated(
        together("vm-1", "vm-2", name="pair"),
        on("esx-1", "vm-1", name="left"),
        on("esx-2", "vm-2", name="right"),
    )
    (says,) = blockers(made)
    assert all(f"the rule {name!r}" in says for name in ("pair", "left", "right"))
    assert "leave no node for the same VMs" in says
    assert (affinity(made), affinity(made, 2)) == ({}, {})


def test_hosts_with_the_same_node_are_no_contradiction() -> None:
    both: dict[str, str | None] = {"vc1/esx-1": "worker-1", "vc1/esx-2": "worker-1"}
    rules = (on("esx-1", "vm-1", name="left"), on("esx-2", "vm-1", name="right"))
    assert blockers(translated(*rules, hosts=both)) == []
    assert len(blockers(translated(*rules))) == 1


def test_a_pinned_vm_whose_host_is_excluded() -> None:
    """Bad input: it is found although nobody has said which nodes take the hosts' places."""
    made = translated(off("esx-1", "vm-1", name="away"), vms=placed("pinned", "esx-1"), hosts={})
    (says,) = blockers(made)
    assert "the rule 'away'" in says
    assert "the hosts of 'web01'" in says
    assert affinity(made) == {}


def test_more_vms_apart_than_nodes() -> None:
    """Bad input: with as many it is a warning, with more it cannot be."""
    spread = apart("vm-1", "vm-2", "vm-3", name="spread")
    assert blockers(translated(spread)) == []
    full = translated(spread, target=nodes("n1", "n2", "n3"))
    assert blockers(full) == []
    assert [each.name for each in warnings(full, "rule") if "drained" in each.says] == ["spread"]
    over = translated(spread, target=nodes("n1", "n2"))
    assert blockers(over) == [
        "the rule 'spread' keeps 3 VMs apart; nodes for them: 2; it is left out"
    ]
    assert (affinity(over), labels(over)) == ({}, set())


def test_more_vms_apart_than_they_have_hosts() -> None:
    """Bad input."""
    made = translated(apart("vm-1", "vm-2", name="a"), on("esx-1", "vm-1", "vm-2", name="b"))
    assert blockers(made) == [
        "the rule 'a' keeps 2 VMs apart; nodes for them: 1, by the rule 'b'; they are left out"
    ]


def test_all_nodes_excluded() -> None:
    """Bad input."""
    rules = (off("esx-1", "vm-1", name="a"), off("esx-2", "vm-1", name="b"))
    made = translated(*rules, target=nodes("worker-1", "worker-2"))
    (says,) = blockers(made)
    assert "the rule 'a' and the rule 'b' leave no node" in says
    assert blockers(translated(*rules, target=nodes("worker-1", "worker-2", "worker-3"))) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [(apart("vm-1", "vm-99"), "vc1/vm-99"), (on("esx-9", "vm-1"), "vc1/esx-9")],
)
def test_a_rule_names_what_is_not_there(wrong: PlacementRule, named: str) -> None:
    """Bad input."""
    made = translated(wrong, apart("vm-1", "vm-2", name="good"))
    assert blockers(made) == [
        f"the rule 'web' names {named}, which the inventory does not have; it is left out"
    ]
    assert labels(made) == {"rule.mtv.migration/good"}
    assert "nodeAffinity" not in affinity(made)


def test_contradictions_that_others_hide_are_found_too() -> None:
    """Bad input: what is left can be kept."""
    made = translated(
        together("vm-1", "vm-2", name="t1"),
        together("vm-1", "vm-2", name="t2"),
        apart("vm-1", "vm-2", name="a1"),
    )
    (says,) = blockers(made)
    assert "the rule 'a1'" in says
    assert len(labels(made)) == 1


def test_ten_thousand_rules_are_looked_at_in_time() -> None:
    rules = [together(f"vm-{n}", f"vm-{n + 1}", name=f"r{n}") for n in range(1, 10_000)]
    found = translated(*rules, apart("vm-1", "vm-10000", name="far"), vms=numbered_vms(10_000))
    assert len(found.blockers) == 1


# -- suggestions


def suggested(target: Target, *rules: PlacementRule) -> list[Suggestion]:
    found = suggest(Estate([estate(*rules)]), target)
    return [each for each in found if each.section == "hosts"]


def test_only_hosts_that_rules_name_are_asked() -> None:
    (found,) = suggested(nodes(), on("esx-2", "vm-1"), on("esx-1", "vm-1", enabled=False))
    assert (found.ref, found.name, found.choice) == ("vc1/esx-2", "esx2.example.com", None)
    assert found.reason == "rules name this host: choose the node that takes its place"


@pytest.mark.parametrize(
    ("names", "choice"),
    [
        (("esx2.example.com", "esx2"), "esx2.example.com"),
        (("esx1", "esx2.ocp.example.com"), "esx2.ocp.example.com"),
        (("esx2.a", "esx2.b"), None),
        (("worker-2",), None),
    ],
)
def test_a_node_with_the_name_of_the_host_is_suggested(
    names: tuple[str, ...], choice: str | None
) -> None:
    (found,) = suggested(nodes(*names), on("esx-2", "vm-1"))
    assert found.choice == choice
