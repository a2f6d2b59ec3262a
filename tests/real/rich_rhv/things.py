"""Ids and references of the rich estate: an object's id follows from its sort and its name."""

import uuid
from datetime import UTC, datetime
from typing import Any

from tests.real.engine.sdk import types

GIB = 1 << 30
MIB = 1 << 20

BLANK = "00000000-0000-0000-0000-000000000000"

FIRST, SECOND = "rhvh01.example", "rhvh02.example"
"""The hosts of the cluster prod."""

_SPACE = uuid.UUID("6d747600-0000-4000-8000-000000000000")


def uid(sort: str, name: str) -> str:
    """The id of a thing; the same in every run."""
    return str(uuid.uuid5(_SPACE, f"{sort}/{name}"))


def ref(kind: str, name: str) -> Any:
    """A reference to a thing by its name: `ref("Cluster", "prod")`."""
    return getattr(types, kind)(id=uid(kind, name))


def on(day: int, hour: int = 9) -> datetime:
    """A moment in the spring of 2024."""
    return datetime(2024, 3, day, hour, 12, 33, 417000, tzinfo=UTC)


def pairs(kind: str, **values: str) -> list[Any]:
    """Properties or options by name."""
    return [getattr(types, kind)(name=name, value=value) for name, value in values.items()]


def statistic(owner: str, name: str, unit: str, datum: float) -> Any:
    """One live number."""
    return types.Statistic(
        id=uid("statistic", f"{owner}/{name}"),
        name=name,
        kind=types.StatisticKind.GAUGE,
        type=types.ValueType.DECIMAL if unit == "percent" else types.ValueType.INTEGER,
        unit=types.StatisticUnit(unit),
        values=[types.Value(datum=float(datum))],
    )
