"""The test vCenter's disks from behind: what guests write, what a disk holds, what is left.

VMs and snapshots are named by their managed object ids (`vm-21`), disks by their device keys.
"""

import contextlib
import dataclasses
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.real.vcenter import VCenter

SECTOR = 512
GRANULE = 64 << 10
OFF = "the VM does not run"  # why a guest cannot write


@dataclass(frozen=True)
class Settings:
    """How the disks behave; simulator/disk_settings.go says more.

    `snapshot_seconds`: how long a snapshot takes, `merge_seconds`: how long its removal.
    `areas_per_answer`: at most so many in an answer of QueryChangedDiskAreas. `track_from_create`:
    change tracking that was asked for begins when a snapshot is created, not only when the last
    one is removed. `revert_keeps_tracking`: a revert to a snapshot leaves no sign in change ids,
    nor in the areas that are told. `lease_seconds`: a lease ends after them without progress.
    `folder_is_live`: /folder gives other bytes of a disk than a snapshot froze, `folder_live_from`:
    only from that reading of the same bytes on. `locked_status`: what /folder answers for a file
    that is being written to; 200 reads it all the same.
    """

    snapshot_seconds: float = 0.0
    merge_seconds: float = 0.0
    areas_per_answer: int = 2000
    track_from_create: bool = False
    revert_keeps_tracking: bool = False
    lease_seconds: float = 300.0
    lease_initialisation_seconds: float = 0.05
    folder_is_live: bool = False
    folder_live_from: int = 1
    locked_status: int = 500


@dataclass(frozen=True)
class Left:
    """What the vCenter holds: names of VMs, or of VM and what it has.

    `snapshots`: (VM, name). `redo_logs`: datastore paths, `unmerged`: of those that lie on nothing
    that a snapshot froze. `tracked`: (VM, disk key) with a change id. `change_tracking`: VMs whose
    configuration asks for it. `sessions`: keys.
    """

    snapshots: frozenset[tuple[str, str]]
    redo_logs: frozenset[str]
    unmerged: frozenset[str]
    consolidation_needed: frozenset[str]
    change_tracking: frozenset[str]
    tracked: frozenset[tuple[str, int]]
    leases: frozenset[str]
    sessions: frozenset[str]
    merging: frozenset[str]

    def beyond(self, before: "Left") -> "Left":
        """What is there and was not before."""
        names = [field.name for field in dataclasses.fields(self)]
        return Left(**{name: getattr(self, name) - getattr(before, name) for name in names})

    def of_mtv(self) -> dict[str, frozenset[Any]]:
        """What mtv has to have given back, by sort; sessions and change tracking may stay.

        Who is killed does not log out, and a vCenter ends its session by itself. A redo log goes
        with the snapshot that froze what is below it, whoever made that; if there is none any more,
        it is that of one which was not merged.
        """
        held = {
            "snapshots": frozenset(one for one in self.snapshots if one[1] == "mtv"),
            "consolidation_needed": self.consolidation_needed,
            "leases": self.leases,
            "merging": self.merging,
            "unmerged": self.unmerged,
        }
        return {sort: found for sort, found in held.items() if found}

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in dataclasses.fields(self))


