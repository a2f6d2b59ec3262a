"""High availability, fencing, vApps, start order, and the lives of VMs.

It comes last: what availability is taken over from is the cluster that ``settings_from`` names.
"""

from typing import Any

import msgspec

from mtv.model.compute import (
    Cluster,
    FenceAgent,
    HighAvailability,
    Host,
    VApp,
    VAppEntry,
)
from mtv.model.quantity import CpuAllocation, MemoryAllocation, Setting
from mtv.model.vm import Availability, Power
from tests.translate.whole.example import Change, Example
from tests.translate.whole.organisation import vm

AGENT_CHANGES = {
    "hosts[].fence_agents[].kind": Change("redfish", at="host-ha-1"),
    "hosts[].fence_agents[].address": Change("10.2.0.99", at="host-ha-1"),
    "hosts[].fence_agents[].port": Change(6230, at="host-ha-1"),
    "hosts[].fence_agents[].order": Change(9, at="host-ha-1"),
    "hosts[].fence_agents[].options[].name": Change("cipher", at="host-ha-1"),
    "hosts[].fence_agents[].options[].value": Change("0", at="host-ha-1"),
    "hosts[].power_management": Change(False, at="host-ha-1"),
}

CHANGES: dict[str, Change] = {
    **AGENT_CHANGES,
    "clusters[].availability.enabled": Change(False, at="domain-c1"),
    "clusters[].availability.host_monitoring": Change("disabled", at="domain-c1"),
    "clusters[].availability.restart_priority": Change("low", at="domain-c1"),
    "clusters[].availability.fencing": Change(False, at="c-1"),
    "vms[].availability.enabled": Change(False, at="vm-ha-1"),
    "vms[].availability.priority": Change("medium", at="vm-ha-1"),
    "vms[].stateless": Change(False, at="vm-ha-1"),
    "vms[].state": Change("orphaned", at="vm-ha-1"),
    "vapps[].entries[].member": Change("vm-ha-4", at="vapp-ha"),
    "vapps[].entries[].start_order": Change(9, at="vapp-ha"),
    "vapps[].entries[].start_action": Change("none", at="vapp-ha"),
    "vapps[].name": Change("other", at="vapp-ha"),
    "vapps[].vms[]": Change("vm-none", at="vapp-ha"),
    "vapps[].parent": Change("vapp-none", at="vapp-ha-inner"),
    "vapps[].cpu.limit_mhz": Change(3000, at="vapp-ha"),
    "vapps[].cpu.level": Change("low", at="vapp-ha"),
    "vapps[].cpu.expandable": Change(False, at="vapp-ha"),
    "vapps[].memory.expandable": Change(False, at="vapp-ha"),
    "vapps[].memory.level": Change("low", at="vapp-ha"),
    "clusters[].rules[].after[]": Change("vm-ha-2", at="c-rule"),
}


def enrich(example: Example) -> Example:
    """The leading cluster with all of its availability, and VMs that differ from it."""
    if example.target.operators:
        example = example.offer(operators=("node-health-check", "fence-agents-remediation"))
    leading = (example.mapping.settings_from or "").partition("/")[2]
    return _rhv(example, leading) if _is_rhv(example) else _vsphere(example, leading)


def _is_rhv(example: Example) -> bool:
    return example.inventory.product == "rhv"


def _vm(example: Example, id_: str, cluster: str, **fields: Any) -> Any:
    return vm(example, id_, cluster=cluster, power=Power.ON, **fields)


def _vsphere(example: Example, leading: str) -> Example:
    high = HighAvailability(
        enabled=True,
        admission_control=True,
        admission_policy="FailoverResources",
        failover_level=1,
        cpu_percent=25,
        memory_percent=30,
        failover_hosts=("host-ha-1",),
        host_monitoring="enabled",
        vm_monitoring="vmMonitoringOnly",
        restart_priority="medium",
        isolation_response="shutdown",
        heartbeat_datastores=("datastore-1",),
        heartbeat_policy="allFeasibleDs",
        storage_all_paths_down="restartConservative",
        storage_permanent_loss="restartAggressive",
        failure_interval_seconds=30,
        minimum_uptime_seconds=120,
        maximum_failures=3,
        settings=(Setting(name="das.isolationaddress0", value="192.0.2.1"),),
    )
    own = Availability(
        enabled=True,
        priority="high",
        isolation_response="shutdown",
        monitoring="vmMonitoringOnly",
        fault_tolerance="running",
    )
    facts: dict[str, Any] = {
        "state": "inaccessible",
        "instance_uuid": "50150000-1111-2222-3333-444455556666",
        "created_at": "2020-01-01T10:00:00Z",
        "started_at": "2026-01-01T10:00:00Z",
        "suspended_at": "2026-01-02T10:00:00Z",
        "origin": "vmware",
        "managed_by": "com.example.appliance",
        "properties": (Setting(name="net.ip0", value="10.0.0.9"),),
    }
    return (
        example.change("clusters", leading, availability=high)
        # A VM that leaves its cluster loses what that does for it.
        .change(
            "clusters",
            "cluster-org",
            availability=HighAvailability(enabled=True, restart_priority="medium"),
        )
        .change("vms", "vm-org-cluster", power=Power.ON)
        .choose(namespaces={"vc1/vapp-ha": "ha"})
        .add(
            hosts=(_host(leading, in_maintenance=True),),
            vapps=_vapps(),
            vms=(
                _vm(example, "vm-ha-1", leading, availability=own, vapp="vapp-ha", **facts),
                _vm(example, "vm-ha-2", leading, vapp="vapp-ha-inner"),
                _vm(example, "vm-ha-3", leading, vapp="vapp-ha"),
                _vm(example, "vm-ha-4", leading),
                _vm(example, "vm-ha-5", leading, vapp="vapp-ha"),
            ),
        )
    )


