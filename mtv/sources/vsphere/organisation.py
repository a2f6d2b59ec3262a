"""Data centres, folders, custom attributes, roles, permissions and alarms."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pyVmomi import vim

from mtv.model.organisation import (
    Alarm,
    AlarmCondition,
    CustomField,
    Datacenter,
    Folder,
    Permission,
    Role,
    TriggeredAlarm,
)
from mtv.sources.vsphere import soap
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.paths import wanted
from mtv.sources.vsphere.places import Around, common
from mtv.sources.vsphere.properties import Manner, Unreadable, read_one, retrieve
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.values import at, many, moment, text, unescape
from mtv.sources.vsphere.wire import Data, Ref, is_a

_HOLDS = {
    "VirtualMachine": "vm",
    "ComputeResource": "host",
    "Datastore": "datastore",
    "Network": "network",
    "Datacenter": "datacenter",
}

Counters = Mapping[int, str]
"""Key of a performance counter -> ``cpu.usage.average``."""


def datacenters(around: Around) -> Iterator[Datacenter]:
    """Every data centre, by its path."""
    for id_, tree in around.places.of("Datacenter"):
        yield Datacenter(
            id=id_,
            name=around.places.datacenter(tree) or "",
            native=native("vim.Datacenter", tree),
            **common(around, id_, tree),
        )


def folders(around: Around) -> Iterator[Folder]:
    """Every folder, those that a data centre and vCenter begin with included."""
    for id_, tree in around.places.of("Folder"):
        above = around.places.folder(tree)
        parent = around.places.objects.get(text(tree, "parent") or "", Data())
        name = unescape(tree.get("name", id_))
        is_root = parent.kind != "Folder"
        yield Folder(
            id=id_,
            name=name,
            path="" if is_root else f"{above}/{name}" if above else name,
            kind=_holds(many(tree, "childType")),
            datacenter=around.places.datacenter(tree),
            native=native("vim.Folder", tree),
            **common(around, id_, tree),
        )


def _holds(child_types: list[str]) -> str:
    """What a folder is for, by what it may hold besides folders."""
    plain = (each.rpartition(":")[2] for each in child_types)
    return next((_HOLDS[each] for each in plain if each in _HOLDS), "")


def custom_fields(session: Session) -> tuple[CustomField, ...]:
    """The definitions of custom attributes."""
    manager = session.content.customFieldsManager
    if manager is None:  # an ESXi host has none
        return ()
    found = read_one(session, manager, ["field"]).get("field", [])
    return tuple(custom_field(each) for each in found)


def custom_field(data: Data) -> CustomField:
    """A CustomFieldDef."""
    return CustomField(
        key=str(data.get("key")),
        name=unescape(data.get("name", "")),
        kind=text(data, "managedObjectType"),
    )


def roles(session: Session) -> tuple[Role, ...]:
    """Every role with its privileges."""
    manager = session.content.authorizationManager
    found = read_one(session, manager, ["roleList"]).get("roleList", [])
    return tuple(role(each) for each in found)


def role(data: Data) -> Role:
    """An AuthorizationRole; -1 is vCenter's own administrator."""
    return Role(
        id=str(data.get("roleId")),
        name=data.get("name", ""),
        description=text(data, "info.summary") or "",
        is_system=data.get("system"),
        administrative=data.get("roleId") == -1,
        privileges=tuple(many(data, "privilege")),
    )


def permissions(session: Session, unreadable: Unreadable) -> tuple[Permission, ...]:
    """Who has which role where."""
    manager = session.content.authorizationManager
    with session.faults_as_errors():
        try:
            found = session.renewing(
                lambda: soap.call(
                    manager, "RetrieveAllPermissions", item=vim.AuthorizationManager.Permission
                )
            )
        except vim.fault.NoPermission as problem:
            unreadable.say(f"permissions: needs the privilege {problem.privilegeId}")
            return ()
    return tuple(permission(each) for each in found)


def permission(data: Data) -> Permission:
    """A Permission."""
    entity = data.get("entity") or Ref("")
    principal, role = str(data.get("principal", "")), str(data.get("roleId", ""))
    return Permission(
        # A user and a group may have the same name.
        id=f"{entity}:{'group' if data.get('group') else 'user'}:{principal}",
        entity=str(entity),
        entity_kind=getattr(entity, "kind", ""),
        principal=principal,
        is_group=data.get("group"),
        role=role,
        propagates=data.get("propagate"),
    )


