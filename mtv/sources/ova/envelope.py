"""An OVF envelope as a part of an inventory: its VMs, vApps, networks and disks."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import basename, dirname, splitext

import msgspec

from mtv.errors import SourceError
from mtv.images.image import BadImage
from mtv.images.qcow2 import Qcow2
from mtv.images.vmdk import Vmdk
from mtv.model.compute import VApp, VAppEntry
from mtv.model.disk import ImageFormat
from mtv.model.network import Network
from mtv.model.vm import Vm
from mtv.sources.ova.hardware import KnownDisk, integer, items, networks_of
from mtv.sources.ova.machine import Surroundings, virtual_machine
from mtv.sources.ova.package import LARGEST_ENVELOPE_BYTES, Content, Package
from mtv.sources.ova.product import properties
from mtv.sources.ova.tree import Node, read_tree
from mtv.sources.ova.units import quantity

_NO_PARENT = ("", "00000000-0000-0000-0000-000000000000")


@dataclass(frozen=True)
class StoredDisk:
    """A disk of a package, with the file that holds it."""

    known: KnownDisk
    content: Content | None
    """None for a blank disk."""
    kept: ImageFormat | None
    """None when it is kept in a way that is not read."""
    why_not: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True)
class Envelope:
    """What one package holds."""

    name: str
    exporter: str
    """``VMware``, ``oVirt``, ``VirtualBox`` or ``OVF``, with what it said of itself."""
    vms: tuple[Vm, ...]
    vapps: tuple[VApp, ...]
    networks: tuple[Network, ...]
    disks: Mapping[str, StoredDisk]
    notes: tuple[str, ...]
    """What is odd about it, each as a sentence."""
    disk_of: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Id of a VM, key of its disk -> id in ``disks``."""


def stem_of(name: str) -> str:
    """What the ids of a package's VMs begin with."""
    return _clean(splitext(basename(name))[0])


def vm_id(package: str, system: str, alone: bool) -> str:
    """Id of a VM: readable, and the same for ever while file and system keep their names."""
    digest = hashlib.sha256(f"{package}\0{system}".encode()).hexdigest()[:8]
    middle = "" if alone else f".{_clean(system)}"
    return f"{stem_of(package)}{middle}-{digest}"


def network_id(name: str) -> str:
    """Id of a network: the same for the same name in every package."""
    return _with_digest(name)


def datastore_id(package: str) -> str:
    """Id of the folder that a package is in."""
    folder = dirname(package)
    return _with_digest(folder.replace("/", ".")) if folder else "root"


def read_envelope(package: Package) -> Envelope:
    """Reads the OVF of a package. Raises SourceError, naming it, for one that is refused."""
    try:
        return _read(package)
    except SourceError as problem:
        if problem.message.startswith(package.name):
            raise
        raise SourceError(f"{package.name}: {problem.message}", problem.hint) from problem


def _read(package: Package) -> Envelope:
    root, comment = read_tree(package.envelope, package.name, LARGEST_ENVELOPE_BYTES)
    if root.name not in ("Envelope", "ovf:Envelope"):
        raise SourceError("it is XML, but no OVF envelope")
    notes = list[str]()
    systems = list(_systems(root, ()))
    ids = [node.peek("id") for node, _ in systems]
    if not systems:
        raise SourceError("it has no virtual system")
    if len(set(ids)) != len(ids):
        raise SourceError("two of its virtual systems have the same id")
    exporter = _exporter(root, comment)
    disks = dict(_disks(root, package, exporter.startswith("oVirt"), notes))
    configuration = _configuration(root)
    machines = {
        id(node): items(section, configuration) if (section := _hardware(node)) else []
        for node, _ in systems
    }
    networks = _networks(root, [name for found in machines.values() for name in networks_of(found)])
    around = Surroundings(
        package=package.name,
        exporter=exporter,
        comment=comment,
        datastore=datastore_id(package.name),
        disks={key: disk.known for key, disk in disks.items()},
        networks={network.name: network.id for network in networks},
        notes=notes,
    )
    vms, ids_of, disk_of = list[Vm](), dict[str, str](), dict[tuple[str, str], str]()
    for node, parents in systems:
        own = vm_id(package.name, node.peek("id"), alone=len(systems) == 1)
        ids_of[node.peek("id")] = own
        found = machines[id(node)]
        vm = virtual_machine(node, own, [each.peek("id") for each in parents], found, around)
        disk_of |= {(own, key): disk for key, disk in around.placed.items()}
        around.placed.clear()
        vms.append(vm)
    vapps = tuple(_vapps(root, package.name, ids_of))
    rest = {f"Envelope.{path}": value for path, value in root.rest().items()}
    if vapps:
        first = msgspec.structs.replace(vapps[0], native={**vapps[0].native, **rest})
        vapps = (first, *vapps[1:])
    else:
        vms = [msgspec.structs.replace(vm, native={**vm.native, **rest}) for vm in vms]
    return Envelope(
        package.name, exporter, tuple(vms), vapps, networks, disks, tuple(notes), disk_of
    )


