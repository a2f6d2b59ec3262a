"""Keeps all connections of a copy together below a number of bytes per second."""

import threading
import time
from collections.abc import Callable

from mtv.transfer.crew import Stopped

_LOOK_AGAIN_SECONDS = 0.5
"""How soon one that waits notices another rate."""


class Throttle:
    """A bucket that fills with the rate and holds at most a quarter of a second of it.

    The rate may change at any time.
    """

    def __init__(
        self, bytes_per_second: float | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._filled_at = clock()
        self._level = (bytes_per_second or 0) / 4

    def set_rate(self, bytes_per_second: float | None) -> None:
        """From now on it is this rate; None: as fast as it goes."""
        with self._lock:
            self._fill()
            self._rate = bytes_per_second
            if bytes_per_second is None:
                self._level = 0.0

    def take(self, count: int, stop: threading.Event) -> None:
        """Takes ``count`` bytes and waits until they may be read. Raises Stopped."""
        seconds = self.delay(count)
        while seconds > 0 and not stop.wait(min(seconds, _LOOK_AGAIN_SECONDS)):
            seconds = self.delay(0)
        if stop.is_set():
            raise Stopped

    def delay(self, count: int) -> float:
        """Takes ``count`` bytes and says how many seconds to wait before reading them.

        The level may go below zero: whoever comes next waits for that, too.
        """
        with self._lock:
            if self._rate is None:
                return 0.0
            self._fill()
            self._level -= count
            return max(0.0, -self._level / self._rate)

    def _fill(self) -> None:
        now = self._clock()
        if self._rate is not None:
            gained = (now - self._filled_at) * self._rate
            self._level = min(self._rate / 4, self._level + gained)
        self._filled_at = now
