"""Secrets of guests and platforms, planted in both estates, show in nothing that mtv writes."""

import base64
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtv.documents import append, entry
from tests.conftest import TARGET
from tests.driver import Mtv
from tests.real.guests import GuestImages
from tests.real.parts import PartMissing, require
from tests.real.rhv import RhvEngine, start_engine
from tests.real.rich_rhv import CANARIES as RHV_CANARIES
from tests.real.vcenter import VCenter
from tests.real.wide_vsphere import CANARIES as VSPHERE_CANARIES
from tests.real.wide_vsphere import populate

SECRETS = {**VSPHERE_CANARIES, **{f"rhv {name}": word for name, word in RHV_CANARIES.items()}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RhvEngine]:
    """The stand-in engine with the rich estate."""
    try:
        with start_engine(tmp_path_factory.mktemp("engine")) as running:
            yield running
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


def forms(secret: str) -> list[bytes]:
    """A secret as it is, and as base64 shows it wherever it begins in a longer text."""
    plain = secret.encode()
    found = [plain]
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain)
        # The first and last letters also carry bits of the neighbours.
        found.append(coded[4 if shift else 0 : -4])
    return found


def shown_in(content: bytes) -> list[str]:
    return [name for name, word in SECRETS.items() if any(f in content for f in forms(word))]


def test_no_planted_secret_shows_anywhere(
    vcenter: VCenter, engine: RhvEngine, images: GuestImages, tmp_path: Path
) -> None:
    populate(vcenter, images)
    directory = tmp_path / "project"
    project = Mtv(directory, {"VC1_PASSWORD": vcenter.password, "RHV1_PASSWORD": engine.password})
    project.run(
        *("init", str(directory), "--vsphere", vcenter.url, "--username", vcenter.username),
        *("--password-env", "VC1_PASSWORD", "--fingerprint", vcenter.fingerprint),
    )
    second = {
        "kind": "rhv",
        "url": engine.url,
        "username": engine.username,
        "password": {"env": "RHV1_PASSWORD"},
        "tls": {"ca": str(engine.ca)},
    }
    settings = directory / "mtv.yaml"
    settings.write_text(append(settings.read_text(), ["sources"], entry({"rhv1": second})))
    shutil.copy(TARGET, directory / "target.yaml")
    said = [project.run("collect", expect=None)]
    vms = project.run("inventory", "list", "vms", "--output", "json").json
    assert len(vms) > 50
    kinds = ("vms", "templates", "hosts", "clusters", "datastores", "networks", "permissions")
    said += [project.run("inventory", "list", kind, "--output", "json") for kind in kinds]
    said += [project.run("inventory", "show", vm["ref"], "--output", "json") for vm in vms[::7]]
    for command in (
        *(["collect"], ["inventory", "diff"], ["assess"], ["mapping", "suggest"], ["translate"]),
        *(["plan"], ["status"], ["report"], ["doctor"]),
    ):
        said.append(project.run(*command, expect=None))
    for each in said:
        assert each.code in (0, 3, 4), each
        assert shown_in((each.stdout + each.stderr).encode()) == []
    private = directory / "private"
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert {"vc1.json", "rhv1.json", "ledger.json", "index.html"} <= {path.name for path in files}
    for path in files:
        if path.is_relative_to(private):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        else:
            assert shown_in(path.read_bytes()) == [], path
    kept = b"".join(path.read_bytes() for path in private.rglob("*.json"))
    assert set(shown_in(kept)) == {"rhv nvram", "rhv tpm"}
