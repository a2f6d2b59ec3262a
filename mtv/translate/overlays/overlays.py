"""NSX segments, OVN networks -> layer 2 overlays of OVN-Kubernetes; routers and their like.

A network that ``mapping.yaml`` makes a ``layer2`` becomes a secondary network: one switch over all
nodes, without a way out. OVN-Kubernetes gives no addresses on it (``ipam.mode: Disabled``): that is
the only mode that OpenShift Virtualization supports on secondary networks, it lets guests keep the
addresses they have, and a CUDN of layer 2 could not leave addresses out that are taken.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from mtv.estate import ref
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import Network
from mtv.translate.networks.attachments import Attachment, Attachments
from mtv.translate.networks.nad import CNI_VERSION, HIGHEST_MTU, LOWEST_MTU, definition
from mtv.translate.networks.problems import NetworkProblems
from mtv.translate.networks.vm_networks import Networks
from mtv.translate.overlays.routing import Routing
from mtv.translate.overlays.segments import is_overlay, wires
from mtv.translate.part import AroundVms, Manifest, metadata
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

CUDN = "ClusterUserDefinedNetwork"
ROLE = "spec.network.layer2.role"
ORDINARY_MTU, JUMBO_MTU = 1500, 9000
"""What networks of nodes have."""

HEADERS = 100
"""Bytes that OVN-Kubernetes keeps for the headers of Geneve."""

USUAL_MTU = ORDINARY_MTU - HEADERS
"""What the overlay has by default."""


class Overlays(AroundVms):
    """The overlay networks of a site."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments
        self._networks = Networks(site, attachments)
        self._problems = NetworkProblems(site, attachments)
        self._routing = Routing(site.estate)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The layer 2 networks that ``mapping.yaml`` asks for."""
        return tuple(
            manifest
            for attachment, network in self._layer2
            for manifest in self._network(attachment, network)
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a layer 2 network does not do for its guests, routers, what NSX keeps to itself."""
        return (
            *(each for pair in self._layer2 for each in self._losses(*pair)),
            *self._refused_namespaces(),
            *self._routing.findings,
            *self._unread_nsx(),
        )

    @cached_property
    def _layer2(self) -> tuple[tuple[Attachment, Network], ...]:
        """Those without a problem that other findings tell."""
        return tuple(
            (each, each.network)
            for each in self._attachments.all.values()
            if each.kind == "layer2" and each.network is not None and not self._problems.of(each)
        )

    def _network(self, attachment: Attachment, network: Network) -> Iterator[Manifest]:
        origin = {**self._networks.origin(attachment, network), **_overlay_origin(network)}
        if self._is_cluster_wide(attachment, network):
            namespaces = [each for each in attachment.namespaces if not _is_refused(each)]
            if namespaces:
                yield cluster_network(attachment.name, namespaces, network, origin)
            return
        shared = self._alike[network.id, attachment.ref.partition("/")[0]][0].name
        for namespace in attachment.namespaces:
            for name in attachment.made:
                config = attachment_config(shared, network, f"{namespace}/{name}")
                yield definition(name, namespace, config, origin)

    def _is_cluster_wide(self, attachment: Attachment, network: Network) -> bool:
        """True for a CUDN. It is a network by itself, and two of them are never one: where a VM has
        two NICs on the network, or vNIC profiles have lines of their own, attachments name the
        network. So they do where secondary CUDNs are not supported."""
        alike = self._alike[network.id, attachment.ref.partition("/")[0]]
        several = sum(each.copies for each in alike) > 1
        return not several and self._site.release.knows(CUDN, ROLE, "Secondary")

    @cached_property
    def _alike(self) -> dict[tuple[str, str], list[Attachment]]:
        """Id of a network and its source -> all that is made for it."""
        found = dict[tuple[str, str], list[Attachment]]()
        for attachment, network in self._layer2:
            key = network.id, attachment.ref.partition("/")[0]
            found.setdefault(key, []).append(attachment)
        return found

    def _losses(self, attachment: Attachment, network: Network) -> Iterator[Finding]:
        def lost(row: str, says: str, remedy: str) -> Finding:
            return _finding(row, attachment.ref, attachment.title, says, remedy)

        tied = wires(network)
        if tied is not None or not is_overlay(network):
            where = f"is tied to {tied}" if tied else "is a network of the hosts' switches"
            yield lost(
                "overlay.physical" if is_overlay(network) else "overlay.kind",
                f"{where}, and mapping.yaml makes it a layer 2 overlay: its VMs will reach only "
                "each other",
                "choose localnet or bridge in mapping.yaml, unless that is what is wanted",
            )
        served = [each for each in network.subnets if each.dhcp]
        if served:
            yield lost(
                "overlay.subnet.dhcp",
                f"guests get addresses by DHCP ({'; '.join(map(_served, served))}), and "
                "OVN-Kubernetes gives none to VMs on a secondary network",
                "run a DHCP server on the network (a VM or a pod with a leg in it) that gives the "
                "same addresses, and let DHCP through in the policies of security groups; or set "
                "them in the guests",
            )
        gateways = sorted({each.gateway for each in network.subnets if each.gateway})
        legs = self._routing.legs(attachment.ref)
        if gateways or legs:
            who = ", ".join([*gateways, *(f"router {name}" for name in legs)])
            yield lost(
                "overlay.subnet.gateway",
                f"its guests get out through {who}, and a layer 2 overlay has no way out",
                "choose a bridge mapping of the nodes (localnet:NAME), with a gateway outside of "
                "the cluster; or attach a router VM to it; or give the guests a second NIC on the "
                "pod network",
            )
        yield from self._mtu(attachment, network)

    def _mtu(self, attachment: Attachment, network: Network) -> Iterator[Finding]:
        mtu = network.mtu
        if mtu is None or (LOWEST_MTU <= mtu <= USUAL_MTU and not _is_of_switch(network)):
            return
        yield _finding("overlay.kind", attachment.ref, attachment.title, *_mtu_loss(network, mtu))

    def _refused_namespaces(self) -> Iterator[Finding]:
        """OVN-Kubernetes makes no user defined network in the platform's own namespaces."""
        keys = {pair[0].ref for pair in self._layer2 if self._is_cluster_wide(*pair)}
        refused = dict[str, list[str]]()
        for placed in self._site.ready:
            namespace = self._site.namespace(placed)
            if _is_refused(namespace) and keys & {
                key for key, _ in self._attachments.numbered(placed).values()
            }:
                refused.setdefault(namespace, []).append(placed.ref)
        for namespace, vms in refused.items():
            yield Finding(
                row="overlay.kind",
                category=Category.BLOCKER,
                ref="",
                name=namespace,
                says=f"the namespace {namespace} can have no user defined network, and VMs in it "
                "need a layer 2 one",
                remedy="send these VMs to another namespace (mapping.yaml: namespaces)",
                holds_back=tuple(vms),
            )

    def _unread_nsx(self) -> Iterator[Finding]:
        for source, name, segments in nsx_segments(self._site):
            yield _finding(
                "overlay.kind",
                source,
                name,
                "gateways (tier-0, tier-1), NAT, VPN, load balancers and DHCP of NSX are not read; "
                f"they may serve {segments}",
                "look them up in the NSX Manager. In their place: EgressIP for NAT, Service and "
                "Route for load balancers, RouteAdvertisements (BGP) or a router outside on a "
                "localnet for routing, a DHCP server on the network",
            )


