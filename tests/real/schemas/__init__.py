"""The schemas of OpenShift with OpenShift Virtualization, as setup/schemas.sh has put them aside.

``reduce.py`` says what is in the file, ``own.yaml`` holds what it lacks, ``packages.txt`` where it
comes from. ``tests/validation`` makes the schemas of each version of the target from them.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.real.cache import cache_directory, digest_of_files
from tests.real.parts import PartMissing, require

_HERE = Path(__file__).parent


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of the target's API; ``api``: ``v1``, ``apps/v1``."""

    api: str
    kind: str
    namespaced: bool
    schema: dict[str, Any]


class Kubernetes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The kinds of one version of Kubernetes, and the definitions that they refer to by name."""

    kinds: tuple[Kind, ...]
    definitions: dict[str, dict[str, Any]]


class Schemas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that was put aside: kinds of a real cluster, and Kubernetes' by version (``1.31``)."""

    kinds: tuple[Kind, ...]
    kubernetes: dict[str, Kubernetes]


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``own.yaml``: kinds, and fragments by the name of the kind or definition they go into."""

    kinds: tuple[Kind, ...]
    additions: dict[str, dict[str, Any]]


def _sources() -> Iterator[Path]:
    """What the file of schemas follows from; setup/schemas.sh has the same list."""
    yield _HERE / "packages.txt"
    yield _HERE / "reduce.py"


def schemas_file() -> Path:
    """Return the file of schemas; raise PartMissing when setup/schemas.sh has not made it."""
    file = cache_directory() / f"schemas-{digest_of_files(_sources())}" / "schemas.json"
    if not file.is_file():
        raise PartMissing("the file of OpenShift's schemas", "run setup/schemas.sh")
    return file


@cache
def schemas() -> Schemas:
    """Read the schemas. Raises PartMissing."""
    return msgspec.json.decode(schemas_file().read_bytes(), type=Schemas)


@cache
def own() -> Own:
    """Read our own schemas."""
    text = (_HERE / "own.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.load(text, Loader=yaml.CSafeLoader), Own)


def require_schemas() -> None:
    """Skip the running test or module when the schemas are not here, and fail it in CI."""
    try:
        schemas_file()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
