"""A small estate in the test vCenter: six VMs with real disks, two of them not to be migrated.

DC0
  prod (2 hosts)   web01  web02  billing-db  Alte Buchhaltung (2019)
  edge (1 host)    sensor  cluster-node
  dvs0             vlan10  vlan20
  datastores       gold  silver        (on every host)
"""

import contextlib
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from tests.real.guests import GuestImages
from tests.real.guests.boot_sector import noise
from tests.real.vcenter import VCenter

MIB = 1 << 20

CLUSTERS = {"prod": ("esx01.example", "esx02.example"), "edge": ("esx03.example",)}
VLANS = {"vlan10": 10, "vlan20": 20}
DATASTORES = ("gold", "silver")

_NAMESPACE = uuid.UUID("6d747600-0000-4000-8000-000000000000")


@dataclass(frozen=True)
class EstateDisk:
    """A virtual disk and the file with its content (raw); `flat_file` is None for an RDM.

    `file_name` is the descriptor's name as vSphere says it, `[gold] web01/web01.vmdk`.
    """

    key: int
    capacity_bytes: int
    file_name: str
    flat_file: Path | None

    @property
    def datastore(self) -> str:
        return self.file_name[1:].partition("]")[0]

    @property
    def folder_path(self) -> str:
        """The path below /folder/ where the content can be read, not yet quoted."""
        return self.file_name.partition("] ")[2].removesuffix(".vmdk") + "-flat.vmdk"


@dataclass(frozen=True)
class EstateVm:
    """A VM as it was made: `moref` is its managed object id (`vm-21`), `uuid` its BIOS UUID."""

    name: str
    moref: str
    uuid: str
    powered_on: bool
    macs: tuple[str, ...]
    disks: tuple[EstateDisk, ...]


@dataclass(frozen=True)
class SmallEstate:
    """What `populate` made. The dictionaries give the managed object ids by name."""

    datacenter: str
    clusters: dict[str, str]
    hosts: dict[str, str]
    datastores: dict[str, str]
    networks: dict[str, str]
    vms: dict[str, EstateVm]


@dataclass(frozen=True)
class _DiskSpec:
    datastore: str
    size: int
    image: Path | None = None
    content: bytes | None = None
    rdm: bool = False


@dataclass(frozen=True)
class _VmSpec:
    name: str
    cluster: str
    guest_id: str
    disks: tuple[_DiskSpec, ...]
    networks: tuple[str, ...] = ("vlan10",)
    cpus: int = 1
    cores_per_socket: int = 1
    memory_mib: int = 256
    bus: str = "pvscsi"
    powered_on: bool = False
    snapshot: str = ""
    tiny_name: str = ""


@contextlib.contextmanager
def connected(vcenter: VCenter) -> Iterator[Any]:
    """Log in to the vCenter, its certificate pinned; yields pyvmomi's service instance."""
    address = urlsplit(vcenter.url)
    # With a context given, SmartConnect does not turn verification off for 127.0.0.1.
    service = SmartConnect(
        host=address.hostname,
        port=vcenter.port,
        user=vcenter.username,
        pwd=vcenter.password,
        sslContext=vcenter.tls(),
    )
    try:
        yield service
    finally:
        Disconnect(service)


def populate(vcenter: VCenter, images: GuestImages) -> SmallEstate:
    """Make the estate in an empty vCenter (one datacenter `DC0`) and put the guests on its disks.

    Raises RuntimeError with the vCenter's fault when a task fails.
    """
    with connected(vcenter) as service:
        return _Builder(vcenter, images, service).build()


