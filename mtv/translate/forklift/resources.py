"""The shape that all of Forklift's resources have, and their names."""

from typing import Any

from mtv.translate.part import Manifest, metadata

API = "forklift.konveyor.io/v1beta1"
DESTINATION = "host"
"""The Provider that the operator makes for the cluster it runs in."""

LONGEST_NAME = 253
"""Names of the source beside an id are for people: a longer one says nothing more."""


def resource(
    kind: str, name: str, namespace: str, spec: dict[str, Any], **annotations: str
) -> Manifest:
    """One resource; keys of ``annotations`` get our prefix, and empty ones are left out."""
    said = {key: text for key, text in annotations.items() if text}
    return {
        "apiVersion": API,
        "kind": kind,
        "metadata": metadata(name, namespace, **said),
        "spec": spec,
    }


def reference(name: str, namespace: str) -> dict[str, str]:
    """A reference to another resource."""
    return {"name": name, "namespace": namespace}


def providers(source: str, namespace: str) -> dict[str, Any]:
    """Where from and where to."""
    return {
        "source": reference(source, namespace),
        "destination": reference(DESTINATION, namespace),
    }


def source_object(id_: str, name: str) -> dict[str, str]:
    """An object of the source: its id finds it, its name is for people."""
    known = name and name.isprintable() and len(name) <= LONGEST_NAME
    return {"id": id_, **({"name": name} if known else {})}
