"""What became of one VM in one command."""

import contextlib
from collections.abc import Iterator, Sequence

import msgspec

from mtv.cutover.moves.move import Detail, Move
from mtv.errors import MtvError, TransferError
from mtv.model.plan import PlannedVm


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one VM in one command."""

    ref: str
    name: str
    outcome: str
    """``done``, ``nothing to do``, ``passed by``, ``failed``, or ``would`` of a dry run."""
    says: str = ""
    hint: str = ""
    error: str = ""
    """Class of the error where it failed."""


def moved(move: Move, outcome: str, says: str = "") -> Moved:
    """The outcome for a VM that did not fail."""
    return Moved(ref=move.ref, name=move.vm.name, outcome=outcome, says=says)


def failed(vm: PlannedVm, problem: MtvError) -> Moved:
    """The outcome for a VM that something is wrong with."""
    return Moved(
        ref=vm.ref,
        name=vm.name,
        outcome="failed",
        says=problem.message,
        hint=problem.hint,
        error=type(problem).__name__,
    )


def failure(problem: MtvError) -> Detail:
    """What the journal tells of a step that failed."""
    return {
        "error": type(problem).__name__,
        "message": problem.message,
        "hint": problem.hint,
    }


@contextlib.contextmanager
def errors_of_this_machine() -> Iterator[None]:
    """What the system refuses, as an error about the VM only. Raises TransferError."""
    try:
        yield
    except OSError as problem:
        says = str(problem.strerror or problem)
        if problem.filename is None:
            hint = "look at what this machine is short of, then run the same command again"
            raise TransferError(f"this machine refuses: {says}", hint) from problem
        hint = "look at its file system, then run the same command again"
        raise TransferError(f"{problem.filename}: {says}", hint) from problem


def left_at_the_source(stays: Sequence[str]) -> str:
    """What of ours ``Source.let_go`` could not remove, as a sentence; "" for nothing."""
    return f"left at the source: {', '.join(stays)}" if stays else ""


def went_over(move: Move) -> str:
    """Why a VM is passed by that another wave has moved."""
    return f"its disks are the guest's own since the wave {move.gone_over_in}"
