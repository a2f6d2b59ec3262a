"""From a VirtualMachine's properties to a Vm."""

from collections.abc import Iterator
from typing import TypedDict

from msgspec.structs import replace

from mtv.model.quantity import CpuAllocation, MemoryAllocation
from mtv.model.vm import (
    Availability,
    Disk,
    Firmware,
    Nic,
    Placement,
    Power,
    Snapshot,
    Vm,
    VmFile,
)
from mtv.sources.vsphere import redaction
from mtv.sources.vsphere.devices import disks, nics, other_devices, vtpm
from mtv.sources.vsphere.guest import APPLICATIONS, guest
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.places import Around, common
from mtv.sources.vsphere.storage import lun_name
from mtv.sources.vsphere.values import (
    MIB,
    at,
    cpu_allocation,
    many,
    memory_allocation,
    moment,
    text,
    times,
    unescape,
)
from mtv.sources.vsphere.wire import Data, Ref

POWER = {
    "poweredOn": Power.ON,
    "poweredOff": Power.OFF,
    "suspended": Power.SUSPENDED,
}

_FIRMWARE = {"bios": Firmware.BIOS, "efi": Firmware.EFI}

_BOOT = {
    "VirtualMachineBootOptionsBootableDiskDevice": "disk",
    "VirtualMachineBootOptionsBootableEthernetDevice": "nic",
    "VirtualMachineBootOptionsBootableCdromDevice": "cdrom",
    "VirtualMachineBootOptionsBootableFloppyDevice": "floppy",
}


def vm(ref: Ref, tree: Data, around: Around) -> Vm:
    """A VM or template."""
    id_ = str(ref)
    config = tree.setdefault("config", Data())
    redaction.hide_vapp_values(config.get("vAppConfig"))
    extra = many(config, "extraConfig")
    found = at(config, "hardware.device") or ()
    devices = [each for each in found if type(each) is Data and "key" in each]
    tools = at(tree, "guest.toolsRunningStatus")
    files = tuple(_files(tree))
    return Vm(
        id=id_,
        name=unescape(tree.get("name", id_)),
        is_template=bool(config.get("template")),
        uuid=text(config, "uuid"),
        instance_uuid=text(config, "instanceUuid"),
        power=POWER.get(at(tree, "runtime.powerState") or "", Power.UNKNOWN),
        state=text(tree, "runtime.connectionState"),
        guest_id=config.get("guestId", ""),
        guest_name=config.get("guestFullName", ""),
        annotation=config.get("annotation", ""),
        created_at=moment(config.get("createDate")),
        started_at=moment(at(tree, "runtime.bootTime")),
        suspended_at=moment(at(tree, "runtime.suspendTime")),
        tools_running=None if tools is None else tools == "guestToolsRunning",
        has_vtpm=vtpm(devices),
        disks=tuple(_disks(id_, devices, around)),
        nics=tuple(_nics(devices, around)),
        devices=tuple(other_devices(devices)),
        snapshots=tuple(_snapshots(tree)),
        files=files,
        nvram=next((file.path for file in files if file.kind == "nvram"), None),
        storage_policy=around.policies.get(id_),
        consolidation_needed=at(tree, "runtime.consolidationNeeded"),
        committed_bytes=at(tree, "summary.storage.committed"),
        uncommitted_bytes=at(tree, "summary.storage.uncommitted"),
        unshared_bytes=at(tree, "summary.storage.unshared"),
        guest=guest(tree.get("guest"), text(tree, "guestHeartbeatStatus"), _applications(extra)),
        availability=_availability(id_, tree, around),
        placement=_placement(id_, around),
        managed_by=text(config, "managedBy.extensionKey"),
        extra_config=redaction.extra_config(extra),
        native=native("vim.VirtualMachine", tree),
        **_place(tree, around),
        **_machine(config),
        **common(around, id_, tree),
    )


class _Place(TypedDict):
    """Where a VM stands."""

    folder: str
    datacenter: str | None
    host: str | None
    cluster: str | None
    pool: str | None
    vapp: str | None


def _place(tree: Data, around: Around) -> _Place:
    places = around.places
    host, pool = text(tree, "runtime.host"), text(tree, "resourcePool")
    above = (places.objects.get(id_ or "", Data()) for id_ in (host, pool))
    return _Place(
        folder=places.folder(tree),
        datacenter=places.datacenter(tree),
        host=host,
        # A template, or a VM that is off, may be on no host.
        cluster=next((id_ for each in above if (id_ := places.cluster(each))), None),
        pool=pool,
        vapp=text(tree, "parentVApp"),
    )


