"""The wide estate is what it says, and the vCenter around it behaves like one."""

import contextlib
import dataclasses
import itertools
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import pbm, vim, vmodl

from tests.real.guests import GuestImages
from tests.real.parts import PartMissing, require
from tests.real.small_estate import connected
from tests.real.test_vcenter import leaves
from tests.real.vcenter import VCenter, start_vcenter, vcsim_program
from tests.real.wide_vsphere import CANARIES, HOLES, NO_SAMPLES, WideEstate, populate
from tests.real.wide_vsphere.clusters import EVC
from tests.real.wide_vsphere.labels import READER, Rest
from tests.real.wide_vsphere.specs import LONG_NAME, machines
from tests.real.wide_vsphere.storage import policy_manager
from tests.real.wide_vsphere.switches import NSX, NSX_SWITCH, OPAQUE, OPAQUE_ID

DEVICE = vim.vm.device


@dataclasses.dataclass(frozen=True)
class Populated:
    vcenter: VCenter
    estate: WideEstate


@pytest.fixture(scope="module", autouse=True)
def _program() -> None:
    try:
        vcsim_program()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, images: GuestImages) -> Iterator[Populated]:
    with start_vcenter(tmp_path_factory.mktemp("vcenter")) as vcenter:
        yield Populated(vcenter, populate(vcenter, images))


@pytest.fixture(scope="module")
def vms(wide: Populated) -> dict[str, dict[str, Any]]:
    """Every VM's leaves by its name (as people see it)."""
    with connected(wide.vcenter) as service:
        found = leaves(
            service,
            vim.VirtualMachine,
            *("config.hardware.device", "config.hardware.numCPU", "config.extraConfig"),
            *("config.hardware.numCoresPerSocket", "config.guestId", "config.annotation"),
            *("config.firmware", "config.bootOptions", "config.cpuHotAddEnabled"),
            *("config.memoryHotAddEnabled", "config.cpuAffinity.affinitySet", "config.template"),
            *("config.cpuAllocation", "config.memoryAllocation", "config.latencySensitivity"),
            *("config.nestedHVEnabled", "config.changeTrackingEnabled", "config.vAppConfig"),
            *("config.vPMCEnabled", "config.version", "config.memoryReservationLockedToMax"),
            *("guest.net", "guest.ipStack", "guest.disk", "guest.hostName", "guest.toolsStatus"),
            *("layoutEx.file", "snapshot.rootSnapshotList", "snapshot.currentSnapshot"),
            *("runtime.powerState", "parentVApp", "customValue", "triggeredAlarmState"),
            *("resourcePool", "network", "datastore", "permission", "storage.perDatastoreUsage"),
        )
    return {re.sub("%(2f|25|5c)", _unescaped, name): row for name, row in found.items()}


def _unescaped(match: re.Match[str]) -> str:
    return {"2f": "/", "25": "%", "5c": "\\"}[match[1]]


def of(row: dict[str, Any], kind: type) -> list[Any]:
    """The devices of a kind."""
    return [each for each in row["config.hardware.device"] if isinstance(each, kind)]


def kinds(row: dict[str, Any]) -> set[str]:
    """The kinds of device that a VM has."""
    return {type(each).__name__.rpartition(".")[2] for each in row["config.hardware.device"]}


def backings(row: dict[str, Any]) -> list[Any]:
    return [disk.backing for disk in of(row, DEVICE.VirtualDisk)]


def option(row: dict[str, Any], key: str) -> Any:
    return {each.key: each.value for each in row["config.extraConfig"]}.get(key)


Check = Callable[[dict[str, Any]], bool]
SQL = "SQL Server (Produktion) Köln"

