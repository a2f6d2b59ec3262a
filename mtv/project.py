"""The files of a project directory: their names, reading, atomic writing, the lock.

my-migration/
  mtv.yaml  target.yaml  mapping.yaml  plan.yaml     people edit these
  inventory/<source>.json  assessment.json           generated
  probes.json                                        what was tried at the sources
  inventory/previous/<source>.json                   the collection before: never committed
  manifests/  ledger.json  start-plan.json  report/  generated
  runs/<wave>/journal.db  logs/  evidence            never committed
  runs/<wave>/progress.json                          while a command is at work
  runs/targets.json                                  where copies were written to
  private/<source>/                                  NVRAM and TPM data: never committed
"""

import contextlib
import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mtv.errors import ConfigError, ProjectError

T = TypeVar("T")

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")


def safe_name(name: str, what: str) -> str:
    """The name, if it can be a file's name; raises ConfigError otherwise."""
    if not _SAFE_NAME.match(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a {what}",
            "use letters, digits, '.', '_' and '-', at most 63, the first a letter or digit",
        )
    return name


class Project:
    """A project directory. Raises ProjectError when there is no ``mtv.yaml`` in it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not self.config.is_file():
            raise ProjectError(
                f"{self.root} is not a project directory: it has no mtv.yaml",
                "make one with: mtv init DIRECTORY — or name one with: mtv -C DIRECTORY",
            )

    @property
    def config(self) -> Path:
        """``mtv.yaml``."""
        return self.root / "mtv.yaml"

    @property
    def target(self) -> Path:
        """``target.yaml``."""
        return self.root / "target.yaml"

    @property
    def mapping(self) -> Path:
        """``mapping.yaml``."""
        return self.root / "mapping.yaml"

    @property
    def plan(self) -> Path:
        """``plan.yaml``."""
        return self.root / "plan.yaml"

    @property
    def assessment(self) -> Path:
        """``assessment.json``."""
        return self.root / "assessment.json"

    @property
    def probes(self) -> Path:
        """``probes.json``."""
        return self.root / "probes.json"

    @property
    def ledger(self) -> Path:
        """``ledger.json``."""
        return self.root / "ledger.json"

    @property
    def start_plan(self) -> Path:
        """``start-plan.json``."""
        return self.root / "start-plan.json"

    @property
    def manifests(self) -> Path:
        """The kustomize tree."""
        return self.root / "manifests"

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.root / "report"

    def inventory(self, source: str) -> Path:
        """The inventory of one source."""
        return self.root / "inventory" / f"{safe_name(source, 'source')}.json"

    def previous_inventory(self, source: str) -> Path:
        """The inventory before that one, for ``mtv inventory diff``."""
        return self.root / "inventory" / "previous" / f"{safe_name(source, 'source')}.json"

    def private(self, source: str) -> Path:
        """The folder of what is secret about one source's VMs: never committed, never shown."""
        return self.root / "private" / safe_name(source, "source")

    def inventories(self) -> list[Path]:
        """The inventories there are, by name."""
        return sorted((self.root / "inventory").glob("*.json"))

    def run(self, wave: str) -> Path:
        """The folder of one wave's run."""
        return self.root / "runs" / safe_name(wave, "wave")

    def journals(self) -> list[Path]:
        """The journals of all waves that ran, also of those that no plan has any more."""
        return sorted((self.root / "runs").glob("*/journal.db"))

    def is_locked(self, *, aside: bool = False) -> bool:
        """True while some mtv works in this project; ``aside``: beside one that does."""
        try:
            with self.lock(aside=aside):
                return False
        except (ProjectError, OSError):
            return True

    @contextlib.contextmanager
    def lock(self, *, aside: bool = False) -> Iterator[None]:
        """Holds the project for one command that changes something.

        ``aside``: for one of those that run beside them, of which there is one at a time, too.
        Raises ProjectError while another process holds it. The lock is the kernel's: it is gone
        with the process that held it, however that ended.
        """
        with (self.root / (".mtv-aside.lock" if aside else ".mtv.lock")).open("a") as file:
            try:
                _taken(file.fileno())
            except BlockingIOError as problem:
                raise ProjectError(
                    f"another mtv works in {self.root}",
                    "wait until it has ended, or stop it with Ctrl-C: nothing is lost by that",
                ) from problem
            yield


def _taken(descriptor: int) -> None:
    """Takes a file's lock. Raises BlockingIOError when another process keeps it.

    Who only asks whether it is held (``is_locked``) has it for a moment.
    """
    for left in reversed(range(6)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not left:
                raise
        time.sleep(0.02)


def write_atomically(path: Path, data: bytes | str) -> None:
    """Replaces a file whole and durably: a crash leaves the old or the new content."""
    if isinstance(data, str):
        data = data.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).rename(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write_json(path: Path, value: Any) -> None:
    """Writes plain data or a model as indented JSON, keys in their order."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def read_json(path: Path, kind: type[T], remedy: str) -> T:
    """Reads a generated file. Raises ProjectError (with the remedy) when missing or unreadable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as problem:
        raise ProjectError(f"{path.name} is not there yet", remedy) from problem
    except msgspec.DecodeError as problem:
        raise ProjectError(f"{path.name} cannot be read: {problem}", remedy) from problem
