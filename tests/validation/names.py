"""The syntax of names, labels, annotations and selectors."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
LONGEST_LABEL = 63
LONGEST_NAME = 253
LARGEST_ANNOTATIONS = 256 * 1024

WITH_VALUES = ("In", "NotIn")
WITHOUT_VALUES = ("Exists", "DoesNotExist")
WITH_NUMBER = ("Gt", "Lt")


def is_label(text: Any) -> bool:
    """True for an RFC 1123 label: at most 63 of a-z, 0-9 and ``-``."""
    return isinstance(text, str) and len(text) <= LONGEST_LABEL and bool(LABEL.match(text))


def is_name(text: Any) -> bool:
    """True for an RFC 1123 subdomain: labels with dots between, at most 253 characters."""
    return (
        isinstance(text, str)
        and len(text) <= LONGEST_NAME
        and all(LABEL.match(part) for part in text.split("."))
    )


def is_qualified(key: Any) -> bool:
    """True for the key of a label or annotation: ``[prefix/]name``."""
    if not isinstance(key, str):
        return False
    prefix, slash, name = key.rpartition("/")
    return (
        len(name) <= LONGEST_LABEL
        and bool(QUALIFIED.match(name))
        and (not slash or is_name(prefix))
    )


def is_label_value(value: Any) -> bool:
    """True for the value of a label, which may be empty."""
    return isinstance(value, str) and (
        not value or (len(value) <= LONGEST_LABEL and bool(QUALIFIED.match(value)))
    )


def label_faults(labels: Any, path: str) -> Iterator[str]:
    """What is wrong with a map of labels, or of labels to be matched."""
    if not isinstance(labels, Mapping):
        return
    for key, value in labels.items():
        if not is_qualified(key):
            yield f"{path}: {key!r} is no key of a label"
        if not is_label_value(value):
            yield f"{path}: {key}: {value!r} is no value of a label"


def annotation_faults(annotations: Any, path: str) -> Iterator[str]:
    """What is wrong with a map of annotations."""
    if not isinstance(annotations, Mapping):
        return
    for key, value in annotations.items():
        # Unlike those of labels they may have capitals in the prefix.
        if not is_qualified(key.lower() if isinstance(key, str) else key):
            yield f"{path}: {key!r} is no key of an annotation"
        if not isinstance(value, str):
            yield f"{path}: {key}: {value!r} is no text"
    if sum(len(f"{key}{value}".encode()) for key, value in annotations.items()) > (
        LARGEST_ANNOTATIONS
    ):
        yield f"{path}: more than 256 KiB"


def requirement_faults(requirement: Any, path: str, *, numbers: bool) -> Iterator[str]:
    """What is wrong with one of ``matchExpressions``; ``numbers``: of nodes, with Gt and Lt."""
    if not isinstance(requirement, Mapping):
        return
    operator, values = requirement.get("operator"), requirement.get("values") or []
    if "key" in requirement and not is_qualified(requirement["key"]):
        yield f"{path}.key: {requirement['key']!r} is no key of a label"
    if operator in WITH_VALUES:
        if not values:
            yield f"{path}: {operator} needs values"
        yield from (
            f"{path}.values: {value!r} is no value of a label"
            for value in values
            if not is_label_value(value)
        )
    elif operator in WITHOUT_VALUES:
        if values:
            yield f"{path}: {operator} has no values"
    elif numbers and operator in WITH_NUMBER:
        if len(values) != 1 or not str(values[0]).isdigit():
            yield f"{path}: {operator} needs one number"
    else:
        yield f"{path}.operator: {operator!r} is none"


SET_BY_THE_SERVER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)


def metadata_faults(metadata: Any, path: str) -> Iterator[str]:
    """What is wrong with labels, annotations and what only a server sets; of templates too."""
    if not isinstance(metadata, Mapping):
        return
    yield from label_faults(metadata.get("labels"), f"{path}.labels")
    yield from annotation_faults(metadata.get("annotations"), f"{path}.annotations")
    for field in SET_BY_THE_SERVER:
        if field in metadata:
            yield f"{path}.{field}: the server sets it"


RBAC = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def name_faults(manifest: Mapping[str, Any], *, namespaced: bool) -> Iterator[str]:
    """What is wrong with the name and namespace of an object."""
    kind, metadata = manifest["kind"], manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        yield "metadata: is missing"
        return
    name, prefix = metadata.get("name"), metadata.get("generateName")
    if (name is None) == (prefix is None):
        yield "metadata: either name or generateName"
    elif not _is_name_of(kind, name if prefix is None else f"{prefix}00000"):
        yield f"metadata: {name or prefix!r} is no name of a {kind}"
    namespace = metadata.get("namespace")
    if not namespaced and namespace is not None:
        yield f"metadata.namespace: a {kind} has none"
    if namespaced and namespace is None:
        yield f"metadata.namespace: a {kind} needs one"
    if namespace is not None and not is_label(namespace):
        yield f"metadata.namespace: {namespace!r} is no name of a namespace"


def _is_name_of(kind: str, name: Any) -> bool:
    if kind in RBAC:
        return isinstance(name, str) and name not in ("", ".", "..") and not set("/%") & set(name)
    if kind == "Service":
        return is_label(name) and name[0].isalpha()
    if kind == "Namespace":
        return is_label(name)
    return is_name(name)
