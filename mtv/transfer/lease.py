"""The writer lease: one process writes a base, all others wait a moment and then say so.

The lease is a lock on a file beside the base. The kernel gives it back when its holder ends,
however it ends, and nobody can take it from a holder that is merely slow.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from mtv.errors import Interrupted, TransferError

LEASE_SECONDS = 10.0
"""How long to wait for a worker that is just ending."""


@contextlib.contextmanager
def writer_lease(
    path: Path, cancelled: threading.Event, *, patience_seconds: float = LEASE_SECONDS
) -> Iterator[None]:
    """Holds the lease until the block ends.

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
        _take(descriptor, path, cancelled, time.monotonic() + patience_seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, cancelled: threading.Event, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            if time.monotonic() >= deadline:
                raise TransferError(
                    f"another worker{_holder(descriptor)} writes {path.with_suffix('')}",
                    "wait until it ends, or stop it; only one may write a disk",
                ) from problem
            if cancelled.wait(0.1):
                raise Interrupted("stopped while waiting for another worker") from problem
        else:
            return


def _holder(descriptor: int) -> str:
    noted = os.pread(descriptor, 20, 0).strip()
    return f" (process {int(noted)})" if noted.isdigit() else ""
