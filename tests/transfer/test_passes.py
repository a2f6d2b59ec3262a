"""Passes over a disk that changes between them: only what changed is read, and never a gap."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mtv.errors import DigestMismatch, Interrupted, ReadFailed
from mtv.model.disk import UNWATCHED, VAGUE, Extent
from mtv.tasks import Limits, Progress
from mtv.transfer.bases.opening import open_base
from mtv.transfer.records import resume
from mtv.transfer.records.grains import DATA, UNKNOWN, ZERO
from mtv.transfer.records.standing import take_up
from mtv.transfer.verify import verify_base
from mtv.transfer.verify_source import verify_source
from tests.transfer.conftest import Bench, SetUp
from tests.transfer.disks import MIB, change, copied, settle, sha256

LAYOUT = "d.p..dd.d.......dddd"


def copy(bench: Bench, named: str, **changes: list[Extent] | None) -> int:
    """A pass at a point; gives how many bytes it read. ``changes``: earlier point -> extents."""
    bench.source.named = named
    bench.source.changes = dict(changes)
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.source == result.target
    return result.fetched_bytes


def test_a_pass_reads_the_grains_that_changed_and_no_other(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    assert copy(bench, "one") == bench.capacity
    change(bench.disk, 5 * MIB + 17, b"new")
    change(bench.disk, 12 * MIB - 1, b"ab")
    touched = [Extent(5 * MIB + 17, 3), Extent(12 * MIB - 1, 2)]
    assert copy(bench, "two", one=touched) == 3 * MIB
    assert copy(bench, "two") == 0


def test_what_was_zeroed_becomes_a_hole(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    copy(bench, "one")
    change(bench.disk, 5 * MIB, bytes(2 * MIB))
    assert copy(bench, "two", one=[Extent(5 * MIB, 2 * MIB)]) == 2 * MIB
    recorded = resume.read(bench.beside("resume"), bench.capacity)
    assert recorded is not None
    assert list(recorded.grains.state)[5:7] == [ZERO, ZERO]


def test_a_pass_over_a_disk_that_did_not_change_reads_nothing(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    copy(bench, "one")
    assert copy(bench, "two", one=[]) == 0
    # It is a pass of its own: the next one asks what changed since it.
    change(bench.disk, 0, b"x")
    assert copy(bench, "three", two=[Extent(0, 1)]) == MIB


@pytest.mark.parametrize("clock", ["ahead", "none"])
def test_a_point_that_names_no_content_is_not_enough(set_up: SetUp, clock: str) -> None:
    """The VM ran between two passes in which it was off; the server's clock tells nothing."""
    bench = set_up("dd")
    bench.server.behaviour.last_modified = clock == "ahead"
    settle(bench.disk, -600)
    assert copy(bench, f"one{VAGUE}") == bench.capacity
    change(bench.disk, MIB, b"new", seconds_ago=-600)
    assert copy(bench, f"one{VAGUE}") == bench.capacity


def test_a_complete_copy_of_a_disk_that_nobody_watches_is_compared_again(set_up: SetUp) -> None:
    """Another VM had the disk in between: the point is the same, and so is the server's word."""
    bench = set_up("dd")
    bench.server.behaviour.last_modified = False
    assert copy(bench, f"one{UNWATCHED}") == bench.capacity
    change(bench.disk, MIB, b"new")
    assert copy(bench, f"one{UNWATCHED}") == bench.capacity


