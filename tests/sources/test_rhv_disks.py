"""Disks of VMs that are down: read through image transfers, by ovirt-imageio's own daemon."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mtv.errors import SourceError, Unreachable
from mtv.model.disk import GRAIN_BYTES, DiskSource, HttpLocation, TlsTrust
from mtv.model.vm import Power
from mtv.sources import open_source
from mtv.sources.rhv.disks import open_disk
from mtv.tasks import Limits
from tests.real.cut_proxy import cut_proxy
from tests.real.imageio.daemon import Daemon
from tests.real.parts import PartMissing, require
from tests.real.rhv import RhvEngine, start_engine
from tests.real.rich_rhv.things import uid
from tests.real.small_rhv import DISKS, VMS, content, disk_id, vm_id
from tests.sources.rhv_data import (
    connection_to,
    copied,
    eventually,
    logged_in,
    read,
    small_rhv,
)

FILES = vm_id("files")
SYSTEM, DATA = VMS["files"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RhvEngine]:
    with small_rhv(tmp_path_factory.mktemp("rhv")) as started:
        yield started


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test the engine and its daemons hold nothing of ours."""
    yield
    if "engine" in request.fixturenames:
        running: RhvEngine = request.getfixturevalue("engine")
        running.faults()
        eventually(lambda: running.held() == {})


@pytest.mark.parametrize("name", VMS["files"])
def test_a_disk_is_copied_whole_and_only_its_data_travels(
    engine: RhvEngine, tmp_path: Path, name: str
) -> None:
    base = tmp_path / "disk.raw"
    with closing(open_source(connection_to(engine))) as source:
        disk = source.open_disk(FILES, disk_id(name))
        assert set(engine.held()) == {"transfers", "locked", "tickets", "proxy_tickets", "exports"}
        extents = disk.extents()
        result = copied(disk, base, DISKS[name].size)
        disk.close()
    assert engine.held() == {}
    assert base.read_bytes() == content(name)
    assert extents is not None
    assert [(each.offset, each.length) for each in extents] == list(DISKS[name].data)
    grains = {
        grain
        for offset, length in DISKS[name].data
        for grain in range(offset // GRAIN_BYTES, -(-(offset + length) // GRAIN_BYTES))
    }
    assert result.fetched_bytes <= len(grains) * GRAIN_BYTES
    assert base.stat().st_blocks * 512 <= sum(length for _, length in DISKS[name].data)


def test_a_pinned_engine_has_hosts_that_its_authority_signed(
    engine: RhvEngine, tmp_path: Path
) -> None:
    base = tmp_path / "disk.raw"
    pinned = TlsTrust(fingerprint=engine.fingerprint)
    with (
        logged_in(engine, pinned) as login,
        closing(open_disk(login, FILES, disk_id(DATA))) as disk,
    ):
        assert port(disk) == engine.where()["port"]
        copied(disk, base, DISKS[DATA].size)
    assert base.read_bytes() == content(DATA)


@pytest.mark.parametrize("pinned", [False, True])
def test_a_host_that_cannot_be_reached_is_read_by_the_proxy(
    engine: RhvEngine, tmp_path: Path, pinned: bool
) -> None:
    engine.faults(host_port=closed_port())
    base = tmp_path / "disk.raw"
    trust = TlsTrust(fingerprint=engine.fingerprint) if pinned else None
    with (
        logged_in(engine, trust) as login,
        closing(open_disk(login, FILES, disk_id(SYSTEM))) as disk,
    ):
        assert port(disk) == engine.where()["proxy_port"]
        location = disk.location()
        assert pinned == (location.tls.fingerprint is not None)
        copied(disk, base, DISKS[SYSTEM].size)
    assert base.read_bytes() == content(SYSTEM)


def test_a_ticket_that_ends_is_extended(engine: RhvEngine, tmp_path: Path) -> None:
    engine.faults(ticket_seconds=1.0)
    base = tmp_path / "disk.raw"
    before = len(engine.requests())
    with logged_in(engine) as login, closing(open_disk(login, FILES, disk_id(DATA))) as disk:
        copied(disk, base, DISKS[DATA].size, limits=Limits(connections=2, bytes_per_second=3 << 20))
    assert base.read_bytes() == content(DATA)
    asked = [each.path for each in engine.requests()[before:]]
    assert sum(path.endswith("/extend") for path in asked) >= 1
    assert sum(path.endswith("/imagetransfers") for path in asked) == 1


def test_a_daemon_that_began_anew_gets_another_transfer(engine: RhvEngine, tmp_path: Path) -> None:
    base = tmp_path / "disk.raw"
    before = len(engine.requests())
    lost: list[str] = []

    def lose(_: object) -> None:
        """The daemon forgets its tickets, once."""
        if not lost:
            for control in engine.where()["control"]:
                for ticket in engine.held()["transfers"]:
                    lost.append(ticket)
                    Daemon(0, Path(control)).remove(ticket)

    with logged_in(engine) as login, closing(open_disk(login, FILES, disk_id(DATA))) as disk:
        limits = Limits(connections=2, bytes_per_second=4 << 20)
        copied(disk, base, DISKS[DATA].size, limits=limits, on_progress=lose)
    assert lost
    assert base.read_bytes() == content(DATA)
    made = [each for each in engine.requests()[before:] if each.verb == "POST"]
    assert sum(each.path.endswith("/imagetransfers") for each in made) == 2


def test_connections_that_are_cut_are_made_again(engine: RhvEngine, tmp_path: Path) -> None:
    base = tmp_path / "disk.raw"
    with cut_proxy("127.0.0.1", engine.where()["port"]) as proxy, logged_in(engine) as login:
        engine.faults(host_port=proxy.port)
        with closing(open_disk(login, FILES, disk_id(DATA))) as disk:
            proxy.faults.cut_after = 2_500_000
            result = copied(disk, base, DISKS[DATA].size)
        assert proxy.traffic.cut > 0
    assert result.retries > 0
    assert base.read_bytes() == content(DATA)


def test_an_engine_that_takes_a_disk_for_read_is_asked_again(
    engine: RhvEngine, tmp_path: Path
) -> None:
    """Engines end a download on their own once every byte was asked for."""
    engine.faults(poll_seconds=0.1)
    base = tmp_path / "disk.raw"
    with logged_in(engine) as login, closing(open_disk(login, FILES, disk_id(DATA))) as disk:
        assert read(disk, 0, DISKS[DATA].size) == content(DATA)
        eventually(lambda: engine.held() == {})
        copied(disk, base, DISKS[DATA].size)
    assert base.read_bytes() == content(DATA)


def test_what_could_be_another_content_is_not_read_on(engine: RhvEngine) -> None:
    with (
        logged_in(engine) as login,
        closing(open_source(connection_to(engine, may=("power",)))) as source,
    ):
        disk = open_disk(login, FILES, disk_id(DATA))
        point = disk.point()
        disk.close()
        login.act(f"vms/{FILES}", "start")
        eventually(lambda: source.power(FILES) is Power.ON)
        with pytest.raises(SourceError, match="files is not down"):
            disk.renew()
        source.shut_down(FILES, grace_seconds=10, cancelled=threading.Event())
        with pytest.raises(SourceError, match="was changed while it was read"):
            disk.renew()
        assert engine.held() == {}
        with closing(open_disk(login, FILES, disk_id(DATA))) as again:
            assert again.point() not in (None, point)


def test_a_running_vm_is_refused(engine: RhvEngine) -> None:
    with logged_in(engine) as login, pytest.raises(SourceError, match="shop is not down") as told:
        open_disk(login, vm_id("shop"), disk_id("shop_data"))
    assert "cutover" in told.value.hint


def test_who_may_not_read_is_told_which_permit_it_takes(engine: RhvEngine) -> None:
    engine.faults(answers=[{"path": "^/imagetransfers$", "method": "POST", "status": 403}])
    with logged_in(engine) as login, pytest.raises(SourceError, match="may not read") as told:
        open_disk(login, FILES, disk_id(DATA))
    assert "edit_disk_properties" in told.value.hint


def test_where_neither_host_nor_proxy_answers_nothing_stays_locked(engine: RhvEngine) -> None:
    engine.faults(host_port=closed_port(), proxy_port=closed_port())
    with logged_in(engine) as login, pytest.raises(Unreachable, match="cannot be read") as told:
        open_disk(login, FILES, disk_id(DATA))
    assert "54322" in told.value.hint
    assert engine.held() == {}


def test_a_transfer_that_was_left_behind_is_waited_for(engine: RhvEngine) -> None:
    """As that of a mtv that was killed: the engine ends it after a while."""
    from ovirtsdk4 import types

    engine.faults(poll_seconds=0.1)
    with logged_in(engine) as login:
        direction = types.ImageTransferDirection.DOWNLOAD
        left = types.ImageTransfer(
            disk=types.Disk(id=disk_id(DATA)), direction=direction, inactivity_timeout=1
        )
        login.add("imagetransfers", left)
        with pytest.raises(SourceError, match="is locked"):
            open_disk(login, FILES, disk_id(DATA), patience_seconds=0.1)
        open_disk(login, FILES, disk_id(DATA)).close()


def test_a_login_that_is_over_says_so(engine: RhvEngine) -> None:
    with logged_in(engine) as login:
        pass
    with pytest.raises(SourceError, match="the login is over"):
        login.list("vms")


def test_a_disk_is_gone(engine: RhvEngine) -> None:
    with logged_in(engine) as login, pytest.raises(SourceError, match="has no disk"):
        open_disk(login, FILES, disk_id("shop_data"))


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RhvEngine]:
    """The rich estate: it has disks of every kind, and the bytes of none."""
    try:
        with start_engine(tmp_path_factory.mktemp("rich")) as started:
            yield started
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


