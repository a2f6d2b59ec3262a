"""What NICs are attached to: networks, switches, profiles, and the overlay behind them."""

import msgspec

from mtv.model.quantity import Native, Setting, Shaping


class Security(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a port lets its guest do; ``None`` follows the switch."""

    promiscuous: bool | None = None
    mac_changes: bool | None = None
    forged_transmits: bool | None = None


class Teaming(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which uplinks carry the traffic; ``None`` follows the switch."""

    policy: str | None = None
    """``loadbalance_srcid``, ``loadbalance_ip``, ``failover_explicit`` ..."""
    active: tuple[str, ...] = ()
    standby: tuple[str, ...] = ()
    notify_switches: bool | None = None
    rolling_order: bool | None = None
    """True: a repaired uplink does not take over again."""
    reverse_policy: bool | None = None
    beacon_probing: bool | None = None


class PrivateVlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A private VLAN; ``kind`` is ``promiscuous``, ``isolated`` or ``community``."""

    primary: int
    secondary: int
    kind: str | None = None


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The overlay segment behind a network (NSX, OVN)."""

    id: str
    kind: str | None = None
    """``nsx.LogicalSwitch``, ``geneve``, ``vlan`` ..."""
    logical_switch: str | None = None
    transport_zone: str | None = None
    vni: int | None = None


class Subnet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An IP subnet that the platform knows of a network."""

    id: str
    cidr: str
    name: str = ""
    gateway: str | None = None
    dns_servers: tuple[str, ...] = ()
    dhcp: bool | None = None
    pools: tuple[str, ...] = ()
    """``10.0.0.10-10.0.0.99``."""
    native: Native = {}


class Network(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A port group, logical network or segment a NIC can be attached to."""

    id: str
    name: str
    kind: str
    """``dvportgroup``, ``network``, ``opaque``; RHV: ``logical``; ``ovf``."""
    vlan: int | None
    """Access VLAN; None where untagged, trunked or unknown."""
    vlan_trunk: str | None
    """Ranges of a trunk, ``0-100,200``; None where it is none."""
    switch: str | None
    """Name of the switch."""
    is_uplink: bool
    differing_vlans: tuple[int, ...] = ()
    """VLANs of a standard port group that is not the same on every host; 0 is untagged."""
    switch_id: str | None = None
    datacenter: str | None = None
    folder: str = ""
    description: str = ""
    private_vlan: PrivateVlan | None = None
    mtu: int | None = None
    security: Security | None = None
    teaming: Teaming | None = None
    shaping_in: Shaping | None = None
    shaping_out: Shaping | None = None
    segment: Segment | None = None
    binding: str | None = None
    """``earlyBinding``, ``ephemeral`` ..."""
    ports: int | None = None
    usages: tuple[str, ...] = ()
    """RHV: ``vm``, ``migration``, ``display`` ...; without ``vm`` there is no bridge."""
    port_isolation: bool | None = None
    qos: str | None = None
    provider: str | None = None
    """Id of the external provider that owns it (RHV)."""
    provider_network: str | None = None
    """The provider's id of it."""
    physical_network: str | None = None
    """The network or physical name an overlay network is tied to."""
    labels: tuple[str, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    port_security: bool | None = None
    clusters: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    accessible: bool | None = None
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class NicProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A vNIC profile (RHV): the terms on which a NIC joins a network."""

    id: str
    name: str
    network: str | None
    pass_through: bool | None = None
    migratable: bool | None = None
    failover: str | None = None
    port_mirroring: bool | None = None
    network_filter: str | None = None
    """Name of the filter: ``vdsm-no-mac-spoofing``."""
    qos: str | None = None
    custom_properties: tuple[Setting, ...] = ()
    native: Native = {}


class LinkGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A link aggregation group of a distributed switch."""

    name: str
    mode: str | None = None
    uplinks: tuple[str, ...] = ()
    load_balancing: str | None = None
    vlans: str | None = None


class MirrorSession(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A port mirroring session."""

    id: str
    name: str
    enabled: bool | None = None
    kind: str | None = None
    native: Native = {}


class SwitchHost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A host that is a member of a distributed switch, with the NICs it gives."""

    host: str
    nics: tuple[str, ...] = ()


class Switch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A distributed switch."""

    id: str
    name: str
    datacenter: str | None = None
    folder: str = ""
    uuid: str | None = None
    version: str | None = None
    vendor: str | None = None
    mtu: int | None = None
    uplinks: tuple[str, ...] = ()
    discovery_protocol: str | None = None
    discovery_operation: str | None = None
    hosts: tuple[SwitchHost, ...] = ()
    link_groups: tuple[LinkGroup, ...] = ()
    lacp_version: str | None = None
    io_control: bool | None = None
    io_allocations: tuple[Setting, ...] = ()
    private_vlans: tuple[PrivateVlan, ...] = ()
    mirror_sessions: tuple[MirrorSession, ...] = ()
    netflow_collector: str | None = None
    security: Security | None = None
    teaming: Teaming | None = None
    shaping_in: Shaping | None = None
    shaping_out: Shaping | None = None
    ports: int | None = None
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class NetworkProvider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An external network provider (RHV: ovirt-provider-ovn)."""

    id: str
    name: str
    kind: str | None = None
    url: str | None = None
    unmanaged: bool | None = None
    auto_sync: bool | None = None
    read_only: bool | None = None
    native: Native = {}


class RouterPort(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A leg of a router in a subnet."""

    subnet: str
    address: str | None = None


class Router(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A router of the overlay."""

    id: str
    name: str
    enabled: bool | None = None
    external_network: str | None = None
    external_addresses: tuple[str, ...] = ()
    nat: bool | None = None
    ports: tuple[RouterPort, ...] = ()
    routes: tuple[str, ...] = ()
    """``10.1.0.0/16 via 10.0.0.1``."""
    native: Native = {}


class OverlayPort(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A port of the overlay; ``nic`` is the card it belongs to."""

    id: str
    network: str
    nic: str | None = None
    mac: str | None = None
    addresses: tuple[str, ...] = ()
    owner: str | None = None
    security_groups: tuple[str, ...] = ()
    port_security: bool | None = None
    native: Native = {}


class FirewallRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule of a security group: what is let through."""

    id: str
    direction: str
    ether_type: str | None = None
    protocol: str | None = None
    port_from: int | None = None
    port_to: int | None = None
    remote_cidr: str | None = None
    remote_group: str | None = None
    description: str = ""


class SecurityGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A group of ports with the same firewall rules."""

    id: str
    name: str
    description: str = ""
    rules: tuple[FirewallRule, ...] = ()
    native: Native = {}


class MacPool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ranges that MAC addresses are taken from: ``00:1a:4a:16:01:00-00:1a:4a:16:01:ff``."""

    id: str
    name: str
    ranges: tuple[str, ...] = ()
    allow_duplicates: bool | None = None
    is_default: bool | None = None
    native: Native = {}