def nsx_segments(site: Site) -> Iterator[tuple[str, str, str]]:
    """Every vCenter with segments of NSX: ref and name of the first one, and all in words."""
    for inventory in site.estate.inventories:
        if inventory.product != "vsphere":
            continue
        found = [each for each in inventory.networks if each.segment is not None]
        if found:
            yield ref(inventory, found[0].id), found[0].name, first_of(each.name for each in found)


def cluster_network(
    name: str, namespaces: list[str], network: Network, origin: dict[str, str]
) -> Manifest:
    """The network for all its namespaces (k8s.ovn.org/v1 ClusterUserDefinedNetwork)."""
    layer2: dict[str, Any] = {"role": "Secondary", "ipam": {"mode": "Disabled"}}
    if (mtu := _mtu(network)) is not None:
        layer2["mtu"] = mtu
    return {
        "apiVersion": "k8s.ovn.org/v1",
        "kind": CUDN,
        "metadata": metadata(name, **origin),
        "spec": {
            "namespaceSelector": {
                "matchExpressions": [
                    {
                        "key": "kubernetes.io/metadata.name",
                        "operator": "In",
                        "values": namespaces,
                    }
                ]
            },
            "network": {"topology": "Layer2", "layer2": layer2},
        },
    }


def attachment_config(shared: str, network: Network, name: str) -> dict[str, Any]:
    """The network for one namespace, as the inside of an attachment (``namespace/name``).

    ``shared``: its name in OVN-Kubernetes. All that name the same one lead to the same switch.
    """
    config: dict[str, Any] = {
        "cniVersion": CNI_VERSION,
        "name": shared,
        "type": "ovn-k8s-cni-overlay",
        "topology": "layer2",
    }
    if (mtu := _mtu(network)) is not None:
        config["mtu"] = mtu
    return {**config, "netAttachDefName": name}


