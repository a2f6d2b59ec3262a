"""The Linux kernel of this machine's distribution, as material for guests."""

import lzma
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.real.parts import PartMissing


@dataclass(frozen=True)
class Kernel:
    """An installed kernel: its version, image, and the directory of its modules."""

    version: str
    image: Path
    modules: Path

    def load_order(self, names: Iterable[str]) -> list[Path]:
        """Return the files of the named modules and what they depend on, in loading order.

        A module that this kernel has built in, or does not have, is left out.
        """
        depends: dict[str, list[str]] = {}
        where: dict[str, str] = {}
        for line in (self.modules / "modules.dep").read_text().splitlines():
            path, _, needed = line.partition(":")
            depends[path] = needed.split()
            where[_module_name(path)] = path
        order: list[str] = []
        for name in names:
            path = where.get(name, "")
            # modules.dep lists the nearest dependency first, so the last is loaded first.
            for each in [*reversed(depends.get(path, [])), path]:
                if each and each not in order:
                    order.append(each)
        return [self.modules / path for path in order]


def find_kernel() -> Kernel:
    """Return the newest installed kernel for virtual machines, else the newest of any kind.

    Raises PartMissing when /boot holds none that has its modules and can be read.
    """
    found = []
    for image in Path("/boot").glob("vmlinuz-*"):
        version = image.name.removeprefix("vmlinuz-")
        modules = Path("/lib/modules") / version
        if (modules / "modules.dep").exists() and _readable(image):
            numbers = [int(number) for number in re.findall(r"\d+", version)]
            found.append(("cloud" in version, numbers, Kernel(version, image, modules)))
    if not found or platform.machine() != "x86_64":
        raise PartMissing("a kernel in /boot", "run setup/packages.sh (x86_64 only)")
    return max(found, key=lambda each: each[:2])[2]


def module_bytes(path: Path) -> bytes:
    """Return a module's content, decompressed: busybox's insmod takes it only so."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        zstd = shutil.which("zstd")
        if zstd is None:
            raise PartMissing("zstd", "run setup/packages.sh")
        return subprocess.run([zstd, "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def _module_name(path: str) -> str:
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except PermissionError:
        return False
