"""Where an object stands, and what its own properties do not say about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypedDict

from mtv.model.vm import Availability
from mtv.sources.vsphere.values import many, unescape
from mtv.sources.vsphere.wire import Data, Ref

CLUSTERS = ("ClusterComputeResource", "ComputeResource")


class Places:
    """The objects around the VMs by id, and what is above what."""

    def __init__(self) -> None:
        self.objects: dict[str, Data] = {}

    def take(self, ref: Ref, tree: Data) -> None:
        """Adds an object."""
        self.objects[str(ref)] = tree

    def of(self, *kinds: str) -> Iterator[tuple[str, Data]]:
        """Id and properties of the objects of just these classes, not of their subclasses."""
        for id_, tree in self.objects.items():
            if tree.kind in kinds:
                yield id_, tree

    def name(self, id_: str | None) -> str | None:
        """The name of an object, as people gave it."""
        tree = self.objects.get(id_ or "")
        return None if tree is None else unescape(tree.get("name", ""))

    def above(self, tree: Data) -> Iterator[tuple[str, Data]]:
        """Id and properties of every object above one, nearest first."""
        seen = set[str]()
        while (parent := _parent(tree)) is not None and parent not in seen:
            seen.add(parent)
            found = self.objects.get(str(parent))
            if found is None:
                return
            yield str(parent), found
            tree = found

    def datacenter(self, tree: Data) -> str | None:
        """Path of the data centre an object stands in, or is: ``Europe/DC0``."""
        names = [unescape(tree.get("name", ""))] if tree.kind == "Datacenter" else []
        for _, found in self.above(tree):
            # The topmost folder is vCenter's root folder, which is not part of a path.
            if found.kind == "Datacenter" or (names and _parent(found) is not None):
                names.append(unescape(found.get("name", "")))
        return "/".join(reversed(names)) or None

    def folder(self, tree: Data) -> str:
        """Path of the folders below the data centre's own folder: ``Servers/Web``."""
        names = []
        for _, found in self.above(tree):
            if found.kind == "Datacenter":
                break
            if found.kind == "Folder":
                names.append(unescape(found.get("name", "")))
        # The last one is the data centre's "vm" or "host" folder, or vCenter's root folder.
        return "/".join(reversed(names[:-1]))

    def cluster(self, tree: Data) -> str | None:
        """Id of the cluster, or of the compute resource of a host that stands alone."""
        return next((id_ for id_, found in self.above(tree) if found.kind in CLUSTERS), None)


def _parent(tree: Data) -> Any:
    """What an object stands in; a vApp and its VMs stand in a folder by way of the vApp."""
    if tree.kind == "VirtualApp":
        return tree.get("parentVApp") or tree.get("parentFolder") or tree.get("parent")
    return tree.get("parent") or tree.get("parentVApp")


@dataclass
class Around:
    """What an object's own properties do not say about it."""

    places: Places = field(default_factory=Places)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Object id -> ids of its tags."""
    attributes: dict[int, str] = field(default_factory=dict)
    """Key of a custom attribute -> its name."""
    segments: dict[str, str] = field(default_factory=dict)
    """Id of an opaque network's segment -> id of the network."""
    luns: dict[str, str] = field(default_factory=dict)
    """UUID of a LUN, as RDMs name it -> its id in the inventory."""
    policies: dict[str, str] = field(default_factory=dict)
    """VM id, or VM id and disk key (``vm-21:2000``) -> id of the storage policy."""
    availability: dict[str, Availability] = field(default_factory=dict)
    """VM id -> its own settings of its cluster's high availability."""
    balancing: dict[str, str] = field(default_factory=dict)
    """VM id -> its own level of DRS."""


def custom_attributes(around: Around, tree: Data) -> dict[str, str]:
    """An object's custom attributes by name."""
    found = {}
    for each in (*many(tree, "value"), *many(tree, "customValue")):
        if (value := each.get("value")) not in (None, ""):
            key = each.get("key")
            found[around.attributes.get(key, str(key))] = str(value)
    return found


class Common(TypedDict):
    """Fields that most nouns have."""

    tags: tuple[str, ...]
    custom_attributes: dict[str, str]


def common(around: Around, id_: str, tree: Data) -> Common:
    """An object's tags and custom attributes."""
    return Common(tags=around.tags.get(id_, ()), custom_attributes=custom_attributes(around, tree))
