"""Which dirty bitmaps of a disk tell what a backup has to: a checkpoint is a bitmap of its name.

Each bitmap holds what was written from its checkpoint to the next one; only the newest still
records. What changed since a checkpoint is that one's bitmap and all after it, merged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.real.imageio.images import Image, qemu_img


@dataclass(frozen=True)
class Tracked:
    """What a backup of one disk is about; names of bitmaps."""

    disk: str
    since: tuple[str, ...] = ()
    """The bitmaps to merge, oldest first; none for a full backup."""
    recording: str = ""
    """The bitmap that records until now."""
    begins: str = ""
    """The bitmap that begins now; none for a raw disk, which cannot keep one."""

    @property
    def merged(self) -> str:
        """The bitmap that shows all of `since`; only while the backup lasts."""
        return f"since-{self.since[0]}" if self.since else ""


def actions(node: str, tracked: Tracked) -> Sequence[dict[str, object]]:
    """The part of QEMU's transaction that begins a backup of a running VM's disk."""
    found: list[dict[str, object]] = []

    def act(kind: str, **data: object) -> None:
        found.append({"type": kind, "data": {"node": node, **data}})

    if tracked.begins:
        act("block-dirty-bitmap-add", name=tracked.begins, persistent=True)
    if tracked.recording:
        act("block-dirty-bitmap-disable", name=tracked.recording)
    if tracked.since:
        act("block-dirty-bitmap-add", name=tracked.merged, disabled=True)
        found.append(
            {
                "type": "block-dirty-bitmap-merge",
                "data": {"node": node, "target": tracked.merged, "bitmaps": list(tracked.since)},
            }
        )
    return found


def begin_at_rest(image: Image, tracked: Tracked) -> None:
    """The same for a disk that nobody writes to."""
    if tracked.begins:
        qemu_img("bitmap", "--add", image.path, tracked.begins)
    if tracked.recording:
        qemu_img("bitmap", "--disable", image.path, tracked.recording)
    if tracked.since:
        merges = [word for each in tracked.since for word in ("--merge", each)]
        qemu_img("bitmap", "--add", "--disable", *merges, image.path, tracked.merged)


def end_at_rest(image: Image, tracked: Tracked) -> None:
    if tracked.since:
        qemu_img("bitmap", "--remove", image.path, tracked.merged)
