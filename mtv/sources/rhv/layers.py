"""Layers of a disk: what each snapshot froze is an image of its own, over those before it.

    image of snapshot 1 <── image of snapshot 2 <── image that the VM writes to

What a disk's content at one snapshot and its content now (or at a later one) differ in is what the
images above hold. So changes can be told of any disk that snapshots can be made of.
"""

import heapq
from collections.abc import Sequence
from typing import Any

from ovirtsdk4 import types

from mtv.extents import Extents
from mtv.model.disk import Extent
from mtv.sources.rhv.engine import Engine
from mtv.sources.rhv.imageio import is_own
from mtv.sources.rhv.transferred import TransferredDisk
from mtv.sources.rhv.values import each, ident, in_line, word

POINT = "snapshot:"
"""Before a snapshot's id in the name of a disk's content at it."""


_BESIDE = ("preview", "stateless")


class Layers:
    """The images of one disk below that which the VM writes to, the oldest first."""

    def __init__(self, engine: Engine, vm: str, disk: Any) -> None:
        """Asks for them now. Raises SourceError."""
        found: dict[str, Any] = {}
        for domain in each(disk.storage_domains):
            for layer in engine.list(f"storagedomains/{domain.id}/disksnapshots"):
                if ident(layer.disk) == disk.id and ident(layer.snapshot):
                    found[layer.snapshot.id] = layer
        snapshots = engine.list(f"vms/{vm}/snapshots")
        dated = sorted((one for one in snapshots if one.id in found), key=lambda one: one.date)
        order = in_line(
            dated, lambda one: found[one.id].id, lambda one: ident(found[one.id].parent)
        )
        self.ids: dict[str, str] = {one.id: found[one.id].id for one in order}
        """Snapshot -> image."""
        # While an older snapshot is tried out, the VM writes beside the newer ones, not above.
        self._in_line = not any(
            word(one.snapshot_type) in _BESIDE or word(one.snapshot_status) == "in_preview"
            for one in snapshots
        )

    def above(self, snapshot: str, upto: str | None = None) -> list[str] | None:
        """The images that were written after a snapshot, up to a later one.

        None if nobody can tell.
        """
        order = list(self.ids)
        known = snapshot in order and (upto is None or upto in order)
        if not known or not self._in_line:
            return None
        end = len(order) if upto is None else order.index(upto) + 1
        if end - 1 < order.index(snapshot) or upto == snapshot:
            return None  # the engine's clock was set back: it is no later one
        return [self.ids[one] for one in order[order.index(snapshot) + 1 : end]]


def changed_above(
    held: TransferredDisk, vm: str, disk: Any, point: str, upto: str | None = None
) -> Sequence[Extent] | None:
    """Where a disk differs from what it was at a snapshot; None where that is gone, or no snapshot.

    ``held`` is the disk's transfer, which rests meanwhile. ``upto`` is a later snapshot; None
    stands for the disk as it is, which takes a VM that is down. Raises SourceError.
    """
    if not point.startswith(POINT):
        return None
    layers = Layers(held.engine, vm, disk).above(point.removeprefix(POINT), upto)
    if layers is None:
        return None
    asked = [types.ImageTransfer(snapshot=types.DiskSnapshot(id=layer)) for layer in layers]
    if upto is None:
        asked.append(types.ImageTransfer(disk=types.Disk(id=disk.id)))
    with held.resting():
        found = [_own(held, one) for one in asked]
    known = [extents for extents in found if extents is not None]
    if len(known) < len(found):
        return None
    return Extents(heapq.merge(*known, key=lambda one: one.offset))


def _own(held: TransferredDisk, asked: types.ImageTransfer) -> Sequence[Extent] | None:
    """What one image holds itself; None where its host can't tell."""
    asked.shallow = True
    layer = TransferredDisk(
        held.engine, held.name, lambda: asked, point=None, changed_since=lambda *_: None
    )
    held.lends(layer)
    try:
        return layer.told("zero", is_own)
    finally:
        layer.close()
