"""What the test vCenter gives out of disks: leases with VMDKs, files under /folder, and faults."""

import contextlib
import hashlib
import http.client
import re
import ssl
import struct
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import vim, vmodl

from tests.real.disk_vm import (
    SIZE,
    DiskVm,
    Lab,
    changed_areas,
    content,
    disk_devices,
    leaf,
    result,
    settled,
    start_lab,
    take_snapshot,
)
from tests.real.parts import PartMissing, require
from tests.real.small_estate import connected
from tests.real.vcenter import vcsim_program
from tests.real.vcenter_disks import GRANULE, SECTOR, Settings, writing

MIB = 1 << 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    try:
        vcsim_program()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
    with start_lab(tmp_path_factory.mktemp("vcenter")) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.reset()
    return running


def ready(lease: Any) -> Any:
    """Wait until a lease is ready; its information."""
    while (state := leaf(lease, "state")) == "initializing":
        time.sleep(0.01)
    assert state == "ready"
    return leaf(lease, "info")


@contextlib.contextmanager
def opened(
    lab: Lab, url: str, verb: str = "GET", headers: dict[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", lab.vcenter.port, context=lab.vcenter.tls(), timeout=30
    )
    with contextlib.closing(connection):
        connection.request(verb, f"{parts.path}?{parts.query}", headers=headers or {})
        yield connection.getresponse()


def fetched(lab: Lab, url: str) -> bytes:
    with opened(lab, url) as answer:
        assert answer.status == 200
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert answer.headers["Accept-Ranges"] is None
        return answer.read()


def unpacked(stream: bytes, directory: Path) -> bytes:
    """The disk of a streamOptimized VMDK, by qemu-img, which also has to find it in order."""
    packed, raw = directory / "disk.vmdk", directory / "disk.raw"
    packed.write_bytes(stream)
    told = subprocess.run(["qemu-img", "info", str(packed)], check=True, capture_output=True)
    assert b"create type: streamOptimized" in told.stdout
    argv = ["qemu-img", "convert", "-f", "vmdk", "-O", "raw", str(packed), str(raw)]
    subprocess.run(argv, check=True, capture_output=True)
    subprocess.run(["qemu-img", "check", str(packed)], check=True, capture_output=True)
    return raw.read_bytes()


def walked(stream: bytes) -> bytes:
    """The disk as a reader of the stream finds it, marker by marker, without going back."""
    capacity, grain = struct.unpack_from("<QQ", stream, 12)
    disk = bytearray(capacity * SECTOR)
    at, kinds, last = struct.unpack_from("<Q", stream, 64)[0] * SECTOR, [], -1
    while True:
        value, size, kind = struct.unpack_from("<QII", stream, at)
        if size:
            assert value > last  # in the order of the disk
            last = value
            data = zlib.decompress(stream[at + 12 : at + 12 + size])
            assert len(data) == grain * SECTOR
            room = disk[value * SECTOR : value * SECTOR + len(data)]
            disk[value * SECTOR : value * SECTOR + len(data)] = data[: len(room)]
            at += -(-(12 + size) // SECTOR) * SECTOR
            continue
        kinds.append(kind)
        at += SECTOR + value * SECTOR
        if kind == 0:
            break
    assert at == len(stream)
    assert kinds[-3:] == [2, 3, 0]  # directory, footer, end
    assert set(kinds[:-3]) <= {1}  # tables
    return bytes(disk)


def folder(
    lab: Lab, name: str, verb: str = "GET", login: bool = True, **headers: str
) -> tuple[int, bytes, Any]:
    """What /folder answers about a file of the datastore: status, body, headers."""
    url = f"https://x/folder/{name}?{urlencode({'dcPath': 'DC0', 'dsName': 'vmfs'})}"
    if login:
        headers["Cookie"] = str(lab.service._stub.cookie).partition(";")[0]
    with opened(lab, url, verb, headers) as answer:
        return answer.status, answer.read(), answer.headers


def flat(vm: DiskVm) -> str:
    return f"{vm.name}/{vm.name}-flat.vmdk"


def test_export_of_a_vm_that_is_off_is_its_disks(lab: Lab, tmp_path: Path) -> None:
    parts = (content("a"), bytes(2 * MIB), content("c", 35 * MIB + 1024))
    vm = lab.vm(*parts, running=False)
    lease = vm.vm.ExportVm()
    info = ready(lease)
    assert info.entity._moId == vm.id
    assert info.totalDiskCapacityInKB == sum(len(part) for part in parts) // 1024
    assert [url.targetId for url in info.deviceUrl] == [f"disk-{n}.vmdk" for n in range(3)]
    assert info.deviceUrl[2].key == f"/{vm.id}/ParaVirtualSCSIController0:2"
    der = ssl.PEM_cert_to_DER_cert(lab.vcenter.certificate.read_text())
    thumbprint = hashlib.sha1(der).hexdigest().upper()  # noqa: S324
    assert info.deviceUrl[0].sslThumbprint.replace(":", "") == thumbprint
    streams = [fetched(lab, url.url) for url in info.deviceUrl]
    for part, stream in zip(parts, streams, strict=True):
        assert unpacked(stream, tmp_path) == part == walked(stream)
    assert len(streams[1]) < GRANULE * 2  # nothing but zeros
    manifest = lease.HttpNfcLeaseGetManifest()
    assert [entry.size for entry in manifest] == [len(stream) for stream in streams]
    assert [entry.sha1 for entry in manifest] == [
        hashlib.sha1(stream).hexdigest()  # noqa: S324
        for stream in streams
    ]
    assert [entry.capacity for entry in manifest] == [len(part) for part in parts]
    lease.HttpNfcLeaseComplete()
    with opened(lab, info.deviceUrl[0].url) as answer:
        assert answer.status == 404
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        leaf(lease, "state")


def test_export_of_a_snapshot_is_its_moment_while_the_guest_writes(
    lab: Lab, tmp_path: Path
) -> None:
    vm = lab.vm()
    with writing(lab.vcenter, vm.id, 2000, SIZE):
        take_snapshot(vm.vm, "first")
        time.sleep(0.1)
        snapshot = take_snapshot(vm.vm, "second")
        lease = snapshot.ExportSnapshot()
        stream = fetched(lab, ready(lease).deviceUrl[0].url)
        with pytest.raises(vim.fault.InvalidState):
            snapshot.RemoveSnapshot_Task(removeChildren=False)
        lease.HttpNfcLeaseComplete()
        held = lab.disk(vm, snapshot)
    assert unpacked(stream, tmp_path) == held != lab.disk(vm)


def test_a_lease_keeps_the_vm_off_and_a_running_vm_gets_none(lab: Lab) -> None:
    vm = lab.vm(running=False)
    lease = vm.vm.ExportVm()
    ready(lease)
    assert lab.disks.left().leases == {vm.name}
    for call in (vm.vm.PowerOnVM_Task, vm.vm.ExportVm, vm.vm.Destroy_Task):
        with pytest.raises(vim.fault.InvalidState):
            call()
    lease.HttpNfcLeaseAbort()
    assert lab.disks.left().leases == frozenset()
    result(vm.vm.PowerOnVM_Task())
    with pytest.raises(vim.fault.InvalidPowerState):
        vm.vm.ExportVm()


def test_only_the_right_token_gets_a_disk_and_the_session_has_to_live(lab: Lab) -> None:
    vm = lab.vm(running=False)
    with connected(lab.vcenter) as service:
        theirs = vim.VirtualMachine(vm.id, service._stub)
        url = ready(theirs.ExportVm()).deviceUrl[0].url
        assert re.fullmatch(r"https://127\.0\.0\.1:\d+/nfc/[0-9a-f-]{36}/disk-0\.vmdk", url)
        with opened(lab, url) as answer:
            assert answer.status == 200
        with opened(lab, re.sub("/nfc/.", "/nfc/x", url)) as answer:
            assert answer.status == 404
        with opened(lab, url, "HEAD") as answer:
            assert answer.status == 405
        assert lab.disks.left().leases == {vm.name}
    assert lab.disks.left().leases == frozenset()
    with opened(lab, url) as answer:
        assert answer.status == 404


def test_a_lease_without_progress_ends_and_cuts_the_connection(lab: Lab) -> None:
    vm = lab.vm(content("x") * 16, running=False)
    lab.disks.set(Settings(lease_seconds=0.5))
    lease = vm.vm.ExportVm()
    url = ready(lease).deviceUrl[0].url
    for percent in range(5):  # longer than the lease, but alive
        time.sleep(0.2)
        lease.HttpNfcLeaseProgress(percent)
    with opened(lab, url) as answer:
        answer.read(1)
        time.sleep(1)
        with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
            answer.read()
    assert leaf(lease, "state") == "error"
    assert isinstance(leaf(lease, "error"), vim.fault.Timedout)
    for call in (lambda: lease.HttpNfcLeaseProgress(50), lease.HttpNfcLeaseComplete):
        with pytest.raises(vim.fault.Timedout):
            call()
    result(vm.vm.PowerOnVM_Task())


def test_folder_gives_frozen_files_but_none_that_are_written_to(lab: Lab) -> None:
    vm = lab.vm()
    for verb in ("GET", "HEAD"):
        assert folder(lab, flat(vm), verb)[0] == 500
        assert folder(lab, flat(vm), verb, login=False)[0] == 401
    snapshot = take_snapshot(vm.vm)
    delta = flat(vm).replace("-flat", "-000001-delta")
    with writing(lab.vcenter, vm.id, 2000, SIZE):
        status, body, _ = folder(lab, flat(vm))
        assert (status, body) == (200, lab.disk(vm, snapshot))
        assert folder(lab, delta)[0] == 500
    status, body, headers = folder(lab, flat(vm), Range="bytes=512-1023")
    assert (status, body) == (206, lab.disk(vm, snapshot)[512:1024])
    assert headers["Content-Range"] == f"bytes 512-1023/{SIZE}"
    status, body, headers = folder(lab, flat(vm), "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(SIZE))
    assert folder(lab, flat(vm), Range=f"bytes={SIZE}-")[0] == 416

    lab.disks.set(Settings(locked_status=404))
    assert folder(lab, delta)[0] == 404
    lab.disks.set(Settings(locked_status=200))
    assert folder(lab, delta)[1].startswith(b"COWD")
    lab.disks.set(Settings(merge_seconds=1))
    task = snapshot.RemoveSnapshot_Task(removeChildren=False)
    assert folder(lab, flat(vm))[0] == 500
    result(task)
    result(vm.vm.PowerOffVM_Task())
    assert folder(lab, flat(vm))[1] == lab.disk(vm)


def test_ranges_go_wrong_on_demand(lab: Lab) -> None:
    vm = lab.vm(running=False)
    disk = lab.disk(vm)
    for fault, first, last in (
        ("ShortRange", 1024, 2046),
        ("LongRange", 1024, 2048),
        ("WrongRange", 1536, 2559),
    ):
        lab.vcenter.set_faults({"fault": fault, "path": "/folder/", "times": 1})
        status, body, headers = folder(lab, flat(vm), Range="bytes=1024-2047")
        assert (status, body) == (206, disk[first : last + 1])
        assert headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
        assert folder(lab, flat(vm), Range="bytes=1024-2047")[1] == disk[1024:2048]
    lab.vcenter.set_faults({"fault": "NoRange", "path": "/folder/"})
    assert folder(lab, flat(vm), Range="bytes=1024-2047")[:2] == (200, disk)
    lab.vcenter.set_faults({"fault": "Unavailable", "path": "/folder/", "after": 1, "times": 1})
    assert [folder(lab, flat(vm))[0] for _ in range(3)] == [200, 503, 200]


def test_connections_are_cut_on_demand(lab: Lab) -> None:
    vm = lab.vm(running=False)
    lab.vcenter.set_faults({"fault": "Cut", "path": "/folder/", "bytes": 100_000, "times": 2})
    for _ in range(2):
        with pytest.raises(http.client.IncompleteRead) as raised:
            folder(lab, flat(vm))
        assert raised.value.partial == lab.disk(vm)[:100_000]
    assert folder(lab, flat(vm))[1] == lab.disk(vm)
    assert lab.vcenter.faults()[0]["struck"] == 2
    assert [each.bytes for each in lab.vcenter.requests() if each.path.startswith("/folder")][
        -3:
    ] == [100_000, 100_000, SIZE]

    lab.vcenter.set_faults({"fault": "Cut", "path": "/nfc/", "bytes": 100_000})
    lease = vm.vm.ExportVm()
    with (
        opened(lab, ready(lease).deviceUrl[0].url) as answer,
        pytest.raises(http.client.IncompleteRead),
    ):
        answer.read()
    lease.HttpNfcLeaseAbort()


def test_a_session_expires_on_demand(lab: Lab) -> None:
    vm = lab.vm(running=False)
    with connected(lab.vcenter) as service:
        theirs = Lab(lab.vcenter, service, lab.disks)
        rule = {"fault": "SessionExpired", "path": "/folder/", "after": 2, "times": 1}
        lab.vcenter.set_faults(rule)
        statuses = [folder(theirs, flat(vm))[0] for _ in range(4)]
        assert statuses == [200, 200, 401, 401]
        with pytest.raises(vim.fault.NotAuthenticated):
            service.CurrentTime()
    assert folder(lab, flat(vm))[0] == 200


def test_tasks_fail_on_demand(lab: Lab) -> None:
    vm = lab.vm()
    lab.vcenter.set_faults(
        {
            "fault": "TaskFails",
            "method": "CreateSnapshot_Task",
            "error": "ApplicationQuiesceFault",
            "times": 1,
        },
    )
    task = vm.vm.CreateSnapshot_Task(name="s", description="", memory=False, quiesce=True)
    state, fault = settled(task)
    assert state == "error"
    assert isinstance(fault, vim.fault.ApplicationQuiesceFault)
    assert not [each for each in lab.disks.left().snapshots if each[0] == vm.name]

    snapshot = take_snapshot(vm.vm)
    lab.vcenter.set_faults(
        {"fault": "TaskFails", "method": "RemoveSnapshot_Task", "times": 1},
        {
            "fault": "MergeFails",
            "method": "RemoveSnapshot_Task",
            "object": f"VirtualMachine={vm.name}",
        },
    )
    state, fault = settled(snapshot.RemoveSnapshot_Task(removeChildren=False))
    assert (state, type(fault)) == ("error", vim.fault.SnapshotFault)
    assert disk_devices(snapshot)
    lab.disks.write(vm.id, 2000, 0, b"x" * SECTOR)
    live = lab.disk(vm)
    state, fault = settled(snapshot.RemoveSnapshot_Task(removeChildren=False))
    assert (state, type(fault)) == ("error", vim.fault.FileLocked)
    assert leaf(vm.vm, "runtime.consolidationNeeded") is True
    assert leaf(vm.vm, "snapshot.rootSnapshotList") is None
    assert lab.disk(vm) == live
    result(vm.vm.ConsolidateVMDisks_Task())
    assert leaf(vm.vm, "runtime.consolidationNeeded") is False
    assert vm.flat_files[2000].read_bytes() == live


def test_snapshots_vanish_on_demand(lab: Lab) -> None:
    vm = lab.vm()
    snapshot = take_snapshot(vm.vm)
    lab.disks.vanish(snapshot._moId)
    while lab.disks.left().merging:
        time.sleep(0.01)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        snapshot.RemoveSnapshot_Task(removeChildren=False)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        disk_devices(snapshot)
    assert disk_devices(vm.vm)[0].backing.parent is None


@pytest.mark.parametrize("fault", ["Gap", "NoProgress"])
def test_changed_areas_have_gaps_on_demand(lab: Lab, fault: str) -> None:
    vm = lab.vm()
    snapshot = take_snapshot(vm.vm)
    rule = {"fault": fault, "method": "QueryChangedDiskAreas", "times": 1}
    lab.vcenter.set_faults(rule)
    with pytest.raises(RuntimeError, match="asked from 0"):
        changed_areas(vm.vm, snapshot, 2000, "*")
    assert changed_areas(vm.vm, snapshot, 2000, "*")


def test_leases_fail_on_demand(lab: Lab) -> None:
    vm = lab.vm(running=False)
    lab.vcenter.set_faults({"fault": "LeaseFails", "method": "ExportVm", "times": 1})
    lease = vm.vm.ExportVm()
    while leaf(lease, "state") == "initializing":
        time.sleep(0.01)
    assert leaf(lease, "state") == "error"
    assert isinstance(leaf(lease, "error"), vim.fault.FileLocked)
    assert lab.disks.left().leases == frozenset()
    ready(again := vm.vm.ExportVm())
    again.HttpNfcLeaseAbort()
