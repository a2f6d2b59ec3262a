"""How a VM starts: the order in which its firmware tries all of its devices, and paused starts.

Only this decides ``bootOrder``: the numbers of disks, NICs and CD-ROMs are one series.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Disk, Vm
from mtv.naming import Naming
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site
from mtv.translate.vm.groups import about

WORDS = {"hd": "disk", "disk": "disk", "nic": "nic", "network": "nic", "cdrom": "cdrom"}
"""What sources call the kinds of devices that a VM starts from."""


class Boot:
    """How a site's VMs start."""

    def __init__(self, site: Site) -> None:
        self._site = site

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """Whether it waits, paused, for somebody to let it go on."""
        return VmPart(spec={"startStrategy": "Paused"} if placed.vm.start_paused else {})

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Devices to start from that are not there any more."""
        floppy = [
            placed
            for placed in self._site.vms
            if any(each.partition(":")[0] == "floppy" for each in placed.vm.boot_order)
        ]
        return about(
            floppy,
            row="vm.boot-order",
            category=Category.INFORMATION,
            says="it tries a floppy disk when it starts, which KubeVirt does not have",
            remedy="nothing where it starts from its disks; else put the floppy's content on a CD",
        )


def in_boot_order(naming: Naming, placed: PlacedVm, devices: dict[str, Any]) -> dict[str, Any]:
    """``devices`` with a ``bootOrder`` in what the firmware tries; what it does not try has none.

    Devices that the source's order names come first, then the other disks: the bootable ones
    before the rest, each by bus and unit. A LUN or CD-ROM counts like any other disk.
    """
    disks, cards = devices.get("disks", []), devices.get("interfaces", [])
    discs = [each["name"] for each in disks if "cdrom" in each]
    there = {each["name"] for each in (*disks, *cards)}
    tried = dict.fromkeys(name for name in _tried(naming, placed, discs) if name in there)
    numbers = {name: number for number, name in enumerate(tried, 1)}
    made = dict(devices)
    for kind, each in (("disks", disks), ("interfaces", cards)):
        if each:
            made[kind] = [_numbered(device, numbers) for device in each]
    return made


def _numbered(device: dict[str, Any], numbers: Mapping[str, int]) -> dict[str, Any]:
    bare = {key: value for key, value in device.items() if key != "bootOrder"}
    number = numbers.get(device["name"])
    return bare if number is None else {**bare, "bootOrder": number}


def _tried(naming: Naming, placed: PlacedVm, discs: list[str]) -> Iterator[str]:
    """Names of devices in the order in which they are tried; some may be named twice."""
    disks, nics = boot_disks(placed.vm), placed.vm.nics
    volumes = {disk.key: naming.volume(placed, disk) for disk in disks}
    for each in placed.vm.boot_order:
        word, _, key = each.partition(":")
        kind = WORDS.get(word)
        if kind == "disk":
            yield from (name for of, name in volumes.items() if key in ("", of))
        elif kind == "nic":
            yield from (naming.interface(placed, nic) for nic in nics if key in ("", nic.key))
        elif kind == "cdrom":
            yield from discs
    yield from volumes.values()


def boot_disks(vm: Vm) -> tuple[Disk, ...]:
    """The disks as the firmware meets them: the bootable one first (RHV), then by bus and unit."""
    return tuple(sorted(vm.disks, key=lambda each: (not each.bootable, each.bus, each.unit)))
