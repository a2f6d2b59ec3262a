"""Clusters: what they give their VMs, how they balance, migrate and recover them."""

from collections.abc import Iterator
from typing import Any

from mtv.model.compute import (
    AffinityLabel,
    Balancing,
    Cluster,
    ClusterNetwork,
    HighAvailability,
    SchedulingPolicy,
    SchedulingUnit,
)
from mtv.model.vm import MigrationSettings
from mtv.sources.rhv.affinity import rules
from mtv.sources.rhv.native import native, settings
from mtv.sources.rhv.read import Answers
from mtv.sources.rhv.values import (
    bits,
    each,
    full_version,
    ident,
    ids,
    inheritable,
    limited,
    word,
    words,
)


def clusters(answers: Answers) -> Iterator[Cluster]:
    """The clusters of all data centres."""
    centres = {centre.id: centre.name for centre in answers.of("datacenters")}
    for cluster in answers.of("clusters"):
        bios = word(cluster.bios_type)
        memory = cluster.memory_policy
        over = memory.over_commit if memory is not None else None
        yield Cluster(
            id=cluster.id,
            name=cluster.name or "",
            datacenter=centres.get(ident(cluster.data_center) or ""),
            balancing=Balancing(
                policy=ident(cluster.scheduling_policy),
                settings=settings(cluster.custom_scheduling_policy_properties),
            ),
            availability=_availability(cluster),
            rules=tuple(rules(cluster, answers.of("affinitylabels"))),
            cpu_baseline=cluster.cpu.type if cluster.cpu is not None else None,
            architecture=word(cluster.cpu.architecture) if cluster.cpu is not None else None,
            version=full_version(cluster.version),
            firmware=bios,
            machine=None if bios is None else machine_of(bios),
            migration=migration(cluster.migration),
            switch_type=word(cluster.switch_type),
            same_page_merging=cluster.ksm.enabled if cluster.ksm is not None else None,
            ballooning=cluster.ballooning_enabled,
            memory_overcommit_percent=over.percent if over is not None else None,
            threads_as_cores=cluster.threads_as_cores,
            mac_pool=ident(cluster.mac_pool),
            management_network=ident(cluster.management_network),
            networks=tuple(
                ClusterNetwork(
                    network=network.id,
                    required=network.required,
                    usages=words(network.usages),
                )
                for network in each(cluster.networks)
            ),
            random_sources=words(cluster.required_rng_sources),
            serial_policy=serial_policy(cluster.serial_number),
            description=cluster.description or "",
            native=native(cluster),
        )


def machine_of(bios: str) -> str | None:
    """The machine of a kind of firmware: ``q35_ovmf`` -> ``q35``."""
    return next((one for one in ("q35", "i440fx") if bios.startswith(one)), None)


def _availability(cluster: Any) -> HighAvailability:
    errors, fencing = cluster.error_handling, cluster.fencing_policy
    return HighAvailability(
        on_error=word(errors.on_error) if errors is not None else None,
        reservation=cluster.ha_reservation,
        fencing=fencing.enabled if fencing is not None else None,
    )


def migration(options: Any, downtime: int | None = None) -> MigrationSettings | None:
    """How VMs are migrated live; what follows the cluster, or the engine, is None."""
    allowed = limited(downtime)
    if options is None:
        found = MigrationSettings(downtime_milliseconds=allowed)
    else:
        bandwidth = options.bandwidth
        found = MigrationSettings(
            policy=ident(options.policy),
            auto_converge=inheritable(options.auto_converge),
            compressed=inheritable(options.compressed),
            encrypted=inheritable(options.encrypted),
            bandwidth_assignment=(
                word(bandwidth.assignment_method) if bandwidth is not None else None
            ),
            bandwidth_bits_per_second=(
                bits(bandwidth.custom_value) if bandwidth is not None else None
            ),
            parallel_policy=word(options.parallel_migrations_policy),
            parallel_migrations=options.custom_parallel_migrations,
            downtime_milliseconds=allowed,
        )
    return None if found == MigrationSettings() else found


def serial_policy(serial: Any) -> str | None:
    """Where guests' serial numbers come from: ``host``, ``vm``, ``custom:ABC-1``."""
    if serial is None:
        return None
    policy = word(serial.policy)
    if policy is None:
        return None
    return f"{policy}:{serial.value}" if serial.value else policy


def scheduling_policies(answers: Answers) -> Iterator[SchedulingPolicy]:
    """The policies with their filters, weights and balancers."""
    known = {unit.id: unit for unit in answers.of("schedulingpolicyunits")}
    for policy in answers.of("schedulingpolicies"):
        bound = [
            *(("filter", one) for one in each(policy.filters)),
            *(("weight", one) for one in answers.weights.get(policy.id, [])),
            *(("load_balancing", one) for one in each(policy.balances)),
        ]
        yield SchedulingPolicy(
            id=policy.id,
            name=policy.name or "",
            description=policy.description or "",
            locked=policy.locked,
            is_default=policy.default_policy,
            properties=settings(policy.properties),
            units=tuple(_unit(kind, one, known) for kind, one in bound),
            native=native(policy),
        )


def _unit(kind: str, bound: Any, known: dict[str, Any]) -> SchedulingUnit:
    # A filter of a policy has the unit's own id; weights and balancers refer to it.
    id_ = ident(bound.scheduling_policy_unit) or bound.id or ""
    unit = known.get(id_)
    return SchedulingUnit(
        id=id_,
        name=(unit.name if unit is not None else bound.name) or "",
        kind=kind,
        factor=getattr(bound, "factor", None),
        position=getattr(bound, "position", None),
        internal=unit.internal if unit is not None else None,
        enabled=unit.enabled if unit is not None else None,
    )


def affinity_labels(answers: Answers) -> Iterator[AffinityLabel]:
    """The affinity labels."""
    for label in answers.of("affinitylabels"):
        yield AffinityLabel(
            id=label.id,
            name=label.name or "",
            vms=ids(label.vms),
            hosts=ids(label.hosts),
            implicit_group=label.has_implicit_affinity_group,
            read_only=label.read_only,
        )
