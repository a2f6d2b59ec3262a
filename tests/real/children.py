"""Child processes of the demo and the tests: they die with us, and are stopped whole."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def child(
    argv: Sequence[str | Path],
    *,
    stdout: int | None = subprocess.DEVNULL,
    log: Path,
    env: dict[str, str] | None = None,
    ends_with_stdin: bool = False,
    patience: float = 10.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `argv` in a process group of its own until the block ends, then SIGTERM, then SIGKILL.

    Its standard input is a pipe, its standard error goes to `log`. When this process dies, the
    child notices that its standard input ended (`ends_with_stdin`), or else the kernel kills it.
    The kernel does so when the *thread* that called us ends: call this from one that lives as long
    as the child should. `patience` is the time in seconds between SIGTERM and SIGKILL.
    """
    command = [str(part) for part in argv]
    setpriv = shutil.which("setpriv")
    if setpriv and not ends_with_stdin:
        command = [setpriv, "--pdeathsig", "KILL", "--", *command]
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process, patience)


def stop(process: subprocess.Popen[bytes], patience: float = 10.0) -> None:
    """End a child that was started in a group of its own, and whatever it left in that group."""
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
