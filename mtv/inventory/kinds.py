"""The kinds of objects that an inventory has, derived from the model: their names, their paths."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

import msgspec
from msgspec import inspect

from mtv.errors import ConfigError
from mtv.model.estate import Inventory
from mtv.model.vm import Vm


@dataclass(frozen=True)
class Kind:
    """One kind of object."""

    name: str
    """As commands say it: ``resource-pools``."""
    field: str
    """The inventory's list that holds it: ``resource_pools``; templates are in ``vms``."""
    noun: type[Any]
    holds: Callable[[Any], bool] | None = None
    """True for the objects of the list that are of this kind; None where all are."""

    @property
    def singular(self) -> str:
        """``resource-pool``."""
        return _singular(self.name)

    @property
    def word(self) -> str:
        """Its name in an expression: ``resource_pool``; a template is a ``vm`` there."""
        return _singular(self.field)

    def of(self, inventory: Inventory) -> Iterable[Any]:
        """The objects of this kind in an inventory."""
        every: tuple[Any, ...] = getattr(inventory, self.field)
        return every if self.holds is None else filter(self.holds, every)


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word.removesuffix("es" if word.endswith("ches") else "s")


def _is_template(vm: Vm) -> bool:
    return vm.is_template


def _is_no_template(vm: Vm) -> bool:
    return not vm.is_template


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by its name: VMs and templates, then the lists of the model in its order."""
    found = [
        Kind("vms", "vms", Vm, _is_no_template),
        Kind("templates", "vms", Vm, _is_template),
    ]
    for field in msgspec.structs.fields(Inventory):
        noun = next(iter(get_args(field.type)), None)
        if isinstance(noun, type) and issubclass(noun, msgspec.Struct) and noun is not Vm:
            found.append(Kind(field.name.replace("_", "-"), field.name, noun))
    return {kind.name: kind for kind in found}


def kind_of(word: str) -> Kind:
    """The kind of that name, in the plural or the singular. Raises ConfigError."""
    said = word.lower().replace("_", "-")
    for kind in kinds().values():
        if said in (kind.name, kind.singular):
            return kind
    raise ConfigError(
        f"there is no kind of object {word!r}{near(said, kinds())}",
        f"kinds are: {', '.join(kinds())}",
    )


def identity(thing: Any) -> str:
    """What names an object within its inventory and kind.

    Its id; kinds without one have a key or a name, together with the version they are for.
    """
    if own := getattr(thing, "id", None):
        return str(own)
    own = getattr(thing, "key", None) or thing.name
    version = getattr(thing, "version", None)
    return f"{own}@{version}" if version else str(own)


def near(word: str, known: Iterable[str]) -> str:
    """``; near it: memory_bytes`` for an unknown name, or nothing."""
    found = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"; near it: {', '.join(found)}" if found else ""


def step(shape: inspect.Type, name: str) -> inspect.Type | None:
    """The type of a field below a type; None for an unknown one. Below a dictionary all is known.

    Lists are stepped through: the name is looked for in their elements.
    """
    shape = bare(shape)
    while isinstance(shape, inspect.VarTupleType):
        shape = bare(shape.item_type)
    if isinstance(shape, inspect.DictType):
        return shape.value_type
    if isinstance(shape, inspect.StructType):
        return next((each.type for each in shape.fields if each.encode_name == name), None)
    return None


def bare(shape: inspect.Type) -> inspect.Type:
    """A type without its "or None"."""
    if isinstance(shape, inspect.UnionType):
        rest = [each for each in shape.types if not isinstance(each, inspect.NoneType)]
        return rest[0] if len(rest) == 1 else shape
    return shape


def names_in(shape: inspect.Type) -> list[str]:
    """The names that ``step`` knows below a type."""
    shape = bare(shape)
    while isinstance(shape, inspect.VarTupleType):
        shape = bare(shape.item_type)
    if isinstance(shape, inspect.StructType):
        return [each.encode_name for each in shape.fields]
    return []


@cache
def shape_of(kind: Kind) -> inspect.Type:
    """The type of a kind's objects."""
    return inspect.type_info(kind.noun)


@cache
def all_names(kind: Kind) -> frozenset[str]:
    """Every field name at any depth of a kind's objects."""
    found = set[str]()
    waiting = [shape_of(kind)]
    while waiting:
        shape = bare(waiting.pop())
        if isinstance(shape, inspect.VarTupleType):
            waiting.append(shape.item_type)
        elif isinstance(shape, inspect.StructType):
            found.update(each.encode_name for each in shape.fields)
            waiting.extend(each.type for each in shape.fields)
    return frozenset(found)
