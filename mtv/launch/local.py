"""Boots guests on this machine with libvirt's embedded driver: no daemon, no root needed."""

import atexit
import contextlib
import importlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtv import accel, guard
from mtv.errors import BootFailed, LaunchError, MissingTool
from mtv.launch.boot import FAILED_GRACE_SECONDS, grace_seconds, stop, wait_until_up
from mtv.launch.check import Watch
from mtv.launch.domain import Domain, domain_xml
from mtv.launch.slots import forget, slot
from mtv.moments import reached
from mtv.tasks import CheckResult, CheckTask, OnProgress, Progress

_LOCKED_SECONDS = 8.0
"""How long a killed worker's QEMU may hold on to the disk."""


class LocalLauncher:
    """The launcher ``local``. ``grace_seconds`` overrides what manifest and defaults say."""

    def __init__(self, grace_seconds: float | None = None) -> None:
        self._grace_seconds = grace_seconds

    def check(
        self, task: CheckTask, *, on_progress: OnProgress, cancelled: threading.Event
    ) -> CheckResult:
        """See ``Launcher.check``."""
        reached("check:started")
        began = time.monotonic()
        watch = Watch(task.check)
        console = Path(task.console).absolute()
        console.parent.mkdir(parents=True, exist_ok=True)
        console.unlink(missing_ok=True)
        verdict = accel.choose(task.accel, on_progress=on_progress)
        domain = domain_xml(task.manifest, task.disks, accel=verdict.accel, console=console)
        grace = self._grace_seconds
        if grace is None:
            grace = grace_seconds(domain.grace_seconds, verdict.accel)
        on_progress(Progress(says=f"starting {domain.name} under {verdict.accel}"))
        with _driver().machine(domain, console, cancelled) as machine:
            reached("check:running")
            on_progress(Progress(says=f"{domain.name} runs, waiting until it is up"))
            try:
                passed = wait_until_up(machine, watch, cancelled)
            except BootFailed as failed:
                failed.hint += f"; the whole console: {task.console}"
                if not watch.hopeless:
                    # It may well be up, and only the check is wrong: spare its file systems.
                    stop(machine, min(grace, FAILED_GRACE_SECONDS), cancelled)
                raise
            up_after = machine.seconds()
            tail = watch.console.tail()
            reached("check:passed")
            on_progress(Progress(says=f"{domain.name} is up after {up_after:.0f} s, stopping it"))
            stopped = stop(machine, grace, cancelled)
        reached("check:stopped")
        return CheckResult(
            accel=verdict.accel,
            up_after_seconds=round(up_after, 2),
            console_tail=tail,
            caveats=_caveats(domain, verdict),
            stopped=stopped,
            weak=passed.weak,
            seconds=round(time.monotonic() - began, 2),
        )


def driver_version() -> str:
    """libvirt's version, its embedded driver opened for it. Raises MissingTool, LaunchError."""
    return _driver().version()


class LocalMachine:
    """A started domain: whether it runs, what it wrote, its power button."""

    def __init__(self, libvirt: Any, handle: Any, console: Path) -> None:
        self._libvirt = libvirt
        self._handle = handle
        self._console = console
        self._read_bytes = 0
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._started

    def running(self) -> bool:
        """False when the guest has ended; raises LaunchError when it cannot go on."""
        with self._gone_is_fine():
            state, reason = self._handle.state()
            if state == self._libvirt.VIR_DOMAIN_PAUSED:
                if reason == self._libvirt.VIR_DOMAIN_PAUSED_IOERROR:
                    raise LaunchError(
                        "the guest was paused: reading or writing one of its disks failed",
                        "look whether the file system that holds the overlays is full",
                    )
                if reason == self._libvirt.VIR_DOMAIN_PAUSED_CRASHED:
                    return False
            return state not in (
                # QEMU said that the guest is off, and libvirt is about to end it.
                self._libvirt.VIR_DOMAIN_SHUTDOWN,
                self._libvirt.VIR_DOMAIN_SHUTOFF,
                self._libvirt.VIR_DOMAIN_CRASHED,
            )
        return False

    def new_output(self) -> bytes:
        """What the guest wrote since the last call, at most 1 MiB of it at once."""
        try:
            with self._console.open("rb") as file:
                file.seek(self._read_bytes)
                data = file.read(1024 * 1024)
        except FileNotFoundError:
            return b""
        self._read_bytes += len(data)
        return data

    def press_power_button(self) -> None:
        """Asks the guest by ACPI to shut down."""
        with self._gone_is_fine():
            self._handle.shutdownFlags(self._libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)

    def destroy(self) -> None:
        """Stops it now; no matter if it has already ended."""
        with self._gone_is_fine():
            self._handle.destroy()

    @contextlib.contextmanager
    def _gone_is_fine(self) -> Iterator[None]:
        """A transient domain that ended is not known any more; that is no error."""
        try:
            yield
        except self._libvirt.libvirtError as problem:
            if problem.get_error_code() not in (
                self._libvirt.VIR_ERR_NO_DOMAIN,
                self._libvirt.VIR_ERR_OPERATION_INVALID,
            ):
                raise LaunchError(f"libvirt: {problem.get_error_message()}") from problem


