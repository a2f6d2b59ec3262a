"""A VM in the test vCenter with raw contents on its disks, and what a client asks about it."""

import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyVmomi import vim, vmodl

from tests.real.small_estate import connected, write_sparse
from tests.real.vcenter import VCenter, start_vcenter
from tests.real.vcenter_disks import Disks, Settings, disks_of

MIB = 1 << 20
SIZE = 4 * MIB  # of a disk, unless told
DATASTORE = "vmfs"


@dataclass(frozen=True)
class DiskVm:
    """A VM of its own. `flat_files` are the raw files of its disks, by device key (2000, ...)."""

    name: str
    vm: Any
    flat_files: dict[int, Path]

    @property
    def id(self) -> str:
        return str(self.vm._moId)


def make_vm(
    vcenter: VCenter,
    service: Any,
    name: str,
    contents: Sequence[bytes],
    *,
    running: bool = True,
    tracked: bool = True,
    modes: Sequence[str] = (),
) -> DiskVm:
    """Make a VM with a disk for each content (whole KiB), of the mode `persistent` unless told.

    `tracked` asks for change tracking, which comes true when a running VM is started. Raises
    RuntimeError with the vCenter's fault.
    """
    datacenter = service.RetrieveContent().rootFolder.childEntity[0]
    compute = datacenter.hostFolder.childEntity[0]
    directory = make_datastore(vcenter, service, DATASTORE)
    (directory / name).mkdir()
    devices: list[Any] = [
        vim.vm.device.ParaVirtualSCSIController(key=1000, busNumber=0, sharedBus="noSharing")
    ]
    for number, content in enumerate(contents):
        tail = f"_{number}" if number else ""
        devices.append(
            vim.vm.device.VirtualDisk(
                key=2000 + number,
                controllerKey=1000,
                unitNumber=number,
                capacityInBytes=len(content),
                capacityInKB=len(content) // 1024,
                backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                    fileName=f"[{DATASTORE}] {name}/{name}{tail}.vmdk",
                    diskMode=modes[number] if modes else "persistent",
                    thinProvisioned=True,
                ),
            )
        )
    spec = vim.vm.ConfigSpec(
        name=name,
        guestId="otherLinux64Guest",
        numCPUs=1,
        memoryMB=64,
        version="vmx-19",
        changeTrackingEnabled=tracked,
        files=vim.vm.FileInfo(vmPathName=f"[{DATASTORE}] {name}/{name}.vmx"),
        deviceChange=[
            vim.vm.device.VirtualDeviceSpec(
                device=device,
                operation="add",
                fileOperation="create" if isinstance(device, vim.vm.device.VirtualDisk) else None,
            )
            for device in devices
        ],
    )
    pool, host = compute.resourcePool, compute.host[0]
    vm = result(datacenter.vmFolder.CreateVM_Task(config=spec, pool=pool, host=host))
    files = {}
    for disk, content in zip(disk_devices(vm), contents, strict=True):
        relative = disk.backing.fileName.partition("] ")[2].removesuffix(".vmdk")
        files[disk.key] = directory / f"{relative}-flat.vmdk"
        write_sparse(files[disk.key], content)
    if running:
        result(vm.PowerOnVM_Task())
    return DiskVm(name, vm, files)


def make_datastore(vcenter: VCenter, service: Any, name: str) -> Path:
    """A datastore of the host, if it is not there yet; its directory."""
    directory = vcenter.datastore_directory(name)
    if not directory.exists():
        directory.mkdir()
        (compute,) = service.RetrieveContent().rootFolder.childEntity[0].hostFolder.childEntity
        system = compute.host[0].configManager.datastoreSystem
        system.CreateLocalDatastore(name=name, path=str(directory))
    return directory


