"""The table of versions fits the schemas, and each of its rows changes them."""

import pytest

from mtv.knowledge.versions import Difference, Release, release, versions
from tests.real.schemas import own, require_schemas, schemas
from tests.validation import schema
from tests.validation.examples import changed, example
from tests.validation.releases import Kinds, NoSuchField, kinds, path_of
from tests.validation.schema import Node

require_schemas()

OPENSHIFT = [parts.openshift for parts in versions().releases]


def node_of(openshift: str, each: Difference) -> Node | None:
    """The schema of what a row is about; None where the version has none."""
    known = kinds(openshift)
    if known.find(each.api, each.kind) is None:
        return None
    node: Node | None = known.node(each.api, each.kind)
    for step in path_of(each.field) if each.field else ():
        if node is None:
            return None
        if step == "[]":
            node = node.items
        else:
            node = node.extra if step == "{}" else node.properties.get(step)
    return node


def title(each: Difference) -> str:
    return "-".join(filter(None, (each.kind, each.field.rpartition(".")[2], each.value)))


@pytest.mark.parametrize("openshift", OPENSHIFT)
@pytest.mark.parametrize("each", [pytest.param(e, id=title(e)) for e in versions().differences])
def test_a_row_says_what_the_schemas_have(each: Difference, openshift: str) -> None:
    node = node_of(openshift, each)
    if each.value is None:
        assert (node is not None) == each.is_in(openshift)
    elif node is not None:
        said = list(schema.faults(node, each.value))
        assert (said == []) == each.is_in(openshift), said
    assert release(openshift).knows(each.kind, each.field, each.value) == (
        node is not None and each.is_in(openshift)
    )


@pytest.mark.parametrize("each", [pytest.param(e, id=title(e)) for e in versions().differences])
def test_a_row_says_where_it_was_seen(each: Difference) -> None:
    assert each.seen
    assert each.since or each.until


def test_no_row_is_there_twice() -> None:
    keys = [(each.api, each.kind, each.field, each.value) for each in versions().differences]
    assert len(set(keys)) == len(keys)


def kinds_with(*rows: Difference) -> Kinds:
    return Kinds(Release(versions().releases[0], rows))


def row(field: str, **more: object) -> Difference:
    about = {"kind": "KubeDescheduler", "api": "operator.openshift.io/v1", "since": "4.19", **more}
    return Difference(field=field, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [row("spec.madeUp"), row("spec.madeUp.deeper"), row("spec.profiles[].deeper"), row("{}.a")],
)
def test_a_row_about_nothing_is_an_error(wrong: Difference) -> None:
    with pytest.raises(NoSuchField):
        kinds_with(wrong).schema(wrong.api, wrong.kind)


def test_a_schema_is_for_what_the_cluster_lacks() -> None:
    """Else the row would hide what the cluster's definition says."""
    without = Kinds(Release(versions().releases[0], ()))
    for each in versions().differences:
        if each.schema is None:
            continue
        node: Node | None = without.node(each.api, each.kind)
        for step in path_of(each.field):
            assert node is not None
            node = node.items if step == "[]" else node.properties.get(step)
        assert node is None, each.field


def test_a_field_of_a_later_version_is_said_to_be_one() -> None:
    from tests.validation import faults

    vm = changed(example("virtual machine"), ("spec.template.spec.domain.rebootPolicy", "Reboot"))
    (said,) = faults(vm, release("4.20"))
    assert said.endswith("domain.rebootPolicy: is there since OpenShift 4.22")
    balancing = faults(example("balancing"), release("4.19"))
    assert [each.partition(": ")[2] for each in balancing] == [
        "spec.profiles[0]: 'KubeVirtRelieveAndMigrate' is there since OpenShift 4.20",
        "spec.evictionLimits.node: is there since OpenShift 4.20",
    ]


def test_one_version_does_not_change_another() -> None:
    before = kinds("4.22").schema("kubevirt.io/v1", "VirtualMachine")
    kinds("4.18").schema("kubevirt.io/v1", "VirtualMachine")
    assert kinds("4.22").schema("kubevirt.io/v1", "VirtualMachine") == before


def test_every_version_of_the_table_has_the_schemas_of_its_kubernetes() -> None:
    assert {parts.kubernetes for parts in versions().releases} <= schemas().kubernetes.keys()


def test_what_is_added_is_added_to_something() -> None:
    every = {each.kind for each in (*schemas().kinds, *own().kinds)}
    for kubernetes in schemas().kubernetes.values():
        every |= kubernetes.definitions.keys()
    assert own().additions.keys() <= every


def test_own_kinds_are_not_the_clusters() -> None:
    assert not {(each.api, each.kind) for each in own().kinds} & {
        (each.api, each.kind) for each in schemas().kinds
    }
