"""What the tests of RHV's disks share: an engine with real disks, sources, and reading by hand."""

import contextlib
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mtv.model.disk import DiskSource, Extent, HttpLocation, TlsTrust
from mtv.sources.rhv.backups import RhvBackup, end_backup
from mtv.sources.rhv.engine import Engine
from mtv.tasks import Connection, Limits, Progress, SecretRef, SyncResult
from mtv.tls import trusted_context
from mtv.transfer.copy import copy_disk
from mtv.transfer.reading.getter import Patience
from tests.real.parts import PartMissing, require
from tests.real.rhv import RhvEngine
from tests.real.small_rhv import LEVEL, VERSION, start_small_rhv

PATIENCE = Patience(pauses=(0.1, 0.1, 0.2, 0.5, 1.0), io_seconds=10.0)


@contextlib.contextmanager
def small_rhv(
    directory: Path, *, version: str = VERSION, level: str = LEVEL
) -> Iterator[RhvEngine]:
    """An engine with real disks, which holds nothing of ours in the end.

    Skips where a part is missing.
    """
    try:
        with start_small_rhv(directory, version=version, level=level) as started:
            yield started
            started.faults()
            eventually(lambda: started.held() == {})
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


def connection_to(
    engine: RhvEngine, tls: TlsTrust | None = None, may: tuple[str, ...] = ()
) -> Connection:
    return Connection(
        name="rhv1",
        kind="rhv",
        url=engine.url,
        username=engine.username,
        password=SecretRef(file=str(engine.password_file)),
        tls=tls or TlsTrust(ca=str(engine.ca)),
        may=may,
    )


@contextlib.contextmanager
def logged_in(engine: RhvEngine, tls: TlsTrust | None = None) -> Iterator[Engine]:
    """A login to the engine as the source has it."""
    login = Engine(connection_to(engine, tls))
    try:
        yield login
    finally:
        login.close()


def copied(
    disk: DiskSource,
    base: Path,
    size: int,
    *,
    limits: Limits | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> SyncResult:
    """A copy of a disk by mtv's own means."""
    return copy_disk(
        disk,
        base,
        size,
        limits=limits or Limits(),
        on_progress=on_progress,
        cancelled=threading.Event(),
        piece_bytes=1 << 20,
        patience=PATIENCE,
    )


def read(disk: DiskSource, offset: int, length: int) -> bytes:
    """Some bytes of a disk, by a client that is not mtv's."""
    location = disk.location()
    assert isinstance(location, HttpLocation)
    headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
    wanted = urllib.request.Request(location.url, headers=headers)  # noqa: S310
    context = trusted_context(location.tls, "127.0.0.1", 0)
    with urllib.request.urlopen(wanted, context=context, timeout=30) as answer:  # noqa: S310
        return bytes(answer.read())


def bring_up(base: Path, disk: DiskSource, changed: Sequence[Extent]) -> None:
    """Write what changed over an older copy, and nothing else."""
    with base.open("r+b") as out:
        for extent in changed:
            out.seek(extent.offset)
            out.write(read(disk, extent.offset, extent.length))


def end(login: Engine, vm: str, backup: RhvBackup, *opened: DiskSource) -> None:
    """What a pass does in the end: its workers close the disks, then the backup is ended."""
    for disk in opened:
        disk.close()
    end_backup(login, vm, backup.id)


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)
