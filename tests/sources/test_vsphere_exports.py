"""Disks that a vCenter gives by an export only: under a lease, in one stream, to the byte."""

import hashlib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyVmomi import vim

from mtv.config import Consent
from mtv.errors import ReadFailed, SourceError, Unreachable, UntrustedTls
from mtv.model.disk import NOTHING, VAGUE, Held, StreamedDisk
from mtv.sources import Source, open_source
from mtv.sources.vsphere.leases import ExportedDisk, place_of
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.wire import Data
from mtv.transfer.bases.base import GRANULE_BYTES
from tests.real.disk_vm import MIB, DiskVm, Lab, content, result, take_snapshot
from tests.real.vcenter_disks import Settings, writing
from tests.sources.test_vsphere_passes import BUSY, NEVER, Pass, connection, lab, running

__all__ = ["lab", "running"]

SIZE = 24 * MIB
MAY = (Consent.SNAPSHOTS, Consent.POWER, Consent.CHANGE_TRACKING)


@pytest.fixture
def source(lab: Lab, tmp_path: Path) -> Iterator[Source]:
    opened = open_source(connection(lab, tmp_path, *MAY))
    yield opened
    opened.close()


def theirs(vm: DiskVm) -> None:
    """Snapshots of somebody else, with writes between them."""
    take_snapshot(vm.vm, "before the patch")


def opened(source: Source, vm: DiskVm, key: int, held: Held = NOTHING) -> StreamedDisk:
    disk = source.open_disk(vm.id, str(key), held)
    assert isinstance(disk, ExportedDisk)
    return disk


def off_with_snapshots(lab: Lab) -> DiskVm:
    """Two disks with a chain of two snapshots, written to at every link."""
    vm = lab.vm(content("a", SIZE), content("b", SIZE))
    for link in range(2):
        lab.disks.write(vm.id, 2000, (3 + link) * MIB, b"x" * 4096)
        theirs(vm)
    lab.disks.write(vm.id, 2000, 4 * MIB + 512, b"y" * 512)
    lab.disks.write(vm.id, 2001, 9 * MIB, b"z" * 512)
    result(vm.vm.PowerOffVM_Task())
    return vm


def test_a_vm_that_is_off_with_snapshots_of_others(
    lab: Lab, source: Source, tmp_path: Path
) -> None:
    vm = off_with_snapshots(lab)
    passes = Pass(lab, vm, source, tmp_path)
    first = passes.whole()
    assert str(first[2000].point).endswith(VAGUE)
    assert 0 < first[2000].fetched_bytes < SIZE
    again = passes.whole()
    # Its content has no name: it is read again, and nothing is written.
    assert again[2000].fetched_bytes > 0
    assert again[2000].written_bytes == 0
    assert not lab.disks.left().leases
    clean(vm)


def clean(vm: DiskVm) -> None:
    """Somebody removes their snapshots."""
    result(vm.vm.RemoveAllSnapshots_Task())


def test_a_vm_that_runs_with_snapshots_of_others(lab: Lab, source: Source, tmp_path: Path) -> None:
    vm = lab.vm(content("c", SIZE), content("d", SIZE))
    theirs(vm)
    passes = Pass(lab, vm, source, tmp_path)
    with writing(lab.vcenter, vm.id, 2000, SIZE), writing(lab.vcenter, vm.id, 2001, 4 * MIB):
        first = passes.whole()
        second = passes.whole()
    assert first[2000].point != second[2000].point is not None
    result(vm.vm.PowerOffVM_Task())
    passes.whole()
    left = [name for owner, name in lab.disks.left().snapshots if owner == vm.name]
    assert left == ["before the patch"]
    clean(vm)
    # Now the flat file is the disk again, and the copy goes on from what it is.
    last = passes.whole()
    assert last[2000].written_bytes == 0


