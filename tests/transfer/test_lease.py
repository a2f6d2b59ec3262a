"""The writer lease: who was frozen past it writes nothing more, and who waits is told about it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mtv.errors import TransferError
from mtv.transfer.bases.lease import writer_lease
from tests.transfer.conftest import Bench, SetUp
from tests.transfer.disks import MIB, copied, sha256

SECONDS = 3.0

PROGRAM = f"""
import runpy, sys
from mtv.transfer.bases import lease
lease.LEASE_SECONDS = {SECONDS}
sys.argv[0] = "copy_program"
runpy.run_module("tests.transfer.copy_program", run_name="__main__")
"""


@contextmanager
def frozen(bench: Bench, ca: Path, served: int) -> Iterator["subprocess.Popen[str]"]:
    """A copy by one connection in a process of its own, whose lease is short; it is stopped once
    so many bytes were served."""
    begun = threading.Event()
    bench.server.behaviour.on_served = lambda count: begun.set() if count > served else None
    argv = [sys.executable, "-c", PROGRAM, bench.server.url, str(ca)]
    argv += [str(bench.base), str(bench.capacity), "1"]
    child = subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert begun.wait(60)
        child.send_signal(signal.SIGSTOP)
        eventually(lambda: stopped(child))
        yield child
    finally:
        child.send_signal(signal.SIGCONT)
        child.kill()
        child.wait()


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stopped(child: "subprocess.Popen[str]") -> bool:
    state = Path(f"/proc/{child.pid}/stat").read_bytes().rpartition(b") ")[2][:1]
    return state == b"T"


def grains(path: Path) -> list[bytes]:
    content = path.read_bytes()
    return [content[at : at + MIB] for at in range(0, len(content), MIB)]


def test_a_worker_frozen_past_its_lease_writes_nothing_more(
    set_up: SetUp, certificate: tuple[Path, Path]
) -> None:
    bench = set_up("d" * 400)
    with frozen(bench, certificate[0], 150 * MIB) as child:
        base, recorded = grains(bench.base), bench.beside("resume").read_bytes()
        assert any(base)
        time.sleep(SECONDS * 1.5)
        # Another one is told who has the disk, and that it may be dead.
        path, never = bench.beside("lease"), threading.Event()
        with (
            pytest.raises(TransferError, match=rf"{child.pid}\) .* no sign of life") as told,
            writer_lease(path, never, patience_seconds=0.2, lease_seconds=SECONDS),
        ):
            pass
        assert f"kill -9 {child.pid}" in told.value.hint
        child.send_signal(signal.SIGCONT)
        said, trace = child.communicate(timeout=60)
    assert "LeaseLost: this worker gave no sign of life for" in said, trace
    assert child.returncode == 1
    # One write may have been under way in the kernel or right behind the check.
    after = grains(bench.base)
    assert sum(one != other for one, other in zip(base, after, strict=True)) <= 1
    assert bench.beside("resume").read_bytes() == recorded
    result = copied(bench.source, bench.base, bench.capacity)
    assert result.kept_bytes > 0
    assert sha256(bench.base) == sha256(bench.disk)


def test_a_worker_frozen_for_a_moment_goes_on(
    set_up: SetUp, certificate: tuple[Path, Path]
) -> None:
    bench = set_up("d" * 200)
    with frozen(bench, certificate[0], 50 * MIB) as child:
        child.send_signal(signal.SIGCONT)
        said, trace = child.communicate(timeout=120)
    assert child.returncode == 0, (said, trace)
    assert sha256(bench.base) == sha256(bench.disk)


def test_it_is_renewed_as_long_as_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "base.raw.lease"
    with writer_lease(path, threading.Event(), lease_seconds=1.2) as held:
        first = path.read_bytes()
        for _ in range(8):
            time.sleep(0.3)
            held.check()
        assert path.read_bytes() != first
        assert path.read_bytes().startswith(f"{os.getpid()} ".encode())


NO_SIGNS = """
import resource, sys, threading, time
from pathlib import Path
from mtv.errors import LeaseLost
from mtv.transfer.bases.lease import writer_lease
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
with writer_lease(Path(sys.argv[1]), threading.Event(), lease_seconds=0.6) as held:
    held.check()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    time.sleep(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    time.sleep(0.3)
    for _ in range(2):  # for good
        try:
            held.check()
        except LeaseLost as problem:
            print(problem)
"""


def test_one_whose_signs_of_life_cannot_be_written_loses_it(tmp_path: Path) -> None:
    path = tmp_path / "base.raw.lease"
    ended = subprocess.run(
        [sys.executable, "-c", NO_SIGNS, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert ended.stdout.count("base.raw no more") == 2, ended
