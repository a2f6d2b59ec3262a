"""virt-v2v-in-place for real: refusals, limits, kills.

That a Debian boots after its conversion, and not before, is shown in ``tests/cutover``.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from mtv import accel, guard
from mtv.convert.preflight import preflight
from mtv.convert.record import FILE
from mtv.convert.scratch import home_of
from mtv.convert.v2v import convert_guest, guest_xml, v2v_argv, v2v_environment
from mtv.errors import ConvertError, Interrupted, MissingTool
from mtv.tasks import ConvertTask, DiskImage, Progress, encode
from tests.launch.manifests import VOLUME, domain_of, plain_vm
from tests.real.parts import require

HOSTNAME = "billing-db"


def make_task(base: Path, directory: Path, timeout_seconds: int = 3600) -> ConvertTask:
    return ConvertTask(
        name=HOSTNAME,
        manifest=plain_vm(HOSTNAME),
        bases=(DiskImage(volume=VOLUME, path=str(base), format="raw"),),
        directory=str(directory / "work"),
        log=str(directory / "convert.log"),
        timeout_seconds=timeout_seconds,
    )


def convert(task: ConvertTask, said: list[str] | None = None) -> tuple[DiskImage, ...]:
    return convert_guest(
        task,
        on_progress=lambda progress: (said if said is not None else []).append(progress.says),
        cancelled=threading.Event(),
    ).overlays


@pytest.fixture
def v2v() -> None:
    found = bool(shutil.which("virt-v2v-in-place")) and accel.readable_kernel() is not None
    require("virt-v2v-in-place", found, "run setup/packages.sh")


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    disk = tmp_path / "blank.raw"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    return disk


def programs_of(task: ConvertTask) -> list[str]:
    """Names of the programs that run for a task's conversion."""
    names = []
    for pid in guard.programs(home_of(Path(task.directory))):
        with contextlib.suppress(OSError):
            names.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return names


def test_argument_list_and_environment() -> None:
    assert v2v_argv("/usr/bin/virt-v2v-in-place", Path("/s/guest.xml"), Path("/s/m.json")) == [
        *("/usr/bin/virt-v2v-in-place", "-v", "-x", "-i", "libvirtxml", "/s/guest.xml"),
        *("--root", "first", "--machine-readable=file:/s/m.json"),
    ]
    environment = v2v_environment(Path("/s"), "tcg")
    assert environment["LIBGUESTFS_BACKEND"] == "direct"
    assert environment["LIBGUESTFS_BACKEND_SETTINGS"] == "force_tcg"
    assert v2v_environment(Path("/s"), "kvm")["LIBGUESTFS_BACKEND_SETTINGS"] == ""


def test_guest_xml_lists_the_disks_in_order(tmp_path: Path) -> None:
    task = make_task(tmp_path / "base", tmp_path)
    domain_of(task.manifest)["firmware"]["bootloader"] = {"efi": {"secureBoot": False}}
    overlays = [
        DiskImage(volume=f"v{n}", path=f"/o/<&>{n}.qcow2", format="qcow2") for n in range(28)
    ]
    tree = etree.fromstring(guest_xml(task, overlays))
    assert [disk.get("file") for disk in tree.iter("source")] == [each.path for each in overlays]
    names = [target.get("dev") for target in tree.iter("target")]
    assert (names[0], names[25], names[26], names[27]) == ("sda", "sdz", "sdaa", "sdab")
    assert tree.xpath("os/@firmware") == ["efi"]
    assert {driver.get("type") for driver in tree.iter("driver")} == {"qcow2"}


def test_preflight_knows_the_tool(v2v: None, tmp_path: Path) -> None:
    del v2v
    found = preflight(tmp_path)
    assert found.tool.startswith("virt-v2v-in-place ")
    assert "convert:linux" in found.features


def test_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="virt-v2v-in-place") as error:
        preflight(tmp_path)
    assert "virt-v2v" in error.value.hint


