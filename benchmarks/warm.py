"""What a pass over a running VM reads, to what its guest changed: vSphere and RHV in turn.

    python -m benchmarks.warm [--size 1024] [--data 25] [--changed 32] [--rounds 3]

A disk is copied once; then, in each round, the guest writes 8 KiB into so many grains (1 MiB each)
taken at random, and a second pass copies what changed. The ratio is bytes fetched to the bytes of
those grains. Each platform is the whole way: the test vCenter with snapshots and change tracking,
the test engine with qemu-storage-daemon and ovirt-imageio's daemon. Seconds are those of the
worker, Python's start and its login included, without holding the disk and letting go of it. After
each pass the copy is compared with the disk.
"""

import contextlib
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.disks import sparse_disk
from benchmarks.machines import Machine, passes, rhv, vsphere
from benchmarks.turns import MIB, Run, goal, median, options, same
from benchmarks.workers import Copied

GOAL = 1.05
WRITTEN_BYTES = 8192
PLATFORMS = {"vSphere": vsphere, "RHV": rhv}


def change(machine: Machine, truth: Path, grains: int, chance: random.Random) -> None:
    """The guest writes into some grains; ``truth`` is a file that holds what the disk does."""
    with truth.open("r+b") as file:
        for grain in chance.sample(range(truth.stat().st_size // MIB), grains):
            offset = grain * MIB + chance.randrange(0, MIB, WRITTEN_BYTES)
            data = chance.randbytes(WRITTEN_BYTES)
            machine.write(offset, data)
            file.seek(offset)
            file.write(data)


def row(name: str, runs: list[Run], fetched: float, ratio: float | None) -> None:
    """Prints a line of the table."""
    wall, cpu, peak = (median(runs, part) for part in ("wall", "cpu", "peak_mib"))
    told = "" if ratio is None else f"{ratio:.3f}"
    print(f"{name:22} {fetched / MIB:8.1f} {told:>6} {wall:8.2f} {cpu:7.2f} {peak:6.0f}")


def main() -> None:
    told = options(__doc__, 1024, 25)
    told.add_argument("--changed", type=int, default=32, help="grains of 1 MiB a round")
    chosen = told.parse_args()
    if not 0 < chosen.changed <= chosen.size:
        told.error(f"--changed: the disk has {chosen.size} grains")
    chance = random.Random(2)  # noqa: S311
    first = dict[str, Copied]()
    later: dict[str, list[Copied]] = {name: [] for name in PLATFORMS}
    with (
        tempfile.TemporaryDirectory(dir=chosen.directory) as directory,
        contextlib.ExitStack() as ends,
    ):
        truth = {name: Path(directory) / f"{name}.raw" for name in PLATFORMS}
        running = {}
        for name, start in PLATFORMS.items():
            sparse_disk(truth[name], chosen.size, chosen.data)
            place = Path(directory) / name
            running[name] = ends.enter_context(passes(start, place, truth[name]))
        for name, (_, over) in running.items():
            first[name] = over.take()
            same(truth[name], over.base)
        for _ in range(chosen.rounds):
            for name, (machine, over) in running.items():
                change(machine, truth[name], chosen.changed, chance)
                later[name].append(over.take())
                same(truth[name], over.base)

    print(f"{chosen.size} MiB, {chosen.data} % data, {chosen.changed} grains changed a round")
    heads = f"{'MiB read':>8} {'ratio':>6} {'wall s':>8} {'CPU s':>7} {'MiB':>6}"
    print(f"{'':22} {heads}  medians of {chosen.rounds}, load {os.getloadavg()[0]:.1f}")
    met = True
    for name, found in later.items():
        row(f"{name}, first", [first[name].run], first[name].result.fetched_bytes, None)
        fetched = [each.result.fetched_bytes for each in found]
        ratio = statistics.median(fetched) / (chosen.changed * MIB)
        row(
            f"{name}, what changed", [each.run for each in found], statistics.median(fetched), ratio
        )
        most = max(fetched) / (chosen.changed * MIB)
        met &= goal(f"{name}: read, to changed, at most", most, GOAL)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
