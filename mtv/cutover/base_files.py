"""Names of the bases of a wave."""

import os
from pathlib import Path
from typing import get_args

from mtv.config import BaseFormat


def base_file(directory: Path, stem: str, wanted: str) -> Path:
    """A base; what was begun in another format than the one that is wanted now stays in it."""
    for each in get_args(BaseFormat):
        path = directory / f"{stem}.{each}"
        if os.path.lexists(path):
            return path
    return directory / f"{stem}.{wanted}"
