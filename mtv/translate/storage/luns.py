"""LUNs that guests see themselves: physical RDM, direct LUN -> PersistentVolume of the same LUN.

Nothing is copied: the cluster's nodes attach the LUN that the source's hosts had.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.knowledge.backends import MANY
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.storage import LogicalUnit
from mtv.model.vm import Disk
from mtv.names import unique_labels
from mtv.sharing import SHARED_BUSES, is_lun
from mtv.translate.part import Manifest, metadata
from mtv.translate.site import Site
from mtv.translate.storage.classes import MIB
from mtv.translate.storage.uses import listed

ROW, RESERVATION = "disk.lun", "disk.reservation"

ISCSI_PORT = 3260
LARGEST_LUN = 255
"""Of a PersistentVolume; so are the forms of targets and addresses."""

_IQN = re.compile(
    r"(iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+|eui\.[0-9A-Za-z]{16}|naa\.[0-9A-Za-z]{32})\Z"
)
_ADDRESS = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\Z")

_WWID = re.compile(r"[123][0-9a-f]{8,64}\Z")
"""As multipath and udev write it: a digit for the kind of name, then the name."""
_NAMES = {"naa": "3", "eui": "2"}
"""Kinds of vSphere's canonical names -> that digit."""


class Lun(msgspec.Struct, frozen=True, kw_only=True):
    """A LUN that VMs of the site have. ``source``: that part of its PersistentVolume."""

    key: str
    unit: str
    """The source's id of it."""
    source: dict[str, Any] | None
    """None where nobody knows how a node finds it."""
    capacity_bytes: int
    members: tuple[tuple[PlacedVm, Disk], ...]
    """In the order of their refs."""
    ready: tuple[str, ...]
    """Refs of those that are translated, as far as the assessment has a say."""

    @property
    def can_be_attached(self) -> bool:
        """False where something that its volume has to say is not known."""
        return self.source is not None and self.capacity_bytes > 0

    @property
    def is_shared(self) -> bool:
        """True where several VMs have it, or may have."""
        refs = {placed.ref for placed, _ in self.members}
        return len(refs) > 1 or any(disk.shared for _, disk in self.members)


def wants_reservation(disk: Disk) -> bool:
    """True for a LUN on which the guest reserves (SCSI-3), as clusters do."""
    return is_lun(disk) and bool(disk.scsi_reservation or disk.bus_sharing in SHARED_BUSES)


