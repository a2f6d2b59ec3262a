"""What runs in the guest: host name, system, cloud-init -> hostname, notes, findings."""

import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

from mtv.estate import PlacedVm
from mtv.mappings import guest_system
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Guest
from mtv.translate.part import Manifest, VmPart
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.vm.extra_config import ExtraConfig
from mtv.translate.vm.groups import SHOWN

LONGEST_NOTE = 256
"""Letters of an annotation that a guest or a person at the source wrote."""

_HOSTNAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)

NAMELESS = frozenset({"localhost", "localhost4", "localhost6", "unknown", "none"})
"""Names that say that a guest has none."""


class FirstStart(msgspec.Struct, frozen=True):
    """What is said of VMs that were set up when they first started, and what to do."""

    says: str
    remedy: str


CLOUD_INIT = FirstStart(
    says="cloud-init set them up when they first started; on the target it finds no data, after "
    "which current versions do nothing and old ones take the machine for a new one (other SSH host "
    "keys, network by DHCP)",
    remedy="touch /etc/cloud/cloud-init.disabled in these guests before the move; what it did is "
    "on their disks, and mtv gives it neither keys nor passwords again",
)
SYSPREP = FirstStart(
    says="sysprep set them up when they first started, and does not run again",
    remedy="nothing: names, domain and licences are on their disks",
)


class GuestFacts:
    """The guests of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._extra_config = ExtraConfig(site)

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Left-overs of the first start, systems that are others than configured, extra keys."""
        return (*self._first_starts(), *self._other_systems(), *self._extra_config.findings)

    def of(self, placed: PlacedVm) -> VmPart:
        """Its host name, where KubeVirt would tell it another, and notes of what it is."""
        name = hostname(placed.vm.guest)
        notes = {
            "mtv.migration/source-system": _system(placed.vm.guest),
            "mtv.migration/source-comment": str(placed.vm.native.get("comment", "")),
        }
        return VmPart(
            annotations={key: _short(text) for key, text in notes.items() if text},
            # KubeVirt's DHCP tells guests on the pod network the VM's name, if no other is said.
            spec={"hostname": name} if name not in ("", self._site.name(placed)) else {},
        )

    def _first_starts(self) -> Iterator[Finding]:
        kinds = dict[str, list[PlacedVm]]()
        for placed in self._site.ready:
            started = placed.vm.initialization
            if started is not None:
                kinds.setdefault(started.kind or "cloud-init", []).append(placed)
        for kind, vms in kinds.items():
            known = SYSPREP if kind == "sysprep" else CLOUD_INIT
            yield _finding(
                "initialization",
                Category.INFORMATION if known is SYSPREP else Category.WARNING,
                vms,
                f"{known.says}: {_counted(vms)}",
                known.remedy,
            )

    def _other_systems(self) -> Iterator[Finding]:
        """VMs whose agent reports a system of another kind than the one that is configured."""
        others = dict[tuple[str, str], list[PlacedVm]]()
        for placed in self._site.ready:
            guest, configured = placed.vm.guest, self._site.system(placed)
            if guest is None or not guest.id or placed.inventory.product == "rhv":
                continue
            real = guest_system(guest.id)
            # What the table does not know says nothing about what the guest is.
            if real.id != configured.id and not _is_general(real.id):
                others.setdefault((configured.name, real.name), []).append(placed)
        for (configured_name, real_name), vms in others.items():
            yield _finding(
                "guest.system",
                Category.WARNING,
                vms,
                f"agents report {real_name} where {configured_name} is configured, which devices "
                f"and conversion follow: {_counted(vms)}",
                "correct the guest system of the VM at the source, then: mtv collect",
            )


def hostname(guest: Guest | None) -> str:
    """The first label of the name that a guest has given itself; "" where it is none."""
    name = (guest.hostname or "" if guest is not None else "").lower().partition(".")[0]
    return name if _HOSTNAME.fullmatch(name) and name not in NAMELESS else ""


def _system(guest: Guest | None) -> str:
    """``Red Hat Enterprise Linux 9.3 (Plow), rhel9_64Guest, kernel 5.14.0-362``."""
    if guest is None:
        return ""
    kernel = f"kernel {guest.kernel}" if guest.kernel else ""
    return ", ".join(filter(None, (guest.name, guest.id, kernel)))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NOTE else f"{text[:LONGEST_NOTE]}..."


def _is_general(system: str) -> bool:
    return system in ("unknown", "other-linux")


def _counted(vms: list[PlacedVm]) -> str:
    """``2 VMs (web01, db)``."""
    names = first_of((each.vm.name for each in vms), SHOWN)
    return f"{len(vms)} VM{'s' * (len(vms) != 1)} ({names})"


def _finding(row: str, category: Category, vms: list[PlacedVm], says: str, remedy: str) -> Finding:
    return Finding(
        row=row,
        category=category,
        ref=vms[0].ref,
        name=vms[0].vm.name,
        says=says,
        remedy=remedy,
        vms=tuple(placed.ref for placed in vms),
    )
