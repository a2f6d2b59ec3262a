"""A virtual system of an OVF as a VM of the inventory."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from posixpath import dirname

import msgspec

from mtv.model.quantity import CpuAllocation, MemoryAllocation, Native
from mtv.model.vm import Firmware, Initialization, Nic, Power, Vm
from mtv.sources.ova.hardware import (
    CPU,
    MEMORY,
    Item,
    KnownDisk,
    devices,
    disks,
    integer,
    nics,
    setting,
)
from mtv.sources.ova.product import licences, properties
from mtv.sources.ova.tree import LEFT_OUT, Node, may_be_secret
from mtv.sources.ova.units import quantity

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_UNTIL_MHZ = 1_000_000
_OVIRT_BIOS = {"3": (Firmware.EFI, False), "4": (Firmware.EFI, True)}
"""RHV's numbers for Q35 with OVMF, without and with secure boot; the others are a BIOS."""
_DEVICE_WORDS = {"disk": "disk", "net": "nic", "ethernet": "nic"}


@dataclass
class Surroundings:
    """What a virtual system needs to know of its envelope."""

    package: str
    exporter: str
    comment: str
    datastore: str
    disks: Mapping[str, KnownDisk]
    networks: Mapping[str, str]
    """Name -> id."""
    notes: list[str]
    placed: dict[str, str] = field(default_factory=dict)
    """Key of a disk of the VM at hand -> id in the package's list."""


def virtual_machine(
    node: Node, own_id: str, parents: Sequence[str], found: Sequence[Item], around: Surroundings
) -> Vm:
    """The VM. Raises SourceError for hardware that contradicts itself."""
    hardware = node.first("VirtualHardwareSection") or Node("VirtualHardwareSection", {}, "")
    system = hardware.first("System") or Node("System", {}, "")
    name = node.value("Name") or node.peek("id") or own_id
    own_disks = tuple(disks(found, around.disks, around.datastore, around.placed))
    box = node.first("vbox:Machine")
    own_nics = tuple(_with_addresses(tuple(nics(found, around.networks)), box))
    own_devices = tuple(devices(found))
    firmware, secure = _firmware(node, hardware)
    sockets, cores, threads, allocation = _processors(found, name, around.notes)
    memory, memory_allocation = _memory(found, name, around.notes)
    guest_id, guest_name = _guest(node)
    extra = _extra_config(hardware)
    keys = {item.id: item.key for item in found}
    return Vm(
        id=own_id,
        name=name,
        is_template=False,
        uuid=_uuid(node, box),
        power=Power.OFF,
        folder="/".join(part for part in (dirname(around.package), *parents) if part),
        host=None,
        cluster=None,
        guest_id=guest_id,
        guest_name=guest_name,
        annotation=node.value("AnnotationSection", "Annotation") or node.value("Description") or "",
        tools_running=None,
        firmware=firmware,
        secure_boot=secure,
        has_vtpm=any("tpm" in device.class_.lower() for device in own_devices),
        sockets=sockets,
        cores_per_socket=cores,
        threads_per_core=threads,
        memory_bytes=memory,
        disks=own_disks,
        nics=own_nics,
        snapshots=(),
        devices=own_devices,
        machine=node.value("CustomEmulatedMachine") or system.value("VirtualSystemType"),
        cpu_model=node.value("CustomCpuModel"),
        origin=around.exporter,
        created_at=node.value("CreationDate") or _signed_at(around.comment),
        cpu_allocation=allocation,
        memory_allocation=memory_allocation,
        cpu_hot_add=_flag(setting(hardware, "cpuHotAddEnabled")),
        cpu_hot_remove=_flag(setting(hardware, "cpuHotRemoveEnabled")),
        memory_hot_add=_flag(setting(hardware, "memoryHotAddEnabled")),
        nested_virtualization=_flag(setting(hardware, "nestedHVEnabled")),
        time_synchronized=_flag(setting(hardware, "tools.syncTimeWithHost")),
        time_zone=node.value("TimeZone"),
        stateless=_flag(node.value("IsStateless")),
        boot_order=tuple(_boot_order(node, keys, box)),
        nvram=extra.pop("nvram", None),
        initialization=_initialization(node),
        properties=tuple(properties(node)),
        extra_config=extra,
        native=_rest(node, licences(node)),
    )


def _processors(
    found: Sequence[Item], name: str, notes: list[str]
) -> tuple[int, int, int, CpuAllocation | None]:
    """Sockets, cores per socket, threads per core, and what is promised of them."""
    item = next((each for each in found if each.kind == CPU), None)
    if item is None:
        notes.append(f"{name} says nothing about its processors; one is assumed")
        return 1, 1, 1, None
    node = item.node
    for carried in ("ResourceType", "InstanceID"):
        node.value(carried)
    count = integer(node.value("VirtualQuantity"), "number of processors") or 1
    cores = integer(node.value("vmw:CoresPerSocket"), "number of cores") or 1
    threads = 1
    sockets = integer(node.value("num_of_sockets"), "number of sockets")
    if sockets is not None:
        cores = integer(node.value("cpu_per_socket"), "number of cores") or 1
        threads = integer(node.value("threads_per_cpu"), "number of threads") or 1
    elif cores < 1 or count % cores:
        notes.append(f"{name} has {count} processors in sockets of {cores}; each gets its own")
        sockets, cores = count, 1
    else:
        sockets = count // cores
    units = node.value("AllocationUnits") or "hertz * 10^6"
    reserved = _amount(node, "Reservation", units, "processor reservation")
    limit = _amount(node, "Limit", units, "processor limit")
    shares = integer(node.value("Weight"), "weight of the processors")
    allocation = CpuAllocation(
        reservation_mhz=None if reserved is None else reserved // _UNTIL_MHZ,
        limit_mhz=None if limit is None else limit // _UNTIL_MHZ,
        shares=shares,
    )
    return sockets, cores, threads, None if allocation == CpuAllocation() else allocation


