"""What became of every property of one object: ``mtv explain``."""

from collections.abc import Iterator
from typing import Any

import msgspec

from mtv.estate import Placed
from mtv.model.finding import Finding
from mtv.model.ledger import Outcome, Writes
from mtv.translate import Translation
from mtv.translate.ledger import rows_of, says_something, values_of
from mtv.translate.part import Manifest

NOTHING_SPECIAL = "It asks for nothing: it is what every object has."
"""Of a value that says nothing by itself: a False, a plain disk's kind."""


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the object, and what becomes of it."""

    path: str
    value: Any
    outcome: Outcome
    row: str
    says: str
    caveat: str
    writes: tuple[Writes, ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one object's way to the target."""

    ref: str
    kind: str
    name: str
    properties: tuple[Explained, ...]
    manifests: tuple[str, ...]
    """``Kind namespace/name`` of the objects that it becomes, or that name it as their source."""
    findings: tuple[Finding, ...]
    """About it, or holding it back."""
    obstacles: tuple[str, ...]
    """Of a VM: why it will not be live-migratable."""


def explain(placed: Placed, translation: Translation | None) -> Explanation:
    """Accounts for every property of an object, in the order of the inventory.

    Without a translation (no mapping yet, say) it knows the rows only.
    """
    about = translation and _Becoming(translation, placed.ref)
    return Explanation(
        ref=placed.ref,
        kind=placed.kind.singular,
        name=str(getattr(placed.thing, "name", "")),
        properties=tuple(_properties(placed)),
        manifests=about.manifests if about else (),
        findings=about.findings if about else (),
        obstacles=about.obstacles if about else (),
    )


def _properties(placed: Placed) -> Iterator[Explained]:
    product = placed.inventory.product
    rows = rows_of(product)
    for path, own, value in values_of(placed.kind.field, placed.thing, product):
        row = rows.row(path)
        tells = row.outcome is Outcome.IGNORED or says_something(row, value)
        yield Explained(
            path=own.partition("[].")[2],
            value=value,
            outcome=row.outcome,
            row=row.id,
            says=row.says.format(value=value) if tells else NOTHING_SPECIAL,
            caveat=row.caveat,
            writes=row.writes,
        )


class _Becoming:
    """What a translation makes of one object."""

    def __init__(self, translation: Translation, ref: str) -> None:
        vm = next((each for each in translation.vms if each.ref == ref), None)
        made = [*translation.manifests(vm)] if vm else []
        made += [each for each in translation.platform if _names(each, ref)]
        self.manifests = tuple(map(_title, made))
        self.obstacles = vm.obstacles if vm else ()
        self.findings = tuple(
            each
            for each in translation.findings
            if each.ref == ref or ref in each.vms or ref in each.holds_back
        )


def _names(manifest: Manifest, ref: str) -> bool:
    """True when one of its annotations names the object as its source."""
    said = manifest["metadata"].get("annotations", {}).items()
    return any(
        ref in text.replace(",", " ").split()
        for key, text in said
        if key.startswith("mtv.migration/source")
    )


def _title(manifest: Manifest) -> str:
    about = manifest["metadata"]
    return f"{manifest['kind']} {'/'.join(filter(None, (about.get('namespace'), about['name'])))}"
