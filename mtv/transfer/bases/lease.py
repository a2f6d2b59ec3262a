"""The writer lease: one process writes a base, all others wait a moment and then say so.

Two things together. A lock on a file beside the base: the kernel gives it back when its holder
ends, however it ends, and nobody can take it from a holder that is merely slow. And a time: the
holder shows a sign of life in that file every few seconds, and one that could not for long (it was
frozen, its storage hung) writes nothing any more, whoever may have believed it dead meanwhile.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mtv.errors import Interrupted, LeaseLost, TransferError

PATIENCE_SECONDS = 10.0
"""How long to wait for a worker that is just ending."""

LEASE_SECONDS = 60.0
"""How long a holder may give no sign of life."""

_CLOCK = time.CLOCK_BOOTTIME
"""Goes on while the machine sleeps; all processes of a machine have the same."""


class Lease:
    """A lease that is held. Made by ``writer_lease``."""

    def __init__(self, path: Path, descriptor: int, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._descriptor = descriptor
        self._lost = False
        self._renewed = time.clock_gettime(_CLOCK)
        self._over = threading.Event()
        self._write(self._renewed)
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def check(self) -> None:
        """To be called before each write: raises LeaseLost once the lease has run out.

        Who is frozen right behind it does that one write when it wakes; nobody else can hold the
        lock then, but for a storage that lost it.
        """
        silent = time.clock_gettime(_CLOCK) - self._renewed
        if self._lost or silent > self._seconds:
            self._lost = True
            raise LeaseLost(
                f"this worker gave no sign of life for {silent:.0f} seconds and writes "
                f"{self._path.with_suffix('')} no more",
                "its machine slept, it was stopped, or its storage hung: the same command goes on",
            )

    def end(self) -> None:
        """Ends the signs of life."""
        self._over.set()
        self._keeper.join()

    def _keep(self) -> None:
        while not self._over.wait(self._seconds / 6):
            now = time.clock_gettime(_CLOCK)
            # The time that counts is the one before the write: it may hang, too.
            if self._lost or now - self._renewed > self._seconds:
                self._lost = True
                return
            with contextlib.suppress(OSError):
                self._write(now)
                self._renewed = now

    def _write(self, now: float) -> None:
        os.pwrite(self._descriptor, f"{os.getpid()} {now:.1f}\n".ljust(40).encode(), 0)


@contextlib.contextmanager
def writer_lease(
    path: Path,
    cancelled: threading.Event,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    lease_seconds: float | None = None,
) -> Iterator[Lease]:
    """Holds the lease until the block ends; ``lease_seconds``: LEASE_SECONDS unless told.

    Raises TransferError when another worker keeps it, Interrupted when ``cancelled`` is set.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as problem:
        raise TransferError(
            f"the lease {path} cannot be opened: {problem.strerror}",
            "the directory of a disk's base must exist and be writable",
        ) from problem
    try:
        seconds = lease_seconds or LEASE_SECONDS
        _take(descriptor, path, cancelled, time.monotonic() + patience_seconds, seconds)
        try:
            lease = Lease(path, descriptor, seconds)
        except OSError as problem:
            raise TransferError(
                f"the lease {path} cannot be written: {problem.strerror}",
                "look at the free space where the bases are, then run the same command again",
            ) from problem
        try:
            yield lease
        finally:
            lease.end()
    finally:
        os.close(descriptor)


def _take(
    descriptor: int, path: Path, cancelled: threading.Event, deadline: float, seconds: float
) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            if time.monotonic() >= deadline:
                raise _taken(descriptor, path, seconds) from problem
            if cancelled.wait(0.1):
                raise Interrupted("stopped while waiting for another worker") from problem
        else:
            return


class _Holder(NamedTuple):
    pid: int
    silent_seconds: float


def _taken(descriptor: int, path: Path, seconds: float) -> TransferError:
    base, holder = path.with_suffix(""), _holder(descriptor)
    if holder is None:
        says, hint = f"another worker writes {base}", ""
    else:
        says, hint = f"another worker (process {holder.pid}) writes {base}", ""
        if holder.silent_seconds > seconds / 2:
            says += f", and gave no sign of life for {holder.silent_seconds:.0f} seconds"
            hint = f"; one that does not wake up is ended with: kill -9 {holder.pid}"
    return TransferError(says, f"wait until it ends, or stop it; only one may write a disk{hint}")


def _holder(descriptor: int) -> _Holder | None:
    """Who wrote to the lease last."""
    pid, _, at = os.pread(descriptor, 64, 0).strip().partition(b" ")
    try:
        return _Holder(int(pid), time.clock_gettime(_CLOCK) - float(at))
    except ValueError:
        return None
