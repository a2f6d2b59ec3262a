"""``mapping.yaml`` against the estate and the target: missing, open, unused, ambiguous, unknown."""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from mtv.estate import Estate, PlacedVm, ref
from mtv.model.target import SiteMapping, Target
from mtv.translate import Translation
from mtv.translate.networks.attachments import unknown
from mtv.translate.organisation.namespaces import Namespaces
from mtv.translate.suggest import suggest


class MappingFault(StrEnum):
    """What may be wrong with a line."""

    MISSING = "missing"
    """VMs need it and there is no line."""
    OPEN = "open"
    """There is a line without an answer."""
    UNKNOWN = "unknown"
    """Its key is not in the estate, or its value not on the target."""
    AMBIGUOUS = "ambiguous"
    """Two lines answer the same question differently."""
    REFUSED = "refused"
    """It is there, and cannot be translated as it is."""
    UNUSED = "unused"
    """Nothing that is migrated needs it."""
    LEFT_OPEN = "left open"
    """There is a line without an answer, and nothing waits for one."""


HARMLESS = (MappingFault.UNUSED, MappingFault.LEFT_OPEN)


class CheckedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``mapping.yaml`` and what is wrong with it."""

    kind: MappingFault
    section: str
    ref: str
    says: str
    remedy: str


SECTIONS = (
    *("storage", "policies", "networks", "hosts", "cpu_models", "roles", "probes"),
    *("templates", "instance_types"),
)
"""Sections with a line for each object of the estate."""


def refused(translation: Translation, checked: Iterable[CheckedLine]) -> Iterator[CheckedLine]:
    """What the translation refuses of the mapping, beyond what its lines show by themselves."""
    said = {each.ref for each in checked if each.kind not in HARMLESS}
    for each in translation.blockers:
        if each.says.startswith("mapping.yaml") and (not each.ref or each.ref not in said):
            yield CheckedLine(
                kind=MappingFault.REFUSED,
                section="",
                ref=each.ref,
                says=each.says,
                remedy=each.remedy,
            )


ALWAYS_ASKED = ("storage", "policies", "networks", "hosts")
"""Sections whose lines are asked for whenever they are needed: one that is not asked is unused."""


OPTIONAL = {
    "namespaces": "its VMs go where another line sends them, or to the default namespace",
    "roles": "the role is translated by its privileges",
    "principals": "nobody gets the rights that it has at the source",
    "templates": "the template is left out",
}
"""Sections that no VM waits for -> what becomes of a line without an answer."""


BY_TRANSLATION = ("host_devices",)
"""Sections whose open questions the translation refuses, which knows of all devices."""


def check(estate: Estate, target: Target, mapping: SiteMapping) -> tuple[CheckedLine, ...]:
    """Everything that is wrong with the mapping, by kind; empty when nothing is."""
    found = [
        *_missing(estate, target, mapping),
        *_unknown_keys(estate, mapping),
        *_unknown_values(target, mapping),
        *_ambiguous(estate, mapping),
    ]
    return tuple(sorted(found, key=lambda each: list(MappingFault).index(each.kind)))


def _missing(estate: Estate, target: Target, mapping: SiteMapping) -> Iterator[CheckedLine]:
    """Questions without a line or an answer, and lines that answer no question."""
    asked = {(each.section, each.ref): each for each in suggest(estate, target, mapping)}
    for (section, key), each in asked.items():
        lines = getattr(mapping, section)
        if section == "node_groups":
            grouped = {host for group in lines.values() for host in group.hosts}
            if key not in lines and not grouped & set(each.choice["hosts"]):
                hosts = ", ".join(each.choice["hosts"])
                says = f"no group of nodes takes the place of {hosts}"
                yield _line(MappingFault.MISSING, section, key, says)
        elif section == "settings_from":
            if lines is None:
                says = "no cluster is named whose settings the target takes over"
                yield _line(MappingFault.OPEN, section, "", says)
        elif section in BY_TRANSLATION:
            continue
        elif section in OPTIONAL:
            if lines.get(key, "") is None:
                says = f"{each.name} has no answer: {OPTIONAL[section]}"
                yield _line(MappingFault.LEFT_OPEN, section, key, says, "answer it if you want")
        elif key not in lines:
            says = f"VMs need {each.name}, and there is no line for it"
            yield _line(MappingFault.MISSING, section, key, says)
        elif lines[key] is None:
            yield _line(MappingFault.OPEN, section, key, f"{each.name} has no answer yet")
    for section in ALWAYS_ASKED:
        for key in getattr(mapping, section):
            if key in estate.refs and (section, key) not in asked:
                says = "nothing that is migrated needs this line"
                yield _line(MappingFault.UNUSED, section, key, says, "leave it or take it out")
    for name, group in mapping.node_groups.items():
        if group.nodes is None:
            says = "nothing selects its nodes"
            yield _line(MappingFault.OPEN, "node_groups", name, says, "write labels under nodes")
        for source, nic in group.nics.items():
            if nic is None:
                says = f"{source} has no NIC of the nodes"
                yield _line(MappingFault.OPEN, "node_groups", name, says, "name it under nics")


def _unknown_keys(estate: Estate, mapping: SiteMapping) -> Iterator[CheckedLine]:
    keys = [(section, key) for section in SECTIONS for key in getattr(mapping, section)]
    keys += [("namespaces", key) for key in mapping.namespaces]
    keys += [("machines", key) for key in mapping.machines]
    keys += [
        ("node_groups", host) for group in mapping.node_groups.values() for host in group.hosts
    ]
    keys += [("services", key) for each in mapping.services.values() for key in each.vms]
    if mapping.settings_from is not None:
        keys.append(("settings_from", mapping.settings_from))
    for section, key in keys:
        if key not in estate.refs:
            says = "the estate has no such object"
            remedy = "take the line out, or write the ref that mtv inventory list shows"
            yield _line(MappingFault.UNKNOWN, section, key, says, remedy)


def _unknown_values(target: Target, mapping: SiteMapping) -> Iterator[CheckedLine]:
    remedy = "choose from target.yaml, or write there what the cluster has"
    classes = {each.name for each in target.storage_classes}
    for section in ("storage", "policies"):
        for key, value in getattr(mapping, section).items():
            if value is not None and value not in classes:
                says = f"target.yaml has no StorageClass {value!r}"
                yield _line(MappingFault.UNKNOWN, section, key, says, remedy)
    for key, value in mapping.networks.items():
        lacking = unknown(value, target) if value is not None else None
        if lacking is not None:
            yield _line(MappingFault.UNKNOWN, "networks", key, lacking, remedy)
    nodes = {each.name for each in target.nodes}
    for section in ("hosts", "machines"):
        for key, value in getattr(mapping, section).items():
            if nodes and value is not None and value not in nodes:
                says = f"target.yaml has no node {value!r}"
                yield _line(MappingFault.UNKNOWN, section, key, says, remedy)
    for key, value in mapping.principals.items():
        if value is not None and not value.startswith(("user:", "group:")):
            says = f"{value!r} is neither a user nor a group"
            yield _line(
                MappingFault.UNKNOWN, "principals", key, says, "write user:NAME or group:NAME"
            )


def _ambiguous(estate: Estate, mapping: SiteMapping) -> Iterator[CheckedLine]:
    hosts = Counter(host for group in mapping.node_groups.values() for host in group.hosts)
    for host, times in hosts.items():
        if times > 1:
            says = f"it is in {times} groups of nodes"
            yield _line(MappingFault.AMBIGUOUS, "node_groups", host, says, "leave it in one")
    namespaces = Namespaces(estate, mapping)
    told = set[tuple[str, ...]]()
    for placed in estate.vms():
        tags = [
            key
            for key in (ref(placed.inventory, tag) for tag in placed.vm.tags)
            if mapping.namespaces.get(key)
        ]
        if len({mapping.namespaces[key] for key in tags}) > 1 and _tags_answer(namespaces, placed):
            lines = tuple(sorted(tags))
            if lines not in told:
                told.add(lines)
                says = f"{placed.vm.name} has several of these tags, with different namespaces"
                yield _line(
                    MappingFault.AMBIGUOUS,
                    "namespaces",
                    ", ".join(lines),
                    says,
                    "give these VMs lines of their own",
                )


def _tags_answer(namespaces: Namespaces, placed: PlacedVm) -> bool:
    """True when no line of an inner kind settles the VM's namespace before its tags do."""
    answering = namespaces.answering(placed)
    return answering in {ref(placed.inventory, tag) for tag in placed.vm.tags}


def _line(
    kind: MappingFault,
    section: str,
    key: str,
    says: str,
    remedy: str = "",
) -> CheckedLine:
    remedy = remedy or _REMEDIES[kind]
    return CheckedLine(kind=kind, section=section, ref=key, says=says, remedy=remedy)


_REMEDIES = {
    MappingFault.MISSING: "mtv mapping suggest adds the line, with a reason",
    MappingFault.OPEN: "write the answer behind it",
}
"""Of lines about which nothing better is known."""
