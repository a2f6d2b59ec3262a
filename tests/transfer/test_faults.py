"""What a source does to a copy: cuts it off, refuses, lies, falls silent."""

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtv.errors import Interrupted, LoginFailed, MtvError, ReadFailed, UntrustedTls
from mtv.model.disk import TlsTrust
from mtv.tasks import Limits
from mtv.transfer.reading.getter import Patience
from mtv.transfer.reading.throttle import Throttle
from tests.transfer.conftest import Bench, SetUp
from tests.transfer.disks import MIB, NO_PAUSES, TOKEN, ServedDisk, change, copied, sha256
from tests.transfer.range_server import Behaviour, RangeServer, make_certificate

ONE = Limits(connections=1)


def test_cut_answer_goes_on_where_it_broke(set_up: SetUp) -> None:
    bench = set_up("dddd")
    bench.server.behaviour.cuts = [3 * MIB // 2]
    result = copied(bench.source, bench.base, bench.capacity, limits=ONE, piece_bytes=4 * MIB)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.retries == 1
    assert bench.server.requests[1:3] == [(0, 4 * MIB - 1), (3 * MIB // 2, 4 * MIB - 1)]
    assert result.fetched_bytes == bench.capacity


def test_failing_server_is_asked_again(set_up: SetUp) -> None:
    bench = set_up("ddd")
    bench.server.behaviour.statuses = [0, 500, 503, 429, 502]
    result = copied(bench.source, bench.base, bench.capacity, limits=ONE)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.retries == 4


def test_server_that_keeps_failing_is_given_up_and_the_copy_resumed(set_up: SetUp) -> None:
    bench = set_up("d" * 12)
    bench.server.behaviour.statuses = [0, 0, 0, 0, *[500] * 5]
    with pytest.raises(ReadFailed, match=r"failed 5 times, the last time: status 500") as caught:
        copied(bench.source, bench.base, bench.capacity, limits=ONE)
    assert "goes on from here" in caught.value.hint
    bench.server.reset_counts()
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.kept_bytes == 6 * MIB
    assert result.fetched_bytes == 6 * MIB
    assert min(first for first, last in bench.server.requests if last > first) == 6 * MIB


def test_server_that_always_cuts_is_given_up(set_up: SetUp) -> None:
    bench = set_up("dddd")
    bench.server.behaviour.cuts = [1000] * 100
    with pytest.raises(ReadFailed, match="failed 5 times, the last time: the answer ended early"):
        copied(bench.source, bench.base, bench.capacity)


@pytest.mark.parametrize("connections", [1, 4])
def test_a_hundred_cuts_in_one_copy(set_up: SetUp, connections: int) -> None:
    """Each after some progress: the tries are counted from the last bytes that came."""
    bench = set_up("d" * 32)
    bench.server.behaviour.cuts = [300_000] * 100
    limits = Limits(connections=connections)
    result = copied(bench.source, bench.base, bench.capacity, limits=limits, piece_bytes=8 * MIB)
    assert bench.server.behaviour.cuts == []
    assert sha256(bench.base) == sha256(bench.disk)
    # A request that is cut exactly where it ends is not asked again.
    assert 100 - connections <= result.retries <= 100
    assert result.fetched_bytes == bench.capacity


@pytest.mark.parametrize(
    ("surplus", "chunked", "says"),
    [
        (1000, False, "another number of bytes"),
        (-1000, False, "another number of bytes"),
        (-1000, True, "the answer ended early"),
    ],
)
def test_bodies_longer_or_shorter_than_what_was_asked_for(
    set_up: SetUp, surplus: int, chunked: bool, says: str
) -> None:
    bench = set_up("d" * 6)
    bench.server.behaviour.surplus = surplus
    bench.server.behaviour.chunked = chunked
    with pytest.raises(ReadFailed, match=says):
        copied(bench.source, bench.base, bench.capacity)
    assert not bench.beside("digests").exists()
    bench.server.behaviour = Behaviour()
    copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)


def test_a_body_that_goes_on_behind_what_was_asked_for_is_cut_off(set_up: SetUp) -> None:
    """In chunks nothing tells its length before: what is too much is no part of the disk."""
    bench = set_up("d" * 6)
    bench.server.behaviour.surplus = 700_000
    bench.server.behaviour.chunked = True
    copied(bench.source, bench.base, bench.capacity, limits=ONE)
    assert sha256(bench.base) == sha256(bench.disk)


@pytest.mark.parametrize("status", [301, 400, 404, 410, 416])
def test_other_statuses_end_the_copy_at_once(set_up: SetUp, status: int) -> None:
    bench = set_up("d")
    bench.server.behaviour.statuses = [status]
    with pytest.raises(ReadFailed, match=f"status {status}"):
        copied(bench.source, bench.base, bench.capacity)
    assert len(bench.server.headers_seen) == 1


def test_server_without_ranges(set_up: SetUp) -> None:
    bench = set_up("dd")
    bench.server.behaviour.ignore_range = True
    with pytest.raises(ReadFailed, match="range requests"):
        copied(bench.source, bench.base, bench.capacity)


@pytest.mark.parametrize(
    "lie",
    [
        lambda text: text.replace("bytes 0-", "bytes 1-"),
        lambda _text: "bytes 0-0/*",
        lambda _text: "nonsense",
        lambda _text: "bytes 0-0/\u0663",
        lambda _text: "bytes 0-0/" + "9" * 5000,
    ],
)
def test_content_range_that_is_not_what_was_asked_for(
    set_up: SetUp, lie: Callable[[str], str]
) -> None:
    bench = set_up("dd")
    bench.server.behaviour.content_range = lambda text: lie(text).encode().decode("latin-1")
    with pytest.raises(ReadFailed, match="other bytes than were asked for"):
        copied(bench.source, bench.base, bench.capacity)


def test_encoded_answer_is_refused(set_up: SetUp) -> None:
    bench = set_up("dd")
    bench.server.behaviour.encoding = "gzip"
    with pytest.raises(ReadFailed, match="encoding"):
        copied(bench.source, bench.base, bench.capacity)
    assert bench.server.headers_seen[0]["Accept-Encoding"] == "identity"


def test_disk_that_changes_while_it_is_copied(set_up: SetUp) -> None:
    bench = set_up("d" * 20)

    def write(served: int) -> None:
        if served > 5 * MIB:
            bench.server.behaviour.on_served = lambda _served: None
            change(bench.disk, 0, b"written by a running VM")

    bench.server.behaviour.on_served = write
    with pytest.raises(ReadFailed, match="is the VM really off"):
        copied(bench.source, bench.base, bench.capacity)
    assert not bench.beside("digests").exists()
    assert bench.server.served_bytes < 15 * MIB  # the next piece tells, not only the end
    copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)


def test_disk_that_changes_under_the_last_request(set_up: SetUp) -> None:
    bench = set_up("dd")

    def write(served: int) -> None:
        if served == 1 + 2 * MIB:
            change(bench.disk, 0, b"late")

    bench.server.behaviour.on_served = write
    with pytest.raises(ReadFailed, match="changed while it was copied"):
        copied(bench.source, bench.base, bench.capacity, limits=ONE)


def test_chunked_answers(set_up: SetUp) -> None:
    bench = set_up("ddpd.d", extra=5)
    bench.server.behaviour.chunked = True
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.retries == 0


class TestLogin:
    """401 and 403 have the source log in again, a few times."""

    def test_expired_session_is_renewed_once_for_all_connections(self, set_up: SetUp) -> None:
        bench = set_up("d" * 16)
        bench.server.behaviour.token = TOKEN

        def expire(served: int) -> None:
            if served >= 8 * MIB:
                bench.server.behaviour.token = "Basic second"

        def renew(source: ServedDisk) -> None:
            source.token = "Basic second"

        bench.server.behaviour.on_served = expire
        source = ServedDisk(bench.server.url, bench.source.tls, on_renew=renew)
        result = copied(source, bench.base, bench.capacity, limits=Limits(connections=4))
        assert sha256(bench.base) == sha256(bench.disk)
        assert source.renewals == 1
        assert result.retries == 0

    def test_refusal_that_a_login_does_not_help(self, set_up: SetUp) -> None:
        bench = set_up("d")
        bench.server.behaviour.token = "another"
        with pytest.raises(ReadFailed, match=r"refuses to give the disk \(status 401\)") as caught:
            copied(bench.source, bench.base, bench.capacity)
        assert bench.source.renewals == 3
        _holds_no_secret(caught.value)

    def test_login_that_fails_ends_the_copy(self, set_up: SetUp) -> None:
        bench = set_up("d")
        bench.server.behaviour.statuses = [403]

        def renew(_source: ServedDisk) -> None:
            raise LoginFailed("the password is another one")

        source = ServedDisk(bench.server.url, bench.source.tls, on_renew=renew)
        with pytest.raises(LoginFailed, match="the password is another one"):
            copied(source, bench.base, bench.capacity)


class TestTls:
    """Verified or pinned, never off."""

    def test_unknown_certificate_is_not_trusted_and_not_tried_again(self, set_up: SetUp) -> None:
        bench = set_up("d")
        source = ServedDisk(bench.server.url, TlsTrust())
        with pytest.raises(UntrustedTls, match="SHA256:"):
            copied(source, bench.base, bench.capacity)
        assert bench.server.headers_seen == []

    def test_pinned_certificate(self, set_up: SetUp, tmp_path: Path) -> None:
        bench = set_up("d")
        with pytest.raises(UntrustedTls) as caught:
            copied(ServedDisk(bench.server.url, TlsTrust()), bench.base, bench.capacity)
        shown = caught.value.message.rsplit(" ", 1)[1]
        pinned = ServedDisk(bench.server.url, TlsTrust(fingerprint=shown))
        copied(pinned, bench.base, bench.capacity)
        with RangeServer(bench.disk, *make_certificate(tmp_path)) as impostor:
            source = ServedDisk(impostor.url, TlsTrust(fingerprint=shown))
            with pytest.raises(UntrustedTls, match="another certificate"):
                copied(source, bench.base, bench.capacity)
            assert impostor.headers_seen == []

    def test_plain_http(self, set_up: SetUp) -> None:
        bench = set_up("dp.")
        with RangeServer(bench.disk, None, None) as server:
            copied(ServedDisk(server.url, TlsTrust()), bench.base, bench.capacity)
        assert sha256(bench.base) == sha256(bench.disk)


def test_server_that_is_gone(set_up: SetUp) -> None:
    bench = set_up("d")
    bench.server.__exit__()
    with pytest.raises(ReadFailed, match="Connection refused"):
        copied(bench.source, bench.base, bench.capacity)


def test_silent_server_is_given_up_after_its_time(set_up: SetUp) -> None:
    bench = set_up("dd")
    bench.server.behaviour.stall_after = 1 + MIB
    patience = dataclasses.replace(NO_PAUSES, pauses=(0.0,), io_seconds=0.3)
    with pytest.raises(ReadFailed, match="no answer in time"):
        copied(bench.source, bench.base, bench.capacity, limits=ONE, patience=patience)


def test_cancel_wakes_a_copy_whose_server_is_silent(set_up: SetUp) -> None:
    bench = set_up("d" * 40)
    bench.server.behaviour.stall_after = 20 * MIB
    patient = Patience(io_seconds=600.0)
    cancelled = threading.Event()
    bench.server.behaviour.on_served = _after(20 * MIB, cancelled.set)
    with pytest.raises(Interrupted, match="was stopped"):
        copied(bench.source, bench.base, bench.capacity, patience=patient, cancelled=cancelled)
    # What was copied until then is recorded, so only the rest is fetched.
    bench.server.behaviour = Behaviour()
    result = copied(bench.source, bench.base, bench.capacity)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.kept_bytes >= 8 * MIB


def test_cancel_ends_a_pause_between_tries(set_up: SetUp) -> None:
    bench = set_up("d")
    bench.server.behaviour.statuses = [500]
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    with pytest.raises(Interrupted):
        copied(
            bench.source,
            bench.base,
            bench.capacity,
            patience=Patience(pauses=(600.0,)),
            cancelled=cancelled,
        )


def test_cancel_while_another_worker_holds_the_lease(set_up: SetUp) -> None:
    bench = set_up("d")
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Interrupted):
        copied(bench.source, bench.base, bench.capacity, cancelled=cancelled)