VM_CHECKS: list[tuple[str, str, Check]] = [
    (SQL, "hot add", lambda v: v["config.cpuHotAddEnabled"] and v["config.memoryHotAddEnabled"]),
    (SQL, "secure boot", lambda v: v["config.bootOptions"].efiSecureBootEnabled),
    (SQL, "EFI", lambda v: v["config.firmware"] == "efi"),
    (SQL, "latency", lambda v: v["config.latencySensitivity"].level == "high"),
    (SQL, "CPU reserved", lambda v: v["config.cpuAllocation"].reservation == 2000),
    (SQL, "CPU limit", lambda v: v["config.cpuAllocation"].limit == 8000),
    (SQL, "memory shares", lambda v: v["config.memoryAllocation"].shares.shares == 12345),
    (SQL, "all memory reserved", lambda v: v["config.memoryReservationLockedToMax"]),
    (SQL, "LSI SAS", lambda v: "VirtualLsiLogicSASController" in kinds(v)),
    (
        SQL,
        "independent disks",
        lambda v: (
            [b.diskMode for b in backings(v)]
            == ["persistent", "independent_persistent", "independent_nonpersistent"]
        ),
    ),
    (SQL, "host name", lambda v: v["guest.hostName"] == "sql-server-produktion-k-ln.corp.example"),
    (SQL, "old tools", lambda v: v["guest.toolsStatus"] == "toolsOld"),
    (SQL, "drives", lambda v: [d.diskPath for d in v["guest.disk"]] == ["C:\\", "D:\\"]),
    (SQL, "free space", lambda v: all(0 < d.freeSpace < d.capacity for d in v["guest.disk"])),
    (
        SQL,
        "DNS",
        lambda v: list(v["guest.ipStack"][0].dnsConfig.ipAddress) == ["10.0.0.53", "10.0.0.54"],
    ),
    (
        SQL,
        "routes",
        lambda v: (
            [r.network for r in v["guest.ipStack"][0].ipRouteConfig.ipRoute]
            == ["0.0.0.0", "172.16.0.0"]  # noqa: S104
        ),
    ),
    (SQL, "attribute", lambda v: v["customValue"][0].value == "Müller, Jörg"),
    (SQL, "NVRAM", lambda v: _file(v, "nvram").size == 270_840),
    ("db-node-a", "NVRAM", lambda v: _file(v, "nvram").size == 8_684),
    ("db-node-a", "disk sizes", lambda v: _file(v, "diskExtent").size == 8 << 20),
    (
        "db-node-a",
        "RDMs",
        lambda v: (
            [getattr(b, "compatibilityMode", "") for b in backings(v)]
            == ["", "", "physicalMode", "virtualMode"]
        ),
    ),
    ("db-node-a", "multi-writer", lambda v: backings(v)[1].sharing == "sharingMultiWriter"),
    (
        "db-node-a",
        "bus sharing",
        lambda v: (
            {c.sharedBus for c in of(v, DEVICE.VirtualSCSIController)}
            == {"noSharing", "physicalSharing"}
        ),
    ),
    ("win11-vtpm", "vTPM", lambda v: "VirtualTPM" in kinds(v)),
    (
        "win11-vtpm",
        "NVMe, AHCI",
        lambda v: {"VirtualNVMEController", "VirtualAHCIController"} <= kinds(v),
    ),
    (
        "legacy-xp",
        "old devices",
        lambda v: (
            {
                *("VirtualFloppy", "VirtualSerialPort", "VirtualParallelPort"),
                *("VirtualSoundBlaster16", "VirtualBusLogicController", "VirtualPCNet32"),
            }
            <= kinds(v)
        ),
    ),
    ("legacy-xp", "3D", lambda v: of(v, DEVICE.VirtualVideoCard)[0].enable3DSupport),
    (
        "legacy-xp",
        "ISO",
        lambda v: of(v, DEVICE.VirtualCdrom)[0].backing.fileName == "[nfs-iso] winxp-sp3.iso",
    ),
    ("legacy-xp", "IDE disk", lambda v: of(v, DEVICE.VirtualDisk)[1].controllerKey == 200),
    ("legacy-xp", "hardware", lambda v: v["config.version"] == "vmx-08"),
    ("usb-dongle", "USB", lambda v: {"VirtualUSBXHCIController", "VirtualUSB"} <= kinds(v)),
    (
        "usb-dongle",
        "client CD",
        lambda v: isinstance(
            of(v, DEVICE.VirtualCdrom)[0].backing,
            DEVICE.VirtualCdrom.RemotePassthroughBackingInfo,
        ),
    ),
    (
        "usb-dongle",
        "serial line",
        lambda v: of(v, DEVICE.VirtualSerialPort)[0].backing.serviceURI.startswith("telnet://"),
    ),
    (
        "gpu-node",
        "PCI and vGPU",
        lambda v: (
            [type(p.backing).__name__ for p in of(v, DEVICE.VirtualPCIPassthrough)]
            == [
                "vim.vm.device.VirtualPCIPassthrough.DeviceBackingInfo",
                "vim.vm.device.VirtualPCIPassthrough.VmiopBackingInfo",
            ]
        ),
    ),
    ("gpu-node", "SR-IOV", lambda v: "VirtualSriovEthernetCard" in kinds(v)),
    ("sixty-disks", "60 disks", lambda v: len(of(v, DEVICE.VirtualDisk)) == 60),
    (
        "sixty-disks",
        "4 controllers",
        lambda v: len(of(v, DEVICE.ParaVirtualSCSIController)) == 4,
    ),
    (
        "sixty-disks",
        "no disk on the controller's unit",
        lambda v: all(d.unitNumber != 7 for d in of(v, DEVICE.VirtualDisk)),
    ),
    ("sixty-disks", "not tracked", lambda v: not v["config.changeTrackingEnabled"]),
    ("snapshot-tree", "tracked", lambda v: v["config.changeTrackingEnabled"]),
    ("snapshot-tree", "tracked disk", lambda v: option(v, "scsi0:0.ctkEnabled") == "TRUE"),
    ("snapshot-tree", "change id", lambda v: backings(v)[0].changeId.endswith("/7")),
    (
        "snapshot-tree",
        "seSparse",
        lambda v: isinstance(backings(v)[1], DEVICE.VirtualDisk.SeSparseBackingInfo),
    ),
    (
        "snapshot-tree",
        "snapshots",
        lambda v: (
            [
                (root.name, [child.name for child in root.childSnapshotList])
                for root in v["snapshot.rootSnapshotList"]
            ]
            == [("clean", ["patched", "before the move"])]
        ),
    ),
    ("nested-hypervisor", "nested", lambda v: v["config.nestedHVEnabled"]),
    ("nested-hypervisor", "counters", lambda v: v["config.vPMCEnabled"]),
    ("nested-hypervisor", "pinned", lambda v: len(v["config.cpuAffinity.affinitySet"]) == 4),
    ("nested-hypervisor", "cores", lambda v: v["config.hardware.numCoresPerSocket"] == 4),
    ("nested-hypervisor", "NUMA", lambda v: option(v, "numa.nodeAffinity") == "0,1"),
    (
        "many-nics",
        "NIC kinds",
        lambda v: (
            [type(n).__name__.rpartition(".")[2] for n in of(v, DEVICE.VirtualEthernetCard)]
            == [
                "VirtualVmxnet3",
                "VirtualE1000",
                "VirtualE1000e",
                "VirtualPCNet32",
                "VirtualVmxnet3",
            ]
        ),
    ),
    (
        "many-nics",
        "one NIC is unplugged",
        lambda v: (
            [n.connectable.connected for n in of(v, DEVICE.VirtualEthernetCard)]
            == [True, True, True, True, False]
        ),
    ),
    (
        "many-nics",
        "static addresses",
        lambda v: (
            [n.ipConfig.ipAddress[0].origin for n in v["guest.net"] if n.ipConfig.ipAddress]
            == ["manual"] * 4
        ),
    ),
    (
        "on-opaque",
        "opaque backing",
        lambda v: of(v, DEVICE.VirtualEthernetCard)[0].backing.opaqueNetworkId == OPAQUE_ID,
    ),
    ("on-opaque", "opaque network", lambda v: isinstance(v["network"][0], vim.OpaqueNetwork)),
    ("golden-template", "template", lambda v: v["config.template"]),
    ("suspended-job", "suspended", lambda v: v["runtime.powerState"] == "suspended"),
    ("shop-db", "in a vApp", lambda v: isinstance(v["parentVApp"], vim.VirtualApp)),
    ("web-a", "an alarm rings", lambda v: v["triggeredAlarmState"][0].overallStatus == "yellow"),
    ("secrets", "no access", lambda v: v["permission"][0].roleId == -5),
    ("secrets", "VNC", lambda v: _canary(v, "RemoteDisplay.vnc.password")),
    ("secrets", "guestinfo", lambda v: _canary(v, "guestinfo.userdata")),
    ("secrets", "guest password", lambda v: _canary(v, "guestinfo.password")),
    ("secrets", "OVF", lambda v: CANARIES["guestinfo.ovfEnv"] in option(v, "guestinfo.ovfEnv")),
    (
        "secrets",
        "property",
        lambda v: (
            [p.value for p in v["config.vAppConfig"].property if p.type == "password"]
            == [CANARIES["vapp.property"]]
        ),
    ),
    (
        "secrets",
        "transport",
        lambda v: "iso" in v["config.vAppConfig"].ovfEnvironmentTransport,
    ),
]


