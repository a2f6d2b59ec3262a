"""A launcher directory of the tests' own, with a path short enough for libvirt's sockets."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# libvirt's driver puts the system's libcurl in front of all others of its process: whoever wants
# ovirtsdk4 in it afterwards, as tests of engines do, has to have it loaded by then.
with contextlib.suppress(ImportError):
    import pycurl  # noqa: F401


@pytest.fixture(scope="session")
def short_cache() -> Iterator[Path]:
    """A cache for the whole session: a process has one libvirt directory, for good."""
    directory = Path(tempfile.mkdtemp(prefix="mtv-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def launcher_cache(short_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``XDG_CACHE_HOME`` while a test runs. The guest images stay in the user's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(short_cache))
    return short_cache
