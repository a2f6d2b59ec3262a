"""Two more clusters: `compute` with everything switched on, `lab` with everything otherwise."""

from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from tests.real.wide_vsphere.api import Api

COMPUTE_HOSTS = ("esx11.example", "esx12.example", "esx13.example")
LAB_HOSTS = ("esx21.example", "esx22.example")
EVC = "intel-broadwell"


@dataclass(frozen=True)
class Clusters:
    """The clusters, hosts and resource pools, by name."""

    clusters: dict[str, Any]
    hosts: dict[str, Any]
    pools: dict[str, Any]


def add_clusters(api: Api) -> Clusters:
    """Make the clusters with their hosts; one of the `lab` is in maintenance."""
    compute = _cluster(api, "compute", COMPUTE_HOSTS)
    lab = _cluster(api, "lab", LAB_HOSTS)
    hosts = {api.leaf(host, "name"): host for host in [*compute.host, *lab.host]}
    _configure_compute(api, compute)
    _configure_lab(api, lab, hosts["esx21.example"])
    api.result(compute.EvcManager().ConfigureEvcMode_Task(EVC))
    api.result(hosts["esx22.example"].EnterMaintenanceMode_Task(timeout=0))
    return Clusters({"compute": compute, "lab": lab}, hosts, _pools(compute))


def _cluster(api: Api, name: str, hosts: tuple[str, ...]) -> Any:
    cluster = api.datacenter.hostFolder.CreateClusterEx(name, vim.cluster.ConfigSpecEx())
    for host in hosts:
        connect = vim.host.ConnectSpec(hostName=host, force=True)
        api.result(cluster.AddHost_Task(spec=connect, asConnected=True))
    return cluster


def _configure_compute(api: Api, cluster: Any) -> None:
    per_vm = vim.cluster.DasVmSettings
    spec = vim.cluster.ConfigSpecEx(
        drsConfig=vim.cluster.DrsConfigInfo(
            enabled=True,
            enableVmBehaviorOverrides=True,
            defaultVmBehavior="partiallyAutomated",
            vmotionRate=2,
        ),
        dasConfig=vim.cluster.DasConfigInfo(
            enabled=True,
            hostMonitoring="enabled",
            vmMonitoring="vmAndAppMonitoring",
            vmComponentProtecting="enabled",
            hBDatastoreCandidatePolicy="allFeasibleDs",
            admissionControlEnabled=True,
            admissionControlPolicy=vim.cluster.FailoverResourcesAdmissionControlPolicy(
                cpuFailoverResourcesPercent=34,
                memoryFailoverResourcesPercent=34,
                failoverLevel=1,
                autoComputePercentages=False,
            ),
            defaultVmSettings=per_vm(
                restartPriority="medium",
                isolationResponse="shutdown",
                restartPriorityTimeout=600,
                vmToolsMonitoringSettings=vim.cluster.VmToolsMonitoringSettings(
                    enabled=True, vmMonitoring="vmAndAppMonitoring", failureInterval=30
                ),
            ),
            option=[vim.option.OptionValue(key="das.isolationaddress0", value="192.0.2.1")],
        ),
        dpmConfig=vim.cluster.DpmConfigInfo(
            enabled=True, defaultDpmBehavior="manual", hostPowerActionRate=3
        ),
    )
    api.result(cluster.ReconfigureComputeResource_Task(spec, modify=True))


def _configure_lab(api: Api, cluster: Any, spare: Any) -> None:
    spec = vim.cluster.ConfigSpecEx(
        drsConfig=vim.cluster.DrsConfigInfo(
            enabled=True, defaultVmBehavior="manual", vmotionRate=5
        ),
        dasConfig=vim.cluster.DasConfigInfo(
            enabled=False,
            admissionControlEnabled=False,
            admissionControlPolicy=vim.cluster.FailoverHostAdmissionControlPolicy(
                failoverHosts=[spare]
            ),
        ),
    )
    api.result(cluster.ReconfigureComputeResource_Task(spec, modify=True))


