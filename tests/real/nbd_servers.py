"""NBD servers of a file: nbdkit and qemu-nbd."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.real.parts import require

KINDS = ("nbdkit", "qemu-nbd")
START_SECONDS = 20.0


@contextlib.contextmanager
def serving(
    kind: str, disk: Path, socket: Path, *, write: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """The server's process, which accepts connections on the socket."""
    require(kind, shutil.which(kind) is not None, "run setup/packages.sh")
    if kind == "nbdkit":
        mode = [] if write else ["--readonly"]
        argv = ["nbdkit", "--foreground", *mode, "--unix", str(socket), "file", str(disk)]
    else:
        mode = [] if write else ["--read-only"]
        argv = ["qemu-nbd", *mode, "--persistent", "--shared=8", "--discard=unmap", "-f", "raw",
                "--socket", str(socket), str(disk)]  # fmt: skip
    with running(argv, socket) as process:
        yield process


@contextlib.contextmanager
def running(argv: list[str], socket: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A started server, once its socket is there."""
    process = subprocess.Popen(argv)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not socket.exists():
            assert process.poll() is None, f"{argv[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{argv[0]} does not listen"
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()
