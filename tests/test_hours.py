"""Hours that come again every week."""

from datetime import datetime

import pytest

from mtv.hours import end_of_all, parse_hours

MONDAY = datetime(2026, 11, 30)


def at(day: int, time: str) -> datetime:
    hour, minute = map(int, time.split(":"))
    return MONDAY.replace(hour=hour, minute=minute) + (
        datetime(2026, 1, 1 + day) - datetime(2026, 1, 1)
    )


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        ("Mon-Fri 08:00-18:00", at(0, "08:00"), at(0, "18:00")),
        ("Mon-Fri 08:00-18:00", at(0, "07:59"), None),
        ("Mon-Fri 08:00-18:00", at(4, "18:00"), None),
        ("Mon-Fri 08:00-18:00", at(5, "12:00"), None),
        ("mon,wed 08:00-18:00", at(2, "12:30"), at(2, "18:00")),
        ("Mon,Wed 08:00-18:00", at(1, "12:30"), None),
        ("22:00-06:00", at(6, "23:30"), at(7, "06:00")),
        ("22:00-06:00", at(3, "05:59"), at(3, "06:00")),
        ("Fri 22:00-06:00", at(5, "03:00"), at(5, "06:00")),
        ("Fri 22:00-06:00", at(4, "03:00"), None),
        ("Sat-Mon 00:00-24:00", at(6, "12:00"), at(7, "00:00")),
    ],
)
def test_hours_have_an_end(hours: str, now: datetime, end: datetime | None) -> None:
    assert parse_hours(hours).end(now) == end


def test_hours_that_follow_each_other_end_with_the_last() -> None:
    hours = [parse_hours("Mon 08:00-12:00"), parse_hours("11:00-13:30")]
    assert end_of_all(hours, at(0, "09:00")) == at(0, "13:30")
    assert end_of_all(hours, at(0, "14:00")) is None
    assert end_of_all([], at(0, "14:00")) is None


def test_hours_without_an_end_are_not_looked_through_for_ever() -> None:
    end = end_of_all([parse_hours("00:00-24:00")], at(0, "14:00"))
    assert end is not None
    assert end >= at(7, "00:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8-18",
        "08:00",
        "08:00-25:00",
        "08:60-09:00",
        "24:30-25:00",
        "Foo 08:00-09:00",
        "08:00-08:00",
        "Mon-Tue-Wed 08:00-09:00",
        "Mon 08:00-09:00 Tue",
    ],
)
def test_what_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"hours|time"):
        parse_hours(text)
