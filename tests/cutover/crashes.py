"""The kill harness: kills mtv at a named moment, runs it again, looks at the end state.

A moment is a name of ``mtv.moments``: ``journal:3:before`` is just before the third line of the
run's journal, ``sync:epoch`` somewhere in a worker. The process that reaches it kills itself with
SIGKILL; if it is a worker, the orchestrator lives on and tells that it was lost.
"""

import hashlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tests.driver import Mtv, none_left_about

KILLED = -9


@dataclass(frozen=True)
class EndState:
    """Everything that must not depend on how often mtv was killed on the way."""

    steps: tuple[tuple[str, str], ...]
    """The last state of every step."""
    files: tuple[tuple[str, str], ...]
    """Every file of the target directory with its digest."""
    powered_on: bool
    processes: tuple[str, ...]
    """What still runs; nothing should."""


def end_state(project: Mtv, powered_on: bool) -> EndState:
    """The end state of a project's only wave."""
    return EndState(
        steps=tuple(sorted(last_states(project).items())),
        files=tuple(sorted(digests(project.directory / "vms").items())),
        powered_on=powered_on,
        processes=tuple(none_left_about(str(project.directory))),
    )


def journal_length(project: Mtv) -> int:
    """How many lines the journal of the wave pilot has."""
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        return int(db.execute("SELECT count(*) FROM event").fetchone()[0])


def last_states(project: Mtv) -> dict[str, str]:
    """Step -> its last state."""
    with sqlite3.connect(project.directory / "runs" / "pilot" / "journal.db") as db:
        return dict(db.execute("SELECT step, state FROM event ORDER BY id"))


def digests(directory: Path) -> dict[str, str]:
    """Path below the directory -> digest of the file.

    Resume files and leases name inodes, times and process ids, which no two runs share; that they
    are there is compared.
    """
    found = dict[str, str]()
    for path in sorted(directory.rglob("*")):
        if path.suffix in (".resume", ".lease"):
            found[str(path.relative_to(directory))] = path.suffix
        elif path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[str(path.relative_to(directory))] = digest
    return found


def copy_of(project: Mtv, directory: Path) -> Mtv:
    """The same project in a directory of its own."""
    shutil.copytree(project.directory, directory, symlinks=True)
    return Mtv(directory, project.env)


def kill_at(project: Mtv, moment: str, *command: str) -> None:
    """Runs a command that is killed at the moment; it, or its worker, must really die of it."""
    ended = project.run(*command, env={"MTV_KILL_AT": moment}, expect=None)
    died = ended.code == KILLED
    worker_died = "ended without a result (exit code -9)" in ended.stdout + ended.stderr
    assert died or worker_died, f"the moment {moment} was never reached: {ended}"
