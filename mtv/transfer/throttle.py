"""Keeps all connections of a copy together below a number of bytes per second."""

import threading
import time
from collections.abc import Callable


class Throttle:
    """A bucket that fills with the rate and holds at most a quarter of a second of it."""

    def __init__(
        self, bytes_per_second: int | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._filled_at = clock()
        self._level = self._most = (bytes_per_second or 0) / 4

    def delay(self, count: int) -> float:
        """Takes ``count`` bytes and says how many seconds to wait before reading them.

        The level may go below zero: whoever comes next waits for that, too.
        """
        if self._rate is None:
            return 0.0
        with self._lock:
            now = self._clock()
            self._level = min(self._most, self._level + (now - self._filled_at) * self._rate)
            self._filled_at = now
            self._level -= count
            return max(0.0, -self._level / self._rate)
