"""What a copy reads a disk through: one thread's connection to it."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from mtv.errors import ReadFailed
from mtv.model.disk import UNWATCHED, VAGUE, Extent

RESUMABLE = "what was copied is kept; the same command goes on from here"


class Served(NamedTuple):
    """What is known about the disk as a whole, before any of it is read."""

    size_bytes: int
    etag: str | None
    last_modified: str | None

    @property
    def is_tagged(self) -> bool:
        """Whether a tag tells each content from every other (RFC 9110: a weak one does not)."""
        return self.etag is not None and not self.etag.startswith("W/")

    @property
    def identity(self) -> bytes | None:
        """A digest that is another one when the disk's content is; None if nothing tells."""
        if not self.is_tagged and self.last_modified is None:
            return None
        return hashlib.sha256(repr(tuple(self)).encode()).digest()


class Identity(NamedTuple):
    """What tells one content of a disk from another."""

    point: str | None
    """The source's name of a frozen content (``DiskSource.point``)."""
    served: bytes | None
    """What the server says of what it gives (``Served.identity``)."""

    def is_same(self, other: "Identity") -> bool:
        """True when both are of the same bytes for sure."""
        named = self.point is not None and not self.point.endswith((VAGUE, UNWATCHED))
        return self == other and (named or self.served is not None)

    def goes_on_from(self, broken_off: "Identity") -> bool:
        """True when a copy that was broken off may be completed: it is of the same bytes.

        As far as the source tells: see ``UNWATCHED``.
        """
        unwatched = self.point is not None and self.point.endswith(UNWATCHED)
        return self.is_same(broken_off) or (unwatched and self == broken_off)

    def tells_changes_from(self, earlier: "Identity") -> bool:
        """True when the source can be asked what changed between the two.

        Not between two contents of one point: somebody wrote, and the source did not notice.
        """
        return None not in (self.point, earlier.point) and self.point != earlier.point


class Way(Protocol):
    """A way to a disk. Every method but ``interrupt`` is for one thread."""

    @property
    def fetched_bytes(self) -> int:
        """Bytes that were read from the source."""

    @property
    def retries(self) -> int:
        """How often something had to be asked for again."""

    def probe(self) -> tuple[Served, float | None]:
        """Looks at the disk. Second: how many seconds ago it was last changed, where known.

        Raises ReadFailed, SourceError.
        """

    def expect(self, served: Served) -> None:
        """From now on all that is read must be of that disk."""

    def changed(self) -> ReadFailed:
        """The error for a disk that is not what it was when the copy started."""

    def interrupt(self) -> None:
        """Wakes the thread that waits for the source, from another thread."""

    def close(self) -> None:
        """Closes the connection."""


class Reader(Way, Protocol):
    """A way to read any part of a disk."""

    def extents(self) -> Sequence[Extent] | None:
        """Where there is data; None where the place that is read can't tell."""

    def fill(self, view: memoryview, offset: int, end: int) -> None:
        """Fills the view with the disk's bytes from ``offset`` on; what follows, up to ``end``,
        will be wanted next.

        Raises ReadFailed, SourceError, Stopped.
        """
