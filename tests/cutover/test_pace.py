"""How the rates of copies come about, and what they are told."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.config import CopyLimits
from mtv.cutover.workers.pace import LEAST_BYTES_PER_SECOND, Pace, shares
from mtv.tasks import Order, Progress

MIB = 1 << 20


def paces(*places: tuple[str, str]) -> list[Pace]:
    return [Pace(vm, host) for vm, host in places]


def rates(copies: list[Pace], limits: CopyLimits, **wants: float) -> list[float | None]:
    wanted = {pace: wants.get(f"_{number}", math.inf) for number, pace in enumerate(copies)}
    found = shares(copies, wanted, limits)
    return [found[pace] for pace in copies]


def test_without_limits_nothing_is_held_back() -> None:
    assert rates(paces(("a", "h"), ("b", "h")), CopyLimits()) == [None, None]


def test_a_total_is_shared_alike() -> None:
    limits = CopyLimits(bytes_per_second=90)
    assert rates(paces(("a", "h"), ("b", "h"), ("c", "i")), limits) == [30, 30, 30]


def test_what_a_host_may_not_use_goes_to_the_others() -> None:
    limits = CopyLimits(bytes_per_second=90, bytes_per_second_per_host=20)
    assert rates(paces(("a", "h"), ("b", "h"), ("c", "i")), limits) == [10, 10, 20]
    limits = CopyLimits(bytes_per_second=90, bytes_per_second_per_vm=40)
    assert rates(paces(("a", "h"), ("a", "h"), ("c", "i")), limits) == [20, 20, 40]


def test_what_a_copy_does_not_want_goes_to_the_others() -> None:
    limits = CopyLimits(bytes_per_second=90)
    assert rates(paces(("a", "h"), ("b", "h"), ("c", "i")), limits, _1=10) == [40, 10, 40]


LIMIT = st.none() | st.integers(1, 10**9)


@given(
    places=st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("hi")), max_size=8),
    total=LIMIT,
    host=LIMIT,
    vm=LIMIT,
    wants=st.lists(st.floats(1, 1e9) | st.just(math.inf), min_size=8, max_size=8),
)
def test_no_limit_is_ever_exceeded_and_none_is_left_unused(
    places: list[tuple[str, str]],
    total: int | None,
    host: int | None,
    vm: int | None,
    wants: list[float],
) -> None:
    limits = CopyLimits(
        bytes_per_second=total, bytes_per_second_per_host=host, bytes_per_second_per_vm=vm
    )
    copies = paces(*places)
    wanted = dict(zip(copies, wants, strict=False))
    found = shares(copies, wanted, limits)
    groups = [(copies, total)]
    groups += [([c for c in copies if c.host == name], host) for name in "hi"]
    groups += [([c for c in copies if c.vm == name], vm) for name in "abcd"]

    def used(members: list[Pace]) -> float:
        return sum(math.inf if (rate := found[c]) is None else rate for c in members)

    full = set[Pace]()
    for members, most in groups:
        if most is not None:
            assert used(members) <= most * (1 + 1e-9) or not members
            if used(members) >= most * (1 - 1e-9):
                full.update(members)
    for copy in copies:
        rate = found[copy]
        assert rate is None or rate >= wanted[copy] * (1 - 1e-9) or copy in full


def test_a_copy_that_reads_less_than_it_may_leaves_the_rest() -> None:
    pace = Pace("a", "h")
    assert pace.wants(1) == math.inf
    pace.set(100 * MIB)
    pace.heard(Progress(says="", read_bytes=20 * MIB))
    assert pace.wants(1) == math.inf  # it began just now
    pace.heard(Progress(says="", read_bytes=40 * MIB))
    assert pace.wants(1) == 25 * MIB
    assert pace.wants(1) == LEAST_BYTES_PER_SECOND  # it compares what it wrote
    pace.heard(Progress(says="", read_bytes=140 * MIB))
    assert pace.wants(1) == math.inf


def test_a_worker_is_told_its_pace_and_every_other_one() -> None:
    pace, told = Pace("a", "h"), list[float | None]()

    def send(order: Order) -> None:
        told.append(order.bytes_per_second)

    pace.set(5)
    with pace.told_to(send):
        pace.set(5)
        pace.set(7)
        pace.set(None)
    pace.set(9)
    assert told == [5, 7, None]


@pytest.mark.parametrize("least", [1, 64 * 1024])
def test_the_smallest_rates_are_rates(least: int) -> None:
    (rate,) = rates(paces(("a", "h")), CopyLimits(bytes_per_second=least))
    assert rate == least
