"""DRS, scheduling policies -> descheduler and topology spread."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.compute import Cluster
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.names import unique_labels
from mtv.translate.part import Manifest, VmPart
from mtv.translate.scheduling.descheduler import KIND, Wanted, kube_descheduler, pressure, wanted
from mtv.translate.scheduling.placement import HOSTNAME, Placement
from mtv.translate.site import Site

SPREAD = "mtv.migration/spread"
"""Label of VMs that are spread over the nodes: the cluster they come from."""

OPERATOR = "descheduler"


class _Balanced(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster that VMs are migrated from, and what its balancing comes to."""

    ref: str
    cluster: Cluster
    wanted: Wanted
    label: str = ""
    """Value of the label of its VMs."""


class Balancing:
    """The balancing of a site."""

    def __init__(self, site: Site, placement: Placement) -> None:
        self._site = site
        self._placement = placement

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The KubeDescheduler, and what its profile needs of the nodes."""
        settings = self._settings
        if settings is None or not settings.balances or self._operator_is_missing:
            return ()
        made = kube_descheduler(
            settings, self._site.target, self._site.release, self._placement.is_enforced
        )
        return (made, pressure()) if self._needs_pressure else (made,)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Which cluster is taken over, and what of it and of the others is not."""
        return (
            *self._choice(),
            *self._operator(),
            *self._others(),
            *self._policies(),
            *self._spread_out(),
            *self._eager(),
            *self._unenforced(),
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """Its part in the spread of its cluster."""
        balanced = self._balanced.get(_cluster_of(placed))
        if balanced is None or balanced.wanted.skew is None:
            return VmPart()
        label = {SPREAD: balanced.label}
        constraint = {
            "maxSkew": balanced.wanted.skew,
            "topologyKey": HOSTNAME,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": label},
        }
        return VmPart(
            template_labels=label,
            spec={"topologySpreadConstraints": [constraint]},
        )

    # -- clusters

    @cached_property
    def _clusters(self) -> dict[str, Cluster]:
        """Every cluster of the estate by its ref."""
        return {
            ref(inventory, cluster.id): cluster
            for inventory in self._site.estate.inventories
            for cluster in inventory.clusters
        }

    @cached_property
    def _wanted(self) -> dict[str, Wanted]:
        return {
            ref(inventory, cluster.id): wanted(inventory, cluster)
            for inventory in self._site.estate.inventories
            for cluster in inventory.clusters
        }

    @cached_property
    def _vms(self) -> Mapping[str, list[PlacedVm]]:
        """Cluster -> its VMs."""
        found = defaultdict[str, list[PlacedVm]](list)
        for placed in self._site.vms:
            found[_cluster_of(placed)].append(placed)
        return found

    @cached_property
    def _balanced(self) -> dict[str, _Balanced]:
        """The clusters that VMs are migrated from."""
        used = {key: self._clusters[key] for key in self._clusters if key in self._vms}
        labels = unique_labels({key: cluster.name for key, cluster in used.items()})
        return {
            key: _Balanced(ref=key, cluster=cluster, wanted=self._wanted[key], label=labels[key])
            for key, cluster in used.items()
        }

    @cached_property
    def _settings(self) -> Wanted | None:
        """What the target takes over; None while that is not decided."""
        return self._wanted.get(self._site.mapping.settings_from or "")

    @property
    def _operator_is_missing(self) -> bool:
        operators = self._site.target.operators
        return bool(operators) and OPERATOR not in operators

    @property
    def _needs_pressure(self) -> bool:
        by_load = self._settings is not None and self._settings.way.by_load
        return by_load and self._site.target.psi is False

    @property
    def _pressure_is_unknown(self) -> bool:
        by_load = self._settings is not None and self._settings.way.by_load
        return by_load and self._site.target.psi is None

    # -- findings

    def _choice(self) -> Iterator[Finding]:
        chosen = self._site.mapping.settings_from
        if chosen is not None and self._settings is None:
            yield _finding(
                Category.BLOCKER,
                f"mapping.yaml: settings_from: the estate has no cluster {chosen}",
                "write the ref that mtv inventory list clusters shows",
            )
        elif chosen is None and self._balanced:
            balancing = [each for each in self._balanced.values() if each.wanted.balances]
            if balancing:
                yield _finding(
                    Category.WARNING,
                    "mapping.yaml: settings_from names no cluster, so no KubeDescheduler is made; "
                    f"clusters that balance their VMs: {len(balancing)}",
                    "name the cluster whose balancing the whole target takes over",
                )
            else:
                yield _finding(
                    Category.INFORMATION,
                    "no cluster balances its VMs, so no KubeDescheduler is made",
                    "nothing has to be done",
                )
        elif self._settings is not None and not self._settings.balances:
            yield _finding(
                Category.INFORMATION,
                "the cluster of settings_from does not balance its VMs, so no KubeDescheduler is "
                "made",
                "nothing has to be done",
            )

    def _operator(self) -> Iterator[Finding]:
        """What the KubeDescheduler needs, and how it differs."""
        if self._settings is None or not self._settings.balances:
            return
        install = (
            "install the Kube Descheduler Operator into openshift-kube-descheduler-operator, with "
            "openshift.io/cluster-monitoring=true on this namespace"
        )
        if self._operator_is_missing:
            yield _finding(
                Category.BLOCKER,
                "target.yaml: operators: descheduler is not there, so no KubeDescheduler is made",
                f"{install}, and add descheduler to operators",
            )
            return
        known = (
            " (target.yaml does not say what is installed)"
            if not self._site.target.operators
            else ""
        )
        yield _finding(
            Category.INFORMATION,
            "the descheduler moves VMs off loaded nodes and does not choose where to; the "
            f"scheduler does, by what they request{known}",
            install
            if known
            else "watch what it moves in the first days; mode Predictive only says",
        )
        if self._needs_pressure:
            yield _finding(
                Category.WARNING,
                "psi=1 is a kernel argument: the MachineConfig restarts all workers, one after the "
                "other",
                "apply it before VMs run, for pools of nodes beside worker too; psi: true in "
                "target.yaml says that it is there",
            )

        if self._pressure_is_unknown:
            yield _finding(
                Category.WARNING,
                "target.yaml does not say whether the workers' kernels report pressure, which this "
                "descheduler does not start without",
                "see whether /proc/pressure is on a worker: if it is, write psi: true; psi: false "
                "makes a MachineConfig for it, which restarts all workers",
            )

    def _others(self) -> Iterator[Finding]:
        """Clusters whose balancing is not that of the target."""
        settings, chosen = self._settings, self._site.mapping.settings_from
        if settings is None:
            return
        for key, each in self._balanced.items():
            differing = _differences(each.wanted, settings)
            if key != chosen and differing:
                yield _finding(
                    Category.WARNING,
                    f"its balancing is not what the target takes over: {differing}",
                    "there is one descheduler for the whole cluster; annotate VMs that it must not "
                    "move",
                    each,
                )

    def _policies(self) -> Iterator[Finding]:
        """What of a cluster's balancing the target cannot do, or mtv does not know."""
        chosen = self._site.mapping.settings_from
        for key, each in self._balanced.items():
            settings, row = each.wanted, "balancing.policy"
            if settings.unknown:
                yield _finding(
                    Category.WARNING,
                    f"mtv knows {', '.join(settings.unknown)}",
                    "see what it does at the source, and whether the target needs it",
                    each,
                    row,
                )
            if key == chosen or (settings.skew is not None and settings.lost):
                yield from self._losses(each)

    def _losses(self, each: _Balanced) -> Iterator[Finding]:
        settings = each.wanted
        if settings.way.loses:
            yield _finding(
                Category.WARNING, settings.way.loses, settings.way.remedy, each, "balancing.policy"
            )
        if settings.lost:
            yield _finding(
                Category.WARNING,
                f"its policy asks for what has no equivalent: {'; '.join(settings.lost)}",
                "see whether the target needs it",
                each,
                "balancing.policy",
            )
        if settings.changed:
            yield _finding(
                Category.WARNING,
                "; ".join(settings.changed),
                "compare how VMs are moved with the source, and change the KubeDescheduler",
                each,
                "balancing.properties",
            )

    def _spread_out(self) -> Iterator[Finding]:
        """A topology spread constraint counts pods of the VM's own namespace only."""
        for key, each in self._balanced.items():
            namespaces = {self._site.namespace(placed) for placed in self._vms[key]}
            if each.wanted.skew is not None and len(namespaces) > 1:
                yield _finding(
                    Category.WARNING,
                    f"its VMs go to {len(namespaces)} namespaces; in each of them they are "
                    "spread over the nodes by themselves",
                    "send them to one namespace where their number on a node matters",
                    each,
                    "balancing.policy",
                )

    def _eager(self) -> Iterator[Finding]:
        """VMs that DRS moves by itself, in a cluster where it does not."""
        eager = [
            placed
            for placed in self._site.vms
            if placed.vm.placement is not None
            and placed.vm.placement.balancing == "fullyAutomated"
            and self._settings is not None
            and self._settings.balances
            and self._settings.mode == "Predictive"
        ]
        if eager:
            yield _finding(
                Category.WARNING,
                f"VMs that DRS moves by itself in a cluster where it asks: {len(eager)}; the "
                "KubeDescheduler has one mode for all VMs",
                "set mode Automatic, and annotate the VMs that must not be moved",
                row="balancing.override",
            )

    def _unenforced(self) -> Iterator[Finding]:
        if self._placement.is_enforced and not self.manifests:
            yield _finding(
                Category.WARNING,
                "mandatory rules are kept while VMs are started or migrated; without a "
                "KubeDescheduler nothing moves a VM that breaks one later",
                "make a KubeDescheduler with the profile AffinityAndTaints",
                row="rule",
            )


def _finding(
    category: Category,
    says: str,
    remedy: str,
    about: _Balanced | None = None,
    row: str = "balancing",
) -> Finding:
    return Finding(
        row=row,
        category=category,
        ref="" if about is None else about.ref,
        name=KIND if about is None else about.cluster.name,
        says=says,
        remedy=remedy,
    )


def _differences(one: Wanted, other: Wanted) -> str:
    """What one asks for and the other not: ``mode Predictive and not Automatic``."""
    names = dict.fromkeys((*one.shown, *other.shown))
    return ", ".join(
        f"{name}: {one.shown.get(name, 'nothing')} there, {other.shown.get(name, 'nothing')} here"
        for name in names
        if one.shown.get(name) != other.shown.get(name)
    )


def _cluster_of(placed: PlacedVm) -> str:
    return ref(placed.inventory, placed.vm.cluster or "")
