"""The CEL rules of the schemas: none is passed over, and each kind's are evaluated."""

from typing import Any

import pytest

from mtv.knowledge.versions import release, versions
from tests.real.schemas import require_schemas
from tests.validation import faults, schema
from tests.validation.examples import ABSENT, changed, example
from tests.validation.releases import kinds
from tests.validation.rules import Rule

require_schemas()

OF = release("4.22")
OPENSHIFT = [parts.openshift for parts in versions().releases]


def rules_of(openshift: str) -> list[tuple[str, str, Rule]]:
    known = kinds(openshift)
    return [
        (kind, path, rule)
        for api, kind in known.names()
        for path, rule in schema.all_rules(known.node(api, kind))
    ]


@pytest.mark.parametrize("openshift", OPENSHIFT)
def test_every_rule_is_compiled_and_calls_what_there_is(openshift: str) -> None:
    rules = rules_of(openshift)
    broken = {rule.text: rule.problem for _, _, rule in rules if rule.problem}
    assert broken == {}
    assert len(rules) > 150


def test_only_rules_about_changes_are_left_out() -> None:
    """They compare with the object that is there: a new one has nothing to compare with."""
    left_out = {(kind, path) for kind, path, rule in rules_of("4.22") if rule.is_about_a_change}
    assert left_out == {
        ("ClusterUserDefinedNetwork", "spec.network"),
        ("Network", "spec"),
        ("Network", "spec.defaultNetwork.ovnKubernetesConfig.ipsecConfig"),
        ("UserDefinedNetwork", "spec"),
        ("VirtualMachineStorageMigrationPlan", "spec.retentionPolicy"),
    }


def test_a_rule_that_cannot_be_compiled_is_a_fault() -> None:
    (said,) = Rule({"rule": "self.("}).faults(1, "spec")
    assert said.startswith("spec: the rule 'self.(' cannot be compiled")


def test_a_rule_with_an_unknown_function_is_a_fault() -> None:
    (said,) = Rule({"rule": "true || url(self).isOk()"}).faults("a", "spec")
    assert "it calls isOk, url, which tests/validation does not have" in said


@pytest.mark.parametrize("rule", ["self.a == 1", "self + 'b' == 1", "cidr(self.b)", "self"])
def test_a_rule_that_cannot_be_evaluated_is_a_fault(rule: str) -> None:
    assert len(list(Rule({"rule": rule}).faults({"b": "c"}, "spec"))) == 1


def test_a_rule_about_a_change_says_nothing() -> None:
    assert list(Rule({"rule": "self == oldSelf"}).faults(1, "spec")) == []


