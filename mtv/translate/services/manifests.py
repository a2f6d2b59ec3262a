"""Service, Route, Ingress and NetworkPolicy of one Service in one namespace."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mtv.model.services import IngressChoice, RouteChoice
from mtv.translate.part import Manifest, metadata
from mtv.translate.services.asked import Asked, Peer, Port
from mtv.translate.services.members import service_label

NAMESPACE = "kubernetes.io/metadata.name"

ROUTERS = (
    "policy-group.network.openshift.io/ingress",
    "policy-group.network.openshift.io/host-network",
)
"""Labels of the namespaces that traffic of OpenShift's routers comes from: their own, and that of
the nodes' network where routers are on it."""


def service(asked: Asked, namespace: str) -> Manifest:
    """The Service."""
    spec: dict[str, Any] = {}
    if asked.choice.type == "headless":
        spec = {"type": "ClusterIP", "clusterIP": "None"}
    else:
        spec = {"type": asked.choice.type}
    outside = asked.choice.type in ("NodePort", "LoadBalancer")
    if outside and any(peer.kind == "block" for peer in asked.peers or ()):
        # Else a node puts its own address in the place of the client's, and no block fits.
        spec["externalTrafficPolicy"] = "Local"
    spec["selector"] = service_label(asked.name)
    spec["ports"] = [
        {
            "name": port.name,
            "port": port.number,
            "targetPort": port.guest,
            "protocol": port.protocol,
        }
        for port in asked.ports
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(asked.name, namespace),
        "spec": spec,
    }


def route(asked: Asked, namespace: str, choice: RouteChoice, port: Port) -> Manifest:
    """The Route to a port of the Service."""
    spec: dict[str, Any] = {"host": choice.host, "path": choice.path}
    spec |= {"to": {"kind": "Service", "name": asked.name}, "port": {"targetPort": port.name}}
    if choice.tls != "none":
        spec["tls"] = {"termination": choice.tls}
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": metadata(asked.name, namespace),
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def ingress(asked: Asked, namespace: str, choice: IngressChoice, port: Port) -> Manifest:
    """The Ingress to a port of the Service."""
    backend = {"service": {"name": asked.name, "port": {"name": port.name}}}
    paths = [{"path": choice.path, "pathType": "Prefix", "backend": backend}]
    spec: dict[str, Any] = {"ingressClassName": choice.class_} if choice.class_ else {}
    if choice.tls_secret:
        spec["tls"] = [{"hosts": [choice.host], "secretName": choice.tls_secret}]
    spec["rules"] = [{"host": choice.host, "http": {"paths": paths}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(asked.name, namespace),
        "spec": spec,
    }


def policy(
    asked: Asked,
    namespace: str,
    peers: Sequence[Peer],
    homes: Mapping[str, tuple[str, ...]],
    beside: str = "",
) -> Manifest:
    """The NetworkPolicy that lets these peers in, on the ports of the Service, and nobody else.

    ``homes``: name of a Service -> the namespaces of its VMs; one that has none lets nobody in.
    ``beside``: only for VMs that are behind that Service too.
    """
    names = [asked.name, *filter(None, [beside])]
    selected = {key: value for name in names for key, value in service_label(name).items()}
    ports = dict.fromkeys((port.guest, port.protocol) for port in asked.ports)
    rule: dict[str, Any] = {
        "ports": [{"port": number, "protocol": protocol} for number, protocol in ports]
    }
    everybody = any(peer.kind == "any" for peer in peers)
    allowed = [] if everybody else _allowed(peers, homes)
    if allowed:
        rule["from"] = allowed
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        # No security group's policy has a dot in its name.
        "metadata": metadata(".".join(("service", *names)), namespace),
        "spec": {
            "podSelector": {"matchLabels": selected},
            "policyTypes": ["Ingress"],
            # A rule without peers is about everybody, no rule about nobody.
            "ingress": [rule] if everybody or allowed else [],
        },
    }


def _allowed(peers: Iterable[Peer], homes: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    found = list[dict[str, Any]]()
    for peer in dict.fromkeys(peers):
        if peer.kind == "block":
            found.append({"ipBlock": {"cidr": peer.word}})
        elif peer.kind == "router":
            found += [{"namespaceSelector": {"matchLabels": {each: ""}}} for each in ROUTERS]
        elif peer.kind == "namespace":
            found.append({"namespaceSelector": _in([peer.word])})
        elif homes.get(peer.word):
            found.append(
                {
                    "namespaceSelector": _in(list(homes[peer.word])),
                    "podSelector": {"matchLabels": service_label(peer.word)},
                }
            )
    return found


def _in(namespaces: list[str]) -> dict[str, Any]:
    return {"matchExpressions": [{"key": NAMESPACE, "operator": "In", "values": namespaces}]}
