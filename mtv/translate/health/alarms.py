"""Alarms of vCenter -> PrometheusRules of the VMs' namespaces, and an AlertingRule of the nodes.

An alarm is about what is below the object that it is set on, so there is a rule for it in each
namespace that has VMs below. What has no metric is told, with OpenShift's own alert for it.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import ref
from mtv.knowledge.alarms import Covered, of_default
from mtv.knowledge.counters import Scope
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.organisation import Alarm, TriggeredAlarm
from mtv.translate.health.reach import MOST_NAMES, Reaches
from mtv.translate.health.rules import ReadAlarm, alert_names, counters_of, read, shortened
from mtv.translate.organisation.labels import scrubbed
from mtv.translate.part import AroundVms, Manifest, metadata
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

NAME = "mtv-alarms"
PLATFORM = "openshift-monitoring"
SYSTEM_NAME = "info.systemName"
SHOWN = 20
MOST_REFS = 500
"""Alarms that an annotation names; all annotations of an object have 256 KiB."""


class _Placed(msgspec.Struct, frozen=True):
    """An alarm that is enabled, and what becomes of it."""

    inventory: Inventory
    alarm: Alarm
    read: ReadAlarm

    @property
    def ref(self) -> str:
        return ref(self.inventory, self.alarm.id)

    @property
    def covered(self) -> Covered | None:
        """The group of vCenter's own alarms that it is of."""
        system = self.alarm.native.get(SYSTEM_NAME)
        return of_default(self.alarm.name, str(system)) if system else None


