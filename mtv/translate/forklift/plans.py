"""Waves as Plans: a Plan is about one source and one namespace, a wave may be about several."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mtv.estate import PlacedVm
from mtv.names import unique_labels
from mtv.naming import Naming
from mtv.translate.forklift.claims import claim_template, other_claim_template, volume_template
from mtv.translate.forklift.resources import providers, reference, resource, source_object
from mtv.translate.part import Manifest

TESTED_VMS = 500
"""Forklift was tried with so many VMs in a Plan."""


class Moved(msgspec.Struct, frozen=True):
    """A VM of a Plan."""

    placed: PlacedVm
    machine: Manifest
    """The VirtualMachine that mtv makes of it."""

    @property
    def name(self) -> str:
        """Of the VirtualMachine."""
        return str(self.machine["metadata"]["name"])


class Group(msgspec.Struct, frozen=True, order=True):
    """What VMs of one Plan have in common."""

    wave: str
    source: str
    namespace: str


def plan_names(groups: Sequence[Group]) -> dict[Group, str]:
    """A name for each Plan: wave, source and namespace."""
    texts = {"/".join(msgspec.structs.astuple(each)): each for each in groups}
    named = unique_labels({text: text for text in texts})
    return {texts[text]: name for text, name in named.items()}


class Names(msgspec.Struct, frozen=True):
    """Names of the resources that a Plan refers to, and the namespace of all of them."""

    namespace: str
    provider: str
    storage: str
    network: str


def plan(
    group: Group, name: str, why: str, vms: Sequence[Moved], names: Names, naming: Naming
) -> Manifest:
    """The Plan of one group; nothing moves before someone makes a Migration of it."""
    product = vms[0].placed.inventory.product
    spec: dict[str, Any] = {
        "description": f"wave {group.wave}: {why}" if why else f"wave {group.wave}",
        "provider": providers(names.provider, names.namespace),
        "map": {
            "network": reference(names.network, names.namespace),
            "storage": reference(names.storage, names.namespace),
        },
        "targetNamespace": group.namespace,
        "type": "cold",
        "warm": False,
        "targetPowerState": "auto",
    }
    if product == "vsphere":
        spec["preserveStaticIPs"] = True
        # Names as they are: with a random end they would not be ours.
        spec["pvcNameTemplateUseGenerateName"] = False
    else:
        spec["preserveClusterCpuModel"] = all(map(_has_model, vms))
    spec["vms"] = [_vm(naming, each) for each in vms]
    return resource("Plan", name, names.namespace, spec, source=group.source, wave=group.wave)


def _has_model(each: Moved) -> bool:
    return "model" in each.machine["spec"]["template"]["spec"]["domain"].get("cpu", {})


def _vm(naming: Naming, each: Moved) -> dict[str, Any]:
    placed, name = each.placed, each.name
    said: dict[str, Any] = {
        **source_object(placed.vm.id, placed.vm.name),
        "targetName": name,
    }
    if instance_type := each.machine["spec"].get("instancetype", {}).get("name"):
        said["instanceType"] = instance_type
    template = claim_template(naming, placed)
    if template is not None:
        said["pvcNameTemplate"] = template
        if volumes := volume_template(naming, placed):
            said["volumeNameTemplate"] = volumes
    elif placed.inventory.product == "vsphere":
        said["pvcNameTemplate"] = other_claim_template(placed, name)
    return said
