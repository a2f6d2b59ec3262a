"""What a vCenter may do to a copy: cut it, give other bytes, end the login, lose what is read."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from pyVmomi import vim
from pyVmomi.VmomiSupport import GetVmodlType

from mtv.config import Consent
from mtv.errors import ReadFailed, SizeChanged, SourceError
from mtv.model.disk import Held
from mtv.sources import Source, open_source
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.snapshots import DEVICES
from mtv.tasks import Limits, Progress
from mtv.transfer.copy import copy_disk
from mtv.transfer.records.digests import recorded_digest
from tests.real.disk_vm import MIB, DiskVm, Lab, content, leaf, result
from tests.real.vcenter_disks import Settings
from tests.sources.rhv_data import eventually
from tests.sources.test_vsphere_exports import clean, off_with_snapshots, opened
from tests.sources.test_vsphere_passes import NEVER, Pass, connection, lab, running
from tests.transfer.disks import NO_PAUSES

__all__ = ["lab", "running"]

SIZE = 24 * MIB
MAY = (Consent.SNAPSHOTS, Consent.POWER)


@pytest.fixture
def source(lab: Lab, tmp_path: Path) -> Iterator[Source]:
    made = open_source(connection(lab, tmp_path, *MAY))
    yield made
    made.close()


def full(size: int = 32 * MIB) -> bytes:
    """A disk without a hole."""
    return Random("full").randbytes(size)


def off(lab: Lab, *contents: bytes) -> DiskVm:
    return lab.vm(*(contents or (content("o", SIZE),)), running=False)


OFF = Held(id="off")


def test_a_hundred_cuts_in_one_copy(lab: Lab, source: Source, tmp_path: Path) -> None:
    vm = off(lab, full())
    cut = {"fault": "Cut", "path": "/folder/", "bytes": 300_000, "times": 100}
    lab.vcenter.set_faults(cut)
    copied = Pass(lab, vm, source, tmp_path).copy(OFF, 2000)
    assert lab.vcenter.faults()[0]["struck"] == 100
    assert copied.retries >= 80  # some strike requests that are shorter than that


@pytest.mark.parametrize("fault", ["ShortRange", "LongRange", "WrongRange"])
def test_other_ranges_than_were_asked_for(
    lab: Lab, source: Source, tmp_path: Path, fault: str
) -> None:
    vm = off(lab)
    copies = Pass(lab, vm, source, tmp_path)
    lab.vcenter.set_faults({"fault": fault, "path": "/folder/", "after": 2, "times": 4})
    assert copies.copy(OFF, 2000).retries in (3, 4)  # one byte cannot be given short
    copies.base(2000).unlink()
    lab.vcenter.set_faults({"fault": fault, "path": "/folder/", "after": 2})
    with pytest.raises(ReadFailed, match="gives other bytes than were asked for"):
        copies.copy(OFF, 2000)
    lab.vcenter.set_faults()
    copies.copy(OFF, 2000)


def test_a_vcenter_that_gives_no_ranges_is_refused(
    lab: Lab, source: Source, tmp_path: Path
) -> None:
    vm = off(lab)
    lab.vcenter.set_faults({"fault": "NoRange", "path": "/folder/", "after": 2})
    with pytest.raises(ReadFailed, match="range requests"):
        Pass(lab, vm, source, tmp_path).copy(OFF, 2000)


def test_a_login_that_ends_in_the_middle_is_renewed(
    lab: Lab, source: Source, tmp_path: Path
) -> None:
    vm = off(lab, full(12 * MIB))
    lab.vcenter.set_faults(
        {"fault": "Cut", "path": "/folder/", "bytes": 2 * MIB, "after": 2, "times": 3},
        {"fault": "SessionExpired", "path": "/folder/", "after": 3, "times": 2},
    )
    Pass(lab, vm, source, tmp_path).copy(OFF, 2000)
    assert [each["struck"] for each in lab.vcenter.faults()] == [3, 2]


def test_a_disk_that_grew_between_two_passes(lab: Lab, source: Source, tmp_path: Path) -> None:
    """Its claim has to grow first; the copy is left as it was."""
    vm = lab.vm(content("g", SIZE))
    passes = Pass(lab, vm, source, tmp_path)
    passes.whole()
    before = passes.base(2000).read_bytes()
    lab.disks.grow(vm.id, 2000, MIB)
    held = passes.hold()
    try:
        with pytest.raises(
            SizeChanged, match=f"{SIZE + MIB} bytes .* the plan says {SIZE}"
        ) as told:
            planned(source, vm, held, passes.base(2000))
    finally:
        source.release(vm.id, held, NEVER)
    assert "mtv collect" in told.value.hint
    assert passes.base(2000).read_bytes() == before


def planned(
    source: Source,
    vm: DiskVm,
    held: Held,
    base: Path,
    on_progress: Callable[[Progress], None] = lambda _: None,
    limits: Limits | None = None,
) -> None:
    """A copy of the disk with the size that it had when it was planned."""
    with contextlib.closing(source.open_disk(vm.id, "2000", held)) as disk:
        copy_disk(
            disk,
            base,
            SIZE,
            limits=limits or Limits(),
            on_progress=on_progress,
            cancelled=threading.Event(),
            patience=NO_PAUSES,
        )


@pytest.mark.parametrize("tracked", [True, False])
def test_a_snapshot_that_vanishes_while_it_is_read(
    lab: Lab, source: Source, tmp_path: Path, tracked: bool
) -> None:
    """Its file is merged into later: neither what it gives nor its time shows anything yet."""
    vm = lab.vm(full(SIZE), tracked=tracked)
    passes = Pass(lab, vm, source, tmp_path)
    lab.disks.set(Settings(merge_seconds=3, locked_status=200))
    held = passes.hold()
    lab.disks.write(vm.id, 2000, 20 * MIB, b"later" * 1024)
    gone = list[str]()

    def lose(progress: Progress) -> None:
        if progress.says == "reading the source" and not gone:
            gone.append(held.id)
            lab.disks.vanish(held.id)

    with pytest.raises(SourceError, match="somebody removed the snapshot") as told:
        planned(source, vm, held, passes.base(2000), lose)
    assert gone
    assert "read again" in told.value.hint
    assert recorded_digest(passes.base(2000)) is None
    source.release(vm.id, held, NEVER)
    eventually(lambda: not lab.disks.left().merging)
    passes.whole()


def test_a_vm_that_is_started_while_its_disk_is_read(
    lab: Lab, source: Source, tmp_path: Path
) -> None:
    vm = off(lab, full(SIZE))
    base = tmp_path / "base.raw"
    started = list[str]()

    def start(progress: Progress) -> None:
        if progress.done >= SIZE and not started:
            started.append(vm.id)
            result(vm.vm.PowerOnVM_Task())

    with pytest.raises((SourceError, ReadFailed)):
        planned(source, vm, OFF, base, start)
    assert started
    assert recorded_digest(base) is None
    result(vm.vm.PowerOffVM_Task())
    Pass(lab, vm, source, tmp_path).whole()


def test_a_path_that_leads_out_of_its_datastore_is_refused(lab: Lab, source: Source) -> None:
    """What a vCenter says is no address to be followed anywhere."""
    vm = off(lab)
    devices = GetVmodlType("vim.vm.device.VirtualDevice[]")(leaf(vm.vm, DEVICES))
    (device,) = [each for each in devices if each.key == 2000]
    for path in ("[vmfs] ../secret.vmdk", "[vmfs] a/../../b.vmdk", "[vmfs] /etc/b.vmdk"):
        device.backing.fileName = path
        lab.vcenter.set_properties((vm.vm, DEVICES, devices))
        with pytest.raises(SourceError, match="a path that is no VMDK's"):
            source.open_disk(vm.id, "2000")
    assert not [each for each in lab.vcenter.requests() if "secret" in each.path]


def test_the_lease_of_a_killed_worker_goes_with_its_time(
    lab: Lab, source: Source, tmp_path: Path
) -> None:
    """It is its session's own: another login is refused to end it, and that is no error."""
    vm = off_with_snapshots(lab)
    lab.disks.set(Settings(lease_seconds=4))
    lost = Session(connection(lab, tmp_path))
    lease = str(lost.object(vim.VirtualMachine, vm.id).ExportVm()._moId)
    source.give_up(lease)
    with contextlib.closing(opened(source, vm, 2000)) as disk:
        with pytest.raises(SourceError, match="is exported already") as told:
            disk.location()
        assert "ends by itself" in told.value.hint
    eventually(lambda: vm.name not in lab.disks.left().leases)
    source.give_up(lease)
    lab.reset()
    Pass(lab, vm, source, tmp_path).whole()
    lost.close()
    clean(vm)
