"""What an engine of a given version does not know yet, and so leaves out of its answers."""

import re

Version = tuple[int, ...]

SINCE: dict[tuple[str, str], Version] = {
    ("Cluster", "bios_type"): (4, 4),
    ("Cluster", "vnc_encryption"): (4, 4),
    ("Cluster", "fips_mode"): (4, 4),
    ("MigrationOptions", "encrypted"): (4, 4),
    ("MigrationOptions", "parallel_migrations_policy"): (4, 5, 1),
    ("MigrationOptions", "custom_parallel_migrations"): (4, 5, 1),
    ("AffinityGroup", "priority"): (4, 3, 6),
    ("AffinityGroup", "broken"): (4, 4, 8),
    ("AffinityGroup", "vm_labels"): (4, 4),
    ("AffinityGroup", "host_labels"): (4, 4),
    ("AffinityLabel", "has_implicit_affinity_group"): (4, 4),
    ("Host", "ovn_configured"): (4, 5),
    ("Host", "vgpu_placement"): (4, 4),
    ("Network", "port_isolation"): (4, 4, 3),
    ("VnicProfile", "failover"): (4, 4, 6),
    ("StorageDomain", "block_size"): (4, 3),
    ("LogicalUnit", "address"): (4, 5, 2, 1),
    ("LogicalUnit", "port"): (4, 5, 2, 1),
    ("LogicalUnit", "portal"): (4, 5, 2, 1),
    ("LogicalUnit", "target"): (4, 5, 2, 1),
    ("LogicalUnit", "lun_mapping"): (4, 5, 2, 1),
    ("Vm", "cpu_pinning_policy"): (4, 5),
    ("Vm", "tpm_enabled"): (4, 4, 5),
    ("Vm", "virtio_scsi_multi_queues"): (4, 4, 8),
    ("Vm", "virtio_scsi_multi_queues_enabled"): (4, 4, 5),
    ("Template", "cpu_pinning_policy"): (4, 5),
    ("Template", "tpm_enabled"): (4, 4, 5),
    ("Template", "virtio_scsi_multi_queues"): (4, 4, 8),
    ("Template", "virtio_scsi_multi_queues_enabled"): (4, 4, 5),
    ("MemoryPolicy", "ballooning"): (4, 2),
    ("Disk", "backup"): (4, 3),
    ("OperatingSystemInfo", "tpm_support"): (4, 4, 5),
    ("ImageTransfer", "timeout_policy"): (4, 4, 5),
    ("ImageTransfer", "shallow"): (4, 4, 3),
}
"""(Type, attribute) -> the engine that brought it."""

EXTERNAL_DATA: Version = (4, 4, 6, 4)
"""The first engine whose OVF of a snapshot carries TPM and NVRAM contents."""


def parse(full: str) -> Version:
    """The numbers of a full version: `4.4.10.7-1.el8` -> (4, 4, 10, 7)."""
    return tuple(int(part) for part in re.findall(r"\d+", full.split("-", 1)[0]))
