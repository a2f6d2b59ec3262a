"""Folders, pools, roles, principals -> namespaces, ClusterRoles, users.

Not every folder is a question: a namespace of its own is suggested for a pool with limits and for a
folder with permissions, since quotas and RoleBindings are about namespaces. All else goes to the
default namespace without being asked.
"""

from collections.abc import Iterator, Mapping

from mtv.estate import PlacedVm, ref
from mtv.knowledge.roles import highest
from mtv.model.estate import Inventory
from mtv.names import label, unique_labels
from mtv.translate.organisation.budgets import is_root, limited_pools
from mtv.translate.organisation.grants import Grant, Grants
from mtv.translate.organisation.namespaces import is_reserved
from mtv.translate.organisation.places import Places
from mtv.translate.suggest.question import Question, Suggestion


def suggest(question: Question) -> Iterator[Suggestion]:
    """Namespaces, then the roles and people that have something on VMs."""
    vms = dict[str, list[PlacedVm]]()
    for placed in question.vms:
        vms.setdefault(placed.inventory.source, []).append(placed)
    there = [each for each in question.estate.inventories if each.source in vms]
    places = {each.source: Places(each) for each in there}
    grants = {each.source: Grants(each, places[each.source], {}) for each in there}
    yield from _namespaces(there, vms, places, grants)
    used = [
        grant
        for source, all_of_it in grants.items()
        for grant in _used(all_of_it, vms[source]).values()
    ]
    yield from _roles(used)
    yield from _principals(used)


def _namespaces(
    inventories: list[Inventory],
    vms: Mapping[str, list[PlacedVm]],
    places: Mapping[str, Places],
    grants: Mapping[str, Grants],
) -> Iterator[Suggestion]:
    wanted = dict[str, tuple[str, str]]()
    for inventory in inventories:
        known, inside = places[inventory.source], vms[inventory.source]
        asked = dict(_pools(inventory, known, inside))
        pooled = {
            placed.ref
            for placed in inside
            if any(ref(inventory, pool) in asked for pool in known.pools(placed.vm))
        }
        asked |= _folders(inventory, known, inside, grants[inventory.source], pooled)
        wanted |= asked
    names = unique_labels({key: _allowed(name) for key, (name, _) in wanted.items()})
    for key, (name, reason) in wanted.items():
        yield Suggestion(section="namespaces", ref=key, name=name, choice=names[key], reason=reason)


def _pools(
    inventory: Inventory, places: Places, vms: list[PlacedVm]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Pools with limits right below a cluster's root pool, by ref: name and reason."""
    used = {pool for placed in vms for pool in places.pools(placed.vm)}
    roots = {pool.id for pool in inventory.resource_pools if is_root(pool)}
    for pool in limited_pools(inventory):
        if pool.id in used and (pool.parent is None or pool.parent in roots):
            reason = "a pool with limits: a quota is about a namespace"
            yield ref(inventory, pool.id), (pool.name, reason)


def _folders(
    inventory: Inventory,
    places: Places,
    vms: list[PlacedVm],
    grants: Grants,
    pooled: set[str],
) -> dict[str, tuple[str, str]]:
    """VM folders of the first level with permissions, none of whose VMs has a pool that counts."""
    given = {
        grant.permission.entity
        for grant in grants.all
        if grant.abilities and grant.permission.propagates
    }
    first = {
        each.id: each
        for each in inventory.folders
        if each.kind == "vm" and each.path and "/" not in each.path and each.id in given
    }
    taken = {
        folder for placed in vms if placed.ref in pooled for folder in places.folders(placed.vm)
    }
    used = {folder for placed in vms for folder in places.folders(placed.vm)}
    reason = "a folder with permissions of its own: rights are given in a namespace"
    return {
        ref(inventory, id_): (folder.name, reason)
        for id_, folder in first.items()
        if id_ in used - taken
    }


def _used(grants: Grants, vms: list[PlacedVm]) -> dict[str, Grant]:
    """The permissions that give something on VMs that are migrated, by id."""
    places = {id(held): held for held in map(grants.of, vms)}
    return {
        grant.permission.id: grant
        for held in places.values()
        for of_one in held.values()
        for grant in of_one
    }


def _roles(grants: list[Grant]) -> Iterator[Suggestion]:
    for key, grant in sorted({grant.role_ref: grant for grant in grants}.items()):
        level = highest(grant.abilities)
        if level is None:
            continue
        reason = f"its users {level.says}"
        if level.more is not None and not set(level.more.unless) & set(grant.role.privileges):
            reason += f"; the ClusterRole lets them {level.more.says} too, which the role does not"
        yield Suggestion(
            section="roles",
            ref=key,
            name=grant.role.name,
            choice=level.cluster_roles[0],
            reason=reason,
        )


def _principals(grants: list[Grant]) -> Iterator[Suggestion]:
    for key, grant in sorted({grant.principal: grant for grant in grants}.items()):
        kind = "group" if grant.permission.is_group else "user"
        yield Suggestion(
            section="principals",
            ref=key,
            name=grant.name,
            choice=None,
            reason=f"a {kind} of the source with rights on VMs: write {kind}:NAME as the cluster "
            "calls it",
        )


def _allowed(name: str) -> str:
    """A name whose label may be a namespace's."""
    return f"{name}-vms" if is_reserved(label(name)) else name
