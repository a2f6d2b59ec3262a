"""The distributed switch `dvs-wide`, its port groups, and NSX's networks."""

from typing import Any

from pyVmomi import vim

from tests.real.wide_vsphere.api import Api

UPLINKS = ("uplink-a", "uplink-b", "uplink-c", "uplink-d")
OPAQUE = "nsx-opaque-segment"
OPAQUE_ID = "5b1e0c4e-2f3a-4c66-9d54-00000000a001"
NSX = "nsx-tier1-segment"
NSX_SWITCH = "5b1e0c4e-2f3a-4c66-9d54-00000000b001"

_SWITCH = vim.dvs.VmwareDistributedVirtualSwitch


def add_switch(api: Api, hosts: dict[str, Any]) -> dict[str, Any]:
    """Make the switch and its port groups; the groups by name."""
    dvs = api.result(
        api.datacenter.networkFolder.CreateDVS_Task(
            vim.DistributedVirtualSwitch.CreateSpec(
                configSpec=_SWITCH.ConfigSpec(
                    name="dvs-wide",
                    maxMtu=9000,
                    maxPorts=4096,
                    lacpApiVersion="multipleLag",
                    networkResourceControlVersion="version3",
                    uplinkPortPolicy=vim.DistributedVirtualSwitch.NameArrayUplinkPortPolicy(
                        uplinkPortName=list(UPLINKS)
                    ),
                    linkDiscoveryProtocolConfig=vim.host.LinkDiscoveryProtocolConfig(
                        protocol="lldp", operation="both"
                    ),
                    defaultPortConfig=_policy(vlan=_access(0)),
                    pvlanConfigSpec=_private_vlans(),
                    infrastructureTrafficResourceConfig=_traffic(),
                )
            )
        )
    )
    members = [
        vim.dvs.HostMember.ConfigSpec(
            operation="add",
            host=host,
            backing=vim.dvs.HostMember.PnicBacking(
                pnicSpec=[
                    vim.dvs.HostMember.PnicSpec(pnicDevice=device)
                    for device in ("vmnic2", "vmnic3")
                ]
            ),
        )
        for host in hosts.values()
    ]
    ports = _SWITCH.VspanPorts
    mirror = _SWITCH.VspanSession(
        name="to the sensor",
        enabled=True,
        sessionType="remoteMirrorSource",
        normalTrafficAllowed=True,
        sourcePortReceived=ports(portKey=["10", "11"]),
        destinationPort=ports(uplinkPortName=["uplink-d"]),
    )
    api.result(
        dvs.ReconfigureDvs_Task(
            _SWITCH.ConfigSpec(
                host=members,
                vspanConfigSpec=[_SWITCH.VspanConfigSpec(vspanSession=mirror, operation="add")],
            )
        )
    )
    dvs.EnableNetworkResourceManagement(enable=True)
    lag = _SWITCH.LacpGroupConfig(
        name="lag1", mode="active", uplinkNum=2, loadbalanceAlgorithm="srcDestIpTcpUdpPort"
    )
    spec = _SWITCH.LacpGroupSpec(lacpGroupConfig=lag, operation="add")
    api.result(dvs.UpdateDVSLacpGroupConfig_Task([spec]))
    _port_groups(api, dvs)
    api.vcenter.add_opaque_network(OPAQUE, OPAQUE_ID)
    made = api.networks()
    return {name: made[name] for name in (*PORT_GROUPS, NSX, OPAQUE)}


PORT_GROUPS = ("dv-30", "dv-trunk", "dv-isolated", "dv-promiscuous", "dv-shaped", "dv-fixed-uplink")


def switch_of(api: Api, group: Any) -> str:
    """The UUID of a port group's switch."""
    return str(api.leaf(api.leaf(group, "config.distributedVirtualSwitch"), "uuid"))


def _access(vlan: int) -> Any:
    return _SWITCH.VlanIdSpec(vlanId=vlan, inherited=False)


def _bool(value: bool) -> Any:
    return vim.BoolPolicy(value=value, inherited=False)