class Luns:
    """The LUNs of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def of(self, placed: PlacedVm, disk: Disk) -> Lun:
        """The LUN behind a disk. Only for VMs that no finding holds back."""
        return self._luns[_key(placed, disk)]

    def claim(self, placed: PlacedVm, disk: Disk) -> str:
        """Name of a LUN's claim, and of its volume."""
        return self._names[_key(placed, disk)]

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """A PersistentVolume and a claim for each LUN that can be attached."""
        made: list[Manifest] = []
        for lun in self._luns.values():
            if lun.ready and lun.can_be_attached and len(self._namespaces(lun)) == 1:
                made += self._volume_and_claim(lun)
        if any(wants_reservation(disk) for placed in self._site.ready for disk in placed.vm.disks):
            made.append(
                {
                    "apiVersion": "hco.kubevirt.io/v1beta1",
                    "kind": "HyperConverged",
                    "metadata": metadata("kubevirt-hyperconverged", "openshift-cnv"),
                    "spec": {"featureGates": {"persistentReservation": True}},
                }
            )
        return tuple(made)

    def _volume_and_claim(self, lun: Lun) -> Iterator[Manifest]:
        name, (namespace,) = self._names[lun.key], self._namespaces(lun)
        size = {"storage": f"{-(-lun.capacity_bytes // MIB)}Mi"}
        about = {"source": lun.key}
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": metadata(name, **about),
            "spec": {
                "capacity": dict(size),
                "volumeMode": "Block",
                "accessModes": [MANY],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "",
                "claimRef": {"namespace": namespace, "name": name},
                **(lun.source or {}),
            },
        }
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata(name, namespace, **about),
            "spec": {
                "storageClassName": "",
                "volumeName": name,
                "volumeMode": "Block",
                "accessModes": [MANY],
                "resources": {"requests": dict(size)},
            },
        }

    def _namespaces(self, lun: Lun) -> list[str]:
        return sorted({self._site.namespace(placed) for placed, _ in lun.members})

    @cached_property
    def _names(self) -> dict[str, str]:
        return unique_labels({key: f"lun {lun.unit}" for key, lun in self._luns.items()})

    @cached_property
    def _luns(self) -> dict[str, Lun]:
        members = dict[str, list[tuple[PlacedVm, Disk]]]()
        for placed in self._site.vms:
            for disk in placed.vm.disks:
                if is_lun(disk):
                    members.setdefault(_key(placed, disk), []).append((placed, disk))
        if not members:
            return {}
        units = {
            ref(inventory, unit.id): unit
            for inventory in self._site.estate.inventories
            for unit in inventory.logical_units
        }
        ready = {placed.ref for placed in self._site.ready}
        return {key: _lun(key, units.get(key), of, ready) for key, of in members.items()}

    def findings(self) -> Iterator[Finding]:
        """What is not known of LUNs, and what people have to do for the others."""
        attached = dict[str, None]()
        for lun in self._luns.values():
            problem = next(self._problems(lun), None) if lun.ready else None
            if problem is not None:
                yield problem
            else:
                attached |= dict.fromkeys(lun.ready)
        if attached:
            yield Finding(
                row=ROW,
                category=Category.INFORMATION,
                ref="",
                name="LUNs",
                says=(
                    "LUNs stay on the array, and the cluster gets the same ones: "
                    f"{listed(self._site, attached)}"
                ),
                remedy=(
                    "zone or mask them to all worker nodes, set multipath up there (a "
                    "MachineConfig), compare targetPortal, iqn, lun or wwids with what the nodes "
                    "see (iSCSI with CHAP wants a secret in the volume); shut the VM down and "
                    "detach the LUN from it at the source before the volume is applied and the VM "
                    "starts here: in the cluster only you keep two guests from one LUN"
                ),
            )
        reserving = {
            placed.ref: None
            for placed in self._site.ready
            if any(map(wants_reservation, placed.vm.disks))
        }
        if reserving:
            yield Finding(
                row=RESERVATION,
                category=Category.WARNING,
                ref="",
                name="SCSI reservations",
                says=(
                    "guests reserve LUNs, so they cannot be migrated live: "
                    f"{listed(self._site, reserving)}"
                ),
                remedy=(
                    "apply HyperConverged with persistentReservation first (it restarts "
                    "virt-handler); keep the VMs of a cluster on different nodes by an affinity "
                    "rule, and move the roles of a node over in the guests before it is drained"
                ),
            )

    def _problems(self, lun: Lun) -> Iterator[Finding]:
        placed, disk = next(each for each in lun.members if each[0].ref in lun.ready)
        says = remedy = ""
        namespaces = self._namespaces(lun)
        if not lun.can_be_attached:
            says = f"{disk.label} is a LUN of which nobody knows how a node finds it ({lun.unit})"
            if not disk.logical_unit:
                says = f"{disk.label} is a LUN, and nobody knows which one"
            remedy = (
                "collect again with rights to see the storage of the hosts (RHV: from 4.5.2 on the "
                "engine tells portal, target and LUN of iSCSI); or copy it to a disk at the source "
                "(a virtual RDM: by cold Storage vMotion), or leave the VM there"
            )
        elif len(namespaces) > 1:
            says = f"{disk.label} is a LUN of VMs in the namespaces {', '.join(namespaces)}"
            remedy = "send them to one namespace under namespaces in mapping.yaml"
        if says:
            yield Finding(
                row=ROW,
                category=Category.BLOCKER,
                ref=placed.ref,
                name=placed.vm.name,
                says=says,
                remedy=remedy,
                holds_back=lun.ready,
            )


def _key(placed: PlacedVm, disk: Disk) -> str:
    """The ref of a disk's LUN; of one that nobody knows, something that no other has."""
    unit = disk.logical_unit or f"{placed.vm.id}/{disk.key}"
    return ref(placed.inventory, unit)


def _lun(
    key: str,
    unit: LogicalUnit | None,
    members: list[tuple[PlacedVm, Disk]],
    ready: set[str],
) -> Lun:
    members.sort(key=lambda each: (each[0].ref, each[1].key))
    _, disk = members[0]
    size = (unit.capacity_bytes if unit is not None else None) or disk.capacity_bytes
    refs = dict.fromkeys(placed.ref for placed, _ in members)
    return Lun(
        key=key,
        unit=disk.logical_unit or disk.key,
        source=_source(disk.logical_unit or "", unit),
        capacity_bytes=size,
        members=tuple(members),
        ready=tuple(each for each in refs if each in ready),
    )


def _source(id_: str, unit: LogicalUnit | None) -> dict[str, Any] | None:
    """How a node finds a LUN: by portal and target, or by its name on any path that it has."""
    kind = (unit.kind if unit is not None else None) or ""
    if unit is not None and unit.target and not kind.startswith("fc"):
        return _iscsi(unit)
    if kind == "iscsi":
        return None
    known = _wwid(id_)
    return {"fc": {"wwids": [known]}} if known else None


def _iscsi(unit: LogicalUnit) -> dict[str, Any] | None:
    """Portal, target and number; None where a cluster would not take them."""
    address, port, number = unit.address or "", unit.port or ISCSI_PORT, unit.lun
    if number is None or not 0 <= number <= LARGEST_LUN or not 0 < port < 1 << 16:
        return None
    if not _IQN.match(unit.target or "") or not _ADDRESS.match(address):
        return None
    host = f"[{address}]" if ":" in address else address
    return {"iscsi": {"targetPortal": f"{host}:{port}", "iqn": unit.target, "lun": number}}


def _wwid(id_: str) -> str | None:
    """``naa.6001...`` (vSphere) or ``36001...`` (RHV) as nodes name it below /dev/disk/by-id."""
    kind, dot, name = id_.lower().partition(".")
    wwid = f"{_NAMES.get(kind, '')}{name}" if dot else kind
    return wwid if _WWID.match(wwid) else None
