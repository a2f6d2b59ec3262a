"""Disks behind NBD servers: real ones, and one that lies."""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtv.errors import Interrupted, ReadFailed
from mtv.model.disk import NbdLocation
from mtv.tasks import Limits, Progress, SyncResult
from mtv.transfer.copy import copy_disk
from mtv.transfer.reading.nbd import NbdClient
from mtv.transfer.reading.nbd_wire import BadServer, ExportRefused
from tests.real.nbd_servers import KINDS, serving
from tests.transfer.disks import MIB, NO_PAUSES, Nameless, make_disk, sha256


class NbdPlace(Nameless):
    """A DiskSource at a socket."""

    def __init__(self, path: Path, renew: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._renew = renew

    def location(self) -> NbdLocation:
        return NbdLocation(socket=str(self._path))

    def renew(self) -> None:
        self._renew()


def copied(
    source: NbdPlace,
    base: Path,
    size: int,
    *,
    limits: Limits | None = None,
    progress: list[Progress] | None = None,
    cancelled: threading.Event | None = None,
) -> SyncResult:
    return copy_disk(
        source,
        base,
        size,
        limits=limits or Limits(),
        on_progress=(progress if progress is not None else []).append,
        cancelled=cancelled or threading.Event(),
        piece_bytes=2 * MIB,
        patience=NO_PAUSES,
    )


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "disk.raw", "d.p..dd..p", extra=1536)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return tmp_path / "nbd.sock"


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_is_copied_with_its_holes(
    kind: str, connections: int, disk: Path, served: Path, tmp_path: Path
) -> None:
    base, size = tmp_path / "base", disk.stat().st_size
    with serving(kind, disk, served):
        limits = Limits(connections=connections)
        first = copied(NbdPlace(served), base, size, limits=limits)
        assert sha256(base) == sha256(disk)
        assert first.fetched_bytes <= 5 * MIB + 1536  # what reads as zeros was not asked for
        again = copied(NbdPlace(served), base, size)
        assert again.source == first.source
        assert again.written_bytes == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_by_another_connection(kind: str, disk: Path, served: Path) -> None:
    with serving(kind, disk, served, write=True):
        writer = NbdClient(served).opened()
        content = os.urandom(3 * MIB)
        writer.write(memoryview(content), MIB)
        writer.write_zeroes(2 * MIB, MIB)
        writer.flush()
        reader = NbdClient(served).opened()
        found = bytearray(3 * MIB)
        reader.read(memoryview(found), MIB)
        assert found == content[:MIB] + bytes(MIB) + content[2 * MIB :]
        # The file system may keep room for what was written there; nothing ever was here.
        assert reader.block_status(4 * MIB, MIB)[0].zero
        with pytest.raises(OSError, match="no part of the disk"):
            reader.read(memoryview(found), disk.stat().st_size - MIB)
        reader.close()
        writer.close()
    assert disk.read_bytes()[MIB : 2 * MIB] == content[:MIB]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_copy_goes_on_where_it_was(
    kind: str, disk: Path, served: Path, tmp_path: Path
) -> None:
    cancelled = threading.Event()

    class Stop(list[Progress]):
        def append(self, line: Progress) -> None:
            if line.says == "reading the source" and line.done > 0:
                cancelled.set()

    base, size = tmp_path / "base", disk.stat().st_size
    slow = Limits(connections=1, bytes_per_second=2 * MIB)
    with serving(kind, disk, served):
        with pytest.raises(Interrupted):
            copied(NbdPlace(served), base, size, limits=slow, progress=Stop(), cancelled=cancelled)
        copied(NbdPlace(served), base, size)
    assert sha256(base) == sha256(disk)


def test_a_server_that_dies_is_started_again(disk: Path, served: Path, tmp_path: Path) -> None:
    size, base = disk.stat().st_size, tmp_path / "base"
    second = tmp_path / "again.sock"
    with serving("nbdkit", disk, second), serving("nbdkit", disk, served) as process:

        class Kill(list[Progress]):
            def append(self, line: Progress) -> None:
                if line.says == "reading the source" and line.done > 0:
                    process.kill()

        def renew() -> None:
            served.unlink(missing_ok=True)
            served.symlink_to(second)

        slow = Limits(connections=1, bytes_per_second=4 * MIB)
        result = copied(NbdPlace(served, renew), base, size, limits=slow, progress=Kill())
    assert result.retries > 0
    assert sha256(base) == sha256(disk)


def test_a_server_that_stays_away_is_said(disk: Path, served: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadFailed, match="failed 5 times, the last time: No such file"):
        copied(NbdPlace(served), tmp_path / "base", disk.stat().st_size)


def test_a_silent_server_can_be_left(disk: Path, served: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(served))
        silent.listen()
        cancelled = threading.Event()
        threading.Timer(0.3, cancelled.set).start()
        with pytest.raises(Interrupted):
            copied(NbdPlace(served), tmp_path / "base", disk.stat().st_size, cancelled=cancelled)