LOCALNET = "spec.network.localnet"


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("VLAN of OVN for several namespaces", {LOCALNET: ABSENT}, "localnet"),
        ("VLAN of OVN for several namespaces", {f"{LOCALNET}.vlan.access": ABSENT}, "access"),
        ("VLAN of OVN for several namespaces", {f"{LOCALNET}.ipam.mode": "Enabled"}, "ubnet"),
        ("VLAN of OVN for several namespaces", {f"{LOCALNET}.subnets": ["10.0.0.0/8"]}, "ubnet"),
        ("VLAN of OVN for several namespaces", {f"{LOCALNET}.physicalNetworkName": "a:b"}, ":"),
        ("primary overlay", {"spec.topology": "Layer3"}, "layer"),
        ("primary overlay", {"spec.layer2.subnets": ["10.0.0.0/33"]}, "CIDR"),
        ("primary overlay", {"spec.layer2.subnets": ["10.0.0.0/8", "11.0.0.0/8"]}, "famil"),
        ("primary overlay", {"spec.layer2.ipam.mode": "Disabled"}, "Disabled"),
        ("primary overlay", {"spec.layer2.subnets": ABSENT}, "ubnet"),
        ("primary overlay with its gateway", {"spec.layer2.role": "Secondary"}, "Primary"),
        (
            "primary overlay with its gateway",
            {"spec.layer2.reservedSubnets": ["10.99.0.0/16"]},
            "eserved",
        ),
        (
            "primary overlay with its gateway",
            {"spec.layer2.defaultGatewayIPs": ["10.99.0.1"]},
            "ateway",
        ),
        ("storage profile", {"spec.claimPropertySets[0].accessModes": ["RWX"]}, "AccessMode"),
        (
            "platform with addresses for NICs",
            {"spec.kubeMacPoolConfiguration.rangeEnd": ABSENT},
            "range",
        ),
        ("firewall of the cluster", {"spec.egress[0].to[1].networks[0]": "10.0.0.0"}, "CIDR"),
        (
            "firewall of the cluster",
            {"spec.egress[0].ports[0]": {"namedPort": "dns"}},
            "namedPort",
        ),
        ("balancing", {"spec.profiles": ["KubeVirtRelieveAndMigrate", "LongLifecycle"]}, "profil"),
        ("balancing", {"spec.profiles": ["AffinityAndTaints"] * 2}, "twice"),
        (
            "balancing",
            {"spec.profiles": ["SoftTopologyAndDuplicates", "TopologyAndDuplicates"]},
            "profiles that cannot be together",
        ),
        ("balancing", {"spec.profiles": ["CompactAndScale", "LongLifecycle"]}, "together"),
        (
            "balancing",
            {"spec.profileCustomizations.devLowNodeUtilizationThresholds": "Low"},
            "one of devLowNodeUtilizationThresholds",
        ),
        ("balancing", {"metadata.name": "mine"}, "called cluster"),
        ("platform", {"metadata.name": "mine"}, "called kubevirt-hyperconverged"),
        ("data volume", {"spec.source": {}}, "minProperties"),
        ("data volume", {"spec.source.http": {"url": "https://example"}}, "maxProperties"),
        ("data volume", {"spec.pvc": {"accessModes": ["ReadWriteOnce"]}}, "either pvc or storage"),
        ("data volume", {"spec.storage.resources": ABSENT}, "its size has to be said"),
        (
            "virtual machine",
            {"spec.dataVolumeTemplates[0].spec.storage.resources": ABSENT},
            "its size has to be said",
        ),
        ("claim of it", {"spec.resources.requests": {"cpu": "1"}}, "has no storage"),
        ("claim of it", {"spec.accessModes[0]": "RWX"}, "is none of"),
        ("claim of it", {"spec.accessModes[1]": "ReadWriteOncePod"}, "stands alone"),
        ("static volume", {"spec.capacity": {"cpu": "1"}}, "capacity has no storage"),
        ("static volume", {"spec.nfs": {"server": "a", "path": "/b"}}, "exactly one of"),
        ("static volume", {"spec.fc": {"lun": 1}}, "either wwids"),
        ("static volume", {"spec.claimRef.namespace": ABSENT}, "claimRef.namespace: is missing"),
        ("service", {"spec.ports": []}, "no ports"),
        ("service", {"spec.ports[0].name": ABSENT}, "need names"),
        ("service", {"spec.ports[1].name": "https"}, "the same name"),
        ("service", {"spec.ports[0].port": 0}, "breaks minimum 1"),
        ("service", {"spec.ports[1]": {"name": "b", "port": 443}}, "the same port, protocol"),
        ("service", {"spec.externalTrafficPolicy": "Local"}, "externalTrafficPolicy"),
        ("firewall of pods", {"spec.policyTypes[0]": "Egress"}, "ingress rules"),
        ("firewall of pods", {"spec.egress": [{}]}, "egress rules"),
        ("firewall of pods", {"spec.ingress[0].from[1].podSelector": {}}, "either ipBlock"),
        ("firewall of pods", {"spec.ingress[0].from[1].ipBlock.cidr": "10.0.0.1/8"}, "no network"),
        (
            "firewall of pods",
            {"spec.ingress[0].from[1].ipBlock.except": ["192.0.2.0/24"]},
            "not within cidr",
        ),
        ("firewall of pods", {"spec.ingress[0].ports[1].endPort": 7999}, "not greater"),
        ("firewall of pods", {"spec.ingress[0].ports[0].port": 70000}, "65535"),
        ("role binding", {"roleRef.kind": "Group"}, "is none of"),
        ("role binding", {"subjects[0].kind": "ServiceAccount"}, "ServiceAccount has a namespace"),
        ("role binding", {"subjects[0].apiGroup": ABSENT}, "the apiGroup of RBAC"),
        ("priority", {"value": 1_000_000_001}, "breaks maximum"),
        ("storage class", {"volumeBindingMode": "Later"}, "is none of"),
        ("route", {"spec.path": "/till"}, "has no path"),
        ("route", {"spec.tls.key": "secret"}, "passthrough has no certificates"),
        ("route", {"spec.tls.insecureEdgeTerminationPolicy": "Allow"}, "insecure"),
        ("quota of VMs of several namespaces", {"spec.selector": {}}, "at least one of"),
        ("quota of VMs", {'spec.hard."requests.cpu/vmi"': "many"}, "does not match"),
    ],
)
def test_a_rule_refuses(name: str, changes: dict[str, Any], says: str) -> None:
    said = faults(changed(example(name), *changes.items()), OF)
    assert any(says in each for each in said), said
