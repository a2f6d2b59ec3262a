"""What a source platform has: VMs and all that surrounds them.

One ``Inventory`` is what one source said at one moment. Ids are the source's own (vSphere:
managed object ids such as ``vm-21``); they refer to other objects of the same inventory.
A *ref* names an object of the whole estate: ``<source>/<id>``, for example ``vc1/vm-21``.

Every noun has the same shape: typed fields for what the translation, the rules or a person needs
from any source; ``native`` for the source's other properties. What a source did not say is
``None`` (or empty), and fields at their default are not written to the file.
"""

import msgspec

from mtv.model.compute import (
    AffinityLabel,
    Cluster,
    CpuDefinition,
    Host,
    MigrationPolicy,
    ResourcePool,
    SchedulingPolicy,
    VApp,
)
from mtv.model.network import (
    MacPool,
    Network,
    NetworkProvider,
    NicProfile,
    OverlayPort,
    Router,
    SecurityGroup,
    Switch,
)
from mtv.model.organisation import (
    Alarm,
    CustomField,
    Datacenter,
    Folder,
    InstanceType,
    Permission,
    PlatformOption,
    Quota,
    Role,
    Tag,
    TagCategory,
    TriggeredAlarm,
    User,
    VmPool,
)
from mtv.model.storage import Datastore, DatastoreCluster, LogicalUnit, QosProfile, StoragePolicy
from mtv.model.vm import Disk, Vm

FORMAT = 2
"""Version of the inventory's file; it goes up when an older mtv could not read the file."""


class Inventory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that one source said, at one moment."""

    source: str
    """Name of the source in ``mtv.yaml``."""
    product: str
    """``vsphere``, ``rhv``, ``ova``, ``rvtools``."""
    version: str
    instance: str
    """The platform's own id, to notice when a name suddenly means another vCenter."""
    collected_at: str
    """UTC, ISO 8601."""
    datastores: tuple[Datastore, ...]
    networks: tuple[Network, ...]
    clusters: tuple[Cluster, ...]
    hosts: tuple[Host, ...]
    vms: tuple[Vm, ...]
    format: int = FORMAT
    datacenters: tuple[Datacenter, ...] = ()
    folders: tuple[Folder, ...] = ()
    resource_pools: tuple[ResourcePool, ...] = ()
    vapps: tuple[VApp, ...] = ()
    datastore_clusters: tuple[DatastoreCluster, ...] = ()
    storage_policies: tuple[StoragePolicy, ...] = ()
    logical_units: tuple[LogicalUnit, ...] = ()
    qos_profiles: tuple[QosProfile, ...] = ()
    floating_disks: tuple[Disk, ...] = ()
    """Disks that no VM has attached (RHV)."""
    switches: tuple[Switch, ...] = ()
    nic_profiles: tuple[NicProfile, ...] = ()
    network_providers: tuple[NetworkProvider, ...] = ()
    routers: tuple[Router, ...] = ()
    overlay_ports: tuple[OverlayPort, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    mac_pools: tuple[MacPool, ...] = ()
    scheduling_policies: tuple[SchedulingPolicy, ...] = ()
    affinity_labels: tuple[AffinityLabel, ...] = ()
    migration_policies: tuple[MigrationPolicy, ...] = ()
    cpu_definitions: tuple[CpuDefinition, ...] = ()
    tag_categories: tuple[TagCategory, ...] = ()
    tags: tuple[Tag, ...] = ()
    custom_fields: tuple[CustomField, ...] = ()
    roles: tuple[Role, ...] = ()
    permissions: tuple[Permission, ...] = ()
    users: tuple[User, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    triggered_alarms: tuple[TriggeredAlarm, ...] = ()
    quotas: tuple[Quota, ...] = ()
    vm_pools: tuple[VmPool, ...] = ()
    instance_types: tuple[InstanceType, ...] = ()
    options: tuple[PlatformOption, ...] = ()
    assessment_only: bool = False
    """True for a source that only describes VMs: it has no disks to copy (RVTools)."""
    left_out: tuple[str, ...] = ()
    """What is not collected on purpose, each as a sentence: the VM of RHV's own engine."""
    unreadable: tuple[str, ...] = ()
    """What the source refused to show, each as a sentence with the reason."""
