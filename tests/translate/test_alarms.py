"""Alarms -> PrometheusRules and an AlertingRule; what has no metric is told."""

import re
from typing import Any

import promql_parser
import pytest

from mtv.knowledge.alarms import alarm_table
from mtv.knowledge.versions import release, versions
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.organisation import Alarm, AlarmCondition, Folder, TriggeredAlarm
from mtv.translate import Translation
from mtv.translate.health.reach import MOST_NAMES
from mtv.translate.health.rules import alert_names, literal
from tests.estates import inventory, numbered_vms, plain_target, plain_vm, translated_inventory
from tests.validation import faults

OPENSHIFT = [each.openshift for each in versions().releases]

ROOT = Folder(id="group-d1", name="Datacenters", path="", kind="datacenter")
SHOP = Folder(id="group-v1", name="shop", path="shop", kind="vm")


def metric(name: str = "cpu.usage.average", **changes: Any) -> AlarmCondition:
    fields: dict[str, Any] = {
        "kind": "metric",
        "metric": name,
        "operator": "isAbove",
        "warning": "7500",
        "warning_seconds": 300,
        "critical": "9000",
        "critical_seconds": 90,
        "object_kind": "VirtualMachine",
    }
    return AlarmCondition(**{**fields, **changes})


def state(value: str | None, path: str = "runtime.powerState", **changes: Any) -> AlarmCondition:
    fields: dict[str, Any] = {
        "kind": "state",
        "metric": path,
        "operator": "isEqual",
        "critical": value,
        "object_kind": "VirtualMachine",
    }
    return AlarmCondition(**{**fields, **changes})


def event(type_: str) -> AlarmCondition:
    return AlarmCondition(kind="event", metric=type_, critical="red", object_kind="HostSystem")


def alarm(*conditions: AlarmCondition, **changes: Any) -> Alarm:
    fields: dict[str, Any] = {
        "id": "alarm-1",
        "name": "VM is busy",
        "enabled": True,
        "entity": "group-d1",
        "all_conditions": False,
        "conditions": conditions or (metric(),),
    }
    return Alarm(**{**fields, **changes})


def estate(*alarms: Alarm, **changes: Any) -> Inventory:
    """Two VMs without NICs: one in the folder shop, one in none."""
    vms = changes.pop("vms", None) or (
        plain_vm(nics=(), folder="shop"),
        plain_vm(id="vm-2", name="db", nics=(), folder="", uuid=None),
    )
    return inventory(*vms, alarms=alarms, folders=(ROOT, SHOP), **changes)


def translated(*alarms: Alarm, openshift: str = "4.20", **mapping: Any) -> Translation:
    return translated_inventory(
        estate(*alarms), target=plain_target(openshift=openshift), **mapping
    )


def rules(translation: Translation, namespace: str = "imported-vms") -> list[dict[str, Any]]:
    """The rules of one namespace."""
    return [
        rule
        for manifest in translation.platform
        if manifest["kind"] in ("PrometheusRule", "AlertingRule")
        and manifest["metadata"]["namespace"] == namespace
        for group in manifest["spec"]["groups"]
        for rule in group["rules"]
    ]


def exprs(translation: Translation, namespace: str = "imported-vms") -> list[str]:
    return [rule["expr"] for rule in rules(translation, namespace)]


def found(translation: Translation, row: str, *words: str) -> list[Finding]:
    return [
        each
        for each in translation.findings
        if each.row == row and all(word in each.says for word in words)
    ]


# alarm


