"""The assessment: verdicts from concerns, the same answer for the same inventory."""

from typing import Any

import pytest

from mtv.assess import assess, facts
from mtv.estate import Estate
from mtv.model.concern import Assessment, Category, Concern, Readiness, VmAssessment
from mtv.model.estate import Inventory
from mtv.model.vm import Backing, Power, Vm
from tests.estates import (
    inventory,
    numbered_vms,
    plain_device,
    plain_disk,
    plain_nic,
    plain_snapshot,
    plain_vm,
)


def assessed(*vms: Vm) -> Assessment:
    return assess(Estate([inventory(*vms)]))


def verdict(**changes: Any) -> VmAssessment:
    return assessed(plain_vm(**changes)).vms[0]


def labels(**changes: Any) -> dict[str, str]:
    """Rule -> label of what is found about a plain VM with these changes."""
    return {concern.rule: concern.label for concern in verdict(**changes).concerns}


def test_a_plain_vm_is_ready() -> None:
    assert verdict() == VmAssessment(
        ref="vc1/vm-1", name="web01", readiness=Readiness.READY, concerns=()
    )


def test_information_leaves_a_vm_ready() -> None:
    found = verdict(power=Power.ON, tools_running=True)
    assert [concern.category for concern in found.concerns] == [Category.INFORMATION]
    assert found.readiness is Readiness.READY


def test_a_warning_makes_conditions() -> None:
    assert verdict(devices=(plain_device(),)).readiness is Readiness.CONDITIONS


def test_a_blocker_blocks_whatever_else_there_is() -> None:
    found = verdict(disks=(), devices=(plain_device(),))
    assert {concern.category for concern in found.concerns} == {Category.BLOCKER, Category.WARNING}
    assert found.readiness is Readiness.BLOCKED


def test_templates_are_left_out() -> None:
    vms = numbered_vms(2)
    template = plain_vm(id="vm-9", is_template=True, disks=())
    assert [vm.ref for vm in assessed(vms[0], template, vms[1]).vms] == ["vc1/vm-1", "vc1/vm-2"]


def test_a_concern_names_its_vm() -> None:
    found = assessed(*numbered_vms(1), plain_vm(id="vm-2", disks=()))
    assert found.vms[0].concerns == ()
    assert [concern.ref for concern in found.vms[1].concerns] == ["vc1/vm-2"]


def test_the_age_of_a_snapshot_counts_to_the_collection() -> None:
    old = plain_snapshot(id="snapshot-2", created_at="2025-11-22T09:00:00+02:00", depth=1)
    assert labels(snapshots=(plain_snapshot(), old))["snapshot-present"] == (
        "Has 2 snapshot(s), the oldest 365 days old"
    )


@pytest.mark.parametrize(
    ("created_at", "days"),
    [
        ("2026-11-22T10:00:00Z", 0),
        ("2026-11-21T10:00:01Z", 0),
        ("2026-11-21T10:00:00.000001+00:00", 0),
        ("2026-11-21T11:00:00+01:00", 1),
        ("2026-10-12T10:00:00+00:00", 41),
    ],
)
def test_an_age_is_whole_days(created_at: str, days: int) -> None:
    vm = plain_vm(snapshots=(plain_snapshot(created_at=created_at),))
    placed = next(Estate([inventory(vm)]).vms())
    assert facts(placed)["vm"]["snapshots"][0]["age_days"] == days


def test_the_disks_that_are_meant_are_named() -> None:
    disks = (
        plain_disk(label="Hard disk 1"),
        plain_disk(key="2001", label="Hard disk 2", backing=Backing.RDM_PHYSICAL),
        plain_disk(key="2002", label="Hard disk 3", backing=Backing.RDM_VIRTUAL),
    )
    assert labels(disks=disks) == {
        "disk-lun": "LUNs, which are not copied: Hard disk 2",
        "disk-raw-device-mapping": "Raw device mapping in virtual mode: Hard disk 3",
    }


@pytest.mark.parametrize("mode", ["independent_nonpersistent", "nonpersistent"])
def test_a_disk_that_forgets_is_found(mode: str) -> None:
    assert list(labels(disks=(plain_disk(mode=mode),))) == ["disk-nonpersistent"]


@pytest.mark.parametrize(
    "disk",
    [
        plain_disk(backing=Backing.OTHER),
        plain_disk(encrypted=True),
    ],
)
def test_a_disk_that_cannot_be_read_is_found(disk: Any) -> None:
    assert labels(disks=(disk,)) == {
        "disk-unreadable-backing": "Disks stored in a way this version cannot read: Hard disk 1"
    }


@pytest.mark.parametrize("model", ["sriov", "vmxnet3-rdma"])
def test_a_part_of_the_host_is_found(model: str) -> None:
    assert list(labels(nics=(plain_nic(model=model),))) == ["nic-passthrough"]


def test_secure_boot_and_a_tpm_are_told_apart() -> None:
    rule = "secure-boot-or-vtpm"
    assert labels(secure_boot=True)[rule] == "Boots with secure boot"
    assert labels(secure_boot=True, has_vtpm=True)[rule] == "Has a virtual TPM"


@pytest.mark.parametrize(
    ("power", "tools", "rules"),
    [
        (Power.ON, True, ["running"]),
        (Power.ON, False, ["running", "tools-not-running"]),
        (Power.ON, None, ["running", "tools-not-running"]),
        (Power.OFF, None, []),
        (Power.SUSPENDED, None, ["suspended"]),
    ],
)
def test_power_and_tools_are_seen_together(
    power: Power, tools: bool | None, rules: list[str]
) -> None:
    assert list(labels(power=power, tools_running=tools)) == rules


def test_words_of_a_source_are_only_words() -> None:
    hostile = "a' + string(vm.name) + '\n{value} {{x}} ${y} \x07 💾"
    disk = plain_disk(label=hostile, shared=True)
    assert labels(disks=(disk,))["disk-shared"] == f"Disks shared with other VMs: {hostile}"


def test_the_same_inventory_always_gives_the_same_answer() -> None:
    vms = tuple(
        plain_vm(id=f"vm-{number}", snapshots=(plain_snapshot(),) * (number % 2))
        for number in range(6)
    )
    assert assessed(*vms) == assessed(*vms)
    backwards = {vm.ref: vm for vm in assessed(*reversed(vms)).vms}
    assert {vm.ref: vm for vm in assessed(*vms).vms} == backwards


def test_rules_of_another_product_do_not_speak() -> None:
    other: Inventory = inventory(plain_vm(disks=()), product="hyper-v")
    concerns: tuple[Concern, ...] = assess(Estate([other])).vms[0].concerns
    assert concerns == ()


def test_every_source_is_assessed() -> None:
    estate = Estate(
        [inventory(plain_vm(), source="vc1"), inventory(plain_vm(disks=()), source="vc2")]
    )
    assert [(vm.ref, vm.readiness) for vm in assess(estate).vms] == [
        ("vc1/vm-1", Readiness.READY),
        ("vc2/vm-1", Readiness.BLOCKED),
    ]
