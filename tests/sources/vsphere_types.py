"""pyVmomi's types, walked: every path of the kinds in mappings/completeness/vsphere.yaml.

    .venv/bin/python -m tests.sources.vsphere_types

prints how many paths of each kind are carried, go to native, or are left out.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pyVmomi import VmomiSupport, vim

from mtv.mappings import KindCompleteness, completeness
from mtv.sources.vsphere import wire

CARRIED, NATIVE, LEFT_OUT = "carried", "native", "left out"

CUT = (Exception, vim.event.Event)
"""Types that stand as one leaf: faults and events are sentences about the moment."""


@dataclass(frozen=True)
class Step:
    """One name of a path: the property, and the class that it is taken of."""

    prop: Any
    owner: Any


@dataclass(frozen=True)
class Leaf:
    """A path of a kind that ends in a value, and what the table says of it."""

    root: str
    """The kind the walk began with."""
    kind: str
    """The kind whose table has the path."""
    path: str
    steps: tuple[Step, ...]
    """From the root; ``path`` is the names of the last ones."""
    becomes: str
    target: str
    """Path of the inventory, for a carried one."""
    presence: bool = False
    """It refers to its own class again: only whether there is one can be told."""

    @property
    def whole(self) -> str:
        """The path from the root."""
        return ".".join(step.prop.name for step in self.steps)


@cache
def load_all() -> None:
    """pyVmomi makes classes when they are asked for; this makes them all."""
    for name in [*VmomiSupport.ListDataTypes(), *VmomiSupport.ListManagedTypes()]:
        VmomiSupport.GetVmodlType(name)


def kinds() -> dict[str, KindCompleteness]:
    return completeness("vsphere").kinds


@cache
def type_of(kind: str) -> Any:
    load_all()
    return VmomiSupport.GetVmodlType(kind)


@cache
def roots() -> tuple[str, ...]:
    """Kinds that a walk begins with: managed objects, and what calls answer."""
    targets = {
        target
        for kind, table in kinds().items()
        for target in table.fields.values()
        if target != kinds()[kind].becomes
    }
    inner = tuple(type_of(kind) for kind, table in kinds().items() if table.becomes in targets)
    return tuple(
        kind
        for kind in kinds()
        if issubclass(type_of(kind), VmomiSupport.ManagedObject)
        or not issubclass(type_of(kind), inner)
    )


def leaves(root: str) -> Iterator[Leaf]:
    """Every path below a kind, those of the kinds it hands over to included."""
    top = type_of(root)
    is_data = issubclass(top, VmomiSupport.DataObject)
    for number, class_ in enumerate(_classes(top) if is_data else [top]):
        yield from _object(class_, root, root, (), (), (), own_only=number > 0)


def _subclasses(type_: Any) -> Iterator[Any]:
    for each in type_.__subclasses__():
        # Classes of other services (vSAN's) are never in an answer of this one.
        if VmomiSupport.GetQualifiedWsdlName(each)[0] in wire.NAMESPACES:
            yield each
            yield from _subclasses(each)


def _classes(type_: Any) -> list[Any]:
    """A class and those that may stand in its place."""
    load_all()
    if type_ in (vim.Description, vim.option.OptionValue):
        return [type_]  # what derives from these stands only where it is declared
    return [type_, *dict.fromkeys(_subclasses(type_))]


def _object(
    class_: Any,
    root: str,
    kind: str,
    steps: tuple[Step, ...],
    names: tuple[str, ...],
    stack: tuple[Any, ...],
    own_only: bool = False,
) -> Iterator[Leaf]:
    properties = class_._propList if own_only else class_._GetPropertyList()
    for prop in properties:
        if prop.name not in ("dynamicType", "dynamicProperty"):
            below = (*steps, Step(prop, class_))
            yield from _property(prop, root, kind, below, (*names, prop.name), stack)


def _property(
    prop: Any,
    root: str,
    kind: str,
    steps: tuple[Step, ...],
    names: tuple[str, ...],
    stack: tuple[Any, ...],
) -> Iterator[Leaf]:
    table = kinds()[kind]
    path = ".".join(names)
    type_ = prop.type.Item if issubclass(prop.type, list) else prop.type
    if path in left_out(kind):
        yield Leaf(root, kind, path, steps, LEFT_OUT, "")
        # A field may be carried out of a whole that is left out.
        if any(each.startswith(f"{path}.") for each in table.fields):
            for number, class_ in enumerate(_classes(type_)):
                for leaf in _object(class_, root, kind, steps, names, stack, number > 0):
                    if leaf.becomes == CARRIED:
                        yield leaf
        return
    target = field_of(table, path)
    becomes = NATIVE if target is None else CARRIED
    is_data = isinstance(type_, type) and issubclass(type_, VmomiSupport.DataObject)
    handed_over = target is not None and any(target == each.becomes for each in kinds().values())
    if is_data and handed_over and not issubclass(type_, stack):
        yield from _hand_over(type_, root, steps, (*stack, type_))
    elif not is_data or issubclass(type_, CUT):
        yield Leaf(root, kind, path, steps, becomes, target or "")
    elif issubclass(type_, stack):
        if target is not None:
            yield Leaf(root, kind, path, steps, becomes, target, presence=True)
    else:
        for number, class_ in enumerate(_classes(type_)):
            yield from _object(
                class_, root, kind, steps, names, (*stack, type_), own_only=number > 0
            )


def _hand_over(
    type_: Any, root: str, steps: tuple[Step, ...], stack: tuple[Any, ...]
) -> Iterator[Leaf]:
    """The classes of a list that has kinds of its own, each under the nearest of them."""
    for class_ in _classes(type_):
        kind = _nearest(class_)
        if kind is not None:
            own = class_ is not type_of(kind)
            yield from _object(class_, root, kind, steps, (), stack, own_only=own)


def _nearest(class_: Any) -> str | None:
    named = {type_of(kind): kind for kind in kinds()}
    return next((named[each] for each in class_.__mro__ if each in named), None)


@cache
def left_out(kind: str) -> frozenset[str]:
    return frozenset(path for each in kinds()[kind].left_out for path in each.paths)


def field_of(table: KindCompleteness, path: str) -> str | None:
    """The field that carries a path, or what is above it."""
    while path:
        if path in table.fields:
            return table.fields[path]
        path = path.rpartition(".")[0]
    return None


def counts() -> dict[str, Counter[str]]:
    """How many paths of each kind are carried, native and left out."""
    found = {kind: Counter[str]() for kind in kinds()}
    paths = dict[tuple[str, str], str]()
    for root in roots():
        for leaf in leaves(root):
            paths[leaf.kind, leaf.path] = leaf.becomes
    for (kind, _), becomes in paths.items():
        found[kind][becomes] += 1
    return found


def main() -> None:
    total = Counter[str]()
    print(f"{'kind':58} {CARRIED:>8} {NATIVE:>8} {LEFT_OUT:>8}")
    for kind, count in counts().items():
        print(f"{kind:58} {count[CARRIED]:8} {count[NATIVE]:8} {count[LEFT_OUT]:8}")
        total += count
    print(f"{'in all':58} {total[CARRIED]:8} {total[NATIVE]:8} {total[LEFT_OUT]:8}")


if __name__ == "__main__":
    main()
