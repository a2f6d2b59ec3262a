"""The mapping tells the truth: every value is changed once, and what its row promises happens.

- carried, adapted: fields that the row names change, and no other
- reported: an entry or finding of the row changes, and no manifest does
- ignored: no byte of the manifests changes, and no finding
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import msgspec
import pytest

from mtv.mappings import term_rows
from mtv.model.estate import Inventory
from mtv.model.ledger import Outcome, TermRow
from mtv.model.plain import plain
from mtv.model.target import SiteMapping
from mtv.translate import Translation
from mtv.translate.tree import files
from tests.translate.whole import PRODUCTS, changes, whole
from tests.translate.whole.example import Change, Example

OWN = re.compile(r"(.*\.native)\{(.+)\}\Z")
"""A path of the source's own properties: where the dictionary is, and the key in it."""

Case = tuple[str, str]
"""Product and path."""


def row_of(product: str, path: str) -> TermRow:
    (row,) = (row for row in term_rows() if path in row.reads and row.answers_for(product))
    return row


def rows(*outcomes: Outcome) -> list[TermRow]:
    return [row for row in term_rows() if row.outcome in outcomes]


def own_words(product: str, row: TermRow) -> list[str]:
    """Paths of a row that are the source's own properties and have a value."""
    own = filter(OWN.match, row.reads if row.answers_for(product) else ())
    return [path for path in own if has_value(product, path)]


def cases(*outcomes: Outcome) -> list[Case]:
    """Every path of these outcomes, with each product in whose example it has a value."""
    return [
        (product, path)
        for row in rows(*outcomes)
        for path in row.reads
        for product in PRODUCTS
        if row.answers_for(product) and has_value(product, path)
    ]


@cache
def has_value(product: str, path: str) -> bool:
    """Whether a value of the product's example can be changed; asked for before any test runs."""
    return changed_data(product, path) is not None


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    assert isinstance(value, str)
    return f"{value}x"


@cache
def as_data(product: str) -> bytes:
    """The example's inventory with every field that it could have, as JSON."""
    return msgspec.json.encode(plain(whole(product).inventory))


def changed_data(product: str, path: str) -> dict[str, Any] | None:
    """The inventory with another value at one place of a path; None where no place has a value."""
    data: dict[str, Any] = msgspec.json.decode(as_data(product))
    if is_an_id(path):
        return data if data[path.partition("[")[0]] else None
    return data if change_one(data, path) else None


def change_one(data: dict[str, Any], path: str) -> bool:
    """Changes the value at one place of a path; True when there was one."""
    own = OWN.match(path)
    steps = re.findall(r"[^.\[\]{}]+|\[\]|\{\}", own[1] if own else path)
    return put(data, steps, Change({own[2]: "some value"}) if own else changes().get(path))


def is_an_id(path: str) -> bool:
    """Of an object that others name; unless the example says how to change it."""
    return bool(re.fullmatch(r"\w+\[\]\.id", path)) and path not in changes()


def changed(product: str, path: str) -> Example:
    """The example with another value at one place of a path that has one."""
    example = whole(product)
    data = changed_data(product, path)
    assert data is not None
    if is_an_id(path):
        return called_otherwise(example, data[path.partition("[")[0]][0]["id"])
    return with_inventory(example, data)


def with_inventory(example: Example, data: dict[str, Any]) -> Example:
    inventory = msgspec.convert(data, Inventory)
    return example.replace(inventory=inventory, mapping=renamed(example, inventory.source))


def called_otherwise(example: Example, id_: str) -> Example:
    """The example with another id of an object, wherever it is named."""

    def rename(text: bytes) -> bytes:
        for old in (f'"{id_}"', f'/{id_}"', f"/{id_}/"):
            text = text.replace(old.encode(), old.replace(id_, f"{id_}9").encode())
        return text

    whole_ = msgspec.json.encode(example.inventory), msgspec.json.encode(example.mapping)
    inventory, mapping = map(rename, whole_)
    return example.replace(
        inventory=msgspec.json.decode(inventory, type=Inventory),
        mapping=msgspec.json.decode(mapping, type=SiteMapping),
    )


def put(holder: Any, steps: list[str], change: Change | None, first: bool = True) -> bool:
    """Changes the first value that fits; True when there was one."""
    step, *more = steps
    if step in ("[]", "{}"):
        keys: Iterator[Any] = iter(range(len(holder)) if step == "[]" else list(holder))
    else:
        keys = iter([step])
    for key in keys:
        inner = holder[key]
        if inner is None or (inner in ([], {}) and key != "native"):
            continue
        at = change.at if change is not None and first and step == "[]" else None
        if at is not None and identity(inner) != at:
            continue
        if not more:
            if change is not None and change.where is not None and not change.where(holder):
                continue
            holder[key] = change.to if change is not None else other(inner)
            return True
        if put(inner, more, change, first and step != "[]"):
            return True
    return False


def identity(thing: dict[str, Any]) -> str:
    return str(thing.get("id") or thing.get("key") or thing["name"])


def renamed(example: Example, source: str) -> SiteMapping:
    """The mapping, with refs of a source that is called otherwise."""
    text = msgspec.json.encode(example.mapping).decode()
    text = text.replace(f'"{example.inventory.source}/', f'"{source}/')
    return msgspec.json.decode(text, type=SiteMapping)


