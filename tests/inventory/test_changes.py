"""What changed between two inventories is told value by value, and nothing else is."""

import re
from typing import Any

import msgspec
import pytest

from mtv.inventory.changes import Changes, ValueChange, changes, volatile_paths
from mtv.model.compute import Host
from mtv.model.estate import Inventory
from mtv.model.performance import Performance
from mtv.model.plain import leaves
from mtv.model.vm import FileSystem, Guest, Vm
from tests.estates import GIB, inventory, numbered_vms, plain_datastore, plain_disk, plain_vm


def of_vm(before: Vm, after: Vm, **options: Any) -> tuple[ValueChange, ...]:
    """What changed of one VM."""
    found = changes(inventory(before), inventory(after), **options)
    assert not found.new
    assert not found.gone
    return found.changed[0].values if found.changed else ()


def changed_vm(**fields: Any) -> tuple[ValueChange, ...]:
    return of_vm(plain_vm(), plain_vm(**fields))


def test_the_same_is_no_change() -> None:
    found = changes(inventory(*numbered_vms(3)), inventory(*numbered_vms(3)))
    assert not found
    assert found == Changes(source="vc1", before=found.before, after=found.after)


def test_new_gone_and_changed_objects_are_told_by_kind() -> None:
    before = inventory(*numbered_vms(3), datastores=(plain_datastore(),))
    one, two, _ = numbered_vms(3)
    after = inventory(
        msgspec.structs.replace(one, memory_bytes=4 * GIB),
        two,
        plain_vm(id="vm-9", name="fresh"),
        datastores=(plain_datastore(name="gold-02"),),
    )
    found = changes(before, after)
    assert [(each.kind, each.ref, each.name) for each in found.new] == [
        ("vms", "vc1/vm-9", "fresh")
    ]
    assert [(each.kind, each.ref) for each in found.gone] == [("vms", "vc1/vm-3")]
    assert [(each.ref, each.values) for each in found.changed] == [
        ("vc1/vm-1", (ValueChange(path="memory_bytes", old=2 * GIB, new=4 * GIB),)),
        ("vc1/datastore-1", (ValueChange(path="name", old="gold-01", new="gold-02"),)),
    ]


def test_a_vm_that_became_a_template_is_told_as_such() -> None:
    found = changes(inventory(plain_vm()), inventory(plain_vm(is_template=True)))
    assert [each.kind for each in found.gone] == ["vms"]
    assert [each.kind for each in found.new] == ["templates"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"host": None}, ("host", "host-1", None)),
        (
            {"disks": (plain_disk(capacity_bytes=5),)},
            ("disks[2000].capacity_bytes", 10 * GIB, 5),
        ),
        ({"tags": ("a",)}, ("tags", [], ["a"])),
        ({"native": {"a.b": 1}}, ("native[a.b]", None, 1)),
        ({"guest": Guest(hostname="x")}, ("guest", None, {"hostname": "x"})),
    ],
)
def test_a_value_has_its_path(fields: dict[str, Any], expected: tuple[str, Any, Any]) -> None:
    (change,) = changed_vm(**fields)
    assert (change.path, change.old, change.new) == expected


def test_elements_of_a_list_are_paired_by_what_names_them() -> None:
    one, two, three = (plain_disk(key=key) for key in ("2000", "2001", "2002"))
    found = of_vm(
        plain_vm(disks=(one, two)),
        plain_vm(disks=(msgspec.structs.replace(two, thin=False), three)),
    )
    assert [(each.path, each.old is None, each.new is None) for each in found] == [
        ("disks[2000]", False, True),
        ("disks[2001].thin", False, False),
        ("disks[2002]", True, False),
    ]


def test_elements_that_nothing_names_are_paired_by_place() -> None:
    twice = (plain_disk(), plain_disk())
    found = of_vm(plain_vm(disks=twice), plain_vm(disks=(twice[0], plain_disk(label="x"))))
    assert [each.path for each in found] == ["disks[1].label"]


def test_another_order_is_told_where_it_has_a_meaning() -> None:
    disks = (plain_disk(key="2000"), plain_disk(key="2001"))
    (change,) = of_vm(plain_vm(disks=disks), plain_vm(disks=disks[::-1]))
    assert change == ValueChange(path="disks (order)", old=["2000", "2001"], new=["2001", "2000"])


def test_what_changes_by_itself_is_left_out_unless_asked_for() -> None:
    system = FileSystem(path="/", capacity_bytes=9, free_bytes=5)
    before = plain_vm(guest=Guest(file_systems=(system,)), native={"summary.quickStats.x": 1})
    after = plain_vm(
        guest=Guest(file_systems=(msgspec.structs.replace(system, free_bytes=4),)),
        native={"summary.quickStats.x": 2},
        performance=Performance(window_seconds=1, interval_seconds=1, samples=1),
        started_at="2026-11-22T10:00:00Z",
    )
    assert of_vm(before, after) == ()
    assert {each.path for each in of_vm(before, after, volatile=True)} == {
        "guest.file_systems[/].free_bytes",
        "native[summary.quickStats.x]",
        "performance",
        "started_at",
    }


def test_the_time_of_collection_is_no_change_but_the_version_is() -> None:
    later = {"collected_at": "2027-01-01T00:00:00Z"}
    assert not changes(inventory(), inventory(**later))
    found = changes(inventory(), inventory(version="9", unreadable=("x",), **later))
    assert [each.path for each in found.inventory] == ["version", "unreadable"]


def test_two_objects_of_one_identity_do_not_hide_each_other() -> None:
    host = Host(id="h", name="a", cluster=None, cpu_model="", cores=1, memory_bytes=1, version="8")
    found = changes(
        inventory(hosts=(host, host)),
        inventory(hosts=(host, msgspec.structs.replace(host, name="b"))),
    )
    assert [each.values[0].new for each in found.changed] == ["b"]


@pytest.mark.parametrize("path", [each.path for each in volatile_paths()])
def test_a_volatile_path_is_one_of_the_model(path: str) -> None:
    known = {leaf.path for leaf in leaves(Inventory)}
    plain = re.sub(r"\{.*\}", "{}", path)
    assert any(each == plain or each.startswith((f"{plain}.", f"{plain}[")) for each in known), (
        f"{path} is no path of the inventory"
    )


def test_every_volatile_path_has_a_reason_and_stands_once() -> None:
    assert all(each.why.strip() for each in volatile_paths())
    paths = [each.path for each in volatile_paths()]
    assert len(set(paths)) == len(paths)
