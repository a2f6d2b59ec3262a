"""A VM of RHV with a direct LUN goes over and back by the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mtv.model.attachment import Attachment
from mtv.sources import HasLuns
from tests.cutover.crashes import KILLED, last_states
from tests.cutover.test_rhv_passes import base, not_waited_for, project, small_engine, source
from tests.real.rhv import RhvEngine
from tests.real.small_rhv import disk_id, small_estate, vm_id

LUN_BYTES = 64 << 20


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RhvEngine]:
    with small_engine(tmp_path / "rhv") as started:
        yield started


def seen_here(directory: Path, unit: str) -> Path:
    """A folder like /dev/disk/by-id, in which a file stands for the LUN."""
    file, folder = directory / "lun.img", directory / "by-id"
    with file.open("wb") as out:
        out.truncate(LUN_BYTES)
    folder.mkdir()
    (folder / f"scsi-{unit}").symlink_to(file)
    return folder


def unit() -> str:
    """The LUN's name at the source."""
    (lun,) = [
        each for each in small_estate().collections["disks"] if each.id == disk_id("vault_lun")
    ]
    return str(lun.lun_storage.logical_units[0].id)


def attachments(engine: RhvEngine, directory: Path) -> list[Attachment]:
    with source(engine, directory) as opened:
        assert isinstance(opened, HasLuns)
        return list(opened.attachments(vm_id("vault")))


def test_it_goes_over_and_back(engine: RhvEngine, tmp_path: Path) -> None:
    made = project(engine, tmp_path / "project", "vault")
    settings = yaml.safe_load((made.directory / "mtv.yaml").read_text())
    settings["sources"]["rhv1"]["may"].append("disks")
    settings["target"]["local"]["luns"] = str(seen_here(tmp_path, unit()))
    (made.directory / "mtv.yaml").write_text(yaml.safe_dump(settings))

    not_waited_for(made)
    before = attachments(engine, tmp_path)
    assert [each.key for each in before] == [disk_id("vault_lun")]
    made.run("sync")
    assert base(made, "vault_disk").exists()
    assert attachments(engine, tmp_path) == before
    made.run("cutover", env={"MTV_KILL_AT": "detach:detached"}, expect=KILLED)
    assert attachments(engine, tmp_path) == []
    made.run("cutover")
    assert last_states(made)["boot"] == "done"
    assert attachments(engine, tmp_path) == []
    made.run("rollback")
    assert attachments(engine, tmp_path) == before
    assert "went back to the source" in made.run("cutover", expect=1).stdout
