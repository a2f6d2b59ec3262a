"""Programs measured in turn: A B A B, so that a busy moment of the machine hits all alike.

    python -m benchmarks.turns PROGRAM [ARGUMENT ...]     measures one; prints JSON

What is said of two programs is the median of their ratios, round by round. Processor seconds are
those of the program and of all that it started, also of what it left behind.
"""

import argparse
import ctypes
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

MIB = 1024 * 1024
_PR_SET_CHILD_SUBREAPER = 36


class Run(NamedTuple):
    """One run of a program."""

    wall: float
    cpu: float
    peak_mib: float
    """Of the largest of its processes."""
    said: str


Results = dict[str, list[Run]]


def options(text: str | None, size: int, data: int) -> argparse.ArgumentParser:
    """What all benchmarks of copies are told; ``size`` and ``data`` unless told otherwise."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=size, help="MiB of the disk")
    parser.add_argument("--data", type=int, default=data, help="percent that is not zero")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", default="/var/tmp")  # noqa: S108
    return parser


def emptied(directory: Path) -> None:
    """The directory is there, and nothing in it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()


def measured(argv: Sequence[str]) -> Run:
    """Runs a program to its end, in a process that adopts what it leaves behind."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.turns", *argv], stdout=subprocess.PIPE, check=True
    )
    return Run(*json.loads(ended.stdout))


def in_turn(
    programs: Mapping[str, Sequence[str]],
    rounds: int,
    *,
    before: Callable[[], None],
    after: Callable[[str], None],
) -> Results:
    """Runs all programs in turn, ``rounds`` times; ``after`` is told whose work it may look at."""
    results: Results = {name: [] for name in programs}
    for _ in range(rounds):
        for name, argv in programs.items():
            before()
            results[name].append(measured(argv))
            after(name)
            wall, cpu, *_ = results[name][-1]
            print(f"{name}: {wall:.2f} s, {cpu:.2f} s of processors", file=sys.stderr)
    return results


def ratio(results: Results, one: str, other: str, part: str = "wall") -> float:
    """The median of ``one`` to ``other``, round by round."""
    pairs = zip(results[one], results[other], strict=True)
    return float(statistics.median(getattr(a, part) / getattr(b, part) for a, b in pairs))


def median(runs: Sequence[Run], part: str) -> float:
    """The median of one measure."""
    return float(statistics.median(getattr(run, part) for run in runs))


def show(results: Results, to: str) -> None:
    """Prints the table; ratios are to the program ``to``."""
    width = max(map(len, results))
    heads = f"{'wall s':>8} {'ratio':>6} {'CPU s':>7} {'ratio':>6} {'MiB':>6}"
    print(f"{'':{width}} {heads}  medians of {len(results[to])}, load {os.getloadavg()[0]:.1f}")
    for name, runs in results.items():
        wall, cpu, peak = (median(runs, part) for part in ("wall", "cpu", "peak_mib"))
        ratios = [ratio(results, name, to, part) for part in ("wall", "cpu")]
        print(
            f"{name:{width}} {wall:8.2f} {ratios[0]:6.2f} {cpu:7.2f} {ratios[1]:6.2f} {peak:6.0f}"
        )


def goal(what: str, found: float, most: float) -> bool:
    """Prints whether a goal is met."""
    met = found <= most
    print(f"{what}: {found:.2f}, goal {most:.2f}: {'met' if met else 'MISSED'}")
    return met


def sha256_gb_per_second() -> float:
    """How fast one thread digests grains here, in processor time."""
    grain = bytes(MIB)
    started = time.process_time()
    for _ in range(64):
        hashlib.sha256(grain).digest()
    return 64 * MIB / 1e9 / (time.process_time() - started)


def same(one: Path, other: Path) -> None:
    """Ends the benchmark when two files are not equal."""
    if subprocess.run(["cmp", one, other]).returncode:
        sys.exit(f"{other} is not what {one} is")


def _measure(argv: list[str]) -> Run:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        code = subprocess.run(argv, stdout=said).returncode
        wall = time.monotonic() - started
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        if code:
            sys.exit(f"{argv[0]} ended with {code}")
        said.seek(0)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        text = said.read().decode()
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text)


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1:])))
