"""Templates with their versions, and a pool of desktops."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.shapes import attached, nic
from tests.real.rich_rhv.things import BLANK, GIB, on, ref, uid


def _template(name: str, shown: str, version: Any = None, **more: Any) -> Any:
    id_ = BLANK if name == "Blank" else uid("Template", name)
    return t.Template(
        id=id_,
        name=shown,
        description="",
        comment="",
        status=t.TemplateStatus.OK,
        creation_time=on(1),
        cluster=None if name == "Blank" else ref("Cluster", more.pop("cluster", "prod")),
        bios=t.Bios(type=t.BiosType.CLUSTER_DEFAULT, boot_menu=t.BootMenu(enabled=False)),
        cpu=t.Cpu(topology=t.CpuTopology(sockets=1, cores=2, threads=1)),
        memory=2 * GIB,
        memory_policy=t.MemoryPolicy(guaranteed=2 * GIB, max=8 * GIB, ballooning=True),
        os=t.OperatingSystem(type=more.pop("os", "rhel_9x64")),
        type=more.pop("type", t.VmType.SERVER),
        usb=t.Usb(enabled=False),
        io=t.Io(threads=1),
        time_zone=t.TimeZone(name="Etc/GMT"),
        high_availability=t.HighAvailability(enabled=False, priority=1),
        placement_policy=t.VmPlacementPolicy(affinity=t.VmAffinity.MIGRATABLE),
        display=t.Display(type=t.DisplayType.VNC, monitors=1, smartcard_enabled=False),
        migration=t.MigrationOptions(
            auto_converge=t.InheritableBoolean.INHERIT, compressed=t.InheritableBoolean.INHERIT
        ),
        migration_downtime=-1,
        multi_queues_enabled=True,
        stateless=False,
        start_paused=False,
        cpu_profile=None if name == "Blank" else ref("CpuProfile", "prod"),
        delete_protected=name == "Blank",
        origin="ovirt",
        version=version
        or t.TemplateVersion(
            version_number=1, version_name="base version", base_template=t.Template(id=id_)
        ),
        **more,
    )


def templates() -> list[Any]:
    return [
        _template("Blank", "Blank", os="other"),
        _template(
            "rhel9",
            "rhel9",
            disk_attachments=[attached("rhel9_template", bootable=True)],
            nics=[nic("rhel9", 1, "vlan100")],
            initialization=t.Initialization(host_name="rhel9", regenerate_ssh_keys=True),
        ),
        _template(
            "rhel9-v2",
            "rhel9",
            t.TemplateVersion(
                version_number=2, version_name="hardened", base_template=ref("Template", "rhel9")
            ),
            disk_attachments=[attached("rhel9_template_v2", bootable=True)],
            nics=[nic("rhel9-v2", 1, "vlan100")],
        ),
        _template(
            "win10-desktop",
            "win10-desktop",
            os="windows_10x64",
            cluster="dev",
            type=t.VmType.DESKTOP,
            disk_attachments=[attached("win10_template", bootable=True)],
            nics=[nic("win10-desktop", 1, "display")],
        ),
    ]


def pools() -> list[Any]:
    return [
        t.VmPool(
            id=uid("VmPool", "vdi"),
            name="vdi",
            description="Desktops of the office",
            size=2,
            prestarted_vms=1,
            max_user_vms=1,
            stateful=False,
            type=t.VmPoolType.AUTOMATIC,
            use_latest_template_version=True,
            auto_storage_select=False,
            cluster=ref("Cluster", "dev"),
            template=ref("Template", "win10-desktop"),
            vm=ref("Vm", "vdi-1"),
        )
    ]
