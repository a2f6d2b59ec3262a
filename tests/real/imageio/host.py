"""What an engine's hosts do for it: exports, tickets, backups and layers of real disks."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.real.engine.data import Download, Told
from tests.real.imageio.bitmaps import Tracked, begin_at_rest, end_at_rest
from tests.real.imageio.daemon import Daemon, start_daemon
from tests.real.imageio.images import Image, chains, qemu_img
from tests.real.imageio.machine import Machine, start_machine
from tests.real.imageio.nbd_server import serve

T = TypeVar("T")


@dataclass
class _Vm:
    machine: Machine
    ends: ExitStack


@dataclass
class _Backup:
    vm: str
    disks: dict[str, Tracked]
    images: dict[str, Image]
    live: bool


class Hosts:
    """A `tests.real.engine.data.DataPath`. Its methods are for one thread at a time.

    `storage` has a directory for each disk (`images.py`), whose images change here. Close it.
    """

    def __init__(
        self, storage: Path, *, ca: Path, host: tuple[Path, Path], proxy: tuple[Path, Path]
    ):
        self._chains = chains(storage)
        self._ends = ExitStack()
        # Children die with the thread that starts them, and requests have threads of their own.
        self._starter = ThreadPoolExecutor(1)
        # Paths of Unix sockets are short.
        self._directory = Path(tempfile.mkdtemp(prefix="mtv-"))
        self._vms: dict[str, _Vm] = {}
        self._backups: dict[str, _Backup] = {}
        self._open: dict[str, ExitStack] = {}
        try:
            self._host, self._proxy = (
                self._daemon(name, ca, *pair) for name, pair in (("host", host), ("proxy", proxy))
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything that was started."""
        for vm in list(self._vms):
            self.power(vm, (), on=False)
        for transfer in list(self._open):
            with contextlib.suppress(OSError, RuntimeError):
                self.close_transfer(transfer)
        self._run(self._ends.close)
        self._starter.shutdown()
        shutil.rmtree(self._directory, ignore_errors=True)

    def open_transfer(self, wanted: Download) -> tuple[str, str]:
        ends = ExitStack()
        try:
            url, dirty = self._run(lambda: self._serve(wanted, ends))
            common = {
                "size": self._size(wanted),
                "dirty": dirty,
                "timeout": wanted.seconds,
                "ops": ["read"],
                "transfer_id": wanted.transfer,
                "sparse": True,
            }
            for daemon, where in (
                (self._host, url),
                (self._proxy, self._host.url(wanted.transfer)),
            ):
                daemon.add(wanted.transfer, url=where, **common)
                ends.callback(daemon.remove, wanted.transfer)
        except BaseException:
            self._run(ends.close)
            raise
        self._open[wanted.transfer] = ends
        return self._host.url(wanted.transfer), self._proxy.url(wanted.transfer)

    def close_transfer(self, transfer: str) -> None:
        if (ends := self._open.pop(transfer, None)) is not None:
            self._run(ends.close)

    def extend(self, transfer: str, seconds: int) -> bool:
        known = [each.extend(transfer, seconds) for each in (self._host, self._proxy)]
        return all(known)

    def told(self, transfer: str) -> Told | None:
        found = [each.ticket(transfer) for each in (self._host, self._proxy)]
        tickets = [each for each in found if each is not None]
        if not tickets:
            return None
        whole = any(each.get("transferred") == each["size"] for each in tickets)
        return Told(
            min(float(each["idle_time"]) for each in tickets),
            whole and not any(each["active"] for each in tickets),
        )

    def lost(self, transfer: str) -> bool:
        return self._host.ticket(transfer) is None

    def power(self, vm: str, disks: Sequence[str], *, on: bool) -> None:
        if on and vm not in self._vms:
            ends, mine = ExitStack(), [self._chains[each] for each in disks if each in self._chains]
            directory = self._directory / f"vm{len(self._vms)}"
            machine = self._run(lambda: ends.enter_context(start_machine(directory, mine)))
            self._vms[vm] = _Vm(machine, ends)
        elif not on and vm in self._vms:
            self._run(self._vms.pop(vm).ends.close)

    def begin_backup(
        self, vm: str, backup: str, disks: Sequence[Tracked], layers: Mapping[str, str]
    ) -> None:
        running = self._vms.get(vm)
        images = {each.disk: self._chains[each.disk].top for each in disks}
        if running is not None:
            running.machine.begin_backup(backup, disks, layers)
        else:
            for each in disks:
                begin_at_rest(images[each.disk], each)
            for disk, image in layers.items():
                self._chains[disk].grow(image)
        by_disk = {each.disk: each for each in disks}
        self._backups[backup] = _Backup(vm, by_disk, images, live=running is not None)

    def end_backup(self, backup: str) -> None:
        found = self._backups.pop(backup)
        running = self._vms.get(found.vm)
        if found.live and running is not None:
            running.machine.end_backup(backup, list(found.disks.values()))
        elif not found.live:
            for each in found.disks.values():
                end_at_rest(found.images[each.disk], each)

    def remove_checkpoint(self, vm: str, disk: str, checkpoint: str) -> None:
        image, running = self._chains[disk].top, self._vms.get(vm)
        if running is not None:
            running.machine.remove_bitmap(image, checkpoint)
        else:
            qemu_img("bitmap", "--remove", image.path, checkpoint)

    def begin_layers(self, vm: str, layers: Mapping[str, str]) -> None:
        mine = {disk: image for disk, image in layers.items() if disk in self._chains}
        running = self._vms.get(vm)
        if running is not None:
            running.machine.begin_layers(mine)
        else:
            for disk, image in mine.items():
                self._chains[disk].grow(image)

    def merge(self, vm: str, disk: str, image: str) -> None:
        chain = self._chains.get(disk)
        if chain is None:
            return
        lower, running = chain.image(image), self._vms.get(vm)
        if running is not None:
            running.machine.merge(disk, lower)
            return
        upper = chain.above(lower)
        qemu_img("commit", "-q", "-d", "-f", "qcow2", "-b", lower.path, upper.path)
        chain.drop(upper)

    def held(self) -> dict[str, list[str]]:
        exports = [name for vm in self._vms.values() for name in vm.machine.exports()]
        return {
            "tickets": self._host.tickets(),
            "proxy_tickets": self._proxy.tickets(),
            "exports": sorted(exports + list(self._open)),
            "frozen": sorted(self._backups),
        }

    def where(self) -> dict[str, Any]:
        return {
            "port": self._host.port,
            "proxy_port": self._proxy.port,
            "control": [str(self._host.control), str(self._proxy.control)],
            "machines": {vm: str(each.machine.socket) for vm, each in self._vms.items()},
        }

    def _serve(self, wanted: Download, ends: ExitStack) -> tuple[str, bool]:
        """Where the daemon finds the bytes, and whether it can tell what is dirty."""
        chain = self._chains[wanted.disk]
        bitmap = ""
        if wanted.backup is not None:
            backup = self._backups[wanted.backup]
            bitmap = backup.disks[wanted.disk].merged
            if backup.live:
                machine = self._vms[backup.vm].machine
                name = machine.export_of(wanted.backup, wanted.disk)
                return f"nbd:unix:{machine.socket}:exportname={name}", bool(bitmap)
        image = chain.image(wanted.image) if wanted.image else chain.top
        if wanted.backup is not None:
            image = self._backups[wanted.backup].images[wanted.disk]
        if not wanted.raw:
            return f"file://{image.path}", False
        path = self._directory / f"{wanted.transfer[:13]}.nbd"
        ends.enter_context(
            serve(image, path, name=wanted.transfer, shallow=wanted.shallow, bitmap=bitmap)
        )
        return f"nbd:unix:{path}:exportname={wanted.transfer}", bool(bitmap)

    def _size(self, wanted: Download) -> int:
        chain = self._chains[wanted.disk]
        image: Image = chain.image(wanted.image) if wanted.image else chain.top
        if not wanted.raw:
            return image.path.stat().st_size
        # -U: a running VM has it open.
        return int(json.loads(qemu_img("info", "-U", "--output=json", image.path))["virtual-size"])

    def _daemon(self, name: str, ca: Path, certificate: Path, key: Path) -> Daemon:
        started = start_daemon(self._directory / name, ca=ca, certificate=certificate, key=key)
        return self._run(lambda: self._ends.enter_context(started))

    def _run(self, job: Callable[[], T]) -> T:
        return self._starter.submit(job).result()