def alarms(session: Session, counters: Counters, unreadable: Unreadable) -> tuple[Alarm, ...]:
    """The definitions of alarms, wherever they are set."""
    manager = session.content.alarmManager
    if manager is None:
        return ()
    found = dict[str, Data]()

    def receiver() -> Any:
        found.clear()
        return lambda ref, tree: found.setdefault(str(ref), tree)

    with session.faults_as_errors():
        try:
            refs = session.renewing(lambda: soap.call(manager, "GetAlarm", item=vim.alarm.Alarm))
        except vim.fault.NoPermission as problem:
            unreadable.say(f"alarms: needs the privilege {problem.privilegeId}")
            return ()
    if refs:
        among = [session.object(vim.alarm.Alarm, ref) for ref in refs]
        paths = wanted(("vim.alarm.Alarm",), session.version)
        retrieve(session, paths, receiver, unreadable, Manner(among=among))
    return tuple(alarm(id_, tree, counters) for id_, tree in found.items())


def alarm(id_: str, tree: Data, counters: Counters) -> Alarm:
    """An Alarm's properties."""
    info = tree.get("info", Data())
    expression = info.get("expression")
    return Alarm(
        id=id_,
        name=unescape(info.get("name", "")),
        description=info.get("description", ""),
        enabled=info.get("enabled"),
        entity=text(info, "entity"),
        all_conditions=is_a(expression.kind, "AndAlarmExpression") if expression else None,
        conditions=tuple(_conditions(expression, counters)),
        actions=tuple(_actions(info.get("action"))),
        native=native("vim.alarm.Alarm", tree),
    )


def _conditions(expression: Data | None, counters: Counters) -> Iterator[AlarmCondition]:
    if expression is None:
        return
    for each in many(expression, "expression"):
        yield from _conditions(each, counters)
    if is_a(expression.kind, "MetricAlarmExpression"):
        counter = at(expression, "metric.counterId")
        yield AlarmCondition(
            kind="metric",
            metric=counters.get(counter, str(counter)),
            instance=text(expression, "metric.instance"),
            operator=text(expression, "operator"),
            warning=_number(expression.get("yellow")),
            warning_seconds=expression.get("yellowInterval"),
            critical=_number(expression.get("red")),
            critical_seconds=expression.get("redInterval"),
            object_kind=text(expression, "type"),
        )
    elif is_a(expression.kind, "StateAlarmExpression"):
        yield AlarmCondition(
            kind="state",
            metric=text(expression, "statePath"),
            operator=text(expression, "operator"),
            warning=text(expression, "yellow"),
            critical=text(expression, "red"),
            object_kind=text(expression, "type"),
        )
    elif is_a(expression.kind, "EventAlarmExpression"):
        yield _event(expression)


def _event(expression: Data) -> AlarmCondition:
    """An event that turns the alarm to a colour; to green is to end it."""
    status = text(expression, "status")
    words = [_comparison(each) for each in many(expression, "comparisons")]
    if status not in (None, "yellow", "red"):
        words.append(f"turns it {status}")
    return AlarmCondition(
        kind="event",
        metric=text(expression, "eventTypeId") or text(expression, "eventType"),
        operator=" and ".join(words) or None,
        warning=status if status == "yellow" else None,
        critical=status if status == "red" else None,
        object_kind=text(expression, "objectType"),
    )


def _comparison(data: Data) -> str:
    words = (data.get("attributeName"), data.get("operator"), data.get("value"))
    return " ".join(str(word) for word in words if word)


def _number(value: int | None) -> str | None:
    """A threshold in the counter's own unit: of a percentage, hundredths of a percent."""
    return None if value is None else str(value)


def _actions(action: Data | None) -> Iterator[str]:
    """What an alarm does, in words; never the body of a mail or the arguments of a script."""
    if action is None:
        return
    for each in many(action, "action") if action.kind == "GroupAlarmAction" else [action]:
        does = each.get("action") or Data()
        if does.kind == "SendEmailAction":
            yield f"SendEmailAction to {does.get('toList', '')}"
        else:
            yield does.kind or each.kind


def triggered_alarms(trees: Iterable[Data]) -> tuple[TriggeredAlarm, ...]:
    """The alarms that are on. An object also says those of what is below it: each is kept once."""
    found = {}
    for tree in trees:
        for each in many(tree, "triggeredAlarmState"):
            key = str(each.get("key", ""))
            found[key] = TriggeredAlarm(
                id=key,
                alarm=str(each.get("alarm", "")),
                entity=text(each, "entity"),
                status=text(each, "overallStatus"),
                since=moment(each.get("time")),
                acknowledged=each.get("acknowledged"),
            )
    return tuple(found[key] for key in sorted(found))
