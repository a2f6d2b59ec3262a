"""A row is a list of bytes that lies in a file: whatever is done to both, they stay the same."""

import contextlib
import gc
import resource
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtv.errors import TargetFull
from mtv.transfer.records.row import Row, Scratch

COUNT = 200_000
"""More than is looked at in one go."""

RUNS = st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT), st.integers(0, 4))


@given(st.lists(RUNS, max_size=8))
@settings(deadline=None, max_examples=40)
def test_it_is_what_was_put_into_it(filled: list[tuple[int, int, int]]) -> None:
    row, like = Row(COUNT), bytearray(COUNT)
    for first, count, value in filled:
        count = min(count, COUNT - first)
        row.fill(first, count, value)
        like[first : first + count] = bytes([value]) * count
    assert bytes(row) == like
    at, stretches = 0, list(row.stretches(0, COUNT))
    for value, group in groupby(like):
        length = len(list(group))
        assert stretches.pop(0) == (at, length, value)
        at += length
    assert not stretches
    for value in range(5):
        assert row.count(value) == like.count(value)
        assert sum(count for _, count in row.runs(value)) == like.count(value)
    table = bytes(reversed(range(256)))
    other = Row(COUNT)
    other.take(row, 0, COUNT, table)
    assert bytes(other) == like.translate(table)


def test_what_is_not_there_is_not_set() -> None:
    row = Row(10)
    for act in (lambda: row.fill(5, 6, 1), lambda: row.put(-1, b"x"), lambda: row[10]):
        with pytest.raises(IndexError):
            act()
    assert bytes(row) == bytes(10)


def open_files(directory: Path) -> int:
    """How often this process holds a file of a directory, or maps it: also deleted ones."""
    links = [*Path("/proc/self/fd").iterdir(), *Path("/proc/self/map_files").iterdir()]
    found = 0
    for link in links:
        with contextlib.suppress(OSError):  # that of this very listing is closed already
            found += str(link.readlink()).startswith(str(directory))
    return found


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    before = open_files(tmp_path)
    row = Row(10, tmp_path)
    row.fill(0, 10, 1)
    assert not list(tmp_path.iterdir())
    assert open_files(tmp_path) > before
    del row
    gc.collect()
    assert open_files(tmp_path) == before


def test_no_room_is_said(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(TargetFull, match="as large as the disk"):
            Scratch(2000, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
