"""The local launcher, with libvirt's embedded driver and real QEMU, under emulation."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from mtv import guard
from mtv.errors import BootFailed, Interrupted, LaunchError
from mtv.launch import launcher
from mtv.launch.local import LocalLauncher
from mtv.model.plan import BootCheck
from mtv.tasks import CheckResult, CheckTask, DiskImage, Progress, encode
from tests.launch.manifests import VOLUME, domain_of, plain_vm
from tests.real.guests import POWEROFF_MARKER, GuestImages
from tests.real.guests.boot_sector import boot_disk
from tests.real.parts import require

HERE = BootCheck(console=POWEROFF_MARKER.decode().strip(), within_seconds=60)

Check = Callable[..., CheckResult]


@pytest.fixture(autouse=True)
def _libvirt(launcher_cache: Path) -> None:
    del launcher_cache
    # Not imported here: where it logs to is decided when it is first loaded.
    require("libvirt-python", find_spec("libvirt") is not None, "pip install 'mtv[local]'")
    require("QEMU", bool(shutil.which("qemu-system-x86_64")), "run setup/packages.sh")


def task(disk: Path, directory: Path, check: BootCheck = HERE, name: str = "web01") -> CheckTask:
    return CheckTask(
        name=name,
        manifest=plain_vm(name),
        disks=(DiskImage(volume=VOLUME, path=str(disk), format="raw"),),
        check=check,
        console=str(directory / "console.log"),
        accel="tcg",
    )


def run(task: CheckTask, grace_seconds: float | None = None) -> CheckResult:
    return LocalLauncher(grace_seconds).check(
        task, on_progress=lambda _progress: None, cancelled=threading.Event()
    )


def nothing_runs(name: str = "web01") -> bool:
    """No QEMU of a guest of that name is left, in whatever directory."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"guest={name},".encode() in process.read_bytes():
                return False
        except OSError:
            continue
    return True


def copied(image: Path, target: Path) -> Path:
    """A copy to write to."""
    shutil.copy(image, target)
    return target


def write(path: Path, disk: bytes) -> Path:
    path.write_bytes(disk)
    return path


def test_guest_that_says_its_marker_is_up(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.poweroff, tmp_path / "disk.raw")
    result = run(task(disk, tmp_path))
    assert POWEROFF_MARKER.decode().strip() in result.console_tail
    assert result.stopped == "by itself"
    assert (result.accel, result.weak) == ("tcg", False)
    assert any("runStrategy Halted" in caveat for caveat in result.caveats)
    assert nothing_runs()


def test_guest_with_a_tablet_and_random_numbers_is_up(images: GuestImages, tmp_path: Path) -> None:
    one = task(copied(images.poweroff, tmp_path / "disk.raw"), tmp_path)
    domain_of(one.manifest)["devices"] |= {
        "inputs": [{"name": "tablet", "type": "tablet", "bus": "usb"}],
        "rng": {},
    }
    assert POWEROFF_MARKER.decode().strip() in run(one).console_tail
    assert nothing_runs()


def test_guest_that_hears_the_power_button(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.tiny, tmp_path / "disk.raw")
    images.name_tiny(disk, "web01")
    result = run(task(disk, tmp_path, BootCheck(console="^tiny: ready", within_seconds=240)))
    assert result.stopped == "by ACPI"
    assert "tiny: hello from web01" in result.console_tail
    # As in the cluster: the serial number and the MAC that the manifest says.
    assert f"tiny: disk vda serial=6000c29d1f bytes={disk.stat().st_size}" in result.console_tail
    assert "mac=00:50:56:aa:bb:01" in result.console_tail
    assert nothing_runs()


def test_guest_that_is_deaf_is_destroyed(tmp_path: Path) -> None:
    disk = write(tmp_path / "disk.raw", boot_disk(b"halted\r\n", then="halt"))
    result = run(task(disk, tmp_path, BootCheck(console="halted", within_seconds=60)), 1)
    assert result.stopped == "destroyed"
    assert nothing_runs()


def test_weak_check_only_wants_it_to_run(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.silent, tmp_path / "disk.raw")
    result = run(task(disk, tmp_path, BootCheck(runs_seconds=2)), 1)
    assert result.weak
    assert 2 <= result.up_after_seconds < 30
    assert nothing_runs()


def test_guest_that_never_comes_up(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.silent, tmp_path / "disk.raw")
    began = time.monotonic()
    with pytest.raises(BootFailed, match="within 3 seconds") as error:
        run(task(disk, tmp_path, BootCheck(console="login:", within_seconds=3)), 1)
    assert "Booting from Hard Disk" in error.value.message
    assert time.monotonic() - began < 30
    assert nothing_runs()


def test_guest_whose_check_was_wrong_is_shut_down(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.tiny, tmp_path / "disk.raw")
    wrong = task(disk, tmp_path, BootCheck(console="no such line", within_seconds=60))
    with pytest.raises(BootFailed, match="tiny: ready"):
        run(wrong)
    assert "tiny: bye" in Path(wrong.console).read_text()
    assert nothing_runs()


def test_guest_that_stops_before_it_is_up(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.poweroff, tmp_path / "disk.raw")
    with pytest.raises(BootFailed, match="stopped by itself") as error:
        run(task(disk, tmp_path, BootCheck(console="login:", within_seconds=60)))
    assert POWEROFF_MARKER.decode().strip() in error.value.message
    assert error.value.hint.endswith(f"the whole console: {tmp_path / 'console.log'}")
    assert nothing_runs()


