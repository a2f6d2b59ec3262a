"""Disks and other devices of VMs: LUNs, shared disks, drives, screens, devices of hosts."""

from typing import Any

import msgspec

from mtv.model.compute import Cluster, Host, PciDevice
from mtv.model.storage import LogicalUnit
from mtv.model.vm import Device, DeviceKind, Disk, Vm
from tests.estates import GIB, plain_disk, plain_vm
from tests.translate.whole.example import Change, Example

DISKS, LUNS, DEVICES, HOST = "vm-devices-disks", "vm-devices-luns", "vm-devices", "h-devices"
SHARING = ("vm-devices-share-1", "vm-devices-share-2")

ISCSI, FIBRE = "naa.6001405ca0bebfd248e52929b9aae0b3", "naa.6001405185d3aeacf0d563d82c02cf47"
GPU, CARD = "device-gpu", "device-card"


def _is(kind: DeviceKind) -> Any:
    return lambda device: device["kind"] == kind


def _of(unit: str) -> Any:
    return lambda disk: disk["logical_unit"] == unit


CHANGES = {
    "vms[].disks[].controller": Change("virtio_scsi", at=DISKS),
    "vms[].disks[].bootable": Change(True, at=DISKS, where=lambda disk: not disk["bootable"]),
    "vms[].disks[].serial": Change("4711", at=DISKS),
    "vms[].disks[].write_through": Change(False, at=DISKS),
    "vms[].disks[].read_only": Change(False, at=DISKS, where=lambda disk: disk["read_only"]),
    "vms[].disks[].active": Change(True, at=DISKS, where=lambda disk: disk["active"] is False),
    "vms[].disks[].propagate_errors": Change(True, at=DISKS),
    "vms[].disks[].mode": Change("independent_nonpersistent", at=DISKS),
    "vms[].disks[].status": Change("illegal", at=DISKS),
    "vms[].disks[].change_tracking": Change(True, at=DISKS),
    "vms[].disks[].shared": Change(True, at=DISKS),
    "vms[].disks[].backing": Change("rdm-physical", at=LUNS, where=_of(f"{FIBRE}1")),
    "vms[].disks[].logical_unit": Change(f"{FIBRE}2", at=LUNS, where=_of(FIBRE)),
    "vms[].disks[].scsi_reservation": Change(True, at=LUNS, where=_of(FIBRE)),
    "vms[].disks[].bus_sharing": Change("physicalSharing", at=LUNS, where=_of(FIBRE)),
    "logical_units[].kind": Change("fcp", at=ISCSI),
    "logical_units[].lun": Change(9, at=ISCSI),
    "vms[].devices[].kind": Change(
        DeviceKind.RNG.value,
        at=f"{DEVICES}-pointer",
        where=lambda device: device["kind"] in (DeviceKind.INPUT, DeviceKind.CONSOLE),
    ),
    "vms[].devices[].class": Change("VirtualEnsoniq1371", at=DEVICES, where=_is(DeviceKind.SOUND)),
    "vms[].devices[].action": Change("poweroff", at=DEVICES, where=_is(DeviceKind.WATCHDOG)),
    "vms[].devices[].media": Change(
        "grid_unknown", at=f"{DEVICES}-pointer", where=_is(DeviceKind.GPU)
    ),
    "hosts[].pci_devices[].id": Change("other", at=HOST, where=lambda device: device["id"] == GPU),
    "hosts[].pci_devices[].product": Change(
        "other", at=HOST, where=lambda device: device["id"] == CARD
    ),
    "hosts[].pci_devices[].vendor_id": Change("1002", at=HOST),
    "hosts[].pci_devices[].device_id": Change("1eb9", at=HOST),
}


def enrich(example: Example) -> Example:
    """VMs for each of them, and a host that lends devices."""
    rhv = example.inventory.product == "rhv"
    host = Host(
        id=HOST,
        name="devices.example.com",
        cluster=None,
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
        pci_devices=(
            PciDevice(id=GPU, vendor_id="0x10de", device_id="0x1eb8", product="Tesla T4"),
            PciDevice(id=CARD, vendor_id="8086", device_id="158b", product="XXV710"),
        ),
    )
    cluster = Cluster(
        id="c-devices",
        name="devices",
        datacenter=None,
        random_sources=("urandom", "hwrng") if rhv else (),
    )
    units = (
        LogicalUnit(
            id=ISCSI,
            kind="iscsi",
            capacity_bytes=500 * GIB,
            address="10.5.0.20",
            port=3261,
            target="iqn.2015-03.example:lun01",
            lun=7,
        ),
    )
    made = example.add(
        hosts=(host,),
        clusters=(cluster,),
        vms=(
            _disks(example),
            _luns(example),
            *(_sharing(example, id_) for id_ in SHARING),
            *_devices(example),
        ),
    )
    # The first LUN is the one whose id is changed wherever it is named.
    longer = (*units, *made.inventory.logical_units)
    made = made.replace(inventory=msgspec.structs.replace(made.inventory, logical_units=longer))
    return made.choose(
        host_devices={
            "10de:1eb8": "nvidia.com/TU104GL=10de:1eb8",
            "8086:158b": "intel.com/XXV710",
            "grid_t4-8q": "nvidia.com/GRID_T4-8Q=GRID T4-8Q",
        }
    )