def _caveats(domain: Domain, verdict: accel.Verdict) -> tuple[str, ...]:
    """The domain's, and why the guest was emulated if it was."""
    return domain.caveats if verdict.accel == accel.KVM else (*domain.caveats, verdict.why)


class _Driver:
    """libvirt's embedded driver in this process's slot. There is one, for as long as we live."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as stack:
            self.directory = stack.enter_context(slot())
            self._libvirt = _import_libvirt(self.directory)
            self._closing = False
            self._connection = self._open()
            self._stack = stack.pop_all()
        atexit.register(self.close)

    def _open(self) -> Any:
        # The driver wants an event loop, even where nobody waits for events.
        self._libvirt.registerErrorHandler(lambda _context, _error: None, None)
        self._libvirt.virEventRegisterDefaultImpl()
        self._libvirt.virEventAddTimeout(500, lambda _timer, _opaque: None, None)
        self._loop = threading.Thread(target=self._run_events, daemon=True, name="libvirt-events")
        self._loop.start()
        try:
            return self._libvirt.open(f"qemu:///embed?root={self.directory}")
        except self._libvirt.libvirtError as problem:
            raise _cannot_open(problem.get_error_message()) from problem

    def version(self) -> str:
        """Of libvirt: ``9.0.0``."""
        number = self._libvirt.getVersion()
        return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"

    @contextlib.contextmanager
    def machine(
        self, domain: Domain, console: Path, cancelled: threading.Event
    ) -> Iterator[LocalMachine]:
        """Starts a domain; on leaving, on whatever way, it is gone."""
        # EFI variables of an earlier check of a VM of this name are not this VM's.
        variables = self.directory / "lib" / "qemu" / "nvram" / f"{domain.name}_VARS.fd"
        variables.unlink(missing_ok=True)
        handle = self._create(domain, cancelled)
        machine = LocalMachine(self._libvirt, handle, console)
        try:
            # Started paused and resumed: a guest that powers off at once would else make the
            # start itself fail (libvirt 9.0).
            with machine._gone_is_fine():
                handle.resume()
            yield machine
        finally:
            machine.destroy()

    def _create(self, domain: Domain, cancelled: threading.Event) -> Any:
        # No VIR_DOMAIN_START_AUTODESTROY: embedded drivers refuse it (9.0). The guard stands in.
        flags = self._libvirt.VIR_DOMAIN_START_PAUSED
        deadline = time.monotonic() + _LOCKED_SECONDS
        while True:
            try:
                return self._connection.createXML(domain.xml, flags)
            except self._libvirt.libvirtError as problem:
                text = problem.get_error_message()
                # A killed worker's QEMU may need a moment to let go of the disk.
                if '" lock' not in text or time.monotonic() > deadline or cancelled.is_set():
                    raise _cannot_start(domain.name, text) from problem
            cancelled.wait(0.5)

    def _run_events(self) -> None:
        while not self._closing:
            self._libvirt.virEventRunDefaultImpl()

    def close(self) -> None:
        """Closes the driver when the process ends, so that the slot is left clean."""
        with contextlib.suppress(self._libvirt.libvirtError):
            self._connection.close()
        self._closing = True
        self._loop.join(2)
        if not guard.programs(self.directory):
            forget(self.directory)
        self._stack.close()


_lock = threading.Lock()
_drivers: list[_Driver] = []


def _driver() -> _Driver:
    """This process's driver, opened at its first use."""
    with _lock:
        if not _drivers:
            _drivers.append(_Driver())
        return _drivers[0]


def _import_libvirt(directory: Path) -> Any:
    """The libvirt package, told to log to the slot: else it writes to our standard error."""
    name = "LIBVIRT_LOG_OUTPUTS"
    if name not in os.environ:
        # libvirt reads it once, when it is loaded.
        os.environ[name] = f"3:file:{directory / 'libvirt.log'}"
    try:
        return importlib.import_module("libvirt")
    except ImportError as problem:
        raise MissingTool(
            "the launcher 'local' needs the Python package libvirt-python",
            "pip install 'mtv[local]' (it needs libvirt's headers: libvirt-dev)",
        ) from problem


def _cannot_open(text: str) -> LaunchError:
    hint = "install libvirt's QEMU driver (Debian: libvirt-daemon-driver-qemu)"
    if "Failed to parse user" in text:
        hint = (
            "as root, libvirt needs the user it was built to run QEMU as; install"
            " libvirt-daemon-system, or run mtv as an ordinary user"
        )
    return LaunchError(f"libvirt's embedded driver does not open: {text}", hint)


_START_HINTS = (
    ('" lock', "another process has the disk open: is this VM being copied or checked?"),
    ("Cannot allocate memory", "the guest needs more memory than this machine has"),
    ("Unable to find any firmware", "install EFI firmware for QEMU (Debian: ovmf)"),
    ("already defined", "this process is checking that VM at the moment"),
)


def _cannot_start(name: str, text: str) -> LaunchError:
    hint = next((hint for sign, hint in _START_HINTS if sign in text), "")
    return LaunchError(f"libvirt could not start {name}: {text[:2000]}", hint)
