"""How far the work on each VM is at this moment, as ``mtv status`` in another terminal tells it."""

import contextlib
import os
import threading
import time
from pathlib import Path

import msgspec

from mtv.cutover.wave import ProgressOf
from mtv.tasks import OnProgress, Progress

WRITE_SECONDS = 2.0
"""How often the file is written."""
_FILES = ("progress.json", "progress-aside.json")
"""In the folder of a wave's run: of the command that works there, and of one beside it."""


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What is in such a file."""

    pid: int
    """Of the command; without it the file was left by one that was killed."""
    vms: dict[str, Progress]


class Live:
    """Shows progress by a view, and notes it in a file of the run. A context manager.

    The file is no record: it goes with the command, and nobody misses one that cannot be written.
    """

    def __init__(self, view: ProgressOf, run: Path, *, aside: bool) -> None:
        self._view = view
        self._path = run / _FILES[aside]
        self._lock = threading.Lock()
        self._vms: dict[str, Progress] = {}
        self._written = -WRITE_SECONDS

    def __enter__(self) -> "Live":
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
                self._vms[label] = progress
                if time.monotonic() - self._written > WRITE_SECONDS:
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
            new.write_bytes(msgspec.json.encode(Now(pid=os.getpid(), vms=self._vms)))
            new.rename(self._path)


def live_progress(run: Path) -> dict[str, Progress]:
    """Label -> how far the work on it is, of the commands that are at work on a wave."""
    found = dict[str, Progress]()
    for path in (run / name for name in _FILES):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            now = msgspec.json.decode(path.read_bytes(), type=Now)
            if Path("/proc", str(now.pid)).exists():
                found |= now.vms
    return found
