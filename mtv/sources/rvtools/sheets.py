"""What the sheets of a workbook are: the data in ``mappings/rvtools``.

A migration engineer adds a column's name of another version there, without Python.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Literal

import msgspec

from mtv.errors import ConfigError
from mtv.mappings import data_directory, read_yaml


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of a sheet and what becomes of it."""

    names: tuple[str, ...]
    """Its names in all versions, without the unit."""
    field: str = ""
    """Field of what the sheet's rows become: ``guest.hostname``."""
    by: str = ""
    """Name under which code reads it."""
    shows: tuple[str, ...] = ()
    """Paths of the inventory that code makes of it: ``vms[].cluster``."""
    kind: Literal["text", "integer", "size", "flag", "moment", "list"] = "text"
    unit: str = "MiB"
    """Of a size whose header names none."""
    bytes_from: int | None = None
    """Numbers from here on are bytes, whatever the header says."""
    none: tuple[str | int, ...] = ()
    """Values that mean that nothing is set; ``-1`` is ``no limit``."""
    words: dict[str, str | bool] = {}
    """What the source's words are in the inventory; a word that is not in here stays."""
    pattern: str = ""
    """The part of a text that counts: the first group of a regular expression."""
    native: bool = False
    """It has no field: its cells go to ``native``."""
    repeats: bool = False
    """It says again what stands elsewhere, or follows from it; nothing is read."""
    optional: bool = False
    """Nobody is told that it is missing: not every version has it."""
    examples: tuple[str | int | float | bool, ...] = ()
    """Two cells that mean different things, where its kind does not tell how one looks."""


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sheet and its columns."""

    sheet: str
    becomes: str = ""
    """Path of the inventory that a row becomes, or adds to: ``vms[].disks[]``."""
    of_vm: bool = False
    """Its rows belong to VMs, and repeat what vInfo says of them."""
    without: str = ""
    """What is unknown when the sheet is missing; ``""`` where nobody misses it."""
    key: tuple[str, ...] = ()
    """A column that a header must have."""
    columns: tuple[Column, ...]


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for all sheets (``mappings/rvtools/words.yaml``)."""

    everywhere: tuple[Column, ...]
    """Columns that any sheet may have, by which rows find each other."""
    repeated: tuple[str, ...]
    """Columns that the sheets of VMs repeat from vInfo."""
    flags: dict[str, bool]
    left_out: dict[str, str]
    """Sheets that are not read, with the reason."""
    controllers: dict[str, str]
    """A regular expression -> the kind of controller it names; the first that matches."""
    uplinks: str
    """A regular expression for names of uplink port groups."""
    not_told: str
    """What RVTools does not export, as a sentence."""


@cache
def sheets() -> tuple[Sheet, ...]:
    """Every sheet that is read. Raises ConfigError when the data are wrong."""
    found = list[Sheet]()
    for path in sorted((data_directory("mappings") / "rvtools").glob("sheets-*.yaml")):
        try:
            found += msgspec.convert(read_yaml(f"rvtools/{path.name}"), list[Sheet])
        except msgspec.ValidationError as problem:
            raise ConfigError(f"mappings/rvtools/{path.name}: {problem}") from problem
    return tuple(found)


@cache
def words() -> Words:
    """What holds for all sheets. Raises ConfigError when the data are wrong."""
    try:
        return msgspec.convert(read_yaml("rvtools/words.yaml"), Words)
    except msgspec.ValidationError as problem:
        raise ConfigError(f"mappings/rvtools/words.yaml: {problem}") from problem


@cache
def guest_ids() -> Mapping[str, str]:
    """A guest system's full name in vSphere, normalised -> its guest id."""
    table = msgspec.convert(read_yaml("rvtools/guests.yaml"), dict[str, str])
    return {normal(name): guest_id for name, guest_id in table.items()}


def normal(text: str) -> str:
    """A name without case, blanks and punctuation: ``# CPU`` is ``numcpu``."""
    spelled = text.replace("#", "num").replace("%", "percent")
    folded = unicodedata.normalize("NFKD", spelled).casefold()
    return "".join(c for c in folded if c.isalnum())
