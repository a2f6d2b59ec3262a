"""Ends the QEMU processes of a worker that died.

libvirt's embedded driver makes every QEMU a daemon: it lives on when the worker is killed with
SIGKILL, and would keep writing to the disk. So each worker runs this file as a program beside
itself (``python -I guard.py DIRECTORY``, nothing but the standard library): when its standard
input closes, the worker is gone, and so is, a moment later, every machine of its slot.

Should the guard have been killed too, whoever takes the slot next does the same work first.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

LOCK = "lock"
"""File in a slot: whoever holds its lock may start and end machines there."""

QUIET_SECONDS = 0.7
"""So long no machine may be seen before they count as gone: one may just be starting."""


def machines(directory: Path) -> list[int]:
    """Process ids of the QEMUs (machines and capability probes) that belong to a slot."""
    # libvirt names its own files on QEMU's command line: secrets, sockets, pid files.
    needle = os.fsencode(directory) + b"/lib/"
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            argv = (process / "cmdline").read_bytes()
            program = argv.partition(b"\0")[0].rpartition(b"/")[2]
            if program.startswith(b"qemu") and needle in argv:
                found.append(int(process.name))
    return found


def end_machines(directory: Path, patience_seconds: float = 15.0) -> int:
    """Kills every QEMU of a slot and waits until it is gone; how many there were.

    Only for the holder of the slot's lock. Raises TimeoutError for one that does not die (it
    hangs in the kernel, on a dead disk).
    """
    ended: set[int] = set()
    deadline = time.monotonic() + patience_seconds
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_SECONDS:
        alive = [pid for pid in machines(directory) if _kill(pid)]
        if alive:
            ended.update(alive)
            quiet_since = time.monotonic()
            if quiet_since > deadline:
                raise TimeoutError(f"QEMU does not die: process {alive[0]}")
        time.sleep(0.05)
    return len(ended)


def _kill(pid: int) -> bool:
    """SIGKILL; False when the process is already dead (gone, or waiting to be collected)."""
    try:
        # Between "(comm) " and the end of the line; a name may hold anything, even ") Z".
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
        if state in (b"Z", b"X"):
            return False
        os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def lock(directory: Path) -> int | None:
    """Takes the lock of a slot: a file descriptor to keep; None when another process has it."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def main(directory: Path) -> None:
    """Waits for the worker's end, then ends its machines unless someone else already does."""
    sys.stdin.buffer.read()
    # The pipe may close a little before the worker's lock is free. If the lock stays taken,
    # another worker has the slot, and it ended the machines before it started its own.
    for _ in range(40):
        descriptor = lock(directory)
        if descriptor is not None:
            end_machines(directory)
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
