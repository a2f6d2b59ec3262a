"""Disks that mtv refuses to read, and disks whose file it refuses and reads by an export."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim
from pyVmomi.VmomiSupport import GetVmodlType

from mtv.config import Consent
from mtv.errors import SourceError
from mtv.model.disk import Held
from mtv.sources import Source, open_source
from mtv.sources.vsphere.disks import FlatFile
from mtv.sources.vsphere.leases import ExportedDisk
from mtv.sources.vsphere.snapshots import DEVICES
from tests.real.disk_vm import MIB, DiskVm, Lab, content, leaf
from tests.sources.test_vsphere_passes import connection, lab, running

__all__ = ["lab", "running"]

SIZE = 4 * MIB
OFF = Held(id="off")
KEY = vim.encryption.CryptoKeyId(keyId="k1", providerId=vim.encryption.KeyProviderId(id="provider"))

Backing = vim.vm.device.VirtualDisk


@pytest.fixture
def source(lab: Lab, tmp_path: Path) -> Iterator[Source]:
    made = open_source(connection(lab, tmp_path, Consent.SNAPSHOTS))
    yield made
    made.close()


def changed(lab: Lab, change: Callable[[Any], Any]) -> DiskVm:
    """A VM that is off, whose disk has the backing that ``change`` makes of its own."""
    vm = lab.vm(content("refused", SIZE), running=False)
    devices = GetVmodlType("vim.vm.device.VirtualDevice[]")(leaf(vm.vm, DEVICES))
    (disk,) = [each for each in devices if each.key == 2000]
    disk.backing = change(disk.backing)
    lab.vcenter.set_properties((vm.vm, DEVICES, devices))
    return vm


def encrypted(backing: Any) -> Any:
    backing.keyId = KEY
    return backing


def multi_writer(backing: Any) -> Any:
    backing.sharing = "sharingMultiWriter"
    return backing


def raw_device(mode: str) -> Callable[[Any], Any]:
    def change(backing: Any) -> Any:
        return Backing.RawDiskMappingVer1BackingInfo(
            fileName=backing.fileName,
            datastore=backing.datastore,
            diskMode="persistent",
            compatibilityMode=mode,
            lunUuid="0200000000600000000000000000000000000000014c554e",
            deviceName="vml.1",
        )

    return change


def sesparse(backing: Any) -> Any:
    return Backing.SeSparseBackingInfo(
        fileName=backing.fileName, datastore=backing.datastore, diskMode="persistent"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (encrypted, "it is encrypted"),
        (multi_writer, "other VMs may write to it"),
        (raw_device("virtualMode"), "it is stored as rdm-virtual"),
        (raw_device("physicalMode"), "it is stored as rdm-physical"),
    ],
    ids=["encrypted", "multi-writer", "rdm-virtual", "rdm-physical"],
)
def test_what_no_reader_can_read_is_refused_with_the_reason(
    lab: Lab, source: Source, change: Callable[[Any], Any], reason: str
) -> None:
    vm = changed(lab, change)
    before = len(lab.vcenter.requests())
    with pytest.raises(SourceError, match=f" of {vm.name} can be read neither .*: {reason}"):
        source.open_disk(vm.id, "2000", OFF)
    asked = [each.path for each in lab.vcenter.requests()[before:]]
    assert not [path for path in asked if path.startswith("/folder")]
    assert not lab.disks.left().leases


def test_a_shared_disk_is_read_when_all_that_have_it_are_off(lab: Lab, source: Source) -> None:
    vm = changed(lab, multi_writer)
    disk = source.open_disk(vm.id, "2000", Held(id="off", alone=("2000",)))
    assert isinstance(disk, FlatFile)
    disk.close()


def test_an_encrypted_vm_is_refused_even_where_its_disk_is_not(lab: Lab, source: Source) -> None:
    """As every VM with a virtual TPM is: only its home is encrypted."""
    vm = lab.vm(content("home", SIZE), running=False)
    lab.vcenter.set_properties((vm.vm, "config.keyId", KEY))
    with pytest.raises(SourceError, match="neither as a file nor by an export: the VM is encr"):
        source.open_disk(vm.id, "2000", OFF)


@pytest.mark.parametrize("kind", ["vsan", "VVOL"])
def test_an_object_of_a_datastore_is_no_file(lab: Lab, source: Source, kind: str) -> None:
    vm = lab.vm(content(kind, SIZE), running=False)
    datastore = leaf(vm.vm, DEVICES)[-1].backing.datastore
    usual = leaf(datastore, "summary.type")
    lab.vcenter.set_properties((datastore, "summary.type", kind))
    try:
        disk = source.open_disk(vm.id, "2000", OFF)
        assert isinstance(disk, ExportedDisk)
        disk.close()
    finally:
        lab.vcenter.set_properties((datastore, "summary.type", usual))


def test_a_sparse_disk_of_esxi_is_no_file(lab: Lab, source: Source) -> None:
    vm = changed(lab, sesparse)
    disk = source.open_disk(vm.id, "2000", OFF)
    assert isinstance(disk, ExportedDisk)
    disk.close()
