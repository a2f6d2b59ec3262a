"""Suggestions as lines of ``mapping.yaml``: what the file lacks is added, nothing else changes."""

from collections.abc import Iterable
from pathlib import Path

from mtv.documents import Document, append, check_document, entry, parse_document
from mtv.model.target import SiteMapping
from mtv.translate.suggest.question import Suggestion

EMPTY = """\
# mapping.yaml: this site's choices. Suggested by mtv mapping suggest, then yours: edits and
# comments stay when it runs again. An empty value is an open question. docs/files.md describes
# every key; mtv mapping check finds what is missing, unused, ambiguous or unknown.

# Namespace of the imported VMs; lines under `namespaces:` send some of them elsewhere.
namespace: imported-vms
"""

TITLES = {
    "settings_from": "The cluster whose balancing and live migration the whole target takes over.",
    "namespaces": "VM, vApp, resource pool, folder, tag, cluster or data centre -> namespace.",
    "storage": "Datastore -> StorageClass of target.yaml.",
    "policies": "Storage policy -> StorageClass; it answers before the datastore.",
    "networks": "Port group -> pod, localnet, bridge, layer2, none, sriov:RESOURCE or\n"
    "# namespace/name of a network of target.yaml.",
    "node_groups": "Nodes that take the place of hosts whose networks are laid out alike.",
    "hosts": "Host -> the node that takes its place, for rules that name hosts.",
    "machines": "Host -> the node that its own machine has become: its fence agents switch it.",
    "cpu_models": "Cluster -> CPU model of its VMs.",
    "host_devices": "Device of a host that VMs have -> RESOURCE, RESOURCE=SELECTOR or none.",
    "instance_types": "VM, vApp, pool, folder, tag, cluster or data centre -> instance type.",
    "templates": "Template -> namespace of its DataSource and disks, or none.",
    "roles": "Role -> ClusterRole.",
    "principals": "User or group -> user:NAME or group:NAME of the cluster.",
}
"""Section -> the comment above it when it is new."""


def chosen(text: str, path: Path) -> SiteMapping:
    """The choices of a ``mapping.yaml``. A section whose lines were all taken out is empty.

    Raises ConfigError when the text is no mapping; ``path`` names the file in the error.
    """
    return _read(text, path)[1]


def _read(text: str, path: Path) -> tuple[Document, SiteMapping]:
    document = parse_document(text, path.name)
    for section, value in document.items():
        if value is None and section in TITLES and section != "settings_from":
            document[section] = {}
    return document, check_document(document, path, SiteMapping)


def add(
    text: str, suggestions: Iterable[Suggestion], path: Path
) -> tuple[str, tuple[Suggestion, ...]]:
    """The text of ``mapping.yaml`` with a line for each suggestion it has none for, and those.

    Raises ConfigError when the text is no mapping; ``path`` names the file in the error.
    """
    document, known = _read(text, path)
    added = list[Suggestion]()
    for section, title in TITLES.items():
        fresh = [s for s in suggestions if s.section == section and not _has(known, s, document)]
        if not fresh:
            continue
        if section not in document:
            text = f"{text.rstrip()}\n\n# {title}\n{section}:\n"
        text = _with(text, section, fresh)
        added += fresh
    return text, tuple(added)


def _with(text: str, section: str, fresh: list[Suggestion]) -> str:
    if section == "settings_from":
        (only,) = fresh
        line = entry({section: only.choice}, comments={section: f"{only.name}: {only.reason}"})
        return text.removesuffix(f"{section}:\n") + line
    return append(text, [section], "".join(map(_line, fresh)))


def _line(each: Suggestion) -> str:
    reason = f"{each.name}: {each.reason}" if each.name else each.reason
    if isinstance(each.choice, dict):
        comment = entry({"x": None}, comments={"x": reason}).partition("#")[2].strip()
        return f"# {comment}\n{entry({each.ref: each.choice})}"
    return entry({each.ref: each.choice}, comments={each.ref: reason})


def _has(known: SiteMapping, each: Suggestion, document: Iterable[str]) -> bool:
    """True when the file has an answer, or the question, already."""
    if each.section == "settings_from":
        return each.section in document
    if each.section == "node_groups":
        grouped = {host for group in known.node_groups.values() for host in group.hosts}
        return each.ref in known.node_groups or bool(grouped & set(each.choice["hosts"]))
    return each.ref in getattr(known, each.section)
