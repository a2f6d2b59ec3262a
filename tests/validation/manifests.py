"""One manifest, checked in every way."""

from collections.abc import Callable, Iterator
from typing import Any

from mtv.knowledge.versions import Release
from tests.validation import attachments, host_networks, names, schema, virtual_machines
from tests.validation.releases import kinds

Manifest = dict[str, Any]

POLICY_FOR = "k8s.v1.cni.cncf.io/policy-for"


def _policy_faults(manifest: Manifest) -> Iterator[str]:
    """A MultiNetworkPolicy is about the networks that its annotation names."""
    if not (manifest["metadata"].get("annotations") or {}).get(POLICY_FOR):
        yield f"metadata.annotations: {POLICY_FOR} is missing"


INSIDE: dict[str, Callable[[Manifest], Iterator[str]]] = {
    "VirtualMachine": virtual_machines.faults,
    "NetworkAttachmentDefinition": attachments.faults,
    "NodeNetworkConfigurationPolicy": host_networks.faults,
    "MultiNetworkPolicy": _policy_faults,
}
"""Kind -> what a schema cannot say of it."""


def faults(manifest: Manifest, release: Release) -> list[str]:
    """What a server of this version refuses or drops of a manifest, a sentence each.

    Raises PartMissing when the schemas are not here.
    """
    return [f"{title(manifest)}: {each}" for each in _faults(manifest, release)]


def title(manifest: Any) -> str:
    """``VirtualMachine shop/web01``."""
    if not isinstance(manifest, dict):
        return "?"
    metadata = manifest.get("metadata")
    about = metadata if isinstance(metadata, dict) else {}
    name = "/".join(str(about[key]) for key in ("namespace", "name") if key in about)
    return f"{manifest.get('kind', '?')} {name or '?'}"


def _faults(manifest: Any, release: Release) -> Iterator[str]:
    if not isinstance(manifest, dict):
        yield "is no mapping"
        return
    api, kind = manifest.get("apiVersion"), manifest.get("kind")
    if not isinstance(api, str) or not isinstance(kind, str):
        yield "apiVersion or kind is missing"
        return
    known = kinds(release.openshift)
    found = known.find(api, kind)
    if found is None:
        lacking = known.lacking(api, kind) or "there is no schema of it"
        yield f"{api} on OpenShift {release.openshift}: {lacking}"
        return
    node = known.node(api, kind)
    structural = [
        *names.name_faults(manifest, namespaced=found.namespaced),
        *schema.faults(node, manifest),
    ]
    yield from structural
    # Rules, and what is checked in code, may rely on the structure.
    if not structural:
        yield from schema.rule_faults(node, schema.with_defaults(node, manifest))
        if kind in INSIDE:
            yield from INSIDE[kind](manifest)
