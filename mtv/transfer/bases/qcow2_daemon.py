"""QEMU's storage daemon with one qcow2 image: started, spoken to over NBD, ended."""

import contextlib
import errno
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from mtv.errors import TransferError
from mtv.listening import Listening, NotListening
from mtv.process import find
from mtv.transfer.reading.nbd import NbdClient
from mtv.transfer.reading.nbd_wire import BadServer, ExportRefused

DAEMON, PACKAGE = "qemu-storage-daemon", "qemu-system-common"

T = TypeVar("T")

LOCK_SECONDS = 5.0
"""A daemon whose worker was killed may take a moment to die."""
_LOCKED = re.compile(r'Failed to get .*"\w+" lock|^Is another process using the image')
"""How QEMU says that another one has the image open; "lock" alone is in the name of an option."""


class ServedImage:
    """The image on a socket, and a connection to it for each thread."""

    def __init__(self, path: Path, descriptor: int, *, writable: bool) -> None:
        """Raises MissingTool, TransferError."""
        find(DAEMON, PACKAGE)
        self._lock = threading.Lock()
        self._clients = dict[int, NbdClient]()
        direct = _can_go_direct(descriptor)

        def served() -> Listening:
            try:
                return Listening(lambda socket: _argv(path, socket, direct, writable=writable))
            except NotListening as problem:
                raise NotOpened(problem.lines) from None

        self._daemon = once_unlocked(path, served)

    def client(self) -> NbdClient:
        """The connection of this thread. Raises OSError, BadServer, ExportRefused."""
        me = threading.get_ident()
        with self._lock:
            found = self._clients.get(me)
        if found is None:
            # Storage may hang as long as it may under a raw base; a daemon that ends is noticed.
            found = NbdClient(self._daemon.socket, io_seconds=None)
            try:
                found.opened("disk")
                if not found.can_multi_conn or found.export.allocation is None:
                    raise OSError(
                        errno.EOPNOTSUPP, f"{DAEMON} is older than QEMU 7.1, which is needed"
                    )
            except BaseException:
                found.close()
                raise
            with self._lock:
                self._clients[me] = found
        return found

    def close(self, *, gently: bool = True) -> None:
        """Ends the daemon; ``gently``: it closes the image first."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()
        self._daemon.close(gently=gently)


def _argv(path: Path, socket: Path, direct: bool, *, writable: bool) -> list[str]:
    file = {
        "driver": "file",
        "node-name": "file",
        "filename": str(path.absolute()),
        "cache": {"direct": direct, "no-flush": False},
        "discard": "unmap",
        "read-only": not writable,
    }
    image = {
        "driver": "qcow2",
        "node-name": "image",
        "file": "file",
        "backing": None,
        "discard": "unmap",
        "cache": {"direct": direct, "no-flush": False},
        "read-only": not writable,
    }
    export = {
        "type": "nbd", "id": "disk", "node-name": "image", "name": "disk", "writable": writable,
    }  # fmt: skip
    server = {"addr": {"type": "unix", "path": str(socket)}}
    return [
        DAEMON,
        *("--blockdev", json.dumps(file), "--blockdev", json.dumps(image)),
        *("--nbd-server", json.dumps(server), "--export", json.dumps(export)),
    ]


def _can_go_direct(descriptor: int) -> bool:
    try:
        os.close(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT))
    except OSError:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return False
    return True


class NotOpened(Exception):
    """QEMU does not open an image; ``lines``: what it said."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__()
        self.lines = tuple(lines)


def once_unlocked(path: Path, attempt: Callable[[], T]) -> T:
    """What an attempt gives that raises NotOpened; made again while QEMU's lock is in its way.

    Raises TransferError.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return attempt()
        except NotOpened as problem:
            if not _is_locked(problem.lines) or time.monotonic() > deadline:
                raise _not_opened(path, problem.lines) from None
        time.sleep(0.1)


def _not_opened(path: Path, lines: Sequence[str]) -> TransferError:
    # After the option that each is about, which is ours and long.
    said = "; ".join(line.rpartition("}: ")[2] for line in lines)
    if _is_locked(lines):
        return TransferError(
            f"{path} is open in another QEMU",
            "shut down the guest that runs on it here, end qemu-nbd or what else has it open, then "
            "run the same command again",
        )
    return TransferError(
        f"QEMU does not open {path}: {said or 'it does not come up'}",
        "look at the storage; mtv verify says whether the copy is whole",
    )


def _is_locked(lines: Sequence[str]) -> bool:
    return any(map(_LOCKED.search, lines))


@contextlib.contextmanager
def as_os_errors() -> Iterator[None]:
    """What the daemon did wrong is a failure of the storage for whoever writes there."""
    try:
        yield
    except (BadServer, ExportRefused) as problem:
        raise OSError(errno.EIO, f"{DAEMON}: {problem}") from problem
    except ConnectionError as problem:
        raise OSError(errno.EIO, f"{DAEMON} is gone") from problem
