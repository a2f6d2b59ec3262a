"""Runs the command line as users do: a process of its own, in a project directory."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Its standard output as the JSON document it has to be."""
        return json.loads(self.stdout)

    def __str__(self) -> str:
        return f"exit code {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


@dataclass(frozen=True)
class Mtv:
    """mtv in one project directory, with the environment that its mtv.yaml refers to."""

    directory: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, *arguments: str, env: Mapping[str, str] | None = None, expect: int | None = 0
    ) -> Ended:
        """Runs a command to its end; asserts its exit code unless ``expect`` is None."""
        process = self.start(*arguments, env=env)
        stdout, stderr = process.communicate(timeout=900)
        ended = Ended(process.returncode, stdout, stderr)
        assert expect is None or ended.code == expect, f"mtv {' '.join(arguments)}: {ended}"
        return ended

    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Starts a command and leaves it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "mtv", "-C", str(self.directory), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.env, **(env or {})},
            start_new_session=True,
        )

    def interrupt_when(
        self, arguments: tuple[str, ...], condition: Callable[[], bool], seconds: float = 300.0
    ) -> Ended:
        """Starts a command, presses Ctrl-C once the condition holds, waits for its end."""
        process = self.start(*arguments)
        deadline = time.monotonic() + seconds
        while not condition():
            assert process.poll() is None, f"it ended too early: {process.communicate()}"
            assert time.monotonic() < deadline, "the condition never held"
            time.sleep(0.05)
        # A terminal sends it to the whole foreground group; workers are in groups of their own.
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
        return Ended(process.returncode, stdout, stderr)


def processes_about(word: str) -> list[str]:
    """Command lines of the running processes that mention a word, this one's excepted."""
    found = list[str]()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended in the meantime
        if word in command:
            found.append(f"{entry.name}: {command}")
    return found


def none_left_about(word: str, seconds: float = 10.0) -> list[str]:
    """The processes about a word that are still there after the time; empty when all are gone."""
    deadline = time.monotonic() + seconds
    while found := processes_about(word):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.1)
    return []
