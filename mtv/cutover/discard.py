"""A VM begins anew: it goes back to the source, and its copies are thrown away."""

import shutil
from pathlib import Path

from mtv.cutover.moves.move import Move
from mtv.cutover.moves.outcome import Moved, left_at_the_source, moved, went_over
from mtv.cutover.moves.owner import must_be_its_directory
from mtv.cutover.passes.holding import points_left, release_all
from mtv.cutover.rollback import (
    foresee_rollback,
    must_be_down_here,
    roll_back,
    what_is_given_back,
)
from mtv.errors import TransferError
from mtv.journal import DISCARD, State
from mtv.moments import reached


def discard(move: Move) -> Moved:
    """Rolls a VM back and deletes its copies, with all that a guest wrote to them.

    Those that share disks with it are named with it. Nothing of ours is left at the source then,
    but for what is told, and ``mtv sync`` begins anew. Raises SourceError, LaunchError,
    TransferError.
    """
    if move.gone_over_in:
        return moved(move, "passed by", went_over(move))
    must_be_its_directory(move)
    _must_hold_no_others(move)
    must_be_down_here(move)
    given = what_is_given_back(move)
    roll_back(move)
    release_all(move)
    stays = move.open_source().let_go(move.placed.vm.id, points_left(move), move.stop)
    move.record(DISCARD, State.STARTED)
    reached("discard:started")
    deleted = delete(move.directory)
    move.record(DISCARD, State.DONE, {"stays": list(stays)})
    done = f"{given}{deleted}: mtv sync begins anew"
    return moved(move, "done", "; ".join(filter(None, (done, left_at_the_source(stays)))))


def _must_hold_no_others(move: Move) -> None:
    """Raises TransferError where a guest that came over in another wave has its disk, too."""
    for shared in move.shared.values():
        for placed, _ in shared.others:
            wave = move.gone_over.get(placed.ref)
            if wave is not None and shared.base.parent == move.directory:
                raise TransferError(
                    f"{shared.base} is a disk of {placed.vm.name}, too, which went over in the "
                    f"wave {wave}: its guest would lose it",
                    f"to begin anew with both, put them into the wave {wave} of plan.yaml, and "
                    "run the same command for that wave",
                )


def delete(directory: Path) -> str:
    """Deletes copies and what is beside them; says what became of them.

    Block devices and links to them stay, also to one that is not there now: they were made by hand,
    and no copy is taken for one without the records beside it.
    """
    if not directory.exists():
        return f"there is no {directory} (if its file system is not mounted, its copies stay there)"
    for each in directory.iterdir():
        if each.is_block_device() or (each.is_symlink() and not each.exists()):
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    if any(directory.iterdir()):
        return "its copies are given up, and what is on its block devices will be written over"
    if not directory.is_symlink():
        directory.rmdir()
    return "its copies are deleted"


def foresee_discard(move: Move) -> Moved:
    """What ``discard`` would do with a VM; changes nothing."""
    if move.gone_over_in:
        return moved(move, "passed by", went_over(move))
    _must_hold_no_others(move)
    back = foresee_rollback(move).says
    return moved(move, "would", f"{back}, and delete {move.directory}")
