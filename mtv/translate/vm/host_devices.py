"""Devices of the source's hosts in VMs: PCI passthrough, vGPU, USB -> devices of the nodes."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import Estate, PlacedVm, ref
from mtv.model.compute import PciDevice
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Device, DeviceKind
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.site import Site
from mtv.translate.storage.uses import Refs, listed
from mtv.translate.vm.devices import row_of

ROW = "vm.host-device"

NO_DEVICE = "none"
"""In ``mapping.yaml``: leave the device out."""

_RESOURCE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_IDS = re.compile(r"(0x)?(?P<vendor>[0-9a-fA-F]{1,4}):(0x)?(?P<product>[0-9a-fA-F]{1,4})\Z")


class Answer(msgspec.Struct, frozen=True):
    """A line of ``mapping.yaml``: ``RESOURCE`` or ``RESOURCE=SELECTOR``."""

    resource: str
    selector: str

    @property
    def is_right(self) -> bool:
        """True where a cluster takes the name as that of a resource."""
        return bool(_RESOURCE.match(self.resource))


class Wanted(msgspec.Struct, frozen=True):
    """A device that a VM was given of its host."""

    key: str
    """What ``mapping.yaml`` calls its kind."""
    device: Device


class HostDevices:
    """The devices of hosts that VMs of a site have."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._known = KnownDevices(site.estate)

    def of(self, placed: PlacedVm) -> VmPart:
        """Those that have a name on the target."""
        gpus: list[dict[str, str]] = []
        others: list[dict[str, str]] = []
        obstacles = list[str]()
        for wanted in self._known.of(placed):
            answer = self._answer(wanted.key)
            if answer is None or not answer.is_right:
                continue
            is_gpu = wanted.device.kind is DeviceKind.GPU
            made, name = (gpus, "gpu") if is_gpu else (others, "device")
            made.append({"name": f"{name}-{len(made) + 1}", "deviceName": answer.resource})
            called = wanted.device.label or wanted.key
            obstacles.append(f"it has a device of its node ({called}: {answer.resource})")
        devices = {"gpus": gpus, "hostDevices": others}
        domain = {"devices": {name: each for name, each in devices.items() if each}}
        return VmPart(domain=domain, obstacles=tuple(obstacles)) if obstacles else VmPart()

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """HyperConverged with the devices that VMs are to be permitted."""
        permitted = dict[str, dict[str, dict[str, Any]]]()
        for key, (kinds, _) in self._uses.items():
            answer = self._answer(key)
            if answer is not None and answer.is_right and answer.selector:
                field, named, entry = _permission(answer, kinds)
                # A device is permitted once: the first line that names it answers.
                permitted.setdefault(field, {}).setdefault(named, entry)
        if not permitted:
            return ()
        lists = {field: list(entries.values()) for field, entries in permitted.items()}
        return (
            {
                "apiVersion": "hco.kubevirt.io/v1beta1",
                "kind": "HyperConverged",
                "metadata": metadata("kubevirt-hyperconverged", "openshift-cnv"),
                "spec": {"permittedHostDevices": lists},
            },
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Devices without a name on the target, and what those with one want of the nodes."""
        return tuple(self._finding(key, kinds, vms) for key, (kinds, vms) in self._uses.items())

    def _finding(self, key: str, kinds: frozenset[DeviceKind], vms: Refs) -> Finding:
        answer, names = self._answer(key), listed(self._site, vms)
        what = "vGPUs" if DeviceKind.GPU in kinds else "devices of their hosts"
        category = Category.INFORMATION
        if answer is None:
            category = Category.BLOCKER
            says = f"mapping.yaml: host_devices: {key} has no answer, and VMs have such {what}"
            remedy = (
                "name the resource that the nodes offer (oc get node NODE -o yaml: allocatable), "
                "as nvidia.com/TU104GL=10de:1eb8 where HyperConverged is to permit it; or none"
            )
        elif answer.resource == NO_DEVICE:
            category = Category.WARNING
            says = f"{what} are left out ({key})"
            remedy = "see whether the guests do without them, and take their drivers out"
        elif not answer.is_right:
            category = Category.BLOCKER
            says = (
                f"mapping.yaml: host_devices: {key}: {answer.resource!r} is no name of a resource"
            )
            remedy = "write DOMAIN/NAME, as in: nvidia.com/TU104GL"
        else:
            says = f"{what} ({key}) become {answer.resource} of a node"
            remedy = (
                "set the nodes up before: IOMMU on (intel_iommu=on in a MachineConfig) and "
                "vfio-pci, or the vendor's GPU operator; entries that permittedHostDevices of "
                "HyperConverged has already have to stay in it; install the driver of the nodes' "
                "device in the guest"
            )
        return Finding(
            row=ROW,
            category=category,
            ref=next(iter(vms)) if len(vms) == 1 else "",
            name=key,
            says=f"{says}: {names}",
            remedy=remedy,
        )

    def _answer(self, key: str) -> Answer | None:
        said = self._site.mapping.host_devices.get(key)
        if said is None:
            return None
        resource, _, selector = said.partition("=")
        return Answer(resource.strip(), selector.strip())

    @cached_property
    def _uses(self) -> dict[str, tuple[frozenset[DeviceKind], Refs]]:
        """Kind of device -> what VMs have it for, and the VMs."""
        return uses(self._known, self._site.ready)


class KnownDevices:
    """What hosts say of the devices that they lend."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def of(self, placed: PlacedVm) -> Iterator[Wanted]:
        """The devices that a VM was given of its host."""
        for device in placed.vm.devices:
            if row_of(device).becomes in ("host-device", "gpu"):
                yield Wanted(self._key(placed, device), device)

    def _key(self, placed: PlacedVm, device: Device) -> str:
        """``10de:1eb8`` where the host tells what it is; else what the source calls it."""
        if device.kind is DeviceKind.GPU and device.media:
            return device.media
        source = placed.inventory.source
        hosts = (ref(placed.inventory, placed.vm.host or ""), source)
        names = (device.key, device.media)
        for home in hosts:
            for name in filter(None, names):
                known = self._lent.get((home, name))
                if known is not None and known.vendor_id and known.device_id:
                    return f"{_digits(known.vendor_id)}:{_digits(known.device_id)}"
        return device.media or device.class_

    @cached_property
    def _lent(self) -> dict[tuple[str, str], PciDevice]:
        """(Ref of a host, id or name) -> device. Ids of RHV are unique: (source, id) too."""
        found = dict[tuple[str, str], PciDevice]()
        for inventory in self._estate.inventories:
            for host in inventory.hosts:
                home = ref(inventory, host.id)
                for each in host.pci_devices:
                    if each.product:
                        found.setdefault((home, each.product), each)
                    found[home, each.id] = each
                    if inventory.product == "rhv":
                        found[inventory.source, each.id] = each
        return found


def uses(
    known: KnownDevices, vms: tuple[PlacedVm, ...]
) -> dict[str, tuple[frozenset[DeviceKind], Refs]]:
    """Kind of device -> what VMs have it for, and the refs of those VMs."""
    found = dict[str, tuple[frozenset[DeviceKind], Refs]]()
    for placed in vms:
        for wanted in known.of(placed):
            kinds, refs = found.get(wanted.key, (frozenset[DeviceKind](), Refs()))
            refs[placed.ref] = None
            found[wanted.key] = (kinds | {wanted.device.kind}, refs)
    return found


def _permission(answer: Answer, kinds: frozenset[DeviceKind]) -> tuple[str, str, dict[str, Any]]:
    """The list of permittedHostDevices that a device stands in, what it is known by, its entry."""
    named = {"resourceName": answer.resource}
    ids = _IDS.match(answer.selector)
    if ids is None:
        entry = {"mdevNameSelector": answer.selector, **named}
        return "mediatedDevices", answer.selector, entry
    vendor, product = _digits(ids["vendor"]), _digits(ids["product"])
    if kinds == {DeviceKind.USB}:
        selectors = [{"vendor": vendor, "product": product}]
        return "usbHostDevices", answer.resource, {**named, "selectors": selectors}
    selector = f"{vendor}:{product}".upper()
    return "pciHostDevices", selector, {"pciDeviceSelector": selector, **named}


def _digits(number: str) -> str:
    """``0x10DE``, ``10de`` -> ``10de``."""
    return number.lower().removeprefix("0x").rjust(4, "0")
