"""The VMs of the wide estate: what each is like. `machines` makes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vim

from tests.real.wide_vsphere import devices
from tests.real.wide_vsphere.devices import MIB

LONG_NAME = "quarterly-close-reporting-and-reconciliation-batch-worker-of-the-eu-region-00001"
SLASHED = 'R&D 50%/50% "blue" (a\\b)'

CANARIES = {
    "guestinfo.userdata": "canary-vsphere-guestinfo-7f3a",
    "guestinfo.password": "canary-vsphere-guestpassword-91bc",
    "vapp.property": "canary-vsphere-vapp-5d20",
    "RemoteDisplay.vnc.password": "canary-vsphere-vnc-e8c4",
    "guestinfo.ovfEnv": "canary-vsphere-ovfenv-2b66",
}
"""Secrets planted in the VM `secrets`: none of them may ever be in what mtv writes."""


@dataclass(frozen=True)
class Disk:
    """A disk: `backing` is made of the file's name. `key_of` a VM whose disk this is, too."""

    size: int = 4 * MIB
    datastore: str = "vmfs-a"
    backing: Callable[[str], Any] = devices.flat
    controller: str = "pvscsi"
    bus: int = 0
    policy: str = ""
    shared_with: str = ""
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Nic:
    """A NIC: on a distributed port group, or on one of a standard switch."""

    network: str = "dv-30"
    kind: str = "vmxnet3"
    start: bool = True


@dataclass(frozen=True)
class Machine:
    """A VM. `config` is more of vSphere's specification; `folder` and `pool` are names."""

    name: str
    guest: str = "otherLinux64Guest"
    cluster: str = "compute"
    pool: str = ""
    folder: str = ""
    disks: tuple[Disk, ...] = (Disk(),)
    nics: tuple[Nic, ...] = (Nic(),)
    bus_sharing: str = "noSharing"
    others: Callable[[str], Sequence[Any]] = lambda _: ()
    video: Any = None
    config: dict[str, Any] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    home_policy: str = ""
    power: str = "off"
    addresses: tuple[str, ...] = ()
    snapshots: bool = False
    template: bool = False


def _allocation(reservation: int, limit: int, level: str, shares: int) -> Any:
    return vim.ResourceAllocationInfo(
        reservation=reservation,
        limit=limit,
        shares=vim.SharesInfo(level=level, shares=shares),
    )


def _efi(secure: bool) -> dict[str, Any]:
    return {
        "firmware": "efi",
        "bootOptions": vim.vm.BootOptions(efiSecureBootEnabled=secure, bootDelay=5000),
    }


def _independent(mode: str) -> Callable[[str], Any]:
    return lambda name: devices.flat(name, mode=f"independent_{mode}")


def _shared(name: str) -> Any:
    return devices.flat(name, thin=False, eagerlyScrub=True, sharing="sharingMultiWriter")


def _tracked(name: str) -> Any:
    return devices.flat(name, changeId="52 1f 3a 6c 00 11 22 33-44 55 66 77 88 99 aa bb/7")


_CBT = {"ctkEnabled": "TRUE", "scsi0:0.ctkEnabled": "TRUE"}


def machines() -> tuple[Machine, ...]:
    """Every VM, in the order they are made in."""
    return (*_databases(), *_desktops(), *_names(), *_storage(), *_special(), *_shop())


