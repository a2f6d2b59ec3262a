"""What stands for vCenter's alarms on OpenShift (``mappings/alarms.yaml``)."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache

import msgspec

from mtv.knowledge.versions import versions
from mtv.mappings import read_yaml


class Alert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert that OpenShift, or a part of it, brings."""

    name: str
    since: str = ""


class Covered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of alarms that no rules are made of."""

    id: str
    about: str
    alerts: tuple[Alert, ...] = ()
    instead: str = ""
    """What else there is to look at."""
    defaults: tuple[str, ...] = ()
    """Names of vCenter's own alarms."""
    system_names: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    """Object and path: ``HostSystem runtime.connectionState``."""
    objects: tuple[str, ...] = ()

    def alerts_of(self, openshift: str) -> tuple[str, ...]:
        """Names of the alerts that a version, ``4.20``, surely has."""
        order = [each.openshift for each in versions().releases]
        at = order.index(openshift)
        return tuple(
            each.name for each in self.alerts if not each.since or order.index(each.since) <= at
        )


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A state of VMs that a metric has."""

    object: str
    path: str
    metric: str
    labels: dict[str, str]
    """State -> matcher of the metric."""


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mappings/alarms.yaml``."""

    covered: tuple[Covered, ...]
    states: tuple[State, ...]


@cache
def alarm_table() -> Alarms:
    """The whole table."""
    return msgspec.convert(read_yaml("alarms.yaml"), Alarms)


def of_default(name: str, system_name: str) -> Covered | None:
    """The group of one of vCenter's own alarms; None for one that the table does not have."""
    wanted = name.casefold()
    for each in alarm_table().covered:
        if system_name in each.system_names or _matches(wanted, each.defaults):
            return each
    return None


def of_event(type_: str) -> Covered | None:
    """The group of a type of events: ``esx.problem.net.connectivity.lost``."""
    plain = type_.removeprefix("vim.event.").casefold()
    for each in alarm_table().covered:
        if _matches(plain, each.events) or _matches(type_.casefold(), each.events):
            return each
    return None


def of_state(object_: str, path: str) -> Covered | None:
    """The group of a state of an object that no metric has."""
    wanted = f"{object_} {path}".casefold()
    return next((each for each in alarm_table().covered if _matches(wanted, each.states)), None)


def of_object(object_: str) -> Covered | None:
    """The group of a kind of objects that has no counters."""
    return next((each for each in alarm_table().covered if object_ in each.objects), None)


def state(object_: str, path: str) -> State | None:
    """The metric of a state; None where none has it."""
    return next(
        (each for each in alarm_table().states if (each.object, each.path) == (object_, path)), None
    )


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in _folded(patterns))


def _folded(patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        yield pattern.casefold()
