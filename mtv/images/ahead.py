"""Does work ahead of whoever wants its results, in threads, and gives them in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_THREADS = 2
_AT_ONCE = 16
"""Items that a thread takes at a time: to hand over each alone takes longer than to unpack it."""
_AHEAD = 4
"""So many times ``_AT_ONCE`` items are under way."""

T = TypeVar("T")
R = TypeVar("R")


def ahead(items: Iterable[T], work: Callable[[T], R]) -> Iterator[R]:
    """``map(work, items)``; items are taken in the caller's thread. Errors come in their place."""
    left, under_way = iter(items), deque[Future[list[R]]]()
    with ThreadPoolExecutor(_THREADS, "unpack") as threads:
        problem: Exception | None = None
        while problem is None:
            batch = list[T]()
            try:
                batch.extend(islice(left, _AT_ONCE))
            except Exception as raised:  # noqa: BLE001 - raised again below, in its place
                problem = raised
            if not batch and problem is None:
                break
            if len(under_way) == _AHEAD:
                yield from under_way.popleft().result()
            under_way.append(threads.submit(_all, work, batch))
        while under_way:
            yield from under_way.popleft().result()
    if problem is not None:
        raise problem


def _all(work: Callable[[T], R], items: list[T]) -> list[R]:
    return [work(item) for item in items]