def _databases() -> tuple[Machine, ...]:
    many = {
        "cpuHotAddEnabled": True,
        "memoryHotAddEnabled": True,
        "cpuAllocation": _allocation(2000, 8000, "high", 8000),
        "memoryAllocation": _allocation(512, -1, "custom", 12345),
        "latencySensitivity": vim.LatencySensitivity(level="high"),
        "memoryReservationLockedToMax": True,
    }
    return (
        Machine(
            "SQL Server (Produktion) Köln",
            guest="windows2019srv_64Guest",
            pool="tier 1 databases",
            folder="Kunden/Köln/Datenbanken",
            disks=(
                Disk(8 * MIB, controller="lsisas", policy="gold"),
                Disk(8 * MIB, "vmfs-b", _independent("persistent"), "lsisas", policy="encrypted"),
                Disk(4 * MIB, "vmfs-b", _independent("nonpersistent"), "lsisas"),
            ),
            nics=(Nic("dv-30"), Nic("legacy-100", "e1000e")),
            config={**many, **_efi(True), "annotation": "Kein Neustart vor 18:00 (Hr. Müller)"},
            home_policy="gold",
            power="on",
            addresses=("10.20.30.40", "192.168.77.5"),
        ),
        Machine(
            "db-node-a",
            pool="tier 1 databases",
            disks=(
                Disk(8 * MIB, controller="lsi"),
                Disk(16 * MIB, backing=_shared, controller="lsi", bus=1),
                Disk(
                    16 * MIB,
                    backing=lambda name: devices.rdm(name, "physicalMode", 1),
                    controller="lsi",
                    bus=1,
                ),
                Disk(
                    16 * MIB,
                    backing=lambda name: devices.rdm(name, "virtualMode", 2),
                    controller="lsi",
                    bus=1,
                ),
            ),
            bus_sharing="physicalSharing",
        ),
        Machine(
            "db-node-b",
            pool="tier 1 databases",
            disks=(
                Disk(8 * MIB, controller="lsi"),
                Disk(16 * MIB, backing=_shared, controller="lsi", bus=1, shared_with="db-node-a"),
            ),
            bus_sharing="virtualSharing",
        ),
    )


def _desktops() -> tuple[Machine, ...]:
    return (
        Machine(
            "win11-vtpm",
            guest="windows11_64Guest",
            disks=(Disk(8 * MIB, controller="nvme"), Disk(controller="ahci")),
            others=lambda _: [devices.tpm()],
            config=_efi(True),
        ),
        Machine(
            "legacy-xp",
            guest="winXPProGuest",
            cluster="lab",
            disks=(
                Disk(controller="buslogic", datastore="nfs-41"),
                Disk(controller="ide", datastore="nfs-41"),
            ),
            nics=(Nic("legacy-100", "pcnet"),),
            others=lambda directory: [
                *devices.old_peripherals(directory),
                devices.cdrom("[nfs-iso] winxp-sp3.iso"),
            ],
            video=devices.video_3d(),
            config={"version": "vmx-08", "annotation": "Fräsmaschine Halle 3"},
        ),
        Machine(
            "usb-dongle",
            disks=(Disk(controller="lsi"),),
            others=lambda _: [
                *devices.usb(),
                devices.cdrom(),
                devices.serial_over_network(),
            ],
        ),
        Machine(
            "gpu-node",
            others=lambda _: devices.passthrough(),
            nics=(Nic("dv-30"), Nic("dv-trunk", "sriov")),
            config={
                "memoryReservationLockedToMax": True,
                "memoryAllocation": _allocation(256, -1, "normal", 2560),
            },
        ),
    )


def _names() -> tuple[Machine, ...]:
    return (
        Machine("app_01", pool="tier 1", config={"numCPUs": 2}),
        Machine("app-01", pool="tier 1", nics=(Nic("dv-fixed-uplink"),)),
        Machine(LONG_NAME, guest="ubuntu64Guest", pool="best effort"),
        Machine(SLASHED, folder="R&D/50%", nics=(Nic("dv-shaped"),)),
        Machine("Бухгалтерия", folder="Клиенты", guest="centos7_64Guest"),
        Machine("数据库-主", cluster="lab", nics=(Nic("dv-promiscuous"),)),
        Machine("خادم الملفات", cluster="lab", guest="freebsd13_64Guest"),
    )


