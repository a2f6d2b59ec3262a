"""Whatever unpacks, it is the same bytes and the same limits; and in order, whoever does it."""

import threading
import zlib
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtv.images.ahead import ahead
from mtv.images.image import BadImage
from mtv.images.inflate import FASTEST, inflate
from tests.real.parts import require

MOST = 4096


def test_the_faster_one_is_used_where_it_is_installed() -> None:
    require("isal", FASTEST is not zlib, "pip install mtv[fast]")
    assert FASTEST.__name__ == "isal.isal_zlib"


def outcome(data: bytes, by: ModuleType, *, whole: bool) -> bytes | None:
    try:
        return inflate(data, 15, MOST, whole=whole, by=by)
    except BadImage:
        return None


@given(
    st.binary(max_size=200).map(lambda word: word * 30),
    st.integers(0, 9),
    st.integers(0, 40),
    st.none() | st.tuples(st.integers(0, 10_000), st.integers(0, 255)),
    st.booleans(),
)
@settings(deadline=None)
def test_both_find_the_same(
    content: bytes, level: int, cut: int, spoilt: tuple[int, int] | None, whole: bool
) -> None:
    data = bytearray(zlib.compress(content, level))
    del data[len(data) - cut :]
    if spoilt is not None and data:
        data[spoilt[0] % len(data)] = spoilt[1]
    mine = outcome(bytes(data), zlib, whole=whole)
    if whole:
        # What is not whole may break off at another byte, but nobody takes it then.
        assert outcome(bytes(data), FASTEST, whole=True) == mine
    if not cut and spoilt is None and len(content) <= MOST:
        assert mine == content == outcome(bytes(data), FASTEST, whole=whole)


@pytest.mark.parametrize("by", [zlib, FASTEST], ids=["zlib", "fastest"])
def test_a_bomb_is_not_unpacked(by: ModuleType) -> None:
    bomb = zlib.compress(bytes(50_000_000))
    assert len(inflate(bomb, 15, MOST, by=by)) == MOST + 1
    with pytest.raises(BadImage, match="no end"):
        inflate(bomb, 15, MOST, whole=True, by=by)


def test_results_come_in_order_from_threads() -> None:
    threads = set[int]()

    def work(number: int) -> int:
        threads.add(threading.get_ident())
        return number * number

    assert list(ahead(range(1000), work)) == [number * number for number in range(1000)]
    assert threading.get_ident() not in threads


def test_an_error_comes_in_its_place_and_the_threads_end() -> None:
    def work(number: int) -> int:
        if number == 500:
            raise BadImage("that one")
        return number

    found = list[int]()
    before = threading.active_count()
    with pytest.raises(BadImage, match="that one"):
        found.extend(ahead(range(1000), work))
    assert threading.active_count() == before


def test_no_more_is_taken_than_is_wanted_soon() -> None:
    numbers = iter(range(10_000))
    results = ahead(numbers, str)
    assert next(results) == "0"
    assert next(numbers) < 200
    results.close()  # type: ignore[attr-defined]
