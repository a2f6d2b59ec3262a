"""Virtual CPUs: topology, hot-plug, model, pinning, NUMA, reservations, limits, shares."""

from typing import Any

import pytest

from mtv.model.concern import Category
from mtv.model.quantity import CpuAllocation, MemoryAllocation
from mtv.model.target import Node, Target
from mtv.model.vm import NumaNode
from tests.estates import GIB, plain_target, translated_inventory
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

NUMA = (
    NumaNode(index=0, memory_bytes=GIB, cores="0", pinned_to="0", tune="strict"),
    NumaNode(index=1, memory_bytes=GIB, cores="1", pinned_to="1", tune="strict"),
)


def cpu(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = domain(vsphere(bare_vm(**changes)))["cpu"]
    return found


def nodes(*models: str) -> Target:
    return plain_target(nodes=(Node(name="w1", cpu_models=models),))


def test_vm_cpu_topology_stays() -> None:
    assert cpu(sockets=2, cores_per_socket=4, threads_per_core=2) == {
        "sockets": 2,
        "cores": 4,
        "threads": 2,
    }


def test_vm_cpu_hostile_numbers_become_one() -> None:
    assert cpu(sockets=0, cores_per_socket=-3, threads_per_core=0) == {
        "sockets": 1,
        "cores": 1,
        "threads": 1,
    }


@pytest.mark.parametrize(
    ("hot_add", "shape", "most"),
    [
        (None, (2, 1, 1), None),
        (False, (2, 1, 1), 2),
        (True, (2, 1, 1), 8),
        (True, (64, 4, 1), 128),  # 512 virtual CPUs
        (True, (200, 4, 1), 200),  # never less than it has
    ],
)
def test_vm_cpu_hot_plug_bounds_the_sockets(
    hot_add: bool | None, shape: tuple[int, int, int], most: int | None
) -> None:
    sockets, cores, threads = shape
    made = cpu(
        cpu_hot_add=hot_add, sockets=sockets, cores_per_socket=cores, threads_per_core=threads
    )
    assert made.get("maxSockets") == most


def test_vm_cpu_hot_remove_is_told() -> None:
    _, translation = one(vsphere(bare_vm(cpu_hot_remove=True)))
    assert "at the next restart" in reported(translation, "vm.cpu-hot-remove")[0]


def test_vm_cpu_model_of_its_own_goes_before_its_clusters() -> None:
    whole = rhv(bare_vm(cpu_model="Haswell-noTSX,+pcid,-hle"), cpu_baseline="Intel Haswell Family")
    translation = translated_inventory(
        whole,
        target=nodes("Broadwell-noTSX", "Haswell-noTSX"),
        cpu_models={"vc1/domain-c1": "Broadwell-noTSX"},
    )
    manifest = translation.manifests(translation.vms[0])[0]
    assert manifest["spec"]["template"]["spec"]["domain"]["cpu"] == {
        "sockets": 2,
        "cores": 1,
        "threads": 1,
        "model": "Haswell-noTSX",
        "features": [
            {"name": "pcid", "policy": "require"},
            {"name": "hle", "policy": "disable"},
        ],
    }
    noted = manifest["metadata"]["annotations"]["mtv.migration/source-cpu-baseline"]
    assert noted == "Intel Haswell Family"


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("Skylake-Server", "no node of target.yaml offers its own CPU model Skylake-Server"),
        ("qemu64", "counts as obsolete"),
        ("z14", "its own CPU model 'z14' is no x86 model"),
        ("../x, y", "is no x86 model"),
    ],
)
def test_vm_cpu_model_that_cannot_be_is_its_clusters(model: str, says: str) -> None:
    translation = translated_inventory(
        rhv(bare_vm(cpu_model=model)),
        target=nodes("Broadwell-noTSX"),
        cpu_models={"vc1/domain-c1": "Broadwell-noTSX"},
    )
    made = translation.manifests(translation.vms[0])[0]["spec"]["template"]["spec"]["domain"]
    assert made["cpu"]["model"] == "Broadwell-noTSX"
    (finding,) = found(translation, "vm.cpu-model")
    assert says in finding.says
    assert (finding.ref, finding.category) == ("vc1/vm-1", Category.WARNING)


