"""Changed block tracking (CBT): what changed on a disk since an earlier point of it.

A change id is ``<uuid>/<number>``. The UUID is that of the tracking, and another one when tracking
began anew (a reset, a revert, a resize): changes are told within one only. The number grows with
each snapshot: it is the name of what a snapshot holds, and of nothing else. A VM that is off has
the number of its last one, whatever was written since.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pyVmomi import vim, vmodl

from mtv.errors import SourceError
from mtv.extents import Extents
from mtv.model.disk import VAGUE, Extent
from mtv.sources.vsphere.session import Session

_CANNOT_TELL = (vim.fault.FileFault, vmodl.fault.InvalidArgument, vmodl.fault.SystemError)
"""Of a disk without tracking, or whose tracking began anew."""

_OF = "@"
"""Between a change id and the snapshot that it is of, in a point."""

ALLOCATED = "*"
"""In place of a change id: all that was ever written."""


class Tracked(NamedTuple):
    """A disk whose changes are asked for."""

    session: Session
    vm: Any
    snapshot: Any
    """The snapshot that is read; None: the VM is off, and its disk as it is now."""
    key: str
    capacity_bytes: int
    label: str
    change_id: str | None
    """What the disk has now; None: its changes are not tracked."""
    doubted: bool
    """Something happened to the VM after which it is not believed what changed."""

    def allocated(self) -> Sequence[Extent] | None:
        """Where something was ever written; None where the host cannot tell (NFS, vSAN).

        Raises SourceError.
        """
        return None if self.change_id is None else self._areas(ALLOCATED)

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        """Where it changed since an earlier point; None where the two cannot be compared.

        Raises SourceError.
        """
        if self.change_id is None or self.doubted:
            return None
        earlier = point.removesuffix(VAGUE).partition(_OF)[0]
        return self._areas(earlier) if are_in_order(earlier, self.change_id) else None

    def point(self) -> str | None:
        """The name of what is read; None without change tracking.

        A VM that is off may have been written to since its last change id; and after a revert the
        same number may come once more, so that only the snapshot makes it a name.
        """
        if self.change_id is None:
            return None
        if self.snapshot is None:
            return f"{self.change_id}{VAGUE}"
        return f"{self.change_id}{_OF}{self.snapshot._moId}"

    def _areas(self, change_id: str) -> Sequence[Extent] | None:
        with self.session.faults_as_errors():
            try:
                return Extents(self._pages(change_id))
            except (vim.fault.NoPermission, vim.fault.NotFound, *_CANNOT_TELL):
                return None

    def _pages(self, change_id: str) -> Iterator[Extent]:
        """The areas of every answer; each says how far it looked, which may be less than all."""
        start = 0
        while start < self.capacity_bytes:
            found = self._ask(change_id, start)
            if found.startOffset != start or found.length < 1:
                raise SourceError(
                    f"{self.label}: vCenter tells changes from byte {found.startOffset} on, asked "
                    f"for those from byte {start} on",
                    "reset change tracking of the VM, or copy it while it is off",
                )
            yield from areas_of(found, self.label)
            start += found.length

    def _ask(self, change_id: str, start: int) -> Any:
        def ask() -> Any:
            return self.vm.QueryChangedDiskAreas(
                snapshot=self.snapshot,
                deviceKey=int(self.key),
                startOffset=start,
                changeId=change_id,
            )

        return self.session.renewing(ask)


def areas_of(answer: Any, label: str) -> Iterator[Extent]:
    """The areas of one answer, by their places: in which order they are told nobody promises.

    Raises SourceError for one that is beyond what the answer says to be about.
    """
    end = answer.startOffset + answer.length
    for area in sorted(answer.changedArea or (), key=lambda each: each.start):
        if not answer.startOffset <= area.start <= area.start + area.length <= end:
            raise SourceError(
                f"{label}: vCenter tells a change that lies outside of what it says to have looked "
                "at",
                "reset change tracking of the VM, or copy it while it is off",
            )
        yield Extent(area.start, area.length)


def are_in_order(earlier: str, later: str) -> bool:
    """True for two change ids of one tracking, the first of which is not of a later moment."""
    before, _, then = earlier.partition("/")
    tracking, _, now = later.partition("/")
    return tracking == before and then.isdecimal() and now.isdecimal() and int(then) <= int(now)
