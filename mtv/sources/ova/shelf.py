"""Where packages are: files by their names, in a folder of this machine."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mtv.errors import SourceError
from mtv.model.disk import FileLocation, HttpLocation, Part

SUFFIXES = (".ova", ".ovf")


class StoredFile(Protocol):
    """A file that can be read at any offset."""

    @property
    def name(self) -> str:
        """Its name on the shelf: ``finance/erp.ova``."""

    @property
    def size_bytes(self) -> int:
        """How long it is."""

    def read(self, offset: int, length: int) -> bytes:
        """Exactly so many bytes. Raises SourceError."""

    def location(self, part: Part) -> FileLocation | HttpLocation:
        """Where transfer finds a part of it."""

    def renew(self) -> None:
        """After the server refused the login. Raises SourceError where there is no other."""


class Shelf(Protocol):
    """A place with packages."""

    @property
    def title(self) -> str:
        """What it is called: a folder's or file's name, a url."""

    def names(self) -> tuple[Sequence[str], Sequence[str]]:
        """Names of the packages, sorted; and what could not be looked into, as sentences.

        Raises SourceError when the place itself cannot be read.
        """

    def file(self, name: str) -> StoredFile:
        """A file by its name, a package's or one beside it. Raises SourceError."""


class LocalFile:
    """A file of this machine (a ``StoredFile``)."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SourceError(f"{name} is no file", "take it out of the folder")
        self.size_bytes = found.st_size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly so many bytes."""
        try:
            with self._path.open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), length, offset)
        except OSError as problem:
            raise _unreadable(self.name, problem) from problem
        if len(data) != length:
            raise SourceError(f"{self.name} ends too early, at byte {offset + len(data)}")
        return data

    def location(self, part: Part) -> FileLocation:
        """The path."""
        return FileLocation(path=str(self._path), part=part)

    def renew(self) -> None:
        """Nobody logs in to a file."""
        raise SourceError(f"{self.name} may not be read")


class Folder:
    """A folder with all that is below it, or one file (a ``Shelf``)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        single = not path.is_dir() and path.suffix.lower() in SUFFIXES
        self._root = path.parent if single else path
        self._single = path.name if single else None
        self.title = path.name or str(path)

    def names(self) -> tuple[Sequence[str], Sequence[str]]:
        """The .ova and .ovf files, in folders below too; links to folders are not followed."""
        try:
            if self._single is not None:
                self._path.stat()
                return [self._single], []
            next(self._root.iterdir(), None)
        except OSError as problem:
            raise SourceError(
                f"{self._path} cannot be read: {problem.strerror}",
                "path names a folder with .ova and .ovf files, or one of them",
            ) from problem
        found, problems = list[str](), list[str]()

        def refused(problem: OSError) -> None:
            problems.append(f"{self._shown(str(problem.filename))}: {problem.strerror}")

        for folder, _, files in os.walk(self._root, onerror=refused):
            for file in files:
                if not file.lower().endswith(SUFFIXES):
                    continue
                name = str((Path(folder) / file).relative_to(self._root))
                if name.isprintable():
                    found.append(name)
                else:
                    problems.append(f"{name!a} has a name with characters that cannot be shown")
        return sorted(found), sorted(problems)

    def file(self, name: str) -> LocalFile:
        """A file in the folder; a link may not lead out of it."""
        try:
            path = (self._root / name).resolve(strict=True)
            if not path.is_relative_to(self._root.resolve()):
                raise SourceError(
                    f"{name} is a link that leads out of {self.title}",
                    "put the file itself into the folder",
                )
            return LocalFile(path, name)
        except (OSError, ValueError, RuntimeError) as problem:  # the last: a loop of links
            raise _unreadable(name, problem) from problem

    def _shown(self, path: str) -> str:
        relative = os.path.relpath(path, self._root)
        return relative if relative.isprintable() else ascii(relative)


def _unreadable(name: str, problem: Exception) -> SourceError:
    reason = getattr(problem, "strerror", None) or str(problem)
    return SourceError(f"{name} cannot be read: {reason}", "see that it is there and readable")
