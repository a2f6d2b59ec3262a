"""Every way to read a disk, each on its real part, for the suite that all of them have to pass.

A way knows what the disk holds, can make it hold another byte, can make it go away, and can see
what a reader has open at the source.
"""

import contextlib
import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mtv.config import Consent
from mtv.model.collection import CollectOptions
from mtv.model.disk import (
    GRAIN_BYTES,
    DiskSource,
    Held,
    HttpLocation,
    Location,
    NbdLocation,
    StreamLocation,
    TlsTrust,
)
from mtv.sources import Source, open_source
from mtv.tasks import Connection, SecretRef, Vddk
from tests.driver import processes_about
from tests.real.disk_vm import DiskVm, Lab, leaf, result, take_snapshot
from tests.real.imageio.daemon import Daemon
from tests.real.imageio.machine import GUEST
from tests.real.imageio.nbd import Nbd
from tests.real.ova import Style, make_ova, make_ovf
from tests.real.rhv import RhvEngine
from tests.real.rich_rhv.things import uid
from tests.real.small_rhv import content as rhv_content
from tests.real.small_rhv import disk_id, vm_id
from tests.real.vddk import StandIn
from tests.sources.rhv_data import connection_to
from tests.sources.test_ova_disks import FileServer
from tests.sources.test_vsphere_passes import by_files
from tests.sources.test_vsphere_passes import connection as vsphere_connection
from tests.transfer.disks import make_disk, settle
from tests.transfer.range_server import make_certificate

SECTOR = 512
NEVER = threading.Event()
LAYOUT = "ddp.ddd...........dpdd"
"""Of the disks that are made here (``make_disk``)."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Way(ABC):
    """One way to read a disk."""

    name = ""
    """As in ``WAYS``."""
    connection: Connection
    vm: str
    disk: str
    content: bytes
    """What the disk holds."""
    secrets: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    """What has to be in the environment to read it."""

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def data_bytes(self) -> int:
        """Those of its grains that are not all zeros."""
        starts = range(0, self.size, GRAIN_BYTES)
        grains = (self.content[at : at + GRAIN_BYTES] for at in starts)
        return sum(len(grain) for grain in grains if any(grain))

    @property
    def place(self) -> int:
        """A byte far back on the disk around which all is noise."""
        last = self.size // GRAIN_BYTES - 1
        found = (grain * GRAIN_BYTES + 777 for grain in range(last, -1, -1))
        return next(at for at in found if any(self.content[at : at + 64]))

    def hold(self, source: Source) -> Held:
        """Holds the disk still."""
        return source.hold(self.vm, [self.disk], (), NEVER)

    @abstractmethod
    def change(self, offset: int, byte: int) -> None:
        """Makes a byte of the disk another one. Nothing holds the disk meanwhile."""

    @contextlib.contextmanager
    def another_byte(self, offset: int) -> Iterator[None]:
        """The disk holds another byte until the block ends."""
        self.change(offset, self.content[offset] ^ 1)
        try:
            yield
        finally:
            self.change(offset, self.content[offset])

    @abstractmethod
    def gone(self, disk: DiskSource) -> contextlib.AbstractContextManager[None]:
        """The disk, which was opened, or its server is not there until the block ends."""

    @abstractmethod
    def left(self) -> set[str]:
        """What is open at the source, in words."""


class Moment:
    """A disk that is held still, as a source of the product holds it."""

    def __init__(self, way: Way, source: Source, held: Held) -> None:
        self._way, self.source, self.held = way, source, held

    def open(self, disk: str = "") -> DiskSource:
        """To be closed."""
        return self.source.open_disk(self._way.vm, disk or self._way.disk, self.held)

    @contextlib.contextmanager
    def opened(self) -> Iterator[DiskSource]:
        with contextlib.closing(self.open()) as disk:
            yield disk


@contextlib.contextmanager
def moment_of(way: Way) -> Iterator[Moment]:
    """The disk of a way, held until the block ends; nothing is left at the source then."""
    with contextlib.closing(open_source(way.connection)) as source:
        held = way.hold(source)
        try:
            yield Moment(way, source, held)
        finally:
            source.release(way.vm, held, NEVER)
            source.let_go(way.vm, [held.leaves] if held.leaves else [], NEVER)


def secrets_of(location: Location) -> set[str]:
    """What must not be said of where a disk is: headers, and tickets in an address."""
    if not isinstance(location, HttpLocation | StreamLocation):
        return set()
    found = set(_UUID.findall(location.url))
    for _, value in location.headers:
        found |= {value, value.rpartition("=")[2].strip('"'), value.rpartition(" ")[2]}
    return {word for word in found if len(word) > 4}


def connections_to(*ports: int) -> set[str]:
    """This process's TCP connections to servers at these ports of this machine."""
    ours = set(_open_files())
    found = set[str]()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, *_, inode = line.split()[:10]
        port = int(remote.rpartition(":")[2], 16)
        if state == "01" and port in ports and f"socket:[{inode}]" in ours:
            found.add(f"connection {inode} to port {port}")
    return found


