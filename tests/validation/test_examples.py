"""Every kind that mtv writes: versions take what they should, and no change goes unnoticed."""

from typing import Any

import pytest

from mtv.knowledge.versions import release, versions
from tests.real.schemas import require_schemas
from tests.validation import faults
from tests.validation.examples import ABSENT, Example, at, examples, places
from tests.validation.releases import kinds
from tests.validation.schema import Node

require_schemas()

OPENSHIFT = [parts.openshift for parts in versions().releases]
NEWEST = OPENSHIFT[-1]


def newest_for(each: Example) -> str:
    return next(version for version in reversed(OPENSHIFT) if each.is_for(version))


def node_at(each: Example, path: tuple[Any, ...]) -> Node | None:
    """The schema of a place; None where none says what may stand there."""
    known = kinds(newest_for(each))
    node: Node | None = known.node(each.manifest["apiVersion"], each.manifest["kind"])
    for step in path:
        if node is None:
            return None
        node = node.items if isinstance(step, int) else node.properties.get(step) or node.extra
    return node


BY_NAME = [pytest.param(each, id=each.name.replace(" ", "-")) for each in examples()]


@pytest.mark.parametrize("openshift", OPENSHIFT)
def test_the_versions_that_have_it_take_it(openshift: str) -> None:
    found = {
        each.name: faults(each.manifest, release(openshift))
        for each in examples()
        if each.is_for(openshift)
    }
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize("openshift", OPENSHIFT)
def test_the_other_versions_refuse_it(openshift: str) -> None:
    taken = [
        each.name
        for each in examples()
        if not each.is_for(openshift) and not faults(each.manifest, release(openshift))
    ]
    assert taken == []


def test_there_is_an_example_of_every_kind() -> None:
    shown = {(each.manifest["apiVersion"], each.manifest["kind"]) for each in examples()}
    assert shown == set(kinds(NEWEST).names())


@pytest.mark.parametrize("each", BY_NAME)
def test_an_unknown_field_is_seen_everywhere(each: Example) -> None:
    of = release(newest_for(each))
    missed = [
        path
        for path, value in places(each.manifest)
        if isinstance(value, dict)
        and not faults(at(each.manifest, (*path, "madeUp"), {"a": 1}), of)
    ]
    assert missed == []


@pytest.mark.parametrize("each", BY_NAME)
def test_a_value_of_a_wrong_type_is_seen_everywhere(each: Example) -> None:
    of = release(newest_for(each))
    missed = list[Any]()
    for path, value in places(each.manifest):
        wrong: list[Any] = [[{"a": []}], "text" if isinstance(value, dict) else {"madeUp": True}]
        node = node_at(each, path)
        if node is None or not node.nullable:
            wrong.append(None)
        missed += [(path, new) for new in wrong if not faults(at(each.manifest, path, new), of)]
    assert missed == []


@pytest.mark.parametrize("each", BY_NAME)
def test_a_missing_field_is_seen_where_it_has_to_be_there(each: Example) -> None:
    of = release(newest_for(each))
    required = [
        path
        for path, _ in places(each.manifest)
        if (holder := node_at(each, path[:-1])) is not None and path[-1] in holder.required
    ]
    missed = [path for path in required if not faults(at(each.manifest, path, ABSENT), of)]
    assert missed == []
    assert faults(at(each.manifest, ("metadata",), ABSENT), of)


@pytest.mark.parametrize("each", BY_NAME)
def test_what_a_schema_limits_is_seen(each: Example) -> None:
    """Values beyond each enum, pattern and limit that an example comes across."""
    of = release(newest_for(each))
    missed = list[Any]()
    for path, value in places(each.manifest):
        node = node_at(each, path)
        for wrong in [] if node is None else beyond(node, value):
            if not faults(at(each.manifest, path, wrong), of):
                missed.append((path, wrong))
    assert missed == []


def beyond(node: Node, value: Any) -> list[Any]:
    found = list[Any]()
    limits = node.limits
    if isinstance(value, str):
        if node.enum is not None or node.lacks:
            found.append("madeUp" if node.enum is not None else next(iter(node.lacks)))
        if node.pattern is not None and not node.pattern.search("\n"):
            found.append("\n")
        if "maxLength" in limits:
            found.append("a" * (limits["maxLength"] + 1))
        if limits.get("minLength"):
            found.append("")
        if node.format == "date-time":
            found.append("yesterday")
        return found
    if isinstance(value, int) and not isinstance(value, bool):
        found += [limits["minimum"] - 1] if "minimum" in limits else []
        found += [limits["maximum"] + 1] if "maximum" in limits else []
        found += [2**31] if node.format == "int32" else []
        found += [2**63] if node.format == "int64" else []
    if isinstance(value, list) and value:
        found += [value * (limits["maxItems"] + 1)] if "maxItems" in limits else []
        found += [[]] if limits.get("minItems") else []
        found += [[*value, value[0]]] if node.keys or node.is_set else []
    if isinstance(value, dict):
        found += [{}] if limits.get("minProperties") else []
    return found


def test_a_kind_that_nobody_knows_is_refused() -> None:
    said = faults(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}, release(NEWEST)
    )
    assert said == ["Secret a: v1 on OpenShift 4.22: there is no schema of it"]
    assert faults({"metadata": {"name": "a"}}, release(NEWEST)) == [
        "? a: apiVersion or kind is missing"
    ]


def test_a_kind_of_a_later_version_is_said_to_be_one() -> None:
    plan = next(e for e in examples() if e.manifest["kind"] == "VirtualMachineStorageMigrationPlan")
    (said,) = faults(plan.manifest, release("4.20"))
    assert said.endswith("on OpenShift 4.20: is there since OpenShift 4.21")
