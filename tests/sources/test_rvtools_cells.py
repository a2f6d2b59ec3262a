"""Numbers, sizes, dates and booleans as the locales of this world write them."""

from datetime import date, datetime
from typing import Any

import pytest

from mtv.sources.rvtools.cells import (
    Dialect,
    UnreadableCell,
    dialect_of,
    flag,
    integer,
    moment,
    number,
    size,
)
from mtv.sources.rvtools.sheets import words

PLAIN = Dialect()
NBSP, NARROW = "\u00a0", "\u202f"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1024", 1024),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1 234,5", 1234.5),
        (f"1{NBSP}234", 1234),
        (f"1{NARROW}234{NARROW}567", 1234567),
        ("1'234", 1234),
        ("1’234.50", 1234.5),
        ("1.234.567", 1234567),
        ("1,234,567", 1234567),
        ("12,34,567", 1234567),
        ("0,125", 0.125),
        ("12,5", 12.5),
        ("-1", -1),
        ("−1", -1),
        ("1.234", 1234),
        ("1,234", 1234),
        ("45 %", 45),
        (3.0, 3),
        (2.5, 2.5),
    ],
)
def test_a_number_is_read(text: Any, value: float) -> None:
    assert number(text, PLAIN) == value


@pytest.mark.parametrize(
    "cell",
    [
        *("", "many", "1.2.3", "1,2,3", "0x10", "1e5", "1.234,5,6", "9" * 30, "9" * 5000, "١٢a"),
        *(True, date(2026, 1, 1), float("nan"), float("inf"), 1e300),
    ],
)
def test_what_is_no_number_is_none(cell: Any) -> None:
    with pytest.raises(UnreadableCell):
        number(cell, PLAIN)


@pytest.mark.parametrize(
    ("texts", "decimal"),
    [
        ({"1.234", "1.234,5"}, ","),
        ({"1,234", "0.5"}, "."),
        ({"1.234", "1,234"}, None),
        ({"1.234"}, None),
        ({"1,5", "1.5"}, None),
        ({"1.234.567"}, ","),
    ],
)
def test_a_sheet_gives_its_decimal_mark_away(texts: set[str], decimal: str | None) -> None:
    assert dialect_of(texts, ()).decimal == decimal


def test_the_sheet_decides_what_one_of_its_numbers_means() -> None:
    assert number("1.234", Dialect(decimal=".")) == 1.234
    assert number("1.234", Dialect(decimal=",")) == 1234
    assert number("1,234", Dialect(decimal=",")) == 1.234


def test_a_size_counts_its_unit() -> None:
    assert size("1.024", PLAIN, 2**20) == 2**30
    assert size(1.5, PLAIN, 2**30) == 3 * 2**29
    assert size("1,5", PLAIN, 2**30) == 3 * 2**29
    with pytest.raises(UnreadableCell, match="decimal mark or a thousands"):
        size("1,234", PLAIN, 2**30)
    with pytest.raises(UnreadableCell):
        size(-5, PLAIN, 2**20)


def test_a_count_is_whole() -> None:
    assert integer("1.234", PLAIN) == 1234
    with pytest.raises(UnreadableCell, match="whole"):
        integer("1,5", PLAIN)


@pytest.mark.parametrize(
    ("cell", "iso"),
    [
        ("2026-03-04 05:06:07", "2026-03-04T05:06:07"),
        ("2026/03/04 05:06:07", "2026-03-04T05:06:07"),
        ("2026-03-04T05:06:07Z", "2026-03-04T05:06:07"),
        ("2026-03-04T05:06:07+02:00", "2026-03-04T03:06:07"),
        ("2026-03-04", "2026-03-04T00:00:00"),
        ("4.3.2026", "2026-03-04T00:00:00"),
        ("04.03.2026 05:06", "2026-03-04T05:06:00"),
        ("04.03.26 05:06", "2026-03-04T05:06:00"),
        ("25/12/2026", "2026-12-25T00:00:00"),
        ("12/25/2026 1:02:03 PM", "2026-12-25T13:02:03"),
        ("12/25/2026 12:02:03 AM", "2026-12-25T00:02:03"),
        ("5/5/2026", "2026-05-05T00:00:00"),
        ("25-12-2026 10:00", "2026-12-25T10:00:00"),
        (46085.5, "2026-03-04T12:00:00"),
        (46085, "2026-03-04T00:00:00"),
        (datetime(2026, 3, 4, 5, 6, 7), "2026-03-04T05:06:07"),
        (date(2026, 3, 4), "2026-03-04T00:00:00"),
    ],
)
def test_a_date_is_read(cell: Any, iso: str) -> None:
    assert moment(cell, PLAIN) == f"{iso}+00:00"


@pytest.mark.parametrize(
    "cell",
    [
        *("", "soon", "31.02.2026", "2026-13-01", "25/25/2026", "4/3/2026 13:00 PM"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        *(True, -4, 1e12, float("nan")),
    ],
)
def test_what_is_no_date_is_none(cell: Any) -> None:
    with pytest.raises(UnreadableCell):
        moment(cell, PLAIN)


def test_a_date_that_could_be_two_is_none_unless_the_sheet_tells() -> None:
    with pytest.raises(UnreadableCell, match="day/month or month/day"):
        moment("03/04/2026", PLAIN)
    german = dialect_of((), {"03/04/2026", "25/12/2026"})
    assert moment("03/04/2026", german).startswith("2026-04-03")
    american = dialect_of((), {"03/04/2026", "12/25/2026"})
    assert moment("03/04/2026", american).startswith("2026-03-04")
    assert dialect_of((), {"25/12/2026", "12/25/2026"}).day_first is None


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((True, True), (False, False), ("True", True), ("FALSE", False), ("Yes", True)),
        *(("Wahr", True), ("falsch", False), ("VRAI", True), ("Falso", False)),
        *((1, True), (0.0, False)),
    ],
)
def test_a_boolean_is_read(cell: Any, value: bool) -> None:
    assert flag(cell, words().flags) is value


@pytest.mark.parametrize("cell", ["", "perhaps", 2, -1.0, date(2026, 1, 1)])
def test_what_is_no_boolean_is_none(cell: Any) -> None:
    with pytest.raises(UnreadableCell):
        flag(cell, words().flags)
