"""Whose images are in a directory, and when they may not be gone on with.

A plan's names may be given to another VM, their disks not.
"""

import shlex
from pathlib import Path

import msgspec

from mtv.cutover.moves.move import Move
from mtv.errors import SourceError, TransferError
from mtv.journal import ROLLBACK
from mtv.project import read_json, write_json

FILE = "vm.json"


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The VM that the images beside it are of."""

    ref: str
    instance: str = ""
    """Its instance UUID, where it had one."""
    is_the_guests: bool = False
    """The guest of one of them may have written here: no source may be copied over it."""


def must_be_its_directory(move: Move) -> None:
    """Raises TransferError where images are that must not be written to, or not started from.

    Those of another VM, and those that are a guest's of which the journals here know nothing.
    """
    owner = _owner_of(move.directory)
    if owner is not None and not _is_of(owner, move):
        if owner.ref == move.ref:
            raise TransferError(
                f"the images in {move.directory} are those of another VM that had the id of "
                f"{move.ref}: its instance UUID was {owner.instance}, and the inventory has "
                f"{_instance(move)}",
                "see whether url in mtv.yaml is that of the source that they were copied from, and "
                "collect again; if it is another VM, give it another name in plan.yaml",
            )
        raise TransferError(
            f"the images in {move.directory} are those of {owner.ref}, and not of {move.ref}, "
            "which has the same name in the plan",
            "give it another name in plan.yaml; or, if nobody needs those images any more, move "
            "that folder away",
        )
    if move.base_is_the_guests or any(map(move.is_the_guests, move.shared)):
        return
    for directory in _directories(move):
        owner = _owner_of(directory)
        if owner is not None and owner.is_the_guests:
            raise TransferError(
                f"the images in {directory} are a guest's own, and no journal of this project "
                "tells of it: a copy would overwrite what that guest wrote",
                "bring runs/ of this project back; or, if nobody needs those images any more, move "
                "that folder away",
            )


def become_the_guests(move: Move) -> None:
    """Notes beside the images that they are no copies from now on, whatever becomes of runs/."""
    owners = {shared.base.parent: shared.owner for shared in move.shared.values()}
    for directory in _directories(move):
        # A VM that shares a disk may go over before the one in whose directory the disk is.
        owner = _owner_of(directory) or Owner(ref=owners.get(directory, move.ref))
        if not owner.is_the_guests:
            noted = msgspec.structs.replace(owner, is_the_guests=True)
            write_json(directory / FILE, noted)


def _directories(move: Move) -> tuple[Path, ...]:
    """Where its images are; the one of its own is the first."""
    homes = (move.base(disk.key).parent for disk in move.disks)
    return tuple(dict.fromkeys((move.directory, *homes)))


def _owner_of(directory: Path) -> Owner | None:
    path = directory / FILE
    if not path.exists():
        return None
    return read_json(path, Owner, f'write {{"ref": ...}} of the VM into {path}')


def _is_of(owner: Owner, move: Move) -> bool:
    instances = {owner.instance.lower(), _instance(move).lower()} - {""}
    return owner.ref == move.ref and len(instances) < 2


def _instance(move: Move) -> str:
    return move.placed.vm.instance_uuid or ""


def must_not_have_gone_back(move: Move) -> None:
    """Raises SourceError for a VM that was given back after its disks had become the guest's."""
    back = move.latest(ROLLBACK)
    if back is not None and move.base_is_the_guests:
        raise SourceError(
            f"{move.placed.vm.name} went back to the source after its disks had become the guest's",
            f"to begin anew, delete its copies: {begin_anew(move)}; or, if a rollback was stopped "
            "in the middle, run mtv rollback again",
        )


def begin_anew(move: Move) -> str:
    """The command that deletes the copies of this VM and of those that share disks with it."""
    return f"mtv rollback {named_with_sharers(move)} --discard"


def named_with_sharers(move: Move) -> str:
    """The wave and the VM as a command takes them; VMs that share disks are named together."""
    vms = (move.vm.name, *(each.ref for each in move.sharers))
    return " ".join((move.run.name, *(f"--vm {shlex.quote(vm)}" for vm in vms)))


def take_directory(move: Move) -> None:
    """Makes the directory of its images its own. Raises TransferError as above."""
    must_be_its_directory(move)
    if not (move.directory / FILE).exists():
        write_json(move.directory / FILE, Owner(ref=move.ref, instance=_instance(move)))
