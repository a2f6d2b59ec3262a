"""What the VMs of the rich estate are put together from: NICs, attachments, snapshots, a VM."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.people import vm_permissions
from tests.real.rich_rhv.things import BLANK, GIB, on, ref, statistic, uid


def nic(vm: str, number: int, profile: str, model: str = "virtio", **more: Any) -> Any:
    """A vNIC; `ips` are what the guest reports on it."""
    own = uid("mac", vm)
    mac = f"56:6f:{own[:2]}:{own[2:4]}:{own[4:6]}:{number:02x}"
    ips = more.pop("ips", ())
    name = f"nic{number}"
    found = t.Nic(
        id=uid("Nic", f"{vm}/{name}"),
        name=name,
        interface=t.NicInterface(model),
        linked=more.pop("linked", True),
        plugged=more.pop("plugged", True),
        mac=t.Mac(address=mac),
        vnic_profile=ref("VnicProfile", profile) if profile else None,
        statistics=[
            statistic(f"{vm}/{name}", "data.current.rx.bps", "bytes_per_second", 125000),
            statistic(f"{vm}/{name}", "data.current.tx.bps", "bytes_per_second", 64000),
        ],
        **more,
    )
    if ips:
        found.reported_devices = [reported(vm, number, mac, *ips)]
    return found


def reported(vm: str, number: int, mac: str, *ips: str) -> Any:
    return t.ReportedDevice(
        id=uid("ReportedDevice", f"{vm}/{number}"),
        name=f"eth{number - 1}",
        description="guest reported data",
        type=t.ReportedDeviceType.NETWORK,
        mac=t.Mac(address=mac),
        ips=[
            t.Ip(address=each, version=t.IpVersion.V6 if ":" in each else t.IpVersion.V4)
            for each in ips
        ],
    )


def attached(name: str, interface: str = "virtio_scsi", **more: Any) -> Any:
    """The attachment of a disk, by the disk's name."""
    return t.DiskAttachment(
        id=uid("Disk", name),
        disk=ref("Disk", name),
        interface=t.DiskInterface(interface),
        active=more.pop("active", True),
        bootable=more.pop("bootable", False),
        read_only=more.pop("read_only", False),
        pass_discard=more.pop("pass_discard", False),
        uses_scsi_reservation=more.pop("uses_scsi_reservation", False),
        **more,
    )


def active(vm: str) -> Any:
    """The snapshot that every VM has: itself."""
    return t.Snapshot(
        id=uid("Snapshot", f"{vm}/active"),
        description="Active VM",
        date=on(1),
        persist_memorystate=False,
        snapshot_status=t.SnapshotStatus.OK,
        snapshot_type=t.SnapshotType.ACTIVE,
    )


def snapshot(vm: str, text: str, day: int, **more: Any) -> Any:
    return t.Snapshot(
        id=uid("Snapshot", f"{vm}/{text}"),
        description=text,
        date=on(day),
        persist_memorystate=more.pop("memory", False),
        snapshot_status=t.SnapshotStatus(more.pop("status", "ok")),
        snapshot_type=t.SnapshotType(more.pop("type", "regular")),
        disks=more.pop("disks", []),
        vm=_as_it_was(vm, more.pop("script", "")),
    )


def _as_it_was(name: str, script: str) -> Any:
    """The VM inside a snapshot: real answers show all of it, first-boot script and all."""
    return t.Vm(
        id=uid("Vm", name),
        name=name,
        memory=4 * GIB,
        cluster=ref("Cluster", "prod"),
        status=t.VmStatus.DOWN,
        bios=t.Bios(type=t.BiosType.Q35_OVMF, boot_menu=t.BootMenu(enabled=False)),
        cpu=t.Cpu(topology=t.CpuTopology(sockets=2, cores=1, threads=1)),
        os=t.OperatingSystem(type="other"),
        origin="ovirt",
        initialization=t.Initialization(custom_script=script, regenerate_ssh_keys=False)
        if script
        else None,
    )


def console(vm: str, protocol: str) -> Any:
    return t.GraphicsConsole(
        id=uid("GraphicsConsole", f"{vm}/{protocol}"), protocol=t.GraphicsType(protocol)
    )


