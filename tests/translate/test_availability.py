"""High availability, priorities, fencing: who is restarted, who first, and by what."""

from typing import Any

import msgspec
import pytest

from mtv.knowledge.availability import availability
from mtv.knowledge.fencing import fence_agents
from mtv.knowledge.versions import release, versions
from mtv.model.compute import FenceAgent, HighAvailability, Host
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.quantity import Setting
from mtv.model.target import Node
from mtv.model.vm import Availability, Vm
from mtv.translate import Translation
from tests.estates import inventory, numbered_vms, plain_target, translated_inventory
from tests.validation import faults

ON = HighAvailability(enabled=True, host_monitoring="enabled", restart_priority="medium")
LEADING = {"settings_from": "vc1/domain-c1"}
NODES = tuple(Node(name=f"worker-{number}") for number in (1, 2, 3))
IPMI = FenceAgent(id="a-1", kind="ipmilan", address="10.2.0.11", port=623, order=1)


def estate(
    high: HighAvailability | None = ON,
    vms: tuple[Vm, ...] = numbered_vms(1),
    agents: tuple[FenceAgent, ...] = (),
    **host: Any,
) -> Inventory:
    """An estate whose cluster is available in some way, and whose host has fence agents."""
    whole = inventory(*vms)
    (first,) = whole.hosts
    return msgspec.structs.replace(
        whole,
        clusters=(msgspec.structs.replace(whole.clusters[0], availability=high),),
        hosts=(msgspec.structs.replace(first, fence_agents=agents, **host),),
    )


def vm(number: int = 1, **own: Any) -> Vm:
    """A VM with settings of its own."""
    return msgspec.structs.replace(numbered_vms(number)[-1], availability=Availability(**own))


def translated(whole: Inventory, **choices: Any) -> Translation:
    target = plain_target(**{"nodes": NODES, **choices.pop("target", {})})
    return translated_inventory(whole, target=target, **{**LEADING, **choices})


def of_kind(translation: Translation, kind: str) -> list[dict[str, Any]]:
    return [each for each in translation.platform if each["kind"] == kind]


def told(translation: Translation, row: str) -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


