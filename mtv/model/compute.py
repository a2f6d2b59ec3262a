"""What VMs run on: clusters with their balancing and availability, hosts with their networks."""

import msgspec

from mtv.model.network import Security, Teaming
from mtv.model.quantity import CpuAllocation, MemoryAllocation, Native, Setting, Shaping
from mtv.model.vm import MigrationSettings


class Balancing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Load balancing of a cluster: DRS, or an RHV scheduling policy."""

    enabled: bool | None = None
    automation: str | None = None
    """``fullyAutomated``, ``partiallyAutomated``, ``manual``."""
    rate: int | None = None
    """vSphere's migration threshold: 1 moves most eagerly, 5 least; kept as the API counts."""
    overrides_allowed: bool | None = None
    policy: str | None = None
    """Id of the scheduling policy (RHV)."""
    settings: tuple[Setting, ...] = ()
    """Advanced options, or the policy's properties."""
    power_management: bool | None = None
    """DPM: hosts are switched off when they are not needed."""
    power_automation: str | None = None
    power_rate: int | None = None


class HighAvailability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a cluster does when a host or VM fails."""

    enabled: bool | None = None
    admission_control: bool | None = None
    admission_policy: str | None = None
    """The policy's class: ``FailoverLevel``, ``FailoverResources``, ``FailoverHost``."""
    failover_level: int | None = None
    cpu_percent: int | None = None
    memory_percent: int | None = None
    failover_hosts: tuple[str, ...] = ()
    host_monitoring: str | None = None
    vm_monitoring: str | None = None
    restart_priority: str | None = None
    isolation_response: str | None = None
    heartbeat_datastores: tuple[str, ...] = ()
    heartbeat_policy: str | None = None
    storage_all_paths_down: str | None = None
    storage_permanent_loss: str | None = None
    failure_interval_seconds: int | None = None
    minimum_uptime_seconds: int | None = None
    maximum_failures: int | None = None
    on_error: str | None = None
    """RHV: ``migrate``, ``migrate_highly_available``, ``do_not_migrate``."""
    reservation: bool | None = None
    """RHV: the cluster keeps room for its highly available VMs."""
    fencing: bool | None = None
    settings: tuple[Setting, ...] = ()


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named set of VMs or of hosts."""

    id: str
    name: str
    vms: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class PlacementRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which VMs shall run together, apart, or on which hosts (DRS rule, RHV affinity group)."""

    id: str
    name: str
    kind: str
    """``vm-affinity``, ``vm-anti-affinity``, ``host-affinity``, ``host-anti-affinity``,
    ``depends`` (its VMs start after those of ``after``)."""
    vms: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    enabled: bool | None = None
    mandatory: bool | None = None
    priority: float | None = None
    compliant: bool | None = None
    after: tuple[str, ...] = ()
    native: Native = {}


