"""VM networks as objects of the cluster: CUDN localnet, NADs of OVN and of bridges, SR-IOV.

The configuration inside of a NetworkAttachmentDefinition is a text of JSON that nobody checks
before a pod is attached to it.
"""

import json
from collections.abc import Iterator
from typing import Any

from mtv.model.network import Network
from mtv.translate.networks.attachments import Attachment, MadeNetwork
from mtv.translate.networks.shaping import MEGABIT, Rates
from mtv.translate.networks.vlans import Ranges, access_vlan, trunk_of
from mtv.translate.part import Manifest, metadata

CNI_VERSION = "0.3.1"
RESOURCE = "k8s.v1.cni.cncf.io/resourceName"
SRIOV_NAMESPACE = "openshift-sriov-network-operator"
LOWEST_MTU, HIGHEST_MTU = 576, 65535
"""What a network of the cluster can have."""


def localnet(
    attachment: Attachment, network: Network, origin: dict[str, str]
) -> Iterator[Manifest]:
    """A CUDN for all namespaces (k8s.ovn.org/v1 ClusterUserDefinedNetwork), from 4.19 on."""
    inner: dict[str, Any] = {
        "role": "Secondary",
        "physicalNetworkName": attachment.localnet,
        "ipam": {"mode": "Disabled"},
    }
    vlan = access_vlan(network)
    if vlan is not None:
        inner["vlan"] = {"mode": "Access", "access": {"id": vlan}}
    if (mtu := _mtu(network)) is not None:
        inner["mtu"] = mtu
    for made in attachment.networks:
        yield {
            "apiVersion": "k8s.ovn.org/v1",
            "kind": "ClusterUserDefinedNetwork",
            "metadata": metadata(made.name, **origin),
            "spec": {
                "namespaceSelector": {
                    "matchExpressions": [
                        {
                            "key": "kubernetes.io/metadata.name",
                            "operator": "In",
                            "values": list(attachment.namespaces),
                        }
                    ]
                },
                "network": {"topology": "Localnet", "localnet": inner},
            },
        }


def localnet_definitions(
    attachment: Attachment, network: Network, origin: dict[str, str]
) -> Iterator[Manifest]:
    """The same with a NAD in each namespace, for 4.18. All that name one network are alike."""
    for made in attachment.networks:
        for namespace in attachment.namespaces:
            config: dict[str, Any] = {
                "cniVersion": CNI_VERSION,
                "name": made.name,
                "type": "ovn-k8s-cni-overlay",
                "topology": "localnet",
                "physicalNetworkName": attachment.localnet,
            }
            if (vlan := access_vlan(network)) is not None:
                config["vlanID"] = vlan
            if (mtu := _mtu(network)) is not None:
                config["mtu"] = mtu
            config["netAttachDefName"] = f"{namespace}/{made.name}"
            yield definition(made.name, namespace, config, origin)


def bridge_definitions(
    attachment: Attachment, network: Network, origin: dict[str, str]
) -> Iterator[Manifest]:
    """A NAD of the nodes' Linux bridge in each namespace."""
    for made in attachment.networks:
        for namespace in attachment.namespaces:
            yield definition(
                made.name,
                namespace,
                _bridge_config(attachment.bridge, network, made),
                origin,
                resource=f"bridge.network.kubevirt.io/{attachment.bridge}",
            )


def sriov_networks(
    attachment: Attachment, network: Network, origin: dict[str, str]
) -> Iterator[Manifest]:
    """An SriovNetwork for each namespace: its operator makes the NAD of the same name there."""
    for made in attachment.networks:
        for namespace in attachment.namespaces:
            name = made.names[namespace]
            spec: dict[str, Any] = {
                "resourceName": attachment.resource,
                "networkNamespace": namespace,
                "spoofChk": "on" if made.terms.checks_mac else "off",
                "trust": "on" if made.terms.promiscuous else "off",
            }
            vlan = access_vlan(network)
            if vlan is not None:
                spec["vlan"] = vlan
            sends = made.terms.rates.from_guest
            if sends is not None:
                spec["maxTxRate"] = max(1, round(sends.bits_per_second / MEGABIT))
            yield {
                "apiVersion": "sriovnetwork.openshift.io/v1",
                "kind": "SriovNetwork",
                "metadata": metadata(name, SRIOV_NAMESPACE, **origin),
                "spec": spec,
            }


def definition(
    name: str,
    namespace: str,
    config: dict[str, Any],
    origin: dict[str, str],
    *,
    resource: str | None = None,
) -> Manifest:
    """A k8s.cni.cncf.io/v1 NetworkAttachmentDefinition.

    ``resource``: what a node must have for pods that are attached to it.
    """
    about = metadata(name, namespace, **origin)
    if resource is not None:
        about.setdefault("annotations", {})[RESOURCE] = resource
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": about,
        "spec": {"config": json.dumps(config)},
    }


def _bridge_config(bridge: str, network: Network, made: MadeNetwork) -> dict[str, Any]:
    trunk = trunk_of(network)
    plugin: dict[str, Any] = {
        "type": "bridge",
        "bridge": bridge,
        "macspoofchk": made.terms.checks_mac,
        "disableContainerInterface": True,
        # VLAN 1 of the bridge is what is untagged on the wires: a trunk may need it.
        "preserveDefaultVlan": trunk is not None and trunk[0][0] == 0,
    }
    if trunk is not None:
        # Without a list the port would carry untagged frames only, as soon as another network of
        # the bridge has a VLAN: then the bridge filters.
        if tagged := _trunk_list(trunk):
            plugin["vlanTrunk"] = tagged
    elif (vlan := access_vlan(network)) is not None:
        plugin["vlan"] = vlan
    if network.port_isolation:
        plugin["portIsolation"] = True
    if (mtu := _mtu(network)) is not None:
        plugin["mtu"] = mtu
    head = {"cniVersion": CNI_VERSION, "name": made.name}
    if not made.terms.rates.limited:
        return {**head, **plugin}
    return {**head, "plugins": [plugin, {"type": "bandwidth", **_bandwidth(made.terms.rates)}]}


def _trunk_list(trunk: Ranges) -> list[dict[str, int]]:
    return [
        {"id": last} if first == last else {"minID": max(first, 1), "maxID": last}
        for first, last in trunk
        if last > 0
    ]


def _bandwidth(rates: Rates) -> dict[str, int]:
    """The plugin sees a pod: what comes in (*ingress*) goes to the guest."""
    said = dict[str, int]()
    for way, rate in (("ingress", rates.to_guest), ("egress", rates.from_guest)):
        if rate is not None:
            said[f"{way}Rate"] = rate.bits_per_second
            said[f"{way}Burst"] = rate.burst_bits
    return said


def _mtu(network: Network) -> int | None:
    """None for the default of the kind of network."""
    mtu = network.mtu
    return mtu if mtu is not None and LOWEST_MTU <= mtu <= HIGHEST_MTU else None
