"""Suggestions for ``mapping.yaml``: which class for a datastore, which network for a port group.

Every suggestion has a reason. Where nothing fits, the question stays open; nothing is invented.
"""

import msgspec

from mtv.estate import Estate
from mtv.model.network import Network
from mtv.model.storage import Datastore
from mtv.model.target import POD_NETWORK, Target


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``mapping.yaml``. ``choice`` None is an open question."""

    section: str
    """``storage`` or ``networks``."""
    ref: str
    name: str
    """What the source calls it."""
    choice: str | None
    reason: str


def suggest(estate: Estate, target: Target) -> tuple[Suggestion, ...]:
    """One suggestion for every datastore and network that a VM's disks or NICs use.

    What only VMs use that cannot be migrated (``Inventory.assessment_only``) is not asked.
    """
    migratable = [placed for placed in estate.vms() if not placed.inventory.assessment_only]
    used_stores = {
        f"{placed.inventory.source}/{disk.datastore}"
        for placed in migratable
        for disk in placed.vm.disks
    }
    used_networks = {
        f"{placed.inventory.source}/{nic.network}"
        for placed in migratable
        for nic in placed.vm.nics
    }
    return (
        *(_storage(key, each, target) for key, each in estate.datastores() if key in used_stores),
        *(_network(key, each, target) for key, each in estate.networks() if key in used_networks),
    )


def _storage(key: str, datastore: Datastore, target: Target) -> Suggestion:
    def answer(choice: str | None, reason: str) -> Suggestion:
        return Suggestion(
            section="storage", ref=key, name=datastore.name, choice=choice, reason=reason
        )

    for each in target.storage_classes:
        if _words(datastore.name) & _words(each.name):
            return answer(each.name, "the names share a word")
    default = next((each for each in target.storage_classes if each.default), None)
    if default is not None:
        return answer(default.name, "the cluster's default class")
    if len(target.storage_classes) == 1:
        return answer(target.storage_classes[0].name, "the only class")
    return answer(None, "no class has a similar name and none is the default: choose one")


def _network(key: str, network: Network, target: Target) -> Suggestion:
    def answer(choice: str | None, reason: str) -> Suggestion:
        return Suggestion(
            section="networks", ref=key, name=network.name, choice=choice, reason=reason
        )

    if network.private_vlan is not None:
        return answer(None, "is a private VLAN, which has no equivalent: choose a network")
    if network.segment is not None and network.vlan is None:
        return answer(None, "is a segment of an overlay: choose the network that takes its place")
    if network.differing_vlans:
        vlans = ", ".join(map(str, network.differing_vlans))
        return answer(None, f"has the VLANs {vlans} on different hosts: choose a network")
    if network.vlan_trunk is not None:
        return answer(None, f"carries the VLANs {network.vlan_trunk}: choose a network that does")
    if network.vlan is not None:
        alike = next((each for each in target.networks if each.vlan == network.vlan), None)
        if alike is not None:
            return answer(alike.name, f"both carry VLAN {network.vlan}")
        return answer(None, f"no network of target.yaml carries VLAN {network.vlan}")
    for each in target.networks:
        if _words(network.name) & _words(each.name.rpartition("/")[2]):
            return answer(each.name, "the names share a word")
    if network.kind == "ovf":
        return answer(POD_NETWORK, "a package names no VLAN: the pod network, unless it needs one")
    return answer(POD_NETWORK, "untagged: the pod network, behind the node's address")


def _words(name: str) -> set[str]:
    """Words of a name that can tell one from another; numbers alone cannot."""
    parts = "".join(c.lower() if c.isalnum() else " " for c in name).split()
    return {part for part in parts if len(part) > 2 and not part.isdigit()} - _COMMON


_COMMON = {"datastore", "network", "storage", "class", "vlan", "port", "group"}
