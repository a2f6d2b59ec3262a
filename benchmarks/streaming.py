"""A streamOptimized VMDK over HTTPS, as vCenter exports it: mtv, and curl with qemu-img.

    python -m benchmarks.streaming [--size 2048] [--data 35] [--disk FILE] [--rounds 3]

mtv unpacks, digests, writes, records and reads back while it downloads, without a temporary file;
its peer downloads to a file and runs ``qemu-img convert -f vmdk``, which digests nothing and makes
nothing durable. ``zlib`` is mtv as if the optional wheel (``mtv[fast]``) were not installed.
Without ``--disk`` the data is words of no meaning that deflate to about a third. Needs nginx and
qemu-img. Every copy is compared with the disk.
"""

import mmap
import sys
import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import msgspec

from benchmarks.disks import Copy, https, text_disk
from benchmarks.turns import MIB, emptied, goal, in_turn, options, ratio, same, show
from tests.real.vmdk import vmware_vmdk
from tests.transfer.range_server import make_certificate

GOAL_ZLIB, GOAL_WHEEL = 0.6, 0.4
PEER = "curl, qemu-img"


def programs(copy: Copy) -> dict[str, list[str]]:
    """Program by name."""
    quick = msgspec.structs.replace(copy, no_compare=True)
    plain = msgspec.structs.replace(copy, without_wheel=True)
    found = {
        "zlib": plain.argv(),
        "zlib, not read back": msgspec.structs.replace(plain, no_compare=True).argv(),
    }
    if find_spec("isal"):
        found |= {"isal": copy.argv(), "isal, not read back": quick.argv()}
    packed = f"{copy.base}.vmdk"
    convert = f"qemu-img convert -f vmdk -O raw {packed} {copy.base}"
    peer = f"curl -sS --cacert {copy.ca} -o {packed} {copy.url} && {convert}"
    return found | {PEER: ["sh", "-c", peer]}


def pack(disk: Path, packed: Path) -> None:
    """Writes the VMDK of a disk."""
    with disk.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        packed.write_bytes(vmware_vmdk(cast("bytes", content)))


def main() -> None:
    told = options(__doc__, 2048, 35)
    told.add_argument("--disk", type=Path, help="a raw disk instead")
    chosen = told.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.directory) as name:
        root, target = Path(name) / "root", Path(name) / "target"
        root.mkdir()
        disk = chosen.disk or Path(name) / "disk.raw"
        if chosen.disk is None:
            text_disk(disk, chosen.size, chosen.data)
        pack(disk, root / "disk.vmdk")

        certificate, key = make_certificate(Path(name))
        with https(root, certificate, key) as url:
            copy = Copy(
                url=f"{url}/disk.vmdk",
                ca=str(certificate),
                base=str(target / "base.raw"),
                capacity_bytes=disk.stat().st_size,
                stream=True,
            )
            results = in_turn(
                programs(copy),
                chosen.rounds,
                before=partial(emptied, target),
                after=lambda _: same(disk, target / "base.raw"),
            )
        size, data = (root / "disk.vmdk").stat().st_size, disk.stat().st_blocks * 512
    print(f"{size // MIB} MiB of stream, {data // MIB} MiB of data")
    show(results, PEER)
    met = True
    for name, most in (("zlib", GOAL_ZLIB), ("isal", GOAL_WHEEL)):
        for each in (f"{name}, not read back", name):
            if each in results:
                met &= goal(f"{each}, to {PEER}", ratio(results, each, PEER), most)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
