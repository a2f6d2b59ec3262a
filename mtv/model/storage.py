"""Where disks are stored, by which policy, and on which LUNs."""

import msgspec

from mtv.model.quantity import Native, Setting


class HostMount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one host sees a datastore."""

    host: str
    path: str | None = None
    access: str | None = None
    """``readWrite``, ``readOnly``."""
    accessible: bool | None = None


class Datastore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place where virtual disks are stored: datastore, storage domain, folder of an OVA."""

    id: str
    name: str
    kind: str
    """``VMFS``, ``NFS``, ``vsan``; RHV: ``nfs``, ``iscsi``, ``fcp`` ..."""
    capacity_bytes: int | None
    free_bytes: int | None
    datacenter: str | None
    """Path of the data centre; None where it is in several, or in none."""
    folder: str = ""
    accessible: bool | None = None
    status: str | None = None
    """``active``, ``maintenance``; vSphere: its maintenance mode."""
    provisioned_bytes: int | None = None
    version: str | None = None
    block_size_bytes: int | None = None
    url: str | None = None
    extents: tuple[str, ...] = ()
    """Names of the LUNs or partitions it lies on."""
    remote_host: str | None = None
    remote_path: str | None = None
    mount_options: str | None = None
    container: str | None = None
    """Id of the vVol storage container or the vSAN cluster."""
    hosts: tuple[HostMount, ...] = ()
    datastore_cluster: str | None = None
    io_control: bool | None = None
    """Storage I/O Control is on."""
    io_control_threshold_milliseconds: int | None = None
    role: str | None = None
    """RHV: ``data``, ``iso``, ``export``, ``image``, ``managed_block_storage``."""
    is_master: bool | None = None
    discard_after_delete: bool | None = None
    wipe_after_delete: bool | None = None
    backup: bool | None = None
    thin_provisioning: bool | None = None
    logical_units: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class DatastoreCluster(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A datastore cluster and what Storage DRS does with it."""

    id: str
    name: str
    datacenter: str | None = None
    folder: str = ""
    datastores: tuple[str, ...] = ()
    balancing: bool | None = None
    automation: str | None = None
    io_balancing: bool | None = None
    space_threshold_percent: int | None = None
    io_latency_threshold_milliseconds: int | None = None
    interval_minutes: int | None = None
    keep_disks_together: bool | None = None
    vm_overrides: tuple[Setting, ...] = ()
    """VM id and what Storage DRS does with it instead."""
    rules: tuple[str, ...] = ()
    capacity_bytes: int | None = None
    free_bytes: int | None = None
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class PolicyRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One demand of a storage policy."""

    namespace: str
    """Who understands it: ``VSAN``, ``http://www.vmware.com/storage/tag`` ..."""
    capability: str
    property: str
    value: str
    operator: str | None = None


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Demands that a datastore must meet together; a policy wants one of its rule sets met."""

    name: str
    rules: tuple[PolicyRule, ...] = ()


class StoragePolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A storage policy: SPBM profile (vSphere) or disk profile (RHV)."""

    id: str
    name: str
    description: str = ""
    kind: str | None = None
    """SPBM: ``REQUIREMENT``, ``RESOURCE``, ``DATA_SERVICE_POLICY``."""
    rule_sets: tuple[RuleSet, ...] = ()
    is_default: bool | None = None
    datastore: str | None = None
    """The storage domain a disk profile belongs to (RHV)."""
    qos: str | None = None
    native: Native = {}


class LogicalUnit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A LUN of a storage array."""

    id: str
    """Its WWN or the platform's canonical name: ``naa.600508b1001c577e11dd042e142a583f``."""
    kind: str | None = None
    """``iscsi``, ``fcp`` ..."""
    capacity_bytes: int | None = None
    block_size_bytes: int | None = None
    vendor: str | None = None
    product: str | None = None
    serial: str | None = None
    address: str | None = None
    port: int | None = None
    target: str | None = None
    lun: int | None = None
    paths: int | None = None
    hosts: tuple[str, ...] = ()
    native: Native = {}


class QosProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A quality of service entry (RHV): for storage, CPU, VM networks or host networks."""

    id: str
    name: str
    kind: str
    datacenter: str | None = None
    limits: tuple[Setting, ...] = ()
    native: Native = {}
