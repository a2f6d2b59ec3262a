"""From a wave of the plan to moves: what is on disk, who is to be asked."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import yaml

from mtv.config import Settings, connection
from mtv.cutover.moves.elsewhere import gone_over
from mtv.cutover.moves.move import Move
from mtv.cutover.moves.outcome import Moved, failed
from mtv.cutover.moves.probes import Probes
from mtv.cutover.moves.shared import SharedDisks
from mtv.cutover.workers.traffic import Traffic
from mtv.errors import ConfigError, ProjectError, SourceError
from mtv.estate import Estate, PlacedVm
from mtv.journal import Journal
from mtv.model.plan import PlannedVm, Wave
from mtv.model.start import StartPlan
from mtv.naming import Naming
from mtv.project import Project, read_json
from mtv.sharing import is_lun, is_shared, sharers
from mtv.sources import Source, open_source
from mtv.tasks import Connection, OnProgress


class Sources:
    """The sources of a project, logged in when first asked for. A context manager.

    Every thread has a login of its own: none waits for what another one asks.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[int, str], Source] = {}

    def get(self, to: Connection) -> Source:
        """The source of that connection."""
        key = threading.get_ident(), to.name
        if key not in self._open:
            self._open[key] = open_source(to)
        return self._open[key]

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *_: object) -> None:
        for source in self._open.values():
            source.close()


class Workshop:
    """What all moves of a wave share."""

    def __init__(
        self,
        project: Project,
        settings: Settings,
        estate: Estate,
        naming: Naming,
        sources: Sources,
        traffic: Traffic | None = None,
    ) -> None:
        if settings.target is None:
            raise ConfigError(
                "mtv.yaml names no target", "write for example: target: {local: {directory: vms}}"
            )
        self.project = project
        self.settings = settings
        self.estate = estate
        self.naming = naming
        self.sources = sources
        self.traffic = traffic or Traffic(settings.limits)
        self.target = settings.target.local
        self.probes = Probes(project)
        self._seen = set[str]()
        """Refs of VMs that are those that were collected."""

    def moves(
        self,
        wave: Wave,
        journal: Journal,
        progress: "ProgressOf",
        chosen: frozenset[str],
        on_failed: Callable[[Moved], None] | None = None,
    ) -> Iterator[Move]:
        """The moves of a wave, in the order in which its VMs start; of the ``chosen`` refs only, if
        there are any.

        ``on_failed`` is told of each VM without a manifest that fits; without it the first one ends
        it all with ProjectError.
        """
        elsewhere = gone_over(self.project.run(wave.name))
        shared = SharedDisks(self.estate, wave, chosen, self.target.format)
        for vm in in_start_order(wave.vms, self._start_plan()):
            if chosen and vm.ref not in chosen:
                continue
            try:
                move = self._move(vm, wave, journal, progress.of(vm.name))
                yield replace(
                    move,
                    shared=shared.of(move.placed, self._directory),
                    gone_over=elsewhere,
                )
            except ProjectError as problem:
                if on_failed is None:
                    raise
                on_failed(failed(vm, problem))

    def move(self, vm: PlannedVm, wave: Wave, journal: Journal, progress: "ProgressOf") -> Move:
        """The move of one VM of a wave, looked at with those that share disks with it."""
        members, disks = sharers(self.estate.vms()), self.estate.vm(vm.ref).vm.disks
        shared = [members[vm.ref, disk.key] for disk in disks if is_shared(disk)]
        chosen = frozenset({vm.ref, *(each.ref for group in shared for each, _ in group)})
        moves = self.moves(wave, journal, progress, chosen)
        return next(move for move in moves if move.ref == vm.ref)

    def _directory(self, vm: PlannedVm, manifest: dict[str, Any] | None = None) -> Path:
        """Where the images of a planned VM are."""
        namespace = (manifest or load_manifest(self.project, vm))["metadata"]["namespace"]
        root = self.project.root / Path(self.target.directory).expanduser()
        return root / str(namespace) / vm.name

    def _start_plan(self) -> StartPlan:
        """The order that ``mtv translate`` found at the source."""
        path = self.project.start_plan
        if not path.exists():
            return StartPlan()
        return read_json(path, StartPlan, "make it again with: mtv translate")

    def _move(self, vm: PlannedVm, wave: Wave, journal: Journal, on_progress: OnProgress) -> Move:
        placed = self.estate.vm(vm.ref)
        manifest = load_manifest(self.project, vm)
        to = connection(self.project, self.settings, placed.inventory.source)
        return Move(
            vm=vm,
            placed=placed,
            manifest=manifest,
            volumes=self._volumes(placed, manifest),
            connection=to,
            open_source=lambda: self._source_of(placed, to),
            traffic=self.traffic,
            directory=self._directory(vm, manifest),
            base_format=self.target.format,
            lun_devices=self.project.root / Path(self.target.luns).expanduser(),
            lun_sharers=self._lun_sharers(placed),
            run=self.project.run(wave.name),
            accel=self.target.accel,
            convert_seconds=self.target.convert_seconds,
            journal=journal,
            probes=self.probes,
            on_progress=on_progress,
        )

    def _source_of(self, placed: PlacedVm, to: Connection) -> Source:
        """The source, in which the VM is still the one that was collected. Raises SourceError."""
        source = self.sources.get(to)
        if placed.ref not in self._seen:
            must_be_what_was_collected(source, placed)
            self._seen.add(placed.ref)
        return source

    def _lun_sharers(self, placed: PlacedVm) -> tuple[PlacedVm, ...]:
        """The other VMs of a source that have a LUN of this one."""
        units = {disk.logical_unit for disk in placed.vm.disks if is_lun(disk)} - {None}
        if not units:
            return ()
        return tuple(
            each
            for each in self.estate.vms()
            if each.ref != placed.ref
            and each.inventory.source == placed.inventory.source
            and any(is_lun(disk) and disk.logical_unit in units for disk in each.vm.disks)
        )

    def _volumes(self, placed: PlacedVm, manifest: dict[str, Any]) -> dict[str, str]:
        """Key of a disk -> its volume. Raises ProjectError when the manifest has other ones."""
        named = {disk.key: self.naming.volume(placed, disk) for disk in placed.vm.disks}
        template = manifest["spec"]["template"]["spec"]
        there = {each["name"] for each in template.get("volumes", ())}
        for disk in placed.vm.disks:
            # An unplugged disk is copied, and is in no manifest.
            if disk.active is not False and named[disk.key] not in there:
                raise ProjectError(
                    f"the manifest of {placed.ref} has no volume {named[disk.key]}",
                    "run mtv translate again: names in mapping.yaml, or the VM's disks, are "
                    "others since",
                )
        return named


