"""The engine's search language, as far as lists use it: conditions, `sortby`, `page`.

The order is fixed: conditions, then `sortby FIELD asc|desc`, then `page N`; anything else is an
error. `page N` without `max` puts everything on page 1 and nothing on the others: a real trap.
"""

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Condition = Callable[[Any], bool]


class BadSearch(Exception):
    """The search does not follow the grammar: a 400."""


@dataclass
class Search:
    """A parsed search: alternatives of conditions that all have to hold."""

    alternatives: list[list[tuple[str, str, str]]] = field(default_factory=list)
    field: str = ""
    descending: bool = False
    page: int = 0


_TOKEN = re.compile(r'\s*("[^"]*"|!=|>=|<=|[=<>]|[^\s=<>!"]+)')
_SEVERITY = ["normal", "warning", "error", "alert"]
_ALIASES = {"datacenter": "data_center", "alias": "name"}


def parse(text: str) -> Search:
    """Read a search; raise BadSearch."""
    tokens = _TOKEN.findall(text)
    if re.sub(r"\s", "", "".join(tokens)) != re.sub(r"\s", "", text):
        raise BadSearch(text)
    found = Search()
    rest = [each.strip('"') if each.startswith('"') else each for each in tokens]
    while rest and rest[0].lower() not in ("sortby", "page"):
        rest = _condition(found, rest, text)
    if rest and rest[0].lower() == "sortby":
        if len(rest) < 3 or rest[2].lower() not in ("asc", "desc"):
            raise BadSearch(text)
        found.field, found.descending = rest[1].lower(), rest[2].lower() == "desc"
        rest = rest[3:]
    if rest:
        if rest[0].lower() != "page" or len(rest) != 2 or not rest[1].isdigit():
            raise BadSearch(text)
        found.page = int(rest[1])
        if found.page < 1:
            raise BadSearch(text)
    return found


def _condition(found: Search, rest: list[str], text: str) -> list[str]:
    """Take one condition (and the word that joins it to those before) from the tokens."""
    joined = "and"
    if found.alternatives:
        joined, rest = rest[0].lower(), rest[1:]
        if joined not in ("and", "or"):
            raise BadSearch(text)
    if len(rest) < 3 or rest[1] not in ("=", "!=", ">", "<", ">=", "<="):
        raise BadSearch(text)
    if joined == "or" or not found.alternatives:
        found.alternatives.append([])
    found.alternatives[-1].append((rest[0].lower(), rest[1], rest[2]))
    return rest[3:]


NameOf = Callable[[Any], str]
"""The name of what a reference (an object with only an id) stands for."""


def select(
    search: Search,
    objects: list[Any],
    *,
    most: int | None,
    name_of: NameOf,
    case_sensitive: bool = False,
) -> list[Any]:
    """What a search shows of a list, for that `max`."""
    found = objects
    if search.alternatives:
        found = [
            each
            for each in objects
            if any(
                all(
                    _holds(_value(each.obj, name, name_of), name, operator, wanted, case_sensitive)
                    for name, operator, wanted in together
                )
                for together in search.alternatives
            )
        ]
    if search.field:
        found = sorted(
            found,
            key=lambda each: _key(_value(each.obj, search.field, name_of)),
            reverse=search.descending,
        )
    if search.page:
        if most is None:
            return found if search.page == 1 else []
        return found[(search.page - 1) * most : search.page * most]
    return found if most is None else found[:most]


def _value(obj: Any, name: str, name_of: NameOf) -> Any:
    value = getattr(obj, _ALIASES.get(name, name), None)
    if value is not None and hasattr(value, "id") and hasattr(value, "name"):
        return value.name or name_of(value)
    if name == "severity" and value is not None:
        return _SEVERITY.index(str(value))
    return value


def _key(value: Any) -> tuple[int, Any]:
    if isinstance(value, int | float):
        return 1, value
    if isinstance(value, datetime):
        return 1, value.timestamp()
    return (0, "") if value is None else (2, str(value).lower())


def _holds(value: Any, name: str, operator: str, wanted: str, case_sensitive: bool) -> bool:
    if value is None:
        return operator == "!="
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _SEVERITY.index(wanted.lower()) if name == "severity" else float(wanted)
        return {
            "=": value == number,
            "!=": value != number,
            ">": value > number,
            "<": value < number,
            ">=": value >= number,
            "<=": value <= number,
        }[operator]
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    if not case_sensitive:
        text, wanted = text.lower(), wanted.lower()
    same = fnmatch.fnmatchcase(text, wanted.replace("[", "[[]"))
    if operator in ("=", "!="):
        return same if operator == "=" else not same
    return text > wanted if operator.startswith(">") else text < wanted
