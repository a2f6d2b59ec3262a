"""Disks to copy, servers that give them, and mtv's copy of one as a program of its own.

python -m benchmarks.disks TASK        one copy; TASK is JSON (see ``Copy``)
"""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

MIB = 1024 * 1024

_NGINX = """\
daemon off;
{user}
worker_processes 2;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{}}
http {{
  access_log off;
  sendfile on;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_protocols TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    root {root};
  }}
}}
"""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One copy that a process of its own makes."""

    url: str
    ca: str
    base: str
    capacity_bytes: int
    connections: int = 2
    stream: bool = False
    """The URL gives a streamOptimized VMDK."""
    imageio: bool = False
    """The URL is a ticket: the daemon is asked for extents."""
    without_wheel: bool = False
    """As if the optional inflate wheel were not installed."""
    epoch_bytes: int = 0
    """What is made durable and recorded at a time; 0: as mtv does it."""
    no_compare: bool = False
    """Ends before the copy is read back: to say what that takes."""
    unrecorded: bool = False
    """The resume file takes no records."""
    not_durable: bool = False
    """``fsync`` and ``fdatasync`` do nothing."""

    def argv(self) -> list[str]:
        """The program that makes it."""
        return [sys.executable, "-m", "benchmarks.disks", msgspec.json.encode(self).decode()]


def sparse_disk(path: Path, mib: int, percent: int) -> None:
    """A disk with runs of random data, 1 MiB each, spread evenly."""
    chance = random.Random(1)  # noqa: S311
    with path.open("wb") as file:
        file.truncate(mib * MIB)
        for grain in range(mib):
            if grain * percent // 100 != (grain + 1) * percent // 100:
                file.seek(grain * MIB)
                file.write(chance.randbytes(MIB))
    _settle(path)


def text_disk(path: Path, mib: int, percent: int) -> None:
    """As ``sparse_disk``, of data that deflates to about a third, as a guest's files do."""
    chance = random.Random(1)  # noqa: S311
    words = [chance.randbytes(chance.randint(2, 9)) for _ in range(3000)]
    with path.open("wb") as file:
        file.truncate(mib * MIB)
        for grain in range(mib):
            if grain * percent // 100 != (grain + 1) * percent // 100:
                file.seek(grain * MIB)
                file.write(b"".join(chance.choices(words, k=MIB // 5))[:MIB])
    _settle(path)


def _settle(path: Path) -> None:
    """The disk did not change just now, so that nobody waits for its second to be over."""
    then = path.stat().st_mtime - 100
    os.utime(path, (then, then))


@contextlib.contextmanager
def https(root: Path, certificate: Path, key: Path) -> Iterator[str]:
    """URL of a directory, served by nginx while the block runs (Debian: nginx-light)."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        sys.exit("nginx is not installed")
    port = _free_port()
    directory = root.parent
    configuration = directory / "nginx.conf"
    configuration.write_text(
        _NGINX.format(
            user="user root;" if os.geteuid() == 0 else "",
            directory=directory,
            port=port,
            certificate=certificate,
            key=key,
            root=root,
        )
    )
    server = subprocess.Popen([program, "-p", directory, "-c", configuration])
    try:
        _await(port)
        yield f"https://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit("the server does not answer")


def _copy(wanted: Copy) -> None:
    """Makes the copy; prints the seconds until all was read and made durable."""
    if wanted.without_wheel:
        sys.modules["isal"] = None  # type: ignore[assignment]
    from mtv.model.disk import Extent, StreamLocation, TlsTrust
    from mtv.tasks import Limits, Progress
    from mtv.transfer import copy, streamed
    from tests.transfer.disks import ServedDisk

    class Disk(ServedDisk):
        def location(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            if wanted.stream:
                return StreamLocation(url=self.url, headers=(), tls=self.tls)
            return super().location()

        def extents(self) -> Sequence[Extent] | None:
            if not wanted.imageio:
                return None
            from mtv.sources.rhv.imageio import Daemon, has_data

            return Daemon(self.url, self.tls).extents("zero", has_data)

        def was_read(self) -> None:
            """A stream that ended."""

    class Read(Exception):
        pass

    started = time.monotonic()
    reading = [started]

    def note(progress: Progress) -> None:
        if progress.says == "reading the source":
            reading[0] = time.monotonic()

    if wanted.epoch_bytes:
        for module in (copy, streamed):  # where it is looked up
            module.epoch_bytes = lambda *_: wanted.epoch_bytes  # type: ignore[attr-defined]
    if wanted.unrecorded:
        from mtv.transfer.records.resume import ResumeFile

        ResumeFile.append = lambda *_: None  # type: ignore[method-assign]
    if wanted.not_durable:
        for name in ("fsync", "fdatasync"):
            setattr(os, name, lambda _: None)
    if wanted.no_compare:

        def end(*_: object) -> None:
            raise Read

        copy._compare = end  # type: ignore[assignment]
    with contextlib.suppress(Read):
        copy.copy_disk(
            Disk(wanted.url, TlsTrust(ca=wanted.ca)),
            Path(wanted.base),
            wanted.capacity_bytes,
            limits=Limits(connections=wanted.connections),
            on_progress=note,
            cancelled=threading.Event(),
        )
    print(reading[0] - started)


if __name__ == "__main__":
    _copy(msgspec.json.decode(sys.argv[1], type=Copy))
