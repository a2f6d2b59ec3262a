"""Who may do what with which VMs at the source."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.knowledge.roles import Abilities, abilities_of, abilities_of_choice, roles, system_account
from mtv.model.estate import Inventory
from mtv.model.organisation import Permission, Role
from mtv.translate.organisation.labels import scrubbed
from mtv.translate.organisation.places import Places
from mtv.translate.sentences import first_of

ENTITIES = 5
"""How many objects of one role and principal are named."""


class Grant(msgspec.Struct, frozen=True):
    """A permission whose role gives something on VMs, or takes it."""

    permission: Permission
    principal: str
    """Key of the principal in ``mapping.yaml``: ``<source>/<principal>``."""
    name: str
    """What the source calls the principal: ``CORP\\web-team``, ``anna@example.com-authz``."""
    role: Role
    role_ref: str
    entity: str
    """What the object is called."""
    abilities: Abilities
    of_everything: bool
    """True when it is for the whole platform."""


Held = Mapping[str, tuple[Grant, ...]]
"""Key of a principal -> the permissions by which it has something on a VM."""


class Grants:
    """The permissions of one source. Accounts of the platform itself have none here.

    ``chosen``: ref of a role -> ClusterRole, or None for a role that is to have none.
    """

    def __init__(
        self, inventory: Inventory, places: Places, chosen: Mapping[str, str | None]
    ) -> None:
        self._inventory = inventory
        self._places = places
        self._chosen = chosen
        self._nearest_wins = inventory.product in roles().nearest_wins
        self._made = dict[tuple[str | None, ...], Held]()

    @cached_property
    def all(self) -> tuple[Grant, ...]:
        """Every one, those of roles that give nothing on VMs too."""
        return tuple(self._grants())

    def of(self, placed: PlacedVm) -> Held:
        """What anyone has on a VM. The same mapping for all VMs that stand in the same place."""
        vm = placed.vm
        own = vm.id if vm.id in self._at else None
        key = (own, vm.datacenter, vm.folder, vm.pool, vm.vapp, vm.cluster, vm.vm_pool)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._held(placed)
        return found

    def _held(self, placed: PlacedVm) -> Held:
        """The VM's own permissions, then those that come down to it on each way."""
        held = dict[str, dict[str, Grant]]()
        own = self._at.get(placed.vm.id, ())
        for grant in own:
            held.setdefault(grant.principal, {})[grant.permission.id] = grant
        settled = {grant.principal for grant in own} if self._nearest_wins else set[str]()
        for way in self._places.authority(placed.vm):
            done = set(settled)
            for entity in way:
                coming = [
                    grant
                    for grant in self._at.get(entity, ())
                    if grant.permission.propagates and grant.principal not in done
                ]
                for grant in coming:
                    held.setdefault(grant.principal, {})[grant.permission.id] = grant
                if self._nearest_wins:
                    done |= {grant.principal for grant in coming}
        return {
            principal: tuple(grant for grant in grants.values() if grant.abilities)
            for principal, grants in held.items()
            if any(grant.abilities for grant in grants.values())
        }

    @cached_property
    def _at(self) -> dict[str, tuple[Grant, ...]]:
        found = dict[str, list[Grant]]()
        for grant in self.all:
            found.setdefault(grant.permission.entity, []).append(grant)
        return {entity: tuple(grants) for entity, grants in found.items()}

    def _grants(self) -> Iterator[Grant]:
        inventory = self._inventory
        known = {each.id: each for each in inventory.roles}
        people = {each.id: each for each in inventory.users}
        names = _names(inventory)
        roots = {
            "",
            *(each.id for each in inventory.folders if each.kind == "datacenter" and not each.path),
        }
        abilities = {id_: self._abilities(role) for id_, role in known.items()}
        for permission in inventory.permissions:
            role = known.get(permission.role)
            if role is None:
                continue
            person = people.get(permission.principal)
            name = permission.principal
            if person is not None:
                whole = "@" in person.name or not person.domain
                name = person.name if whole else f"{person.name}@{person.domain}"
            if system_account(name) is not None:
                continue
            yield Grant(
                permission,
                ref(inventory, permission.principal),
                scrubbed(name),
                role,
                ref(inventory, role.id),
                names.get(permission.entity, permission.entity) or "everything",
                abilities[role.id],
                permission.entity in roots,
            )

    def _abilities(self, role: Role) -> Abilities:
        key = ref(self._inventory, role.id)
        if key not in self._chosen:
            return abilities_of(role.privileges)
        chosen = self._chosen[key]
        return abilities_of_choice(chosen, role.privileges) if chosen else frozenset[str]()


def _names(inventory: Inventory) -> dict[str, str]:
    """Id -> name of what permissions may be for and VMs may stand in."""
    lists = ("vms", "vapps", "resource_pools", "folders", "vm_pools", "clusters", "datacenters")
    return {
        thing.id: scrubbed(thing.name)
        for kind in lists
        for thing in getattr(inventory, kind)
        if thing.id
    }


def described(grants: Iterable[Grant]) -> list[str]:
    """Permissions in words, by role and principal, sorted: ``Builder of anna on shop, bank``."""
    found = dict[tuple[str, str], set[str]]()
    for grant in grants:
        found.setdefault((scrubbed(grant.role.name), grant.name), set()).add(grant.entity)
    return [
        f"{role} of {name} on {first_of(sorted(entities), ENTITIES)}"
        for (role, name), entities in sorted(found.items())
    ]