class Lab:
    """A vCenter with one host, logged in to; VMs are made as they are needed."""

    def __init__(self, vcenter: VCenter, service: Any, disks: Disks) -> None:
        self.vcenter, self.service, self.disks = vcenter, service, disks
        self._made = 0

    def reset(self) -> None:
        """The usual settings and no fault rules."""
        self.disks.set(Settings())
        self.vcenter.set_faults()

    def vm(self, *contents: bytes, **how: Any) -> DiskVm:
        """A VM with a name of its own; `make_vm` says how it can be."""
        self._made += 1
        name = f"vm{self._made}"
        return make_vm(self.vcenter, self.service, name, contents or (content(name),), **how)

    def move(self, vm: DiskVm, key: int, datastore: str) -> None:
        """Take a disk to another datastore, which is made if need be."""
        make_datastore(self.vcenter, self.service, datastore)
        self.disks.move(vm.id, key, datastore)

    def replace(self, vm: DiskVm, key: int, content: bytes) -> None:
        """Another disk in the place of one of a VM that is off; as large, under another name."""
        (old,) = [each for each in disk_devices(vm.vm) if each.key == key]
        file = f"[{DATASTORE}] {vm.name}/another.vmdk"
        new = vim.vm.device.VirtualDisk(
            key=key,
            controllerKey=old.controllerKey,
            unitNumber=old.unitNumber,
            capacityInBytes=len(content),
            capacityInKB=len(content) // 1024,
            backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                fileName=file, diskMode="persistent", thinProvisioned=True
            ),
        )
        change = vim.vm.device.VirtualDeviceSpec
        for each in (
            change(device=old, operation="remove"),
            change(device=new, operation="add", fileOperation="create"),
        ):
            result(vm.vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[each])))
        directory = self.vcenter.datastore_directory(DATASTORE)
        write_sparse(directory / vm.name / "another-flat.vmdk", content)

    def disk(self, vm: DiskVm, snapshot: Any = None, key: int = 2000) -> bytes:
        """What a disk holds, or held when the snapshot was taken."""
        return self.disks.read(vm.id, key, snapshot=snapshot and snapshot._moId)


@contextlib.contextmanager
def start_lab(directory: Path, *, esxi: bool = False) -> Iterator[Lab]:
    """Run a vCenter for VMs of ours until the block ends; raises as `start_vcenter` does.

    `esxi`: not a vCenter, but one host that none manages.
    """
    alone = ("-esx", "-vm", "0") if esxi else ("-standalone-host", "1")
    with (
        start_vcenter(directory, extra_args=alone) as vcenter,
        connected(vcenter) as service,
        disks_of(vcenter) as disks,
    ):
        yield Lab(vcenter, service, disks)


def content(seed: str, size: int = SIZE) -> bytes:
    """Noise with holes, single sectors, and pieces that no granule begins or ends with."""
    chance = random.Random(seed)
    data = bytearray(size)
    for start, length in ((0, 300_032), (MIB, 512), (2 * MIB - 512, 70_144), (size - 1024, 1024)):
        data[start : start + length] = chance.randbytes(length)
    return bytes(data[:size])


def leaf(target: Any, path: str) -> Any:
    """One property by its leaf path; None when it is not set.

    Not `target.path`: pyVmomi fails on what the simulator fills only in part.
    """
    collector = vmodl.query.PropertyCollector
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=target)],
        propSet=[collector.PropertySpec(type=type(target), pathSet=[path])],
    )
    service = vim.ServiceInstance("ServiceInstance", target._stub)
    (found,) = service.RetrieveContent().propertyCollector.RetrieveContents([spec])
    return found.propSet[0].val if found.propSet else None


def disk_devices(target: Any) -> list[Any]:
    """The virtual disks of a VM, or as a snapshot has them."""
    devices = leaf(target, "config.hardware.device")
    return [each for each in devices if isinstance(each, vim.vm.device.VirtualDisk)]


def settled(task: Any, seconds: float = 60) -> tuple[str, Any]:
    """Wait for a task's end: its state and its result, or the fault it ended with."""
    deadline = time.monotonic() + seconds
    while (state := leaf(task, "info.state")) not in ("success", "error"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{task} is still {state}")
        time.sleep(0.01)
    if state == "error":
        return state, leaf(task, "info.error")
    return state, leaf(task, "info.result")


def result(task: Any) -> Any:
    """Wait for a task's end and return its result; RuntimeError when it failed."""
    state, got = settled(task)
    if state == "error":
        raise RuntimeError(f"{task} failed: {getattr(got, 'localizedMessage', got)}")
    return got


def take_snapshot(vm: Any, name: str = "mtv") -> Any:
    """A snapshot without memory."""
    task = vm.CreateSnapshot_Task(name=name, description="", memory=False, quiesce=False)
    return result(task)


def changed_areas(vm: Any, snapshot: Any, key: int, since: str) -> list[tuple[int, int]]:
    """All changed areas (start, length), from as many answers as that takes.

    Raises RuntimeError when an answer is not about what was asked or does not go on.
    """
    capacity = next(d.capacityInBytes for d in disk_devices(snapshot or vm) if d.key == key)
    found: list[tuple[int, int]] = []
    at = 0
    while at < capacity:
        answer = vm.QueryChangedDiskAreas(snapshot, key, at, since)
        if answer.startOffset != at or answer.length <= 0:
            raise RuntimeError(f"asked from {at}: {answer.startOffset} + {answer.length}")
        found += [(area.start, area.length) for area in answer.changedArea]
        at += answer.length
    return found
