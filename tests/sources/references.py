"""What refers to what in an inventory, as data; and which quantities may not be 0."""

import re
from collections.abc import Iterator
from typing import Any

from mtv.model.estate import Inventory
from mtv.model.vm import Vm

ANYTHING = ("*",)
"""The object may be of any list."""

REFERENCES: dict[str, tuple[str, ...]] = {
    "affinity_labels[].hosts[]": ("hosts[].id",),
    "affinity_labels[].vms[]": ("vms[].id",),
    "alarms[].entity": ANYTHING,
    "clusters[].availability.failover_hosts[]": ("hosts[].id",),
    "clusters[].availability.heartbeat_datastores[]": ("datastores[].id",),
    "clusters[].balancing.policy": ("scheduling_policies[].id",),
    "clusters[].datacenter": ("datacenters[].name",),
    "clusters[].folder": ("folders[].path",),
    "clusters[].groups[].hosts[]": ("hosts[].id",),
    "clusters[].groups[].vms[]": ("vms[].id",),
    "clusters[].mac_pool": ("mac_pools[].id",),
    "clusters[].management_network": ("networks[].id",),
    "clusters[].migration.policy": ("migration_policies[].id",),
    "clusters[].networks[].network": ("networks[].id",),
    "clusters[].rules[].after[]": ("vms[].id",),
    "clusters[].rules[].hosts[]": ("hosts[].id",),
    "clusters[].rules[].vms[]": ("vms[].id",),
    "clusters[].tags[]": ("tags[].id",),
    "datacenters[].mac_pool": ("mac_pools[].id",),
    "datacenters[].tags[]": ("tags[].id",),
    "datastore_clusters[].datacenter": ("datacenters[].name",),
    "datastore_clusters[].datastores[]": ("datastores[].id",),
    "datastore_clusters[].folder": ("folders[].path",),
    "datastore_clusters[].tags[]": ("tags[].id",),
    "datastore_clusters[].vm_overrides[].name": ("vms[].id",),
    "datastores[].datacenter": ("datacenters[].name",),
    "datastores[].datastore_cluster": ("datastore_clusters[].id",),
    "datastores[].folder": ("folders[].path",),
    "datastores[].hosts[].host": ("hosts[].id",),
    "datastores[].logical_units[]": ("logical_units[].id",),
    "datastores[].tags[]": ("tags[].id",),
    "floating_disks[].controller_key": (),
    "floating_disks[].datastore": ("datastores[].id",),
    "floating_disks[].logical_unit": ("logical_units[].id",),
    "floating_disks[].quota": ("quotas[].id",),
    "floating_disks[].storage_policy": ("storage_policies[].id",),
    "folders[].datacenter": ("datacenters[].name",),
    "folders[].tags[]": ("tags[].id",),
    "hosts[].affinity_labels[]": ("affinity_labels[].id",),
    "hosts[].cluster": ("clusters[].id",),
    "hosts[].datacenter": ("datacenters[].name",),
    "hosts[].logical_units[]": ("logical_units[].id",),
    "hosts[].tags[]": ("tags[].id",),
    "logical_units[].hosts[]": ("hosts[].id",),
    "networks[].clusters[]": ("clusters[].id",),
    "networks[].datacenter": ("datacenters[].name",),
    "networks[].folder": ("folders[].path",),
    "networks[].hosts[]": ("hosts[].id",),
    "networks[].provider": ("network_providers[].id",),
    "networks[].qos": ("qos_profiles[].id",),
    "networks[].switch_id": ("switches[].id",),
    "networks[].tags[]": ("tags[].id",),
    "nic_profiles[].network": ("networks[].id",),
    "nic_profiles[].qos": ("qos_profiles[].id",),
    "overlay_ports[].network": ("networks[].id", "networks[].provider_network"),
    "overlay_ports[].nic": ("vms[].nics[].key",),
    "overlay_ports[].security_groups[]": ("security_groups[].id",),
    "permissions[].entity": ANYTHING,
    "permissions[].role": ("roles[].id",),
    "qos_profiles[].datacenter": ("datacenters[].name",),
    "quotas[].cluster_limits[].object": ("clusters[].id",),
    "quotas[].datacenter": ("datacenters[].name",),
    "quotas[].storage_limits[].object": ("datastores[].id",),
    "resource_pools[].cluster": ("clusters[].id",),
    "resource_pools[].parent": ("resource_pools[].id", "vapps[].id"),
    "resource_pools[].tags[]": ("tags[].id",),
    "resource_pools[].vms[]": ("vms[].id",),
    "routers[].external_network": ("networks[].id", "networks[].provider_network"),
    "routers[].ports[].subnet": ("networks[].subnets[].id",),
    "security_groups[].rules[].remote_group": ("security_groups[].id",),
    "storage_policies[].datastore": ("datastores[].id",),
    "storage_policies[].qos": ("qos_profiles[].id",),
    "switches[].datacenter": ("datacenters[].name",),
    "switches[].folder": ("folders[].path",),
    "switches[].hosts[].host": ("hosts[].id",),
    "switches[].tags[]": ("tags[].id",),
    "tags[].category": ("tag_categories[].id",),
    "tags[].parent": ("tags[].id",),
    "triggered_alarms[].entity": ANYTHING,
    "vapps[].cluster": ("clusters[].id",),
    "vapps[].entries[].member": ("vms[].id", "vapps[].id"),
    "vapps[].folder": ("folders[].path",),
    "vapps[].parent": ("resource_pools[].id", "vapps[].id"),
    "vapps[].tags[]": ("tags[].id",),
    "vapps[].vms[]": ("vms[].id",),
    "vm_pools[].cluster": ("clusters[].id",),
    "vm_pools[].template": ("vms[].id",),
    "vms[].availability.lease": ("datastores[].id",),
    "vms[].cluster": ("clusters[].id",),
    "vms[].datacenter": ("datacenters[].name",),
    "vms[].disks[].datastore": ("datastores[].id",),
    "vms[].disks[].logical_unit": ("logical_units[].id",),
    "vms[].disks[].quota": ("quotas[].id",),
    "vms[].disks[].storage_policy": ("storage_policies[].id",),
    "vms[].folder": ("folders[].path",),
    "vms[].host": ("hosts[].id",),
    "vms[].instance_type": ("instance_types[].id",),
    "vms[].migration.policy": ("migration_policies[].id",),
    "vms[].nics[].network": ("networks[].id",),
    "vms[].nics[].profile": ("nic_profiles[].id",),
    "vms[].placement.affinity_labels[]": ("affinity_labels[].id",),
    "vms[].placement.hosts[]": ("hosts[].id",),
    "vms[].pool": ("resource_pools[].id", "vapps[].id"),
    "vms[].quota": ("quotas[].id",),
    "vms[].storage_policy": ("storage_policies[].id",),
    "vms[].tags[]": ("tags[].id",),
    "vms[].template": ("vms[].id",),
    "vms[].template_base": ("vms[].id",),
    "vms[].vapp": ("vapps[].id",),
    "vms[].vm_pool": ("vm_pools[].id",),
}
"""Path of a reference -> the paths that it may be found at. None refers to nothing, nor does ""."""

