"""What happened in a run, in SQLite: append-only, durable, and enough to resume from.

Every step is written before it starts and after it ended. Replaying the events gives the state;
nothing else remembers anything. Each command that opens the journal gets the next *epoch*, so
that the events of one attempt can be told from those of the next.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from mtv.errors import ProjectError
from mtv.moments import reached

SCHEMA_VERSION = 1

HOLD, RELEASE = "hold", "release"
"""What holds the disks of a VM still at its source, and that it was given up."""

LOOKS = ("verify", "verify-source")
"""Steps that only look: a VM stands where it stood before."""

OPEN, OPEN_TO_VERIFY = "open", "open-to-verify"
"""What workers have open at a source to read it; a verification may run beside a pass."""

ATTACHED = "attached"
"""What the LUNs of a VM looked like at the source, before they are taken from it."""

ROLLBACK = "rollback"
"""A VM was given back what its cutover had taken from it at the source."""

DISCARD = "discard"
"""The copies of a VM were thrown away: what was before is past, and it has not begun."""

NO_STEPS = (OPEN, OPEN_TO_VERIFY)
"""Entries that are no step of a VM."""

_SCHEMA = """
CREATE TABLE epoch (id INTEGER PRIMARY KEY, command TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL REFERENCES epoch,
  at TEXT NOT NULL,
  vm TEXT NOT NULL,
  step TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('started', 'done', 'failed')),
  detail TEXT NOT NULL
);
CREATE INDEX event_of_vm ON event (vm, step);
"""

_EVENTS = """
SELECT id, epoch, at, vm, step, state, detail FROM event
WHERE (? IS NULL OR vm = ?) AND (? OR id > coalesce(
  (SELECT max(past.id) FROM event AS past
   WHERE past.vm = event.vm AND past.step = ? AND past.state = ?), 0))
ORDER BY id
"""


class State(StrEnum):
    """Where a step stands."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal."""

    id: int
    epoch: int
    at: str
    """UTC, ISO 8601."""
    vm: str
    """Ref of the VM."""
    step: str
    state: State
    detail: dict[str, Any]


def last_done(events: Iterable[Event], step: str) -> Event | None:
    """When a step of a VM was last done; it may have been begun again since, and have failed."""
    done = [each for each in events if each.step == step and each.state is State.DONE]
    return done[-1] if done else None


class Journal:
    """The journal of one run; one process at a time writes it (the project's lock sees to that).

    Its threads may all use it.
    """

    def __init__(self, path: Path, *, command: str | None) -> None:
        """Opens the journal; ``command`` begins a new epoch, None opens it for reading only.

        Raises ProjectError when it is missing (reading) or was written by another version.
        """
        if command is None and not path.is_file():
            raise ProjectError(f"there is no run in {path.parent.name} yet", "begin with: mtv sync")
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock = threading.RLock()
        self._epoch = 0
        try:
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as problem:
            self._db.close()
            raise ProjectError(
                f"{path} cannot be read as a journal: {problem}",
                "bring it back from a backup; without it nobody knows what was done",
            ) from problem
        if version == 0 and command is not None:
            self._db.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version == 0:
            self._db.close()
            raise ProjectError(
                f"{path} is empty: a command was killed in its first moment, or the file was cut",
                "if that run has done nothing yet, delete the file; else bring it back from a "
                "backup: without it nobody knows what was done",
            )
        elif version != SCHEMA_VERSION:
            self._db.close()
            raise ProjectError(
                f"{path} is a journal of version {version}, this mtv writes {SCHEMA_VERSION}",
                "finish the run with the mtv that began it",
            )
        if command is not None:
            with self._writing():
                cursor = self._db.execute(
                    "INSERT INTO epoch (command, at) VALUES (?, ?)", (command, now())
                )
            self._epoch = cursor.lastrowid or 0

    def record(self, vm: str, step: str, state: State, detail: Any = None) -> None:
        """Writes one event durably. ``detail`` is plain data or a model; never a secret."""
        row = (self._epoch, now(), vm, step, state, msgspec.json.encode(detail or {}).decode())
        with self._lock, self._writing():
            following = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM event").fetchone()[0]
            reached(f"journal:{following}:before")
            self._db.execute(
                "INSERT INTO event (epoch, at, vm, step, state, detail) VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
            reached(f"journal:{following}:after")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as problem:
            raise ProjectError(
                f"{self._path} cannot be written: {problem}",
                "look at its permissions and the free space; the same command goes on then",
            ) from problem

    def events(self, vm: str | None = None, *, thrown_away: bool = False) -> Iterator[Event]:
        """All events, or those of one VM, in the order they were written.

        Of a VM whose copies were thrown away only those since then, unless ``thrown_away``.
        """
        asked = (vm, vm, thrown_away, DISCARD, State.DONE)
        with self._lock:
            rows = self._db.execute(_EVENTS, asked).fetchall()
        for id_, epoch, at, of, step, state, detail in rows:
            yield Event(
                id=id_,
                epoch=epoch,
                at=at,
                vm=of,
                step=step,
                state=State(state),
                detail=msgspec.json.decode(detail),
            )

    def latest(self, vm: str) -> dict[str, Event]:
        """The last event of every step of a VM."""
        return {event.step: event for event in self.events(vm)}

    def is_done(self, vm: str, step: str) -> bool:
        """True when the step's last event says so."""
        event = self.latest(vm).get(step)
        return event is not None and event.state is State.DONE

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def now() -> str:
    """This moment, as events have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
