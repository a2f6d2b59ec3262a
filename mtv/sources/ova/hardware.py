"""Virtual hardware: from the items of an OVF to disks, network cards and the rest."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mtv.errors import SourceError
from mtv.model.vm import Backing, Device, DeviceKind, Disk, Nic
from mtv.sources.ova.tree import Node

CPU, MEMORY, ETHERNET, DISK = 3, 4, 10, 17

_KINDS = {
    5: DeviceKind.CONTROLLER,
    6: DeviceKind.CONTROLLER,
    7: DeviceKind.CONTROLLER,
    8: DeviceKind.CONTROLLER,
    14: DeviceKind.FLOPPY,
    15: DeviceKind.CDROM,
    16: DeviceKind.CDROM,
    20: DeviceKind.CONTROLLER,
    21: DeviceKind.SERIAL,
    22: DeviceKind.PARALLEL,
    23: DeviceKind.USB,
    24: DeviceKind.VIDEO,
    26: DeviceKind.CONSOLE,
    35: DeviceKind.SOUND,
}
"""CIM's resource types; 35 is VirtualBox's, 26 (graphics) RHV's."""

_SUBTYPES = (
    ("vtpm", DeviceKind.TPM),
    ("soundcard", DeviceKind.SOUND),
    ("watchdog", DeviceKind.WATCHDOG),
    ("pci.passthrough", DeviceKind.PASSTHROUGH),
    ("keyboard", DeviceKind.INPUT),
    ("pointing", DeviceKind.INPUT),
)
"""Parts of VMware's subtypes, which say more than the type."""

_OVIRT = {
    "video": DeviceKind.VIDEO,
    "graphics": DeviceKind.CONSOLE,
    "sound": DeviceKind.SOUND,
    "controller": DeviceKind.CONTROLLER,
    "rng": DeviceKind.RNG,
    "console": DeviceKind.SERIAL,
    "watchdog": DeviceKind.WATCHDOG,
    "tpm": DeviceKind.TPM,
    "hostdev": DeviceKind.PASSTHROUGH,
    "redir": DeviceKind.USB,
}
"""RHV's own words for a device's type."""

_CONTROLLERS = {
    "virtualscsi": "pvscsi",
    "vmware.sata.ahci": "ahci",
    "vmware.nvme.controller": "nvme",
    "virtio_scsi": "virtio-scsi",
    "sata": "ahci",
}

_NICS = {"0": "rtl8139", "1": "rtl8139", "2": "e1000", "3": "virtio", "5": "sriov", "6": "e1000e"}
"""RHV's numbers of network cards."""

