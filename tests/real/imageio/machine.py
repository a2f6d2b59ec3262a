"""A running VM as far as its disks go: qemu-storage-daemon in the place of QEMU.

Each disk has a writable export `guest-DISK`, through which its guest writes. During a backup there
is an export `BACKUP-DISK` of the moment at which the backup began: what the guest overwrites later
is copied aside first (`blockdev-backup` with `sync=none`), or goes to a new layer (a snapshot).
"""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.children import child
from tests.real.imageio.bitmaps import Tracked, actions
from tests.real.imageio.images import Chain, Image, qemu_img
from tests.real.imageio.qmp import Qmp, QmpError

GUEST, FROZEN = "guest-{disk}", "{backup}-{disk}"
"""Names of exports."""


@dataclass
class Machine:
    """A VM that runs. `socket` is where all its exports are."""

    socket: Path
    _qmp: Qmp
    _chains: dict[str, Chain]
    _scratch: Path
    _files: dict[tuple[str, str], Path] = field(default_factory=dict)
    _frozen: dict[tuple[str, str], Image] = field(default_factory=dict)
    """The layer that a backup of a snapshot reads."""

    def export_of(self, backup: str, disk: str) -> str:
        return FROZEN.format(backup=backup, disk=disk)

    def exports(self) -> list[str]:
        """What it exports besides the guest's own."""
        found = [str(each["id"]) for each in self._qmp("query-block-exports")]
        return sorted(each for each in found if each.startswith("f"))

    def add_disk(self, chain: Chain) -> None:
        """Open a disk with all its layers, and let the guest write to it."""
        below: str | None = None
        for image in chain.images:
            self._open(image, below)
            below = image.node
        self._export(f"g{chain.top.node}", chain.top.node, GUEST.format(disk=chain.disk), True)

    def begin_backup(
        self, backup: str, disks: Sequence[Tracked], layers: Mapping[str, str]
    ) -> None:
        """Freeze this moment for all the disks at once: under new layers, if they are given."""
        if layers:
            self._begin_below(backup, disks, layers)
        else:
            self._begin_aside(backup, disks)

    def _begin_below(
        self, backup: str, disks: Sequence[Tracked], layers: Mapping[str, str]
    ) -> None:
        """The moment is the layer below: what the guest writes later is merged into it at the end.

        Its new bitmap records then.
        """
        below = {each.disk: self._chains[each.disk].top for each in disks}
        recording = [act for each in disks for act in actions(below[each.disk].node, each)]
        self.begin_layers(layers, recording)
        for each in disks:
            image = self._frozen[backup, each.disk] = below[each.disk]
            bitmaps = [each.merged] if each.since else []
            name = FROZEN.format(backup=backup, disk=each.disk)
            self._export(f"fs{image.node}", image.node, name, False, bitmaps)

    def _begin_aside(self, backup: str, disks: Sequence[Tracked]) -> None:
        together: list[Any] = []
        for tracked in disks:
            node, aside = self._chains[tracked.disk].top.node, self._aside(backup, tracked.disk)
            together += actions(node, tracked)
            together.append(
                {
                    "type": "blockdev-backup",
                    "data": {"job-id": aside, "device": node, "target": aside, "sync": "none"},
                }
            )
        self._qmp("transaction", actions=together)
        for tracked in disks:
            aside = f"s{self._chains[tracked.disk].top.node}"
            bitmaps = [tracked.merged] if tracked.since else []
            name = FROZEN.format(backup=backup, disk=tracked.disk)
            self._export(f"f{aside}", aside, name, False, bitmaps)

    def end_backup(self, backup: str, disks: Sequence[Tracked]) -> None:
        """Let go of that moment."""
        for tracked in disks:
            below = self._frozen.pop((backup, tracked.disk), None)
            node = (below or self._chains[tracked.disk].top).node
            aside = f"s{node}"
            self._end_export(f"f{aside}")
            if below is None:
                self._qmp("block-job-cancel", device=aside)
                self._qmp.wait_job(aside)
                self._qmp("blockdev-del", node_name=aside)
                self._files.pop((backup, tracked.disk)).unlink()
            if tracked.since:
                self._qmp("block-dirty-bitmap-remove", node=node, name=tracked.merged)

    def begin_layers(
        self, layers: Mapping[str, str], before: Sequence[dict[str, object]] = ()
    ) -> None:
        """A snapshot: from now on the guest writes to new layers (disk id -> image id)."""
        together: list[Any] = [*before]
        for disk, image in layers.items():
            below = self._chains[disk].top
            above = self._chains[disk].grow(image)
            self._open(above, None)
            data = {"node": below.node, "overlay": above.node}
            together.append({"type": "blockdev-snapshot", "data": data})
        self._qmp("transaction", actions=together)

    def merge(self, disk: str, lower: Image) -> None:
        """Remove a snapshot: the layer above goes into `lower`, while the guest writes on."""
        chain = self._chains[disk]
        upper, job = chain.above(lower), "merge"
        top = chain.top
        self._qmp(
            "block-commit",
            job_id=job,
            device=top.node,
            base_node=lower.node,
            **({} if upper is top else {"top_node": upper.node}),
        )
        if upper is top:
            self._qmp.wait_job(job, "ready")
            self._qmp("job-complete", id=job)
        self._qmp.wait_job(job)
        self._qmp("blockdev-del", node_name=upper.node)
        chain.drop(upper)

    def remove_bitmap(self, image: Image, name: str) -> None:
        self._qmp("block-dirty-bitmap-remove", node=image.node, name=name)

    def _open(self, image: Image, below: str | None) -> None:
        file = {"driver": "file", "filename": str(image.path)}
        if image.format == "raw":
            self._qmp("blockdev-add", driver="raw", node_name=image.node, file=file)
        else:
            self._qmp(
                "blockdev-add", driver="qcow2", node_name=image.node, file=file, backing=below
            )

    def _aside(self, backup: str, disk: str) -> str:
        """A node for what is copied aside, over the disk."""
        chain, path = self._chains[disk], self._scratch / f"{backup}-{disk}"
        node = chain.top.node
        size = self._node(node)["image"]["virtual-size"]
        qemu_img("create", "-f", "qcow2", path, str(size))
        self._files[backup, disk] = path
        file = {"driver": "file", "filename": str(path)}
        self._qmp("blockdev-add", driver="qcow2", node_name=f"s{node}", file=file, backing=node)
        return f"s{node}"

    def _node(self, name: str) -> Any:
        return next(
            each
            for each in self._qmp("query-named-block-nodes", flat=True)
            if each["node-name"] == name
        )

    def _export(
        self, id_: str, node: str, name: str, writable: bool, bitmaps: Sequence[str] = ()
    ) -> None:
        self._qmp(
            "block-export-add",
            type="nbd",
            id=id_,
            node_name=node,
            name=name,
            writable=writable,
            **({} if writable else {"allocation-depth": True, "bitmaps": list(bitmaps)}),
        )

    def _end_export(self, id_: str) -> None:
        self._qmp("block-export-del", id=id_, mode="hard")
        while any(each["id"] == id_ for each in self._qmp("query-block-exports")):
            pass


@contextlib.contextmanager
def start_machine(directory: Path, disks: Sequence[Chain]) -> Iterator[Machine]:
    """Run a VM with these disks until the block ends. `directory` is made; its path is short."""
    directory.mkdir(exist_ok=True)
    monitor, socket = directory / "qmp.sock", directory / "nbd.sock"
    for old in (monitor, socket):
        old.unlink(missing_ok=True)
    argv = ["qemu-storage-daemon", "--chardev", f"socket,id=m,path={monitor},server=on,wait=off"]
    with child([*argv, "--monitor", "chardev=m"], log=directory / "log") as process:
        qmp = Qmp(monitor)
        address = {"type": "unix", "data": {"path": str(socket)}}
        qmp("nbd-server-start", addr=address, max_connections=0)
        machine = Machine(socket, qmp, {each.disk: each for each in disks}, directory)
        for each in disks:
            machine.add_disk(each)
        try:
            yield machine
        finally:
            # Not a signal: bitmaps are stored when QEMU ends by itself.
            with contextlib.suppress(OSError, QmpError):
                qmp("quit")
            qmp.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
