"""Clusters: DRS, high availability, rules and groups, power management, EVC; pools and vApps."""

from collections.abc import Iterator
from typing import Any

from mtv.model.compute import (
    Balancing,
    Cluster,
    Group,
    HighAvailability,
    PlacementRule,
    ResourcePool,
    VApp,
    VAppEntry,
)
from mtv.model.quantity import Setting
from mtv.model.vm import Availability
from mtv.sources.vsphere import redaction
from mtv.sources.vsphere.native import REDACTED, native
from mtv.sources.vsphere.places import CLUSTERS, Around, common
from mtv.sources.vsphere.values import (
    at,
    cpu_allocation,
    many,
    memory_allocation,
    settings,
    text,
    unescape,
)
from mtv.sources.vsphere.wire import Data, is_a

_POLICIES = {
    "ClusterFailoverLevelAdmissionControlPolicy": "FailoverLevel",
    "ClusterFailoverResourcesAdmissionControlPolicy": "FailoverResources",
    "ClusterFailoverHostAdmissionControlPolicy": "FailoverHost",
}


def clusters(around: Around) -> Iterator[Cluster]:
    """Every cluster, and the compute resource of every host that stands alone."""
    for id_, tree in around.places.of(*CLUSTERS):
        config = tree.get("configurationEx", Data())
        yield Cluster(
            id=id_,
            name=unescape(tree.get("name", id_)),
            datacenter=around.places.datacenter(tree),
            folder=around.places.folder(tree),
            balancing=_balancing(config),
            availability=_availability(config),
            groups=tuple(_groups(config)),
            rules=tuple(_rules(config)),
            cpu_baseline=text(tree, "summary.currentEVCModeKey"),
            swap_placement=text(config, "vmSwapPlacement"),
            total_cpu_mhz=at(tree, "summary.totalCpu"),
            total_memory_bytes=at(tree, "summary.totalMemory"),
            native=native("vim." + tree.kind, tree),
            **common(around, id_, tree),
        )


def _balancing(config: Data) -> Balancing | None:
    drs, dpm = config.get("drsConfig"), config.get("dpmConfigInfo")
    if drs is None and dpm is None:
        return None
    return Balancing(
        enabled=at(drs, "enabled"),
        automation=text(drs, "defaultVmBehavior"),
        rate=at(drs, "vmotionRate"),
        overrides_allowed=at(drs, "enableVmBehaviorOverrides"),
        settings=settings(many(drs, "option")),
        power_management=at(dpm, "enabled"),
        power_automation=text(dpm, "defaultDpmBehavior"),
        power_rate=at(dpm, "hostPowerActionRate"),
    )


def _availability(config: Data) -> HighAvailability | None:
    das = config.get("dasConfig")
    if das is None:
        return None
    policy = das.get("admissionControlPolicy", Data())
    vm = das.get("defaultVmSettings", Data())
    monitoring = vm.get("vmToolsMonitoringSettings", Data())
    storage = vm.get("vmComponentProtectionSettings", Data())
    level = policy.get("failoverLevel")
    return HighAvailability(
        enabled=das.get("enabled"),
        admission_control=das.get("admissionControlEnabled"),
        admission_policy=_POLICIES.get(policy.kind, policy.kind) or None,
        failover_level=das.get("failoverLevel") if level is None else level,
        cpu_percent=policy.get("cpuFailoverResourcesPercent"),
        memory_percent=policy.get("memoryFailoverResourcesPercent"),
        failover_hosts=tuple(str(host) for host in many(policy, "failoverHosts")),
        host_monitoring=text(das, "hostMonitoring"),
        vm_monitoring=text(das, "vmMonitoring"),
        restart_priority=text(vm, "restartPriority"),
        isolation_response=text(vm, "isolationResponse"),
        heartbeat_datastores=tuple(str(store) for store in many(das, "heartbeatDatastore")),
        heartbeat_policy=text(das, "hBDatastoreCandidatePolicy"),
        storage_all_paths_down=text(storage, "vmStorageProtectionForAPD"),
        storage_permanent_loss=text(storage, "vmStorageProtectionForPDL"),
        failure_interval_seconds=monitoring.get("failureInterval"),
        minimum_uptime_seconds=monitoring.get("minUpTime"),
        maximum_failures=monitoring.get("maxFailures"),
        settings=settings(many(das, "option")),
    )


def overrides(around: Around) -> None:
    """Fills in what clusters say about single VMs: DRS level and settings of availability."""
    for _, tree in around.places.of(*CLUSTERS):
        config = tree.get("configurationEx", Data())
        for each in many(config, "drsVmConfig"):
            level = "disabled" if each.get("enabled") is False else text(each, "behavior")
            if level is not None:
                around.balancing[str(each.get("key"))] = level
        for each in many(config, "dasVmConfig"):
            around.availability[str(each.get("key"))] = _vm_availability(each)


def _vm_availability(data: Data) -> Availability:
    own = data.get("dasSettings", Data())
    monitoring = own.get("vmToolsMonitoringSettings", Data())
    priority = text(own, "restartPriority") or text(data, "restartPriority")
    follows = monitoring.get("clusterSettings") is True
    isolation = text(own, "isolationResponse")
    if isolation is None and data.get("powerOffOnIsolation") is not None:
        isolation = "powerOff" if data["powerOffOnIsolation"] else "none"
    return Availability(
        enabled=None if priority is None else priority != "disabled",
        priority=priority,
        isolation_response=isolation,
        monitoring=None if follows else text(monitoring, "vmMonitoring"),
    )


