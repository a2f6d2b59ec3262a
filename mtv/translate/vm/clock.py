"""The guest's clock: the time zone of its hardware clock, timers, and what Windows wants to see.

The zone is the VM's own, never its host's: hosts of vSphere keep UTC.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.knowledge.guest_hardware import GuestHardware, guest_hardware
from mtv.knowledge.time_zones import UTC, time_zone
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site
from mtv.translate.vm.groups import about


class Clock:
    """The clocks of a site's VMs, with the enlightenments that belong to Windows' timers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """``domain.clock``, and ``domain.features`` by the guest's system."""
        wants = self._wants(placed)
        clock: dict[str, Any] = {**offset(placed.vm.time_zone), **wants.clock}
        domain = dict[str, Any]()
        if clock:
            domain["clock"] = clock
        if wants.features:
            domain["features"] = wants.features
        return VmPart(domain=domain)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Guests whose clock nobody knows how to set."""
        return (
            *about(
                self._those(self._is_unset),
                row="vm.time-zone",
                category=Category.WARNING,
                says="Windows takes the hardware clock for local time, and the source does not "
                "tell its time zone: the clock shows UTC, so the guest's is wrong by the offset "
                "of its zone until it asks a time server",
                remedy="write clock: {timezone: Europe/Berlin} (its own zone) into the manifest, "
                "or set RealTimeIsUniversal in the guest's registry before the cutover",
            ),
            *self._unknown(),
        )

    def _unknown(self) -> tuple[Finding, ...]:
        """A finding for each time zone that is none."""
        named = dict[str, list[PlacedVm]]()
        for placed in self._site.vms:
            zone = placed.vm.time_zone
            if zone and time_zone(zone) is None:
                named.setdefault(zone, []).append(placed)
        return tuple(
            finding
            for zone, vms in named.items()
            for finding in about(
                vms,
                row="vm.time-zone",
                category=Category.WARNING,
                says=f"its time zone {zone!r} is none that mtv knows: its clock shows UTC",
                remedy="write clock: {timezone: ...} into the manifest, a name of the IANA's "
                "database such as Europe/Berlin",
            )
        )

    def _is_unset(self, placed: PlacedVm) -> bool:
        return not placed.vm.time_zone and self._wants(placed).local_time

    def _wants(self, placed: PlacedVm) -> GuestHardware:
        return guest_hardware(self._site.system(placed).id)

    def _those(self, fits: Callable[[PlacedVm], bool]) -> list[PlacedVm]:
        return [placed for placed in self._site.vms if fits(placed)]


def offset(zone: str | None) -> dict[str, Any]:
    """The part of ``clock`` that says what the hardware clock shows; KubeVirt's default is UTC."""
    known = time_zone(zone) if zone else None
    if known is None:
        return {}
    return {"utc": {}} if known == UTC else {"timezone": known}
