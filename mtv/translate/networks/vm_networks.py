"""Network cards and networks: port group, logical network -> CUDN, NAD, SR-IOV, pod network."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.mappings import GuestSystem
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import Network
from mtv.model.target import TargetNetwork
from mtv.model.vm import Nic
from mtv.translate.networks.attachments import Attachment, Attachments
from mtv.translate.networks.losses import losses
from mtv.translate.networks.nad import (
    bridge_definitions,
    localnet,
    localnet_definitions,
    sriov_networks,
)
from mtv.translate.networks.problems import NetworkProblems
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site

STATE = "spec.template.spec.domain.devices.interfaces[].state"
LOCALNET = "spec.network.localnet"

_MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", re.IGNORECASE | re.ASCII)
"""Of one card; an odd first byte stands for a group of them."""


class Networks:
    """The networks of a site, and what the cards of its VMs are attached to."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments
        self._problems = NetworkProblems(site, attachments)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The networks that ``mapping.yaml`` asks for; not those that something is wrong with."""
        return tuple(
            manifest
            for attachment in self._attachments.all.values()
            if attachment.network is not None and not self._problems.of(attachment)
            for manifest in self._made(attachment, attachment.network)
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Open questions, contradictions, what gets lost, cards that the target cannot have."""
        return (
            *self._problems.findings,
            *losses(self._site, self._attachments),
            *self._odd_cards(),
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """Nothing beside the cards. None of the networks keeps a VM from being migrated live: the
        pod network is masqueraded, and an SR-IOV card is taken off and given again."""
        del placed
        return VmPart()

    def cards(self, placed: PlacedVm) -> tuple[Nic, ...]:
        """The NICs that the VirtualMachine gets: the plugged ones that have a network."""
        return tuple(
            nic
            for nic in placed.vm.nics
            if nic.plugged is not False and self._kind(placed, nic) != "none"
        )

    def is_on_pods(self, placed: PlacedVm) -> bool:
        """True for a VM with a card on the pod network: kubelets, Services and routers reach no
        other."""
        return any(self._kind(placed, nic) == "pod" for nic in self.cards(placed))

    def interface(self, placed: PlacedVm, nic: Nic, system: GuestSystem) -> dict[str, Any]:
        """The NIC as a device of the VirtualMachine."""
        kind = self._kind(placed, nic)
        binding = {"pod": "masquerade", "sriov": "sriov"}.get(kind, "bridge")
        name = self._site.naming.interface(placed, nic)
        device: dict[str, Any] = {"name": name, binding: {}}
        if kind != "sriov":
            device["model"] = system.nic_model
        if nic.mac and _MAC.fullmatch(nic.mac):
            device["macAddress"] = nic.mac
        if not nic.connected_at_power_on:
            device["state"] = "down"
        return device

    def network(self, placed: PlacedVm, nic: Nic) -> dict[str, Any]:
        """The network that the interface of the same name is attached to."""
        attachment = self._attachments.of(placed, nic)
        name = self._site.naming.interface(placed, nic)
        if attachment is None or attachment.kind == "pod":
            return {"name": name, "pod": {}}
        number = self._attachments.numbered(placed)[nic.key][1]
        network = attachment.copy_in(self._site.namespace(placed), number)
        return {"name": name, "multus": {"networkName": network}}

    def _kind(self, placed: PlacedVm, nic: Nic) -> str:
        """Kind of the network under a NIC; of an existing one, what target.yaml says it is."""
        attachment = self._attachments.of(placed, nic)
        if attachment is None:
            return ""
        if attachment.kind == "existing":
            there = self._there.get(attachment.name)
            return there.kind if there is not None else "bridge"
        return attachment.kind

    @cached_property
    def _there(self) -> dict[str, TargetNetwork]:
        return {each.name: each for each in self._site.target.networks}

    def _made(self, attachment: Attachment, network: Network) -> Iterator[Manifest]:
        origin = self.origin(attachment, network)
        if attachment.kind == "localnet":
            clusters_own = self._site.release.knows("ClusterUserDefinedNetwork", LOCALNET)
            make = localnet if clusters_own else localnet_definitions
            yield from make(attachment, network, origin)
        elif attachment.kind == "bridge":
            yield from bridge_definitions(attachment, network, origin)
        elif attachment.kind == "sriov":
            yield from sriov_networks(attachment, network, origin)

    def origin(self, attachment: Attachment, network: Network) -> dict[str, str]:
        """What annotations keep of the network."""
        source = attachment.ref.partition("/")[0]
        said = {
            "source": attachment.ref,
            "source_name": network.name,
            "source_description": network.description,
            "source_tags": ", ".join(
                sorted(self._tags.get(f"{source}/{tag}", tag) for tag in network.tags)
            ),
            "source_attributes": ", ".join(
                f"{name}={value}" for name, value in sorted(network.custom_attributes.items())
            ),
        }
        return {key: text for key, text in said.items() if text}

    @cached_property
    def _tags(self) -> dict[str, str]:
        """Ref of a tag -> ``Environment/production``."""
        categories = {
            (inventory.source, each.id): each.name
            for inventory in self._site.estate.inventories
            for each in inventory.tag_categories
        }
        return {
            f"{inventory.source}/{tag.id}": "/".join(
                filter(None, (categories.get((inventory.source, tag.category or "")), tag.name))
            )
            for inventory in self._site.estate.inventories
            for tag in inventory.tags
        }

    def _odd_cards(self) -> Iterator[Finding]:
        has_state = self._site.release.knows("VirtualMachine", STATE)
        for placed in self._site.ready:
            kinds = {nic.key: self._kind(placed, nic) for nic in placed.vm.nics}
            cards = self.cards(placed)
            if sum(kinds[nic.key] == "pod" for nic in cards) > 1:
                yield _blocker(
                    "nic",
                    placed,
                    "several of its NICs are mapped to the pod network, which a VM can have "
                    "only once",
                    "map all but one of their networks to another one",
                )
            for nic in cards:
                if nic.connected_at_power_on:
                    continue
                if not has_state:
                    lacks = f"OpenShift {self._site.target.openshift} cannot say (since 4.19)"
                elif kinds[nic.key] == "sriov":
                    lacks = "an SR-IOV card cannot say"
                else:
                    continue
                yield _blocker(
                    "nic.connected",
                    placed,
                    f"{_called(nic)} does not connect at power-on, which {lacks}",
                    "connect or remove it at the source",
                )
            yield from _left_out(placed)


def _left_out(placed: PlacedVm) -> Iterator[Finding]:
    """Cards that are not in the machine, and addresses that are none."""
    unplugged = [_called(nic) for nic in placed.vm.nics if nic.plugged is False]
    if unplugged:
        yield _warning(
            "nic.plugged",
            placed,
            f"not plugged in at the source, and left out: {', '.join(unplugged)}",
            "plug in what the VM needs, then: mtv collect",
        )
    for nic in placed.vm.nics:
        if nic.mac and not _MAC.fullmatch(nic.mac):
            yield _warning(
                "nic.mac",
                placed,
                f"{nic.label} ({nic.key}) has no MAC address that could be kept, but {nic.mac!r}",
                "the cluster gives it a new one: see what knows the VM by its old one",
            )


def _called(nic: Nic) -> str:
    """What tells a NIC from the VM's others: several may have the same label."""
    return f"{nic.label} ({nic.mac or nic.key})"


def _blocker(row: str, placed: PlacedVm, says: str, remedy: str) -> Finding:
    return Finding(
        row=row,
        category=Category.BLOCKER,
        ref=placed.ref,
        name=placed.vm.name,
        says=says,
        remedy=remedy,
        holds_back=(placed.ref,),
    )


def _warning(row: str, placed: PlacedVm, says: str, remedy: str) -> Finding:
    return Finding(
        row=row,
        category=Category.WARNING,
        ref=placed.ref,
        name=placed.vm.name,
        says=says,
        remedy=remedy,
    )
