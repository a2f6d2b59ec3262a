"""What the engine writes down while it works: events and jobs, and things that are due later."""

import itertools
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.real.engine.sdk import types
from tests.real.engine.tree import Entity, Tree


class Records:
    """Events, jobs and pending changes of one engine. Not locked: the engine does that."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        known = [int(each) for each in tree.top["events"].own if each.isdigit()]
        self._event_ids = itertools.count(max(known, default=0) + 1)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def event(
        self,
        code: int,
        text: str,
        *,
        severity: str = "normal",
        correlation_id: str = "",
        **about: Any,
    ) -> None:
        """Write an event; `about` holds references: `vm=types.Vm(id=...)`."""
        id_ = str(next(self._event_ids))
        self._tree.add(
            self._tree.top["events"],
            types.Event(
                id=id_,
                index=int(id_),
                code=code,
                description=text,
                severity=types.LogSeverity(severity),
                correlation_id=correlation_id or None,
                time=now(),
                origin="oVirt",
                custom_id=-1,
                flood_rate=30,
                **about,
            ),
        )

    def job(self, text: str, correlation_id: str) -> Entity:
        """Begin a job. Its correlation id is not shown, as in real answers, but searched for."""
        obj = types.Job(
            id=str(uuid.uuid4()),
            description=text,
            status=types.JobStatus.STARTED,
            start_time=now(),
            last_updated=now(),
            external=False,
            auto_cleared=True,
        )
        entity = self._tree.add(self._tree.top["jobs"], obj)
        obj.correlation_id = correlation_id
        return entity

    def end_job(self, job: Entity, *, ok: bool = True) -> None:
        job.obj.status = types.JobStatus.FINISHED if ok else types.JobStatus.FAILED
        job.obj.end_time = job.obj.last_updated = now()
        self._tree.touch(job)

    def later(self, seconds: float, change: Callable[[], None]) -> None:
        """Do something that many seconds from now, before the next request after that."""
        self._due.append((time.monotonic() + seconds, next(self._order), change))

    def catch_up(self) -> None:
        """Do what is due, in the order in which it was due."""
        while self._due:
            self._due.sort(key=lambda each: each[:2])
            if self._due[0][0] > time.monotonic():
                return
            self._due.pop(0)[2]()


def now() -> datetime:
    """The time as the engine writes it: to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