def _storage() -> tuple[Machine, ...]:
    # Unit 7 of a SCSI bus is the controller.
    many = tuple(Disk(1 * MIB, ("vmfs-a", "vmfs-b")[n % 2], bus=n % 4) for n in range(60))
    return (
        Machine("sixty-disks", disks=many, config={"changeTrackingEnabled": False}),
        Machine(
            "snapshot-tree",
            disks=(
                Disk(4 * MIB, backing=_tracked, policy="tagged silver"),
                Disk(4 * MIB, backing=devices.se_sparse),
            ),
            options=_CBT,
            snapshots=True,
        ),
        Machine(
            "on-vsan",
            disks=(Disk(4 * MIB, "vsan-01", policy="gold"),),
            home_policy="gold",
        ),
        Machine("on-vvol", disks=(Disk(4 * MIB, "vvol-01"),)),
    )


def _special() -> tuple[Machine, ...]:
    return (
        Machine(
            "nested-hypervisor",
            guest="vmkernel7Guest",
            config={
                "nestedHVEnabled": True,
                "vPMCEnabled": True,
                "numCPUs": 8,
                "numCoresPerSocket": 4,
                "cpuAffinity": vim.vm.AffinityInfo(affinitySet=[0, 1, 2, 3]),
                "cpuHotAddEnabled": True,
                "cpuHotRemoveEnabled": True,
            },
            options={
                "numa.vcpu.maxPerVirtualNode": "4",
                "numa.nodeAffinity": "0,1",
                "cpuid.coresPerSocket": "4",
            },
            nics=(Nic("dv-trunk"), Nic("dv-trunk")),
        ),
        Machine(
            "many-nics",
            nics=(
                Nic("dv-30", "vmxnet3"),
                Nic("dv-isolated", "e1000"),
                Nic("dmz", "e1000e"),
                Nic("VM Network", "pcnet"),
                Nic("nsx-tier1-segment", "vmxnet3", start=False),
            ),
            power="on",
            addresses=("10.1.0.10", "10.2.0.10", "2001:db8:3::10", "10.4.0.10", ""),
        ),
        Machine(
            "secrets",
            options={
                "guestinfo.hostname": "secrets.example",
                "guestinfo.userdata": CANARIES["guestinfo.userdata"],
                "guestinfo.userdata.encoding": "base64",
                "guestinfo.password": CANARIES["guestinfo.password"],
                "guestinfo.ovfEnv": f'<Property oe:value="{CANARIES["guestinfo.ovfEnv"]}"/>',
                "RemoteDisplay.vnc.enabled": "TRUE",
                "RemoteDisplay.vnc.port": "5901",
                "RemoteDisplay.vnc.password": CANARIES["RemoteDisplay.vnc.password"],
            },
            config={"vAppConfig": _appliance(), "annotation": "An appliance; see the wiki"},
        ),
        Machine("on-opaque", nics=(Nic("nsx-opaque-segment"),)),
        Machine("suspended-job", power="suspended", pool="best effort"),
        Machine(
            "golden-template",
            guest="rhel9_64Guest",
            folder="Templates",
            template=True,
            config=_efi(False),
        ),
    )


def _appliance() -> Any:
    """Properties of an appliance; one is a password."""
    edit = vim.vApp.PropertySpec

    def info(key: int, name: str, kind: str, value: str) -> Any:
        return edit(
            operation="add",
            info=vim.vApp.PropertyInfo(
                key=key,
                id=name,
                classId="appliance",
                label=name,
                category="Setup",
                type=kind,
                userConfigurable=True,
                defaultValue="",
                value=value,
            ),
        )

    return vim.vApp.VmConfigSpec(
        property=[
            info(0, "hostname", "string", "secrets.example"),
            info(1, "admin_password", "password", CANARIES["vapp.property"]),
            info(2, "dns", "ip:Network", "10.0.0.53"),
        ],
        ovfEnvironmentTransport=["com.vmware.guestInfo", "iso"],
    )


def _shop() -> tuple[Machine, ...]:
    """The three of the vApp `shop`, and a web server that DRS treats otherwise."""
    return (
        Machine("web-a", pool="tier 1", power="on", addresses=("10.30.0.5",)),
        *(Machine(name, pool="vapp:shop") for name in ("shop-db", "shop-app", "shop-web")),
    )