def test_alarm_on_a_counter_becomes_a_warning_and_a_critical_alert() -> None:
    translation = translated(alarm(description="Look at it."))
    warning, critical = rules(translation)
    assert warning["alert"] == critical["alert"] == "VMIsBusy"
    assert (warning["labels"]["severity"], critical["labels"]["severity"]) == (
        "warning",
        "critical",
    )
    assert (warning["for"], critical["for"]) == ("5m", "90s")
    assert warning["expr"].endswith("> 0.75")
    assert critical["expr"].endswith("> 0.9")
    assert 'namespace="imported-vms"' in warning["expr"]
    assert "name=~" not in warning["expr"]
    assert warning["annotations"]["summary"].startswith("VM is busy: VM {{ $labels.namespace }}")
    assert warning["annotations"]["description"].startswith("Look at it. VM ")
    assert "7500 (1/100 %)" in warning["annotations"]["description"]


@pytest.mark.parametrize("openshift", OPENSHIFT)
def test_alarm_rules_are_valid_on_every_version(openshift: str) -> None:
    every = [
        alarm(metric(name, object_kind=kind), id=f"alarm-{kind}-{name}", name=f"{kind} {name}")
        for name in ("cpu.usage.average", "mem.usage.average", "disk.maxTotalLatency.latest")
        for kind in ("VirtualMachine", "HostSystem")
    ]
    both = alarm(metric(), state("poweredOff"), id="alarm-9", all_conditions=True)
    translation = translated(*every, both, openshift=openshift)
    made = [each for each in translation.platform if each["kind"].endswith("Rule")]
    assert {each["kind"] for each in made} == {"PrometheusRule", "AlertingRule"}
    for manifest in made:
        assert faults(manifest, release(openshift)) == []
        for rule in manifest["spec"]["groups"][0]["rules"]:
            promql_parser.parse(rule["expr"])
            assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", rule["alert"])


@pytest.mark.parametrize(
    ("name", "threshold", "expected"),
    [
        ("cpu.usage.average", "8550", "> 0.855"),
        ("cpu.ready.summation", "2000", "> 0.1"),
        ("virtualDisk.totalReadLatency.average", "30", "> 0.03"),
        ("disk.usage.average", "1024", "> 1048576"),
        ("net.droppedRx.summation", "10", "> 0.5"),
        ("mem.consumed.average", "1048576", "> 1073741824"),
        ("sys.uptime.latest", "0", "> 0"),
    ],
)
def test_alarm_thresholds_are_converted(name: str, threshold: str, expected: str) -> None:
    made = alarm(metric(name, critical=threshold, warning=None))
    (expr,) = exprs(translated(made))
    assert expr.endswith(expected)


def test_alarm_below_a_threshold() -> None:
    (expr, _) = exprs(translated(alarm(metric(operator="isBelow"))))
    assert expr.endswith("< 0.75")


@pytest.mark.parametrize("threshold", ["", "many", "1e999999", "NaN", "Infinity", "0x10"])
def test_alarm_with_a_threshold_that_is_no_number_is_told(threshold: str) -> None:
    translation = translated(alarm(metric(critical=threshold, warning=None)))
    assert rules(translation) == []
    (finding,) = found(translation, "alarm", "not made")
    assert (finding.category, finding.ref) == (Category.WARNING, "vc1/alarm-1")


def test_alarm_with_all_conditions_is_one_rule_that_waits_for_the_longest() -> None:
    both = alarm(metric(), metric("mem.usage.average", warning_seconds=600), all_conditions=True)
    warning, critical = rules(translated(both))
    assert "and on (namespace, name)" in warning["expr"]
    assert warning["for"] == "10m"
    assert warning["labels"]["counter"] == "cpu.usage,mem.usage"
    assert critical["expr"].count("> 0.9") == 2


def test_alarm_with_any_condition_is_a_rule_for_each() -> None:
    either = alarm(metric(), metric("mem.usage.average"))
    assert [rule["labels"]["counter"] for rule in rules(translated(either))] == [
        "cpu.usage",
        "mem.usage",
        "cpu.usage",
        "mem.usage",
    ]


