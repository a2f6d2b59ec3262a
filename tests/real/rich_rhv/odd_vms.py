"""VMs of the rich estate that are odd by their state, their name or where they come from."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.shapes import active, attached, nic, snapshot, vm
from tests.real.rich_rhv.things import FIRST, on, ref

LONG = "erp-application-server-" + "of-the-department-of-very-long-names-" * 2 + "0042"
"""A name of more than 80 characters, which RHV permits."""

SKIPPED = ("HostedEngine", "cnv-fedora")
"""VMs that no migration wants: the engine's own, and one that OpenShift already runs."""


def odd_vms() -> list[Any]:
    return [*_odd_states(), *_odd_names(), *_others()]


def _odd_states() -> list[Any]:
    with_memory = [
        active("snap01"),
        snapshot("snap01", "before update", 1),
        snapshot("snap01", "with memory", 2, memory=True),
    ]
    return [
        vm("suspended01", status="suspended", disks=[attached("suspended01_disk1", bootable=True)]),
        vm(
            "paused01",
            host=FIRST,
            status="paused",
            disks=[attached("paused01_disk1", bootable=True)],
        ),
        vm(
            "nextrun01",
            host=FIRST,
            next_run_configuration_exists=True,
            custom_compatibility_version=t.Version(major=4, minor=6),
            disks=[attached("nextrun01_disk1", bootable=True)],
        ),
        vm(
            "illegal01",
            cluster="dev",
            has_illegal_images=True,
            disks=[attached("illegal01_disk1", bootable=True)],
        ),
        vm("locked01", status="image_locked", disks=[attached("locked01_disk1", bootable=True)]),
        vm(
            "preview01",
            disks=[attached("preview01_disk1", bootable=True)],
            snapshots=[
                active("preview01"),
                snapshot("preview01", "tried", 4, status="in_preview"),
                snapshot("preview01", "Active VM before the preview", 5, type="preview"),
            ],
        ),
        vm(
            "snap01",
            bios=t.Bios(type=t.BiosType.Q35_SEA_BIOS, boot_menu=t.BootMenu(enabled=False)),
            disks=[attached("snap01_disk", bootable=True)],
            nics=[nic("snap01", 1, "vlan100")],
            snapshots=with_memory,
        ),
    ]


def _odd_names() -> list[Any]:
    names = {
        "büro-müller": "ubuntu_14_04",
        "Сервер-баз-данных": "other_linux",
        "数据库服务器": "rhel_7x64",
        LONG: "other",
        "app.srv_01": "rhel_8x64",
        "App-srv-01": "rhel_8x64",
    }
    return [
        vm(name, os=os, disks=[attached(f"{name}_disk1", "virtio", bootable=True)])
        for name, os in names.items()
    ]


def _others() -> list[Any]:
    desktops = [
        vm(
            f"vdi-{number}",
            type=t.VmType.DESKTOP,
            cluster="dev",
            template="win10-desktop",
            os="windows_10x64",
            stateless=number == 2,
            vm_pool=ref("VmPool", "vdi"),
            use_latest_template_version=True,
            bios=t.Bios(type=t.BiosType.Q35_SEA_BIOS, boot_menu=t.BootMenu(enabled=False)),
            disks=[attached(f"vdi-{number}_disk1", bootable=True)],
            nics=[nic(f"vdi-{number}", 1, "display")],
            display=t.Display(type=t.DisplayType.SPICE, monitors=2, smartcard_enabled=True),
        )
        for number in (1, 2)
    ]
    return [
        *desktops,
        vm(
            "local01",
            cluster="local",
            host="rhvh04.example",
            os="debian_9",
            bios=t.Bios(type=t.BiosType.I440FX_SEA_BIOS, boot_menu=t.BootMenu(enabled=False)),
            disks=[attached("local01_disk1", bootable=True)],
            nics=[nic("local01", 1, "ovirtmgmt-local", ips=("10.1.0.70",))],
            quota=None,
        ),
        vm("diskless01", boot=(t.BootDevice.NETWORK,), creation_time=on(9)),
        vm(
            "HostedEngine",
            host=FIRST,
            origin="managed_hosted_engine",
            os="rhel_8x64",
            disks=[attached("he_virtio_disk", "virtio", bootable=True)],
            nics=[nic("HostedEngine", 1, "ovirtmgmt", ips=("10.1.0.5",))],
        ),
        vm("cnv-fedora", origin="kubevirt", os="other_linux"),
    ]