def _systems(node: Node, parents: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Every virtual system with the collections it is in, outermost first."""
    for child in node.children:
        if child.name == "VirtualSystem":
            yield child, parents
        elif child.name == "VirtualSystemCollection":
            yield from _systems(child, (*parents, child))


def _hardware(system: Node) -> Node | None:
    return system.first("VirtualHardwareSection")


def _configuration(root: Node) -> str | None:
    """The deployment option that is the default: that one is what was exported."""
    section = root.first("DeploymentOptionSection")
    options = section.all("Configuration") if section else []
    default = [each for each in options if each.peek("default") in ("true", "1")] or options
    return default[0].peek("id") if default else None


def _exporter(root: Node, comment: str) -> str:
    signed = re.search(r"Generated by ([^,]{1,80})", comment)
    if signed:
        return signed[1].strip()
    text = " ".join(_types(root)).lower()
    if "virtualbox" in text:
        return "VirtualBox"
    if "engine" in text or "ovirt" in text or "rhev" in text:
        return "oVirt"
    return "VMware" if "vmx-" in text else "OVF"


def _types(node: Node) -> Iterator[str]:
    for child in node.children:
        if child.name == "VirtualSystemType":
            yield child.peek()
        yield from _types(child)


def _networks(root: Node, used: list[str]) -> tuple[Network, ...]:
    """The networks of the list, and those that cards name besides."""
    section = root.first("NetworkSection")
    found = dict[str, Network]()
    for node in section.all("Network") if section else []:
        name = node.get("name")
        if name and name not in found:
            described = node.value("Description") or ""
            found[name] = _network(name, described, dict(node.rest()))
    for name in used:
        if name not in found:
            found[name] = _network(name, "", {})
    return tuple(found.values())


def _network(name: str, description: str, native: dict[str, str | int | float | bool]) -> Network:
    return Network(
        id=network_id(name),
        name=name,
        kind="ovf",
        vlan=None,
        vlan_trunk=None,
        switch=None,
        is_uplink=False,
        description=description,
        native=native,
    )


def _disks(
    root: Node, package: Package, ovirt: bool, notes: list[str]
) -> Iterator[tuple[str, StoredDisk]]:
    references = root.first("References")
    files = dict[str, tuple[Node, Content]]()
    for node in references.all("File") if references else []:
        key, href = node.peek("id"), node.peek("href")
        if not href or key in files:
            raise SourceError(f"its list of files has {key[:40]!a} twice or without a name")
        content = package.content(href)
        _check_size(node, content, ovirt, notes)
        files[key] = (node, content)
    section = root.first("DiskSection")
    seen = set[str]()
    for node in section.all("Disk") if section else []:
        key = node.peek("diskId")
        if not key or key in seen:
            raise SourceError(f"its list of disks has {key[:40]!a} twice or without an id")
        seen.add(key)
        reference = node.peek("fileRef")
        if reference and reference not in files:
            raise SourceError(
                f"its disk {key[:40]!a} is in the file {reference[:40]!a}, not listed"
            )
        file = files.get(reference)
        disk = _stored_disk(key, node, *(file or (None, None)))
        if disk.why_not:
            notes.append(f"{package.name}: {disk.why_not}")
        yield key, disk


def _check_size(node: Node, content: Content, ovirt: bool, notes: list[str]) -> None:
    size = integer(node.peek("size") or None, "file size")
    if size is None or ovirt or size == content.length:
        return  # RHV writes how much of a disk is used
    if content.length < size:
        raise SourceError(
            f"{content.name} is truncated: it has {content.length} bytes of {size}",
            "export it again, or copy it again from where it was exported to",
        )
    notes.append(f"{content.name} has {content.length} bytes, its OVF says {size}")


def _stored_disk(key: str, node: Node, file: Node | None, content: Content | None) -> StoredDisk:
    capacity = quantity(
        node.peek("capacity") or node.peek("size") or None,
        node.peek("capacityAllocationUnits")
        or ("byte" if node.peek("capacity") else "byte * 2^30"),
        f"the capacity of disk {key[:40]!a}",
    )
    parent = node.peek("parentRef")
    kept: ImageFormat | None = ImageFormat.BLANK
    named, why_not = "blank", ""
    if content is not None and file is not None:
        kept = _format(node, content.name)
        named = node.peek("format").rpartition("#")[2] if kept is None else str(kept)
        packed = file.peek("compression") not in ("", "identity")
        if packed or file.peek("chunkSize"):
            how = "compressed" if packed else "cut into pieces"
            why_not = f"{content.name} is {how} besides, which mtv does not read"
        elif kept is None:
            why_not = f"{content.name} is in a format that mtv does not read: {named[:60]!a}"
        else:
            try:
                named, size = _look_into(content, kept)
                if kept is ImageFormat.RAW and capacity is not None and size < capacity:
                    why_not = f"{content.name} is truncated: it has {size} bytes of {capacity}"
                capacity = size
            except (BadImage, SourceError) as problem:
                why_not = f"{content.name}: {problem}"
    if parent not in _NO_PARENT:
        why_not = f"disk {key} is the delta of another one, which mtv does not read"
    populated = node.get("populatedSize")
    known = KnownDisk(
        id=key,
        capacity_bytes=capacity or 0,
        path=content.name if content else "",
        format=named,
        allocated_bytes=integer(populated, "populated size"),
        parent=None if parent in _NO_PARENT else parent,
        node=node,
        native={f"File.{path}": value for path, value in file.rest().items()} if file else {},
    )
    return StoredDisk(known, content, None if why_not else kept, why_not)


def _format(node: Node, name: str) -> ImageFormat | None:
    """How the disk is kept, as the OVF says: RHV's word, the format's URI, else the file's name."""
    volume = node.peek("volume-format").upper()
    if volume:
        return {"COW": ImageFormat.QCOW2, "RAW": ImageFormat.RAW}.get(volume)
    told = node.peek("format").lower() or splitext(name)[1]
    for word, kept in (
        ("vmdk", ImageFormat.VMDK),
        ("qcow", ImageFormat.QCOW2),
        ("raw", ImageFormat.RAW),
        (".img", ImageFormat.RAW),
    ):
        if word in told:
            return kept
    return None


def _look_into(content: Content, kept: ImageFormat) -> tuple[str, int]:
    """The format in full, and the size of the disk, as the image itself says."""
    if kept is ImageFormat.VMDK:
        vmdk = Vmdk(content.read, content.length)
        return f"vmdk-{vmdk.format}", vmdk.size_bytes
    if kept is ImageFormat.QCOW2:
        return "qcow2", Qcow2(content.read, content.length).size_bytes
    return "raw", content.length


def _vapps(root: Node, package: str, vms: Mapping[str, str]) -> Iterator[VApp]:
    """Every collection, outer ones first."""
    pending: list[tuple[Node, str | None]] = [
        (node, None) for node in root.all("VirtualSystemCollection")
    ]
    while pending:
        node, parent = pending.pop(0)
        name = node.get("id") or "vapp"
        own = vm_id(package, f"collection {name}", alone=False)
        inner = node.all("VirtualSystemCollection")
        members = {
            **{each.peek("id"): vms[each.peek("id")] for each in node.all("VirtualSystem")},
            **{each.peek("id"): vm_id(package, f"collection {each.peek('id')}", False)
               for each in inner},
        }  # fmt: skip
        startup = node.first("StartupSection")
        yield VApp(
            id=own,
            name=node.value("Name") or name,
            parent=parent,
            folder=dirname(package),
            annotation=node.value("AnnotationSection", "Annotation") or "",
            entries=tuple(_entries(startup, members)) if startup else (),
            properties=tuple(properties(node)),
            vms=tuple(vms[each.peek("id")] for each in node.all("VirtualSystem")),
            native=_own_rest(node),
        )
        pending += [(each, own) for each in inner]


def _entries(startup: Node, members: Mapping[str, str]) -> Iterator[VAppEntry]:
    for node in startup.all("Item"):
        member = members.get(node.peek("id"))
        if member is None:
            continue  # stays in native
        node.get("id")
        waits = node.get("waitingForGuest")
        yield VAppEntry(
            member=member,
            start_order=integer(node.get("order"), "start order"),
            start_delay_seconds=integer(node.get("startDelay"), "start delay"),
            start_action=node.get("startAction"),
            waits_for_guest=None if waits is None else waits == "true",
            stop_delay_seconds=integer(node.get("stopDelay"), "stop delay"),
            stop_action=node.get("stopAction"),
        )


def _own_rest(node: Node) -> dict[str, str | int | float | bool]:
    """What is left of a collection itself; inner collections tell theirs."""
    inner = node.all("VirtualSystemCollection")
    node.children = [child for child in node.children if child not in inner]
    rest = node.rest()
    node.children += inner
    return rest


def _clean(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", text)[:40].strip("-.") or "vm"


def _with_digest(text: str) -> str:
    """The text where it can be an id as it is, else what can stay of it and a digest."""
    clean = _clean(text)
    if clean == text:
        return text
    return f"{clean}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
