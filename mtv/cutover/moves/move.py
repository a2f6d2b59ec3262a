"""One VM on its way over: what every step needs to know about it."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mtv.cutover.moves.base_files import base_file
from mtv.cutover.moves.elsewhere import GOES_OVER
from mtv.cutover.moves.probes import Probes
from mtv.cutover.workers.stop import Stop
from mtv.cutover.workers.traffic import Traffic
from mtv.estate import PlacedVm
from mtv.journal import Event, Journal, State
from mtv.model.plan import PlannedVm
from mtv.model.vm import Disk
from mtv.names import distinct
from mtv.sharing import is_lun
from mtv.sources import Source
from mtv.tasks import Connection, DiskImage, OnProgress, base_format

Detail = dict[str, Any]


@dataclass(frozen=True)
class SharedDisk:
    """A disk that other VMs of the wave have, too: one copy, one base, all of them off."""

    base: Path
    owner: str
    """Ref of the VM in whose directory the base is."""
    others: tuple[tuple[PlacedVm, str], ...]
    """The other VMs, each with its key of the disk."""


@dataclass(frozen=True)
class Move:
    """One planned VM with its source, its files and its journal."""

    vm: PlannedVm
    placed: PlacedVm
    manifest: dict[str, Any]
    """Its VirtualMachine."""
    volumes: Mapping[str, str]
    """Key of a disk -> the volume of ``manifest`` that takes its place."""
    connection: Connection
    open_source: Callable[[], Source]
    """The source, logged in when first asked for."""
    traffic: Traffic
    """What may be copied at the same time as others, and how fast."""
    directory: Path
    """Where the VM's images are: ``<target>/<namespace>/<name>``."""
    run: Path
    """The folder of the wave's run."""
    accel: str
    journal: Journal
    probes: Probes
    on_progress: OnProgress
    shared: Mapping[str, SharedDisk] = field(default_factory=dict)
    """Key of each disk that other VMs have, too."""
    base_format: str = "raw"
    """Of bases that are not begun yet."""
    convert_seconds: int = 3600
    """How long a conversion may take."""
    lun_devices: Path = Path("/dev/disk/by-id")
    """Where LUNs are on this machine."""
    lun_sharers: tuple[PlacedVm, ...] = ()
    """Other VMs of its source that have LUNs of it."""
    gone_over: Mapping[str, str] = field(default_factory=dict)
    """Ref of each VM whose disks have become the guest's in another wave's run -> that wave."""
    may_lose_changes: bool = False
    """The user said so of what was written at the source after the disks had gone over."""
    stop: Stop = field(default_factory=Stop)
    """Set, from any thread, to have the work on it end."""

    @property
    def ref(self) -> str:
        """Ref of the VM; the journal files its events under it."""
        return self.vm.ref

    @property
    def gone_over_in(self) -> str:
        """Another wave in whose run its disks have become the guest's; "" for none."""
        return self.gone_over.get(self.ref, "")

    @property
    def disks(self) -> tuple[Disk, ...]:
        """Those that are copied, in the order of the VM."""
        return tuple(disk for disk in self.placed.vm.disks if not is_lun(disk))

    @property
    def luns(self) -> tuple[Disk, ...]:
        """Those that are not: the guest gets the same LUN."""
        return tuple(disk for disk in self.placed.vm.disks if is_lun(disk))

    def base(self, disk_key: str) -> Path:
        """The base of one disk; of a shared one, which has one base for all, its owner's.

        Its name does not follow the templates of ``mapping.yaml``: they may change in the middle
        of a cutover, and once the guest has written to its base there is no other.
        """
        if disk_key in self.shared:
            return self.shared[disk_key].base
        return base_file(self.directory, f"disk-{distinct(disk_key)}", self.base_format)

    def bases(self) -> tuple[DiskImage, ...]:
        """The bases of the disks that are copied, in the order of the VM; told apart by the names
        of their files, as a conversion that is killed has to find them again."""
        return tuple(
            DiskImage(volume=base.stem, path=str(base), format=base_format(base))
            for base in (self.base(disk.key) for disk in self.disks)
        )

    def images(self) -> tuple[DiskImage, ...]:
        """The same as the volumes of the manifest, which those that are unplugged are not in."""
        return tuple(
            msgspec.structs.replace(base, volume=self.volumes[disk.key])
            for base, disk in zip(self.bases(), self.disks, strict=True)
            if disk.active is not False
        )

    @property
    def conversion(self) -> Path:
        """Where overlays and scratch files of a conversion are."""
        return self.directory / "conversion"

    def drop_conversion(self) -> None:
        """Throws overlays away, all at once: their base is about to be written or is committed."""
        dropped = self.conversion.with_suffix(".dropped")
        shutil.rmtree(dropped, ignore_errors=True)
        if self.conversion.exists():
            self.conversion.rename(dropped)
            shutil.rmtree(dropped)

    @property
    def console(self) -> Path:
        """What the guest writes on its serial console."""
        return self.run / "evidence" / self.vm.name / "console.log"

    def log(self, step: str) -> Path:
        """The log of one step."""
        return self.run / "logs" / self.vm.name / f"{step}.log"

    def latest(self, step: str) -> Event | None:
        """The last event of a step; of a VM that went over in another wave, in that one."""
        return {each.step: each for each in self.events_of(self.ref)}.get(step)

    def events_of(self, ref: str) -> tuple[Event, ...]:
        """Of a VM of the wave; of one that went over in another wave those of that wave's run."""
        if ref not in self.gone_over:
            return tuple(self.journal.events(ref))
        with Journal(self.run.with_name(self.gone_over[ref]) / "journal.db", command=None) as other:
            return tuple(other.events(ref))

    def record(self, step: str, state: State, detail: Any = None) -> None:
        """Writes an event of this VM."""
        plain = msgspec.to_builtins(detail) if detail is not None else {}
        self.journal.record(self.ref, step, state, plain)

    @property
    def sharers(self) -> tuple[PlacedVm, ...]:
        """The other VMs that have disks of this one."""
        found = {placed.ref: placed for each in self.shared.values() for placed, _ in each.others}
        return tuple(found.values())

    def is_the_guests(self, disk_key: str) -> bool:
        """As ``base_is_the_guests``, of one disk: a shared one may be another VM's by now."""
        shared = self.shared.get(disk_key)
        others = () if shared is None else shared.others
        return self.base_is_the_guests or any(
            self.has_gone_over(placed.ref) for placed, _ in others
        )

    @property
    def base_is_the_guests(self) -> bool:
        """True once something other than the copy has written to the base.

        From the first moment of the commit (or, without a conversion, of the boot) on, the base
        is no copy of the source any more and must never be synced again.
        """
        return self.has_gone_over(self.ref)

    def has_gone_over(self, ref: str) -> bool:
        """Whether the disks of a VM of the wave are its guest's own, also since another wave."""
        return ref in self.gone_over or not self.journal.latest(ref).keys().isdisjoint(GOES_OVER)