def test_vm_cpu_model_features_that_are_no_names_are_left_out() -> None:
    spec, translation = one(rhv(bare_vm(cpu_model="Haswell-noTSX,+pc id,+pcid,~x,+pcid")))
    assert spec["domain"]["cpu"]["features"] == [{"name": "pcid", "policy": "require"}]
    assert "some features are no names" in said(translation, "vm.cpu-model")[0]


def test_vm_cpu_model_on_nodes_that_tell_nothing() -> None:
    spec, translation = one(rhv(bare_vm(cpu_model="Haswell-noTSX")))
    assert spec["domain"]["cpu"]["model"] == "Haswell-noTSX"
    (finding,) = found(translation, "vm.cpu-model")
    assert finding.category is Category.INFORMATION


@pytest.mark.parametrize(
    ("mode", "model", "strategy"),
    [
        ("host_passthrough", "host-passthrough", "LiveMigrateIfPossible"),
        ("host_model", "host-model", "LiveMigrate"),
        ("custom", None, "LiveMigrate"),
    ],
)
def test_vm_cpu_model_by_mode(mode: str, model: str | None, strategy: str) -> None:
    spec, translation = one(rhv(bare_vm(cpu_mode=mode)))
    assert spec["domain"]["cpu"].get("model") == model
    assert spec["evictionStrategy"] == strategy
    assert bool(translation.vms[0].obstacles) is (mode == "host_passthrough")


@pytest.mark.parametrize("nested", [True, False, None])
def test_vm_nested_asks_for_both_vendors_features(nested: bool | None) -> None:
    spec, translation = one(vsphere(bare_vm(nested_virtualization=nested)))
    features = [{"name": name, "policy": "optional"} for name in ("vmx", "svm")]
    assert spec["domain"]["cpu"].get("features") == (features if nested else None)
    assert bool(found(translation, "vm.nested")) is bool(nested)


EXCLUSIVE = {"dedicatedCpuPlacement": True}
ISOLATED = {**EXCLUSIVE, "isolateEmulatorThread": True}


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize(
    ("make", "changes", "fields"),
    [
        (vsphere, {"latency_sensitivity": "high"}, EXCLUSIVE),
        (vsphere, {"latency_sensitivity": "normal"}, {}),
        (vsphere, {"cpu_pinning": ("0", "1")}, EXCLUSIVE),
        (rhv, {"cpu_pinning": ("0#0,40",), "cpu_pinning_policy": "manual"}, EXCLUSIVE),
        (rhv, {"cpu_pinning_policy": "manual"}, {}),
        (rhv, {"cpu_pinning_policy": "none"}, {}),
        (rhv, {"cpu_pinning_policy": "dedicated"}, EXCLUSIVE),
        (rhv, {"cpu_pinning_policy": "isolate_threads"}, ISOLATED),
        (rhv, {"cpu_pinning_policy": "resize_and_pin_numa"}, EXCLUSIVE),
    ],
)
def test_vm_cpu_pinning(
    version: str, make: Any, changes: dict[str, Any], fields: dict[str, Any]
) -> None:
    """What admission refuses together with dedicated CPUs is not written for any version."""
    asked = CpuAllocation(reservation_mhz=1500, limit_mhz=2500)
    vm = bare_vm(
        cpu_hot_add=True, cpu_allocation=asked, memory_hot_add=True, memory_max_bytes=8 * GIB
    )
    spec, translation = one(make(bare_vm(**{**_set(vm), **changes})), of(version))
    made = spec["domain"]["cpu"]
    assert {key: value for key, value in made.items() if key in ISOLATED} == fields
    assert ("maxSockets" in made) is not bool(fields)
    assert ("cpu" in spec["domain"].get("resources", {}).get("requests", {})) is not bool(fields)
    assert ("limits" in spec["domain"].get("resources", {})) is not bool(fields)
    assert bool(found(translation, "vm.cpu-pinning")) is bool(fields)


def _set(vm: Any) -> dict[str, Any]:
    return {
        name: getattr(vm, name)
        for name in ("cpu_hot_add", "cpu_allocation", "memory_hot_add", "memory_max_bytes")
    }


