"""Whether the copies' file system is there: where it is not mounted, an empty directory is.

Each directory of a namespace that copies were written to bears a mark, and the project knows which
do. None that was marked once is written to without its mark.
"""

from pathlib import Path

import msgspec

from mtv.cutover.moves.move import Move
from mtv.cutover.moves.owner import begin_anew
from mtv.errors import TransferError
from mtv.journal import last_done
from mtv.project import read_json, write_json

MARK = ".mtv-target"
_FILE = "targets.json"


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """The directories of namespaces that copies were written to."""

    directories: tuple[str, ...] = ()
    """Relative to the project's directory where they are in it."""


def must_be_mounted(move: Move) -> None:
    """Raises TransferError where copies were before, and what they were in is not there.

    All would be copied to another file system, which may not be as large.
    """
    copied = last_done(move.journal.events(move.ref), "sync")
    if copied is not None and not move.directory.exists():
        raise TransferError(
            f"{move.vm.name} was copied, and {move.directory} is not there",
            "see whether its file system is mounted, and whether the VM's namespace or the "
            "target's directory is another one since; if its copies were deleted, begin anew: "
            f"{begin_anew(move)}",
        )
    lost = [each for home in _homes(move) for each in _lost(move, home)]
    if lost:
        raise TransferError(
            f"copies were written to {lost[0]} before, and it is another directory now: there is "
            f"no {MARK} in it",
            "see whether its file system is mounted; if all that was in it was deleted on purpose, "
            f"make that directory with an empty file {MARK}, and run the same command again",
        )


def mark(move: Move) -> None:
    """Marks the directories of namespaces that its copies go to, before anything is written.

    Its own, and those of VMs that its shared disks are kept with.

    Raises TransferError, also when a file system was unmounted since the first look.
    """
    must_be_mounted(move)
    for home in _homes(move):
        try:
            home.mkdir(parents=True, exist_ok=True)
            (home / MARK).touch()
        except OSError as problem:
            raise TransferError(
                f"{home / MARK} cannot be made: {problem.strerror or problem}",
                "look at the permissions and the file system of that directory",
            ) from problem
        with move.traffic.one_at_a_time(str(_file(move))):
            known, name = _directories(move), _name(move, home)
            if name not in known:
                write_json(_file(move), Targets(directories=(*known, name)))


def _homes(move: Move) -> tuple[Path, ...]:
    """The directories of namespaces in which the copies of its disks are; its own is the first."""
    folders = (move.directory, *(move.base(disk.key).parent for disk in move.disks))
    return tuple(dict.fromkeys(folder.parent for folder in folders))


def _lost(move: Move, home: Path) -> list[Path]:
    """Directories that lost their mark, without which nothing may be copied to ``home``.

    Itself; or, while that one has never been marked, all others of the target.
    """
    home = home.resolve()
    marked = [_project(move) / each for each in _directories(move)]
    asked = [each for each in marked if each == home]
    asked = asked or [each for each in marked if each.parent == home.parent]
    lost = [each for each in asked if not (each / MARK).exists()]
    return lost if len(lost) == len(asked) else []


def _name(move: Move, directory: Path) -> str:
    """One for each directory, however it is written, and wherever the project is by now."""
    found, project = directory.resolve(), _project(move)
    return str(found.relative_to(project) if found.is_relative_to(project) else found)


def _project(move: Move) -> Path:
    return move.run.parent.parent.resolve()


def _file(move: Move) -> Path:
    return move.run.parent / _FILE


def _directories(move: Move) -> tuple[str, ...]:
    path = _file(move)
    return read_json(path, Targets, f"delete {path}").directories if path.exists() else ()
