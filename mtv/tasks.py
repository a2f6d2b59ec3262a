"""The JSON contract between a step and the worker that does it.

A *task* is heavy work that one process does alone: copy a disk, convert a guest, boot and check
it, re-read a disk. In go one line of JSON (the task) on standard input, and any number of ``Order``
while it works; when standard input closes, the orchestrator is gone and the worker stops. Out come
lines of JSON on standard output: any number of ``Progress``, then one ``Done`` or one ``Failed``.

    step ── Task, Order* ──> executor ──> mtv worker ── Progress* (Done | Failed) ──> step

Secrets are references in a task, never values: the worker resolves them where it runs.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec

from mtv.errors import MtvError, WorkerLost, error_class
from mtv.model.disk import NOTHING, DiskDigest, Held, TlsTrust
from mtv.model.plan import BootCheck

VERSION = 1


class SecretRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a secret is. Exactly one field is set."""

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None


class Vddk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """VMware's library for reading disks, which the user has (vSphere)."""

    library: str
    """Its directory, ``vmware-vix-disklib-distrib``."""
    every_disk: bool = False
    """All disks are read with it, and not only those that no file gives."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a source, without the secret itself."""

    name: str
    kind: str
    url: str | None = None
    path: str | None = None
    """The folder or file of a source that is not reached over a network."""
    username: str | None = None
    password: SecretRef | None = None
    tls: TlsTrust = TlsTrust()
    may: tuple[str, ...] = ()
    vddk: Vddk | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much one task may take."""

    connections: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    bytes_per_second: Annotated[int, msgspec.Meta(ge=1)] | None = None


class DiskImage(msgspec.Struct, frozen=True, kw_only=True):
    """A disk on this machine: which volume of the manifest it is, its file and its format."""

    volume: str
    path: str
    format: str
    """``raw`` or ``qcow2``; always said to the tools, so that nothing is ever probed."""


def base_format(base: Path) -> str:
    """Format of a base (see ``DiskImage``): its name says it; what stands in it never does."""
    return "qcow2" if base.suffix == ".qcow2" else "raw"


class SyncTask(msgspec.Struct, frozen=True, kw_only=True, tag="sync", tag_field="task"):
    """Copy one disk into its base."""

    vm: str
    """Id of the VM at the source."""
    disk: str
    """Key of the disk."""
    capacity_bytes: int
    source: Connection
    base: str
    held: Held = NOTHING
    """What holds the disk still."""
    limits: Limits = Limits()
    version: int = VERSION


class ConvertTask(msgspec.Struct, frozen=True, kw_only=True, tag="convert", tag_field="task"):
    """Convert a guest on overlays of its bases."""

    name: str
    manifest: dict[str, Any]
    bases: tuple[DiskImage, ...]
    directory: str
    """Where overlays and scratch files are made."""
    log: str
    timeout_seconds: int = 3600
    accel: str = "auto"
    """``auto``, ``kvm`` or ``tcg``, for the machine virt-v2v works in."""
    version: int = VERSION


class CheckTask(msgspec.Struct, frozen=True, kw_only=True, tag="check", tag_field="task"):
    """Boot a guest, check that it is up, shut it down."""

    name: str
    manifest: dict[str, Any]
    disks: tuple[DiskImage, ...]
    check: BootCheck
    console: str
    """File that gets what the guest writes on its serial console."""
    accel: str = "auto"
    """``auto``, ``kvm`` or ``tcg``."""
    version: int = VERSION


class VerifyTask(msgspec.Struct, frozen=True, kw_only=True, tag="verify", tag_field="task"):
    """Re-read a base from the disk itself and compare it with what the copy recorded."""

    base: str
    capacity_bytes: int
    recorded: str | None = None
    """SHA-256 of the digest list as the copy recorded it; None: whatever list there is."""
    version: int = VERSION


class VerifySourceTask(
    msgspec.Struct, frozen=True, kw_only=True, tag="verify-source", tag_field="task"
):
    """Read a disk of a VM that is off once more and compare it with what the copy recorded."""

    vm: str
    """Id of the VM at the source."""
    disk: str
    """Key of the disk."""
    capacity_bytes: int
    source: Connection
    base: str
    """Where it was copied to: the digest list lies beside it, whatever has become of it since."""
    recorded: str | None = None
    """SHA-256 of the digest list as the copy recorded it; None: whatever list there is."""
    alone: bool = False
    """Of a shared disk: all VMs that have it are off."""
    limits: Limits = Limits()
    version: int = VERSION


class ProbeTask(msgspec.Struct, frozen=True, kw_only=True, tag="probe", tag_field="task"):
    """Read parts of a running VM's disk in two ways and compare them."""

    vm: str
    """Id of the VM at the source."""
    disk: str
    """Key of the disk."""
    source: Connection
    held: Held
    limits: Limits = Limits()
    version: int = VERSION


Task = SyncTask | ConvertTask | CheckTask | VerifyTask | VerifySourceTask | ProbeTask


