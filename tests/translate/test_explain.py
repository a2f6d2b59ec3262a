"""``mtv explain`` accounts for every property of an object, and names what is made of it."""

import msgspec
import pytest

from mtv.estate import Estate
from mtv.inventory.kinds import kinds
from mtv.model.ledger import Outcome
from mtv.translate.explain import explain
from tests.translate.whole import PRODUCTS, whole


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_value_of_every_object_is_accounted_for(product: str) -> None:
    estate = Estate([whole(product).inventory])
    translation = whole(product).translate()
    counted = 0
    for kind in kinds().values():
        for placed in estate.objects(kind):
            explanation = explain(placed, translation)
            assert explanation.ref == placed.ref
            assert {each.row for each in explanation.properties} - {"unaccounted"}
            assert all(each.says and each.row != "unaccounted" for each in explanation.properties)
            counted += len(explanation.properties)
    of_objects = {f"{kind.field}[]" for kind in kinds().values()}
    in_ledger = sum(
        path.values
        for path in translation.ledger.paths
        if path.path.partition(".")[0] in of_objects
    )
    assert counted == in_ledger


def test_a_vm_is_explained_with_its_manifests_and_obstacles() -> None:
    example = whole("vsphere")
    estate, translation = Estate([example.inventory]), example.translate()
    placed = estate.find_object("vc1/vm-1")
    explanation = explain(placed, translation)
    name = translation.vms[0].name
    assert explanation.manifests[0] == f"VirtualMachine {translation.vms[0].namespace}/{name}"
    assert explanation.manifests[1].startswith("DataVolume ")
    assert explanation.obstacles == translation.vms[0].obstacles
    by_path = {each.path: each for each in explanation.properties}
    assert by_path["memory_bytes"].outcome is Outcome.CARRIED
    assert by_path["memory_bytes"].value == placed.thing.memory_bytes


def test_findings_stand_with_what_they_are_about_and_with_whom_they_hold_back() -> None:
    example = whole("vsphere")
    example = example.replace(mapping=type(example.mapping)(namespace="a"))
    estate, translation = Estate([example.inventory]), example.translate()
    vm = explain(estate.find_object("vc1/vm-1"), translation)
    datastore = explain(estate.find_object("vc1/datastore-1"), translation)
    assert [each for each in vm.findings if each.ref == "vc1/datastore-1"]
    assert [each for each in datastore.findings if "vc1/vm-1" in each.holds_back]
    assert vm.manifests == ()


def test_without_a_translation_the_rows_are_known() -> None:
    estate = Estate([whole("vsphere").inventory])
    explanation = explain(estate.find_object("vc1/vm-1"), None)
    assert (explanation.manifests, explanation.findings) == ((), ())
    assert explanation.properties


def test_a_finding_about_several_vms_stands_with_each_of_them() -> None:
    inventory = whole("vsphere").inventory
    first = next(vm for vm in inventory.vms if vm.id == "vm-1")
    twin = msgspec.structs.replace(first, id="vm-901", name="twin", extra_config={"odd.key": "1"})
    one = msgspec.structs.replace(first, extra_config={"odd.key": "1"})
    vms = tuple(one if vm.id == "vm-1" else vm for vm in inventory.vms)
    example = whole("vsphere").replace(
        inventory=msgspec.structs.replace(inventory, vms=(*vms, twin))
    )
    estate, translation = Estate([example.inventory]), example.translate()
    found = [
        each
        for ref in ("vc1/vm-1", "vc1/vm-901")
        for each in explain(estate.find_object(ref), translation).findings
        if "odd.key" in each.says
    ]
    assert len(found) == 2
    assert found[0] is found[1]
    assert set(found[0].vms) == {"vc1/vm-1", "vc1/vm-901"}
