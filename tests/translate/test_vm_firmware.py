"""Firmware and identity: bootloader, secure boot, TPM, UUID, serial number."""

import re
from typing import Any

import pytest

from mtv.model.concern import Category
from mtv.model.target import StorageClass
from mtv.model.vm import Firmware
from tests.estates import plain_target, translated_inventory
from tests.real.schemas import require_schemas
from tests.translate.vm_estates import (
    RELEASES,
    bare_vm,
    domain,
    found,
    of,
    one,
    reported,
    rhv,
    said,
    vsphere,
)

require_schemas()

EFI = {"firmware": Firmware.EFI}
UUID = "4215a3c0-1111-2222-3333-444455556666"


def test_vm_uuid_and_vmwares_serial_number_stay() -> None:
    assert domain(vsphere(bare_vm()))["firmware"] == {
        "bootloader": {"bios": {}},
        "uuid": UUID,
        "serial": "VMware-42 15 a3 c0 11 11 22 22-33 33 44 44 55 55 66 66",
    }


@pytest.mark.parametrize("version", RELEASES)
def test_vm_uuid_no_version_gets_a_serial_number_it_refuses(version: str) -> None:
    """Admission before 4.20 takes ``[A-Za-z0-9_.+-]`` only: a VMware serial has spaces."""
    spec, translation = one(vsphere(bare_vm()), of(version))
    serial = spec["domain"]["firmware"]["serial"]
    if version in ("4.18", "4.19"):
        assert re.fullmatch(r"[A-Za-z0-9_.+-]{1,256}", serial)
        assert serial == "VMware-4215a3c011112222-3333444455556666"
        (finding,) = found(translation, "vm.uuid")
        assert finding.category is Category.WARNING
        assert f"characters that OpenShift {version} does not take" in finding.says
        assert "4.20 and later keep the number" in finding.remedy
    else:
        assert " " in serial
        assert found(translation, "vm.uuid") == []


@pytest.mark.parametrize(
    "uuid", [None, "", "42", "x" * 36, "4215a3c0-1111-2222-3333-44445555666\n"]
)
def test_vm_uuid_that_is_none_is_told_and_not_written(uuid: str | None) -> None:
    spec, translation = one(vsphere(bare_vm(uuid=uuid)))
    assert spec["domain"]["firmware"] == {"bootloader": {"bios": {}}}
    assert "no UUID that could be kept" in said(translation, "vm.uuid")[0]


@pytest.mark.parametrize(
    ("machine", "guest", "swapped"),
    [
        ("vmx-19", "debian12_64Guest", True),
        ("vmx-13", "debian12_64Guest", True),
        ("vmx-11", "debian12_64Guest", False),
        ("vmx-11", "windows9Server64Guest", True),
        (None, "debian12_64Guest", False),
        ("vmx-x", "debian12_64Guest", False),
    ],
)
def test_vm_uuid_that_the_guest_reads_otherwise_is_told(
    machine: str | None, guest: str, swapped: bool
) -> None:
    _, translation = one(vsphere(bare_vm(machine=machine, guest_id=guest)))
    told = [each for each in said(translation, "vm.uuid") if "turned round" in each]
    assert bool(told) is swapped


@pytest.mark.parametrize(
    ("own", "of_cluster", "serial", "told"),
    [
        ("vm", None, UUID, False),
        (None, "vm", UUID, False),
        ("custom:DB-0001", "vm", "DB-0001", False),
        (None, "custom:RACK 7", "RACK 7", False),
        ("host", "custom:RACK", UUID, True),
        (None, None, UUID, True),
        ("custom", None, UUID, False),
        ("none", None, UUID, False),
        ("custom:a\nb", None, "ab", False),
        (f"custom:{'x' * 300}", None, "x" * 256, False),
    ],
)
def test_vm_serial_follows_the_policy(
    own: str | None, of_cluster: str | None, serial: str, told: bool
) -> None:
    spec, translation = one(rhv(bare_vm(serial_policy=own), serial_policy=of_cluster), of("4.20"))
    assert spec["domain"]["firmware"]["serial"] == serial
    assert bool(found(translation, "vm.serial")) is told


def test_vm_firmware_efi_has_variables_that_persist() -> None:
    spec, translation = one(vsphere(bare_vm(**EFI)))
    assert spec["domain"]["firmware"]["bootloader"] == {
        "efi": {"secureBoot": False, "persistent": True}
    }
    assert "features" not in spec["domain"]
    entries, volumes = said(translation, "vm.firmware")
    assert "BOOTX64.EFI" in entries
    assert volumes.endswith("of the default StorageClass gold-block")


def test_vm_firmware_without_a_default_class_is_a_warning() -> None:
    block = plain_target().storage_classes[0]
    other = StorageClass(name="gold-block", claim_properties=block.claim_properties)
    translation = translated_inventory(
        vsphere(bare_vm(**EFI)), target=plain_target(storage_classes=(other,))
    )
    assert [each.category for each in found(translation, "vm.firmware")] == [
        Category.WARNING,
        Category.INFORMATION,
    ]


@pytest.mark.parametrize("make", [vsphere, rhv])
@pytest.mark.parametrize("version", RELEASES)
def test_vm_secure_boot_comes_with_smm(make: Any, version: str) -> None:
    """KubeVirt refuses secure boot without System Management Mode."""
    spec, translation = one(make(bare_vm(**EFI, secure_boot=True)), of(version))
    assert spec["domain"]["firmware"]["bootloader"]["efi"]["secureBoot"] is True
    assert spec["domain"]["features"]["smm"] == {"enabled": True}
    assert "tpm" not in spec["domain"]["devices"]
    assert "keys and hashes" in said(translation, "vm.secure-boot")[0]


def test_vm_secure_boot_needs_efi() -> None:
    made = domain(vsphere(bare_vm(secure_boot=True)))
    assert made["firmware"]["bootloader"] == {"bios": {}}
    assert "features" not in made


@pytest.mark.parametrize("make", [vsphere, rhv])
@pytest.mark.parametrize("version", RELEASES)
def test_vm_tpm_is_persistent_and_empty(make: Any, version: str) -> None:
    spec, translation = one(make(bare_vm(**EFI, has_vtpm=True)), of(version))
    assert spec["domain"]["devices"]["tpm"] == {"persistent": True}
    (finding,) = found(translation, "vm.tpm")
    assert finding.category is Category.WARNING
    assert "BitLocker" in finding.says
    assert finding.holds_back == ()


def test_vm_nvram_and_vm_firmware_state_change_no_manifest() -> None:
    without = domain(rhv(bare_vm(**EFI)))
    spec, translation = one(
        rhv(bare_vm(**EFI, nvram="[gold] a/a.nvram", firmware_state="private/vc1/a.json"))
    )
    assert spec["domain"] == without
    assert "private/vc1/a.json" in reported(translation, "vm.firmware-state")[0]


def test_many_vms_are_one_finding() -> None:
    vms = [bare_vm(id=f"vm-{n}", name=f"web{n}", has_vtpm=True, **EFI) for n in range(1, 10)]
    translation = translated_inventory(vsphere(*vms))
    (finding,) = found(translation, "vm.tpm")
    assert (finding.ref, finding.name) == ("", "9 VMs")
    assert finding.says.endswith("web1, web2, web3, web4, web5, web6 and 3 more")
