"""The data path of the test engine, spoken to by ovirtsdk4 and a plain HTTP client."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real.imageio import require_data_path
from tests.real.imageio.guest import writing
from tests.real.imageio.machine import GUEST
from tests.real.imageio.nbd import Nbd
from tests.real.parts import PartMissing, require
from tests.real.rhv import RhvEngine
from tests.real.small_rhv import DISKS, VMS, content, disk_id, start_small_rhv, vm_id

require_data_path()

SHOP = vm_id("shop")
SYSTEM, DATA = (disk_id(name) for name in VMS["shop"])
FILES_DATA = disk_id("files_data")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RhvEngine]:
    try:
        with start_small_rhv(tmp_path / "rhv") as started:
            yield started
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@pytest.fixture
def system(engine: RhvEngine) -> Iterator[Any]:
    import ovirtsdk4

    connection = ovirtsdk4.Connection(
        url=engine.url,
        username=engine.username,
        password=engine.password,
        ca_file=str(engine.ca),
    )
    yield connection.system_service()
    connection.close()


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


class Download:
    """A transfer that is ready, by its service."""

    def __init__(self, engine: RhvEngine, system: Any, **asked: Any) -> None:
        from ovirtsdk4 import types

        asked.setdefault("format", types.DiskFormat.RAW)
        transfers = system.image_transfers_service()
        made = transfers.add(
            types.ImageTransfer(direction=types.ImageTransferDirection.DOWNLOAD, **asked)
        )
        self._engine = engine
        self.service = transfers.image_transfer_service(made.id)
        eventually(lambda: self.phase() == "transferring")
        self.url = str(self.service.get().transfer_url)

    def phase(self) -> str:
        return str(self.service.get().phase)

    def ask(self, below: str = "", verb: str = "GET", **headers: str) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310
            self.url + below, method=verb, headers={n.title(): v for n, v in headers.items()}
        )
        try:
            with urllib.request.urlopen(  # noqa: S310
                request, context=self._engine.tls(), timeout=30
            ) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()


def test_a_daemon_gives_ranges_and_extents(engine: RhvEngine, system: Any) -> None:
    from ovirtsdk4 import types

    download = Download(engine, system, disk=types.Disk(id=FILES_DATA))
    size = DISKS["files_data"].size
    assert json.loads(download.ask("", "OPTIONS")[1])["max_readers"] == 8
    whole = content("files_data")
    assert download.ask(range="bytes=4194304-4194310") == (206, whole[4194304:4194311])
    assert download.ask(range=f"bytes={size}-{size + 1}")[0] == 416
    assert download.ask("/extents?context=dirty")[0] == 404
    extents = json.loads(download.ask("/extents?context=zero")[1])
    assert sum(each["length"] for each in extents) == size
    download.service.finalize()
    eventually(lambda: download.phase() == "finished_success")
    assert download.ask()[0] == 403
    assert engine.held() == {}


def test_without_a_format_the_file_itself_is_given(engine: RhvEngine, system: Any) -> None:
    from ovirtsdk4 import types

    disk = types.Disk(id=disk_id("files_system"))
    download = Download(engine, system, disk=disk, format=types.DiskFormat.COW)
    assert download.ask(range="bytes=0-3") == (206, b"QFI\xfb")
    (extent,) = json.loads(download.ask("/extents?context=zero")[1])
    assert not extent["zero"]
    download.service.cancel()
    eventually(lambda: download.phase() == "finished_cleanup")


def test_a_transfer_that_nobody_reads_from_is_cancelled(engine: RhvEngine, system: Any) -> None:
    from ovirtsdk4 import types

    engine.faults(poll_seconds=0.1, finished_seconds=0.5)
    download = Download(engine, system, disk=types.Disk(id=FILES_DATA), inactivity_timeout=1)
    for _ in range(4):
        time.sleep(0.5)
        download.service.extend()
    assert download.phase() == "transferring"
    eventually(lambda: engine.held() == {})
    transfers = system.image_transfers_service()
    eventually(lambda: transfers.list() == [])  # forgotten, by and by


def test_a_disk_that_was_read_whole_is_taken_for_done(engine: RhvEngine, system: Any) -> None:
    from ovirtsdk4 import types

    engine.faults(poll_seconds=0.1)
    download = Download(engine, system, disk=types.Disk(id=FILES_DATA))
    assert download.ask()[1] == content("files_data")
    eventually(lambda: download.phase() == "finished_success")


def test_a_backup_freezes_all_disks_at_once(engine: RhvEngine, system: Any) -> None:
    from ovirtsdk4 import types

    backups = system.vms_service().vm_service(SHOP).backups_service()
    socket = engine.where()["machines"][SHOP]
    before = content("shop_system"), content("shop_data")
    made = backups.add(types.Backup(disks=[types.Disk(id=SYSTEM), types.Disk(id=DATA)]))
    backup = backups.backup_service(made.id)
    eventually(lambda: str(backup.get().phase) == "ready")
    disk = system.disks_service().disk_service(SYSTEM)
    assert str(disk.get().status) == "locked"
    with (
        writing(socket, SYSTEM, before[0]) as one,
        writing(socket, DATA, before[1], seed=1) as other,
    ):
        one.wait_for(20)
        other.wait_for(20)
        reference = types.Backup(id=made.id)
        for id_, frozen, guest in ((SYSTEM, before[0], one), (DATA, before[1], other)):
            download = Download(engine, system, disk=types.Disk(id=id_), backup=reference)
            assert download.ask()[1] == frozen
            with pytest.raises(sdk_error(), match="active image transfers"):
                backup.finalize()
            download.service.finalize()
            eventually(lambda: not engine.held().get("transfers"))
            assert guest.written > 20
    backup.finalize()
    eventually(lambda: str(backup.get().phase) == "succeeded")
    assert str(disk.get().status) == "ok"
    assert set(engine.held()) == {"checkpoints"}


def test_only_the_oldest_checkpoint_goes(engine: RhvEngine, system: Any) -> None:
    from ovirtsdk4 import types

    vm = system.vms_service().vm_service(SHOP)
    backups, since = vm.backups_service(), None
    made: list[str] = []
    for _ in range(2):
        asked = types.Backup(disks=[types.Disk(id=SYSTEM)], from_checkpoint_id=since)
        backup = backups.backup_service(backups.add(asked).id)
        eventually(lambda: str(backup.get().phase) == "ready")  # noqa: B023
        since = backup.get().to_checkpoint_id
        made.append(str(since))
        backup.finalize()
        eventually(lambda: str(backup.get().phase) == "succeeded")  # noqa: B023
    checkpoints = vm.checkpoints_service()
    assert [each.id for each in checkpoints.list()] == made
    with pytest.raises(sdk_error(), match="not the root"):
        checkpoints.checkpoint_service(made[1]).remove()
    for id_ in made:
        checkpoints.checkpoint_service(id_).remove()
    assert engine.held() == {}


def test_a_vm_keeps_what_its_guest_wrote(engine: RhvEngine, system: Any) -> None:
    vm = system.vms_service().vm_service(SHOP)
    name = GUEST.format(disk=SYSTEM)
    guest = Nbd(engine.where()["machines"][SHOP], name)
    guest.write(4096, b"kept" * 128)
    guest.close()
    vm.shutdown()
    eventually(lambda: str(vm.get().status) == "down")
    assert SHOP not in engine.where()["machines"]
    vm.start()
    eventually(lambda: str(vm.get().status) == "up")
    guest = Nbd(engine.where()["machines"][SHOP], name)
    assert guest.size_bytes == DISKS["shop_system"].size
    assert guest.read(4096, 512) == b"kept" * 128
    guest.close()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with start_small_rhv(tmp_path / "rhv") as started:
        places = [Path(each) for each in started.where()["control"]]
        assert all(each.exists() for each in places)
        mine = str(places[0].parent.parent)
        assert any(mine in each for each in command_lines())
    assert not any(mine in each for each in command_lines())
    assert not Path(mine).exists()


def command_lines() -> list[str]:
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(each.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found


def sdk_error() -> type[Exception]:
    import ovirtsdk4

    found: type[Exception] = ovirtsdk4.Error
    return found
