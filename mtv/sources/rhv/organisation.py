"""Data centres, tags, people and their rights, quotas, pools, sizes, alerts."""

from collections.abc import Iterator

from mtv.model.organisation import (
    Datacenter,
    InstanceType,
    Permission,
    Quota,
    QuotaLimit,
    Role,
    Tag,
    TriggeredAlarm,
    User,
    VmPool,
)
from mtv.sources.rhv.native import native
from mtv.sources.rhv.read import Answers
from mtv.sources.rhv.values import GIBI, each, full_version, ident, limited, moment, word
from mtv.sources.rhv.vms import is_ours


def datacenters(answers: Answers) -> Iterator[Datacenter]:
    """The data centres."""
    for centre in answers.of("datacenters"):
        yield Datacenter(
            id=centre.id,
            name=centre.name or "",
            description=centre.description or "",
            status=word(centre.status),
            version=full_version(centre.version),
            is_local=centre.local,
            storage_format=word(centre.storage_format),
            quota_mode=word(centre.quota_mode),
            mac_pool=ident(centre.mac_pool),
            native=native(centre),
        )


def tags(answers: Answers) -> Iterator[Tag]:
    """The tags, which form a tree."""
    for tag in answers.of("tags"):
        yield Tag(
            id=tag.id,
            name=tag.name or "",
            description=tag.description or "",
            parent=ident(tag.parent),
        )


def roles(answers: Answers) -> Iterator[Role]:
    """The roles with their permits."""
    for role in answers.of("roles"):
        yield Role(
            id=role.id,
            name=role.name or "",
            description=role.description or "",
            is_system=None if role.mutable is None else not role.mutable,
            administrative=role.administrative,
            privileges=tuple(sorted(permit.name for permit in each(role.permits) if permit.name)),
        )


def users(answers: Answers) -> Iterator[User]:
    """Users and groups."""
    for path, group in (("users", False), ("groups", True)):
        for person in answers.of(path):
            login = None if group else person.user_name
            yield User(
                id=person.id,
                name=login or person.name or "",
                is_group=group,
                domain=None if person.domain is None else person.domain.name or person.domain.id,
                directory=person.namespace,
            )


_GIVEN = (
    *("vm", "template", "vm_pool", "disk", "host", "cluster", "storage_domain", "data_center"),
)
"""Attributes of a permission that name the object it is for."""

_WITH_PERMISSIONS = (
    *("datacenters", "clusters", "hosts", "storagedomains", "networks", "vnicprofiles"),
    *("templates", "vms", "vmpools", "macpools", "diskprofiles", "cpuprofiles"),
)

_UNNAMED = {
    "networks": "network",
    "vnicprofiles": "vnic_profile",
    "macpools": "mac_pool",
    "diskprofiles": "disk_profile",
    "cpuprofiles": "cpu_profile",
}
"""Lists whose objects a permission cannot name: it belongs to the object that shows it."""


def permissions(answers: Answers) -> Iterator[Permission]:
    """The permissions, each once: objects also show what they inherit. VMs left out have none."""
    seen = set[str]()
    left_out = {vm.id for vm in answers.of("vms") if not is_ours(vm)}
    shown = [("", "", one) for one in answers.of("permissions")]
    for path in _WITH_PERMISSIONS:
        shown += [
            (_UNNAMED.get(path, ""), thing.id, one)
            for thing in answers.of(path)
            for one in each(thing.permissions)
        ]
    for kind, owner, one in shown:
        if not one.id or one.id in seen:
            continue
        seen.add(one.id)
        entity_kind, entity = next(
            ((name, ident(getattr(one, name))) for name in _GIVEN if ident(getattr(one, name))),
            (kind, owner if kind else None),
        )
        if entity in left_out:
            continue
        yield Permission(
            id=one.id,
            entity=entity or "",
            entity_kind=entity_kind or "system",
            principal=ident(one.user) or ident(one.group) or "",
            is_group=one.user is None and one.group is not None,
            role=ident(one.role) or "",
            propagates=True,
        )


def quotas(answers: Answers) -> Iterator[Quota]:
    """The quotas of all data centres: GiB become bytes, -1 is no limit."""
    for centre in answers.of("datacenters"):
        for quota in each(centre.quotas):
            yield Quota(
                id=quota.id,
                name=quota.name or "",
                datacenter=centre.name,
                description=quota.description or "",
                cluster_soft_limit_percent=quota.cluster_soft_limit_pct,
                cluster_hard_limit_percent=quota.cluster_hard_limit_pct,
                storage_soft_limit_percent=quota.storage_soft_limit_pct,
                storage_hard_limit_percent=quota.storage_hard_limit_pct,
                cluster_limits=tuple(
                    QuotaLimit(
                        object=ident(limit.cluster),
                        vcpus=limited(limit.vcpu_limit),
                        vcpus_used=limit.vcpu_usage,
                        memory_bytes=_gibi(limited(limit.memory_limit)),
                        memory_used_bytes=_gibi(limit.memory_usage),
                    )
                    for limit in each(quota.quota_cluster_limits)
                ),
                storage_limits=tuple(
                    QuotaLimit(
                        object=ident(limit.storage_domain),
                        storage_bytes=_gibi(limited(limit.limit)),
                        storage_used_bytes=_gibi(limit.usage),
                    )
                    for limit in each(quota.quota_storage_limits)
                ),
            )


def _gibi(amount: float | None) -> int | None:
    return None if amount is None else round(amount * GIBI)


def vm_pools(answers: Answers) -> Iterator[VmPool]:
    """The pools of equal VMs."""
    for pool in answers.of("vmpools"):
        yield VmPool(
            id=pool.id,
            name=pool.name or "",
            cluster=ident(pool.cluster),
            template=ident(pool.template),
            kind=word(pool.type),
            size=pool.size,
            prestarted=pool.prestarted_vms,
            maximum_user_vms=pool.max_user_vms,
            stateful=pool.stateful,
            latest_template=pool.use_latest_template_version,
            native=native(pool),
        )


def instance_types(answers: Answers) -> Iterator[InstanceType]:
    """The named sizes."""
    for size in answers.of("instancetypes"):
        topology = size.cpu.topology if size.cpu is not None else None
        yield InstanceType(
            id=size.id,
            name=size.name or "",
            description=size.description or "",
            sockets=topology.sockets if topology is not None else None,
            cores_per_socket=topology.cores if topology is not None else None,
            threads_per_core=topology.threads if topology is not None else None,
            memory_bytes=size.memory,
            memory_max_bytes=size.memory_policy.max if size.memory_policy is not None else None,
            native=native(size),
        )


_ABOUT = ("vm", "template", "host", "storage_domain", "cluster", "data_center", "user")


def alerts(answers: Answers) -> Iterator[TriggeredAlarm]:
    """The latest errors and alerts among the engine's events."""
    for event in answers.events:
        yield TriggeredAlarm(
            id=event.id,
            alarm=str(event.code) if event.code is not None else "",
            entity=next(
                (ident(getattr(event, name)) for name in _ABOUT if ident(getattr(event, name))),
                None,
            ),
            status=word(event.severity),
            since=moment(event.time),
            says=event.description or "",
        )
