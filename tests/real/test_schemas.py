"""The schemas that were put aside are whole, and setting them up again does nothing."""

import subprocess
from pathlib import Path

from tests.real.schemas import require_schemas, schemas
from tests.real.schemas.reduce import KINDS, KUBERNETES, plain

require_schemas()

ROOT = Path(__file__).parents[2]


def test_schemas_again() -> None:
    done = subprocess.run(
        ["setup/schemas.sh"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "schemas: nothing to do\n"), done.stderr


def test_all_kinds_are_there() -> None:
    assert tuple((each.api, each.kind) for each in schemas().kinds) == KINDS
    assert tuple(schemas().kubernetes) == KUBERNETES
    for kubernetes in schemas().kubernetes.values():
        assert len(kubernetes.kinds) >= 9


def test_a_property_called_description_is_no_description() -> None:
    said = {"description": "what it is", "properties": {"description": {"type": "string"}}}
    assert plain(said) == {"properties": {"description": {"type": "string"}}}
