"""How far the work on each VM is at this moment, as ``mtv status`` in another terminal tells it."""

import contextlib
import threading
import time
from pathlib import Path

import msgspec

from mtv.cutover.moves.wave import ProgressOf
from mtv.journal import now
from mtv.project import Project
from mtv.tasks import OnProgress, Progress

WRITE_SECONDS = 2.0
"""How often the file is written while the same goes on."""
_FILES = ("progress.json", "progress-aside.json")
"""In the folder of a wave's run: of the command that works there, and of one beside it."""


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What was told last of one VM."""

    at: str
    """UTC, ISO 8601."""
    progress: Progress


class Live:
    """Shows progress by a view, and notes it in a file of the run. A context manager.

    The file is no record: it goes with the command, and nobody misses one that cannot be written.
    """

    def __init__(self, view: ProgressOf, run: Path, *, aside: bool) -> None:
        self._view = view
        self._path = run / _FILES[aside]
        self._lock = threading.Lock()
        self._vms: dict[str, Noted] = {}
        self._written = 0.0

    def __enter__(self) -> "Live":
        with self._lock:
            self._write()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def of(self, label: str) -> OnProgress:
        """The function that is told about the work with that label."""
        show = self._view.of(label)

        def on_progress(progress: Progress) -> None:
            show(progress)
            with self._lock:
                before = self._vms.get(label)
                self._vms[label] = Noted(at=now(), progress=progress)
                is_new = before is None or before.progress.says != progress.says
                if is_new or time.monotonic() - self._written > WRITE_SECONDS:
                    self._write()

        return on_progress

    def ended(self, label: str) -> None:
        """Nothing is done with that label any more."""
        with self._lock:
            if self._vms.pop(label, None) is not None:
                self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        new = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            new.write_bytes(msgspec.json.encode(self._vms))
            new.rename(self._path)


def live(project: Project, run: Path, *, aside: bool) -> dict[str, Noted] | None:
    """Label -> what was told last, by the command that is at work in that run; None without one.

    ``aside``: by one beside it.
    """
    path = run / _FILES[aside]
    if not path.exists() or not project.is_locked(aside=aside):
        return None  # what a file says then is of one that was killed
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Noted])
    return {}


def forget_killed(project: Project, *, aside: bool) -> None:
    """Removes what killed commands left of their progress, in all runs; by who has the lock."""
    for left in project.run("any").parent.glob(f"*/{_FILES[aside]}"):
        with contextlib.suppress(OSError):
            left.unlink()
