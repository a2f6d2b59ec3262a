"""Signals that are to end a process in good order, told to it by an event."""

import os
import signal
import threading


def set_by_signals(event: threading.Event, *numbers: signal.Signals) -> None:
    """Sets the event when one of the signals comes. For the main thread, once in a process.

    A handler that set it would run in the main thread, perhaps in the middle of a question to this
    very event, whose lock that thread holds: it would wait for itself for ever. So the handler does
    nothing, and a thread hears of the signal by a pipe.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)  # without one Python would not write to the pipe
    threading.Thread(target=_listen, args=(reading, event, numbers), daemon=True).start()


def _listen(reading: int, event: threading.Event, numbers: tuple[signal.Signals, ...]) -> None:
    while heard := os.read(reading, 64):
        if set(heard) & set(numbers):
            event.set()