def _open_files() -> Iterator[str]:
    """What this process has open, as the kernel names it."""
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            yield str(each.readlink())


def change_within(path: Path, near: bytes, byte: int) -> None:
    """Changes a byte of a file that holds the disk's bytes as they are, wherever they are.

    ``near`` is what follows that byte on the disk. The file's time does not tell of it.
    """
    before = path.stat()
    at = path.read_bytes().index(near) - 1
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), bytes([byte]), at)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextlib.contextmanager
def away(path: Path) -> Iterator[None]:
    """A file has another name until the block ends."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


class VSphere(Way):
    """A disk of the test vCenter."""

    def __init__(self, lab: Lab, vm: DiskVm, to: Connection, content: bytes) -> None:
        self.lab, self._vm = lab, vm
        self.connection, self.vm, self.disk, self.content = to, vm.id, "2000", content
        self.secrets = (lab.vcenter.password,)
        self.flat = vm.flat_files[2000]
        self._runs = leaf(vm.vm, "runtime.powerState") == "poweredOn"

    def change(self, offset: int, byte: int) -> None:
        """By its guest, or behind its back where it is off."""
        if not self._runs:
            change_within(self.flat, self.content[offset + 1 : offset + 60], byte)
            return
        start = offset // SECTOR * SECTOR
        sector = bytearray(self.content[start : start + SECTOR])
        sector[offset - start] = byte
        self.lab.disks.write(self.vm, 2000, start, bytes(sector))

    def left(self) -> set[str]:
        state = self.lab.disks.left()
        names = ("snapshots", "redo_logs", "consolidation_needed", "leases", "sessions", "merging")
        words = {f"{name} {each}" for name in names for each in getattr(state, name)}
        return words | connections_to(self.lab.vcenter.port)


class Folder(VSphere):
    """By its flat file, as ``/folder`` gives it."""

    def hold(self, source: Source) -> Held:
        held = super().hold(source)
        return by_files(source, self.vm, held) if self._runs else held

    def gone(self, disk: DiskSource) -> contextlib.AbstractContextManager[None]:
        del disk
        return away(self.flat)


class Export(VSphere):
    """As a whole, as an export gives it under a lease."""

    @contextlib.contextmanager
    def gone(self, disk: DiskSource) -> Iterator[None]:
        """Its server does not give it any more."""
        del disk
        self.lab.vcenter.set_faults({"fault": "Forbidden", "path": "/nfc/"})
        try:
            yield
        finally:
            self.lab.vcenter.set_faults()


class Nbdkit(VSphere):
    """By nbdkit, with a stand-in for its plugin, which gives the disk as it was when it was held.

    What it complains of has the password in it.
    """

    def __init__(
        self, lab: Lab, vm: DiskVm, to: Connection, content: bytes, stand_in: StandIn
    ) -> None:
        super().__init__(lab, vm, to, content)
        self._stand_in = stand_in
        self._image = stand_in.path / "disk.raw"
        self.environment = {"PATH": f"{stand_in.path}{os.pathsep}{os.environ['PATH']}"}

    def hold(self, source: Source) -> Held:
        held = super().hold(source)
        snapshot = held.id if self._runs else None
        self._image.write_bytes(self.lab.disks.read(self.vm, 2000, snapshot=snapshot))
        self._stand_in.serve(self._image)
        return held

    @contextlib.contextmanager
    def gone(self, disk: DiskSource) -> Iterator[None]:
        location = disk.location()
        assert isinstance(location, NbdLocation)
        password = self.lab.vcenter.password
        self._stand_in.serve(None, start=f"VixDiskLib: no disk for {password}")
        disk.renew()  # as after nbdkit died: another one is started when it is asked for
        try:
            yield
        finally:
            self._stand_in.serve(self._image)

    def left(self) -> set[str]:
        """The stand-in's directory is in the arguments of each nbdkit."""
        running = processes_about(str(self._stand_in.library))
        return super().left() | set(running) | set(processes_about(str(self._image)))