def _vapps() -> tuple[VApp, ...]:
    def member(name: str, order: int, **fields: Any) -> VAppEntry:
        return VAppEntry(member=name, start_order=order, start_action="powerOn", **fields)

    return (
        VApp(
            id="vapp-ha",
            name="shop",
            cluster="domain-c1",
            parent="resgroup-8",
            folder="shop",
            annotation="Database first",
            cpu=CpuAllocation(
                reservation_mhz=1000, limit_mhz=2000, level="high", shares=8000, expandable=True
            ),
            memory=MemoryAllocation(
                reservation_bytes=1024, limit_bytes=2048, level="high", shares=8000, expandable=True
            ),
            entries=(
                member(
                    "vm-ha-1",
                    1,
                    start_delay_seconds=120,
                    waits_for_guest=True,
                    stop_delay_seconds=60,
                    stop_action="guestShutdown",
                ),
                member("vapp-ha-inner", 2, start_delay_seconds=30),
                member("vm-ha-3", 3),
            ),
            properties=(Setting(name="domain", value="example.com"),),
            vms=("vm-ha-5", "vm-ha-1", "vm-ha-3"),
            state="started",
            tags=("tag-org-1",),
            custom_attributes={"Cost centre": "12"},
        ),
        VApp(
            id="vapp-ha-inner",
            name="shop data",
            parent="vapp-ha",
            cpu=CpuAllocation(expandable=False),
            memory=MemoryAllocation(expandable=False),
            entries=(member("vm-ha-2", 1),),
            vms=("vm-ha-2",),
        ),
    )


def _rhv(example: Example, leading: str) -> Example:
    (cluster,) = (each for each in example.inventory.clusters if each.id == leading)
    high = msgspec.structs.replace(
        cluster.availability or HighAvailability(),
        enabled=None,
        fencing=True,
        reservation=True,
    )
    own = Availability(enabled=True, priority="100", lease="sd-1", storage_error="kill")
    facts: dict[str, Any] = {
        "state": "paused",
        "created_at": "2020-01-01T10:00:00Z",
        "started_at": "2026-01-01T10:00:00Z",
        "origin": "ovirt",
        "delete_protected": True,
        "stateless": True,
        "next_run_differs": True,
    }
    agents = (
        FenceAgent(
            id="agent-1",
            kind="ipmilan",
            address="10.2.0.11",
            port=623,
            order=1,
            options=(Setting(name="lanplus", value="1"),),
        ),
        FenceAgent(id="agent-2", kind="apc_snmp", address="10.2.0.12", port=3, order=2),
    )
    other = FenceAgent(id="agent-3", kind="ipmilan", address="10.2.0.13", port=623, order=1)
    ordinary = Availability(enabled=False, priority="1")
    return (
        example.change("clusters", leading, availability=high)
        .choose(machines={"rhv1/host-ha-1": "worker-1", "rhv1/host-ha-2": "worker-2"})
        .add(
            clusters=(Cluster(id="c-ha", name="other ha", datacenter=None),),
            hosts=(
                _host(leading, in_maintenance=True, fence_agents=agents, power_management=True),
                _host(leading, 2, fence_agents=(other,), power_management=True),
            ),
            vms=(
                _vm(example, "vm-ha-1", leading, availability=own, **facts),
                _vm(example, "vm-ha-2", leading, availability=ordinary),
                _vm(example, "vm-ha-3", "c-ha", availability=Availability(priority="50")),
            ),
        )
    )


def _host(cluster: str, number: int = 1, **fields: Any) -> Host:
    return Host(
        id=f"host-ha-{number}",
        name=f"ha{number}.example.com",
        cluster=cluster,
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
        **fields,
    )
