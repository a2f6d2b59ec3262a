"""Copies one disk from a source to its base, and proves it."""

import contextlib
import threading
import time
from functools import partial
from pathlib import Path

from mtv import moments
from mtv.errors import SizeChanged
from mtv.model.disk import DiskDigest, DiskSource
from mtv.tasks import Limits, OnProgress, Progress, SyncResult
from mtv.transfer.bases.beside import Beside
from mtv.transfer.bases.lease import writer_lease
from mtv.transfer.bases.opening import open_base
from mtv.transfer.bases.unwritten import not_written
from mtv.transfer.crew import Shared
from mtv.transfer.fetch import BUFFER_BYTES, Fetch
from mtv.transfer.reading.connections import Connections
from mtv.transfer.reading.getter import Patience
from mtv.transfer.reading.throttle import Throttle
from mtv.transfer.records.epochs import epoch_bytes, recording
from mtv.transfer.records.grains import DATA, ZERO, blank_holes, pieces, within
from mtv.transfer.records.reread import differing_grains, mismatch
from mtv.transfer.records.standing import Standing, take_up
from mtv.transfer.streamed import copy_stream

PIECE_BYTES = 32 * 1024 * 1024
"""One range request: large ones cost a server least."""


def copy_disk(
    source: DiskSource,
    base: Path,
    capacity_bytes: int,
    *,
    limits: Limits,
    on_progress: OnProgress,
    cancelled: threading.Event,
    piece_bytes: int = PIECE_BYTES,
    patience: Patience | None = None,
    throttle: Throttle | None = None,
) -> SyncResult:
    """Copies a disk into ``base``, a file or a block device; run again, only what is missing.

    Holes of the disk are holes of the base. When this returns, what stands on the base was
    compared with what was read, and its digests are listed beside it (``Beside``). Whatever ends
    it before, the next call goes on from there. ``source`` is not closed. The rate of a
    ``throttle`` may change while the copy runs; without one it is that of ``limits``.

    Raises SizeChanged, ReadFailed, TargetFull, DigestMismatch, TransferError (another worker, the
    storage), SourceError (no new login), LeaseLost, UntrustedTls, Interrupted.
    """
    started = time.monotonic()
    with (
        writer_lease(Beside(base).lease, cancelled) as lease,
        Connections(source, limits, patience or Patience(), cancelled, throttle) as connections,
    ):
        on_progress = connections.telling(on_progress)
        on_progress(Progress(says="looking at the disk", opened=connections.opened))
        found = connections.find()
        on_progress(Progress(says="looking at the disk", opened=connections.opened))
        if found.served.size_bytes != capacity_bytes:
            raise _size_changed(base, capacity_bytes, found.served.size_bytes)

        with (
            open_base(base, capacity_bytes, lease.check) as target,
            take_up(
                target,
                found.identity,
                partial(connections.changed_since, on_progress),
                on_progress=on_progress,
                cancelled=cancelled,
            ) as standing,
        ):
            moments.reached("sync:started")
            kept = standing.grains.bytes_in(DATA, ZERO)
            digest, written = standing.complete, 0
            if digest is None:
                connections.check_digest(on_progress)
                if connections.stream is None:
                    written = _copy_missing(standing, connections, piece_bytes, on_progress)
                else:
                    written = copy_stream(standing, connections, connections.stream, on_progress)
                connections.check_unchanged(on_progress)
                moments.reached("sync:copied")
                _compare(standing, on_progress, cancelled)
                moments.reached("sync:digests")
                digest = _complete(standing)
            data = standing.grains.bytes_in(DATA)

        moments.reached("sync:finished")
        return SyncResult(
            source=digest,
            target=digest,  # compared grain by grain, or there was DigestMismatch
            fetched_bytes=connections.fetched_bytes,
            written_bytes=written,
            kept_bytes=kept,
            data_bytes=data,
            retries=connections.retries,
            seconds=time.monotonic() - started,
            point=found.identity.point,
            compared_whole=standing.compared_whole,
            read_whole=standing.compared_whole or connections.stream is not None,
            damaged_bytes=standing.damaged_bytes,
        )


def _copy_missing(
    standing: Standing,
    connections: Connections,
    piece_bytes: int,
    on_progress: OnProgress,
) -> int:
    """Copies every grain that is not recorded; gives how many bytes were written."""
    base, grains, crew = standing.base, standing.grains, connections.crew
    standing.break_seal()
    wanted = within(grains, connections.extents())
    holes = blank_holes(grains, wanted)
    todo = Shared(pieces(grains, wanted, piece_bytes))
    limit = epoch_bytes(len(connections.readers), BUFFER_BYTES)
    try:
        with recording(base, grains, standing.file, limit_bytes=limit) as epochs:
            fetch = Fetch(base, grains, epochs, crew.stop)

            def tick() -> None:
                total = base.capacity_bytes
                on_progress(connections.progress("reading the source", fetch.done_bytes, total))

            for first, count in holes:
                fetch.skip(first, count)
            crew.run(
                [partial(fetch.work, reader, todo) for reader in connections.readers],
                what=f"the copy to {base.path}",
                tick=tick,
                interrupt=connections.interrupt,
            )
    except OSError as problem:
        raise not_written(base.path, problem, 0, base.capacity_bytes) from problem
    return fetch.written_bytes


def _compare(standing: Standing, on_progress: OnProgress, cancelled: threading.Event) -> None:
    """Reads back what is on the disk; raises DigestMismatch when it is not what was read.

    Not what was compared before and nobody wrote to since: a pass that brings up a few changes
    of a large disk reads back these.
    """
    base, grains = standing.base, standing.grains
    try:
        standing.settle()
    except OSError as problem:
        raise not_written(base.path, problem, 0, 0) from problem
    bad = differing_grains(
        base,
        grains,
        says="comparing the copy",
        on_progress=on_progress,
        cancelled=cancelled,
        only=standing.unproven(),
    ).bad
    if bad is not None:
        # If that cannot be noted, the next run finds them again: it is not sealed.
        with contextlib.suppress(OSError):
            standing.forget(bad)
        raise mismatch(base.path, bad.runs(1))


def _complete(standing: Standing) -> DiskDigest:
    """Writes the evidence, then the seal that says that it is there."""
    try:
        digest = standing.list_digests()
        standing.seal(digest)
    except OSError as problem:
        raise not_written(standing.base.path, problem, 0, 0) from problem
    return digest


def _size_changed(base: Path, planned: int, found: int) -> SizeChanged:
    return SizeChanged(
        f"the disk for {base} has {found} bytes at the source, the plan says {planned}",
        "run mtv collect, mtv assess and mtv translate again: its claim has to grow too",
    )
