"""What a drain of its node and the descheduler may do with each VM."""

from collections.abc import Mapping
from functools import cached_property

from mtv.estate import PlacedVm
from mtv.knowledge.descheduling import descheduling
from mtv.model.compute import Cluster
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.part import Manifest, VmPart
from mtv.translate.scheduling.placement import Placement
from mtv.translate.site import Site

KEEP = {"descheduler.alpha.kubernetes.io/prefer-no-eviction": "true"}
"""Annotation of VMs that the descheduler leaves alone."""

LEFT_ALONE = frozenset({"disabled", "manual", "partiallyAutomated"})
"""DRS levels of a single VM that keep it from being moved without somebody's consent."""


class Eviction:
    """The evictions of a site."""

    def __init__(self, site: Site, placement: Placement) -> None:
        self._site = site
        self._placement = placement

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """That older versions do not promise to leave a VM alone."""
        kept = sum(self._is_kept(placed) for placed in self._site.vms)
        firm = self._site.release.knows(
            "KubeDescheduler", "spec.profiles[]", "KubeVirtRelieveAndMigrate"
        )
        if not kept or firm:
            return ()
        return (
            Finding(
                row="balancing.override",
                category=Category.INFORMATION,
                ref="",
                name="KubeDescheduler",
                says=f"VMs that the descheduler is asked to leave alone: {kept}; OpenShift "
                f"{self._site.release.openshift} takes that as a wish, and for a running VM only "
                "after a restart (4.20 and later keep it)",
                remedy="exclude their namespaces in profileCustomizations.namespaces where they "
                "must not be moved",
            ),
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """Whether the descheduler leaves it alone."""
        return VmPart(template_annotations=KEEP if self._is_kept(placed) else {})

    def strategy(self, placed: PlacedVm, obstacles: tuple[str, ...]) -> VmPart:
        """What happens to it when its node is drained. ``obstacles``: those of all concepts.

        LiveMigrate would block the drain for ever where the VM cannot be migrated, or has no
        other node to go to.
        """
        return VmPart(spec={"evictionStrategy": self._strategy(placed, obstacles)})

    def _strategy(self, placed: PlacedVm, obstacles: tuple[str, ...]) -> str:
        if (
            len(self._site.target.nodes) == 1
            or _mode(placed) == "pinned"
            or self._placement.only_node(placed) is not None
        ):
            return "None"
        table = descheduling().eviction
        cluster = self._cluster_of(placed)
        asked = cluster.availability.on_error if cluster and cluster.availability else None
        found = table.get(asked or "migrate", table["migrate"])
        available = placed.vm.availability is not None and placed.vm.availability.enabled
        strategy = found.available if available else found.other
        return "LiveMigrateIfPossible" if obstacles and strategy == "LiveMigrate" else strategy

    def _is_kept(self, placed: PlacedVm) -> bool:
        """True for a VM that the source moves only when somebody says so."""
        if placed.vm.placement is None:
            return False
        if _mode(placed) in ("pinned", "user_migratable"):
            return True
        cluster = self._cluster_of(placed)
        allowed = cluster.balancing.overrides_allowed if cluster and cluster.balancing else None
        return placed.vm.placement.balancing in LEFT_ALONE and allowed is not False

    @cached_property
    def _clusters(self) -> Mapping[tuple[str, str], Cluster]:
        return {
            (inventory.source, cluster.id): cluster
            for inventory in self._site.estate.inventories
            for cluster in inventory.clusters
        }

    def _cluster_of(self, placed: PlacedVm) -> Cluster | None:
        return self._clusters.get((placed.inventory.source, placed.vm.cluster or ""))


def _mode(placed: PlacedVm) -> str | None:
    return placed.vm.placement.mode if placed.vm.placement is not None else None