class Imageio(Way):
    """A disk of the test engine, as ovirt-imageio gives it."""

    def __init__(self, engine: RhvEngine, storage: Path, vm: str, name: str) -> None:
        self._engine, self._name = engine, name
        self._runs = vm_id(vm) in engine.where()["machines"]
        may = (Consent.SNAPSHOTS,) if self._runs else ()
        self.connection = connection_to(engine, may=may)
        self.vm, self.disk, self.content = vm_id(vm), disk_id(name), rhv_content(name)
        self.secrets = (engine.password,)
        self._image = storage / self.disk / uid("image", name)

    def change(self, offset: int, byte: int) -> None:
        """By its guest, or behind its back where it is down."""
        if not self._runs:
            change_within(self._image, self.content[offset + 1 : offset + 60], byte)
            return
        socket = self._engine.where()["machines"][self.vm]
        with contextlib.closing(Nbd(socket, GUEST.format(disk=self.disk))) as guest:
            start = offset // SECTOR * SECTOR
            sector = bytearray(self.content[start : start + SECTOR])
            sector[offset - start] = byte
            guest.write(start, bytes(sector))

    @contextlib.contextmanager
    def gone(self, disk: DiskSource) -> Iterator[None]:
        """The ticket is lost, and the engine gives no other one."""
        del disk
        for control in self._engine.where()["control"]:
            for ticket in self._engine.held()["transfers"]:
                Daemon(0, Path(control)).remove(ticket)
        refused = {"path": "^/imagetransfers$", "method": "POST", "status": 403}
        self._engine.faults(answers=[refused])
        try:
            yield
        finally:
            self._engine.faults()

    def left(self) -> set[str]:
        where = self._engine.where()
        words = {f"{sort} {each}" for sort, ids in self._engine.held().items() for each in ids}
        return words | connections_to(self._engine.port, where["port"], where["proxy_port"])


class Package(Way):
    """A disk of a package: ``make`` writes it anew, of a raw image in a file."""

    def __init__(self, folder: Path, raw: Path, make: Callable[[], object]) -> None:
        self._folder, self._raw, self._make = folder, raw, make
        self.content = raw.read_bytes()
        make()
        self.connection = self.connected()
        with contextlib.closing(open_source(self.connection)) as source:
            inventory = source.collect(lambda _: None, CollectOptions())
        (vm,) = inventory.vms
        (disk,) = vm.disks
        self.vm, self.disk = vm.id, disk.key

    def connected(self) -> Connection:
        return Connection(name="files", kind="ova", path=str(self._folder))

    def change(self, offset: int, byte: int) -> None:
        """The package is exported again, and the time of its files does not show it."""
        times = {path: path.stat() for path in self._folder.iterdir()}
        with self._raw.open("r+b") as file:
            os.pwrite(file.fileno(), bytes([byte]), offset)
        self._make()
        for path, before in times.items():
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    @contextlib.contextmanager
    def gone(self, disk: DiskSource) -> Iterator[None]:
        del disk
        with contextlib.ExitStack() as ends:
            for path in list(self._folder.iterdir()):
                ends.enter_context(away(path))
            yield

    def left(self) -> set[str]:
        """Files that are open."""
        return {each for each in _open_files() if each.startswith(f"{self._folder}/")}


class WebPackage(Package):
    """The same on a web server with a password."""

    def __init__(
        self, server: FileServer, certificate: Path, raw: Path, make: Callable[[], object]
    ) -> None:
        self._port = int(server.server_address[1])
        self._certificate = certificate
        secret = certificate.with_name("secret")
        secret.touch(mode=0o600)
        secret.write_text("s3cret")
        self._secret = secret
        self.secrets = ("s3cret",)
        super().__init__(server.root, raw, make)

    def connected(self) -> Connection:
        return Connection(
            name="web",
            kind="ova",
            url=f"https://127.0.0.1:{self._port}/vm.ova",
            username="reader",
            password=SecretRef(file=str(self._secret)),
            tls=TlsTrust(ca=str(self._certificate)),
        )

    def left(self) -> set[str]:
        return connections_to(self._port)