WITHIN_A_VM: dict[str, tuple[str, ...]] = {
    "disks[].controller_key": ("devices[].key",),
    "devices[].controller_key": ("devices[].key",),
    "snapshots[].parent": ("snapshots[].id",),
    "guest.nics[].nic": ("nics[].key",),
    "guest.file_systems[].disks[]": ("disks[].key",),
}
"""The same for what is named within one VM."""

NOT_REFERENCES = {
    "datastores[].role": "what it is for",
    "hosts[].interfaces[].network": "a port group's name at vSphere",
    "hosts[].pci_devices[].parent": "within a host",
    "hosts[].port_groups[].teaming.policy": "a word",
    "hosts[].switches[].teaming.policy": "a word",
    "networks[].physical_network": "may be a name of the provider's",
    "networks[].teaming.policy": "a word",
    "switches[].teaming.policy": "a word",
    "triggered_alarms[].alarm": "an alert of an engine has no definition",
    "vms[].cpu_profile": "has no list",
    "vms[].guest.nics[].network": "the guest's own word",
    "vms[].initialization.nics[].network": "the guest's own word",
    "vms[].initialization.nics[].nic": "the guest's own word",
}
"""Fields that look like references and are none, with the reason."""

LOOKS_LIKE_ONE = re.compile(
    r"(^|\.)(vms|hosts|datastores|clusters|logical_units|tags|affinity_labels)\[\]$"
    r"|\.(vm|host|cluster|datastore|network|pool|vapp|parent|folder|datacenter|template|quota|qos"
    r"|profile|policy|role|entity|category|mac_pool|switch_id|datastore_cluster|storage_policy"
    r"|instance_type|vm_pool|cpu_profile|member|object|lease|subnet|nic|controller_key|alarm"
    r"|physical_network|management_network|external_network|provider|logical_unit)$"
)
"""How fields that refer to something are called."""

POSITIVE = re.compile(
    r"^(?!quotas).*\.(memory_bytes|capacity_bytes|memory_max_bytes|total_memory_bytes|sockets|cores"
    r"|cores_per_socket|threads|threads_per_core|cpu_mhz|total_cpu_mhz|mtu|speed_mbps)$"
)
"""Quantities of which 0 would mean that nobody knows: that is None. A quota may well be 0."""

UNIT = re.compile(
    r"_(bytes|mhz|mbps|seconds|milliseconds|minutes|percent|iops|per_second|shares|ports)$"
)
"""Quantities that are never negative: "no limit" is None."""


def values(noun: Any, path: str) -> Iterator[Any]:
    """Every value at a path that is not None: ``disks[].datastore``."""
    step, _, rest = path.partition(".")
    found = getattr(noun, step.removesuffix("[]"))
    for each in found if step.endswith("[]") else [found]:
        if each is not None:
            yield from values(each, rest) if rest else [each]


def all_ids(inventory: Inventory) -> Iterator[str]:
    """The id of every noun."""
    for name in inventory.__struct_fields__:
        nouns = getattr(inventory, name)
        if isinstance(nouns, tuple):
            yield from (each.id for each in nouns if hasattr(each, "id"))


def dangling(inventory: Inventory, path: str) -> set[str]:
    """What a path refers to and the inventory does not have."""
    targets = REFERENCES[path]
    if targets == ANYTHING:
        known = set(all_ids(inventory))
    else:
        known = {each for target in targets for each in values(inventory, target)}
    return {each for each in values(inventory, path) if each and each not in known}


def dangling_within(vm: Vm, path: str) -> set[str]:
    """The same within one VM."""
    known = {each for target in WITHIN_A_VM[path] for each in values(vm, target)}
    return {each for each in values(vm, path) if each not in known}