def test_a_source_that_cannot_tell_has_its_disk_compared(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    copy(bench, "one")
    change(bench.disk, 5 * MIB, b"new")
    bench.source.named = "two"
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert (result.fetched_bytes, result.written_bytes) == (bench.capacity, MIB)


def test_another_content_of_the_same_point_is_compared_whatever_the_source_says(
    set_up: SetUp,
) -> None:
    bench = set_up(LAYOUT)
    copy(bench, "one")
    change(bench.disk, 5 * MIB, b"somebody wrote without the source's knowing")
    assert copy(bench, "one", one=[]) == bench.capacity


def test_changes_off_the_disk_are_not_believed(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    copy(bench, "one")
    with pytest.raises(ReadFailed):
        copy(bench, "two", one=[Extent(bench.capacity - 1, 2)])
    change(bench.disk, 0, b"x")
    assert copy(bench, "two", one=[Extent(0, 1)]) == MIB


def stopped(bench: Bench, after_bytes: int) -> None:
    """A pass over a slow server that is stopped once so much is copied."""
    cancelled = threading.Event()
    bench.server.behaviour.seconds_per_chunk = 0.01

    class Stop(list[Progress]):
        def append(self, progress: Progress) -> None:
            if progress.says == "reading the source" and progress.done >= after_bytes:
                cancelled.set()

    with pytest.raises(Interrupted):
        copied(
            bench.source,
            bench.base,
            bench.capacity,
            cancelled=cancelled,
            progress=Stop(),
            piece_bytes=MIB,
        )
    bench.server.behaviour.seconds_per_chunk = 0.0


def kept(bench: Bench) -> int:
    recorded = resume.read(bench.beside("resume"), bench.capacity)
    assert recorded is not None
    return recorded.grains.bytes_in(DATA, ZERO)


def test_a_pass_goes_on_where_it_was_stopped(set_up: SetUp) -> None:
    bench = set_up("d" * 64)
    copy(bench, "one")
    for grain in range(0, 64, 2):
        change(bench.disk, grain * MIB, b"new")
    changes = [Extent(grain * MIB, 3) for grain in range(0, 64, 2)]
    bench.source.named, bench.source.changes = "two", {"one": list(changes)}
    stopped(bench, 40 * MIB)
    left = bench.capacity - kept(bench)
    assert left < 32 * MIB
    # The point is the same: nobody asks again what changed since the one before.
    assert copy(bench, "two") == left


def test_a_copy_of_a_disk_that_nobody_watches_goes_on_where_it_was_broken_off(
    set_up: SetUp,
) -> None:
    bench = set_up("d" * 64)
    bench.server.behaviour.last_modified = False
    bench.source.named = f"one{UNWATCHED}"
    stopped(bench, 20 * MIB)
    left = bench.capacity - kept(bench)
    assert 0 < left < bench.capacity
    assert copy(bench, f"one{UNWATCHED}") == left
    # Also one that compared what was complete.
    stopped(bench, 20 * MIB)
    left = bench.capacity - kept(bench)
    assert 0 < left < bench.capacity
    assert copy(bench, f"one{UNWATCHED}") == left


@pytest.mark.parametrize("found", ["at the source", "on the base"])
def test_a_complete_copy_of_which_some_was_found_different_is_no_broken_off_one(
    set_up: SetUp, found: str
) -> None:
    """What a verification forgets of it is copied again, and all the rest compared."""
    bench = set_up("dddd")
    bench.server.behaviour.last_modified = False
    assert copy(bench, f"one{UNWATCHED}") == bench.capacity
    change(bench.disk if found == "at the source" else bench.base, MIB, b"different")
    heard: dict[str, Any] = {"on_progress": lambda _: None, "cancelled": threading.Event()}
    verify: dict[str, Callable[[], object]] = {
        "at the source": lambda: verify_source(
            *(bench.source, bench.base, bench.capacity), recorded=None, limits=Limits(), **heard
        ),
        "on the base": lambda: verify_base(bench.base, bench.capacity, **heard),
    }
    with pytest.raises(DigestMismatch):
        verify[found]()
    change(bench.disk, 3 * MIB, b"by another VM")
    assert copy(bench, f"one{UNWATCHED}") == bench.capacity


def test_who_writes_to_the_base_while_it_is_proven_is_noticed_by_the_next_pass(
    set_up: SetUp,
) -> None:
    bench = set_up("d" * 48)
    wrote = list[bool]()

    class Writes(list[Progress]):
        def append(self, progress: Progress) -> None:
            if progress.says == "comparing the copy" and progress.done and not wrote:
                wrote.append(True)
                with bench.base.open("r+b") as file:
                    file.write(b"not ours")  # behind where it is being read

    bench.source.named = "one"
    for _ in range(3):  # where it was too early, the copy itself finds it
        with contextlib.suppress(DigestMismatch):
            copied(bench.source, bench.base, bench.capacity, progress=Writes())
            break
    assert wrote
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.source == result.target


def test_what_was_repaired_is_read_back_like_all_that_is_copied(set_up: SetUp) -> None:
    bench = set_up("dddd")
    copy(bench, "one")
    change(bench.base, 2 * MIB, b"not ours", seconds_ago=7.0)
    recorded = resume.read(bench.beside("resume"), bench.capacity)
    assert recorded is not None
    nothing: dict[str, Any] = {"on_progress": lambda _: None, "cancelled": threading.Event()}
    with (
        open_base(bench.base, bench.capacity, lambda: None) as base,
        take_up(base, recorded.identity, lambda _: None, **nothing) as standing,
    ):
        assert list(standing.grains.state) == [DATA, DATA, UNKNOWN, DATA]
        standing.grains.mark_data(2, bytes(32))  # what a copy would do
        assert list(standing.unproven().runs(1)) == [(2, 1)]


def test_the_next_pass_takes_over_from_one_that_was_stopped(set_up: SetUp) -> None:
    bench = set_up("d" * 64)
    bench.source.named = "one"
    stopped(bench, 20 * MIB)
    left = bench.capacity - kept(bench)
    assert 0 < left < bench.capacity
    change(bench.disk, 3 * MIB, b"new")
    assert copy(bench, "two", one=[Extent(3 * MIB, 3)]) == left + MIB


def test_what_somebody_wrote_on_the_base_between_two_passes_is_repaired(set_up: SetUp) -> None:
    bench = set_up(LAYOUT)
    copy(bench, "one")
    change(bench.base, 6 * MIB, b"not ours", seconds_ago=7.0)
    change(bench.disk, 0, b"x")
    assert copy(bench, "two", one=[Extent(0, 1)]) == 2 * MIB
