"""Changed block tracking (CBT): what changed on a disk since an earlier point of it.

A change id is ``<uuid>/<number>``. The UUID is that of the tracking, and another one when tracking
began anew (a reset, a revert, a resize): changes are told within one only. The number grows.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pyVmomi import vim, vmodl

from mtv.errors import SourceError
from mtv.model.disk import Extent
from mtv.sources.vsphere.session import Session

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

    def allocated(self) -> Sequence[Extent] | None:
        """Where something was ever written; None where the host cannot tell (NFS, vSAN)."""
        return self._areas(ALLOCATED)

    def changed_since(self, change_id: str, now: str) -> Sequence[Extent] | None:
        """Where it changed between two change ids; None where they cannot be compared."""
        if not is_later(now, change_id):
            return None
        return self._areas(change_id)

    def _areas(self, change_id: str) -> Sequence[Extent] | None:
        try:
            return list(_joined(self._pages(change_id)))
        except (vim.fault.FileFault, vmodl.fault.InvalidArgument, vmodl.fault.SystemError):
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
            end = start + found.length
            for area in found.changedArea or ():
                if not start <= area.start <= area.start + area.length <= end:
                    raise SourceError(
                        f"{self.label}: vCenter tells a change that lies outside of what it says "
                        "to have looked at",
                        "reset change tracking of the VM, or copy it while it is off",
                    )
                yield Extent(area.start, area.length)
            start = end

    def _ask(self, change_id: str, start: int) -> Any:
        def ask() -> Any:
            return self.vm.QueryChangedDiskAreas(
                snapshot=self.snapshot,
                deviceKey=int(self.key),
                startOffset=start,
                changeId=change_id,
            )

        return self.session.renewing(ask)


def is_later(now: str, earlier: str) -> bool:
    """True for two change ids of one tracking, the second of an earlier moment."""
    tracking, _, number = now.partition("/")
    before, _, then = earlier.partition("/")
    return (
        tracking == before and number.isdecimal() and then.isdecimal() and int(then) < int(number)
    )


def _joined(areas: Iterator[Extent]) -> Iterator[Extent]:
    """Areas in order, those that touch or overlap as one."""
    last: Extent | None = None
    for area in areas:
        if last is None:
            last = area
        elif area.offset <= last.offset + last.length:
            end = max(last.offset + last.length, area.offset + area.length)
            last = Extent(last.offset, end - last.offset)
        else:
            yield last
            last = area
    if last is not None:
        yield last
