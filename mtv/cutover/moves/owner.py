"""Whose images are in a directory, and when they may not be gone on with.

A plan's names may be given to another VM, their disks not.
"""

import shlex

import msgspec

from mtv.cutover.moves.move import Move
from mtv.errors import SourceError, TransferError
from mtv.journal import ROLLBACK
from mtv.project import read_json, write_json

FILE = "vm.json"


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The VM that the images beside it are of."""

    ref: str


def must_be_its_directory(move: Move) -> None:
    """Raises TransferError where the images of another VM are, which may be its guest's own."""
    path = move.directory / FILE
    if not path.exists():
        return
    owner = read_json(path, Owner, f'write {{"ref": ...}} of the VM into {path}')
    if owner.ref != move.ref:
        raise TransferError(
            f"the images in {move.directory} are those of {owner.ref}, and not of {move.ref}, "
            "which has the same name in the plan",
            "give it another name in plan.yaml; or, if nobody needs those images any more, move "
            "that folder away",
        )


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
        write_json(move.directory / FILE, Owner(ref=move.ref))
