"""The file: what is in it is checked before the parser sees it.

A workbook comes by mail from somebody. So only the parts that are needed are taken out of the
archive, each within limits, and only the checked ones are put into the archive that calamine
reads: what was checked is what is read, and macros, links and pictures never get that far.
"""

import contextlib
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import IO
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from mtv.errors import SourceError
from mtv.sources.rvtools.remarks import shown

Cell = str | int | float | bool | datetime | date | time | timedelta

MIB = 1024 * 1024
FILE_BYTES = 1024 * MIB
PART_BYTES = 512 * MIB
ALL_BYTES = 2048 * MIB
ENTRIES = 10_000
RATIO = 250
"""A part may be this many times as large as it is in the archive. Exports stay below 50."""
COLUMNS = 16_384
"""As in Excel."""
CELLS = 32_000_000
"""Of the rectangle around all cells of a sheet: calamine keeps that in memory, 32 bytes a cell."""
TEXT_BYTES = 1024 * MIB
"""Of all cells of a sheet: one long text may be the text of a million cells."""

_NEEDED = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|xl/(_rels/)?[^/]+\.(xml|rels)|xl/worksheets/[^/]+\.xml",
    re.IGNORECASE,
)
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_EXPORT = "export it again from RVTools (File, Export all to Excel), and give the .xlsx"
_SHARED = "xl/sharedstrings.xml"
_LETTERS = re.compile(rb"\sr\s*=\s*[\"']\$?([A-Za-z]{1,20})")
_ROW_NUMBER = re.compile(rb"\sr\s*=\s*[\"'][A-Za-z$]{0,20}(\d{1,20})")
_PREFIXED = re.compile(rb":(?:c|row)[\s/>]")
_CELL = re.compile(rb"<(?:[^\s<>/]*:)?c[\s/>]")
_ROW = re.compile(rb"<(?:[^\s<>/]*:)?row[\s/>]")


class Workbook:
    """Sheets by name, each read when it is asked for."""

    def __init__(self, path: Path, parts: IO[bytes], book: CalamineWorkbook) -> None:
        self.name = path.name
        self.modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        self.sheets = tuple(book.sheet_names)
        self._parts = parts
        self._book = book

    def rows(self, sheet: str) -> Iterator[list[Cell]]:
        """The rows of a sheet, with a cell for every column; an empty cell is ``""``."""
        with _calamine_says(self.name):
            read = self._book.get_sheet_by_name(sheet)
        yield from read.iter_rows()

    def close(self) -> None:
        """Closes it; its copy is deleted by that. May be called again."""
        if self._parts.closed:
            return
        self._book.close()
        self._parts.close()


def open_workbook(path: Path) -> Workbook:
    """The workbook at a path. Raises SourceError, with what it is instead, when it is none."""
    try:
        with path.open("rb") as file:
            _check_is_archive(file, path.name)
            parts = _checked_parts(file, path.name)
    except OSError as problem:
        raise SourceError(
            f"{path}: {problem.strerror or problem}", "check the path in mtv.yaml"
        ) from problem
    try:
        with _calamine_says(path.name):
            return Workbook(path, parts, CalamineWorkbook.from_filelike(parts))
    except SourceError:
        parts.close()
        raise


def _check_is_archive(file: IO[bytes], name: str) -> None:
    """Raises SourceError for what people give instead of an .xlsx file."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(8)
    if size > FILE_BYTES:
        raise SourceError(f"{name} is larger than {FILE_BYTES // MIB} MiB", _EXPORT)
    if start.startswith(_OLE):
        file.seek(0)
        if _ENCRYPTED in file.read(64 * MIB):
            raise SourceError(
                f"{name} is encrypted", "open it in Excel and save a copy without a password"
            )
        raise SourceError(
            f"{name} is a workbook of the old .xls kind",
            "open it in Excel and save it as .xlsx, or export it again from RVTools",
        )
    if not start.startswith(b"PK"):
        raise SourceError(f"{name} is no .xlsx workbook", _EXPORT)


def _checked_parts(file: IO[bytes], name: str) -> IO[bytes]:
    """A copy of the archive with the parts that are needed. Raises SourceError."""
    copy = tempfile.TemporaryFile(prefix="mtv-rvtools-")  # noqa: SIM115  closed by Workbook
    try:
        with zipfile.ZipFile(file) as archive, zipfile.ZipFile(copy, "w") as checked:
            texts, longest = b"", 0
            for entry in _needed(archive, name):
                part = entry.filename.replace("\\", "/")
                content = archive.read(entry)
                _check_markup(content, f"{name}: {shown(part)}")
                if part.lower() == _SHARED:
                    texts, longest = content, max(map(len, content.split(b"<si")))
                elif part.lower().startswith("xl/worksheets/"):
                    _check_sheet(content, texts, longest, f"{name}: {shown(part)}")
                checked.writestr(part, content)
        copy.seek(0)
        return copy
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as problem:
        copy.close()
        raise SourceError(
            f"{name} is damaged or cut off: {shown(str(problem))}", "copy it again"
        ) from problem
    except (NotImplementedError, RuntimeError) as problem:
        copy.close()
        raise SourceError(f"{name} is packed in a way that mtv does not read", _EXPORT) from problem
    except BaseException:
        copy.close()
        raise


def _needed(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The entries that make up the sheets, within limits; the shared texts come first."""
    listed = archive.infolist()
    entries = [each for each in listed if _NEEDED.fullmatch(each.filename.replace("\\", "/"))]
    if len(listed) > ENTRIES or len({each.filename.lower() for each in entries}) < len(entries):
        raise SourceError(f"{name}: its archive is no workbook's", _EXPORT)
    if not any(each.filename.lower().endswith("workbook.xml") for each in entries):
        raise SourceError(f"{name} is no .xlsx workbook", _EXPORT)
    for each in entries:
        packed = max(each.compress_size, 4096)  # small parts may well be small
        if each.file_size > PART_BYTES or each.file_size > RATIO * packed:
            raise SourceError(
                f"{name}: {shown(each.filename)} unpacks to {each.file_size // MIB} MiB",
                "no honest workbook is packed like that; look into where it comes from",
            )
    if sum(each.file_size for each in entries) > ALL_BYTES:
        raise SourceError(f"{name} unpacks to more than {ALL_BYTES // MIB} MiB", _EXPORT)
    return sorted(entries, key=lambda each: each.filename.replace("\\", "/").lower() != _SHARED)


