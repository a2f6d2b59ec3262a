"""The estate answers by ref and by name, and says what to do when it cannot."""

import pytest

from mtv.errors import ConfigError
from mtv.estate import Estate
from tests.estates import inventory, numbered_vms, plain_vm


def two_sources() -> Estate:
    return Estate(
        [
            inventory(*numbered_vms(2), source="vc1"),
            inventory(
                plain_vm(id="vm-1", name="web01"), plain_vm(id="vm-9", name="db"), source="vc2"
            ),
        ]
    )


def test_vms_come_in_inventory_order_with_their_refs() -> None:
    refs = [placed.ref for placed in two_sources().vms()]
    assert refs == ["vc1/vm-1", "vc1/vm-2", "vc2/vm-1", "vc2/vm-9"]


def test_a_vm_is_found_by_its_ref() -> None:
    assert two_sources().vm("vc2/vm-9").vm.name == "db"
    assert two_sources().find("vc2/vm-9").vm.name == "db"


def test_a_vm_is_found_by_a_name_that_only_it_has() -> None:
    assert two_sources().find("db").ref == "vc2/vm-9"


def test_a_ref_goes_before_a_name_that_looks_like_one() -> None:
    odd = plain_vm(id="vm-5", name="vc1/vm-1")
    estate = Estate([inventory(plain_vm(), odd)])
    assert estate.find("vc1/vm-1").vm.id == "vm-1"


def test_a_name_that_several_have_lists_their_refs() -> None:
    with pytest.raises(ConfigError, match="several VMs have") as caught:
        two_sources().find("web01")
    assert "vc1/vm-1, vc2/vm-1" in caught.value.message
    assert "mtv inventory list" in caught.value.hint


def test_a_name_that_no_vm_has_is_said() -> None:
    with pytest.raises(ConfigError, match="no VM has the name or ref 'nope'"):
        two_sources().find("nope")


def test_a_ref_that_is_gone_says_to_collect_again() -> None:
    with pytest.raises(ConfigError, match="there is no VM vc1/vm-77") as caught:
        two_sources().vm("vc1/vm-77")
    assert "mtv collect" in caught.value.hint


def test_uplinks_are_no_networks_that_a_vm_can_use() -> None:
    refs = [ref for ref, _ in Estate([inventory()]).networks()]
    assert refs == ["vc1/dvportgroup-7", "vc1/dvportgroup-8"]


def test_datastores_come_with_their_refs() -> None:
    refs = [ref for ref, _ in two_sources().datastores()]
    assert refs == ["vc1/datastore-1", "vc1/datastore-2", "vc2/datastore-1", "vc2/datastore-2"]
