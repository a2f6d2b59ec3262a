"""Conditions and columns over the objects of a kind: what they find, and what they refuse."""

from typing import Any

import pytest

from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.inventory.formulas import Formula
from mtv.inventory.kinds import identity, kind_of, kinds
from mtv.inventory.queries import Query, column, split_columns
from mtv.model.organisation import CustomField, PlatformOption
from mtv.model.vm import Device, DeviceKind, Guest, Power
from tests.estates import GIB, inventory, plain_disk, plain_vm

VMS = kind_of("vms")

ESTATE = Estate(
    [
        inventory(
            plain_vm(),
            plain_vm(
                id="vm-2",
                name="db-2",
                power=Power.ON,
                memory_bytes=16 * GIB,
                host=None,
                guest=Guest(hostname="db-2.example"),
                disks=(plain_disk(), plain_disk(key="2001", capacity_bytes=5)),
                devices=(Device(key="1", kind=DeviceKind.TPM, class_="VirtualTPM"),),
                native={"config.version": "vmx-19"},
            ),
            plain_vm(id="vm-10", name="=cmd", disks=()),
            plain_vm(id="vm-3", name="golden", is_template=True),
        )
    ]
)


def found(where: str) -> list[str]:
    condition = Formula(where, VMS)
    return [placed.thing.id for placed in ESTATE.objects(VMS) if condition.truth(placed)]


