"""Extents of a disk, put together: a disk is read by grains, so what one grain holds is one."""

from collections.abc import Iterable, Iterator

from mtv.model.disk import GRAIN_BYTES, Extent


def joined(extents: Iterable[Extent]) -> Iterator[Extent]:
    """Extents in order of their places; those that touch, overlap or lie in one grain as one.

    They cover all that was covered before, and perhaps more of the grains that they are in. A
    million small ones need not be kept apart.
    """
    last: Extent | None = None
    for extent in extents:
        if last is None:
            last = extent
        elif extent.offset <= -(-(last.offset + last.length) // GRAIN_BYTES) * GRAIN_BYTES:
            end = max(last.offset + last.length, extent.offset + extent.length)
            last = Extent(last.offset, end - last.offset)
        else:
            yield last
            last = extent
    if last is not None:
        yield last
