"""What ``mtv doctor`` says of this machine: programs, packages, KVM, room. Nothing is changed.

Every check ends in a finding with a remedy, never in an error: one thing that is wrong hides no
other. What is missing is a problem where the project needs it, a warning where no project says so.
"""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import msgspec

from mtv import accel
from mtv.errors import MissingTool, MtvError
from mtv.process import run
from mtv.quantities import size
from mtv.tasks import OnProgress

MACHINE = "machine"
"""The area of the findings made here."""

VERSION_SECONDS = 60.0


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """It works, but worse than it could, or it is not needed by what is there yet."""
    PROBLEM = "problem"
    """mtv cannot do its work until the remedy is applied."""
    SKIPPED = "skipped"
    """Not tried; the sentence says why."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found."""

    area: str
    """``machine``, ``project``, or ``source NAME``."""
    check: str
    state: State
    says: str
    remedy: str = ""


@dataclass(frozen=True)
class Needs:
    """What a project asks of this machine; ``None`` where no project says it."""

    kinds: frozenset[str] | None = None
    """Kinds of its sources."""
    packs: bool | None = None
    """Disks are written in qcow2 here."""
    boots: bool | None = None
    """Guests are booted here."""
    converts: bool | None = None
    """Guests are converted here."""
    accel: str = "auto"


@dataclass(frozen=True)
class Program:
    """A program that mtv runs, and the packages that bring it."""

    name: str
    used_for: str
    need: str
    """``packs``, ``boots`` or ``converts``: the field of ``Needs`` that asks for it."""
    debian: str
    fedora: str


PROGRAMS = (
    Program(
        "qemu-storage-daemon",
        "writing disks in qcow2",
        "packs",
        "qemu-system-common",
        "qemu-img",
    ),
    Program("qemu-system-x86_64", "booting guests", "boots", "qemu-system-x86", "qemu-system-x86"),
    Program("qemu-img", "the overlays of a conversion", "converts", "qemu-utils", "qemu-img"),
    Program("virt-v2v-in-place", "converting guests", "converts", "virt-v2v", "virt-v2v"),
    Program("virt-v2v", "converting guests", "converts", "virt-v2v", "virt-v2v"),
    Program("nbdkit", "converting guests", "converts", "nbdkit", "nbdkit"),
    Program("supermin", "the appliance of libguestfs", "converts", "supermin", "supermin"),
)


@dataclass(frozen=True)
class Package:
    """An optional Python package; ``extra`` is the name in ``pip install 'mtv[...]'``."""

    name: str
    least: tuple[int, ...]
    extra: str
    used_for: str
    kind: str | None
    """Kind of source that needs it; None for booting on this machine."""
    built_with: tuple[str, str] | None = None
    """What pip compiles it with: packages of Debian, packages of Fedora."""
    without: str = ""
    """What is worse without it; empty where nothing works without it."""


PACKAGES = (
    Package("pyvmomi", (9,), "vsphere", "sources of kind vsphere", "vsphere"),
    Package(
        "ovirt-engine-sdk-python",
        (4, 6),
        "rhv",
        "sources of kind rhv",
        "rhv",
        ("gcc libxml2-dev python3-dev", "gcc libxml2-devel python3-devel"),
    ),
    Package(
        "isal",
        (1, 7),
        "fast",
        "unpacking exports",
        "vsphere",
        without="exports take half as long again to unpack",
    ),
    Package(
        "libvirt-python",
        (9,),
        "local",
        "booting guests on this machine",
        None,
        (
            "gcc pkg-config libvirt-dev python3-dev",
            "gcc pkgconf libvirt-devel python3-devel",
        ),
    ),
)


def attempt(area: str, check: str, ask: Callable[[], str], needed: bool | None = True) -> Finding:
    """``ok`` with the sentence that ``ask`` gives; else the error's sentence and remedy.

    An error is a problem, a warning where nobody says that it is needed (None), and only skipped
    where it is not needed at all.
    """
    try:
        return Finding(area=area, check=check, state=State.OK, says=ask())
    except MtvError as problem:
        says, remedy = problem.message, problem.hint
    except OSError as problem:
        says = f"{problem.filename or 'a file'}: {problem.strerror or problem}"
        remedy = "look at the permissions and the free space there"
    state = {True: State.PROBLEM, None: State.WARNING, False: State.SKIPPED}[needed]
    if state is State.SKIPPED:
        says, remedy = f"{says}; this project does not need it", ""
    return Finding(area=area, check=check, state=state, says=says, remedy=remedy)


def skipped(area: str, check: str, why: str, remedy: str = "") -> Finding:
    """A check that is not tried, and why."""
    return Finding(area=area, check=check, state=State.SKIPPED, says=why, remedy=remedy)


def software(needs: Needs, packages: Sequence[Package] = PACKAGES) -> Iterator[Finding]:
    """Python, its optional packages, and the programs that mtv runs."""
    version = platform.python_version()
    yield Finding(area=MACHINE, check="Python", state=State.OK, says=f"{version}, {sys.executable}")
    for package in packages:
        yield _package(package, needs)
    for program in PROGRAMS:
        yield _program(program, getattr(needs, program.need))
    yield _setpriv()
    yield _efi_firmware(needs.boots)


def _package(package: Package, needs: Needs) -> Finding:
    if package.kind is None:
        needed = needs.boots
    else:
        needed = None if needs.kinds is None else package.kind in needs.kinds
    if package.without and needed:
        needed = None  # it works without it
    lack = package.without or f"{package.used_for} needs it"

    def version() -> str:
        remedy = f"run: pip install 'mtv[{package.extra}]'"
        if package.built_with is not None:
            remedy += f" (pip compiles it; {_install(*package.built_with)})"
        try:
            found = metadata.version(package.name)
        except metadata.PackageNotFoundError as problem:
            raise MissingTool(f"not installed; {lack}", remedy) from problem
        if tuple(map(int, re.findall(r"\d+", found)))[: len(package.least)] < package.least:
            least = ".".join(map(str, package.least))
            raise MissingTool(f"it is version {found}, and mtv needs {least} or newer", remedy)
        return found

    return attempt(MACHINE, package.name, version, needed)


