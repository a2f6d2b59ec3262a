"""A site's answers to every question that suggestions leave open, so that all is translated."""

from typing import Any

import msgspec

from mtv.estate import Estate
from mtv.knowledge.preferences import table
from mtv.model.target import (
    ClaimProperties,
    MigrationNetwork,
    Node,
    SiteMapping,
    StorageClass,
    Target,
    TargetNetwork,
)
from mtv.translate.suggest import suggest
from mtv.translate.suggest.question import Suggestion

GROUP = "mtv.test/group"
"""Label of the nodes, by which the groups of nodes are selected."""

NICS = tuple(f"ens{port}f{function}" for port in range(1, 13) for function in range(2))

NODES = tuple(
    Node(
        name=f"worker-{number}",
        labels={GROUP: "workers" if number < 2 else f"workers-{number}"},
        nics=("eno1", *NICS),
        cpu_models=("Nehalem", "Westmere", "Skylake-Server-noTSX-IBRS", "Cascadelake-Server-noTSX"),
        cpu_mhz=2400,
    )
    for number in range(12)
)


def full_target(openshift: str) -> Target:
    """A cluster that has all that a translation can use."""
    block = ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Block")
    files = ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Filesystem")
    return Target(
        openshift=openshift,
        storage_classes=(
            StorageClass(
                name="ceph-gold",
                provisioner="openshift-storage.rbd.csi.ceph.com",
                claim_properties=(block,),
                capabilities=("thin", "replication", "encryption"),
                tags=("gold",),
                default=True,
            ),
            StorageClass(name="files", provisioner="nfs.csi.k8s.io", claim_properties=(files,)),
        ),
        networks=(TargetNetwork(name="default/vlan10", vlan=10),),
        sriov_resources=("fastnics",),
        nodes=NODES,
        operators=("nmstate", "descheduler", "sriov", "application-aware-quota"),
        preferences=tuple(each.name for each in table().preferences),
    )


def answered(estate: Estate, target: Target) -> SiteMapping:
    """The suggestions as a mapping, each open one answered with something that the target has."""
    mapping: dict[str, Any] = {"namespace": "imported-vms"}
    for each in suggest(estate, target):
        answer = _answer(each)
        if each.section == "settings_from":
            mapping["settings_from"] = answer
        else:
            mapping.setdefault(each.section, {})[each.ref] = answer
    mapping["migration_network"] = msgspec.to_builtins(
        MigrationNetwork(
            interface=NICS[-1], range="192.0.2.0/24", vlan=300, exclude=("192.0.2.0/28",)
        )
    )
    mapping["mac_range"] = {"start": "02:aa:00:00:00:00", "end": "02:aa:00:00:ff:ff"}
    return msgspec.convert(mapping, SiteMapping)


def _answer(each: Suggestion) -> Any:
    if each.section == "node_groups":
        nics = {source: nic or _free(number) for number, (source, nic) in _numbered(each.choice)}
        nodes = {GROUP: each.ref}
        return {**each.choice, "nodes": nodes, "nics": nics}
    if each.choice is not None:
        return each.choice
    return {
        "storage": "ceph-gold",
        "policies": "ceph-gold",
        "networks": "layer2",
        "hosts": f"worker-{sum(each.ref.encode()) % len(NODES)}",
        "cpu_models": "Nehalem",
        "roles": "kubevirt.io:view",
        "principals": "group:operators",
        "host_devices": "example.com/device=10de:1eb8",
        "namespaces": "shop",
        "templates": "images",
        "settings_from": None,
    }[each.section]


def _numbered(choice: dict[str, Any]) -> list[tuple[int, tuple[str, str | None]]]:
    return list(enumerate(choice.get("nics", {}).items()))


def _free(number: int) -> str:
    """A NIC of the nodes; the last is for live migration."""
    return NICS[number % (len(NICS) - 1)]
