"""Every column that mappings/rvtools names is proven by value: another cell, another inventory."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtv.model.collection import CollectOptions
from mtv.model.estate import Inventory
from mtv.model.plain import leaves, plain
from mtv.sources import open_source
from mtv.sources.rvtools.sheets import Column, Sheet, guest_ids, sheets, words
from mtv.tasks import Connection
from tests.real.rvtools import VCENTER, Table, common, write_estate

MIB = 1024 * 1024
SAMPLES: dict[str, tuple[Any, Any]] = {
    "text": ("first", "second"),
    "integer": (3, 5),
    "size": (1024, 2048),
    "flag": (True, False),
    "moment": ("2026-01-02 03:04:05", "2026-02-28 03:04:05"),
    "list": ("one, two", "one, three"),
}
SEEN_ELSEWHERE = {"VI SDK Server", "SRM Placeholder"}
"""Columns that show with several vCenters, or by their VM's absence (test_rvtools.py)."""


def collect(path: Path) -> Inventory:
    source = open_source(Connection(name="rv", kind="rvtools", path=str(path)))
    try:
        return source.collect(lambda _: None, CollectOptions())
    finally:
        source.close()


def cells(column: Column) -> tuple[Any, Any]:
    """Two cells of a column that mean different things."""
    if column.examples:
        return column.examples[0], column.examples[1]
    if column.words:
        first, second, *_ = column.words
        return first, second
    return SAMPLES[column.kind]


def header(column: Column) -> str:
    return f"{column.names[0]} MiB" if column.kind == "size" else column.names[0]


def workbook(sheet: Sheet, record: Table) -> dict[str, list[Table]]:
    """A workbook with vInfo and one row of a sheet."""
    if sheet.sheet == "vInfo":
        return {"vInfo": [{**common("web01", 21), **record}]}
    context = common("web01", 21)
    own = {name for column in sheet.columns for name in column.names}
    if not sheet.of_vm:
        context = {each: context[each] for each in ("Host", "Cluster", "Datacenter")}
    context = {name: cell for name, cell in context.items() if name not in own}
    return {"vInfo": [common("web01", 21)], sheet.sheet: [{**context, **record}]}


def values(whole: Any, path: str) -> Iterator[Any]:
    """All values at a path of plain data: ``vms[].disks[].key``, ``vms[].native{}``."""
    name, _, rest = path.partition(".")
    bare = name.removesuffix("[]").removesuffix("{}")
    inner = (whole or {}).get(bare)
    for each in (inner or []) if name.endswith("[]") else [inner]:
        if rest:
            yield from values(each, rest)
        else:
            yield each


def paths(sheet: Sheet, column: Column) -> list[str]:
    """Where a column shows."""
    own = f"{sheet.becomes}.{column.field}" if column.field else ""
    return [each for each in (own, *column.shows) if each]


MAPPED = [
    pytest.param(sheet, column, path, id=f"{sheet.sheet}-{column.names[0]}-{path}")
    for sheet in sheets()
    for column in sheet.columns
    for path in paths(sheet, column)
]


@pytest.mark.parametrize(("sheet", "column", "path"), MAPPED)
def test_another_cell_is_another_inventory(
    sheet: Sheet, column: Column, path: str, tmp_path: Path
) -> None:
    first, second = cells(column)
    full: Table = {header(each): cells(each)[0] for each in sheet.columns if each.field or each.by}
    key = {header(each): cells(each)[0] for each in sheet.columns if {*each.names} & {*sheet.key}}
    changed = False
    # Some columns only show in company, others only alone: SMBIOS UUID goes before VM UUID.
    for number, record in enumerate((full, key)):
        found = []
        for cell in (first, second):
            book = workbook(sheet, {**record, header(column): cell})
            whole = plain(collect(write_estate(tmp_path / f"{number}.xlsx", book)))
            found.append(list(values(whole, path)))
        changed = changed or found[0] != found[1]
        if column.field and path.endswith(f".{column.field}") and not column.pattern:
            assert expected(column, second) in found[1]
        if changed:
            break
    assert changed, f"{path} is {found[0]} for {first!r} and for {second!r}"