def _program(program: Program, needed: bool | None) -> Finding:
    install = _install(program.debian, program.fedora)

    def version() -> str:
        if shutil.which(program.name) is None:
            raise MissingTool(f"not installed; {program.used_for} needs it", install)
        try:
            said = run([program.name, "--version"], timeout_seconds=VERSION_SECONDS).stdout
        except MtvError as problem:
            says = f"it is installed, but does not run: {problem.message}"
            raise MissingTool(says, f"repair it; {install}") from problem
        found = re.search(r"\d+(\.\d+)+", said)
        return found[0] if found else "there"

    return attempt(MACHINE, program.name, version, needed)


def _setpriv() -> Finding:
    if shutil.which("setpriv") is not None:
        return Finding(area=MACHINE, check="setpriv", state=State.OK, says="there")
    return Finding(
        area=MACHINE,
        check="setpriv",
        state=State.WARNING,
        says="not installed; when mtv is killed, the programs that it started may go on",
        remedy=_install("util-linux", "util-linux"),
    )


_FIRMWARE = ("/usr/share/qemu/firmware", "/etc/qemu/firmware")
"""Where QEMU's firmware describes itself, and libvirt looks for it."""


def _efi_firmware(needed: bool | None) -> Finding:
    found = [path for place in _FIRMWARE for path in Path(place).glob("*edk2*.json")]
    if found:
        return Finding(area=MACHINE, check="EFI firmware", state=State.OK, says="there")
    if needed is False:
        return skipped(MACHINE, "EFI firmware", "not installed; this project boots no guests here")
    return Finding(
        area=MACHINE,
        check="EFI firmware",
        state=State.WARNING,
        says="not installed; guests that start by EFI cannot be booted here",
        remedy=_install("ovmf", "edk2-ovmf"),
    )


def _install(debian: str, fedora: str) -> str:
    """How to install packages on this distribution; on an unknown one, both names."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    if family & {"debian", "ubuntu"}:
        return f"run as root: apt-get install {debian}"
    if family & {"fedora", "rhel", "centos"}:
        return f"run as root: dnf install {fedora}"
    return f"install {debian} (so it is called in Debian) or {fedora} (in Fedora)"


SLOW = "guests boot and are converted several times slower; copying disks is not affected"


def kvm(needs: Needs, on_progress: OnProgress) -> Finding:
    """Whether KVM runs guests here: found out by booting one, unless an earlier boot went well."""
    if needs.boots is False:
        return skipped(MACHINE, "KVM", "this project boots and converts no guests here")
    if needs.accel == accel.TCG:
        return skipped(MACHINE, "KVM", f"mtv.yaml asks for emulation (accel: tcg): {SLOW}")
    if shutil.which(accel.QEMU) is None:
        return skipped(MACHINE, "KVM", f"{accel.QEMU} is needed to try it")
    try:
        verdict = accel.choose("auto", on_progress=on_progress, again=True)
    except MtvError as problem:
        verdict = accel.Verdict(accel.TCG, problem.message)
    if verdict.accel == accel.KVM:
        return Finding(area=MACHINE, check="KVM", state=State.OK, says=verdict.why)
    forced = needs.accel == accel.KVM
    return Finding(
        area=MACHINE,
        check="KVM",
        state=State.PROBLEM if forced else State.WARNING,
        says=f"{verdict.why}: {SLOW}",
        remedy=f"{_kvm_remedy()}; or live with it"
        + (": write accel: auto in mtv.yaml" if forced else ""),
    )


def _kvm_remedy() -> str:
    device = Path("/dev/kvm")
    if not device.exists():
        return (
            "switch virtualization on in this machine's firmware or, where it is a virtual machine"
            " itself, nested virtualization in the hypervisor below"
        )
    if not os.access(device, os.R_OK | os.W_OK):
        return "put this user into the group kvm (usermod -aG kvm USER) and log in again"
    if accel.readable_kernel() is None:
        return "make a kernel in /boot readable, so that it can be tried"
    return "have nested virtualization switched on in the hypervisor below this machine"


def room(area: str, check: str, directory: Path, needed_bytes: int, least_bytes: int) -> Finding:
    """Whether a directory can be written to and has room.

    ``needed_bytes``: what the disks that will come may take at most. Less than that is a warning,
    since holes take no room; less than ``least_bytes`` is a problem. The directory need not exist.
    """
    place = existing(directory)
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as problem:
        return Finding(
            area=area,
            check=check,
            state=State.PROBLEM,
            says=f"{place} cannot be written to: {problem.strerror or problem}",
            remedy="give this user the right to, or name another directory",
        )
    says = f"{size(free)} are free in {directory}"
    if free < least_bytes:
        return Finding(
            area=area,
            check=check,
            state=State.PROBLEM,
            says=f"{says}, and at least {size(least_bytes)} are needed",
            remedy="free some space there, or name another directory",
        )
    if free < needed_bytes:
        return Finding(
            area=area,
            check=check,
            state=State.WARNING,
            says=f"{says}, and the disks still to be copied may take {size(needed_bytes)}",
            remedy="free some space there, or move fewer VMs at once",
        )
    return Finding(area=area, check=check, state=State.OK, says=says)


def existing(directory: Path) -> Path:
    """The directory itself or the nearest one above it that exists."""
    return next(place for place in (directory, *directory.parents) if place.is_dir())