def _allocation(shares: int, reservation: int, limit: int) -> Any:
    level = {2000: "low", 4000: "normal", 8000: "high"}.get(shares, "custom")
    return vim.ResourceAllocationInfo(
        reservation=reservation,
        expandableReservation=reservation == 0,
        limit=limit,
        shares=vim.SharesInfo(level=level, shares=shares),
    )


def _pools(cluster: Any) -> dict[str, Any]:
    """`tier 1`, in it `tier 1 databases`, and `best effort`."""

    def pool(parent: Any, name: str, cpu: Any, memory: Any) -> Any:
        return parent.CreateResourcePool(
            name, vim.ResourceConfigSpec(cpuAllocation=cpu, memoryAllocation=memory)
        )

    root = cluster.resourcePool
    tier = pool(root, "tier 1", _allocation(8000, 4000, -1), _allocation(8000, 8192, -1))
    return {
        "tier 1": tier,
        "tier 1 databases": pool(
            tier, "tier 1 databases", _allocation(4000, 2000, 12000), _allocation(6000, 4096, 32768)
        ),
        "best effort": pool(
            root, "best effort", _allocation(2000, 0, 8000), _allocation(2000, 0, 16384)
        ),
    }


def add_rules(api: Api, clusters: Clusters, vms: dict[str, Any]) -> None:
    """Groups, rules and overrides in `compute`, which need its VMs."""
    hosts = clusters.hosts
    group, rule = vim.cluster.GroupSpec, vim.cluster.RuleSpec

    def vm_host(name: str, **how: Any) -> Any:
        return rule(
            operation="add", info=vim.cluster.VmHostRuleInfo(name=name, enabled=True, **how)
        )

    spec = vim.cluster.ConfigSpecEx(
        groupSpec=[
            group(
                operation="add",
                info=vim.cluster.VmGroup(name="licensed VMs", vm=[vms["db-node-a"], vms["web-a"]]),
            ),
            group(
                operation="add",
                info=vim.cluster.HostGroup(name="licensed hosts", host=[hosts["esx11.example"]]),
            ),
        ],
        rulesSpec=[
            rule(
                operation="add",
                info=vim.cluster.AffinityRuleSpec(
                    name="app beside its cache", enabled=True, vm=[vms["app_01"], vms["app-01"]]
                ),
            ),
            rule(
                operation="add",
                info=vim.cluster.AntiAffinityRuleSpec(
                    name="database nodes apart",
                    enabled=True,
                    mandatory=True,
                    vm=[vms["db-node-a"], vms["db-node-b"]],
                ),
            ),
            rule(
                operation="add",
                info=vim.cluster.AntiAffinityRuleSpec(
                    name="web servers apart (off)", enabled=False, vm=[vms["web-a"], vms["app_01"]]
                ),
            ),
            vm_host(
                "licences: must run on",
                mandatory=True,
                vmGroupName="licensed VMs",
                affineHostGroupName="licensed hosts",
            ),
            vm_host(
                "licences: should not run on",
                mandatory=False,
                vmGroupName="licensed VMs",
                antiAffineHostGroupName="licensed hosts",
            ),
        ],
        drsVmConfigSpec=[
            vim.cluster.DrsVmConfigSpec(
                operation="add",
                info=vim.cluster.DrsVmConfigInfo(key=vms[name], enabled=enabled, behavior=behavior),
            )
            for name, enabled, behavior in (
                ("db-node-a", False, "manual"),
                ("db-node-b", True, "manual"),
                ("web-a", True, "fullyAutomated"),
            )
        ],
        dasVmConfigSpec=[
            vim.cluster.DasVmConfigSpec(
                operation="add",
                info=vim.cluster.DasVmConfigInfo(
                    key=vms[name],
                    dasSettings=vim.cluster.DasVmSettings(
                        restartPriority=priority, isolationResponse=isolation
                    ),
                ),
            )
            for name, priority, isolation in (
                ("db-node-a", "highest", "none"),
                ("web-a", "low", "powerOff"),
                ("app_01", "disabled", "clusterIsolationResponse"),
            )
        ],
    )
    api.result(clusters.clusters["compute"].ReconfigureComputeResource_Task(spec, modify=True))
