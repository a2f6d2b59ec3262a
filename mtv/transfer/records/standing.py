"""What stands on a base from earlier runs, and how much of it may be trusted.

The resume file says what was copied, from which state of the source, to which base. Each of the
three may have changed since: the source (its identity is another one), the base (somebody wrote
to it, or replaced it), or the file itself (torn, rotten, gone).
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mtv.model.disk import DiskDigest, Extent
from mtv.tasks import OnProgress
from mtv.transfer.bases.base import Base
from mtv.transfer.bases.beside import Beside, remove
from mtv.transfer.bases.unwritten import not_written
from mtv.transfer.reading.reader import Identity
from mtv.transfer.records import resume
from mtv.transfer.records.digests import recorded_digest, write_list
from mtv.transfer.records.grains import BLANK, DATA, STALE, ZERO, Grains, within
from mtv.transfer.records.reread import differing_grains
from mtv.transfer.records.resume import Recorded, ResumeFile, Seal
from mtv.transfer.records.row import Row

ChangedSince = Callable[[str], Sequence[Extent] | None]
"""``DiskSource.changed_since``."""


class Standing:
    """A base that is ready to be copied to: its grains, its resume file, and if it is complete."""

    def __init__(
        self,
        base: Base,
        files: Beside,
        grains: Grains,
        file: ResumeFile,
        *,
        complete: bool = False,
        proven: bool = False,
        compared_whole: bool = False,
        bad: Row | None = None,
    ) -> None:
        """``bad``: 1 for each grain that did not hold what is recorded of it."""
        self._settled_ns = 0
        self.compared_whole = compared_whole
        """There was a copy of other content, and the source could not tell what changed."""
        self.damaged_bytes = 0 if bad is None else grains.bytes_of(bad)
        self.base = base
        self.grains = grains
        self.file = file
        self._files = files
        self._proven = grains.copied() if proven else grains.row()
        self.complete: DiskDigest | None = None
        """The disk's digest, if nothing is left to do."""
        if complete:
            self.complete = recorded_digest(base.path, base.capacity_bytes)

    def unproven(self) -> Row:
        """1 for each grain of which nobody knows yet that the base holds what is recorded."""
        row = self.grains.row()
        row.take(self._proven, 0, len(row), bytes([1]) + bytes(255))
        return row

    def break_seal(self) -> None:
        """Takes the evidence away: from now on the base is being written."""
        self.base.may_write()
        remove(self._files.digests)

    def forget(self, bad: Row) -> None:
        """Where it is 1 a grain does not hold what was recorded.

        It is copied again, by the next run if not by this one, and has to be proven again then.
        """
        self.file.append(resume.forgotten(bad.runs(1)))
        self.grains.mistrust(bad)
        for first, count in bad.runs(1):
            self._proven.fill(first, count, 0)

    def settle(self, changed_ns: int | None = None) -> None:
        """What stands on the base is about to be compared; who writes to it from now on is noticed.

        ``changed_ns``: it was, and this is when the base had been changed last before that.
        """
        if changed_ns is None:
            self.base.sync_times()
            changed_ns = self.base.changed_ns
        self._settled_ns = changed_ns

    def list_digests(self) -> DiskDigest:
        """Writes the digest list; gives the disk's digest."""
        self.base.may_write()
        return write_list(self._files.digests, self.grains)

    def seal(self, digest: DiskDigest) -> None:
        """The copy is complete, compared since it settled, and its digest list is written."""
        self.base.sync_times()
        seal = Seal(self.base.inode, self._settled_ns, bytes.fromhex(digest.sha256))
        self.file.append([resume.sealed(seal)])


@contextlib.contextmanager
def take_up(
    base: Base,
    identity: Identity,
    changed_since: ChangedSince,
    *,
    on_progress: OnProgress,
    cancelled: threading.Event,
) -> Iterator[Standing]:
    """Goes on with what earlier runs left, as far as it can be trusted.

    ``identity`` is that of the source as it is now.
    Raises TransferError, TargetFull, SourceError, ReadFailed, Interrupted.
    """
    files = Beside(base.path)
    try:
        recorded = resume.read(files.resume, base.capacity_bytes)
        if recorded is None or not _usable(recorded.grains, base):
            standing = _start_over(base, files, identity)
        else:
            before_ns = base.changed_ns
            touched = not _is_as_left(base, recorded)
            bad = _differing(base, recorded.grains, on_progress, cancelled) if touched else None
            if identity.is_same(recorded.identity) or (
                _was_broken_off(files, recorded) and identity.goes_on_from(recorded.identity)
            ):
                standing = _go_on(base, files, recorded, touched, bad, before_ns)
            else:
                changed = None
                if identity.tells_changes_from(recorded.identity):
                    changed = changed_since(str(recorded.identity.point))
                standing = _bring_up(base, files, identity, recorded, touched, bad, changed)
    except OSError as problem:
        raise not_written(base.path, problem, 0, base.capacity_bytes) from problem
    try:
        yield standing
    finally:
        standing.file.close()


