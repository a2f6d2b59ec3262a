"""Questions to the estate: which objects of a kind, in which order, and which values of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from msgspec import inspect

from mtv.errors import ConfigError
from mtv.estate import Placed
from mtv.inventory.files import natural
from mtv.inventory.formulas import OF_THE_ESTATE, Formula, no_field, of_the_estate
from mtv.inventory.kinds import Kind, bare, names_in, shape_of, step
from mtv.model.plain import plain


@dataclass(frozen=True)
class Column:
    """A value of every object of a list: a dotted path, or ``NAME=EXPRESSION``."""

    name: str
    value: Callable[[Placed], Any]

    @property
    def is_bytes(self) -> bool:
        """True for a number of bytes, which people read as GiB."""
        return self.name.endswith("_bytes")


def column(text: str, kind: Kind) -> Column:
    """The column of that text. Raises ConfigError for a field that the kind does not have."""
    name, is_formula, formula = text.partition("=")
    if is_formula:
        if not name.strip():
            raise ConfigError(f"the column {text!r} has no name", "write NAME=EXPRESSION")
        return Column(name.strip(), Formula(formula, kind).value)
    names = text.strip().split(".")
    if names[0] == kind.word and names[0] not in kind.noun.__struct_encode_fields__:
        names = names[1:] or names
    if names[0] in OF_THE_ESTATE and names[0] not in kind.noun.__struct_encode_fields__:
        return Column(text, lambda placed: of_the_estate(placed, names[0]))
    shape = shape_of(kind)
    for number, each in enumerate(names):
        below = step(shape, each)
        if below is None:
            known = [*names_in(shape), *(OF_THE_ESTATE if number == 0 else ())]
            raise no_field(kind, names[:number], each, known)
        shape = below
        if isinstance(bare(shape), inspect.DictType):
            # The rest is one key, which may itself have dots: native.config.version
            rest = ".".join(names[number + 1 :])
            names = [*names[: number + 1], rest] if rest else names
            break
    return Column(text.strip(), lambda placed: _reach(placed.thing, names))


def _reach(thing: Any, names: list[str]) -> Any:
    """The plain value at a path; those of a list's elements as a list."""
    for number, name in enumerate(names):
        if isinstance(thing, tuple):
            found = [_reach(each, names[number:]) for each in thing]
            return [value for value in found if value is not None]
        if thing is None:
            return None
        if isinstance(thing, dict):
            return thing.get(name)
        thing = getattr(thing, _attribute(type(thing), name))
    return plain(thing)


def _attribute(noun: type[Any], encoded: str) -> str:
    index: int = noun.__struct_encode_fields__.index(encoded)
    name: str = noun.__struct_fields__[index]
    return name


@dataclass(frozen=True)
class Query:
    """Which objects, in which order, how many, and which values of them."""

    kind: Kind
    columns: tuple[Column, ...]
    where: Formula | None = None
    sort: Column | None = None
    descending: bool = False
    limit: int | None = None

    def rows(self, objects: Iterable[Placed]) -> "Rows":
        """The answer."""
        found = [each for each in objects if self.where is None or self.where.truth(each)]
        if self.sort is not None:
            found = _in_order(found, self.sort.value, self.descending)
        return Rows(self, tuple(found[: self.limit]), len(found))


@dataclass(frozen=True)
class Rows:
    """The objects of an answer; ``total`` counts also those beyond the limit."""

    query: Query
    objects: tuple[Placed, ...]
    total: int

    @cached_property
    def values(self) -> list[dict[str, Any]]:
        """Column -> value of every object."""
        columns = self.query.columns
        return [{each.name: each.value(placed) for each in columns} for placed in self.objects]


def query(
    kind: Kind,
    columns: Iterable[str],
    *,
    where: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
) -> Query:
    """The question in words; ``-COLUMN`` sorts the other way.

    Raises ConfigError for what the model does not know.
    """
    shown = tuple(column(text, kind) for text in columns)
    names = [each.name for each in shown]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two columns have the name {name!r}", "give one another: NAME=CEL")
    by = (sort or "").removeprefix("-")
    known = {each.name: each for each in shown}
    return Query(
        kind,
        shown,
        where=Formula(where, kind) if where else None,
        sort=(known.get(by) or column(by, kind)) if by else None,
        descending=bool(sort and sort.startswith("-")),
        limit=limit,
    )


def _in_order(
    objects: list[Placed], value: Callable[[Placed], Any], descending: bool
) -> list[Placed]:
    """Numbers by size, text by its natural order; what has no value comes last either way."""
    keyed = [(value(placed), placed) for placed in objects]
    unset = [placed for key, placed in keyed if key is None]
    rest = [(key, placed) for key, placed in keyed if key is not None]
    rest.sort(key=lambda pair: _sort_key(pair[0]), reverse=descending)
    return [*(placed for _, placed in rest), *unset]


def _sort_key(value: Any) -> tuple[Any, ...]:
    if isinstance(value, int | float):
        return (0, value)
    return (1, natural(value if isinstance(value, str) else str(value)))


def split_columns(text: str) -> Iterator[str]:
    """The columns of a list; commas within brackets and quotes belong to an expression."""
    depth, start, quote = 0, 0, ""
    for place, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]