def test_a_pass_of_what_did_not_change_reads_no_stream(
    lab: Lab, source: Source, tmp_path: Path
) -> None:
    vm = lab.vm(content("c", SIZE))
    theirs(vm)
    passes = Pass(lab, vm, source, tmp_path, idle=True)
    first = passes.whole()[2000]
    second = passes.whole()[2000]
    assert first.point != second.point is not None
    assert second.written_bytes == 0
    # The header, to see that it is the disk; the rest is not asked for.
    assert second.fetched_bytes < first.fetched_bytes
    clean(vm)


def test_where_the_file_is_not_given_the_disk_is_exported(
    lab: Lab, source: Source, tmp_path: Path
) -> None:
    vm = lab.vm(content("e", SIZE))
    passes = Pass(lab, vm, source, tmp_path)
    plain = passes.whole()[2000]
    lab.vcenter.set_faults({"fault": "Forbidden", "path": "/folder/"})
    lab.disks.write(vm.id, 2000, 10 * MIB, b"x" * 512)
    held = passes.hold()
    opened(source, vm, 2000, held).close()
    exported = passes.copy(held, 2000)
    source.release(vm.id, held, NEVER)
    assert plain.point != exported.point is not None
    assert GRANULE_BYTES < exported.written_bytes <= BUSY + GRANULE_BYTES
    # What changed since an export is told for a file again.
    lab.vcenter.set_faults()
    lab.disks.write(vm.id, 2000, 11 * MIB, b"x" * 512)
    assert passes.whole()[2000].fetched_bytes == BUSY + MIB


def test_a_lease_of_a_killed_mtv_is_waited_for(lab: Lab, source: Source) -> None:
    vm = lab.vm(content("i", SIZE))
    theirs(vm)
    held = source.hold(vm.id, ["2000"], (), NEVER)
    lab.disks.set(Settings(lease_seconds=2))
    snapshot = vim.vm.Snapshot(held.id, lab.service._stub)
    snapshot.ExportSnapshot()
    disk = opened(source, vm, 2000, held)
    with pytest.raises(SourceError, match="is exported already"):
        disk.location()
    disk.close()
    source.release(vm.id, held, NEVER)
    clean(vm)


def test_the_lease_is_kept_alive(lab: Lab, source: Source, tmp_path: Path) -> None:
    vm = off_with_snapshots(lab)
    lab.disks.set(Settings(lease_seconds=1.2))
    disk = opened(source, vm, 2000)
    try:
        disk.location()
        time.sleep(3)
        assert vm.name in lab.disks.left().leases
    finally:
        disk.close()
    assert vm.name not in lab.disks.left().leases
    Pass(lab, vm, source, tmp_path).whole()
    clean(vm)


def test_a_lease_that_ended_is_taken_anew(lab: Lab, source: Source) -> None:
    vm = off_with_snapshots(lab)
    lab.disks.set(Settings(lease_seconds=0.5))
    # Refused once, the sign of life is not given again.
    lab.vcenter.set_faults({"fault": "InvalidRequest", "method": "HttpNfcLeaseProgress"})
    disk = opened(source, vm, 2000)
    first = disk.location()
    time.sleep(1.5)
    assert vm.name not in lab.disks.left().leases
    disk.renew()
    assert disk.location().url != first.url
    disk.close()
    lab.vcenter.set_faults()
    clean(vm)


def test_a_stream_that_is_cut_begins_anew(lab: Lab, source: Source, tmp_path: Path) -> None:
    vm = off_with_snapshots(lab)
    lab.vcenter.set_faults({"fault": "Cut", "path": "/nfc/", "bytes": 100_000, "times": 2})
    copied = Pass(lab, vm, source, tmp_path).copy(Held(id="off"), 2000)
    assert copied.retries == 2
    assert not lab.disks.left().leases
    lab.vcenter.set_faults({"fault": "Cut", "path": "/nfc/", "bytes": 100_000})
    with pytest.raises(ReadFailed, match="failed 5 times"):
        Pass(lab, vm, source, tmp_path).copy(Held(id="off"), 2000)
    assert not lab.disks.left().leases
    lab.vcenter.set_faults()
    clean(vm)


