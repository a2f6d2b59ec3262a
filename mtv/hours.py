"""Hours that come again every week: ``Mon-Fri 08:00-18:00``, in the local time of this machine."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_DAY = "|".join(DAYS)
_TIME = r"([0-9]{2}):([0-9]{2})"
_SOME = rf"(?:{_DAY})(?:-(?:{_DAY}))?"
_HOURS = re.compile(rf"(?:({_SOME}(?:,{_SOME})*)\s+)?{_TIME}\s*-\s*{_TIME}", re.IGNORECASE)


class Hours(msgspec.Struct, frozen=True):
    """From a minute of some days on, for some minutes; it may go on past midnight."""

    days: frozenset[int]
    """0 is Monday."""
    begin: int
    """Minutes since midnight."""
    minutes: int

    def end(self, now: datetime) -> datetime | None:
        """When they end, if ``now`` (local time, without a zone) lies in them."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in (midnight, midnight - timedelta(days=1)):
            begin = day + timedelta(minutes=self.begin)
            end = begin + timedelta(minutes=self.minutes)
            if day.weekday() in self.days and begin <= now < end:
                return end
        return None


def parse_hours(text: str) -> Hours:
    """``Mon-Fri 08:00-18:00``, ``Sat,Sun 00:00-24:00``, ``22:00-06:00`` (every day).

    Raises ValueError with what was expected.
    """
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"expected hours like 'Mon-Fri 08:00-18:00' or '22:00-06:00', got {text!r}"
        )
    begin, end = _minute(text, match[2], match[3]), _minute(text, match[4], match[5])
    if begin == end:
        raise ValueError(f"these hours begin when they end: {text!r}")
    return Hours(_days(match[1]), begin, (end - begin) % (24 * 60) or 24 * 60)


def end_of_all(hours: Iterable[Hours], now: datetime) -> datetime | None:
    """When the last of those that run now, or begin before these have ended, ends.

    None when none runs; a week from now when they never end.
    """
    all_hours, end = tuple(hours), now
    while end < now + timedelta(days=7):
        later = [found for found in (each.end(end) for each in all_hours) if found is not None]
        if not later:
            break
        end = max(later)
    return None if end == now else end


def _minute(text: str, hour: str, minute: str) -> int:
    if int(minute) > 59 or int(hour) * 60 + int(minute) > 24 * 60:
        raise ValueError(f"there is no time {hour}:{minute} in a day: {text!r}")
    return int(hour) * 60 + int(minute)


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    found = set[int]()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start = _day(first)
        length = (_day(last) - start) % 7 if last else 0
        found.update((start + step) % 7 for step in range(length + 1))
    return frozenset(found)


def _day(text: str) -> int:
    return DAYS.index(text.capitalize())
