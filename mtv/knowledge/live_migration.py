"""Live migration: defaults, RHV's policies, rights (``mappings/live-migration.yaml``)."""

from collections.abc import Iterable
from functools import cache

import msgspec

from mtv.mappings import read_yaml
from mtv.model.compute import MigrationPolicy
from mtv.model.target import LiveMigration


class Defaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target does when nobody told it otherwise, from one version on."""

    since: str
    settings: LiveMigration
    seen: str = ""


class MigrateRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ClusterRole that lets someone start and cancel live migrations."""

    name: str
    since: str
    """First version that has it; before it, edit and admin were enough."""


class VmotionLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many VMs a host moves at a time, by the speed of its NIC."""

    speed_mbps: int
    migrations: int


class Knowledge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mappings/live-migration.yaml``."""

    defaults: tuple[Defaults, ...]
    policies: tuple[MigrationPolicy, ...]
    pause_milliseconds: int
    vmotion_limits: tuple[VmotionLimit, ...]
    role: MigrateRole
    privileges: dict[str, tuple[str, ...]]


@cache
def knowledge() -> Knowledge:
    """The whole table."""
    return msgspec.convert(read_yaml("live-migration.yaml"), Knowledge)


def default_settings(openshift: str) -> LiveMigration:
    """``liveMigrationConfig`` of a version (``4.20``) where nobody set anything."""
    fitting = (each for each in knowledge().defaults if _number(each.since) <= _number(openshift))
    return max(fitting, key=lambda each: _number(each.since)).settings


def built_in_policy(id_: str) -> MigrationPolicy | None:
    """A migration policy that every RHV engine has; None for one that only some have."""
    return next((each for each in knowledge().policies if each.id == id_), None)


def may_migrate(privileges: Iterable[str]) -> bool:
    """True when privileges of a role of the source let its users move VMs that run."""
    known = {name for names in knowledge().privileges.values() for name in names}
    return not known.isdisjoint(privileges)


def migrate_role(openshift: str) -> str | None:
    """The ClusterRole for those that may migrate; None where the version needs none."""
    role = knowledge().role
    return role.name if _number(openshift) >= _number(role.since) else None


def _number(openshift: str) -> tuple[int, ...]:
    return tuple(map(int, openshift.split(".")))
