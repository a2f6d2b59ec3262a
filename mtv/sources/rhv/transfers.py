"""Image transfers: the engine's permission to read a disk from one of its hosts.

    initializing ──> transferring ──finalize──> finalizing_success ──> finished_success ──> (gone)
                       │      ^
          idle, cancel │      │ resume
                       v      │
             cancelled_…    paused_system, paused_user

The disk stays locked until the transfer has ended, so no transfer may be left behind. Should mtv be
killed, the engine ends it after ``INACTIVITY_SECONDS`` without a sign of life.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ovirtsdk4 import types

from mtv.errors import Interrupted, SourceError
from mtv.sources.rhv.engine import NOT_NOW, NOT_THERE, Engine, Refused
from mtv.tasks import Cancelled

INACTIVITY_SECONDS = 60
"""After so much silence the engine cancels a transfer; mtv says something three times as often."""

START_SECONDS = 300.0
"""How long a host may take to open a disk."""

END_SECONDS = 300.0
"""How long the engine may take to end a transfer and to unlock its disk."""

_ENDED = ("finished", "cancelled", "finalizing")


class Transfer:
    """A download under way. ``name`` is the disk's, for messages; ``urls`` are where its bytes are.

    A thread of its own keeps it alive until ``end``.
    """

    def __init__(self, engine: Engine, asked: types.ImageTransfer, name: str) -> None:
        """Starts it and waits until it gives the disk. Raises Refused, SourceError."""
        asked.direction = types.ImageTransferDirection.DOWNLOAD
        asked.format = types.DiskFormat.RAW
        asked.inactivity_timeout = INACTIVITY_SECONDS
        asked.timeout_policy = types.ImageTransferTimeoutPolicy.CANCEL
        self._engine = engine
        self._name = name
        self._ended = threading.Event()
        self.id = str(_begun(engine, asked, name).id)
        self._path = f"imagetransfers/{self.id}"
        try:
            began = self._started()
        except BaseException:
            self._give_up()
            raise
        self.urls: tuple[str | None, str | None] = (began.transfer_url, began.proxy_url)
        """At the host, and by the engine's proxy."""
        self._alive = threading.Thread(target=self._keep_alive, daemon=True)
        self._alive.start()

    def revive(self) -> bool:
        """Asks the engine for more time; False when the transfer is over. Raises SourceError."""
        try:
            self._engine.act(self._path, "extend")
        except Refused as problem:
            if problem.status not in (NOT_NOW, NOT_THERE):
                raise
            return False
        return _phase(self._engine, self._path) == "transferring"

    def end(self) -> None:
        """Finalizes it and waits until it has ended.

        One that has ended already is fine. Raises SourceError when the engine does not let go.
        """
        self._ended.set()
        self._alive.join()
        end_transfer(self._engine, self.id, self._name)

    def _started(self) -> Any:
        deadline = time.monotonic() + START_SECONDS
        for pause in pauses():
            found = self._engine.get(self._path)
            phase = str(found.phase)
            if phase == "transferring":
                return found
            if phase != "initializing" or time.monotonic() > deadline:
                why = "takes too long" if phase == "initializing" else f"ended in phase {phase}"
                raise SourceError(
                    f"{self._engine.name}: no host opens {self._name} for reading: "
                    f"the transfer {why}",
                    "the engine's events say why; ovirt-imageio has to run on the hosts, "
                    "and one of them has to be up and to reach the storage domain",
                )
            time.sleep(pause)
        raise AssertionError

    def _give_up(self) -> None:
        self._ended.set()
        with contextlib.suppress(SourceError):
            self._engine.act(self._path, "cancel")

    def _keep_alive(self) -> None:
        while not self._ended.wait(INACTIVITY_SECONDS / 3):
            # Who reads finds out what is wrong, and ``renew`` mends it.
            try:
                self._engine.act(self._path, "extend")
            except Refused as problem:
                if problem.status in (None, NOT_NOW, NOT_THERE):
                    return
            except SourceError:
                continue


def end_transfer(engine: Engine, transfer: str, name: str) -> None:
    """Finalizes a transfer and waits until it has ended; one that is gone is no error.

    Raises SourceError when the engine does not let go.
    """
    path, deadline = f"imagetransfers/{transfer}", time.monotonic() + END_SECONDS
    for pause in pauses():
        phase = _phase(engine, path)
        if not phase or phase.startswith("finished"):
            return
        if not phase.startswith(_ENDED):
            with contextlib.suppress(Refused):  # it ended, or is only starting
                engine.act(path, "cancel" if phase == "initializing" else "finalize")
        if time.monotonic() > deadline:
            raise SourceError(
                f"{engine.name}: the engine does not end the transfer of {name}, "
                f"whose disk stays locked (it is in phase {phase})",
                "look at the events and at Storage › Disks in the administration portal",
            )
        time.sleep(pause)


def _phase(engine: Engine, path: str) -> str:
    """Of a transfer, now; "" when the engine has forgotten it. Raises SourceError."""
    try:
        return str(engine.get(path).phase)
    except Refused as problem:
        if problem.status == NOT_THERE:
            return ""
        raise


def wait_until(
    done: Callable[[], bool], seconds: float, cancelled: Cancelled | None = None
) -> bool:
    """Asks again and again; False when it was not so in time. Raises Interrupted."""
    deadline = time.monotonic() + seconds
    nobody = threading.Event()
    for pause in pauses():
        if done():
            return True
        if time.monotonic() > deadline:
            return False
        if (cancelled or nobody).wait(pause):
            raise Interrupted("stopped while the engine was at work")
    raise AssertionError


def pauses() -> Iterator[float]:
    """Seconds between two looks at something that takes a while: short at first."""
    pause = 0.1
    while True:
        yield pause
        pause = min(2.0, pause * 1.5)


def _begun(engine: Engine, asked: types.ImageTransfer, name: str) -> Any:
    try:
        return engine.add("imagetransfers", asked)
    except Refused as problem:
        if problem.status == 403:
            raise SourceError(
                f"{engine.name}: the user {engine.connection.username!r} may not read {name}",
                "it takes the permit edit_disk_properties; docs/rhv.md lists the roles",
            ) from problem
        raise