def test_vm_cpu_pinning_refuses_many_threads() -> None:
    """Admission takes at most two threads a core with dedicated CPUs."""
    spec, translation = one(rhv(bare_vm(cpu_pinning_policy="dedicated", threads_per_core=4)))
    assert "dedicatedCpuPlacement" not in spec["domain"]["cpu"]
    assert "more than 2 threads a core" in said(translation, "vm.cpu-pinning")[0]


def test_vm_cpu_pins_and_vm_memory_pins_are_told() -> None:
    _, translation = one(vsphere(bare_vm(cpu_pinning=("4",), memory_pinning=("1",))))
    assert "(4) the kubelet chooses" in reported(translation, "vm.cpu-pins")[0]
    assert "NUMA node 1" in reported(translation, "vm.memory-pins")[0]


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({"cpu_pinning_policy": "dedicated", "extra_config": {"hugepages": "1048576"}}, True),
        ({"cpu_pinning_policy": "dedicated"}, False),
        ({"extra_config": {"hugepages": "1048576"}}, False),
    ],
)
def test_vm_numa_needs_cpus_and_huge_pages(changes: dict[str, Any], passes: bool) -> None:
    """Admission refuses guestMappingPassthrough without either of them."""
    spec, translation = one(rhv(bare_vm(numa_nodes=NUMA, memory_max_bytes=8 * GIB, **changes)))
    assert spec["domain"]["cpu"].get("numa") == (
        {"guestMappingPassthrough": {}} if passes else None
    )
    assert ("maxGuest" in spec["domain"]["memory"]) is not passes
    assert bool(found(translation, "vm.numa")) is not passes
    assert any("strict" in each for each in reported(translation, "vm.numa"))


@pytest.mark.parametrize(
    ("reservation", "limit", "resources"),
    [
        (0, None, None),
        (1500, None, {"requests": {"cpu": "750m"}}),
        (4000, None, {"requests": {"cpu": "2"}}),
        (10, None, {"requests": {"cpu": "200m"}}),  # no less than others ask for
        (0, 1000, {"limits": {"cpu": "500m"}}),
        (0, 4000, None),  # all that its two CPUs are
        (1000, 3000, {"requests": {"cpu": "500m"}, "limits": {"cpu": "1500m"}}),
        (10, 100, {"requests": {"cpu": "50m"}, "limits": {"cpu": "50m"}}),
        (1, -1, {"requests": {"cpu": "200m"}}),
    ],
)
def test_vm_cpu_reservation_becomes_cores(
    reservation: int, limit: int | None, resources: dict[str, Any] | None
) -> None:
    """At 2,000 MHz. No more is requested than the limit, which admission would refuse."""
    asked = CpuAllocation(reservation_mhz=reservation, limit_mhz=limit, level="normal")
    assert domain(vsphere(bare_vm(cpu_allocation=asked))).get("resources") == resources


def test_vm_cpu_reservation_without_a_speed_is_told() -> None:
    asked = CpuAllocation(reservation_mhz=1000, level="normal")
    spec, translation = one(vsphere(bare_vm(cpu_allocation=asked), mhz=None))
    assert "resources" not in spec["domain"]
    assert found(translation, "vm.cpu-reservation")[0].category is Category.WARNING


def test_vm_shares_that_are_unlike_others_are_told() -> None:
    vm = bare_vm(
        cpu_allocation=CpuAllocation(level="high", shares=8000),
        memory_allocation=MemoryAllocation(level="normal", shares=20480),
    )
    (told_of_cpu,) = said(one(vsphere(vm))[1], "vm.shares")
    assert told_of_cpu.startswith("it has high CPU shares (8000), where others have normal ones")
    for shares, told in ((1024, False), (2048, True)):
        _, translation = one(rhv(bare_vm(cpu_allocation=CpuAllocation(shares=shares))))
        assert bool(found(translation, "vm.shares")) is told


def test_vm_expandable_says_nothing() -> None:
    asked = CpuAllocation(expandable=True, level="normal")
    _, translation = one(vsphere(bare_vm(cpu_allocation=asked)))
    assert reported(translation, "vm.expandable") == []


def test_vm_cpu_profile_is_told() -> None:
    _, translation = one(rhv(bare_vm(cpu_profile="profile-7")))
    assert "profile-7 may limit" in reported(translation, "vm.cpu-profile")[0]
