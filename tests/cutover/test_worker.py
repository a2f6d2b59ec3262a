"""The seam between orchestrator and worker: lines of JSON, and who ends when who is gone."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from mtv.cutover.workers.executors import run_task
from mtv.errors import DigestMismatch, Interrupted, LoginFailed, MtvError, WorkerLost
from mtv.model.disk import TlsTrust
from mtv.tasks import (
    Connection,
    Limits,
    Progress,
    SecretRef,
    SyncTask,
    VerifyTask,
    decode_line,
    encode,
)
from tests.cutover.test_side_by_side import limit
from tests.driver import Mtv
from tests.real.cut_proxy import cut_proxy
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter
from tests.real.vcenter_disks import Settings, disks_of, nothing_of_mtv_is_left


def worker(text: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "mtv", "worker"], input=text, capture_output=True, timeout=60
    )


def sync_task(vcenter: VCenter, estate: SmallEstate, base: Path, url: str = "") -> SyncTask:
    disk = estate.vms["billing-db"].disks[0]
    return SyncTask(
        vm=estate.vms["billing-db"].moref,
        disk=str(disk.key),
        capacity_bytes=disk.capacity_bytes,
        base=str(base),
        source=Connection(
            name="vc1",
            kind="vsphere",
            url=url or vcenter.url,
            username=vcenter.username,
            password=SecretRef(env="VC1_PASSWORD"),
            tls=TlsTrust(fingerprint=vcenter.fingerprint),
        ),
    )


@pytest.mark.parametrize(
    "line",
    [b"", b"{}\n", b"not json\n", b'{"task":"dance"}\n', b'{"task":"sync"}\n'],
)
def test_what_is_no_task_is_refused(line: bytes) -> None:
    ended = worker(line)
    said = json.loads(ended.stdout)
    assert said["is"] == "failed"
    assert "this is not a task" in said["message"]
    assert ended.returncode == 1


def test_a_task_of_another_version_is_refused() -> None:
    task = msgspec.structs.replace(VerifyTask(base="/x", capacity_bytes=1), version=2)
    assert b"version 1, not 2" in worker(encode(task)).stdout


def test_an_error_of_the_worker_is_the_orchestrators_with_its_hint(
    vcenter: VCenter,
    estate: SmallEstate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VC1_PASSWORD", "wrong")
    task = sync_task(vcenter, estate, tmp_path / "base")
    with pytest.raises(LoginFailed, match="refused the user") as caught:
        run_task(task, lambda _: None, tmp_path / "log")
    assert caught.value.hint


def test_a_base_that_somebody_changed_is_told_by_verify(
    vcenter: VCenter,
    estate: SmallEstate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VC1_PASSWORD", vcenter.password)
    task = sync_task(vcenter, estate, tmp_path / "base")
    run_task(task, lambda _: None, tmp_path / "log")
    verify = VerifyTask(base=task.base, capacity_bytes=task.capacity_bytes)
    run_task(verify, lambda _: None, tmp_path / "log")
    with (tmp_path / "base").open("r+b") as base:
        base.seek(1_500_000)
        base.write(b"changed")
    with pytest.raises(DigestMismatch):
        run_task(verify, lambda _: None, tmp_path / "log")


def test_a_worker_that_dies_is_told_and_its_log_is_named(
    vcenter: VCenter,
    estate: SmallEstate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VC1_PASSWORD", vcenter.password)
    monkeypatch.setenv("MTV_KILL_AT", "sync:started")
    task = sync_task(vcenter, estate, tmp_path / "base")
    with pytest.raises(WorkerLost) as caught:
        run_task(task, lambda _: None, tmp_path / "the.log")
    assert "the.log" in caught.value.hint


def test_a_worker_whose_orchestrator_is_gone_stops_by_itself(
    vcenter: VCenter, estate: SmallEstate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VC1_PASSWORD", vcenter.password)
    with cut_proxy("127.0.0.1", vcenter.port) as proxy:
        proxy.faults.delay = 0.05  # so that it cannot be done before we look
        url = f"https://127.0.0.1:{proxy.port}/sdk"
        task = sync_task(vcenter, estate, tmp_path / "base", url)
        process = subprocess.Popen(
            [sys.executable, "-m", "mtv", "worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encode(task))
        process.stdin.flush()
        process.stdout.readline()  # its first progress: it is at work
        process.stdin.close()
        last = process.stdout.read().splitlines()[-1]
        process.wait(timeout=30)
    assert decode_line(last).error == "Interrupted"  # type: ignore[union-attr]
    assert process.returncode == 130


def test_an_order_that_makes_no_sense_ends_the_worker(
    vcenter: VCenter, estate: SmallEstate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VC1_PASSWORD", vcenter.password)
    task = sync_task(vcenter, estate, tmp_path / "base")
    slow = msgspec.structs.replace(task, limits=Limits(bytes_per_second=100_000))
    ended = worker(encode(slow) + b"faster\n")
    assert decode_line(ended.stdout.splitlines()[-1]).error == "Interrupted"  # type: ignore[union-attr]


def test_a_bug_in_a_worker_is_told_and_not_swallowed(tmp_path: Path) -> None:
    task = VerifyTask(base="nul\0byte", capacity_bytes=1)
    with pytest.raises(MtvError):
        run_task(task, lambda _: None, tmp_path / "log")


def test_a_worker_that_has_to_be_killed_gave_nothing_back(
    vcenter: VCenter, estate: SmallEstate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had open at the source stays open in the journal, so that the next run ends it."""
    monkeypatch.setenv("VC1_PASSWORD", vcenter.password)
    task = sync_task(vcenter, estate, tmp_path / "base")
    slow = msgspec.structs.replace(task, limits=Limits(bytes_per_second=100_000))
    stop = threading.Event()

    def freeze(progress: Progress) -> None:
        if progress.says == "reading the source" and not stop.is_set():
            for pid in workers_of(os.getpid()):
                os.kill(pid, signal.SIGSTOP)
            stop.set()

    with pytest.raises(Interrupted) as caught:
        run_task(slow, freeze, tmp_path / "log", stop)
    assert isinstance(caught.value.__cause__, WorkerLost)