def test_an_export_that_fails_says_why(lab: Lab, source: Source) -> None:
    vm = off_with_snapshots(lab)
    lab.vcenter.set_faults({"fault": "LeaseFails", "method": "ExportVm"})
    disk = opened(source, vm, 2000)
    with pytest.raises(SourceError, match="failed at once: FileLocked"):
        disk.location()
    disk.close()
    lab.vcenter.set_faults()
    clean(vm)


def test_a_session_that_ends_takes_its_lease_with_it(
    lab: Lab, source: Source, tmp_path: Path
) -> None:
    vm = off_with_snapshots(lab)
    lab.vcenter.set_faults({"fault": "SessionExpired", "path": "/nfc/", "times": 1})
    Pass(lab, vm, source, tmp_path).whole()
    clean(vm)


@pytest.fixture
def session(lab: Lab, tmp_path: Path) -> Iterator[Session]:
    made = Session(connection(lab, tmp_path))
    yield made
    made.close()


def line(url: str, thumbprint: str = "") -> Data:
    """What a lease says of a disk."""
    made = Data("HttpNfcLeaseDeviceUrl")
    made.update(url=url, sslThumbprint=thumbprint)
    return made


def thumbprint(lab: Lab, algorithm: str = "sha1") -> str:
    der = ssl.PEM_cert_to_DER_cert(lab.vcenter.certificate.read_text())
    return hashlib.new(algorithm, der).digest().hex(":").upper()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_another_host_is_trusted_by_what_vcenter_says(
    lab: Lab, session: Session, algorithm: str
) -> None:
    url = f"https://localhost:{lab.vcenter.port}/nfc/x/disk-0.vmdk"
    found = place_of(line(url, thumbprint(lab, algorithm)), session, "disk")
    assert (found.url, found.headers) == (url, ())
    assert found.tls.fingerprint == lab.vcenter.fingerprint
    for told, says in (("AA:" * 19 + "AA", "another certificate"), ("", "does not say")):
        with pytest.raises(UntrustedTls, match=says):
            place_of(line(url, told), session, "disk")
    with pytest.raises(Unreachable, match="gives disk through it"):
        place_of(line("https://localhost:1/nfc/x", "AA"), session, "disk")


def test_vcenter_itself_is_trusted_as_ever(lab: Lab, session: Session) -> None:
    port = lab.vcenter.port
    for url in (f"https://127.0.0.1:{port}/nfc/x", "https://*/nfc/x", f"https://*:{port}/nfc/x"):
        found = place_of(line(url), session, "disk")
        assert found.url == f"https://127.0.0.1:{port}/nfc/x"
        assert found.headers == (("Cookie", session.cookie),)
        assert found.tls == session.connection.tls


def test_an_aborted_export_leaves_nothing(lab: Lab, source: Source) -> None:
    vm = off_with_snapshots(lab)
    before = lab.disks.left()
    disk = opened(source, vm, 2001)
    disk.location()
    assert lab.disks.left().beyond(before).leases == {vm.name}
    with pytest.raises(vim.fault.InvalidState):
        vm.vm.PowerOnVM_Task()
    disk.close()
    disk.close()
    assert not lab.disks.left().beyond(before)
    clean(vm)


def test_an_independent_disk_of_a_running_vm_is_refused(lab: Lab, source: Source) -> None:
    modes = ("persistent", "independent_persistent")
    vm = lab.vm(content("g", SIZE), content("h", SIZE), modes=modes)
    theirs(vm)
    held = source.hold(vm.id, ["2001"], (), NEVER)
    try:
        with pytest.raises(SourceError, match="independent"):
            source.open_disk(vm.id, "2001", held)
    finally:
        source.release(vm.id, held, NEVER)
        clean(vm)
