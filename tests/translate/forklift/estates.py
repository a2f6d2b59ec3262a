"""Exports of the tests' estates, and imports of them."""

from pathlib import Path
from typing import Any

from mtv.config import SourceSettings
from mtv.model.plan import BootCheck, Convert, Plan, PlannedVm, Wave
from mtv.translate import Translation
from mtv.translate.forklift.answers import Answers
from mtv.translate.forklift.documents import KubernetesObject, read_objects
from mtv.translate.forklift.export import Export, Options
from mtv.translate.forklift.tree import files

SOURCES = {
    "vc1": SourceSettings(kind="vsphere", url="https://vcenter.example.com/sdk"),
    "rhv1": SourceSettings(kind="rhv", url="https://engine.example.com"),
}


def exported(translation: Translation, plan: Plan | None = None, **options: Any) -> Export:
    """The export of a translation whose sources are ``SOURCES``."""
    return Export(translation, SOURCES, plan, Options(**options))


def waves(**refs: tuple[str, ...]) -> Plan:
    """A plan of waves; VMs are called by the end of their ref."""
    return Plan(
        waves=tuple(
            Wave(
                name=name,
                vms=tuple(
                    PlannedVm(
                        ref=ref,
                        name=ref.rpartition("/")[2],
                        convert=Convert.NONE,
                        check=BootCheck(runs_seconds=60),
                    )
                    for ref in vms
                ),
            )
            for name, vms in refs.items()
        )
    )


def of_kind(export: Export, kind: str) -> list[dict[str, Any]]:
    """The specs of all resources of a kind."""
    return [each["spec"] for each in export.manifests if each["kind"] == kind]


def said(things: Export | Answers) -> str:
    """Every note in one text."""
    return "\n".join(each.sentence for each in things.notes)


def read_back(export: Export, directory: Path) -> list[KubernetesObject]:
    """What an import reads of the files of an export."""
    found = list[KubernetesObject]()
    for name, text in files(export):
        (directory / name).write_text(text, encoding="utf-8")
        if name.endswith(".yaml") and name != "kustomization.yaml":
            found += read_objects(directory / name)
    return found
