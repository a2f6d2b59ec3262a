"""The nouns are frozen, carry units in their names, go through JSON, and hide their secrets."""

import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest

import mtv.model
from mtv.model.disk import HttpLocation, TlsTrust
from mtv.model.estate import Inventory
from mtv.model.plain import plain
from mtv.model.plan import BootCheck, Convert, Plan, PlannedVm, Wave
from tests.estates import filled, inventory, leaf_paths, plain_device, plain_snapshot, plain_vm

UNITS = (
    "_bytes",
    "_days",
    "_iops",
    "_mbps",
    "_mhz",
    "_milliseconds",
    "_minutes",
    "_per_second",
    "_percent",
    "_seconds",
    "_seconds_per_gib",
)

COUNTS = {
    *("cores", "cores_per_socket", "io_threads", "maximum_failures", "maximum_migrations"),
    *("maximum_user_vms", "parallel_migrations", "parallel_per_cluster"),
    *("parallel_outbound_per_node", "paths", "ports", "prestarted", "samples", "size"),
    *("sockets", "threads", "threads_per_core", "values", "vcpus", "vcpus_used"),
    *("virtio_scsi_queues", "virtual_functions"),
}
"""How many there are of something."""

NUMBERS = {
    *("bus", "depth", "factor", "failover_level", "format", "index", "iommu_group", "level", "lun"),
    *("offset", "length", "order", "port", "port_from", "port_to", "position", "power_rate"),
    *("prefix", "primary", "priority", "rate", "secondary", "shares", "start_order"),
    *("template_version", "unit", "vlan", "vni"),
}
"""Numbers that name or rank something, and what has its unit by convention (offset, length)."""

OF_THE_METRIC = {"average", "p95", "maximum", "mtu"}
"""In the unit of the field that holds them; an MTU is in bytes by definition."""


def structs() -> Iterator[type[msgspec.Struct]]:
    for found in pkgutil.iter_modules(mtv.model.__path__, "mtv.model."):
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, msgspec.Struct):
                yield value


@pytest.mark.parametrize("kind", tuple(structs()), ids=lambda kind: kind.__name__)
def test_a_noun_is_frozen_and_says_what_it_is(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen
    assert (kind.__doc__ or "").strip().endswith((".", ")"))


@pytest.mark.parametrize("kind", tuple(structs()), ids=lambda kind: kind.__name__)
def test_a_quantity_has_its_unit_in_its_name(kind: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(kind):
        number = field.type in (int, float, int | None, float | None)
        if number and field.name not in COUNTS | NUMBERS | OF_THE_METRIC:
            assert field.name.endswith(UNITS)


def test_an_inventory_goes_through_json() -> None:
    whole = inventory(
        plain_vm(name="Büro\n\u2028💾", snapshots=(plain_snapshot(),), devices=(plain_device(),)),
        unreadable=("no",),
    )
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Inventory) == whole


def test_a_plan_goes_through_json() -> None:
    vm = PlannedVm(
        ref="vc1/vm-1", name="web01", convert=Convert.VIRT_V2V, check=BootCheck(console="login:")
    )
    plan = Plan(waves=(Wave(name="pilot", vms=(vm,)),), leave_out=("vc1/vm-2",))
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_a_location_does_not_show_its_headers() -> None:
    location = HttpLocation(
        url="https://vc/folder", headers=(("Cookie", "hunter2"),), tls=TlsTrust()
    )
    assert "hunter2" not in repr(location)
    assert "hunter2" not in f"{location}"
    assert "1 hidden" in repr(location)


def test_the_paths_of_an_inventory_are_all_of_its_leaves() -> None:
    def leaves(value: object, path: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                dot = "{}." if key == "some.key" else "."
                yield from leaves(inner, f"{path}{dot}{key}" if path else key)
        elif isinstance(value, (list, tuple)):
            for inner in value:
                yield from leaves(inner, f"{path}[]")
        else:
            yield path

    whole = filled(inventory(), set(leaf_paths()))
    found = {path.replace("{}.some.key", "{}") for path in leaves(plain(whole))}
    assert found == set(leaf_paths())
