"""Extents of a disk, put together: a disk is read by grains, so what one grain holds is one."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from mtv.model.disk import GRAIN_BYTES, Extent


class Extents(Sequence[Extent]):
    """Extents in 16 bytes each: a large disk that is scattered has millions of them.

    Those that touch, overlap or lie in one grain are one (``joined``).
    """

    def __init__(self, extents: Iterable[Extent]) -> None:
        """``extents``: in order of their places."""
        self._numbers = array("Q")
        for extent in joined(extents):
            self._numbers.append(extent.offset)
            self._numbers.append(extent.length)

    def __len__(self) -> int:
        return len(self._numbers) // 2

    def __iter__(self) -> Iterator[Extent]:
        numbers = iter(self._numbers)
        return map(Extent, numbers, numbers)

    @overload
    def __getitem__(self, at: int) -> Extent: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Extent]: ...
    def __getitem__(self, at: int | slice) -> Extent | Sequence[Extent]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        return Extent(self._numbers[2 * at], self._numbers[2 * at + 1])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


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
