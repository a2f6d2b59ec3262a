"""Hosts and clusters as far as they are more than facts: what nodes have to be like."""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import ref
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.organisation.labels import Tags, scrubbed
from mtv.translate.part import AroundVms, Manifest
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

ARCHITECTURES = (None, "x86_64", "undefined")
"""Of clusters whose VMs the target's nodes can run. RHV leaves it open in an empty cluster."""

SHOWN = 20


class Hosts(AroundVms):
    """The hosts of a site. They stay behind; nothing is made of them here."""

    manifests: tuple[Manifest, ...] = ()

    def __init__(self, site: Site) -> None:
        self._site = site
        self._tags = Tags(site.estate)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """VMs for other processors, and what hosts are marked with."""
        return (*self._architectures(), *self._marks())

    def _architectures(self) -> Iterator[Finding]:
        waiting = dict[str, list[str]]()
        for placed in self._site.vms:
            key = ref(placed.inventory, placed.vm.cluster or "")
            waiting.setdefault(key, []).append(placed.ref)
        for inventory in self._site.estate.inventories:
            for cluster in inventory.clusters:
                key = ref(inventory, cluster.id)
                if cluster.architecture not in ARCHITECTURES and key in waiting:
                    yield Finding(
                        row="cluster.architecture",
                        category=Category.BLOCKER,
                        ref=key,
                        name=cluster.name,
                        says=f"its VMs are for {cluster.architecture}, which mtv's manifests and "
                        "conversions are not",
                        remedy="install these guests anew on nodes of their architecture, or leave "
                        "them where they are",
                        holds_back=tuple(waiting[key]),
                    )

    def _marks(self) -> Iterator[Finding]:
        tags, attributes = dict[tuple[str, str], list[str]](), dict[tuple[str, str], list[str]]()
        for inventory in self._site.estate.inventories:
            for host in inventory.hosts:
                name = scrubbed(host.name)
                for tag in host.tags:
                    mark = (ref(inventory, tag), self._tags.name(inventory, tag))
                    tags.setdefault(mark, []).append(name)
                for what, value in host.custom_attributes.items():
                    attributes.setdefault((what, value), []).append(name)
        for (key, tag), hosts in tags.items():
            yield _node_label("host.tags", key, tag, f"hosts have the tag {tag!r}", hosts)
        for (what, value), hosts in attributes.items():
            says = f"hosts have the custom attribute {what!r} with {value!r}"
            yield _node_label("host.attributes", "", what, says, hosts)


def _node_label(row: str, key: str, name: str, says: str, hosts: list[str]) -> Finding:
    return Finding(
        row=row,
        category=Category.INFORMATION,
        ref=key,
        name=name,
        says=f"{says}, and no node gets it: {first_of(hosts, SHOWN)}",
        remedy="label the nodes that take their place (oc label node), where something selects "
        "by it",
    )
