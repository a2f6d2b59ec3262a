"""Proves that a disk at the source still is what was copied of it.

Whatever a copy left out because somebody told it to (change tracking, a list of extents) is read
here: nothing is believed but the bytes.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from mtv.errors import DigestMismatch, Interrupted, SizeChanged, TransferError
from mtv.model.disk import DiskSource
from mtv.tasks import Limits, OnProgress, Progress, VerifySourceResult
from mtv.transfer.bases.beside import Beside
from mtv.transfer.bases.lease import writer_lease
from mtv.transfer.comparison import Comparison
from mtv.transfer.copy import PIECE_BYTES
from mtv.transfer.crew import Shared
from mtv.transfer.reading.connections import Connections
from mtv.transfer.reading.getter import Patience
from mtv.transfer.reading.throttle import Throttle
from mtv.transfer.records.digests import DigestList
from mtv.transfer.records.reread import counted
from mtv.transfer.records.row import Row
from mtv.transfer.verify import note_different


def verify_source(
    source: DiskSource,
    base: Path,
    capacity_bytes: int,
    *,
    recorded: str | None = None,
    limits: Limits,
    on_progress: OnProgress,
    cancelled: threading.Event,
    piece_bytes: int = PIECE_BYTES,
    patience: Patience | None = None,
    throttle: Throttle | None = None,
) -> VerifySourceResult:
    """Reads all of a disk and compares it with the digest list of its copy, beside ``base``.

    The base itself is not looked at: it may be the guest's by now. What differs is noted, so that
    a next copy reads it again. ``recorded``: the SHA-256 that the list has to have. ``source`` is
    not closed. Raises DigestMismatch, SizeChanged, ReadFailed (also when the disk changes
    meanwhile), TransferError (no such list, no room beside it), SourceError, UntrustedTls,
    Interrupted.
    """
    started = time.monotonic()
    files = Beside(base)
    expected = DigestList(files.digests, capacity_bytes, recorded)
    patience = patience or Patience()
    with Connections(source, limits, patience, cancelled, throttle) as connections:
        on_progress = connections.telling(on_progress)
        found = connections.find()
        if found.served.size_bytes != capacity_bytes:
            raise SizeChanged(
                f"the disk has {found.served.size_bytes} bytes at the source, "
                f"{capacity_bytes} were copied",
                "somebody resized it after it was copied: nobody can compare the two",
            )
        comparison = Comparison(expected, capacity_bytes)

        def tick() -> None:
            done = comparison.done
            on_progress(connections.progress("reading the source again", done, capacity_bytes))

        connections.crew.run(
            _jobs(connections, comparison, piece_bytes),
            what="the comparison with the source",
            tick=tick,
            interrupt=connections.interrupt,
        )
        connections.check_unchanged(on_progress)
        told_zero = _told_zero(connections, comparison)
        connections.was_read()
        bad = comparison.bad()
        if bad is not None:
            on_progress(Progress(says=f"noting what differs, once nobody else works with {base}"))
            _note(files, capacity_bytes, bad, cancelled)
            raise _differs(bad)
        return VerifySourceResult(
            digest=expected.digest,
            read_bytes=connections.fetched_bytes,
            told_zero_bytes=told_zero,
            retries=connections.retries,
            seconds=time.monotonic() - started,
        )


def _pieces(capacity_bytes: int, piece_bytes: int) -> Iterator[tuple[int, int]]:
    """Start and end of what one request asks for, all over the disk."""
    for start in range(0, capacity_bytes, piece_bytes):
        yield start, min(start + piece_bytes, capacity_bytes)


def _jobs(
    connections: Connections, comparison: Comparison, piece_bytes: int
) -> list[Callable[[], None]]:
    """What the threads do: one for each connection, or one that takes the stream."""
    stream = connections.stream
    if stream is not None:
        return [lambda: comparison.take_all(stream)]
    pieces = Shared(_pieces(comparison.capacity_bytes, piece_bytes))
    return [partial(comparison.work, reader, pieces) for reader in connections.readers]


def _told_zero(connections: Connections, comparison: Comparison) -> int:
    """Bytes that nobody read, since the image says that it holds nothing there."""
    if connections.stream is not None:
        return comparison.never_came
    kept = connections.kept()
    return 0 if kept is None else comparison.capacity_bytes - sum(each.length for each in kept)


def _note(files: Beside, capacity_bytes: int, bad: Row, cancelled: threading.Event) -> None:
    # A sync may have come in between: then grains that are right by now are read once more. Who
    # works with the base is waited for: without the note the next copy would believe its records.
    with (
        contextlib.suppress(OSError, TransferError, Interrupted),  # the journal is told in any case
        writer_lease(files.lease, cancelled, patience_seconds=math.inf) as lease,
    ):
        note_different(files, capacity_bytes, bad, lease.check)


def _differs(bad: Row) -> DigestMismatch:
    count, offset = counted(bad.runs(1))
    return DigestMismatch(
        f"the source does not hold what was copied from it: {count} of the disk's 1 MiB grains "
        f"differ, the first one at byte {offset}",
        "somebody wrote to it since (did the VM run?), or the platform did not tell all that had "
        "changed: before the guest is converted or booted mtv sync copies those grains again, "
        "afterwards see what lies there (docs/copy.md)",
    )
