"""VMs of RHV go over by the command line: one that is down, and one that runs and writes meanwhile.

Backups where the engine tracks the disks, snapshots where it does not; in the end neither the
engine nor its imageio daemons hold anything of ours.
"""

import contextlib
import hashlib
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from mtv.model.disk import TlsTrust
from mtv.sources import Source, open_source
from mtv.tasks import Connection, SecretRef
from tests.conftest import TARGET
from tests.cutover.crashes import last_states
from tests.cutover.test_side_by_side import eventually, limit
from tests.driver import Mtv
from tests.real.imageio.guest import writing
from tests.real.parts import PartMissing, require
from tests.real.rhv import RhvEngine
from tests.real.rich_rhv.things import uid
from tests.real.small_rhv import LATENCY_SECONDS, VMS, content, disk_id, start_small_rhv, vm_id

CLASS = yaml.safe_load(TARGET.read_text())["storage_classes"][0]["name"]


@contextlib.contextmanager
def small_engine(directory: Path) -> Iterator[RhvEngine]:
    """The small estate; in the end nothing of ours is left, without waiting for it."""
    try:
        with start_small_rhv(directory) as started:
            yield started
            assert started.held() == {}
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RhvEngine]:
    with small_engine(tmp_path / "rhv") as started:
        yield started


def project(engine: RhvEngine, directory: Path, *vms: str) -> Mtv:
    """A project with these VMs in the wave pilot, ready for mtv sync."""
    made = Mtv(directory, {"RHV1_PASSWORD": engine.password})
    made.run(
        *("init", str(directory), "--rhv", engine.url, "--username", engine.username),
        *("--password-env", "RHV1_PASSWORD", "--ca", str(engine.ca)),
        *("--may-power", "--may-snapshots"),
    )
    shutil.copy(TARGET, directory / "target.yaml")
    for command in (["collect"], ["assess"], ["mapping", "suggest"]):
        made.run(*command, expect=None)
    mapping = directory / "mapping.yaml"
    said = yaml.safe_load(mapping.read_text())
    said["storage"] = {key: each or CLASS for key, each in said["storage"].items()}
    mapping.write_text(yaml.safe_dump(said))
    made.run("translate", expect=None)
    words = [word for vm in vms for word in ("--vm", vm, "--check", f"{vm}=runs:1")]
    made.run("plan", *words)
    return made


def not_waited_for(made: Mtv) -> None:
    """Guests without a system do not hear that they are to shut down: they are given a second."""
    for manifest in (made.directory / "manifests").rglob("*.yaml"):
        text = manifest.read_text()
        manifest.write_text(
            re.sub(r"terminationGracePeriodSeconds: \d+", "terminationGracePeriodSeconds: 1", text)
        )


@contextlib.contextmanager
def source(engine: RhvEngine, directory: Path) -> Iterator[Source]:
    """The engine, as mtv sees it."""
    password = directory / "password"
    password.touch(mode=0o600)
    password.write_text(engine.password)
    opened = open_source(
        Connection(
            name="rhv1",
            kind="rhv",
            url=engine.url,
            username=engine.username,
            password=SecretRef(file=str(password)),
            tls=TlsTrust(ca=str(engine.ca)),
            may=("power", "snapshots"),
        )
    )
    try:
        yield opened
    finally:
        opened.close()


def passes(made: Mtv) -> list[dict[str, Any]]:
    with sqlite3.connect(made.directory / "runs" / "pilot" / "journal.db") as db:
        rows = db.execute(
            "SELECT detail FROM event WHERE step = 'sync' AND state = 'done' ORDER BY id"
        ).fetchall()
    return [msgspec.json.decode(detail)["disks"] for (detail,) in rows]


def base(made: Mtv, name: str) -> Path:
    (found,) = (made.directory / "vms").rglob(f"disk-{disk_id(name)}.raw")
    return found


def test_a_vm_that_is_down_is_copied(engine: RhvEngine, tmp_path: Path) -> None:
    made = project(engine, tmp_path / "project", "files")
    made.run("sync")
    for name in VMS["files"]:
        copied = base(made, name).read_bytes()
        assert hashlib.sha256(copied).digest() == hashlib.sha256(content(name)).digest()


