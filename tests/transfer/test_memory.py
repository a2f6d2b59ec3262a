"""A worker's memory is what it is however large the disk, as the kernel counts it.

The disks are qcow2 images in an OVA as RHV writes it: of some TiB, with little in them.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from mtv.model.collection import CollectOptions
from mtv.model.disk import GRAIN_BYTES
from mtv.sources import open_source
from mtv.tasks import (
    Connection,
    Done,
    Failed,
    SyncResult,
    SyncTask,
    Task,
    VerifyTask,
    decode_line,
    encode,
)
from mtv.transfer.bases.beside import Beside
from mtv.transfer.reading.reader import Identity
from mtv.transfer.records import resume
from mtv.transfer.records.grains import DATA, UNKNOWN, Grains, zero_digest
from tests.real.ova import ovf_text, tar_of

MIB, TIB = 1 << 20, 1 << 40
MOST_BYTES = 80 * MIB
LARGEST = 8 * TIB
"""Of a file on the file systems that tests run on."""
DIFFERENT = 300_000


class Ended(NamedTuple):
    said: Done | Failed
    peak_bytes: int

    @property
    def result(self) -> SyncResult:
        assert isinstance(self.said, Done), self.said
        assert isinstance(self.said.result, SyncResult)
        return self.said.result


def make_ova(path: Path, capacity_bytes: int) -> Path:
    """An OVA with one disk that has data at its beginning, in the middle and at its end."""
    image = path.with_name("image")
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M"]
    subprocess.run([*create, str(image), str(capacity_bytes)], check=True)
    write = [
        f"write -q -P 7 {at} 64k" for at in (0, capacity_bytes // 2, capacity_bytes - GRAIN_BYTES)
    ]
    orders = [word for each in write for word in ("-c", each)]
    subprocess.run(["qemu-io", "-f", "qcow2", *orders, image], check=True)
    data = image.read_bytes()
    image.unlink()
    text = ovf_text("huge", ["disk-1"], [capacity_bytes], [len(data)], "ovirt")
    path.write_bytes(tar_of({"vm.ovf": text.encode(), "disk-1": data}))
    return path


def worker(task: Task) -> Ended:
    """Runs a worker to its end."""
    # A process counts the memory of who started it, too, until it becomes another program: so
    # it is a small one that starts the worker.
    script = (
        "import resource, subprocess, sys\n"
        "argv = [sys.executable, '-m', 'mtv', 'worker']\n"
        "worker = subprocess.Popen(argv, stdin=subprocess.PIPE)\n"
        "worker.stdin.write(sys.stdin.buffer.read())\n"
        "worker.stdin.flush()\n"
        "worker.wait()\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], input=encode(task), capture_output=True, check=True
    )
    *_, last, peak = ended.stdout.splitlines()
    said = decode_line(last)
    assert isinstance(said, Done | Failed), ended.stderr
    return Ended(said, int(peak) * 1024)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> SyncTask:
    folder = tmp_path_factory.mktemp("huge")
    source = Connection(name="files", kind="ova", path=str(make_ova(folder / "huge.ova", LARGEST)))
    opened = open_source(source)
    try:
        (vm,) = opened.collect(lambda _: None, CollectOptions()).vms
    finally:
        opened.close()
    return SyncTask(
        vm=vm.id,
        disk=str(vm.disks[0].key),
        capacity_bytes=LARGEST,
        base=str(folder / "base.raw"),
        source=source,
    )


def test_a_disk_of_eight_tib_takes_no_more_memory_than_any(task: SyncTask) -> None:
    first = worker(task)
    assert first.result.data_bytes == 3 * GRAIN_BYTES
    assert Path(task.base).stat().st_blocks * 512 < 8 * MIB
    assert first.peak_bytes <= MOST_BYTES
    again = worker(task)  # which reads the resume file and the list of digests
    assert again.result.source == first.result.source
    assert again.result.written_bytes == 0
    assert again.peak_bytes <= MOST_BYTES
    evidence = Path(f"{task.base}.digests")
    assert evidence.stat().st_size == 65 * (LARGEST // GRAIN_BYTES)


def test_many_grains_that_differ_take_no_more_memory_than_one(tmp_path: Path) -> None:
    """Every other grain of a base is gone: what is noted of them is as scattered as it can be."""
    count, pair = 2 * DIFFERENT, hashlib.sha256(b"was here").digest() + zero_digest(GRAIN_BYTES)
    capacity = count * GRAIN_BYTES
    base = tmp_path / "base.raw"
    base.touch()
    os.truncate(base, capacity)
    files, grains = Beside(base), Grains(capacity, tmp_path)
    grains.mark_data(0, pair * DIFFERENT)
    files.digests.write_text((pair.hex("\n", 32) + "\n") * DIFFERENT)
    resume.create(
        files.resume, Identity("point", None), base.stat().st_ino, grains, lambda: None
    ).close()
    ended = worker(VerifyTask(base=str(base), capacity_bytes=capacity))
    assert isinstance(ended.said, Failed)
    assert ended.said.error == "DigestMismatch"
    assert f"{DIFFERENT} of its 1 MiB grains differ, the first one at byte 0" in ended.said.message
    assert ended.peak_bytes <= MOST_BYTES
    noted = resume.read(files.resume, capacity)
    assert noted is not None
    assert (noted.grains.state.count(UNKNOWN), noted.grains.state.count(DATA)) == (DIFFERENT,) * 2
    assert noted.grains.state[0] == UNKNOWN
