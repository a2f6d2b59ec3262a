"""Whether KVM really runs guests here: found out by booting one.

A ``/dev/kvm`` that exists, opens and answers every question can still not run a guest (nested
virtualization that is switched off below us is the usual reason), and a boot sector passes even
there. So the probe starts a 64-bit Linux kernel and waits until it has come through all of its
initialization. Who cannot tell takes emulation (TCG): slow, but right.
"""

import contextlib
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mtv.errors import ConfigError, Interrupted, ProgramFailed
from mtv.process import find, run
from mtv.project import write_json
from mtv.tasks import OnProgress, Progress

QEMU = "qemu-system-x86_64"
KVM, TCG = "kvm", "tcg"
CHOICES = ("auto", KVM, TCG)

PROBE_SECONDS = 20.0
"""A kernel under KVM is through in about a second."""

_ALIVE = "Unable to mount root fs"
"""The kernel says so, having been given no root, when everything before that has worked."""

_GOOD_FOR_SECONDS = {KVM: 30 * 86400.0, TCG: 86400.0}
"""How long a verdict is kept; a bad one shorter, for it may come from a machine under load."""

_KERNELS = (
    ("/boot", "vmlinuz-*"),
    ("/usr/lib/modules", "*/vmlinuz"),
    # What libguestfs boots, made by supermin from a kernel that was readable to somebody.
    ("/var/tmp", f".guestfs-{os.geteuid()}/appliance.d/kernel"),  # noqa: S108
)


@dataclass(frozen=True)
class Verdict:
    """``kvm`` or ``tcg``, and why, in one sentence."""

    accel: str
    why: str


class _Cached(msgspec.Struct, frozen=True):
    key: str
    accel: str
    why: str
    at: float


def choose(wanted: str, *, on_progress: OnProgress | None = None, again: bool = False) -> Verdict:
    """What to accelerate guests with: ``wanted`` itself, or for ``auto`` what a probe found.

    The probe runs at most once a day (``PROBE_SECONDS``); its verdict is cached for this kernel,
    this QEMU and this processor. ``again``: a cached ``tcg`` is not believed. Raises ConfigError
    for another word than ``auto``, ``kvm``, ``tcg``, and MissingTool without QEMU.
    """
    if wanted not in CHOICES:
        raise ConfigError(f"accel is {wanted!r}", f"use one of {', '.join(CHOICES)}")
    if wanted != "auto":
        return Verdict(wanted, f"{wanted} was asked for")
    device = Path("/dev/kvm")
    if not device.exists():
        return Verdict(TCG, "this machine has no /dev/kvm, so guests are emulated, which is slow")
    if not os.access(device, os.R_OK | os.W_OK):
        return Verdict(
            TCG,
            "/dev/kvm may not be opened by this user (is it in the group kvm?),"
            " so guests are emulated, which is slow",
        )
    if platform.machine() != "x86_64":
        return Verdict(TCG, f"guests for x86_64 are emulated on {platform.machine()}")
    believed = (KVM,) if again else (KVM, TCG)
    return _remembered(lambda: probe(KVM), on_progress or (lambda _progress: None), believed)


def probe(accel: str, timeout_seconds: float = PROBE_SECONDS) -> Verdict:
    """Boots a kernel with this accelerator; the verdict is ``tcg`` when it does not come up."""
    kernel = readable_kernel()
    if kernel is None:
        return Verdict(
            TCG,
            "KVM could not be tried, because no kernel in /boot is readable; guests are emulated,"
            " which is slow (set accel to kvm when you know better)",
        )
    alive = threading.Event()

    def watch(line: str) -> None:
        if _ALIVE in line:
            alive.set()

    why = f"/dev/kvm is there, but no guest came up under KVM within {timeout_seconds:.0f} seconds"
    try:
        run(
            probe_argv(accel, kernel),
            timeout_seconds=timeout_seconds,
            on_line=watch,
            cancelled=alive,
            check=False,
        )
        why = "/dev/kvm is there, but QEMU gave up starting a guest under KVM"
    except (Interrupted, ProgramFailed):
        pass  # Interrupted is our own doing, by ``alive``.
    if alive.is_set():
        return Verdict(accel, f"a guest came up under {accel}")
    return Verdict(TCG, f"{why}, so guests are emulated, which is slow")


def probe_argv(accel: str, kernel: Path) -> list[str]:
    """The probe's QEMU: no disk, no initramfs, so the kernel ends in the panic we wait for."""
    return [
        *(find(QEMU, "qemu-system-x86"), "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-serial", "stdio", "-m", "256", "-machine", f"q35,accel={accel}"),
        # As libguestfs and our own domains do; a broken KVM may stumble over just that.
        *("-cpu", "max", "-kernel", str(kernel)),
        # earlyprintk, because a kernel that hangs early would say nothing at all.
        *("-append", "console=ttyS0 earlyprintk=ttyS0 panic=-1"),
    ]


def readable_kernel() -> Path | None:
    """The newest Linux kernel this user may read, for the probe and for libguestfs' appliance.

    Some distributions (Ubuntu) let only root read the kernels in /boot.
    """
    for directory, pattern in _KERNELS:
        found = [path for path in Path(directory).glob(pattern) if os.access(path, os.R_OK)]
        if found:
            return max(found, key=lambda path: path.stat().st_mtime)
    return None


def cache_directory() -> Path:
    """``mtv`` in the user's cache directory (``XDG_CACHE_HOME``, else ``~/.cache``)."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".cache"
    return base / "mtv"


def _remembered(
    ask: Callable[[], Verdict], on_progress: OnProgress, believed: tuple[str, ...]
) -> Verdict:
    """The cached verdict for this machine, or a fresh one, which is then cached."""
    key = _machine()
    path = cache_directory() / "accel.json"
    try:
        cached = msgspec.json.decode(path.read_bytes(), type=_Cached)
    except (OSError, msgspec.DecodeError):
        cached = None
    if cached is not None and cached.key == key and cached.accel in believed:
        age = time.time() - cached.at
        if 0 <= age < _GOOD_FOR_SECONDS[cached.accel]:
            return Verdict(cached.accel, cached.why)
    on_progress(Progress(says="trying whether KVM runs guests here"))
    fresh = ask()
    on_progress(Progress(says=fresh.why))
    with contextlib.suppress(OSError):  # A cache that cannot be written only costs time.
        write_json(path, _Cached(key=key, accel=fresh.accel, why=fresh.why, at=time.time()))
    return fresh


def _machine() -> str:
    """What the verdict depends on: kernel, QEMU and processor."""
    qemu = run([find(QEMU, "qemu-system-x86"), "--version"], timeout_seconds=30).stdout
    model = ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return " | ".join((platform.release(), qemu.splitlines()[0], model))
