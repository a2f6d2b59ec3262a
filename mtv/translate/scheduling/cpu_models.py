"""EVC, cluster CPU types -> CPU model."""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import PlacedVm, ref
from mtv.knowledge.cpu_models import (
    HOST_MODEL,
    HOST_PASSTHROUGH,
    cpu_model,
    highest_below,
    models_of,
)
from mtv.model.compute import Cluster, CpuDefinition
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import Node, Target
from mtv.translate.part import Manifest, VmPart
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.vm.own_cpu import own_cpu

OF_THE_HOST = (HOST_MODEL, HOST_PASSTHROUGH)
"""Choices that follow the node."""

SHOWN = 6
"""How many of many things a sentence lists."""


class CpuModels:
    """The CPU models of a site: one a cluster, written into each of its VMs.

    The target's own default (``defaultCPUModel``) stays as it is: it would change the VMs that are
    there already.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Open questions, models that no node offers, and what a model is less than before."""
        found = [each for key in self._vms for each in self._about(key)]
        return (*self._strangers(), *found, *self._unasked())

    def of(self, placed: PlacedVm) -> VmPart:
        """The model of its cluster, and a note of what it had.

        A VM with a model of its own (``vm.own_cpu``) gets the note only.
        """
        part = self._parts.get(ref(placed.inventory, placed.vm.cluster or ""), VmPart())
        if part.domain and own_cpu(placed.vm, self._site.target).model is not None:
            return VmPart(annotations=part.annotations)
        return part

    @cached_property
    def _parts(self) -> dict[str, VmPart]:
        """What the VMs of each cluster get."""
        chosen = self._site.mapping.cpu_models
        return {
            key: vm_part(self._clusters.get(key), chosen.get(key), self._site.target)
            for key in self._vms
        }

    # What there is

    @cached_property
    def _clusters(self) -> dict[str, Cluster]:
        return {
            ref(inventory, each.id): each
            for inventory in self._site.estate.inventories
            for each in inventory.clusters
        }

    @cached_property
    def _vms(self) -> dict[str, tuple[str, ...]]:
        """Refs of the VMs of every cluster that has some."""
        found = dict[str, list[str]]()
        for placed in self._site.vms:
            key = ref(placed.inventory, placed.vm.cluster or "")
            found.setdefault(key, []).append(placed.ref)
        return {key: tuple(vms) for key, vms in found.items()}

    @cached_property
    def _definitions(self) -> dict[tuple[str, str, str], CpuDefinition]:
        """What RHV's CPU types stand for, by source, type and cluster level."""
        return {
            (inventory.source, each.name, each.version): each
            for inventory in self._site.estate.inventories
            for each in inventory.cpu_definitions
        }

    # What a person has to know

    def _strangers(self) -> Iterator[Finding]:
        for key in self._site.mapping.cpu_models:
            if key not in self._clusters:
                yield _finding(
                    Category.BLOCKER,
                    key,
                    key,
                    f"mapping.yaml: cpu_models: there is no cluster {key}",
                    "correct the ref, or take the line out",
                )

    def _about(self, key: str) -> Iterator[Finding]:
        """Findings about the line of one cluster with VMs."""
        if key not in self._site.mapping.cpu_models or key not in self._clusters:
            return
        cluster, chosen = self._clusters[key], self._site.mapping.cpu_models[key]
        problem = self._problem(chosen)
        if problem is not None:
            says, remedy = problem
            yield _finding(
                Category.BLOCKER,
                key,
                cluster.name,
                f"mapping.yaml: cpu_models: {key}{says}",
                remedy,
                self._vms[key],
            )
        elif chosen is not None and chosen not in OF_THE_HOST:
            yield from self._losses(key, cluster, chosen)

    def _problem(self, chosen: str | None) -> tuple[str, str] | None:
        """Why VMs cannot have it, and the remedy; None where they can."""
        other = f"name a model that the nodes offer, or {HOST_MODEL}"
        if chosen is None:
            return " has no CPU model", other
        if chosen in OF_THE_HOST:
            return None
        known = cpu_model(chosen)
        if known is None:
            return f": {chosen!r} is no x86 CPU model", other
        if known.obsolete:
            return f": no node has a label for {chosen}, which counts as obsolete", other
        if offering_nodes(self._site.target, chosen) == ():
            lower = highest_below(offered_by_all(self._site.target), known)
            nearest = f"; the nearest older one that all offer is {lower}" if lower else ""
            return f": no node of target.yaml offers {chosen}{nearest}", other
        return None

    def _losses(self, key: str, cluster: Cluster, chosen: str) -> Iterator[Finding]:
        """What VMs lose by a model that the nodes offer."""
        offering = offering_nodes(self._site.target, chosen)
        listed = len(_listed(self._site.target))
        if offering is not None and len(offering) < listed:
            yield _finding(
                Category.WARNING,
                key,
                cluster.name,
                f"only {len(offering)} of {listed} nodes offer {chosen}: its VMs run on no other",
                "choose a model that all nodes offer",
            )
        yield from self._unlike(key, cluster, chosen)
        definition = self._definitions.get(
            (key.partition("/")[0], cluster.cpu_baseline or "", cluster.version or "")
        )
        if definition is not None and definition.features:
            yield Finding(
                row="cpu-type",
                category=Category.INFORMATION,
                ref=key,
                name=cluster.name,
                says=f"its CPU type is {definition.model} with {', '.join(definition.features)}; "
                f"VMs get {chosen} alone",
                remedy="where a guest needs one of them, add it to the VM's cpu.features; a node "
                "must have the label cpu-feature.node.kubevirt.io/NAME",
            )

    def _unlike(self, key: str, cluster: Cluster, chosen: str) -> Iterator[Finding]:
        """A model of another generation or vendor than the VMs had."""
        had = next(map(cpu_model, models_of(cluster.cpu_baseline or "")), None)
        gets = cpu_model(chosen)
        if had is None or gets is None:
            return
        if had.vendor != gets.vendor:
            says = f"its VMs had {had.vendor} CPUs ({cluster.cpu_baseline}) and get {chosen}"
            remedy = "test guests that are bound to their CPU: licences, nested hypervisors"
        elif gets.level < had.level:
            says = f"{chosen} is older than what its VMs had ({cluster.cpu_baseline})"
            remedy = "make sure that no guest needs what is missing, or choose a newer model"
        elif gets.level > had.level:
            says = f"{chosen} is newer than what its VMs had ({cluster.cpu_baseline})"
            remedy = "nothing for most guests; nodes of older generations cannot take them"
        else:
            return
        yield _finding(Category.WARNING, key, cluster.name, says, remedy)

    def _unasked(self) -> Iterator[Finding]:
        """Baselines that nobody chose a model for."""
        waiting = {
            key: cluster
            for key in self._vms
            if (cluster := self._clusters.get(key)) is not None
            and cluster.cpu_baseline
            and key not in self._site.mapping.cpu_models
        }
        if not waiting:
            return
        default = self._site.target.default_cpu_model or HOST_MODEL
        said = [f"{each.name} ({each.cpu_baseline})" for each in waiting.values()]
        listed = "" if _listed(self._site.target) else "list nodes: cpu_models in target.yaml and "
        first, cluster = next(iter(waiting.items()))
        models = models_of(cluster.cpu_baseline or "")
        model = models[0] if models else "MODEL"
        yield _finding(
            Category.INFORMATION,
            first,
            cluster.name,
            f"clusters hold their VMs to a CPU baseline: {first_of(said, SHOWN)}; the VMs "
            f"get the target's default, {default}",
            f"nothing where all nodes have the same CPU; to keep the baseline, {listed}write "
            f"cpu_models: {{{first}: {model}}} in mapping.yaml",
        )


