"""The only door to other programs.

A program gets an argument list (never a shell), a time limit, and a process group of its own that
is killed whole when the limit passes or the work is cancelled. It dies when the thread that
started it dies, even by SIGKILL. What it prints goes to a log with secrets struck out.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from mtv.errors import Interrupted, MissingTool, ProgramFailed

GRACE_SECONDS = 5.0
"""How long a program has between SIGTERM and SIGKILL."""

TAIL_LINES = 40
"""How many of a failed program's last lines its error carries at most."""


@dataclass(frozen=True)
class Finished:
    """A program that ended: exit code, its output as text, and how long it ran."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    seconds: float


def find(program: str, package: str) -> str:
    """Full path of a program; raises MissingTool that names the package to install."""
    found = shutil.which(program)
    if found is None:
        raise MissingTool(
            f"the program {program} is not installed", f"install the package {package}"
        )
    return found


def redact(text: str, secrets: Sequence[str]) -> str:
    """The text with every secret struck out."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text


def run(
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    cancelled: threading.Event | None = None,
    secrets: Sequence[str] = (),
    check: bool = True,
) -> Finished:
    """Runs a program to its end.

    ``env`` is added to this process's environment. ``on_line`` is called, from a reader thread,
    with every line of output. Raises ProgramFailed for an exit code other than 0 (unless ``check``
    is False) or a passed time limit, Interrupted when ``cancelled`` was set.
    """
    started = time.monotonic()
    out: list[str] = []
    err: list[str] = []
    with start(argv, env=env) as child, _log_file(log) as sink:
        child.stdin.close()  # nobody is there to answer a question
        sink(f"$ {redact(' '.join(argv), secrets)}\n")

        def drain(stream: IO[str], lines: list[str]) -> None:
            for raw in stream:
                line = redact(raw, secrets)
                lines.append(line)
                sink(line)
                if on_line is not None:
                    on_line(line.rstrip("\n"))

        readers = [
            threading.Thread(target=drain, args=(child.stdout, out), daemon=True),
            threading.Thread(target=drain, args=(child.stderr, err), daemon=True),
        ]
        for reader in readers:
            reader.start()
        why = child.wait(timeout_seconds, cancelled)
        for reader in readers:
            reader.join(GRACE_SECONDS)
    name = Path(argv[0]).name
    if why == "cancelled":
        raise Interrupted(f"{name} was stopped")
    if why == "timeout":
        raise ProgramFailed(f"{name} did not end within {timeout_seconds:.0f} seconds")
    finished = Finished(
        argv=tuple(argv),
        exit_code=child.exit_code,
        stdout="".join(out),
        stderr="".join(err),
        seconds=time.monotonic() - started,
    )
    if check and finished.exit_code != 0:
        tail = "".join((err or out)[-TAIL_LINES:]).strip()
        raise ProgramFailed(f"{name} ended with exit code {finished.exit_code}: {tail}")
    return finished


class Child:
    """A started program, in its own process group. Made by ``start``."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        # Popen types its streams as optional; ``start`` always asks for all three.
        self.stdin = cast(IO[str], process.stdin)
        self.stdout = cast(IO[str], process.stdout)
        self.stderr = cast(IO[str], process.stderr)

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's id too."""
        return self._process.pid

    @property
    def exit_code(self) -> int:
        """Exit code; negative for the signal that ended it. Only after it ended."""
        return self._process.returncode

    def wait(self, timeout_seconds: float, cancelled: threading.Event | None = None) -> str:
        """Waits for the end and says why it came: ``ended``, ``timeout`` or ``cancelled``."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                self._process.wait(0.1)
            except subprocess.TimeoutExpired:
                if cancelled is not None and cancelled.is_set():
                    self.end()
                    return "cancelled"
                if time.monotonic() > deadline:
                    self.end()
                    return "timeout"
            else:
                return "ended"

    def end(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """SIGTERM to the whole group, SIGKILL after the grace time."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_seconds)
        # The leader may be gone while a child of it lives on: the group is always swept.
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


@contextlib.contextmanager
def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    grace_seconds: float = GRACE_SECONDS,
    pass_fds: Sequence[int] = (),
) -> Iterator[Child]:
    """Starts a program with pipes on all three standard streams; on leaving it is gone.

    ``pass_fds`` are file descriptors that it gets beside them, under the same numbers.
    ``grace_seconds``: how long it may clean up when it has to be ended. Raises MissingTool when
    there is no such program.
    """
    # Looked for here, since with setpriv before it the missing program would only be an exit code.
    if shutil.which(argv[0], path={**os.environ, **(env or {})}.get("PATH")) is None:
        raise MissingTool(f"the program {argv[0]} is not installed")
    try:
        process = subprocess.Popen(
            [*_dies_with_us(), *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **(env or {})},
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except FileNotFoundError as problem:
        raise MissingTool(f"the program {argv[0]} is not installed") from problem
    child = Child(process)
    try:
        yield child
    finally:
        if process.poll() is None:
            child.end(grace_seconds)
        for stream in (child.stdin, child.stdout, child.stderr):
            with contextlib.suppress(OSError):
                stream.close()


def _dies_with_us() -> list[str]:
    """Prefix that makes the kernel kill the program when we die: util-linux's setpriv."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


@contextlib.contextmanager
def _log_file(path: Path | None) -> Iterator[Callable[[str], None]]:
    """A function that appends text to the log; one that does nothing when there is none."""
    if path is None:
        yield lambda _text: None
        return
    lock = threading.Lock()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:

        def write(text: str) -> None:
            with lock:
                file.write(text)
                file.flush()

        yield write
