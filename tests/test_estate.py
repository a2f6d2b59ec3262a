"""The estate answers by ref and by name, and says what to do when it cannot."""

from typing import Any

import pytest

from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.inventory.kinds import kind_of
from mtv.model.vm import Vm
from tests.estates import inventory, numbered_vms, plain_nic, plain_vm


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


def test_an_object_of_any_kind_is_found_by_ref_or_name() -> None:
    estate = Estate([inventory(plain_vm())])
    assert estate.find_object("vc1/datastore-2").thing.name == "silver-02"
    assert estate.find_object("silver-02").ref == "vc1/datastore-2"
    assert estate.find_object("prod").kind.name == "clusters"


def test_a_name_of_two_kinds_needs_the_kind() -> None:
    estate = Estate([inventory(plain_vm(name="prod"))])
    with pytest.raises(ConfigError, match=r"vc1/vm-1 \(vm\), vc1/domain-c1 \(cluster\)") as caught:
        estate.find_object("prod")
    assert "--kind" in caught.value.hint
    assert estate.find_object("prod", kind_of("cluster")).ref == "vc1/domain-c1"


def test_an_object_that_is_not_there_is_told_with_its_kind() -> None:
    with pytest.raises(ConfigError, match="no object has the name or ref 'nope'"):
        two_sources().find_object("nope")
    with pytest.raises(ConfigError, match="no host has the name or ref 'web01'"):
        two_sources().find_object("web01", kind_of("hosts"))


def test_many_of_one_name_are_not_all_listed() -> None:
    estate = Estate([inventory(*(plain_vm(id=f"vm-{n}") for n in range(30)))])
    with pytest.raises(ConfigError, match="and 20 more"):
        estate.find_object("web01")


def test_ids_have_names_unless_two_objects_share_one() -> None:
    whole = inventory(plain_vm(id="same"), plain_vm(id="x", name="db"))
    whole = inventory(*whole.vms, hosts=(), clusters=())
    assert Estate([whole]).names(whole)["datastore-1"] == "gold-01"
    shared = inventory(plain_vm(id="datastore-1"))
    assert "datastore-1" not in Estate([shared]).names(shared)


def test_two_inventories_of_one_source_are_refused() -> None:
    with pytest.raises(ConfigError, match="two inventories say that they are of the source 'vc1'"):
        Estate([inventory(), inventory()])


UUID, INSTANCE = "4215A3C0-0000-0000-0000-000000000001", "5015a3c0-0000-0000-0000-000000000001"
MAC = (plain_nic(mac="00:50:56:00:00:01"),)
NO_TWIN: dict[str, Any] = {"uuid": None, "nics": ()}


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        ({"instance_uuid": INSTANCE}, {"instance_uuid": INSTANCE.upper()}, True),
        ({"uuid": UUID, "nics": MAC}, {"uuid": UUID.lower(), "nics": MAC}, True),
        ({"uuid": UUID}, {"uuid": UUID}, False),
        ({"uuid": UUID, "nics": MAC}, {"nics": MAC}, False),
        ({"instance_uuid": INSTANCE}, {"instance_uuid": INSTANCE, "is_template": True}, False),
        ({}, {}, False),
    ],
)
def test_twins_have_an_identity_in_common(
    one: dict[str, Any], other: dict[str, Any], are: bool
) -> None:
    def vm(changes: dict[str, Any]) -> Vm:
        return plain_vm(**{**NO_TWIN, **changes})

    estate = Estate([inventory(vm(one)), inventory(vm(other), source="vc2")])
    refs = [[placed.ref for placed in group] for group in estate.twins()]
    assert refs == ([["vc1/vm-1", "vc2/vm-1"]] if are else [])


def test_a_vm_in_three_sources_is_one_group() -> None:
    both = plain_vm(instance_uuid=INSTANCE, uuid=UUID, nics=MAC)
    estate = Estate(
        [
            inventory(plain_vm(instance_uuid=INSTANCE, uuid=None)),
            inventory(both, source="vc2"),
            inventory(plain_vm(uuid=UUID, nics=MAC), source="vc3"),
        ]
    )
    (group,) = estate.twins()
    assert {placed.ref for placed in group} == {"vc1/vm-1", "vc2/vm-1", "vc3/vm-1"}


def test_a_clone_in_the_same_source_is_no_twin() -> None:
    clones = (plain_vm(), plain_vm(id="vm-2"))
    assert Estate([inventory(*clones), inventory(source="vc2")]).twins() == ()
