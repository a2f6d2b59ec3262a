"""One boot, step by step: wait until the guest is up, shut it down. For every launcher."""

import threading
import time
from typing import Protocol

from mtv.accel import KVM
from mtv.errors import Interrupted
from mtv.launch.check import Passed, Watch, boot_failed
from mtv.launch.fields import LONGEST_GRACE_SECONDS

GRACE_SECONDS = 60
"""How long a guest may take to shut down when its manifest does not say it."""

EMULATED_TIMES = 3
"""Under emulation it may take this many times as long."""

FAILED_GRACE_SECONDS = 30
"""At most this long a guest whose check ran out of time is asked to shut down."""

PRESS_AGAIN_SECONDS = 15.0
"""A guest that was not listening yet when the power button was pressed gets another press."""

CONSOLE_LIMIT_BYTES = 64 * 1024 * 1024
"""A guest that writes more than this on its console is stopped: it would fill our disk."""

_POLL_SECONDS = 0.1
_SETTLE_SECONDS = 1.0
"""A guest that is about to power off by itself is given the time to."""


class Machine(Protocol):
    """A guest that was started."""

    def seconds(self) -> float:
        """Time since the start."""

    def running(self) -> bool:
        """False when the guest has ended; raises LaunchError when it cannot go on."""

    def new_output(self) -> bytes:
        """What the guest wrote on its console since the last call; a part of it, if it is much."""

    def press_power_button(self) -> None:
        """Asks the guest by ACPI to shut down."""

    def destroy(self) -> None:
        """Stops it now; no matter if it has already ended."""


def wait_until_up(machine: Machine, watch: Watch, cancelled: threading.Event) -> Passed:
    """Watches a guest until its check has passed.

    Raises BootFailed when it will not any more, Interrupted when ``cancelled`` was set.
    """
    written = 0
    while True:
        # Asked before the console is read: what a guest wrote before it ended must count.
        running = machine.running()
        output = machine.new_output()
        watch.feed(output)
        if output and not running:
            continue
        passed = watch.verdict(machine.seconds(), running=running)
        if passed is not None:
            return passed
        written += len(output)
        if written > CONSOLE_LIMIT_BYTES:
            raise boot_failed(
                f"it wrote more than {CONSOLE_LIMIT_BYTES >> 20} MiB on its console",
                "something in the guest fails over and over",
                watch.console,
            )
        if cancelled.wait(0 if len(output) > 65536 else _POLL_SECONDS):
            raise Interrupted("the check was stopped, and the guest with it")


def stop(machine: Machine, grace_seconds: float, cancelled: threading.Event) -> str:
    """Shuts the guest down and says how it ended; see ``CheckResult.stopped``."""
    settled = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < settled:
        if not machine.running():
            return "by itself"
        time.sleep(_POLL_SECONDS)
    deadline = time.monotonic() + grace_seconds
    press_at = time.monotonic()
    while time.monotonic() < deadline:
        if time.monotonic() >= press_at:
            machine.press_power_button()
            press_at += PRESS_AGAIN_SECONDS
        if not machine.running():
            return "by ACPI"
        if cancelled.wait(_POLL_SECONDS):
            raise Interrupted("the check was stopped, and the guest with it")
    machine.destroy()
    return "destroyed"


def grace_seconds(said: int | None, chosen: str) -> float:
    """How long a guest may take to shut down, by what its manifest says and its accelerator."""
    grace = GRACE_SECONDS if said is None else min(said, LONGEST_GRACE_SECONDS)
    return grace if chosen == KVM else grace * EMULATED_TIMES
