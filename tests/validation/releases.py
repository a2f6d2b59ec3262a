"""The kinds of each version of the target: the schemas put aside, changed by the table of versions.

``mappings/versions.yaml`` is the table that the product asks too, so that a field which it writes
and the field that is checked cannot drift apart.
"""

import copy
import functools
from collections.abc import Mapping
from typing import Any

from mtv.knowledge.versions import Difference, Release, release
from tests.real.schemas import Kind, own, schemas
from tests.validation.schema import Node, Schema, compiled, resolved

LISTS_THAT_GROW = ("required", "x-kubernetes-validations")


class NoSuchField(LookupError):
    """A row of the table names a field that no schema has."""


class Kinds:
    """The kinds of one version of the target."""

    def __init__(self, release: Release) -> None:
        kubernetes = schemas().kubernetes[release.parts.kubernetes]
        self._release = release
        self._definitions: dict[str, Schema] = {
            name: merged(schema, own().additions[name]) if name in own().additions else schema
            for name, schema in kubernetes.definitions.items()
        }
        self._kinds = {
            (each.api, each.kind): each
            for each in (*schemas().kinds, *kubernetes.kinds, *own().kinds)
        }
        self._nodes = dict[tuple[str, str], Node]()

    def find(self, api: str, kind: str) -> Kind | None:
        """What is known of a kind; None when this version does not have it."""
        known = self._kinds.get((api, kind))
        return None if known is None or self.lacking(api, kind) else known

    def lacking(self, api: str, kind: str) -> str:
        """Why this version does not have a kind that others have; empty when it has it."""
        return next(
            (
                _says(each)
                for each in self._differences(api, kind)
                if not each.field and not each.is_in(self._release.openshift)
            ),
            "",
        )

    def names(self) -> list[tuple[str, str]]:
        """API and kind of all kinds that this version has."""
        return sorted(key for key in self._kinds if not self.lacking(*key))

    def node(self, api: str, kind: str) -> Node:
        """The compiled schema of a kind. Raises KeyError for one that is not known."""
        key = (api, kind)
        if key not in self._nodes:
            self._nodes[key] = compiled(self.schema(api, kind), self._definitions)
        return self._nodes[key]

    def schema(self, api: str, kind: str) -> dict[str, Any]:
        """The schema of a kind in this version. Raises KeyError, NoSuchField."""
        known = self._kinds[api, kind]
        schema = copy.deepcopy(dict(resolved(known.schema, self._definitions)))
        schema = merged(schema, copy.deepcopy(own().additions.get(kind, {})))
        # Of every kind it is the same; the cluster's has it in outline only.
        schema["properties"]["metadata"] = {
            "$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
        }
        for each in self._differences(api, kind):
            if each.field:
                _apply(self._release.openshift, each, schema, self._definitions)
        return schema

    def _differences(self, api: str, kind: str) -> list[Difference]:
        return [each for each in self._release.differences if (each.api, each.kind) == (api, kind)]


@functools.cache
def kinds(openshift: str) -> Kinds:
    """The kinds of a version, ``4.20``. Raises PartMissing when the schemas are not here."""
    return Kinds(release(openshift))


def merged(schema: Schema, addition: Schema) -> dict[str, Any]:
    """A copy of a schema with a fragment put into it."""
    result = dict(schema)
    for name, value in addition.items():
        there = result.get(name)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            result[name] = merged(there, value)
        elif name in LISTS_THAT_GROW:
            result[name] = [*(there or ()), *(each for each in value if each not in (there or ()))]
        else:
            result[name] = value
    return result


def _apply(
    openshift: str, each: Difference, schema: dict[str, Any], definitions: Mapping[str, Schema]
) -> None:
    """Change a kind's schema by one row. Raises NoSuchField."""
    *steps, last = path_of(each.field)
    holder = schema
    for step in steps:
        below = _step(holder, step, definitions)
        if below is None:
            raise NoSuchField(f"{each.kind}: {each.field}: there is no {step}")
        holder = below
    there = _step(holder, last, definitions)
    if there is None and (each.schema is None or each.value is not None):
        raise NoSuchField(f"{each.kind}: {each.field}: there is no {last}")
    if each.value is not None:
        assert there is not None
        _apply_value(openshift, each, there)
    elif not each.is_in(openshift):
        holder.get("properties", {}).pop(last, None)
        holder["required"] = [name for name in holder.get("required") or () if name != last]
        holder.setdefault("x-mtv-lacks", {})[last] = _says(each)
    elif there is None:
        holder.setdefault("properties", {})[last] = copy.deepcopy(each.schema)


def _apply_value(openshift: str, each: Difference, there: dict[str, Any]) -> None:
    known = there.get("enum")
    if not each.is_in(openshift):
        there.setdefault("x-mtv-lacks", {})[each.value] = _says(each)
    elif known is not None and each.value not in known:
        there["enum"] = [*known, each.value]


def path_of(field: str) -> list[str]:
    """``spec.disks[].bus`` -> ``spec``, ``disks``, ``[]``, ``bus``."""
    return field.replace("[]", ".[]").replace("{}", ".{}").split(".")


WORDS = {"[]": "items", "{}": "additionalProperties"}


def _step(
    schema: dict[str, Any], step: str, definitions: Mapping[str, Schema]
) -> dict[str, Any] | None:
    """The schema below, in which what it refers to has been put as a copy."""
    holder = schema if step in WORDS else schema.get("properties") or {}
    name = WORDS.get(step, step)
    found = holder.get(name)
    if not isinstance(found, dict):
        return None
    if resolved(found, definitions) is not found:
        found = holder[name] = copy.deepcopy(dict(resolved(found, definitions)))
    return found


def _says(each: Difference) -> str:
    if each.since is not None and each.until is not None:
        return f"is there from OpenShift {each.since} to {each.until}"
    return (
        f"is there since OpenShift {each.since}"
        if each.since is not None
        else f"was there until OpenShift {each.until}"
    )
