"""The connections of one copy to its source, as one thing."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from mtv.model.disk import DiskSource
from mtv.tasks import Limits
from mtv.transfer.access import Access
from mtv.transfer.crew import Crew, Stopped
from mtv.transfer.http_range import Patience, RangeReader, Served
from mtv.transfer.throttle import Throttle

SETTLED_SECONDS = 2.0
"""``Last-Modified`` counts whole seconds: a disk that changed in this one may change again in it
without showing it. So a copy does not start before its second is over."""


class Found(NamedTuple):
    """The disk as the source has it now."""

    served: Served
    identity: bytes | None
    """Another one when the content is; None if the source does not tell, or not reliably."""


class Connections:
    """``limits.connections`` readers, and the crew that works with them."""

    def __init__(
        self,
        source: DiskSource,
        limits: Limits,
        patience: Patience,
        cancelled: threading.Event,
    ) -> None:
        self.crew = Crew(cancelled)
        access, throttle = Access(source), Throttle(limits.bytes_per_second)
        self.readers = [
            RangeReader(access, throttle, self.crew.stop, patience)
            for _ in range(max(1, limits.connections))
        ]

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self.readers:
            reader.close()

    @property
    def fetched_bytes(self) -> int:
        """Bytes of the disk that came over all connections."""
        return sum(reader.fetched_bytes for reader in self.readers)

    @property
    def retries(self) -> int:
        """How often something had to be asked for again."""
        return sum(reader.retries for reader in self.readers)

    def find(self) -> Found:
        """Looks at the disk; from now on every answer must be about a disk like that."""
        found: list[Found] = []
        self._alone(lambda: found.append(self._settled(self.readers[0])))
        for reader in self.readers:
            reader.served = found[0].served
        return found[0]

    def check_unchanged(self) -> None:
        """Raises ReadFailed when the disk is no longer the one that ``find`` found."""
        reader = self.readers[0]
        after: list[Served] = []
        self._alone(lambda: after.append(reader.probe()[0]))
        if after[0] != reader.served:
            raise reader.changed()

    def interrupt(self) -> None:
        """Wakes all readers."""
        for reader in self.readers:
            reader.interrupt()

    def _settled(self, reader: RangeReader) -> Found:
        served, age = reader.probe()
        if age is not None and age < SETTLED_SECONDS:
            if self.crew.stop.wait(min(SETTLED_SECONDS, SETTLED_SECONDS - age)):
                raise Stopped
            served, age = reader.probe()
        settled = age is None or age >= SETTLED_SECONDS
        return Found(served, served.identity if settled else None)

    def _alone(self, job: Callable[[], None]) -> None:
        """Runs one job in a thread, so that a silent server cannot keep us from stopping."""
        self.crew.run(
            [job], what="looking at the disk", tick=lambda: None, interrupt=self.interrupt
        )
