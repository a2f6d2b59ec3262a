"""What roles of the source are on the target (``mappings/roles.yaml``), by their privileges.

What someone may do with VMs is a set of *abilities*: a level with those below it (``view``,
``use``, ``edit``, ``admin``), what goes beside a level (``snapshots``), ``migrate``, and
``role:NAME`` for a ClusterRole that a site chose.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import msgspec

from mtv.knowledge.live_migration import may_migrate, migrate_role
from mtv.mappings import read_yaml

Abilities = frozenset[str]

MIGRATE = "migrate"
CHOSEN = "role:"


class More(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a level gives beyond a role that has none of the privileges ``unless``."""

    says: str
    unless: tuple[str, ...]


class Level(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A level of rights on VMs, or what goes beside one."""

    id: str
    privileges: dict[str, tuple[str, ...]]
    """Product -> privileges of which it takes one."""
    cluster_roles: tuple[str, ...]
    says: str
    all_of: dict[str, tuple[str, ...]] = {}
    alone: bool = False
    more: More | None = None
    within: str = ""
    """Of what goes beside a level: the level that contains it."""

    def includes(self, privilege: str) -> bool:
        """True for a privilege of which it takes one, of whatever product."""
        return any(
            privilege.startswith(each[:-1]) if each.endswith("*") else privilege == each
            for names in self.privileges.values()
            for each in names
        )

    def has_all(self, privileges: Iterable[str]) -> bool:
        """True when the privileges have all that one product wants for it."""
        held = set(privileges)
        return not self.all_of or any(held >= set(wanted) for wanted in self.all_of.values())


class OwnRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ClusterRole that OpenShift lacks."""

    name: str
    rules: tuple[dict[str, Any], ...]


class SystemAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accounts of the platform itself."""

    match: str
    why: str


class Roles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mappings/roles.yaml``."""

    levels: tuple[Level, ...]
    extras: tuple[Level, ...]
    own: tuple[OwnRole, ...]
    nearest_wins: tuple[str, ...]
    system_accounts: tuple[SystemAccount, ...]


@cache
def roles() -> Roles:
    """The whole table."""
    return msgspec.convert(read_yaml("roles.yaml"), Roles)


def abilities_of(privileges: tuple[str, ...]) -> Abilities:
    """What a role with these privileges lets its users do with VMs; empty: nothing."""
    table = roles()
    found = set[str]()
    for index, level in enumerate(table.levels):
        if not level.alone and level.has_all(privileges) and any(map(level.includes, privileges)):
            found |= {each.id for each in table.levels[: index + 1]}
    found |= {each.id for each in table.extras if any(map(each.includes, privileges))}
    if may_migrate(privileges):
        found.add(MIGRATE)
    alone = [level for level in table.levels if level.alone]
    if found or (privileges and all(any(each.includes(p) for each in alone) for p in privileges)):
        found |= {each.id for each in alone}
    return frozenset(found)


def abilities_of_choice(cluster_role: str, privileges: tuple[str, ...]) -> Abilities:
    """Those of a ClusterRole that a site chose for a role with these privileges.

    A level's own first one stands for the level, and leaves the role what goes beside levels; any
    other is bound by itself.
    """
    levels = roles().levels
    for index, level in enumerate(levels):
        if level.cluster_roles[0] == cluster_role:
            beside = abilities_of(privileges) - {each.id for each in levels}
            return beside | {each.id for each in levels[: index + 1]}
    return frozenset({f"{CHOSEN}{cluster_role}"})


def cluster_roles(abilities: Abilities, openshift: str) -> tuple[str, ...]:
    """The ClusterRoles to bind for them on a version of OpenShift, each once."""
    level = highest(abilities)
    names = list(level.cluster_roles) if level is not None else []
    for extra in roles().extras:
        if extra.id in abilities and extra.within not in abilities:
            names += extra.cluster_roles
    migrate = migrate_role(openshift)
    if MIGRATE in abilities and migrate is not None:
        names.append(migrate)
    names += [each.removeprefix(CHOSEN) for each in sorted(abilities) if each.startswith(CHOSEN)]
    return tuple(dict.fromkeys(names))


def highest(abilities: Abilities) -> Level | None:
    """The highest level among abilities; None where there is none."""
    return next((each for each in reversed(roles().levels) if each.id in abilities), None)


def system_account(principal: str) -> str | None:
    """Why nobody needs an account of the source on the target; None for one of a person."""
    known_as = principal.lower()
    return next(
        (each.why for each in roles().system_accounts if fnmatchcase(known_as, each.match)), None
    )