def is_as_left(base: Path) -> bool:
    """Whether a copy was completed, and nobody wrote to its base or found it different since.

    As far as can be told without reading it: a block device does not tell who wrote to it. Raises
    OSError.
    """
    seal = resume.last_seal(base)
    if seal is None or not base.exists():
        return False
    found = base.stat()
    return base.is_block_device() or (seal.inode, seal.changed_ns) == (
        found.st_ino,
        found.st_mtime_ns,
    )


def _usable(grains: Grains, base: Base) -> bool:
    """Whether anything that is recorded can stand on this base."""
    if not base.is_device and base.size_bytes != base.capacity_bytes:
        return False
    return bool(grains.bytes_in(STALE, DATA, ZERO))


def _start_over(base: Base, files: Beside, identity: Identity) -> Standing:
    # In this order: a crash in between must not leave records or evidence of other content.
    remove(files.digests)
    grains = Grains(base.capacity_bytes, files.resume.parent)
    file = resume.create(files.resume, identity, base.inode, grains, base.may_write)
    try:
        if base.blank():
            grains.mark(0, grains.count, BLANK)
    except BaseException:
        file.close()
        raise
    return Standing(base, files, grains, file)


def _differing(
    base: Base, grains: Grains, on_progress: OnProgress, cancelled: threading.Event
) -> Row | None:
    """1 for each grain of the base that does not hold what is recorded of it; None: all do."""
    return differing_grains(
        base,
        grains,
        says="checking what is there",
        on_progress=on_progress,
        cancelled=cancelled,
        only=grains.described(),
    ).bad


def _bring_up(
    base: Base,
    files: Beside,
    identity: Identity,
    recorded: Recorded,
    touched: bool,
    bad: Row | None,
    changed: Sequence[Extent] | None,
) -> Standing:
    """The source's content is another one: what did not change of it stays, the rest is doubted."""
    grains = recorded.grains
    if bad is not None:
        grains.mistrust(bad)
    grains.doubt(None if changed is None else within(grains, changed))
    proven = touched or recorded.seal is not None
    remove(files.digests)
    file = resume.create(files.resume, identity, base.inode, grains, base.may_write)
    whole = changed is None
    return Standing(base, files, grains, file, proven=proven, compared_whole=whole, bad=bad)


def _go_on(
    base: Base,
    files: Beside,
    recorded: Recorded,
    touched: bool,
    bad: Row | None,
    before_ns: int,
) -> Standing:
    """The source's content is the same: what is recorded stays."""
    grains, seal = recorded.grains, recorded.seal
    file = recorded.reopen(files.resume, base.may_write)
    try:
        digest = recorded_digest(base.path, base.capacity_bytes)
        listed = (
            digest is not None
            and seal is not None
            and (bytes.fromhex(digest.sha256) == seal.list_digest)
        )
        complete, proven = listed and bad is None, touched or seal is not None
        standing = Standing(base, files, grains, file, complete=complete, proven=proven, bad=bad)
        if bad is not None:
            standing.forget(bad)
        if standing.complete is not None and touched:
            standing.settle(before_ns)
            standing.seal(standing.complete)
    except BaseException:
        file.close()
        raise
    return standing


def _was_broken_off(files: Beside, recorded: Recorded) -> bool:
    """Whether it was never complete, as far as its records go; they may have rotted, the list of
    a complete one is there until the base is written again."""
    return not recorded.was_complete and not files.digests.exists()


def _is_as_left(base: Base, recorded: Recorded) -> bool:
    """Whether nobody but us wrote to the base, as far as can be told without reading it."""
    if recorded.seal is None:
        # It was being written, so its times prove nothing; the copy's end compares all of it.
        return recorded.inode == base.inode
    if base.is_device:
        return False
    return (recorded.seal.inode, recorded.seal.changed_ns) == (base.inode, base.changed_ns)
