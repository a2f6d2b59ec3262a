"""Where built parts are kept between runs, and how they are keyed."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def cache_directory() -> Path:
    """Return the cache of this project: `mtv` in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mtv"


def digest_of_files(files: Iterable[Path], *more: str) -> str:
    """Return 12 hex digits of the SHA-256 of the files' content, in the given order, and `more`.

    Without `more` that is `cat FILES | sha256sum | cut -c1-12`, which the setup scripts use.
    """
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    for text in more:
        digest.update(text.encode())
    return digest.hexdigest()[:12]
