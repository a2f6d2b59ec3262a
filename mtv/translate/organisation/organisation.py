"""How the estate is ordered: folders, data centres, pools -> namespaces; tags -> labels."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.translate.organisation.labels import Attributes, Marks, Tags, scrubbed
from mtv.translate.organisation.namespaces import is_reserved
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

SHOWN = 20
"""How many of its sources a namespace names."""

LONGEST_DESCRIPTION = 4096

ORDERING = ("vapps", "resource_pools", "folders", "tags", "clusters", "datacenters")
"""Lists of the inventory whose objects, beside VMs, a line of ``namespaces`` may name."""

MARKED = ("vapps", "resource_pools", "folders", "clusters", "datacenters")
"""Those of them whose tags and attributes their namespaces get."""


class Source(msgspec.Struct, frozen=True):
    """An object that sends its VMs to a namespace."""

    ref: str
    thing: Any
    inventory: Inventory
    kind: str

    @property
    def name(self) -> str:
        """What the source calls it: ``shop``."""
        return scrubbed(self.thing.name) or self.thing.id


class Organisation:
    """The namespaces of a site, and the labels of its VMs."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._tags = Tags(site.estate)
        self._attributes = Attributes(
            name
            for inventory in site.estate.inventories
            for kind in ("vms", *MARKED)
            for thing in getattr(inventory, kind)
            for name in thing.custom_attributes
        )

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """A Namespace for each that VMs go to, and that the cluster does not have already."""
        wanted = {self._site.mapping.namespace, *self._sources}
        there = set(self._site.target.namespaces)
        return tuple(
            self.namespace(name) for name in sorted(wanted - there) if not is_reserved(name)
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """Labels of its tags, on its pods too; annotations of its attributes and of its place."""
        vm, inventory = placed.vm, placed.inventory
        marks = self._tags.of(inventory, vm.tags)
        clusters, pools = self._names[inventory.source]
        place = {
            "mtv.migration/source-datacenter": scrubbed(vm.datacenter or ""),
            "mtv.migration/source-cluster": clusters.get(vm.cluster or "", ""),
            "mtv.migration/source-pool": pools.get(vm.pool or "", ""),
        }
        return VmPart(
            labels=marks.labels,
            template_labels=marks.labels,
            annotations={
                **{key: text for key, text in place.items() if text},
                **marks.annotations,
                **self._attributes.of(vm.custom_attributes)[0],
            },
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Lines that name nothing, namespaces of the platform, labels that nothing can have."""
        return (
            *self._wrong_lines(),
            *self._reserved(),
            *self._not_marked(),
            *self._no_room(),
        )

    @cached_property
    def _names(self) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        """Source -> id -> name of its clusters, and path of its pools."""
        return {
            each.source: (
                {cluster.id: scrubbed(cluster.name) for cluster in each.clusters},
                {pool.id: scrubbed(pool.path) for pool in each.resource_pools},
            )
            for each in self._site.estate.inventories
        }

    @cached_property
    def _things(self) -> dict[str, Source]:
        """What a line may name beside VMs, by its ref."""
        return {
            found.ref: found
            for inventory in self._site.estate.inventories
            for kind in ORDERING
            for thing in getattr(inventory, kind)
            if kind != "folders" or thing.kind == "vm"
            for found in [Source(ref(inventory, thing.id), thing, inventory, kind)]
        }

    @cached_property
    def _sources(self) -> dict[str, list[str]]:
        """Namespace -> refs of the lines that send VMs to it, sorted."""
        found = dict[str, set[str]]()
        for placed in self._site.vms:
            lines = found.setdefault(self._site.namespace(placed), set())
            answering = self._site.namespaces.answering(placed)
            if answering is not None:
                lines.add(answering)
        return {name: sorted(lines) for name, lines in found.items()}

    def _of(self, namespace: str) -> list[Source]:
        """The objects, other than VMs, that send VMs to a namespace."""
        lines = self._sources.get(namespace, [])
        return [self._things[line] for line in lines if line in self._things]

    def namespace(self, name: str) -> Manifest:
        """A Namespace that says what it is made from, and what that is called and marked with."""
        lines, sources = self._sources.get(name, []), self._of(name)
        about = metadata(name)
        annotations = dict[str, str]()
        if lines:
            annotations["mtv.migration/source"] = first_of(lines, SHOWN)
        if sources:
            names = first_of(list(dict.fromkeys(each.name for each in sources)), SHOWN)
            annotations["openshift.io/display-name"] = names
        described = {getattr(each.thing, "description", "") for each in sources} - {""}
        if described:
            text = scrubbed("; ".join(sorted(described)))
            annotations["openshift.io/description"] = text[:LONGEST_DESCRIPTION]
        marks = self._marks(name)
        about["labels"] |= marks.labels
        annotations |= marks.annotations
        if annotations:
            about["annotations"] = annotations
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": about}

    def _marks(self, namespace: str) -> Marks:
        """Labels and annotations on which all of a namespace's sources agree."""
        made = [self._marks_of(each) for each in self._of(namespace) if each.kind in MARKED]
        return Marks(
            labels=_agreed([marks.labels for marks in made]),
            annotations=_agreed([marks.annotations for marks in made]),
        )

    def _marks_of(self, source: Source) -> Marks:
        tags = self._tags.of(source.inventory, source.thing.tags)
        attributes, _ = self._attributes.of(source.thing.custom_attributes)
        return Marks(labels=tags.labels, annotations={**tags.annotations, **attributes})

    def _wrong_lines(self) -> Iterator[Finding]:
        for line, namespace in self._site.mapping.namespaces.items():
            if line in self._things or line in self._vm_refs:
                continue
            yield Finding(
                row="namespace",
                category=Category.BLOCKER,
                ref=line,
                name=line,
                says=f"mapping.yaml: namespaces: {line}: the estate has no VM, vApp, resource "
                "pool, VM folder, tag, cluster or data centre of that ref, so nothing goes to "
                f"{namespace or 'a namespace of its own'}",
                remedy="write the ref that mtv inventory list shows, or take the line out",
            )

    @cached_property
    def _vm_refs(self) -> frozenset[str]:
        return frozenset(placed.ref for placed in self._site.estate.vms())

    def _reserved(self) -> Iterator[Finding]:
        waiting = dict[str, list[str]]()
        for placed in self._site.vms:
            namespace = self._site.namespace(placed)
            if is_reserved(namespace):
                waiting.setdefault(namespace, []).append(placed.ref)
        for namespace, vms in sorted(waiting.items()):
            yield Finding(
                row="namespace",
                category=Category.BLOCKER,
                ref="",
                name=namespace,
                says=f"mapping.yaml: {namespace} is a namespace of the platform, where no VMs "
                "belong: user-defined networks are refused there and its defaults for security "
                "are others",
                remedy="name another namespace, or make one",
                holds_back=tuple(vms),
            )

    def _not_marked(self) -> Iterator[Finding]:
        """Tags and attributes of objects that no namespace of ours stands for, one by one."""
        there = set(self._site.target.namespaces)
        marked = {
            each.ref
            for namespace in self._sources
            if namespace not in there and self._agrees(namespace)
            for each in self._of(namespace)
        }
        tags, attributes = dict[tuple[str, str], list[str]](), dict[str, list[str]]()
        for source in self._things.values():
            if source.kind not in MARKED or source.ref in marked:
                continue
            for tag in source.thing.tags:
                key = (ref(source.inventory, tag), self._tags.name(source.inventory, tag))
                tags.setdefault(key, []).append(source.name)
            for name in source.thing.custom_attributes:
                attributes.setdefault(name, []).append(source.name)
        for (tag_ref, name), things in tags.items():
            yield Finding(
                row="namespace.labels",
                category=Category.INFORMATION,
                ref=tag_ref,
                name=name,
                says=f"the tag {name!r} of {first_of(things, SHOWN)} becomes no label: no "
                "Namespace is made of what has it alone",
                remedy="label the namespaces or nodes that take their place, where something "
                "selects by it",
            )
        for name, things in attributes.items():
            yield Finding(
                row="namespace.attributes",
                category=Category.INFORMATION,
                ref="",
                name=name,
                says=f"the custom attribute {name!r} of {first_of(things, SHOWN)} becomes no "
                "annotation: no Namespace is made of what has it alone",
                remedy="annotate the namespaces or nodes that take their place, where something "
                "reads it",
            )

    def _agrees(self, namespace: str) -> bool:
        """True when all that its sources say stands at the namespace."""
        marks = self._marks(namespace)
        made = [self._marks_of(each) for each in self._of(namespace) if each.kind in MARKED]
        return all(
            each.labels.items() <= marks.labels.items()
            and each.annotations.items() <= marks.annotations.items()
            for each in made
        )

    def _no_room(self) -> Iterator[Finding]:
        for placed in self._site.vms:
            _, left_out = self._attributes.of(placed.vm.custom_attributes)
            if left_out:
                yield Finding(
                    row="vm.attributes",
                    category=Category.WARNING,
                    ref=placed.ref,
                    name=placed.vm.name,
                    says="there is no room for its custom attributes "
                    f"{first_of(left_out, SHOWN)}: "
                    "all annotations of an object together may have 256 KiB",
                    remedy="keep them elsewhere, in a ConfigMap for example",
                )


def _agreed(maps: list[dict[str, str]]) -> dict[str, str]:
    """What several maps say without contradicting each other."""
    values = dict[str, set[str]]()
    for each in maps:
        for key, value in each.items():
            values.setdefault(key, set()).add(value)
    return {key: min(found) for key, found in sorted(values.items()) if len(found) == 1}
