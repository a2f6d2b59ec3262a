"""Which cluster the settings are taken from; CPU models; devices of hosts."""

from collections import Counter
from collections.abc import Iterator

from mtv.estate import ref
from mtv.knowledge.cpu_models import HOST_MODEL, cpu_model, highest_below, models_of
from mtv.model.compute import Cluster, CpuDefinition
from mtv.model.target import Target
from mtv.translate.scheduling.cpu_models import offered_by_all
from mtv.translate.sentences import first_of
from mtv.translate.suggest.question import Question, Suggestion
from mtv.translate.vm.host_devices import KnownDevices, uses


def suggest(question: Question) -> Iterator[Suggestion]:
    """The cluster whose settings the target takes over; CPU models; names of hosts' devices."""
    yield from _settings_from(question)
    yield from _cpu_models(question)
    yield from _host_devices(question)


def _settings_from(question: Question) -> Iterator[Suggestion]:
    """The cluster with the most VMs: the target has one descheduler and one live migration."""
    names = {
        ref(inventory, cluster.id): cluster.name
        for inventory in question.estate.inventories
        for cluster in inventory.clusters
    }
    cluster_of = (ref(placed.inventory, placed.vm.cluster or "") for placed in question.vms)
    vms = Counter(key for key in cluster_of if key in names)
    if vms:
        ((key, most),) = vms.most_common(1)
        others = f"most VMs are in it: {most} of {vms.total()}"
        reason = "the only cluster with VMs" if len(vms) == 1 else others
        reason += "; its balancing, live migration and memory overcommit become the whole target's"
        yield Suggestion(
            section="settings_from", ref="", name=names[key], choice=key, reason=reason
        )


def _cpu_models(question: Question) -> Iterator[Suggestion]:
    """A model for every cluster that holds its VMs to a baseline.

    It is not asked where target.yaml does not say what models the nodes offer.
    """
    if not any(node.cpu_models for node in question.target.nodes):
        return
    used = {ref(placed.inventory, placed.vm.cluster or "") for placed in question.vms}
    for inventory in question.estate.inventories:
        types = {(each.name, each.version): each for each in inventory.cpu_definitions}
        for cluster in inventory.clusters:
            key = ref(inventory, cluster.id)
            if key in used and cluster.cpu_baseline:
                type_ = types.get((cluster.cpu_baseline, cluster.version or ""))
                choice, reason = _cpu_model(cluster, type_, question.target)
                yield Suggestion(
                    section="cpu_models", ref=key, name=cluster.name, choice=choice, reason=reason
                )


def _cpu_model(
    cluster: Cluster, type_: CpuDefinition | None, target: Target
) -> tuple[str | None, str]:
    """The model for a cluster's VMs, or None, with the reason."""
    baseline = cluster.cpu_baseline or ""
    models = models_of(baseline) or tuple(filter(None, [type_.model if type_ else None]))
    offered = offered_by_all(target)
    for model in models:
        if model in offered:
            return model, f"its baseline is {baseline}, and all nodes offer {model}"
    known = cpu_model(models[0]) if models else None
    if known is None:
        return None, (
            f"its baseline {baseline} stands for no x86 model that mtv knows: choose a model that "
            f"all nodes offer, or {HOST_MODEL}"
        )
    offering = sum(1 for node in target.nodes if models[0] in node.cpu_models)
    some = "only some nodes offer" if offering else "no node offers"
    lower = highest_below(offered, known)
    nearest = f"; the nearest older model that all offer is {lower}" if lower else ""
    return None, f"its baseline is {baseline}, but {some} {models[0]}{nearest}: choose one"


def _host_devices(question: Question) -> Iterator[Suggestion]:
    """A name for every kind of device that VMs were given of their hosts."""
    known = KnownDevices(question.estate)
    for key, (_, vms) in uses(known, question.vms).items():
        yield Suggestion(
            section="host_devices",
            ref=key,
            name=first_of((question.estate.vm(each).vm.name for each in vms), more="more VMs"),
            choice=None,
            reason=(
                "nobody knows what the nodes have: write RESOURCE, as in nvidia.com/TU104GL, or "
                "RESOURCE=VENDOR:PRODUCT where HyperConverged is to permit it, or none"
            ),
        )
