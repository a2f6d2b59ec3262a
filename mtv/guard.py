"""Ends the programs that a worker left behind when it died.

QEMU does not die with the worker: libvirt's embedded driver makes it a daemon, and virt-v2v starts
a qemu-nbd that stays (2.2.0). After a ``kill -9`` they would go on writing to the disk. So whoever
starts such programs does it in a directory of its own, whose name is then on their command lines,
and runs this file as a program beside itself, with nothing but the standard library:

    worker ── holds the directory's lock, and the guard's standard input
      guard.py DIRECTORY ── reads; when its input closes, the worker is gone: it kills

Should the guard have been killed too, whoever takes the lock next does the same work first.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

LOCK = "lock"
"""File in the directory: whoever holds its lock may start and end programs there."""

QUIET_SECONDS = 0.7
"""So long no program may be seen before all count as gone: one may just be starting."""

_PROGRAMS = (b"qemu", b"virt-v2v", b"nbdkit")
"""How the names of programs begin that are ended; an editor or a shell is none of them."""


def argv(directory: Path) -> list[str]:
    """The command that guards a directory, to be run by ``process.start``.

    The guard must outlive us, so it first takes back the order to die with us.
    """
    command = [sys.executable, "-I", "-S", __file__, str(directory)]
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "clear", "--", *command] if setpriv else command


def programs(directory: Path) -> list[int]:
    """Process ids of the programs that work in a directory: that name a path in it.

    A program in a container or chroot may name the same path and mean another one: only those
    that have our root directory count.
    """
    needle = os.fsencode(directory) + b"/"
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            program = command.partition(b"\0")[0].rpartition(b"/")[2]
            ours = program.startswith(_PROGRAMS) and needle in command
            if ours and (process / "root").samefile("/"):
                found.append(int(process.name))
    return found


def end_programs(directory: Path, patience_seconds: float = 15.0) -> int:
    """Kills every program that works in a directory and waits for its end; how many there were.

    Only for the holder of the directory's lock. Raises TimeoutError for one that does not die (it
    hangs in the kernel, on a dead disk).
    """
    ended: set[int] = set()
    deadline = time.monotonic() + patience_seconds
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_SECONDS:
        alive = [pid for pid in programs(directory) if _kill(pid)]
        if alive:
            ended.update(alive)
            quiet_since = time.monotonic()
            if quiet_since > deadline:
                raise TimeoutError(f"process {alive[0]} does not die")
        time.sleep(0.05)
    return len(ended)


def _kill(pid: int) -> bool:
    """SIGKILL; False when the process is already dead (gone, or waiting to be collected)."""
    try:
        # After "(comm) "; a process may call itself anything, even "x) Z".
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
        if state in (b"Z", b"X"):
            return False
        os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def lock(directory: Path) -> int | None:
    """Takes a directory's lock: a file descriptor to keep; None when it cannot be had now.

    That is when another process has it, or removed the directory in this moment.
    """
    path = directory / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def main(directory: Path) -> None:
    """Waits for the worker's end, then ends its programs unless someone else already does."""
    sys.stdin.buffer.read()
    # The pipe may close a little before the worker's lock is free. If the lock stays taken,
    # another worker has the directory, and ended the programs before it started its own.
    for _ in range(40):
        if lock(directory) is not None:
            end_programs(directory)
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