def spec_of(translation: Translation, number: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = translation.manifests(translation.vms[number])[0]
    spec: dict[str, Any] = made["spec"]["template"]["spec"]
    return spec


def fenced(agents: tuple[FenceAgent, ...] = (IPMI,), **choices: Any) -> Translation:
    """A cluster with a fencing policy, whose host's machine is worker-1 now."""
    whole = estate(HighAvailability(fencing=True), agents=agents)
    return translated(whole, **{"machines": {"vc1/host-1": "worker-1"}, **choices})


# -- clusters


def test_ha_of_the_leading_cluster_watches_the_workers() -> None:
    """Row availability.cluster."""
    (check,) = of_kind(translated(estate()), "NodeHealthCheck")
    spec = check["spec"]
    assert spec["minHealthy"] == "51%"
    assert spec["remediationTemplate"]["kind"] == "SelfNodeRemediationTemplate"
    assert {each["status"] for each in spec["unhealthyConditions"]} == {"False", "Unknown"}
    for each in versions().releases:
        assert faults(check, release(each.openshift)) == []


@pytest.mark.parametrize(
    "high",
    [
        None,
        HighAvailability(enabled=False, restart_priority="medium"),
        HighAvailability(enabled=True, host_monitoring="disabled"),
        HighAvailability(fencing=False),
    ],
)
def test_a_cluster_that_watches_no_hosts_makes_no_health_check(
    high: HighAvailability | None,
) -> None:
    """Rows availability.cluster and availability.fencing."""
    assert of_kind(translated(estate(high)), "NodeHealthCheck") == []


def test_without_a_leading_cluster_there_is_no_health_check() -> None:
    """Row availability.cluster."""
    translation = translated(estate(), settings_from=None)
    assert of_kind(translation, "NodeHealthCheck") == []
    (finding,) = told(translation, "availability.cluster")
    assert finding.category is Category.WARNING
    assert "prod" in finding.says


def test_a_missing_operator_is_a_blocker_that_holds_no_vm_back() -> None:
    """Row availability.cluster."""
    translation = translated(estate(), target={"operators": ("nmstate",)})
    assert of_kind(translation, "NodeHealthCheck") == []
    (blocker,) = told(translation, "availability.cluster")
    assert blocker.category is Category.BLOCKER
    assert not blocker.holds_back
    there = translated(estate(), target={"operators": ("node-health-check",)})
    assert of_kind(there, "NodeHealthCheck")
    assert [each.category for each in told(there, "availability.cluster")] == [Category.INFORMATION]


@pytest.mark.parametrize(("count", "minimum"), [(2, 1), (3, "51%"), (0, "51%")])
def test_of_two_workers_one_may_fail(count: int, minimum: int | str) -> None:
    """51 % of two are two: then no worker would ever be remediated."""
    (check,) = of_kind(translated(estate(), target={"nodes": NODES[:count]}), "NodeHealthCheck")
    assert check["spec"]["minHealthy"] == minimum


def test_one_node_has_none_to_restart_vms_on() -> None:
    translation = translated(estate(), target={"nodes": NODES[:1]})
    assert of_kind(translation, "NodeHealthCheck") == []
    (finding,) = told(translation, "availability.cluster")
    assert "one node" in finding.says


def test_clusters_that_differ_from_the_leading_one_are_told() -> None:
    """Row availability.cluster."""
    whole = estate()
    other = msgspec.structs.replace(
        whole.clusters[0], id="domain-c2", name="lab", availability=HighAvailability(enabled=False)
    )
    there = msgspec.structs.replace(numbered_vms(2)[-1], cluster="domain-c2")
    both = msgspec.structs.replace(
        whole, clusters=(*whole.clusters, other), vms=(*whole.vms, there)
    )
    (finding,) = [each for each in told(translated(both), "availability.cluster") if each.ref]
    assert finding.says.endswith("not so: lab")
    (other_way,) = [
        each
        for each in told(translated(both, settings_from="vc1/domain-c2"), "availability.cluster")
        if each.ref
    ]
    assert other_way.category is Category.WARNING


# -- priorities


@pytest.mark.parametrize(
    ("own", "name"),
    [
        (None, "mtv-medium"),
        ("clusterRestartPriority", "mtv-medium"),
        ("highest", "mtv-highest"),
        ("lowest", "mtv-lowest"),
    ],
)
def test_a_restart_priority_is_a_class(own: str | None, name: str) -> None:
    """Row availability.priority: a VM's own, or its cluster's."""
    translation = translated(estate(vms=(vm(enabled=None, priority=own),)))
    assert spec_of(translation)["priorityClassName"] == name
    (made,) = of_kind(translation, "PriorityClass")
    assert made["metadata"]["name"] == name
    assert made["preemptionPolicy"] == "Never"
    for each in versions().releases:
        assert faults(made, release(each.openshift)) == []


@pytest.mark.parametrize(
    ("number", "name"),
    [("1", "mtv-low"), ("20", "mtv-low"), ("49", "mtv-medium"), ("100", "mtv-high")],
)
def test_a_priority_of_rhv_is_the_nearest_class(number: str, name: str) -> None:
    """Row availability.priority: whether the VM is highly available or not."""
    whole = estate(HighAvailability(fencing=True), vms=(vm(enabled=False, priority=number),))
    translation = translated(whole)
    assert spec_of(translation)["priorityClassName"] == name
    exact = number in ("1", "50", "100")
    assert bool(told(translation, "availability.priority")) is not exact


def test_a_vm_that_is_not_restarted_has_no_class() -> None:
    """Row availability.restart."""
    for own in ({"enabled": False, "priority": "disabled"}, {"priority": "disabled"}):
        translation = translated(estate(vms=(vm(**own),)))
        assert "priorityClassName" not in spec_of(translation)
        assert of_kind(translation, "PriorityClass") == []


@pytest.mark.parametrize("word", ["urgent", "", "-1", "٣", "9" * 40])
def test_an_unknown_priority_is_told_and_makes_no_class(word: str) -> None:
    """Row availability.priority."""
    translation = translated(estate(vms=(vm(priority=word),)))
    assert "priorityClassName" not in spec_of(translation)
    (finding,) = told(translation, "availability.priority")
    assert finding.category is Category.WARNING


def test_classes_are_in_the_order_of_the_table() -> None:
    values = [each.value for each in availability().priorities]
    assert values == sorted(values, reverse=True)
    assert all(0 < value < 10**9 for value in values)


# -- what is lost


def test_fault_tolerance_is_told() -> None:
    """Row vm.fault-tolerance."""
    translation = translated(estate(vms=(vm(fault_tolerance="running"),)))
    (finding,) = told(translation, "vm.fault-tolerance")
    assert "web01" in finding.says
    off = translated(estate(vms=(vm(fault_tolerance="notConfigured"),)))
    assert not told(off, "vm.fault-tolerance")
    assert not [each for each in off.ledger.entries if each.row == "vm.fault-tolerance"]


def test_monitoring_of_vms_makes_no_probe() -> None:
    """Row availability.monitoring: a probe would restart guests without an agent for ever."""
    high = msgspec.structs.replace(ON, vm_monitoring="vmMonitoringOnly")
    translation = translated(estate(high))
    (finding,) = told(translation, "availability.monitoring")
    assert "AgentConnected" in finding.remedy
    assert "livenessProbe" not in spec_of(translation)


@pytest.mark.parametrize(
    ("row", "field", "value", "word"),
    [
        ("availability.admission", "failover_level", 2, "2"),
        ("availability.failover-hosts", "failover_hosts", ("host-9",), "host-9"),
        ("availability.isolation", "isolation_response", "shutdown", "shutdown"),
        ("availability.storage", "storage_all_paths_down", "restartConservative", "restart"),
    ],
)
def test_what_a_cluster_does_that_nodes_do_not_is_reported(
    row: str, field: str, value: Any, word: str
) -> None:
    """Rows availability.admission, .failover-hosts, .isolation and .storage."""
    high = msgspec.structs.replace(ON, **{field: value})
    (entry,) = [each for each in translated(estate(high)).ledger.entries if each.row == row]
    assert word in entry.says


def test_advanced_options_are_reported_by_name() -> None:
    """Rows availability.options and availability.option-values."""
    high = msgspec.structs.replace(ON, settings=(Setting(name="das.x", value="1"),))
    entries = translated(estate(high)).ledger.entries
    assert [each.says for each in entries if each.row == "availability.options"] == [
        "The HA option das.x has no equivalent; see what it is for."
    ]


def test_a_host_in_maintenance_is_reported() -> None:
    """Row maintenance: no node is put into it."""
    translation = translated(estate(in_maintenance=True))
    assert [each.refs for each in translation.ledger.entries if each.row == "maintenance"] == [
        ("vc1/host-1",)
    ]
    assert of_kind(translation, "NodeMaintenance") == []


# -- fencing


def test_agents_of_a_machine_that_is_a_node_fence_it() -> None:
    """Rows availability.fencing and fencing.agents."""
    options = (Setting(name="lanplus", value="1"), Setting(name="power_wait", value="4"))
    second = FenceAgent(id="a-2", kind="apc_snmp", address="pdu.example.com", port=3, order=2)
    agents = (second, msgspec.structs.replace(IPMI, options=options))
    translation = fenced(agents)
    snmp, ipmi = of_kind(translation, "FenceAgentsRemediationTemplate")
    assert ipmi["spec"]["template"]["spec"] == {
        "agent": "fence_ipmilan",
        "nodeparameters": {
            "--ip": {"worker-1": "10.2.0.11"},
            "--ipport": {"worker-1": "623"},
            "--lanplus": {"worker-1": ""},
            "--power-wait": {"worker-1": "4"},
        },
    }
    assert snmp["spec"]["template"]["spec"]["nodeparameters"]["--plug"] == {"worker-1": "3"}
    (check,) = of_kind(translation, "NodeHealthCheck")
    steps = check["spec"]["escalatingRemediations"]
    assert [each["remediationTemplate"]["name"] for each in steps] == [
        "mtv-fence-ipmilan",
        "mtv-fence-apc-snmp",
        "self-node-remediation-automatic-strategy-template",
    ]
    assert [each["order"] for each in steps] == [1, 2, 3]
    assert "remediationTemplate" not in check["spec"]
    for each in versions().releases:
        for made in (snmp, ipmi, check):
            assert faults(made, release(each.openshift)) == []


def test_credentials_come_from_a_secret_that_somebody_makes() -> None:
    """Row fencing.agents."""
    translation = fenced()
    (finding,) = told(translation, "fencing.agents")
    assert "fence-agents-credentials-shared" in finding.remedy
    assert of_kind(translation, "Secret") == []
    assert "password" not in repr(of_kind(translation, "FenceAgentsRemediationTemplate"))


def test_the_agents_of_another_machine_switch_no_node() -> None:
    """A host that mapping.yaml does not name under machines may still run VMs."""
    translation = fenced(machines={}, hosts={"vc1/host-1": "worker-1"})
    assert of_kind(translation, "FenceAgentsRemediationTemplate") == []
    (check,) = of_kind(translation, "NodeHealthCheck")
    assert "escalatingRemediations" not in check["spec"]
    (finding,) = told(translation, "fencing.agents")
    assert "machines" in finding.remedy


@pytest.mark.parametrize(
    ("machines", "word"),
    [
        ({"vc1/host-9": "worker-1"}, "no host vc1/host-9"),
        ({"vc1/host-1": "worker-9"}, "no node 'worker-9'"),
        ({"vc1/host-1": "worker-1", "vc1/host-2": "worker-1"}, "several hosts"),
    ],
)
def test_a_wrong_machine_is_a_blocker(machines: dict[str, str], word: str) -> None:
    whole = estate(HighAvailability(fencing=True), agents=(IPMI,))
    second = Host(
        id="host-2",
        name="h2",
        cluster="domain-c1",
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
        fence_agents=(IPMI,),
    )
    whole = msgspec.structs.replace(whole, hosts=(*whole.hosts, second))
    translation = translated(whole, machines=machines)
    wrong = [each for each in translation.blockers if each.row == "fencing.agents"]
    assert wrong
    assert all(word in each.says for each in wrong)
    assert of_kind(translation, "FenceAgentsRemediationTemplate") == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"kind": "own_agent"}, "does not know: 'own_agent'"),
        ({"address": "10.0.0.1; reboot"}, "without an address"),
        ({"address": "--password=x"}, "without an address"),
        ({"address": None}, "without an address"),
    ],
)
def test_an_agent_that_cannot_be_said_is_left_out(changes: dict[str, Any], word: str) -> None:
    """Row fencing.agents: nodes restart themselves then."""
    translation = fenced((msgspec.structs.replace(IPMI, **changes),))
    assert of_kind(translation, "FenceAgentsRemediationTemplate") == []
    assert [each for each in told(translation, "fencing.agents") if word in each.says]
    (check,) = of_kind(translation, "NodeHealthCheck")
    assert check["spec"]["remediationTemplate"]["kind"] == "SelfNodeRemediationTemplate"


