"""The VMs of the rich estate: as different from each other as RHV lets them be."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.canaries import CANARIES
from tests.real.rich_rhv.odd_vms import odd_vms
from tests.real.rich_rhv.shapes import active, attached, console, nic, snapshot, vm
from tests.real.rich_rhv.things import FIRST, GIB, SECOND, pairs, ref, uid


def vms() -> list[Any]:
    return [*_linux(), *_windows(), *_special(), *odd_vms()]


def _linux() -> list[Any]:
    web01 = vm(
        "web01",
        description="First web server",
        comment="ask the web team",
        host=FIRST,
        fqdn="web01.example.com",
        guest_operating_system=t.GuestOperatingSystem(
            architecture="x86_64",
            distribution="Red Hat Enterprise Linux",
            codename="Plow",
            family="Linux",
            kernel=t.Kernel(version=t.Version(full_version="5.14.0-362", major=5, minor=14)),
            version=t.Version(full_version="9.3", major=9, minor=3),
        ),
        guest_time_zone=t.TimeZone(name="CET", utc_offset="+01:00"),
        template="rhel9-v2",
        instance_type=ref("InstanceType", "Small"),
        disks=[
            attached("web01_disk1", "virtio_scsi", bootable=True, logical_name="/dev/sda"),
            attached("web01_disk2", "virtio", pass_discard=True, logical_name="/dev/vda"),
        ],
        nics=[
            nic("web01", 1, "vlan100", ips=("10.100.0.11", "fe80::5054:ff:fe00:1")),
            nic("web01", 2, "office"),
        ],
        high_availability=t.HighAvailability(enabled=True, priority=100),
        lease=t.StorageDomainLease(storage_domain=ref("StorageDomain", "nfs-data")),
        console=t.Console(enabled=True),
        rng_device=t.RngDevice(source=t.RngSource.HWRNG, rate=t.Rate(bytes=1024, period=1000)),
        initialization=t.Initialization(
            host_name="web01.example.com",
            user_name="cloud-user",
            root_password=CANARIES["root_password"],
            authorized_ssh_keys="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample someone@example",
            custom_script=f"write_files:\n- path: /etc/token\n  content: {CANARIES['script']}\n",
            dns_servers="10.1.0.53",
            dns_search="example.com",
            timezone="Europe/Berlin",
            regenerate_ssh_keys=True,
            nic_configurations=[
                t.NicConfiguration(
                    name="eth0",
                    on_boot=True,
                    boot_protocol=t.BootProtocol.STATIC,
                    ip=t.Ip(address="10.100.0.11", netmask="255.255.255.0", gateway="10.100.0.1"),
                )
            ],
        ),
        tags=[t.Tag(id=uid("Tag", "web-team"), name="web-team")],
        applications=[
            t.Application(id=uid("Application", name), name=name)
            for name in ("qemu-guest-agent-8.0.0-16.el9", "kernel-5.14.0-362.el9")
        ],
        sessions=[
            t.Session(
                id=uid("Session", "web01"),
                console_user=True,
                user=ref("User", "bernd"),
                ip=t.Ip(address="10.1.0.200"),
            )
        ],
        watchdogs=[_watchdog("web01", "i6300esb", "reset")],
        quota=t.Quota(id=uid("Quota", "web-team")),
    )
    web02 = vm(
        "web02",
        host=SECOND,
        template="rhel9",
        disks=[attached("web02_disk1", bootable=True)],
        nics=[nic("web02", 1, "vlan100-limited", ips=("10.100.0.12",))],
        high_availability=t.HighAvailability(enabled=True, priority=50),
        cpu_profile=ref("CpuProfile", "half"),
    )
    db01 = vm(
        "db01",
        host=FIRST,
        type=t.VmType.HIGH_PERFORMANCE,
        cpus=(2, 4, 2),
        gib=64,
        cpu={
            "mode": t.CpuMode.HOST_PASSTHROUGH,
            "cpu_tune": t.CpuTune(
                vcpu_pins=[
                    t.VcpuPin(vcpu=number, cpu_set=f"{number},{number + 40}")
                    for number in range(16)
                ]
            ),
        },
        cpu_pinning_policy=t.CpuPinningPolicy.MANUAL,
        memory_policy=t.MemoryPolicy(guaranteed=64 * GIB, max=64 * GIB, ballooning=False),
        numa_tune_mode=t.NumaTuneMode.STRICT,
        numa_nodes=[
            t.VirtualNumaNode(
                id=uid("VirtualNumaNode", f"db01/{index}"),
                index=index,
                memory=32 * 1024,
                numa_tune_mode=t.NumaTuneMode.STRICT,
                cpu=t.Cpu(cores=[t.Core(index=core) for core in range(index * 8, index * 8 + 8)]),
                numa_node_pins=[t.NumaNodePin(index=index, pinned=True)],
            )
            for index in range(2)
        ],
        placement_policy=t.VmPlacementPolicy(
            affinity=t.VmAffinity.USER_MIGRATABLE, hosts=[ref("Host", FIRST)]
        ),
        io=t.Io(threads=4),
        virtio_scsi_multi_queues_enabled=True,
        virtio_scsi_multi_queues=4,
        soundcard_enabled=False,
        graphics_consoles=[],
        console=t.Console(enabled=True),
        custom_properties=pairs("CustomProperty", hugepages="1048576", sap_agent="true"),
        disks=[
            attached("db01_system", bootable=True),
            attached("db01_data", "virtio_scsi"),
            attached("db01_log", "virtio"),
        ],
        nics=[nic("db01", 1, "vlan200-db", ips=("10.200.0.21",))],
        migration={
            "auto_converge": t.InheritableBoolean.TRUE,
            "compressed": t.InheritableBoolean.TRUE,
            "policy": t.MigrationPolicy(id="57237b82-b8c2-425f-b425-114b35219626"),
            "parallel_migrations_policy": t.ParallelMigrationsPolicy.CUSTOM,
            "custom_parallel_migrations": 8,
        },
        migration_downtime=2000,
        serial_number=t.SerialNumber(policy=t.SerialNumberPolicy.CUSTOM, value="DB-0001"),
    )
    shared: dict[str, Any] = {"interface": "virtio_scsi", "uses_scsi_reservation": True}
    pair = [
        vm(
            name,
            host=host,
            disks=[attached(f"{name}_disk1", bootable=True), attached("cluster_shared", **shared)],
            nics=[nic(name, 1, "vlan200-db", ips=(f"10.200.0.3{number}",))],
        )
        for number, (name, host) in enumerate((("cluster-a", FIRST), ("cluster-b", SECOND)))
    ]
    ovn01 = vm(
        "ovn01",
        cluster="prod",
        host=SECOND,
        os="rhel_8x64",
        disks=[attached("ovn01_disk1", bootable=True)],
        nics=[
            nic("ovn01", 1, "ovn-tenant", ips=("192.168.178.2",)),
            nic("ovn01", 2, "ovn-routed", ips=("192.168.179.2",)),
            nic("ovn01", 3, "ovn-phys", ips=("10.8.0.20",)),
        ],
    )
    return [web01, web02, db01, *pair, ovn01]


def _watchdog(name: str, model: str, action: str) -> Any:
    return t.Watchdog(
        id=uid("Watchdog", name),
        model=t.WatchdogModel(model),
        action=t.WatchdogAction(action),
    )


def _windows() -> list[Any]:
    windows = {
        "time_zone": t.TimeZone(name="W. Europe Standard Time"),
        "usb": t.Usb(enabled=True, type=t.UsbType.NATIVE),
    }
    win2022 = vm(
        "win2022",
        host=FIRST,
        os="windows_2022",
        gib=8,
        bios=t.Bios(type=t.BiosType.Q35_SECURE_BOOT, boot_menu=t.BootMenu(enabled=True)),
        tpm_enabled=True,
        disks=[attached("win2022_disk1", bootable=True)],
        nics=[nic("win2022", 1, "vlan100", "e1000e", ips=("10.100.0.50",))],
        cdroms=[
            t.Cdrom(id="00000000-0000-0000-0000-000000000000", file=t.File(id="virtio-win.iso"))
        ],
        snapshots=[
            active("win2022"),
            snapshot("win2022", "before patch day", 12, script=CANARIES["old_script"]),
        ],
        initialization=t.Initialization(
            host_name="WIN2022",
            domain="ad.example.com",
            org_name="Example",
            windows_license_key=CANARIES["license_key"],
            input_locale="de-DE",
            custom_script=f"<unattend><Password>{CANARIES['sysprep']}</Password></unattend>",
        ),
        custom_cpu_model="Skylake-Server",
        **windows,
    )
    win11 = vm(
        "win11",
        os="windows_11",
        type=t.VmType.DESKTOP,
        bios=t.Bios(type=t.BiosType.Q35_SECURE_BOOT, boot_menu=t.BootMenu(enabled=False)),
        tpm_enabled=True,
        soundcard_enabled=True,
        display=t.Display(
            type=t.DisplayType.SPICE, monitors=2, smartcard_enabled=True, allow_override=True
        ),
        graphics_consoles=[console("win11", "spice"), console("win11", "vnc")],
        disks=[attached("win11_disk1", "sata", bootable=True)],
        nics=[nic("win11", 1, "office", "rtl8139_virtio")],
        **windows,
    )
    legacy = vm(
        "win2008-legacy",
        cluster="dev",
        os="windows_2008R2x64",
        bios=t.Bios(type=t.BiosType.I440FX_SEA_BIOS, boot_menu=t.BootMenu(enabled=True)),
        custom_emulated_machine="pc-i440fx-rhel7.6.0",
        disks=[attached("legacy_disk1", "ide", bootable=True), attached("legacy_disk2", "ide")],
        nics=[
            nic("win2008-legacy", 1, "vlan100", "e1000"),
            nic("win2008-legacy", 2, "vlan100", "rtl8139", linked=False),
            nic("win2008-legacy", 3, "", plugged=False),
        ],
        watchdogs=[_watchdog("win2008-legacy", "i6300esb", "dump")],
        boot=(t.BootDevice.CDROM, t.BootDevice.HD, t.BootDevice.NETWORK),
        virtio_scsi=t.VirtioScsi(enabled=False),
        payloads=[
            t.Payload(
                type=t.VmDeviceType.FLOPPY,
                volume_id="answers",
                files=[t.File(name="answer.txt", content=f"password={CANARIES['payload']}")],
            )
        ],
        **windows,
    )
    return [win2022, win11, legacy]


def _special() -> list[Any]:
    devices = {
        "sriov01": t.HostDevice(id=uid("HostDevice", f"{FIRST}/pci_0000_5e_02_0")),
        "usb01": t.HostDevice(id=uid("HostDevice", f"{FIRST}/usb_1_6")),
    }
    pinned = t.VmPlacementPolicy(affinity=t.VmAffinity.PINNED, hosts=[ref("Host", FIRST)])
    return [
        vm(
            "lun01",
            host=FIRST,
            disks=[
                attached("lun01_system", bootable=True),
                attached("lun01_data", uses_scsi_reservation=True),
                attached("lun01_fc", read_only=True),
            ],
            nics=[nic("lun01", 1, "vlan100", ips=("10.100.0.60",))],
        ),
        vm(
            "mbs01",
            disks=[attached("mbs01_disk1", bootable=True)],
            nics=[nic("mbs01", 1, "vlan100")],
        ),
        vm(
            "sriov01",
            host=FIRST,
            placement_policy=pinned,
            disks=[attached("sriov01_disk1", bootable=True)],
            nics=[nic("sriov01", 1, "sriov", "pci_passthrough", ips=("10.200.0.61",))],
            host_devices=[
                t.HostDevice(
                    id=device.id,
                    name=f"pci_of_{name}",
                    capability="pci" if name == "sriov01" else "usb_device",
                    host=ref("Host", FIRST),
                )
                for name, device in devices.items()
            ],
        ),
        vm(
            "gpu01",
            host=SECOND,
            disks=[attached("gpu01_disk1", bootable=True)],
            nics=[nic("gpu01", 1, "vlan100", ips=("10.100.0.62",))],
            custom_properties=pairs("CustomProperty", mdev_type="nvidia-222"),
            mediated_devices=[
                t.VmMediatedDevice(
                    id=uid("VmMediatedDevice", "gpu01"),
                    spec_params=pairs("Property", mdevType="nvidia-222", nodisplay="false"),
                )
            ],
        ),
        vm(
            "dedicated01",
            host=SECOND,
            cpus=(1, 4, 1),
            cpu_pinning_policy=t.CpuPinningPolicy.DEDICATED,
            disks=[attached("dedicated01_disk1", bootable=True)],
            custom_properties=pairs("CustomProperty", owner_token=CANARIES["custom_property"]),
        ),
        vm("isolated01", cpu_pinning_policy=t.CpuPinningPolicy.ISOLATE_THREADS),
        vm(
            "resized01",
            cpu_pinning_policy=t.CpuPinningPolicy.RESIZE_AND_PIN_NUMA,
            placement_policy=pinned,
            cpu={"mode": t.CpuMode.HOST_MODEL},
        ),
        vm(
            "protected01",
            delete_protected=True,
            start_paused=True,
            bios=t.Bios(type=t.BiosType.CLUSTER_DEFAULT, boot_menu=t.BootMenu(enabled=False)),
            watchdogs=[_watchdog("protected01", "i6300esb", "poweroff")],
            storage_error_resume_behaviour=t.VmStorageErrorResumeBehaviour.KILL,
            disks=[
                attached("protected01_disk1", bootable=True),
                attached("protected01_off", active=False),
            ],
            nics=[nic("protected01", 1, "isolated"), nic("protected01", 2, "vlan100-mirror")],
        ),
    ]