class Alarms(AroundVms):
    """The alarms of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._reaches = Reaches(site)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """A PrometheusRule for each namespace, an AlertingRule for the nodes."""
        return (*self.prometheus_rules(), *self.alerting_rules())

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What no rule is made of, what only comes near, and what the rules need."""
        return (
            *self._needs(),
            *self._disabled(),
            *self._nowhere(),
            *self._wider(),
            *self._approximate(),
            *self._covered(),
            *self._lost(),
            *self._notify(),
            *self._are_on(),
        )

    def prometheus_rules(self) -> Iterator[Manifest]:
        """Rules about VMs, an object for each of their namespaces."""
        found = dict[str, list[dict[str, Any]]]()
        refs = dict[str, dict[str, None]]()
        for each in self._enabled:
            for reach in self._reaches.vms(each.inventory, each.alarm.entity):
                for rule in each.read.rules:
                    if rule.of == "vm":
                        made = rule.written(self._names[each.ref], each.alarm, reach.scope)
                        found.setdefault(reach.scope.namespace, []).append(made)
                        refs.setdefault(reach.scope.namespace, {})[each.ref] = None
        for namespace, rules in sorted(found.items()):
            yield {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "PrometheusRule",
                "metadata": _metadata(namespace, list(refs[namespace])),
                "spec": {"groups": [{"name": NAME, "rules": rules}]},
            }

    def alerting_rules(self) -> Iterator[Manifest]:
        """Rules about nodes. Only the platform's own Prometheus may ask for their metrics."""
        rules, refs = list[dict[str, Any]](), dict[str, None]()
        for each in self._enabled:
            scope = self._reaches.nodes(each.inventory, each.alarm.entity)
            for rule in each.read.rules:
                if rule.of == "host" and scope is not None:
                    rules.append(rule.written(self._names[each.ref], each.alarm, scope))
                    refs[each.ref] = None
        if rules:
            yield {
                "apiVersion": "monitoring.openshift.io/v1",
                "kind": "AlertingRule",
                "metadata": _metadata(PLATFORM, list(refs)),
                "spec": {"groups": [{"name": NAME, "rules": rules}]},
            }

    @cached_property
    def _enabled(self) -> tuple[_Placed, ...]:
        openshift = self._site.release.openshift
        return tuple(
            _Placed(inventory, alarm, read(alarm, openshift))
            for inventory, alarm in self._all()
            if alarm.enabled is not False
        )

    @cached_property
    def _names(self) -> dict[str, str]:
        return alert_names({each.ref: each.alarm.name for each in self._enabled})

    def _all(self) -> Iterator[tuple[Inventory, Alarm]]:
        for inventory in self._site.estate.inventories:
            yield from ((inventory, alarm) for alarm in inventory.alarms)

    # The findings

    def _needs(self) -> Iterator[Finding]:
        if any(each["kind"] == "PrometheusRule" for each in self.manifests):
            yield Finding(
                row="alarm",
                category=Category.INFORMATION,
                ref="",
                name="monitoring for user-defined projects",
                says="PrometheusRules in namespaces of VMs only count while monitoring for "
                "user-defined projects is on",
                remedy="set enableUserWorkload: true in the ConfigMap cluster-monitoring-config of "
                "openshift-monitoring, and name receivers in Alertmanager",
            )

    def _disabled(self) -> Iterator[Finding]:
        off = dict[str, list[str]]()
        for inventory, alarm in self._all():
            if alarm.enabled is False:
                off.setdefault(inventory.source, []).append(_called(alarm))
        for source, names in off.items():
            yield _about_many(
                "alarm",
                source,
                f"alarms of {source} that are disabled are not made ({len(names)}): "
                f"{first_of(sorted(names), SHOWN)}",
                "enable them at the source and collect again if they are wanted",
            )

    def _nowhere(self) -> Iterator[Finding]:
        """Rules whose objects are not there."""
        for each in self._enabled:
            alarm, kinds = each.alarm, {rule.of for rule in each.read.rules}
            known = self._reaches.is_known(each.inventory, alarm.entity)
            if kinds and not known:
                says = f"the object {alarm.entity} that it is set on is not in the inventory"
                remedy = "collect with an account that sees it, or make the rule by hand"
            elif "host" in kinds and self._reaches.nodes(each.inventory, alarm.entity) is None:
                says = "mapping.yaml names no node for the host that it is set on"
                remedy = f"name it: hosts: {ref(each.inventory, alarm.entity or '')}: NODE"
            else:
                continue
            yield _about_one(each, Category.WARNING, f"the alarm is not made: {says}", remedy)

    def _wider(self) -> Iterator[Finding]:
        """Rules that are about more than the alarm was."""
        for each in self._enabled:
            kinds = {rule.of for rule in each.read.rules}
            entity, inventory = each.alarm.entity, each.inventory
            if "vm" in kinds:
                for reach in self._reaches.vms(inventory, entity):
                    if reach.beyond:
                        yield _about_one(
                            each,
                            Category.WARNING,
                            f"it is about more than {MOST_NAMES} VMs of the namespace "
                            f"{reach.scope.namespace}, too many to name: the alert is about all, "
                            f"{reach.beyond} more",
                            "send those VMs to a namespace of their own (mapping.yaml: namespaces)",
                        )
            wide = self._reaches.nodes(inventory, entity) == Scope()
            if "host" in kinds and wide and not self._reaches.is_everything(inventory, entity):
                yield _about_one(
                    each,
                    Category.INFORMATION,
                    "the alarm is about the hosts below one object, the alert about all nodes",
                    f'add a matcher to its expr in {NAME}: instance=~"NODE|NODE"',
                )

    def _approximate(self) -> Iterator[Finding]:
        found = dict[tuple[str, str, str], list[str]]()
        for each in self._enabled:
            for counter, caveat in counters_of(each.read.rules).items():
                key = (each.inventory.source, counter, caveat)
                found.setdefault(key, []).append(_called(each.alarm))
        for (source, counter, caveat), names in found.items():
            yield Finding(
                row="alarm",
                category=Category.WARNING,
                ref="",
                name=source,
                says=f"alerts on {counter} only come near to what the alarms of {source} say "
                f"({first_of(sorted(names), SHOWN)}): {caveat}",
                remedy=f"look at their thresholds after a week; see mtv explain --metric {counter}",
            )

    def _covered(self) -> Iterator[Finding]:
        """Alarms that an alert of OpenShift stands for."""
        found = dict[tuple[str, str], tuple[Covered, dict[str, None]]]()
        for each in self._enabled:
            for group in self._groups(each):
                if group.alerts_of(self._site.release.openshift):
                    place = (each.inventory.source, group.id)
                    found.setdefault(place, (group, {}))[1][_called(each.alarm)] = None
        for (source, _), (group, names) in found.items():
            alerts = ", ".join(group.alerts_of(self._site.release.openshift))
            yield _about_many(
                "alarm.default",
                source,
                f"no rules are made of what alarms of {source} say about {group.about}, for "
                f"OpenShift brings alerts of its own, {alerts} ({len(names)}): "
                f"{first_of(sorted(names), SHOWN)}",
                _look(group) if group.instead else f"route {alerts} to who had the alarms",
            )

    def _lost(self) -> Iterator[Finding]:
        """Alarms that nothing stands for: vCenter's own by group, others one by one."""
        found = dict[tuple[str, str], tuple[Covered | None, dict[str, None]]]()
        for each in self._enabled:
            uncovered = [
                lost
                for lost in each.read.lost
                if not (group := each.covered or lost.covered)
                or not group.alerts_of(self._site.release.openshift)
            ]
            if not uncovered and each.alarm.conditions:
                continue
            if each.alarm.native.get(SYSTEM_NAME):
                own = each.covered
                place = (each.inventory.source, own.id if own else "")
                found.setdefault(place, (own, {}))[1][_called(each.alarm)] = None
            else:
                why = "; ".join(lost.why for lost in uncovered) or "it has no conditions"
                part = "made only in part" if each.read.rules else "not made"
                groups = [lost.covered for lost in uncovered if lost.covered]
                yield _about_one(
                    each,
                    Category.WARNING,
                    f"the alarm is {part}: {shortened(why)}",
                    _look(groups[0])
                    if groups
                    else "write an alert on what the VMs or their logs "
                    "show, or take it over in the monitoring of the guests",
                )
        for (source, _), (group, names) in found.items():
            about = f"about {group.about}" if group else "that mtv does not know"
            yield _about_many(
                "alarm.default",
                source,
                f"vCenter's own alarms {about} are not made, and no alert of OpenShift stands for "
                f"them ({len(names)}): {first_of(sorted(names), SHOWN)}",
                _look(group) if group else "see whether anyone acted on them",
            )

    def _groups(self, each: _Placed) -> Iterator[Covered]:
        for lost in each.read.lost:
            group = each.covered or lost.covered
            if group is not None:
                yield group

    def _notify(self) -> Iterator[Finding]:
        found = dict[str, tuple[dict[str, None], int]]()
        for each in self._enabled:
            if each.alarm.actions:
                actions, times = found.get(each.inventory.source, ({}, 0))
                actions.update(dict.fromkeys(map(shortened, each.alarm.actions)))
                found[each.inventory.source] = (actions, times + 1)
        for source, (actions, times) in found.items():
            yield Finding(
                row="alarm.actions",
                category=Category.WARNING,
                ref="",
                name=source,
                says=f"alarms of {source} do something when they go off ({times}): "
                f"{first_of(sorted(actions), SHOWN, comma='; ')}; an alert goes where "
                "Alertmanager says",
                remedy="name receivers in Alertmanager (AlertmanagerConfig in namespaces of VMs); "
                "SNMP traps and scripts need a webhook",
            )

    def _are_on(self) -> Iterator[Finding]:
        """Alarms that were on at the time of collection: trouble that would come along."""
        for inventory in self._site.estate.inventories:
            if not inventory.triggered_alarms:
                continue
            names = {each.id: _called(each) for each in inventory.alarms}
            called = {each.id: each.name for each in inventory.vms}
            said = sorted(_on(each, names, called) for each in inventory.triggered_alarms)
            yield Finding(
                row="triggered-alarm",
                category=Category.INFORMATION,
                ref="",
                name=inventory.source,
                says=f"alarms of {inventory.source} were on when it was collected ({len(said)}): "
                f"{first_of(said, SHOWN, comma='; ')}",
                remedy="settle at the source what is about VMs that migrate, or it comes along",
            )


def _on(each: TriggeredAlarm, names: dict[str, str], vms: dict[str, str]) -> str:
    """One alarm that is on, in words."""
    what = each.says or names.get(each.alarm, each.alarm)
    where = f" on {shortened(vms.get(each.entity, each.entity))}" if each.entity else ""
    return f"{shortened(what, 200)}{where} ({each.status or 'no status'})"


def _called(alarm: Alarm) -> str:
    return shortened(alarm.name, 100) or scrubbed(alarm.id)


def _look(group: Covered) -> str:
    return f"look at this instead: {group.instead}"


def _metadata(namespace: str, refs: list[str]) -> dict[str, Any]:
    return metadata(NAME, namespace, source=first_of(list(map(scrubbed, refs)), MOST_REFS))


def _about_one(each: _Placed, category: Category, says: str, remedy: str) -> Finding:
    return Finding(
        row="alarm",
        category=category,
        ref=each.ref,
        name=_called(each.alarm),
        says=says,
        remedy=remedy,
    )


def _about_many(row: str, source: str, says: str, remedy: str) -> Finding:
    return Finding(
        row=row, category=Category.INFORMATION, ref="", name=source, says=says, remedy=remedy
    )
