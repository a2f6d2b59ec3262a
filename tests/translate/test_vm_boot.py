"""The start: order of devices, paused starts; the machine with its queues and threads."""

from typing import Any

import pytest

from mtv.knowledge.machines import machines
from mtv.model.concern import Category
from mtv.model.vm import Vm
from mtv.translate.vm.boot import in_boot_order
from tests.estates import inventory, plain_disk, plain_nic, translated_inventory
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

DISKS = (plain_disk(key="2000"), plain_disk(key="2001", unit=1, uuid=None))
NICS = (plain_nic(), plain_nic(key="4001", mac="00:50:56:9a:00:02"))


def orders(vm: Vm) -> dict[str, int]:
    """Device -> its number, of those that have one."""
    devices = domain(vsphere(vm))["devices"]
    return {
        each["name"]: each["bootOrder"]
        for each in (*devices["disks"], *devices.get("interfaces", ()))
        if "bootOrder" in each
    }


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ((), {"disk-2000": 1, "disk-2001": 2}),
        (("disk:2001",), {"disk-2001": 1, "disk-2000": 2}),
        (
            ("nic:4001", "disk:2001"),
            {"nic-4001": 1, "disk-2001": 2, "disk-2000": 3},
        ),
        (
            ("network", "hd"),
            {"nic-4000": 1, "nic-4001": 2, "disk-2000": 3, "disk-2001": 4},
        ),
        (("cdrom", "hd"), {"disk-2000": 1, "disk-2001": 2}),
        (("disk:9999", "nic:1", "tape", "", "disk:2000"), {"disk-2000": 1, "disk-2001": 2}),
        (("hd", "disk:2000", "hd"), {"disk-2000": 1, "disk-2001": 2}),
    ],
)
def test_vm_boot_order(order: tuple[str, ...], numbers: dict[str, int]) -> None:
    """One series of numbers over all devices: admission refuses one that is there twice."""
    assert orders(bare_vm(disks=DISKS, nics=NICS, boot_order=order)) == numbers


def test_vm_boot_order_the_bootable_disk_comes_first() -> None:
    disks = (
        plain_disk(key="a", controller="virtio"),
        plain_disk(key="b", unit=1, uuid=None, controller="virtio", bootable=True),
    )
    devices = domain(rhv(bare_vm(disks=disks, boot_order=("hd",))))["devices"]
    assert {each["name"]: each["bootOrder"] for each in devices["disks"]} == {
        "disk-b": 1,
        "disk-a": 2,
    }


def test_vm_boot_order_counts_cds_where_they_are_named() -> None:
    translation = translated_inventory(vsphere(bare_vm(boot_order=("cdrom", "disk"), nics=NICS)))
    (placed,) = translation.site.vms
    devices: dict[str, Any] = {
        "rng": {},
        "disks": [
            {"name": "disk-2000", "disk": {}, "bootOrder": 7},
            {"name": "cd", "cdrom": {}},
            {"name": "cloud-init", "disk": {}},
        ],
        "interfaces": [{"name": "nic-4000"}],
    }
    assert in_boot_order(translation.site.naming, placed, devices) == {
        "rng": {},
        "disks": [
            {"name": "disk-2000", "disk": {}, "bootOrder": 2},
            {"name": "cd", "cdrom": {}, "bootOrder": 1},
            {"name": "cloud-init", "disk": {}},
        ],
        "interfaces": [{"name": "nic-4000"}],
    }


def test_vm_boot_order_a_floppy_is_told() -> None:
    _, translation = one(vsphere(bare_vm(boot_order=("floppy", "disk:2000"))))
    assert "floppy" in said(translation, "vm.boot-order")[0]


def test_vm_boot_menu_is_told() -> None:
    _, translation = one(vsphere(bare_vm(boot_menu=True, boot_delay_milliseconds=5000)))
    assert [each.count("5000") for each in sorted(reported(translation, "vm.boot-menu"))] == [1, 0]
    _, translation = one(vsphere(bare_vm(boot_menu=False, boot_delay_milliseconds=0)))
    assert reported(translation, "vm.boot-menu") == []


@pytest.mark.parametrize("version", RELEASES)
def test_vm_start_paused(version: str) -> None:
    assert one(rhv(bare_vm(start_paused=True)), of(version))[0]["startStrategy"] == "Paused"
    assert "startStrategy" not in one(rhv(bare_vm(start_paused=False)), of(version))[0]


@pytest.mark.parametrize(
    ("machine", "category", "says"),
    [
        ("vmx-19", Category.INFORMATION, "ens192 becomes enp1s0"),
        ("vmx-07", Category.WARNING, "before paravirtual disks"),
        ("i440fx", Category.WARNING, "AHCI instead of IDE"),
        ("pc-i440fx-rhel7.6.0", Category.WARNING, "AHCI instead of IDE"),
        ("pc-q35-rhel8.4.0", Category.INFORMATION, "is not held"),
    ],
)
def test_vm_machine_what_changes_is_told(machine: str, category: Category, says: str) -> None:
    spec, translation = one(rhv(bare_vm(machine=machine)))
    assert spec["domain"]["machine"] == {"type": "q35"}
    (finding,) = found(translation, "vm.machine")
    assert finding.category is category
    assert says in finding.says
    assert reported(translation, "vm.machine")[0].startswith(f"{machine} becomes q35")


def test_vm_machine_of_another_architecture_waits() -> None:
    translation = translated_inventory(rhv(bare_vm(machine="pseries-rhel8.2.0")))
    assert translation.vms == ()
    assert found(translation, "vm.machine")[0].holds_back == ("vc1/vm-1",)


@pytest.mark.parametrize("machine", ["q35", None, ""])
def test_vm_machine_that_is_there_says_nothing(machine: str | None) -> None:
    _, translation = one(rhv(bare_vm(machine=machine)))
    assert found(translation, "vm.machine") == []
    assert reported(translation, "vm.machine") == []


def test_names_of_machines_are_unique() -> None:
    assert len({each.name for each in machines()}) == len(machines())


def test_vm_kind_and_cluster_machine() -> None:
    spec, translation = one(
        rhv(bare_vm(kind="high_performance"), firmware="q35_ovmf", machine="q35")
    )
    assert spec["domain"] == domain(rhv(bare_vm(kind="server")))
    assert "high_performance" in reported(translation, "vm.kind")[0]
    assert reported(translation, "cluster.machine") == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"multi_queues": True}, {"networkInterfaceMultiqueue": True}),
        ({"virtio_scsi_queues": 4}, {"blockMultiQueue": True}),
        ({"virtio_scsi_queues": -1}, {"blockMultiQueue": True}),
        ({"virtio_scsi_queues": 0, "multi_queues": False}, {}),
    ],
)
def test_vm_queues(changes: dict[str, Any], fields: dict[str, bool]) -> None:
    devices = domain(rhv(bare_vm(**changes)))["devices"]
    assert {key: value for key, value in devices.items() if key.endswith(("ueue",))} == fields


@pytest.mark.parametrize(
    ("threads", "policy"), [(None, None), (0, None), (-2, None), (1, "shared"), (4, "auto")]
)
def test_vm_io_threads(threads: int | None, policy: str | None) -> None:
    assert domain(rhv(bare_vm(io_threads=threads))).get("ioThreadsPolicy") == policy


def test_a_platform_without_vms_says_nothing() -> None:
    rows = {each.row for each in translated_inventory(inventory()).findings}
    assert not {row for row in rows if row.startswith("vm.")}
