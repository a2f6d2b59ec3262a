"""How RHV migrates VMs live, in the words of the target."""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec

from mtv.knowledge.live_migration import built_in_policy, knowledge
from mtv.model.compute import Cluster, MigrationPolicy
from mtv.model.estate import Inventory
from mtv.model.target import LiveMigration
from mtv.model.vm import MigrationSettings

Fields = tuple[tuple[str, Any], ...]
"""Fields of a MigrationPolicy with their values, without its selectors; hashable."""

BITS = 8

LARGEST = 2**63
"""A Kubernetes quantity of bytes is below it."""

MANY = 2**31
"""A number of migrations is below it."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How a cluster's VMs, or one VM, are migrated at the source; None: the source does not say."""

    auto_converge: bool | None = None
    post_copy: bool | None = None
    pauses: bool = False
    """As a last resort the VM stands still until the copy is done."""
    bandwidth: int | None = None
    """Of one migration, in bytes a second."""
    parallel: int | None = None
    """Migrations away from one host at a time."""
    policy: MigrationPolicy | None = None
    unknown: str | None = None
    """Id of a migration policy that nothing is known of."""


class SourceSettings:
    """The migration settings of one inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known = dict[tuple[str, MigrationSettings | None], Wanted]()

    @property
    def product(self) -> str:
        """``vsphere``, ``rhv`` ..."""
        return self._inventory.product

    @cached_property
    def clusters(self) -> dict[str, Cluster]:
        """The clusters by id."""
        return {each.id: each for each in self._inventory.clusters}

    def of(self, cluster: Cluster | None, vm: MigrationSettings | None = None) -> Wanted:
        """What is said of a cluster's VMs, or of one VM with settings of its own."""
        key = (cluster.id if cluster is not None else "", vm)
        if key not in self._known:
            self._known[key] = self._of(cluster, vm)
        return self._known[key]

    def _of(self, cluster: Cluster | None, vm: MigrationSettings | None) -> Wanted:
        theirs = (cluster.migration if cluster is not None else None) or MigrationSettings()
        own = vm or MigrationSettings()
        id_ = own.policy or theirs.policy
        level = cluster.version if cluster is not None else None
        policy = self._policy(id_, level) if id_ is not None else None
        parallel = policy.maximum_migrations if policy is not None else None
        steps = policy.steps if policy is not None else ()
        return Wanted(
            auto_converge=_first(
                own.auto_converge,
                theirs.auto_converge,
                policy.auto_convergence if policy is not None else None,
            ),
            post_copy="last: postcopy" in steps if policy is not None else None,
            pauses=any(_is_last_resort(*each) for each in _downtimes(steps)),
            bandwidth=_bandwidth(own if own.bandwidth_assignment is not None else theirs, parallel),
            parallel=parallel if parallel is not None and 0 < parallel < MANY else None,
            policy=policy,
            unknown=id_ if policy is None else None,
        )

    def _policy(self, id_: str, level: str | None) -> MigrationPolicy | None:
        """The policy of an id: of the cluster's level, else of any, else that of every engine."""
        alike = self._policies.get(id_, {})
        return alike.get(level or "") or next(iter(alike.values()), None) or built_in_policy(id_)

    @cached_property
    def _policies(self) -> dict[str, dict[str, MigrationPolicy]]:
        """By id and level."""
        found = dict[str, dict[str, MigrationPolicy]]()
        for each in self._inventory.migration_policies:
            found.setdefault(each.id, {})[each.version] = each
        return found


def config_fields(wanted: Wanted, now: LiveMigration) -> dict[str, Any]:
    """The fields of ``liveMigrationConfig`` that are not yet as the source's cluster had them."""
    said = {
        "parallelOutboundMigrationsPerNode": (wanted.parallel, now.parallel_outbound_per_node),
        "bandwidthPerMigration": (wanted.bandwidth, count_of(now.bandwidth_per_migration)),
        "allowAutoConverge": (wanted.auto_converge, now.allow_auto_converge),
        "allowPostCopy": (wanted.post_copy, now.allow_post_copy),
    }
    return {
        field: quantity(value) if field == "bandwidthPerMigration" else value
        for field, (value, there) in said.items()
        if value is not None and value != there
    }


def policy_fields(wanted: Wanted, base: Wanted) -> Fields:
    """The fields of a MigrationPolicy for VMs; none where the target's own settings will do."""
    if not (
        wanted.auto_converge not in (None, base.auto_converge)
        or wanted.post_copy not in (None, base.post_copy)
        or wanted.bandwidth not in (None, base.bandwidth)
        or (wanted.pauses and not base.pauses)
    ):
        return ()
    fields = {
        "allowAutoConverge": wanted.auto_converge,
        "allowPostCopy": wanted.post_copy,
        "allowWorkloadDisruption": wanted.pauses or None,
        "bandwidthPerMigration": (
            quantity(wanted.bandwidth) if wanted.bandwidth is not None else None
        ),
    }
    return tuple((name, value) for name, value in fields.items() if value is not None)


_WORDS = {
    "allowAutoConverge": "auto-converge",
    "allowPostCopy": "post-copy",
    "allowWorkloadDisruption": "pause",
}


def policy_name(fields: Fields) -> str:
    """What a policy says: ``rhv-auto-converge-no-post-copy-125m``."""
    parts = ["rhv"]
    for field, value in fields:
        if field in _WORDS:
            parts.append(_WORDS[field] if value else f"no-{_WORDS[field]}")
        else:
            parts.append("unlimited" if value == "0" else str(value))
    return "-".join(parts)


def downtimes(policy: MigrationPolicy) -> list[int]:
    """The milliseconds that a policy lets a VM stand still, but for its last resort."""
    every = _downtimes(policy.steps)
    return sorted({pause for step, pause in every if not _is_last_resort(step, pause)})


def _is_last_resort(step: str, pause: int) -> bool:
    return step.startswith("last:") and pause >= knowledge().pause_milliseconds


def _downtimes(steps: Iterable[str]) -> Iterable[tuple[str, int]]:
    for step in steps:
        matched = re.fullmatch(r"(?:last: )?setDowntime (\d{1,18})", step, re.ASCII)
        if matched is not None:
            yield step, int(matched[1])


def _bandwidth(settings: MigrationSettings, parallel: int | None) -> int | None:
    """What one migration may use of a host's bandwidth, in bytes a second."""
    if settings.bandwidth_assignment != "custom" or settings.bandwidth_bits_per_second is None:
        return None
    share = settings.bandwidth_bits_per_second // BITS // max(parallel or 1, 1)
    return share if 0 < share < LARGEST else None


def _first(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)


def quantity(count: int) -> str:
    """Bytes as a Kubernetes quantity: ``125M``; decimal, as bandwidths are counted."""
    for unit, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count and count % factor == 0:
            return f"{count // factor}{unit}"
    return str(count)


_FACTORS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def count_of(text: str | None) -> int | None:
    """The bytes of a quantity; 0 (no limit) of none; None of one that has no form we know."""
    matched = re.fullmatch(r"(\d{1,18})([kMGT]|[KMGT]i|)", text or "0", re.ASCII)
    return None if matched is None else int(matched[1]) * _FACTORS[matched[2]]


def joined(now: LiveMigration, defaults: LiveMigration) -> LiveMigration:
    """What the cluster does now: what is set, else the version's default."""
    said = {name: value for name, value in msgspec.structs.asdict(now).items() if value is not None}
    return msgspec.structs.replace(defaults, **said)
