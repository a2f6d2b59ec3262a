"""Slots and their guard: one process each, and nothing outlives its worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtv import guard
from mtv.errors import LaunchError
from mtv.launch.slots import slot
from tests.real.parts import require

_HOLDER = """
import subprocess, sys, time
from mtv.launch.slots import slot
from tests.real.parts import require
with slot() as directory:
    # A daemon that looks like libvirt's QEMU: named so, with the slot's path in its arguments.
    subprocess.Popen(["qemu-stand-in", "-c", "import time; time.sleep(600)", f"{directory}/lib/x"],
                     executable=sys.executable, start_new_session=True)
    print(directory, flush=True)
    time.sleep(600)
"""


def _holder() -> tuple[subprocess.Popen[str], Path]:
    worker = subprocess.Popen(
        [sys.executable, "-c", _HOLDER], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert worker.stdout is not None
    return worker, Path(worker.stdout.readline().strip())


def is_guarded(worker: subprocess.Popen[str]) -> bool:
    """Whether its guard runs by itself by now, past the program that lets it outlive its worker."""
    words = [_command(pid) for pid in _children(worker.pid)]
    return any("guard.py" in each and "setpriv" not in each for each in words)


def until(condition: Callable[[], object], seconds: float = 10) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come true in time"
        time.sleep(0.01)
    return time.monotonic() - began


def kill(worker: subprocess.Popen[str]) -> None:
    worker.kill()
    worker.wait()


def test_two_processes_get_two_slots(launcher_cache: Path) -> None:
    first, one = _holder()
    second, two = _holder()
    try:
        assert one != two
        assert one.parent == two.parent == launcher_cache.resolve() / "mtv" / "libvirt"
        # One that is only being started dies with its worker: the next user of the slot takes over.
        until(lambda: is_guarded(first) and is_guarded(second), 60)
    finally:
        kill(first)
        kill(second)
    until(lambda: not guard.programs(one) and not guard.programs(two))


def test_guard_ends_what_a_killed_worker_started(launcher_cache: Path) -> None:
    del launcher_cache
    worker, directory = _holder()
    assert until(lambda: len(guard.programs(directory)) == 1) < 5
    until(lambda: is_guarded(worker), 60)
    kill(worker)
    assert until(lambda: not guard.programs(directory)) < 2


def test_next_worker_ends_what_a_killed_guard_left(launcher_cache: Path) -> None:
    del launcher_cache
    worker, directory = _holder()
    until(lambda: len(guard.programs(directory)) == 1)
    (guardian,) = [pid for pid in _children(worker.pid) if "guard.py" in _command(pid)]
    os.kill(guardian, signal.SIGKILL)
    kill(worker)
    time.sleep(1)
    assert len(guard.programs(directory)) == 1, "the guard was meant to be dead"
    # Whichever slot the next one gets, it looks into all that are free.
    with slot():
        assert not guard.programs(directory)


def test_lock_is_exclusive(tmp_path: Path) -> None:
    held = guard.lock(tmp_path)
    assert held is not None
    assert guard.lock(tmp_path) is None
    os.close(held)
    again = guard.lock(tmp_path)
    assert again is not None
    os.close(again)


def test_path_too_long_for_sockets_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("long" * 20)))
    with pytest.raises(LaunchError, match="too long a path") as error, slot():
        pass
    assert "XDG_CACHE_HOME" in error.value.hint


def test_directory_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    with pytest.raises(LaunchError, match="cannot use") as error, slot():
        pass
    assert "XDG_CACHE_HOME" in error.value.hint


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def test_a_program_in_a_container_that_names_the_same_path_is_left_alone(tmp_path: Path) -> None:
    """Root's cache has the same path on a host and in its containers."""
    require("root, to change a process's root", os.geteuid() == 0, "run the tests as root")
    script = (
        f"import os, time; os.chroot({str(tmp_path)!r}); print('ready', flush=True); time.sleep(60)"
    )
    stranger = subprocess.Popen(
        ["qemu-stand-in", "-c", script, "/slot/lib/x"],
        executable=sys.executable,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "ready\n"
        assert guard.programs(Path("/slot")) == []
        assert guard.end_programs(Path("/slot")) == 0
        assert stranger.poll() is None
    finally:
        kill(stranger)
