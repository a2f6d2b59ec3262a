"""Loads the data in ``mappings/``: terminology rows, rules, guest systems.

The YAML files are the product's knowledge in a form that a migration engineer can edit; this
module finds them (in the source tree or inside the wheel), parses them and checks their shape.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import yaml

from mtv.errors import ConfigError
from mtv.model.concern import Category, Stage
from mtv.model.ledger import TermRow
from mtv.model.plan import BootCheck, Convert

T = TypeVar("T")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule of the assessment (``mappings/rules/*.yaml``).

    ``when`` and ``label`` are CEL over ``vm``, the VM as plain data. The two examples are merged
    into a plain VM and are the rule's test.
    """

    id: str
    category: Category
    when: str
    label: str
    assessment: str
    remedy: str
    sources: tuple[str, ...]
    example_hit: dict[str, Any]
    example_miss: dict[str, Any]
    keeps_from: Stage = Stage.TRANSLATION
    """What a blocker stands in the way of."""
    counterpart: tuple[str, ...] = ()
    """Names of the same check in other tools."""


class GuestSystem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of guests of one kind (``mappings/guest-os/*.yaml``)."""

    id: str
    name: str
    guest_ids: tuple[str, ...]
    """The source's ids of it; a trailing ``*`` stands for any rest."""
    convert: Convert
    why: str
    """Why it is converted, or why not."""
    check: BootCheck
    disk_bus: Literal["virtio", "sata"]
    nic_model: Literal["virtio", "e1000e"]


class Sign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text by which one knows why a program or a guest failed (``mappings/*-signs.yaml``)."""

    id: str
    match: str
    """A regular expression."""
    says: str
    remedy: str


@cache
def data_directory(name: str) -> Path:
    """The folder ``mappings`` or ``templates``: beside the package in the source tree, or in it."""
    package = Path(__file__).parent
    for candidate in (package / "data" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"mtv is installed without its folder {name}")


def read_yaml(name: str) -> Any:
    """The plain data of one file of ``mappings/``, named by its path in there."""
    with (data_directory("mappings") / name).open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


def _load(folder: str, kind: type[T]) -> tuple[T, ...]:
    """All entries of the lists in a folder's YAML files, checked against their type."""
    entries: list[T] = []
    for path in sorted((data_directory("mappings") / folder).glob("*.yaml")):
        try:
            entries += msgspec.convert(read_yaml(f"{folder}/{path.name}"), list[kind])  # type: ignore[valid-type]
        except (msgspec.ValidationError, yaml.YAMLError) as problem:
            raise ConfigError(f"mappings/{folder}/{path.name}: {problem}") from problem
    return tuple(entries)


@cache
def term_rows() -> tuple[TermRow, ...]:
    """Every row of the terminology mapping, in file order."""
    return _load("terms", TermRow)


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of the assessment."""
    return _load("rules", Rule)


@cache
def guest_systems() -> tuple[GuestSystem, ...]:
    """Every known guest system; the first that fits a guest id answers."""
    return _load("guest-os", GuestSystem)


@cache
def guest_system(guest_id: str) -> GuestSystem:
    """The row that answers for a source's guest id: the first that names it.

    Case does not count: ``debian12_64Guest``, ``debian_7`` and ``Debian_64`` are all Debian. Ids
    that no row names belong to the last row, ``unknown``, whose pattern is ``*``.
    """
    known_as = guest_id.lower()
    for system in guest_systems():
        for pattern in map(str.lower, system.guest_ids):
            if known_as == pattern:
                return system
            if pattern.endswith("*") and known_as.startswith(pattern[:-1]):
                return system
    raise LookupError(f"mappings/guest-os has no row for {guest_id!r}, not even '*'")


@cache
def boot_signs() -> tuple[Sign, ...]:
    """The lines that say that a boot has failed, in file order."""
    return _signs("boot-signs.yaml")


@cache
def convert_signs() -> tuple[Sign, ...]:
    """The known reasons why a conversion fails, in file order; the first that matches answers."""
    return _signs("convert-signs.yaml")


def _signs(name: str) -> tuple[Sign, ...]:
    return msgspec.convert(read_yaml(name), tuple[Sign, ...])


class LeftOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paths of a source's type that are not collected; a path covers everything below it."""

    paths: tuple[str, ...]
    why: str


class KindCompleteness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of the properties of one of a source's types.

    A path that is neither in ``fields`` nor left out is collected into ``native``.
    """

    becomes: str
    """The inventory's list: ``vms[]``."""
    fields: dict[str, str] = {}
    """The source's path -> path of the inventory that carries it."""
    left_out: tuple[LeftOut, ...] = ()


class Completeness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a source's types is collected (``mappings/completeness/<product>.yaml``)."""

    kinds: dict[str, KindCompleteness]
    """By the SDK's type: ``vim.VirtualMachine``, ``types.Vm``."""
    types_left_out: tuple[LeftOut, ...] = ()
    """Types of the SDK that do not describe an estate, or hold nothing of their own."""


@cache
def completeness(product: str) -> Completeness:
    """The table of one source's SDK types."""
    return msgspec.convert(read_yaml(f"completeness/{product}.yaml"), Completeness)
