"""A private directory for virt-v2v's sockets and temporary files, and nothing left of it."""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from mtv import guard
from mtv.accel import cache_directory
from mtv.errors import ConvertError
from mtv.process import start

_LONGEST = 75
"""Characters: sockets lie up to 32 deeper, and the kernel takes no longer path than 107."""

_LOCKED_SECONDS = 5.0
"""Longer than the guard of a killed worker needs."""


@contextlib.contextmanager
def scratch(task_directory: Path) -> Iterator[Path]:
    """A fresh directory for the conversion in ``task_directory``; removed afterwards.

    It lies in the user's cache, because a path in a project may be too long for a socket. What an
    attempt that was killed left is ended and removed first: its qemu-nbd still had the overlays
    open. When this process dies, what it started dies. Raises ConvertError when the same
    conversion is running somewhere else.
    """
    home = home_of(task_directory)
    descriptor = _lock(home)
    try:
        _clean(home)
        _clean_others(home)
        place = home / "tmp"
        place.mkdir()
        with start(guard.argv(home)):
            try:
                yield place
            finally:
                # virt-v2v ends its qemu-nbd without waiting for it.
                _wait_for_end(home)
                shutil.rmtree(home, ignore_errors=True)
    except TimeoutError as problem:
        raise ConvertError(
            f"a program of an earlier conversion cannot be ended: {problem}",
            "see what storage the disks are on; nothing was started",
        ) from problem
    finally:
        os.close(descriptor)


def home_of(task_directory: Path) -> Path:
    """Where the conversion in that directory has its scratch directory and its lock."""
    key = hashlib.sha256(os.fsencode(task_directory)).hexdigest()[:12]
    home = cache_directory().resolve() / "v2v" / key
    if len(str(home)) > _LONGEST:
        raise ConvertError(
            f"the converter's directory has too long a path: {home}",
            f"set XDG_CACHE_HOME so that it has at most {_LONGEST} characters",
        )
    return home


def _clean(home: Path) -> None:
    """Ends and removes what an attempt that was killed left; only for the lock's holder."""
    if (home / "tmp").exists():
        guard.end_programs(home)
        shutil.rmtree(home / "tmp")


def _clean_others(mine: Path) -> None:
    """The same for the conversions that nobody came back for."""
    for home in mine.parent.iterdir():
        if home != mine and (home / "tmp").exists():
            descriptor = guard.lock(home)
            if descriptor is not None:
                try:
                    _clean(home)
                    shutil.rmtree(home, ignore_errors=True)
                finally:
                    os.close(descriptor)


def _lock(home: Path) -> int:
    """The directory's lock; waits a little for the guard of a worker that was killed."""
    deadline = time.monotonic() + _LOCKED_SECONDS
    while True:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = guard.lock(home)
        if descriptor is not None:
            return descriptor
        if time.monotonic() > deadline:
            raise ConvertError("this guest is being converted by another mtv at the moment")
        time.sleep(0.1)


def _wait_for_end(home: Path) -> None:
    """Until nothing works in the directory any more; kills what does not end."""
    deadline = time.monotonic() + 10
    while guard.programs(home):
        if time.monotonic() > deadline:
            guard.end_programs(home)
        time.sleep(0.05)
