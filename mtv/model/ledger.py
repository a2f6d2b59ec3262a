"""The account of what became of every property of the source."""

from enum import StrEnum

import msgspec

from mtv.model.finding import Finding


class Outcome(StrEnum):
    """What the translation does with a property."""

    CARRIED = "carried"
    """The value itself is in the target field."""
    ADAPTED = "adapted"
    """The target says the same in its own way."""
    REPORTED = "reported"
    """The target has no equivalent; the report says what to do instead."""
    IGNORED = "ignored"
    """It has no meaning on the target; the row says why."""


class Writes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of a target object."""

    kind: str
    field: str
    api: str = "v1"


class TermRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the terminology mapping (``mappings/terms/*.yaml``)."""

    id: str
    concept: str
    source: dict[str, str]
    """Product -> what it calls the concept: ``{vsphere: datastore, rhv: storage domain}``."""
    target: str
    """What OpenShift calls it; ``none`` where it has nothing of the kind."""
    reads: tuple[str, ...]
    """Inventory paths it accounts for: ``vms[].disks[].capacity_bytes``. Of the source's own
    properties, one with all below it: ``hosts[].native{hardware.biosInfo}``."""
    outcome: Outcome
    says: str
    """The rule, or the reason, in one sentence."""
    only: tuple[str, ...] = ()
    """Products whose values it answers for; empty: all."""
    plain: tuple[str, ...] = ()
    """Values that every object has, or that say nothing: they get no entry of their own."""
    writes: tuple[Writes, ...] = ()
    rule: str = ""
    """Function below ``mtv.translate`` that applies it; empty where nothing is written."""
    caveat: str = ""
    since: str = ""
    """First version of OpenShift that can do it; empty: all that mtv knows."""
    seen: str = ""
    """The API or document it was taken from."""

    def answers_for(self, product: str) -> bool:
        """True when it accounts for values of this product."""
        return not self.only or product in self.only


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A value that has no equivalent on the target, and the objects that have it."""

    row: str
    path: str
    says: str
    refs: tuple[str, ...]


class PathCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many values of a path one product's inventories have, and which row accounts for them."""

    path: str
    product: str
    row: str
    outcome: Outcome
    values: int


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The account of a whole estate.

    Facts of a path stand in it once, with counts; entries only for what is reported. What became
    of every single property of an object, ``mtv explain`` computes.
    """

    paths: tuple[PathCount, ...]
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()
