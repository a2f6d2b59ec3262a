"""Names of the bases of a wave."""

import os
from pathlib import Path
from typing import get_args

from mtv.config import BaseFormat
from mtv.errors import ConfigError

_TRACES = ("", ".resume", ".digests")
"""The base itself; where it was moved away, what is known of its copy still says its format."""


def base_file(directory: Path, stem: str, wanted: str) -> Path:
    """A base; what was begun in another format than the one that is wanted now stays in it.

    Raises ConfigError where there are two: only one is the copy, or the guest's own disk by now.
    """
    paths = [directory / f"{stem}.{each}" for each in get_args(BaseFormat)]
    for trace in _TRACES:
        there = [path for path in paths if os.path.lexists(f"{path}{trace}")]
        if len(there) > 1:
            names = " and ".join(f"{path.name}{trace}" for path in there)
            raise ConfigError(
                f"there are {names} in {directory}: mtv cannot tell which of them is the disk",
                "move the one that mtv did not make to another folder; nothing was changed",
            )
        if there:
            return there[0]
    return directory / f"{stem}.{wanted}"