@dataclass(frozen=True)
class Grounds:
    """Where ways are made: a directory of its own for each, and servers that they share."""

    directory: Path
    lab: Callable[[], Lab]
    engine: Callable[[], RhvEngine]
    storage: Path
    """Where the engine's disks are kept."""

    def raw(self) -> Path:
        """The raw image of a disk."""
        return make_disk(self.directory / "disk.raw", LAYOUT, extra=3 * 1024)

    def server(self) -> tuple[FileServer, Path]:
        """A web server that is not started yet, and its certificate."""
        certificate, key = make_certificate(self.directory)
        root = self.directory / "web"
        root.mkdir()
        return FileServer(root, certificate, key), certificate


MakeWay = Callable[[Grounds], contextlib.AbstractContextManager[Way]]


def _folder(*, running: bool) -> MakeWay:
    def make(at: Grounds) -> Iterator[Way]:
        content = at.raw().read_bytes()
        vm = at.lab().vm(content, running=running)
        settle(vm.flat_files[2000])
        may = (Consent.SNAPSHOTS,) if running else ()
        yield Folder(at.lab(), vm, vsphere_connection(at.lab(), at.directory, *may), content)

    return contextlib.contextmanager(make)


def _export(*, running: bool) -> MakeWay:
    """Of a snapshot by whose file nobody has proven yet that it may be read; of a VM that is off
    and has a snapshot of somebody else."""

    def make(at: Grounds) -> Iterator[Way]:
        lab, content = at.lab(), at.raw().read_bytes()
        vm = lab.vm(content)
        if not running:
            take_snapshot(vm.vm, "before the patch")
            lab.disks.write(vm.id, 2000, GRAIN_BYTES, b"x" * 4096)
            result(vm.vm.PowerOffVM_Task())
            content = lab.disks.read(vm.id, 2000)
        to = vsphere_connection(lab, at.directory, Consent.SNAPSHOTS)
        yield Export(lab, vm, to, content)
        if not running:
            result(vm.vm.RemoveAllSnapshots_Task())

    return contextlib.contextmanager(make)


def _vddk(*, running: bool) -> MakeWay:
    def make(at: Grounds) -> Iterator[Way]:
        content = at.raw().read_bytes()
        vm = at.lab().vm(content, running=running)
        stand_in = StandIn(at.directory / "vddk")
        to = msgspec.structs.replace(
            vsphere_connection(at.lab(), at.directory, Consent.SNAPSHOTS),
            vddk=Vddk(library=str(stand_in.library), every_disk=True),
        )
        yield Nbdkit(at.lab(), vm, to, content, stand_in)

    return contextlib.contextmanager(make)


def _imageio(vm: str, name: str) -> MakeWay:
    def make(at: Grounds) -> Iterator[Way]:
        yield Imageio(at.engine(), at.storage, vm, name)

    return contextlib.contextmanager(make)


def _ova(at: Grounds) -> Iterator[Way]:
    raw, folder = at.raw(), at.directory / "ova"
    yield Package(folder, raw, lambda: make_ova(folder / "vm.ova", [raw]))


def _ovf(style: Style) -> MakeWay:
    def make(at: Grounds) -> Iterator[Way]:
        raw, folder = at.raw(), at.directory / "ovf"
        yield Package(folder, raw, lambda: make_ovf(folder, [raw], name="vm", style=style))

    return contextlib.contextmanager(make)


def _web(at: Grounds) -> Iterator[Way]:
    raw = at.raw()
    server, certificate = at.server()
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    with contextlib.closing(server.socket):
        path = server.root / "vm.ova"
        yield WebPackage(server, certificate, raw, lambda: make_ova(path, [raw]))
        server.shutdown()


WAYS: dict[str, MakeWay] = {
    "folder, snapshot": _folder(running=True),
    "folder, off": _folder(running=False),
    "export, snapshot": _export(running=True),
    "export, off": _export(running=False),
    "vddk, snapshot": _vddk(running=True),
    "vddk, off": _vddk(running=False),
    "imageio, down, qcow2": _imageio("vault", "vault_disk"),
    "imageio, down, raw": _imageio("files", "files_data"),
    "imageio, backup": _imageio("mail", "mail_data"),
    "imageio, snapshot, raw": _imageio("shop", "shop_data"),
    "ova": contextlib.contextmanager(_ova),
    "ovf, vmdk": _ovf("vmware"),
    "ovf, qcow2": _ovf("ovirt"),
    "ova, web": contextlib.contextmanager(_web),
}
"""What is read, and what holds it still -> what makes one."""