def _vm_specs(images: GuestImages) -> Sequence[_VmSpec]:
    tiny = _DiskSpec("gold", images.tiny.stat().st_size, images.tiny)
    # Noise with holes between, of sizes that no block size divides.
    data = bytearray(32 * MIB)
    for start, size in ((0, 4 * MIB + 512), (9 * MIB, 2 * MIB), (32 * MIB - 70_000, 70_000)):
        data[start : start + size] = noise(f"web01 data {start}".encode(), size)
    sector = _DiskSpec("silver", images.poweroff.stat().st_size, images.poweroff)
    return (
        _VmSpec(
            "web01",
            "prod",
            "otherLinux64Guest",
            (tiny, _DiskSpec("silver", len(data), content=bytes(data))),
            networks=("vlan10", "vlan20"),
            cpus=2,
            cores_per_socket=2,
            tiny_name="web01",
        ),
        _VmSpec("web02", "prod", "otherLinux64Guest", (tiny,), powered_on=True, tiny_name="web02"),
        _VmSpec("sensor", "edge", "otherGuest64", (sector,), memory_mib=64, bus="ide"),
        _VmSpec(
            "billing-db",
            "prod",
            "debian12_64Guest",
            (_DiskSpec("silver", images.debian.stat().st_size, images.debian),),
            memory_mib=1024,
        ),
        _VmSpec(
            "cluster-node",
            "edge",
            "otherLinux64Guest",
            (tiny, _DiskSpec("gold", 1024 * MIB, rdm=True)),
            tiny_name="cluster-node",
        ),
        _VmSpec(
            "Alte Buchhaltung (2019)",
            "prod",
            "otherGuest",
            (sector,),
            snapshot="before the update",
        ),
    )


