"""A VM's other devices: screens, pointers, sound, watchdogs, drives, ports."""

from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.knowledge.devices import DeviceRow, device_row, watchdog_action
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Device, DeviceKind
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site
from mtv.translate.storage.uses import Refs, listed

SCREENS = (DeviceKind.VIDEO, DeviceKind.CONSOLE)

TABLET = {"name": "tablet", "type": "tablet", "bus": "usb"}
"""Where the pointer is on a VNC screen; every guest has a driver for USB's."""


class Devices:
    """The devices of a site's VMs that are neither disks nor NICs, and no part of a host."""

    def __init__(self, site: Site) -> None:
        self._site = site

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """Those that KubeVirt has too. Nearly all VMs have a screen and a pointer."""
        made: dict[str, Any] = {}
        for device in placed.vm.devices:
            made = {**_made_of(device.kind.value, device.class_, device.action), **made}
        if is_headless(placed):
            made.pop("inputs", None)
            made["autoattachGraphicsDevice"] = False
        elif placed.inventory.product == "rhv" and _has(placed, DeviceKind.CONSOLE):
            # RHV gives every VM with a screen a tablet, and lists it nowhere.
            made["inputs"] = [TABLET]
        return VmPart(domain={"devices": made}) if made else VmPart()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What guests lose or get instead, each once with the VMs it is about."""
        losses = dict[str, Refs]()
        rows = dict[str, DeviceRow]()
        behind = dict[str, dict[str, None]]()
        actions = dict[str, Refs]()
        for placed in self._site.ready:
            for device in placed.vm.devices:
                row = row_of(device)
                if row.becomes == "watchdog" and watchdog_action(device.action) is None:
                    actions.setdefault(str(device.action), {})[placed.ref] = None
                if row.says and (device.media or not row.media):
                    rows[row.id] = row
                    losses.setdefault(row.id, {})[placed.ref] = None
                    about = device.class_ if row.id == UNKNOWN else device.media
                    if about:
                        behind.setdefault(row.id, {})[about] = None
        told = [self._told(rows[id_], vms, behind.get(id_, {})) for id_, vms in losses.items()]
        return (*told, *self._watchdogs(actions))

    def _told(self, row: DeviceRow, vms: Refs, behind: dict[str, None]) -> Finding:
        shown = list(behind)[:SHOWN_MEDIA]
        what = f" ({', '.join(shown)}{' ...' if len(behind) > len(shown) else ''})" if shown else ""
        return Finding(
            row="vm.device",
            category=row.category,
            ref=next(iter(vms)) if len(vms) == 1 else "",
            name=row.id,
            says=f"{row.says}: {listed(self._site, vms)}{what}",
            remedy=row.remedy,
            vms=tuple(vms),
        )

    def _watchdogs(self, actions: dict[str, Refs]) -> Iterator[Finding]:
        for action, vms in actions.items():
            yield Finding(
                row="vm.watchdog",
                category=Category.WARNING,
                ref=next(iter(vms)) if len(vms) == 1 else "",
                name="watchdog",
                says=(
                    f"a watchdog whose action is {action} is left out, since KubeVirt's reset, "
                    f"power off or shut down a guest: {listed(self._site, vms)}"
                ),
                remedy=(
                    "choose reset at the source and collect again, or use a livenessProbe; dump a "
                    "guest's memory with virtctl memory-dump"
                ),
                vms=tuple(vms),
            )


UNKNOWN = "unknown"
SHOWN_MEDIA = 3


def row_of(device: Device) -> DeviceRow:
    """The row of mappings/devices.yaml that is about a device."""
    return device_row(device.kind.value, device.class_)


def is_headless(placed: PlacedVm) -> bool:
    """True for a VM without a screen. Only RHV lists screens, and so tells that there is none."""
    vm = placed.vm
    return (
        placed.inventory.product == "rhv"
        and bool(vm.devices)
        and not any(device.kind in SCREENS for device in vm.devices)
    )


def _has(placed: PlacedVm, kind: DeviceKind) -> bool:
    return any(device.kind is kind for device in placed.vm.devices)


@cache
def _made_of(kind: str, class_: str, action: str | None) -> dict[str, Any]:
    """The field of KubeVirt's devices that a device becomes; empty for none."""
    row = device_row(kind, class_)
    if row.becomes == "watchdog":
        known = watchdog_action(action)
        return {"watchdog": {"name": "watchdog", "i6300esb": {"action": known}}} if known else {}
    if row.becomes == "sound":
        return {"sound": {"name": "sound", "model": row.model}}
    return _ALWAYS_ALIKE.get(row.becomes, {})


_ALWAYS_ALIKE: dict[str, dict[str, Any]] = {
    "tablet": {"inputs": [TABLET]},
    "rng": {"rng": {}},
    "usb-redirection": {"clientPassthrough": {}},
}
