"""A way to have the work on one VM end, from another thread, and to know why."""

import threading

from mtv.errors import MtvError


class Stop(threading.Event):
    """Once it is set, the work ends as soon as it cleanly can, with Interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.why: MtvError | None = None
        """What made mtv itself stop it; None when somebody stopped mtv."""

    def because(self, why: MtvError) -> None:
        """Stops the work; the first reason counts."""
        if not self.is_set():
            self.why = why
            self.set()

    def clear(self) -> None:
        """Lets the work begin again."""
        self.why = None
        super().clear()
