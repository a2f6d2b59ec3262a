"""Services: what mapping.yaml asks for, who is let in, and what is refused."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.documents import check_document, parse_document
from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.knowledge.versions import release, versions
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.organisation import Tag
from mtv.model.services import ServiceChoice
from mtv.model.target import SiteMapping
from mtv.model.vm import Vm
from mtv.translate import Translation
from mtv.translate.check import check, refused
from mtv.translate.services.asked import Port, parsed_port
from mtv.translate.tree import files
from tests.estates import (
    inventory,
    plain_mapping,
    plain_nic,
    plain_target,
    plain_vm,
    translated,
    translated_inventory,
)
from tests.validation import There, check_set, faults

PODS = (plain_nic(network="dvportgroup-8"),)
"""A card on the pod network."""

WEB = plain_vm(nics=PODS)
DB = plain_vm(
    id="vm-2",
    name="db01",
    uuid=None,
    nics=(plain_nic(network="dvportgroup-8", mac="00:50:56:9a:00:02"),),
)
ON_VLAN = plain_vm(id="vm-3", name="vlan01", uuid=None, nics=())


def entry(text: str) -> ServiceChoice:
    """An entry of ``services`` as it stands in the file."""
    return msgspec.convert(parse_document(text, "mapping.yaml"), ServiceChoice)


def made(*vms: Vm, namespaces: dict[str, str] | None = None, **services: str) -> Translation:
    return translated(
        *(vms or (WEB,)),
        namespaces=namespaces or {},
        services={name.replace("_", "-"): entry(text) for name, text in services.items()},
    )


def objects(translation: Translation, kind: str) -> list[dict[str, Any]]:
    return [each for each in translation.platform if each["kind"] == kind]


def only(translation: Translation, kind: str) -> dict[str, Any]:
    (found,) = objects(translation, kind)
    return found


def labels(translation: Translation, number: int = 0) -> set[str]:
    """Names of the Services that select the pods of a VM."""
    vm = translation.manifests(translation.vms[number])[0]
    found: dict[str, str] = vm["spec"]["template"]["metadata"]["labels"]
    return {key.partition("/")[2] for key in found if key.startswith("service.mtv.migration/")}


def told(translation: Translation, *categories: Category) -> list[Finding]:
    return [
        each
        for each in translation.findings
        if "services:" in each.says and (not categories or each.category in categories)
    ]


def test_nothing_is_made_unasked() -> None:
    translation = made()
    assert labels(translation) == set()
    for kind in ("Service", "Route", "Ingress", "NetworkPolicy"):
        assert objects(translation, kind) == []


def test_a_service_selects_its_vms_by_a_label_of_their_pods() -> None:
    translation = made(shop="vms: [vc1/vm-1]\nports: [443, 80:8080, 53/udp]")
    service = only(translation, "Service")
    assert service["metadata"]["namespace"] == "imported-vms"
    assert service["spec"] == {
        "type": "ClusterIP",
        "selector": {"service.mtv.migration/shop": ""},
        "ports": [
            {"name": "tcp-443", "port": 443, "targetPort": 443, "protocol": "TCP"},
            {"name": "tcp-80", "port": 80, "targetPort": 8080, "protocol": "TCP"},
            {"name": "udp-53", "port": 53, "targetPort": 53, "protocol": "UDP"},
        ],
    }
    assert labels(translation) == {"shop"}
    assert told(translation) == []
    assert objects(translation, "NetworkPolicy") == []
    assert "platform/services/service-imported-vms.shop.yaml" in dict(files(translation))


def test_a_headless_service_has_no_address() -> None:
    spec = only(made(shop="vms: [vc1/vm-1]\nports: [443]\ntype: headless"), "Service")["spec"]
    assert (spec["type"], spec["clusterIP"]) == ("ClusterIP", "None")


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_a_service_for_the_outside(kind: str) -> None:
    spec = only(made(shop=f"vms: [vc1/vm-1]\nports: [443]\ntype: {kind}"), "Service")["spec"]
    assert spec["type"] == kind
    assert "externalTrafficPolicy" not in spec
    text = f"vms: [vc1/vm-1]\nports: [443]\ntype: {kind}\nfrom: [10.0.0.0/8]"
    assert only(made(shop=text), "Service")["spec"]["externalTrafficPolicy"] == "Local"


def test_vms_are_named_by_what_they_stand_in() -> None:
    vms = (
        msgspec.structs.replace(WEB, tags=("tag-1",), cluster=None),
        msgspec.structs.replace(DB, cluster="domain-c1"),
    )
    whole = inventory(*vms, tags=(Tag(id="tag-1", name="shop"),))
    text = "vms: [{}]\nports: [1]"
    translation = translated_inventory(
        whole,
        services={
            "tagged": entry(text.format("vc1/tag-1")),
            "cluster": entry(text.format("vc1/domain-c1")),
            "both": entry("vms: [vc1/tag-1, vc1/vm-2]\nports: [1]"),
        },
    )
    assert labels(translation, 0) == {"tagged", "both"}
    assert labels(translation, 1) == {"cluster", "both"}


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ("passthrough", {"termination": "passthrough"}),
        ("edge", {"termination": "edge"}),
        ("reencrypt", {"termination": "reencrypt"}),
        ("none", None),
    ],
)
def test_a_route(tls: str, expected: dict[str, str] | None) -> None:
    text = (
        "vms: [vc1/vm-1]\nports: [53/udp, 443]\nroute: {host: shop.example.com, tls: " + tls + "}"
    )
    route = only(made(shop=text), "Route")
    assert route["spec"].get("tls") == expected
    assert route["spec"]["host"] == "shop.example.com"
    assert route["spec"]["to"] == {"kind": "Service", "name": "shop"}
    assert route["spec"]["port"] == {"targetPort": "tcp-443"}


def test_reencrypt_asks_for_the_guests_authority() -> None:
    text = "vms: [vc1/vm-1]\nports: [443]\nroute: {tls: reencrypt}"
    (finding,) = told(made(shop=text))
    assert "destinationCACertificate" in finding.remedy


def test_an_ingress() -> None:
    text = (
        "vms: [vc1/vm-1]\nports: [443, 80]\n"
        "ingress: {host: a.b, path: /shop, class: openshift-default, tls_secret: a-b, port: 80}"
    )
    assert only(made(shop=text), "Ingress")["spec"] == {
        "ingressClassName": "openshift-default",
        "tls": [{"hosts": ["a.b"], "secretName": "a-b"}],
        "rules": [
            {
                "host": "a.b",
                "http": {
                    "paths": [
                        {
                            "path": "/shop",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "shop", "port": {"name": "tcp-80"}}},
                        }
                    ]
                },
            }
        ],
    }


def test_a_policy_lets_in_who_is_named_on_the_ports_of_the_guest() -> None:
    translation = made(
        WEB,
        DB,
        namespaces={"vc1/vm-2": "data"},
        shop="vms: [vc1/vm-1]\nports: [80:8080, 81:8080]\n"
        "from: [namespace:web, 10.1.2.3/8, service:db, router]",
        db="vms: [vc1/vm-2]\nports: [5432]",
    )
    policy = only(translation, "NetworkPolicy")
    name = "kubernetes.io/metadata.name"
    routers = "policy-group.network.openshift.io"
    assert policy["metadata"]["name"] == "service.shop"
    assert policy["spec"] == {
        "podSelector": {"matchLabels": {"service.mtv.migration/shop": ""}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "ports": [{"port": 8080, "protocol": "TCP"}],
                "from": [
                    {
                        "namespaceSelector": {
                            "matchExpressions": [{"key": name, "operator": "In", "values": ["web"]}]
                        }
                    },
                    {"ipBlock": {"cidr": "10.0.0.0/8"}},
                    {
                        "namespaceSelector": {
                            "matchExpressions": [
                                {"key": name, "operator": "In", "values": ["data"]}
                            ]
                        },
                        "podSelector": {"matchLabels": {"service.mtv.migration/db": ""}},
                    },
                    {"namespaceSelector": {"matchLabels": {f"{routers}/ingress": ""}}},
                    {"namespaceSelector": {"matchLabels": {f"{routers}/host-network": ""}}},
                ],
            }
        ],
    }
    (finding,) = told(translation)
    assert finding.category is Category.INFORMATION
    assert "SSH" in finding.says
    assert "web01" in finding.says


def test_any_lets_everybody_in_on_the_ports_and_nowhere_else() -> None:
    policy = only(made(shop="vms: [vc1/vm-1]\nports: [443]\nfrom: [any]"), "NetworkPolicy")
    assert policy["spec"]["ingress"] == [{"ports": [{"port": 443, "protocol": "TCP"}]}]


def test_a_service_for_everybody_stays_open_beside_one_that_is_not() -> None:
    """A policy shuts whatever no policy opens; they add up. A VM that none shuts gets none."""
    translation = made(
        WEB,
        DB,
        open="vms: [vc1/vm-1, vc1/vm-2]\nports: [443]",
        other="vms: [vc1/vm-2]\nports: [22]",
        shut="vms: [vc1/vm-1]\nports: [5432]\nfrom: [namespace:web]",
    )
    policies = {
        each["metadata"]["name"]: (
            sorted(each["spec"]["podSelector"]["matchLabels"]),
            each["spec"]["ingress"][0]["ports"][0]["port"],
            "from" in each["spec"]["ingress"][0],
        )
        for each in objects(translation, "NetworkPolicy")
    }
    prefix = "service.mtv.migration"
    assert policies == {
        "service.open.shut": ([f"{prefix}/open", f"{prefix}/shut"], 443, False),
        "service.shut": ([f"{prefix}/shut"], 5432, True),
    }


def test_a_service_that_nobody_is_behind_lets_nobody_in() -> None:
    translation = made(
        WEB,
        ON_VLAN,
        shop="vms: [vc1/vm-1]\nports: [443]\nfrom: [service:gone]",
        gone="vms: [vc1/vm-3]\nports: [1]",
    )
    assert only(translation, "NetworkPolicy")["spec"]["ingress"] == []
    assert [each["metadata"]["name"] for each in objects(translation, "Service")] == ["shop"]


def test_a_vm_without_a_card_on_the_pod_network_is_said_and_the_others_are_reached() -> None:
    translation = made(WEB, ON_VLAN, shop="vms: [vc1/vm-1, vc1/vm-3]\nports: [443]")
    (finding,) = told(translation)
    assert finding.category is Category.BLOCKER
    assert "vlan01" in finding.says
    assert "web01" not in finding.says
    assert not finding.holds_back
    assert only(translation, "Service")
    assert labels(translation, 0) == {"shop"}
    assert labels(translation, 1) == set()


def test_each_namespace_gets_a_service_and_no_host_leads_to_two() -> None:
    text = "vms: [vc1/vm-1, vc1/vm-2]\nports: [443]\nroute: {host: a.b, tls: edge}"
    translation = made(WEB, DB, namespaces={"vc1/vm-2": "data"}, shop=text)
    homes = [each["metadata"]["namespace"] for each in objects(translation, "Service")]
    assert homes == ["data", "imported-vms"]
    assert objects(translation, "Route") == []
    (blocker,) = told(translation, Category.BLOCKER)
    assert "a.b can lead to one namespace only" in blocker.says
    (warning,) = told(translation, Category.WARNING)
    assert "data, imported-vms" in warning.says


def test_routes_whose_hosts_openshift_makes_are_in_each_namespace() -> None:
    text = "vms: [vc1/vm-1, vc1/vm-2]\nports: [443]\nroute: {tls: edge}"
    translation = made(WEB, DB, namespaces={"vc1/vm-2": "data"}, shop=text)
    assert ["host" in each["spec"] for each in objects(translation, "Route")] == [False, False]


def test_a_host_that_would_be_too_long_is_said() -> None:
    text = "vms: [vc1/vm-1]\nports: [443]\nroute: {tls: edge}"
    translation = translated(WEB, services={"s" * 60: entry(text)})
    assert objects(translation, "Route") == []
    (finding,) = told(translation)
    assert "cannot make a host" in finding.says


def test_an_address_leads_to_the_first_that_wants_it() -> None:
    text = "vms: [vc1/vm-1]\nports: [443]\n"
    translation = made(
        a=text + "route: {host: a.b, tls: edge}",
        b=text + "ingress: {host: a.b}",
        c=text + "ingress: {host: a.b, path: /c}",
    )
    assert [each["metadata"]["name"] for each in objects(translation, "Route")] == ["a"]
    assert [each["metadata"]["name"] for each in objects(translation, "Ingress")] == ["c"]
    (finding,) = told(translation)
    assert "services: b: a.b/ leads to the Service a already" in finding.says


def test_a_route_whose_router_is_kept_out_is_said() -> None:
    text = "vms: [vc1/vm-1]\nports: [443]\nroute: {tls: edge}\nfrom: [%s]"
    (finding,) = told(made(shop=text % "10.0.0.0/8"), Category.WARNING)
    assert "router" in finding.remedy
    for word in ("router", "any"):
        assert told(made(shop=text % word), Category.WARNING) == []


def test_names_of_policies_are_not_those_of_security_groups() -> None:
    """Two concepts would write one object."""
    assert (
        "."
        in only(made(shop="vms: [vc1/vm-1]\nports: [1]\nfrom: [any]"), "NetworkPolicy")["metadata"][
            "name"
        ]
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vms: []\nports: [443]", "it names no VMs"),
        ("vms: [vc1/vm-1]\nports: []", "it has no ports"),
        *(
            (f"vms: [vc1/vm-1]\nports: ['{port}']", f"'{port}' is no port")
            for port in (
                "0",
                "65536",
                "443/icmp",
                "a",
                "",
                "80:",
                "80:0",
                ":80",
                "-1",
                "٤٤٣",
                "1.5",
            )
        ),
        ("vms: [vc1/vm-1]\nports: [443, 443:8443]", "443/tcp is there 2 times"),
        ("vms: [vc1/vm-1]\nports: [80:8080]\ntype: headless", "a headless Service changes no"),
        *(
            (f"vms: [vc1/vm-1]\nports: [1]\nroute: {{tls: edge, host: '{host}'}}", "no name of a")
            for host in (
                "",
                "a b",
                "*.b",
                "A.b",
                "-a.b",
                "10.0.0.1",
                "a..b",
                "x" * 64,
                "a/b",
                "a_b",
            )
        ),
        ("vms: [vc1/vm-1]\nports: [1]\ningress: {host: '*.b'}", "ingress: '*.b' is no name"),
        ("vms: [vc1/vm-1]\nports: [1]\ningress: {host: a.b, class: A}", "class: 'A' cannot be"),
        ("vms: [vc1/vm-1]\nports: [1]\ningress: {host: a.b, tls_secret: ''}", "tls_secret: ''"),
        *(
            (f"vms: [vc1/vm-1]\nports: [1]\ningress: {{host: a.b, path: '{path}'}}", "is no path")
            for path in ("", "a", "/a b", "//", "/../a", "/a/..", "/%2f", "/a\\n")
        ),
        ("vms: [vc1/vm-1]\nports: [1]\nroute: {tls: passthrough, path: /a}", "sees a path"),
        ("vms: [vc1/vm-1]\nports: [1]\nroute: {tls: edge, port: 2}", "2 is none of its TCP"),
        ("vms: [vc1/vm-1]\nports: [1/udp]\nroute: {tls: edge}", "there is no TCP port"),
        ("vms: [vc1/vm-1]\nports: [1]\nfrom: []", "it lets nobody in"),
        ("vms: [vc1/vm-1]\nports: [1]\nfrom: [any, router]", "any lets everybody in"),
        ("vms: [vc1/vm-1]\nports: [1]\nfrom: [service:nix]", "there is no Service nix"),
        *(
            (f"vms: [vc1/vm-1]\nports: [1]\nfrom: ['{peer}']", f"'{peer}' is nobody")
            for peer in ("", "web", "namespace:", "namespace:A", "10.0.0.0/33", "vm:1", "any ", "1")
        ),
    ],
)
def test_what_cannot_be_is_refused_and_the_rest_is_translated(text: str, says: str) -> None:
    translation = made(shop=text, other="vms: [vc1/vm-1]\nports: [22]")
    findings = told(translation)
    assert findings
    assert all(each.category is Category.BLOCKER and each.remedy for each in findings)
    assert any(says in each.says for each in findings), findings
    assert [each["metadata"]["name"] for each in objects(translation, "Service")] == ["other"]
    assert labels(translation) == {"other"}
    assert len(translation.vms) == 1


@pytest.mark.parametrize("name", ["1shop", "Shop", "shop.web", "x" * 64, "-a", "a-", "a b", ""])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    translation = translated(WEB, services={name: entry("vms: [vc1/vm-1]\nports: [443]")})
    assert objects(translation, "Service") == []
    (finding,) = told(translation)
    assert "cannot be a Service's name" in finding.says


def test_refs_of_nothing_are_said_and_found_by_the_check() -> None:
    text = "vms: [vc1/vm-99, vc1/vm-1, vc1/datastore-1]\nports: [443]"
    translation = made(shop=text)
    unknown, empty = told(translation)
    assert (unknown.category, unknown.ref) == (Category.BLOCKER, "vc1/vm-99")
    assert (empty.category, "vc1/datastore-1" in empty.says) == (Category.WARNING, True)
    assert only(translation, "Service")
    lines = check(
        Estate([inventory(WEB)]), plain_target(), plain_mapping(services={"shop": entry(text)})
    )
    assert [line.ref for line in lines if line.section == "services"] == ["vc1/vm-99"]
    assert [each.ref for each in refused(translation, lines)] == []


def test_a_service_of_nobody_is_a_blocker_that_the_check_tells() -> None:
    translation = made(shop="vms: [vc1/datastore-1]\nports: [443]")
    assert objects(translation, "Service") == []
    (finding,) = told(translation)
    assert finding.category is Category.BLOCKER
    assert [each.says for each in refused(translation, ())] == [finding.says]


def test_no_service_is_made_in_a_namespace_of_the_platform() -> None:
    translation = made(
        namespaces={"vc1/vm-1": "openshift-cnv"}, shop="vms: [vc1/vm-1]\nports: [443]"
    )
    assert objects(translation, "Service") == []
    assert any("namespace of the platform" in each.says for each in translation.blockers)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{vms: [a/b], ports: [1], type: External}", "services.shop.type"),
        ("{vms: [a/b], ports: [1], route: {host: a.b}}", "tls"),
        ("{vms: [a/b], ports: [1], ingress: {path: /}}", "host"),
        ("{vms: [a/b], ports: [true]}", "services.shop.ports"),
        ("{vms: [a/b], ports: [1], tls: {key: x}}", "tls"),
        ("", "services.shop"),
    ],
)
def test_what_is_not_in_the_form_is_told_with_its_line(text: str, says: str) -> None:
    document = parse_document(f"namespace: a\nservices:\n  shop: {text}\n", "mapping.yaml")
    with pytest.raises(ConfigError, match=r"mapping\.yaml:[23]") as told_:
        check_document(document, Path("mapping.yaml"), SiteMapping)
    assert says in told_.value.message


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("22:22", Port(22, 22, "TCP")),  # a number of YAML 1.1, to the base of 60
        ("53/UDP", Port(53, 53, "UDP")),
        ("80:8080/sctp", Port(80, 8080, "SCTP")),
        ("443", Port(443, 443, "TCP")),
    ],
)
def test_a_port_is_read_as_it_is_written(text: str, port: Port) -> None:
    assert parsed_port(entry(f"vms: []\nports: [{text}]").ports[0]) == port


words = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["a.b", "shop.example.com", "any", "router", "namespace:a", "service:shop"]),
    st.sampled_from(["10.0.0.0/8", "fd00::/64", "::ffff:10.0.0.1", "/", "/a", "vc1/vm-1"]),
    st.sampled_from(["80:8080", "53/udp", "0", "443"]),
)


@st.composite
def choices(draw: Any) -> dict[str, Any]:
    """An entry of any words, of which some are right."""
    found: dict[str, Any] = {
        "vms": draw(st.lists(st.sampled_from(["vc1/vm-1", "vc1/vm-2", "x"]), max_size=2)),
        "ports": draw(st.lists(st.one_of(st.integers(-1, 70000), words), max_size=3)),
        "type": draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "headless"])),
    }
    if draw(st.booleans()):
        found["route"] = {"tls": draw(st.sampled_from(["passthrough", "edge", "none"]))}
        found["route"] |= draw(st.fixed_dictionaries({}, optional={"host": words, "path": words}))
    if draw(st.booleans()):
        found["ingress"] = {"host": draw(words), "path": draw(words)}
        found["ingress"] |= draw(
            st.fixed_dictionaries({}, optional={"class": words, "tls_secret": words})
        )
    if draw(st.booleans()):
        found["from"] = draw(st.lists(words, max_size=3))
    return found


@given(
    st.dictionaries(st.one_of(words, st.sampled_from(["shop", "db"])), choices(), max_size=3),
    st.sampled_from([each.openshift for each in versions().releases]),
)
def test_whatever_is_asked_for_a_server_takes_what_is_made(
    asked: dict[str, Any], openshift: str
) -> None:
    services = {name: msgspec.convert(each, ServiceChoice) for name, each in asked.items()}
    target = plain_target(openshift=openshift)
    translation = translated(WEB, DB, target=target, services=services)
    assert len(translation.vms) == 2
    manifests = list(translation.every_manifest())
    for each in manifests:
        if each["kind"] in ("Service", "Route", "Ingress", "NetworkPolicy", "VirtualMachine"):
            assert faults(each, release(openshift)) == []
    found = check_set(manifests, release(openshift), There.of(target))
    assert [each for each in found.faults if "Route" in each or "Ingress" in each] == []
    assert [each for each in found.warnings if "selects no VM" in each] == []
