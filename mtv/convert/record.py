"""``converted.json``: the proof that a conversion came to its end.

It is written last, atomically, and names what the overlays were made over. Without it overlays
are worth nothing; with it they are not made again.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mtv.convert.overlay import commit_overlay
from mtv.errors import ConvertError
from mtv.project import write_json
from mtv.tasks import ConvertResult, DiskImage

FILE = "converted.json"


class BaseState(msgspec.Struct, frozen=True, kw_only=True):
    """What a base looked like when it was put under its overlay; it must not change after that.

    Size and time are None for a block device, which shows neither.
    """

    path: str
    size_bytes: int | None
    mtime_ns: int | None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A finished conversion."""

    bases: tuple[BaseState, ...]
    result: ConvertResult
    committing: bool = False
    """True from the first write into a base on."""


def base_states(bases: Sequence[DiskImage]) -> tuple[BaseState, ...]:
    """The bases as they are now."""
    states = []
    for base in bases:
        path = Path(base.path)
        stat = path.stat()
        regular = path.is_file()
        states.append(
            BaseState(
                path=base.path,
                size_bytes=stat.st_size if regular else None,
                mtime_ns=stat.st_mtime_ns if regular else None,
            )
        )
    return tuple(states)


def load(directory: Path) -> Record | None:
    """The record in a task's directory; None when there is none that can be read."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def store(directory: Path, record: Record) -> None:
    """Writes the record, whole and durable."""
    write_json(directory / FILE, record)


def usable(record: Record, bases: Sequence[DiskImage]) -> bool:
    """True when the recorded overlays are there, over bases that are as they were.

    Raises ConvertError when the conversion is being, or has been, committed: converting again
    would convert a converted guest.
    """
    if record.committing:
        raise ConvertError(
            "the converted disks of this VM are already being written into their bases",
            "finish the cutover, or roll back and run mtv sync for a fresh copy",
        )
    overlays = [Path(overlay.path) for overlay in record.result.overlays]
    return all(path.exists() for path in overlays) and record.bases == base_states(bases)


def fits(bases: Sequence[DiskImage], directory: Path) -> bool:
    """True when a finished conversion can be committed: nothing of it was yet, and the bases, all
    of which are there, are as they were under it.
    """
    record = load(directory)
    return record is not None and not record.committing and usable(record, bases)


def commit_converted(
    bases: Sequence[DiskImage], directory: Path, *, cancelled: threading.Event | None = None
) -> None:
    """Commits all overlays of a finished conversion; may be killed and repeated at any moment.

    Raises ConvertError when there is no finished conversion in ``directory``, or the bases
    changed since.
    """
    record = load(directory)
    if record is None:
        raise ConvertError(f"there is no finished conversion in {directory}", "convert first")
    if not record.committing:
        if not usable(record, bases):
            raise ConvertError(
                "a base changed after the guest was converted over it", "convert again"
            )
        # From here on the way leads forward only; see ``usable``.
        record = msgspec.structs.replace(record, committing=True)
        store(directory, record)
    by_volume = {base.volume: base for base in bases}
    for overlay in record.result.overlays:
        commit_overlay(overlay, by_volume[overlay.volume], cancelled=cancelled)