def test_an_engine_that_gives_files_only_is_refused(tmp_path: Path) -> None:
    with start_engine(tmp_path, version="4.3.10.4-1.el7") as old, logged_in(old) as login:
        vm = uid("Vm", "web02")
        login.act(f"vms/{vm}", "stop")
        eventually(lambda: str(login.get(f"vms/{vm}").status) == "down")
        with pytest.raises(SourceError, match="as the file it is"):
            open_disk(login, vm, uid("Disk", "web02_disk1"))


@pytest.mark.parametrize(
    ("vm", "disk", "says"),
    [
        ("lun01", "lun01_data", "is a LUN: it is not copied, it is attached as it is"),
        ("mbs01", "mbs01_disk1", "managed block storage"),
        ("illegal01", "illegal01_disk1", "is illegal"),
        ("locked01", "locked01_disk1", "is locked"),
    ],
)
def test_a_disk_that_cannot_be_read_is_refused_with_the_reason(
    rich: RhvEngine, vm: str, disk: str, says: str
) -> None:
    with logged_in(rich) as login, pytest.raises(SourceError, match=says) as told:
        open_disk(login, uid("Vm", vm), uid("Disk", disk), patience_seconds=0.5)
    assert told.value.hint
    assert rich.held() == {}


def port(disk: DiskSource) -> int | None:
    location = disk.location()
    assert isinstance(location, HttpLocation)
    return urlsplit(location.url).port


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