def vm(name: str, **more: Any) -> Any:
    """A VM with the usual settings; anything of `types.Vm` may be given instead.

    `disks` are attachments, `host` a name, `cpus` is (sockets, cores, threads), `gib` its memory.
    """
    cluster = more.pop("cluster", "prod")
    host = more.pop("host", "")
    status = more.pop("status", "up" if host else "down")
    template = more.pop("template", "")
    sockets, cores, threads = more.pop("cpus", (2, 1, 1))
    memory = more.pop("gib", 4) * GIB
    cpu: dict[str, Any] = {
        "architecture": t.Architecture.X86_64,
        "topology": t.CpuTopology(sockets=sockets, cores=cores, threads=threads),
        **more.pop("cpu", {}),
    }
    migration = {
        "auto_converge": t.InheritableBoolean.INHERIT,
        "compressed": t.InheritableBoolean.INHERIT,
        "encrypted": t.InheritableBoolean.INHERIT,
        **more.pop("migration", {}),
    }
    values: dict[str, Any] = {
        "description": "",
        "comment": "",
        "type": t.VmType.SERVER,
        "bios": t.Bios(type=t.BiosType.Q35_OVMF, boot_menu=t.BootMenu(enabled=False)),
        "memory_policy": t.MemoryPolicy(guaranteed=memory, max=memory * 4, ballooning=True),
        "high_availability": t.HighAvailability(enabled=False, priority=1),
        "placement_policy": t.VmPlacementPolicy(affinity=t.VmAffinity.MIGRATABLE),
        "migration_downtime": -1,
        "time_zone": t.TimeZone(name="Etc/GMT"),
        "usb": t.Usb(enabled=False),
        "display": t.Display(
            type=t.DisplayType.VNC,
            monitors=1,
            smartcard_enabled=False,
            allow_override=False,
            disconnect_action="LOCK_SCREEN",
            copy_paste_enabled=True,
            file_transfer_enabled=True,
        ),
        "console": t.Console(enabled=False),
        "io": t.Io(threads=1),
        "virtio_scsi": t.VirtioScsi(enabled=True),
        "multi_queues_enabled": True,
        "virtio_scsi_multi_queues_enabled": False,
        "cpu_pinning_policy": t.CpuPinningPolicy.NONE,
        "numa_tune_mode": t.NumaTuneMode.INTERLEAVE,
        "storage_error_resume_behaviour": t.VmStorageErrorResumeBehaviour.AUTO_RESUME,
        "stateless": False,
        "start_paused": False,
        "delete_protected": False,
        "tpm_enabled": False,
        "run_once": False,
        "next_run_configuration_exists": False,
        "has_illegal_images": False,
        "soundcard_enabled": False,
        "cpu_shares": 0,
        "origin": "ovirt",
        "rng_device": t.RngDevice(source=t.RngSource.URANDOM),
        "quota": t.Quota(id=uid("Quota", "default")),
        "cpu_profile": ref("CpuProfile", cluster),
        "creation_time": on(1),
        "sso": t.Sso(methods=[t.Method(id=t.SsoMethod.GUEST_AGENT)]),
        "small_icon": ref("Icon", "small"),
        "large_icon": ref("Icon", "large"),
        "snapshots": [active(name)],
        "graphics_consoles": [console(name, "vnc")],
        "cdroms": [t.Cdrom(id=BLANK)],
        "permissions": vm_permissions(name),
    }
    if not host:
        values["stop_time"] = on(3)
        values["stop_reason"] = "maintenance"
    else:
        values["host"] = ref("Host", host)
        values["start_time"] = on(2)
        values["statistics"] = [
            statistic(name, "memory.installed", "bytes", memory),
            statistic(name, "memory.used", "bytes", memory // 2),
            statistic(name, "cpu.current.total", "percent", 12.5),
        ]
    origin = t.Template(id=uid("Template", template) if template else BLANK)
    values["disk_attachments"] = more.pop("disks", [])
    devices = [each for card in more.get("nics", []) for each in card.reported_devices or []]
    if devices:
        values["reported_devices"] = [
            t.ReportedDevice(id=each.id, name=each.name, type=each.type, mac=each.mac, ips=each.ips)
            for each in devices
        ]
    os = more.pop("os", "rhel_9x64")
    boot = more.pop("boot", (t.BootDevice.HD,))
    return t.Vm(
        id=uid("Vm", name),
        name=name,
        status=t.VmStatus(status),
        cluster=ref("Cluster", cluster),
        cpu=t.Cpu(**cpu),
        memory=memory,
        migration=t.MigrationOptions(**migration),
        os=t.OperatingSystem(type=os, boot=t.Boot(devices=list(boot))),
        template=origin,
        original_template=t.Template(id=origin.id),
        **{**values, **more},
    )
