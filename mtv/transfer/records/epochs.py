"""Makes what was written durable, an epoch at a time, and records it then and not before.

The order is the whole point: a grain enters the list after its write returned; the list is taken
away; the base is synced; the list's records are appended to the resume file; that is synced. So
whatever the resume file says is on the disk, even if the machine loses power in between.
"""

import contextlib
import threading
from collections.abc import Iterator

from mtv import moments
from mtv.transfer.bases.base import Base
from mtv.transfer.records import resume
from mtv.transfer.records.grains import Grains
from mtv.transfer.records.resume import ResumeFile

MIB = 1024 * 1024
REDONE_BYTES = 128 * MIB
"""At most this much is copied again after a crash: one epoch that is being synced, one that filled
up meanwhile (each may exceed its limit by a buffer), and a buffer of every connection."""


def epoch_bytes(connections: int, buffer_bytes: int) -> int:
    """How large an epoch may be so that no more than REDONE_BYTES are ever lost."""
    return max(16 * MIB, (REDONE_BYTES - (connections + 2) * buffer_bytes) // 2)


class Epochs:
    """Collects written grains and records them from a thread of its own."""

    def __init__(self, base: Base, grains: Grains, file: ResumeFile, *, limit_bytes: int) -> None:
        self._base = base
        self._grains = grains
        self._file = file
        self._limit = limit_bytes
        self._changed = threading.Condition()
        self._runs: list[tuple[int, int]] = []
        self._bytes = 0
        self._closing = False
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._record_epochs, daemon=True)
        self._thread.start()

    def put(self, first: int, count: int) -> None:
        """These grains were written just now; waits while the storage is an epoch behind.

        Raises OSError when an epoch could not be made durable. That is final: after a failed
        fdatasync the kernel forgets what was lost, so a second one that succeeds proves nothing.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < self._limit or self._problem)
            if self._problem:
                raise self._problem
            if self._runs and sum(self._runs[-1]) == first:
                self._runs[-1] = (self._runs[-1][0], self._runs[-1][1] + count)
            else:
                self._runs.append((first, count))
            self._bytes += self._grains.span(first, count)
            if self._bytes >= self._limit:
                self._changed.notify_all()

    def close(self) -> None:
        """Records what is left and ends the thread. Raises OSError as ``put`` does."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        if self._problem:
            raise self._problem

    def _record_epochs(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._bytes >= self._limit or self._closing)
                runs, self._runs, self._bytes = self._runs, [], 0
                last = self._closing
                self._changed.notify_all()
            try:
                if runs:
                    self._base.sync()
                    self._file.append(resume.copied(self._grains, runs))
                    moments.reached("sync:epoch")
            except Exception as problem:  # noqa: BLE001 - raised by put and close
                with self._changed:
                    self._problem = problem
                    self._changed.notify_all()
                return
            if last:
                return


@contextlib.contextmanager
def recording(
    base: Base, grains: Grains, file: ResumeFile, *, limit_bytes: int
) -> Iterator[Epochs]:
    """Epochs that are closed when the block ends: what was written is recorded, come what may."""
    epochs = Epochs(base, grains, file, limit_bytes=limit_bytes)
    try:
        yield epochs
    except BaseException:
        with contextlib.suppress(OSError):  # what ended the block says more
            epochs.close()
        raise
    epochs.close()
