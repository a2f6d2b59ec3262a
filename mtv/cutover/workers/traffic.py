"""What is copied at the same time, how fast, and when not: the limits of mtv.yaml at work.

The file is looked at while copies run, so that whoever feels them at the source can slow them down
without stopping them.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from mtv.config import CopyLimits
from mtv.cutover.workers.meanwhile import meanwhile
from mtv.cutover.workers.pace import Pace, shares
from mtv.cutover.workers.stop import Stop
from mtv.errors import ConfigError, Interrupted, MtvError, ProjectError
from mtv.hours import end_of_all, parse_hours
from mtv.tasks import OnProgress, Progress

LOOK_SECONDS = 1.0
"""How often the file is looked at and the paces are set anew."""

WAIT_SECONDS = 0.2


class BlackoutBegan(MtvError):
    """Why a pass is stopped that will go on later by itself."""


class Traffic:
    """The copies of one command. Its limits change while ``directed`` looks at ``mtv.yaml``."""

    def __init__(self, limits: CopyLimits, now: Callable[[], datetime] = datetime.now) -> None:
        self.limits = limits
        self._now = now
        self._lock = threading.Lock()
        self._places = Counter[str]()
        self._paces = list[Pace]()
        self._passes = list[Stop]()
        self._locks = dict[str, threading.Lock]()
        self._looked_at = time.monotonic()

    @contextlib.contextmanager
    def passing(self, stop: Stop, on_progress: OnProgress) -> Iterator[None]:
        """A place for a VM whose pass may begin now; when a blackout begins, ``stop`` is set.

        Raises Interrupted when it is set before.
        """
        with self._place("VMs", lambda: self.limits.vms, stop):
            self._wait_for_open_hours(stop, on_progress)
            with self._lock:
                self._passes.append(stop)
            try:
                yield
            finally:
                with self._lock:
                    self._passes.remove(stop)

    @contextlib.contextmanager
    def copying(self, vm: str, host: str, stop: threading.Event) -> Iterator[Pace]:
        """A place for the copy of one disk, and the pace of it. Raises Interrupted."""
        with (
            self._place(f"host {host}", lambda: self.limits.disks_per_host, stop),
            self._place("disks", lambda: self.limits.disks, stop),
        ):
            pace = Pace(vm, host)
            with self._lock:
                self._paces.append(pace)
            self.look()
            try:
                yield pace
            finally:
                with self._lock:
                    self._paces.remove(pace)

    def one_at_a_time(self, what: str) -> threading.Lock:
        """The lock of something of which there is one for several VMs."""
        with self._lock:
            return self._locks.setdefault(what, threading.Lock())

    def look(self) -> None:
        """Sets the pace of every copy, and stops passes for which a blackout has begun."""
        with self._lock:
            paces, passes = list(self._paces), list(self._passes)
            now = time.monotonic()
            seconds, self._looked_at = max(now - self._looked_at, 0.001), now
            wants = {pace: pace.wants(seconds) for pace in paces}
            for pace, rate in shares(paces, wants, self.limits).items():
                pace.set(rate)
        if self._blackout() is not None:
            for stop in passes:
                stop.because(BlackoutBegan("a blackout began"))

    def _blackout(self) -> datetime | None:
        """When the blackout of now ends; None where there is none."""
        return end_of_all(map(parse_hours, self.limits.blackouts), self._now())

    def _wait_for_open_hours(self, stop: Stop, on_progress: OnProgress) -> None:
        while (end := self._blackout()) is not None:
            on_progress(Progress(says=f"waiting: a blackout until {end:%a %H:%M}"))
            if stop.wait(WAIT_SECONDS):
                raise Interrupted("stopped while it waited for the end of a blackout")

    @contextlib.contextmanager
    def _place(
        self, what: str, most: Callable[[], int | None], stop: threading.Event
    ) -> Iterator[None]:
        """One of the places, of which there are ``most`` now; None: as many as one likes."""
        while not self._take_place(what, most()):
            if stop.wait(WAIT_SECONDS):
                raise Interrupted("stopped while it waited for others to end")
        try:
            yield
        finally:
            with self._lock:
                self._places[what] -= 1

    def _take_place(self, what: str, most: int | None) -> bool:
        with self._lock:
            if most is not None and self._places[what] >= most:
                return False
            self._places[what] += 1
            return True


@contextlib.contextmanager
def directed(
    limits: CopyLimits,
    file: Path,
    read: Callable[[], CopyLimits],
    on_trouble: Callable[[str], None],
) -> Iterator[Traffic]:
    """Traffic that follows the limits in a file until the block ends.

    ``read`` reads them; when it cannot (ConfigError, ProjectError), the limits stay and
    ``on_trouble`` is told.
    """
    traffic = Traffic(limits)

    def direct(over: threading.Event) -> None:
        seen = version = None  # read once more: it may have been edited since
        while not over.wait(LOOK_SECONDS):
            version, before = _version(file), version
            if version != seen and version == before:  # else somebody may still be writing it
                seen = version
                try:
                    traffic.limits = read()
                except (ConfigError, ProjectError) as problem:
                    on_trouble(f"{problem.message}; the limits stay as they were")
            traffic.look()

    with meanwhile(direct):
        yield traffic


def _version(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
