"""Boots a guest, checks that it is up, and shuts it down.

    CheckTask ──> Launcher ── domain.py: manifest -> libvirt XML, caveats
    (manifest,      │         check.py:  console text -> up / failed / not yet
     disks, check)  └ local   local.py:  libvirt's embedded driver, in slots.py's directory

Every launcher starts from the same VirtualMachine manifest. What it does not honour it lists as a
caveat, and what it does not know it refuses: nothing is dropped silently.
"""

import importlib
import threading
from collections.abc import Callable
from typing import Protocol

from mtv.errors import ConfigError
from mtv.tasks import CheckResult, CheckTask, OnProgress


class Launcher(Protocol):
    """A place where guests boot."""

    def check(
        self, task: CheckTask, *, on_progress: OnProgress, cancelled: threading.Event
    ) -> CheckResult:
        """Boots the guest, waits until its check passes, shuts it down.

        On every way out the guest is stopped. Raises BootFailed (the message ends with the tail
        of the console) when it started but is not up in time, LaunchError when it could not be
        started, Interrupted when ``cancelled`` was set.
        """


_LAUNCHERS = {"local": "mtv.launch.local:LocalLauncher"}


def launcher(name: str) -> Launcher:
    """The launcher of that name; its libraries are loaded now. Raises ConfigError."""
    try:
        module, _, cls = _LAUNCHERS[name].partition(":")
    except KeyError:
        raise ConfigError(
            f"there is no launcher {name!r}", f"use one of: {', '.join(sorted(_LAUNCHERS))}"
        ) from None
    make: Callable[[], Launcher] = getattr(importlib.import_module(module), cls)
    return make()