def test_what_a_killed_worker_had_open_is_given_up(
    planned: Callable[..., Mtv], vcenter: VCenter
) -> None:
    """A frozen worker gives nothing back itself: whoever kills it asks the source to end it."""
    project = planned("billing-db")
    limit(project, bytes_per_second=500_000)
    vcenter.set_faults({"fault": "Forbidden", "path": "/folder/"})  # so that it has to be exported
    with disks_of(vcenter) as disks:
        disks.set(Settings(lease_seconds=4.0))
        try:
            process = project.start("sync")
            deadline = time.monotonic() + 60
            while not opened(project):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            for worker in workers_of(process.pid):
                os.kill(worker, signal.SIGSTOP)
            os.kill(process.pid, signal.SIGTERM)
            process.communicate(timeout=120)
        finally:
            vcenter.set_faults()
            disks.set(Settings())
    assert process.returncode == 130
    assert opened(project) == ["started", "done"]
    assert "HttpNfcLeaseAbort" in {each.method for each in vcenter.requests()}
    nothing_of_mtv_is_left(vcenter)


def opened(project: Mtv) -> list[str]:
    """What the journal tells of what workers have open at the source."""
    journal = project.directory / "runs" / "pilot" / "journal.db"
    query = "SELECT state FROM event WHERE step = 'open' ORDER BY id"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            return [state for (state,) in db.execute(query)]
    except sqlite3.OperationalError:  # it is just being made
        return []


def workers_of(parent: int) -> list[int]:
    """Workers that a process started."""
    found = Path(f"/proc/{parent}/task").glob("*/children")
    pids = [int(pid) for each in found for pid in each.read_text().split()]
    return [pid for pid in pids if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
