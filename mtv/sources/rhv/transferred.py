"""A disk of RHV for reading, over an image transfer: the ``DiskSource`` of this platform."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ovirtsdk4 import types

from mtv.errors import SourceError, Unreachable, UntrustedTls
from mtv.model.disk import Extent, HttpLocation, TlsTrust
from mtv.sources.rhv.authority import authority
from mtv.sources.rhv.engine import Engine, Refused
from mtv.sources.rhv.imageio import Block, Context, Daemon, Refusal, has_data, reach
from mtv.sources.rhv.transfers import END_SECONDS, Transfer, wait_until
from mtv.sources.rhv.values import word


class TransferredDisk:
    """One disk, or one moment of it, while a transfer lasts (a ``mtv.model.disk.DiskSource``)."""

    _transfer: Transfer

    def __init__(
        self,
        engine: Engine,
        name: str,
        asked: Callable[[], types.ImageTransfer],
        *,
        point: str | None,
        changed_since: Callable[["TransferredDisk", str], Sequence[Extent] | None],
        still_the_same: Callable[[], None] = lambda: None,
        locked: str = "",
    ) -> None:
        """Starts a transfer. Raises SourceError in its kinds.

        ``name`` is for messages, ``asked`` makes what is sent to the engine. ``still_the_same``
        raises SourceError when a second transfer would give other bytes than the first did.
        ``locked`` is the path of what the transfer locks; "" where that is not its own doing.
        """
        self.engine = engine
        self.name = name
        self._asked = asked
        self._point = point
        self._changed_since = changed_since
        self._still_the_same = still_the_same
        self._locked = locked
        self._lock = threading.Lock()
        self._lent_to: TransferredDisk | None = None
        self._begin()

    def location(self) -> HttpLocation:
        """At the host, or at the engine's proxy where the host cannot be reached."""
        return self._daemon.location()

    def renew(self) -> None:
        """Has the ticket extended; where it is lost, starts another transfer of the same bytes."""
        with self._lock:
            if self._transfer.revive() and self._daemon.alive():
                return
            self._transfer.end()
            self._begin_again()

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Gives the disk back until the block ends, for other transfers of it."""
        with self._lock:
            self._end()
            try:
                yield
            finally:
                self._lent_to = None
                self._begin_again()

    def lends(self, other: "TransferredDisk") -> None:
        """While it rests another's transfer is what is open, whichever that has by then."""
        self._lent_to = other

    def extents(self) -> Sequence[Extent] | None:
        """Where there is data, by the host's own look at the disk's images."""
        return self.told("zero", has_data)

    def point(self) -> str | None:
        """The name of the content, where it has one."""
        return self._point

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        """Where it may differ from an earlier point; None where nobody can tell."""
        return self._changed_since(self, point)

    def told(self, context: Context, wanted: Callable[[Block], bool]) -> Sequence[Extent] | None:
        """Where the daemon says so of the disk; None where it can't tell. Raises SourceError."""
        try:
            return self._daemon.extents(context, wanted)
        except Refusal:
            self.renew()
        try:
            return self._daemon.extents(context, wanted)
        except Refusal as problem:
            raise SourceError(
                f"{self.engine.name}: the host refuses to tell of {self.name}",
                "the engine's events may say why",
            ) from problem

    def opened(self) -> str:
        """The transfer's id."""
        return (self._lent_to or self)._transfer.id

    def close(self) -> None:
        """Ends the transfer; returns when the disk is unlocked.

        Raises SourceError when it stays locked.
        """
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._transfer.end()
        if self._locked and not wait_until(self._is_unlocked, END_SECONDS):
            raise SourceError(
                f"{self.engine.name}: {self.name} stays locked after it was read",
                "look at the engine's events; unlocking is done on the engine (unlock_entity.sh)",
            )

    def _is_unlocked(self) -> bool:
        return word(self.engine.get(self._locked).status) != "locked"

    def _begin(self) -> None:
        self._transfer = Transfer(self.engine, self._asked(), self.name)
        try:
            self._daemon = self._reached(*self._transfer.urls)
        except BaseException:
            with contextlib.suppress(SourceError):
                self._transfer.end()
            raise

    def _begin_again(self) -> None:
        """The disk was unlocked for a moment, and others may have changed it."""
        try:
            self._begin()
        except Refused:
            self._still_the_same()  # who says better why
            raise
        try:
            self._still_the_same()
        except BaseException:
            with contextlib.suppress(SourceError):
                self._transfer.end()
            raise

    def _reached(self, direct: str | None, proxy: str | None) -> Daemon:
        own, hosts = self.engine.connection.tls, self._trust_of_hosts()
        # Each is the likelier one's first: hosts have certificates of the engine's authority, the
        # proxy has the engine's own.
        ways: list[tuple[str, Iterable[TlsTrust]]] = []
        if direct:
            ways.append((direct, (hosts, own)))
        if proxy and proxy != direct:
            ways.append((proxy, (own, hosts)))
        problems: list[Unreachable | UntrustedTls] = []
        for url, trusts in ways:
            try:
                return reach(url, trusts)
            except (Unreachable, UntrustedTls) as problem:
                problems.append(problem)
        if not problems:
            raise SourceError(f"{self.engine.name}: the engine gives no address for {self.name}")
        raise type(problems[-1])(
            f"{self.name} cannot be read: " + "; ".join(each.message for each in problems),
            "this machine has to reach port 54322 of the hosts, or port 54323 of the engine",
        ) from problems[-1]

    def _trust_of_hosts(self) -> TlsTrust:
        if self.engine.hosts is None:
            self.engine.hosts = authority(self.engine)
        return self.engine.hosts


def status(thing: Any) -> str:
    """The state of a disk or layer; "" for one that the SDK does not know."""
    return word(thing.status) or ""
