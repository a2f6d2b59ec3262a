"""QEMU's monitor protocol: a command in JSON, its answer, and events in between."""

import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60.0


class QmpError(RuntimeError):
    """QEMU refused a command."""


class Qmp:
    """A connection to the monitor of a QEMU program, for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_SECONDS)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._socket.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()  # its greeting
        self("qmp_capabilities")

    def __call__(self, command: str, **arguments: Any) -> Any:
        """Run a command; `_` in the names of arguments stands for `-`. Raises QmpError."""
        given = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._socket.sendall(json.dumps({"execute": command, "arguments": given}).encode())
        while True:
            line = self._lines.readline()
            if not line:
                raise QmpError(f"{command}: QEMU ended")
            said = json.loads(line)
            if "error" in said:
                raise QmpError(f"{command}: {said['error']['desc']}")
            if "return" in said:
                return said["return"]

    def wait_job(self, job: str, status: str = "") -> None:
        """Wait until a block job has that status, or (none given) is gone."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = {each["id"]: each["status"] for each in self("query-jobs")}
            if found.get(job, "") == status:
                return
            if job not in found or time.monotonic() > deadline:
                raise QmpError(f"the job {job} is {found.get(job, 'gone')}, not {status or 'gone'}")
            time.sleep(0.01)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._lines.close()
            self._socket.close()
