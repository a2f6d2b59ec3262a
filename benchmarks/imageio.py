"""A disk of RHV from ovirt-imageio's own daemon: mtv, and the client of the daemon's package.

    python -m benchmarks.imageio [--size 4096] [--data 25] [--rounds 3] [--directory /var/tmp]

Both over HTTPS, to a raw file. The client (``ovirt_imageio.client.download``, GPL) is run as a
program of the environment that setup/imageio.sh made; it has 4 connections unless told otherwise,
and so has mtv here, which takes 2. It digests nothing; ``then synced`` is it and one fsync of what
it wrote. mtv does all that it does. Every copy is compared with the disk.
"""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.disks import Copy, sparse_disk
from benchmarks.turns import emptied, goal, in_turn, options, ratio, same, show
from tests.real.imageio import imageio_program
from tests.real.imageio.daemon import start_daemon
from tests.real.imageio.images import Image
from tests.real.imageio.nbd_server import serve
from tests.transfer.range_server import make_certificate

GOAL = 1.0
TICKET = "bench"
PEER = "client.download"

_DOWNLOAD = """\
import os, sys
from ovirt_imageio import client
from ovirt_imageio._internal.backends import http
# It would take the daemon's Unix socket, which only the daemon's own host has.
http.HTTPSConnection.is_local = lambda connection: False
url, target, ca, synced = sys.argv[1:]
client.download(url, target, ca, fmt="raw")
if synced == "synced":
    os.fsync(os.open(target, os.O_WRONLY))
"""


@contextlib.contextmanager
def ticket(directory: Path, disk: Path, certificate: Path, key: Path) -> Iterator[str]:
    """URL of a disk that a daemon gives, while the block runs."""
    socket = directory / "nbd.sock"
    image = Image("bench", disk, "raw")
    with (
        serve(image, socket, name=TICKET, shallow=False),
        start_daemon(directory / "d", ca=certificate, certificate=certificate, key=key) as daemon,
    ):
        daemon.add(
            TICKET,
            url=f"nbd:unix:{socket}:exportname={TICKET}",
            size=disk.stat().st_size,
            ops=["read"],
            timeout=3600,
        )
        yield daemon.url(TICKET)


def main() -> None:
    chosen = options(__doc__, 4096, 25).parse_args()
    client = imageio_program().with_name("python")
    with tempfile.TemporaryDirectory(dir=chosen.directory) as name:
        disk, target = Path(name) / "disk.raw", Path(name) / "target"
        sparse_disk(disk, chosen.size, chosen.data)

        certificate, key = make_certificate(Path(name))
        with ticket(Path(name), disk, certificate, key) as url:
            copy = Copy(
                url=url,
                ca=str(certificate),
                base=str(target / "base.raw"),
                capacity_bytes=disk.stat().st_size,
                imageio=True,
                connections=4,
            )
            quick = msgspec.structs.replace(copy, no_compare=True)
            few = msgspec.structs.replace(quick, connections=2)
            peer = [str(client), "-c", _DOWNLOAD, url, copy.base, copy.ca]
            results = in_turn(
                {
                    "mtv": copy.argv(),
                    "mtv, not read back": quick.argv(),
                    "2 connections, not read back": few.argv(),
                    PEER: [*peer, ""],
                    f"{PEER}, then synced": [*peer, "synced"],
                },
                chosen.rounds,
                before=partial(emptied, target),
                after=lambda _: same(disk, target / "base.raw"),
            )
    show(results, PEER)
    met = [
        goal(f"{each}, to {PEER}", ratio(results, each, PEER), GOAL)
        for each in ("mtv, not read back", "mtv")
    ]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
