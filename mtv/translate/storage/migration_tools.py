"""The three tools that move disks to another class, each as steps and as what cancels them."""

import json
from collections.abc import Iterable, Iterator
from shlex import quote
from typing import Any

import msgspec

from mtv.knowledge.versions import Release
from mtv.names import LONGEST, label
from mtv.translate.part import Manifest, metadata
from mtv.translate.storage.classes import requested_bytes
from mtv.translate.storage.disks import data_volume
from mtv.translate.storage.moves import PLAN, Destination, Move, Step, digest

PLANS_API = "migrations.kubevirt.io/v1alpha1"
MTC_API = "migration.openshift.io/v1alpha1"
MTC_NAMESPACE = "openshift-migration"

GIB = 1 << 30

Steps = tuple[tuple[Step, ...], tuple[Step, ...]]
"""What to do, and what cancels it."""


def _name(moves: list[Move], to_class: str) -> str:
    """A name for the plan of these VMs: the same for the same ones."""
    refs = sorted(each.vm.ref for each in moves)
    return f"to-{label(to_class, LONGEST - 12)}-{digest(*refs)}"


# -- KubeVirt itself


def by_volumes(release: Release, moves: list[Move], to: Destination) -> Steps:
    del release
    claims = tuple(claim for each in moves for claim in _new_claims(each, to))
    patches = [_patched(each) for each in moves]
    steps = (
        Step(
            says=(
                "make empty claims in the new class, at least as large as the old ones (compare: "
                "oc get pvc; back ends round up, so these are whole GiB): oc apply -f"
            ),
            manifests=claims,
        ),
        Step(
            says=(
                "replace the volumes of each VM in one update; KubeVirt copies and migrates. Patch "
                "each VM by its command, or apply these documents with oc apply --server-side "
                "--force-conflicts -f (never without --server-side: they are parts of VMs)"
            ),
            manifests=tuple(patches),
            commands=tuple(_patch_command(each) for each in patches),
        ),
        Step(
            says=(
                "watch it; the old claims stay, delete them when the VM runs well. From now on "
                "manifests/ names the old claims: do not apply these VMs from there again"
            ),
            commands=tuple(
                f"oc -n {each.vm.namespace} get vmim -w"
                f" -l kubevirt.io/volume-update-in-progress={each.vm.name}"
                for each in moves
            ),
        ),
    )
    back = tuple(_patch(each, each.volumes, migrating=False) for each in moves)
    cancel = Step(
        says=(
            "while it is under way: restore exactly the old volumes; any other change is refused. "
            "Deleting the migration is not enough, it is tried again"
        ),
        manifests=back,
        commands=tuple(_patch_command(each) for each in back),
    )
    return steps, (cancel,)


def _new_claims(move: Move, to: Destination) -> Iterator[Manifest]:
    for disk, each in zip(move.disks, move.vm.disks, strict=True):
        whole = -(-requested_bytes(disk) // GIB) * GIB
        larger = msgspec.structs.replace(disk, capacity_bytes=whole, allocated_bytes=None)
        about = metadata(
            each.to_claim,
            move.vm.namespace,
            source=move.vm.ref,
            source_disk=disk.key,
            replaces=each.from_claim,
        )
        yield data_volume(about, larger, to.chosen, to.way)


def _patched(move: Move) -> Manifest:
    """The VM with its new volumes. All its volumes are named: the list is replaced whole."""
    new = {each.volume: each.to_claim for each in move.vm.disks}
    volumes = [
        {"name": each["name"], "dataVolume": {"name": new[each["name"]]}}
        if each["name"] in new
        else each
        for each in move.volumes
    ]
    return _patch(move, volumes, migrating=True)


def _patch(move: Move, volumes: Iterable[dict[str, Any]], *, migrating: bool) -> Manifest:
    spec: dict[str, Any] = {"updateVolumesStrategy": "Migration"} if migrating else {}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": move.vm.name, "namespace": move.vm.namespace},
        "spec": {**spec, "template": {"spec": {"volumes": list(volumes)}}},
    }


def _patch_command(patch: Manifest) -> str:
    """The merge patch as a command of one line."""
    about = patch["metadata"]
    text = json.dumps({"spec": patch["spec"]}, separators=(",", ":"))
    return f"oc -n {about['namespace']} patch vm {about['name']} --type merge -p {quote(text)}"


# -- Migration Toolkit for Containers


