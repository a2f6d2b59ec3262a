"""ovirt-imageio's daemon as a process, and its control socket."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.children import child
from tests.real.imageio import imageio_program

_CONFIGURATION = """\
[daemon]
drop_privileges = false
systemd_enable = false
run_dir = {run}

[tls]
enable = true
key_file = {key}
cert_file = {certificate}
ca_file = {ca}

[remote]
host = 127.0.0.1
port = 0

[local]
socket = {run}/local.sock

[control]
transport = unix
socket = {control}
remove_timeout = 10

[loggers]
keys = root

[handlers]
keys = stderr

[formatters]
keys = long

[logger_root]
level = INFO
handlers = stderr
propagate = 0
"""

READY_SECONDS = 20.0


class _Control(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


@dataclass
class Daemon:
    """A running daemon: it serves `https://127.0.0.1:PORT/images/TICKET`."""

    port: int
    control: Path
    known: set[str] = field(default_factory=set)
    """Ids of all tickets it was ever given by us."""

    def url(self, ticket: str) -> str:
        return f"https://127.0.0.1:{self.port}/images/{ticket}"

    def add(self, ticket: str, **values: Any) -> None:
        """Give it a ticket."""
        self.known.add(ticket)
        self._ask("PUT", ticket, {"uuid": ticket, **values}, (200,))

    def extend(self, ticket: str, seconds: int) -> bool:
        """Let a ticket last so long from now; False when the daemon has it no more."""
        return self._ask("PATCH", ticket, {"timeout": seconds}, (200, 404))[0] == 200

    def remove(self, ticket: str) -> None:
        """Take a ticket away; waits until no request uses it."""
        self._ask("DELETE", ticket, None, (204,))

    def ticket(self, ticket: str) -> dict[str, Any] | None:
        """What it says about a ticket; None when it has no such one."""
        status, said = self._ask("GET", ticket, None, (200, 404))
        return said if status == 200 else None

    def tickets(self) -> list[str]:
        """The tickets that it still has, of all it was ever given."""
        return sorted(each for each in self.known if self.ticket(each) is not None)

    def _ask(self, verb: str, ticket: str, body: Any, fine: tuple[int, ...]) -> tuple[int, Any]:
        with contextlib.closing(_Control(self.control)) as connection:
            text = None if body is None else json.dumps(body).encode()
            connection.request(verb, f"/tickets/{ticket}", text)
            response = connection.getresponse()
            said = response.read()
        if response.status not in fine:
            raise RuntimeError(f"imageio: {verb} of a ticket: {response.status} {said!r}")
        return response.status, json.loads(said) if verb == "GET" and said[:1] == b"{" else None


@contextlib.contextmanager
def start_daemon(directory: Path, *, ca: Path, certificate: Path, key: Path) -> Iterator[Daemon]:
    """Run a daemon until the block ends. Raises PartMissing, or RuntimeError with its log.

    `directory` is made; its path must be short enough for a Unix socket.
    """
    program = imageio_program()
    (directory / "conf.d").mkdir(parents=True)
    control, log = directory / "control.sock", directory / "log"
    (directory / "conf.d/50-test.conf").write_text(
        _CONFIGURATION.format(
            run=directory, ca=ca, certificate=certificate, key=key, control=control
        )
    )
    # It would wait some seconds for connections that clients keep open.
    with child([program, "--conf-dir", directory], log=log, patience=0.5) as process:
        yield Daemon(_port(process, log), control)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        text = log.read_text()
        found = re.search(r"remote\.service listening on \('127\.0\.0\.1', (\d+)", text)
        if found and "Ready for requests" in text:
            return int(found[1])
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"ovirt-imageio did not start:\n{text[-4000:]}")
        time.sleep(0.02)
