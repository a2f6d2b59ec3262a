"""qcow2 overlays over bases: made, committed, thrown away.

Formats are always said and never probed: a guest can write what looks like a qcow2 header to the
first sector of its raw disk, and name any file of this machine as its backing file.
"""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from mtv.errors import ConvertError
from mtv.moments import reached
from mtv.process import find, run
from mtv.tasks import DiskImage

_CREATE_SECONDS = 120.0
_COMMIT_SECONDS = 6 * 3600.0


def create_argv(qemu_img: str, base: DiskImage, overlay: Path) -> list[str]:
    """The command that makes an empty overlay over a base."""
    argv = [qemu_img, "create", "-q", "-f", "qcow2", "-F", base.format, "-b", base.path]
    return [*argv, "--", str(overlay)]


def commit_argv(qemu_img: str, overlay: DiskImage) -> list[str]:
    """The command that writes what an overlay holds into its base.

    ``-d`` leaves the overlay as it is: emptying it would only cost time.
    """
    return [qemu_img, "commit", "-q", "-d", "-f", overlay.format, "--", overlay.path]


def create_overlays(bases: Sequence[DiskImage], directory: Path) -> tuple[DiskImage, ...]:
    """Empty overlays ``disk-0.qcow2`` ... in ``directory``, for the bases in their order.

    What an earlier attempt left under these names is replaced. Raises ConvertError for a base
    of another format or not there, ProgramFailed when qemu-img fails.
    """
    qemu_img = find("qemu-img", "qemu-utils")
    directory.mkdir(parents=True, exist_ok=True)
    overlays = []
    for number, base in enumerate(bases):
        if base.format not in ("raw", "qcow2") or not base.path.startswith("/"):
            raise ConvertError(f"a base is raw or qcow2, with an absolute path: {base.path}")
        if not Path(base.path).exists():
            raise ConvertError(f"the base {base.path} is not there", "run: mtv sync")
        path = directory.absolute() / f"disk-{number}.qcow2"
        path.unlink(missing_ok=True)
        run(create_argv(qemu_img, base, path), timeout_seconds=_CREATE_SECONDS)
        overlays.append(DiskImage(volume=base.volume, path=str(path), format="qcow2"))
    return tuple(overlays)


def commit_overlay(
    overlay: DiskImage, base: DiskImage, *, cancelled: threading.Event | None = None
) -> None:
    """Writes an overlay's content into its base, durably, and then deletes the overlay.

    May be killed at any moment and repeated: the overlay stays complete until the base holds all
    of it on disk, and writing the same clusters again changes nothing. An overlay that is gone
    has been committed. Between start and end the base is neither old nor new, but the overlay
    over it reads right all the time. Raises ProgramFailed, or Interrupted when ``cancelled``.
    """
    path = Path(overlay.path)
    if not path.exists():
        return
    reached("commit:started")
    qemu_img = find("qemu-img", "qemu-utils")
    run(commit_argv(qemu_img, overlay), timeout_seconds=_COMMIT_SECONDS, cancelled=cancelled)
    sync(Path(base.path))
    reached("commit:written")
    path.unlink()
    sync(path.parent)


def sync(path: Path) -> None:
    """Waits until a file's content, or a directory's entries, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