_MAC = re.compile(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\Z|[0-9a-fA-F]{12}\Z")
_RESOURCE = re.compile(r"(?:ovf:/{0,2})?/?(disk|file)/(.+)\Z")
_SHORT_KEY = re.compile(r"[0-9]{1,5}\Z")


@dataclass
class Item:
    """One item of the virtual hardware; ``kind`` is CIM's resource type."""

    node: Node
    id: str
    kind: int
    subtype: str
    parent: str | None
    unit: int | None
    key: str = ""
    """Its key in the inventory."""

    @property
    def label(self) -> str:
        """What a person would call it."""
        name = self.node.value("ElementName")
        return name or self.node.value("Caption") or f"item {self.id}"


@dataclass(frozen=True)
class KnownDisk:
    """A disk of the package's list of disks."""

    id: str
    capacity_bytes: int
    path: str
    """``finance/erp.ova/erp-disk1.vmdk``; empty for a blank disk."""
    format: str | None
    allocated_bytes: int | None
    parent: str | None
    node: Node
    native: dict[str, str | int | float | bool] = field(default_factory=dict)


def items(section: Node, configuration: str | None) -> list[Item]:
    """The items that make up the machine, in the chosen configuration; the others stay unread.

    An item of that configuration replaces the one with the same id that is for all; items that
    only give the bounds of a range are no devices.
    """
    chosen = dict[str, Item]()
    for place, node in enumerate(section.children):
        if node.name not in ("Item", "StorageItem", "EthernetPortItem"):
            continue
        only_for = (node.peek("configuration") or "").split()
        if node.peek("bound") in ("min", "max") or (only_for and configuration not in only_for):
            continue
        item = _item(node, place)
        if item.id in chosen and not only_for:
            other = chosen[item.id]
            if not other.node.peek("configuration"):
                raise SourceError(f"two items of its hardware have the id {item.id[:40]!a}")
            continue
        chosen[item.id] = item
    found = list(chosen.values())
    for group in (_of(found, DISK), _of(found, ETHERNET)):
        _give_keys(group)
    for each in found:
        each.key = each.key or each.id
    return found


def disks(
    found: Sequence[Item],
    known: Mapping[str, KnownDisk],
    datastore: str,
    placed: dict[str, str],
) -> Iterator[Disk]:
    """The virtual disks, in the order of the items. ``placed`` gets key -> id in the list."""
    by_id = {item.id: item for item in found}
    for item in _of(found, DISK):
        node = item.node
        source = known.get(_resource(node, "disk") or "")
        if source is None:
            raise SourceError(f"its hardware has a disk ({item.label!a}) that its list has not")
        listed = source.node
        placed[item.key] = source.id
        controller = by_id.get(item.parent or "")
        interface = (listed.get("disk-interface") or "").lower()
        _carried(item, "ResourceType", "InstanceID", "Parent", "AddressOnParent", "Type")
        yield Disk(
            key=item.key,
            label=listed.get("disk-alias") or item.label,
            capacity_bytes=source.capacity_bytes,
            backing=Backing.IMAGE,
            datastore=datastore,
            path=source.path,
            mode=setting(node, "backing.diskMode") or "",
            has_parent=source.parent is not None,
            thin=None,
            encrypted=False,
            shared=listed.get("shareable") == "true",
            uuid=listed.get("vbox:uuid"),
            controller=_controller(controller) if controller else _word(interface),
            bus=_bus(controller),
            unit=item.unit or 0,
            controller_key=controller.id if controller else None,
            format=source.format,
            allocated_bytes=source.allocated_bytes,
            write_through=_flag(setting(node, "backing.writeThrough")),
            bootable=_flag(listed.get("boot")),
            read_only=_flag(node.value("IsReadOnly") or listed.get("read-only")),
            wipe_after_delete=_flag(listed.get("wipe-after-delete")),
            pass_discard=_flag(listed.get("pass-discard")),
            active=_flag(node.value("IsPlugged")),
            native={**source.native, **listed.rest(), **node.rest()},
        )


def nics(found: Sequence[Item], network_ids: Mapping[str, str]) -> Iterator[Nic]:
    """The network cards, in the order of the items. ``network_ids``: by name of the network."""
    for item in _of(found, ETHERNET):
        node = item.node
        _carried(item, "ResourceType", "InstanceID", "ResourceSubType", "Type")
        model = item.subtype.lower()
        connected = node.value("AutomaticAllocation")
        linked = node.value("Linked")
        yield Nic(
            key=item.key,
            label=node.value("Name") or item.label,
            model=_NICS.get(model, model) or "unknown",
            mac=_mac(node),
            network=network_ids.get(node.value("Connection") or ""),
            connected_at_power_on=(connected or "true").lower() != "false" and linked != "false",
            connected=_flag(linked),
            plugged=_flag(node.value("IsPlugged")),
            native=node.rest(),
        )


def devices(found: Sequence[Item]) -> Iterator[Device]:
    """What is neither processor, memory, disk nor network card, in the order of the items."""
    for item in found:
        if item.kind in (CPU, MEMORY, ETHERNET, DISK):
            continue
        node = item.node
        _carried(item, "InstanceID", "Parent", "AddressOnParent", "ResourceSubType")
        yield Device(
            key=item.key,
            kind=_kind(item),
            class_=node.value("Device") or item.subtype or f"resource type {item.kind}",
            label=item.label,
            controller_key=item.parent,
            unit=item.unit,
            connected_at_power_on=_flag(node.value("AutomaticAllocation")),
            media=node.value("HostResource"),
            native=node.rest(),
        )


def networks_of(found: Sequence[Item]) -> Iterator[str]:
    """Names of the networks that cards are attached to."""
    for item in _of(found, ETHERNET):
        name = _child_text(item.node, "Connection")
        if name:
            yield name


def setting(node: Node, key: str) -> str | None:
    """The value of one of VMware's settings (``vmw:Config``) of an item or machine."""
    for each in node.all("vmw:Config"):
        if each.peek("vmw:key") == key:
            for attribute in ("required", "vmw:key"):
                each.get(attribute)
            return each.get("vmw:value")
    return None


def integer(text: str | None, what: str) -> int | None:
    """A whole number; None where there is none. Raises SourceError for anything else."""
    if text is None or text.startswith("$"):
        return None
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise SourceError(f"its {what} is {text[:40]!a}, which is no number", "correct the OVF")
    return int(text)


def _item(node: Node, place: int) -> Item:
    kind = integer(_child_text(node, "ResourceType") or None, "resource type") or 0
    device = _child_text(node, "Type")
    if device == "disk":
        kind = {"cdrom": 15, "floppy": 14}.get(_child_text(node, "Device"), DISK)
    elif device == "interface":
        kind = ETHERNET
    elif kind == 31 and _resource_is(node, "disk"):
        kind = DISK  # OVF 2: a logical disk
    elif device in _OVIRT:
        kind = 1
    subtype = _child_text(node, "ResourceSubType").split()
    unit = _child_text(node, "AddressOnParent")
    return Item(
        node=node,
        id=_child_text(node, "InstanceID") or _child_text(node, "InstanceId") or f"item-{place}",
        kind=kind,
        subtype=subtype[0] if subtype else "",
        parent=_child_text(node, "Parent") or None,
        unit=int(unit) if re.fullmatch("[0-9]{1,4}", unit) else None,
    )


def _carried(item: Item, *names: str) -> None:
    """Counts as read what the inventory carries as it is; the rest becomes ``native``."""
    for name in names:
        text = _child_text(item.node, name)
        whole = {
            "InstanceID": item.key == text,
            "AddressOnParent": item.unit is not None,
            "ResourceSubType": text == item.subtype,
        }
        if whole.get(name, True):
            item.node.value(name)


def _give_keys(group: list[Item]) -> None:
    """Keys become a part of names in the cluster: short numbers, the items' own or counted."""
    own = {item.id for item in group}
    short = len(own) == len(group) and all(_SHORT_KEY.match(each) for each in own)
    for count, item in enumerate(group, 1):
        item.key = item.id if short else str(count)


def _of(found: Sequence[Item], kind: int) -> list[Item]:
    return [item for item in found if item.kind == kind]


def _kind(item: Item) -> DeviceKind:
    device = _child_text(item.node, "Type")
    if device in _OVIRT:
        return _OVIRT[device]
    for part, kind in _SUBTYPES:
        if part in item.subtype.lower():
            return kind
    return _KINDS.get(item.kind, DeviceKind.OTHER)


def _controller(item: Item) -> str:
    return _word(item.subtype.lower()) if item.kind != 5 else "ide"


def _word(subtype: str) -> str:
    return _CONTROLLERS.get(subtype, subtype)


def _bus(controller: Item | None) -> int:
    address = _child_text(controller.node, "Address") if controller else ""
    return int(address) if re.fullmatch("[0-9]{1,4}", address) else 0


def _mac(node: Node) -> str | None:
    for name in ("MACAddress", "Address"):
        address = _child_text(node, name)
        if _MAC.match(address):
            node.value(name)
            digits = re.sub("[:-]", "", address).lower()
            return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    return None


def _resource(node: Node, kind: str) -> str | None:
    match = _RESOURCE.match(node.value("HostResource") or "")
    return match[2] if match and match[1] in (kind, "file") else None


def _resource_is(node: Node, kind: str) -> bool:
    match = _RESOURCE.match(_child_text(node, "HostResource"))
    return match is not None and match[1] == kind


def _flag(text: str | None) -> bool | None:
    return None if text is None else {"true": True, "false": False}.get(text.lower())


def _child_text(node: Node, name: str) -> str:
    """A child's text without counting it as read."""
    child = node.first(name)
    return child.peek() if child is not None else ""
