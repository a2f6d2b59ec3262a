"""What an engine and its hosts may do to a copy: cut it, end or lose what it is read by."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mtv.errors import SizeChanged, SourceError
from mtv.sources.rhv.backups import begin_backup, end_backup
from mtv.sources.rhv.checkpoints import forget_checkpoints
from mtv.sources.rhv.disks import open_disk
from mtv.sources.rhv.engine import Engine
from mtv.tasks import Limits, Progress
from mtv.transfer.records.digests import recorded_digest
from tests.real.cut_proxy import cut_proxy
from tests.real.rhv import RhvEngine
from tests.real.small_rhv import DISKS, MIB, VMS, content, disk_id, vm_id
from tests.sources.rhv_data import copied, end, logged_in, small_rhv

FILES, SHOP = vm_id("files"), vm_id("shop")
DATA = VMS["files"][1]
SYSTEM = VMS["shop"][0]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RhvEngine]:
    """An engine of the test's own: its storage is tampered with."""
    with small_rhv(tmp_path / "rhv") as started:
        yield started


@pytest.fixture
def login(engine: RhvEngine) -> Iterator[Engine]:
    with logged_in(engine) as made:
        yield made


def test_cut_after_every_piece_it_still_comes_over(engine: RhvEngine, tmp_path: Path) -> None:
    base = tmp_path / "disk.raw"
    with cut_proxy("127.0.0.1", engine.where()["port"]) as proxy, logged_in(engine) as login:
        engine.faults(host_port=proxy.port)
        with closing(open_disk(login, FILES, disk_id(DATA))) as disk:
            proxy.faults.cut_after = 400_000
            result = copied(disk, base, DISKS[DATA].size)
        # 8 MiB of data: far more cuts than there are tries for one of them.
        assert proxy.traffic.cut >= 20
    assert result.retries >= 15
    assert base.read_bytes() == content(DATA)


def test_a_login_that_ends_in_the_middle_is_renewed(
    engine: RhvEngine, login: Engine, tmp_path: Path
) -> None:
    """The ticket has to be extended while the login that asked for it is over."""
    base = tmp_path / "disk.raw"
    before = len(engine.requests())
    engine.faults(ticket_seconds=1.0, token_seconds=0.5)
    with closing(open_disk(login, FILES, disk_id(DATA))) as disk:
        limits = Limits(connections=2, bytes_per_second=3 * MIB)
        copied(disk, base, DISKS[DATA].size, limits=limits)
    assert base.read_bytes() == content(DATA)
    assert 401 in [each.status for each in engine.requests()[before:]]


def test_a_disk_that_grew_between_two_passes(login: Engine, tmp_path: Path) -> None:
    """Its claim has to grow first; the copy is left as it was."""
    base = tmp_path / "disk.raw"
    with closing(open_disk(login, FILES, disk_id(DATA))) as disk:
        copied(disk, base, DISKS[DATA].size)
    (image,) = (tmp_path / "rhv" / "storage" / disk_id(DATA)).iterdir()
    subprocess.run(["qemu-img", "resize", "-q", "-f", "raw", str(image), "+1M"], check=True)
    with (
        closing(open_disk(login, FILES, disk_id(DATA))) as disk,
        pytest.raises(SizeChanged, match=f"{DISKS[DATA].size + MIB} bytes at the source"),
    ):
        copied(disk, base, DISKS[DATA].size)
    assert base.read_bytes() == content(DATA)


def test_a_backup_that_somebody_ends_while_it_is_read(
    engine: RhvEngine, login: Engine, tmp_path: Path
) -> None:
    base = tmp_path / "disk.raw"
    backup = begin_backup(login, SHOP, [disk_id(SYSTEM)])
    ended = list[str]()

    def end_it(progress: Progress) -> None:
        if progress.says == "reading the source" and not ended:
            ended.append(backup.id)
            for transfer in engine.held()["transfers"]:
                login.act(f"imagetransfers/{transfer}", "cancel")
            end_backup(login, SHOP, backup.id)

    disk = backup.open(disk_id(SYSTEM))
    with pytest.raises(SourceError, match="the backup that is to be read is over") as told:
        copied(
            *(disk, base, DISKS[SYSTEM].size),
            limits=Limits(connections=1, bytes_per_second=MIB),
            on_progress=end_it,
        )
    assert ended
    assert told.value.hint
    assert recorded_digest(base) is None
    end(login, SHOP, backup, disk)
    assert set(engine.held()) == {"checkpoints"}
    again = begin_backup(login, SHOP, [disk_id(SYSTEM)])
    disk = again.open(disk_id(SYSTEM))
    copied(disk, base, DISKS[SYSTEM].size)
    assert base.read_bytes() == content(SYSTEM)
    end(login, SHOP, again, disk)
    assert forget_checkpoints(login, SHOP, engine.held()["checkpoints"]) == []