def test_what_another_vm_wrote_to_a_disk_meanwhile_is_copied(
    engine: RhvEngine, tmp_path: Path
) -> None:
    """Its own VM stays down, and the engine tells nothing of it."""
    made = project(engine, tmp_path / "project", "files")
    made.run("sync")
    name = "files_data"
    image = tmp_path / "rhv" / "storage" / disk_id(name) / uid("image", name)
    with image.open("r+b") as file:
        file.seek(5 << 20)
        file.write(b"rescued")
    (ended,) = made.run("sync", "-o", "json").json
    assert ended["outcome"] == "done"
    assert "nobody could tell what changed on 2 of its disks" in ended["says"]
    assert base(made, name).read_bytes() == image.read_bytes()


def test_what_a_killed_mtv_left_open_is_ended_by_the_next_one(
    engine: RhvEngine, tmp_path: Path
) -> None:
    made = project(engine, tmp_path / "project", "files")
    limit(made, bytes_per_second=200_000)
    process = made.start("sync")
    deadline = time.monotonic() + 60
    while not opened(made):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.kill()
    process.communicate()
    assert engine.held()["transfers"]
    made.run("sync", "--vm", "files", env={"MTV_KILL_AT": "sync:started"}, expect=1)
    # Ended by their ids in the journal, not by the engine after a minute.
    assert not engine.held()
    assert not opened(made)


def opened(made: Mtv) -> set[str]:
    """Ids of transfers that the journal has as open."""
    path = made.directory / "runs" / "pilot" / "journal.db"
    if not path.exists():
        return set()
    with contextlib.closing(sqlite3.connect(path)) as db:
        try:
            rows = db.execute("SELECT state, detail FROM event WHERE step = 'open'").fetchall()
        except sqlite3.OperationalError:  # it is just being made
            return set()
    found = set[str]()
    for state, detail in rows:
        id_ = str(msgspec.json.decode(detail)["id"])
        found = found | {id_} if state == "started" else found - {id_}
    return found


@pytest.mark.parametrize("vm", ["shop", "ledger", "mail"])
def test_a_running_vm_goes_over_in_passes(engine: RhvEngine, tmp_path: Path, vm: str) -> None:
    made = project(engine, tmp_path / "project", vm)
    socket = engine.where()["machines"][vm_id(vm)]
    with contextlib.ExitStack() as ends:
        guests = {
            name: ends.enter_context(writing(socket, disk_id(name), content(name), seed))
            for seed, name in enumerate(VMS[vm])
        }
        # A full pass and two deltas. In each the workers are killed when they have written what no
        # record knows of yet.
        for _ in range(3):
            made.run("sync", env={"MTV_KILL_AT": "sync:written"}, expect=1)
            assert not {"transfers", "locked"} & set(engine.held())
            made.run("sync")
        for name, guest in guests.items():
            assert guest.moment_of(base(made, name).read_bytes()) is not None
        with source(engine, tmp_path) as opened:
            opened.shut_down(vm_id(vm), grace_seconds=60, cancelled=threading.Event())
    # Down, it is copied as it is; a cutover would boot it next, and no system is on these disks.
    made.run("sync", env={"MTV_KILL_AT": "sync:written"}, expect=1)
    made.run("sync")
    first, *_, final = passes(made)
    assert set(first) == set(final) == {disk_id(name) for name in VMS[vm]}
    for name, guest in guests.items():
        # The last write may have been taken without the guest being told: its VM went down.
        final_moments = (guest.written, guest.written + 1)
        assert guest.moment_of(base(made, name).read_bytes()) in final_moments
    assert "the source is what was copied" in made.run("verify", "--source").stdout
    if vm == "mail":
        # Those of passes that were killed or are over are gone, whoever asked for the last one.
        assert len(engine.held()["checkpoints"]) == 1
    not_waited_for(made)
    made.run("cutover")  # no system is on these disks, but it runs for its second
    assert last_states(made)["let-go"] == "done"