@pytest.mark.parametrize(
    "option", [Setting(name="community", value="public"), Setting(name="delay", value="$(id)")]
)
def test_an_option_that_cannot_be_said_is_told_without_its_value(option: Setting) -> None:
    """Row fencing.agents."""
    translation = fenced((msgspec.structs.replace(IPMI, options=(option,)),))
    (finding,) = [each for each in told(translation, "fencing.agents") if option.name in each.says]
    assert option.value not in finding.says
    assert option.value not in repr(of_kind(translation, "FenceAgentsRemediationTemplate"))


def test_agents_that_work_together_are_told() -> None:
    """Row fencing.agents: two power supplies have to be off at once."""
    second = msgspec.structs.replace(IPMI, id="a-2", address="10.2.0.12")
    translation = fenced((IPMI, second))
    names = [
        each["metadata"]["name"] for each in of_kind(translation, "FenceAgentsRemediationTemplate")
    ]
    assert names == ["mtv-fence-ipmilan", "mtv-fence-ipmilan-2"]
    assert [each for each in told(translation, "fencing.agents") if "together" in each.says]


def test_without_power_management_agents_are_not_used() -> None:
    """Row fencing.agents."""
    whole = estate(HighAvailability(fencing=True), agents=(IPMI,), power_management=False)
    translation = translated(whole, machines={"vc1/host-1": "worker-1"})
    assert of_kind(translation, "FenceAgentsRemediationTemplate") == []


def test_defaults_of_a_kind_are_those_of_the_engine() -> None:
    """Row fencing.agents: ilo4 is IPMI with lanplus."""
    translation = fenced((msgspec.structs.replace(IPMI, kind="ilo4"),))
    (made,) = of_kind(translation, "FenceAgentsRemediationTemplate")
    assert made["spec"]["template"]["spec"]["nodeparameters"]["--lanplus"] == {"worker-1": ""}


def test_every_kind_of_agent_is_known_once() -> None:
    kinds = [kind for each in fence_agents().agents for kind in each.kinds]
    assert len(kinds) == len(set(kinds))
    assert all(each.agent.startswith("fence_") for each in fence_agents().agents)