class _Builder:
    """Makes the estate through the API, as an administrator's client would."""

    def __init__(self, vcenter: VCenter, images: GuestImages, service: Any) -> None:
        self._vcenter = vcenter
        self._images = images
        self._content = service.RetrieveContent()

    def build(self) -> SmallEstate:
        datacenter = self._content.rootFolder.childEntity[0]
        clusters, hosts = self._clusters(datacenter)
        datastores = self._datastores(list(hosts.values()))
        networks = self._networks(datacenter, list(hosts.values()))
        vms = {}
        for number, spec in enumerate(_vm_specs(self._images)):
            vms[spec.name] = self._vm(number, spec, datacenter, clusters[spec.cluster], networks)
        return SmallEstate(
            datacenter=datacenter.name,
            clusters=_morefs(clusters),
            hosts=_morefs(hosts),
            datastores=_morefs(datastores),
            networks=_morefs(networks),
            vms=vms,
        )

    def _clusters(self, datacenter: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        clusters, hosts = {}, {}
        for name, members in CLUSTERS.items():
            spec = vim.cluster.ConfigSpecEx(
                drsConfig=vim.cluster.DrsConfigInfo(
                    enabled=True, defaultVmBehavior="fullyAutomated", vmotionRate=3
                ),
                dasConfig=vim.cluster.DasConfigInfo(enabled=True),
            )
            clusters[name] = datacenter.hostFolder.CreateClusterEx(name=name, spec=spec)
            for host in members:
                connect = vim.host.ConnectSpec(hostName=host, force=True)
                task = clusters[name].AddHost_Task(spec=connect, asConnected=True)
                hosts[host] = self._result(task)
        return clusters, hosts

    def _datastores(self, hosts: list[Any]) -> dict[str, Any]:
        made = {}
        for name in DATASTORES:
            directory = self._vcenter.datastore_directory(name)
            directory.mkdir()
            first, *others = (host.configManager.datastoreSystem for host in hosts)
            made[name] = first.CreateLocalDatastore(name=name, path=str(directory))
            for system in others:
                # The simulator mounts it, and answers with an empty reference, which pyvmomi
                # cannot read (govmomi 0.56.0).
                with contextlib.suppress(KeyError):
                    system.CreateLocalDatastore(name=name, path=str(directory))
        return made

    def _networks(self, datacenter: Any, hosts: list[Any]) -> dict[str, Any]:
        dvs_spec = vim.DistributedVirtualSwitch.CreateSpec(
            configSpec=vim.dvs.VmwareDistributedVirtualSwitch.ConfigSpec(name="dvs0", maxMtu=9000)
        )
        dvs = self._result(datacenter.networkFolder.CreateDVS_Task(dvs_spec))
        members = [
            vim.dvs.HostMember.ConfigSpec(operation="add", host=host, backing=None)
            for host in hosts
        ]
        self._result(dvs.ReconfigureDvs_Task(vim.DistributedVirtualSwitch.ConfigSpec(host=members)))
        specs = []
        for name, vlan in VLANS.items():
            setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(
                vlan=vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec(vlanId=vlan, inherited=False)
            )
            specs.append(
                vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
                    name=name, type="earlyBinding", numPorts=8, defaultPortConfig=setting
                )
            )
        self._result(dvs.AddDVPortgroup_Task(specs))
        self._dvs_uuid = dvs.uuid
        groups = {group.name: group for group in datacenter.network}
        return {name: groups[name] for name in VLANS}

    def _vm(
        self, number: int, spec: _VmSpec, datacenter: Any, cluster: Any, networks: dict[str, Any]
    ) -> EstateVm:
        bios = str(uuid.uuid5(_NAMESPACE, spec.name))
        macs = tuple(f"00:50:56:00:{number:02x}:{nic:02x}" for nic in range(len(spec.networks)))
        devices: list[Any] = []
        controller_key = 200  # the IDE controller that every VM has
        if spec.bus == "pvscsi":
            controller_key = 1000
            devices.append(
                vim.vm.device.ParaVirtualSCSIController(
                    key=controller_key, busNumber=0, sharedBus="noSharing"
                )
            )
        devices += [
            self._disk_device(spec, disk, index, controller_key)
            for index, disk in enumerate(spec.disks)
        ]
        for index, (network, mac) in enumerate(zip(spec.networks, macs, strict=True)):
            devices.append(self._nic_device(networks[network], mac, -100 - index))
        changes = [
            vim.vm.device.VirtualDeviceSpec(
                device=device,
                operation="add",
                fileOperation="create" if isinstance(device, vim.vm.device.VirtualDisk) else None,
            )
            for device in devices
        ]
        options = {"disk.EnableUUID": "TRUE"}
        if spec.powered_on:
            # The simulator's way to set what only a running guest reports.
            options |= {
                "SET.guest.toolsRunningStatus": "guestToolsRunning",
                "SET.guest.toolsStatus": "toolsOk",
                "SET.guest.hostName": spec.name,
            }
        # Named in full, or the simulator makes a second directory beside that of the disks.
        home = f"[{spec.disks[0].datastore}] {spec.name}/{spec.name}.vmx"
        config = vim.vm.ConfigSpec(
            name=spec.name,
            guestId=spec.guest_id,
            uuid=bios,
            instanceUuid=str(uuid.uuid5(_NAMESPACE, f"instance {spec.name}")),
            numCPUs=spec.cpus,
            numCoresPerSocket=spec.cores_per_socket,
            memoryMB=spec.memory_mib,
            firmware="bios",
            version="vmx-19",
            changeTrackingEnabled=True,
            files=vim.vm.FileInfo(vmPathName=home),
            deviceChange=changes,
            extraConfig=[vim.option.OptionValue(key=k, value=v) for k, v in options.items()],
        )
        vm = self._result(
            datacenter.vmFolder.CreateVM_Task(
                config=config, pool=cluster.resourcePool, host=cluster.host[0]
            )
        )
        disks = self._fill(spec, vm)
        if spec.snapshot:
            self._result(
                vm.CreateSnapshot_Task(
                    name=spec.snapshot, description="", memory=False, quiesce=False
                )
            )
        if spec.powered_on:
            self._result(vm.PowerOnVM_Task())
        return EstateVm(
            name=spec.name,
            moref=vm._moId,
            uuid=bios,
            powered_on=spec.powered_on,
            macs=macs,
            disks=tuple(disks),
        )

    def _disk_device(self, spec: _VmSpec, disk: _DiskSpec, index: int, controller_key: int) -> Any:
        number = f"_{index}" if index else ""
        # SCSI unit 7 is the controller's own, but no VM here has so many disks.
        device = vim.vm.device.VirtualDisk(
            key=2000 + index,
            controllerKey=controller_key,
            unitNumber=index,
            capacityInBytes=disk.size,
            capacityInKB=disk.size // 1024,
        )
        name = f"[{disk.datastore}] {spec.name}/{spec.name}{number}.vmdk"
        self._vcenter.datastore_directory(disk.datastore).joinpath(spec.name).mkdir(exist_ok=True)
        if disk.rdm:
            device.backing = vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo(
                fileName=name,
                compatibilityMode="physicalMode",
                deviceName="vml.0200000000600508b1001c577e11dd042e142a583f4c4f47",
                lunUuid="0200000000600508b1001c577e11dd042e142a583f4c4f47",
                diskMode="independent_persistent",
            )
        else:
            device.backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                fileName=name,
                diskMode="persistent",
                thinProvisioned=True,
                uuid=str(uuid.uuid5(_NAMESPACE, name)),
            )
        return device

    def _nic_device(self, network: Any, mac: str, key: int) -> Any:
        port = vim.dvs.PortConnection(portgroupKey=network.key, switchUuid=self._dvs_uuid)
        return vim.vm.device.VirtualVmxnet3(
            key=key,
            addressType="manual",
            macAddress=mac,
            backing=vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port),
            connectable=vim.vm.device.VirtualDevice.ConnectInfo(
                startConnected=True, allowGuestControl=True, connected=True
            ),
        )

    def _fill(self, spec: _VmSpec, vm: Any) -> Iterator[EstateDisk]:
        devices: list[Any] = [
            device
            for device in self._leaf(vm, "config.hardware.device")
            if isinstance(device, vim.vm.device.VirtualDisk)
        ]
        for device, disk in zip(devices, spec.disks, strict=True):
            name = device.backing.fileName
            relative = name.partition("] ")[2].removesuffix(".vmdk") + "-flat.vmdk"
            flat = self._vcenter.datastore_directory(disk.datastore) / relative
            if disk.image is not None:
                copy_sparse(disk.image, flat)
                if spec.tiny_name and disk.image == self._images.tiny:
                    self._images.name_tiny(flat, spec.tiny_name)
            elif disk.content is not None:
                write_sparse(flat, disk.content)
            yield EstateDisk(
                key=device.key,
                capacity_bytes=disk.size,
                file_name=name,
                flat_file=None if disk.rdm else flat,
            )

    def _leaf(self, target: Any, path: str) -> Any:
        """One property by its leaf path; None when it is not set.

        Not `target.path`: pyvmomi fails on whole objects that the simulator fills only in part,
        and on every fetch of a property that is not set.
        """
        collector = vmodl.query.PropertyCollector
        spec = collector.FilterSpec(
            objectSet=[collector.ObjectSpec(obj=target)],
            propSet=[collector.PropertySpec(type=type(target), pathSet=[path])],
        )
        (found,) = self._content.propertyCollector.RetrieveContents([spec])
        return found.propSet[0].val if found.propSet else None

    def _result(self, task: Any) -> Any:
        deadline = time.monotonic() + 60
        while (state := self._leaf(task, "info.state")) not in ("success", "error"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{task} is still {state} after 60 s")
            time.sleep(0.01)
        if state == "error":
            fault = self._leaf(task, "info.error")
            raise RuntimeError(f"{task} failed: {getattr(fault, 'localizedMessage', fault)}")
        return self._leaf(task, "info.result")


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a disk image, its holes as holes."""
    argv = ["cp", "--reflink=auto", "--sparse=always", "--", str(source), str(target)]
    subprocess.run(argv, check=True)


def write_sparse(target: Path, content: bytes) -> None:
    """Write a disk image; blocks of 64 KiB that are all zero become holes."""
    zero = bytes(1 << 16)
    with target.open("wb") as file:
        for start in range(0, len(content), len(zero)):
            piece = content[start : start + len(zero)]
            if piece != zero[: len(piece)]:
                file.seek(start)
                file.write(piece)
        file.truncate(len(content))


def _morefs(objects: dict[str, Any]) -> dict[str, str]:
    return {name: each._moId for name, each in objects.items()}