def by_mtc(release: Release, moves: list[Move], to: Destination) -> Steps:
    del release
    steps, cancel = list[Step](), list[Step]()
    for namespace, those in _by_namespace(moves).items():
        name = _name(those, to.chosen.name)
        cluster = {"name": "host", "namespace": MTC_NAMESPACE}
        plan = {
            "apiVersion": MTC_API,
            "kind": "MigPlan",
            "metadata": metadata(name, MTC_NAMESPACE),
            "spec": {
                "srcMigClusterRef": cluster,
                "destMigClusterRef": cluster,
                "namespaces": [namespace],
                "liveMigrate": True,
            },
        }
        migration = {
            "apiVersion": MTC_API,
            "kind": "MigMigration",
            "metadata": metadata(name, MTC_NAMESPACE),
            "spec": {
                "migPlanRef": {"name": name, "namespace": MTC_NAMESPACE},
                "migrateState": True,
                "quiescePods": True,
                "stage": False,
            },
        }
        claims = [disk.from_claim for each in those for disk in each.vm.disks]
        steps += (
            Step(
                says=(
                    f"make the plan for the namespace {namespace} and wait until it is Ready: it "
                    "finds the volumes, whose names only the cluster knows"
                ),
                manifests=(plan,),
                commands=(
                    f"oc -n {MTC_NAMESPACE} wait migplan {name} --for condition=Ready --timeout 5m",
                ),
            ),
            Step(
                says="choose the new class for these claims, and leave every other volume alone",
                commands=(_selection(name, claims, to.chosen.name),),
            ),
            Step(
                says="only after that choice: start it, and watch it",
                manifests=(migration,),
                commands=(f"oc -n {MTC_NAMESPACE} get migmigration {name} -w",),
            ),
        )
        cancel.append(
            Step(
                says=f"while it is under way, in {namespace}",
                commands=(
                    (
                        f"oc -n {MTC_NAMESPACE} patch migmigration {name} --type merge"
                        ' -p \'{"spec":{"canceled":true}}\''
                    ),
                ),
            )
        )
    return tuple(steps), tuple(cancel)


def _selection(plan: str, claims: list[str], to_class: str) -> str:
    """Sets the volumes of a MigPlan by the names of their claims; needs jq."""
    program = (
        ".spec.persistentVolumes |= map("
        'if ((.pvc.name | split(":")[0]) as $claim | $claims | index($claim)) '
        'then .selection += {action: "copy", copyMethod: "block", storageClass: $class} '
        '| .pvc += {accessModes: ["Auto"], volumeMode: "Auto"} '
        'else .selection.action = "skip" end)'
    )
    names = json.dumps(claims, separators=(",", ":"))
    return (
        f"oc -n {MTC_NAMESPACE} get migplan {plan} -o json"
        f" | jq --argjson claims {quote(names)} --arg class {quote(to_class)} {quote(program)}"
        " | oc replace -f -"
    )


# -- the operator of OpenShift Virtualization


def by_plan(release: Release, moves: list[Move], to: Destination) -> Steps:
    keeps = release.knows(PLAN, "spec.retentionPolicy")
    steps, cancel = list[Step](), list[Step]()
    for namespace, those in _by_namespace(moves).items():
        name = _name(those, to.chosen.name)
        # Without volumeMode the operator takes Filesystem, whatever the class prefers.
        destination = {
            "storageClassName": to.chosen.name,
            "accessModes": ["Auto"],
            "volumeMode": "Auto",
        }
        plan = {
            "apiVersion": PLANS_API,
            "kind": PLAN,
            "metadata": metadata(name, namespace),
            "spec": {
                **({"retentionPolicy": "keepSource"} if keeps else {}),
                "virtualMachines": [
                    {
                        "name": each.vm.name,
                        "targetMigrationPVCs": [
                            {"volumeName": disk.volume, "destinationPVC": dict(destination)}
                            for disk in each.vm.disks
                        ],
                    }
                    for each in those
                ],
            },
        }
        start = {
            "apiVersion": PLANS_API,
            "kind": "VirtualMachineStorageMigration",
            "metadata": metadata(name, namespace),
            "spec": {
                "virtualMachineStorageMigrationPlanRef": {"name": name, "namespace": namespace}
            },
        }
        steps += (
            Step(
                says=f"make the plan in {namespace}, and look whether its status finds fault",
                manifests=(plan,),
                commands=(f"oc -n {namespace} get {PLAN.lower()} {name} -o yaml",),
            ),
            Step(
                says=(
                    "start it, and watch it; the old claims stay, delete them when the VMs run "
                    "well. From now on manifests/ names the old claims: do not apply these VMs "
                    "from there again"
                ),
                manifests=(start,),
                commands=(f"oc -n {namespace} get virtualmachinestoragemigration {name} -w",),
            ),
        )
        back = tuple(_patch(each, each.volumes, migrating=False) for each in those)
        cancel.append(
            Step(
                says=(
                    f"while it is under way, in {namespace}: delete the migration, then restore "
                    "exactly the old volumes"
                ),
                manifests=back,
                commands=(
                    f"oc -n {namespace} delete virtualmachinestoragemigration {name}",
                    *(_patch_command(each) for each in back),
                ),
            )
        )
    return tuple(steps), tuple(cancel)


def _by_namespace(moves: list[Move]) -> dict[str, list[Move]]:
    found = dict[str, list[Move]]()
    for each in moves:
        found.setdefault(each.vm.namespace, []).append(each)
    return found
