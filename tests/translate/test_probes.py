"""Probes: what mapping.yaml asks for, as far as KubeVirt takes it."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.knowledge.versions import release, versions
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Guest
from mtv.translate import Translation
from mtv.translate.check import check
from mtv.translate.health.probes import parsed
from tests.estates import (
    inventory,
    plain_mapping,
    plain_nic,
    plain_target,
    plain_vm,
    translated,
)
from tests.validation import faults

ON_VLAN = plain_vm()
ON_PODS = plain_vm(nics=(plain_nic(network="dvportgroup-8"),))
WITH_AGENT = plain_vm(guest=Guest(agent_kind="qemu-guest-agent"))


def spec(translation: Translation) -> dict[str, Any]:
    """``spec.template.spec`` of the first VirtualMachine."""
    made = translation.manifests(translation.vms[0])[0]
    found: dict[str, Any] = made["spec"]["template"]["spec"]
    return found


def about_probes(translation: Translation) -> list[Finding]:
    return [each for each in translation.findings if "probes" in f"{each.name} {each.says}"]


def test_nobody_gets_a_probe_unasked() -> None:
    made = spec(translated(WITH_AGENT))
    assert not {"readinessProbe", "livenessProbe"} & set(made)


def test_an_agent_is_asked_on_any_network() -> None:
    translation = translated(WITH_AGENT, probes={"vc1/vm-1": "agent"})
    assert spec(translation)["readinessProbe"]["guestAgentPing"] == {}
    assert "livenessProbe" not in spec(translation)
    assert about_probes(translation) == []


@pytest.mark.parametrize(
    ("choice", "handler"),
    [
        ("tcp:22", {"tcpSocket": {"port": 22}}),
        ("http:8080/health?deep=1", {"httpGet": {"port": 8080, "path": "/health?deep=1"}}),
        ("http:80", {"httpGet": {"port": 80, "path": "/"}}),
    ],
)
def test_a_port_is_asked_on_the_pod_network(choice: str, handler: dict[str, Any]) -> None:
    translation = translated(ON_PODS, probes={"vc1/vm-1": choice})
    assert handler.items() <= spec(translation)["readinessProbe"].items()
    assert about_probes(translation) == []


@pytest.mark.parametrize("choice", ["tcp:22", "http:80/", "tcp:22 restart"])
@pytest.mark.parametrize("vm", [ON_VLAN, plain_vm(nics=())])
def test_a_port_cannot_be_asked_without_the_pod_network(choice: str, vm: Any) -> None:
    translation = translated(vm, probes={"vc1/vm-1": choice})
    assert not {"readinessProbe", "livenessProbe"} & set(spec(translation))
    (finding,) = about_probes(translation)
    assert (finding.category, finding.ref) == (Category.BLOCKER, "vc1/vm-1")
    assert "agent" in finding.remedy


def test_restart_adds_a_liveness_probe_that_lets_the_guest_boot() -> None:
    made = spec(translated(WITH_AGENT, probes={"vc1/vm-1": "agent restart"}))
    alive = made["livenessProbe"]
    assert alive["guestAgentPing"] == {}
    assert alive["initialDelaySeconds"] >= 600
    assert alive["failureThreshold"] * alive["periodSeconds"] >= 300
    assert alive["initialDelaySeconds"] > made["readinessProbe"]["initialDelaySeconds"]


@pytest.mark.parametrize("kind", [None, "ovirt-guest-agent", "open-vm-tools"])
def test_an_agent_that_is_not_known_to_be_there_is_said(kind: str | None) -> None:
    vm = plain_vm(guest=Guest(agent_kind=kind))
    translation = translated(vm, probes={"vc1/vm-1": "agent restart"})
    (finding,) = about_probes(translation)
    assert (finding.row, finding.category) == ("guest.agent", Category.WARNING)
    assert "restarted again and again" in finding.says
    assert "web01" in finding.says


def test_the_innermost_line_answers() -> None:
    probes = {"vc1/domain-c1": "agent", "vc1/vm-1": "tcp:22"}
    made = spec(translated(ON_PODS, probes=probes))
    assert "tcpSocket" in made["readinessProbe"]
    made = spec(translated(ON_PODS, probes={**probes, "vc1/vm-1": None}))
    assert "guestAgentPing" in made["readinessProbe"]


@pytest.mark.parametrize(
    "choice",
    [
        *("", "ping", "tcp", "tcp:", "tcp:0", "tcp:65536", "tcp:-1", "tcp:٢٢", "tcp:22x"),
        *("http:80/a b", "http:80/a\nb", "http:80 /", "agent agent", "agentrestart", "tcp:22/x"),
    ],
)
def test_what_is_no_probe_is_refused(choice: str) -> None:
    assert parsed(choice) is None
    translation = translated(ON_PODS, probes={"vc1/vm-1": choice})
    assert not {"readinessProbe", "livenessProbe"} & set(spec(translation))
    (finding,) = about_probes(translation)
    assert finding.category is Category.BLOCKER
    assert repr(choice) in finding.says


def test_a_line_for_nothing_is_said_and_found_by_the_check() -> None:
    probes: dict[str, str | None] = {"vc1/vm-99": "agent"}
    (finding,) = about_probes(translated(ON_PODS, probes=probes))
    assert "no such object" in finding.says
    estate = Estate([inventory(ON_PODS)])
    lines = check(estate, plain_target(), plain_mapping(probes=probes))
    assert [line.ref for line in lines if line.section == "probes"] == ["vc1/vm-99"]


@pytest.mark.parametrize("openshift", [each.openshift for each in versions().releases])
@pytest.mark.parametrize("choice", ["agent", "agent restart", "tcp:22 restart", "http:80/"])
@pytest.mark.parametrize("vm", [ON_PODS, ON_VLAN, WITH_AGENT])
def test_a_probe_is_one_that_admission_takes(openshift: str, choice: str, vm: Any) -> None:
    translation = translated(
        vm, target=plain_target(openshift=openshift), probes={"vc1/vm-1": choice}
    )
    made = translation.manifests(translation.vms[0])[0]
    assert [each for each in faults(made, release(openshift)) if "Probe" in each] == []
