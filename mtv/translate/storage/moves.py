"""VMs whose disks move to another class: what moves, and whether it can."""

import hashlib
from typing import Any, Literal

import msgspec

from mtv.errors import ConfigError
from mtv.estate import PlacedVm
from mtv.knowledge.backends import MANY, claim_properties
from mtv.model.target import ClaimProperties, StorageClass
from mtv.model.vm import Disk
from mtv.names import LONGEST, label
from mtv.sharing import is_lun, is_shared
from mtv.translate import TranslatedVm, Translation
from mtv.translate.part import Manifest
from mtv.translate.storage.disks import Storage

Tool = Literal["volumes", "mtc", "plan"]

PLAN = "VirtualMachineStorageMigrationPlan"


class DiskMove(msgspec.Struct, frozen=True, kw_only=True):
    """One disk on its way to another class."""

    disk: str
    """The source's name for it."""
    volume: str
    """Name of the VM's volume."""
    from_claim: str
    from_class: str
    to_claim: str
    """Empty where the tool makes the claim and its name."""
    to_class: str


class VmMove(msgspec.Struct, frozen=True, kw_only=True):
    """One VM whose disks move."""

    ref: str
    name: str
    namespace: str
    disks: tuple[DiskMove, ...]
    obstacles: tuple[str, ...]
    """Why it would not migrate, beside what its volumes are the reason for."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do, in order."""

    says: str
    manifests: tuple[Manifest, ...] = ()
    """To be applied."""
    commands: tuple[str, ...] = ()
    """To be run as they are."""


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """How disks get to another class."""

    tool: Tool
    openshift: str
    to_class: str
    vms: tuple[VmMove, ...]
    steps: tuple[Step, ...]
    cancel: tuple[Step, ...]


class Move(msgspec.Struct, frozen=True):
    """A VM with what is needed to write its manifests."""

    vm: VmMove
    disks: tuple[Disk, ...]
    """Those that move, as ``vm.disks``."""
    volumes: tuple[dict[str, Any], ...]
    """All volumes of its manifest."""


class Destination(msgspec.Struct, frozen=True):
    """Where disks go, and by what."""

    chosen: StorageClass
    way: ClaimProperties
    tool: Tool


def destination(translation: Translation, name: str, tool: Tool) -> Destination:
    """The class as a destination. Raises ConfigError for one that cannot be."""
    classes = translation.site.classes
    chosen = classes.get(name)
    if chosen is None:
        raise ConfigError(
            f"target.yaml has no StorageClass {name!r}",
            f"it has {', '.join(classes) or 'none'}",
        )
    way = claim_properties(chosen)
    if way is None:
        raise ConfigError(
            f"nobody knows the access and volume modes of StorageClass {name}",
            "write its claim_properties into target.yaml, as its StorageProfile has them",
        )
    return Destination(chosen, way, tool)


def move(translation: Translation, placed: PlacedVm, to: Destination) -> Move:
    """A VM's move. Raises ConfigError where it cannot be."""
    storage, vm = Storage(translation.site), placed.vm
    translated = next((each for each in translation.vms if each.ref == placed.ref), None)
    if translated is None:
        raise ConfigError(
            f"{vm.name} ({placed.ref}) is not translated",
            "mtv translate says what stands in its way",
        )
    if to.tool == "plan" and not translated.name[0].isalpha():
        raise ConfigError(
            f"{PLAN} takes no VM whose name begins with a digit: {translated.name}",
            "move it by itself with --tool volumes",
        )
    disks = _moving(storage, placed, to)
    made = translation.manifests(translated)[0]
    return Move(
        vm=_vm_move(translation, storage, placed, translated, disks, to),
        disks=disks,
        volumes=tuple(made["spec"]["template"]["spec"]["volumes"]),
    )


def _moving(storage: Storage, placed: PlacedVm, to: Destination) -> tuple[Disk, ...]:
    """The disks that are not in the class yet."""
    vm, name = placed.vm, to.chosen.name
    for each in vm.disks:
        if is_shared(each):
            raise _immovable(vm.name, each, "several VMs may write to it")
        if is_lun(each):
            raise _immovable(vm.name, each, "it is a LUN")
        if each.mode.endswith("nonpersistent"):
            raise _immovable(vm.name, each, "its changes lie on the node")
    # What is unplugged is no volume of the VM.
    there = (each for each in vm.disks if each.active is not False)
    disks = tuple(each for each in there if storage.class_of(placed, each).name != name)
    if not disks:
        raise ConfigError(
            f"all disks of {vm.name} ({placed.ref}) are on {name} already",
            "choose another class, or leave the VM out",
        )
    staying = [each for each in vm.disks if each not in disks and each.active is not False]
    if staying and MANY not in to.way.access_modes:
        raise ConfigError(
            f"{vm.name} ({placed.ref}) cannot move: {staying[0].label} is on {name} already, which "
            f"gives no {MANY} volumes, and KubeVirt then wants all volumes to move at once",
            "move it to a class whose volumes are ReadWriteMany",
        )
    return disks


def _vm_move(
    translation: Translation,
    storage: Storage,
    placed: PlacedVm,
    translated: TranslatedVm,
    disks: tuple[Disk, ...],
    to: Destination,
) -> VmMove:
    naming, own = translation.site.naming, storage.obstacles(placed)
    return VmMove(
        ref=placed.ref,
        name=translated.name,
        namespace=translated.namespace,
        disks=tuple(
            DiskMove(
                disk=each.key,
                volume=naming.volume(placed, each),
                from_claim=naming.claim(placed, each),
                from_class=storage.class_of(placed, each).name,
                to_claim=_claim(naming.claim(placed, each), to) if to.tool == "volumes" else "",
                to_class=to.chosen.name,
            )
            for each in disks
        ),
        obstacles=tuple(each for each in translated.obstacles if each not in own),
    )


def _immovable(name: str, each: Disk, why: str) -> ConfigError:
    return ConfigError(
        f"{name} cannot move: of {each.label} KubeVirt makes no copy while it runs, since {why}",
        "shut the VM down and copy that disk, or leave the VM out",
    )


def _claim(old: str, to: Destination) -> str:
    """The name of the new claim: the old one's with the class; a digest where that is too long."""
    name = f"{old}-{label(to.chosen.name)}"
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9].rstrip('-')}-{digest(name)}"


def digest(*words: str) -> str:
    """Eight digits that stand for some words: the same for the same ones."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]
