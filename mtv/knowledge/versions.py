"""What each version of the target knows (``mappings/versions.yaml``).

The rules ask it before they write a field that not every version has, and the tests make the
schemas of all versions from it: one table, so that the two cannot drift.
"""

import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

import msgspec

from mtv.errors import ConfigError
from mtv.mappings import read_yaml


class Difference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind, field or value that not every version has. ``until`` is the last one that has it."""

    kind: str
    api: str
    """Group and version: ``kubevirt.io/v1``; ``v1`` for the core."""
    field: str = ""
    """Path of the field, ``spec.profiles[]``; empty for the kind itself."""
    value: str | None = None
    """One value of the field; None for the field with all its values."""
    since: str | None = None
    until: str | None = None
    schema: dict[str, Any] | None = None
    """The field's JSON Schema, where the schemas that the tests start from lack it."""
    seen: str = ""
    """Where it was taken from."""

    def is_in(self, openshift: str) -> bool:
        """True when a version, ``4.20``, has what this is about."""
        number = _number(openshift)
        return not (
            (self.since is not None and number < _number(self.since))
            or (self.until is not None and number > _number(self.until))
        )


class Parts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which versions of its parts an OpenShift with OpenShift Virtualization has."""

    openshift: str
    kubernetes: str
    hyperconverged: str
    kubevirt: str
    cdi: str
    descheduler: str


class Versions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mappings/versions.yaml``."""

    releases: tuple[Parts, ...]
    differences: tuple[Difference, ...]


class Release(msgspec.Struct, frozen=True, dict=True):
    """One version of the target."""

    parts: Parts
    differences: tuple[Difference, ...]

    @property
    def openshift(self) -> str:
        """``4.20``."""
        return self.parts.openshift

    def knows(self, kind: str, field: str = "", value: str | None = None) -> bool:
        """True when this version has the kind, the field of it, and the value of that field.

        What no row of the table names is in every version.
        """
        return not any(
            each.field == "" or (_is_within(field, each.field) and each.value in (None, value))
            for each in self._lacking.get(kind, ())
        )

    @cached_property
    def _lacking(self) -> dict[str, tuple[Difference, ...]]:
        missing = dict[str, tuple[Difference, ...]]()
        for each in self.differences:
            if not each.is_in(self.openshift):
                missing[each.kind] = (*missing.get(each.kind, ()), each)
        return missing


def _is_within(field: str, of: str) -> bool:
    return field == of or field.startswith((f"{of}.", f"{of}["))


def _number(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)


@cache
def versions() -> Versions:
    """The whole table."""
    said = read_yaml("versions.yaml")
    rows = [each for row in said["differences"] for each in _by_field(row)]
    return msgspec.convert({**said, "differences": rows}, Versions)


def _by_field(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row with ``fields`` as one for each of them."""
    rest = {name: value for name, value in row.items() if name != "fields"}
    yield from ({**rest, "field": field} for field in row["fields"]) if "fields" in row else [rest]


def release(openshift: str) -> Release:
    """The release of an OpenShift version, ``4.20`` or ``4.20.3``.

    Raises ConfigError for what is no version, or none that mtv knows.
    """
    matched = re.match(r"(\d+\.\d+)(\.|\Z)", openshift)
    if matched is None:
        raise ConfigError(
            f"target.yaml: openshift: expected a version, got {openshift!r}",
            'write major and minor in quotes, for example openshift: "4.20"',
        )
    known = {parts.openshift: parts for parts in versions().releases}
    parts = known.get(matched[1])
    if parts is None:
        raise ConfigError(
            f"target.yaml: openshift: {openshift} is no version that mtv knows",
            f"it knows {', '.join(known)}; write the nearest and check the manifests by hand",
        )
    return Release(parts, versions().differences)
