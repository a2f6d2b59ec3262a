"""Signals that are to end a process in good order are heard at once, and by nobody else's harm.

Python lets the main thread run the handlers, when that comes by. Two things go wrong with it:

- It waits for a lock without end, and the signal came to another thread, or right before: nothing
  wakes it. ``heard_at_once`` does.
- The handler sets an event that the main thread is just asking, whose lock it has: it waits for
  itself. ``set_by_signals`` has another thread do that.

A process has one of these: they are told of signals by a pipe, to which Python writes, and there is
only one such pipe. The later one counts.
"""

import os
import signal
import threading
import time
from collections.abc import Callable

_WAKE = signal.SIGURG
"""Nobody sends it, and it does nothing but end a wait."""

_WAKE_AFTER_SECONDS = (0.01, 0.1, 0.5, 2.0)
"""Several times: the main thread may be about to wait."""


def heard_at_once() -> None:
    """Has the main thread, which has to call this, run handlers whatever it waits for."""
    main = threading.get_ident()

    def wake(numbers: set[int]) -> None:
        if numbers == {_WAKE}:
            return
        for seconds in _WAKE_AFTER_SECONDS:
            time.sleep(seconds)
            signal.pthread_kill(main, _WAKE)

    signal.signal(_WAKE, _nothing)
    _tell(wake)


def set_by_signals(event: threading.Event, *numbers: signal.Signals) -> None:
    """Sets the event when one of the signals comes. For the main thread."""

    def set_(found: set[int]) -> None:
        if found & set(numbers):
            event.set()

    for number in numbers:
        signal.signal(number, _nothing)  # without one Python would not write to the pipe
    _tell(set_)


def _tell(hear: Callable[[set[int]], None]) -> None:
    """Tells of the numbers of signals, in a thread of its own."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def listen() -> None:
        while found := os.read(reading, 64):
            hear(set(found))

    threading.Thread(target=listen, name="signals", daemon=True).start()


def _nothing(*_: object) -> None:
    pass
