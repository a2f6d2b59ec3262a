"""What counters of the source are on OpenShift (``mappings/counters.yaml``), as PromQL."""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Literal

import msgspec

from mtv.knowledge.versions import versions
from mtv.mappings import read_yaml

Fidelity = Literal["good", "partial", "different", "none"]
"""How well it says the same: so, about so, in another meaning, not at all."""

Counted = Literal["vm", "disk", "nic", "host", "cluster", "datastore"]
"""What a counter is of. Disks and NICs are a VM's."""

ROLLUPS = frozenset({"average", "maximum", "minimum", "summation", "latest", "none"})
"""Last word of vCenter's names: how samples become one."""

WITHIN = {"vm": ("vm", "disk", "nic")}
"""Objects of vCenter -> what counters of theirs are of."""

NEAR = 5
"""How many similar names are suggested."""


class Promql(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An expression for some versions of OpenShift, with placeholders for matchers."""

    expr: str
    since: str = ""
    until: str = ""

    def is_for(self, openshift: str) -> bool:
        """True for a version, ``4.20``, that it is for."""
        order = [each.openshift for each in versions().releases]
        at = order.index(openshift)
        return (not self.since or order.index(self.since) <= at) and (
            not self.until or at <= order.index(self.until)
        )


class Counter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A counter of vCenter, or a column of RHV's data warehouse, and what it is on OpenShift."""

    id: str
    of: Counted
    measures: str
    gives: str
    """What the expression's number is: ``bytes``."""
    fidelity: Fidelity
    row: int | None = None
    names: tuple[str, ...] = ()
    """vCenter's names of it, without the roll-up: ``cpu.ready``."""
    unit: str = ""
    """vCenter's: ``1/100 %``."""
    factor: str | None = None
    """What one of ``unit`` is in units of ``gives``, a decimal number; None: no number says it."""
    dwh: dict[str, str | None] = {}
    """Column of the data warehouse -> the same factor for it."""
    vrops: dict[str, str | None] = {}
    """Key of vROps -> the same factor for it."""
    promql: tuple[Promql, ...] = ()
    caveat: str = ""
    instead: str = ""
    """What to look at where there is no expression."""

    def expr(self, openshift: str) -> str | None:
        """The expression for a version, with its placeholders; None where it has none."""
        return next((each.expr for each in self.promql if each.is_for(openshift)), None)

    def measure_of(self, word: str) -> tuple[str, str | None]:
        """The unit of a name of it, and what one of that unit is in units of ``gives``."""
        name = plain_name(word)
        for column, factor in (*self.dwh.items(), *self.vrops.items()):
            if column.lower() == name:
                return f"that of {column}", factor
        return self.unit, self.factor

    @property
    def words(self) -> tuple[str, ...]:
        """All that it is called."""
        return (self.id, *self.names, *self.dwh, *self.vrops)


class Counters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mappings/counters.yaml``."""

    window: str
    """Over which rates are taken: ``5m``."""
    counters: tuple[Counter, ...]


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The objects that an expression is asked of; empty: all."""

    namespace: str = ""
    names: tuple[str, ...] = ()
    """Of VirtualMachines: RFC 1123 labels."""
    nodes: tuple[str, ...] = ()


class CounterMeaning(msgspec.Struct, frozen=True, kw_only=True):
    """A counter as ``mtv explain --metric`` shows it."""

    id: str
    of: Counted
    measures: str
    names: tuple[str, ...]
    dwh: tuple[str, ...]
    unit: str
    """The source's."""
    factor: str | None
    """What one of ``unit`` is in units of ``gives``."""
    gives: str
    fidelity: Fidelity
    promql: str | None
    """None: this version has no such metric."""
    caveat: str
    instead: str


@cache
def counters() -> Counters:
    """The whole table."""
    return msgspec.convert(read_yaml("counters.yaml"), Counters)


def find(word: str, of: str | None = None) -> tuple[Counter, ...]:
    """The counters that a word stands for, whatever its case.

    The word is an id of ours, a name of vCenter with or without its roll-up, a column of the data
    warehouse or a key of vROps. ``of``: only counters of this object (``vm`` has those of its disks
    and NICs too).
    """
    kinds = None if of is None else WITHIN.get(of, (of,))
    return tuple(
        counter
        for counter in _by_word().get(plain_name(word), ())
        if kinds is None or counter.of in kinds
    )


def near(word: str) -> tuple[str, ...]:
    """Names that look like a word, the most similar first."""
    known = {each.lower(): each for counter in counters().counters for each in counter.words}
    wanted = plain_name(word)
    inside = [name for name in sorted(known) if wanted and wanted in name]
    similar = [*get_close_matches(wanted, list(known), NEAR), *inside]
    return tuple(known[name] for name in dict.fromkeys(similar))[:NEAR]


def plain_name(word: str) -> str:
    """A counter's name in small letters and without its roll-up: ``cpu.ready``.

    A key of vROps is made like one of vCenter: ``cpu|ready_summation``.
    """
    name = word.strip().lower()
    if name in _by_word():
        return name
    name = name.replace("|", ".")
    head, mark, last = name.rpartition("_" if "_" in name else ".")
    return head if mark and last in ROLLUPS else name


def selected(expr: str, scope: Scope) -> str:
    """An expression with its placeholders filled in."""
    names, nodes = "|".join(scope.names), "|".join(map(_quoted, scope.nodes))
    where = f'namespace="{scope.namespace}"' if scope.namespace else ""
    matchers = {
        "$vmi": (where, f'vmi=~"{names}"' if names else ""),
        "$vm": (where, f'name=~"{names}"' if names else ""),
        "$pods": (where, f'pod=~"virt-launcher-({names or ".+"})-.+"'),
        "$node": (f'instance=~"{nodes}"' if nodes else "",),
    }
    for placeholder, parts in matchers.items():
        said = ",".join(filter(None, parts))
        for before, after in (
            (f"{{{placeholder}}}", f"{{{said}}}" if said else ""),
            (f",{placeholder}}}", f",{said}}}" if said else "}"),
        ):
            expr = expr.replace(before, after)
    return expr.replace("$window", counters().window)


def meanings(word: str, openshift: str) -> tuple[CounterMeaning, ...]:
    """What a word stands for on a version, ``4.20``; empty for one that nothing is called."""
    return tuple(_meanings(word, openshift))


def _meanings(word: str, openshift: str) -> Iterator[CounterMeaning]:
    for counter in find(word):
        expr = counter.expr(openshift)
        unit, factor = counter.measure_of(word)
        yield CounterMeaning(
            id=counter.id,
            of=counter.of,
            measures=counter.measures,
            names=(*counter.names, *counter.vrops),
            dwh=tuple(counter.dwh),
            unit=unit,
            factor=factor,
            gives=counter.gives,
            fidelity=counter.fidelity,
            promql=None if expr is None else selected(expr, Scope()),
            caveat=counter.caveat,
            instead=counter.instead,
        )


@cache
def _by_word() -> dict[str, tuple[Counter, ...]]:
    found = dict[str, tuple[Counter, ...]]()
    for counter in counters().counters:
        for word in dict.fromkeys(each.lower() for each in counter.words):
            found[word] = (*found.get(word, ()), counter)
    return found


def _quoted(text: str) -> str:
    """A name of a node as part of a regular expression in a string of PromQL."""
    return text.replace(".", "\\\\.")