def _vm(example: Example, id_: str, **fields: Any) -> Vm:
    first = next(each for each in example.inventory.vms if each.id == "vm-1")
    made = plain_vm(
        id=id_,
        name=id_.removeprefix("vm-"),
        uuid=None,
        nics=(),
        host=first.host,
        cluster=first.cluster,
        guest_id=first.guest_id,
        disks=(_disk(example, key="2000"),),
    )
    return msgspec.structs.replace(made, **fields)


def _disk(example: Example, **fields: Any) -> Disk:
    """A disk like the first VM's, with a UUID of its own."""
    first = next(each for each in example.inventory.vms if each.id == "vm-1").disks[0]
    made = plain_disk(
        backing=first.backing,
        datastore=first.datastore,
        controller=first.controller,
        uuid=f"{fields['key']}aaaa-1111-2222-3333-444455556666",
        path=f"[gold] devices/{fields['key']}.vmdk",
    )
    return msgspec.structs.replace(made, **fields)


def _disks(example: Example) -> Vm:
    rhv = example.inventory.product == "rhv"
    own: dict[str, Any] = {"write_through": True, "bus_sharing": "noSharing"}
    if rhv:
        own = {
            "serial": "c3017137-73d9-5bd7-903f-1f287d724f1e",
            "bootable": False,
            "active": True,
            "status": "ok",
            "propagate_errors": False,
            "quota": "quota-devices",
        }
    return _vm(
        example,
        DISKS,
        disks=(
            _disk(example, key="2000", change_tracking=False, controller_key="1000", **own),
            _disk(example, key="2001", unit=1, read_only=True, bootable=True if rhv else None),
            _disk(example, key="2002", unit=2, active=False if rhv else None),
        ),
    )


def _luns(example: Example) -> Vm:
    """An iSCSI LUN, one that is known by its name only, and a disk that could be one."""
    rhv = example.inventory.product == "rhv"
    lun: dict[str, Any] = {
        "backing": "lun" if rhv else "rdm-physical",
        "scsi_reservation": False if rhv else None,
        "bus_sharing": None if rhv else "noSharing",
    }
    return _vm(
        example,
        LUNS,
        disks=(
            _disk(example, key="2000"),
            _disk(example, key="2001", unit=1, logical_unit=ISCSI, **lun),
            _disk(example, key="2002", unit=2, logical_unit=FIBRE, **lun),
            _disk(example, key="2003", unit=3, logical_unit=f"{FIBRE}1"),
        ),
    )


def _sharing(example: Example, id_: str) -> Vm:
    shared = _disk(example, key="2001", unit=1, shared=True, path="shared/quorum.vmdk")
    return _vm(example, id_, disks=(_disk(example, key="2000"), shared))


def _devices(example: Example) -> tuple[Vm, ...]:
    rhv = example.inventory.product == "rhv"
    pointer = DeviceKind.CONSOLE if rhv else DeviceKind.INPUT
    word = "vnc" if rhv else "VirtualPointingDevice"
    place: dict[str, Any] = {} if rhv else {"controller_key": "300", "unit": 1}
    drive = Device(
        key="3000",
        kind=DeviceKind.CDROM,
        class_="cdrom" if rhv else "VirtualCdrom",
        label="CD/DVD drive 1",
        media="[iso] tools.iso",
        connected=True,
        connected_at_power_on=True,
        **place,
    )
    devices = (
        drive,
        Device(key="sound", kind=DeviceKind.SOUND, class_="sound card"),
        Device(key="dog", kind=DeviceKind.WATCHDOG, class_="i6300esb", action="reset"),
        Device(key="pci-1", kind=DeviceKind.PASSTHROUGH, class_="pci", media=GPU),
        Device(key="pci-2", kind=DeviceKind.PASSTHROUGH, class_="pci", media="XXV710"),
        Device(key="video", kind=DeviceKind.VIDEO, class_="vnc"),
    )
    return (
        _vm(example, DEVICES, devices=devices, host=HOST),
        _vm(
            example,
            f"{DEVICES}-pointer",
            devices=(
                Device(key="700", kind=pointer, class_=word),
                Device(key="mdev", kind=DeviceKind.GPU, class_="mdev", media="grid_t4-8q"),
            ),
        ),
    )
