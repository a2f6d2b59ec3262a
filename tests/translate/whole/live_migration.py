"""vMotion, RHV live migration -> liveMigrationConfig, MigrationPolicy."""

from typing import Any

import msgspec

from mtv.model.compute import Cluster, Host, HostInterface, MigrationPolicy
from mtv.model.vm import MigrationSettings, Vm
from tests.estates import plain_vm
from tests.translate.whole.example import Change, Example

GBIT = 10**9


def leads(holder: dict[str, Any]) -> bool:
    """True of the settings of the cluster that mapping.yaml names."""
    return bool(holder["policy"] == "mp-live")


def of_level(policy: dict[str, Any]) -> bool:
    """True of the policy that this cluster follows."""
    return (policy["id"], policy["version"]) == ("mp-live", "4.7")


CHANGES = {
    "clusters[].migration.policy": Change("mp-live-3", where=leads),
    "clusters[].migration.auto_converge": Change(False, where=leads),
    "clusters[].migration.bandwidth_assignment": Change("auto", where=leads),
    "clusters[].migration.bandwidth_bits_per_second": Change(12 * GBIT, where=leads),
    "clusters[].version": Change(
        "4.8", where=lambda cluster: bool(cluster["migration"]) and leads(cluster["migration"])
    ),
    "migration_policies[].version": Change("4.8", where=of_level),
    "migration_policies[].maximum_migrations": Change(4, where=of_level),
    "migration_policies[].auto_convergence": Change(True, at="mp-live-2"),
    "migration_policies[].name": Change("Another", at="mp-live-2"),
    "migration_policies[].steps[]": Change(
        "last: abort", where=lambda steps: "last: postcopy" in steps
    ),
    "vms[].migration.policy": Change("mp-live"),
    "vms[].migration.bandwidth_assignment": Change("auto"),
    "vms[].migration.bandwidth_bits_per_second": Change(80 * GBIT),
}


def enrich(example: Example) -> Example:
    """A cluster that the target takes over, one that differs, and a VM that differs from both."""
    if example.inventory.product != "rhv":
        host = Host(
            id="host-live",
            name="live.example.com",
            cluster=None,
            cpu_model="",
            cores=None,
            memory_bytes=None,
            version="",
            maximum_migrations=4,
            interfaces=(HostInterface(name="vmk1", network="vMotion", services=("vmotion",)),),
        )
        return example.add(hosts=(host,))
    leading = MigrationSettings(
        policy="mp-live",
        auto_converge=True,
        bandwidth_assignment="custom",
        bandwidth_bits_per_second=8 * GBIT,
        compressed=True,
        encrypted=True,
        parallel_policy="custom",
        parallel_migrations=3,
        downtime_milliseconds=700,
    )
    other = MigrationSettings(
        policy="mp-live-2",
        bandwidth_assignment="custom",
        bandwidth_bits_per_second=16 * GBIT,
    )
    own = MigrationSettings(
        policy="mp-live-2",
        auto_converge=True,
        bandwidth_assignment="custom",
        bandwidth_bits_per_second=8 * GBIT,
        compressed=True,
        encrypted=True,
        parallel_policy="custom",
        parallel_migrations=3,
        downtime_milliseconds=700,
    )
    chosen = (example.mapping.settings_from or "").partition("/")[2]
    if chosen:
        example = example.change("clusters", chosen, migration=leading, version="4.7")
    else:
        chosen = "c-live"
        example = example.choose(settings_from="rhv1/c-live").add(
            clusters=(
                Cluster(
                    id="c-live", name="live", datacenter=None, migration=leading, version="4.7"
                ),
            )
        )
    return example.add(
        clusters=(
            Cluster(
                id="c-live-2", name="other live", datacenter=None, migration=other, version="4.7"
            ),
        ),
        migration_policies=POLICIES,
        vms=(
            beside(example, "vm-live-1", chosen),
            beside(example, "vm-live-2", chosen, migration=own),
            beside(example, "vm-live-3", "c-live-2"),
        ),
    )


POLICIES = (
    MigrationPolicy(
        id="mp-live",
        name="Post-copy migration",
        version="4.6",
        maximum_migrations=2,
        auto_convergence=True,
        compression=True,
        encryption=True,
        zero_copy=True,
        steps=("last: abort",),
    ),
    MigrationPolicy(
        id="mp-live",
        name="Post-copy migration",
        version="4.7",
        maximum_migrations=3,
        auto_convergence=True,
        steps=("last: postcopy",),
    ),
    MigrationPolicy(
        id="mp-live-2",
        name="Suspend",
        version="4.7",
        maximum_migrations=1,
        auto_convergence=False,
        steps=("setDowntime 100", "last: setDowntime 5000"),
    ),
    MigrationPolicy(
        id="mp-live-3",
        name="Suspend more",
        version="4.7",
        maximum_migrations=5,
        steps=("last: setDowntime 9000",),
    ),
)


def beside(example: Example, id_: str, cluster: str, **fields: Any) -> Vm:
    """A VM like the first one, without a card, in another cluster."""
    first = example.inventory.vms[0]
    number = sum(id_.encode()) % 1000
    disk = msgspec.structs.replace(first.disks[0], uuid=f"6000c29b-0000-0000-0000-{number:012}")
    return plain_vm(
        id=id_,
        name=id_,
        uuid=f"42150000-0000-0000-0000-{number:012}",
        host=None,
        cluster=cluster,
        folder=first.folder,
        guest_id=first.guest_id,
        disks=(disk,),
        nics=(),
        **fields,
    )
