"""CEL expressions: the conditions of rules, ``--where`` and computed columns."""

import re
from typing import Any

import cel
from cel import stdlib

from mtv.errors import ConfigError

FUNCTIONS = frozenset(
    {"all", "exists", "exists_one", "filter", "has", "map"}  # macros
    | {"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"}
    | {"contains", "endsWith", "matches", "size", "startsWith"}
    | {"getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours"}
    | {"getMilliseconds", "getMinutes", "getMonth", "getSeconds"}
)
"""The functions that CEL itself has; ``context`` adds those of its string, list and math sets."""


def context(names: dict[str, Any]) -> Any:
    """The names an expression may use, with CEL's string, list and math functions.

    Making one costs more than evaluating an expression: make it once per VM, or once, and
    ``update`` it.
    """
    known = cel.Context(names)
    stdlib.add_stdlib_to_context(known, ["strings", "core", "math"])
    return known


class NotEvaluated(ConfigError):
    """An expression has no value here: something is null, missing or of a wrong type."""


class Expression:
    """A compiled expression. Raises ConfigError when it cannot be parsed."""

    def __init__(self, text: str) -> None:
        self._text = text
        try:
            self._program = cel.compile(text)
        except ValueError as problem:
            raise ConfigError(
                f"the expression {text!r} is no CEL: {_where(str(problem))}",
                'for example: power == "on" && size(snapshots) > 0',
            ) from problem

    @property
    def names(self) -> list[str]:
        """The names it refers to, those that its own ``exists`` and ``map`` bind among them."""
        found: list[str] = self._program.variables()
        return found

    @property
    def functions(self) -> list[str]:
        """The functions it calls by name; operators are none."""
        return [name for name in self._program.functions() if name[0].isalpha()]

    def truth(self, known: Any) -> bool:
        """Its value as a condition over a ``context``. Raises ConfigError when that is no bool."""
        value = self.value(known)
        if not isinstance(value, bool):
            raise ConfigError(f"the expression {self._text!r} gives {value!r}, not true or false")
        return value

    def text(self, known: Any) -> str:
        """Its value over a ``context``, as text."""
        return str(self.value(known))

    def value(self, known: Any) -> Any:
        """Its value over a ``context``. Raises NotEvaluated when it has none."""
        try:
            return self._program.execute(known)
        except (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError) as problem:
            said = str(problem).partition(". CEL does not coerce")[0]
            raise NotEvaluated(
                f"the expression {self._text!r} cannot be evaluated: {said}"
            ) from problem


def _where(problem: str) -> str:
    """The parser's drawing as one sentence."""
    found = re.search(r"ERROR: <input>:\d+:(\d+): (.*)", problem)
    return f"character {found[1]}: {found[2]}" if found else problem.partition("\n")[0]
