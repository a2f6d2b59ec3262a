"""Which lists lie below which object, as the links of real answers name them.

The names are those of recorded answers of real engines, and of the SDK's service tree where nothing
is recorded. They are not always the attribute's: a host's `agents` are at `fenceagents`, its
`storages` at `storage`, the `weight` of a scheduling policy at `weights`. Neither the SDK's
reader nor the engine's `follow` can cope with those three, here as there.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

TOP = {
    "affinitylabels": "AffinityLabel",
    "bookmarks": "Bookmark",
    "clusters": "Cluster",
    "cpuprofiles": "CpuProfile",
    "datacenters": "DataCenter",
    "diskprofiles": "DiskProfile",
    "disks": "Disk",
    "domains": "Domain",
    "events": "Event",
    "groups": "Group",
    "hosts": "Host",
    "icons": "Icon",
    "imagetransfers": "ImageTransfer",
    "instancetypes": "InstanceType",
    "jobs": "Job",
    "macpools": "MacPool",
    "networkfilters": "NetworkFilter",
    "networks": "Network",
    "openstacknetworkproviders": "OpenStackNetworkProvider",
    "operatingsystems": "OperatingSystemInfo",
    "options": "SystemOption",
    "permissions": "Permission",
    "roles": "Role",
    "schedulingpolicies": "SchedulingPolicy",
    "schedulingpolicyunits": "SchedulingPolicyUnit",
    "storageconnections": "StorageConnection",
    "storagedomains": "StorageDomain",
    "tags": "Tag",
    "templates": "Template",
    "users": "User",
    "vmpools": "VmPool",
    "vms": "Vm",
    "vnicprofiles": "VnicProfile",
}
"""Path of a list at the top of the API -> the type of what is in it."""

SEARCHABLE = {
    "clusters",
    "datacenters",
    "disks",
    "events",
    "groups",
    "hosts",
    "jobs",
    "networks",
    "storagedomains",
    "templates",
    "users",
    "vmpools",
    "vms",
    "vnicprofiles",
}
"""Lists that a search query makes; the others know `max` and no more."""


class Sub(NamedTuple):
    """A list below an object: the path, the object's attribute for it, the type of its items.

    A list with a `view` has no objects of its own: it shows some of those at `top`.
    `newer_than` is the engine that brought it.
    """

    rel: str
    attribute: str
    kind: str
    top: str = ""
    view: Callable[[Any, Any], bool] | None = None
    since: tuple[int, ...] = ()


def _refers(attribute: str) -> Callable[[Any, Any], bool]:
    """Shows what refers to the owner with that attribute."""

    def shows(item: Any, owner: Any) -> bool:
        reference = getattr(item, attribute)
        return reference is not None and reference.id == owner.id

    return shows


def _named_by(attribute: str) -> Callable[[Any, Any], bool]:
    """Shows what the owner lists, with ids only, in that attribute."""

    def shows(item: Any, owner: Any) -> bool:
        return any(each.id == item.id for each in getattr(owner, attribute) or ())

    return shows


def _lists(attribute: str) -> Callable[[Any, Any], bool]:
    """Shows what lists the owner in that attribute."""

    def shows(item: Any, owner: Any) -> bool:
        return any(each.id == owner.id for each in getattr(item, attribute) or ())

    return shows


_PERMISSIONS = Sub("permissions", "permissions", "Permission")
_TAGS = Sub("tags", "tags", "Tag")
_STATISTICS = Sub("statistics", "statistics", "Statistic")
_DEVICES = (
    Sub("nics", "nics", "Nic"),
    Sub("diskattachments", "disk_attachments", "DiskAttachment"),
    Sub("cdroms", "cdroms", "Cdrom"),
    Sub("watchdogs", "watchdogs", "Watchdog"),
    Sub("graphicsconsoles", "graphics_consoles", "GraphicsConsole"),
    Sub("mediateddevices", "mediated_devices", "VmMediatedDevice", since=(4, 5)),
)

SUBS: dict[str, tuple[Sub, ...]] = {
    "Vm": (
        *_DEVICES,
        Sub("applications", "applications", "Application"),
        Sub("hostdevices", "host_devices", "HostDevice"),
        Sub("numanodes", "numa_nodes", "VirtualNumaNode"),
        Sub("sessions", "sessions", "Session"),
        Sub("reporteddevices", "reported_devices", "ReportedDevice"),
        Sub("snapshots", "snapshots", "Snapshot"),
        Sub("backups", "", "Backup", since=(4, 4)),
        Sub("checkpoints", "", "Checkpoint", since=(4, 4)),
        Sub("affinitylabels", "affinity_labels", "AffinityLabel", "affinitylabels", _lists("vms")),
        Sub("katelloerrata", "katello_errata", "KatelloErratum"),
        _PERMISSIONS,
        _TAGS,
        _STATISTICS,
    ),
    "Template": (*_DEVICES, _PERMISSIONS, _TAGS),
    "InstanceType": (
        Sub("nics", "nics", "Nic"),
        Sub("watchdogs", "watchdogs", "Watchdog"),
        Sub("graphicsconsoles", "graphics_consoles", "GraphicsConsole"),
    ),
    "Nic": (
        Sub("reporteddevices", "reported_devices", "ReportedDevice"),
        Sub("networkfilterparameters", "network_filter_parameters", "NetworkFilterParameter"),
        _STATISTICS,
    ),
    "Snapshot": (
        Sub("nics", "nics", "Nic"),
        Sub("cdroms", "cdroms", "Cdrom"),
        Sub("disks", "disks", "Disk"),
    ),
    "Disk": (
        _PERMISSIONS,
        _STATISTICS,
        Sub("disksnapshots", "disk_snapshots", "DiskSnapshot", since=(4, 4)),
    ),
    "Host": (
        Sub("fenceagents", "agents", "Agent"),
        Sub("devices", "devices", "HostDevice"),
        Sub("hooks", "hooks", "Hook"),
        Sub("nics", "nics", "HostNic"),
        Sub("numanodes", "numa_nodes", "NumaNode"),
        Sub("storage", "storages", "HostStorage"),
        Sub("networkattachments", "network_attachments", "NetworkAttachment"),
        Sub(
            "storageconnectionextensions",
            "storage_connection_extensions",
            "StorageConnectionExtension",
        ),
        Sub("unmanagednetworks", "unmanaged_networks", "UnmanagedNetwork"),
        Sub(
            "externalnetworkproviderconfigurations",
            "external_network_provider_configurations",
            "ExternalNetworkProviderConfiguration",
        ),
        Sub(
            "affinitylabels", "affinity_labels", "AffinityLabel", "affinitylabels", _lists("hosts")
        ),
        Sub("cpuunits", "cpu_units", "HostCpuUnit", since=(4, 5)),
        Sub("katelloerrata", "katello_errata", "KatelloErratum"),
        _PERMISSIONS,
        _TAGS,
        _STATISTICS,
    ),
    "HostNic": (
        Sub("linklayerdiscoveryprotocolelements", "", "LinkLayerDiscoveryProtocolElement"),
        Sub("networklabels", "network_labels", "NetworkLabel"),
        Sub("networkattachments", "", "NetworkAttachment"),
        _STATISTICS,
    ),
    "NumaNode": (_STATISTICS,),
    "Cluster": (
        Sub("affinitygroups", "affinity_groups", "AffinityGroup"),
        Sub("cpuprofiles", "cpu_profiles", "CpuProfile", "cpuprofiles", _refers("cluster")),
        Sub("enabledfeatures", "enabled_features", "ClusterFeature"),
        Sub("externalnetworkproviders", "external_network_providers", "ExternalProvider"),
        Sub("glusterhooks", "gluster_hooks", "GlusterHook"),
        Sub("glustervolumes", "gluster_volumes", "GlusterVolume"),
        Sub(
            "networkfilters", "network_filters", "NetworkFilter", "networkfilters", lambda *_: True
        ),
        Sub("networks", "networks", "Network"),
        _PERMISSIONS,
    ),
    "AffinityGroup": (
        Sub("vms", "vms", "Vm", "vms", _named_by("vms")),
        Sub("hosts", "hosts", "Host", "hosts", _named_by("hosts")),
        Sub("vmlabels", "vm_labels", "AffinityLabel", "affinitylabels", _named_by("vm_labels")),
        Sub(
            "hostlabels", "host_labels", "AffinityLabel", "affinitylabels", _named_by("host_labels")
        ),
    ),
    "AffinityLabel": (
        Sub("vms", "vms", "Vm", "vms", _named_by("vms")),
        Sub("hosts", "hosts", "Host", "hosts", _named_by("hosts")),
    ),
    "DataCenter": (
        Sub("clusters", "clusters", "Cluster", "clusters", _refers("data_center")),
        Sub("networks", "networks", "Network", "networks", _refers("data_center")),
        Sub("storagedomains", "storage_domains", "StorageDomain"),
        Sub("quotas", "quotas", "Quota"),
        Sub("qoss", "qoss", "Qos"),
        Sub("iscsibonds", "iscsi_bonds", "IscsiBond"),
        _PERMISSIONS,
    ),
    "Quota": (
        Sub("quotaclusterlimits", "quota_cluster_limits", "QuotaClusterLimit"),
        Sub("quotastoragelimits", "quota_storage_limits", "QuotaStorageLimit"),
        _PERMISSIONS,
    ),
    "Network": (
        Sub("networklabels", "network_labels", "NetworkLabel"),
        Sub("vnicprofiles", "vnic_profiles", "VnicProfile", "vnicprofiles", _refers("network")),
        _PERMISSIONS,
    ),
    "VnicProfile": (_PERMISSIONS,),
    "CpuProfile": (_PERMISSIONS,),
    "DiskProfile": (_PERMISSIONS,),
    "StorageDomain": (
        Sub("disks", "disks", "Disk", "disks", _lists("storage_domains")),
        Sub("disksnapshots", "disk_snapshots", "DiskSnapshot"),
        Sub(
            "diskprofiles",
            "disk_profiles",
            "DiskProfile",
            "diskprofiles",
            _refers("storage_domain"),
        ),
        Sub("storageconnections", "storage_connections", "StorageConnection"),
        Sub("files", "files", "File"),
        Sub("vms", "vms", "Vm"),
        Sub("templates", "templates", "Template"),
        _PERMISSIONS,
    ),
    "SchedulingPolicy": (
        Sub("filters", "filters", "Filter"),
        Sub("weights", "weight", "Weight"),
        Sub("balances", "balances", "Balance"),
    ),
    "OpenStackNetworkProvider": (
        Sub("certificates", "certificates", "Certificate"),
        Sub("networks", "networks", "OpenStackNetwork"),
    ),
    "OpenStackNetwork": (Sub("subnets", "", "OpenStackSubnet"),),
    "VmPool": (_PERMISSIONS,),
    "MacPool": (_PERMISSIONS,),
    "Role": (Sub("permits", "permits", "Permit"),),
    "User": (
        _PERMISSIONS,
        Sub("roles", "roles", "Role"),
        _TAGS,
        Sub("sshpublickeys", "ssh_public_keys", "SshPublicKey"),
    ),
    "Group": (_PERMISSIONS, Sub("roles", "roles", "Role"), _TAGS),
    "Backup": (Sub("disks", "disks", "Disk"),),
    "Checkpoint": (Sub("disks", "disks", "Disk"),),
    "Job": (Sub("steps", "steps", "Step"),),
    "Domain": (Sub("users", "users", "User"), Sub("groups", "groups", "Group")),
}
"""Type -> what lies below its objects."""

ACTIONS: dict[str, tuple[str, ...]] = {
    "Vm": (
        *("detach", "export", "logon", "thawfilesystems", "commitsnapshot", "undosnapshot"),
        *("maintenance", "clone", "cancelmigration", "freezefilesystems", "previewsnapshot"),
        *("reordermacaddresses", "ticket", "reboot", "migrate", "shutdown", "start", "stop"),
        "suspend",
    ),
    "Nic": ("activate", "deactivate"),
    "Snapshot": ("restore",),
    "Template": ("export",),
    "Disk": ("reduce", "move", "copy", "export", "refreshlun", "sparsify"),
    "DataCenter": ("setmaster", "cleanfinishedtasks"),
    "StorageDomain": ("isattached", "updateovfstore", "refreshluns", "reduceluns"),
    "Cluster": ("resetemulatedmachine", "upgrade", "syncallnetworks"),
    "Host": (
        *("refresh", "install", "approve", "commitnetconfig", "enrollcertificate", "fence"),
        *("forceselectspm", "upgradecheck", "deactivate", "activate", "upgrade", "setupnetworks"),
        "syncallnetworks",
    ),
    "Backup": ("finalize",),
    "ImageTransfer": ("cancel", "extend", "finalize", "pause", "resume"),
}
"""Type -> the actions that its objects offer."""

NO_HREF = {
    ("Vm", "quota"),
    ("Template", "quota"),
    ("VmPool", "vm"),
    ("MigrationOptions", "policy"),
    ("Disk", "snapshot"),
    ("DiskSnapshot", "snapshot"),
    ("Snapshot", "vm"),
    ("Filter", "scheduling_policy_unit"),
}
"""References that real answers give with an id and no href: (type, attribute)."""