class SyncResult(msgspec.Struct, frozen=True, kw_only=True, tag="sync", tag_field="result"):
    """What a copy did. ``source`` and ``target`` are equal, or there is no result."""

    source: DiskDigest
    target: DiskDigest
    fetched_bytes: int
    """Read from the source in this run."""
    written_bytes: int
    """Written to the base in this run; zeros are left as holes."""
    kept_bytes: int
    """Already there from an earlier run."""
    data_bytes: int
    """Bytes of the grains that are not all zero."""
    retries: int
    seconds: float
    point: str | None = None
    """The source's name of the content that was copied; what changes later is told since it."""
    compared_whole: bool = False
    """There was a copy, and nobody could tell what changed since: all of the disk was read."""
    read_whole: bool = False
    """All that the disk holds was read, however much had changed: it was compared, or exported."""
    damaged_bytes: int = 0
    """Of the copy that was there, what no longer held what had been copied: copied again."""


class ConvertResult(msgspec.Struct, frozen=True, kw_only=True, tag="convert", tag_field="result"):
    """Overlays that hold the converted guest."""

    overlays: tuple[DiskImage, ...]
    tool: str
    """``virt-v2v-in-place 2.2.0``."""
    warnings: tuple[str, ...]
    seconds: float


class CheckResult(msgspec.Struct, frozen=True, kw_only=True, tag="check", tag_field="result"):
    """A boot that passed its check."""

    accel: str
    up_after_seconds: float
    console_tail: str
    caveats: tuple[str, ...]
    """Manifest fields that this launcher does not honour, each as a sentence."""
    stopped: str
    """How it ended: ``by itself``, ``by ACPI`` or ``destroyed``."""
    weak: bool
    """True when nothing but "it runs" was checked."""
    seconds: float


class VerifyResult(msgspec.Struct, frozen=True, kw_only=True, tag="verify", tag_field="result"):
    """A base that still holds what the copy recorded."""

    digest: DiskDigest
    read_bytes: int
    """Read from the disk itself; the rest of the base is holes, of which its file system knows."""
    seconds: float


class VerifySourceResult(
    msgspec.Struct, frozen=True, kw_only=True, tag="verify-source", tag_field="result"
):
    """A disk at the source that still is what was copied of it."""

    digest: DiskDigest
    read_bytes: int
    """Read from the source."""
    told_zero_bytes: int
    """Not read: the image's own tables hold nothing there. 0 where a disk is kept plain."""
    retries: int
    seconds: float


class ProbeResult(msgspec.Struct, frozen=True, kw_only=True, tag="probe", tag_field="result"):
    """What reading in two ways came to."""

    compared_bytes: int
    """0: the disk holds nothing that could be compared."""
    differs_at: int | None
    """The first byte of the disk that is not the same both ways; None: all were."""
    refused: str = ""
    """Why the file was not given at all."""
    seconds: float


Result = SyncResult | ConvertResult | CheckResult | VerifyResult | VerifySourceResult | ProbeResult


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress", tag_field="is"):
    """How far the work is. ``total`` is None while unknown; ``unit`` is ``bytes`` or ``steps``."""

    says: str
    done: int = 0
    total: int | None = None
    unit: str = "steps"
    read_bytes: int = 0
    """Read from a source so far, as the throttle counts it."""
    opened: str = ""
    """Id of what is open at the source for it, and would stay there if the worker were killed."""


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done", tag_field="is"):
    """The last line of a worker that succeeded."""

    result: Result


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed", tag_field="is"):
    """The last line of a worker that failed: an error of ``mtv.errors`` as data."""

    error: str
    message: str
    hint: str

    def exception(self) -> MtvError:
        """The error again."""
        return error_class(self.error)(self.message, self.hint)


Line = Progress | Done | Failed


class Order(msgspec.Struct, frozen=True, kw_only=True, tag="pace", tag_field="order"):
    """What a worker is told while it works, on its standard input: how fast it may read now."""

    bytes_per_second: float | None
    """None: as fast as it goes."""


OnProgress = Callable[[Progress], None]
Cancelled = threading.Event


def encode(message: Task | Line | Order) -> bytes:
    """One line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"


def decode_task(line: bytes | str) -> Task:
    """The task of one line; raises MtvError when it is none that this version knows."""
    try:
        task: Task = msgspec.json.decode(line, type=Task)
    except msgspec.DecodeError as problem:
        raise MtvError(f"this is not a task: {problem}") from problem
    if task.version != VERSION:
        raise MtvError(f"this worker does tasks of version {VERSION}, not {task.version}")
    return task


def decode_order(line: bytes) -> Order:
    """What an orchestrator said; raises MtvError for a line that is no order."""
    try:
        return msgspec.json.decode(line, type=Order)
    except msgspec.DecodeError as problem:
        raise MtvError(f"this is not an order: {problem}") from problem


def decode_line(line: bytes | str) -> Line:
    """What a worker said; raises WorkerLost for a line that is no message."""
    try:
        message: Line = msgspec.json.decode(line, type=Line)
    except msgspec.DecodeError as problem:
        raise WorkerLost(f"a worker wrote something that is no message: {problem}") from problem
    return message