def vm_part(cluster: Cluster | None, chosen: str | None, target: Target) -> VmPart:
    """What the VMs of a cluster get: the chosen model, and a note of the baseline they had."""
    baseline = cluster.cpu_baseline if cluster is not None else None
    return VmPart(
        annotations={"mtv.migration/source-cpu-baseline": baseline} if baseline else {},
        domain={"cpu": {"model": chosen}} if chosen is not None else {},
        obstacles=tuple(_obstacles(chosen, target)) if chosen is not None else (),
    )


def _obstacles(chosen: str, target: Target) -> Iterator[str]:
    if chosen == HOST_PASSTHROUGH:
        yield (
            "it has the CPU of its node as it is (host-passthrough): only a node with the same one "
            "can take it over"
        )
    offering = offering_nodes(target, chosen)
    if offering is not None and len(offering) == 1:
        yield f"only the node {offering[0]} offers its CPU model {chosen}"


def _finding(
    category: Category,
    key: str,
    name: str,
    says: str,
    remedy: str,
    holds_back: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        row="cpu-baseline",
        category=category,
        ref=key,
        name=name,
        says=says,
        remedy=remedy,
        holds_back=holds_back,
    )


def _listed(target: Target) -> tuple[Node, ...]:
    """The nodes of which target.yaml says what models they offer."""
    return tuple(each for each in target.nodes if each.cpu_models)


def offering_nodes(target: Target, model: str) -> tuple[str, ...] | None:
    """The nodes that offer a model; None where no node's models are known, or it is the host's."""
    listed = _listed(target)
    if not listed or model in OF_THE_HOST:
        return None
    return tuple(each.name for each in listed if model in each.cpu_models)


def offered_by_all(target: Target) -> frozenset[str]:
    """The models that all nodes offer of which any are known."""
    offers = [frozenset(each.cpu_models) for each in _listed(target)]
    return frozenset.intersection(*offers) if offers else frozenset()
