"""How the rich estate's VMs are placed: scheduling policies, affinity groups and labels."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.things import pairs, ref, uid

POLICIES = {
    "none": "b4ed2332-a7ac-4d5f-9596-99a439cb2812",
    "evenly_distributed": "20d25257-b4bd-4589-92a6-c4c5c5d3fd1a",
    "power_saving": "5a2b0939-7d46-4b73-a469-e9c2c7fc6a53",
    "vm_evenly_distributed": "8d5d7bec-68de-4a67-b53e-0ac54686d579",
}
"""The engine's own scheduling policies; `prod-rules` is one that somebody made."""


def affinity_groups() -> list[Any]:
    def rule(positive: bool, enforcing: bool, enabled: bool = True) -> Any:
        return t.AffinityRule(enabled=enabled, positive=positive, enforcing=enforcing)

    def group(name: str, of_vms: Any, of_hosts: Any, priority: float = 1.0, **more: Any) -> Any:
        return t.AffinityGroup(
            id=uid("AffinityGroup", name),
            name=name,
            description="",
            cluster=ref("Cluster", "prod"),
            priority=priority,
            broken=more.pop("broken", False),
            vms_rule=of_vms,
            hosts_rule=of_hosts,
            positive=of_vms.positive if of_vms.enabled else None,
            enforcing=of_vms.enforcing,
            vms=[ref("Vm", each) for each in more.pop("vms", ())],
            hosts=[ref("Host", each) for each in more.pop("hosts", ())],
            vm_labels=[ref("AffinityLabel", each) for each in more.pop("vm_labels", ())],
            host_labels=[ref("AffinityLabel", each) for each in more.pop("host_labels", ())],
        )

    off = rule(False, False, enabled=False)
    return [
        group("web-apart", rule(False, True), off, 5.0, vms=("web01", "web02")),
        group("db-together", rule(True, False), off, 1.5, vms=("db01", "cluster-a")),
        group(
            "db-on-first",
            off,
            rule(True, True),
            vms=("db01",),
            hosts=("rhvh01.example",),
            broken=True,
        ),
        group(
            "not-on-second", off, rule(False, False), vms=("win2022",), hosts=("rhvh02.example",)
        ),
        group(
            "labelled", rule(True, True), rule(True, True), vm_labels=("gpu",), host_labels=("gpu",)
        ),
    ]


def affinity_labels() -> list[Any]:
    def label(name: str, vms: list[str], hosts: list[str], implicit: bool) -> Any:
        return t.AffinityLabel(
            id=uid("AffinityLabel", name),
            name=name,
            read_only=False,
            has_implicit_affinity_group=implicit,
            vms=[ref("Vm", each) for each in vms],
            hosts=[ref("Host", each) for each in hosts],
        )

    return [
        label("gpu", ["gpu01"], ["rhvh02.example"], implicit=False),
        label("licensed", ["db01", "win2022"], ["rhvh01.example"], implicit=True),
    ]


def policy_id(name: str) -> str:
    return POLICIES.get(name) or uid("SchedulingPolicy", name)


_UNITS = {
    # name: (type, internal, properties)
    "PinToHost": ("filter", True, {}),
    "CPU": ("filter", True, {}),
    "Memory": ("filter", True, {}),
    "VmAffinityGroups": ("filter", True, {}),
    "VmToHostsAffinityGroups": ("filter", True, {}),
    "PreferredHosts": ("weight", True, {}),
    "OptimalForHaReservation": ("weight", True, {"ScaleDown": "(100|[1-9]|[1-9][0-9])$"}),
    "OptimalForCpuEvenDistribution": ("weight", True, {}),
    "OptimalForEvenDistribution": (
        "load_balancing",
        True,
        {"HighUtilization": "^([5-9][0-9])$", "CpuOverCommitDurationMinutes": "^([1-9][0-9]*)$"},
    ),
    "OptimalForEvenGuestDistribution": ("load_balancing", True, {"HighVmCount": "^([0-9]*)$"}),
    "max_vms": ("filter", False, {"maximum_vm_count": "^[0-9]*$"}),
}


def units() -> list[Any]:
    return [
        t.SchedulingPolicyUnit(
            id=uid("SchedulingPolicyUnit", name),
            name=name,
            description=f"{name} of the scheduler",
            type=t.PolicyUnitType(type_),
            internal=internal,
            enabled=True,
            properties=pairs("Property", **properties),
        )
        for name, (type_, internal, properties) in _UNITS.items()
    ]


def policies() -> list[Any]:
    def unit(name: str) -> Any:
        return t.SchedulingPolicyUnit(id=uid("SchedulingPolicyUnit", name))

    found = []
    for name in (*POLICIES, "prod-rules"):
        own = name == "prod-rules"
        balance = "OptimalForEvenGuestDistribution" if own else "OptimalForEvenDistribution"
        filters = ("PinToHost", "CPU", "Memory", *(("max_vms",) if own else ()))
        found.append(
            t.SchedulingPolicy(
                id=policy_id(name),
                name=name,
                description="",
                locked=not own,
                default_policy=name == "none",
                properties=pairs("Property", HighVmCount="10", maximum_vm_count="20")
                if own
                else [],
                filters=[
                    t.Filter(
                        id=uid("SchedulingPolicyUnit", each),
                        position={0: -1, len(filters) - 1: 1}.get(at, 0),
                        scheduling_policy_unit=unit(each),
                    )
                    for at, each in enumerate(filters)
                ],
                weight=[
                    t.Weight(
                        id=uid("SchedulingPolicyUnit", each),
                        factor=factor,
                        scheduling_policy_unit=unit(each),
                    )
                    for each, factor in (("PreferredHosts", 99), ("OptimalForHaReservation", 1))
                ],
                balances=[]
                if name == "none"
                else [
                    t.Balance(
                        id=uid("SchedulingPolicyUnit", balance),
                        scheduling_policy_unit=unit(balance),
                    )
                ],
            )
        )
    return found
