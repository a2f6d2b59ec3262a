"""A VM begins anew: it goes back to the source, and its copies are thrown away."""

import shutil
from pathlib import Path

from mtv.cutover.move import Move
from mtv.cutover.outcome import Moved, moved, went_over
from mtv.cutover.owner import must_be_its_directory
from mtv.cutover.passes import points_left, release_all
from mtv.cutover.rollback import foresee_rollback, must_be_down_here, roll_back
from mtv.errors import TransferError
from mtv.journal import DISCARD, State
from mtv.moments import reached


def discard(move: Move) -> Moved:
    """Rolls a VM back and deletes its copies, with all that a guest wrote to them.

    Nothing of ours is left at the source then, and ``mtv sync`` begins anew. Raises SourceError,
    LaunchError, TransferError for copies that are not its own alone.
    """
    if move.gone_over_in:
        return moved(move, "passed by", went_over(move))
    _must_be_its_own(move)
    must_be_its_directory(move)
    must_be_down_here(move)
    back = roll_back(move)
    release_all(move)
    stays = move.open_source().let_go(move.placed.vm.id, points_left(move), move.stop)
    move.record(DISCARD, State.STARTED)
    reached("discard:started")
    deleted = delete(move.directory)
    move.record(DISCARD, State.DONE, {"stays": list(stays)})
    given = f"{back.says.partition('; ')[0]}; " if "again" in back.says else ""
    left = f"; left at the source: {', '.join(stays)}" if stays else ""
    return moved(move, "done", f"{given}{deleted}: mtv sync begins anew{left}")


def delete(directory: Path) -> str:
    """Deletes copies and what is beside them; says what became of them.

    Links to block devices stay, which were made by hand; no copy is taken for one without the
    records beside it.
    """
    if not directory.exists():
        return f"there is no {directory} (if its file system is not mounted, its copies stay there)"
    links = [each for each in directory.iterdir() if each.is_block_device()]
    if not links:
        shutil.rmtree(directory)
        return "its copies are deleted"
    for each in directory.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        elif each not in links:
            each.unlink()
    return "its copies are given up, and what is on its block devices will be written over"


def foresee_discard(move: Move) -> Moved:
    """What ``discard`` would do with a VM; changes nothing."""
    if move.gone_over_in:
        return moved(move, "passed by", went_over(move))
    _must_be_its_own(move)
    back = foresee_rollback(move).says
    return moved(move, "would", f"{back}, and delete {move.directory}")


def _must_be_its_own(move: Move) -> None:
    if move.shared:
        names = ", ".join(each.vm.name for each in move.sharers)
        raise TransferError(
            f"disks of {move.vm.name} are shared: their copies are those of {names}, too",
            "take the whole wave back, and delete its directory in runs and its disks by hand",
        )
