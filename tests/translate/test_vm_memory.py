"""Memory: size, hot-plug, huge pages, balloon, reservation, limit."""

from typing import Any

import pytest

from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.quantity import MemoryAllocation
from tests.estates import GIB, translated_inventory
from tests.real.schemas import require_schemas
from tests.translate.vm_estates import (
    RELEASES,
    bare_vm,
    domain,
    found,
    of,
    one,
    reported,
    rhv,
    said,
    vsphere,
)

require_schemas()

MIB = 1024**2


def test_vm_memory_is_the_guests() -> None:
    assert domain(vsphere(bare_vm(memory_bytes=3 * GIB)))["memory"] == {"guest": "3072Mi"}


@pytest.mark.parametrize("size", [0, -1])
def test_vm_memory_without_a_size_holds_the_vm_back(size: int) -> None:
    translation = translated_inventory(vsphere(bare_vm(memory_bytes=size)))
    assert translation.vms == ()
    (finding,) = found(translation, "vm.memory")
    assert (finding.category, finding.holds_back) == (Category.BLOCKER, ("vc1/vm-1",))


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize(
    ("whole", "most"),
    [
        (vsphere(bare_vm(memory_max_bytes=8 * GIB)), "8192Mi"),
        (vsphere(bare_vm(memory_hot_add=True, memory_max_bytes=8 * GIB)), "8192Mi"),
        (vsphere(bare_vm(memory_hot_add=False, memory_max_bytes=8 * GIB)), "2048Mi"),
        (vsphere(bare_vm(memory_hot_add=True)), None),
        (rhv(bare_vm(memory_max_bytes=8 * GIB + 1)), "8192Mi"),
        (rhv(bare_vm(memory_max_bytes=GIB)), "2048Mi"),
        # What admission refuses together with maxGuest:
        (vsphere(bare_vm(memory_bytes=512 * MIB, memory_hot_add=False)), None),
        (rhv(bare_vm(memory_bytes=512 * MIB, memory_max_bytes=GIB)), None),
        (rhv(bare_vm(memory_bytes=2 * GIB + MIB, memory_max_bytes=8 * GIB)), None),
    ],
)
def test_vm_memory_hot_plug(version: str, whole: Inventory, most: str | None) -> None:
    assert domain(whole, of(version))["memory"].get("maxGuest") == most


def test_vm_memory_hot_plug_that_is_lost_is_told() -> None:
    _, translation = one(vsphere(bare_vm(memory_bytes=512 * MIB, memory_hot_add=True)))
    assert "a guest of 1 GiB or more" in said(translation, "vm.memory-hot-plug")[0]


@pytest.mark.parametrize(
    ("asked", "size", "pages"),
    [
        ("1048576", 2 * GIB, "1Gi"),
        ("2048", 2 * GIB, "2Mi"),
        ("1048576", 2 * GIB + 2 * MIB, None),
        ("4", 2 * GIB, None),
        ("lots", 2 * GIB, None),
        ("", 2 * GIB, None),
    ],
)
def test_huge_pages_of_a_size_that_nodes_have(asked: str, size: int, pages: str | None) -> None:
    """vm.memory. Admission refuses a size that does not divide the memory."""
    vm = bare_vm(memory_bytes=size, extra_config={"hugepages": asked})
    spec, translation = one(rhv(vm))
    assert spec["domain"]["memory"].get("hugepages") == (
        {"pageSize": pages} if pages is not None else None
    )
    assert len(found(translation, "vm.memory")) == (1 if asked else 0)


def test_huge_pages_of_vsphere_are_none_of_ours() -> None:
    made = domain(vsphere(bare_vm(extra_config={"hugepages": "2048"})))
    assert "hugepages" not in made["memory"]


@pytest.mark.parametrize(
    ("reserved", "requests"),
    [(None, None), (0, None), (GIB, None), (2 * GIB, "2048Mi"), (3 * GIB, "2048Mi")],
)
@pytest.mark.parametrize("make", [vsphere, rhv])
def test_vm_memory_reservation_of_all(
    make: Any, reserved: int | None, requests: str | None
) -> None:
    asked = MemoryAllocation(reservation_bytes=reserved, level="normal")
    made = domain(make(bare_vm(memory_allocation=asked)))
    assert made.get("resources", {}).get("requests", {}).get("memory") == requests


@pytest.mark.parametrize(("limit", "told"), [(GIB, True), (2 * GIB, False), (-1, False)])
def test_vm_memory_limit_below_the_size_is_told(limit: int, told: bool) -> None:
    asked = MemoryAllocation(limit_bytes=limit, level="normal")
    spec, translation = one(vsphere(bare_vm(memory_allocation=asked)))
    assert "resources" not in spec["domain"]
    assert bool(found(translation, "vm.memory-limit")) is told
    assert str(limit) in reported(translation, "vm.memory-limit")[0]


@pytest.mark.parametrize(("balloon", "field"), [(None, None), (True, None), (False, False)])
def test_vm_ballooning(balloon: bool | None, field: bool | None) -> None:
    made = domain(rhv(bare_vm(ballooning=balloon)))
    assert made["devices"].get("autoattachMemBalloon") is field


def test_cluster_ballooning_is_told() -> None:
    _, translation = one(rhv(bare_vm(), ballooning=True))
    assert "wasp agent" in reported(translation, "cluster.ballooning")[0]