def values(text: str) -> list[Any]:
    made = column(text, VMS)
    return [made.value(placed) for placed in ESTATE.objects(VMS)]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ('power == "on"', ["vm-2"]),
        ("vm.memory_bytes > 8*1024*1024*1024", ["vm-2"]),
        ("vm.power == 'on' && memory_bytes > 0", ["vm-2"]),
        ("size(disks) == 0", ["vm-10"]),
        ("disks.exists(d, d.capacity_bytes < 6)", ["vm-2"]),
        ("disks.all(d, d.capacity_bytes > 6)", ["vm-1", "vm-10"]),
        ("disks[1].capacity_bytes == 5", ["vm-2"]),
        ("devices.exists(d, d.class == 'VirtualTPM')", ["vm-2"]),
        ("host == null", ["vm-2"]),
        ("guest != null", ["vm-2"]),
        ("guest.hostname == 'db-2.example'", ["vm-2"]),
        ("guest.hostname != 'db-2.example'", []),
        ("!(guest.hostname == 'other')", ["vm-2"]),
        ("guest.hostname.startsWith('db')", ["vm-2"]),
        ("guest == null || guest.hostname != 'db-2.example'", ["vm-1", "vm-10"]),
        ("cpu_allocation.limit_mhz > 5", []),
        ("native['config.version'] == 'vmx-19'", ["vm-2"]),
        ("native['no.such'] == 1", []),
        ("name.matches('^db-[0-9]+$')", ["vm-2"]),
        ("name == 'a.b.nosuch'", []),
        ("ref == 'vc1/vm-2' && source == 'vc1' && product == 'vsphere'", ["vm-2"]),
        ("math.greatest(sockets, 5) == 5", ["vm-1", "vm-2", "vm-10"]),
        ("disks.map(d, d.capacity_bytes).exists(x, x == 5)", ["vm-2"]),
    ],
)
def test_a_condition_finds(where: str, ids: list[str]) -> None:
    assert found(where) == ids


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("power ==", "is no CEL"),
        ("nme == 'x'", "vms have no field 'nme'; near it: name"),
        ("vm.nme == 'x'", "vms have no field 'nme'"),
        ("guest.hostnam == 'x'", "guest has no field 'hostnam'; near it: hostname"),
        ("disks.exists(d, d.capacity_byte > 5)", "no field 'capacity_byte'; near it: capacity"),
        ("disks[0].capacity_byte > 5", "no field 'capacity_byte'"),
        ("disks.capacity_bytes > 5", "disks is a list: it has no field 'capacity_bytes'"),
        ("nosuch(name)", "there is no function 'nosuch'"),
        ("name.startWith('x')", "there is no function 'startWith'; near it: startsWith"),
        ("name > 5", "cannot be evaluated: No such overload"),
        ("1/0 == 1", "cannot be evaluated"),
        ("name", "gives 'web01', not true or false"),
        ("name.matches('(')", "cannot be evaluated"),
    ],
)
def test_a_condition_is_refused(where: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        found(where)
    assert says in caught.value.message
    assert "\n" not in caught.value.message or "regex" in caught.value.message


def test_a_mistake_is_found_without_any_object() -> None:
    with pytest.raises(ConfigError, match="no field"):
        Formula("templat == true", kind_of("roles"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name", ["web01", "db-2", "=cmd"]),
        ("ref", ["vc1/vm-1", "vc1/vm-2", "vc1/vm-10"]),
        ("vm.host", ["host-1", None, "host-1"]),
        ("guest.hostname", [None, "db-2.example", None]),
        ("guest.nics.addresses.address", [None, [], None]),
        ("disks.capacity_bytes", [[10 * GIB], [10 * GIB, 5], []]),
        ("devices.class", [[], ["VirtualTPM"], []]),
        ("native.config.version", [None, "vmx-19", None]),
        ("cpus=sockets * cores_per_socket", [2, 2, 2]),
        ("sum=sum(disks.map(d, d.capacity_bytes))", [10 * GIB, 10 * GIB + 5, 0]),
        ("host=guest.hostname", [None, "db-2.example", None]),
    ],
)
def test_a_column_has_values(text: str, expected: list[Any]) -> None:
    assert values(text) == expected


def test_a_noun_as_the_value_of_an_expression_is_whole() -> None:
    whole = values("g=guest")[1]
    assert whole["hostname"] == "db-2.example"
    assert "kernel" in whole


@pytest.mark.parametrize("text", ["nme", "disks.labl", "guest.nics.nme", "=name", "x=nme", ""])
def test_an_unknown_column_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        column(text, VMS)


def test_columns_are_split_outside_of_expressions() -> None:
    assert list(split_columns("a,b=f(c, d),e='x,y',g=[1,2]")) == [
        *("a", "b=f(c, d)", "e='x,y'", "g=[1,2]"),
    ]


def ids(**query: Any) -> list[str]:
    rows = Query(VMS, (column("name", VMS),), **query).rows(ESTATE.objects(VMS))
    return [placed.thing.id for placed in rows.objects]


def test_rows_are_sorted_naturally_with_the_unset_last() -> None:
    assert ids(sort=column("id", VMS)) == ["vm-1", "vm-2", "vm-10"]
    assert ids(sort=column("id", VMS), descending=True) == ["vm-10", "vm-2", "vm-1"]
    assert ids(sort=column("memory_bytes", VMS), descending=True)[0] == "vm-2"
    for descending in (True, False):
        assert ids(sort=column("host", VMS), descending=descending)[-1] == "vm-2"


def test_a_limit_cuts_off_after_sorting_and_counts_all() -> None:
    query = Query(VMS, (column("name", VMS),), sort=column("name", VMS), limit=2)
    rows = query.rows(ESTATE.objects(VMS))
    assert [row["name"] for row in rows.values] == ["=cmd", "db-2"]
    assert rows.total == 3


@pytest.mark.parametrize("name", kinds())
def test_a_kind_is_known_in_the_plural_and_the_singular(name: str) -> None:
    kind = kinds()[name]
    assert kind_of(name) == kind_of(kind.singular) == kind_of(name.upper()) == kind
    assert kind.singular != name


def test_an_unknown_kind_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="no kind of object 'netwrks'; near it: networks") as no:
        kind_of("netwrks")
    assert "resource-pools" in no.value.hint


def test_templates_are_a_kind_of_their_own() -> None:
    assert [each.ref for each in ESTATE.objects(kind_of("template"))] == ["vc1/vm-3"]


def test_what_has_no_id_is_named_by_its_key_or_name_and_version() -> None:
    assert identity(CustomField(key="101", name="Owner")) == "101"
    assert identity(PlatformOption(name="A", version="4.7")) == "A@4.7"
    assert identity(PlatformOption(name="A")) == "A"
