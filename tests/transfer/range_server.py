"""A small HTTPS server of one disk by range requests, that misbehaves on demand.

In a test it runs as a thread and is spoken to over its socket like any other; for benchmarks
``python -m tests.transfer.range_server DISK CERTIFICATE KEY`` prints its port and serves.
"""

import email.utils
import http.server
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

CHUNK_BYTES = 256 * 1024


@dataclass
class Behaviour:
    """What the server does; a test changes it while the server runs."""

    etag: str | None = None
    last_modified: bool = True
    token: str | None = None
    """Needed in the Authorization header; else 401."""
    statuses: list[int] = field(default_factory=list)
    """Answers to the next requests, one each; 0 is a proper answer."""
    cuts: list[int] = field(default_factory=list)
    """Bodies of the next proper answers end after so many bytes; -1 is not at all."""
    content_range: Callable[[str], str] = str
    """Changes the Content-Range header."""
    surplus: int = 0
    """Bodies have so many bytes more than was asked for (and than Content-Range says), or fewer."""
    encoding: str | None = None
    ignore_range: bool = False
    chunked: bool = False
    """Bodies come in HTTP chunks, without a Content-Length."""
    seconds_per_chunk: float = 0.0
    stall_after: int | None = None
    """Once so many bytes were served in all, the server falls silent."""
    on_served: Callable[[int], None] = lambda _served: None
    """Called with the bytes served in all, after each chunk."""


class RangeServer:
    """Serves one file until the block ends. Counts what it serves."""

    def __init__(self, disk: Path, certificate: Path | None, key: Path | None) -> None:
        self.disk = disk
        self.behaviour = Behaviour()
        self.requests: list[tuple[int, int]] = []
        """First and last byte of every proper answer."""
        self.headers_seen: list[dict[str, str]] = []
        self.served_bytes = 0
        self.sent: list[tuple[int, int]] = []
        """First byte and end of what was really sent."""
        self.lock = threading.Lock()
        self.over = threading.Event()
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate, key)
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "RangeServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Where the disk is."""
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self.port}/folder/disk-flat.vmdk?dcPath=DC0"

    def secure(self, plain: object) -> object:
        """The connection with TLS, if this server speaks it."""
        if self._context is None:
            return plain
        return self._context.wrap_socket(plain, server_side=True)  # type: ignore[arg-type]

    def reset_counts(self) -> None:
        """Forgets what was asked and served so far."""
        with self.lock:
            self.requests.clear()
            self.headers_seen.clear()
            self.sent.clear()
            self.served_bytes = 0


class _Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that goes away, or does not trust us, is what tests are about."""


def _handler(server: RangeServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            self.request = server.secure(self.request)
            super().setup()

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (OSError, ValueError):
                self.close_connection = True

        def do_GET(self) -> None:
            behaviour = server.behaviour
            server.headers_seen.append(dict(self.headers.items()))
            if behaviour.token and self.headers["Authorization"] != behaviour.token:
                return self.refuse(401)
            with server.lock:
                status = behaviour.statuses.pop(0) if behaviour.statuses else 0
            if status:
                return self.refuse(status)
            return self.give()

        def do_HEAD(self) -> None:
            """nbdkit, a peer in the benchmark, begins with this; mtv never asks it."""
            self.send_response(200)
            self.send_header("Content-Length", str(server.disk.stat().st_size))
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()

        def refuse(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def give(self) -> None:
            behaviour = server.behaviour
            found = server.disk.stat()
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or f"bytes=0-{2**62}")
            assert wanted is not None
            first, last = int(wanted[1]), min(int(wanted[2]), found.st_size - 1)
            if first >= found.st_size:
                return self.refuse(416)
            self.send_response(
                206 if "Range" in self.headers and not behaviour.ignore_range else 200
            )
            if behaviour.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(self.given(last, found.st_size) - first))
            text = f"bytes {first}-{last}/{found.st_size}"
            self.send_header("Content-Range", behaviour.content_range(text))
            if behaviour.etag is not None:
                self.send_header("ETag", behaviour.etag)
            if behaviour.last_modified:
                changed = email.utils.formatdate(found.st_mtime, usegmt=True)
                self.send_header("Last-Modified", changed)
            if behaviour.encoding is not None:
                self.send_header("Content-Encoding", behaviour.encoding)
            self.end_headers()
            with server.lock:
                server.requests.append((first, last))
                whole = last == first or not behaviour.cuts
                cut = -1 if whole else behaviour.cuts.pop(0)
            end = self.given(last, found.st_size)
            return self.send(first, end if cut < 0 else min(first + cut, end), cut >= 0)

        def given(self, last: int, size: int) -> int:
            """Where the body ends; an answer of the first byte, which finds the disk, is right."""
            return last + 1 if last == 0 else min(last + 1 + server.behaviour.surplus, size)

        def send(self, first: int, end: int, broken: bool) -> None:
            behaviour = server.behaviour
            with server.disk.open("rb", buffering=0) as file:
                at = first
                while at < end:
                    stall = behaviour.stall_after
                    if stall is not None and server.served_bytes >= stall:
                        server.over.wait()
                    chunk = os.pread(file.fileno(), min(CHUNK_BYTES, end - at), at)
                    if behaviour.chunked:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                    else:
                        self.wfile.write(chunk)
                    with server.lock:
                        server.sent.append((at, at + len(chunk)))
                        server.served_bytes += len(chunk)
                        served = server.served_bytes
                    at += len(chunk)
                    behaviour.on_served(served)
                    if behaviour.seconds_per_chunk:
                        time.sleep(behaviour.seconds_per_chunk)
            if broken:
                self.close_connection = True
            elif behaviour.chunked:
                self.wfile.write(b"0\r\n\r\n")

    return Handler


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as files."""
    certificate, key = directory / "server.pem", directory / "server.key"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    argv += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    argv += ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run(argv, check=True, capture_output=True)
    return certificate, key


if __name__ == "__main__":
    with RangeServer(*map(Path, sys.argv[1:4])) as running:
        print(running.port, flush=True)
        sys.stdin.read()
