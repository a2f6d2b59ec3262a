"""The export as files, ready for ``oc apply -k``: the same bytes for the same project.

forklift/
  README.md          secrets to make, the order, what is lost
  kustomization.yaml
  provider-<name>.yaml  storagemap-<name>.yaml  networkmap-<name>.yaml  plan-<name>.yaml
"""

import re
from collections.abc import Iterator

from mtv.model.concern import Category
from mtv.translate.forklift.export import Export
from mtv.translate.forklift.notes import Note
from mtv.translate.tree import text

OURS = re.compile(r"(?:provider|storagemap|networkmap|plan)-[a-z0-9-]+\.yaml")
"""Names of files that an export writes beside README.md and kustomization.yaml."""

MARK = "Written by `mtv export forklift`; do not edit."
"""In the README of every directory that an export may write to again."""


def files(export: Export) -> Iterator[tuple[str, str]]:
    """Name and content of every file."""
    names = list[str]()
    for manifest in export.manifests:
        names.append(f"{manifest['kind'].lower()}-{manifest['metadata']['name']}.yaml")
        yield names[-1], text([manifest])
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(names),
    }
    yield "kustomization.yaml", text([kustomization])
    yield "README.md", "\n".join(_readme(export)) + "\n"


INTRODUCTION = f"""\
# Resources for Forklift (MTV)

{MARK} Nothing moves until you make a Migration of a Plan. They were not tried against an operator:
look at the conditions of each.

1. Run `mtv translate` and apply `manifests/platform` in the order of its README, without the folder
   `storage`: Forklift makes no networks, and refuses a Plan whose networks are not there. Do not
   apply `manifests/vms`: Forklift makes these VMs and claims itself.
2. Make the Secret of each Provider, see below. `ca.crt` is the certificate authority that signed
   the server's certificate; older releases read it as `cacert`.
3. Run `oc apply -k` on this directory, and wait until all of them are Ready.
4. Make a Migration for one Plan after the other.
"""

THUMBPRINT = """
The thumbprint is the SHA-1 fingerprint of the server's certificate. mtv.yaml pins SHA-256, from
which it does not follow: ask the server, and compare before you trust it.

    openssl s_client -connect HOST:443 </dev/null | openssl x509 -noout -fingerprint -sha1
"""

VOLUMES = """
Volumes of VMs of RHV are made as the StorageProfile says, whatever volumeMode and accessMode of the
StorageMap are.
"""


def _readme(export: Export) -> Iterator[str]:
    yield INTRODUCTION
    for inventory in export.inventories:
        yield f"## Secret of {inventory.source}\n"
        yield from (f"    {line}" for line in export.secret(inventory))
        yield THUMBPRINT if inventory.product == "vsphere" else VOLUMES
    yield "## Plans\n"
    yield "| Plan | wave | source | namespace | VMs |\n|---|---|---|---|---|"
    for group, refs in export.selection.groups.items():
        about = f"{_cell(group.wave)} | {group.source} | {group.namespace} | {len(refs)}"
        yield f"| `{export.plans[group]}` | {about} |"
    yield ""
    yield from _notes("Left out", Category.BLOCKER, export.notes)
    yield from _notes("Not as mtv would do it", Category.WARNING, export.notes)
    yield from _notes("To know", Category.INFORMATION, export.notes)


def _notes(title: str, category: Category, notes: tuple[Note, ...]) -> Iterator[str]:
    found = [each for each in notes if each.category is category]
    if found:
        yield f"## {title}\n"
        yield "| VMs | what | what to do |\n|---|---|---|"
        for each in found:
            yield f"| {len(each.vms) or ''} | {_cell(each.says)} | {_cell(each.remedy)} |"
        yield ""


def _cell(words: str) -> str:
    """A text in a table, without anything that would end the cell or steer a terminal."""
    plain = "".join(c if c.isprintable() else " " for c in words)
    return plain.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
