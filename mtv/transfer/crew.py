"""Threads that share one job and end together."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from mtv.errors import Interrupted

TICK_SECONDS = 0.2

T = TypeVar("T")


class Stopped(Exception):
    """Raised inside a thread of a crew that was told to stop; nobody else ever sees it."""


class Crew:
    """Runs threads until all are done, one fails, or the work is cancelled."""

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled
        self.stop = threading.Event()
        """Set when the threads should end: they look at it and wait on it."""

    def run(
        self,
        jobs: Iterable[Callable[[], None]],
        *,
        what: str,
        tick: Callable[[], None],
        interrupt: Callable[[], None] = lambda: None,
    ) -> None:
        """Runs every job in its own thread; returns when all have ended.

        ``tick`` is called here, in the caller's thread, some times a second. ``interrupt`` wakes
        threads that wait for something outside; it is called again and again until they end.
        Raises the first error of a job, or Interrupted (``what`` names the work).
        """
        errors: list[BaseException] = []

        def guarded(job: Callable[[], None]) -> None:
            try:
                job()
            except Stopped:
                pass
            except BaseException as problem:  # noqa: BLE001 - raised again in the caller's thread
                errors.append(problem)
                self.stop.set()

        threads = [threading.Thread(target=guarded, args=(job,), daemon=True) for job in jobs]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                if self._cancelled.is_set():
                    self.stop.set()
                if self.stop.is_set():
                    break
                _join_any(threads)
                tick()
        finally:
            # Also on Ctrl-C: nobody may write the base after the lease is given back.
            if any(thread.is_alive() for thread in threads):
                self.stop.set()
            for thread in threads:
                while thread.ident is not None and thread.is_alive():
                    interrupt()
                    thread.join(0.05)
        if errors:
            raise errors[0]
        if self._cancelled.is_set():
            raise Interrupted(f"{what} was stopped", "the same command goes on from here")
        tick()


def _join_any(threads: list[threading.Thread]) -> None:
    for thread in threads:
        if thread.is_alive():
            thread.join(TICK_SECONDS)
            return


class Shared(Iterator[T]):
    """An iterator that several threads take from."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __next__(self) -> T:
        with self._lock:
            return next(self._items)
