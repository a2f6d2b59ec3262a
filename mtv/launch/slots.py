"""Directories in which libvirt's embedded driver works, one for each process at a time.

A process can open one embedded driver, with one root directory, for as long as it lives; and two
processes cannot share one (libvirt 9.0). So there is a small row of numbered directories, and a
worker takes the first whose lock is free. They are kept, because libvirt's probe of QEMU's
capabilities (3 to 9 seconds) is cached in them.

    ~/.cache/mtv/libvirt/0/   lock  etc/qemu.conf  cache/  lib/  run/  log/
                         1/   ...
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mtv import guard
from mtv.accel import cache_directory
from mtv.errors import LaunchError
from mtv.process import start

MOST = 64
"""Slots; as many checks can run at once on one machine."""

_LONGEST = 50
"""Characters of a slot's path: libvirt puts a socket 54 characters deeper, and the kernel takes
no path of a socket that is longer than 107."""

_CONF = """\
# The driver runs inside mtv: no daemon, no other user, nothing of the host is changed.
stdio_handler = "file"
security_driver = "none"
user = "+{uid}"
group = "+{gid}"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
"""


@contextlib.contextmanager
def slot() -> Iterator[Path]:
    """A slot's directory, cleaned of what a killed predecessor left, and watched by a guard.

    When this process dies, the machines in the slot die. Raises LaunchError when none can be had.
    """
    base = cache_directory() / "libvirt"
    try:
        base.mkdir(parents=True, exist_ok=True)
        base.chmod(0o700)
        directory, descriptor = _take(base.resolve())
    except OSError as problem:
        raise LaunchError(
            f"the launcher cannot use {base}: {problem.strerror or problem}",
            "set XDG_CACHE_HOME to a directory that this user may write to",
        ) from problem
    try:
        with start(guard.argv(directory)):
            yield directory
    finally:
        os.close(descriptor)


def _take(base: Path) -> tuple[Path, int]:
    """The first free slot, locked; and no slot, ours or not, is left with a dead worker's QEMU."""
    mine: tuple[Path, int] | None = None
    for number in range(MOST):
        directory = base / str(number)
        if mine is not None and not directory.exists():
            break
        if len(str(directory)) > _LONGEST:
            raise LaunchError(
                f"the launcher's directory has too long a path: {directory}",
                f"set XDG_CACHE_HOME so that it has at most {_LONGEST} characters",
            )
        directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = guard.lock(directory)
        if descriptor is None:
            continue
        _clean(directory)
        if mine is None:
            mine = directory, descriptor
        else:
            os.close(descriptor)
    if mine is None:
        raise LaunchError(
            f"{MOST} guests are being checked on this machine already", "try again later"
        )
    _furnish(mine[0], base)
    return mine


def _clean(directory: Path) -> None:
    """Ends what a dead worker left running and forgets its state; keeps the capabilities."""
    # run/ is removed on the way out: where it is, the last worker did not get there.
    if not (directory / "run").exists():
        return
    try:
        guard.end_programs(directory)
    except TimeoutError as problem:
        raise LaunchError(
            f"a guest of an earlier run cannot be stopped: {problem}",
            "see what storage its disk is on; nothing was started",
        ) from problem
    forget(directory)


def forget(directory: Path) -> None:
    """Removes libvirt's state of a slot in which nothing runs. ``run`` goes last: see _clean."""
    for name in ("lib", "log", "run"):
        shutil.rmtree(directory / name, ignore_errors=True)


def _furnish(directory: Path, base: Path) -> None:
    """Writes the driver's configuration; a new slot starts with another one's capabilities."""
    (directory / "etc").mkdir(exist_ok=True)
    conf = _CONF.format(uid=os.geteuid(), gid=os.getegid())
    (directory / "etc" / "qemu.conf").write_text(conf, encoding="utf-8")
    (directory / "run").mkdir(exist_ok=True)
    (directory / "libvirt.log").unlink(missing_ok=True)
    known = base / "0" / "cache"
    if not (directory / "cache").exists() and known.is_dir():
        # libvirt checks what it reads, and probes again where a file was copied half written.
        with contextlib.suppress(OSError, shutil.Error):
            shutil.copytree(known, directory / "cache")