def test_alarm_with_all_conditions_is_not_made_without_one_of_them() -> None:
    both = alarm(metric(), event("VmSomethingEvent"), all_conditions=True)
    translation = translated(both)
    assert rules(translation) == []
    assert found(translation, "alarm", "not made", "VmSomethingEvent")
    either = translated(alarm(metric(), event("VmSomethingEvent")))
    assert len(rules(either)) == 2
    assert found(either, "alarm", "made only in part", "VmSomethingEvent")


def test_alarm_that_is_yellow_only_with_a_red_condition() -> None:
    """A condition without a yellow counts as yellow when it is red."""
    both = alarm(metric(), metric("mem.usage.average", warning=None), all_conditions=True)
    warning, critical = exprs(translated(both))
    assert "> 0.75" in warning
    assert "> 0.9" in warning
    assert critical.count("> 0.9") == 2


@pytest.mark.parametrize(
    ("value", "matcher"),
    [("poweredOff", "[Ss]topped"), ("suspended", "[Pp]aused"), ("poweredOn", "[Rr]unning")],
)
def test_alarm_on_a_power_state(value: str, matcher: str) -> None:
    (rule,) = rules(translated(alarm(state(value))))
    assert f'kubevirt_vm_info{{status=~"{matcher}",namespace="imported-vms"}}' in rule["expr"]
    assert rule["expr"].endswith("> 0")
    assert "for" not in rule


def test_alarm_on_another_state_than_one() -> None:
    (expr,) = exprs(translated(alarm(state("poweredOn", operator="isUnequal"))))
    assert "unless on (namespace, name)" in expr
    promql_parser.parse(expr)


def test_alarm_on_a_state_that_no_metric_has_is_told() -> None:
    translation = translated(alarm(state("red", "guestHeartbeatStatus")))
    assert rules(translation) == []
    assert found(translation, "alarm", "guestHeartbeatStatus")


def test_alarm_on_hosts_asks_the_nodes_metrics_in_the_platforms_namespace() -> None:
    on_host = alarm(metric(object_kind="HostSystem"), entity="host-1")
    waits = translated(on_host)
    assert rules(waits, "openshift-monitoring") == []
    (finding,) = found(waits, "alarm", "names no node")
    assert "hosts: vc1/host-1" in finding.remedy
    decided = translated(on_host, hosts={"vc1/host-1": "w1.example.com"})
    expr, _ = exprs(decided, "openshift-monitoring")
    assert 'instance=~"w1\\\\.example\\\\.com"' in expr
    assert "node_cpu_seconds_total" in expr
    everywhere = translated(alarm(metric(object_kind="HostSystem"), entity="domain-c1"))
    assert "instance=~" not in exprs(everywhere, "openshift-monitoring")[0]
    assert found(everywhere, "alarm", "all nodes")


def test_alarm_is_about_the_vms_below_its_object() -> None:
    expr, _ = exprs(translated(alarm(entity="group-v1")))
    assert 'name=~"web01"' in expr
    of_one = translated(alarm(entity="vm-2"))
    assert 'name=~"db"' in exprs(of_one)[0]
    moved = translated(alarm(entity="group-v1"), namespaces={"vc1/group-v1": "shop"})
    assert rules(moved) == []
    assert "name=~" not in exprs(moved, "shop")[0]


@pytest.mark.parametrize("entity", ["domain-c1", "host-1", "group-d1", None])
def test_alarm_of_a_cluster_or_of_everything_is_about_all(entity: str | None) -> None:
    translation = translated(alarm(entity=entity), namespaces={"vc1/vm-2": "other"})
    assert len(rules(translation)) == len(rules(translation, "other")) == 2


def test_alarm_on_an_object_that_nobody_sees_is_told() -> None:
    translation = translated(alarm(entity="group-v99"))
    assert rules(translation) == []
    assert found(translation, "alarm", "group-v99", "not in the inventory")


