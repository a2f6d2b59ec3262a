"""Images and the volumes of the manifest that they are, whatever mapping.yaml calls these."""

from pathlib import Path

import pytest

from mtv.config import load_settings
from mtv.cutover.moves.move import Move
from mtv.cutover.moves.wave import Sources, Workshop
from mtv.errors import ProjectError
from mtv.estate import Estate
from mtv.journal import Journal
from mtv.launch.domain import domain_xml
from mtv.model.plan import BootCheck, Convert, PlannedVm, Wave
from mtv.model.target import NameTemplates
from mtv.naming import Naming
from mtv.project import Project
from mtv.tasks import OnProgress
from mtv.translate.tree import files
from tests.estates import inventory, plain_disk, plain_vm, translated

SETTINGS = """\
sources:
  vc1:
    kind: vsphere
    url: https://vc.example.com/sdk
    username: mtv
    password: {env: VC1_PASSWORD}
target: {local: {directory: vms}}
"""

VM = plain_vm(disks=(plain_disk(), plain_disk(key="2001", unit=1, active=False)))
BY_LABEL = NameTemplates(volume="{label}-{index}")


class Silent:
    """Progress that nobody looks at."""

    def of(self, label: str) -> OnProgress:
        del label
        return lambda _: None


def move(directory: Path, translated_by: NameTemplates, moved_by: NameTemplates) -> Move:
    """The move of a VM that was translated by some templates, by the same or others."""
    (directory / "mtv.yaml").write_text(SETTINGS, encoding="utf-8")
    project = Project(directory)
    for path, text in files(translated(VM, names=translated_by)):
        file = project.manifests / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    estate = Estate([inventory(VM)])
    planned = PlannedVm(
        ref="vc1/vm-1", name="web01", convert=Convert.NONE, check=BootCheck(runs_seconds=1)
    )
    with Sources() as sources, Journal(directory / "journal.db", command="sync pilot") as journal:
        naming = Naming(estate, moved_by)
        workshop = Workshop(project, load_settings(project), estate, naming, sources)
        wave = Wave(name="pilot", vms=(planned,))
        (found,) = workshop.moves(wave, journal, Silent(), frozenset())
    return found


@pytest.mark.parametrize(
    ("templates", "volume"), [(NameTemplates(), "disk-2000"), (BY_LABEL, "hard-disk-1-0")]
)
def test_the_guest_has_the_volumes_of_its_manifest(
    tmp_path: Path, templates: NameTemplates, volume: str
) -> None:
    """The other disk is not plugged in: it is copied, and the guest does not get it."""
    found = move(tmp_path, templates, templates)
    named = [each["name"] for each in found.manifest["spec"]["template"]["spec"]["volumes"]]
    assert [each.volume for each in found.images()] == named == [volume]
    assert len(found.bases()) == 2
    domain = domain_xml(found.manifest, found.images(), accel="tcg", console=tmp_path / "console")
    assert "disk-2000.raw" in domain.xml
    assert "disk-2001" not in domain.xml


def test_files_of_bases_do_not_follow_the_templates(tmp_path: Path) -> None:
    """Templates may change in the middle of a cutover, when a base is the guest's own already."""
    found = move(tmp_path, BY_LABEL, BY_LABEL)
    assert [Path(each.path).name for each in found.bases()] == ["disk-2000.raw", "disk-2001.raw"]
    assert [Path(each.path).name for each in found.images()] == ["disk-2000.raw"]
    assert [each.volume for each in found.bases()] == ["disk-2000", "disk-2001"]


def test_manifests_with_other_names_stop_it_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="has no volume hard-disk-1-0") as stopped:
        move(tmp_path, NameTemplates(), BY_LABEL)
    assert "mtv translate" in str(stopped.value.hint)
