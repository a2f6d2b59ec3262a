"""What each concept gives to a translation: manifests, findings, and parts of VirtualMachines."""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from mtv.estate import PlacedVm
from mtv.model.finding import Finding

Manifest = dict[str, Any]
"""One Kubernetes object as plain data, keys in the order they are to be written."""

MANAGED_BY = {"app.kubernetes.io/managed-by": "mtv"}
"""Label of everything that mtv writes."""


class VmPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one concept adds to a VirtualMachine."""

    labels: dict[str, str] = {}
    """Of the VirtualMachine."""
    annotations: dict[str, str] = {}
    template_labels: dict[str, str] = {}
    """Of its pods: what selectors of rules, services and policies see."""
    template_annotations: dict[str, str] = {}
    vm_spec: dict[str, Any] = {}
    """Fields of ``spec``, beside the template: ``{"runStrategy": "Always"}``."""
    spec: dict[str, Any] = {}
    """Fields of ``spec.template.spec``: ``{"evictionStrategy": "LiveMigrate"}``."""
    domain: dict[str, Any] = {}
    """Fields of ``spec.template.spec.domain``: what is in it already and this are joined, lists one
    after the other."""
    obstacles: tuple[str, ...] = ()
    """Why it will not be live-migratable, each as a sentence."""


class Concept(Protocol):
    """One concept, translated for a whole site.

    It is made once (``Concept(site)``) and then asked for every VM.
    """

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """The platform's part of it."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a person has to know or decide."""

    def of(self, placed: PlacedVm) -> VmPart:
        """What it adds to one VM."""


class AroundVms:
    """Base of a concept that makes objects around VMs and adds nothing to the VMs themselves."""

    def of(self, placed: PlacedVm) -> VmPart:
        """Nothing."""
        del placed
        return VmPart()


def together(parts: Iterable[VmPart]) -> VmPart:
    """All parts of one VM as one; no two concepts may write the same field."""
    whole = VmPart()
    for part in parts:
        whole = VmPart(
            labels=joined(whole.labels, part.labels),
            annotations=joined(whole.annotations, part.annotations),
            template_labels=joined(whole.template_labels, part.template_labels),
            template_annotations=joined(whole.template_annotations, part.template_annotations),
            vm_spec=joined(whole.vm_spec, part.vm_spec),
            spec=joined(whole.spec, part.spec),
            domain=joined(whole.domain, part.domain),
            obstacles=(*whole.obstacles, *part.obstacles),
        )
    return whole


def merged(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Manifests of the same object as one: several concepts have a say in a HyperConverged.

    In the order of kind, namespace and name.
    """
    whole = dict[tuple[str, str, str], Manifest]()
    for each in manifests:
        about = each["metadata"]
        place = (each["kind"], about.get("namespace", ""), about["name"])
        whole[place] = joined(whole[place], each) if place in whole else each
    return tuple(each for _, each in sorted(whole.items(), key=lambda item: item[0]))


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both dictionaries; dictionaries inside of them (affinity, cpu) are joined too."""
    if not one or not other:
        return one or other
    whole = dict(one)
    for key, value in other.items():
        if key not in whole:
            whole[key] = value
        elif isinstance(value, dict):
            whole[key] = joined(whole[key], value)
        elif isinstance(value, list):
            whole[key] = [*whole[key], *value]
        elif whole[key] != value:
            raise AssertionError(f"two concepts write {key}: {whole[key]!r} and {value!r}")
    return whole


def metadata(name: str, namespace: str | None = None, **annotations: str) -> dict[str, Any]:
    """The metadata of an object of ours; keys of ``annotations`` get our prefix."""
    made: dict[str, Any] = {"name": name}
    if namespace is not None:
        made["namespace"] = namespace
    made["labels"] = dict(MANAGED_BY)
    said = {f"mtv.migration/{key.replace('_', '-')}": text for key, text in annotations.items()}
    if said:
        made["annotations"] = said
    return made


def hyper_converged(spec: dict[str, Any]) -> Manifest:
    """A part of the HyperConverged that configures OpenShift Virtualization (``hco.kubevirt.io``).

    Always v1beta1, which every version has. The object is the operator's: it gets no label of ours.
    """
    return {
        "apiVersion": "hco.kubevirt.io/v1beta1",
        "kind": "HyperConverged",
        "metadata": {"name": "kubevirt-hyperconverged", "namespace": "openshift-cnv"},
        "spec": spec,
    }