def expected(column: Column, cell: Any) -> Any:
    match column.kind:
        case "size":
            return cell * MIB
        case "list":
            return [part.strip() for part in cell.split(",")]
        case "moment":
            return cell.replace(" ", "T") + "+00:00"
        case "text":
            return column.words.get(str(cell).casefold(), str(cell))
        case _:
            return cell


NATIVE = [
    pytest.param(sheet, column, name, id=f"{sheet.sheet}-{name}")
    for sheet in sheets()
    for column in sheet.columns
    if column.native
    for name in column.names
]


@pytest.mark.parametrize(("sheet", "column", "name"), NATIVE)
def test_a_column_without_a_field_is_native(
    sheet: Sheet, column: Column, name: str, tmp_path: Path
) -> None:
    cell = cells(column)[1]
    key = {header(each): cells(each)[0] for each in sheet.columns if {*each.names} & {*sheet.key}}
    record = {**key, name: cell}
    whole = plain(collect(write_estate(tmp_path / "a.xlsx", workbook(sheet, record))))
    (native,) = values(whole, f"{sheet.becomes}.native{{}}")
    assert native[f"{sheet.sheet}.{name}"] == cell
    custom = whole["vms"][0]["custom_attributes"]
    assert name not in custom


@pytest.mark.parametrize(
    ("sheet", "column"),
    [
        pytest.param(sheet, column, id=f"{sheet.sheet}-{column.names[0]}")
        for sheet in sheets()
        for column in sheet.columns
        if column.repeats
    ],
)
def test_a_column_that_repeats_another_changes_nothing(
    sheet: Sheet, column: Column, tmp_path: Path
) -> None:
    key = {header(each): cells(each)[0] for each in sheet.columns if {*each.names} & {*sheet.key}}
    found = []
    for cell in cells(column):
        record = {**key, header(column): cell}
        book = write_estate(tmp_path / f"{cell}.xlsx", workbook(sheet, record))
        found.append({**plain(collect(book)), "collected_at": ""})
    assert found[0] == found[1]


def test_a_workbook_with_every_sheet_and_column_leaves_nothing_open(tmp_path: Path) -> None:
    whole = dict[str, list[Table]]()
    for sheet in sheets():
        record = {header(each): cells(each)[0] for each in sheet.columns if not each.repeats}
        whole |= {name: rows for name, rows in workbook(sheet, record).items() if name != "vInfo"}
        if sheet.sheet == "vInfo":
            whole["vInfo"] = [{**record, "NICs": 1, "Disks": 1}]
    for name in whole:
        if {*whole[name][0]} & {"VM", "VM ID"}:
            whole[name][0] |= {"VM": "first", "VM ID": "vm-21", "VI SDK UUID": VCENTER}
    inventory = collect(write_estate(tmp_path / "a.xlsx", whole))
    assert inventory.unreadable == ()
    assert len(inventory.vms) == len(inventory.vms[0].disks) == len(inventory.vms[0].nics) == 1
    assert inventory.left_out == (words().not_told,)


def test_every_column_has_one_fate_and_every_path_is_of_the_model() -> None:
    known = {re.sub(r"\{\}$", "", leaf.path) for leaf in leaves(Inventory)}
    for sheet in sheets():
        for column in sheet.columns:
            where = f"{sheet.sheet}: {column.names[0]}"
            fates = [bool(paths(sheet, column)), column.native, column.repeats]
            assert sum(fates) == 1 or column.names[0] in SEEN_ELSEWHERE, where
            for path in paths(sheet, column):
                assert path.removesuffix("{}").removesuffix("[]") in {
                    each.removesuffix("[]") for each in known
                }, f"{where}: {path} is no path of the inventory"


def test_no_two_sheets_have_one_name_and_no_two_columns_of_a_sheet() -> None:
    assert len({sheet.sheet for sheet in sheets()}) == len(sheets())
    for sheet in sheets():
        fields = [column.field for column in sheet.columns if column.field]
        assert len(set(fields)) == len(fields), sheet.sheet


def test_the_names_of_guest_systems_lead_to_guest_ids() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", each) for each in guest_ids().values())
    assert guest_ids()["microsoftwindowsserver201964bit"] == "windows2019srv_64Guest"
    assert words().flags["wahr"] is True
