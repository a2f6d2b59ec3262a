"""A disk over HTTPS: mtv and nbdcopy, which reads through nbdkit's curl plugin.

    python -m benchmarks.copying [--size 4096] [--data 25] [--rounds 3] [--directory /var/tmp]

Needs nginx, nbdkit with its curl plugin, and nbdcopy (Debian: nginx-light, nbdkit, libnbd-bin).
Both read from the same nginx. ``mtv`` is all that the product does: digests while reading, each
64 MiB made durable and recorded, the copy read back past the page cache and compared. ``mtv, not
read back`` ends before that last part. nbdcopy digests nothing and makes nothing durable.
``recorded each 16 MiB`` and ``recorded once`` are for the cost of the resume file. Every copy is
compared with the disk.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.disks import Copy, https, sparse_disk
from benchmarks.turns import (
    MIB,
    emptied,
    goal,
    in_turn,
    options,
    ratio,
    same,
    sha256_gb_per_second,
    show,
)
from tests.transfer.range_server import make_certificate

GOAL = 0.8
REQUESTS = (1, 4, 16)
"""MiB: nbdcopy is at its best with one of these."""


def programs(copy: Copy) -> dict[str, list[str]]:
    """Program by name."""
    quick = msgspec.structs.replace(copy, no_compare=True)
    found = {
        "mtv": copy.argv(),
        "mtv, not read back": quick.argv(),
        "recorded each 16 MiB": msgspec.structs.replace(quick, epoch_bytes=16 * MIB).argv(),
        "recorded once": msgspec.structs.replace(quick, epoch_bytes=1 << 50).argv(),
    }
    nbdkit = ["nbdkit", "--readonly", "curl", f"url={copy.url}", f"cainfo={copy.ca}", "--run"]
    for mib in REQUESTS:
        nbdcopy = f'nbdcopy --request-size={mib * MIB} --requests=4 "$uri" {copy.base}'
        found[f"nbdcopy {mib} MiB"] = [*nbdkit, nbdcopy]
    return found


def main() -> None:
    chosen = options(__doc__, 4096, 25).parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.directory) as name:
        root, target = Path(name) / "root", Path(name) / "target"
        root.mkdir()
        disk = root / "disk.raw"
        sparse_disk(disk, chosen.size, chosen.data)

        certificate, key = make_certificate(Path(name))
        with https(root, certificate, key) as url:
            copy = Copy(
                url=f"{url}/disk.raw",
                ca=str(certificate),
                base=str(target / "base.raw"),
                capacity_bytes=disk.stat().st_size,
            )
            results = in_turn(
                programs(copy),
                chosen.rounds,
                before=partial(emptied, target),
                after=lambda _: same(disk, target / "base.raw"),
            )
    peers = [each for each in results if each.startswith("nbdcopy")]
    best = min(peers, key=lambda each: ratio(results, each, "mtv"))
    print(f"{chosen.size} MiB, {chosen.data} % data; SHA-256 {sha256_gb_per_second():.2f} GB/s")
    show(results, best)
    met = goal("mtv, not read back, to nbdcopy", ratio(results, "mtv, not read back", best), GOAL)
    met &= goal("mtv, read back and compared, to nbdcopy", ratio(results, "mtv", best), GOAL)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