@pytest.mark.slow
def test_disk_without_a_system_is_refused(v2v: None, blank: Path, tmp_path: Path) -> None:
    del v2v
    task = make_task(blank, tmp_path)
    before = blank.stat()
    with pytest.raises(ConvertError) as error:
        convert(task)
    assert error.value.message.startswith(
        f"{HOSTNAME} could not be converted: virt-v2v found no operating system on the disks"
    )
    assert "convert none" in error.value.hint
    assert task.log in error.value.hint
    assert "Linux version" in Path(task.log).read_text()
    assert (blank.stat().st_mtime_ns, blank.stat().st_blocks) == (
        before.st_mtime_ns,
        before.st_blocks,
    )
    assert not (tmp_path / "work" / FILE).exists()
    assert not programs_of(task)
    assert not home_of(Path(task.directory)).exists()


def test_time_limit(v2v: None, blank: Path, tmp_path: Path) -> None:
    del v2v
    task = make_task(blank, tmp_path, timeout_seconds=3)
    with pytest.raises(ConvertError, match="was not converted within 3 seconds"):
        convert(task)
    assert not programs_of(task)


def test_cancel(v2v: None, blank: Path, tmp_path: Path) -> None:
    del v2v
    cancelled = threading.Event()

    def when_it_opens(progress: Progress) -> None:
        if progress.says == "Opening the source":
            cancelled.set()

    task = make_task(blank, tmp_path)
    with pytest.raises(Interrupted):
        convert_guest(task, on_progress=when_it_opens, cancelled=cancelled)
    assert not programs_of(task)


_WORKER = """
import sys, threading
from mtv.convert.scratch import home_of
from mtv.convert.v2v import convert_guest
from mtv.tasks import decode_task
task = decode_task(sys.stdin.readline())
convert_guest(task, on_progress=lambda p: print(p.says, flush=True), cancelled=threading.Event())
"""


def worker(task: ConvertTask, **env: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )
    assert process.stdin is not None
    process.stdin.write(encode(task).decode())
    process.stdin.flush()
    return process


def until_appliance_runs(process: subprocess.Popen[str], task: ConvertTask) -> None:
    """Waits until the worker's virt-v2v has started qemu-nbd and the appliance."""
    assert process.stdout is not None
    assert any(line.strip() == "Opening the source" for line in process.stdout)
    until(lambda: {"qemu-nbd", "qemu-system-x86"} <= set(programs_of(task)), 60)


def until(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def test_killed_worker_leaves_nothing(v2v: None, blank: Path, tmp_path: Path) -> None:
    del v2v
    task = make_task(blank, tmp_path)
    process = worker(task)
    until_appliance_runs(process, task)
    process.kill()
    process.wait()
    until(lambda: not programs_of(task), 5)


def test_killed_worker_and_guard_are_cleaned_up_after(
    v2v: None, blank: Path, tmp_path: Path
) -> None:
    del v2v
    task = make_task(blank, tmp_path)
    process = worker(task)
    # virt-v2v asks qemu-nbd and the appliance for a moment before it starts them for good.
    until_appliance_runs(process, task)
    time.sleep(2)
    os.kill(_guard_of(task), signal.SIGKILL)
    process.kill()
    process.wait()
    # libguestfs ends its appliance after 2 seconds; virt-v2v 2.2 leaves its qemu-nbd for good, with
    # the overlay open for writing.
    until(lambda: programs_of(task) == ["qemu-nbd"], 15)
    time.sleep(2)
    assert programs_of(task) == ["qemu-nbd"]
    # Whoever converts next, be it another guest, cleans up.
    (tmp_path / "other").mkdir()
    with pytest.raises(ConvertError, match="within 1 seconds"):
        convert(make_task(blank, tmp_path / "other", timeout_seconds=1))
    assert not programs_of(task)


def _guard_of(task: ConvertTask) -> int:
    home = os.fsencode(home_of(Path(task.directory)))
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = command.read_bytes().split(b"\0")
            if home in words and any(word.endswith(b"/guard.py") for word in words):
                return int(command.parent.name)
    raise AssertionError("the conversion has no guard")


def test_two_conversions_of_one_guest_exclude_each_other(
    v2v: None, blank: Path, tmp_path: Path
) -> None:
    del v2v
    task = make_task(blank, tmp_path)
    process = worker(task)
    until_appliance_runs(process, task)
    try:
        with pytest.raises(ConvertError, match="another mtv"):
            convert(task)
    finally:
        process.kill()
        process.wait()
    until(lambda: not programs_of(task), 5)
