"""Instance types: those of the source, those that mapping.yaml gives to VMs, and pools."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.knowledge.instance_types import brought
from mtv.knowledge.versions import versions
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.organisation import InstanceType, VmPool
from mtv.model.quantity import CpuAllocation, MemoryAllocation
from mtv.model.target import InstanceTypeSize
from mtv.model.vm import Vm
from mtv.translate import Translation
from mtv.translate.check import check
from mtv.translate.part import Manifest
from tests.estates import (
    GIB,
    inventory,
    plain_mapping,
    plain_target,
    plain_vm,
    translated,
    translated_inventory,
)
from tests.validation import There, check_set

KIND = "VirtualMachineClusterInstancetype"


def first(translation: Translation) -> Manifest:
    return translation.manifests(translation.vms[0])[0]


def about(translation: Translation) -> list[Finding]:
    return [each for each in translation.findings if each.row == "instance-type"]


def typed(vm: Vm, name: str = "u1.large", **target: Any) -> Translation:
    """The VM with an instance type."""
    return translated(vm, target=plain_target(**target), instance_types={"vc1/vm-1": name})


EVERYTHING = plain_vm(
    cpu_hot_add=True,
    memory_hot_add=True,
    memory_max_bytes=64 * GIB,
    io_threads=2,
    cpu_allocation=CpuAllocation(reservation_mhz=1000, limit_mhz=2000),
    memory_allocation=MemoryAllocation(reservation_bytes=2 * GIB),
    ballooning=False,
    nested_virtualization=True,
)
"""A VM that would say a lot of its CPUs and memory."""

PINNED = plain_vm(cpu_pinning=("0#1",), cpu_pinning_policy="dedicated")


def test_a_vm_keeps_its_own_size_unasked() -> None:
    made = first(translated(plain_vm()))
    assert "instancetype" not in made["spec"]
    assert made["spec"]["template"]["spec"]["domain"]["memory"] == {"guest": "2048Mi"}


def test_a_vm_with_a_type_says_nothing_that_admission_refuses() -> None:
    made = first(typed(EVERYTHING))
    assert made["spec"]["instancetype"] == {"kind": KIND, "name": "u1.large"}
    domain = made["spec"]["template"]["spec"]["domain"]
    assert not {"memory", "resources"} & set(domain)
    assert set(domain["cpu"]) == {"features"}
    assert domain["devices"]["autoattachMemBalloon"] is False
    assert domain["ioThreadsPolicy"] == "auto"


def test_a_type_that_serves_disks_its_own_way_is_not_contradicted() -> None:
    assert (
        "ioThreadsPolicy"
        not in first(typed(EVERYTHING, "cx1.large"))["spec"]["template"]["spec"]["domain"]
    )


@pytest.mark.parametrize("openshift", [each.openshift for each in versions().releases])
@pytest.mark.parametrize("name", ["u1.nano", "o1.8xlarge", "cx1.medium", "m1.large"])
@pytest.mark.parametrize("vm", [EVERYTHING, PINNED])
def test_every_version_takes_it(openshift: str, name: str, vm: Vm) -> None:
    translation = typed(vm, name, openshift=openshift)
    there = There.of(translation.site.target)
    manifests = list(translation.every_manifest())
    assert check_set(manifests, translation.site.release, there).faults == []


def test_the_innermost_line_answers() -> None:
    lines = {"vc1/domain-c1": "u1.large", "vc1/vm-1": "u1.small"}
    made = first(translated(plain_vm(), instance_types=lines))
    assert made["spec"]["instancetype"]["name"] == "u1.small"
    made = first(translated(plain_vm(), instance_types={**lines, "vc1/vm-1": None}))
    assert made["spec"]["instancetype"]["name"] == "u1.large"


def test_fewer_cpus_or_less_memory_is_a_warning_with_both_sizes() -> None:
    (smaller,) = (
        each
        for each in about(typed(plain_vm(sockets=4, memory_bytes=16 * GIB)))
        if each.category is Category.WARNING
    )
    assert "u1.large (2 CPUs, 8.0 GiB)" in smaller.says
    assert "web01 (4 CPUs, 16.0 GiB)" in smaller.says


def test_what_the_type_takes_over_is_said_once() -> None:
    translation = typed(PINNED)
    (said,) = about(translation)
    assert said.category is Category.INFORMATION
    assert "pinning" in said.says
    assert not [each for each in translation.findings if each.row == "vm.cpu-pinning"]


@pytest.mark.parametrize("name", ["", "u1", "u1.large\n", "U1.large", "x" * 10_000, "{}"])
def test_a_type_that_nobody_knows_is_refused_and_the_vm_goes_over(name: str) -> None:
    translation = typed(plain_vm(), name)
    (finding,) = about(translation)
    assert finding.category is Category.BLOCKER
    assert finding.says.startswith("mapping.yaml: instance_types: vc1/vm-1: ")
    assert "target.yaml" in finding.remedy
    assert "instancetype" not in first(translation)["spec"]


def test_a_type_of_the_site_stands_in_target_yaml() -> None:
    own = InstanceTypeSize(name="shop.big", cpus=1, memory="512Mi")
    translation = typed(plain_vm(), "shop.big", instance_types=(own,))
    assert first(translation)["spec"]["instancetype"]["name"] == "shop.big"
    assert [each.category for each in about(translation)] == [
        Category.WARNING,
        Category.INFORMATION,
    ]


def test_a_line_for_nothing_is_said_and_found_by_the_check() -> None:
    lines: dict[str, str | None] = {"vc1/vm-99": "u1.large"}
    (finding,) = about(translated(plain_vm(), instance_types=lines))
    assert "no such object" in finding.says
    found = check(
        Estate([inventory(plain_vm())]), plain_target(), plain_mapping(instance_types=lines)
    )
    assert [each.ref for each in found if each.section == "instance_types"] == ["vc1/vm-99"]


def test_sizes_double_within_a_series() -> None:
    large, xlarge = brought()["u1.large"], brought()["u1.xlarge"]
    assert (large.cpus, large.memory_bytes) == (2, 8 * GIB)
    assert (xlarge.cpus, xlarge.memory_bytes) == (4, 16 * GIB)


# Those of the source


def of_source(*types: InstanceType, **vm: Any) -> Translation:
    return translated_inventory(inventory(plain_vm(**vm), instance_types=types))


def made(translation: Translation) -> list[Manifest]:
    return [each for each in translation.platform if each["kind"] == KIND]


LARGE = InstanceType(
    id="type-1",
    name="Large",
    description="for the shop",
    sockets=2,
    cores_per_socket=2,
    threads_per_core=1,
    memory_bytes=4 * GIB,
    memory_max_bytes=16 * GIB + 1,
)


def test_a_type_that_a_vm_names_is_made_and_the_vm_keeps_its_size() -> None:
    translation = of_source(LARGE, instance_type="type-1")
    (type_,) = made(translation)
    assert type_["metadata"]["name"] == "mtv-large"
    assert type_["spec"]["cpu"] == {"guest": 4}
    assert type_["spec"]["memory"] == {"guest": "4096Mi", "maxGuest": "16384Mi"}
    vm = first(translation)
    assert vm["metadata"]["annotations"]["mtv.migration/source-instance-type"] == "Large"
    assert "instancetype" not in vm["spec"]


def test_types_that_nobody_names_are_told_once() -> None:
    tiny = InstanceType(id="type-2", name="Tiny", sockets=1, memory_bytes=GIB)
    translation = of_source(LARGE, tiny)
    assert made(translation) == []
    (finding,) = about(translation)
    assert finding.category is Category.INFORMATION
    assert "Large, Tiny" in finding.says


@pytest.mark.parametrize(
    "change",
    [{"memory_bytes": None}, {"memory_bytes": -1}, {"sockets": 0}, {"sockets": 1 << 40}],
)
def test_a_type_without_a_size_is_said(change: dict[str, Any]) -> None:
    strange = InstanceType(
        **{"id": "type-1", "name": "Odd", "sockets": 1, "memory_bytes": GIB, **change}
    )
    translation = of_source(strange, instance_type="type-1")
    assert made(translation) == []
    assert "no CPUs or no memory" in about(translation)[0].says


def test_two_types_of_one_name_are_two() -> None:
    other = InstanceType(id="type-2", name="large!", sockets=1, memory_bytes=GIB)
    translation = translated_inventory(
        inventory(
            plain_vm(instance_type="type-1"),
            plain_vm(id="vm-2", name="db", instance_type="type-2"),
            instance_types=(LARGE, other),
        )
    )
    names = [each["metadata"]["name"] for each in made(translation)]
    assert len(set(names)) == 2
    assert all(name.startswith("mtv-large-") for name in names)


def test_an_unknown_type_is_kept_by_its_id() -> None:
    said = first(of_source(instance_type="gone"))["metadata"]["annotations"]
    assert said["mtv.migration/source-instance-type"] == "gone"


# Pools

POOL = VmPool(
    id="pool-1",
    name="desktops",
    cluster="domain-c1",
    template="vm-9",
    kind="automatic",
    size=5,
    prestarted=2,
    maximum_user_vms=1,
    stateful=False,
    latest_template=True,
)


def test_a_pool_is_told_with_all_that_it_promises() -> None:
    gold = plain_vm(id="vm-9", name="win10", is_template=True)
    whole = inventory(plain_vm(vm_pool="pool-1"), gold, vm_pools=(POOL,))
    translation = translated_inventory(whole)
    (finding,) = (each for each in translation.findings if each.row == "vm-pool")
    assert (finding.category, finding.ref) == (Category.WARNING, "vc1/pool-1")
    assert finding.says == (
        "the pool desktops ends, its VMs stay: 5 VMs, made of the newest version of the template "
        "win10, in the cluster prod, automatic assignment, 2 of them started ahead, at most 1 for "
        "a user, what a user wrote is forgotten when it is given back"
    )
    assert "VirtualMachinePool" in finding.remedy
    annotations = first(translation)["metadata"]["annotations"]
    assert annotations["mtv.migration/source-vm-pool"] == "desktops"


def test_a_pool_of_which_nothing_is_known_is_told_too() -> None:
    whole = inventory(plain_vm(), vm_pools=(VmPool(id="pool-1", name="x"),))
    (finding,) = (e for e in translated_inventory(whole).findings if e.row == "vm-pool")
    assert "nothing else is known" in finding.says
