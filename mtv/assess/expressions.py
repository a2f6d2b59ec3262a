"""CEL expressions: the conditions of rules and of ``--where``."""

from typing import Any

import cel
from cel import stdlib

from mtv.errors import ConfigError


def context(names: dict[str, Any]) -> Any:
    """The names an expression may use, with CEL's string, list and math functions.

    Making one costs more than evaluating an expression: make it once per VM.
    """
    known = cel.Context(names)
    stdlib.add_stdlib_to_context(known, ["strings", "core", "math"])
    return known


class Expression:
    """A compiled expression. Raises ConfigError when it cannot be parsed."""

    def __init__(self, text: str) -> None:
        self._text = text
        try:
            self._program = cel.compile(text)
        except ValueError as problem:
            raise ConfigError(f"the expression {text!r} is no CEL: {problem}") from problem

    def truth(self, known: Any) -> bool:
        """Its value as a condition over a ``context``. Raises ConfigError when that is no bool."""
        value = self._evaluate(known)
        if not isinstance(value, bool):
            raise ConfigError(f"the expression {self._text!r} gives {value!r}, not true or false")
        return value

    def text(self, known: Any) -> str:
        """Its value over a ``context``, as text."""
        return str(self._evaluate(known))

    def _evaluate(self, known: Any) -> Any:
        try:
            return self._program.execute(known)
        except (ValueError, TypeError, RuntimeError, KeyError) as problem:
            raise ConfigError(
                f"the expression {self._text!r} cannot be evaluated: {problem}"
            ) from problem
