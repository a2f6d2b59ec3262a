"""How fast each of the copies that run may read, so that all together keep to the limits.

Every copy gets the same, as long as no limit that it is under is used up; what one does not use,
because its source gives no more or because it compares just now, the others get.
"""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from mtv.config import CopyLimits
from mtv.tasks import Order, Progress

LEAST_BYTES_PER_SECOND = 64 * 1024
"""What a copy may always ask for: one that reads nothing now may begin again."""

_USED_UP = 0.8
"""A copy that reads this part of what it may would read more if it could."""

_ROOM = 1.25


class Pace:
    """The pace of one copy, which is told to its worker."""

    def __init__(self, vm: str, host: str) -> None:
        self.vm = vm
        self.host = host
        """The source's host that the VM is on."""
        self._lock = threading.Lock()
        self._told: float | None = None
        self._send: Callable[[Order], None] | None = None
        self._read = self._read_before = 0

    def heard(self, progress: Progress) -> None:
        """Takes note of what the copy says of itself."""
        self._read = max(self._read, progress.read_bytes)

    @contextlib.contextmanager
    def told_to(self, send: Callable[[Order], None]) -> Iterator[None]:
        """Sends the pace, now and whenever it changes, until the block ends."""
        with self._lock:
            self._send = send
            send(Order(bytes_per_second=self._told))
        try:
            yield
        finally:
            with self._lock:
                self._send = None

    def set(self, bytes_per_second: float | None) -> None:
        """From now on the copy may read so much."""
        with self._lock:
            if self._told == bytes_per_second:
                return
            self._told = bytes_per_second
            if self._send is not None:
                self._send(Order(bytes_per_second=bytes_per_second))

    def wants(self, seconds: float) -> float:
        """Bytes per second that it would read now; ``seconds``: since this was asked last."""
        used = (self._read - self._read_before) / seconds
        first, self._read_before = self._read_before == 0, self._read
        if first or self._told is None or used >= _USED_UP * self._told:
            return math.inf
        return max(used * _ROOM, LEAST_BYTES_PER_SECOND)


def shares(
    paces: Sequence[Pace], wants: Mapping[Pace, float], limits: CopyLimits
) -> dict[Pace, float | None]:
    """Bytes per second of each copy; None: nothing limits it."""
    budgets = [([pace], wants[pace]) for pace in paces]
    budgets += _budgets(paces, lambda pace: pace.vm, limits.bytes_per_second_per_vm)
    budgets += _budgets(paces, lambda pace: pace.host, limits.bytes_per_second_per_host)
    budgets += _budgets(paces, lambda _: "", limits.bytes_per_second)
    given, growing = dict.fromkeys(paces, 0.0), set(paces)
    while growing:
        # All grow together until a budget is used up; those in it stay where they are.
        steps = [
            ((most - sum(given[each] for each in members)) / len(growing & set(members)), members)
            for members, most in budgets
            if growing & set(members)
        ]
        step, _ = min(steps, key=lambda each: each[0])
        if math.isinf(step):
            break
        for pace in growing:
            given[pace] += step
        growing -= {pace for each, members in steps if each <= step for pace in members}
    return {pace: None if pace in growing else given[pace] for pace in paces}


def _budgets(
    paces: Sequence[Pace], group: Callable[[Pace], str], most: int | None
) -> list[tuple[list[Pace], float]]:
    if most is None:
        return []
    groups = dict[str, list[Pace]]()
    for pace in paces:
        groups.setdefault(group(pace), []).append(pace)
    return [(members, float(most)) for members in groups.values()]
