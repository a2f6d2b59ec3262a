"""The estate as a tree of lists and objects, each at its path, as an engine serves it."""

from dataclasses import dataclass, field
from typing import Any

from tests.real.engine.estate import Estate
from tests.real.engine.links import ACTIONS, NO_HREF, SUBS, TOP, Sub
from tests.real.engine.sdk import Struct, attributes, held, plural, types
from tests.real.engine.versions import SINCE, Version

API = "/ovirt-engine/api"


@dataclass(eq=False)
class Entity:
    """One object with its href and the lists below it; `cache` is its XML while that is true."""

    obj: Any
    href: str
    owner: "Entity | None" = None
    subs: "dict[str, Listing]" = field(default_factory=dict)
    cache: tuple[str, str] | None = None

    @property
    def kind(self) -> str:
        return type(self.obj).__name__

    @property
    def id(self) -> str:
        return str(self.obj.id)

    @property
    def actions(self) -> tuple[str, ...]:
        return ACTIONS.get(self.kind, ())


@dataclass(eq=False)
class Listing:
    """A list: at the top, below an object (`owner`), or a view of one at the top."""

    path: str
    kind: str
    href: str
    owner: Entity | None = None
    sub: Sub | None = None
    own: dict[str, Entity] = field(default_factory=dict)

    @property
    def root(self) -> str:
        return plural(getattr(types, self.kind))


class Tree:
    """All lists of an engine. `version` decides what is left out; `hidden` ids are not shown."""

    def __init__(self, estate: Estate, version: Version) -> None:
        self.estate = estate
        self.version = version
        self.hidden: set[str] = set()
        self.top = {path: Listing(path, kind, f"{API}/{path}") for path, kind in TOP.items()}
        self._hrefs: dict[tuple[str, str], str] = {}
        fresh = [
            entity
            for path, objects in estate.collections.items()
            for entity in [self._grow(self.top[path], each, None) for each in objects]
        ]
        for entity in fresh:
            self._settle(entity)

    def add(self, listing: Listing, obj: Any) -> Entity:
        """Put a new object into a list, with whatever hangs on it."""
        entity = self._grow(listing, obj, listing.owner)
        self._settle(entity)
        return entity

    def touch(self, entity: Entity) -> None:
        """An object was changed: its XML is to be written again, its references looked up again."""
        self._settle(entity)

    def remove(self, listing: Listing, id_: str) -> None:
        """Take an object out of a list."""
        entity = listing.own.pop(id_)
        self._hrefs.pop((entity.kind, id_), None)

    def items(self, listing: Listing) -> list[Entity]:
        """What a list shows."""
        if listing.sub is not None and listing.sub.view is not None and listing.owner is not None:
            shows, owner = listing.sub.view, listing.owner.obj
            found = [
                each for each in self.top[listing.sub.top].own.values() if shows(each.obj, owner)
            ]
        else:
            found = list(listing.own.values())
        if self.hidden:
            found = [each for each in found if each.id not in self.hidden]
        return found

    def item(self, listing: Listing, id_: str) -> Entity | None:
        """The object with that id in a list."""
        if listing.sub is not None and listing.sub.view is not None:
            return next((each for each in self.items(listing) if each.id == id_), None)
        return None if id_ in self.hidden else listing.own.get(id_)

    def find(self, path: str) -> "Entity | Listing | None":
        """What is at a path below the API: a list, an object or nothing."""
        segments = [part for part in path.strip("/").split("/") if part]
        listing: Listing | None = self.top.get(segments[0]) if segments else None
        found: Entity | Listing | None = listing
        for segment in segments[1:]:
            if isinstance(found, Listing):
                found = self.item(found, segment)
            elif isinstance(found, Entity):
                found = found.subs.get(segment)
            if found is None:
                return None
        return found

    def get(self, path: str, id_: str) -> Entity:
        """An object of a list at the top that is known to be there."""
        return self.top[path].own[id_]

    def href(self, kind: str, id_: str) -> str | None:
        """Where an object of a type is to be found."""
        return self._hrefs.get((kind, id_))

    def name_of(self, reference: Any) -> str:
        """The name of what a reference stands for; its id when that is not known."""
        found = self.find((reference.href or "").removeprefix(API))
        return str(found.obj.name if isinstance(found, Entity) else reference.id)

    def _grow(self, listing: Listing, obj: Any, owner: Entity | None) -> Entity:
        href = f"{listing.href}/{obj.id}"
        entity = Entity(obj, href, owner)
        listing.own[str(obj.id)] = entity
        self._hrefs.setdefault((entity.kind, entity.id), href)
        for sub in SUBS.get(entity.kind, ()):
            if sub.since > self.version or _bare(entity):
                if sub.attribute:
                    setattr(obj, sub.attribute, None)
                continue
            below = Listing(sub.rel, sub.kind, f"{href}/{sub.rel}", entity, sub)
            entity.subs[sub.rel] = below
            if sub.view is not None:
                continue
            objects = list(self.estate.extra.get((entity.id, sub.rel), ()))
            if sub.attribute:
                objects += getattr(obj, sub.attribute) or []
                setattr(obj, sub.attribute, None)
            for each in objects:
                self._grow(below, each, entity)
        return entity

    def _settle(self, entity: Entity) -> None:
        """Set what an object says about itself and others: hrefs, and a reference to its owner."""
        entity.cache = None
        obj, owner = entity.obj, entity.owner
        obj.href = None if owner is not None and owner.kind == "Snapshot" else entity.href
        if owner is not None:
            back = _OWNER.get(owner.kind)
            if back and back in attributes(obj) and getattr(obj, back) is None:
                setattr(obj, back, type(owner.obj)(id=owner.id))
        self._dress(obj)
        for below in entity.subs.values():
            for child in below.own.values():
                self._settle(child)

    def _dress(self, thing: Any) -> None:
        """Give an object's references their hrefs; take from it what is newer than the engine."""
        kind = type(thing).__name__
        for name, value in held(thing):
            since = SINCE.get((kind, name))
            if since is not None and self.version < since:
                setattr(thing, name, None)
                continue
            for each in value if isinstance(value, list) else (value,):
                if not isinstance(each, Struct):
                    continue
                id_ = getattr(each, "id", None)
                if id_ is not None and each.href is None and (kind, name) not in NO_HREF:
                    each.href = self.href(type(each).__name__, str(id_))
                self._dress(each)


_OWNER = {
    "Vm": "vm",
    "Template": "template",
    "Host": "host",
    "HostNic": "host_nic",
    "Cluster": "cluster",
    "DataCenter": "data_center",
    "StorageDomain": "storage_domain",
    "Quota": "quota",
    "Network": "network",
    "NetworkAttachment": "host",
    "Disk": "disk",
    "Nic": "nic",
    "Job": "job",
    "Role": "role",
    "OpenStackNetworkProvider": "openstack_network_provider",
    "OpenStackNetwork": "openstack_network",
}
"""Type of the owner -> the attribute that refers back to it."""


def _bare(entity: Entity) -> bool:
    """The active snapshot has nothing below it, as in real answers."""
    return entity.kind == "Snapshot" and str(entity.obj.snapshot_type) == "active"
