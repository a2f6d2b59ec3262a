"""What the rich estate's engine is set to and has seen: options, systems it knows, events."""

import json
from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.things import GIB, on, ref, uid

MINIMAL_DOWNTIME = "80554327-0569-496b-bdeb-fcbbf52b827b"
SUSPEND = "80554327-0569-496b-bdeb-fcbbf52b827c"
POST_COPY = "a7aeedb2-8d66-4e51-bb22-32595027ce71"
VERY_LARGE = "57237b82-b8c2-425f-b425-114b35219626"


_PROPERTIES = ";".join(
    (
        "sap_agent=^(true|false)$",
        "sndbuf=^[0-9]+$",
        "hugepages=^[0-9]+$",
        "vhost=^(([a-zA-Z0-9_]*):(true|false))(,(([a-zA-Z0-9_]*):(true|false)))*$",
        "viodiskcache=^(none|writeback|writethrough)$",
        "mdev_type=^.*$",
    )
)


def options() -> list[Any]:
    """Configuration values, as JSON or the engine's own lists, by cluster level."""

    def limit(percent: int, *actions: tuple[str, list[str]]) -> dict[str, Any]:
        [(name, params)] = actions
        return {"limit": percent, "action": {"name": name, "params": params}}

    def policy(id_: str, name: str, most: int, *, last: Any, **more: Any) -> dict[str, Any]:
        return {
            "id": {"uuid": id_},
            "name": name,
            "description": f"{name} policy",
            "maxMigrations": most,
            "autoConvergence": more.get("auto", True),
            "migrationCompression": False,
            "enableGuestEvents": True,
            "config": {
                "convergenceItems": more.get("items", []),
                "initialItems": [{"name": "setDowntime", "params": ["100"]}],
                "lastItems": last,
            },
        }

    steps = [limit(1, ("setDowntime", ["150"])), limit(3, ("setDowntime", ["500"]))]
    abort = [{"name": "abort", "params": []}]
    migration = [
        policy(MINIMAL_DOWNTIME, "Minimal downtime", 2, last=abort, items=steps),
        policy(
            *(SUSPEND, "Suspend workload if needed", 1),
            last=[{"name": "setDowntime", "params": ["5000"]}, *abort],
            items=steps,
        ),
        policy(
            *(POST_COPY, "Post-copy migration", 2),
            last=[{"name": "postcopy", "params": []}, *abort],
            items=steps,
        ),
    ]
    large = policy(
        *(VERY_LARGE, "Very large VMs", 1), last=abort, items=[limit(2, ("setDowntime", ["5000"]))]
    )
    cpus = (
        "1:Intel Nehalem Family:vmx,nx,model_Nehalem:Nehalem:x86_64; "
        "7:Secure Intel Cascadelake Server Family:vmx,md-clear,mds-no,model_Cascadelake-Server:"
        "Cascadelake-Server,-hle,-rtm,+arch-capabilities:x86_64; "
        "3:AMD EPYC:svm,nx,model_EPYC:EPYC:x86_64"
    )
    values = {
        "MigrationPolicies": {
            "4.6": json.dumps(migration),
            "4.7": json.dumps([*migration, large]),
        },
        "ServerCPUList": {"4.6": cpus, "4.7": cpus},
        "PredefinedVMProperties": dict.fromkeys(("4.6", "4.7"), _PROPERTIES),
        "UserDefinedVMProperties": {"4.6": "", "4.7": "owner_token=^.*$;qemu_cmdline=^.*$"},
        "ClusterEmulatedMachines": {
            "4.6": "pc-q35-rhel8.4.0,pc-i440fx-rhel7.6.0",
            "4.7": "pc-q35-rhel8.6.0,pc-q35-rhel8.4.0,pc-i440fx-rhel7.6.0",
        },
    }
    return [
        t.SystemOption(
            id=name,
            name=name,
            values=[t.SystemOptionValue(value=value, version=level) for level, value in by.items()],
        )
        for name, by in values.items()
    ]


def operating_systems() -> list[Any]:
    known = {
        "0": ("other", "Other OS"),
        "5": ("other_linux", "Linux"),
        "24": ("rhel_7x64", "Red Hat Enterprise Linux 7.x x64"),
        "30": ("rhel_8x64", "Red Hat Enterprise Linux 8.x x64"),
        "34": ("rhel_9x64", "Red Hat Enterprise Linux 9.x x64"),
        "36": ("windows_11", "Windows 11"),
        "37": ("windows_2022", "Windows 2022"),
        "17": ("windows_2008R2x64", "Windows 2008 R2 x64"),
        "27": ("windows_10x64", "Windows 10 x64"),
        "1252": ("ubuntu_14_04", "Ubuntu Trusty Tahr LTS+"),
    }
    return [
        t.OperatingSystemInfo(
            id=id_,
            name=name,
            description=text,
            architecture=t.Architecture.X86_64,
            tpm_support=t.TpmSupport.REQUIRED if name == "windows_11" else t.TpmSupport.SUPPORTED,
        )
        for id_, (name, text) in known.items()
    ]


def instance_types() -> list[Any]:
    return [
        t.InstanceType(
            id=uid("InstanceType", name),
            name=name,
            description=f"{name} instance type",
            memory=memory * GIB,
            cpu=t.Cpu(topology=t.CpuTopology(sockets=cpus, cores=1, threads=1)),
            io=t.Io(threads=1),
            high_availability=t.HighAvailability(enabled=False, priority=1),
        )
        for name, memory, cpus in (("Tiny", 1, 1), ("Small", 2, 1), ("XLarge", 16, 4))
    ]


def events() -> list[Any]:
    told = (
        (30, "User admin@internal-authz logged in.", "normal", None),
        (
            61,
            "VM web01 is down. Exit message: User shut down from within the guest",
            "normal",
            "web01",
        ),
        (1130, "VM illegal01 has an illegal image.", "error", "illegal01"),
        (9500, "Storage domain nfs-data is low on space.", "warning", None),
        (506, "Host rhvh03.example was switched to Maintenance Mode.", "alert", None),
    )
    return [
        t.Event(
            id=str(at),
            index=at,
            code=code,
            description=text,
            severity=t.LogSeverity(severity),
            time=on(at),
            origin="oVirt",
            correlation_id=uid("correlation", text)[:8],
            custom_id=-1,
            flood_rate=30,
            vm=ref("Vm", vm) if vm else None,
        )
        for at, (code, text, severity, vm) in enumerate(told, 1)
    ]


def icons() -> list[Any]:
    """The two pictures that all VMs share; cut short."""
    return [
        t.Icon(id=uid("Icon", size), media_type="image/png", data="iVBORw0KGgo=")
        for size in ("small", "large")
    ]


def bookmarks() -> list[Any]:
    return [
        t.Bookmark(id=uid("Bookmark", "down"), name="VMs that are down", value="Vms: status=down")
    ]