def test_alarm_about_many_vms_of_a_namespace_is_about_all_and_says_so() -> None:
    vms = tuple(
        plain_vm(
            id=each.id, name=each.name, uuid=each.uuid, nics=(), folder="" if not index else "shop"
        )
        for index, each in enumerate(numbered_vms(MOST_NAMES + 2))
    )
    translation = translated_inventory(estate(alarm(entity="group-v1"), vms=vms))
    assert "name=~" not in exprs(translation)[0]
    assert found(translation, "alarm", "too many to name", "1 more")


def test_alarm_that_is_disabled_is_not_made() -> None:
    translation = translated(alarm(enabled=False))
    assert rules(translation) == []
    assert found(translation, "alarm", "disabled", "VM is busy")


def test_alarm_on_what_only_comes_near_is_made_and_said() -> None:
    translation = translated(alarm(metric("mem.active.average")))
    assert len(rules(translation)) == 2
    assert found(translation, "alarm", "mem.active", "come near")


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        (metric("cpu.costop.summation"), "costop"),
        (metric("cpu.system.summation"), "something else"),
        (metric("cpu.usagemhz.average"), "something else"),
        (metric("vendor.strange.average"), "vendor.strange.average"),
        (metric(operator="isAbout"), "isAbout"),
        (AlarmCondition(kind="weather"), "weather"),
    ],
)
def test_alarm_that_no_rule_says_is_told(condition: AlarmCondition, word: str) -> None:
    translation = translated(alarm(condition))
    assert rules(translation) == []
    (finding,) = found(translation, "alarm", word)
    assert finding.remedy


def test_alarm_rules_need_monitoring_of_user_projects() -> None:
    (finding,) = found(translated(alarm()), "alarm", "user-defined projects")
    assert "enableUserWorkload" in finding.remedy
    assert not found(translated(), "alarm")


def test_alarm_names_are_camel_case_and_unique() -> None:
    made = alert_names({"a/1": "VM ist überlastet!", "a/2": "9 lives", "a/3": "", "a/4": "名前"})
    assert made["a/1"] == "VMIstUberlastet"
    assert made["a/2"] == "Alarm9Lives"
    assert made["a/3"] != made["a/4"]
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name) for name in made.values())


HOSTILE = '{{ template "x" }}{{{ query "up" }} \ud800\x00"`$labels\n- evil: yes'


def test_alarm_texts_of_the_source_are_no_templates() -> None:
    translation = translated(alarm(name=HOSTILE, description=HOSTILE, id="alarm-{{1}}"))
    for rule in rules(translation):
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", rule["alert"])
        for text in rule["annotations"].values():
            actions = re.findall(r"\{\{(.*?)\}\}", text)
            ours = {' "{" ', " $labels.namespace ", " $labels.name ", " $value "}
            assert set(actions) <= ours
            text.encode()
    for manifest in translation.platform:
        if manifest["kind"] == "PrometheusRule":
            assert faults(manifest, release("4.20")) == []


def test_a_brace_stays_a_brace() -> None:
    said = literal("a {{ b }} {")
    assert re.sub(r'\{\{ "\{" \}\}', "{", said) == "a {{ b }} {"
    assert "{{ b" not in said


# alarm.default


def test_alarm_default_that_openshift_covers_is_not_made_again() -> None:
    own = alarm(
        event("HostConnectionLostEvent"),
        name="Host connection failure",
        native={"info.systemName": "alarm.HostConnectivityAlarm"},
    )
    translation = translated(own)
    assert rules(translation) == []
    (finding,) = found(translation, "alarm.default", "KubeNodeNotReady")
    assert finding.category is Category.INFORMATION
    assert "Host connection failure" in finding.says
    assert not found(translation, "alarm", "not made")


def test_alarm_default_on_a_counter_of_vms_is_made() -> None:
    own = alarm(native={"info.systemName": "alarm.VmCPUUsageAlarm"})
    assert len(rules(translated(own))) == 2


