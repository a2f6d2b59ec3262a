"""Extents: put together by grains, and small however many there are."""

import tracemalloc

import pytest

from mtv.extents import Extents, joined
from mtv.model.disk import GRAIN_BYTES, Extent

MIB = 1 << 20


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], []),
        ([Extent(0, 512), Extent(512, 512)], [Extent(0, 1024)]),
        # What lies in one grain is read at once.
        ([Extent(0, 512), Extent(4096, 512)], [Extent(0, 4608)]),
        ([Extent(0, GRAIN_BYTES), Extent(GRAIN_BYTES, 1)], [Extent(0, GRAIN_BYTES + 1)]),
        (
            [Extent(0, 10), Extent(2 * GRAIN_BYTES, 10)],
            [Extent(0, 10), Extent(2 * GRAIN_BYTES, 10)],
        ),
        ([Extent(0, 4096), Extent(0, 512)], [Extent(0, 4096)]),
    ],
)
def test_those_that_touch_or_lie_in_one_grain_are_one(
    before: list[Extent], after: list[Extent]
) -> None:
    assert list(joined(before)) == after
    found = Extents(before)
    assert found == after
    assert (len(found), bool(found)) == (len(after), bool(after))
    assert [found[at] for at in range(len(found))] == after
    assert found[1:] == after[1:]
    assert list(reversed(found)) == after[::-1]
    with pytest.raises(IndexError):
        found[len(after)]


def test_millions_take_16_bytes_each() -> None:
    """Two TiB of which every second grain changed."""
    count = 1 << 20
    tracemalloc.start()
    try:
        found = Extents(Extent(2 * at * GRAIN_BYTES, 4096) for at in range(count))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == count
    assert sum(each.length for each in found) == 4096 * count
    assert kept < 20 * MIB
    assert peak < 40 * MIB  # while it grows
