"""CEL rules of schemas (``x-kubernetes-validations``): compiled once, evaluated on values.

A rule that cannot be compiled or evaluated is a fault of what it was to be evaluated on: it must
never look like one that holds. Rules about a change (``oldSelf``) say nothing of a new object.
"""

import functools
from collections.abc import Iterator
from typing import Any

import cel

from tests.validation.functions import context, unknown_functions


class Rule:
    """One rule. ``text`` is its CEL, ``problem`` why it could not be compiled."""

    __slots__ = ("_program", "_says", "problem", "text")

    def __init__(self, said: dict[str, Any]) -> None:
        self.text: str = said["rule"]
        self.problem = ""
        self._says: str = said.get("message") or self.text
        self._program: Any = None
        try:
            self._program = cel.compile(self.text)
        except ValueError as problem:
            self.problem = str(problem).partition("\n")[0]
            return
        unknown = unknown_functions(self._program)
        if unknown:
            self.problem = f"it calls {', '.join(unknown)}, which tests/validation does not have"

    @property
    def is_about_a_change(self) -> bool:
        """True when it compares with the object that was there before."""
        return self._program is not None and "oldSelf" in self._program.variables()

    def faults(self, value: Any, path: str) -> Iterator[str]:
        """One sentence when the value breaks the rule, or the rule cannot tell."""
        if self.problem:
            yield f"{path}: the rule {self.text!r} cannot be compiled: {self.problem}"
            return
        if self.is_about_a_change:
            return
        known = _context()
        known.update({"self": value})
        try:
            holds = self._program.execute(known)
        except (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError) as problem:
            yield f"{path}: the rule {self.text!r} cannot be evaluated: {problem}"
            return
        if holds is not True:
            yield f"{path}: {self._says}"


@functools.cache
def _context() -> Any:
    return context()
