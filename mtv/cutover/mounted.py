"""Whether the copies' file system is there: where it is not mounted, an empty directory is.

Each target that copies were written to bears a mark, and the project knows all that do.
"""

from pathlib import Path

import msgspec

from mtv.cutover.move import Move
from mtv.cutover.owner import begin_anew
from mtv.errors import TransferError
from mtv.journal import State
from mtv.project import read_json, write_atomically, write_json

MARK = ".mtv-target"
_KNOWN = "targets.json"
_SAYS = (
    "mtv writes copies of disks here. Without this file it takes the file system for unmounted.\n"
)


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """The directories that copies were written to."""

    directories: tuple[str, ...] = ()


def must_be_mounted(move: Move) -> None:
    """Raises TransferError where copies were before, and what they were in is not there.

    All would be copied to another file system, which may not be as large.
    """
    copied = any(
        event.step == "sync" and event.state is State.DONE
        for event in move.journal.events(move.ref)
    )
    if copied and not move.directory.exists():
        raise TransferError(
            f"{move.vm.name} was copied, and {move.directory} is not there",
            "see whether its file system is mounted, and whether the VM's namespace or the "
            "target's directory is another one since; if its copies were deleted, begin anew: "
            f"{begin_anew(move)}",
        )
    root = _root(move)
    if not move.directory.exists() and str(root) in _known(move) and not (root / MARK).exists():
        raise TransferError(
            f"copies were written to {root} before, and it is another directory now: there is no "
            f"{MARK} in it",
            "see whether its file system is mounted; if all that was in it was deleted on purpose, "
            f"make an empty file {root / MARK}, and run the same command again",
        )


def mark(move: Move) -> None:
    """Marks the target, before anything is written to it. Raises OSError."""
    root = _root(move)
    if not (root / MARK).exists():
        write_atomically(root / MARK, _SAYS)
    known = _known(move)
    if str(root) not in known:
        write_json(_list(move), Targets(directories=(*known, str(root))))


def forget_mark(move: Move) -> None:
    """The user said that the copies of a VM, which are not there, may be given up.

    Then the target may be a new one.
    """
    root, known = str(_root(move)), _known(move)
    if not move.directory.exists() and root in known:
        write_json(_list(move), Targets(directories=tuple(each for each in known if each != root)))


def _root(move: Move) -> Path:
    """The target's directory: the VM's is in that of its namespace."""
    return move.directory.parents[1]


def _list(move: Move) -> Path:
    return move.run.parent / _KNOWN


def _known(move: Move) -> tuple[str, ...]:
    path = _list(move)
    return read_json(path, Targets, "delete it").directories if path.exists() else ()
