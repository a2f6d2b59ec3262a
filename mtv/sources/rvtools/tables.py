"""Sheets as rows of named values, by the data in ``mappings/rvtools``.

Columns are found by their names: case, blanks and punctuation do not matter, and the unit that a
header names is the unit of its cells. Which field of the inventory a column fills stands in the
data; what code has to look at itself has a name there (``by``).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from mtv.errors import SourceError
from mtv.model.quantity import Native, Scalar
from mtv.sources.rvtools import cells
from mtv.sources.rvtools.cells import Dialect, UnreadableCell
from mtv.sources.rvtools.remarks import Remarks, clean, shown
from mtv.sources.rvtools.sheets import Column, Sheet, normal, words
from mtv.sources.rvtools.workbook import Cell

T = TypeVar("T")

HEADER_WITHIN = 20
"""A header may have this many rows of a person's own above it."""

_UNIT = re.compile(r"(?<![a-z0-9])(bytes|[kmgt]i?b)(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """A row with its values; empty cells are left out."""

    sheet: str
    number: int
    fields: dict[str, Any] = field(default_factory=dict)
    by: dict[str, Any] = field(default_factory=dict)
    native: Native = field(default_factory=dict)
    unknown: Native = field(default_factory=dict)
    """Columns that nobody knows, by their headers."""

    def text(self, name: str) -> str:
        """A text that code reads; ``""`` where there is none."""
        return str(self.by.get(name, ""))


def noun(kind: type[T], *sources: Mapping[str, Any]) -> T:
    """A struct of the model from values by path; earlier sources go before later ones."""
    whole: dict[str, Any] = {}
    for source in reversed(sources):
        for path, value in source.items():
            *above, last = path.split(".")
            place = whole
            for part in above:
                place = place.setdefault(part, {})
            place[last] = value
    return msgspec.convert(whole, kind)


@dataclass
class _Reader:
    """A known column at its place in the sheet."""

    column: Column
    header: str
    unit: int
    remarks: Remarks
    sheet: str
    dialect: Dialect = field(default_factory=Dialect)
    seen: dict[Any, Any] = field(default_factory=dict)
    """Cells that were read already: most columns have few different ones."""

    def read(self, cell: Cell) -> Any:
        """The value of a cell; None where it means nothing. Raises UnreadableCell."""
        key = cell if isinstance(cell, str) else (type(cell), cell)
        if key not in self.seen:
            self.seen[key] = self._read(cell)
        return self.seen[key]

    def _read(self, cell: Cell) -> Any:
        column = self.column
        if column.none and (cell in column.none or normal(str(cell)) in column.none):
            return None
        match column.kind:
            case "integer":
                value = cells.integer(cell, self.dialect)
                return None if value in column.none else value
            case "size":
                return self._size(cell)
            case "flag":
                return cells.flag(cell, words().flags)
            case "moment":
                return cells.moment(cell, self.dialect)
            case "list":
                return tuple(filter(None, map(clean, re.split(r"[,;\n]", str(plain_cell(cell))))))
            case _:
                return self._text(str(plain_cell(cell)))

    def _size(self, cell: Cell) -> int | None:
        value = cells.size(cell, self.dialect, self.unit)
        above = self.column.bytes_from
        if above is not None and value >= above * self.unit:
            return value // self.unit
        if value >= 0:
            return value
        if -1 in self.column.none:
            return None
        raise UnreadableCell("are no sizes")

    def _text(self, text: str) -> str | bool | None:
        column = self.column
        if column.pattern:
            match = re.search(column.pattern, text)
            if match is None:
                return None
            text = match[1]
        return column.words.get(text.casefold(), text) if text else None


def read_table(
    rows: Iterable[Sequence[Cell]],
    sheet: Sheet,
    remarks: Remarks,
    known_elsewhere: frozenset[str] = frozenset(),
) -> list[Row]:
    """The rows of a sheet.

    ``known_elsewhere``: normalised headers that repeat another sheet's. Raises SourceError when
    there is no header with the sheet's key.
    """
    numbered = [(i, row) for i, row in enumerate(rows, 1) if any(cell != "" for cell in row)]
    at = _header_row(numbered, sheet)
    if at is None:
        if numbered:
            raise SourceError(
                f"the sheet {sheet.sheet} has no column {sheet.key[0]}",
                "RVTools writes its columns' names in English into the first row",
            )
        return []
    headers = [clean(str(cell)) for cell in numbered[at][1]]
    readers, unknown = _columns(headers, sheet, remarks, known_elsewhere)
    body = list(_distinct(numbered[at + 1 :], sheet, remarks))
    dialect = _dialect(readers, body)
    for _, reader in readers:
        reader.dialect = dialect
    return [_row(sheet.sheet, number, row, readers, unknown) for number, row in body]


def _header_row(rows: Sequence[tuple[int, Sequence[Cell]]], sheet: Sheet) -> int | None:
    wanted = {normal(name) for name in sheet.key}
    for i, (_, row) in enumerate(rows[:HEADER_WITHIN]):
        if not wanted or wanted & {normal(str(cell)) for cell in row}:
            return i
    return None


def _columns(
    headers: Sequence[str], sheet: Sheet, remarks: Remarks, known_elsewhere: frozenset[str]
) -> tuple[list[tuple[int, _Reader]], dict[int, str]]:
    """Places and readers of known columns; place -> header, for unknown ones."""
    named = dict[str, list[tuple[int, Column]]]()
    own = {normal(name) for column in sheet.columns for name in column.names}
    everywhere = (c for c in words().everywhere if not own & {normal(n) for n in c.names})
    for column in (*sheet.columns, *everywhere):
        for rank, name in enumerate(column.names):
            named.setdefault(normal(name), []).append((rank, column))
    passed = known_elsewhere | ({normal(n) for n in words().repeated} if sheet.of_vm else set())
    found = list[tuple[int, int, _Reader]]()
    unknown = dict[int, str]()
    for place, header in enumerate(headers):
        bare, unit = _without_unit(header)
        columns = named.get(normal(header)) or named.get(normal(bare))
        if columns is not None:
            for rank, column in columns:
                scale = cells.UNITS[(unit or column.unit).casefold()]
                reader = _Reader(column, header, scale, remarks, sheet.sheet)
                found.append((rank, place, reader))
        elif header and normal(header) not in passed:
            again = headers[:place].count(header)
            unknown[place] = f"{header} ({again + 1})" if again else header
    _say_missing(sheet, [reader.column for _, _, reader in found], remarks)
    # Where two headers fill one field, the name that stands first in the data goes before.
    found.sort(key=lambda each: each[:2])
    return [(i, reader) for _, i, reader in found if not reader.column.repeats], unknown


def _without_unit(header: str) -> tuple[str, str | None]:
    match = _UNIT.search(header)
    if match is None:
        return header, None
    return header[: match.start()] + header[match.end() :], match[1]


def _say_missing(sheet: Sheet, found: Sequence[Column], remarks: Remarks) -> None:
    there = {(column.field, column.by) for column in found}
    missing = [
        column.names[0]
        for column in sheet.columns
        if (column.field or column.by)
        and not column.optional
        and (column.field, column.by) not in there
    ]
    if missing:
        remarks.say(
            f"{sheet.sheet} has no column {', '.join(dict.fromkeys(missing))}: "
            "what it tells is unknown"
        )


def _distinct(
    rows: Iterable[tuple[int, Sequence[Cell]]], sheet: Sheet, remarks: Remarks
) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows without those that are there twice."""
    seen = set[tuple[Cell, ...]]()
    for number, row in rows:
        whole = tuple(row)
        if whole in seen:
            remarks.count(
                f"{sheet.sheet}: # rows stand there twice and are read once",
                f"row {number}",
                on_purpose=True,
            )
            continue
        seen.add(whole)
        yield number, row


def _dialect(
    readers: Sequence[tuple[int, _Reader]], rows: Sequence[tuple[int, Sequence[Cell]]]
) -> Dialect:
    """How the sheet writes numbers and dates, by all texts in such columns."""

    def texts(*kinds: str) -> set[str]:
        places = {place for place, reader in readers if reader.column.kind in kinds}
        return {cell for _, row in rows for i in places if isinstance(cell := row[i], str)}

    return cells.dialect_of(texts("integer", "size"), texts("moment"))


def _row(
    sheet: str,
    number: int,
    row: Sequence[Cell],
    readers: Sequence[tuple[int, _Reader]],
    unknown: Mapping[int, str],
) -> Row:
    result = Row(sheet, number)
    for place, reader in readers:
        if row[place] != "":
            _take(reader, row[place], result)
    for place, header in unknown.items():
        value = plain_cell(row[place])
        if value != "":
            result.unknown[header] = value
    return result


def _take(reader: _Reader, cell: Cell, row: Row) -> None:
    """Reads a cell into its row. What cannot be read stays as it is, in ``native``."""
    column = reader.column
    value = None
    if column.field or column.by:
        try:
            value = reader.read(cell)
        except UnreadableCell as problem:
            reader.remarks.count(
                f"{reader.sheet}: # cells of {shown(reader.header)!r} {problem}",
                f"{shown(str(plain_cell(cell)))!r} in row {row.number}",
            )
    if value is not None:
        if column.field:
            row.fields.setdefault(column.field, value)
        if column.by:
            row.by.setdefault(column.by, value)
    if column.native or (value is None and cell not in column.none):
        kept = plain_cell(cell)
        if kept != "":
            row.native.setdefault(f"{reader.sheet}.{reader.header}", kept)


def plain_cell(cell: Cell) -> Scalar:
    """A cell as ``native`` keeps it."""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) <= cells.LARGEST:
            return int(cell)
        return cell if abs(cell) <= cells.LARGEST else str(cell)
    if isinstance(cell, bool | int):
        return cell
    return cell.isoformat() if isinstance(cell, datetime | date) else str(cell)
