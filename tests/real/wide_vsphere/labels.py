"""What people hang on things: tags, custom attributes, alarms, roles and permissions."""

import base64
import contextlib
import http.client
import json
from datetime import UTC, datetime
from typing import Any

from pyVmomi import VmomiSupport, vim

from tests.real.vcenter import VCenter
from tests.real.wide_vsphere.api import Api

TAGS = {
    "environment": ("SINGLE", ("production", "test")),
    "backup": ("MULTIPLE", ("daily", "weekly", "Köln, außer Haus")),
    "storage tier": ("MULTIPLE", ("silver", "bronze")),
}
"""Categories with their cardinality and tags."""

TAGGED = {
    "SQL Server (Produktion) Köln": ("production", "daily", "Köln, außer Haus"),
    "app_01": ("production",),
    "Бухгалтерия": ("test", "weekly"),
}

ATTRIBUTES = {
    "owner": {"SQL Server (Produktion) Köln": "Müller, Jörg", "app_01": "team-apps"},
    "cost centre": {"app_01": "4711", "web-a": "0815"},
}

READER = "inventory reader"


def add_tags(api: Api, objects: dict[str, Any]) -> dict[str, str]:
    """Make the categories and tags and attach them; the ids of the tags by name."""
    ids = {}
    with Rest(api.vcenter) as rest:
        for category, (cardinality, tags) in TAGS.items():
            spec = {
                "name": category,
                "description": f"the {category}",
                "cardinality": cardinality,
                "associable_types": [],
            }
            made = rest.post("/com/vmware/cis/tagging/category", {"create_spec": spec})
            for tag in tags:
                said = {"name": tag, "description": "", "category_id": made}
                ids[tag] = rest.post("/com/vmware/cis/tagging/tag", {"create_spec": said})
        for name, tags in {**TAGGED, "vmfs-b": ("silver",), "compute": ("production",)}.items():
            target = objects[name]
            for tag in tags:
                rest.post(
                    f"/com/vmware/cis/tagging/tag-association/id:{ids[tag]}?~action=attach",
                    {"object_id": {"id": target._moId, "type": target._wsdlName}},
                )
    return ids


class Rest:
    """A client of the old REST API, which is where tags are."""

    def __init__(self, vcenter: VCenter) -> None:
        self._vcenter = vcenter
        self._session = ""

    def __enter__(self) -> "Rest":
        vcenter = self._vcenter
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", vcenter.port, context=vcenter.tls(), timeout=60
        )
        login = base64.b64encode(f"{vcenter.username}:{vcenter.password}".encode()).decode()
        self._session = self._ask("/com/vmware/cis/session", b"", Authorization=f"Basic {login}")
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.closing(self._connection):
            pass

    def post(self, path: str, body: Any) -> Any:
        headers = {"vmware-api-session-id": self._session, "Content-Type": "application/json"}
        return self._ask(path, json.dumps(body).encode(), **headers)

    def get(self, path: str) -> Any:
        return self._ask(path, None, **{"vmware-api-session-id": self._session})

    def _ask(self, path: str, body: bytes | None, **headers: str) -> Any:
        verb = "GET" if body is None else "POST"
        self._connection.request(verb, f"/rest{path}", body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text.decode()}")
        return json.loads(text)["value"] if text else None


def add_attributes(api: Api, vms: dict[str, Any]) -> None:
    """Make the custom attributes and set their values."""
    manager = api.content.customFieldsManager
    for name, values in ATTRIBUTES.items():
        field = manager.AddCustomFieldDef(name=name, moType=vim.VirtualMachine)
        for vm, value in values.items():
            manager.SetField(entity=vms[vm], key=field.key, value=value)


def add_alarms(api: Api, vm: Any) -> dict[str, str]:
    """An alarm on a metric and one on a state, for the whole datacenter; one rings on a VM."""
    counters = {
        f"{each.groupInfo.key}.{each.nameInfo.key}.{each.rollupType}": each.key
        for each in api.leaf(api.content.perfManager, "perfCounter")
    }
    alarm = vim.alarm
    busy = alarm.MetricAlarmExpression(
        operator="isAbove",
        type=vim.VirtualMachine,
        metric=vim.PerformanceManager.MetricId(
            counterId=counters["cpu.usage.average"], instance=""
        ),
        yellow=7500,
        yellowInterval=300,
        red=9000,
        redInterval=600,
    )
    stopped = alarm.StateAlarmExpression(
        operator="isEqual",
        type=vim.VirtualMachine,
        statePath="runtime.powerState",
        yellow="suspended",
        red="poweredOff",
    )
    mail = alarm.AlarmTriggeringAction(
        action=vim.action.SendEmailAction(
            toList="ops@corp.example", ccList="", subject="busy", body="{alarmName}"
        ),
        transitionSpecs=[
            alarm.AlarmTriggeringAction.TransitionSpec(
                startState="yellow", finalState="red", repeats=True
            )
        ],
        green2yellow=False,
        yellow2red=True,
        red2yellow=False,
        yellow2green=False,
    )
    made = {}
    for name, expression, action in (("VM is busy", busy, mail), ("VM is down", stopped, None)):
        spec = alarm.AlarmSpec(
            name=name,
            description=f"{name}, says operations",
            enabled=name == "VM is busy",
            expression=alarm.OrAlarmExpression(expression=[expression]),
            action=alarm.GroupAlarmAction(action=[action]) if action else None,
            actionFrequency=300,
            setting=alarm.AlarmSetting(toleranceRange=0, reportingFrequency=300),
        )
        made[name] = api.content.alarmManager.CreateAlarm(api.datacenter, spec)
    states = VmomiSupport.GetVmodlType("vim.alarm.AlarmState[]")(
        [
            alarm.AlarmState(
                key=f"{made['VM is busy']._moId}.{vm._moId}",
                entity=vm,
                alarm=made["VM is busy"],
                overallStatus="yellow",
                time=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
                acknowledged=False,
            )
        ]
    )
    api.vcenter.set_properties((vm, "triggeredAlarmState", states))
    return {name: each._moId for name, each in made.items()}


def add_permissions(api: Api, vm: Any) -> int:
    """A role for reading, given to a group on the datacenter and taken from it on one VM."""
    manager = api.content.authorizationManager
    role = int(manager.AddAuthorizationRole(READER, ["System.Read", "System.View"]))

    def permission(entity: Any, principal: str, role_id: int, propagate: bool) -> Any:
        return vim.AuthorizationManager.Permission(
            entity=entity, principal=principal, group=True, roleId=role_id, propagate=propagate
        )

    group = "CORP\\migration readers"
    manager.SetEntityPermissions(api.datacenter, [permission(api.datacenter, group, role, True)])
    manager.SetEntityPermissions(vm, [permission(vm, group, -5, False)])  # -5: no access
    return role