def test_errors_hold_no_secret(set_up: SetUp) -> None:
    for fault in ({"statuses": [404]}, {"statuses": [500] * 9}, {"encoding": "gzip"}):
        bench: Bench = set_up("d")
        bench.server.behaviour = dataclasses.replace(bench.server.behaviour, **fault)
        with pytest.raises(ReadFailed) as caught:
            copied(bench.source, bench.base, bench.capacity)
        _holds_no_secret(caught.value)


def test_throttled_copy_is_the_disk_too(set_up: SetUp) -> None:
    bench = set_up("ddd")
    limits = Limits(bytes_per_second=6 * MIB)
    result = copied(bench.source, bench.base, bench.capacity, limits=limits)
    assert sha256(bench.base) == sha256(bench.disk)
    assert result.fetched_bytes == bench.capacity


def test_throttle_lets_no_more_through_than_its_rate() -> None:
    """Four readers take slices as they may; simulated, so that no clock of ours matters."""
    now = 100.0
    rate, slice_bytes = 1_000_000, 256 * 1024
    throttle = Throttle(rate, clock=lambda: now)
    free_at = [now] * 4
    through = 0
    while now < 110.0:
        reader = free_at.index(min(free_at))
        now = max(now, free_at[reader])
        free_at[reader] = now + throttle.delay(slice_bytes)
        through += slice_bytes
    seconds = max(free_at) - 100.0
    assert rate * (seconds - 1) <= through <= rate * (seconds + 0.25) + 4 * slice_bytes


def test_no_throttle_never_waits() -> None:
    assert Throttle(None).delay(10**12) == 0.0


def _after(count: int, act: Callable[[], None]) -> Callable[[int], None]:
    def on_served(served: int) -> None:
        if served >= count:
            time.sleep(0.2)  # let the readers run into the silence
            act()

    return on_served


def _holds_no_secret(problem: MtvError) -> None:
    seen: BaseException | None = problem
    while seen is not None:
        assert "secret" not in repr(seen)
        assert "dcPath" not in repr(seen)
        seen = seen.__cause__ or seen.__context__
    assert "secret" not in problem.hint
