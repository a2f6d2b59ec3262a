"""Rows of values in the formats that people, spreadsheets and scripts read.

Everything in them came from a source: what would steer a terminal, become a formula in a
spreadsheet or markup in a page is made harmless.
"""

import csv
import json
import re
from collections.abc import Sequence
from io import StringIO
from typing import Any

from mtv.cli.app import printable
from mtv.quantities import size
from mtv.spreadsheets import inert

Row = dict[str, Any]
"""Column -> plain value."""


def cell(value: Any, *, is_bytes: bool = False) -> str:
    """A value as a person reads it, in one line; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(each, is_bytes=is_bytes) for each in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if is_bytes and isinstance(value, int | float):
        return size(int(value))
    return str(value)


def title(column: str) -> str:
    """The heading of a column in a table: ``memory_bytes`` is ``MEMORY``, shown as GiB."""
    return column.removesuffix("_bytes").replace("_", " ").upper()


def csv_text(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """For a spreadsheet: numbers as they are, no text that it takes for a formula."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([inert(column) for column in columns])
    for row in rows:
        values = (row[column] for column in columns)
        writer.writerow(
            [
                value
                if isinstance(value, int | float) and not isinstance(value, bool)
                else inert(cell(value))
                for value in values
            ]
        )
    return out.getvalue()


def markdown_text(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A table for an issue or a page."""
    lines = [_markdown_line(title(column) for column in columns)]
    lines.append("|" + "---|" * len(columns))
    for row in rows:
        lines.append(
            _markdown_line(cell(row[each], is_bytes=each.endswith("_bytes")) for each in columns)
        )
    return "\n".join(lines) + "\n"


def _markdown_line(cells: Any) -> str:
    escaped = (re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", printable(text)) for text in cells)
    return f"| {' | '.join(escaped)} |"


def yaml_text(value: Any) -> str:
    """Plain data as YAML."""
    import yaml

    return yaml.dump(
        value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=1000
    )