def _file(row: dict[str, Any], kind: str) -> Any:
    return next(each for each in row["layoutEx.file"] if each.type == kind)


def _canary(row: dict[str, Any], key: str) -> bool:
    return bool(option(row, key) == CANARIES[key])


@pytest.mark.parametrize(
    ("vm", "what", "check"), VM_CHECKS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_vm(vms: dict[str, dict[str, Any]], vm: str, what: str, check: Check) -> None:
    assert check(vms[vm]), what


def test_every_vm_is_there(wide: Populated, vms: dict[str, dict[str, Any]]) -> None:
    assert (
        set(vms)
        == set(wide.estate.vms)
        == {m.name for m in machines()} | set(wide.estate.small.vms)
    )
    assert len(LONG_NAME) == 80
    assert {row["runtime.powerState"] for row in vms.values()} == {
        "poweredOn",
        "poweredOff",
        "suspended",
    }


def test_canaries_are_in_no_note(vms: dict[str, dict[str, Any]]) -> None:
    assert len(set(CANARIES.values())) == len(CANARIES)
    for row in vms.values():
        assert not any(each in row.get("config.annotation", "") for each in CANARIES.values())


def test_two_vms_share_a_disk(vms: dict[str, dict[str, Any]]) -> None:
    shared = [backings(vms[name])[1] for name in ("db-node-a", "db-node-b")]
    assert shared[0].fileName == shared[1].fileName
    assert shared[0].uuid == shared[1].uuid


def test_clusters(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        clusters = leaves(
            service,
            vim.ClusterComputeResource,
            *("configurationEx.drsConfig", "configurationEx.dasConfig", "configurationEx.rule"),
            *("configurationEx.group", "configurationEx.drsVmConfig"),
            *("configurationEx.dasVmConfig", "configurationEx.dpmConfigInfo"),
            "summary.currentEVCModeKey",
        )
        hosts = leaves(
            service, vim.HostSystem, "runtime.inMaintenanceMode", "summary.currentEVCModeKey"
        )
    compute, lab = clusters["compute"], clusters["lab"]
    assert compute["configurationEx.drsConfig"].defaultVmBehavior == "partiallyAutomated"
    assert compute["configurationEx.drsConfig"].vmotionRate == 2
    assert lab["configurationEx.drsConfig"].defaultVmBehavior == "manual"
    das = compute["configurationEx.dasConfig"]
    assert das.admissionControlPolicy.cpuFailoverResourcesPercent == 34
    assert das.defaultVmSettings.isolationResponse == "shutdown"
    assert das.vmMonitoring == "vmAndAppMonitoring"
    policy = lab["configurationEx.dasConfig"].admissionControlPolicy
    assert isinstance(policy, vim.cluster.FailoverHostAdmissionControlPolicy)
    rules = {rule.name: rule for rule in compute["configurationEx.rule"]}
    assert [type(rule).__name__.rpartition(".")[2] for rule in rules.values()] == [
        "AffinityRuleSpec",
        "AntiAffinityRuleSpec",
        "AntiAffinityRuleSpec",
        "VmHostRuleInfo",
        "VmHostRuleInfo",
    ]
    assert rules["database nodes apart"].mandatory
    assert not rules["web servers apart (off)"].enabled
    assert rules["licences: must run on"].affineHostGroupName == "licensed hosts"
    assert {group.name for group in compute["configurationEx.group"]} == {
        "licensed VMs",
        "licensed hosts",
    }
    assert {
        (each.key._moId, each.enabled, each.behavior)
        for each in compute["configurationEx.drsVmConfig"]
    } == {
        (wide.estate.vms["db-node-a"], False, "manual"),
        (wide.estate.vms["db-node-b"], True, "manual"),
        (wide.estate.vms["web-a"], True, "fullyAutomated"),
    }
    priorities = [e.dasSettings.restartPriority for e in compute["configurationEx.dasVmConfig"]]
    assert priorities == ["highest", "low", "disabled"]
    assert compute["configurationEx.dpmConfigInfo"].defaultDpmBehavior == "manual"
    assert compute["summary.currentEVCModeKey"] == EVC
    assert hosts["esx11.example"]["summary.currentEVCModeKey"] == EVC
    assert [n for n, row in hosts.items() if row["runtime.inMaintenanceMode"]] == ["esx22.example"]


def test_pools_and_vapp(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        pools = leaves(
            service, vim.ResourcePool, "config.cpuAllocation", "config.memoryAllocation", "parent"
        )
        vapps = leaves(service, vim.VirtualApp, "vAppConfig.entityConfig", "vm")
    inner = pools["tier 1 databases"]
    assert inner["parent"]._moId == wide.estate.pools["tier 1"]
    assert inner["config.cpuAllocation"].limit == 12000
    assert inner["config.memoryAllocation"].shares.shares == 6000
    shop = vapps["shop"]
    assert len(shop["vm"]) == 3
    assert [(e.tag, e.startOrder, e.startDelay) for e in shop["vAppConfig.entityConfig"]] == [
        ("shop-db", 1, 120),
        ("shop-app", 2, 60),
        ("shop-web", 2, 60),
    ]


def test_hosts_have_networks_of_their_own(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        hosts = leaves(
            service,
            vim.HostSystem,
            *("config.network", "config.virtualNicManagerInfo.netConfig"),
            "configManager.networkSystem",
        )
        hints = hosts["esx12.example"]["configManager.networkSystem"].QueryNetworkHint()
    network = hosts["esx11.example"]["config.network"]
    switch = next(each for each in network.vswitch if each.name == "vSwitch1")
    assert (switch.mtu, switch.spec.bridge.linkDiscoveryProtocolConfig.operation) == (9000, "both")
    order = switch.spec.policy.nicTeaming.nicOrder
    assert (list(order.activeNic), list(order.standbyNic)) == (["vmnic1"], ["vmnic0"])
    assert switch.spec.policy.shapingPolicy.peakBandwidth == 200_000_000
    groups = {each.spec.name: each for each in network.portgroup}
    assert groups["legacy-100"].spec.vlanId == 100
    assert groups["dmz"].computedPolicy.security.allowPromiscuous is True
    assert groups["dmz"].computedPolicy.security.macChanges is False, "from the switch"
    assert groups["dmz"].computedPolicy.nicTeaming.policy == "loadbalance_ip"
    odd = {each.spec.name: each for each in hosts["esx13.example"]["config.network"].portgroup}
    assert odd["legacy-100"].spec.vlanId == 101
    assert "dmz" not in odd
    assert [(nic.device, nic.spec.mtu) for nic in network.vnic] == [
        ("vmk0", 1500),
        ("vmk1", 9000),
        ("vmk2", 9000),
    ]
    services = {
        each.nicType: [key.rpartition("-")[2] for key in each.selectedVnic]
        for each in hosts["esx11.example"]["config.virtualNicManagerInfo.netConfig"]
    }
    assert services["vmotion"] == services["faultToleranceLogging"] == ["vmk1"]
    assert (services["vsan"], services["management"]) == (["vmk2"], ["vmk0"])
    assert [(nic.driver, nic.linkSpeed.speedMb) for nic in network.pnic[:2]] == [
        ("ntg3", 1000),
        ("ixgben", 10_000),
    ]
    assert hosts["esx13.example"]["config.network"].pnic[3].linkSpeed is None
    macs = [nic.mac for row in hosts.values() for nic in row["config.network"].pnic]
    assert len(set(macs)) == len(macs)
    (proxy,) = network.proxySwitch
    assert (proxy.dvsName, proxy.mtu, len(proxy.pnic)) == ("dvs-wide", 9000, 2)
    assert hints[0].connectedSwitchPort.portId == "Ethernet1/2"
    assert hints[2].lldpInfo.parameter[0].value == "leaf-2.example"


def test_distributed_switch(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        switches = leaves(service, vim.dvs.VmwareDistributedVirtualSwitch, "config")
        groups = leaves(
            service,
            vim.dvs.DistributedVirtualPortgroup,
            *("config.defaultPortConfig", "config.uplink", "config.backingType"),
            *("config.logicalSwitchUuid", "config.segmentId", "config.type", "config.key"),
        )
        opaque = leaves(
            service,
            vim.OpaqueNetwork,
            *("summary.opaqueNetworkId", "summary.opaqueNetworkType"),
        )
    config = switches["dvs-wide"]["config"]
    assert config.maxMtu == 9000
    assert [(e.secondaryVlanId, e.pvlanType) for e in config.pvlanConfig] == [
        (500, "promiscuous"),
        (501, "isolated"),
        (502, "community"),
    ]
    assert config.linkDiscoveryProtocolConfig.protocol == "lldp"
    assert config.lacpGroupConfig[0].name == "lag1"
    assert config.uplinkPortPolicy.uplinkPortName[0] == "uplink-a"
    assert config.networkResourceManagementEnabled
    assert config.infrastructureTrafficResourceConfig[0].allocationInfo.reservation == 2000
    assert config.vspanSession[0].sessionType == "remoteMirrorSource"
    assert config.defaultPortConfig.securityPolicy.allowPromiscuous.value is False
    assert len(config.host) == 5
    ports = {name: row["config.defaultPortConfig"] for name, row in groups.items()}
    assert ports["dv-30"].vlan.vlanId == 30
    assert [(r.start, r.end) for r in ports["dv-trunk"].vlan.vlanId] == [(10, 19), (200, 200)]
    assert ports["dv-isolated"].vlan.pvlanId == 501
    assert ports["dv-promiscuous"].securityPolicy.allowPromiscuous.value is True
    assert ports["dv-promiscuous"].macManagementPolicy.macLearningPolicy.enabled
    assert ports["dv-shaped"].inShapingPolicy.peakBandwidth.value == 80_000_000
    order = ports["dv-fixed-uplink"].uplinkTeamingPolicy.uplinkPortOrder
    assert list(order.activeUplinkPort) == ["uplink-a"]
    uplinks = {each._moId for row in switches.values() for each in row["config"].uplinkPortgroup}
    assert {row["config.key"] for row in groups.values() if row.get("config.uplink")} == uplinks
    assert groups[NSX]["config.backingType"] == "nsx"
    assert groups[NSX]["config.logicalSwitchUuid"] == NSX_SWITCH
    assert opaque[OPAQUE]["summary.opaqueNetworkId"] == OPAQUE_ID


def test_datastores(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        found = leaves(
            service,
            vim.Datastore,
            *("info", "summary.type", "summary.capacity", "summary.maintenanceMode", "host"),
            *("iormConfiguration", "parent"),
        )
        pods = leaves(service, vim.StoragePod, "podStorageDrsEntry", "childEntity")
    assert {name: row["summary.type"] for name, row in found.items() if "-" in name} == {
        "vmfs-a": "VMFS",
        "vmfs-b": "VMFS",
        "nfs-iso": "NFS",
        "nfs-41": "NFS41",
        "vsan-01": "vsan",
        "vvol-01": "VVOL",
    }
    assert [len(found[name]["info"].vmfs.extent) for name in ("vmfs-a", "vmfs-b")] == [1, 2]
    nas = found["nfs-iso"]["info"].nas
    assert (nas.remoteHost, nas.remotePath) == ("filer.example", "/export/nfs-iso")
    assert isinstance(found["vvol-01"]["info"], vim.host.VvolDatastoreInfo)
    assert found["vsan-01"]["info"].membershipUuid
    assert found["vmfs-a"]["iormConfiguration"].enabled
    assert not found["vmfs-b"]["iormConfiguration"].enabled
    assert found["vmfs-a"]["summary.capacity"] == 1 << 40
    assert len(found["vmfs-a"]["host"]) == 5
    assert found["nfs-iso"]["summary.maintenanceMode"] == "enteringMaintenance"
    config = pods["pod-gold"]["podStorageDrsEntry"].storageDrsConfig.podConfig
    assert (config.enabled, config.defaultVmBehavior) == (True, "automated")
    assert config.spaceLoadBalanceConfig.spaceUtilizationThreshold == 80
    assert config.ioLoadBalanceConfig.ioLatencyThreshold == 15
    assert len(pods["pod-gold"]["childEntity"]) == 2


def _ref(kind: str, key: str) -> Any:
    return pbm.ServerObjectRef(objectType=kind, key=key)


def test_storage_policies(wide: Populated) -> None:
    vms, ids = wide.estate.vms, wide.estate.policies
    with connected(wide.vcenter) as service:
        manager = policy_manager(wide.vcenter, service)
        details = manager.PbmRetrieveContent([pbm.profile.ProfileId(uniqueId=ids["gold"])])
        silver = manager.PbmRetrieveContent([pbm.profile.ProfileId(uniqueId=ids["tagged silver"])])
        home = manager.PbmQueryAssociatedProfile(_ref("virtualMachine", vms[SQL]))
        disk = manager.PbmQueryAssociatedProfile(_ref("virtualDiskId", f"{vms[SQL]}:2001"))
        both = manager.PbmQueryAssociatedProfiles(
            [_ref("virtualMachine", vms[SQL]), _ref("virtualMachine", vms["app_01"])]
        )
        gold = pbm.profile.ProfileId(uniqueId=ids["gold"])
        entities = manager.PbmQueryAssociatedEntity(profile=gold)
        disks = manager.PbmQueryAssociatedEntity(profile=gold, entityType="virtualDiskId")
    rules = details[0].constraints.subProfiles[0].capability
    assert [rule.id.id for rule in rules] == [
        "hostFailuresToTolerate",
        "stripeWidth",
        "forceProvisioning",
    ]
    assert rules[1].constraint[0].propertyInstance[0].value == 2
    tag = silver[0].constraints.subProfiles[0].capability[0].constraint[0].propertyInstance[0]
    assert list(tag.value.values) == ["silver", "bronze"]
    assert [each.uniqueId for each in home] == [ids["gold"]]
    assert [each.uniqueId for each in disk] == [ids["encrypted"]]
    assert [each.object.key for each in both] == [vms[SQL]]
    assert {each.key for each in entities} == {
        vms[SQL],
        f"{vms[SQL]}:2000",
        vms["on-vsan"],
        f"{vms['on-vsan']}:2000",
    }
    assert {each.objectType for each in disks} == {"virtualDiskId"}


def test_a_policy_is_changed(wide: Populated) -> None:
    vm_id, ids = wide.estate.vms["on-vvol"], wide.estate.policies
    with connected(wide.vcenter) as service:
        vm = vim.VirtualMachine(vm_id, service._stub)
        (disk,) = [
            each
            for each in leaves(service, vim.VirtualMachine, "config.hardware.device")["on-vvol"][
                "config.hardware.device"
            ]
            if isinstance(each, DEVICE.VirtualDisk)
        ]
        profile = vim.vm.DefinedProfileSpec(profileId=ids["tagged silver"])
        change = DEVICE.VirtualDeviceSpec(operation="edit", device=disk, profile=[profile])
        vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change], vmProfile=[profile]))
        manager = policy_manager(wide.vcenter, service)
        found = manager.PbmQueryAssociatedProfile(_ref("virtualMachineAndDisks", vm_id))
    assert [each.uniqueId for each in found] == [ids["tagged silver"]]


def test_people(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        content = service.RetrieveContent()
        alarms = content.alarmManager.GetAlarm(content.rootFolder.childEntity[0])
        info = {alarm.info.name: alarm.info for alarm in alarms}
        roles = {role.name: role for role in content.authorizationManager.roleList}
        permissions = content.authorizationManager.RetrieveAllPermissions()
        fields = {field.name for field in content.customFieldsManager.field}
    metric = info["VM is busy"].expression.expression[0]
    assert (metric.yellow, metric.red, metric.redInterval) == (7500, 9000, 600)
    assert info["VM is down"].expression.expression[0].statePath == "runtime.powerState"
    assert roles[READER].roleId == wide.estate.role
    assert {each.roleId for each in permissions} >= {wide.estate.role, -5}
    assert fields == {"owner", "cost centre"}


def counters(service: Any) -> dict[str, int]:
    return {
        f"{each.groupInfo.key}.{each.nameInfo.key}.{each.rollupType}": each.key
        for each in service.RetrieveContent().perfManager.perfCounter
    }


METRICS = (
    *("cpu.usage.average", "cpu.ready.summation", "mem.active.average", "mem.consumed.average"),
    *("virtualDisk.read.average", "virtualDisk.write.average"),
    *("virtualDisk.numberReadAveraged.average", "virtualDisk.totalReadLatency.average"),
    *("net.received.average", "net.transmitted.average"),
)


def samples(service: Any, vm_id: str, interval: int, **more: Any) -> list[Any]:
    """What is kept of a VM, with every instance."""
    known = counters(service)
    ids = [vim.PerformanceManager.MetricId(counterId=known[name], instance="*") for name in METRICS]
    spec = vim.PerformanceManager.QuerySpec(
        entity=vim.VirtualMachine(vm_id, service._stub),
        metricId=ids,
        intervalId=interval,
        **more,
    )
    return list(service.RetrieveContent().perfManager.QueryPerf([spec]))


@pytest.mark.parametrize(
    ("interval", "count"), [(20, 180), (300, 288), (1800, 336), (7200, 360), (86400, 365)]
)
def test_samples(wide: Populated, interval: int, count: int) -> None:
    with connected(wide.vcenter) as service:
        (found,) = samples(service, wide.estate.vms[SQL], interval)
    assert len(found.sampleInfo) == count
    times = [each.timestamp for each in found.sampleInfo]
    assert times == sorted(times)
    assert {later - sooner for sooner, later in itertools.pairwise(times)} == {
        timedelta(seconds=interval)
    }
    assert all(len(series.value) == count for series in found.value)
    assert all(value >= 0 for series in found.value for value in series.value)


def test_samples_of_instances_and_levels(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        names = {key: name for name, key in counters(service).items()}
        found = {
            interval: {
                (names[series.id.counterId], series.id.instance)
                for series in samples(service, wide.estate.vms[SQL], interval)[0].value
            }
            for interval in (20, 86400)
        }
    assert ("virtualDisk.read.average", "scsi0:0") in found[20]
    assert ("virtualDisk.read.average", "") not in found[20], "disks have no sum"
    assert {("cpu.usage.average", ""), ("cpu.usage.average", "0")} <= found[20]
    assert {("net.received.average", "4000"), ("net.received.average", "4001")} <= found[20]
    assert {name for name, _ in found[20]} == set(METRICS)
    assert found[86400] == {
        ("cpu.usage.average", ""),
        ("cpu.ready.summation", ""),
        ("mem.consumed.average", ""),
    }, "level 1 only"


def test_no_samples_and_holes(wide: Populated) -> None:
    vms = wide.estate.vms
    with connected(wide.vcenter) as service:
        assert samples(service, vms[NO_SAMPLES], 300) == []
        assert samples(service, vms["app_01"], 20) == [], "it is off"
        (found,) = samples(service, vms[HOLES], 300)
        start = datetime.now(UTC) - timedelta(hours=1)
        (hour,) = samples(service, vms[SQL], 300, startTime=start)
        (latest,) = samples(service, vms[SQL], 20, maxSample=3)
        csv = samples(service, vms[SQL], 20, maxSample=3, format="csv")
    assert -1 in found.value[0].value
    assert len(hour.sampleInfo) in (11, 12)
    assert len(latest.sampleInfo) == 3
    assert csv[0].value[0].value.count(",") == 2


def test_a_query_may_be_too_large(wide: Populated) -> None:
    known = vim.PerformanceManager
    with connected(wide.vcenter) as service:
        entity = vim.VirtualMachine(wide.estate.vms[SQL], service._stub)
        ids = [known.MetricId(counterId=2, instance="")] * 100
        manager = service.RetrieveContent().perfManager

        def ask(interval: int) -> None:
            spec = known.QuerySpec(entity=entity, metricId=ids, intervalId=interval)
            manager.QueryPerf([spec] * 3)

        with pytest.raises(vim.fault.RestrictedByAdministrator) as caught:
            ask(300)
        assert "maxQueryMetrics" in caught.value.details
        ask(20)  # what hosts keep is not limited


@pytest.fixture
def faults(wide: Populated) -> Iterator[Callable[..., None]]:
    yield wide.vcenter.set_faults
    wide.vcenter.set_faults()


def pages(service: Any, size: int, *paths: str, while_at_one: Callable[[], None]) -> list[Any]:
    """Every VM page by page; something happens after the first."""
    content = service.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    collector = vmodl.query.PropertyCollector
    walk = collector.TraversalSpec(
        name="view", type=vim.view.ContainerView, path="view", skip=False
    )
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
        propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=list(paths))],
    )
    page = content.propertyCollector.RetrievePropertiesEx(
        [spec], collector.RetrieveOptions(maxObjects=size)
    )
    found = list(page.objects)
    while_at_one()
    while page.token:
        page = content.propertyCollector.ContinueRetrievePropertiesEx(page.token)
        found += page.objects
    return found


def nothing() -> None:
    """Nothing happens."""


def test_properties_without_permission(wide: Populated, faults: Callable[..., None]) -> None:
    vm_id = wide.estate.vms["app_01"]
    faults({"fault": "NoPermission", "object": f"VirtualMachine:{vm_id}", "properties": ["config"]})
    with connected(wide.vcenter) as service:
        found = pages(
            service, 1000, "name", "config.uuid", "config.hardware.numCPU", while_at_one=nothing
        )
    row: Any = next(each for each in found if each.obj._moId == vm_id)
    assert [each.name for each in row.propSet] == ["name"]
    assert {each.path for each in row.missingSet} == {"config.uuid", "config.hardware.numCPU"}
    fault: Any = row.missingSet[0].fault
    assert isinstance(fault, vim.fault.NoPermission)
    refused: Any = fault.object
    assert (refused._moId, fault.privilegeId) == (vm_id, "System.Read")
    assert not any(each.missingSet for each in found if each.obj._moId != vm_id)


def test_a_hidden_object(wide: Populated, faults: Callable[..., None]) -> None:
    faults({"fault": "Hidden", "object": "VirtualMachine=web-a"})
    with connected(wide.vcenter) as service:
        assert "web-a" not in leaves(service, vim.VirtualMachine)


@pytest.mark.parametrize("complains", [False, True])
def test_an_object_vanishes_between_pages(
    wide: Populated, faults: Callable[..., None], complains: bool
) -> None:
    vm_id = wide.estate.vms["shop-web"]
    rule = {
        "fault": "VanishWithFault" if complains else "Vanish",
        "object": f"VirtualMachine:{vm_id}",
    }
    with connected(wide.vcenter) as service:

        def ask() -> list[Any]:
            return pages(service, 10, "name", while_at_one=lambda: None)

        before = len(ask())
        faults(rule)
        if complains:
            with pytest.raises(vmodl.fault.ManagedObjectNotFound) as caught:
                ask()
            assert caught.value.obj._moId == vm_id
        assert len(ask()) == before - 1
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            vim.VirtualMachine(vm_id, service._stub).RefreshStorageInfo()


def test_a_session_ends_midway(wide: Populated, faults: Callable[..., None]) -> None:
    with connected(wide.vcenter) as service:
        faults({"fault": "NotAuthenticated", "method": "ContinueRetrievePropertiesEx", "after": 1})
        with pytest.raises(vim.fault.NotAuthenticated):
            pages(service, 5, "name", while_at_one=nothing)
        with pytest.raises(vim.fault.NotAuthenticated):
            leaves(service, vim.VirtualMachine)
    with connected(wide.vcenter) as service:
        assert leaves(service, vim.VirtualMachine)
    assert [each["struck"] for each in wide.vcenter.faults()] == [1]


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("NoPermission", vim.fault.NoPermission),
        ("ManagedObjectNotFound", vmodl.fault.ManagedObjectNotFound),
    ],
)
def test_a_call_is_refused(
    wide: Populated, faults: Callable[..., None], fault: str, raised: type[Exception]
) -> None:
    faults(
        {"fault": fault, "method": "QueryNetworkHint", "object": "HostNetworkSystem", "times": 1}
    )
    with connected(wide.vcenter) as service:
        hosts = leaves(service, vim.HostSystem, "configManager.networkSystem")
        system = hosts["esx11.example"]["configManager.networkSystem"]
        with pytest.raises(raised):
            system.QueryNetworkHint()
        assert system.QueryNetworkHint()