def must_be_what_was_collected(source: Source, placed: PlacedVm) -> None:
    """Raises SourceError when another VM has the id of this one by now."""
    collected = placed.vm.instance_uuid
    now = source.instance(placed.vm.id) if collected else ""
    if collected and now and now.lower() != collected.lower():
        raise SourceError(
            f"{placed.vm.id} of {placed.inventory.source} is not {placed.vm.name} any more: "
            "another VM has its id",
            "see whether url in mtv.yaml is that of the source that was collected; if the source "
            "is another one now, run mtv collect, mtv translate and mtv plan again",
        )


def in_start_order(vms: Iterable[PlannedVm], plan: StartPlan) -> list[PlannedVm]:
    """VMs as they are to start: group by group, then those that may start at any time."""
    orders = {each.ref: group.order for group in plan.groups for each in group.vms}
    last = max(orders.values(), default=0) + 1
    return sorted(vms, key=lambda vm: orders.get(vm.ref, last))


class ProgressOf(Protocol):
    """Hands out progress functions by label; ``mtv.cli`` has one that shows them."""

    def of(self, label: str) -> OnProgress:
        """The function for one label."""


def load_manifest(project: Project, vm: PlannedVm) -> dict[str, Any]:
    """The VirtualMachine of a planned VM. Raises ProjectError when it was not translated.

    The name in the plan must be the manifest's, and the manifest made from the planned VM.
    """
    for path in sorted((project.manifests / "vms").glob(f"*/{vm.name}.yaml")):
        for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            annotations = document["metadata"].get("annotations") or {}
            if (
                document["kind"] == "VirtualMachine"
                and annotations.get("mtv.migration/source") == vm.ref
            ):
                manifest: dict[str, Any] = document
                return manifest
    raise ProjectError(
        f"there is no manifest for {vm.ref} as {vm.name}",
        "run mtv translate; a VM that it leaves out cannot be moved",
    )
