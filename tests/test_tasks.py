"""Tasks and messages go through JSON unchanged; what is none of ours is refused."""

import pytest

from mtv.errors import MtvError, ReadFailed, WorkerLost
from mtv.model.disk import DiskDigest, TlsTrust
from mtv.model.plan import BootCheck
from mtv.tasks import (
    CheckResult,
    CheckTask,
    Connection,
    ConvertResult,
    ConvertTask,
    DiskImage,
    Done,
    Failed,
    Limits,
    Line,
    Progress,
    SecretRef,
    SyncResult,
    SyncTask,
    Task,
    VerifyResult,
    VerifySourceResult,
    VerifySourceTask,
    VerifyTask,
    decode_line,
    decode_task,
    encode,
)

IMAGE = DiskImage(volume="disk-2000", path="/vms/web01/disk-2000.raw", format="raw")
DIGEST = DiskDigest(size_bytes=10, grain_bytes=1 << 20, sha256="ab" * 32)
VC1 = Connection(
    name="vc1",
    kind="vsphere",
    url="https://vc.example.com/sdk",
    username="mtv",
    password=SecretRef(command=("pass", "show", "vc1")),
    tls=TlsTrust(fingerprint="SHA256:" + "0" * 64),
    may=("power",),
)
TASKS: list[Task] = [
    SyncTask(
        vm="vm-1",
        disk="2000",
        capacity_bytes=1 << 40,
        source=VC1,
        base="/vms/web01/disk-2000.raw",
        limits=Limits(connections=3, bytes_per_second=5),
    ),
    ConvertTask(name="wéb\n01", manifest={"a": [1]}, bases=(IMAGE,), directory="/d", log="/l"),
    CheckTask(
        name="web01",
        manifest={},
        disks=(IMAGE,),
        check=BootCheck(console="login: $"),
        console="/c",
        accel="tcg",
    ),
    VerifyTask(base="/b", capacity_bytes=7),
    VerifySourceTask(vm="vm-1", disk="2000", capacity_bytes=7, source=VC1, base="/b"),
]
LINES: list[Line] = [
    Progress(says="copying", done=5, total=None, unit="bytes"),
    Done(
        result=SyncResult(
            source=DIGEST,
            target=DIGEST,
            fetched_bytes=1,
            written_bytes=2,
            kept_bytes=3,
            data_bytes=4,
            retries=5,
            seconds=0.5,
        )
    ),
    Done(result=ConvertResult(overlays=(IMAGE,), tool="v2v", warnings=("w",), seconds=1.0)),
    Done(
        result=CheckResult(
            accel="tcg",
            up_after_seconds=2.0,
            console_tail="login: \x1b[0m",
            caveats=(),
            stopped="by ACPI",
            weak=False,
            seconds=3.0,
        )
    ),
    Done(result=VerifyResult(digest=DIGEST, read_bytes=3, seconds=1.0)),
    Done(
        result=VerifySourceResult(
            digest=DIGEST, read_bytes=3, told_zero_bytes=4, retries=0, seconds=1.0
        )
    ),
    Failed(error="ReadFailed", message="it\nfailed", hint="try again"),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_task_comes_back_as_it_was(task: Task) -> None:
    line = encode(task)
    assert line.count(b"\n") == 1
    assert decode_task(line) == task


@pytest.mark.parametrize("line", LINES, ids=lambda line: type(line).__name__)
def test_a_message_comes_back_as_it_was(line: Line) -> None:
    text = encode(line)
    assert text.count(b"\n") == 1
    assert decode_line(text) == line


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"nonsense", b'{"task": "destroy"}', b'{"task": "verify"}', b'["verify"]'],
)
def test_what_is_no_task_is_refused(line: bytes) -> None:
    with pytest.raises(MtvError, match="this is not a task"):
        decode_task(line)


def test_a_task_of_another_version_is_refused() -> None:
    line = encode(VerifyTask(base="/b", capacity_bytes=7, version=2))
    with pytest.raises(MtvError, match="does tasks of version 1, not 2"):
        decode_task(line)


@pytest.mark.parametrize("line", ["", "Traceback (most recent call last):", '{"is": "dancing"}'])
def test_what_is_no_message_means_a_lost_worker(line: str) -> None:
    with pytest.raises(WorkerLost, match="no message"):
        decode_line(line)


def test_a_failure_is_its_error_again() -> None:
    problem = Failed(error="ReadFailed", message="it failed", hint="try again").exception()
    assert type(problem) is ReadFailed
    assert (problem.message, problem.hint) == ("it failed", "try again")


def test_a_failure_of_an_unknown_class_is_still_an_error() -> None:
    assert type(Failed(error="NewError", message="m", hint="").exception()) is MtvError
