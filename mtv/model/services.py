"""What ``mapping.yaml`` asks to be reachable: Services of VMs, and the ways to them."""

from typing import Literal

import msgspec

ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer", "headless"]

Termination = Literal["passthrough", "edge", "reencrypt", "none"]


class RouteChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Route to a Service, through OpenShift's router."""

    host: str | None = None
    """None: OpenShift makes one of the names of the Service and its namespace."""
    tls: Termination
    """Where TLS ends: in the guest, at the router, at both; or there is none."""
    path: str | None = None
    port: int | None = None
    """Of the Service; None: its first TCP port."""


class IngressChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An Ingress to a Service."""

    host: str
    path: str = "/"
    """It and what is below it."""
    class_: str | None = msgspec.field(default=None, name="class")
    """``ingressClassName``; None: the cluster's default."""
    tls_secret: str | None = None
    """Name of the Secret with the certificate; None: no TLS."""
    port: int | None = None
    """Of the Service; None: its first TCP port."""


class ServiceChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Service of VMs on the pod network."""

    vms: tuple[str, ...]
    """VMs, vApps, resource pools, folders, tags, clusters or data centres."""
    ports: tuple[int | str, ...]
    """``443``, ``80:8080`` (the guest's behind the colon), ``53/udp``."""
    type: ServiceType = "ClusterIP"
    route: RouteChoice | None = None
    ingress: IngressChoice | None = None
    from_: tuple[str, ...] | None = msgspec.field(default=None, name="from")
    """Who may reach its ports, and then nobody else: ``namespace:NAME``, ``service:NAME``,
    ``10.0.0.0/8``, ``router`` (routes and ingresses), ``any``. None: everybody, as far as no
    other policy selects the VMs."""