class Disks:
    """The disks of one vCenter. Keeps a connection open: one object a thread, to be closed."""

    def __init__(self, vcenter: VCenter) -> None:
        self._vcenter = vcenter
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", vcenter.port, context=vcenter.tls(), timeout=60
        )

    def close(self) -> None:
        self._connection.close()

    def write(self, vm: str, key: int, offset: int, data: bytes) -> None:
        """Write as the running guest, whole sectors of 512 bytes; RuntimeError when it is off."""
        self._ask("POST", f"/mtv/disks/{vm}/{key}?offset={offset}", data)

    def read(
        self,
        vm: str,
        key: int,
        offset: int = 0,
        length: int | None = None,
        *,
        snapshot: str | None = None,
    ) -> bytes:
        """What the disk holds now, or held when the snapshot (its id) was taken."""
        asked: dict[str, Any] = {"offset": offset}
        if length is not None:
            asked["length"] = length
        if snapshot is not None:
            asked["snapshot"] = snapshot
        return self._ask("GET", f"/mtv/disks/{vm}/{key}?{urlencode(asked)}")

    def reset_tracking(self, vm: str, key: int) -> None:
        """Begin the tracking of the disk's changes anew: its change ids have another UUID."""
        self._ask("POST", f"/mtv/disks/{vm}/{key}/reset")

    def grow(self, vm: str, key: int, by: int) -> None:
        """Make the disk larger, in bytes; RuntimeError while it has snapshots."""
        self._ask("POST", f"/mtv/disks/{vm}/{key}/grow?bytes={by}")

    def move(self, vm: str, key: int, datastore: str) -> None:
        """Take the disk to another datastore; RuntimeError while it has snapshots."""
        self._ask("POST", f"/mtv/disks/{vm}/{key}/move?to={datastore}")

    def vanish(self, snapshot: str) -> None:
        """Remove a snapshot as somebody else would; that takes its time (`merge_seconds`)."""
        self._ask("POST", f"/mtv/snapshots/{snapshot}/vanish")

    def set(self, settings: Settings) -> None:
        """Replace all settings."""
        self._ask("PUT", "/mtv/disk-settings", json.dumps(dataclasses.asdict(settings)).encode())

    def left(self) -> Left:
        """What the vCenter holds now. The caller's own session is in it."""
        state = json.loads(self._ask("GET", "/mtv/state"))

        def each(name: str) -> list[Any]:
            return state[name] or []

        return Left(
            snapshots=frozenset((one["vm"], one["name"]) for one in each("snapshots")),
            redo_logs=frozenset(each("redo_logs")),
            unmerged=frozenset(each("unmerged")),
            consolidation_needed=frozenset(each("consolidation_needed")),
            change_tracking=frozenset(each("change_tracking")),
            tracked=frozenset((one["vm"], one["key"]) for one in each("tracked")),
            leases=frozenset(one["vm"] for one in each("leases")),
            sessions=frozenset(one["key"] for one in each("sessions")),
            merging=frozenset(each("merging")),
        )

    def _ask(self, verb: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": self._vcenter.authorization()}
        self._connection.request(verb, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text.decode().strip()}")
        return text


@contextlib.contextmanager
def disks_of(vcenter: VCenter) -> Iterator[Disks]:
    """The disks of a vCenter until the block ends."""
    disks = Disks(vcenter)
    try:
        yield disks
    finally:
        disks.close()


def nothing_of_mtv_is_left(vcenter: VCenter, seconds: float = 20.0) -> None:
    """AssertionError with what a vCenter still holds of mtv's, by its own state, after a while."""
    deadline = time.monotonic() + seconds
    with disks_of(vcenter) as disks:
        while (found := disks.left().of_mtv()) and time.monotonic() < deadline:
            time.sleep(0.2)
    assert not found, found


@dataclass
class Written:
    """How often a guest wrote so far, and how that ended: its VM `went_off`, or with an error."""

    count: int = 0
    went_off: bool = False
    error: Exception | None = None


@contextlib.contextmanager
def writing(
    vcenter: VCenter,
    vm: str,
    key: int,
    end: int,
    *,
    start: int = 0,
    seed: str = "",
    pause: float = 0.0,
) -> Iterator[Written]:
    """A guest that writes noise here and there on a disk until the block ends.

    It writes between `start` and `end` only, bytes (whole sectors): what it boots from may be kept.

    A write is 1 to 32 sectors; `pause` seconds lie between two. The guest stops with its VM. The
    block's end raises what else went wrong with a write.
    """
    written, stop = Written(), threading.Event()

    def run() -> None:
        chance = random.Random(f"{seed} {vm} {key}")
        try:
            with disks_of(vcenter) as disks:
                while not stop.wait(pause) if pause else not stop.is_set():
                    sectors = min(chance.randint(1, 32), (end - start) // SECTOR)
                    first = chance.randint(start // SECTOR, end // SECTOR - sectors)
                    data = chance.randbytes(sectors * SECTOR)
                    disks.write(vm, key, first * SECTOR, data)
                    written.count += 1
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            if OFF in str(error):
                written.went_off = True
            else:
                written.error = error

    thread = threading.Thread(target=run, name=f"guest of {vm}", daemon=True)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join(60)
    if written.error is not None:
        raise written.error
