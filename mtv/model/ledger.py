"""The account of what became of every property of the source."""

from enum import StrEnum

import msgspec


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
    PENDING = "pending"
    """It is in the inventory, and mtv has no rule for it yet."""


class Word(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one product calls a concept."""

    product: str
    word: str


class Writes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of a target object."""

    kind: str
    field: str
    api: str = "v1"


class TermRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the terminology mapping (``mappings/terms/*.yaml``)."""

    id: str
    concept: str
    source: Word
    target: Word
    reads: tuple[str, ...]
    """Inventory paths it accounts for: ``vms[].disks[].capacity_bytes``."""
    outcome: Outcome
    says: str
    """The rule, or the reason, in one sentence."""
    plain: tuple[str, ...] = ()
    """Values that every object has, or that say nothing: they get no entry of their own."""
    writes: tuple[Writes, ...] = ()
    rule: str = ""
    """Function in ``mtv/translate`` that applies it; empty where a value is carried as it is."""
    caveat: str = ""
    since: dict[str, str] = {}
    seen: str = ""
    """The API or document it was taken from."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one property of one object (kept for adapted and reported ones)."""

    row: str
    ref: str
    path: str
    outcome: Outcome
    says: str


class PathCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many values of a path the estate has, and which row accounts for them."""

    path: str
    row: str
    outcome: Outcome
    values: int


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Per-path facts once, with counts; per-object entries only where something changed."""

    paths: tuple[PathCount, ...]
    entries: tuple[Entry, ...]
