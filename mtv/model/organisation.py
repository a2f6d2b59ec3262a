"""What the platform is ordered by: data centres, folders, tags, roles, quotas, alarms."""

import msgspec

from mtv.model.quantity import Native, Setting


class Datacenter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A data centre; ``name`` is its path where data centres stand in folders."""

    id: str
    name: str
    description: str = ""
    status: str | None = None
    version: str | None = None
    is_local: bool | None = None
    storage_format: str | None = None
    quota_mode: str | None = None
    mac_pool: str | None = None
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class Folder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A folder; ``path`` runs from below its data centre's root folder."""

    id: str
    name: str
    path: str
    kind: str
    """What it holds: ``vm``, ``host``, ``datastore``, ``network`` or ``datacenter``."""
    datacenter: str | None = None
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = {}
    native: Native = {}


class TagCategory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A category of tags; ``single`` means that an object has one tag of it at most."""

    id: str
    name: str
    description: str = ""
    single: bool | None = None
    kinds: tuple[str, ...] = ()


class Tag(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tag. vSphere: of a category. RHV: in a tree."""

    id: str
    name: str
    description: str = ""
    category: str | None = None
    parent: str | None = None


class CustomField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The definition of a custom attribute (vSphere) or custom property (RHV)."""

    key: str
    name: str
    kind: str | None = None
    """The objects that have it; None means all."""
    pattern: str | None = None
    """What its values must look like (RHV)."""
    version: str | None = None


class Role(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role and its privileges."""

    id: str
    name: str
    description: str = ""
    is_system: bool | None = None
    administrative: bool | None = None
    privileges: tuple[str, ...] = ()


class Permission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who has which role on which object."""

    id: str
    entity: str
    """Id of the object; ``""`` is the whole platform."""
    entity_kind: str
    principal: str
    is_group: bool | None = None
    role: str = ""
    """Id of the role."""
    propagates: bool | None = None


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user or group that permissions name by id (RHV)."""

    id: str
    name: str
    is_group: bool | None = None
    domain: str | None = None
    directory: str | None = None


class AlarmCondition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When an alarm goes off: a metric beyond a threshold, a state, or an event."""

    kind: str
    """``metric``, ``state``, ``event`` or the source's word."""
    metric: str | None = None
    """``cpu.usage.average``; the state's path; the event's type."""
    instance: str | None = None
    operator: str | None = None
    warning: str | None = None
    """Yellow: number in the metric's own unit, or state."""
    warning_seconds: int | None = None
    critical: str | None = None
    """Red."""
    critical_seconds: int | None = None
    object_kind: str | None = None


class Alarm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alarm's definition."""

    id: str
    name: str
    description: str = ""
    enabled: bool | None = None
    entity: str | None = None
    all_conditions: bool | None = None
    """True: all conditions together; False: any of them."""
    conditions: tuple[AlarmCondition, ...] = ()
    actions: tuple[str, ...] = ()
    native: Native = {}


class TriggeredAlarm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alarm that was on when the estate was collected, or an alert of the engine (RHV)."""

    id: str
    alarm: str
    entity: str | None = None
    status: str | None = None
    """``yellow``, ``red``; RHV: ``warning``, ``error``, ``alert``."""
    since: str | None = None
    acknowledged: bool | None = None
    says: str = ""


class QuotaLimit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One limit of a quota; ``None`` means that there is none. An empty object means all."""

    object: str | None = None
    """Id of the cluster or storage domain."""
    vcpus: int | None = None
    vcpus_used: int | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    storage_bytes: int | None = None
    storage_used_bytes: int | None = None


class Quota(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A quota of a data centre (RHV)."""

    id: str
    name: str
    datacenter: str | None = None
    description: str = ""
    is_default: bool | None = None
    cluster_soft_limit_percent: int | None = None
    cluster_hard_limit_percent: int | None = None
    storage_soft_limit_percent: int | None = None
    storage_hard_limit_percent: int | None = None
    cluster_limits: tuple[QuotaLimit, ...] = ()
    storage_limits: tuple[QuotaLimit, ...] = ()


class VmPool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pool of equal VMs (RHV)."""

    id: str
    name: str
    cluster: str | None = None
    template: str | None = None
    kind: str | None = None
    size: int | None = None
    prestarted: int | None = None
    maximum_user_vms: int | None = None
    stateful: bool | None = None
    latest_template: bool | None = None
    native: Native = {}


class InstanceType(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named size of VMs (RHV)."""

    id: str
    name: str
    description: str = ""
    sockets: int | None = None
    cores_per_socket: int | None = None
    threads_per_core: int | None = None
    memory_bytes: int | None = None
    memory_max_bytes: int | None = None
    native: Native = {}


class PlatformOption(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A setting of the platform as a whole that has no noun of its own."""

    name: str
    version: str = ""
    values: tuple[Setting, ...] = ()