GREETING = b"NBDMAGIC" + b"IHAVEOPT" + struct.pack("!H", 3)
ALLOCATION = struct.pack("!I", 7) + b"base:allocation"


def option(kind: int, answer: int, payload: bytes = b"") -> bytes:
    return struct.pack("!QIII", 0x3E889045565A9, kind, answer, len(payload)) + payload


def handshake(size: int = 4 * MIB) -> bytes:
    return (
        GREETING
        + option(8, 1)
        + option(10, 4, ALLOCATION)
        + option(10, 1)
        + option(7, 3, struct.pack("!HQH", 0, size, 1))
        + option(7, 1)
    )


def chunk(kind: int, payload: bytes, *, handle: int = 1, done: bool = True) -> bytes:
    return struct.pack("!IHHQI", 0x668E33EF, int(done), kind, handle, len(payload)) + payload


def data(offset: int, content: bytes) -> bytes:
    return struct.pack("!Q", offset) + content


Lie = Callable[[bytes], Path]


@pytest.fixture
def lie(served: Path) -> Iterator[Lie]:
    """A server that says prepared bytes, whatever it is asked."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(served))
    listener.listen()
    threads = list[threading.Thread]()

    def say(text: bytes) -> Path:
        def run() -> None:
            connection, _ = listener.accept()
            # The client hangs up on the lie.
            with connection, contextlib.suppress(ConnectionError):
                connection.sendall(text)
                while connection.recv(65536):
                    pass

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return served

    yield say
    listener.close()
    for thread in threads:
        thread.join(5)


@pytest.mark.parametrize(
    "text",
    [
        b"NBDMAGIC" + struct.pack("!QH", 0x00420281861253, 0),
        GREETING + option(8, 1, b"")[:-4] + struct.pack("!I", 1 << 31),
        GREETING + option(9, 1),
        GREETING + option(8, 3, b"x") * 100,
        GREETING + option(8, 1) + option(10, 1) + option(7, 1),
        handshake(size=1 << 63),
    ],
    ids=["oldstyle", "huge option", "other option", "no end", "no size", "huge disk"],
)
def test_a_handshake_that_makes_no_sense(lie: Lie, text: bytes) -> None:
    with pytest.raises(BadServer):
        NbdClient(lie(text), io_seconds=5).opened()


def test_an_export_that_is_refused(lie: Lie) -> None:
    refused = GREETING + option(8, 1) + option(10, 1) + option(7, (1 << 31) + 6)
    with pytest.raises(ExportRefused):
        NbdClient(lie(refused), io_seconds=5).opened()


@pytest.mark.parametrize(
    "answer",
    [
        chunk(1, data(0, bytes(4096)), handle=9),
        chunk(1, data(0, bytes(2048))),
        chunk(1, data(0, bytes(4096)), done=False) + chunk(1, data(0, bytes(512))),
        chunk(1, data(512, bytes(4096))),
        chunk(1, data(1 << 40, bytes(4096))),
        chunk(2, data(0, struct.pack("!I", 1 << 31))),
        chunk(2, data(0, struct.pack("!I", 0))),
        chunk(1, b"x"),
        chunk(0, b""),
        chunk(0, b"", done=False),
        chunk(5, struct.pack("!III", 7, 4096, 0)),
        chunk((1 << 15) + 1, b""),
        struct.pack("!IIQ", 0x67446698, 0, 1),
        b"x" * 64,
    ],
    ids=[
        "handle",
        "less",
        "twice",
        "beyond",
        "far",
        "huge hole",
        "no hole",
        "short",
        "nothing",
        "empty",
        "status",
        "error",
        "simple",
        "noise",
    ],
)
def test_an_answer_to_a_read_that_makes_no_sense(lie: Lie, answer: bytes) -> None:
    client = NbdClient(lie(handshake() + answer), io_seconds=5).opened()
    with pytest.raises(BadServer):
        client.read(memoryview(bytearray(4096)), 0)
    client.close()


def test_an_error_of_the_server(lie: Lie) -> None:
    answer = chunk((1 << 15) + 1, struct.pack("!IH", 5, 3) + b"bad")
    client = NbdClient(lie(handshake() + answer), io_seconds=5).opened()
    with pytest.raises(OSError, match="failed to do what it was asked for"):
        client.read(memoryview(bytearray(4096)), 0)
    client.close()


@pytest.mark.parametrize(
    "payload",
    [
        struct.pack("!I", 7),
        struct.pack("!III", 8, 4096, 0),
        struct.pack("!III", 7, 0, 0),
        struct.pack("!IIIII", 7, 1 << 31, 0, 4096, 3),
    ],
    ids=["empty", "another", "no length", "too long"],
)
def test_a_block_status_that_makes_no_sense(lie: Lie, payload: bytes) -> None:
    client = NbdClient(lie(handshake() + chunk(5, payload)), io_seconds=5).opened()
    with pytest.raises(BadServer):
        client.block_status(0, MIB)
    client.close()
