"""Disks of imported VMs to another StorageClass: storage vMotion -> volume migration.

    translation + VMs + class + tool ──> Moves: steps, each a sentence with manifests or a command

Three tools can do it. KubeVirt itself copies the volumes of a running VM when they are replaced in
its spec (*volumes*; every version). The Migration Toolkit for Containers drives that for a
namespace (*mtc*; to 4.20). From 4.21 on OpenShift Virtualization has an operator for it (*plan*).
"""

from collections.abc import Iterable

from mtv.errors import ConfigError
from mtv.translate import Translation
from mtv.translate.storage.migration_tools import by_mtc, by_plan, by_volumes
from mtv.translate.storage.moves import PLAN, Move, Moves, Step, Tool, destination, move


def storage_migration(
    translation: Translation, words: Iterable[str], to_class: str, tool: Tool | None = None
) -> Moves:
    """How the disks of these VMs get to a class, by the tool or the version's own.

    ``words``: refs or names. Raises ConfigError with a sentence for what cannot be moved.
    """
    release = translation.site.release
    tool = tool or ("plan" if release.knows(PLAN) else "volumes")
    if tool == "plan" and not release.knows(PLAN):
        raise ConfigError(
            f"OpenShift {release.openshift} has no {PLAN}: it comes with 4.21",
            "leave --tool out, or use --tool volumes or --tool mtc",
        )
    if tool == "mtc" and not release.knows("MigPlan", "spec.liveMigrate"):
        raise ConfigError(
            f"the Migration Toolkit for Containers moves disks of VMs up to OpenShift 4.20, and "
            f"target.yaml says {release.openshift}",
            "leave --tool out, or use --tool plan or --tool volumes",
        )
    to = destination(translation, to_class, tool)
    places = [translation.site.estate.find(each) for each in dict.fromkeys(words)]
    unique = {placed.ref: placed for placed in places}
    moves = [move(translation, placed, to) for placed in unique.values()]
    steps, cancel = _TOOLS[tool](release, moves, to)
    return Moves(
        tool=tool,
        openshift=release.openshift,
        to_class=to_class,
        vms=tuple(each.vm for each in moves),
        steps=(_running(moves), *steps),
        cancel=cancel,
    )


_TOOLS = {"volumes": by_volumes, "mtc": by_mtc, "plan": by_plan}


def _running(moves: list[Move]) -> Step:
    """What has to be so before anything is done."""
    says = (
        "first: the VMs run, and vmRolloutStrategy is LiveUpdate (the default): data is copied "
        "while a VM goes to another node. Replacing the volumes of a VM that is off copies nothing"
    )
    for each in moves:
        for obstacle in each.vm.obstacles:
            says += f"; {each.vm.name} is not live-migratable: {obstacle}"
    return Step(
        says=says,
        commands=tuple(
            f"oc -n {each.vm.namespace} get vmi {each.vm.name}"
            " -o jsonpath='{.status.conditions[?(@.type==\"LiveMigratable\")]}'"
            for each in moves
        ),
    )