def _policy(vlan: Any, promiscuous: bool = False, **more: Any) -> Any:
    return _SWITCH.VmwarePortConfigPolicy(
        vlan=vlan,
        securityPolicy=_SWITCH.SecurityPolicy(
            inherited=False,
            allowPromiscuous=_bool(promiscuous),
            macChanges=_bool(promiscuous),
            forgedTransmits=_bool(promiscuous),
        ),
        **more,
    )


def _private_vlans() -> list[Any]:
    entry = _SWITCH.PvlanMapEntry
    return [
        _SWITCH.PvlanConfigSpec(
            operation="add",
            pvlanEntry=entry(primaryVlanId=500, secondaryVlanId=secondary, pvlanType=kind),
        )
        for secondary, kind in ((500, "promiscuous"), (501, "isolated"), (502, "community"))
    ]


def _traffic() -> list[Any]:
    resource = vim.DistributedVirtualSwitch.HostInfrastructureTrafficResource
    return [
        resource(
            key=key,
            allocationInfo=resource.ResourceAllocation(
                limit=limit,
                reservation=reservation,
                shares=vim.SharesInfo(level=level, shares=shares),
            ),
        )
        for key, level, shares, limit, reservation in (
            ("virtualMachine", "high", 100, -1, 2000),
            ("vmotion", "normal", 50, 8000, 0),
            ("vsan", "custom", 80, -1, 0),
        )
    ]


def _port_groups(api: Api, dvs: Any) -> None:
    shaping = vim.dvs.DistributedVirtualPort.TrafficShapingPolicy

    def long(value: int) -> Any:
        return vim.LongPolicy(value=value, inherited=False)

    limited = shaping(
        inherited=False,
        enabled=_bool(True),
        averageBandwidth=long(50_000_000),
        peakBandwidth=long(80_000_000),
        burstSize=long(10_485_760),
    )
    teaming = _SWITCH.UplinkPortTeamingPolicy(
        inherited=False,
        policy=vim.StringPolicy(value="failover_explicit", inherited=False),
        notifySwitches=_bool(True),
        uplinkPortOrder=_SWITCH.UplinkPortOrderPolicy(
            inherited=False, activeUplinkPort=["uplink-a"], standbyUplinkPort=["uplink-b"]
        ),
    )
    trunk = _SWITCH.TrunkVlanSpec(
        inherited=False,
        vlanId=[vim.NumericRange(start=10, end=19), vim.NumericRange(start=200, end=200)],
    )
    policies = {
        "dv-30": _policy(_access(30)),
        "dv-trunk": _policy(trunk),
        "dv-isolated": _policy(_SWITCH.PvlanSpec(pvlanId=501, inherited=False)),
        "dv-promiscuous": _policy(
            _access(31),
            promiscuous=True,
            macManagementPolicy=_SWITCH.MacManagementPolicy(
                inherited=False,
                allowPromiscuous=True,
                macLearningPolicy=_SWITCH.MacLearningPolicy(inherited=False, enabled=True),
            ),
        ),
        "dv-shaped": _policy(_access(32), inShapingPolicy=limited, outShapingPolicy=limited),
        "dv-fixed-uplink": _policy(_access(33), uplinkTeamingPolicy=teaming),
    }
    group = vim.dvs.DistributedVirtualPortgroup.ConfigSpec
    specs = [
        group(
            name=name,
            type="ephemeral" if name == "dv-trunk" else "earlyBinding",
            numPorts=0 if name == "dv-trunk" else 16,
            autoExpand=True,
            description=f"for {name}",
            defaultPortConfig=policy,
        )
        for name, policy in policies.items()
    ]
    specs.append(
        group(
            name=NSX,
            type="ephemeral",
            numPorts=0,
            backingType="nsx",
            logicalSwitchUuid=NSX_SWITCH,
            segmentId="/infra/segments/tier1-web",
        )
    )
    api.result(dvs.AddDVPortgroup_Task(specs))
