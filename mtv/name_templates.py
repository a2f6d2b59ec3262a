"""Templates of names in ``mapping.yaml``: ``{name}``, ``{vm}-{volume}``, ``{label:.15}``.

As with ``str.format``, but only fields of a closed list, each with at most a number of letters to
be kept: nothing that reaches into a value, and no other format.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from mtv.errors import ConfigError
from mtv.names import plain

_KEPT = re.compile(r"\.([1-9][0-9]?)", re.ASCII)


@dataclass(frozen=True)
class Template:
    """A template that has been read. Make it with ``parsed``."""

    text: str
    parts: tuple[tuple[str, str | None, int | None], ...]
    """Literal text, the field behind it, how many letters of its value are kept."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it names."""
        return tuple(field for _, field, _ in self.parts if field is not None)

    def filled(self, values: Mapping[str, str | None]) -> str:
        """The template with values in it, which may be any text, in the letters of a label."""
        found = list[str]()
        for literal, field, kept in self.parts:
            found.append(literal)
            if field is not None:
                found.append(plain(values[field] or "")[:kept])
        return plain("".join(found))


def parsed(key: str, text: str, fields: tuple[str, ...]) -> Template:
    """The template of a key of ``names``. Raises ConfigError, with the fields that there are."""
    return Template(text, tuple(_parts(key, text, fields)))


def _parts(
    key: str, text: str, fields: tuple[str, ...]
) -> list[tuple[str, str | None, int | None]]:
    found = list[tuple[str, str | None, int | None]]()
    try:
        pieces = list(Formatter().parse(text))
    except ValueError as problem:
        raise _refused(key, text, str(problem), fields) from None
    for literal, field, form, conversion in pieces:
        if field is None:
            found.append((literal, None, None))
            continue
        kept = _KEPT.fullmatch(form or "")
        if field not in fields:
            raise _refused(key, text, f"there is no field {field!r}", fields)
        if conversion or (form and kept is None):
            raise _refused(key, text, f"{{{field}}} takes nothing but a length", fields)
        found.append((literal, field, int(kept[1]) if kept else None))
    if not any(field for _, field, _ in found):
        raise _refused(key, text, "it names no field, so that all would have one name", fields)
    return found


def _refused(key: str, text: str, why: str, fields: tuple[str, ...]) -> ConfigError:
    known = ", ".join(f"{{{each}}}" for each in fields)
    return ConfigError(
        f"mapping.yaml: names: {key}: {text!r}: {why}",
        f"use {known}; {{{fields[0]}:.15}} keeps 15 letters; {{{{ is a brace",
    )
