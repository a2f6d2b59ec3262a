"""High availability: who is restarted, who first -> priority classes, health checks of nodes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property

from mtv.estate import PlacedVm, ref
from mtv.knowledge.availability import Priority, availability
from mtv.model.compute import Cluster, HighAvailability
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.quantities import counted
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.scheduling.remediation import Remediation, restarts
from mtv.translate.sentences import first_of
from mtv.translate.site import Site


class Availability:
    """The availability of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._table = availability()
        self._remediation = Remediation(site, self._leading)
        self._parts = {
            each.name: VmPart(spec={"priorityClassName": each.name})
            for each in self._table.priorities
        }

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The priority classes that VMs have, and the health check of the workers."""
        used = {
            each.name for placed in self._site.vms if (each := self.priority(placed)) is not None
        }
        classes = (self._class(each) for each in self._table.priorities if each.name in used)
        return (*classes, *self._remediation.manifests)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What of high availability needs a decision, and what is lost of it."""
        return (
            *self._choice(),
            *self._remediation.findings,
            *self._others(),
            *self._odd_priorities(),
            *self._tolerant(),
            *self._monitored(),
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """Its priority class."""
        priority = self.priority(placed)
        return VmPart() if priority is None else self._parts[priority.name]

    def is_available(self, placed: PlacedVm) -> bool:
        """True for a VM that the source starts again when its host fails."""
        own = placed.vm.availability.enabled if placed.vm.availability is not None else None
        cluster = self._availability_of(placed)
        if cluster.enabled is None:
            return own is True  # RHV: each VM says it by itself
        return cluster.enabled and own is not False and self._said(placed) != self._table.disabled

    def priority(self, placed: PlacedVm) -> Priority | None:
        """The class of its priority; None where it has none, or one that mtv does not know."""
        said = self._said(placed)
        if said is None:
            return None
        if self._availability_of(placed).enabled is not None and not self.is_available(placed):
            return None  # vSphere: the priority counts for restarts only
        return self._known.setdefault(said, self._table.priority(said))

    @cached_property
    def _known(self) -> dict[str, Priority | None]:
        return {}

    def _said(self, placed: PlacedVm) -> str | None:
        """The source's word for a VM's priority, its cluster's where it follows that."""
        own = placed.vm.availability.priority if placed.vm.availability is not None else None
        if own is None or own in self._table.follows:
            return self._availability_of(placed).restart_priority
        return own

    def _class(self, priority: Priority) -> Manifest:
        return {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": metadata(priority.name),
            "value": priority.value,
            "preemptionPolicy": self._table.preemption,
            "globalDefault": False,
            "description": "VMs by the restart priority that they had at the source.",
        }

    # -- clusters

    @cached_property
    def _clusters(self) -> Mapping[tuple[str, str], Cluster]:
        return {
            (inventory.source, cluster.id): cluster
            for inventory in self._site.estate.inventories
            for cluster in inventory.clusters
        }

    def _availability_of(self, placed: PlacedVm) -> HighAvailability:
        return self._settings.get((placed.inventory.source, placed.vm.cluster or ""), _NONE)

    @cached_property
    def _settings(self) -> Mapping[tuple[str, str], HighAvailability]:
        return {key: each.availability or _NONE for key, each in self._clusters.items()}

    @property
    def _leading(self) -> Cluster | None:
        source, _, id_ = (self._site.mapping.settings_from or "").partition("/")
        return self._clusters.get((source, id_))

    @cached_property
    def _used(self) -> dict[str, Cluster]:
        """The clusters that VMs are migrated from, by their refs."""
        found = dict[str, Cluster]()
        for placed in self._site.vms:
            cluster = self._clusters.get((placed.inventory.source, placed.vm.cluster or ""))
            if cluster is not None:
                found.setdefault(ref(placed.inventory, cluster.id), cluster)
        return found

    # -- findings

    def _choice(self) -> Iterator[Finding]:
        watched = [each for each in self._used.values() if restarts(each)]
        if watched and self._site.mapping.settings_from is None:
            yield Finding(
                row="availability.cluster",
                category=Category.WARNING,
                ref="",
                name="NodeHealthCheck",
                says="mapping.yaml: settings_from names no cluster, so no NodeHealthCheck is made; "
                f"clusters whose hosts are watched: {first_of(each.name for each in watched)}",
                remedy="name the cluster whose availability the whole target takes over: without a "
                "health check, VMs of a node that died stay where they are",
            )

    def _others(self) -> Iterator[Finding]:
        """Clusters that watch their hosts otherwise than the target will its nodes."""
        leading = self._leading
        if leading is None:
            return
        watched = restarts(leading)
        other = [each.name for each in self._used.values() if restarts(each) != watched]
        if other:
            yield Finding(
                row="availability.cluster",
                category=Category.INFORMATION if watched else Category.WARNING,
                ref=self._site.mapping.settings_from or "",
                name=leading.name,
                says=f"it {'watches' if watched else 'does not watch'} its hosts, so all nodes of "
                f"the target are {'watched' if watched else 'left alone'}; not so: "
                f"{first_of(other)}",
                remedy="name another cluster as settings_from in mapping.yaml, or change the "
                "selector of the NodeHealthCheck",
            )

    def _odd_priorities(self) -> Iterator[Finding]:
        """Priorities between the classes, and words that mtv does not know."""
        near, unknown = defaultdict[str, int](int), defaultdict[str, int](int)
        for placed in self._site.vms:
            said = self._said(placed)
            if said is None or said == self._table.disabled:
                continue
            if self._table.priority(said) is None:
                unknown[said] += 1
            elif not self._table.is_exact(said):
                near[said] += 1
        for words, what in ((near, "become the nearest class"), (unknown, "become no class")):
            if words:
                listed = first_of(
                    f"{word} ({counted(count, 'VM')})" for word, count in sorted(words.items())
                )
                yield Finding(
                    row="availability.priority",
                    category=Category.INFORMATION if words is near else Category.WARNING,
                    ref="",
                    name="PriorityClass",
                    says=f"priorities that mtv has no class for {what}: {listed}",
                    remedy="see whether the order in which these VMs start matters, and make a "
                    "PriorityClass for them",
                )

    def _tolerant(self) -> Iterator[Finding]:
        """VMs with fault tolerance."""
        names = [
            placed.vm.name
            for placed in self._site.vms
            if placed.vm.availability is not None
            and placed.vm.availability.fault_tolerance is not None
            and placed.vm.availability.fault_tolerance not in self._table.tolerance_off
        ]
        if names:
            yield Finding(
                row="vm.fault-tolerance",
                category=Category.WARNING,
                ref="",
                name="Fault Tolerance",
                says=f"VMs with a second one that runs along have only one on the target, which "
                f"takes minutes to start elsewhere: {first_of(names)}",
                remedy="cluster the application inside of two guests, and keep them apart by an "
                "anti-affinity rule; leave the secondary VM at the source",
            )

    def _monitored(self) -> Iterator[Finding]:
        """Clusters that restart VMs whose guests hang."""
        off = (None, *self._table.monitoring_off)
        names = [
            each.name
            for each in self._used.values()
            if each.availability is not None
            and each.availability.enabled
            and each.availability.vm_monitoring not in off
        ]
        if names:
            yield Finding(
                row="availability.monitoring",
                category=Category.WARNING,
                ref="",
                name="VM Monitoring",
                says="guests that hang are restarted by heartbeats of VMware Tools, which are not "
                f"there any more: {first_of(names)}",
                remedy="when the QEMU guest agent of a VM answers (AgentConnected), give it a "
                "watchdog, or a line of mapping.yaml under probes: agent restart; a probe before "
                "that would restart it for ever",
            )


_NONE = HighAvailability()
