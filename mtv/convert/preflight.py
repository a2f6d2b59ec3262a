"""Looks whether a conversion can work on this machine, before anything is started."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mtv.accel import QEMU, readable_kernel
from mtv.errors import ConvertError, MissingTool
from mtv.process import find, run

FREE_BYTES = 1024**3
"""virt-v2v refuses to work with less in its temporary directory (virt-v2v(1), "Disk space")."""

_PACKAGES = {
    "virt-v2v-in-place": "virt-v2v",
    "virt-v2v": "virt-v2v",
    "qemu-img": "qemu-utils",
    "nbdkit": "nbdkit",
    QEMU: "qemu-system-x86",
    "supermin": "supermin",
}


@dataclass(frozen=True)
class Converter:
    """The virt-v2v of this machine."""

    program: str
    """Full path of ``virt-v2v-in-place``."""
    tool: str
    """``virt-v2v-in-place 2.2.0``."""
    features: frozenset[str]
    """What ``virt-v2v --machine-readable`` lists: ``input:libvirtxml``, ``convert:linux`` ..."""


def preflight(*places: Path) -> Converter:
    """What will convert. ``places`` are where overlays and temporary files go; they exist.

    Raises MissingTool or ConvertError with the remedy.
    """
    paths = {program: find(program, package) for program, package in _PACKAGES.items()}
    features = run([paths["virt-v2v"], "--machine-readable"], timeout_seconds=60).stdout.split()
    missing = {"input:libvirtxml", "convert:linux"} - set(features)
    if missing:
        raise MissingTool(
            f"this virt-v2v cannot do {', '.join(sorted(missing))}", "install virt-v2v 2.0 or newer"
        )
    version = run([paths["virt-v2v-in-place"], "--version"], timeout_seconds=60).stdout.strip()
    _appliance()
    for place in {*places, _appliance_cache()}:
        _room(place)
    return Converter(program=paths["virt-v2v-in-place"], tool=version, features=frozenset(features))


def _appliance() -> None:
    """libguestfs boots this machine's kernel, so it must be able to read one."""
    fixed = os.environ.get("LIBGUESTFS_PATH")
    if fixed and (Path(fixed) / "kernel").exists():
        return
    if os.environ.get("SUPERMIN_KERNEL") or readable_kernel() is not None:
        return
    kernels = list(Path("/boot").glob("vmlinuz-*"))
    if kernels:
        raise ConvertError(
            f"libguestfs cannot read the kernel {kernels[0]}, which it would boot its appliance of",
            f"chmod 0644 {kernels[0]} (as root)",
        )
    raise ConvertError(
        "libguestfs finds no Linux kernel in /boot to boot its appliance of",
        "install a kernel package (Debian: linux-image-cloud-amd64)",
    )


def _appliance_cache() -> Path:
    for name in ("LIBGUESTFS_CACHEDIR", "TMPDIR"):
        given = os.environ.get(name, "")
        if given.startswith("/") and Path(given).is_dir():
            return Path(given)
    return Path("/var/tmp")  # noqa: S108  libguestfs' own default


def _room(place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < FREE_BYTES:
        raise ConvertError(
            f"there are only {free // 1024**2} MiB free in {place}, and a conversion needs"
            f" {FREE_BYTES // 1024**2}",
            "free some space there, or set LIBGUESTFS_CACHEDIR and the run directory elsewhere",
        )
