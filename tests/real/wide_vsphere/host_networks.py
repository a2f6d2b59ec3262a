"""Standard switches, VMkernel NICs and physical NICs of the hosts, no two hosts quite alike."""

from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

from tests.real.wide_vsphere.api import Api

PORT_GROUPS = ("legacy-100", "dmz")
"""Of the standard switch. `dmz` is not on esx13, and `legacy-100` is VLAN 101 there."""

_VLANS = {"legacy-100": 100, "dmz": 0}


def configure_hosts(api: Api, hosts: dict[str, Any]) -> None:
    """Give each host NICs, a standard switch with port groups, and VMkernel NICs with services."""
    for number, (name, host) in enumerate(hosts.items()):
        _physical_nics(api, number, host)
        _standard_switch(api, host, name)
        _vmkernel(api, host, number)
        _neighbours(api, host, number)


def _system(api: Api, host: Any) -> Any:
    return api.leaf(host, "configManager.networkSystem")


def _physical_nics(api: Api, number: int, host: Any) -> None:
    duplex = vim.host.PhysicalNic.LinkSpeedDuplex
    kinds = (
        ("vmnic0", "ntg3", 1000),
        ("vmnic1", "ixgben", 10_000),
        ("vmnic2", "nmlx5_core", 25_000),
        ("vmnic3", "nmlx5_core", 25_000 if number != 2 else 0),  # esx13: no link
    )
    nics = [
        vim.host.PhysicalNic(
            key=f"key-vim.host.PhysicalNic-{device}",
            device=device,
            pci=f"0000:{0x19 + index:02x}:00.0",
            driver=driver,
            linkSpeed=duplex(speedMb=speed, duplex=True) if speed else None,
            validLinkSpecification=[duplex(speedMb=speed or 25_000, duplex=True)],
            spec=vim.host.PhysicalNic.Specification(),
            wakeOnLanSupported=False,
            mac=f"ac:1f:6b:{0x10 + number:02x}:00:{index:02x}",
            autoNegotiateSupported=True,
        )
        for index, (device, driver, speed) in enumerate(kinds)
    ]
    array = VmomiSupport.GetVmodlType("vim.host.PhysicalNic[]")(nics)
    api.vcenter.set_properties((host, "config.network.pnic", array))


def _standard_switch(api: Api, host: Any, name: str) -> None:
    policy, system = vim.host.NetworkPolicy, _system(api, host)
    system.AddVirtualSwitch(
        vswitchName="vSwitch1",
        spec=vim.host.VirtualSwitch.Specification(
            numPorts=256,
            mtu=9000,
            bridge=vim.host.VirtualSwitch.BondBridge(
                nicDevice=["vmnic1", "vmnic0"],
                beacon=vim.host.VirtualSwitch.BeaconConfig(interval=1),
                linkDiscoveryProtocolConfig=vim.host.LinkDiscoveryProtocolConfig(
                    protocol="cdp", operation="both"
                ),
            ),
            policy=vim.host.NetworkPolicy(
                security=policy.SecurityPolicy(
                    allowPromiscuous=False, macChanges=False, forgedTransmits=False
                ),
                nicTeaming=policy.NicTeamingPolicy(
                    policy="failover_explicit",
                    notifySwitches=True,
                    rollingOrder=False,
                    nicOrder=policy.NicOrderPolicy(activeNic=["vmnic1"], standbyNic=["vmnic0"]),
                ),
                shapingPolicy=policy.TrafficShapingPolicy(
                    enabled=True,
                    averageBandwidth=100_000_000,
                    peakBandwidth=200_000_000,
                    burstSize=104_857_600,
                ),
            ),
        ),
    )
    odd = name == "esx13.example"
    overrides = {
        "dmz": vim.host.NetworkPolicy(
            security=policy.SecurityPolicy(allowPromiscuous=True, forgedTransmits=True),
            nicTeaming=policy.NicTeamingPolicy(
                policy="loadbalance_ip",
                nicOrder=policy.NicOrderPolicy(activeNic=["vmnic0", "vmnic1"]),
            ),
        )
    }
    for group, vlan in {**_VLANS, "storage traffic": 300}.items():
        if odd and group == "dmz":
            continue
        system.AddPortGroup(
            vim.host.PortGroup.Specification(
                name=group,
                vlanId=vlan + (1 if odd and group == "legacy-100" else 0),
                vswitchName="vSwitch1",
                policy=overrides.get(group, vim.host.NetworkPolicy()),
            )
        )


def _vmkernel(api: Api, host: Any, number: int) -> None:
    system = _system(api, host)
    manager = api.leaf(host, "configManager.virtualNicManager")
    own = vim.host.VirtualNic.Specification(
        ip=vim.host.IpConfig(
            dhcp=False, ipAddress=f"192.0.2.{11 + number}", subnetMask="255.255.255.0"
        )
    )
    system.UpdateVirtualNic("vmk0", own)
    manager.SelectVnicForNicType("management", "vmk0")
    for vmk, services in enumerate((("vmotion", "faultToleranceLogging"), ("vsan",)), start=1):
        spec = vim.host.VirtualNic.Specification(
            ip=vim.host.IpConfig(
                dhcp=False, ipAddress=f"198.51.100.{vmk * 64 + number}", subnetMask="255.255.255.0"
            ),
            mtu=9000,
        )
        device = system.AddVirtualNic(portgroup="storage traffic", nic=spec)
        for service in services:
            manager.SelectVnicForNicType(service, device)


def _neighbours(api: Api, host: Any, number: int) -> None:
    """What the switches say of themselves: CDP on vmnic0 and vmnic1, LLDP on the others."""
    nic = vim.host.PhysicalNic
    hints = [
        nic.NetworkHint(
            device=f"vmnic{port}",
            subnet=[nic.NetworkHint.IpNetwork(ipSubnet="192.0.2.0-192.0.2.255", vlanId=100)],
            connectedSwitchPort=nic.CdpInfo(
                devId=f"core-{port}.example(FDO0{port})",
                portId=f"Ethernet1/{number + 1}",
                address="192.0.2.250",
                hardwarePlatform="N9K-C93180YC-EX",
                softwareVersion="10.2(3)",
                systemName=f"core-{port}.example",
                vlan=100,
                mtu=9216,
                fullDuplex=True,
            ),
        )
        for port in range(2)
    ] + [
        nic.NetworkHint(
            device=f"vmnic{port}",
            lldpInfo=nic.LldpInfo(
                chassisId=f"00:1c:73:00:00:0{port}",
                portId=f"Ethernet{number + 1}/{port}",
                timeToLive=120,
                parameter=[
                    vmodl.KeyAnyValue(key="System Name", value=f"leaf-{port}.example"),
                    vmodl.KeyAnyValue(key="MTU", value="9214"),
                ],
            ),
        )
        for port in (2, 3)
    ]
    array = VmomiSupport.GetVmodlType("vim.host.PhysicalNic.NetworkHint[]")(hints)
    api.vcenter.set_properties((_system(api, host), "networkHint", array))
