"""What a snapshot or a backup of ours costs a VM now: space, size, latency."""

from collections.abc import Iterable, Iterator
from typing import Any

from ovirtsdk4 import types

from mtv.model.disk import Held
from mtv.model.strain import Room, Strain
from mtv.sources.rhv import hold as holds
from mtv.sources.rhv.engine import Engine

LATENCIES = ("disk.read.latency", "disk.write.latency")
"""Statistics of a disk in seconds, which a host measures four times a minute; 0 if it does not."""


def strain_of(engine: Engine, vm: str, held: Held | None) -> Strain:
    """Of a VM that runs. ``held``: what holds its disks, if anything does. Raises SourceError."""
    attached = engine.list(f"vms/{vm}/diskattachments")
    disks = [engine.get(f"disks/{each.id}") for each in attached]
    images = [each for each in disks if each.storage_type is not types.DiskStorageType.LUN]
    return Strain(
        rooms=tuple(_rooms(engine, images)),
        delta_bytes=_delta(images) if held is not None and holds.is_snapshot(held) else None,
        latency_milliseconds=_latency(engine, images),
    )


def _rooms(engine: Engine, disks: Iterable[Any]) -> Iterator[Room]:
    """Each storage domain once; one that does not tell is left out."""
    homes = {home.id: None for disk in disks for home in disk.storage_domains or () if home.id}
    for home in homes:
        domain = engine.get(f"storagedomains/{home}")
        if domain.available is not None and domain.used is not None:
            yield Room(
                name=str(domain.name),
                free_bytes=domain.available,
                capacity_bytes=domain.available + domain.used,
            )


def _delta(disks: Iterable[Any]) -> int | None:
    """What the layers take up that the VM writes to, since its last snapshot; None if unknown.

    Block storage gives it in chunks, the first one before anything is written.
    """
    sizes = [each.actual_size for each in disks]
    return None if None in sizes else sum(sizes)


def _latency(engine: Engine, disks: Iterable[Any]) -> float | None:
    """Milliseconds, reads or writes of the slowest disk; None where nothing is measured."""
    seconds = [
        float(value.datum)
        for disk in disks
        for statistic in engine.list(f"disks/{disk.id}/statistics")
        for value in statistic.values or ()
        if statistic.name in LATENCIES and value.datum is not None
    ]
    return 1000 * max(seconds, default=0.0) or None