def test_fault_rules_are_checked(wide: Populated) -> None:
    with pytest.raises(RuntimeError, match="none of"):
        wide.vcenter.set_faults({"fault": "Nonsense"})
    stranger = dataclasses.replace(wide.vcenter, password="wrong")
    with pytest.raises(RuntimeError, match="401"):
        stranger.set_faults()


def test_fault_rules_from_a_file(tmp_path: Path) -> None:
    rules = tmp_path / "faults.json"
    rules.write_text('{"rules": [{"fault": "NoPermission", "method": "CurrentTime"}]}')
    with (
        start_vcenter(tmp_path / "vcenter", extra_args=("-fault-rules", str(rules))) as vcenter,
        connected(vcenter) as service,
    ):
        with pytest.raises(vim.fault.NoPermission):
            service.CurrentTime()
        rules.write_text('{"rules": []}  ')
        assert service.CurrentTime()


def test_an_unknown_property_fails_the_retrieval(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        for path in ("config.nonsense", "snapshot.nonsense", "nonsense"):
            with pytest.raises(vmodl.query.InvalidProperty) as caught:
                leaves(service, vim.VirtualMachine, path)
            assert caught.value.name == path


NEWER: list[tuple[type, str, str]] = [
    (vim.VirtualMachine, "summary.config.tpmPresent", "6.7"),
    (vim.VirtualMachine, "config.createDate", "6.7"),
    (vim.VirtualMachine, "config.sgxInfo", "7.0"),
    (vim.VirtualMachine, "config.numaInfo", "8.0.0.1"),
    (vim.VirtualMachine, "config.metroFtEnabled", "8.0.3.0"),
]


@pytest.mark.parametrize("version", ["6.5", "6.7", "7.0", "8.0.3.0"])
def test_versions_know_what_they_know(tmp_path: Path, version: str) -> None:
    here = tuple(int(part) for part in version.split("."))
    with (
        start_vcenter(tmp_path, api_version=version, extra_args=("-cluster", "1")) as vcenter,
        connected(vcenter) as service,
    ):
        assert service.RetrieveContent().about.apiVersion == version
        for kind, path, since in NEWER:
            known = here >= tuple(int(part) for part in since.split("."))
            refusal = (
                contextlib.nullcontext() if known else pytest.raises(vmodl.query.InvalidProperty)
            )
            with refusal:
                leaves(service, kind, path)
        leaves(service, vim.VirtualMachine, "config.uuid", "config.cpuHotAddEnabled")


def test_a_rich_model(tmp_path: Path) -> None:
    """What benchmarks run against: many VMs, made by the simulator itself."""
    args = ("-cluster", "2", "-host", "2", "-ds", "1", "-pg", "2", "-vm", "3", "-rich")
    with start_vcenter(tmp_path, extra_args=args) as vcenter, connected(vcenter) as service:
        rows = leaves(service, vim.VirtualMachine, "guest.hostName", "guest.ipAddress", "guest.net")
        with Rest(vcenter) as rest:
            tags = rest.get("/com/vmware/cis/tagging/tag")
    assert len(rows) == 6
    assert {row["guest.hostName"] for row in rows.values()} == {
        f"vm{number:05d}.example" for number in range(6)
    }
    assert all(row["guest.net"][0].ipConfig.ipAddress for row in rows.values())
    assert len(tags) == 3


def test_tags(wide: Populated) -> None:
    with Rest(wide.vcenter) as rest:
        vm = {"id": wide.estate.vms[SQL], "type": "VirtualMachine"}
        (found,) = rest.post(
            "/com/vmware/cis/tagging/tag-association?~action=list-attached-tags-on-objects",
            {"object_ids": [vm]},
        )
    tags = wide.estate.tags
    assert set(found["tag_ids"]) == {tags[n] for n in ("production", "daily", "Köln, außer Haus")}


def test_nothing_is_set_that_does_not_fit(wide: Populated) -> None:
    with connected(wide.vcenter) as service:
        vm = vim.VirtualMachine(wide.estate.vms["app_01"], service._stub)
        for path, value in (("nonsense", "x"), ("config.hardware.numCPU", "four")):
            with pytest.raises(RuntimeError, match=path):
                wide.vcenter.set_properties((vm, path, value))
        assert leaves(service, vim.VirtualMachine, "config.hardware.numCPU")


def test_the_build_says_what_it_lacks(tmp_path: Path) -> None:
    """Without the Go modules at hand, it ends with one sentence."""
    root = Path(__file__).parents[2]
    require("Go", (root / "setup/vcsim.sh").exists(), "the sources")
    env = {
        "PATH": "/usr/local/go/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "GOPROXY": "off",
        "GOMODCACHE": str(tmp_path / "modules"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        ["bash", str(root / "setup/vcsim.sh")],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if "taking one from PyPI" in done.stdout:
        pytest.skip("no Go on this machine's usual paths")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be fetched from the Go module proxy" in done.stderr