class _Machine(TypedDict):
    """What a VM is, apart from its devices."""

    machine: str | None
    firmware: Firmware
    secure_boot: bool
    sockets: int
    cores_per_socket: int
    threads_per_core: int
    memory_bytes: int
    memory_max_bytes: int | None
    cpu_hot_add: bool | None
    cpu_hot_remove: bool | None
    memory_hot_add: bool | None
    nested_virtualization: bool | None
    cpu_pinning: tuple[str, ...]
    memory_pinning: tuple[str, ...]
    latency_sensitivity: str | None
    cpu_allocation: CpuAllocation | None
    memory_allocation: MemoryAllocation | None
    boot_order: tuple[str, ...]
    boot_delay_milliseconds: int | None
    boot_menu: bool | None
    encrypted: bool
    change_tracking: bool | None
    time_synchronized: bool | None


def _machine(config: Data) -> _Machine:
    hardware, boot = config.get("hardware", Data()), config.get("bootOptions", Data())
    cores = hardware.get("numCoresPerSocket") or 1
    return _Machine(
        machine=text(config, "version"),
        firmware=_FIRMWARE.get(config.get("firmware") or "", Firmware.BIOS),
        secure_boot=bool(boot.get("efiSecureBootEnabled")),
        sockets=max(1, hardware.get("numCPU", 1) // cores),
        cores_per_socket=cores,
        threads_per_core=hardware.get("simultaneousThreads") or 1,
        memory_bytes=hardware.get("memoryMB", 0) * MIB,
        memory_max_bytes=times(config.get("hotPlugMemoryLimit"), MIB),
        cpu_hot_add=config.get("cpuHotAddEnabled"),
        cpu_hot_remove=config.get("cpuHotRemoveEnabled"),
        memory_hot_add=config.get("memoryHotAddEnabled"),
        nested_virtualization=config.get("nestedHVEnabled"),
        cpu_pinning=tuple(str(each) for each in many(config, "cpuAffinity.affinitySet")),
        memory_pinning=tuple(str(each) for each in many(config, "memoryAffinity.affinitySet")),
        latency_sensitivity=text(config, "latencySensitivity.level"),
        cpu_allocation=cpu_allocation(config.get("cpuAllocation")),
        memory_allocation=memory_allocation(config.get("memoryAllocation")),
        boot_order=tuple(_boot_order(boot)),
        boot_delay_milliseconds=boot.get("bootDelay"),
        boot_menu=boot.get("enterBIOSSetup"),
        encrypted="keyId" in config,
        change_tracking=config.get("changeTrackingEnabled"),
        time_synchronized=at(config, "tools.syncTimeWithHost"),
    )


def _applications(extra: list[Data]) -> str | None:
    return next((str(o.get("value")) for o in extra if o.get("key") == APPLICATIONS), None)


def _disks(id_: str, devices: list[Data], around: Around) -> Iterator[Disk]:
    for disk in disks(devices):
        policy = around.policies.get(f"{id_}:{disk.key}")
        uuid = str(disk.native.get("backing.lunUuid", ""))
        lun = around.luns.get(uuid) or lun_name(uuid)
        if policy is None and lun is None:
            yield disk
        else:
            yield replace(disk, storage_policy=policy, logical_unit=lun)


def _nics(devices: list[Data], around: Around) -> Iterator[Nic]:
    for nic in nics(devices):
        network = around.segments.get(nic.network or "")
        yield nic if network is None else replace(nic, network=network)


def _boot_order(boot: Data) -> Iterator[str]:
    """``disk:2000``, ``nic:4000``, ``cdrom``: the class says what, the key which."""
    for each in many(boot, "bootOrder"):
        word = _BOOT.get(each.kind, each.kind)
        key = each.get("deviceKey")
        yield word if key is None else f"{word}:{key}"


def _snapshots(tree: Data) -> Iterator[Snapshot]:
    current = text(tree, "snapshot.currentSnapshot")

    def walk(trees: list[Data], parent: str | None, depth: int) -> Iterator[Snapshot]:
        for each in trees:
            id_ = text(each, "snapshot") or ""
            yield Snapshot(
                id=id_,
                name=unescape(each.get("name", "")),
                description=each.get("description", ""),
                created_at=moment(each.get("createTime")) or "",
                depth=depth,
                parent=parent,
                is_current=id_ == current,
                # Only a snapshot with the memory is of a running machine.
                has_memory=each.get("state") == "poweredOn",
                quiesced=each.get("quiesced"),
            )
            yield from walk(many(each, "childSnapshotList"), id_, depth + 1)

    yield from walk(many(tree, "snapshot.rootSnapshotList"), None, 0)


def _files(tree: Data) -> Iterator[VmFile]:
    for each in many(tree, "layoutEx.file"):
        yield VmFile(
            kind=each.get("type", ""),
            path=each.get("name", ""),
            size_bytes=each.get("size"),
            unique_bytes=each.get("uniqueSize"),
        )


def _availability(id_: str, tree: Data, around: Around) -> Availability | None:
    own = around.availability.get(id_)
    tolerance = text(tree, "runtime.faultToleranceState")
    if tolerance is None:
        return own
    return replace(own or Availability(), fault_tolerance=tolerance)


def _placement(id_: str, around: Around) -> Placement | None:
    balancing = around.balancing.get(id_)
    return None if balancing is None else Placement(balancing=balancing)
