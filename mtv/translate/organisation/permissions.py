"""Roles and permissions -> RoleBindings.

A RoleBinding is about a whole namespace. So people get in a namespace what they have on each of its
VMs at the source; what they have on some of them only is told, not bound. Nobody is guessed: who a
principal is on the target, ``mapping.yaml`` says.
"""

from collections.abc import Iterator
from functools import cached_property, reduce

import msgspec

from mtv.knowledge.roles import Abilities, OwnRole, cluster_roles, highest, roles
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.names import unique_labels
from mtv.translate.organisation.grants import Grant, Grants, Held, described
from mtv.translate.organisation.namespaces import is_reserved
from mtv.translate.part import AroundVms, Manifest, metadata
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

GROUP = "rbac.authorization.k8s.io"
KINDS = {"user": "User", "group": "Group"}
ADMIN = "admin"
SHOWN = 20


class _Right(msgspec.Struct, frozen=True):
    """What one principal has in one namespace."""

    namespace: str
    principal: str
    everywhere: Abilities
    """On each of its VMs."""
    somewhere: Abilities
    grants: tuple[Grant, ...]


class Permissions(AroundVms):
    """The permissions of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._subjects = {
            key: subject
            for key, choice in site.mapping.principals.items()
            if (subject := _subject(choice)) is not None
        }

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """A RoleBinding for each ClusterRole in each namespace, and the ClusterRoles of ours."""
        own = {each.name: each for each in roles().own}
        bound = {role for _, role in self._bindings}
        return (
            *(_cluster_role(own[name]) for name in sorted(bound & set(own))),
            *self.role_bindings(),
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """People without an answer, rights that nobody gets, or that are wider than they were."""
        return (
            *self._wrong_lines(),
            *self._unknown_people(),
            *self._only_somewhere(),
            *self._roles_without(),
            *self._more_than_before(),
            *self._administrators(),
            *self._shared_namespaces(),
        )

    @cached_property
    def grants(self) -> dict[str, Grants]:
        """Source -> its permissions."""
        places = self._site.namespaces.places
        return {
            each.source: Grants(each, places[each.source], self._site.mapping.roles)
            for each in self._site.estate.inventories
        }

    # What anyone has

    @cached_property
    def _rights(self) -> tuple[_Right, ...]:
        """By namespace and principal."""
        found = dict[str, dict[int, Held]]()
        for placed in self._site.vms:
            held = self.grants[placed.inventory.source].of(placed)
            found.setdefault(self._site.namespace(placed), {})[id(held)] = held
        return tuple(
            right
            for namespace in sorted(found)
            if not is_reserved(namespace)
            for right in _rights(namespace, tuple(found[namespace].values()))
        )

    @cached_property
    def _bindings(self) -> dict[tuple[str, str], list[_Right]]:
        """Namespace and ClusterRole -> who gets it."""
        found = dict[tuple[str, str], list[_Right]]()
        for right in self._rights:
            if right.principal in self._subjects:
                for role in cluster_roles(right.everywhere, self._site.release.openshift):
                    found.setdefault((right.namespace, role), []).append(right)
        return found

    def role_bindings(self) -> Iterator[Manifest]:
        """One for each ClusterRole in each namespace; annotations name the permissions."""
        names = unique_labels({r: f"mtv-{r.removeprefix('mtv-')}" for _, r in self._bindings})
        for (namespace, role), rights in sorted(self._bindings.items()):
            because = described(grant for right in rights for grant in right.grants)
            subjects = sorted({self._subjects[right.principal] for right in rights})
            yield {
                "apiVersion": f"{GROUP}/v1",
                "kind": "RoleBinding",
                "metadata": metadata(
                    names[role], namespace, source_permissions=first_of(because, SHOWN, comma="; ")
                ),
                "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
                "subjects": [
                    {"apiGroup": GROUP, "kind": kind, "name": name} for kind, name in subjects
                ],
            }

    # The findings

    def _wrong_lines(self) -> Iterator[Finding]:
        people = {
            f"{inventory.source}/{permission.principal}"
            for inventory in self._site.estate.inventories
            for permission in inventory.permissions
        }
        known_roles = {
            f"{inventory.source}/{role.id}"
            for inventory in self._site.estate.inventories
            for role in inventory.roles
        }
        for key, choice in self._site.mapping.principals.items():
            if key not in people:
                says = f"mapping.yaml: principals: {key}: nobody of that name has a permission"
                yield _line("permission", key, says, "take the line out, or correct its key")
            elif choice is not None and _subject(choice) is None:
                says = f"mapping.yaml: principals: {key}: {choice!r} is neither a user nor a group"
                yield _line("permission", key, says, "write user:NAME or group:NAME")
        for key in self._site.mapping.roles:
            if key not in known_roles:
                says = f"mapping.yaml: roles: {key}: the source has no such role"
                yield _line("role", key, says, "take the line out, or correct its key")

    def _unknown_people(self) -> Iterator[Finding]:
        waiting = dict[str, dict[str, str]]()
        for right in self._rights:
            if right.principal not in self._subjects and right.everywhere:
                source = right.principal.partition("/")[0]
                waiting.setdefault(source, {})[right.principal] = right.grants[0].name
        for source, people in waiting.items():
            yield Finding(
                row="permission",
                category=Category.WARNING,
                ref="",
                name=source,
                says=f"who may use VMs of {source} and has no name on the target gets no "
                f"RoleBinding ({len(people)}): {first_of(list(people.values()), SHOWN)}",
                remedy="write user:NAME or group:NAME for each under principals in mapping.yaml",
            )

    def _only_somewhere(self) -> Iterator[Finding]:
        partly = dict[str, dict[str, Grant]]()
        for right in self._rights:
            lacking = right.somewhere - right.everywhere
            for grant in right.grants:
                if grant.abilities & lacking:
                    # An id tells permissions of one source apart only.
                    key = f"{right.principal} {grant.permission.id}"
                    partly.setdefault(right.namespace, {})[key] = grant
        for namespace, permissions in partly.items():
            yield Finding(
                row="permission",
                category=Category.WARNING,
                ref="",
                name=namespace,
                says=f"a RoleBinding is for all VMs of the namespace {namespace}; what is for "
                f"some of them only is not bound ({len(permissions)}): "
                f"{first_of(described(permissions.values()), SHOWN, comma='; ')}",
                remedy="send those VMs to a namespace of their own (mapping.yaml: namespaces), or "
                "bind by hand what may be wider than it was",
            )

    def _roles_without(self) -> Iterator[Finding]:
        """Roles that someone has and that give nothing on VMs."""
        used = dict[str, dict[str, str]]()
        for source, grants in self.grants.items():
            for grant in grants.all:
                if not grant.abilities and grant.role.privileges:
                    used.setdefault(source, {})[grant.role_ref] = grant.role.name
        for source, names in used.items():
            undecided = [
                key
                for key in names
                if key in self._site.mapping.roles and self._site.mapping.roles[key] is None
            ]
            yield Finding(
                row="role",
                category=Category.INFORMATION,
                ref="",
                name=source,
                says=f"roles that people of {source} have give nothing on VMs, so they are not "
                f"bound: {first_of(list(names.values()), SHOWN)}",
                remedy="give rights on nodes, networks and storage of the cluster by its own roles"
                + ("; or name a ClusterRole under roles in mapping.yaml" if undecided else ""),
            )

    def _more_than_before(self) -> Iterator[Finding]:
        """Roles whose level lets its users do what the role itself does not."""
        wider = dict[str, tuple[Grant, str, str]]()
        for rights in self._bindings.values():
            for right in rights:
                for grant in right.grants:
                    level = highest(grant.abilities)
                    chosen = grant.role_ref in self._site.mapping.roles
                    if level is None or level.more is None or chosen:
                        continue
                    if not set(level.more.unless) & set(grant.role.privileges):
                        wider[grant.role_ref] = (grant, level.cluster_roles[0], level.more.says)
        for key, (grant, role, says) in sorted(wider.items()):
            yield Finding(
                row="role",
                category=Category.WARNING,
                ref=key,
                name=grant.role.name,
                says=f"the ClusterRole {role} also lets its users {says}, which the role does not",
                remedy="name a narrower ClusterRole under roles in mapping.yaml, or say there that "
                f"it may: {key}: {role}",
            )

    def _administrators(self) -> Iterator[Finding]:
        """Those who may do everything at the source; nobody may in the cluster because of it."""
        found = dict[str, dict[str, None]]()
        for rights in self._bindings.values():
            for right in rights:
                for grant in right.grants:
                    if grant.of_everything and ADMIN in grant.abilities:
                        source = grant.principal.partition("/")[0]
                        found.setdefault(source, {})[grant.name] = None
        for source, names in found.items():
            yield Finding(
                row="permission",
                category=Category.INFORMATION,
                ref="",
                name=source,
                says=f"administrators of all of {source} get their VMs' namespaces only: "
                f"{first_of(list(names), SHOWN)}",
                remedy="bind cluster-admin by hand to those who shall run the cluster",
            )

    def _shared_namespaces(self) -> Iterator[Finding]:
        there = set(self._site.target.namespaces)
        for namespace in sorted({space for space, _ in self._bindings} & there):
            yield Finding(
                row="permission",
                category=Category.INFORMATION,
                ref="",
                name=namespace,
                says=f"the namespace {namespace} is there already: its RoleBindings are for all "
                "that is in it, not only for the VMs that come",
                remedy="look what else is in it, or send the VMs to another namespace",
            )


def _rights(namespace: str, places: tuple[Held, ...]) -> Iterator[_Right]:
    """What anyone has in a namespace whose VMs stand in these places."""
    abilities, grants = dict[str, list[Abilities]](), dict[str, dict[str, Grant]]()
    for held in places:
        for principal, given in held.items():
            abilities.setdefault(principal, []).append(_abilities(given))
            grants.setdefault(principal, {}).update((each.permission.id, each) for each in given)
    for principal, found in sorted(abilities.items()):
        in_common = reduce(frozenset.intersection, found)
        yield _Right(
            namespace,
            principal,
            in_common if len(found) == len(places) else frozenset[str](),
            reduce(frozenset.union, found),
            tuple(grants[principal].values()),
        )


def _abilities(grants: tuple[Grant, ...]) -> Abilities:
    return reduce(frozenset.union, (grant.abilities for grant in grants), frozenset[str]())


def _subject(choice: str | None) -> tuple[str, str] | None:
    """Kind and name of a principal of the target; None where nobody is named."""
    kind, _, name = (choice or "").partition(":")
    return (KINDS[kind], name) if kind in KINDS and name.strip() else None


def _cluster_role(own: OwnRole) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": metadata(own.name),
        "rules": [dict(rule) for rule in own.rules],
    }


def _line(row: str, key: str, says: str, remedy: str) -> Finding:
    return Finding(row=row, category=Category.BLOCKER, ref=key, name=key, says=says, remedy=remedy)
