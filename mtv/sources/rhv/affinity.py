"""Affinity groups as placement rules: one for each half of a group that is on.

A group says two things at once: whether its VMs run together or apart, and whether they run on its
hosts or elsewhere. Labels in a group stand for the VMs and hosts that wear them.
"""

from collections.abc import Iterator
from typing import Any

from mtv.model.compute import PlacementRule
from mtv.sources.rhv.native import native
from mtv.sources.rhv.values import each


def rules(cluster: Any, labels: list[Any]) -> Iterator[PlacementRule]:
    """The rules of a cluster."""
    worn = {label.id: label for label in labels}
    for group in each(cluster.affinity_groups):
        vms = _members(group.vms, group.vm_labels, worn, "vms")
        hosts = _members(group.hosts, group.host_labels, worn, "hosts")
        rest = native(group)
        about_vms, about_hosts = group.vms_rule, group.hosts_rule
        if about_vms is None and group.positive is not None:
            # Engines before 4.1 had only this.
            yield _rule(group, "vms", group.positive, True, group.enforcing, vms, (), rest)
        if _is_on(about_vms):
            found = about_vms
            yield _rule(group, "vms", found.positive, found.enabled, found.enforcing, vms, (), rest)
        if _is_on(about_hosts) and (hosts or about_hosts.enabled):
            found = about_hosts
            yield _rule(
                group, "hosts", found.positive, found.enabled, found.enforcing, vms, hosts, rest
            )
        if not _is_on(about_vms) and not _is_on(about_hosts) and group.positive is None:
            yield _rule(group, "vms", True, False, None, vms, hosts, rest)


def _is_on(rule: Any) -> bool:
    return rule is not None and bool(rule.enabled)


def _rule(
    group: Any,
    half: str,
    positive: bool | None,
    enabled: bool | None,
    enforcing: bool | None,
    vms: tuple[str, ...],
    hosts: tuple[str, ...],
    rest: Any,
) -> PlacementRule:
    kind = "affinity" if positive else "anti-affinity"
    return PlacementRule(
        id=f"{group.id}/{half}",
        name=group.name or "",
        kind=f"{'vm' if half == 'vms' else 'host'}-{kind}",
        vms=vms,
        hosts=hosts,
        enabled=enabled,
        mandatory=enforcing,
        priority=group.priority,
        compliant=None if group.broken is None else not group.broken,
        native=rest,
    )


def _members(direct: Any, labels: Any, worn: dict[str, Any], kind: str) -> tuple[str, ...]:
    """Ids of the members of a group: its own, and those that wear its labels."""
    found = {one.id for one in each(direct)}
    for label in each(labels):
        full = worn.get(label.id, label)
        found |= {one.id for one in each(getattr(full, kind))}
    return tuple(sorted(found))
