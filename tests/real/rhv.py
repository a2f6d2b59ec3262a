"""The test RHV engine: starts the stand-in as a process, with ports and a CA of its own."""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.real.children import child
from tests.real.imageio import need_data_path
from tests.real.parts import PartMissing

RICH = "tests.real.rich_rhv:rich_estate"
SCALED = "tests.real.rich_rhv:scaled"

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Request:
    """One line of the engine's request log; `listener` is `engine` or `ovn`.

    `status` is 0 where the connection was dropped; `bytes` is the size of the body as sent.
    """

    listener: str
    verb: str
    path: str
    query: str
    status: int
    bytes: int


@dataclass(frozen=True)
class RhvEngine:
    """A running test engine.

    `fingerprint` is `SHA256:` and the lower-case hex SHA-256 of the server's certificate (DER);
    `ca` is the file (PEM) with the certificate of the authority that signed it.
    """

    url: str
    ovn_url: str
    username: str
    ca: Path
    fingerprint: str
    request_log: Path
    password_file: Path
    pid: int
    password: str = field(repr=False)

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def tls(self) -> ssl.SSLContext:
        """A TLS context that trusts this engine's authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca))

    def requests(self) -> list[Request]:
        """What was asked so far, in the order of the answers."""
        found = []
        for line in self.request_log.read_text().splitlines():
            entry: dict[str, Any] = json.loads(line)
            del entry["time"]
            found.append(Request(**entry))
        return found

    def faults(self, **faults: Any) -> None:
        """Replace all faults by these (`tests.real.engine.faults.Faults`); none given ends all."""
        self._own("faults", json.dumps(faults).encode())

    def held(self) -> dict[str, list[str]]:
        """What is open or locked, there or at a daemon, and was not when it started; by sort.

        `transfers`, `backups`, `checkpoints`, `snapshots`, `locked` (disks and layers), `tickets`,
        `proxy_tickets`, `exports`, `frozen`. Empty when nothing of a client's is left.
        """
        found: dict[str, list[str]] = self._own("held")
        return found

    def backups(self) -> dict[str, dict[str, Any]]:
        """Backups that got ready so far, the oldest first: `vm`, `way` and `froze`.

        See `tests.real.engine.backups.Made`.
        """
        found: dict[str, dict[str, Any]] = self._own("backups")
        return found

    def where(self) -> dict[str, Any]:
        """Where the parts of the data path are; `machines`: VM -> socket with its disks."""
        found: dict[str, Any] = self._own("where")
        return found

    def _own(self, what: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}/mtv/{what}",
            method="GET" if body is None else "PUT",
            data=body,
            headers={"Authorization": self._basic(), "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=self.tls(), timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@contextlib.contextmanager
def start_engine(
    directory: Path,
    *,
    estate: str = RICH,
    arguments: Mapping[str, Any] | None = None,
    version: str = "4.5.3.2-1.el8",
    username: str = "admin@internal",
    password: str | None = None,
    faults: Mapping[str, Any] | None = None,
    storage: Path | None = None,
) -> Iterator[RhvEngine]:
    """Run an engine until the block ends.

    `estate` names a function (`module:function`) that makes an `Estate`; `arguments` are its own.
    `storage` has real disks (`tests.real.imageio.images`): ovirt-imageio gives them then, and VMs
    that are up run as far as their disks go.
    All files live in `directory` (made when missing); the password and the keys are deleted at the
    end. `password` is made up when it is not given. Raises PartMissing, or RuntimeError with its
    log when it does not start.
    """
    _require_sdk()
    directory.mkdir(parents=True, exist_ok=True)
    password = password or secrets.token_urlsafe(12)
    password_file = directory / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    request_log = directory / "requests.jsonl"
    request_log.touch()
    secret_files = [password_file]
    try:
        ca, certificate, key = make_authority(directory, secret_files)
        argv: list[str | Path] = [sys.executable, "-m", "tests.real.engine", "--estate", estate]
        argv += ["--estate-arguments", json.dumps(dict(arguments or {})), "--version", version]
        argv += ["--username", username, "--password-file", password_file, "--ca", ca]
        argv += ["--certificate", certificate, "--key", key, "--request-log", request_log]
        argv += ["--faults", json.dumps(dict(faults or {}))]
        if storage is not None:
            need_data_path()
            host, host_key = make_certificate(directory, "host", secret_files)
            argv += ["--storage", storage, "--host-certificate", host, "--host-key", host_key]
        log = directory / "engine.log"
        with child(
            argv,
            log=log,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT)},
            ends_with_stdin=True,
            patience=30.0,
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the test engine did not start:\n{log.read_text()[-4000:]}")
            said = json.loads(line)
            der = ssl.PEM_cert_to_DER_cert(_first_certificate(certificate.read_text()))
            yield RhvEngine(
                url=said["url"],
                ovn_url=said["ovn"],
                username=username,
                password=password,
                ca=ca,
                fingerprint="SHA256:" + hashlib.sha256(der).hexdigest(),
                request_log=request_log,
                password_file=password_file,
                pid=process.pid,
            )
    finally:
        for leftover in secret_files:
            leftover.unlink(missing_ok=True)


def make_authority(directory: Path, secret_files: list[Path]) -> tuple[Path, Path, Path]:
    """Make a CA and a certificate by it for this machine: the CA, certificate with CA, its key.

    The keys are added to `secret_files` before they are made, for the caller to delete.
    """
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    secret_files.append(ca_key)
    _openssl(
        *("-subj", "/C=US/O=example/CN=rhv.example.12345", "-keyout", ca_key),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", ca),
    )
    return ca, *make_certificate(directory, "engine", secret_files)


def make_certificate(directory: Path, name: str, secret_files: list[Path]) -> tuple[Path, Path]:
    """Make a certificate by the CA that `make_authority` made there: it with its CA, its key."""
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    leaf, key, chain = (directory / f"{name}{suffix}" for suffix in (".leaf", ".key", ".pem"))
    secret_files.append(key)
    _openssl(
        *("-subj", f"/C=US/O=example/CN={name}.example", "-keyout", key, "-out", leaf),
        *("-CA", ca, "-CAkey", ca_key),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )
    chain.write_text(leaf.read_text() + ca.read_text())
    leaf.unlink()
    return chain, key


def _openssl(*arguments: str | Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        raise PartMissing("openssl", "run setup/packages.sh")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
    argv = [openssl, "req", "-x509", *curve, *map(str, arguments)]
    subprocess.run(argv, check=True, capture_output=True)


def _first_certificate(pem: str) -> str:
    end = "-----END CERTIFICATE-----"
    return pem[: pem.index(end) + len(end)]


def _require_sdk() -> None:
    try:
        import ovirtsdk4  # noqa: F401
    except ImportError:
        raise PartMissing(
            "ovirtsdk4", "pip install ovirt-engine-sdk-python==4.6.3 (needs libxml2-dev)"
        ) from None


def main() -> None:
    """Run an engine with the rich estate until interrupted, or until standard input ends."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())

    def watch() -> None:
        # Not sys.stdin: its lock, held by a thread that waits, would abort the interpreter's end.
        while os.read(0, 1 << 12):
            pass
        ended.set()

    with (
        tempfile.TemporaryDirectory(prefix="mtv-rhv-") as directory,
        start_engine(Path(directory)) as engine,
    ):
        print(f"{engine.url}\nuser {engine.username}\npassword file {engine.password_file}")
        print(f"ca {engine.ca}\n{engine.fingerprint}\novn {engine.ovn_url}", flush=True)
        print("Ctrl-C ends it", flush=True)
        threading.Thread(target=watch, daemon=True).start()
        ended.wait()


if __name__ == "__main__":
    main()
