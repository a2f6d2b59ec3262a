"""What ``mtv translate`` costs for a large estate, as a user runs it.

    .venv/bin/python -m benchmarks.translating [VMS]

Makes a project with an estate of 1,000 and one of 10,000 rich VMs (those of `benchmarks.inventory`)
in clusters with DRS rules, on 40 port groups, with tags, folders, pools and storage policies, and
runs the command itself, collecting excluded: reading the files, translating, writing the manifests
and the ledger. CPU seconds, the median of five runs, and the peak of memory. Ends with 1 when a
promise is not kept.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import yaml

from benchmarks.inventory import rich_vm
from mtv.inventory.files import write_inventory
from mtv.model.compute import (
    Balancing,
    Cluster,
    HighAvailability,
    Host,
    PlacementRule,
    ResourcePool,
)
from mtv.model.estate import Inventory
from mtv.model.organisation import Folder, Tag, TagCategory
from mtv.model.storage import PolicyRule, RuleSet, StoragePolicy
from mtv.model.vm import Vm
from tests.estates import inventory, plain_datastore, plain_network

SMALL, LARGE = 1_000, 10_000
RUNS = 5
MOST_SECONDS, MOST_MIB, MOST_RATIO = 30.0, 1024.0, 12.0

CLUSTERS, HOSTS_EACH, NETWORKS, DATASTORES, FOLDERS, POOLS = 8, 16, 40, 24, 30, 12


def estate(count: int) -> Inventory:
    """An estate of so many VMs, spread evenly over what is around them."""
    vms = tuple(_placed(rich_vm(number), number) for number in range(1, count + 1))
    return inventory(
        *vms,
        clusters=tuple(_cluster(number, vms) for number in range(CLUSTERS)),
        hosts=tuple(
            Host(
                id=f"host-{number}",
                name=f"esx{number}.example.com",
                cluster=f"domain-c{number % CLUSTERS}",
                cpu_model="Intel(R) Xeon(R) Gold 6430",
                cores=64,
                memory_bytes=1 << 40,
                version="8.0.3",
                cpu_mhz=2100,
            )
            for number in range(CLUSTERS * HOSTS_EACH)
        ),
        datastores=tuple(
            plain_datastore(id=f"datastore-{number}", name=f"gold-{number:02}")
            for number in range(DATASTORES)
        ),
        networks=tuple(
            plain_network(
                id=f"dvportgroup-{number}",
                name=f"VLAN {100 + number}",
                vlan=100 + number,
                switch_id="dvs-1",
            )
            for number in range(NETWORKS)
        ),
        folders=tuple(
            Folder(id=f"group-v{n}", name=f"team{n:02}", path=f"team{n:02}", kind="vm")
            for n in range(FOLDERS)
        ),
        resource_pools=tuple(
            ResourcePool(id=f"resgroup-{n}", name=f"pool{n:02}", path=f"pool{n:02}")
            for n in range(POOLS)
        ),
        tag_categories=(TagCategory(id="category-1", name="tier", single=True),),
        tags=tuple(Tag(id=f"tag-{n}", name=f"tier{n}", category="category-1") for n in range(5)),
        storage_policies=(
            StoragePolicy(
                id="policy-1",
                name="Gold",
                rule_sets=(
                    RuleSet(
                        name="1",
                        rules=(
                            PolicyRule(
                                namespace="VSAN",
                                capability="replicaPreference",
                                property="replicaPreference",
                                value="RAID-1",
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )


def _placed(vm: Vm, number: int) -> Vm:
    disks = tuple(
        msgspec.structs.replace(disk, datastore=f"datastore-{number % DATASTORES}")
        for disk in vm.disks
    )
    nics = tuple(
        msgspec.structs.replace(
            nic,
            network=f"dvportgroup-{(number + order) % NETWORKS}",
            mac=f"00:50:{order:02x}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:"
            f"{number & 255:02x}",
        )
        for order, nic in enumerate(vm.nics)
    )
    return msgspec.structs.replace(
        vm,
        disks=disks,
        nics=nics,
        snapshots=(),
        cluster=f"domain-c{number % CLUSTERS}",
        host=f"host-{number % (CLUSTERS * HOSTS_EACH)}",
        folder=f"team{number % FOLDERS:02}",
        pool=f"resgroup-{number % POOLS}",
        tags=(f"tag-{number % 5}",),
        custom_attributes={"owner": f"team{number % FOLDERS:02}"},
    )


def _cluster(number: int, vms: tuple[Vm, ...]) -> Cluster:
    id_ = f"domain-c{number}"
    members = [vm.id for vm in vms if vm.cluster == id_]
    return Cluster(
        id=id_,
        name=f"prod{number}",
        datacenter="DC0",
        balancing=Balancing(enabled=True, automation="fullyAutomated", rate=3),
        availability=HighAvailability(enabled=True),
        rules=tuple(
            PlacementRule(
                id=f"{id_}-rule-{start}",
                name=f"apart {start}",
                kind="vm-anti-affinity",
                vms=tuple(members[start : start + 3]),
                enabled=True,
                mandatory=start % 2 == 0,
            )
            for start in range(0, len(members) - 3, 12)
        ),
    )


TARGET = {
    "openshift": "4.20",
    "storage_classes": [
        {
            "name": "gold",
            "provisioner": "openshift-storage.rbd.csi.ceph.com",
            "claim_properties": [{"volume_mode": "Block", "access_modes": ["ReadWriteMany"]}],
            "default": True,
        }
    ],
    "operators": ["nmstate", "descheduler"],
}


def project(directory: Path, count: int) -> None:
    """A project with the estate, assessed, and a mapping that answers for it."""
    mtv(directory.parent, "init", str(directory))
    (directory / "inventory").mkdir()
    write_inventory(directory / "inventory" / "vc1.json", estate(count))
    (directory / "target.yaml").write_text(yaml.safe_dump(TARGET))
    mapping = {
        "namespace": "imported-vms",
        "namespaces": {f"vc1/group-v{n}": f"team{n:02}" for n in range(FOLDERS)},
        "settings_from": "vc1/domain-c0",
        "storage": {f"vc1/datastore-{n}": "gold" for n in range(DATASTORES)},
        "networks": {f"vc1/dvportgroup-{n}": "localnet" for n in range(NETWORKS)},
        "node_groups": {
            "workers": {
                "hosts": [f"vc1/host-{n}" for n in range(CLUSTERS * HOSTS_EACH)],
                "nodes": {"node-role.kubernetes.io/worker": ""},
            }
        },
    }
    (directory / "mapping.yaml").write_text(yaml.safe_dump(mapping))
    mtv(directory, "assess")


def mtv(directory: Path, *arguments: str) -> tuple[float, float]:
    """Runs a command; returns its CPU seconds and the peak of its memory in MiB."""
    argv = [sys.executable, "-m", "mtv", "-C", str(directory), *arguments]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, used = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 3):
        assert process.stderr is not None  # noqa: S101
        raise RuntimeError(
            f"mtv {' '.join(arguments)} ended with {code}: {process.stderr.read()!r}"
        )
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measures both sizes and compares them."""
    large = int(sys.argv[1]) if len(sys.argv) > 1 else LARGE
    seconds = dict[int, float]()
    kept = True
    with tempfile.TemporaryDirectory() as scratch:
        for count in (SMALL, large):
            directory = Path(scratch) / str(count)
            project(directory, count)
            runs = [mtv(directory, "translate") for _ in range(RUNS)]
            seconds[count] = statistics.median(each for each, _ in runs)
            most = max(mib for _, mib in runs)
            files = sum(1 for _ in (directory / "manifests").rglob("*.yaml"))
            size = (directory / "ledger.json").stat().st_size / 1e6
            print(
                f"{count:>6} VMs: {seconds[count]:6.2f} CPU s, {most:5.0f} MiB, "
                f"{files} files, ledger {size:.1f} MB"
            )
            kept &= seconds[count] <= MOST_SECONDS and most <= MOST_MIB
    ratio = seconds[large] / seconds[SMALL]
    kept &= ratio <= MOST_RATIO
    print(
        f"ratio {ratio:.1f}; promised: {MOST_SECONDS:.0f} s, {MOST_MIB:.0f} MiB, {MOST_RATIO:.0f}"
    )
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
