"""Tags, categories, attributes: labels and annotations, and what becomes of the rest."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.estate import Estate
from mtv.model.concern import Category
from mtv.model.organisation import (
    CustomField,
    Datacenter,
    Folder,
    PlatformOption,
    Tag,
    TagCategory,
)
from mtv.model.quantity import Setting
from mtv.translate import Translation
from mtv.translate.organisation.labels import RHV_ROOT, Attributes, Tags, distinct, label_text
from tests.estates import inventory, plain_target, plain_vm, translated_inventory
from tests.validation import names

CATEGORIES = (
    TagCategory(id="cat-env", name="env", single=True),
    TagCategory(id="cat-app", name="app", single=False),
    TagCategory(id="cat-odd", name="Kosten stelle/ä", single=True),
)
TAGS = (
    Tag(id="tag-prod", name="prod", category="cat-env"),
    Tag(id="tag-shop", name="shop", category="cat-app"),
    Tag(id="tag-bank", name="bank", category="cat-app"),
    Tag(id="tag-odd", name="47 11!", category="cat-odd"),
)


def machine(**changes: Any) -> dict[str, Any]:
    """The VirtualMachine of a VM in an estate with these tags."""
    whole = inventory(plain_vm(**changes), tag_categories=CATEGORIES, tags=TAGS)
    translation = translated_inventory(whole)
    return translation.manifests(translation.vms[0])[0]


def tags_of(*tags: Tag, categories: tuple[TagCategory, ...] = ()) -> dict[str, str]:
    whole = inventory(plain_vm(), tags=tags, tag_categories=categories)
    return Tags(Estate([whole])).of(whole, tuple(tag.id for tag in tags)).labels


def test_tags_are_labels_of_a_vm_and_of_its_pods() -> None:
    """Row tag: one tag at most is a value, several are labels of their own."""
    made = machine(tags=("tag-prod", "tag-shop", "tag-bank"))
    expected = {
        "tag.mtv.migration/env": "prod",
        "tag.mtv.migration/app.shop": "",
        "tag.mtv.migration/app.bank": "",
    }
    assert expected.items() <= made["metadata"]["labels"].items()
    assert expected.items() <= made["spec"]["template"]["metadata"]["labels"].items()


def test_a_tag_that_no_label_can_say_keeps_its_text_in_an_annotation() -> None:
    """Row tag."""
    made = machine(tags=("tag-odd",))["metadata"]
    assert made["labels"]["tag.mtv.migration/Kosten-stelle-ae"] == "47-11"
    text = made["annotations"]["tag.mtv.migration/Kosten-stelle-ae"]
    assert text == "Kosten stelle/ä: 47 11!"
    plain = machine(tags=("tag-prod",))["metadata"]
    assert not any(key.startswith("tag.") for key in plain["annotations"])


def test_tags_of_a_tree_bring_those_above_them_but_not_the_root() -> None:
    """Row tag: RHV."""
    made = tags_of(
        Tag(id=RHV_ROOT, name="root"),
        Tag(id="1", name="owner", parent=RHV_ROOT),
        Tag(id="2", name="web-team", parent="1"),
    )
    assert made == {"tag.mtv.migration/owner": "", "tag.mtv.migration/web-team": ""}


def test_tags_above_each_other_end() -> None:
    made = tags_of(Tag(id="1", name="a", parent="2"), Tag(id="2", name="b", parent="1"))
    assert set(made) == {"tag.mtv.migration/a", "tag.mtv.migration/b"}


def test_two_tags_that_become_one_label_keep_apart_by_what_they_say() -> None:
    """Row tag: a stable suffix, made from the text and not from the id."""
    one = tags_of(Tag(id="1", name="a b"), Tag(id="2", name="a/b"))
    two = tags_of(Tag(id="8", name="a/b"), Tag(id="9", name="a b"))
    assert len(one) == 2
    assert one == two
    assert all(key.startswith("tag.mtv.migration/a-b-") for key in one)


def test_the_same_tag_of_two_sources_is_the_same_label() -> None:
    first = inventory(plain_vm(), tags=(Tag(id="1", name="prod"),))
    second = inventory(plain_vm(), source="vc2", tags=(Tag(id="7", name="prod"),))
    tags = Tags(Estate([first, second]))
    assert tags.of(first, ("1",)).labels == tags.of(second, ("7",)).labels


def test_a_category_of_which_nobody_knows_how_many_has_labels_for_each() -> None:
    made = tags_of(
        Tag(id="1", name="prod", category="c"), categories=(TagCategory(id="c", name="env"),)
    )
    assert made == {"tag.mtv.migration/env.prod": ""}


def test_custom_attributes_are_annotations() -> None:
    """Row vm.attributes."""
    made = machine(custom_attributes={"owner": "Bär & Co", "Cost centre": "47"})["metadata"]
    expected = {
        "attribute.mtv.migration/owner": "Bär & Co",
        "attribute.mtv.migration/Cost-centre": "47",
        "attribute-name.mtv.migration/Cost-centre": "Cost centre",
    }
    assert expected.items() <= made["annotations"].items()


def test_attributes_there_is_no_room_for_are_told() -> None:
    """Row vm.attributes."""
    vm = plain_vm(custom_attributes={"long": "x" * 200_000, "short": "y"})
    translation = translated_inventory(inventory(vm))
    annotations = translation.manifests(translation.vms[0])[0]["metadata"]["annotations"]
    assert "attribute.mtv.migration/long" not in annotations
    (finding,) = [each for each in translation.findings if each.row == "vm.attributes"]
    assert finding.category is Category.WARNING
    assert "long" in finding.says


def test_a_vm_remembers_where_it_stood() -> None:
    """Rows namespace, cluster.place and pool."""
    annotations = machine(datacenter="North", folder="shop")["metadata"]["annotations"]
    assert annotations["mtv.migration/source-datacenter"] == "North"
    assert annotations["mtv.migration/source-folder"] == "shop"
    assert annotations["mtv.migration/source-cluster"] == "prod"


FOLDER = Folder(
    id="folder-1",
    name="shop",
    path="shop/web",
    kind="vm",
    tags=("tag-prod",),
    custom_attributes={"owner": "anna"},
)


def marked(*folders: Folder, target: Any = None, **lines: str) -> Translation:
    whole = inventory(
        plain_vm(), folders=folders, tag_categories=CATEGORIES, tags=TAGS, datacenters=()
    )
    namespaces = {f"vc1/{id_.replace('_', '-')}": name for id_, name in lines.items()}
    return translated_inventory(whole, target=target, namespaces=namespaces)


def rows(translation: Translation) -> dict[str, list[str]]:
    found = dict[str, list[str]]()
    for each in translation.findings:
        found.setdefault(each.row, []).append(each.says)
    return found


def test_a_namespace_gets_the_tags_and_attributes_of_what_it_is_made_from() -> None:
    """Rows namespace.labels and namespace.attributes."""
    translation = marked(FOLDER, folder_1="shop")
    (about,) = [
        each["metadata"]
        for each in translation.platform
        if each["kind"] == "Namespace" and each["metadata"]["name"] == "shop"
    ]
    assert about["labels"]["tag.mtv.migration/env"] == "prod"
    assert about["annotations"]["attribute.mtv.migration/owner"] == "anna"
    assert "namespace.labels" not in rows(translation)
    assert "namespace.attributes" not in rows(translation)


def test_tags_of_what_is_no_namespace_are_told_one_by_one() -> None:
    """Rows namespace.labels and namespace.attributes."""
    second = msgspec.structs.replace(FOLDER, id="folder-2", name="bank", path="bank")
    found = rows(marked(FOLDER, second))
    assert len(found["namespace.labels"]) == 1
    assert "'prod' of shop, bank" in found["namespace.labels"][0]
    assert "'owner' of shop, bank" in found["namespace.attributes"][0]


def test_a_namespace_that_is_there_is_not_labelled_by_us() -> None:
    """Row namespace.labels."""
    target = plain_target(namespaces=("shop",))
    assert "namespace.labels" in rows(marked(FOLDER, target=target, folder_1="shop"))


IGNORED: dict[str, dict[str, Any]] = {
    "tag.category": {"tag_categories": (TagCategory(id="c", name="env", description="what for"),)},
    "tag.kinds": {"tag_categories": (TagCategory(id="c", name="env", kinds=("Folder",)),)},
    "attribute.names": {"custom_fields": (CustomField(key="1", name="owner"),)},
    "attribute.kinds": {
        "custom_fields": (
            CustomField(key="1", name="o", kind="Folder", pattern="^a$", version="4.7"),
        )
    },
    "datacenter.state": {"datacenters": (Datacenter(id="d", name="d", status="up"),)},
    "datacenter.level": {
        "datacenters": (Datacenter(id="d", name="d", version="4.7", storage_format="v5"),)
    },
    "datacenter.local": {"datacenters": (Datacenter(id="d", name="d", is_local=True),)},
    "option": {
        "options": (
            PlatformOption(name="o", version="4.7", values=(Setting(name="a", value="b"),)),
        )
    },
}


@pytest.mark.parametrize("row", IGNORED)
def test_what_an_ignored_row_reads_changes_nothing(row: str) -> None:
    one = translated_inventory(inventory(plain_vm()))
    two = translated_inventory(inventory(plain_vm(), **IGNORED[row]))
    assert list(one.every_manifest()) == list(two.every_manifest())
    assert one.findings == two.findings


@given(st.text())
def test_any_text_is_a_label_or_becomes_one(text: str) -> None:
    assert names.is_label_value(label_text(text))
    assert label_text(text)


@given(st.lists(st.text(), unique=True))
def test_texts_that_differ_become_labels_that_differ(texts: list[str]) -> None:
    made = distinct({repr(text): text for text in texts})
    assert len(set(made.values())) == len(texts)


@given(st.text(), st.text(), st.booleans() | st.none(), st.dictionaries(st.text(), st.text()))
def test_whatever_things_are_called_the_metadata_is_valid(
    category: str, tag: str, single: bool | None, attributes: dict[str, str]
) -> None:
    folder = Folder(
        id="folder-1",
        name=category,
        path="shop",
        kind="vm",
        tags=("t",),
        custom_attributes=attributes,
    )
    whole = inventory(
        plain_vm(tags=("t", "u"), custom_attributes=attributes),
        tag_categories=(TagCategory(id="c", name=category, single=single),),
        tags=(Tag(id="t", name=tag, category="c"), Tag(id="u", name=tag)),
        folders=(folder,),
    )
    translation = translated_inventory(whole, namespaces={"vc1/folder-1": "shop"})
    for manifest in translation.every_manifest():
        assert list(names.metadata_faults(manifest["metadata"], "metadata")) == []


@given(st.dictionaries(st.text(), st.text()))
def test_no_attribute_is_lost(attributes: dict[str, str]) -> None:
    made, left_out = Attributes(attributes).of(attributes)
    assert left_out == ()
    values = [value for key, value in made.items() if key.startswith("attribute.")]
    assert len(values) == len(attributes)
