"""What mtv's user needs in an engine, and what of that it lacks.

An engine answers a user who is no administrator with an error, or with what the user may see and no
word about the rest. So the question is asked of the user's own permissions on the whole system.
"""

from dataclasses import dataclass

from mtv.config import Consent
from mtv.errors import SourceError
from mtv.model.collection import Lack
from mtv.sources.rhv.engine import Engine
from mtv.sources.rhv.values import each, ident


@dataclass(frozen=True)
class Need:
    """Something mtv does, and the permits (as roles list them) of which it takes one."""

    permits: tuple[str, ...]
    needed_for: str
    consent: str = ""
    """Consent of mtv.yaml that has to be given before it is needed."""


NEEDS = (
    Need(("edit_disk_properties",), "mtv sync: reading disks (image transfers)"),
    Need(
        ("shut_down_vm", "vm_basic_operations"),
        "asking a guest to shut down before its last copy",
        Consent.POWER,
    ),
    Need(
        ("stop_vm", "vm_basic_operations"),
        "stopping a VM whose guest does not shut down",
        Consent.POWER,
    ),
    Need(
        ("backup_disk",),
        "mtv sync and mtv cutover: backups of VMs whose disks the engine tracks",
        Consent.SNAPSHOTS,
    ),
    Need(
        ("manipulate_vm_snapshots",),
        "mtv sync: snapshots of VMs whose disks it does not track",
        Consent.SNAPSHOTS,
    ),
    Need(
        ("attach_disk",),
        "mtv cutover and mtv rollback: taking LUNs from VMs and giving them back",
        Consent.DISKS,
    ),
    Need(
        ("configure_vm_storage",),
        "mtv cutover and mtv rollback: taking LUNs from VMs and giving them back",
        Consent.DISKS,
    ),
)
"""What is needed besides reading; docs/rhv.md has the same."""

SUPER_USER = "SuperUser"
"""The engine's own role that may do everything."""

ADMINISTRATIVE = Lack(
    what="an administrative role",
    needed_for="reading the whole estate: engines show other users only what they may use",
    remedy="give mtv's user the role ReadOnlyAdmin on the system; docs/rhv.md says how",
    blocks=True,
)


def lacks(engine: Engine) -> tuple[Lack, ...]:
    """What the user lacks. Asks for the user's own roles; a few requests."""
    try:
        permits, administrative = _granted(engine)
    except SourceError:
        # Who may not read permissions is no administrator.
        return (ADMINISTRATIVE,)
    found = [] if administrative else [ADMINISTRATIVE]
    for need in NEEDS:
        wanted = not need.consent or need.consent in engine.connection.may
        if wanted and SUPER_USER not in permits and not permits & set(need.permits):
            found.append(
                Lack(
                    what=" or ".join(need.permits),
                    needed_for=need.needed_for,
                    remedy="give mtv's user a role with this permit on the system; "
                    "docs/rhv.md lists them all",
                    blocks=True,
                )
            )
    return tuple(found)


def _granted(engine: Engine) -> tuple[set[str], bool]:
    """Permits of the user on the whole system, and whether one of the roles is administrative.

    The role that may do everything counts as a permit of its own name.
    """
    me = ident(engine.api.authenticated_user)
    roles = {role.id: role for role in engine.list("roles", follow="permits")}
    mine = set[str]()
    groups = _groups(engine, me) if me else set[str]()
    for permission in engine.list("permissions"):
        holder = ident(permission.user) or ident(permission.group)
        if me is None or holder == me or holder in groups:
            role = ident(permission.role)
            if role is not None and role in roles:
                mine.add(role)
    permits = {permit.name for role in mine for permit in each(roles[role].permits) if permit.name}
    permits |= {roles[role].name for role in mine if roles[role].name == SUPER_USER}
    return permits, any(roles[role].administrative for role in mine)


def _groups(engine: Engine, user: str) -> set[str]:
    """Ids of the groups the user is in, with everyone's."""
    try:
        known = engine.get(f"users/{user}")
    except SourceError:
        return set()
    return {group.id for group in each(known.groups) if group.id}
