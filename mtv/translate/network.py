"""Network cards and networks: port group -> pod network or NetworkAttachmentDefinition."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm, ref
from mtv.mappings import GuestSystem
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import POD_NETWORK
from mtv.model.vm import Nic
from mtv.translate.attachments import Attachments
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site

STATE = "spec.template.spec.domain.devices.interfaces[].state"


class Networks:
    """The networks of a site, and what the cards of its VMs are attached to."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Open questions: port groups without a network, cards that the target cannot have."""
        return (*self._open_networks(), *self._odd_cards())

    def of(self, placed: PlacedVm) -> VmPart:
        """Nothing beside the cards."""
        del placed
        return VmPart()

    def interface(self, placed: PlacedVm, nic: Nic, system: GuestSystem) -> dict[str, Any]:
        """The NIC as a device of the VirtualMachine."""
        device: dict[str, Any] = {
            "name": _name(nic),
            "masquerade" if self._choice(placed, nic) == POD_NETWORK else "bridge": {},
            "model": system.nic_model,
        }
        if nic.mac:
            device["macAddress"] = nic.mac
        if not nic.connected_at_power_on:
            device["state"] = "down"
        return device

    def network(self, placed: PlacedVm, nic: Nic) -> dict[str, Any]:
        """The network that the interface of the same name is attached to."""
        chosen = self._choice(placed, nic)
        if chosen == POD_NETWORK:
            return {"name": _name(nic), "pod": {}}
        return {"name": _name(nic), "multus": {"networkName": chosen}}

    def _choice(self, placed: PlacedVm, nic: Nic) -> str | None:
        return self._site.mapping.networks.get(ref(placed.inventory, nic.network or ""))

    def _open_networks(self) -> Iterator[Finding]:
        there = {POD_NETWORK, *(each.name for each in self._site.target.networks)}
        waiting = dict[str, dict[str, None]]()
        for placed in self._site.ready:
            for nic in placed.vm.nics:
                if self._choice(placed, nic) not in there:
                    key = ref(placed.inventory, nic.network or "")
                    waiting.setdefault(key, {})[placed.ref] = None
        names = {key: network.name for key, network in self._site.estate.networks()}
        for key, vms in waiting.items():
            chosen = self._site.mapping.networks.get(key)
            says = (
                f"mapping.yaml: networks: {key} has no network"
                if chosen is None
                else f"mapping.yaml: networks: {key}: target.yaml has no network {chosen!r}"
            )
            yield Finding(
                row="network",
                category=Category.BLOCKER,
                ref=key,
                name=names.get(key, key),
                says=says,
                remedy="name a network in mapping.yaml",
                holds_back=tuple(vms),
            )

    def _odd_cards(self) -> Iterator[Finding]:
        has_state = self._site.release.knows("VirtualMachine", STATE)
        for placed in self._site.ready:
            pods = [nic for nic in placed.vm.nics if self._choice(placed, nic) == POD_NETWORK]
            if len(pods) > 1:
                yield _card(
                    placed,
                    "several of its NICs are mapped to the pod network, which a VM can have "
                    "only once",
                    "map all but one of their networks to another one",
                )
            for nic in placed.vm.nics:
                if not has_state and not nic.connected_at_power_on:
                    yield _card(
                        placed,
                        f"{nic.label} does not connect at power-on, which OpenShift "
                        f"{self._site.target.openshift} cannot say (since 4.19)",
                        "connect or remove it at the source",
                    )


def _card(placed: PlacedVm, says: str, remedy: str) -> Finding:
    return Finding(
        row="nic",
        category=Category.BLOCKER,
        ref=placed.ref,
        name=placed.vm.name,
        says=says,
        remedy=remedy,
        holds_back=(placed.ref,),
    )


def _name(nic: Nic) -> str:
    return f"nic-{nic.key}"
