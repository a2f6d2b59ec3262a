"""Disks by VDDK: arguments, the NBD side and failures, with a stand-in for the plugin.

VMware's library is not to be had here: that it does what its documentation says is not tried.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mtv.config import Consent, load_settings
from mtv.config import connection as to_connection
from mtv.doctor import State
from mtv.errors import ConfigError, LoginFailed, MissingTool, MtvError, SourceError
from mtv.model.disk import NOTHING, DiskSource, Held, NbdLocation
from mtv.project import Project
from mtv.sources import Source, open_source
from mtv.sources.examine import examine
from mtv.sources.vsphere.disks import FlatFile
from mtv.sources.vsphere.leases import ExportedDisk
from mtv.sources.vsphere.vddk import VddkDisk
from mtv.tasks import Connection, Limits, Progress, SyncResult, Vddk
from mtv.transfer.copy import copy_disk
from tests.real.disk_vm import MIB, DiskVm, Lab, content, result, take_snapshot
from tests.real.parts import require
from tests.real.vddk import StandIn
from tests.sources.test_vsphere_passes import NEVER, connection, lab, running
from tests.transfer.disks import NO_PAUSES, make_disk

__all__ = ["lab", "running"]

SIZE = 12 * MIB
MAY = (Consent.SNAPSHOTS, Consent.POWER)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn(tmp_path / "vddk")
    monkeypatch.setenv("PATH", f"{made.path}{os.pathsep}{os.environ['PATH']}")
    return made


@pytest.fixture
def to(lab: Lab, stand_in: StandIn, tmp_path: Path) -> Connection:
    vddk = Vddk(library=str(stand_in.library))
    return msgspec.structs.replace(connection(lab, tmp_path, *MAY), vddk=vddk)


@pytest.fixture
def source(to: Connection) -> Iterator[Source]:
    opened = open_source(to)
    yield opened
    opened.close()


@pytest.fixture
def chained(lab: Lab) -> Iterator[DiskVm]:
    """A VM that is off and has a snapshot of somebody else: its disk is no file."""
    vm = lab.vm(content("a", SIZE))
    take_snapshot(vm.vm, "before the patch")
    lab.disks.write(vm.id, 2000, 3 * MIB, b"x" * 4096)
    result(vm.vm.PowerOffVM_Task())
    yield vm
    result(vm.vm.RemoveAllSnapshots_Task())


def image(lab: Lab, vm: DiskVm, path: Path, held: Held | None = None) -> Path:
    """The disk as it is read, in a file."""
    path.write_bytes(lab.disks.read(vm.id, 2000, snapshot=None if held is None else held.id))
    return path


def copied(
    disk: DiskSource, base: Path, progress: list[Progress] | None = None, *, rate: int | None = None
) -> SyncResult:
    return copy_disk(
        disk,
        base,
        SIZE,
        limits=Limits(bytes_per_second=rate),
        on_progress=(progress if progress is not None else []).append,
        cancelled=threading.Event(),
        piece_bytes=MIB,
        patience=NO_PAUSES,
    )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_disk_that_no_file_gives_is_read_with_it(
    lab: Lab, source: Source, to: Connection, stand_in: StandIn, chained: DiskVm, tmp_path: Path
) -> None:
    whole = image(lab, chained, tmp_path / "disk.raw")
    stand_in.serve(whole)
    disk = source.open_disk(chained.id, "2000")
    try:
        assert isinstance(disk, VddkDisk)
        copied(disk, tmp_path / "base")
        location = disk.location()
    finally:
        disk.close()
    assert sha256(tmp_path / "base") == sha256(whole)
    assert isinstance(location, NbdLocation)
    assert not Path(location.socket).parent.exists()
    (run,) = stand_in.runs
    assert run["password"] == lab.vcenter.password
    assert lab.vcenter.password not in " ".join(run["argv"])
    assert "--readonly" in run["argv"]
    given = run["given"]
    assert given["libdir"] == str(stand_in.library)
    assert (given["server"], given["user"]) == ("127.0.0.1", to.username)
    assert given["vm"] == f"moref={chained.id}"
    assert given["transports"] == "nbdssl:nbd"
    assert given["file"].endswith(".vmdk")
    assert len(bytes.fromhex(given["thumbprint"].replace(":", ""))) == 20
    assert "snapshot" not in given


def test_a_running_vm_is_read_in_its_snapshot(
    lab: Lab, source: Source, stand_in: StandIn, tmp_path: Path
) -> None:
    vm = lab.vm(content("b", SIZE))
    held = source.hold(vm.id, ["2000"], [], NEVER)
    lab.disks.write(vm.id, 2000, MIB, b"later---" * 64)
    try:
        whole = image(lab, vm, tmp_path / "disk.raw", held)
        stand_in.serve(whole)
        disk = source.open_disk(vm.id, "2000", held or NOTHING)
        assert isinstance(disk, VddkDisk)  # nothing proves yet that its file may be read
        try:
            done = copied(disk, tmp_path / "base")
        finally:
            disk.close()
        assert done.point is not None
        assert sha256(tmp_path / "base") == sha256(whole)
        assert stand_in.runs[0]["given"]["snapshot"] == held.id
    finally:
        source.release(vm.id, held, NEVER)


def test_the_last_pass_of_a_vm_that_is_off_reads_what_changed(
    lab: Lab, to: Connection, stand_in: StandIn, tmp_path: Path
) -> None:
    vm, base = lab.vm(content("d", SIZE)), tmp_path / "base"
    every = Vddk(library=str(stand_in.library), every_disk=True)
    source = open_source(msgspec.structs.replace(to, vddk=every))

    def one_pass(held: Held | None) -> SyncResult:
        stand_in.serve(image(lab, vm, tmp_path / "disk.raw", held))
        disk = source.open_disk(vm.id, "2000", held or NOTHING)
        assert isinstance(disk, VddkDisk)
        try:
            done = copied(disk, base)
        finally:
            disk.close()
        assert sha256(base) == sha256(tmp_path / "disk.raw")
        return done

    held = source.hold(vm.id, ["2000"], [], NEVER)
    try:
        one_pass(held)
    finally:
        source.release(vm.id, held, NEVER)
    lab.disks.write(vm.id, 2000, 5 * MIB, b"later---" * 64)
    result(vm.vm.PowerOffVM_Task())
    last = one_pass(None)
    assert (last.fetched_bytes, last.compared_whole) == (MIB, False)
    # The same change id once more is no name of what is there: somebody may have started it since.
    again = one_pass(None)
    assert again.fetched_bytes > 2 * MIB
    source.close()


def test_which_way_a_disk_is_read(
    lab: Lab, to: Connection, stand_in: StandIn, tmp_path: Path, chained: DiskVm
) -> None:
    vm = lab.vm(content("c", SIZE), running=False)
    stand_in.serve(image(lab, vm, tmp_path / "disk.raw"))
    every = Vddk(library=str(stand_in.library), every_disk=True)
    ways = [
        (to, vm, FlatFile),
        (msgspec.structs.replace(to, vddk=every), vm, VddkDisk),
        (to, chained, VddkDisk),
        (msgspec.structs.replace(to, vddk=None), chained, ExportedDisk),
    ]
    for connection_, each, kind in ways:
        source = open_source(connection_)
        disk = source.open_disk(each.id, "2000")
        assert isinstance(disk, kind)
        disk.close()
        source.close()


def test_an_nbdkit_that_dies_is_started_again(
    lab: Lab, source: Source, stand_in: StandIn, chained: DiskVm, tmp_path: Path
) -> None:
    whole = image(lab, chained, tmp_path / "disk.raw")
    stand_in.serve(whole)
    disk = source.open_disk(chained.id, "2000")
    location = disk.location()
    assert isinstance(location, NbdLocation)
    (server,) = serving(location.socket)

    class Kill(list[Progress]):
        def append(self, line: Progress) -> None:
            if line.says == "reading the source" and line.done > 0 and server in alive():
                os.kill(server, signal.SIGKILL)

    try:
        done = copied(disk, tmp_path / "base", Kill(), rate=8 * MIB)
    finally:
        disk.close()
    assert done.retries > 0
    assert len(stand_in.runs) == 2
    assert sha256(tmp_path / "base") == sha256(whole)


def serving(socket: str) -> list[int]:
    """Processes that were told of a socket."""
    return [pid for pid in alive() if socket.encode() in command(pid)]


def alive() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("reason", "error", "says"),
    [
        ("VixDiskLib_ConnectEx: Incorrect user name or password", LoginFailed, "may not read"),
        ("VixDiskLib_Open: Failed to lock the file", SourceError, "cannot open .* lock the file"),
        ("VixDiskLib_Open: Unknown error", MtvError, "failed 5 times"),
    ],
)
def test_a_disk_that_it_cannot_open(
    source: Source, stand_in: StandIn, chained: DiskVm, tmp_path: Path,
    reason: str, error: type[MtvError], says: str,
) -> None:  # fmt: skip
    stand_in.serve(None, open_=reason)
    disk = source.open_disk(chained.id, "2000")
    try:
        with pytest.raises(error, match=says):
            copied(disk, tmp_path / "base")
    finally:
        disk.close()


def test_it_does_not_start_and_tells_no_secret(
    lab: Lab, source: Source, stand_in: StandIn, chained: DiskVm
) -> None:
    stand_in.serve(None, start=f"no such thing: {lab.vcenter.password}")
    with pytest.raises(SourceError, match=r"nbdkit does not start .* no such thing: \*\*\*"):
        source.open_disk(chained.id, "2000")


def test_a_directory_that_is_not_the_library(
    source: Source, stand_in: StandIn, chained: DiskVm
) -> None:
    shutil.rmtree(stand_in.library)
    with pytest.raises(SourceError, match="is not VDDK: it has no lib64"):
        source.open_disk(chained.id, "2000")
    assert not stand_in.runs


def test_without_nbdkit(
    source: Source, chained: DiskVm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(MissingTool, match="nbdkit is not installed"):
        source.open_disk(chained.id, "2000")


def test_doctor_says_whether_it_is_there(
    to: Connection, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finding() -> tuple[State, str]:
        (found,) = [each for each in examine(to, lambda _: None) if each.check == "vddk"]
        return found.state, found.says

    stand_in.serve(None)
    assert finding() == (State.OK, f"nbdkit loads the library in {stand_in.library}")
    path = os.environ["PATH"].removeprefix(f"{stand_in.path}{os.pathsep}")
    monkeypatch.setenv("PATH", path)  # the real one has no such plugin here, or no such library
    assert finding() == (State.PROBLEM, "nbdkit cannot load its vddk plugin with this library")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert finding() == (State.PROBLEM, "the program nbdkit is not installed")
    shutil.rmtree(stand_in.library)
    assert "has no lib64" in finding()[1]


def test_only_vsphere_has_it(tmp_path: Path) -> None:
    text = "sources:\n  old:\n    kind: ova\n    path: appliances\n    vddk: {library: /opt/vddk}\n"
    (tmp_path / "mtv.yaml").write_text(text)
    with pytest.raises(ConfigError, match="vddk: a source of kind ova is not read with it"):
        load_settings(Project(tmp_path))
    text = (
        "sources:\n  vc:\n    kind: vsphere\n    url: https://vc/sdk\n    username: u\n"
        "    password: {env: P}\n    vddk: {library: lib}\n"
    )
    (tmp_path / "mtv.yaml").write_text(text)
    project = Project(tmp_path)
    reached = to_connection(project, load_settings(project), "vc")
    assert reached.vddk == Vddk(library=str(project.root / "lib"))


STARTS = """
import sys, time
from mtv.sources.vsphere.nbdkit import Nbdkit
print(Nbdkit(["file", sys.argv[1]], "secret", "a disk").socket, flush=True)
time.sleep(600)
"""


def test_a_killed_worker_leaves_no_nbdkit(tmp_path: Path) -> None:
    require("nbdkit", shutil.which("nbdkit") is not None, "run setup/packages.sh")
    disk = make_disk(tmp_path / "disk.raw", "d.")
    argv = [sys.executable, "-c", STARTS, str(disk)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        socket = worker.stdout.readline().strip()
        assert serving(socket)
        worker.kill()
    deadline = time.monotonic() + 20
    while serving(socket):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    shutil.rmtree(Path(socket).parent)
