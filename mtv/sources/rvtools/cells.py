"""Cells of any locale as values: numbers, sizes, times, booleans.

Excel stores numbers and dates as numbers, but RVTools and those who edit its workbooks also leave
them as text, written as their own locale does. What a text means may follow from the others of its
sheet (``Dialect``); what stays ambiguous is not guessed.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from mtv.sources.rvtools.workbook import Cell

LARGEST = 2**62
UNITS = {
    "bytes": 1,
    "kb": 2**10,
    "kib": 2**10,
    "mb": 2**20,
    "mib": 2**20,
    "gb": 2**30,
    "gib": 2**30,
    "tb": 2**40,
    "tib": 2**40,
}
"""RVTools up to 3.x writes ``MB`` and 4.x ``MiB``; both are 2^20 bytes."""

_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'’]+(?=\d)")
_NUMBER = re.compile(r"([-+−]?)(\d+(?:[.,]\d+)*)\s*%?")
_GROUPED = re.compile(r"\d+|\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}")
_TIME = r"(?:(?:T|,?\s+)(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*([AaPp]\.?\s?[Mm]\.?)?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}\s*(Z|[-+]\d\d:?\d\d)?")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([./-])\s?(\d{{1,2}})\2\s?(\d{{4}}|\d{{2}})\.?{_TIME}")
_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_LAST_SERIAL = 2_958_466  # the year 10000


class UnreadableCell(ValueError):
    """A cell that does not hold what its column is for; the text says what it is instead."""


@dataclass(frozen=True)
class Dialect:
    """How a sheet writes numbers and dates, where its texts give it away."""

    decimal: str | None = None
    """``,`` or ``.``."""
    day_first: bool | None = None


def dialect_of(numbers: Iterable[str], dates: Iterable[str]) -> Dialect:
    """What the texts of a sheet's number and date columns say about how it writes them."""
    marks = {mark for text in numbers if (mark := _decimal_mark(text)) is not None}
    orders = set[bool]()
    for text in dates:
        match = _YEAR_LAST.fullmatch(text.strip())
        if match and match[2] != "." and (int(match[1]) > 12) != (int(match[3]) > 12):
            orders.add(int(match[1]) > 12)
    return Dialect(
        decimal=marks.pop() if len(marks) == 1 else None,
        day_first=orders.pop() if len(orders) == 1 else None,
    )


def _bare(text: str) -> str:
    """A number's text without the blanks and apostrophes that group its digits."""
    return _SPACES.sub("", text.strip())


def _decimal_mark(text: str) -> str | None:
    """The decimal mark of a number's text, or None where it could be either."""
    text = _bare(text)
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits = match[2]
    marks = re.findall(r"[.,]", digits)
    other = {",": ".", ".": ","}
    if len(set(marks)) == 2:
        return str(marks[-1])
    if len(marks) > 1:
        return other[marks[0]]
    if len(marks) == 1:
        before, after = re.split(r"[.,]", digits)
        if len(after) != 3 or len(before) > 3 or before.startswith("0"):
            return str(marks[0])
    return None


def number(cell: Cell, dialect: Dialect, *, grouped: bool = True) -> float:
    """The number in a cell.

    ``grouped``: ``1.234``, of which nothing else in the sheet says what it is, is 1234; else it
    is ambiguous. Raises UnreadableCell.
    """
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        raise UnreadableCell("are no numbers")
    if isinstance(cell, str):
        return _limited(_number_of_text(cell, dialect, grouped))
    return _limited(cell)


def _number_of_text(text: str, dialect: Dialect, grouped: bool) -> float:
    bare = _bare(text)
    match = _NUMBER.fullmatch(bare)
    if match is None or len(bare) > 40:
        raise UnreadableCell("are no numbers")
    mark = _decimal_mark(text) or dialect.decimal
    digits = match[2]
    if mark is None and re.search(r"[.,]", digits):
        if not grouped:
            raise UnreadableCell("could have a decimal mark or a thousands separator")
        mark = "," if "." in digits else "."
    if mark is not None:
        whole, _, fraction = digits.partition(mark)
        if not _GROUPED.fullmatch(whole) or not (fraction or "0").isdecimal():
            raise UnreadableCell("are no numbers")
        digits = f"{re.sub('[.,]', '', whole)}.{fraction or 0}"
    value = float(digits)
    return -value if match[1] in ("-", "−") else value


def _limited(value: float) -> float:
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise UnreadableCell("are too large for a number")
    return int(value) if float(value).is_integer() else value


def integer(cell: Cell, dialect: Dialect) -> int:
    """The whole number in a cell. Raises UnreadableCell."""
    value = number(cell, dialect)
    if value != int(value):
        raise UnreadableCell("are no whole numbers")
    return int(value)


def size(cell: Cell, dialect: Dialect, unit: int) -> int:
    """The bytes in a cell that counts units of so many bytes. Raises UnreadableCell."""
    value = number(cell, dialect, grouped=unit <= 2**20) * unit
    if not -1 <= value <= LARGEST:
        raise UnreadableCell("are no sizes")
    return round(value)


def flag(cell: Cell, words: dict[str, bool]) -> bool:
    """The yes or no in a cell. Raises UnreadableCell."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int | float) and cell in (0, 1):
        return cell == 1
    if isinstance(cell, str) and cell.strip().casefold() in words:
        return words[cell.strip().casefold()]
    raise UnreadableCell("are neither yes nor no")


def moment(cell: Cell, dialect: Dialect) -> str:
    """The time in a cell, ISO 8601. Workbooks name no time zone: UTC. Raises UnreadableCell."""
    if isinstance(cell, datetime):
        return _iso(cell)
    if isinstance(cell, date):
        return _iso(datetime.combine(cell, time()))
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if not 1 <= cell < _LAST_SERIAL:
            raise UnreadableCell("are no dates")
        return _iso(_EPOCH + timedelta(seconds=round(cell * 86_400)))
    if isinstance(cell, str):
        return _iso(_moment_of_text(cell.strip(), dialect))
    raise UnreadableCell("are no dates")


def _iso(value: datetime) -> str:
    zoned = value.replace(tzinfo=value.tzinfo or UTC)
    try:
        return zoned.astimezone(UTC).isoformat(timespec="seconds")
    except OverflowError as problem:
        raise UnreadableCell("are no dates") from problem


def _moment_of_text(text: str, dialect: Dialect) -> datetime:
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
        clock, zone = match.groups()[3:7], match[8]
    elif match := _YEAR_LAST.fullmatch(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        clock, zone = match.groups()[4:8], None
        if match[2] == "." or first > 12:
            day_first = True
        elif second > 12 or first == second:
            day_first = False
        elif dialect.day_first is None:
            raise UnreadableCell("could be day/month or month/day")
        else:
            day_first = dialect.day_first
        day, month = (first, second) if day_first else (second, first)
        year += 2000 if year < 100 else 0
    else:
        raise UnreadableCell("are no dates")
    try:
        zoned = datetime.strptime(zone, "%z").tzinfo if zone else UTC
        return datetime(year, month, day, *_clock(*clock), tzinfo=zoned)
    except ValueError as problem:
        raise UnreadableCell("are no dates") from problem


def _clock(
    hour: str | None, minute: str | None, second: str | None, half: str | None
) -> tuple[int, int, int]:
    hours = int(hour or 0)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError("there is no such hour")
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    return hours, int(minute or 0), int(second or 0)