def _overlay_origin(network: Network) -> dict[str, str]:
    """What annotations keep of the overlay behind a network."""
    origin = dict[str, str]()
    if network.segment is not None:
        origin["source_segment"] = network.segment.id
    if network.subnets:
        origin["source_subnets"] = ",".join(each.cidr for each in network.subnets)
    return origin


def _is_refused(namespace: str) -> bool:
    """True for the platform's own namespaces."""
    return namespace == "default" or namespace.startswith(("openshift-", "kube-"))


def _is_of_switch(network: Network) -> bool:
    """True where the MTU is that of the distributed switch below: a segment's own is NSX's to say,
    and what carries an overlay is larger than what the overlay carries."""
    return network.kind == "dvportgroup"


def _mtu(network: Network) -> int | None:
    """What is written; None for the cluster's."""
    mtu = network.mtu
    if mtu is None or _is_of_switch(network):
        return None
    return mtu if LOWEST_MTU <= mtu <= HIGHEST_MTU else None


def _mtu_loss(network: Network, mtu: int) -> tuple[str, str]:
    """What is to be known of an MTU, and the remedy."""
    if _is_of_switch(network):
        says = (
            f"the MTU {mtu} is that of the distributed switch below it, so none is written: it "
            f"gets the cluster's, {USUAL_MTU} where the nodes' network has {ORDINARY_MTU}"
        )
        return says, (
            "look up what its guests use; where that is more, raise the MTU of the cluster's "
            "network, or lower it in the guests"
        )
    if _mtu(network) is None:
        says = (
            f"has an MTU of {mtu}, and an overlay can have {LOWEST_MTU} to {HIGHEST_MTU}: the "
            "cluster's is used"
        )
        return says, "correct the MTU at the source, then: mtv collect"
    needed = mtu + HEADERS
    remedy = f"see that the nodes' network has an MTU of {needed} or more, or lower the MTU"
    if needed > JUMBO_MTU:
        remedy += f" to the {JUMBO_MTU - HEADERS} that jumbo frames of {JUMBO_MTU} leave"
    says = f"has an MTU of {mtu}, which needs nodes whose network carries {HEADERS} bytes more"
    return says, f"{remedy} in the guests and at the source"


def _served(subnet: Any) -> str:
    """``10.0.0.0/24 from 10.0.0.10-10.0.0.99 with the name servers 10.0.0.2``."""
    said = str(subnet.cidr)
    if subnet.pools:
        said += f" from {', '.join(subnet.pools)}"
    if subnet.dns_servers:
        said += f" with the name servers {', '.join(subnet.dns_servers)}"
    return said


def _finding(row: str, about: str, name: str, says: str, remedy: str) -> Finding:
    return Finding(
        row=row, category=Category.WARNING, ref=about, name=name, says=says, remedy=remedy
    )
