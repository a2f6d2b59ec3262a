"""Disks as a storage domain keeps them: a chain of images for each, in files of a directory.

<storage>/<disk id>/<image id>      the first image of a chain is raw or qcow2, all others qcow2
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Image:
    """One layer of a disk; `format` is raw or qcow2."""

    id: str
    path: Path
    format: str

    @property
    def node(self) -> str:
        """Its name within QEMU, which takes 31 characters."""
        return "i" + self.id.replace("-", "")[:24]


@dataclass
class Chain:
    """The layers of one disk, the oldest first. The last one is what the VM writes to."""

    disk: str
    images: list[Image] = field(default_factory=list)

    @property
    def top(self) -> Image:
        return self.images[-1]

    def image(self, id_: str) -> Image:
        return next(each for each in self.images if each.id == id_)

    def grow(self, id_: str) -> Image:
        """Put a new, empty layer on top."""
        below = self.top
        path = below.path.with_name(id_)
        qemu_img("create", "-f", "qcow2", "-b", below.path, "-F", below.format, path)
        self.images.append(Image(id_, path, "qcow2"))
        return self.top

    def above(self, image: Image) -> Image:
        return self.images[self.images.index(image) + 1]

    def drop(self, image: Image) -> None:
        """A layer was merged into the one below it: it goes, with its file."""
        at = self.images.index(image)
        if image is not self.top:
            upper, lower = self.images[at + 1], self.images[at - 1]
            qemu_img(
                "rebase", "-u", "-f", "qcow2", "-b", lower.path, "-F", lower.format, upper.path
            )
        self.images.remove(image)
        image.path.unlink()


def chains(storage: Path) -> dict[str, Chain]:
    """The disks of a storage, each with one image."""
    found = {}
    for directory in sorted(storage.iterdir()):
        (file,) = directory.iterdir()
        kind = json.loads(qemu_img("info", "--output=json", file))["format"]
        found[directory.name] = Chain(directory.name, [Image(file.name, file, kind)])
    return found


def qemu_img(*arguments: str | Path) -> str:
    """Run qemu-img; returns what it prints. Raises RuntimeError with what it complains of."""
    done = subprocess.run(
        ["qemu-img", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise RuntimeError(f"qemu-img {arguments[0]}: {done.stderr}")
    return done.stdout
