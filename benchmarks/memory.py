"""The peak memory of a worker, by the size of the disk: its first run and the next one.

    python -m benchmarks.memory [--sizes 1 64 1024 4096] [--sources OVA vSphere RHV]

Sizes in GiB. The disks have three grains of data; they are a qcow2 image in an OVA, a flat file in
the test vCenter, and a qcow2 image behind ovirt-imageio's daemon. Each run is a real worker (``mtv
worker``) and the figure is that process's own, as the kernel counted it. VMs run, so their second
run is a pass after the guest wrote into one grain; of the OVA it is one with nothing to do.
"""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.machines import Start, passes, rhv, vsphere
from benchmarks.turns import MIB, goal
from benchmarks.workers import Copied, worker
from mtv.model.collection import CollectOptions
from mtv.sources import open_source
from mtv.tasks import Connection, SyncTask
from tests.transfer.test_memory import make_ova

GOAL_MIB = 80
GIB = 1 << 30
FIRST_AND_SECOND = 2

Runs = Callable[[Path, int], Iterator[Copied]]


def ova(directory: Path, capacity_bytes: int) -> Iterator[Copied]:
    """Copies of a disk in an OVA."""
    file = make_ova(directory / "huge.ova", capacity_bytes)
    source = Connection(name="files", kind="ova", path=str(file))
    with contextlib.closing(open_source(source)) as opened:
        (vm,) = opened.collect(lambda _: None, CollectOptions()).vms
    task = SyncTask(
        vm=vm.id,
        disk=str(vm.disks[0].key),
        capacity_bytes=capacity_bytes,
        base=str(directory / "base.raw"),
        source=source,
    )
    for _ in range(FIRST_AND_SECOND):
        yield worker(task)


def running(start: Start) -> Runs:
    """Copies of the disk of a VM that runs."""

    def copies(directory: Path, capacity_bytes: int) -> Iterator[Copied]:
        content = directory / "content.raw"
        with content.open("wb") as file:
            for offset in (0, capacity_bytes // 2, capacity_bytes - MIB):
                file.seek(offset)
                file.write(b"\7" * 65536)
            file.truncate(capacity_bytes)
        with passes(start, directory / "machine", content) as (machine, over):
            for number in range(FIRST_AND_SECOND):
                yield over.take()
                machine.write((number + 5) * MIB, b"\1" * 8192)

    return copies


SOURCES: dict[str, Runs] = {"OVA": ova, "vSphere": running(vsphere), "RHV": running(rhv)}


def main() -> None:
    told = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    told.add_argument("--sizes", type=int, nargs="+", default=[1, 64, 1024, 4096], help="GiB")
    told.add_argument("--sources", nargs="+", choices=SOURCES, default=list(SOURCES))
    told.add_argument("--directory", default="/var/tmp")  # noqa: S108
    chosen = told.parse_args()
    print(
        f"{'source':8} {'GiB':>6} {'run':>6} {'MiB':>5} {'read MiB':>9} {'wall s':>7} {'CPU s':>6}"
    )
    largest = 0.0
    for name in chosen.sources:
        for size in chosen.sizes:
            with tempfile.TemporaryDirectory(dir=chosen.directory) as directory:
                copies = SOURCES[name](Path(directory), size * GIB)
                for which, copied in zip(("first", "second"), copies, strict=True):
                    wall, cpu, peak, _ = copied.run
                    fetched = copied.result.fetched_bytes / MIB
                    print(
                        f"{name:8} {size:6} {which:>6} {peak:5.0f} {fetched:9.1f} "
                        f"{wall:7.1f} {cpu:6.1f}",
                        flush=True,
                    )
                    largest = max(largest, peak)
    print(f"load {os.getloadavg()[0]:.1f}")
    sys.exit(0 if goal("peak MiB", largest, GOAL_MIB) else 1)


if __name__ == "__main__":
    main()