def _memory(
    found: Sequence[Item], name: str, notes: list[str]
) -> tuple[int, MemoryAllocation | None]:
    item = next((each for each in found if each.kind == MEMORY), None)
    if item is None:
        notes.append(f"{name} says nothing about its memory: it cannot be translated")
        return 0, None
    node = item.node
    for carried in ("ResourceType", "InstanceID"):
        node.value(carried)
    units = node.value("AllocationUnits") or "byte * 2^20"
    allocation = MemoryAllocation(
        reservation_bytes=_amount(node, "Reservation", units, "memory reservation"),
        limit_bytes=_amount(node, "Limit", units, "memory limit"),
        shares=integer(node.value("Weight"), "weight of the memory"),
    )
    size = _amount(node, "VirtualQuantity", units, "memory") or 0
    return size, None if allocation == MemoryAllocation() else allocation


def _amount(node: Node, name: str, units: str, what: str) -> int | None:
    """A quantity of an item; -1 stands for no limit."""
    text = node.value(name)
    return None if text is None or text.startswith("-") else quantity(text, units, f"its {what}")


def _firmware(node: Node, hardware: Node) -> tuple[Firmware, bool]:
    """What starts it, and whether with secure boot."""
    told = node.value("BiosType")
    if told is not None:
        return _OVIRT_BIOS.get(told, (Firmware.BIOS, False))
    box = node.first("vbox:Machine", "Hardware", "Firmware")
    word = setting(hardware, "firmware") or (box.get("type") if box else None) or ""
    secure = _flag(setting(hardware, "bootOptions.efiSecureBootEnabled"))
    return Firmware.EFI if word.lower().startswith("efi") else Firmware.BIOS, bool(secure)


def _guest(node: Node) -> tuple[str, str]:
    """Id and name of the guest system: VMware's or VirtualBox's id, else ``cim:`` and a number."""
    section = node.first("OperatingSystemSection")
    if section is None:
        return "", ""
    own = section.get("vmw:osType") or section.value("vbox:OSType")
    number = section.peek("id")
    if own is None and number.isdecimal():
        own = f"cim:{section.get('id')}"
    return own or "", section.value("Description") or ""


def _uuid(node: Node, box: Node | None) -> str | None:
    """RHV's id of the system and VirtualBox's of the machine are what the guest sees."""
    if _UUID.match(node.peek("id")):
        return node.get("id")
    hardware = box.first("Hardware") if box else None
    own = (hardware.peek("uuid") if hardware else "") or (box.peek("uuid") if box else "")
    own = own.strip("{}")
    return own if _UUID.match(own) else None


def _with_addresses(found: Sequence[Nic], box: Node | None) -> Iterator[Nic]:
    """The cards with the MAC addresses that only VirtualBox's own part knows, in slot order."""
    network = box.first("Hardware", "Network") if box else None
    adapters = network.all("Adapter") if network else []
    inside = [each for each in adapters if each.peek("enabled") != "false"]
    for nic, adapter in zip_longest(found, inside[: len(found)]):
        address = adapter.peek("MACAddress") if adapter is not None else ""
        if nic.mac is None and re.fullmatch("[0-9a-fA-F]{12}", address):
            yield msgspec.structs.replace(nic, mac=":".join(re.findall("..", address.lower())))
        else:
            yield nic


def _boot_order(node: Node, keys: Mapping[str, str], box: Node | None) -> list[str]:
    found = list[str]()
    for section in node.all("vmw:BootOrderSection"):
        kind = section.get("vmw:type") or ""
        word = _DEVICE_WORDS.get(kind, kind)
        instance = section.get("vmw:instanceId")
        device = keys.get(instance or "")
        found.append(f"{word}:{device}" if word in ("disk", "nic") and device else word)
    order = box.first("Hardware", "Boot") if box else None
    for each in order.all("Order") if order else []:
        if each.peek("device") not in ("", "None"):
            each.get("position")
            found.append((each.get("device") or "").lower())
    return [word for word in found if word]


def _extra_config(hardware: Node) -> dict[str, str]:
    """Keys without a schema; values that may be secret are left out."""
    found = dict[str, str]()
    for each in hardware.all("vmw:ExtraConfig"):
        key, value = each.get("vmw:key"), each.get("vmw:value")
        each.get("required")
        if key and value is not None:
            found[key] = LEFT_OUT if may_be_secret(key) else value
    return found


def _initialization(node: Node) -> Initialization | None:
    """RHV's cloud-init or sysprep settings, without passwords and scripts."""
    init = node.first("VmInit")
    if init is None:
        return None
    dns, keys = init.get("dnsServers") or "", init.get("authorizedKeys") or ""
    return Initialization(
        hostname=init.get("hostname"),
        user=init.get("userName"),
        time_zone=init.get("timeZone"),
        dns_servers=tuple(dns.split()),
        authorized_keys=tuple(key for key in keys.splitlines() if key),
        has_script=bool(init.get("customScript")),
        has_password=bool(init.get("rootPassword")),
    )


def _signed_at(comment: str) -> str | None:
    signed = re.search(r"UTC time: ([0-9TZ:. -]{10,40})", comment)
    return signed[1].strip() if signed else None


def _rest(node: Node, more: Mapping[str, int]) -> Native:
    """Everything that nothing above has read."""
    node.get("id")
    return {**node.rest(), **more}


def _flag(text: str | None) -> bool | None:
    return None if text is None else {"true": True, "false": False}.get(text.lower())
