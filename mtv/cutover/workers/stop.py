"""A way to have the work on one VM end, from another thread, and to know why."""

import threading

from mtv.errors import MtvError


class Stop(threading.Event):
    """Once it is set, the work ends as soon as it cleanly can, with Interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.why: MtvError | None = None
        """What made mtv itself stop it; None when somebody stopped mtv."""
        self.for_good = threading.Event()
        """Set when somebody stops mtv: also what mtv does after it stopped the work itself."""
        self._asked = threading.Lock()

    def set(self) -> None:
        """Somebody stops mtv: for good, whatever it was stopped for before."""
        with self._asked:
            self.why = None
            self.for_good.set()
            super().set()

    def because(self, why: MtvError) -> None:
        """Stops the work; the first reason counts."""
        with self._asked:
            if not self.is_set():
                self.why = why
                super().set()

    def clear(self) -> None:
        """Lets the work begin again, if it was mtv itself that stopped it."""
        with self._asked:
            if not self.for_good.is_set():
                self.why = None
                super().clear()