def fields(translation: Translation) -> dict[str, list[str]]:
    """``Kind field`` -> its values, of every leaf of every manifest."""
    found = dict[str, list[str]]()

    def walk(kind: str, path: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                # A label's or annotation's key has dots of its own.
                named = key.rpartition("/")[2] if "." in key else key
                walk(kind, f"{path}.{named}" if path else named, inner)
        elif isinstance(value, list):
            for inner in value:
                walk(kind, f"{path}[]", inner)
        else:
            found.setdefault(f"{kind} {path}", []).append(repr(value))

    for manifest in translation.every_manifest():
        walk(manifest["kind"], "", manifest)
    return found


@cache
def before(product: str) -> Translation:
    return whole(product).translate()


@lru_cache(maxsize=1)
def after(product: str, path: str) -> Translation:
    return changed(product, path).translate()


@cache
def fields_before(product: str) -> dict[str, list[str]]:
    return fields(before(product))


@cache
def files_before(product: str) -> dict[str, str]:
    return dict(files(before(product)))


@cache
def changed_fields(product: str, path: str) -> set[str]:
    one, two = fields_before(product), fields(after(product, path))
    return {each for each in {*one, *two} if one.get(each) != two.get(each)}


def may_write(row: TermRow, field: str) -> bool:
    """True when the row says that it writes this field, or something that the field is part of."""
    return any(
        re.match(rf"{re.escape(f'{each.kind} {each.field}')}(\[\])?(\.|\Z)", field)
        for each in row.writes
    )


def told(translation: Translation, row: TermRow) -> set[str]:
    """All that the ledger says because of a row."""
    ledger = translation.ledger
    return {
        *(f"{each.path} {each.says} {each.refs}" for each in ledger.entries if each.row == row.id),
        *(f"{each.ref} {each.says}" for each in ledger.findings if each.row == row.id),
    }


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_example_is_translated(product: str) -> None:
    source = whole(product).inventory.source
    assert f"{source}/vm-1" in [vm.ref for vm in before(product).vms]
    assert f"{source}/vm-2" in before(product).blocked


@pytest.mark.parametrize("row", term_rows(), ids=lambda row: row.id)
def test_every_path_of_a_row_has_a_value_that_is_changed(row: TermRow) -> None:
    if not any(map(row.answers_for, PRODUCTS)):
        return
    for path in row.reads:
        assert [p for p in PRODUCTS if row.answers_for(p) and has_value(p, path)], path


@pytest.mark.parametrize(("product", "path"), cases(Outcome.CARRIED, Outcome.ADAPTED))
def test_a_value_changes_its_fields_and_no_other(product: str, path: str) -> None:
    differing = changed_fields(product, path)
    assert differing, "nothing changed"
    row = row_of(product, path)
    assert {field for field in differing if not may_write(row, field)} == set()


@pytest.mark.parametrize(
    ("product", "path"),
    [(product, path) for product, path in cases(Outcome.IGNORED) if not OWN.match(path)],
)
def test_an_ignored_value_changes_no_byte(product: str, path: str) -> None:
    changes_no_byte(product, after(product, path), [path])


@pytest.mark.parametrize(
    ("product", "row"),
    [
        pytest.param(product, row, id=f"{product}-{row.id}")
        for product in PRODUCTS
        for row in rows(Outcome.IGNORED)
        if own_words(product, row)
    ],
)
def test_ignored_words_of_the_source_change_no_byte(product: str, row: TermRow) -> None:
    """All of a row at once: what one of them changed, no other one would change back."""
    paths = own_words(product, row)
    data: dict[str, Any] = msgspec.json.decode(as_data(product))
    for path in paths:
        assert change_one(data, path), path
    changes_no_byte(product, with_inventory(whole(product), data).translate(), paths)


def changes_no_byte(product: str, two: Translation, paths: list[str]) -> None:
    one = before(product)
    assert dict(files(two)) == files_before(product)
    assert (two.findings, two.blocked) == (one.findings, one.blocked)
    assert [each for each in two.ledger.entries if each.path in paths] == []


@pytest.mark.parametrize(("product", "path"), cases(Outcome.REPORTED))
def test_a_reported_value_is_told_and_changes_no_manifest(product: str, path: str) -> None:
    one, two = before(product), after(product, path)
    row = row_of(product, path)
    assert told(one, row) != told(two, row)
    if [vm.ref for vm in two.vms] == [vm.ref for vm in one.vms]:
        assert changed_fields(product, path) == set()


@pytest.mark.parametrize("row", [row for row in term_rows() if row.writes], ids=lambda row: row.id)
def test_a_field_that_a_row_writes_is_one_that_changes(row: TermRow) -> None:
    written = {
        field
        for product in PRODUCTS
        if row.answers_for(product)
        for path in row.reads
        if has_value(product, path)
        for field in changed_fields(product, path)
    }
    for each in row.writes:
        name = re.escape(f"{each.kind} {each.field}")
        assert any(re.match(rf"{name}(\[\])?(\.|\Z)", field) for field in written), each.field
