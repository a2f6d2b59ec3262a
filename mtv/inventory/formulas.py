"""Expressions about the objects of one kind, with their names checked against the model.

A misspelled field is an error before anything is evaluated, and never an empty answer. A condition
about a value that is not set is not met.
"""

import re
from collections.abc import Callable, Hashable, Iterable
from functools import cache, partial
from typing import Any

import msgspec
from msgspec import inspect

from mtv.errors import ConfigError
from mtv.estate import Placed
from mtv.expressions import FUNCTIONS, Expression, NotEvaluated, context
from mtv.inventory.kinds import Kind, all_names, bare, names_in, near, shape_of, step
from mtv.model.plain import plain

OF_THE_ESTATE = ("ref", "source", "product")
"""Names beside an object's own fields: its ref, its source and what that is."""

_NAMESPACES = ("math", "strings")
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_CHAIN = re.compile(rf"(?<![\w.\]\)])({_WORD})((?:\s*\.\s*{_WORD}(?!\w*\s*\())*)")
_MEMBER = re.compile(rf"\.\s*({_WORD})(?!\w*\s*\()")
_BINDS = re.compile(rf"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*({_WORD})\s*,")
_TEXT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")


class Formula:
    """An expression over the fields of one kind, by name: ``power == "on" && size(snapshots) > 0``.

    The object as a whole is there too, under its kind's name (``vm.power``). Raises ConfigError
    for what is no CEL and for names that the kind does not have.
    """

    def __init__(self, text: str, kind: Kind) -> None:
        self._text = text
        self._kind = kind
        self._expression = Expression(text)
        _check(text, kind, self._expression)
        noun = kind.noun
        fields = dict(zip(noun.__struct_encode_fields__, noun.__struct_fields__, strict=True))
        mentioned = set(self._expression.names)
        self._fields = {name: fields[name] for name in fields if name in mentioned}
        self._whole = kind.word in mentioned and kind.word not in self._fields
        self._words = frozenset(re.findall(_WORD, text))
        self._context = context({})

    def truth(self, placed: Placed) -> bool:
        """Whether the condition is met. Raises ConfigError where it is none."""
        value = self.value(placed)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise ConfigError(
                f"the expression {self._text!r} gives {value!r}, not true or false",
                'a condition compares, for example: power == "on"',
            )
        return value

    def value(self, placed: Placed) -> Any:
        """Its value; None when it needs something that is not set."""
        names = self._names(placed, partial(_part, words=self._words))
        value = self._evaluated(placed, names)
        if _has_noun(value):
            # A noun as the result, of which only the mentioned fields were there.
            value = self._evaluated(placed, self._names(placed, plain))
        return value

    def _evaluated(self, placed: Placed, names: dict[str, Any]) -> Any:
        self._context.update(names)
        try:
            return self._expression.value(self._context)
        except NotEvaluated as problem:
            if isinstance(problem.__cause__, LookupError) or _has_null(names, self._words):
                return None
            raise ConfigError(
                f"{problem.message} (at {placed.ref})",
                "compare a text with a text and a number with a number; string(x), int(x) convert",
            ) from problem

    def _names(self, placed: Placed, as_plain: Callable[[Any], Any]) -> dict[str, Any]:
        """What the expression may ask, as plain data; no more than it mentions."""
        thing = placed.thing
        names = {name: as_plain(getattr(thing, field)) for name, field in self._fields.items()}
        if self._whole:
            names[self._kind.word] = as_plain(thing)
        for name in OF_THE_ESTATE:
            names.setdefault(name, of_the_estate(placed, name))
        return names


def _part(noun: Any, words: frozenset[str]) -> Any:
    """A noun as plain data with the fields of these names only: a VM has hundreds of others."""
    if isinstance(noun, msgspec.Struct):
        return {
            encoded: _part(getattr(noun, name), words)
            for name, encoded in _fields_among(type(noun), words)
        }
    if isinstance(noun, tuple):
        return [_part(each, words) for each in noun]
    return plain(noun)


@cache
def _fields_among(noun: Hashable, words: frozenset[str]) -> list[tuple[str, str]]:
    """Name and encoded name of those fields of a noun's class that are among the words."""
    kind: Any = noun
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return [(name, encoded) for name, encoded in names if encoded in words]


def _has_noun(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_noun, value))
    return isinstance(value, dict)


def of_the_estate(placed: Placed, name: str) -> str:
    """One of ``OF_THE_ESTATE``."""
    if name == "ref":
        return placed.ref
    return placed.inventory.source if name == "source" else placed.inventory.product


def _has_null(value: Any, names: frozenset[str]) -> bool:
    """True when one of these names is unset somewhere in the plain data."""
    if isinstance(value, dict):
        return any(
            each is None or _has_null(each, names) for name, each in value.items() if name in names
        )
    if isinstance(value, list):
        return any(each is None or _has_null(each, names) for each in value)
    return False


def _check(text: str, kind: Kind, expression: Expression) -> None:
    """Checks every name of an expression against the model. Raises ConfigError."""
    bald = _TEXT.sub("''", text)
    bound = set(_BINDS.findall(bald))
    known = [*kind.noun.__struct_encode_fields__, kind.word, *OF_THE_ESTATE]
    for name in expression.names:
        if name not in bound and name not in known and name not in _NAMESPACES:
            raise _unknown(f"{kind.name} have no field", name, known)
    for name in expression.functions:
        if name not in _functions():
            raise _unknown("there is no function", name, _functions())
    for match in _CHAIN.finditer(bald):
        root, rest = match[1], re.findall(_WORD, match[2])
        if root not in bound and root in known:
            _check_chain(kind, [root, *rest])
    members = set(_MEMBER.findall(bald))
    if not re.search(r"\b(native|extra_config|custom_attributes)\b", bald):
        for name in sorted(members - all_names(kind) - bound):
            if name not in _functions():
                raise _unknown("there is no field", name, all_names(kind))


def _check_chain(kind: Kind, names: list[str]) -> None:
    own = kind.noun.__struct_encode_fields__
    if names[0] not in own:
        if names[0] in OF_THE_ESTATE or len(names) == 1:
            return
        names = names[1:]
    shape = shape_of(kind)
    for number, name in enumerate(names):
        below = step(shape, name)
        if below is None:
            raise no_field(kind, names[:number], name, names_in(shape))
        shape = bare(below)
        if number + 1 < len(names) and isinstance(shape, inspect.VarTupleType):
            so_far = ".".join(names[: number + 1])
            raise ConfigError(
                f"{so_far} is a list: it has no field {names[number + 1]!r}",
                f"ask for one of it: {so_far}.exists(x, x.{names[number + 1]} == ...)",
            )


def no_field(kind: Kind, above: list[str], name: str, known: Iterable[str]) -> ConfigError:
    """The error about a field that is not there, below the fields ``above``."""
    who = f"{'.'.join(above)} has" if above else f"{kind.name} have"
    return _unknown(f"{who} no field", name, known)


def _unknown(problem: str, name: str, known: Iterable[str]) -> ConfigError:
    return ConfigError(
        f"{problem} {name!r}{near(name, known)}",
        "mtv inventory schema describes every field, mtv inventory list --help has examples",
    )


@cache
def _functions() -> frozenset[str]:
    """Every function; of ``math.abs`` CEL tells the last part."""
    return FUNCTIONS | {name.rpartition(".")[2] for name in context({}).functions}