def test_alarm_default_that_nothing_covers_says_what_to_look_at() -> None:
    own = alarm(
        event("com.vmware.vc.ft.VmAffectedByDasDisabledEvent"),
        name="Virtual machine Fault Tolerance state changed",
        native={"info.systemName": "alarm.VmFaultToleranceStateChanged"},
    )
    (finding,) = found(translated(own), "alarm.default", "Fault Tolerance")
    assert "look at this instead" in finding.remedy


def test_alarm_default_is_covered_by_what_the_version_has() -> None:
    own = alarm(
        event("GeneralVmErrorEvent"),
        name="Virtual machine error",
        native={"info.systemName": "alarm.VmErrorAlarm"},
    )
    assert not found(translated(own), "alarm.default", "VirtualMachineStuckOnNode")
    assert found(translated(own, openshift="4.22"), "alarm.default", "VirtualMachineStuckOnNode")


def test_an_alarm_of_someones_own_is_not_taken_for_vcenters() -> None:
    (finding,) = found(translated(alarm(event("X"), name="Host error")), "alarm", "not made")
    assert finding.ref == "vc1/alarm-1"


def test_alarm_on_a_datastore_is_covered_by_the_storages_alerts() -> None:
    made = alarm(metric("disk.used.latest", object_kind="Datastore"), name="gold is full")
    translation = translated(made)
    assert rules(translation) == []
    assert found(translation, "alarm.default", "CephClusterNearFull", "gold is full")


def test_an_event_that_ends_an_alarm_is_no_condition() -> None:
    ends = AlarmCondition(kind="event", metric="X", operator="turns it green")
    translation = translated(alarm(ends, metric()))
    assert len(rules(translation)) == 2
    assert not found(translation, "alarm", "in part")


def test_the_table_has_the_alarms_of_every_vcenter() -> None:
    table = alarm_table()
    assert len({each.id for each in table.covered}) == len(table.covered)
    assert sum(len(each.defaults) for each in table.covered) >= 60
    for each in table.covered:
        assert each.alerts or each.instead
        assert not each.instead.endswith(".")
        assert all(re.fullmatch(r"[A-Z][A-Za-z]+", alert.name) for alert in each.alerts)
    for known in table.states:
        for matcher in known.labels.values():
            promql_parser.parse(f"{known.metric}{{{matcher}}}")


# alarm.actions, alarm.instance, alarm.settings, triggered-alarm


def test_alarm_actions_are_told_with_where_alerts_go() -> None:
    translation = translated(alarm(actions=("SendEmailAction to ops@example.com",)))
    (finding,) = found(translation, "alarm.actions", "ops@example.com")
    assert "Alertmanager" in finding.remedy
    assert "ops@example.com" not in str(rules(translation))


def test_alarm_instance_is_told() -> None:
    translation = translated(alarm(metric(instance="4000")))
    assert len(rules(translation)) == 2
    (entry,) = [each for each in translation.ledger.entries if each.row == "alarm.instance"]
    assert "4000" in entry.says


def test_triggered_alarm_is_told_of_both_products() -> None:
    on = TriggeredAlarm(id="1", alarm="alarm-1", entity="vm-2", status="red")
    translation = translated_inventory(estate(alarm(), triggered_alarms=(on,)))
    (finding,) = found(translation, "triggered-alarm")
    assert "VM is busy on db (red)" in finding.says
    told = TriggeredAlarm(id="2", alarm="1130", status="error", says="Image is illegal.")
    engine = estate(source="rhv1", product="rhv", triggered_alarms=(told,))
    (finding,) = found(translated_inventory(engine), "triggered-alarm")
    assert "Image is illegal. (error)" in finding.says


def test_rules_name_the_alarms_they_come_from() -> None:
    translation = translated(alarm(), alarm(id="alarm-2", name="Other"))
    (made,) = [each for each in translation.platform if each["kind"] == "PrometheusRule"]
    assert made["metadata"]["annotations"] == {"mtv.migration/source": "vc1/alarm-1, vc1/alarm-2"}
