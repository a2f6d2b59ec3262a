"""Overlays, made and committed by the real qemu-img, and killed in between."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtv.convert.overlay import commit_argv, commit_overlay, create_argv, create_overlays
from mtv.errors import ConvertError, ProgramFailed
from mtv.tasks import ConvertTask, DiskImage, encode
from tests.real.parts import require

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _qemu() -> None:
    require("qemu-img", bool(shutil.which("qemu-img")), "run setup/packages.sh")


def make_base(path: Path, size: int = 8 * MIB) -> DiskImage:
    path.write_bytes(b"B" * size)
    return DiskImage(volume="d", path=str(path), format="raw")


def write(overlay: DiskImage, pattern: str, offset: int, length: int) -> None:
    command = f"write -P {pattern} {offset} {length}"
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", command, overlay.path], check=True, capture_output=True
    )


def digest(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_argument_lists() -> None:
    base = DiskImage(volume="d", path="/b/-x y.raw", format="raw")
    overlay = DiskImage(volume="d", path="/o/disk-0.qcow2", format="qcow2")
    assert create_argv("/usr/bin/qemu-img", base, Path("/o/disk-0.qcow2")) == [
        *("/usr/bin/qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "/b/-x y.raw"),
        *("--", "/o/disk-0.qcow2"),
    ]
    assert commit_argv("/usr/bin/qemu-img", overlay) == [
        *("/usr/bin/qemu-img", "commit", "-q", "-d", "-f", "qcow2", "--", "/o/disk-0.qcow2"),
    ]


def test_base_changes_with_the_commit_only(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base.raw")
    before = digest(base.path)
    (overlay,) = create_overlays([base], tmp_path / "work")
    write(overlay, "0x41", MIB, MIB)
    assert digest(base.path) == before
    commit_overlay(overlay, base)
    expected = b"B" * MIB + b"A" * MIB + b"B" * 6 * MIB
    assert Path(base.path).read_bytes() == expected
    assert not Path(overlay.path).exists()
    commit_overlay(overlay, base)
    assert Path(base.path).read_bytes() == expected


def test_overlays_are_made_afresh(tmp_path: Path) -> None:
    bases = [make_base(tmp_path / f"{n}.raw", MIB) for n in range(2)]
    first = create_overlays(bases, tmp_path / "work")
    write(first[0], "0x41", 0, 65536)
    second = create_overlays(bases, tmp_path / "work")
    assert second == first
    info = subprocess.run(
        ["qemu-img", "map", "--output=json", "-f", "qcow2", second[0].path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert '"depth": 0' not in info


def test_guest_data_is_never_taken_for_a_format(tmp_path: Path) -> None:
    """A raw base whose content is a qcow2 header that names a file of this machine."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"S" * MIB)
    evil = tmp_path / "evil.raw"
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(secret), str(evil)]
    subprocess.run(argv, check=True)
    base = DiskImage(volume="d", path=str(evil), format="raw")
    (overlay,) = create_overlays([base], tmp_path / "work")
    shown = tmp_path / "shown"
    argv = ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", overlay.path, str(shown)]
    subprocess.run(argv, check=True)
    assert b"S" * 512 not in shown.read_bytes()
    assert shown.read_bytes()[:4] == b"QFI\xfb"


@pytest.mark.parametrize(
    "base",
    [
        DiskImage(volume="d", path="/x.qcow2", format="qcow2"),
        DiskImage(volume="d", path="nbd:127.0.0.1:1", format="raw"),
        DiskImage(volume="d", path="/nowhere/x.raw", format="raw"),
    ],
)
def test_wrong_base_is_refused(base: DiskImage, tmp_path: Path) -> None:
    with pytest.raises(ConvertError):
        create_overlays([base], tmp_path)


def test_failed_commit_keeps_the_overlay(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base.raw")
    (overlay,) = create_overlays([base], tmp_path / "work")
    Path(base.path).rename(tmp_path / "moved.raw")
    with pytest.raises(ProgramFailed, match="qemu-img"):
        commit_overlay(overlay, base)
    assert Path(overlay.path).exists()


_COMMIT = """
import sys
from mtv.convert.overlay import commit_overlay
from mtv.tasks import decode_task
task = decode_task(sys.stdin.readline())
overlay, base = task.bases
commit_overlay(overlay, base)
"""


def committer(overlay: DiskImage, base: DiskImage, **env: str) -> subprocess.Popen[bytes]:
    task = ConvertTask(name="x", manifest={}, bases=(overlay, base), directory="", log="")
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMIT], stdin=subprocess.PIPE, env={**os.environ, **env}
    )
    assert process.stdin is not None
    process.stdin.write(encode(task))
    process.stdin.close()
    return process


@pytest.mark.parametrize("moment", ["commit:started", "commit:written"])
def test_killed_around_the_commit_and_repeated(moment: str, tmp_path: Path) -> None:
    base = make_base(tmp_path / "base.raw")
    (overlay,) = create_overlays([base], tmp_path / "work")
    write(overlay, "0x41", 0, MIB)
    assert committer(overlay, base, MTV_KILL_AT=moment).wait() == -signal.SIGKILL
    assert Path(overlay.path).exists()
    commit_overlay(overlay, base)
    assert Path(base.path).read_bytes() == b"A" * MIB + b"B" * 7 * MIB


def test_killed_within_the_commit_and_repeated(tmp_path: Path) -> None:
    size = 512 * MIB
    path = tmp_path / "base.raw"
    with path.open("wb") as file:
        file.truncate(size)
    base = DiskImage(volume="d", path=str(path), format="raw")
    (overlay,) = create_overlays([base], tmp_path / "work")
    write(overlay, "0x41", 0, size)
    process = committer(overlay, base)
    deadline = time.monotonic() + 60
    # Until the base has some of it, but not yet all.
    while path.stat().st_blocks * 512 < 16 * MIB:
        assert time.monotonic() < deadline
        assert process.poll() is None
    process.kill()
    process.wait()
    time.sleep(0.3)  # qemu-img dies with its parent
    written = path.stat().st_blocks * 512
    time.sleep(0.3)
    assert path.stat().st_blocks * 512 == written < size, "qemu-img lives on, or was too quick"
    assert Path(overlay.path).exists()
    commit_overlay(overlay, base)
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            assert chunk == b"A" * len(chunk)
