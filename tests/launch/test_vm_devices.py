"""Devices of a manifest beyond disks and network cards: honoured, or said."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from mtv.errors import LaunchError
from mtv.launch.domain import Domain, domain_xml
from mtv.tasks import DiskImage
from tests.launch.manifests import VOLUME, domain_of, plain_vm

IMAGE = DiskImage(volume=VOLUME, path="/runs/w1/disk-0.qcow2", format="qcow2")


def domain(disk: dict[str, Any] | None = None, **devices: Any) -> Domain:
    manifest = plain_vm()
    hardware = domain_of(manifest)["devices"]
    hardware |= devices
    hardware["disks"][0] |= disk or {}
    return domain_xml(manifest, (IMAGE,), accel="kvm", console=Path("/runs/w1/console"))


def test_a_tablet_brings_usb_and_random_numbers_come_from_this_machine() -> None:
    inputs = [{"name": "tablet", "type": "tablet", "bus": "usb"}]
    root = etree.fromstring(domain(inputs=inputs, rng={}).xml)
    assert root.xpath("devices/controller[@type='usb']/@model") == ["qemu-xhci"]
    assert root.xpath("devices/input[@type='tablet']/@bus") == ["usb"]
    assert root.xpath("devices/rng/backend/text()") == ["/dev/urandom"]


def test_without_a_tablet_there_is_no_usb() -> None:
    root = etree.fromstring(domain().xml)
    assert root.xpath("devices/controller[@type='usb']/@model") == ["none"]
    assert root.xpath("devices/rng") == []


def test_a_read_only_disk_is_one_here_too() -> None:
    made = domain({"disk": {"bus": "virtio", "readonly": True}})
    assert etree.fromstring(made.xml).xpath("count(devices/disk/readonly)") == 1


@pytest.mark.parametrize(
    ("disk", "devices", "caveat"),
    [
        ({"shareable": True}, {}, "no other VM has the shared disk here"),
        ({"cache": "writethrough"}, {}, "a disk's cache is the launcher's, not writethrough"),
        ({"errorPolicy": "report"}, {}, "a disk's error pauses the guest here"),
        ({}, {"sound": {"name": "sound", "model": "ich9"}}, "there is no sound device here"),
        ({}, {"watchdog": {"name": "w", "i6300esb": {"action": "reset"}}}, "no watchdog looks"),
        ({}, {"clientPassthrough": {}}, "no USB device is redirected here"),
        ({}, {"autoattachGraphicsDevice": False}, "the guest has a screen here"),
        ({}, {"gpus": [{"name": "gpu-1", "deviceName": "a.b/c"}]}, "left out here"),
        ({}, {"hostDevices": [{"name": "device-1", "deviceName": "a.b/c"}]}, "left out here"),
    ],
)
def test_what_is_not_honoured_is_said(
    disk: dict[str, Any], devices: dict[str, Any], caveat: str
) -> None:
    assert any(caveat in each for each in domain(disk, **devices).caveats)


def test_nothing_of_a_lun_stays_in_this_machines_cache() -> None:
    manifest = plain_vm()
    disk = domain_of(manifest)["devices"]["disks"][0]
    disk["lun"] = {**disk.pop("disk"), "bus": "scsi"}
    made = domain_xml(manifest, (IMAGE,), accel="kvm", console=Path("/runs/w1/console"))
    root = etree.fromstring(made.xml)
    assert root.xpath("devices/disk/driver/@cache") == ["none"]
    assert root.xpath("devices/disk/target/@bus") == ["scsi"]


def test_a_disk_that_is_a_lun_as_well_is_refused() -> None:
    with pytest.raises(LaunchError, match="both a disk and a LUN"):
        domain({"lun": {"bus": "scsi"}})
