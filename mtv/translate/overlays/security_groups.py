"""Who is in which security group: NICs through their ports, and the addresses of whole groups."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.network import OverlayPort, SecurityGroup
from mtv.model.target import POD_NETWORK
from mtv.names import unique_labels
from mtv.translate.networks.attachments import Attachment, Attachments
from mtv.translate.overlays.firewall_rules import blocks
from mtv.translate.site import Site

LABEL = "sg.mtv.migration"
"""Prefix of the labels that policies select VMs by."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A NIC that has a port in the overlay, with its place on the target."""

    vm: str
    """Ref."""
    name: str
    """Of the VM."""
    namespace: str
    port: OverlayPort
    attachment: Attachment
    network: str
    """What it is attached to: ``pod``, the name of a network that is made, ``namespace/name``."""
    groups: tuple[str, ...]
    """Refs of the groups that filter it; those that the inventory lacks too."""
    filtered: bool
    """False where the source filters nothing (port security is off)."""
    enforced: bool
    """True where policies reach its traffic."""


class SecurityGroups:
    """The security groups of a site and their members."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments

    @cached_property
    def by_ref(self) -> dict[str, SecurityGroup]:
        """All of the estate."""
        return {
            ref(inventory, group.id): group
            for inventory in self._site.estate.inventories
            for group in inventory.security_groups
        }

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """Every NIC that has a port in the overlay and a place on the target."""
        return tuple(self._cards())

    @cached_property
    def policies(self) -> tuple[tuple[str, str, str], ...]:
        """Ref of the group, network and namespace: a policy for each, sorted."""
        return tuple(
            sorted({(group, card.network, card.namespace) for card, group in self._selected})
        )

    @cached_property
    def names(self) -> dict[tuple[str, str], str]:
        """Ref of a group and network -> name of the policies and of the label."""
        pairs = {(group, network) for group, network, _ in self.policies}
        texts = {f"{g} {n}": f"{self.by_ref[g].name} {n}" for g, n in pairs}
        names = unique_labels(texts)
        return {(group, network): names[f"{group} {network}"] for group, network in pairs}

    @cached_property
    def labels(self) -> dict[str, dict[str, str]]:
        """Ref of a VM -> the labels that policies select it by."""
        found = dict[str, set[str]]()
        for card, group in self._selected:
            found.setdefault(card.vm, set()).add(self.label(group, card.network))
        return {vm: dict.fromkeys(sorted(labels), "") for vm, labels in found.items()}

    def label(self, group: str, network: str) -> str:
        """The label of a group's members on a network: two NICs of one VM can be in different
        groups, so it names both."""
        return f"{LABEL}/{self.names[group, network]}"

    def peers(self, group: str, network: str, family: int) -> list[dict[str, Any]]:
        """The members of a group as peers of a policy for a network.

        On the pod network by their label; elsewhere by their addresses at the source, because
        OVN-Kubernetes does not know what addresses VMs have there.
        """
        if network == POD_NETWORK:
            return self._on_pod_network.get(group, [])
        return self._blocks.get((group, family), [])

    def unknown_addresses(self, group: str) -> int:
        """How many ports of a group have no address that is known."""
        return self._addresses.get(group, ([], 0))[1]

    @cached_property
    def _selected(self) -> tuple[tuple[Card, str], ...]:
        """NICs that a policy is made for, each with the group."""
        return tuple(
            (card, group)
            for card in self.cards
            if card.enforced
            for group in card.groups
            if group in self.by_ref
        )

    def _cards(self) -> Iterator[Card]:
        ports = {
            (inventory.source, port.nic): port
            for inventory in self._site.estate.inventories
            for port in inventory.overlay_ports
            if port.nic
        }
        for placed in self._site.vms if ports else ():
            source = placed.inventory.source
            mine = {nic.key: ports.get((source, nic.key)) for nic in placed.vm.nics}
            numbered = self._attachments.numbered(placed) if any(mine.values()) else {}
            for key, (line, number) in numbered.items():
                port, attachment = mine[key], self._attachments.all.get(line)
                if port is not None and attachment is not None and attachment.kind != "none":
                    yield self._card(placed, port, attachment, number)

    def _card(
        self, placed: PlacedVm, port: OverlayPort, attachment: Attachment, number: int
    ) -> Card:
        is_pod = attachment.kind == "pod"
        namespace = self._site.namespace(placed)
        network = POD_NETWORK if is_pod else attachment.copy_in(namespace, number)
        filtered = _is_filtered(port, attachment)
        groups = dict.fromkeys(port.security_groups) if filtered else ()
        return Card(
            vm=placed.ref,
            name=placed.vm.name,
            namespace=namespace,
            port=port,
            attachment=attachment,
            network=network,
            groups=tuple(ref(placed.inventory, group) for group in groups),
            filtered=filtered,
            enforced=self._kind(attachment, network) in ("pod", "localnet", "layer2"),
        )

    def _kind(self, attachment: Attachment, network: str) -> str:
        """Only OVN-Kubernetes filters what VMs send: the traffic of a Linux bridge or of a virtual
        function passes the filters of a pod by."""
        if attachment.kind != "existing":
            return attachment.kind
        return self._existing.get(network, "")

    @cached_property
    def _existing(self) -> dict[str, str]:
        """``namespace/name`` of a network of the target -> its kind."""
        return {each.name: each.kind for each in self._site.target.networks}

    @cached_property
    def _on_pod_network(self) -> dict[str, list[dict[str, Any]]]:
        """By ref of the group; those without a member there are missing."""
        namespaces = dict[str, list[str]]()
        for group, network, namespace in self.policies:
            if network == POD_NETWORK:
                namespaces.setdefault(group, []).append(namespace)
        return {
            group: [
                {
                    "namespaceSelector": {
                        "matchExpressions": [
                            {
                                "key": "kubernetes.io/metadata.name",
                                "operator": "In",
                                "values": where,
                            }
                        ]
                    },
                    "podSelector": {"matchLabels": {self.label(group, POD_NETWORK): ""}},
                }
            ]
            for group, where in namespaces.items()
        }

    @cached_property
    def _addresses(self) -> dict[str, tuple[list[str], int]]:
        """Ref of a group -> addresses of its ports, and how many ports have none that is known."""
        found = dict[str, tuple[list[str], int]]()
        for inventory in self._site.estate.inventories:
            for port in inventory.overlay_ports:
                for group in dict.fromkeys(port.security_groups):
                    known, unknown = found.get(ref(inventory, group), ([], 0))
                    known.extend(port.addresses)
                    found[ref(inventory, group)] = known, unknown + (not port.addresses)
        return found

    @cached_property
    def _blocks(self) -> dict[tuple[str, int], list[dict[str, Any]]]:
        return {
            (group, family): blocks(known, family)
            for group, (known, _) in self._addresses.items()
            for family in (4, 6)
        }


def _is_filtered(port: OverlayPort, attachment: Attachment) -> bool:
    """A port that does not say follows its network."""
    network = attachment.network
    said = port.port_security
    if said is None and network is not None:
        said = network.port_security
    return said is not False