def _check_markup(content: bytes, what: str) -> None:
    """Raises SourceError for markup that no workbook has: entities, and other encodings."""
    if b"\0" in content[:4096]:
        raise SourceError(f"{what} is not UTF-8", _EXPORT)
    if b"<!" in content and re.search(rb"<!(DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise SourceError(
            f"{what} has a document type declaration, which no workbook needs",
            "look into where the file comes from",
        )


def _check_sheet(content: bytes, texts: bytes, longest: int, what: str) -> None:
    """Raises SourceError for a sheet that would take too much memory."""
    rows, columns, cells = _extent(content)
    if columns > COLUMNS or rows * columns > CELLS:
        raise SourceError(
            f"{what} has cells as far away as row {rows}, column {columns}",
            "delete what stands far below and beside the table, or export it again",
        )
    if cells * longest > TEXT_BYTES and _text_bytes(content, texts, what) > TEXT_BYTES:
        raise SourceError(
            f"{what} has texts of more than {TEXT_BYTES // MIB} MiB",
            "no honest workbook repeats long texts like that; look into where it comes from",
        )


def _extent(sheet: bytes) -> tuple[int, int, int]:
    """The most rows and columns that a sheet can have, and its number of cells.

    Cells may say where they are, or follow the one before.
    """
    row = max(map(int, set(_ROW_NUMBER.findall(sheet))), default=0)
    column = max(map(_column_number, set(_LETTERS.findall(sheet))), default=0)
    if _PREFIXED.search(sheet):
        per_row = [len(_CELL.findall(piece)) for piece in _ROW.split(sheet)]
    else:
        per_row = [piece.count(b"<c") for piece in sheet.split(b"<row")]
    return max(row, len(per_row) - 1), max(column, *per_row), sum(per_row)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _text_bytes(sheet: bytes, texts: bytes, what: str) -> int:
    """How long the shared texts of all cells of a sheet are together."""
    lengths = list[int]()
    cell, index, total = "", "", 0

    def count(tag: str, _: dict[str, str]) -> None:
        if _local(tag) == "si":
            lengths.append(0)

    def add(piece: str) -> None:
        if lengths:
            lengths[-1] += len(piece.encode())

    def enter(tag: str, attributes: dict[str, str]) -> None:
        nonlocal cell, index
        cell = attributes.get("t", "") if _local(tag) == "c" else cell
        index = ""

    def collect(piece: str) -> None:
        nonlocal index
        index = (index + piece)[:20]

    def leave(tag: str) -> None:
        nonlocal total
        if _local(tag) == "v" and cell == "s" and index.strip().isdecimal():
            total += lengths[int(index)] if int(index) < len(lengths) else 0

    _parse(texts, what, count, add, lambda _: None)
    _parse(sheet, what, enter, collect, leave)
    return total


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _parse(
    content: bytes,
    what: str,
    start: Callable[[str, dict[str, str]], None],
    data: Callable[[str], None],
    end: Callable[[str], None],
) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler = start, data
    parser.EndElementHandler = end
    try:
        parser.Parse(content, True)
    except expat.ExpatError as problem:
        raise SourceError(f"{what} is damaged: {problem}", "copy it again") from problem


@contextlib.contextmanager
def _calamine_says(name: str) -> Iterator[None]:
    """Turns calamine's exceptions into ours. Its panics are no Exception."""
    try:
        yield
    except (CalamineError, ValueError, OSError) as problem:
        raise SourceError(
            f"{name} cannot be read as a workbook: {shown(str(problem))}", _EXPORT
        ) from problem
    except BaseException as problem:
        if type(problem).__name__ != "PanicException":
            raise
        raise SourceError(f"{name} cannot be read as a workbook", _EXPORT) from problem
