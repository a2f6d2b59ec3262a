"""Back to the source: a VM gets there what was taken from it, and may be started there again.

Nothing of the copies is deleted. What the guest wrote here since its cutover is not taken back.
"""

import contextlib
import fcntl
import os
import struct
from pathlib import Path
from typing import ClassVar

from mtv.cutover.batch import take
from mtv.cutover.luns import device, give_back, recorded
from mtv.cutover.moves.move import Detail, Move
from mtv.cutover.moves.outcome import Moved, moved, went_over
from mtv.cutover.moves.power import POWER_OFF, runs_there
from mtv.cutover.passes.holding import end_what_is_left, is_left_by_a_kill
from mtv.errors import ConfigError, LaunchError, SourceError
from mtv.journal import ROLLBACK, State

LEFT_IS_ENDED = (
    "what a killed mtv left at the source is ended (what the next pass is told from stays)"
)

_QEMU_LOCKS = range(100, 300)
"""Bytes of an image that QEMU locks as long as a guest has it open."""


class GiveBack:
    """The VM has at the source what its cutover took from it."""

    name: ClassVar[str] = ROLLBACK

    def run(self, move: Move) -> Detail:
        """Gives it back, the last one first."""
        return {"luns": give_back(move)}


def roll_back(move: Move) -> Moved:
    """Gives a VM back what its cutover took from it, and what a killed mtv holds of it.

    Raises SourceError, LaunchError.
    """
    if move.gone_over_in:
        return moved(move, "passed by", went_over(move))
    left = is_left_by_a_kill(move)
    if left:
        end_what_is_left(move)
    if not is_taken(move):
        if left:
            return moved(move, "done", LEFT_IS_ENDED)
        return moved(move, "nothing to do", "nothing was taken from it at the source")
    must_be_down_here(move)
    if recorded(move) and runs_there(move):
        raise SourceError(
            f"{move.placed.vm.name} runs at the source, without the LUNs that it had",
            "shut it down there, then run the same command again",
        )
    given = what_is_given_back(move)
    take(GiveBack(), move)
    return moved(move, "done", f"{given}{_where_it_is(move)}")


def foresee_rollback(move: Move) -> Moved:
    """What ``roll_back`` would do with a VM; changes nothing."""
    if move.gone_over_in:
        return moved(move, "passed by", went_over(move))
    left = ("end what a killed mtv left at the source",) if is_left_by_a_kill(move) else ()
    if not left and not is_taken(move):
        return moved(move, "nothing to do", "nothing was taken from it at the source")
    labels = [each.label for each in recorded(move)]
    back = (f"give back {', '.join(labels)}",) if labels else ()
    would = ", ".join((*left, *back)) or "give nothing back: it lost no LUN"
    return moved(move, "would", f"{would}{_only_anew(move)}")


def is_taken(move: Move) -> bool:
    """True when a cutover came so far as to shut the VM down, after the last rollback.

    Or when one of another wave took its LUNs.
    """
    if recorded(move):
        return True
    begun, back = move.latest(POWER_OFF), move.latest(ROLLBACK)
    if begun is None:
        return False
    return back is None or back.state is not State.DONE or begun.id > back.id


def what_is_given_back(move: Move) -> str:
    """The begin of a sentence about the LUNs that a rollback gives back; "" for none."""
    labels = [each.label for each in reversed(recorded(move))]
    return f"it has {', '.join(labels)} again; " if labels else ""


def _where_it_is(move: Move) -> str:
    runs = False
    with contextlib.suppress(SourceError):  # one that is gone took nothing with it that we have
        runs = runs_there(move)
    there = "it runs at the source" if runs else "start it at the source when you want it there"
    return f"{there}. Its copies are still in {move.directory}{_only_anew(move)}"


def _only_anew(move: Move) -> str:
    """What a rollback costs a VM whose guest has come, or was about to come, up here."""
    if not move.base_is_the_guests:
        return ""
    return (
        "; its disks here are the guest's own, so no cutover goes on with it after a rollback: it "
        "begins anew, with --discard"
    )


def must_be_down_here(move: Move) -> None:
    """Raises LaunchError when a guest runs here on one of its disks."""
    paths = [Path(disk.path) for disk in move.images()]
    for disk in move.luns:
        with contextlib.suppress(ConfigError):  # not seen here: so nobody has it open
            paths.append(device(move, disk))
    for path in paths:
        if is_open_in_qemu(path):
            raise LaunchError(
                f"{move.vm.name} runs on this machine: {path} is open",
                "shut it down here, then run the same command again",
            )


def is_open_in_qemu(path: Path) -> bool:
    """True when a QEMU has a disk open, as its locks on it tell."""
    if not path.exists():
        return False
    ask = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _QEMU_LOCKS.start, len(_QEMU_LOCKS), 0)
    with path.open("rb") as file:
        told = fcntl.fcntl(file, fcntl.F_OFD_GETLK, ask)
    return bool(struct.unpack("hhqqi", told)[0] != fcntl.F_UNLCK)
