"""From the estate to Kubernetes resources, with an account of every property.

    Estate + Target + SiteMapping + Assessment  ──>  Translation: manifests, ledger, questions

A file per concept of the terminology mapping; the rows themselves are in ``mappings/terms``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mtv.errors import ConfigError
from mtv.estate import Estate, PlacedVm, ref
from mtv.mappings import guest_system
from mtv.model.concern import Assessment, Readiness
from mtv.model.ledger import Ledger
from mtv.model.target import SiteMapping, Target
from mtv.names import label, vm_names
from mtv.translate.compute import namespace_manifest, virtual_machine
from mtv.translate.ledger import account
from mtv.translate.network import interface_state_is_known
from mtv.translate.storage import claim

Manifest = dict[str, Any]
"""One Kubernetes object as plain data, keys in the order they are to be written."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Something that keeps a VM from being translated until a person decides it."""

    ref: str
    name: str
    says: str


class TranslatedVm(msgspec.Struct, frozen=True, kw_only=True):
    """A VM's manifests: its VirtualMachine first, then one claim per disk."""

    ref: str
    name: str
    manifests: tuple[Manifest, ...]


class Translation(msgspec.Struct, frozen=True, kw_only=True):
    """All that one translation gives."""

    namespace: Manifest
    vms: tuple[TranslatedVm, ...]
    blocked: tuple[str, ...]
    """Refs that the assessment blocks."""
    questions: tuple[Question, ...]
    ledger: Ledger


def translate(
    estate: Estate,
    target: Target,
    mapping: SiteMapping,
    assessment: Assessment,
    kept_names: Mapping[str, str] | None = None,
) -> Translation:
    """Translates every VM that the assessment lets pass and the mapping covers.

    VMs of a source that only describes them (``Inventory.assessment_only``) are left out.

    ``kept_names``: ref -> name of VMs that are planned already.

    Raises ConfigError for a namespace or version that cannot be one.
    """
    if label(mapping.namespace) != mapping.namespace:
        raise ConfigError(
            f"mapping.yaml: namespace: {mapping.namespace!r} cannot be a namespace's name",
            "use at most 63 of a-z, 0-9 and '-'; the first and last no '-'",
        )
    interface_state_is_known(target)
    verdicts = {vm.ref: vm.readiness for vm in assessment.vms}
    names = vm_names(estate.vms(), kept_names)
    blocked, questions, translated = list[str](), list[Question](), list[TranslatedVm]()
    for placed in estate.vms():
        if placed.inventory.assessment_only:
            continue
        if verdicts.get(placed.ref) is Readiness.BLOCKED:
            blocked.append(placed.ref)
            continue
        if placed.vm.is_template:
            continue
        name = names[placed.ref]
        open_ones = [
            Question(ref=placed.ref, name=placed.vm.name, says=says)
            for says in _open_questions(placed, target, mapping, placed.ref in verdicts)
        ]
        questions += open_ones
        if not open_ones:
            manifests = _manifests(placed, name, target, mapping)
            translated.append(TranslatedVm(ref=placed.ref, name=name, manifests=manifests))
    return Translation(
        namespace=namespace_manifest(mapping.namespace),
        vms=tuple(translated),
        blocked=tuple(blocked),
        questions=tuple(questions),
        ledger=account(estate),
    )


def _manifests(
    placed: PlacedVm, name: str, target: Target, mapping: SiteMapping
) -> tuple[Manifest, ...]:
    classes = {each.name: each for each in target.storage_classes}
    chosen = {key: value for key, value in mapping.storage.items() if value is not None}
    claims = tuple(
        claim(
            placed,
            disk,
            name,
            mapping.namespace,
            classes[chosen[ref(placed.inventory, disk.datastore or "")]],
        )
        for disk in placed.vm.disks
    )
    system = guest_system(placed.vm.guest_id)
    return (virtual_machine(placed, name, mapping, system), *claims)


def _open_questions(
    placed: PlacedVm, target: Target, mapping: SiteMapping, assessed: bool
) -> Iterator[str]:
    """What is still to be decided before the VM can be translated, as sentences."""
    if not assessed:
        yield "it has not been assessed: run mtv assess again"
    classes = {each.name for each in target.storage_classes}
    for datastore in dict.fromkeys(disk.datastore or "" for disk in placed.vm.disks):
        key = ref(placed.inventory, datastore)
        chosen = mapping.storage.get(key)
        if chosen is None:
            yield f"mapping.yaml: storage: {key} has no StorageClass"
        elif chosen not in classes:
            yield f"mapping.yaml: storage: {key}: target.yaml has no StorageClass {chosen!r}"
    networks = {"pod", *(each.name for each in target.networks)}
    for network in dict.fromkeys(nic.network or "" for nic in placed.vm.nics):
        key = ref(placed.inventory, network)
        chosen = mapping.networks.get(key)
        if chosen is None:
            yield f"mapping.yaml: networks: {key} has no network"
        elif chosen not in networks:
            yield f"mapping.yaml: networks: {key}: target.yaml has no network {chosen!r}"
    pods = [nic for nic in placed.vm.nics if mapping.networks.get(_nic_key(placed, nic)) == "pod"]
    if len(pods) > 1:
        yield "several of its NICs are mapped to the pod network, which a VM can have only once"
    if not interface_state_is_known(target):
        for nic in placed.vm.nics:
            if not nic.connected_at_power_on:
                yield (
                    f"{nic.label} does not connect at power-on, which OpenShift {target.openshift} "
                    "cannot say (since 4.19): connect or remove it at the source"
                )


def _nic_key(placed: PlacedVm, nic: Any) -> str:
    return ref(placed.inventory, nic.network or "")