def test_disk_without_a_boot_loader_fails_at_once(tmp_path: Path) -> None:
    disk = write(tmp_path / "disk.raw", bytes(4 << 20))
    began = time.monotonic()
    with pytest.raises(BootFailed, match="the BIOS found no disk") as error:
        run(task(disk, tmp_path, BootCheck(console="login:", within_seconds=300)))
    assert "bootOrder" in error.value.hint
    assert time.monotonic() - began < 60
    assert nothing_runs()


@pytest.mark.parametrize("secure", [False, True])
def test_efi_finds_nothing_on_an_empty_disk(secure: bool, tmp_path: Path) -> None:
    require("OVMF", Path("/usr/share/qemu/firmware").is_dir(), "install ovmf")
    disk = write(tmp_path / "disk.raw", bytes(4 << 20))
    efi = task(disk, tmp_path, BootCheck(console="login:", within_seconds=120))
    domain_of(efi.manifest)["firmware"]["bootloader"] = {"efi": {"secureBoot": secure}}
    with pytest.raises(BootFailed, match="EFI firmware found no boot loader"):
        run(efi)
    assert nothing_runs()


def test_disk_in_use_is_not_booted(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.silent, tmp_path / "disk.raw")
    argv = ["qemu-system-x86_64", "-S", "-display", "none", "-nodefaults"]
    argv += ["-drive", f"file={disk},format=raw,if=virtio"]
    holder = subprocess.Popen(argv)
    try:
        while str(disk) not in {
            os.path.realpath(fd) for fd in Path(f"/proc/{holder.pid}/fd").iterdir()
        }:
            time.sleep(0.05)
        time.sleep(0.5)
        with pytest.raises(LaunchError, match="lock") as error:
            run(task(disk, tmp_path))
        assert "another process has the disk open" in error.value.hint
    finally:
        holder.kill()
        holder.wait()
    assert nothing_runs()


def test_cancel_stops_the_guest(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.silent, tmp_path / "disk.raw")
    cancelled = threading.Event()

    def when_it_runs(progress: Progress) -> None:
        if "waiting until it is up" in progress.says:
            threading.Timer(0.5, cancelled.set).start()

    began = time.monotonic()
    with pytest.raises(Interrupted):
        launcher("local").check(
            task(disk, tmp_path, BootCheck(console="login:", within_seconds=120)),
            on_progress=when_it_runs,
            cancelled=cancelled,
        )
    assert time.monotonic() - began < 30
    assert nothing_runs()


def test_two_checks_at_once_in_one_process(images: GuestImages, tmp_path: Path) -> None:
    results: list[CheckResult] = []

    def boot(name: str) -> None:
        directory = tmp_path / name
        directory.mkdir()
        disk = copied(images.poweroff, directory / "disk.raw")
        results.append(run(task(disk, directory, name=name)))

    threads = [threading.Thread(target=boot, args=(name,)) for name in ("web01", "web02")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert "destroyed" not in {result.stopped for result in results}


_WORKER = """
import sys, threading
from mtv.launch.local import LocalLauncher
from mtv.tasks import decode_task
task = decode_task(sys.stdin.readline())
try:
    print(LocalLauncher(1).check(task, on_progress=lambda p: print(p.says, flush=True),
                                 cancelled=threading.Event()).stopped)
finally:
    sys.stdout.flush()
"""


def worker(task: CheckTask, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", _WORKER],
        input=encode(task),
        capture_output=True,
        env={**os.environ, **env},
        timeout=120,
        check=False,
    )


def test_worker_killed_while_the_guest_boots(
    images: GuestImages, tmp_path: Path, launcher_cache: Path
) -> None:
    disk = copied(images.silent, tmp_path / "disk.raw")
    weak = task(disk, tmp_path, BootCheck(runs_seconds=1), name="killed01")
    killed = worker(weak, MTV_KILL_AT="check:running")
    assert killed.returncode == -signal.SIGKILL
    # At once again, on the same disk, while the guard may be at work still.
    again = worker(weak)
    assert again.returncode == 0, again.stderr.decode()
    assert again.stdout.decode().splitlines()[-1] == "destroyed"
    assert not again.stderr
    assert nothing_runs("killed01")
    slots = list((launcher_cache.resolve() / "mtv" / "libvirt").iterdir())
    assert [each for each in slots if guard.programs(each)] == []


def test_guest_of_a_killed_worker_is_gone_soon(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.silent, tmp_path / "disk.raw")
    weak = task(disk, tmp_path, BootCheck(runs_seconds=60), name="killed02")
    assert worker(weak, MTV_KILL_AT="check:running").returncode == -signal.SIGKILL
    began = time.monotonic()
    while not nothing_runs("killed02"):
        assert time.monotonic() - began < 5
        time.sleep(0.02)


def test_worker_is_quiet(images: GuestImages, tmp_path: Path) -> None:
    disk = copied(images.poweroff, tmp_path / "disk.raw")
    done = worker(task(disk, tmp_path, name="quiet01"))
    assert done.stdout.decode().splitlines()[-1] == "by itself"
    assert done.stderr == b"", "libvirt wrote to our standard error"
