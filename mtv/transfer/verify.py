"""Proves that a base still holds what was copied to it."""

import contextlib
import threading
import time
from pathlib import Path

from mtv.errors import SizeChanged, TransferError
from mtv.tasks import OnProgress, VerifyResult
from mtv.transfer.bases.base import MayWrite
from mtv.transfer.bases.beside import Beside, remove
from mtv.transfer.bases.lease import writer_lease
from mtv.transfer.bases.opening import open_base
from mtv.transfer.bases.unwritten import not_written
from mtv.transfer.records import resume
from mtv.transfer.records.digests import DigestList
from mtv.transfer.records.reread import differing_grains, mismatch
from mtv.transfer.records.row import Row


def verify_base(
    base: Path,
    capacity_bytes: int,
    *,
    recorded: str | None = None,
    on_progress: OnProgress,
    cancelled: threading.Event,
) -> VerifyResult:
    """Reads a base from the disk itself, not from memory, and compares it with its digest list.

    What differs is noted, so that the next copy repairs it. ``recorded``: the SHA-256 that the
    list has to have. Raises DigestMismatch, SizeChanged, TransferError (never copied to the end,
    unreadable, being written), Interrupted.
    """
    started = time.monotonic()
    files = Beside(base)
    if not base.exists():
        raise TransferError(f"there is no {base}", "run mtv sync first")
    with (
        writer_lease(files.lease, cancelled) as lease,
        open_base(base, capacity_bytes, lease.check) as target,
    ):
        if not target.is_device and target.size_bytes != capacity_bytes:
            raise SizeChanged(
                f"{base} has {target.size_bytes} bytes, the disk has {capacity_bytes}",
                "run mtv sync again",
            )
        expected = DigestList(files.digests, capacity_bytes, recorded)
        try:
            target.sync()
        except OSError as problem:
            raise not_written(base, problem, 0, 0) from problem

        def note(bad: Row) -> None:
            # Where not even that can be noted, the journal still says what was found.
            with contextlib.suppress(OSError, TransferError):
                note_different(files, capacity_bytes, bad, lease.check)

        bad, read_bytes = differing_grains(
            target,
            expected,
            says="comparing the copy",
            on_progress=on_progress,
            cancelled=cancelled,
            ended_early=note,
        )
        if bad is not None:
            note(bad)
            raise mismatch(base, bad.runs(1))
    return VerifyResult(
        digest=expected.digest, read_bytes=read_bytes, seconds=time.monotonic() - started
    )


def note_different(files: Beside, capacity_bytes: int, bad: Row, may_write: MayWrite) -> None:
    """Has the resume file say which grains are to be copied again: 1 in ``bad``. Raises OSError.

    It is written anew: what is appended is lost when anything before it rots, and then what was
    said of these grains earlier would count again. Where there is no room for it there is none
    afterwards, and all of the disk is copied again.
    """
    recorded = resume.read(files.resume, capacity_bytes)
    if recorded is None:
        return
    recorded.grains.mistrust(bad)
    try:
        resume.create(
            files.resume,
            recorded.identity,
            recorded.inode,
            recorded.grains,
            may_write,
            was_complete=True,
        ).close()
    except OSError:
        remove(files.resume)