def test_a_pass_that_is_stopped_keeps_what_its_other_disks_are_told_from(
    engine: RhvEngine, tmp_path: Path
) -> None:
    """By snapshots: the copy of one disk is at the new one then, that of the other is not."""
    made = project(engine, tmp_path / "project", "shop")
    socket = engine.where()["machines"][vm_id("shop")]
    with contextlib.ExitStack() as ends:
        guests = {
            name: ends.enter_context(writing(socket, disk_id(name), content(name), seed))
            for seed, name in enumerate(VMS["shop"])
        }
        made.run("sync")
        limit(made, disks=1, bytes_per_second=50_000)
        for _ in range(2):
            for guest in guests.values():
                guest.wait_for(guest.written + 10)
            stopped = made.interrupt_when(("sync",), lambda: bool(opened(made)))
            assert stopped.code == 130, stopped.stderr
            assert len(engine.held()["snapshots"]) == 2
        limit(made)
        (ended,) = made.run("sync", "-o", "json").json
        assert (ended["outcome"], "as a whole" in ended["says"]) == ("done", False)
        assert not any(copy["compared_whole"] for copy in passes(made)[-1].values())
        for name, guest in guests.items():
            assert guest.moment_of(base(made, name).read_bytes()) is not None
    assert len(engine.held()["snapshots"]) == 1
    made.run("rollback", "--vm", "shop", "--discard")
    assert engine.held() == {}


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({"least_free_percent": 100}, "free of"),
        ({"most_delta_bytes": 1}, "what was written since its disks are held takes"),
    ],
)
def test_a_pass_that_is_too_much_stops_and_its_snapshots_go(
    engine: RhvEngine, tmp_path: Path, held: dict[str, float], says: str
) -> None:
    """Also the one that stays after a pass, since the next one is told from it."""
    made = project(engine, tmp_path / "project", "ledger")
    socket = engine.where()["machines"][vm_id("ledger")]
    (name,) = VMS["ledger"]
    with writing(socket, disk_id(name), content(name), 1) as guest:
        made.run("sync")
        assert len(engine.held()["snapshots"]) == 1
        guest.wait_for(guest.written + 10)
        limit(made, bytes_per_second=50_000, held={"look_seconds": 0.2})
        process = made.start("sync")
        eventually(lambda: bool(opened(made)))
        limit(made, bytes_per_second=50_000, held={"look_seconds": 0.2, **held})
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 1, stderr
        assert "✗ ledger: failed: the pass was stopped: " in stdout
        assert says in stdout
        assert "its snapshots were removed, so the next pass compares all" in stdout
        assert engine.held() == {}
        limit(made)
        made.run("sync")
        assert guest.moment_of(base(made, name).read_bytes()) is not None
        # The storage domain fills up between two passes, too.
        assert len(engine.held()["snapshots"]) == 1
        limit(made, held={"least_free_percent": 100})
        refused = made.run("sync", expect=1).stdout
        assert "its disks are not held now: " in refused
        assert "its snapshots were removed" in refused
        assert engine.held() == {}
        limit(made)
    made.run("rollback", "--vm", "ledger", "--discard")


def test_a_pass_on_slow_storage_stops_and_goes_on_from_its_snapshot(
    engine: RhvEngine, tmp_path: Path
) -> None:
    """Its snapshot takes no room that lacks: removing it would throw away what was copied."""
    made = project(engine, tmp_path / "project", "ledger")
    socket = engine.where()["machines"][vm_id("ledger")]
    (name,) = VMS["ledger"]
    slow = 1000 * max(LATENCY_SECONDS[name]) - 1
    with writing(socket, disk_id(name), content(name), 1) as guest:
        limit(made, bytes_per_second=50_000, held={"look_seconds": 0.2})
        process = made.start("sync")
        eventually(lambda: bool(opened(made)))
        limit(made, held={"look_seconds": 0.2, "most_latency_ms": slow}, bytes_per_second=50_000)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 1, stderr
        assert "✗ ledger: failed: the pass was stopped: its storage takes 30 ms" in stdout
        assert len(engine.held()["snapshots"]) == 1
        limit(made)
        made.run("sync")
        assert guest.moment_of(base(made, name).read_bytes()) is not None
    made.run("rollback", "--vm", "ledger", "--discard")


def test_a_vm_that_changes_its_wave_leaves_no_checkpoint(tmp_path: Path) -> None:
    with start_small_rhv(tmp_path / "rhv") as engine:
        made = project(engine, tmp_path / "project", "mail")
        made.run("sync")
        assert engine.held()["checkpoints"]
        plan = made.directory / "plan.yaml"
        plan.write_text(plan.read_text().replace("pilot", "later"))
        made.run("sync", "later")
        not_waited_for(made)
        made.run("cutover", "later")
        assert engine.held() == {}