class ClusterNetwork(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A network's part in a cluster (RHV)."""

    network: str
    required: bool | None = None
    usages: tuple[str, ...] = ()


class Cluster(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A compute cluster, or the one host of a cluster-less compute resource."""

    id: str
    name: str
    datacenter: str | None
    balancing: Balancing | None = None
    availability: HighAvailability | None = None
    groups: tuple[Group, ...] = ()
    rules: tuple[PlacementRule, ...] = ()
    cpu_baseline: str | None = None
    """EVC mode, or the cluster's CPU type (RHV)."""
    architecture: str | None = None
    version: str | None = None
    firmware: str | None = None
    """RHV: machine and firmware of VMs that follow the cluster: ``q35_ovmf``."""
    machine: str | None = None
    migration: MigrationSettings | None = None
    switch_type: str | None = None
    same_page_merging: bool | None = None
    ballooning: bool | None = None
    memory_overcommit_percent: int | None = None
    threads_as_cores: bool | None = None
    mac_pool: str | None = None
    management_network: str | None = None
    networks: tuple[ClusterNetwork, ...] = ()
    random_sources: tuple[str, ...] = ()
    serial_policy: str | None = None
    swap_placement: str | None = None
    folder: str = ""
    description: str = ""
    total_cpu_mhz: int | None = None
    total_memory_bytes: int | None = None
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class Neighbor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a physical NIC hears from the switch at its other end."""

    protocol: str
    """``cdp`` or ``lldp``."""
    system: str | None = None
    port: str | None = None
    vlans: str | None = None
    mtu: int | None = None
    native: Native = {}


class PhysicalNic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A NIC of a host; ``speed_mbps`` is None when its link is down."""

    name: str
    mac: str | None = None
    speed_mbps: int | None = None
    duplex: bool | None = None
    driver: str | None = None
    pci_address: str | None = None
    vendor: str | None = None
    product: str | None = None
    mtu: int | None = None
    virtual_functions: int | None = None
    neighbor: Neighbor | None = None
    network_labels: tuple[str, ...] = ()
    native: Native = {}


class Bond(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bond of a host (RHV)."""

    name: str
    members: tuple[str, ...] = ()
    mode: str | None = None
    options: tuple[Setting, ...] = ()
    mtu: int | None = None
    network_labels: tuple[str, ...] = ()
    native: Native = {}


class HostSwitch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A switch inside of one host: standard vSwitch, or the host's part of a distributed one."""

    name: str
    kind: str
    """``standard`` or ``proxy``."""
    switch: str | None = None
    """The distributed switch's uuid."""
    mtu: int | None = None
    ports: int | None = None
    uplinks: tuple[str, ...] = ()
    teaming: Teaming | None = None
    security: Security | None = None
    shaping: Shaping | None = None
    discovery_protocol: str | None = None
    native: Native = {}


class HostPortGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A port group of a standard vSwitch; what is ``None`` follows the vSwitch."""

    name: str
    switch: str
    vlan: int | None = None
    """4095 lets the guest tag by itself; 0 is untagged."""
    teaming: Teaming | None = None
    security: Security | None = None
    shaping: Shaping | None = None
    native: Native = {}


class HostInterface(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An interface of the host itself: a vmkernel NIC, or a network attachment (RHV)."""

    name: str
    network: str | None = None
    """Port group's name, or id of the network."""
    base: str | None = None
    """NIC or bond below it (RHV)."""
    vlan: int | None = None
    bridged: bool | None = None
    mac: str | None = None
    mtu: int | None = None
    dhcp: bool | None = None
    addresses: tuple[str, ...] = ()
    """With prefix: ``10.0.0.5/24``."""
    gateway: str | None = None
    services: tuple[str, ...] = ()
    """``management``, ``vmotion``, ``vsan``, ``faultToleranceLogging`` ..."""
    stack: str | None = None
    in_sync: bool | None = None
    native: Native = {}


class PciDevice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device of a host that VMs may be given."""

    id: str
    kind: str | None = None
    vendor_id: str | None = None
    device_id: str | None = None
    vendor: str | None = None
    product: str | None = None
    passthrough: bool | None = None
    """It is free to be handed to a VM."""
    iommu_group: int | None = None
    parent: str | None = None
    native: Native = {}


class HostNumaNode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A NUMA node of a host."""

    index: int
    memory_bytes: int | None = None
    cpus: str = ""


class FenceAgent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a host's power is switched (RHV); never with its password."""

    id: str
    kind: str
    address: str | None = None
    port: int | None = None
    order: int | None = None
    options: tuple[Setting, ...] = ()


class Host(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hypervisor."""

    id: str
    name: str
    cluster: str | None
    cpu_model: str
    cores: int | None
    memory_bytes: int | None
    version: str
    datacenter: str | None = None
    address: str | None = None
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    uuid: str | None = None
    sockets: int | None = None
    threads: int | None = None
    cpu_mhz: int | None = None
    build: str | None = None
    state: str | None = None
    """``connected``, ``up``, ``non_responsive`` ..."""
    power: str | None = None
    in_maintenance: bool | None = None
    cpu_baseline: str | None = None
    max_cpu_baseline: str | None = None
    nested_virtualization: bool | None = None
    hyperthreading: bool | None = None
    time_zone: str | None = None
    ntp_servers: tuple[str, ...] = ()
    dns_servers: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    hostname: str | None = None
    gateway: str | None = None
    nics: tuple[PhysicalNic, ...] = ()
    bonds: tuple[Bond, ...] = ()
    switches: tuple[HostSwitch, ...] = ()
    port_groups: tuple[HostPortGroup, ...] = ()
    interfaces: tuple[HostInterface, ...] = ()
    pci_devices: tuple[PciDevice, ...] = ()
    numa_nodes: tuple[HostNumaNode, ...] = ()
    logical_units: tuple[str, ...] = ()
    """Ids of the LUNs it sees."""
    fence_agents: tuple[FenceAgent, ...] = ()
    power_management: bool | None = None
    hosted_engine: bool | None = None
    same_page_merging: bool | None = None
    affinity_labels: tuple[str, ...] = ()
    maximum_migrations: int | None = None
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class ResourcePool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A resource pool; ``parent`` is a pool, or None below its cluster."""

    id: str
    name: str
    path: str
    """Names of the pools above and its own, joined by ``/``; a cluster's root pool is ``""``."""
    cluster: str | None = None
    parent: str | None = None
    cpu: CpuAllocation | None = None
    memory: MemoryAllocation | None = None
    vms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class VAppEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A VM or inner vApp of a vApp; equal ``start_order`` starts together."""

    member: str
    start_order: int | None = None
    start_delay_seconds: int | None = None
    start_action: str | None = None
    waits_for_guest: bool | None = None
    stop_delay_seconds: int | None = None
    stop_action: str | None = None


class VApp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A vApp: VMs that start in order. Values of its password properties are left out."""

    id: str
    name: str
    cluster: str | None = None
    parent: str | None = None
    folder: str = ""
    annotation: str = ""
    cpu: CpuAllocation | None = None
    memory: MemoryAllocation | None = None
    entries: tuple[VAppEntry, ...] = ()
    properties: tuple[Setting, ...] = ()
    vms: tuple[str, ...] = ()
    state: str | None = None
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class SchedulingUnit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A filter, weight or balancer of a scheduling policy (RHV)."""

    id: str
    name: str
    kind: str
    """``filter``, ``weight`` or ``load_balancing``."""
    factor: int | None = None
    position: int | None = None
    internal: bool | None = None
    enabled: bool | None = None


class SchedulingPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an RHV cluster places and balances VMs."""

    id: str
    name: str
    description: str = ""
    locked: bool | None = None
    is_default: bool | None = None
    properties: tuple[Setting, ...] = ()
    units: tuple[SchedulingUnit, ...] = ()
    native: Native = {}


class AffinityLabel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An affinity label (RHV)."""

    id: str
    name: str
    vms: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    implicit_group: bool | None = None
    """True: it is a hard affinity between its VMs and hosts, as before RHV 4.4."""
    read_only: bool | None = None


class MigrationPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A migration policy of the engine, which the API knows as an option only (RHV)."""

    id: str
    name: str
    version: str
    """Cluster level it is of."""
    maximum_migrations: int | None = None
    auto_convergence: bool | None = None
    compression: bool | None = None
    encryption: bool | None = None
    zero_copy: bool | None = None
    steps: tuple[str, ...] = ()
    """``setDowntime 150``, ``postcopy`` ... in order; the last ones begin with ``last:``."""
    native: Native = {}


class CpuDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an RHV cluster's CPU type stands for."""

    name: str
    version: str
    """Cluster level it is of."""
    level: int | None = None
    model: str | None = None
    """QEMU's model."""
    flags: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    """Features added to the model: ``+spec-ctrl``."""
    architecture: str | None = None
