"""vMotion, RHV live migration -> liveMigrationConfig, MigrationPolicy."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.knowledge.live_migration import default_settings, knowledge
from mtv.model.compute import Cluster, MigrationPolicy
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import LiveMigration as Settings
from mtv.names import unique_labels
from mtv.translate.part import Manifest, VmPart, hyper_converged, metadata
from mtv.translate.scheduling.migration_network import SHOWN, MigrationNetwork
from mtv.translate.scheduling.migration_settings import (
    Fields,
    SourceSettings,
    Wanted,
    config_fields,
    count_of,
    downtimes,
    joined,
    policy_fields,
    policy_name,
)
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

POLICY_LABEL = "mtv.migration/migration-policy"
"""Label of a VM that a MigrationPolicy of ours is for."""

FIELDS = {
    "parallelOutboundMigrationsPerNode": "parallel_outbound_per_node",
    "bandwidthPerMigration": "bandwidth_per_migration",
    "allowAutoConverge": "allow_auto_converge",
    "allowPostCopy": "allow_post_copy",
    "network": "network",
}
"""Field of ``liveMigrationConfig`` -> of ``target.yaml``."""

DISRUPTION = "spec.allowWorkloadDisruption"


class LiveMigration:
    """The live migration of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._network = MigrationNetwork(site)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The cluster's settings, a policy for each set of others, and a network for it."""
        return (*self._config_manifest(), *self._policy_manifests(), *self._network.manifests)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What changes for VMs that are there already, and what the target cannot do."""
        return (
            *self._changes(),
            *self._limits(),
            *self._unknown_policies(),
            *self._steps(),
            *self._pauses(),
            *self._other_limits(),
            *self._network.findings,
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """The label that its MigrationPolicy selects it by."""
        spec = self._fields(self._wanted(placed))
        labels = {POLICY_LABEL: self._names[spec]} if spec else {}
        return VmPart(template_labels=labels)

    # What the source does

    @cached_property
    def _sources(self) -> dict[str, SourceSettings]:
        return {each.source: SourceSettings(each) for each in self._site.estate.inventories}

    @cached_property
    def _clusters(self) -> dict[str, tuple[Cluster, Wanted]]:
        """Clusters with VMs of the site, by ref, with what is said of all their VMs."""
        found = dict[str, tuple[Cluster, Wanted]]()
        for placed in self._site.vms:
            key = ref(placed.inventory, placed.vm.cluster or "")
            settings = self._sources[placed.inventory.source]
            cluster = settings.clusters.get(placed.vm.cluster or "")
            if key not in found and cluster is not None:
                found[key] = (cluster, settings.of(cluster))
        return found

    def _wanted(self, placed: PlacedVm) -> Wanted:
        """What is said of one VM."""
        found = self._clusters.get(ref(placed.inventory, placed.vm.cluster or ""))
        if placed.vm.migration is None:
            return found[1] if found is not None else Wanted()
        settings = self._sources[placed.inventory.source]
        return settings.of(found[0] if found is not None else None, placed.vm.migration)

    @cached_property
    def _leading(self) -> tuple[str, Cluster, Wanted] | None:
        """The cluster that ``settings_from`` names."""
        key = self._site.mapping.settings_from or ""
        source, _, id_ = key.partition("/")
        settings = self._sources.get(source)
        cluster = settings.clusters.get(id_) if settings is not None else None
        if settings is None or cluster is None:
            return None
        return key, cluster, settings.of(cluster)

    # The cluster's settings

    @cached_property
    def _now(self) -> Settings:
        """What the target does today."""
        defaults = default_settings(self._site.release.openshift)
        return joined(self._site.target.live_migration, defaults)

    @cached_property
    def _config(self) -> dict[str, Any]:
        """Fields of ``liveMigrationConfig`` that are not yet what they shall be."""
        config = dict[str, Any]()
        if self._leading is not None:
            config |= config_fields(self._leading[2], self._now)
        if self._network.name not in (None, self._now.network):
            config["network"] = self._network.name
        return config

    def _config_manifest(self) -> Iterator[Manifest]:
        if self._config:
            yield hyper_converged({"liveMigrationConfig": self._config})

    # Other settings than the cluster's

    @cached_property
    def _base(self) -> Wanted:
        """What a VM without a policy of its own gets once the manifests are applied."""
        written = {FIELDS[name]: value for name, value in self._config.items()}
        then = msgspec.structs.replace(self._now, **written)
        return Wanted(
            auto_converge=then.allow_auto_converge,
            post_copy=then.allow_post_copy,
            # KubeVirt lets it follow post-copy where nobody set it.
            pauses=bool(then.allow_post_copy),
            bandwidth=count_of(then.bandwidth_per_migration),
        )

    def _fields(self, wanted: Wanted) -> Fields:
        """The fields of a MigrationPolicy for it; none where the cluster's settings will do."""
        bandwidth = wanted.bandwidth
        if bandwidth is None and wanted.policy and "bandwidthPerMigration" in self._config:
            # The limit is that of the leading cluster; 0 is none.
            bandwidth = 0
        pauses = wanted.pauses and self._knows_pauses
        adjusted = msgspec.structs.replace(wanted, bandwidth=bandwidth, pauses=pauses)
        return policy_fields(adjusted, self._base)

    @cached_property
    def _knows_pauses(self) -> bool:
        return self._site.release.knows("MigrationPolicy", DISRUPTION)

    @cached_property
    def _policies(self) -> dict[Fields, dict[str, None]]:
        """What every needed MigrationPolicy says, with the source policies that it stands for."""
        found = dict[Fields, dict[str, None]]()
        for placed in self._site.vms:
            wanted = self._wanted(placed)
            spec = self._fields(wanted)
            if spec:
                names = found.setdefault(spec, {})
                if wanted.policy is not None:
                    names[wanted.policy.name] = None
        return found

    @cached_property
    def _names(self) -> dict[Fields, str]:
        """The policies are called after what they say: the same set has the same name anywhere."""
        specs = {repr(spec): spec for spec in self._policies}
        names = unique_labels({key: policy_name(spec) for key, spec in specs.items()})
        return {specs[key]: name for key, name in names.items()}

    def _policy_manifests(self) -> Iterator[Manifest]:
        for fields, sources in sorted(self._policies.items(), key=lambda it: self._names[it[0]]):
            yield policy_manifest(self._names[fields], fields, sources)

    # What a person has to know

    def _changes(self) -> Iterator[Finding]:
        """Settings that someone made on the target and that the manifests change."""
        for field, value in self._config.items():
            now = getattr(self._site.target.live_migration, FIELDS[field])
            if now is None:
                continue
            yield Finding(
                row="migration-network" if field == "network" else "live-migration.policy",
                category=Category.WARNING,
                ref="",
                name="liveMigrationConfig",
                says=f"{field} is set to {_plain(now)}; the manifests make it {_plain(value)}, for "
                "all VMs of the target",
                remedy="leave out settings_from or migration_network in mapping.yaml where the "
                "target's own setting shall stay",
            )

    def _limits(self) -> Iterator[Finding]:
        """vMotion's limits, which have no setting to be taken from."""
        if self._leading is None:
            return
        key, cluster, _ = self._leading
        if self._sources[key.partition("/")[0]].product != "vsphere":
            return
        limits = " and ".join(
            f"{each.migrations} at {each.speed_mbps // 1000} Gbit/s"
            for each in knowledge().vmotion_limits
        )
        now = self._now
        yield Finding(
            row="live-migration.policy",
            category=Category.INFORMATION,
            ref=key,
            name=cluster.name,
            says="its live migration has no settings to take over: vMotion's own limits a host "
            f"({limits}) are no setting; the target moves {now.parallel_outbound_per_node} at a "
            f"time from a node and {now.parallel_per_cluster} in all",
            remedy="set liveMigrationConfig of HyperConverged where that is too few or too many",
        )

    def _unknown_policies(self) -> Iterator[Finding]:
        waiting = dict[str, tuple[str, dict[str, None]]]()
        for key, name, wanted in self._all_said:
            if wanted.unknown is not None:
                policy = f"{key.partition('/')[0]}/{wanted.unknown}"
                waiting.setdefault(policy, (key, {}))[1][name] = None
        for policy, (key, names) in waiting.items():
            yield Finding(
                row="live-migration.policy",
                category=Category.WARNING,
                ref=key,
                name=first_of(list(names), SHOWN),
                says=f"its migration policy {policy} is not in the inventory, so how it moves VMs "
                "is not known",
                remedy="collect as a user who may read the engine's options, or write a "
                "MigrationPolicy by hand",
            )

    @cached_property
    def _all_said(self) -> tuple[tuple[str, str, Wanted], ...]:
        """The leading cluster, those with VMs, and VMs with settings of their own."""
        clusters = dict(self._clusters)
        if self._leading is not None:
            clusters.setdefault(self._leading[0], self._leading[1:])
        own = [
            (placed.ref, placed.vm.name, self._wanted(placed))
            for placed in self._site.vms
            if placed.vm.migration is not None and placed.vm.migration.policy is not None
        ]
        said = [(key, cluster.name, wanted) for key, (cluster, wanted) in clusters.items()]
        return (*said, *own)

    @cached_property
    def _used(self) -> dict[str, tuple[MigrationPolicy, bool]]:
        """The migration policies in use, by source and id, and whether they pause VMs at last."""
        return {
            f"{key.partition('/')[0]}/{wanted.policy.id}": (wanted.policy, wanted.pauses)
            for key, _, wanted in self._all_said
            if wanted.policy is not None
        }

    def _steps(self) -> Iterator[Finding]:
        """Downtimes, which no version has a field for."""
        for key, (policy, _) in self._used.items():
            milliseconds = downtimes(policy)
            if milliseconds:
                yield Finding(
                    row="live-migration.steps",
                    category=Category.INFORMATION,
                    ref=key,
                    name=policy.name,
                    says="lets a VM stand still for at most "
                    f"{', '.join(map(str, milliseconds))} ms, step by step; the target has no "
                    "field for it and uses one limit of its own",
                    remedy="nothing for most VMs; try a migration of those that mind a pause",
                )

    def _pauses(self) -> Iterator[Finding]:
        """A last resort that the version does not know."""
        for key, (policy, pauses) in self._used.items():
            if pauses and not self._knows_pauses:
                yield Finding(
                    row="live-migration.steps",
                    category=Category.WARNING,
                    ref=key,
                    name=policy.name,
                    says="as a last resort lets a VM stand still until it is moved, which "
                    f"OpenShift {self._site.release.openshift} cannot (allowWorkloadDisruption, "
                    "since 4.19): such a migration is given up",
                    remedy="allow post-copy for these VMs, or shut them down before a node is "
                    "drained",
                )

    def _other_limits(self) -> Iterator[Finding]:
        """Numbers of migrations at a time, which only the whole target has one of."""
        outbound = self._config.get(
            "parallelOutboundMigrationsPerNode", self._now.parallel_outbound_per_node
        )
        leading = self._leading[0] if self._leading is not None else None
        for key, (cluster, wanted) in self._clusters.items():
            if key != leading and wanted.parallel not in (None, outbound):
                yield Finding(
                    row="live-migration.parallel",
                    category=Category.INFORMATION,
                    ref=key,
                    name=cluster.name,
                    says=f"its hosts move {wanted.parallel} at a time; the target has one "
                    f"number for all nodes, which is {outbound}",
                    remedy="name it in mapping.yaml: settings_from where its number shall be the "
                    "target's",
                )


def policy_manifest(name: str, fields: Fields, sources: Iterable[str]) -> Manifest:
    """A MigrationPolicy; ``sources`` are the names of the source's policies it stands for."""
    said = ", ".join(sorted(filter(None, sources)))
    return {
        "apiVersion": "migrations.kubevirt.io/v1alpha1",
        "kind": "MigrationPolicy",
        "metadata": metadata(name, None, **({"source_policy": said} if said else {})),
        "spec": {
            **dict(fields),
            "selectors": {"virtualMachineInstanceSelector": {POLICY_LABEL: name}},
        },
    }


def _plain(value: Any) -> str:
    """A value as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
