"""What runs at the same time, by the limits of a file that is edited meanwhile."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from mtv.config import CopyLimits
from mtv.cutover.workers.stop import Stop
from mtv.cutover.workers.traffic import BlackoutBegan, Traffic, directed
from mtv.errors import ConfigError, Interrupted, ProjectError
from mtv.tasks import Order

NOON = datetime(2026, 11, 30, 12)


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def copying(traffic: Traffic, host: str, over: threading.Event) -> tuple[threading.Event, Stop]:
    """A copy in a thread: set once it has its place; it stays until ``over``."""
    began, stop = threading.Event(), Stop()

    def work() -> None:
        try:
            with traffic.copying("vm", host, stop):
                began.set()
                over.wait(60)
        except Interrupted:
            pass

    threading.Thread(target=work, daemon=True).start()
    return began, stop


def test_no_more_disks_than_the_limits_say_until_they_say_so() -> None:
    traffic, over = Traffic(CopyLimits(disks=2, disks_per_host=1)), threading.Event()
    first, _ = copying(traffic, "h", over)
    eventually(first.is_set)
    same_host, _ = copying(traffic, "h", over)
    other_host, _ = copying(traffic, "i", over)
    eventually(other_host.is_set)
    third, stop = copying(traffic, "j", over)
    assert not same_host.wait(0.5)
    assert not third.is_set()
    stop.set()
    traffic.limits = CopyLimits(disks=3, disks_per_host=2)
    eventually(same_host.is_set)
    assert not third.wait(0.5)
    over.set()


def test_who_is_stopped_while_waiting_gives_nothing_back_twice() -> None:
    traffic = Traffic(CopyLimits(disks=1))
    stopped = Stop()
    stopped.set()
    with (
        traffic.copying("vm", "h", Stop()),
        pytest.raises(Interrupted),
        traffic.copying("vm", "h", stopped),
    ):
        pass
    with traffic.copying("vm", "h", stopped):
        pass


def test_copies_share_and_are_told_when_another_ends() -> None:
    traffic, told = Traffic(CopyLimits(bytes_per_second=100)), list[float | None]()

    def send(order: Order) -> None:
        told.append(order.bytes_per_second)

    with traffic.copying("a", "h", Stop()) as pace, pace.told_to(send):
        with traffic.copying("b", "h", Stop()):
            assert told == [100, 50]
        traffic.look()
    assert told == [100, 50, 100]


def test_a_blackout_is_waited_for_and_stops_who_runs() -> None:
    now = NOON
    traffic = Traffic(CopyLimits(blackouts=("Mon 13:00-14:00",)), lambda: now)
    stop, said = Stop(), list[str]()
    with traffic.passing(stop, lambda progress: said.append(progress.says)):
        traffic.look()
        assert not stop.is_set()
        now = NOON.replace(hour=13)
        traffic.look()
        assert isinstance(stop.why, BlackoutBegan)
    stop.clear()
    passed = threading.Event()

    def go_on() -> None:
        with traffic.passing(stop, lambda progress: said.append(progress.says)):
            passed.set()

    threading.Thread(target=go_on, daemon=True).start()
    eventually(lambda: bool(said))
    assert said[0] == "waiting: a blackout until Mon 14:00"
    assert not passed.is_set()
    now = NOON.replace(hour=14)
    eventually(passed.is_set)


def test_who_stops_mtv_stops_it_for_good() -> None:
    """Also in a blackout, which the work would go on after."""
    stop = Stop()
    stop.because(Interrupted("a blackout began"))
    assert stop.why is not None
    stop.clear()
    assert not stop.is_set()
    stop.because(Interrupted("a blackout began"))
    stop.set()
    stop.clear()
    stop.because(Interrupted("another blackout began"))
    assert stop.is_set()
    assert stop.why is None


def test_the_file_is_followed_and_its_mistakes_are_told(tmp_path: Path) -> None:
    file, troubles = tmp_path / "limits", list[str]()
    file.write_text("100")

    def read() -> CopyLimits:
        try:
            return CopyLimits(bytes_per_second=int(file.read_text()))
        except FileNotFoundError as problem:
            raise ProjectError("limits is not there") from problem
        except ValueError as problem:
            raise ConfigError("limits: no number") from problem

    with ExitStack() as stack:
        traffic = stack.enter_context(directed(read(), file, read, troubles.append))
        pace = stack.enter_context(traffic.copying("a", "h", Stop()))
        told = list[float | None]()
        stack.enter_context(pace.told_to(lambda order: told.append(order.bytes_per_second)))
        assert told == [100]
        file.write_text("a lot")
        eventually(lambda: bool(troubles))
        assert troubles == ["limits: no number; the limits stay as they were"]
        assert told == [100]
        file.unlink()  # an editor puts another one there, in a moment
        eventually(lambda: len(troubles) == 2)
        file.write_text("2500")
        eventually(lambda: told == [100, 2500])