def _groups(config: Data) -> Iterator[Group]:
    for each in many(config, "group"):
        yield Group(
            id=text(each, "uniqueID") or each.get("name", ""),
            name=unescape(each.get("name", "")),
            vms=tuple(str(vm) for vm in many(each, "vm")),
            hosts=tuple(str(host) for host in many(each, "host")),
        )


def _rules(config: Data) -> Iterator[PlacementRule]:
    groups = {str(each.get("name")): each for each in many(config, "group")}

    def members(rule: Data, group: str, of: str) -> tuple[str, ...]:
        return tuple(str(each) for each in many(groups.get(rule.get(group, "")), of))

    for each in many(config, "rule"):
        vms = tuple(str(vm) for vm in many(each, "vm"))
        hosts, after = tuple[str, ...](), tuple[str, ...]()
        if is_a(each.kind, "ClusterVmHostRuleInfo"):
            away = "antiAffineHostGroupName" in each
            kind = "host-anti-affinity" if away else "host-affinity"
            vms = members(each, "vmGroupName", "vm")
            hosts = members(
                each, "antiAffineHostGroupName" if away else "affineHostGroupName", "host"
            )
        elif is_a(each.kind, "ClusterFtVmHostRuleInfo"):
            kind = "host-affinity"
            vms = members(each, "vmGroupName", "vm")
            named = (groups.get(name) for name in many(each, "hostGroupName"))
            hosts = tuple(str(host) for group in named for host in many(group, "host"))
        elif is_a(each.kind, "ClusterDependencyRuleInfo"):
            kind = "depends"
            vms, after = members(each, "vmGroup", "vm"), members(each, "dependsOnVmGroup", "vm")
        elif is_a(each.kind, "ClusterAntiAffinityRuleSpec"):
            kind = "vm-anti-affinity"
        elif is_a(each.kind, "ClusterAffinityRuleSpec"):
            kind = "vm-affinity"
        else:
            kind = each.kind
        yield PlacementRule(
            id=text(each, "ruleUuid") or str(each.get("key", "")),
            name=unescape(each.get("name", "")),
            kind=kind,
            vms=vms,
            hosts=hosts,
            after=after,
            enabled=each.get("enabled"),
            mandatory=each.get("mandatory"),
            compliant=each.get("inCompliance"),
            native=native("vim.cluster.RuleInfo", each),
        )


def resource_pools(around: Around) -> Iterator[ResourcePool]:
    """Every resource pool, a cluster's root pool included."""
    for id_, tree in around.places.of("ResourcePool"):
        parent = around.places.objects.get(text(tree, "parent") or "", Data())
        yield ResourcePool(
            id=id_,
            name=unescape(tree.get("name", id_)),
            path=_pool_path(around, tree),
            cluster=around.places.cluster(tree),
            parent=text(tree, "parent") if parent.kind in ("ResourcePool", "VirtualApp") else None,
            cpu=cpu_allocation(at(tree, "config.cpuAllocation")),
            memory=memory_allocation(at(tree, "config.memoryAllocation")),
            vms=tuple(str(vm) for vm in many(tree, "vm")),
            native=native("vim.ResourcePool", tree),
            **common(around, id_, tree),
        )


def _pool_path(around: Around, tree: Data) -> str:
    pools = [tree, *(found for _, found in around.places.above(tree))]
    names = [
        unescape(each.get("name", ""))
        for each in pools
        if each.kind in ("ResourcePool", "VirtualApp")
    ]
    return "/".join(reversed(names[:-1]))


def vapps(around: Around) -> Iterator[VApp]:
    """Every vApp, with its start order."""
    for id_, tree in around.places.of("VirtualApp"):
        config = tree.get("vAppConfig", Data())
        redaction.hide_vapp_values(config)
        yield VApp(
            id=id_,
            name=unescape(tree.get("name", id_)),
            cluster=text(tree, "owner"),
            parent=text(tree, "parentVApp") or text(tree, "parent"),
            folder=around.places.folder(tree),
            annotation=config.get("annotation", ""),
            cpu=cpu_allocation(at(tree, "config.cpuAllocation")),
            memory=memory_allocation(at(tree, "config.memoryAllocation")),
            entries=tuple(_entry(each) for each in many(config, "entityConfig")),
            properties=tuple(_property(each) for each in many(config, "property")),
            vms=tuple(str(vm) for vm in many(tree, "vm")),
            state=text(tree, "summary.vAppState"),
            native=native("vim.VirtualApp", tree),
            **common(around, id_, tree),
        )


def _entry(data: Data) -> VAppEntry:
    return VAppEntry(
        member=str(data.get("key", "")),
        start_order=data.get("startOrder"),
        start_delay_seconds=data.get("startDelay"),
        start_action=text(data, "startAction"),
        waits_for_guest=data.get("waitingForGuest"),
        stop_delay_seconds=data.get("stopDelay"),
        stop_action=text(data, "stopAction"),
    )


def _property(data: Data) -> Setting:
    """``class.id.instance`` and its value, as OVF names properties."""
    parts = (data.get("classId"), data.get("id"), data.get("instanceId"))
    value: Any = data.get("value") or data.get("defaultValue") or ""
    secret = value == REDACTED
    return Setting(
        name=".".join(str(part) for part in parts if part),
        value=REDACTED if secret else str(value),
    )
