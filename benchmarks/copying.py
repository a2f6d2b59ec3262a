"""Copies one disk over HTTPS with mtv and with its peers, in turn, and prints the ratios.

    python -m benchmarks.copying [--size 1024] [--data 25] [--runs 3] [--directory /var/tmp]

Peers: nbdkit's curl plugin with nbdcopy (Debian: nbdkit, libnbd-bin), at its defaults and at its
best; curl into dd. All read from the same server in the same run. mtv digests every grain, makes
the copy durable and reads it back; of the others only ``checked`` does anything like it (nbdcopy
at its best with --flush, then sha256sum over the copy). ``fetch`` is the part of mtv's time before
the read-back, ``again`` a second run that finds nothing to do. Times on a shared machine swing;
the ratios of one run are what counts, and they depend on how fast the processor does SHA-256
(1.7 GB/s a thread with its own instructions for it, 0.3 without). Every copy is compared with the
disk.
"""

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mtv.model.disk import TlsTrust
from mtv.tasks import Limits, Progress
from mtv.transfer.copy import copy_disk
from tests.transfer.disks import ServedDisk, settle
from tests.transfer.range_server import make_certificate

MIB = 1024 * 1024


class Run(NamedTuple):
    """One measured process and its children."""

    wall: float
    cpu: float
    rss_mib: float
    said: str


def measured(argv: list[str]) -> Run:
    """Runs a program to its end and measures it."""
    started = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{argv[0]} ended with {process.returncode}: {said}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)


def make_disk(path: Path, mib: int, percent: int) -> None:
    """A sparse disk with runs of random data, 1 MiB each, spread evenly."""
    chance = random.Random(1)  # noqa: S311
    with path.open("wb") as file:
        file.truncate(mib * MIB)
        for grain in range(mib):
            if grain * percent // 100 != (grain + 1) * percent // 100:
                file.seek(grain * MIB)
                file.write(chance.randbytes(MIB))
    settle(path)


@contextlib.contextmanager
def served(disk: Path, certificate: Path, key: Path) -> Iterator[str]:
    """The disk's URL while its server, a process of its own, runs."""
    argv = [sys.executable, "-m", "tests.transfer.range_server", str(disk)]
    argv += [str(certificate), str(key)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None  # noqa: S101
        try:
            yield f"https://127.0.0.1:{server.stdout.readline().strip()}/disk"
        finally:
            server.kill()


def one_copy(url: str, ca: str, base: str, capacity: str, connections: str) -> None:
    """The measured process of mtv: one copy; prints the seconds before the read-back."""
    started = time.monotonic()
    reading = [started]

    def note(progress: Progress) -> None:
        if progress.says == "reading the source":
            reading[0] = time.monotonic()

    copy_disk(
        ServedDisk(url, TlsTrust(ca=ca)),
        Path(base),
        int(capacity),
        limits=Limits(connections=int(connections)),
        on_progress=note,
        cancelled=threading.Event(),
    )
    print(reading[0] - started)


def contenders(url: str, ca: Path, target: Path, capacity: int) -> dict[str, list[str]]:
    """Program by name, as far as they are installed."""
    us = [sys.executable, "-m", "benchmarks.copying", "--one-copy", url, str(ca), str(target)]
    found = {f"mtv k={k}": [*us, str(capacity), str(k)] for k in (2, 1, 4)}
    if shutil.which("nbdkit") and shutil.which("nbdcopy"):
        nbdkit = ["nbdkit", "--readonly", "curl", f"url={url}", f"cainfo={ca}", "--run"]
        found["nbdcopy"] = [*nbdkit, f'nbdcopy "$uri" {target}']
        best = f'nbdcopy --request-size={4 * MIB} --requests=4 "$uri" {target}'
        found["nbdcopy 4M"] = [*nbdkit, best]
        checked = best.replace("--requests", "--flush --requests")
        found["checked"] = [*nbdkit, f"{checked} && sha256sum {target} >/dev/null"]
    pipe = f"curl -sS --cacert {ca} {url} | dd of={target} bs=1M iflag=fullblock conv=sparse"
    found["curl | dd"] = ["sh", "-c", f"{pipe} status=none && truncate -s {capacity} {target}"]
    return found


def main() -> None:
    """Runs every contender in turn, several times, and prints medians and ratios."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--size", type=int, default=1024, help="MiB of the disk")
    options.add_argument("--data", type=int, default=25, help="percent that is not zero")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--directory", default=tempfile.gettempdir())
    options.add_argument("--one-copy", nargs=5, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one_copy:
        one_copy(*chosen.one_copy)
        return
    with tempfile.TemporaryDirectory(dir=chosen.directory) as name:
        directory = Path(name)
        disk = directory / "disk.raw"
        make_disk(disk, chosen.size, chosen.data)
        certificate, key = make_certificate(directory)
        with served(disk, certificate, key) as url:
            compare(url, disk, certificate, chosen.runs)


def compare(url: str, disk: Path, certificate: Path, runs: int) -> None:
    """Measures and prints the table."""
    target = disk.parent / "target" / "base.raw"
    programs = contenders(url, certificate, target, disk.stat().st_size)
    results: dict[str, list[Run]] = {name: [] for name in programs}
    again: list[Run] = []
    for _ in range(runs):
        for name, argv in programs.items():
            shutil.rmtree(target.parent, ignore_errors=True)
            target.parent.mkdir()
            results[name].append(measured(argv))
            subprocess.run(["cmp", disk, target], check=True)
            if name == "mtv k=2":
                again.append(measured(argv))
    first = {part: median(results["mtv k=2"], part) for part in ("wall", "cpu")}
    print(f"SHA-256: {sha256_gb_per_second():.2f} GB/s a thread; load {os.getloadavg()[0]:.1f}")
    print(
        f"{disk.stat().st_size // MIB} MiB, {disk.stat().st_blocks // 2048} of them data; "
        f"medians of {runs}, ratios to mtv k=2"
    )
    print(f"{'':12} {'wall s':>8} {'ratio':>6} {'cpu s':>7} {'ratio':>6} {'RSS MiB':>8}  fetch s")
    for name, found in [*results.items(), ("mtv again", again)]:
        wall, cpu, rss = (median(found, part) for part in ("wall", "cpu", "rss_mib"))
        fetch = (
            f"{statistics.median(float(run.said) for run in found):.2f}" if found[0].said else ""
        )
        print(
            f"{name:12} {wall:8.2f} {wall / first['wall']:6.2f} {cpu:7.2f} "
            f"{cpu / first['cpu']:6.2f} {rss:8.0f}  {fetch}"
        )


def sha256_gb_per_second() -> float:
    """How fast one thread digests grains here, in processor time."""
    grain = bytes(MIB)
    started = time.process_time()
    for _ in range(64):
        hashlib.sha256(grain).digest()
    return 64 * MIB / 1e9 / (time.process_time() - started)


def median(found: list[Run], part: str) -> float:
    """The median of one measure."""
    return float(statistics.median(getattr(run, part) for run in found))


if __name__ == "__main__":
    main()
