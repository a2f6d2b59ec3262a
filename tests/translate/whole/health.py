"""Alarms, probes, what VMs used.

The VMs stand in folders and namespaces of their own, so that no rule has to name VMs.
"""

import msgspec

from mtv.model.organisation import Alarm, AlarmCondition, Folder, TriggeredAlarm
from mtv.model.performance import Performance, Statistic
from tests.translate.whole.example import Change, Example
from tests.translate.whole.organisation import vm

HOST = "alarm-health-host"

CHANGES = {
    "alarms[].enabled": Change(False, at=HOST),
    "alarms[].entity": Change("group-health-2"),
    "alarms[].conditions[].operator": Change("isBelow"),
    "alarms[].conditions[].warning": Change("6000"),
    "alarms[].conditions[].critical": Change("9500", at=HOST),
    "alarms[].conditions[].object_kind": Change("HostSystem", at="alarm-health-vm"),
    "triggered_alarms[].entity": Change("elsewhere"),
}


def enrich(example: Example) -> Example:
    """Two namespaces with alarms, one on hosts; a VM with statistics and a probe."""
    source = example.inventory.source
    used = Performance(
        window_seconds=86400,
        interval_seconds=300,
        samples=288,
        **{
            field.name: Statistic(average=1.0, p95=2.0, maximum=3.0)
            for field in msgspec.structs.fields(Performance)
            if field.name not in ("window_seconds", "interval_seconds", "samples")
        },
    )
    example = example.add(
        vms=(
            vm(example, "vm-health-1", folder="health", performance=used),
            vm(example, "vm-health-2", folder="health2"),
        ),
        triggered_alarms=(
            TriggeredAlarm(
                id="event-health-1",
                alarm="alarm-health-and",
                entity="vm-health-1",
                status="yellow",
                since="2026-11-01T10:00:00Z",
                acknowledged=False,
                says="" if example.inventory.product == "vsphere" else "The VM is busy.",
            ),
        ),
    )
    namespaces = {f"{source}/vm-health-1": "health", f"{source}/vm-health-2": "health-2"}
    example = example.choose(namespaces=namespaces, probes={f"{source}/vm-health-1": "agent"})
    return _alarms(example) if example.inventory.product == "vsphere" else example


def _alarms(example: Example) -> Example:
    return example.add(
        folders=(
            Folder(id="group-health-1", name="health", path="health", kind="vm"),
            Folder(id="group-health-2", name="health2", path="health2", kind="vm"),
        ),
        alarms=(
            Alarm(
                id="alarm-health-and",
                name="Busy and full",
                description="Both at once.",
                enabled=True,
                entity="group-health-1",
                all_conditions=True,
                conditions=(_busy(instance="4000"), _busy("mem.usage.average", seconds=60)),
                actions=("SendEmailAction to ops@example.com",),
            ),
            _alarm("alarm-health-vm", "group-health-1", _busy()),
            _alarm("alarm-health-2", "group-health-2", _busy()),
            _alarm(HOST, None, _busy(object_kind="HostSystem")),
            _alarm(
                "alarm-health-hosts", None, _busy("mem.usage.average", object_kind="HostSystem")
            ),
        ),
    )


def _alarm(id_: str, entity: str | None, *conditions: AlarmCondition) -> Alarm:
    return Alarm(
        id=id_,
        name=id_,
        enabled=True,
        entity=entity,
        all_conditions=False,
        conditions=conditions,
    )


def _busy(
    metric: str = "cpu.usage.average",
    object_kind: str = "VirtualMachine",
    seconds: int = 300,
    instance: str | None = None,
) -> AlarmCondition:
    return AlarmCondition(
        kind="metric",
        metric=metric,
        instance=instance,
        operator="isAbove",
        warning="7500",
        warning_seconds=seconds,
        critical="9000",
        critical_seconds=seconds,
        object_kind=object_kind,
    )
