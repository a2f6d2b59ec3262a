"""How many VMs share a host's memory: RHV's KSM and memory overcommit -> HyperConverged.

The target is one cluster, so it takes over those of the one that ``settings_from`` names.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from mtv.estate import ref
from mtv.model.compute import Cluster
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.part import AroundVms, Manifest, hyper_converged
from mtv.translate.site import Site

NONE = 100
"""Percent of a host's memory that VMs may have where there is no overcommit."""


class Density(AroundVms):
    """Memory sharing of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._clusters: dict[str, Cluster] = {
            ref(inventory, cluster.id): cluster
            for inventory in site.estate.inventories
            for cluster in inventory.clusters
        }
        self._leading = self._clusters.get(site.mapping.settings_from or "")

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """What the leading cluster has beyond the target's defaults."""
        spec = settings(self._leading)
        if not spec:
            return ()
        return (hyper_converged(spec),)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What overcommit needs, and clusters whose VMs will share otherwise."""
        return (*self._needs(), *self._others())

    def _needs(self) -> Iterator[Finding]:
        percent = _percent(self._leading)
        if self._leading is not None and percent > NONE:
            yield Finding(
                row="density.overcommit",
                category=Category.WARNING,
                ref=self._site.mapping.settings_from or "",
                name=self._leading.name,
                says=f"VMs get {percent} % of the nodes' memory: a node that runs out of it kills "
                "pods, where RHV's hosts swap",
                remedy="give the workers swap by the wasp agent first, or take the percentage out "
                "of HyperConverged",
            )

    def _others(self) -> Iterator[Finding]:
        """Clusters with VMs that share memory otherwise than the target will."""
        used = {ref(placed.inventory, placed.vm.cluster or "") for placed in self._site.vms}
        percent = _percent(self._leading)
        merges = _merges(self._leading)
        for key, cluster in self._clusters.items():
            if key not in used or cluster is self._leading or not _says_how(cluster):
                continue
            for row, what, has, gets in (
                ("density.overcommit", "memory overcommit", _percent(cluster), percent),
                (
                    "density.ksm",
                    "kernel same-page merging",
                    bool(cluster.same_page_merging),
                    merges,
                ),
            ):
                if has != gets:
                    yield Finding(
                        row=row,
                        category=Category.INFORMATION,
                        ref=key,
                        name=cluster.name,
                        says=f"its {what} is {_shown(has)}, on the target it will be "
                        f"{_shown(gets)} for all VMs",
                        remedy="name the cluster whose settings the target shall take over as "
                        "settings_from in mapping.yaml",
                    )


def settings(cluster: Cluster | None) -> dict[str, Any]:
    """The fields of HyperConverged for a cluster; none where it is as the target is anyway."""
    spec = dict[str, Any]()
    if _merges(cluster):
        # Without a selector KubeVirt switches it on nowhere; an empty one is every node.
        spec["ksmConfiguration"] = {"nodeLabelSelector": {}}
    if _percent(cluster) > NONE:
        spec["higherWorkloadDensity"] = {"memoryOvercommitPercentage": _percent(cluster)}
    return spec


def _says_how(cluster: Cluster) -> bool:
    """False for clusters of a source that has no such settings."""
    return cluster.same_page_merging is not None or cluster.memory_overcommit_percent is not None


def _merges(cluster: Cluster | None) -> bool:
    return bool(cluster is not None and cluster.same_page_merging)


def _percent(cluster: Cluster | None) -> int:
    """What a cluster's VMs may have of its memory; the target cannot promise them less than all."""
    return max(NONE, (cluster.memory_overcommit_percent if cluster is not None else None) or NONE)


def _shown(value: int | bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value} %"
