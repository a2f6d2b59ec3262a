"""Running VMs with one disk, in the test vCenter and in the test engine, and passes over them."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.workers import Copied, worker
from mtv.model.disk import Held, TlsTrust
from mtv.sources import ReadsTwoWays, Source, open_source
from mtv.tasks import Connection, SecretRef, SyncTask
from mtv.transfer.records.resume import recorded_point
from tests.real.disk_vm import MIB, result, start_lab
from tests.real.engine.estate import Estate
from tests.real.engine.sdk import types as t
from tests.real.imageio.machine import GUEST
from tests.real.imageio.nbd import Nbd
from tests.real.rhv import start_engine
from tests.real.rich_rhv import scaled, storage
from tests.real.rich_rhv.shapes import active, attached, vm
from tests.real.rich_rhv.things import uid
from tests.real.small_estate import copy_sparse
from tests.real.vcenter_disks import nothing_of_mtv_is_left

NAME = "bench"
NEVER = threading.Event()
MAY = ("power", "snapshots")


@dataclass(frozen=True)
class Machine:
    """A VM that runs, its only disk, and how both are reached."""

    connection: Connection
    vm: str
    disk: str
    write: Callable[[int, bytes], None]
    """As the guest, whole sectors: offset in bytes, data."""


class Passes:
    """The passes over one machine, as ``mtv sync`` takes them; the copy's base is ``base``."""

    def __init__(self, machine: Machine, source: Source, base: Path, capacity_bytes: int) -> None:
        self.base = base
        self._machine, self._source = machine, source
        self._capacity_bytes = capacity_bytes
        self._before: Held | None = None
        self._left = list[str]()

    def take(self) -> Copied:
        """Holds the disk, has a worker copy it, lets go of it."""
        machine = self._machine
        held = self._source.hold(machine.vm, [machine.disk], self._points(), NEVER, self._before)
        try:
            if isinstance(self._source, ReadsTwoWays):  # mtv proves that once for each kind
                kinds = tuple(self._source.unproven(machine.vm, held))
                held = msgspec.structs.replace(held, proven=kinds)
            copied = worker(
                SyncTask(
                    vm=machine.vm,
                    disk=machine.disk,
                    capacity_bytes=self._capacity_bytes,
                    source=machine.connection,
                    base=str(self.base),
                    held=held,
                )
            )
        finally:
            self._source.release(machine.vm, held, NEVER)
        self._before = held
        self._left += filter(None, [copied.result.point])
        return copied

    def end(self) -> None:
        """Takes away what passes left at the source for the next one."""
        self._source.let_go(self._machine.vm, self._left, NEVER)

    def _points(self) -> list[str]:
        point = recorded_point(self.base)
        return [] if point is None else [point]


Start = Callable[[Path, Path], contextlib.AbstractContextManager[Machine]]


@contextlib.contextmanager
def passes(start: Start, directory: Path, content: Path) -> Iterator[tuple[Machine, Passes]]:
    """A machine in ``directory`` whose disk holds the same as a file, and passes over it.

    In the end the source has to hold nothing of mtv's.
    """
    directory.mkdir()
    with start(directory, content) as machine:
        opened = open_source(machine.connection)
        found = Passes(machine, opened, directory / "base.raw", content.stat().st_size)
        try:
            yield machine, found
            found.end()
        finally:
            opened.close()


@contextlib.contextmanager
def vsphere(directory: Path, content: Path) -> Iterator[Machine]:
    """In the test vCenter, with change tracking and a flat file."""
    with start_lab(directory / "vcenter") as lab:
        made = lab.vm(bytes(MIB), running=False)
        ((key, flat),) = made.flat_files.items()
        # A disk of some TiB is in no memory: so it is made small, grows, and is filled then.
        if content.stat().st_size > MIB:
            lab.disks.grow(made.id, key, content.stat().st_size - MIB)
        copy_sparse(content, flat)
        result(made.vm.PowerOnVM_Task())
        vcenter = lab.vcenter
        yield Machine(
            connection=Connection(
                name="vc1",
                kind="vsphere",
                url=vcenter.url,
                username=vcenter.username,
                password=SecretRef(file=_secret(directory, vcenter.password)),
                tls=TlsTrust(fingerprint=vcenter.fingerprint),
                may=MAY,
            ),
            vm=made.id,
            disk=str(key),
            write=lambda offset, data: lab.disks.write(made.id, key, offset, data),
        )
        nothing_of_mtv_is_left(vcenter)


@contextlib.contextmanager
def rhv(directory: Path, content: Path) -> Iterator[Machine]:
    """In the test engine: a qcow2 disk with incremental backup, read through imageio's daemon."""
    disk = uid("Disk", NAME)
    image = directory / "storage" / disk / uid("image", NAME)
    image.parent.mkdir(parents=True)
    argv = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(content), str(image)]
    subprocess.run(argv, check=True)
    with start_engine(
        directory / "engine",
        estate="benchmarks.machines:estate",
        arguments={"capacity_bytes": content.stat().st_size},
        storage=directory / "storage",
    ) as engine:
        machine = uid("Vm", NAME)
        guest = Nbd(engine.where()["machines"][machine], GUEST.format(disk=disk))
        with contextlib.closing(guest):
            yield Machine(
                connection=Connection(
                    name="rhv1",
                    kind="rhv",
                    url=engine.url,
                    username=engine.username,
                    password=SecretRef(file=_secret(directory, engine.password)),
                    tls=TlsTrust(ca=str(engine.ca)),
                    may=MAY,
                ),
                vm=machine,
                disk=disk,
                write=guest.write,
            )
        if held := engine.held():
            sys.exit(f"the engine still holds {held}")


def estate(capacity_bytes: int) -> Estate:
    """What the test engine has: one VM that runs."""
    made = scaled(0)
    machine = vm(
        *(NAME,),
        cluster="prod",
        host="rhvh01.example",
        disks=[attached(NAME, bootable=True)],
        nics=[],
        snapshots=[active(NAME)],
        permissions=[],
        statistics=[],
    )
    machine.status = t.VmStatus.UP
    made.collections["vms"].append(machine)
    disk = storage.disk(NAME, sparse=True, provisioned_size=capacity_bytes, backup="incremental")
    made.collections["disks"].append(disk)
    return made


def _secret(directory: Path, word: str) -> str:
    file = directory / "secret"
    file.touch(mode=0o600)
    file.write_text(word)
    return str(file)
