"""In which order a platform is applied: its folders, what is in them, what to wait for."""

from collections.abc import Iterator, Mapping

import msgspec

from mtv.quantities import counted
from mtv.translate.part import Manifest


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One folder of ``manifests/platform``."""

    folder: str
    kinds: tuple[str, ...]
    says: str
    wait: str
    """What to see before the next folder is applied."""


STAGES = (
    Stage(
        folder="namespaces",
        kinds=("Namespace",),
        says="where the VMs go",
        wait="nothing",
    ),
    Stage(
        folder="virtualization",
        kinds=("HyperConverged", "MigrationPolicy", "PriorityClass"),
        says="settings of OpenShift Virtualization; they are joined with what the cluster has",
        wait="the HyperConverged is Available; virt-handler pods may start anew",
    ),
    Stage(
        folder="nodes",
        kinds=(
            "MachineConfig",
            "NodeNetworkConfigurationPolicy",
            "NodeHealthCheck",
            "FenceAgentsRemediationTemplate",
        ),
        says="networks and kernel arguments of the workers; a MachineConfig restarts them, one "
        "after the other",
        wait="machine config pools are updated and each policy is Available; apply the first "
        "policy alone and look at a node",
    ),
    Stage(
        folder="balancing",
        kinds=("KubeDescheduler",),
        says="takes the place of a KubeDescheduler that is there already: compare it first",
        wait="the operator is not degraded",
    ),
    Stage(
        folder="networks",
        kinds=(),
        says="networks of the VMs, and policies for them",
        wait="each user defined network has the condition NetworkCreated",
    ),
    Stage(
        folder="storage",
        kinds=("PersistentVolume", "PersistentVolumeClaim", "DataVolume"),
        says="volumes that several VMs share, and LUNs as they are",
        wait="each claim of a LUN is Bound",
    ),
    Stage(
        folder="templates",
        kinds=("VirtualMachineClusterInstancetype", "DataSource"),
        says="what new VMs are made from; DataVolumes in it wait for an upload",
        wait="nothing",
    ),
    Stage(
        folder="services",
        kinds=("Service", "Route", "Ingress"),
        says="ways to the VMs; they lead nowhere until the VMs run",
        wait="nothing",
    ),
    Stage(
        folder="alarms",
        kinds=("PrometheusRule", "AlertingRule"),
        says="alarms of the source as alerts; they need monitoring of user workloads",
        wait="nothing",
    ),
    Stage(
        folder="permissions",
        kinds=("ClusterRole", "RoleBinding"),
        says="who may do what with the VMs",
        wait="nothing",
    ),
    Stage(
        folder="quotas",
        kinds=("ResourceQuota", "ApplicationAwareResourceQuota"),
        says="what namespaces may use; application aware ones need the folder virtualization first",
        wait="nothing",
    ),
)
"""In the order in which they are applied; ``networks`` has every kind that no other names."""

_FOLDERS = {kind: stage.folder for stage in STAGES for kind in stage.kinds}


def folder_of(manifest: Manifest) -> str:
    """The folder of an object of the platform, by its kind; disks of templates stand with them."""
    if manifest["kind"] == "DataVolume" and "upload" in manifest["spec"]["source"]:
        return "templates"
    return _FOLDERS.get(manifest["kind"], "networks")


def readme(counts: Mapping[str, int], namespaces: Mapping[str, int]) -> str:
    """What is in the tree and how it is applied, for the admin who does it.

    ``counts``: folder of the platform -> objects; ``namespaces``: namespace -> VMs.
    """
    return "\n".join(_lines(counts, namespaces)) + "\n"


def _lines(counts: Mapping[str, int], namespaces: Mapping[str, int]) -> Iterator[str]:
    yield "# Manifests\n"
    yield "Written by `mtv translate`; do not edit. Apply the folders in this order, each with"
    yield "`oc apply -k FOLDER`; `oc diff -k FOLDER` shows what it would change. Never run"
    yield "`oc delete -k` on a folder of the platform: HyperConverged, Network and KubeDescheduler"
    yield "are the cluster's own.\n"
    yield "| folder | objects | what | before the next |"
    yield "|---|---|---|---|"
    for stage in STAGES:
        if stage.folder in counts:
            about = f"{counts[stage.folder]} | {stage.says} | {stage.wait}"
            yield f"| `platform/{stage.folder}` | {about} |"
    for name, vms in namespaces.items():
        count = counted(vms, "VM")
        yield f"| `vms/{name}` | {count} | VirtualMachines, Halted, and their DataVolumes | |"
