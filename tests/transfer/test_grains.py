"""Pieces share the disk out without gap or overlap; the resume file says what was put into it."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtv.errors import ReadFailed
from mtv.model.disk import Extent
from mtv.transfer.bases.base import GRANULE_BYTES, data_runs
from mtv.transfer.reading.reader import Identity
from mtv.transfer.records import resume
from mtv.transfer.records.grains import (
    BLANK,
    DATA,
    STALE,
    UNKNOWN,
    ZERO,
    Grains,
    blank_holes,
    pieces,
    within,
    zero_digest,
)
from tests.transfer.disks import MIB

STATES = st.lists(st.sampled_from([UNKNOWN, BLANK, STALE, DATA, ZERO]), min_size=1, max_size=60)
DIGEST = st.binary(min_size=32, max_size=32)


def at_any_time() -> None:
    """One may write."""


def grains_of(states: list[int], short: int = 0) -> Grains:
    grains = Grains(len(states) * MIB - short)
    grains.state.put(0, bytes(states))
    return grains


@st.composite
def disks_with_extents(draw: st.DrawFn) -> tuple[Grains, list[Extent]]:
    grains = grains_of(draw(STATES), draw(st.integers(0, MIB - 1)))
    edges = draw(st.lists(st.integers(0, grains.capacity_bytes), max_size=12, unique=True))
    edges.sort()
    extents = [
        Extent(start, end - start) for start, end in zip(edges[::2], edges[1::2], strict=False)
    ]
    return grains, extents


@given(disks_with_extents(), st.integers(1, 8 * MIB))
@settings(deadline=None)
def test_pieces_are_exactly_what_is_left_to_do(
    disk: tuple[Grains, list[Extent]], piece_bytes: int
) -> None:
    grains, extents = disk
    wanted = within(grains, extents)
    fetched: list[int] = []
    emptied: list[int] = []
    last = -1
    for piece in pieces(grains, wanted, piece_bytes):
        assert piece.first > last
        assert piece.length <= max(1, piece_bytes // MIB)
        last = piece.first + piece.length - 1
        (fetched if piece.fetch else emptied).extend(range(piece.first, last + 1))
    skipped = [
        g for first, count in blank_holes(grains, wanted) for g in range(first, first + count)
    ]
    for grain, state in enumerate(list(grains.state)):
        start, end = grain * MIB, grain * MIB + grains.span(grain)
        has_data = any(
            extent.offset < end and extent.offset + extent.length > start for extent in extents
        )
        todo = state not in (DATA, ZERO)
        assert (grain in fetched) == (todo and has_data)
        assert (grain in skipped) == (not has_data and state == BLANK)
        assert (grain in emptied) == (todo and not has_data and state != BLANK)


@given(STATES, st.integers(0, MIB - 1))
@settings(deadline=None)
def test_sizes_add_up(states: list[int], short: int) -> None:
    grains = grains_of(states, short)
    assert sum(grains.span(grain) for grain in range(grains.count)) == grains.capacity_bytes
    assert grains.bytes_in(UNKNOWN, BLANK, STALE, DATA, ZERO) == grains.capacity_bytes
    for state in range(5):
        expected = sum(grains.span(g) for g in range(grains.count) if grains.state[g] == state)
        assert grains.bytes_in(state) == expected


@pytest.mark.parametrize("extent", [Extent(-1, 5), Extent(0, 3 * MIB + 1), Extent(5, -1)])
def test_impossible_extents_are_refused(extent: Extent) -> None:
    with pytest.raises(ReadFailed):
        within(Grains(3 * MIB), [extent])


def test_doubt_keeps_what_stands_on_the_base() -> None:
    grains = grains_of([UNKNOWN, BLANK, STALE, DATA, ZERO])
    grains.doubt()
    assert list(grains.state) == [UNKNOWN, BLANK, STALE, STALE, BLANK]


@given(
    st.lists(st.tuples(st.integers(0, 39), st.none() | DIGEST), max_size=30),
    st.sets(st.integers(0, 39)),
    st.booleans(),
    st.integers(0, 200),
    st.builds(
        Identity,
        st.none() | st.text(st.characters(codec="utf-8"), max_size=60),
        st.none() | st.binary(min_size=32, max_size=32).filter(any),
    ),
)
@settings(max_examples=60, deadline=None)
def test_resume_file_says_what_was_put_into_it(
    written: list[tuple[int, bytes | None]],
    bad: set[int],
    sealed: bool,
    torn: int,
    identity: Identity,
) -> None:
    grains = Grains(40 * MIB - 7)
    seal = resume.Seal(5, -3, b"l" * 32)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "resume"
        file = resume.create(path, identity, 99, grains, at_any_time)
        for grain, digest in written:
            if digest is None:
                grains.mark(grain, 1, ZERO)
            else:
                grains.mark_data(grain, digest)
            file.append(resume.copied(grains, [(grain, 1)]))
        file.append(resume.forgotten((grain, 1) for grain in sorted(bad)))
        if sealed:
            file.append([resume.sealed(seal)])
        file.close()
        with path.open("ab") as end:
            end.write(b"\x01" * torn)
        recorded = resume.read(path, grains.capacity_bytes)
        assert recorded is not None
        assert resume.read(path, grains.capacity_bytes + 1) is None
        for grain in bad:
            grains.mark(grain, 1, UNKNOWN)
        assert list(recorded.grains.state) == list(grains.state)
        for grain in range(40):
            if grains.state[grain] in (DATA, ZERO):
                assert recorded.grains.digest(grain) == grains.digest(grain)
        assert (recorded.identity, recorded.inode) == (identity, 99)
        assert recorded.seal == (seal if sealed else None)
        recorded.reopen(path, at_any_time).close()
        assert path.stat().st_size == recorded.end


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_file_can_be_read_as_a_resume_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "resume"
        resume.create(path, Identity("52 de/7", b"i" * 32), 1, Grains(MIB), at_any_time).close()
        header = path.read_bytes()
        for data in (content, header + content, header[:-4] + content):
            path.write_bytes(data)
            recorded = resume.read(path, MIB)
            assert recorded is None or recorded.grains.bytes_in(DATA, ZERO) == 0


@given(st.lists(st.sampled_from(["zero", "data", "last byte"]), max_size=12), st.integers(0, 65535))
@settings(deadline=None)
def test_runs_of_data_cover_all_that_is_not_zero(granules: list[str], rest: int) -> None:
    parts = {
        "zero": bytes(GRANULE_BYTES),
        "data": b"x" * GRANULE_BYTES,
        "last byte": bytes(GRANULE_BYTES - 1) + b"x",
    }
    buffer = bytearray(b"".join(parts[granule] for granule in granules) + b"y" * rest)
    copy = bytearray(len(buffer))
    last = -1
    for start, end in data_runs(buffer, 0, len(buffer)):
        assert last < start < end
        assert buffer[start:end].strip(b"\0")
        copy[start:end] = buffer[start:end]
        last = end
    assert copy == buffer


def test_zero_digest_is_cached_by_length() -> None:
    assert zero_digest(5) != zero_digest(6)
    assert zero_digest(5) is zero_digest(5)
